"""Operators, functions and constants of the MATLAB expressions that case files use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "isinf": np.isinf,
    "isnan": np.isnan,
    "find": lambda a: np.flatnonzero(np.atleast_1d(a)) + 1.0,
    "size": lambda a, axis: float(np.shape(np.atleast_2d(a))[int(axis) - 1]),
    "zeros": lambda *shape: np.zeros([int(n) for n in shape] if len(shape) > 1 else (int(shape[0]), int(shape[0]))),
    "ones": lambda *shape: np.ones([int(n) for n in shape] if len(shape) > 1 else (int(shape[0]), int(shape[0]))),
}
CONSTANTS: Final[Mapping[str, float]] = {
    "pi": np.pi,
    "Inf": np.inf,
    "inf": np.inf,
    "NaN": np.nan,
    "nan": np.nan,
    "true": 1.0,
    "false": 0.0,
    "eps": float(np.finfo(float).eps),
}


def _no_matrices(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Keep ``* / ^`` to scalars: between two matrices they mean something else than cell by cell."""

    def apply(a: Any, b: Any) -> Any:
        if np.size(a) != 1 and (np.size(b) != 1 or operation is np.power):
            raise ValueError("matrix product")
        if np.size(b) != 1 and operation is not np.multiply:
            raise ValueError("matrix division")
        return operation(a, b)

    return apply


BINARY: Final[Mapping[str, tuple[int, Callable[[Any, Any], Any]]]] = {
    "||": (1, np.logical_or),
    "&&": (2, np.logical_and),
    "|": (3, np.logical_or),
    "&": (4, np.logical_and),
    "<": (5, np.less),
    "<=": (5, np.less_equal),
    ">": (5, np.greater),
    ">=": (5, np.greater_equal),
    "==": (5, np.equal),
    "~=": (5, np.not_equal),
    "+": (7, np.add),
    "-": (7, np.subtract),
    ".*": (8, np.multiply),
    "*": (8, _no_matrices(np.multiply)),
    "./": (8, np.divide),
    "/": (8, _no_matrices(np.divide)),
    ".^": (10, np.power),
    "^": (10, _no_matrices(np.power)),
}
