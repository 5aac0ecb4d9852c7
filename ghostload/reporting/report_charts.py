"""The charts of the report's distributions."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ghostload.reporting.page import text
from ghostload.reporting.realism import RealismRow
from ghostload.reporting.summary import Summary, quiet
from ghostload.reporting.svg import Axis, Chart, Ticks, round_ticks
from ghostload.streams import FloatArray

CLASS_COLOURS = ("#0072B2", "#D55E00", "#7B3294", "#6B7280")
INK = "#37414D"
REFERENCE = "#009E73"
_PERCENT: Ticks = tuple((v / 100, f"{v} %") for v in (0, 25, 50, 75, 100))


def colour_of(number: int) -> str:
    """Return the colour of the class of that number."""
    return CLASS_COLOURS[min(number, len(CLASS_COLOURS) - 1)]


def figure(caption: str, content: str, note: str = "") -> str:
    """Return a chart with its caption; the caption is escaped, the content is markup."""
    small = f"<small>{text(note)}</small>" if note else ""
    return f"<figure><figcaption>{text(caption)}{small}</figcaption>\n{content}\n</figure>"


def distributions(summary: Summary, realism: Sequence[RealismRow]) -> list[str]:
    """Return the figures that the data set allows, in reading order."""
    drawn = [
        _consumption(summary),
        _season(summary),
        _variation(summary, realism),
        _loading(summary),
        _meters_per_transformer(summary),
        _ratings(summary),
    ]
    return [item for item in drawn if item]


def _consumption(summary: Summary) -> str:
    """Draw a histogram of the customers' mean months on a log axis, each class adding up to 1."""
    mean = summary.mean_kwh
    positive = mean[np.isfinite(mean) & (mean > 0)]
    if not positive.size:
        return ""
    low, high = np.quantile(positive, (0.001, 0.999))
    edges = np.geomspace(max(low / 1.3, 1e-3), max(high * 1.3, low * 2), 46)
    shares = [_shares(mean[summary.in_class(i)], edges) for i in range(len(summary.classes))]
    top = max(float(s.max(initial=0.0)) for s in shares)
    chart = Chart(
        Axis(float(edges[0]), float(edges[-1]), "mean registered energy of a meter, kWh a month", log=True),
        Axis(0.0, top * 1.08 or 1.0, "share of the class's meters", ticks=_share_ticks(top)),
        "Histogram of the meters' mean monthly energy on a logarithmic axis, by class",
    )
    for i, share in enumerate(shares):
        chart.steps(edges, share, colour_of(i), label=_named(summary.classes[i]))
    return figure("Consumption by class", chart.render())


def _season(summary: Summary) -> str:
    """Draw the median month over the meters' own means, with the middle half of residential meters."""
    months = summary.dataset.months
    if len(months) < 2:
        return ""
    xs = np.arange(len(months), dtype=float)
    lines = [_column_quantiles(summary.relative[summary.in_class(i)], 0.5) for i in range(len(summary.classes))]
    band = [_column_quantiles(summary.relative[summary.in_class(0)], q) for q in (0.25, 0.75)]
    everything = np.concatenate([*lines, *band])
    there = everything[np.isfinite(everything)]
    if not there.size:
        return ""
    low, high = float(there.min()), float(there.max())
    pad = 0.08 * max(high - low, 0.05)
    chart = Chart(
        Axis(0.0, len(months) - 1.0, "month", ticks=month_ticks(months)),
        Axis(low - pad, high + pad, "month over the meter's own mean"),
        "Median over meters of each month relative to the meter's own mean, by class",
    )
    chart.band(xs, band[0], band[1], colour_of(0))
    for i, line in enumerate(lines):
        chart.line(xs, line, colour_of(i), label=_named(summary.classes[i]))
    return figure("Seasonality", chart.render(), f"median; band: middle half of {_named(summary.classes[0])} meters")


def _variation(summary: Summary, realism: Sequence[RealismRow]) -> str:
    """Draw the distribution of the months' variation, with the ranges of real sets at their quantiles."""
    cv = summary.cv
    if not np.isfinite(cv).any():
        return ""
    found = {row.name: row for row in realism}
    ranges = [(int(m[1]) / 100, found[m[0]]) for m in (re.fullmatch(r"cv_p(\d+)", name) for name in found) if m]
    end = max(float(np.nanquantile(cv, 0.99)), *(row.high * 1.05 for _, row in ranges), 0.1)
    chart = Chart(
        Axis(0.0, end, "coefficient of variation of a meter's months"),
        Axis(0.0, 1.0, "share of meters below", ticks=_PERCENT),
        "Cumulative share of meters by the coefficient of variation of their months, with ranges of real sets",
    )
    for share, row in ranges:
        chart.range(row.low, row.high, share, REFERENCE, label="real households, range of four sets")
    for i, name in enumerate(summary.classes):
        values = np.sort(cv[summary.in_class(i)])
        values = values[np.isfinite(values)]
        if values.size:
            at = np.linspace(0.0, 1.0, min(values.size, 200))
            found_at = np.quantile(values, at)
            inside = found_at <= end
            chart.line(found_at[inside], at[inside], colour_of(i), label=_named(name))
    return figure("How much a customer's months vary", chart.render())


