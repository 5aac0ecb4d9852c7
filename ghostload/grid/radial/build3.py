"""Feeders from their parts: elements as objects or as dicts of their columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from ghostload.errors import UsageError, did_you_mean
from ghostload.grid.radial.three_phase import (
    Bus3,
    Line3,
    LineCode,
    Load3,
    Source3,
    ThreePhaseGrid,
    Transformer1,
    Transformer3,
)

Row = TypeVar("Row")


def feeder_of(parts: Mapping[str, Any]) -> ThreePhaseGrid:
    """Make a feeder of its parts."""
    known = [field.name for field in dataclasses.fields(ThreePhaseGrid)]
    for name in parts:
        if name not in known:
            raise UsageError(f"PowerGrid3ph: unknown part {name!r}{did_you_mean(name, known)}")
    for name in ("buses", "source"):
        if name not in parts:
            raise UsageError(f"PowerGrid3ph: {name} is missing; give a case, or buses, a source and what hangs on them")
    codes = {
        name: code if isinstance(code, LineCode) else LineCode(np.asarray(code, np.complex128))
        for name, code in parts.get("codes", {}).items()
    }
    return ThreePhaseGrid(
        buses=_rows(Bus3, parts["buses"], "bus"),
        source=_rows(Source3, [parts["source"]], "source")[0],
        lines=_rows(Line3, parts.get("lines", ()), "line"),
        transformers=_rows(Transformer3, parts.get("transformers", ()), "transformer"),
        loads=_rows(Load3, parts.get("loads", ()), "load"),
        codes=codes,
        single_phase=_rows(Transformer1, parts.get("single_phase", ()), "single-phase transformer"),
        **{name: parts[name] for name in ("f_hz", "name") if name in parts},
    )


def _rows(kind: type[Row], rows: Iterable[Any], what: str) -> tuple[Row, ...]:
    """Return elements, made of dicts where they are not yet."""
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    out: list[Row] = []
    for number, row in enumerate(rows):
        if isinstance(row, kind):
            out.append(row)
            continue
        if not isinstance(row, Mapping):
            raise UsageError(f"{what} {number}: is {type(row).__name__}, must be {kind.__name__} or a dict")
        for name in row:
            if name not in fields:
                raise UsageError(f"{what} {number}: unknown column {name!r}{did_you_mean(name, fields)}")
        none = dataclasses.MISSING
        missing = [name for name, field in fields.items() if name not in row and field.default is none]
        if missing:
            raise UsageError(f"{what} {number}: {missing[0]} is missing; give it")
        out.append(kind(**row))
    return tuple(out)
