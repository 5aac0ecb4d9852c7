"""The part of the MATLAB language that MATPOWER case files are written in.

Literals of matrices and cells, scalar and elementwise arithmetic, indexing with scalars, colons and lists, assignment
to a part of a matrix, a few functions, and ``if`` on a value that is known. No loops, no function definitions, no
strings beyond literals: a file that needs them is refused with the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError
from ghostload.grid.io.matlab_text import Statement
from ghostload.grid.io.matlab_values import BINARY, CONSTANTS, FUNCTIONS

Value = Any
FloatArray = NDArray[np.float64]

_NUMERIC_BODY = re.compile(r"[\d\s.eE+\-,;]*(?:(?:Inf|inf|NaN|nan)[\d\s.eE+\-,;]*)*")
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?)
    | (?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)
    | (?P<string>'(?:[^']|'')*')
    | (?P<op>\.\*|\./|\.\^|==|~=|<=|>=|&&|\|\||[-+*/^()\[\],:;<>&|~'=])
    )""",
    re.VERBOSE,
)
_UNARY_BINDS = 9
_COLON_BINDS = 6


@dataclass
class Workspace:
    """Variables of a script; fields of a structure are variables with a dot in their name.

    Attributes
    ----------
    source : str
        File, for messages.
    constants : mapping
        Names that ``define_constants`` sets.
    tuples : mapping of function name to tuple of numbers
        Values of functions that return lists of column numbers: ``[PQ, PV, ...] = idx_bus``.
    """

    source: str
    constants: Mapping[str, float] = field(default_factory=dict)
    tuples: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    variables: dict[str, Value] = field(default_factory=dict)

    def run(self, statements: list[Statement], wanted: Callable[[str], bool]) -> None:
        """Execute statements; assignments to variables that are not wanted are passed over."""
        skipping, depth = 0, 0
        for statement in statements:
            word = re.match(r"[A-Za-z]\w*", statement.text)
            key = word.group() if word else ""
            if key in ("for", "while", "switch", "try", "parfor"):
                raise self._error(statement, f"{key!r} is not understood; save the case as plain numbers with savecase")
            if key == "if":
                depth += 1
                if not skipping and not self._truth(statement):
                    skipping = depth
            elif key in ("else", "elseif"):
                skipping = self._branch(statement, key, skipping, depth)
            elif key == "end":
                skipping = 0 if skipping == depth else skipping
                depth -= 1
            elif not skipping:
                self._execute(statement, wanted)

    def _branch(self, statement: Statement, key: str, skipping: int, depth: int) -> int:
        if key == "elseif":
            raise self._error(statement, "'elseif' is not understood; save the case as plain numbers with savecase")
        if skipping == depth:
            return 0
        return skipping or depth

    def _truth(self, statement: Statement) -> bool:
        value = self._evaluate(re.sub(r"^if\b", "", statement.text), statement)
        return bool(np.size(value)) and bool(np.all(value))

    def _execute(self, statement: Statement, wanted: Callable[[str], bool]) -> None:
        text = statement.text
        if text.startswith("function") or text in ("return", ""):
            return
        if text == "define_constants":
            self.variables.update(self.constants)
            return
        left, right = _split_assignment(text)
        if right is None:
            return
        if left.startswith("["):
            self._assign_tuple(left, right, statement)
            return
        name = re.match(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*", left)
        if name is None:
            raise self._error(statement, f"cannot assign to {left!r}")
        if not wanted(name.group()):
            return
        value = self._evaluate(right, statement)
        rest = left[name.end() :].strip()
        if not rest:
            self.variables[name.group()] = value
        else:
            self._assign_part(name.group(), rest, value, statement)

    def _assign_tuple(self, left: str, right: str, statement: Statement) -> None:
        names = [n for n in re.split(r"[\s,]+", left.strip("[] \t")) if n]
        values = self.tuples.get(right.strip().removesuffix("()"))
        if values is None:
            raise self._error(statement, f"function {right.strip()!r} is not known")
        self.variables.update(zip(names, values, strict=False))

    def _assign_part(self, name: str, rest: str, value: Value, statement: Statement) -> None:
        array = self.variables.get(name)
        if not isinstance(array, np.ndarray) or array.ndim != 2 or not rest.endswith(")"):
            raise self._error(statement, f"cannot assign to a part of {name!r}")
        array = array.copy()
        try:
            keys = _Parser(self, rest, statement).arguments(array.shape)
            if len(keys) != 2:
                raise self._error(statement, f"{name!r} needs a row and a column index")
            rows, columns = (_index(key, array.shape[axis]) for axis, key in enumerate(keys))
            array[np.ix_(rows, columns)] = _as_part(value, len(rows), len(columns))
        except (ValueError, IndexError, TypeError):
            raise self._error(statement, f"the value does not fit into this part of {name!r}") from None
        self.variables[name] = array

    def _evaluate(self, text: str, statement: Statement) -> Value:
        text = text.strip()
        try:
            with np.errstate(all="ignore"):
                if text.startswith("{"):
                    return _cell(text)
                if text.startswith("[") and _closes(text):
                    return self._matrix(text[1:-1], statement)
                return _Parser(self, text, statement).whole()
        except (ValueError, IndexError, TypeError) as problem:
            if isinstance(problem, DataError):
                raise
            shown = text if len(text) <= 60 else text[:57] + "..."
            raise self._error(statement, f"cannot evaluate {shown!r}") from None

    def _matrix(self, body: str, statement: Statement) -> FloatArray:
        rows: list[list[float]] = []
        plain = _NUMERIC_BODY.fullmatch(body) is not None
        for offset, line in enumerate(body.split("\n")):
            for part in line.split(";"):
                if not part.strip():
                    continue
                try:
                    row = (
                        [float(cell) for cell in part.replace(",", " ").split()]
                        if plain
                        else self._row(part, statement)
                    )
                except ValueError:
                    row = self._row(part, statement)
                if rows and len(row) != len(rows[0]):
                    where = Statement("", statement.line + offset)
                    raise self._error(where, f"row has {len(row)} numbers, the rows above have {len(rows[0])}")
                rows.append(row)
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)

    def _row(self, text: str, statement: Statement) -> list[float]:
        row: list[float] = []
        for cell in _cells_of_row(text):
            row.extend(np.asarray(_Parser(self, cell, statement).whole(), dtype=np.float64).ravel().tolist())
        return row

    def _error(self, statement: Statement, what: str) -> DataError:
        return DataError(f"{self.source}: line {statement.line}: {what}")


