"""Ground truth as rows: every theft, fault and look-alike of a data set. Used where it is asked for, only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset import Dataset
from ghostload.errors import DataError
from ghostload.reporting.columns import numbers, texts
from ghostload.schema import FAMILIES
from ghostload.streams import IntArray


@dataclass(frozen=True)
class TruthRow:
    """One event at one meter.

    Attributes
    ----------
    meter : int
        Row in the meters table.
    family, kind : str
    start, end : int or None
        Months since year 0; None where not known or not over.
    lost_kwh, severity : float
        NaN where not known.
    band : str
        Risk band of the meter, for thefts; else empty.
    """

    meter: int
    family: str
    kind: str
    start: int | None
    end: int | None
    lost_kwh: float
    severity: float
    band: str


@dataclass(frozen=True)
class Truth:
    """All events, by meter and start, and how many name a meter that is not there.

    Attributes
    ----------
    rows : tuple of TruthRow
    kinds : tuple of (family, kind)
        Thefts first, then faults, then look-alikes.
    unknown_meters : int
    """

    rows: tuple[TruthRow, ...]
    kinds: tuple[tuple[str, str], ...]
    unknown_meters: int


def truth_of(dataset: Dataset) -> Truth:
    """Return the ground truth of a data set.

    Events come from ``anomaly_events``; a meter that is listed in ``anomaly_labels`` and has no theft among the
    events is added as a theft without dates.

    Raises
    ------
    DataError
        There is neither table, or a family is unknown.
    """
    if not {"anomaly_events", "anomaly_labels"} & set(dataset.tables):
        raise DataError("no ground truth here: neither anomaly_labels.csv nor anomaly_events.csv is in the folder")
    rows = _events(dataset)
    rows += _labels(dataset, {meter for meter, row in rows if row.family == "theft"})
    found = _meter_rows(dataset, [meter for meter, _ in rows])
    bands = _bands(dataset)
    placed = [
        TruthRow(
            number, row.family, row.kind, row.start, row.end, row.lost_kwh, row.severity,
            bands.get(meter, "") if row.family == "theft" else "",
        )
        for number, (meter, row) in zip(found.tolist(), rows, strict=True)
        if number >= 0
    ]  # fmt: skip
    rank = {family: i for i, family in enumerate(FAMILIES)}
    placed.sort(key=lambda r: (r.meter, rank[r.family], r.kind, -1 if r.start is None else r.start))
    kinds = sorted({(r.family, r.kind) for r in placed}, key=lambda pair: (rank[pair[0]], pair[1]))
    return Truth(tuple(placed), tuple(kinds), len(rows) - len(placed))


def month_number(month: str) -> int | None:
    """Return months since year 0 of "YYYY-MM" or "YYYYMM"; None where the text is neither."""
    digits = month.replace("-", "", 1)
    return int(digits[:4]) * 12 + int(digits[4:]) - 1 if len(digits) == 6 and digits.isdecimal() else None


def _events(dataset: Dataset) -> list[tuple[str, TruthRow]]:
    table = dataset.tables.get("anomaly_events")
    if table is None:
        return []
    families = texts(table, "family")
    unknown = sorted(set(families) - set(FAMILIES))
    if unknown:
        raise DataError(f"anomaly_events.csv: family {unknown[0]!r} is unknown; known: {', '.join(FAMILIES)}")
    columns = (
        families,
        texts(table, "kind"),
        [month_number(month) for month in texts(table, "start")],
        [month_number(month) for month in texts(table, "end")],
        numbers(table, "lost_kwh").tolist(),
        numbers(table, "severity").tolist(),
    )
    rows = [
        TruthRow(-1, family, kind, start, end, lost, severity, "")
        for family, kind, start, end, lost, severity in zip(*columns, strict=True)
    ]
    return list(zip(texts(table, "meter_id"), rows, strict=True))


def _labels(dataset: Dataset, dated: set[str]) -> list[tuple[str, TruthRow]]:
    table = dataset.tables.get("anomaly_labels")
    if table is None:
        return []
    nan = float("nan")
    pairs = zip(texts(table, "meter_id"), texts(table, "anomaly_type"), strict=True)
    return [(m, TruthRow(-1, "theft", kind, None, None, nan, nan, "")) for m, kind in pairs if m not in dated]


def _bands(dataset: Dataset) -> dict[str, str]:
    table = dataset.tables.get("anomaly_labels")
    return {} if table is None else dict(zip(texts(table, "meter_id"), texts(table, "risk_band"), strict=True))


def _meter_rows(dataset: Dataset, ids: list[str]) -> IntArray:
    meters = pc.cast(dataset.tables["meters"]["meter_id"], pa.string()).combine_chunks()
    found = pc.index_in(pa.array(ids, pa.string()), value_set=meters)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
