"""What checks look at: the tables as arrays, taken out of Arrow once, and the reasons why that may not be possible."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.config.model import CUSTOMER_CLASSES, GeneratorConfig
from ghostload.dataset.csv_table import READINGS_PREFIX, FileProblem, fits_kind, is_text
from ghostload.dataset.dataset import Dataset
from ghostload.schema import TABLES, TableSchema
from ghostload.streams import BoolArray, FloatArray, IntArray
from ghostload.validation.finding import MAX_IDS

T = TypeVar("T")

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

    Attributes
    ----------
    dataset : Dataset
    folder : Path, optional
        Where it was read from; None for a data set in memory.
    problems : tuple of FileProblem
        What could not be read there.
    """

    def __init__(self, dataset: Dataset, *, folder: Path | None = None, problems: Sequence[FileProblem] = ()) -> None:
        self.dataset = dataset
        self.folder = folder
        self.problems = tuple(problems)
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
        if column not in found.column_names:
            raise CannotRun("the column is missing", f"add it to {TABLES[table].file}", table=table, column=column)
        return found.column(found.column_names.index(column))

    def text(self, table: str, column: str) -> pa.Array:
        """Return a text column as one Arrow string array; an empty cell is null."""
        key = (table, column)
        if key in self._texts:
            return self._texts[key]
        found = self.column(table, column)
        if not is_text(found.type):
            message = f"the column is {found.type}, not text"
            raise CannotRun(message, "write it as text", table=table, column=column)
        text = one_array(found.cast(pa.string()))
        if not pa.types.is_dictionary(found.type):  # decoding is quick, and what is decoded is large
            self._texts[key] = text
        return text

    def numbers(self, table: str, column: str) -> FloatArray:
        """Return a number column as float64; an empty cell is NaN."""
        key = (table, column)
        if key not in self._numbers:
            found = self.column(table, column)
            if not fits_kind(found.type, "float"):
                message = f"the column is {found.type}, not numbers"
                raise CannotRun(message, "see the finding on its cells", table=table, column=column)
            self._numbers[key] = as_floats(found)
        return self._numbers[key]

    def keys(self, table: str) -> pa.Array:
        """Return the ids of a table's rows, as text."""
        return self.text(table, TABLES[table].primary_key)

    def names(self, table: str, mask: BoolArray) -> tuple[str, ...]:
        """Return the ids of the first rows in a mask, or their numbers where they have none."""
        rows = np.flatnonzero(mask)[:MAX_IDS]
        try:
            keys = self.keys(table).take(pa.array(rows)).to_pylist()
        except CannotRun:
            keys = [None] * len(rows)
        return tuple(key or f"row {row + 1}" for key, row in zip(keys, rows.tolist(), strict=True))

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
    def months_kwh(self) -> list[FloatArray]:
        """Registered energy of all meters, month by month; NaN where there is none."""
        columns = [self.numbers("meters", name) for name in self.reading_columns]
        if not columns:
            cure = "add columns monthly_consumption_YYYYMM"
            raise CannotRun("there is no consumption column", cure, table="meters")
        return columns

    def kwh_of(self, rows: IntArray | slice) -> FloatArray:
        """(n, months) registered energy of some meters; NaN where there is none."""
        return np.column_stack([column[rows] for column in self.months_kwh])

    @cached_property
    def kwh(self) -> FloatArray:
        """(meters, months) registered energy, all of it copied; NaN where there is none."""
        return self.kwh_of(slice(None))

    @cached_property
    def meter_transformer(self) -> IntArray:
        """(meters,) row of each meter's transformer, -1 where there is none."""
        return rows_of(self.text("meters", "transformer_id"), self.keys("transformers"))

    @cached_property
    def meters_per_transformer(self) -> IntArray:
        """(transformers,) number of meters."""
        known = self.meter_transformer[self.meter_transformer >= 0]
        return np.bincount(known, minlength=self.num_transformers).astype(np.int64)

    @cached_property
    def class_index(self) -> IntArray:
        """(meters,) position in :data:`ghostload.config.CUSTOMER_CLASSES`, -1 for another class."""
        return rows_of(self.text("meters", "customer_class"), pa.array(CUSTOMER_CLASSES))

    @cached_property
    def is_listed(self) -> BoolArray:
        """(meters,) whether the labels list the meter."""
        return np.asarray(rows_of(self.keys("meters"), self.text("anomaly_labels", "meter_id")) >= 0)

    @cached_property
    def meter_distance_m(self) -> FloatArray:
        """(meters,) distance from each meter to its transformer; NaN where either is not known."""
        lat, lon = self.numbers("meters", "lat"), self.numbers("meters", "lon")
        rows = self.meter_transformer
        if not self.num_transformers:
            return np.full(len(lat), np.nan)
        other_lat, other_lon = (self.numbers("transformers", axis)[rows] for axis in ("lat", "lon"))
        distance = distance_m(lat, lon, other_lat, other_lon)
        return np.where(rows >= 0, distance, np.nan)


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return the chunks as one array."""
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) and joined.num_chunks else joined


def as_floats(column: pa.ChunkedArray) -> FloatArray:
    """Return a number column as float64, NaN for null."""
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def rows_of(values: pa.Array, keys: pa.Array) -> IntArray:
    """Return the row in ``keys`` at which each value first stands, -1 where it does not, or is null."""
    found = pc.index_in(values, value_set=keys, skip_nulls=True)
    return np.asarray(pc.fill_null(found, -1), dtype=np.int64)


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
