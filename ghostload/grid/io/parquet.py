"""Our own file: a zip of one plain Parquet table a component, and ``meta.json``.

Tables have the columns of :mod:`ghostload.grid.schema`, so pandas, DuckDB and Polars read them as they are. Equal grids
give equal bytes with one version of pyarrow; dates in the zip are fixed.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ghostload.errors import DataError
from ghostload.grid.data import GridData, Table, make_table
from ghostload.grid.io.files import zip_members
from ghostload.grid.schema import COMPONENTS, Field

if TYPE_CHECKING:
    import pandas as pd

FORMAT: Final = "ghostload-grid"
VERSION: Final = 1
"""Raised when a reader of the version before would read a wrong grid."""

LARGE: Final = 1000
"""Rows from which on a table is compressed; smaller ones are smaller, and read in half the time, as they are."""

META: Final = "meta.json"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def to_parquet_bytes(data: GridData) -> bytes:
    """Return a grid as the bytes of a zip; components without rows have no table.

    The inverse is :func:`from_parquet_bytes`.
    """
    meta = {"format": FORMAT, "version": VERSION, "name": data.name, "sn_mva": data.sn_mva, "f_hz": data.f_hz}
    tables = {name: dict(table.items()) for name, table in data.tables.items() if len(table)}
    return pack(meta, {name: _arrow(name, columns) for name, columns in tables.items()})


def pack(meta: Mapping[str, Any], tables: Mapping[str, Any]) -> bytes:
    """Return a zip of ``meta.json`` and one Parquet file a table, always the same bytes for the same contents.

    Parameters
    ----------
    meta : mapping
        JSON types.
    tables : mapping of name to pyarrow.Table or DataFrame
        The index of a frame is written as a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, META, (json.dumps(dict(meta), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())
        for name, table in tables.items():
            arrow = (
                table
                if isinstance(table, pa.Table)
                else pa.Table.from_pandas(table.reset_index(), preserve_index=False)
            )
            sink = BytesIO()
            large = len(arrow) >= LARGE
            pq.write_table(
                arrow.replace_schema_metadata(None), sink,
                compression="zstd" if large else "none", use_dictionary=large,
            )  # fmt: skip
            _add(archive, f"{name}.parquet", sink.getvalue())
    return out.getvalue()


def unpack(data: bytes, source: str = "bytes") -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return the contents of :func:`pack` as a dictionary and DataFrames."""
    members = zip_members(data, source)
    frames = {
        name.removesuffix(".parquet"): _read(content, f"{source}: {name}").to_pandas()
        for name, content in members.items()
        if name.endswith(".parquet")
    }
    return _meta(members, source), frames


def from_parquet_bytes(data: bytes, source: str = "bytes") -> GridData:
    """Read what :func:`to_parquet_bytes` gave.

    Raises
    ------
    DataError
        It is no zip of ours, of a later version, or damaged; names the table.
    """
    return from_parquet_members(zip_members(data, source), source)


def from_parquet_members(members: Mapping[str, bytes], source: str) -> GridData:
    """Read the files of a zip, by name."""
    meta = _meta(members, source)
    if meta.get("format") != FORMAT:
        raise DataError(f"{source}: {META} says format {meta.get('format')!r}, must be {FORMAT!r}")
    version = meta.get("version")
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise DataError(f"{source}: format version {version!r} cannot be read, only up to {VERSION}; update ghostload")
    tables: dict[str, Table] = {}
    for name in COMPONENTS:
        content = members.get(f"{name}.parquet")
        if content is not None:
            place = f"{source}: {name}"
            arrow = _read(content, place)
            columns = {column: _numpy(arrow.column(column)) for column in arrow.column_names}
            tables[name] = make_table(name, columns, place=place)
    try:
        name, sn_mva, f_hz = str(meta["name"]), float(meta["sn_mva"]), float(meta["f_hz"])
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{source}: {META} must hold name, sn_mva and f_hz") from None
    return GridData(MappingProxyType(tables), sn_mva, f_hz, name)


def _arrow(component: str, columns: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    types = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "text": pa.string()}
    fields: tuple[Field, ...] = COMPONENTS[component].fields
    # from_pandas=False keeps NaN what it is: it is not "no value" here.
    arrays = [pa.array(columns[f.name], type=types[f.kind], from_pandas=False) for f in fields]
    return pa.table(arrays, schema=pa.schema([pa.field(f.name, types[f.kind], nullable=False) for f in fields]))


def _numpy(column: Any) -> Any:
    return column.to_numpy()


def _read(content: bytes, place: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        return file.read(use_threads=file.metadata.num_rows >= LARGE)
    except (pa.ArrowException, OSError) as problem:
        raise DataError(f"{place}: not readable as Parquet ({str(problem).splitlines()[0]})") from None


def _meta(members: Mapping[str, bytes], source: str) -> dict[str, Any]:
    if META not in members:
        raise DataError(f"{source}: holds no {META}; give a zip that ghostload wrote")
    try:
        meta = json.loads(members[META])
    except ValueError:
        raise DataError(f"{source}: {META} is not JSON") from None
    if not isinstance(meta, dict):
        raise DataError(f"{source}: {META} is not a JSON object")
    return meta


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)
