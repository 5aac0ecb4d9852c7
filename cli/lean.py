"""Starting quickly: keeping pandas out of commands that do not need it, and the search for cycles out of imports."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any


class _Hidden:
    """An import finder for which there is no pandas."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Refuse pandas; leave everything else to the other finders."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not needed here", name=name)


@contextmanager
def collecting_later() -> Iterator[None]:
    """Put off the search for cycles of objects while modules are imported, and leave what they made out of it.

    It stays anyway; to search it again and again takes a tenth of a short run. For processes that end with the command.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def keep_pandas_out() -> None:
    """Let pyarrow do without pandas in this process.

    At its first conversion pyarrow imports pandas if it is installed, only to ask whether it was given a DataFrame;
    that takes as long as making 5,000 meters. It asks once. Where other packages extend ghostload, pandas stays within
    reach: their code may want data frames. Nothing that is run later in the process can turn a table into one, so
    this is for processes that end with the command.
    """
    if "pandas" in sys.modules or any(group.startswith("ghostload.") for group in entry_points().groups):
        return
    import pyarrow

    hidden: Any = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pyarrow.array([0])
    finally:
        sys.meta_path.remove(hidden)