class _Parser:
    """Evaluates one expression by precedence climbing."""

    def __init__(self, workspace: Workspace, text: str, statement: Statement) -> None:
        self._workspace, self._text, self._statement = workspace, text, statement
        self._tokens = list(_tokens(text))
        self._at = 0

    def whole(self) -> Value:
        value = self._expression(0)
        if self._at != len(self._tokens):
            raise ValueError(self._text)
        return value

    def arguments(self, shape: tuple[int, ...] = ()) -> list[Value]:
        """Read ``(a, b, ...)``; a lone colon stands for all, ``end`` for the size along that axis."""
        self._take("(")
        found: list[Value] = []
        while True:
            if self._peek() == ":" and self._peek(1) in (",", ")"):
                self._at += 1
                found.append(slice(None))
            else:
                self._workspace.variables["end"] = float(shape[len(found)]) if len(found) < len(shape) else np.nan
                found.append(self._expression(0))
            if self._peek() != ",":
                break
            self._at += 1
        self._take(")")
        return found

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _take(self, symbol: str) -> None:
        if self._peek() != symbol:
            raise ValueError(f"expected {symbol}")
        self._at += 1

    def _expression(self, least: int) -> Value:
        value = self._unary()
        while True:
            symbol = self._peek()
            if symbol == "'":
                self._at += 1
                value = np.transpose(value)
            elif symbol == ":" and least <= _COLON_BINDS:
                self._at += 1
                stop = self._expression(_COLON_BINDS + 1)
                value = np.arange(float(value), float(stop) + 0.5)
            elif symbol in BINARY and BINARY[symbol][0] >= max(least, 1):
                binds, operation = BINARY[symbol]
                self._at += 1
                value = operation(value, self._expression(binds + 1))
            else:
                return value

    def _unary(self) -> Value:
        symbol = self._peek()
        if symbol in ("-", "+", "~"):
            self._at += 1
            value = self._expression(_UNARY_BINDS)
            return np.logical_not(value) if symbol == "~" else -value if symbol == "-" else value
        return self._primary()

    def _primary(self) -> Value:
        if self._at >= len(self._tokens):
            raise ValueError("nothing to evaluate")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return float(text.replace("d", "e").replace("D", "e"))
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if text == "(":
            value = self._expression(0)
            self._take(")")
            return value
        if text == "[":
            return self._list()
        if kind == "name":
            return self._named(text)
        raise ValueError(text)

    def _list(self) -> FloatArray:
        parts: list[Any] = []
        while self._peek() != "]":
            if self._peek() == ",":
                self._at += 1
                continue
            parts.append(self._expression(0))
        self._at += 1
        return np.concatenate([np.atleast_1d(np.asarray(p, dtype=np.float64)) for p in parts]) if parts else np.empty(0)

    def _named(self, name: str) -> Value:
        variables = self._workspace.variables
        if name in variables:
            value = variables[name]
            if self._peek() != "(":
                return value
            shape = np.shape(value)
            return _part(value, self.arguments(shape))
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in FUNCTIONS and self._peek() == "(":
            return FUNCTIONS[name](*self.arguments())
        raise self._workspace._error(self._statement, f"{name!r} is not known")


