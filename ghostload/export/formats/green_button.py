"""Readings of chosen meters as Green Button files: an Atom feed of ESPI resources (NAESB REQ.21).

Element names, their order and the codes are those of the schema of REQ.21 ESPI, version 4.0 (``espi.xsd`` of December
2023, namespace ``http://naesb.org/espi``). The energy of an interval is an ``IntervalReading`` in Wh. An estimate has a
``ReadingQuality``. ESPI has no code for a reading that is missing; it is left out, and the block's interval spans it.
Voltages, where there are any, are a ``MeterReading`` of their own beside the energy.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path, PurePosixPath
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pyarrow as pa

from ghostload.dataset.dataset import Dataset
from ghostload.errors import MissingError, UsageError
from ghostload.export.formats.intervals import (
    FeederFile,
    Intervals,
    Progress,
    Wanted,
    Watch,
    local_time,
    milliseconds,
    zone_of,
)
from ghostload.export.formats.place import new_file, new_folder
from ghostload.schema import METERS
from ghostload.schema_in_time import PARTITIONED
from ghostload.streams import BoolArray, IntArray

ATOM, ESPI = "http://www.w3.org/2005/Atom", "http://naesb.org/espi"
ROOT = "/espi/1_1/resource"
VALID, BY_REFERENCE_DAY, BY_LINE = 0, 8, 9
"""QualityOfReading: valid, estimated using a reference day, estimated by linear interpolation."""


@dataclass(frozen=True)
class Quantity:
    """What a meter reads, as a ``MeterReading`` with a ``ReadingType``.

    Attributes
    ----------
    number : int
        Of the MeterReading.
    title, unit : str
    suffix : str
        Of the address of the ReadingType.
    codes : tuple of (element, value)
        Elements of the ReadingType in the order of the schema; the length of the interval is put in for None.
    """

    number: int
    title: str
    unit: str
    suffix: str
    codes: tuple[tuple[str, int | None], ...]


ENERGY = Quantity(
    1,
    "Energy by interval",
    "Energy in Wh",
    "",
    (
        ("accumulationBehaviour", 4),  # deltaData: the energy of the interval
        ("commodity", 1),  # electricity
        ("dataQualifier", 12),  # normal
        ("defaultQuality", VALID),
        ("flowDirection", 1),  # forward, to the customer; negative where a register ran backwards
        ("intervalLength", None),
        ("kind", 12),  # energy
        ("powerOfTenMultiplier", 0),
        ("timeAttribute", 0),
        ("uom", 72),  # Wh
    ),
)
VOLTAGE = Quantity(
    2,
    "Voltage by interval",
    "Voltage in tenths of a volt",
    "-voltage",
    (
        ("accumulationBehaviour", 6),  # indicating
        ("commodity", 1),
        ("dataQualifier", 2),  # average
        ("defaultQuality", VALID),
        ("flowDirection", 0),  # not applicable
        ("intervalLength", None),
        ("kind", 54),  # voltage
        ("powerOfTenMultiplier", -1),
        ("timeAttribute", 0),
        ("uom", 29),  # V
    ),
)


@dataclass(frozen=True)
class _Series:
    """Readings of one meter: starts in ms since 1970, values, whether they are there, and codes of quality."""

    quantity: Quantity
    starts: IntArray
    value: IntArray
    there: BoolArray
    quality: IntArray


def export_green_button(
    dataset: Dataset,
    target: Path,
    *,
    wanted: Wanted,
    force: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write the readings of chosen meters as Green Button XML.

    Parameters
    ----------
    dataset : Dataset
        Read from a folder.
    target : Path
        ``NAME.xml`` for one feed with all these meters; any other name for a folder with a feed a meter,
        ``MTR_000001.xml``.
    wanted : Wanted
        With one meter at least, and without truth.
    force : bool
        Whether an earlier export may be replaced.
    progress : callable (stage, done, total), optional

    Returns
    -------
    int
        Meters written.

    Raises
    ------
    UsageError
        No meter is named, one is not there, or a time is no time.
    MissingError
        A meter has no reading in the span.
    OutputError
        It cannot or may not be written; what was there is untouched.
    """
    if not wanted.meters:
        raise UsageError("--meter: is missing; name the meters, such as --meter MTR_000001")
    if wanted.truth:
        raise UsageError("--truth: a Green Button file holds what the utility sees; leave it out")
    intervals = Intervals(dataset, wanted)
    files = intervals.files(PARTITIONED["readings"]) if intervals.tables else ()
    meters = tuple(dict.fromkeys(wanted.meters))
    pages = _pages(dataset, files, meters, Watch(progress, sum(file.rows for file in files)))
    if target.suffix.lower() == ".xml":
        with new_file(target, force=force) as place:
            entries = [entry for _, of_meter in pages for entry in of_meter]
            place.write_text(_feed(_names(dataset), "Readings", entries), encoding="utf-8")
        return len(meters)
    with new_folder(target, force=force, ours=_ours) as folder:
        for meter, entries in pages:
            (folder / f"{meter}.xml").write_text(_feed(_names(dataset), meter, entries), encoding="utf-8")
    return len(meters)


