"""Identifiers as Arrow columns: zero-padded, wider when the number needs it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.streams import IntArray

WIDTHS = {"TX_": 4, "FD_": 2, "MTR_": 6, "EV_": 6}


def ids(prefix: str, numbers: IntArray) -> pa.Array:
    """Return the ids of entities counted from 0.

    Parameters
    ----------
    prefix : {"TX_", "FD_", "MTR_", "EV_"}
    numbers : (n,) array of int

    Returns
    -------
    pyarrow.StringArray, shape (n,)
    """
    digits = pc.cast(pa.array(np.asarray(numbers) + 1), pa.string())
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(digits, WIDTHS[prefix], "0"), "")


def names_at(names: tuple[str, ...] | list[str], index: IntArray) -> pa.Array:
    """Return ``names[index]`` as an Arrow string array."""
    return pa.array(list(names), pa.string()).take(pa.array(index))
