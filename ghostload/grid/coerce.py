"""Columns of any origin as arrays of the four kinds; what cannot be converted is refused with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError
from ghostload.grid.schema import Field, Kind

Array = NDArray[Any]

DTYPES: Final[Mapping[Kind, np.dtype[Any]]] = {
    "int": np.dtype(np.int64),
    "float": np.dtype(np.float64),
    "bool": np.dtype(np.bool_),
    "text": np.dtype(object),
}
_TRUE, _FALSE = frozenset({"true", "1", "1.0"}), frozenset({"false", "0", "0.0"})
_EMPTY_TEXT = frozenset({"", "nan", "none", "null", "na", "<na>"})
_NUMBER_IN_TEXT = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|\s*[+-]?inf(inity)?\s*", re.IGNORECASE)


def empty(field: Field) -> Array:
    """Return an array of no rows."""
    return np.empty(0, DTYPES[field.kind])


def filled(field: Field, rows: int) -> Array:
    """Return the default of a column, ``rows`` times."""
    out = np.empty(rows, DTYPES[field.kind])
    out[:] = field.default
    return out


def convert(field: Field, values: Any, *, place: str, fill: bool = True) -> Array:
    """Return values as a new array of the column's dtype.

    Parameters
    ----------
    field : Field
    values : array-like
        One value a row; None, NaN, NA and empty text are empty cells.
    place : str
        Component or file, for messages.
    fill : bool
        Give empty cells the column's default. Without, they stay NaN where that can be, and are refused elsewhere.

    Raises
    ------
    DataError
        A cell cannot be read as the column's kind, or is empty where there has to be a value.
    """
    array = _as_array(values, place, field)
    hollow = _is_empty(array)
    out = _CONVERTERS[field.kind](field, array, hollow, place)
    if hollow.any():
        _fill(field, out, hollow, place, fill)
    if field.domain is not None:
        _check_domain(field, out, place)
    return out


def _as_array(values: Any, place: str, field: Field) -> Array:
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    array = np.asarray(values) if isinstance(values, np.ndarray) else np.asarray(values, dtype=_dtype_for(values))
    if array.ndim != 1:
        raise DataError(f"{place}.{field.name}: has {array.ndim} dimensions, must be one value a row")
    return array


def _dtype_for(values: Any) -> Any:
    """Keep lists that mix text or None with numbers as objects, so that no number turns into text."""
    if isinstance(values, list | tuple) and any(isinstance(v, str) or v is None for v in values):
        return object
    return None


def _is_empty(array: Array) -> NDArray[np.bool_]:
    if array.dtype.kind == "f":
        return np.isnan(array)
    if array.dtype.kind == "O":
        return np.fromiter((_cell_is_empty(cell) for cell in array), np.bool_, len(array))
    if array.dtype.kind == "U":
        return np.fromiter((cell.strip().lower() in _EMPTY_TEXT for cell in array), np.bool_, len(array))
    return np.zeros(len(array), np.bool_)


def _cell_is_empty(cell: Any) -> bool:
    if cell is None:
        return True
    if isinstance(cell, str):
        return cell.strip().lower() in _EMPTY_TEXT
    # NaN is the only float that differs from itself; pandas' NA refuses to be compared as a truth value.
    return type(cell).__name__ in {"NAType", "NaTType"} or (
        isinstance(cell, float | np.floating) and bool(cell != cell)
    )


def _refuse(field: Field, row: int, cell: Any, place: str, need: str) -> DataError:
    shown = repr(cell.item() if isinstance(cell, np.generic) else cell)
    return DataError(f"{place}.{field.name}: row {row} is {shown}, must be {need}")


def _to_float(field: Field, array: Array, hollow: NDArray[np.bool_], place: str) -> Array:
    if array.dtype.kind in "fiub":
        return array.astype(np.float64)
    out = np.full(len(array), np.nan)
    quick = _quick_floats(array, hollow)
    if quick is not None:
        return quick
    for row in np.flatnonzero(~hollow):
        cell = array[row]
        if isinstance(cell, str) and not _NUMBER_IN_TEXT.fullmatch(cell):
            raise _refuse(field, int(row), cell, place, "a number")
        try:
            out[row] = float(cell)
        except (TypeError, ValueError, OverflowError):
            raise _refuse(field, int(row), cell, place, "a number") from None
    return out


def _quick_floats(array: Array, hollow: NDArray[np.bool_]) -> Array | None:
    """Convert text without a look at each cell; None where a cell needs one."""
    cells = ["nan" if none else cell for cell, none in zip(array.tolist(), hollow, strict=True)]
    try:
        return (
            None if any("_" in str(cell) for cell in cells) else np.fromiter(map(float, cells), np.float64, len(cells))
        )
    except (TypeError, ValueError, OverflowError):
        return None


def _to_int(field: Field, array: Array, hollow: NDArray[np.bool_], place: str) -> Array:
    if array.dtype.kind in "iub":
        if array.dtype == np.uint64 and len(array) and array.max() > np.iinfo(np.int64).max:
            raise _refuse(field, int(array.argmax()), array.max(), place, "a whole number below 2**63")
        return array.astype(np.int64)
    exact = _exact_ints(array, hollow)
    if exact is not None:
        return exact
    real = _to_float(field, array, hollow, place)
    wrong = ~hollow & ~((np.abs(real) < 2.0**53) & (real == np.floor(real)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise _refuse(field, row, array[row], place, "a whole number")
    return np.where(hollow, 0.0, real).astype(np.int64)


def _exact_ints(array: Array, hollow: NDArray[np.bool_]) -> Array | None:
    """Whole numbers above 2**53 that came as Python objects or text keep all their digits."""
    if array.dtype.kind not in "OU":
        return None
    try:
        return np.array(
            [
                0 if none else (cell if isinstance(cell, int) else int(str(cell)))
                for cell, none in zip(array, hollow, strict=True)
            ],
            dtype=np.int64,
        )
    except (ValueError, OverflowError):
        return None


def _to_bool(field: Field, array: Array, hollow: NDArray[np.bool_], place: str) -> Array:
    if array.dtype.kind == "b":
        return array.copy()
    out = np.zeros(len(array), np.bool_)
    for row in np.flatnonzero(~hollow):
        text = str(array[row]).strip().lower()
        if text not in _TRUE and text not in _FALSE:
            raise _refuse(field, int(row), array[row], place, "true or false")
        out[row] = text in _TRUE
    return out


def _to_text(field: Field, array: Array, hollow: NDArray[np.bool_], place: str) -> Array:
    del field, place
    out = np.empty(len(array), object)
    out[:] = [
        "" if none and not _means_itself(cell) else str(cell) for cell, none in zip(array.tolist(), hollow, strict=True)
    ]
    return out


def _means_itself(cell: Any) -> bool:
    """Say whether a cell is a text after all: a bus may well be called "NA"."""
    return isinstance(cell, str) and cell.strip() != ""


_CONVERTERS: Final[Mapping[Kind, Callable[[Field, Array, NDArray[np.bool_], str], Array]]] = {
    "int": _to_int,
    "float": _to_float,
    "bool": _to_bool,
    "text": _to_text,
}


def _fill(field: Field, out: Array, hollow: NDArray[np.bool_], place: str, fill: bool) -> None:
    if field.kind == "text":
        return
    if field.kind == "float":
        if fill and not field.required:
            out[hollow] = field.default
        return
    if fill and not field.required:
        out[hollow] = field.default
        return
    what = f"id of a {field.refers}" if field.refers else "whole number" if field.kind == "int" else "true or false"
    raise DataError(f"{place}.{field.name}: row {int(np.argmax(hollow))} is empty, give the {what}")


def _check_domain(field: Field, out: Array, place: str) -> None:
    allowed = frozenset(field.domain or ())
    for row, text in enumerate(out):
        if text not in allowed:
            names = ", ".join(repr(name) for name in field.domain or () if name)
            raise _refuse(field, row, text, place, f"one of {names}" + (" or empty" if "" in allowed else ""))
