"""Code of others may draw from the global random generators; here it does so from a known seed, and leaves no trace."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def known_global_generators(seed: int) -> Iterator[None]:
    """Seed NumPy's and Python's global generators for a while, and put them back as they were."""
    kept_numpy, kept_python = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(kept_numpy)  # noqa: NPY002
        random.setstate(kept_python)
