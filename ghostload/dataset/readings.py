"""Readings in time, read lazily from the Parquet partitions of a data set."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.errors import DataError, UsageError, did_you_mean
from ghostload.schema_in_time import FLOW_COLUMNS, PARTITIONED, PartitionedTable
from ghostload.streams import IntArray

if TYPE_CHECKING:
    import pandas as pd

_TYPES = {
    "id": pa.dictionary(pa.int32(), pa.string()),
    "flag": pa.dictionary(pa.int8(), pa.string()),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
}
KWH_COLUMNS = ("registered_kwh", "true_kwh", "delivered_kwh", "technical_loss_kwh", "supplied_kwh")
"""Columns that may be asked for beside those of the files: the same in Wh, over 1000."""


OF = {"meters": "", "transformers": "_transformers", "feeders": "_feeders"}
"""Whose readings there are, and how the names of their folders end."""


def zone_name(utc_offset_minutes: int) -> str:
    """Return a fixed offset as Arrow and pandas write it: ``+08:00``."""
    hours, minutes = divmod(abs(utc_offset_minutes), 60)
    return f"{'-' if utc_offset_minutes < 0 else '+'}{hours:02d}:{minutes:02d}"


def arrow_schema(table: PartitionedTable, utc_offset_minutes: int, *, flow: bool) -> pa.Schema:
    """Return the Arrow schema of a partition's files.

    Parameters
    ----------
    table : PartitionedTable
    utc_offset_minutes : int
        Local time less UTC.
    flow : bool
        Whether the power flow is solved.
    """
    time = pa.timestamp("ms", tz=zone_name(utc_offset_minutes))
    return pa.schema(
        pa.field(c.name, time if c.kind == "time" else _TYPES[c.kind], nullable=c.nullable)
        for c in table.columns
        if flow or c.name not in FLOW_COLUMNS
    )


def key_columns(ids: pa.Array, starts_ms: IntArray) -> tuple[pa.Array, pa.Array]:
    """Return ids and times of the readings of n entities over S steps, entity by entity.

    Parameters
    ----------
    ids : (n,) array of text
    starts_ms : (S,) array of int64
        Start of each step, milliseconds since 1970 in UTC.

    Returns
    -------
    dictionary array and array of int64, both of n * S values
    """
    codes = np.repeat(np.arange(len(ids), dtype=np.int32), len(starts_ms))
    return pa.DictionaryArray.from_arrays(pa.array(codes), ids), pa.array(np.tile(starts_ms, len(ids)))


def month_table(schema: pa.Schema, ids: pa.Array, times: pa.Array, columns: Mapping[str, Any]) -> pa.Table:
    """Return readings as a table.

    Parameters
    ----------
    schema : pyarrow.Schema
        As :func:`arrow_schema` gives it; its first column holds the ids.
    ids, times : arrays of n * S values
        As :func:`key_columns` gives them.
    columns : mapping of name to (n, S) array
        Or to a pyarrow array of n * S values. Those that the schema has are taken.
    """
    found = [ids]
    for field in schema.remove(0):
        if field.name == "time":
            found.append(times.view(field.type))
        else:
            given = columns[field.name]
            found.append(given if isinstance(given, pa.Array) else pa.array(given.reshape(-1), field.type))
    return pa.Table.from_arrays(found, schema=schema)


@dataclass(frozen=True)
class Selection:
    """Which readings are wanted.

    Attributes
    ----------
    ids : tuple of str, optional
        Meters, transformers or feeders, whichever the table is of; None for all.
    feeders : tuple of str, optional
        Feeders that hold them; None for all.
    start, end : datetime, optional
        First moment, and the first one no longer wanted; with an offset from UTC.
    """

    ids: tuple[str, ...] | None = None
    feeders: tuple[str, ...] | None = None
    start: datetime | None = None
    end: datetime | None = None

    def mask(self, table: PartitionedTable, zone: str) -> Any:
        """Return the filter as an expression, None when all is wanted."""
        found = None
        for part in self._parts(table, zone):
            found = part if found is None else found & part
        return found

    def _parts(self, table: PartitionedTable, zone: str) -> Iterator[Any]:
        if self.feeders is not None:
            yield pc.field("feeder").isin(list(self.feeders))
        if self.ids is not None:
            yield pc.field(table.columns[0].name).isin(list(self.ids))
        time = pa.timestamp("ms", tz=zone)
        if self.start is not None:
            yield pc.field("time") >= pa.scalar(self.start, time)
        if self.end is not None:
            yield pc.field("time") < pa.scalar(self.end, time)


class Readings:
    """Readings that are read when they are asked for.

    Made by :meth:`ghostload.dataset.Dataset.readings`.

    Parameters
    ----------
    source : callable (Readings)
        Gives the ``pyarrow.dataset.Dataset``, with a column ``feeder``, when the first row is asked for.
    table : PartitionedTable
    schema : pyarrow.Schema
        Of the files, without ``feeder``.
    selection : Selection
    columns : sequence of str, optional
        Wanted columns, in this order; those in Wh may be asked for in kWh, and ``feeder`` too.
    """

    def __init__(
        self,
        source: Callable[[Readings], Any],
        table: PartitionedTable,
        schema: pa.Schema,
        selection: Selection,
        columns: Sequence[str] | None = None,
    ) -> None:
        self._source = source
        self.table = table
        self.schema = schema
        self.selection = selection
        self.columns = self._checked(columns)

    def _checked(self, columns: Sequence[str] | None) -> tuple[str, ...]:
        known = [*self.schema.names, "feeder"]
        known += [name for name in KWH_COLUMNS if _in_wh(name) in known]
        for name in columns or ():
            if name not in known:
                raise UsageError(
                    f"columns: {self.table.folder} has no {name}{did_you_mean(name, known)}; choose from "
                    f"{', '.join(known)}"
                )
        return tuple(self.schema.names if columns is None else columns)

    @cached_property
    def dataset(self) -> Any:
        """All readings of the table as a ``pyarrow.dataset.Dataset``; ``feeder`` is a column."""
        return self._source(self)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the readings in pieces, in the order of the files."""
        for batch in self.dataset.scanner(**self._options()).to_batches():
            if batch.num_rows:
                yield batch

    def to_table(self) -> pa.Table:
        """Read everything into one Arrow table."""
        return self.dataset.scanner(**self._options()).to_table().unify_dictionaries()

    def to_pandas(self) -> pd.DataFrame:
        """Read everything into one pandas DataFrame."""
        frame: pd.DataFrame = self.to_table().to_pandas()
        return frame

    def count_rows(self) -> int:
        """Count the readings without reading more than it takes."""
        return int(self.dataset.scanner(**self._options()).count_rows())

    def _options(self) -> dict[str, Any]:
        zone = self.schema.field("time").type.tz
        return {
            "columns": {name: self._expression(name) for name in self.columns},
            "filter": self.selection.mask(self.table, zone),
            "use_threads": False,
        }

    def _expression(self, name: str) -> Any:
        if name not in KWH_COLUMNS or name in self.schema.names:
            return pc.field(name)
        return pc.divide(pc.field(_in_wh(name)).cast(pa.float64()), pa.scalar(1000.0))


