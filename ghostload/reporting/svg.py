"""Charts as plain SVG: no script, no outside request, and a description for those who do not see them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ghostload.reporting.page import text
from ghostload.streams import FloatArray

Ticks = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes
    ----------
    low, high : float
        Ends, in data units; positive on a log axis.
    label : str
        With its unit.
    log : bool
    ticks : tuple of (value, label), optional
        Not given: round numbers.
    """

    low: float
    high: float
    label: str = ""
    log: bool = False
    ticks: Ticks | None = None

    def place(self, values: FloatArray | float) -> FloatArray:
        """Return where values stand, 0 at the low end and 1 at the high one."""
        array = np.asarray(values, dtype=np.float64)
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                share: FloatArray = (np.log(array) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
            return share
        return (array - self.low) / ((self.high - self.low) or 1.0)

    def marks(self) -> Ticks:
        """Return the ticks: those given, else round numbers within the ends."""
        if self.ticks is not None:
            return self.ticks
        values = log_ticks(self.low, self.high) if self.log else round_ticks(self.low, self.high)
        return tuple((value, short(value)) for value in values)


def round_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about ``count`` round numbers from low to high."""
    span = max(high - low, 1e-12)
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= span / count * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 3, 10, 30 ... between low and high; powers of ten alone when these are many."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1.0, 3.0) if len(exponents) <= 6 else (1.0,)
    return [m * 10.0**e for e in exponents for m in steps if low * 0.999 <= m * 10.0**e <= high * 1.001]


def short(value: float) -> str:
    """Return a number as it stands on an axis: 2,500, 12 k, 1.5 M, 0.35."""
    for limit, divisor, unit in ((1e9, 1e9, " G"), (1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if abs(value) >= limit:
            return f"{value / divisor:.3g}{unit}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


class Chart:
    """A chart that is filled mark by mark and then rendered.

    Parameters
    ----------
    x, y : Axis
    title : str
        What it shows, in a sentence; read aloud by screen readers.
    width, height : int
        Size of the drawing in CSS pixels; the page scales it.
    small : bool
        For small multiples: narrow margins, few labels.
    """

    def __init__(
        self, x: Axis, y: Axis, title: str, *, width: int = 520, height: int = 270, small: bool = False
    ) -> None:
        self.x, self.y, self.title = x, y, title
        self.width, self.height = width, height
        self.left, self.right, self.top, self.bottom = (38, 6, 6, 17) if small else (54, 12, 12, 42)
        self._back: list[str] = []
        self._marks: list[str] = []
        self._legend: list[tuple[str, str]] = []

    def _px(self, values: FloatArray | Sequence[float]) -> FloatArray:
        return self.left + self.x.place(np.asarray(values, float)) * (self.width - self.left - self.right)

    def _py(self, values: FloatArray | Sequence[float]) -> FloatArray:
        return (
            self.height - self.bottom - self.y.place(np.asarray(values, float)) * (self.height - self.top - self.bottom)
        )

    def line(
        self, xs: FloatArray, ys: FloatArray, colour: str, *, label: str = "", width: float = 1.8, dash: str = ""
    ) -> None:
        """Draw a line; it breaks where a value is missing."""
        pattern = f' stroke-dasharray="{dash}"' if dash else ""
        look = f'fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{pattern}'
        self._marks.append(f'<path d="{_path(self._px(xs), self._py(ys))}" {look}/>')
        self._name(label, colour)

    def steps(self, edges: FloatArray, heights: FloatArray, colour: str, *, label: str = "") -> None:
        """Draw a histogram as an outline over a pale fill."""
        xs = np.repeat(edges, 2)
        ys = np.concatenate([[self.y.low], np.repeat(heights, 2), [self.y.low]])
        path = _path(self._px(xs), self._py(ys))
        look = f'fill="{colour}" fill-opacity="0.13" stroke="{colour}" stroke-width="1.6" stroke-linejoin="round"'
        self._marks.append(f'<path d="{path}" {look}/>')
        self._name(label, colour)

    def bars(self, lows: FloatArray, highs: FloatArray, heights: FloatArray, colour: str, *, gap: float = 1.0) -> None:
        """Draw a bar for each count, with a hair of paper between neighbours."""
        x0, x1, y0 = self._px(lows), self._px(highs), self._py(np.full(len(heights), self.y.low))
        y1 = self._py(heights)
        for left, right, base, top in zip(x0, x1, y0, y1, strict=True):
            if base - top > 0:
                size = f'width="{_n(max(right - left - gap, 0.8))}" height="{_n(base - top)}"'
                self._marks.append(f'<rect x="{_n(left + gap / 2)}" y="{_n(top)}" {size} fill="{colour}"/>')

    def band(self, xs: FloatArray, lows: FloatArray, highs: FloatArray, colour: str) -> None:
        """Draw a pale band between two lines, behind everything else."""
        there = np.isfinite(lows) & np.isfinite(highs)
        px = self._px(xs[there])
        across = np.concatenate([px, px[::-1]])
        down = np.concatenate([self._py(lows[there]), self._py(highs[there])[::-1]])
        self._back.append(f'<path d="{_path(across, down)}Z" fill="{colour}" fill-opacity="0.14"/>')

    def span(self, low: float, high: float, colour: str, *, opacity: float = 0.16) -> None:
        """Shade a range of x over the whole height, behind everything else."""
        left, right = self._px([low, high])
        top, base = self.top, self.height - self.bottom
        look = f'fill="{colour}" fill-opacity="{opacity}"'
        size = f'width="{_n(right - left)}" height="{_n(base - top)}"'
        self._back.append(f'<rect x="{_n(left)}" y="{top}" {size} {look}/>')

    def upright(self, value: float, colour: str, *, label: str = "", dash: str = "4 3") -> None:
        """Draw an upright line, with a word at its top."""
        at = float(self._px([value])[0])
        ends = f'x1="{_n(at)}" x2="{_n(at)}" y1="{self.top}" y2="{self.height - self.bottom}"'
        self._marks.append(f'<line {ends} stroke="{colour}" stroke-width="1.2" stroke-dasharray="{dash}"/>')
        if label:
            self._marks.append(f'<text x="{_n(at + 4)}" y="{self.top + 10}" fill="{colour}">{text(label)}</text>')

    def range(self, low: float, high: float, y: float, colour: str, *, label: str = "") -> None:
        """Draw a thick bar from low to high at one y: a range that something should fall into."""
        left, right = self._px([low, high])
        at = float(self._py([y])[0])
        ends = f'x1="{_n(left)}" x2="{_n(right)}" y1="{_n(at)}" y2="{_n(at)}"'
        self._back.append(f'<line {ends} stroke="{colour}" stroke-width="8" stroke-opacity="0.45"/>')
        self._name(label, colour)

    def dots(self, xs: FloatArray, ys: FloatArray, colour: str, *, radius: float = 3.2) -> None:
        """Draw dots."""
        for at, up in zip(self._px(xs), self._py(ys), strict=True):
            self._marks.append(f'<circle cx="{_n(at)}" cy="{_n(up)}" r="{radius}" fill="{colour}"/>')

    def words(self, x: float, y: float, content: str, colour: str, *, dx: float = 0.0, anchor: str = "start") -> None:
        """Write beside a point."""
        at, up = float(self._px([x])[0]) + dx, float(self._py([y])[0]) + 4
        self._marks.append(
            f'<text x="{_n(at)}" y="{_n(up)}" fill="{colour}" text-anchor="{anchor}">{text(content)}</text>'
        )

    def render(self) -> str:
        """Return the SVG element, with its legend beneath when there is one."""
        box = f'viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{text(self.title)}"'
        inside = "\n".join([*self._frame(), *self._back, *self._marks])
        return f"<svg {box}>\n{inside}\n</svg>{self._key()}"

    def _name(self, label: str, colour: str) -> None:
        if label and (label, colour) not in self._legend:
            self._legend.append((label, colour))

    def _key(self) -> str:
        items = (f'<li><i style="background:{colour}"></i>{text(label)}</li>' for label, colour in self._legend)
        return f'<ul class="key">{"".join(items)}</ul>' if self._legend else ""

    def _frame(self) -> list[str]:
        base, right = self.height - self.bottom, self.width - self.right
        parts = [f'<line class="axis" x1="{self.left}" x2="{right}" y1="{base}" y2="{base}"/>']
        for value, label in self.y.marks():
            at = float(self._py([value])[0])
            parts.append(f'<line class="grid" x1="{self.left}" x2="{right}" y1="{_n(at)}" y2="{_n(at)}"/>')
            parts.append(f'<text x="{self.left - 6}" y="{_n(at + 3.5)}" text-anchor="end">{text(label)}</text>')
        for value, label in self.x.marks():
            at = float(self._px([value])[0])
            parts.append(f'<line class="axis" x1="{_n(at)}" x2="{_n(at)}" y1="{base}" y2="{base + 4}"/>')
            anchor = "end" if at > right - 8 else "middle"
            parts.append(f'<text x="{_n(at)}" y="{base + 15}" text-anchor="{anchor}">{text(label)}</text>')
        if self.x.label:
            middle = (self.left + right) / 2
            look = f'class="name" x="{_n(middle)}" y="{self.height - 6}" text-anchor="middle"'
            parts.append(f"<text {look}>{text(self.x.label)}</text>")
        if self.y.label:
            turn = f'transform="translate(13 {_n((self.top + base) / 2)}) rotate(-90)"'
            parts.append(f'<text class="name" {turn} text-anchor="middle">{text(self.y.label)}</text>')
        return parts


def _path(xs: FloatArray, ys: FloatArray) -> str:
    """Return path commands; the pen lifts where a number is missing."""
    parts, down = [], False
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        there = math.isfinite(x) and math.isfinite(y)
        if there:
            parts.append(f"{'L' if down else 'M'}{_n(x)} {_n(y)}")
        down = there
    return "".join(parts)


def _n(value: float) -> str:
    """Return a coordinate to a tenth of a pixel."""
    return f"{float(value):.1f}".removesuffix(".0")
