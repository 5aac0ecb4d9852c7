"""``generation_report.txt``: what is in a data set, in figures, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ghostload import __version__
from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.dataset.dataset import Dataset
from ghostload.export.base import Exporter, ExportJob, register
from ghostload.export.cells import batches, placed
from ghostload.export.registered import Registered, floats, registered
from ghostload.export.served import Served
from ghostload.schema import FAMILIES, RISK_BANDS
from ghostload.scratch import Scratch
from ghostload.streams import FloatArray

Row = Sequence[str]
MOST_UNSOLVED = 20
"""Months of feeders that are named."""
_ENERGIES = (
    ("supplied by the substations", "supplied_kwh"),
    ("drawn by customers", "true_kwh"),
    ("lost in medium-voltage lines", "mv_line_loss_kwh"),
    ("lost in transformers without load", "transformer_no_load_loss_kwh"),
    ("lost in transformers by their load", "transformer_load_loss_kwh"),
    ("lost in low-voltage mains", "lv_main_loss_kwh"),
    ("lost in service drops", "service_drop_loss_kwh"),
    ("registered by meters", "registered_kwh"),
    ("not registered because of events", "non_technical_loss_kwh"),
)


@register
class ReportExporter(Exporter):
    """Counts, rates, shares and statistics as text."""

    name = "report"

    def write(self, job: ExportJob) -> None:
        """Write ``generation_report.txt``."""
        with job.sink.open("generation_report.txt") as file:
            file.write(report_text(job.dataset, job.validation, job.scratch).encode())


def report_text(dataset: Dataset, validation: Any = None, scratch: Scratch | None = None) -> str:
    """Return the report.

    Parameters
    ----------
    dataset : Dataset
    validation : ValidationReport, optional
        What the checks say of it.
    scratch : Scratch, optional
        Takes arrays that are as long as there are meters.
    """
    scratch = scratch or Scratch()
    found = registered(dataset, scratch)
    sections = [
        _section("Counts", _aligned(_counts(dataset))),
        _section("Customers: registered kWh a month, over the customers of a class", _classes(dataset, found)),
        _section("Registered energy by month, MWh", _months(dataset, found)),
        _section("Theft", _thefts(dataset, found, scratch)),
        _section("Faults and look-alikes", _look_alikes(dataset)),
        _section("Transformers", _aligned(_transformers(dataset, found.class_index, scratch))),
        *_power_flow(dataset),
        _section("Validation", _validation(validation)),
    ]
    return f"ghostload {__version__}: generation report\n\n" + "\n".join(sections)


def _section(title: str, lines: Iterable[str]) -> str:
    return f"{title}\n" + "".join(f"  {line}".rstrip() + "\n" for line in lines)


def _aligned(rows: Iterable[Row], head: Row = ()) -> list[str]:
    """Return rows as lines: the first column to the left, the others to the right."""
    table = ([head] if head else []) + list(rows)
    widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))] if table else []
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]


def _counts(dataset: Dataset) -> list[Row]:
    months, config = dataset.months, dataset.config
    tables = dataset.tables
    span = f"{months[0][:4]}-{months[0][4:]} to {months[-1][:4]}-{months[-1][4:]}" if months else "none"
    rows: list[Row] = [
        ("meters", _whole(dataset.num_meters)),
        ("transformers", _whole(tables["transformers"].num_rows)),
        ("feeders", _whole(_distinct(tables["transformers"], "feeder_id"))),
        ("barangays with meters", _whole(_distinct(tables["meters"], "barangay"))),
        ("months", f"{len(months)} ({span})"),
    ]
    if config is not None:
        rows += [("random seed", str(config.random_seed)), ("difficulty", config.difficulty)]
    return rows


def _classes(dataset: Dataset, found: Registered) -> list[str]:
    shares = dataset.config.customer_classes if dataset.config is not None else {}
    rows = []
    for name, mine in zip(CUSTOMER_CLASSES, found.classes, strict=True):
        rows.append(
            (
                name,
                _whole(mine.meters),
                _percent(mine.meters / max(1, dataset.num_meters)),
                _percent(shares[name]) if name in shares else "-",
                *(f"{value:,.1f}" for value in (mine.mean, mine.p5, mine.p50, mine.p95)),
                _percent(mine.zeros / max(1, mine.meters * len(dataset.months))),
            )
        )
    return _aligned(rows, ("class", "meters", "share", "asked", "mean", "p5", "p50", "p95", "zero months"))


def _months(dataset: Dataset, found: Registered) -> list[str]:
    months = zip(dataset.months, found.month_kwh, strict=True)
    return _aligned([(f"{month[:4]}-{month[4:]}", f"{kwh / 1000:,.1f}") for month, kwh in months])


def _thefts(dataset: Dataset, found: Registered, scratch: Scratch) -> list[str]:
    labels, count = dataset.tables["anomaly_labels"], dataset.num_meters
    thieves = labels.num_rows
    rows = [("meters with theft", _whole(thieves)), ("rate", _percent(thieves / max(1, count)))]
    if dataset.config is not None:
        rows.append(("rate asked", _percent(dataset.config.anomaly_rate)))
    events = dataset.tables.get("anomaly_events")
    if events is not None:
        lost, seen = _stolen_kwh(events, scratch), sum(found.month_kwh)
        rows.append(("energy lost to it", f"{lost / 1000:,.1f} MWh"))
        rows.append(("share of what was drawn", _percent(lost / (lost + seen) if lost + seen > 0 else 0.0)))
    bands = _tally(labels, "risk_band")
    kinds = _tally(labels, "anomaly_type")
    lines = _aligned(rows)
    lines += ["", *_aligned([(f"risk {band}", _whole(n), _percent(n / max(1, thieves))) for band, n in _bands(bands)])]
    if kinds:
        lines += ["", *_aligned([(kind, _whole(n), _percent(n / thieves)) for kind, n in kinds.items()])]
    return lines


def _stolen_kwh(events: pa.Table, scratch: Scratch) -> float:
    """Return what all thefts together take."""
    kwh, done = scratch.zeros(events.num_rows), 0
    for batch in batches(events.select(["family", "lost_kwh"])):
        lost = floats(batch.column("lost_kwh").filter(pc.equal(batch.column("family"), FAMILIES[0])))
        kwh[done : done + len(lost)] = lost
        done += len(lost)
    return float(kwh[:done].sum())


def _bands(found: dict[str, int]) -> list[tuple[str, int]]:
    return [(band, found.get(band, 0)) for band in RISK_BANDS]


def _look_alikes(dataset: Dataset) -> list[str]:
    events, count = dataset.tables.get("anomaly_events"), max(1, dataset.num_meters)
    if events is None:
        return ["not known: there is no table of events"]
    rows = []
    for family in FAMILIES[1:]:
        found = _tally(events, "kind", family=family)
        rows += [(family, kind, _whole(n), _percent(n / count)) for kind, n in found.items()]
    return _aligned(rows, ("family", "kind", "events", "of meters")) if rows else ["none"]


def _transformers(dataset: Dataset, class_index: NDArray[np.int8], scratch: Scratch) -> list[Row]:
    capacity, served = floats(dataset.tables["transformers"]["capacity_kVA"]), Served(dataset, scratch)
    meters, loading = served.counts, _loading_pu(dataset, served, class_index, capacity, scratch)
    rows: list[Row] = [("total capacity", f"{capacity.sum():,.1f} kVA")]
    if not meters.size:
        return rows
    rows.append(("meters each: least, median, most", f"{meters.min()}, {np.median(meters):g}, {meters.max()}"))
    if loading.size:
        p5, p50, p95 = np.percentile(loading, [5, 50, 95])
        inside = np.mean((loading >= 0.3) & (loading <= 1.1))
        rows.append(("peak loading: p5, p50, p95", f"{_percent(p5)}, {_percent(p50)}, {_percent(p95)}"))
        rows.append(("peak loading within 30 to 110 %", _percent(float(inside))))
    return rows


def _power_flow(dataset: Dataset) -> list[str]:
    """Return the section on the energy balances, where there are any."""
    table, config = dataset.tables.get("feeder_energy"), dataset.config
    if table is None or config is None or not table.num_rows:
        return []
    given = floats(table["supplied_kwh"]).sum()
    if config.interval is None:
        how = "four representative days of each month, hour by hour, weighted by the days that each stands for"
    else:
        how = f"every interval of {config.interval}"
    share = [("", "MWh", "of what the substations gave")]
    for text, name in _ENERGIES:
        kwh = floats(table[name]).sum()
        share.append((text, f"{kwh / 1000:,.1f}", _percent(kwh / given if given > 0 else 0.0)))
    lines = [f"power flow solved for {how}", *_unsolved(table), *_aligned(share[1:], share[0])]
    return [_section("Energy balance", lines)]


def _unsolved(table: pa.Table) -> list[str]:
    """Name feeders and months with hours that the power flow has no solution for, in which nothing is lost."""
    rows = table.select(["feeder_id", "month", "unsolved_hours"]).filter(pc.greater(table["unsolved_hours"], 0.0))
    named = [
        f"{row['feeder_id']} {row['month']}: {row['unsolved_hours']:.2f}"
        for row in rows.slice(0, MOST_UNSOLVED).to_pylist()
    ]
    more = [f"and {rows.num_rows - len(named)} more"] if rows.num_rows > len(named) else []
    return [f"hours without a solution, in which nothing is lost: {', '.join([*named, *more])}"] if named else []


def _loading_pu(
    dataset: Dataset, served: Served, class_index: NDArray[np.int8], capacity_kva: FloatArray, scratch: Scratch
) -> FloatArray:
    """Return the diversified peak of each transformer over its capacity, where both can be told."""
    from ghostload.territory.capacity import diversified_peak_kva

    kva, peak = scratch.zeros(dataset.num_meters), np.zeros(len(capacity_kva))
    for at, batch in placed(dataset.tables["meters"].select(["kVA"])):
        kva[at] = floats(batch.column(0))
    for first, last, rows in served.spans():
        own, kind = kva[rows], class_index[rows].astype(np.int64)
        owner = np.repeat(np.arange(last - first), served.counts[first:last])
        usable = (kind >= 0) & (own >= 0)
        peak[first:last] = diversified_peak_kva(own[usable], kind[usable], owner[usable], last - first)
    known = capacity_kva > 0
    ratio: FloatArray = peak[known] / capacity_kva[known]
    return ratio


def _validation(validation: Any) -> list[str]:
    if validation is None:
        return ["not run"]
    return str(validation).splitlines()


def _tally(table: pa.Table, column: str, family: str | None = None) -> dict[str, int]:
    """Return how often each value is there, of one family where it is given, the commonest first, then by name."""
    found: Counter[str] = Counter()
    for batch in batches(table.select([column] if family is None else [column, "family"])):
        values = batch.column(column)
        if family is not None:
            values = values.filter(pc.equal(batch.column("family"), family))
        found.update({str(row["values"]): int(row["counts"]) for row in pc.value_counts(values).to_pylist()})
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _distinct(table: pa.Table, column: str) -> int:
    """Count the different values that are there."""
    found: set[str] = set()
    for batch in batches(table.select([column])):
        found.update(pc.unique(batch.column(0)).drop_null().to_pylist())
    return len(found)


def _whole(number: int) -> str:
    return f"{number:,}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
