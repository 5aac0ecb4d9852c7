"""Sample series of the report: some meters of each class, and some of each kind of event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ghostload.reporting.columns import texts
from ghostload.reporting.page import text
from ghostload.reporting.report_charts import colour_of, figure, month_axis
from ghostload.reporting.summary import Summary
from ghostload.reporting.svg import Axis, Chart, round_ticks, short
from ghostload.reporting.truth import Truth, TruthRow, month_number
from ghostload.streams import IntArray

FAMILY_COLOURS = {"theft": "#D81B60", "fault": "#00695C", "benign": "#5B6673"}
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_EACH_KIND = 5


def samples_by_class(summary: Summary) -> str:
    """Return, for each class, the meters at the 5, 25, 50, 75 and 95 % quantile of mean energy."""
    if not summary.dataset.months:
        return ""
    ids = texts(summary.dataset.tables["meters"], "meter_id")
    parts = []
    for number, name in enumerate(summary.classes):
        chosen = _at_quantiles(summary, number)
        drawn = [
            _panel(summary, meter, f"{ids[meter]}", f"{level:.0%} quantile, {summary.mean_kwh[meter]:,.0f} kWh", number)
            for level, meter in chosen
        ]
        parts.append(
            f'<h3>{text((name or "no class given").capitalize())}</h3>\n<div class="multiples">{"".join(drawn)}</div>'
        )
    return "\n".join(parts)


def samples_by_kind(summary: Summary, truth: Truth) -> str:
    """Return, for each kind of event, meters that have it, from small to large losses; the event is shaded."""
    if not summary.dataset.months:
        return ""
    ids = texts(summary.dataset.tables["meters"], "meter_id")
    parts = []
    for family, kind in truth.kinds:
        rows = _spread([r for r in truth.rows if (r.family, r.kind) == (family, kind)], summary.dataset.months)
        drawn = [
            _panel(summary, r.meter, ids[r.meter], _told(summary, r), int(summary.meter_class[r.meter]), event=r)
            for r in rows
        ]
        label = "look-alike" if family == "benign" else family
        parts.append(
            f'<h3>{text(kind)} <span class="quiet">({label})</span></h3>\n<div class="multiples">{"".join(drawn)}</div>'
        )
    return "\n".join(parts)


def _at_quantiles(summary: Summary, number: int) -> list[tuple[float, int]]:
    members = np.flatnonzero(summary.in_class(number) & np.isfinite(summary.mean_kwh))
    ranked = members[np.argsort(summary.mean_kwh[members], kind="stable")]
    places = [(level, round(level * (len(ranked) - 1))) for level in _LEVELS] if len(ranked) else []
    seen = {place: level for level, place in reversed(places)}
    return [(level, int(ranked[place])) for place, level in sorted(seen.items())]


def _spread(rows: Sequence[TruthRow], months: Sequence[str]) -> list[TruthRow]:
    """Pick some rows from the smallest to the largest loss, those that start within the data before the others."""
    first, last = month_number(months[0]), month_number(months[-1])
    inside = [
        r for r in rows if r.start is not None and first is not None and last is not None and first < r.start <= last
    ]
    pool = inside if len(inside) >= _EACH_KIND else list(rows)
    ranked = sorted(pool, key=lambda r: (r.lost_kwh if np.isfinite(r.lost_kwh) else -1.0, r.meter))
    places: IntArray = np.unique(
        np.rint(np.linspace(0, len(ranked) - 1, min(_EACH_KIND, len(ranked)))).astype(np.int64)
    )
    return [ranked[i] for i in places.tolist()]


def _told(summary: Summary, row: TruthRow) -> str:
    words = [summary.classes[summary.meter_class[row.meter]] or "no class given"]
    if row.start is not None:
        words.append(f"from {row.start // 12}-{row.start % 12 + 1:02d}")
    if row.end is not None:
        words.append(f"to {row.end // 12}-{row.end % 12 + 1:02d}")
    if row.lost_kwh > 0:
        words.append(f"{row.lost_kwh:,.0f} kWh lost")
    return ", ".join(words)


def _panel(summary: Summary, meter: int, title: str, note: str, number: int, event: TruthRow | None = None) -> str:
    months, kwh = summary.dataset.months, summary.kwh[meter]
    present = kwh[np.isfinite(kwh)]
    top = float(present.max(initial=0.0)) * 1.1 or 1.0
    low = min(float(present.min(initial=0.0)) * 1.1, 0.0)
    ticks = tuple((v, short(v)) for v in round_ticks(low, top, 3))
    words = f"Registered energy of {title} by month, kWh: {note}"
    chart = Chart(month_axis(months), Axis(low, top, ticks=ticks), words, width=240, height=118, small=True)
    if event is not None:
        _shade(chart, event, months)
    chart.line(np.arange(len(months), dtype=float), kwh, colour_of(number))
    if len(months) == 1:
        chart.dots(np.zeros(1), kwh, colour_of(number))
    return figure(title, chart.render(), note)


def _shade(chart: Chart, event: TruthRow, months: Sequence[str]) -> None:
    """Shade the event's months, and mark where it starts and ends when that is within the data."""
    colour = FAMILY_COLOURS[event.family]
    first = month_number(months[0]) or 0
    last_place = float(max(len(months) - 1, 1))
    start = -1.0 if event.start is None else event.start - first - 0.5
    end = last_place + 1.0 if event.end is None else event.end - first + 0.5
    visible = np.clip(np.array([start, end]), 0.0, last_place)
    if visible[1] > visible[0]:
        chart.span(float(visible[0]), float(visible[1]), colour)
    for place in (start, end):
        if 0.0 <= place <= last_place:
            chart.upright(place, colour, dash="2 2")
