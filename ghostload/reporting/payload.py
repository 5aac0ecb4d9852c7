r"""Many numbers in one page: arrays packed, squeezed and written as text.

The packed form is ``length of header (uint32) | header (JSON) | arrays``, all little-endian, squeezed with gzip and
written in base64. The bytes of an array are regrouped by significance (all lowest bytes, then all second ones ...),
which is what lets gzip find something: a whole-numbered reading has empty high bytes. ``assets/payload.js`` reads it.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CODES = {"u1", "i2", "u2", "i4", "u4", "f4"}


def pack(meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Pack a JSON-able description and numeric arrays into base64 text.

    Parameters
    ----------
    meta : mapping
        Anything that JSON can hold; no NaN.
    arrays : mapping of name to array
        Of dtype uint8, int16, uint16, int32, uint32 or float32; flattened in C order.

    Returns
    -------
    str
        The same text for the same input, in every process.
    """
    entries: list[dict[str, Any]] = []
    chunks: list[bytes] = []
    offset = 0
    for name, array in arrays.items():
        code = array.dtype.str[1:]
        if code not in _CODES:
            raise TypeError(f"array {name!r} is {array.dtype}, must be one of {', '.join(sorted(_CODES))}")
        flat = np.ascontiguousarray(array.astype(f"<{code}", copy=False)).reshape(-1)
        planes = flat.view(np.uint8).reshape(-1, flat.itemsize).T
        chunks.append(planes.tobytes())
        entries.append({"name": name, "type": code, "length": int(flat.size), "offset": offset})
        offset += flat.nbytes
    header = json.dumps({"meta": meta, "arrays": entries}, separators=(",", ":"), allow_nan=False).encode()
    packed = b"".join([np.uint32(len(header)).astype("<u4").tobytes(), header, *chunks])
    return base64.b64encode(gzip.compress(packed, compresslevel=6, mtime=0)).decode("ascii")


def unpack(packed_text: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Undo :func:`pack`: what is in a page, for tests and for those who want to see."""
    packed = gzip.decompress(base64.b64decode(packed_text))
    size = int(np.frombuffer(packed, "<u4", 1)[0])
    header = json.loads(packed[4 : 4 + size])
    arrays = {}
    for entry in header["arrays"]:
        width = np.dtype(entry["type"]).itemsize
        raw = np.frombuffer(packed, np.uint8, entry["length"] * width, offset=4 + size + entry["offset"])
        ordered = np.ascontiguousarray(raw.reshape(width, -1).T).reshape(-1)
        arrays[entry["name"]] = ordered.view(f"<{entry['type']}")
    return header["meta"], arrays


def narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers in the narrowest type that holds them all."""
    if values.size == 0:
        return values.astype(np.uint8)
    low, high = int(values.min()), int(values.max())
    for dtype in (np.uint8, np.int16, np.uint16, np.int32, np.uint32):
        bounds = np.iinfo(dtype)
        if bounds.min <= low and high <= bounds.max:
            return values.astype(dtype)
    raise OverflowError(f"numbers from {low} to {high} do not fit into 32 bits")
