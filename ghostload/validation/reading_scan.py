"""Reads the readings in time of some feeders once, piece by piece, into what the checks of them ask for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.consumption.intervals import RESOLUTIONS
from ghostload.schema import TABLES
from ghostload.schema_in_time import FLOW_COLUMNS, PARTITIONED, PartitionedTable
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.context import CannotRun, Context
from ghostload.validation.lookup import rows_of

MOST_READINGS = 2_000_000
"""Readings of a table that are read; of larger ones, evenly spread feeders, at least one."""
VOLTAGES = FLOW_COLUMNS
"""Columns of which the least and the largest are kept."""
_OF_TRANSFORMER = ("delivered_wh", "true_wh", "technical_loss_wh")
_OF_FEEDER = ("supplied_wh", "true_wh", "low_voltage_loss_wh", "transformer_loss_wh")
"""What is given, and the parts that it has."""
Kept = slice | BoolArray
_KEYS = {"meter_id": "meters", "transformer_id": "transformers", "feeder_id": "feeders"}


@dataclass
class Scan:
    """What one feeder's file of a table holds, n meters, transformers or feeders over T months.

    Attributes
    ----------
    file, feeder, keys : str
        Path inside the data set, feeder, and whose readings they are.
    rows : (n,) array of int
        Rows of the meters or transformers that belong to the feeder; 0 for the feeder itself.
    ids : (n,) array of text
    there : (n, S) array of bool
        Steps of which there is a reading.
    strangers, twice, off : list of str, int, int
        Ids that are not of the feeder; readings that stand twice; readings off the grid of steps.
    sums, empty : dict of (n, T) arrays
        By column, sum over the months and number of empty cells.
    least, most : dict of (n,) arrays
        By column, of voltages; infinite where there is no value.
    flags : dict of str to int
        Readings of each flag.
    flag_differs : int
        Readings that are flagged M and not empty, or empty and not flagged M.
    unbalanced : (n,) array of int
        Steps in which delivered is not true and lost; of feeders, in which less is supplied than drawn and lost.
    """

    file: str
    feeder: str
    keys: str
    rows: IntArray
    ids: pa.Array
    there: BoolArray
    strangers: list[str] = field(default_factory=list)
    twice: int = 0
    off: int = 0
    sums: dict[str, FloatArray] = field(default_factory=dict)
    empty: dict[str, IntArray] = field(default_factory=dict)
    least: dict[str, FloatArray] = field(default_factory=dict)
    most: dict[str, FloatArray] = field(default_factory=dict)
    flags: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    flag_differs: int = 0
    unbalanced: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def feeders_of(context: Context) -> list[str]:
    """Return the feeders that serve meters, in order."""

    def make() -> list[str]:
        named = context.text("transformers", "feeder_id")
        busy = named.filter(pa.array(context.meters_per_transformer > 0))
        return sorted(busy.drop_null().unique().to_pylist(), key=lambda name: (len(name), name))

    return context.keep("feeders that serve meters", make)


def files_of(context: Context, table: PartitionedTable) -> dict[str, Any]:
    """Return the files of a table that there are, by feeder."""
    start, end = f"{table.folder}/feeder=", "/part-0.parquet"
    found = {name[len(start) : -len(end)]: file for name, file in context.dataset.files.items()
             if name.startswith(start) and name.endswith(end)}  # fmt: skip
    return dict(sorted(found.items(), key=lambda item: (len(item[0]), item[0])))


def scans(context: Context, folder: str) -> list[Scan]:
    """Return what the files of a table hold, of some feeders when there are many readings; read once."""
    return context.keep(f"scans of {folder}", lambda: _scans(context, PARTITIONED[folder]))


def _scans(context: Context, table: PartitionedTable) -> list[Scan]:
    files = files_of(context, table)
    known = set(feeders_of(context))
    names = [name for name in files if name in known]
    if not names:
        return []
    total = sum(files[name].rows or 0 for name in names)
    step = max(1, -(-total // MOST_READINGS))
    return [_scan(context, table, name, files[name].path) for name in names[::step]]


@dataclass(frozen=True)
class Grid:
    """Steps of the months.

    Attributes
    ----------
    start, step, utc_offset_ms : int
        Local start of the first month, length of a step, and local time less UTC, in ms.
    edges : (T + 1,) array of int
        First step of each month, and the number of steps.
    month : (S,) array of int
        Month of each step.
    """

    start: int
    step: int
    utc_offset_ms: int
    edges: IntArray
    month: IntArray


def _grid(context: Context) -> Grid:
    config = context.config
    if config is None or config.interval is None:
        raise CannotRun("the interval is not known", "bring config.yaml back", table="readings")
    step = 60_000 * RESOLUTIONS[config.interval]
    months = context.known_months
    starts = (np.append(months, months[-1] + 1) - 1970 * 12).astype("datetime64[M]").astype("datetime64[ms]")
    edges = starts.astype(np.int64)
    first = np.asarray((edges - edges[0]) // step)
    month = np.repeat(np.arange(len(months)), np.diff(first))
    return Grid(int(edges[0]), step, 60_000 * config.territory.utc_offset_minutes, first, month)


def _scan(context: Context, table: PartitionedTable, feeder: str, path: Any) -> Scan:
    import pyarrow.parquet as pq

    grid = _grid(context)
    key = table.columns[0].name
    keys = _KEYS[key]
    rows, ids = _members(context, feeder, keys)
    there = np.zeros((len(rows), len(grid.month)), dtype=np.bool_)
    found = Scan(table.file(feeder), feeder, keys, rows, ids, there)
    found.unbalanced = np.zeros(len(rows), dtype=np.int64)
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                _add(found, file.read_row_group(group), key, grid)
    except (OSError, pa.ArrowException, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        cure = "bring the file back, or write the data set again"
        raise CannotRun(f"cannot be read ({reason})", cure, table=found.file) from error
    return found


def _members(context: Context, feeder: str, keys: str) -> tuple[IntArray, pa.Array]:
    """Return rows and ids of a feeder's meters or transformers, or of the feeder alone."""
    if keys == "feeders":
        return np.zeros(1, dtype=np.int64), pa.array([feeder])
    feeds = np.asarray(pc.fill_null(pc.equal(context.text("transformers", "feeder_id"), feeder), False))
    if keys == "transformers":
        rows = np.flatnonzero(feeds).astype(np.int64)
    else:
        mine, home = np.append(feeds, False), context.meter_transformer
        found = [np.flatnonzero(mine[home[some]]) + some.start for some in context.pieces(keys)]
        rows = np.concatenate(found).astype(np.int64)
    return rows, context.texts(keys, TABLES[keys].primary_key)(rows)