def _in_wh(name: str) -> str:
    return f"{name.removesuffix('_kwh')}_wh"


def moment(value: str | datetime | None, utc_offset_minutes: int, name: str) -> datetime | None:
    """Return a moment with an offset from UTC; a date is its midnight, and without an offset local time is meant.

    Raises
    ------
    UsageError
        The text is no date or time.
    """
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise UsageError(f"{name}: {value!r} is no date; write 2025-03-01 or 2025-03-01T12:00") from None
    return found if found.tzinfo else found.replace(tzinfo=timezone(timedelta(minutes=utc_offset_minutes)))


def select(
    *,
    meters: Sequence[str] | None,
    transformers: Sequence[str] | None,
    feeder: str | Sequence[str] | None,
    start: datetime | None,
    end: datetime | None,
    homes: Callable[[], tuple[dict[str, str], dict[str, str]]],
    of: str,
) -> Selection:
    """Turn what a caller names into the ids and feeders to look at.

    Parameters
    ----------
    meters, transformers : sequence of str, optional
    feeder : str or sequence of str, optional
    start, end : datetime, optional
    homes : callable
        Returns each meter's transformer and each transformer's feeder.
    of : {"meters", "transformers", "feeders"}
        Whose readings are looked for.

    Raises
    ------
    UsageError
        Something named is not there, or the end is not after the start.
    """
    if start is not None and end is not None and end <= start:
        raise UsageError(f"end: {end.isoformat()} is not after the start, {start.isoformat()}")
    if meters is None and transformers is None and feeder is None:
        return Selection(start=start, end=end)
    home, fed_by = homes()
    feeders = None
    if feeder is not None:
        feeders = (feeder,) if isinstance(feeder, str) else tuple(feeder)
        _refuse_unknown("feeder", feeders, set(fed_by.values()))
    _refuse_unknown("transformer", transformers or (), fed_by)
    _refuse_unknown("meter", meters or (), home)
    if meters is None and transformers is None:
        return Selection(None, feeders, start, end)
    if of == "feeders":
        ids = [fed_by[one] for one in (*(transformers or ()), *(home[meter] for meter in meters or ()))]
        holding = set(ids)
    elif of == "transformers":
        ids = [*(transformers or ()), *(home[meter] for meter in meters or ())]
        holding = {fed_by[one] for one in ids}
    else:
        wanted = set(transformers or ())
        ids = [*(meters or ()), *(meter for meter, its in home.items() if its in wanted)]
        holding = {fed_by[home[one]] for one in ids}
    kept = holding if feeders is None else holding & set(feeders)
    return Selection(tuple(dict.fromkeys(ids)), tuple(sorted(kept)), start, end)


