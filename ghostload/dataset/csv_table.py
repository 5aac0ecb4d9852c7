"""Reading one CSV file into the types that the schema gives, without guessing and without losing what does not fit.

A first pass forces every type. When a cell does not fit, a second pass reads text, casts column by column, and leaves a
column that does not parse as text, so that validation can tell which cells are wrong.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from ghostload.schema import TableSchema

READINGS_PREFIX = "monthly_"
"""Columns of a table with months that start so are energy."""

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "month": pa.string(),
    "float": pa.float64(),
    "integer": pa.int64(),
}
_HEADER_LIMIT = 1 << 20
_NUMBER = {
    "float": r"^\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?([nN][aA][nN]|[iI][nN][fF]([iI][nN][iI][tT][yY])?))\s*$",
    "integer": r"^\s*[+-]?\d{1,18}\s*$",
}


@dataclass(frozen=True)
class FileProblem:
    """Something wrong with a file as a whole.

    Attributes
    ----------
    file, message, cure : str
    column : str
        Empty where it is not about one column.
    missing : bool
        The file is not there at all.
    """

    file: str
    message: str
    cure: str
    column: str = ""
    missing: bool = False

    def __str__(self) -> str:
        place = f"{self.file}: {self.column}" if self.column else self.file
        return f"{place}: {self.message}; {self.cure}"


def kind_of(name: str, schema: TableSchema) -> str | None:
    """Return the kind of a column by its name; None for a column that the schema does not know."""
    for column in schema.columns:
        if column.name == name:
            return column.kind
    return "float" if schema.has_months and name.startswith(READINGS_PREFIX) else None


def fits_kind(data_type: pa.DataType, kind: str) -> bool:
    """Whether an Arrow type can stand for a kind of column."""
    if kind == "float":
        return bool(pa.types.is_floating(data_type) or pa.types.is_integer(data_type))
    if kind == "integer":
        return bool(pa.types.is_integer(data_type))
    return is_text(data_type)


def is_text(data_type: pa.DataType) -> bool:
    """Whether an Arrow type is text, plain or dictionary-encoded."""
    if pa.types.is_dictionary(data_type):
        return is_text(data_type.value_type)
    return bool(
        pa.types.is_string(data_type) or pa.types.is_large_string(data_type) or pa.types.is_string_view(data_type)
    )


def cells_not_of_kind(column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray | None:
    """Return the mask of the cells that are no number of this kind; None when the column is not text."""
    if not is_text(column.type) or kind not in _NUMBER:
        return None
    matches = pc.match_substring_regex(column.cast(pa.string()), _NUMBER[kind])
    return pc.fill_null(pc.invert(matches), False)


def read_table(path: Path, schema: TableSchema) -> tuple[pa.Table | None, list[FileProblem]]:
    """Read a CSV file as one table of the schema.

    Returns
    -------
    table, problems
        The table is None when nothing can be read. Columns are as the file has them; one that does not parse stays
        text; cells that are empty are null; text is never taken for a number, a date or a null.
    """
    name = path.name
    try:
        header, only_header = _read_header(path)
    except FileNotFoundError:
        cure = f"a {schema.name} table begins with the header {','.join(schema.column_names[:3])},..."
        return None, [FileProblem(name, "is not there", cure, missing=True)]
    except OSError as error:
        return None, [FileProblem(name, f"cannot be read ({error.strerror or error})", "make it a readable file")]
    except ValueError as error:
        return None, [FileProblem(name, str(error), "write it as plain CSV text in UTF-8, with a header line")]
    problems = _header_problems(name, header, schema)
    types = {column: ARROW_TYPES[kind_of(column, schema) or "string"] for column in header}
    if only_header:
        return pa.table({c: pa.array([], t) for c, t in types.items()}), problems
    try:
        table = _parse(path, types)
    except pa.ArrowInvalid:
        table, more = _parse_leniently(path, types, len(header))
        problems.extend(more)
    return (None if table is None else _without_repeats(table)), problems


def _read_header(path: Path) -> tuple[list[str], bool]:
    """Return the column names and whether there is nothing after them."""
    with path.open("rb") as file:
        line = file.readline(_HEADER_LIMIT)
        only_header = not file.read(1)
    if not line.strip():
        raise ValueError("is empty" if only_header else "begins with an empty line")
    if b"\0" in line:
        raise ValueError("is not UTF-8 text (it holds zero bytes, as UTF-16 and binary files do)")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 text (byte {error.start + 1} of the header)") from None
    try:
        return next(csv.reader([text], strict=True)), only_header
    except csv.Error as error:
        raise ValueError(f"has a header that is not CSV ({error})") from None


def _header_problems(name: str, header: Sequence[str], schema: TableSchema) -> list[FileProblem]:
    problems = []
    for mark, word in ((";", "semicolon"), ("\t", "tab"), ("|", "bar")):
        if len(header) == 1 and header[0].count(mark) >= 2:
            problems.append(FileProblem(name, f"its columns are parted by a {word}", "write it with commas"))
    for column in dict.fromkeys(c for c in header if header.count(c) > 1):
        cure = "keep one of them; the first was read"
        problems.append(FileProblem(name, f"the header has it {header.count(column)} times", cure, column=column))
    return problems


def _options(types: Mapping[str, pa.DataType]) -> pv.ConvertOptions:
    return pv.ConvertOptions(column_types=dict(types), null_values=[""], strings_can_be_null=True)


def _parse(path: Path, types: Mapping[str, pa.DataType]) -> pa.Table:
    return pv.read_csv(path, convert_options=_options(types))


def _parse_leniently(
    path: Path, types: Mapping[str, pa.DataType], width: int
) -> tuple[pa.Table | None, list[FileProblem]]:
    """Read all cells as text, leave out rows of the wrong length, and cast the columns that can be cast."""
    content = path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, [FileProblem(path.name, f"is not UTF-8 text (line {line})", "write it in UTF-8")]
    ragged: list[int] = []

    def leave_out(row: Any) -> str:
        ragged.append(int(row.number or 0))
        return "skip"

    try:
        table = pv.read_csv(
            pa.BufferReader(content),
            read_options=pv.ReadOptions(use_threads=False),
            parse_options=pv.ParseOptions(newlines_in_values=True, invalid_row_handler=leave_out),
            convert_options=_options(dict.fromkeys(types, pa.string())),
        )
    except pa.ArrowInvalid as error:
        reason = " ".join(str(error).split())[:160]
        cure = "write it as plain CSV in UTF-8, commas between cells, quotes in pairs"
        return None, [FileProblem(path.name, f"cannot be read ({reason})", cure)]
    columns = [_cast_if_it_fits(table.column(i), types[name]) for i, name in enumerate(table.column_names)]
    problems = []
    if ragged:
        rows = "1 line has" if len(ragged) == 1 else f"{len(ragged)} lines have"
        message = f"{rows} not {width} cells, the first is line {ragged[0]}"
        problems.append(FileProblem(path.name, message, "put a cell for each column; these lines were left out"))
    return pa.Table.from_arrays(columns, names=table.column_names), problems


def _cast_if_it_fits(column: pa.ChunkedArray, data_type: pa.DataType) -> pa.ChunkedArray:
    if data_type == pa.string():
        return column
    try:
        return pc.utf8_trim_whitespace(column).cast(data_type)
    except pa.ArrowInvalid:
        return column


def _without_repeats(table: pa.Table) -> pa.Table:
    """Keep the first of columns that share a name."""
    names = table.column_names
    return table.select([i for i, name in enumerate(names) if names.index(name) == i])