@dataclass(frozen=True)
class _Entry:
    """One Atom entry, but for its id."""

    href: str
    up: str
    related: tuple[str, ...]
    title: str
    content: str
    updated: str


def _pages(
    dataset: Dataset, files: tuple[FeederFile, ...], meters: tuple[str, ...], watch: Watch
) -> Iterator[tuple[str, list[_Entry]]]:
    """Yield each meter's entries, feeder by feeder."""
    linear = dataset.config.metering.linear_hours if dataset.config is not None else 0
    left = set(meters)
    for file in files:
        table = pa.Table.from_batches(list(file.batches(meters=meters)), file.schema)
        for meter, rows in _by_meter(table):
            series = _series(rows, file, linear)
            if not len(series[0].starts):
                raise MissingError(f"--meter {meter}: has no reading between --from and --to; widen the span")
            left.discard(meter)
            yield meter, _entries(meter, series, file)
        watch.at_end_of(file)
    if left:
        raise MissingError(f"--meter {min(left)}: has no reading; make the data set again")


def _by_meter(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield each meter's rows, in order of time; meters in the order of their ids."""
    if not table.num_rows:
        return
    ids = table["meter_id"].cast(pa.string()).combine_chunks().dictionary_encode()
    codes = np.asarray(ids.indices)
    order = np.lexsort((milliseconds(table["time"].combine_chunks()), codes))
    edges = np.flatnonzero(np.diff(codes[order], prepend=-1, append=-1))
    for first, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        rows = order[first:stop]
        yield ids.dictionary[int(codes[rows[0]])].as_py(), table.take(pa.array(rows))


def _series(rows: pa.Table, file: FeederFile, linear_hours: int) -> list[_Series]:
    """Return a meter's readings, cut to the wanted span once it is known how long each estimated spell is.

    Energy first; voltages where some are there.
    """
    starts = milliseconds(rows["time"].combine_chunks())
    flags = np.asarray(rows["flag"].cast(pa.string()).to_numpy(zero_copy_only=False))
    spell = _spell_lengths(flags == "E") * file.step_seconds
    quality = np.where(flags == "E", np.where(spell <= 3600 * linear_hours, BY_LINE, BY_REFERENCE_DAY), VALID)
    wh = rows["registered_wh"].fill_null(0).to_numpy().astype(np.int64)
    there = ~np.asarray(rows["registered_wh"].is_null()) & (flags != "M")
    keep = np.ones(len(starts), dtype=bool)
    chosen = file.selection
    if chosen.start is not None:
        keep &= starts >= round(chosen.start.timestamp() * 1000)
    if chosen.end is not None:
        keep &= starts < round(chosen.end.timestamp() * 1000)
    found = [_Series(ENERGY, starts[keep], wh[keep], there[keep], quality[keep])]
    if "voltage_v" in rows.column_names:
        # What is not there is not a number, and is left out below.
        volts = rows["voltage_v"].cast(pa.float64()).fill_null(np.nan).to_numpy()[keep]
        known = np.isfinite(volts)
        tenths = np.rint(10.0 * np.where(known, volts, 0.0)).astype(np.int64)
        if known.any():
            found.append(_Series(VOLTAGE, starts[keep], tenths, known, np.full(len(tenths), VALID)))
    return found


def _spell_lengths(on: BoolArray) -> IntArray:
    """Return, for each step, how many steps the spell has in which it stands; 0 outside of spells."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    lengths = np.zeros(len(on), dtype=np.int64)
    for first, stop in edges.reshape(-1, 2).tolist():
        lengths[first:stop] = stop - first
    return lengths


def _entries(meter: str, series: list[_Series], file: FeederFile) -> list[_Entry]:
    zone, step = zone_of(file.zone), file.step_seconds
    point, clock = f"{ROOT}/RetailCustomer/{meter}/UsagePoint/1", f"{ROOT}/LocalTimeParameters/1"
    updated = _end(series[0].starts, step, zone)
    offset = int(zone.utcoffset(None).total_seconds())  # type: ignore[union-attr]
    clock_values = (("dstEndRule", "FFFFFFFF"), ("dstOffset", 0), ("dstStartRule", "FFFFFFFF"), ("tzOffset", offset))
    service = "<espi:ServiceCategory><espi:kind>0</espi:kind></espi:ServiceCategory><espi:status>1</espi:status>"
    related = (f"{point}/MeterReading", clock)
    found = [
        _Entry(point, _above(point), related, meter, _wrap("UsagePoint", service), updated),
        _Entry(clock, _above(clock), (), "Local time", _wrap("LocalTimeParameters", _leaves(clock_values)), updated),
    ]
    for one in series:
        found += _reading_entries(one, f"{point}/MeterReading/{one.quantity.number}", step, zone)
    return found


def _reading_entries(series: _Series, reading: str, step: int, zone: tzinfo) -> list[_Entry]:
    """Return the MeterReading of one quantity, its type, and a block for each month."""
    quantity = series.quantity
    blocks, kind = f"{reading}/IntervalBlock", f"{ROOT}/ReadingType/{step}{quantity.suffix}"
    codes = _leaves([(name, step if value is None else value) for name, value in quantity.codes])
    updated = _end(series.starts, step, zone)
    found = [
        _Entry(reading, _above(reading), (blocks, kind), quantity.title, "<espi:MeterReading/>", updated),
        _Entry(kind, _above(kind), (), quantity.unit, _wrap("ReadingType", codes), updated),
    ]
    months = np.array([local_time(moment, zone).strftime("%Y%m") for moment in series.starts.tolist()])
    for month in np.unique(months).tolist():
        at = months == month
        end = _end(series.starts[at], step, zone)
        found.append(_Entry(f"{blocks}/{month}", blocks, (), f"{month[:4]}-{month[4:]}", _block(series, at, step), end))
    return found


def _above(href: str) -> str:
    return href.rpartition("/")[0]


def _end(starts: IntArray, step: int, zone: tzinfo) -> str:
    """Return the end of the last interval as text."""
    return local_time(int(starts[-1]) + 1000 * step, zone).isoformat(timespec="seconds")


def _block(series: _Series, at: BoolArray, step: int) -> str:
    """Return one IntervalBlock."""
    starts, there = series.starts[at] // 1000, series.there[at]
    span = _wrap("interval", _leaves((("duration", int(starts[-1] - starts[0]) + step), ("start", int(starts[0])))))
    rows = zip(
        starts[there].tolist(), series.value[at][there].tolist(), series.quality[at][there].tolist(), strict=True
    )
    return _wrap(
        "IntervalBlock", span + "".join(_reading(start, value, quality, step) for start, value, quality in rows)
    )


def _reading(start: int, value: int, quality: int, step: int) -> str:
    note = (
        "" if quality == VALID else f"<espi:ReadingQuality><espi:quality>{quality}</espi:quality></espi:ReadingQuality>"
    )
    period = f"<espi:duration>{step}</espi:duration><espi:start>{start}</espi:start>"
    return (
        f"<espi:IntervalReading>{note}<espi:timePeriod>{period}</espi:timePeriod>"
        f"<espi:value>{value}</espi:value></espi:IntervalReading>\n"
    )


def _feed(names: uuid.UUID, title: str, entries: list[_Entry]) -> str:
    distinct = list({entry.href: entry for entry in entries}.values())
    updated = max(entry.updated for entry in distinct)
    own = f"{ROOT}/Batch/{title}"
    body = "".join(_atom_entry(names, entry) for entry in distinct)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<feed xmlns="{ATOM}" xmlns:espi="{ESPI}">\n'
        f"<id>{_urn(names, own)}</id>\n<title>{escape(title)}</title>\n<updated>{updated}</updated>\n"
        f'<author><name>ghostload</name></author>\n<link rel="self" href={quoteattr(own)}/>\n{body}</feed>\n'
    )


def _atom_entry(names: uuid.UUID, entry: _Entry) -> str:
    links = [("self", entry.href), ("up", entry.up), *(("related", href) for href in entry.related)]
    return (
        f"<entry>\n<id>{_urn(names, entry.href)}</id>\n"
        + "".join(f'<link rel="{rel}" href={quoteattr(href)}/>\n' for rel, href in links)
        + f'<title>{escape(entry.title)}</title>\n<content type="application/xml">{entry.content}</content>\n'
        f"<published>{entry.updated}</published>\n<updated>{entry.updated}</updated>\n</entry>\n"
    )


def _leaves(values: Any) -> str:
    return "".join(f"<espi:{name}>{value}</espi:{name}>" for name, value in values)


def _wrap(name: str, inside: str) -> str:
    return f"<espi:{name}>{inside}</espi:{name}>"


def _urn(names: uuid.UUID, href: str) -> str:
    return uuid.uuid5(names, href).urn


def _names(dataset: Dataset) -> uuid.UUID:
    """Return the name space of a data set's ids, from the hash of its settings, else of its meter table."""
    key = (dataset.manifest or {}).get("config_sha256")
    if key is None and dataset.path is not None:
        key = hashlib.sha256((dataset.path / METERS.file).read_bytes()).hexdigest()
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:ghostload:data-set:{key}")


def _ours(path: PurePosixPath) -> bool:
    return len(path.parts) == 1 and path.suffix == ".xml"
