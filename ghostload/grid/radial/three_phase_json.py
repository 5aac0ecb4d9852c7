"""Feeders as JSON: one table a component, complex numbers as pairs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from ghostload.errors import DataError
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

_FORMAT = "ghostload three-phase feeder"
_VERSION = 1
_TABLES: dict[str, type[Any]] = {
    "buses": Bus3,
    "lines": Line3,
    "transformers": Transformer3,
    "single_phase": Transformer1,
    "loads": Load3,
}
_MAY_LACK = {"single_phase"}


def feeder_to_json(grid: ThreePhaseGrid) -> str:
    """Write a feeder as text; :func:`feeder_from_json` reads it back to the same feeder."""
    document: dict[str, Any] = {"format": _FORMAT, "version": _VERSION, "name": grid.name, "f_hz": grid.f_hz}
    source = dataclasses.asdict(grid.source)
    document["source"] = source | {key: _pair(source[key]) for key in ("z1_ohm", "z0_ohm")}
    document["codes"] = {
        name: {
            "z_ohm_per_km": [[_pair(z) for z in row] for row in np.asarray(code.z_ohm_per_km).tolist()],
            "c_nf_per_km": None if code.c_nf_per_km is None else np.asarray(code.c_nf_per_km).tolist(),
        }
        | ({} if code.max_i_ka is None else {"max_i_ka": code.max_i_ka})
        for name, code in grid.codes.items()
    }
    for table, kind in _TABLES.items():
        if table in _MAY_LACK and not getattr(grid, table):
            continue
        columns = [f.name for f in dataclasses.fields(kind)]
        rows = [[getattr(item, column) for column in columns] for item in getattr(grid, table)]
        document[table] = {"columns": columns, "rows": rows}
    return json.dumps(document, separators=(",", ":")).replace('],["', '],\n["')


def feeder_from_json(text: str, where: str = "feeder") -> ThreePhaseGrid:
    """Read a feeder.

    Parameters
    ----------
    text : str
    where : str
        Names the text in messages.

    Raises
    ------
    DataError
        The text is no feeder, or a column is not known.
    """
    try:
        document = json.loads(text)
        if document.get("format") != _FORMAT or document.get("version") != _VERSION:
            raise DataError(f"{where}: is no feeder of version {_VERSION}")
        tables = {
            table: tuple(
                kind(**dict(zip(document[table]["columns"], row, strict=True))) for row in document[table]["rows"]
            )
            for table, kind in _TABLES.items()
            if table in document or table not in _MAY_LACK
        }
        source: dict[str, Any] = {
            key: complex(*a) if isinstance(a, list) else a for key, a in document["source"].items()
        }
        codes = {
            name: LineCode(
                np.array([[complex(*z) for z in row] for row in code["z_ohm_per_km"]]),
                None if code["c_nf_per_km"] is None else np.array(code["c_nf_per_km"], dtype=np.float64),
                code.get("max_i_ka"),
            )
            for name, code in document["codes"].items()
        }
        return ThreePhaseGrid(
            source=Source3(**source), codes=codes, f_hz=document["f_hz"], name=document["name"], **tables
        )
    except (KeyError, TypeError, ValueError, AttributeError) as trouble:
        raise DataError(f"{where}: cannot be read as a feeder: {trouble}") from None


def read_feeder(path: Path | str) -> ThreePhaseGrid:
    """Read a feeder from a JSON file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as trouble:
        raise DataError(f"{path}: cannot be read: {trouble.strerror}") from None
    return feeder_from_json(text, str(path))


def _pair(value: complex) -> list[float]:
    number = complex(value)
    return [number.real, number.imag]
