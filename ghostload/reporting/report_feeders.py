"""The report's section on feeders: what they were supplied with, and what was lost, by month and by feeder."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ghostload.dataset import Dataset
from ghostload.reporting import report_tables as tables
from ghostload.reporting.columns import codes, numbers, texts
from ghostload.reporting.page import text
from ghostload.reporting.report_charts import figure, month_ticks
from ghostload.reporting.svg import Axis, Chart, short
from ghostload.schema import FEEDER_ENERGY, FEEDER_READINGS, LOSS_KINDS
from ghostload.streams import FloatArray, IntArray

MOST_FEEDERS = 40
"""How many feeders are listed."""
_TECHNICAL, _STOLEN, _OPEN = "#6B7280", "#AA0055", "#D55E00"

_SEEN = (
    "Supplied is what the meters at the heads of the feeders registered, registered the sum of the customers' meters. "
    "What is between them was lost in lines and transformers, or passed no meter."
)
_TRUE = (
    "Ground truth from the power flow: supplied is what the substations gave, technical loss what lines and "
    "transformers turned into heat, non-technical loss what was drawn and hidden by thefts and faults."
)


def feeder_section(dataset: Dataset, *, truth: bool) -> str:
    """Return the section, or nothing where the data set says nothing of feeders.

    Parameters
    ----------
    dataset : Dataset
    truth : bool
        Whether the true balance may be shown.
    """
    if truth and FEEDER_ENERGY.name in dataset.tables:
        return _true(dataset)
    return _seen(dataset) if FEEDER_READINGS.name in dataset.tables and dataset.months else ""


def _true(dataset: Dataset) -> str:
    table = dataset.tables[FEEDER_ENERGY.name]
    if not table.num_rows:
        return ""
    supplied, hidden = numbers(table, "supplied_kwh"), numbers(table, "non_technical_loss_kwh")
    losses = [numbers(table, f"{name}_loss_kwh") for name in LOSS_KINDS]
    technical = np.sum(losses, axis=0)
    names, feeder = codes(table, "feeder_id")
    months, month = codes(table, "month")
    columns = (supplied, technical, hidden)
    heads = ("supplied, MWh", "technical, MWh", "share", "non-technical, MWh", "share")
    by_month = [_row(months[at], *sums) for at, sums in enumerate(_sums(columns, month, len(months)))]
    where = [
        (text(name.replace("_", " ")), tables.number(kwh.sum() / 1e3, 1), _share(kwh.sum(), supplied.sum()))
        for name, kwh in zip(LOSS_KINDS, losses, strict=True)
    ]
    lowest, unsolved = numbers(table, "lowest_voltage_pu"), numbers(table, "unsolved_hours")
    peak = numbers(table, "peak_kw")
    rows = []
    for at, sums in enumerate(_sums(columns, feeder, len(names))[:MOST_FEEDERS]):
        mine = feeder == at
        more = (np.nanmax(peak[mine]), np.fmin.reduce(lowest[mine]), np.nansum(unsolved[mine]))
        rows.append((*_row(names[at], *sums), *(_known(v, d) for v, d in zip(more, (0, 3, 0), strict=True))))
    shares = [("technical", technical, _TECHNICAL, "5 3"), ("non-technical", hidden, _STOLEN, "2 3")]
    lines = [(label, _by(kwh, month, len(months)), colour, dash) for label, kwh, colour, dash in shares]
    chart = _chart([name.replace("-", "") for name in months], _by(supplied, month, len(months)), lines)
    return (
        f'<p class="note truth">{_TRUE}</p><div class="grid"><div>'
        + tables.table("Technical loss by where it is lost", ("lost in", "MWh", "of supplied"), where, numbers=2)
        + f"</div>{chart}</div>"
        + tables.table("All feeders, month by month", ("month", *heads), by_month, numbers=5)
        + tables.table(_listed(names), ("feeder", *heads, "peak, kW", "lowest, pu", "unsolved, h"), rows, numbers=8)
    )


def _seen(dataset: Dataset) -> str:
    table, transformers = dataset.tables[FEEDER_READINGS.name], dataset.tables["transformers"]
    months = list(dataset.months)
    names, feeder = codes(table, "feeder_id")
    position = {name: at for at, name in enumerate(names)}
    of_unit = np.array([position.get(name, -1) for name in texts(transformers, "feeder_id")], dtype=np.int64)
    home = np.append(of_unit, -1)[dataset.transformer_index]
    registered = np.zeros((len(names), len(months)))
    np.add.at(registered, home[home >= 0], dataset.registered_kwh[home >= 0])
    place = {name: at for at, name in enumerate(months)}
    at = np.array([place.get(name.replace("-", "", 1), -1) for name in texts(table, "month")], dtype=np.int64)
    supplied = np.full(registered.shape, np.nan)
    supplied[feeder[at >= 0], at[at >= 0]] = numbers(table, "registered_kwh")[at >= 0]
    known = np.isfinite(supplied) & np.isfinite(registered)
    if not known.any():
        return ""
    given, got = np.where(known, supplied, 0.0), np.where(known, registered, 0.0)
    heads = ("supplied, MWh", "registered, MWh", "not registered, MWh", "of supplied")
    pairs = zip(months, given.sum(axis=0), got.sum(axis=0), strict=True)
    by_month = [_gap(f"{name[:4]}-{name[4:]}", *both) for name, *both in pairs]
    pairs = zip(names, given.sum(axis=1), got.sum(axis=1), strict=True)
    by_feeder = [_gap(name, *both) for name, *both in pairs][:MOST_FEEDERS]
    lines = [("not registered", (given - got).sum(axis=0), _OPEN, "")]
    return (
        f'<p>{_SEEN}</p><div class="grid"><div>'
        + tables.table("All feeders, month by month", ("month", *heads), by_month, numbers=4)
        + f"</div>{_chart(months, given.sum(axis=0), lines)}</div>"
        + tables.table(_listed(names), ("feeder", *heads), by_feeder, numbers=4)
    )


def _by(values: FloatArray, group: IntArray, count: int) -> FloatArray:
    return np.asarray(np.bincount(group, np.nan_to_num(values), count))


def _sums(columns: Iterable[FloatArray], group: IntArray, count: int) -> list[list[float]]:
    """Return the sums of each group, a row a group."""
    found: list[list[float]] = np.stack([_by(values, group, count) for values in columns], axis=1).tolist()
    return found


def _row(name: str, supplied: float, technical: float, hidden: float) -> tuple[str, ...]:
    cells = [tables.number(supplied / 1e3, 1)]
    for kwh in (technical, hidden):
        cells += [tables.number(kwh / 1e3, 1), _share(kwh, supplied)]
    return (text(name), *cells)


def _gap(name: str, supplied: float, registered: float) -> tuple[str, ...]:
    gap = supplied - registered
    return (text(name), *(tables.number(kwh / 1e3, 1) for kwh in (supplied, registered, gap)), _share(gap, supplied))


def _listed(names: list[str]) -> str:
    return "Feeder by feeder" if len(names) <= MOST_FEEDERS else f"The first {MOST_FEEDERS} of {len(names):,} feeders"


def _share(kwh: float, supplied: float) -> str:
    return tables.percent(float(kwh) / float(supplied), 2) if supplied > 0 else "–"


def _known(value: float, digits: int) -> str:
    return tables.number(float(value), digits) if np.isfinite(value) else "–"


def _chart(months: list[str], supplied: FloatArray, lines: list[tuple[str, FloatArray, str, str]]) -> str:
    """Draw shares of what was supplied, month by month."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [kwh / supplied for _, kwh, _, _ in lines]
    there = np.concatenate([share[np.isfinite(share)] for share in shares])
    if len(months) < 2 or not there.size:
        return ""
    axis = Axis(min(float(there.min()), 0.0), max(1.08 * float(there.max()), 0.001), "of supplied energy")
    percent = tuple((value, f"{short(100 * value)} %") for value, _ in axis.marks())
    chart = Chart(
        Axis(0.0, len(months) - 1.0, "month", ticks=month_ticks(months)),
        Axis(axis.low, axis.high, axis.label, ticks=percent),
        "Share of the supplied energy that was lost, month by month",
    )
    for (name, _, colour, dash), share in zip(lines, shares, strict=True):
        chart.line(np.arange(len(months), dtype=float), share, colour, label=name, dash=dash)
    return figure("Lost energy of the feeders by month", chart.render())
