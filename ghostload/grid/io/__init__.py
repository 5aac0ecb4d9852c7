"""Readers and writers of grids; each format is a module of its own and imported when it is asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from ghostload.grid.data import GridData


def read_grid(path: str | os.PathLike[str]) -> GridData:
    """Read a file: ``.zip`` of CSV or Parquet tables, ``.json`` of pandapower, ``.m`` of MATPOWER."""
    from ghostload.grid.io import files

    return files.read_grid(path)


def write_grid(data: GridData, path: str | os.PathLike[str]) -> Path:
    """Write a file: ``.json`` for pandapower, ``.m`` for MATPOWER, ``.dss`` for OpenDSS, ``.zip`` of Parquet tables."""
    from ghostload.grid.io import files

    return files.write_grid(data, path)


def from_pandapower(net: Any) -> GridData:
    """Read a pandapower net in memory."""
    from ghostload.grid.io.pandapower_json import from_pandapower_net

    return from_pandapower_net(net)