def _loading(summary: Summary) -> str:
    loading = 100 * summary.loading_pu
    known = loading[np.isfinite(loading)]
    if not known.size:
        return ""
    end = max(150.0, float(np.ceil(known.max() / 10) * 10))
    step = 5.0 if end <= 300 else end / 60
    edges = np.arange(0.0, end + step, step)
    counts = np.histogram(np.minimum(known, edges[-1]), edges)[0].astype(float)
    chart = Chart(
        Axis(0.0, float(edges[-1]), "diversified peak over capacity, %"),
        Axis(0.0, max(float(counts.max()) * 1.12, 1.0), "transformers"),
        "Histogram of the transformers' loading in per cent of their capacity",
    )
    chart.span(30.0, 110.0, REFERENCE, opacity=0.09)
    chart.bars(edges[:-1], edges[1:], counts, INK)
    chart.upright(100.0, "#A3132B", label="100 %")
    inside = float(((known >= 30) & (known <= 110)).mean())
    return figure("Transformer loading", chart.render(), f"shaded: 30 to 110 %, where {inside:.0%} of them are")


def _meters_per_transformer(summary: Summary) -> str:
    counts = summary.meters_per_transformer
    if not counts.size:
        return ""
    step = max(1, int(np.ceil((counts.max() + 1) / 45)))
    edges = np.arange(0, counts.max() + 1 + step, step, dtype=float)
    heights = np.histogram(counts, edges)[0].astype(float)
    chart = Chart(
        Axis(0.0, float(edges[-1]), "meters on a transformer"),
        Axis(0.0, float(heights.max()) * 1.12, "transformers"),
        "Histogram of the number of meters on a transformer",
    )
    chart.bars(edges[:-1], edges[1:], heights, INK)
    note = f"median {np.median(counts):g}, from {counts.min()} to {counts.max()}"
    return figure("Meters per transformer", chart.render(), note)


def _ratings(summary: Summary) -> str:
    ratings, counts = np.unique(summary.capacity_kva[np.isfinite(summary.capacity_kva)], return_counts=True)
    if not ratings.size or ratings.size > 40:
        return ""
    at = np.arange(len(ratings), dtype=float)
    chart = Chart(
        Axis(
            -0.5,
            len(ratings) - 0.5,
            "rated power, kVA",
            ticks=tuple((float(i), f"{r:g}") for i, r in enumerate(ratings)),
        ),
        Axis(0.0, float(counts.max()) * 1.12, "transformers"),
        "Number of transformers by rated power",
    )
    chart.bars(at - 0.4, at + 0.4, counts.astype(float), INK)
    return figure("Transformer ratings", chart.render())


def gauge(row: RealismRow) -> str:
    """Return a strip that shows a value against its range: the range fills the middle third."""
    if row.measured is None or not np.isfinite(row.measured):
        return ""
    width = (row.high - row.low) or abs(row.high) or 1.0
    place = min(max((row.measured - row.low) / width, -0.95), 1.95)
    at = 60.0 * (1.0 + place)
    colour = "#1B6E3C" if row.inside else "#A34A00"
    beyond = abs(place - 0.5) > 1.44
    label = f"{row.measured:.3g} against {row.low:.3g} to {row.high:.3g}"
    arrow = (" ‹" if place < 0 else " ›") if beyond else ""
    return (
        f'<svg viewBox="0 0 180 16" role="img" aria-label="{text(label)}">'
        '<line x1="0" x2="180" y1="8" y2="8" stroke="#E1E5EA" stroke-width="2"/>'
        f'<line x1="60" x2="120" y1="8" y2="8" stroke="{REFERENCE}" stroke-opacity="0.45" stroke-width="8"/>'
        f'<circle cx="{at:.1f}" cy="8" r="4.5" fill="{colour}"/><title>{text(label + arrow)}</title></svg>'
    )


def month_axis(months: Sequence[str], *, label: str = "") -> Axis:
    """Return the x axis of a series: one step a month."""
    return Axis(0.0, max(len(months) - 1.0, 1.0), label, ticks=month_ticks(months, 2))


def month_ticks(months: Sequence[str], most: int = 6) -> Ticks:
    """Return the ticks of an axis of months, no more than ``most``."""
    every = max(1, -(-len(months) // most))
    return tuple((float(i), f"{m[:4]}-{m[4:]}") for i, m in enumerate(months) if i % every == 0)


def _shares(values: FloatArray, edges: FloatArray) -> FloatArray:
    inside = values[np.isfinite(values) & (values > 0)]
    counts = np.histogram(np.clip(inside, edges[0], edges[-1]), edges)[0]
    return counts / max(len(inside), 1)


def _share_ticks(top: float) -> Ticks:
    return tuple((v, f"{100 * v:.3g} %") for v in round_ticks(0.0, top or 1.0, 4))


def _column_quantiles(values: FloatArray, q: float) -> FloatArray:
    """(months,) quantile over the meters that have the month."""
    return quiet(np.nanquantile, values, q, axis=0)


def _named(class_name: str) -> str:
    return class_name or "no class given"