def _add(scan: Scan, table: pa.Table, key: str, grid: Grid) -> None:
    names, codes = _coded(table[key])
    ids = scan.ids
    who = np.append(rows_of(names, ids), -1)[codes]
    if who.size and who.min() < 0:
        strange = names.filter(pa.array(rows_of(names, ids) < 0)).to_pylist()
        scan.strangers.extend(str(name) for name in strange if name not in scan.strangers)
    at, good = _steps(table["time"], grid)
    kept: Kept = slice(None)
    if not (good.all() and (who.size == 0 or who.min() >= 0)):
        kept = good & (who >= 0)
        scan.off += int((~good).sum())
    who, at = who[kept], at[kept]
    seen, there = int(scan.there.sum()), scan.there.reshape(-1)
    there[who * scan.there.shape[1] + at] = True
    scan.twice += seen + len(who) - int(scan.there.sum())
    months = len(grid.edges) - 1
    cell = who * months + grid.month[at]
    for name in table.column_names:
        if name == "flag":
            _add_flags(scan, table)
        elif name not in (key, "time"):
            _add_column(scan, name, _floats(table[name])[kept], who, cell, months)
    for given, *parts in (_OF_TRANSFORMER, _OF_FEEDER):
        if {given, *parts} <= set(table.column_names):
            whole, *pieces = (_floats(table[name])[kept] for name in (given, *parts))
            off = (whole - sum(pieces)) / np.maximum(np.abs(whole), 1.0)
            # What is missing of a feeder's supply is lost in its medium-voltage lines.
            np.add.at(scan.unbalanced, who[np.abs(off) > 1e-6 if given == _OF_TRANSFORMER[0] else off < -1e-6], 1)


def _coded(column: pa.ChunkedArray) -> tuple[pa.Array, IntArray]:
    """Return the different values of a text column and, for each cell, which of them it is; -1 for an empty one."""
    coded = column if pa.types.is_dictionary(column.type) else column.cast(pa.string()).dictionary_encode()
    one = coded.unify_dictionaries().combine_chunks()
    one = one.chunk(0) if isinstance(one, pa.ChunkedArray) else one
    return one.dictionary.cast(pa.string()), np.asarray(one.indices.fill_null(-1), dtype=np.int64)


def _steps(time: pa.ChunkedArray, grid: Grid) -> tuple[IntArray, BoolArray]:
    """Return the step of each reading, and whether there is one."""
    offset = np.asarray(time.cast(pa.timestamp("ms", time.type.tz)).cast(pa.int64()).fill_null(-1), dtype=np.int64)
    offset = offset + (grid.utc_offset_ms if time.type.tz else 0) - grid.start
    at = offset // grid.step
    return at, (at * grid.step == offset) & (at >= 0) & (at < grid.edges[-1])


def _floats(column: pa.ChunkedArray) -> FloatArray:
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _add_flags(scan: Scan, table: pa.Table) -> None:
    names, codes = _coded(table["flag"])
    named = [*names.to_pylist(), None]
    for at, count in enumerate(np.bincount(codes % len(named), minlength=len(named)).tolist()):
        if count:
            scan.flags[str(named[at])] += count
    if "registered_wh" in table.column_names:
        missing = np.array([name == "M" for name in named])[codes]
        scan.flag_differs += int((missing != np.asarray(pc.is_null(table["registered_wh"]))).sum())


def _add_column(scan: Scan, name: str, values: FloatArray, who: IntArray, cell: IntArray, months: int) -> None:
    n = len(scan.rows)
    if name not in scan.sums:
        scan.sums[name], scan.empty[name] = np.zeros((n, months)), np.zeros((n, months), dtype=np.int64)
        scan.least[name], scan.most[name] = np.full(n, np.inf), np.full(n, -np.inf)
    empty = np.isnan(values)
    if empty.any():
        scan.empty[name] += np.bincount(cell[empty], minlength=n * months).reshape(n, months)
        values, who, cell = values[~empty], who[~empty], cell[~empty]
    scan.sums[name] += np.bincount(cell, weights=values, minlength=n * months).reshape(n, months)
    if name in VOLTAGES:
        np.minimum.at(scan.least[name], who, values)
        np.maximum.at(scan.most[name], who, values)