def _split_assignment(text: str) -> tuple[str, str | None]:
    head = text[:400]
    match = re.search(r"(?<![=~<>])=(?!=)", head)
    if match is None:
        return text, None
    return text[: match.start()].strip(), text[match.end() :]


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    end = len(text.rstrip())
    brackets: list[str] = []
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            raise ValueError(text[at : at + 20])
        kind = str(match.lastgroup)
        start, token = match.start(kind), match.group(kind)
        if kind == "string" and start and (text[start - 1].isalnum() or text[start - 1] in ")]_"):
            yield "op", "'"
            at = start + 1
            continue
        if token in "([":
            brackets.append(token)
        elif token in ")]" and brackets:
            brackets.pop()
        elif token in "+-" and brackets[-1:] == ["["] and start > at and not text[start + 1 : start + 2].isspace():
            yield "op", ","
        yield kind, token
        at = match.end()


def _closes(text: str) -> bool:
    """Whether the first bracket closes at the very end."""
    return text.endswith("]") and text.count("[") == 1


def _cells_of_row(text: str) -> list[str]:
    """Cut a row of a matrix at blanks and commas; a sign with a blank after it joins, as MATLAB has it."""
    joined = re.sub(r"\s*([*/^])\s*", r"\1", text)
    joined = re.sub(r"\s+([+-])\s+", r"\1", joined)
    cells, depth, current = [], 0, ""
    for char in joined:
        if depth == 0 and (char.isspace() or char == ","):
            if current:
                cells.append(current)
            current = ""
            continue
        depth += (char in "([") - (char in ")]")
        current += char
    return [*cells, current] if current else cells


def _cell(text: str) -> list[str]:
    return [part[1:-1].replace("''", "'") for part in re.findall(r"'(?:[^'\n]|'')*'", text)]


def _index(key: Value, size: int) -> NDArray[np.int64]:
    if isinstance(key, slice):
        return np.arange(size)
    array = np.atleast_1d(np.asarray(key))
    if array.dtype.kind == "b":
        return np.flatnonzero(array)
    if not np.isfinite(array).all():
        raise IndexError(key)
    at = array.astype(np.int64).ravel() - 1
    if len(at) and (at.min() < 0 or at.max() >= size):
        raise IndexError(key)
    return at


def _part(value: Value, keys: list[Value]) -> Value:
    array = np.asarray(value)
    if len(keys) == 1:
        flat = array.ravel(order="F")
        out = flat[_index(keys[0], len(flat))]
    else:
        array = np.atleast_2d(array)
        out = array[np.ix_(*(_index(key, array.shape[axis]) for axis, key in enumerate(keys)))]
    return out.ravel()[0] if out.size == 1 and not any(isinstance(key, slice) for key in keys) else out


def _as_part(value: Value, rows: int, columns: int) -> Value:
    array = np.asarray(value, dtype=np.float64)
    return array.reshape(rows, columns) if array.size == rows * columns else array
