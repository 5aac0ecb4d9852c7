"""Line charts as plain SVG: no script, no outside request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 340
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 44

COLOURS = ("#0b6cb8", "#d1495b", "#2e8b57", "#b8860b", "#7b4fa3", "#00838f", "#c2570c", "#5d4037", "#ad1457", "#546e7a")
DASHES = ("", "7 3", "2 3", "9 3 2 3")


@dataclass(frozen=True)
class Line:
    """One line: a name, and its points in data units."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: int


def stroke(style: int) -> str:
    """Return the SVG attributes of the n-th line style; colours first, then dashes."""
    dash = DASHES[style // len(COLOURS) % len(DASHES)]
    pattern = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{COLOURS[style % len(COLOURS)]}"{pattern}'


def chart(lines: Sequence[Line], *, title: str, x_label: str, y_label: str, x_end: float, guide: Line) -> str:
    """Return a chart with both axes from 0, in per cent; y ends at 100 %.

    Parameters
    ----------
    lines : sequence of Line
    title, x_label, y_label : str
        Unescaped.
    x_end : float
        Where the x axis ends.
    guide : Line
        Drawn thin and grey behind the others: what chance would do.
    """
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">',
        *_axes(x_end, x_label, y_label),
        _polyline(guide, x_end, 'stroke="#999" stroke-dasharray="3 4"', 1.2),
    ]
    parts += [_polyline(line, x_end, stroke(line.style), 1.8) for line in lines]
    return "\n".join([*parts, "</svg>"])


def _axes(x_end: float, x_label: str, y_label: str) -> list[str]:
    parts = []
    for step in range(6):
        part = step / 5
        x, y = _x(part), _y(part)
        parts.append(f'<line x1="{x:.1f}" y1="{_y(0):.1f}" x2="{x:.1f}" y2="{_y(1):.1f}" class="grid"/>')
        parts.append(f'<line x1="{_x(0):.1f}" y1="{y:.1f}" x2="{_x(1):.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{x:.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle">{100 * part * x_end:g}%</text>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * part:g}%</text>')
    middle = (_y(0) + _y(1)) / 2
    parts.append(f'<text x="{_x(0.5):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>')
    turn = f'transform="rotate(-90 14 {middle:.1f})"'
    parts.append(f'<text x="14" y="{middle:.1f}" text-anchor="middle" {turn}>{escape(y_label)}</text>')
    return parts


def _polyline(line: Line, x_end: float, style: str, width: float) -> str:
    points = " ".join(f"{_x(x / x_end):.1f},{_y(y):.1f}" for x, y in zip(line.x, line.y, strict=True))
    title = f"<title>{escape(line.name)}</title>"
    return f'<polyline points="{points}" fill="none" {style} stroke-width="{width:g}">{title}</polyline>'


def _x(part: float) -> float:
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def _y(part: float) -> float:
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
