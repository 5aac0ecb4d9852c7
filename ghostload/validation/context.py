"""What checks look at: the tables as arrays, piece by piece or whole, and why that may not be possible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike

from ghostload.config.model import CUSTOMER_CLASSES, GeneratorConfig
from ghostload.dataset.columns import Rows, as_floats, cells_at
from ghostload.dataset.csv_table import READINGS_PREFIX, FileProblem, fits_kind, is_text
from ghostload.dataset.dataset import Dataset
from ghostload.schema import TABLES, TableSchema
from ghostload.scratch import Scratch
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.finding import MAX_IDS
from ghostload.validation.lookup import Lookup, Texts, rows_of
from ghostload.validation.pieces import Hits, pieces

T = TypeVar("T")
Floats = Callable[[Rows], FloatArray]
"""Gives the numbers of some rows."""

METERS_PER_DEGREE = 6_371_008.8 * np.pi / 180.0
"""Length of a degree of latitude on the mean sphere of the earth (IUGG mean radius), in m."""

_MONTH_NAME = re.compile(r"monthly_consumption_(\d{4})(0[1-9]|1[0-2])")


class CannotRun(Exception):  # noqa: N818 - a reason, not an error of the user
    """A check cannot run: something that it needs is missing or of the wrong type."""

    def __init__(self, message: str, cure: str, *, table: str = "", column: str = "") -> None:
        super().__init__(message)
        self.message, self.cure, self.table, self.column = message, cure, table, column


class Context:
    """A data set as checks see it.

    Columns come whole (:meth:`text`, :meth:`numbers`) or as functions of rows (:meth:`texts`, :meth:`floats`), which
    are called for each of :meth:`pieces`: so a check holds a piece at a time, however many meters there are.

    Attributes
    ----------
    dataset : Dataset
    folder : Path, optional
        Where it was read from; None for a data set in memory.
    problems : tuple of FileProblem
        What could not be read there.
    scratch : Scratch
        Makes the arrays with a value for each meter.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        folder: Path | None = None,
        problems: Sequence[FileProblem] = (),
        scratch: Scratch | None = None,
    ) -> None:
        self.dataset = dataset
        self.folder = folder
        self.problems = tuple(problems)
        self.scratch = scratch or Scratch()
        self._texts: dict[tuple[str, str], pa.Array] = {}
        self._numbers: dict[tuple[str, str], FloatArray] = {}
        self._kept: dict[str, Any] = {}

    @property
    def config(self) -> GeneratorConfig | None:
        """What the set was made from, where known."""
        return self.dataset.config

    @property
    def made_by_ghostload(self) -> bool:
        """Whether the set is ours, so that it has to follow its config exactly, and not only within chance."""
        if self.config is None:
            return False
        return self.folder is None or "ghostload_version" in (self.dataset.manifest or {})

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether a table, or a column of it, is there."""
        found = self.dataset.tables.get(table)
        return found is not None and (column is None or column in found.column_names)

    def table(self, name: str) -> pa.Table:
        """Return a table, or end the check."""
        if not self.has(name):
            raise CannotRun("the table is missing", f"add {TABLES[name].file}, or repair it", table=name)
        return self.dataset.tables[name]

    def schemas(self) -> list[tuple[TableSchema, pa.Table]]:
        """Return the tables that are there, each with its schema."""
        return [(schema, self.dataset.tables[name]) for name, schema in TABLES.items() if self.has(name)]

    def column(self, table: str, column: str) -> pa.ChunkedArray:
        """Return a column, or end the check."""
        found = self.table(table)
        at = found.schema.get_all_field_indices(column)
        if not at:
            raise CannotRun("the column is missing", f"add it to {TABLES[table].file}", table=table, column=column)
        return found.column(min(at))

    def pieces(self, table: str) -> Iterator[slice]:
        """Return spans of a table's rows that follow each other, at least one, or end the check."""
        return pieces(self.table(table).num_rows)

    def texts(self, table: str, column: str) -> Texts:
        """Return a function from rows to cells of a text column, an empty one null; or end the check."""
        found = self.column(table, column)
        if not is_text(found.type):
            message = f"the column is {found.type}, not text"
            raise CannotRun(message, "write it as text", table=table, column=column)
        return lambda rows: cells_at(found, rows, pa.string())

    def floats(self, table: str, column: str) -> Floats:
        """Return a function from rows to cells of a number column as float64, an empty one NaN; or end the check."""
        found = self.column(table, column)
        if not fits_kind(found.type, "float"):
            message = f"the column is {found.type}, not numbers"
            raise CannotRun(message, "see the finding on its cells", table=table, column=column)
        return lambda rows: as_floats(found, rows)

    def text(self, table: str, column: str) -> pa.Array:
        """Return a text column as one Arrow string array; an empty cell is null."""
        key = (table, column)
        if key in self._texts:
            return self._texts[key]
        text = self.texts(table, column)(slice(0, self.table(table).num_rows))
        if not pa.types.is_dictionary(
            self.column(table, column).type
        ):  # decoding is quick, and what is decoded is large
            self._texts[key] = text
        return text

    def numbers(self, table: str, column: str) -> FloatArray:
        """Return a number column as float64; an empty cell is NaN."""
        key = (table, column)
        if key not in self._numbers:
            found, floats = self.column(table, column), self.floats(table, column)
            as_it_is = found.num_chunks == 1 and pa.types.is_float64(found.type) and not found.null_count
            whole = slice(0, len(found))
            self._numbers[key] = floats(whole) if as_it_is else self.filled(table, floats, np.float64)
        return self._numbers[key]

    def filled(self, table: str, values: Callable[[slice], Any], kind: DTypeLike, *shape: int) -> Any:
        """Return an array with a value for each row of a table, made piece by piece; it lies in a file when large."""
        found = self.scratch.zeros((self.table(table).num_rows, *shape), kind)
        for rows in self.pieces(table):
            found[rows] = values(rows)
        return found

    def keys(self, table: str) -> pa.Array:
        """Return the ids of a table's rows, as text."""
        return self.text(table, TABLES[table].primary_key)

    def lookup(self, table: str) -> Lookup:
        """Return what finds the row of an id, or end the check."""

        def make() -> Lookup:
            return Lookup(self.texts(table, TABLES[table].primary_key), self.table(table).num_rows, self.scratch)

        return self.keep(f"lookup {table}", make)

    def names(self, table: str, found: BoolArray | Hits) -> tuple[str, ...]:
        """Return the ids of the first rows of those found, a mask or hits, or their numbers where they have none."""
        first = found.rows if isinstance(found, Hits) else np.flatnonzero(found)[:MAX_IDS].tolist()
        try:
            keys = self.texts(table, TABLES[table].primary_key)(np.array(first, dtype=np.int64)).to_pylist()
        except CannotRun:
            keys = [None] * len(first)
        return tuple(key or f"row {row + 1}" for key, row in zip(keys, first, strict=True))

    def keep(self, key: str, make: Callable[[], T]) -> T:
        """Return what several checks share, made by the first that asks."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: T = self._kept[key]
        return kept

    @property
    def num_meters(self) -> int:
        """Rows of the meters table."""
        return int(self.table("meters").num_rows)

    @property
    def num_transformers(self) -> int:
        """Rows of the transformers table."""
        return int(self.table("transformers").num_rows)

    @cached_property
    def reading_columns(self) -> tuple[str, ...]:
        """Consumption columns, in the order of the table."""
        return tuple(name for name in self.table("meters").column_names if name.startswith(READINGS_PREFIX))

    @cached_property
    def month_numbers(self) -> tuple[int | None, ...]:
        """For each consumption column year * 12 + month - 1, or None where its name gives no calendar month."""
        found = [_MONTH_NAME.fullmatch(name) for name in self.reading_columns]
        return tuple(int(m[1]) * 12 + int(m[2]) - 1 if m else None for m in found)

    @property
    def known_months(self) -> IntArray:
        """(T,) month numbers, or end the check when a name gives none."""
        if not self.month_numbers or None in self.month_numbers:
            cure = "name each consumption column monthly_consumption_YYYYMM"
            raise CannotRun("the calendar months are not known", cure, table="meters")
        return np.array(self.month_numbers, dtype=np.int64)

    @property
    def months_by_row(self) -> list[Floats]:
        """Registered energy, month by month, each as :meth:`floats` gives it."""
        columns = [self.floats("meters", name) for name in self.reading_columns]
        if not columns:
            cure = "add columns monthly_consumption_YYYYMM"
            raise CannotRun("there is no consumption column", cure, table="meters")
        return columns

    @property
    def months_kwh(self) -> list[FloatArray]:
        """Registered energy of all meters, month by month; NaN where there is none."""
        columns = self.months_by_row
        return [self.numbers("meters", name) for name in self.reading_columns[: len(columns)]]

    def kwh_of(self, rows: Rows) -> FloatArray:
        """(n, months) registered energy of some meters; NaN where there is none."""
        return np.column_stack([kwh(rows) for kwh in self.months_by_row])

    @cached_property
    def kwh(self) -> FloatArray:
        """(meters, months) registered energy, all of it copied; NaN where there is none."""
        found: FloatArray = self.filled("meters", self.kwh_of, np.float64, len(self.months_by_row))
        return found

    @property
    def meter_transformer(self) -> IntArray:
        """(meters,) row of each meter's transformer, -1 where there is none."""
        return self.transformers_of("meters")

    def transformers_of(self, table: str) -> IntArray:
        """(n,) row of the transformer that each row of a table names, -1 where there is none."""
        names, known = self.texts(table, "transformer_id"), self.lookup("transformers")
        make = partial(self.filled, table, lambda rows: known.rows_of(names(rows)), np.int64)
        found: IntArray = self.keep(f"transformers of {table}", make)
        return found

    @cached_property
    def meters_per_transformer(self) -> IntArray:
        """(transformers,) number of meters."""
        home, count = self.meter_transformer, np.zeros(self.num_transformers + 1, dtype=np.int64)
        for rows in self.pieces("meters"):
            count += np.bincount(home[rows] + 1, minlength=len(count))
        return count[1:]

    @cached_property
    def class_index(self) -> IntArray:
        """(meters,) position in :data:`ghostload.config.CUSTOMER_CLASSES`, -1 for another class."""
        names, known = self.texts("meters", "customer_class"), pa.array(CUSTOMER_CLASSES)
        found: IntArray = self.filled("meters", lambda rows: rows_of(names(rows), known), np.int64)
        return found

    @cached_property
    def is_listed(self) -> BoolArray:
        """(meters,) whether the labels list the meter."""
        names, listed = self.texts("meters", "meter_id"), self.lookup("anomaly_labels")
        found: BoolArray = self.filled("meters", lambda rows: listed.rows_of(names(rows)) >= 0, np.bool_)
        return found

    @property
    def distances_m(self) -> Floats:
        """A function from rows of meters to distances from their transformers; NaN where either is not known."""
        lat, lon = self.floats("meters", "lat"), self.floats("meters", "lon")
        home = self.meter_transformer
        if not self.num_transformers:
            return lambda rows: np.full(len(home[rows]), np.nan)
        other_lat, other_lon = self.numbers("transformers", "lat"), self.numbers("transformers", "lon")

        def of(rows: Rows) -> FloatArray:
            at = home[rows]
            distance = distance_m(lat(rows), lon(rows), other_lat[at], other_lon[at])
            return np.where(at >= 0, distance, np.nan)

        return of

    @cached_property
    def meter_distance_m(self) -> FloatArray:
        """(meters,) distance from each meter to its transformer; NaN where either is not known."""
        found: FloatArray = self.filled("meters", self.distances_m, np.float64)
        return found


def distance_m(lat_a: FloatArray, lon_a: FloatArray, lat_b: FloatArray, lon_b: FloatArray) -> FloatArray:
    """Distance in m on the mean sphere, equirectangular: off by less than 0.1 % below 100 km and 60 degrees.

    Parameters
    ----------
    lat_a, lon_a, lat_b, lon_b : (n,) arrays
        Degrees.

    Returns
    -------
    (n,) array
    """
    north = (lat_b - lat_a) * METERS_PER_DEGREE
    east = (lon_b - lon_a) * METERS_PER_DEGREE * np.cos(np.radians((lat_a + lat_b) / 2))
    return np.asarray(np.hypot(north, east))


def properties_of(geojson: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the properties of each feature, empty for one that has none."""
    features = geojson.get("features")
    found = []
    for feature in features if isinstance(features, list | tuple) else ():
        properties = feature.get("properties") if isinstance(feature, Mapping) else None
        found.append(properties if isinstance(properties, Mapping) else {})
    return found