def _refuse_unknown(what: str, names: Sequence[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"{what}: there is no {name}; there are {len(known)}, from {min(known)} to {max(known)}")


def files_as_dataset(files: Sequence[Path], table: PartitionedTable, schema: pa.Schema) -> Any:
    """Return the Parquet files of a partitioned table as one ``pyarrow.dataset.Dataset``, not read yet.

    Parameters
    ----------
    files : sequence of path
        In the order of the feeders, all below one folder ``table.folder``.
    table : PartitionedTable
    schema : pyarrow.Schema
    """
    import pyarrow.dataset as ds

    feeder = pa.schema([pa.field("feeder", pa.string())])
    return ds.dataset(
        [str(file) for file in files],
        schema=pa.unify_schemas([schema, feeder]),
        format="parquet",
        partitioning=ds.partitioning(feeder, flavor="hive"),
        partition_base_dir=str(files[0].parents[1]),
    )


def table_as_dataset(readings: pa.Table) -> Any:
    """Return readings in memory, with their column ``feeder``, as a ``pyarrow.dataset.Dataset``."""
    import pyarrow.dataset as ds

    return ds.dataset(readings)


def whose(of: str, of_transformers: bool) -> str:
    """Return whose readings are wanted; the older ``of_transformers=True`` stands for ``of="transformers"``.

    Raises
    ------
    UsageError
        There are no such readings, or the two contradict each other.
    """
    if of not in OF:
        raise UsageError(f"of: is {of!r}, must be one of {', '.join(OF)}{did_you_mean(of, OF)}")
    if of_transformers and of == "feeders":
        raise UsageError("of_transformers: contradicts of='feeders'; leave it out")
    return "transformers" if of_transformers else of


def partition_of(truth: bool, of: str) -> PartitionedTable:
    """Return the partitioned table of meters, transformers or feeders, seen or true."""
    return PARTITIONED[("truth" if truth else "readings") + OF[of]]


def missing_readings(place: str, folder: str) -> DataError:
    """Return the error for a data set without these readings."""
    return DataError(
        f"{place}: holds no {folder}/; make it with ghostload generate --interval 30min, "
        "or compute some with ghostload readings --interval 30min"
    )
