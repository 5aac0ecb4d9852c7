"""Files of any format as grids, and bytes that reach the disk whole or not at all."""

from __future__ import annotations

import os
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import DataError, OutputError, UsageError
from ghostload.grid.data import GridData

_ZIP_PROBLEMS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


def read_grid(path: str | os.PathLike[str]) -> GridData:
    """Read a grid from a file, by what the file is rather than by its name alone.

    Parameters
    ----------
    path : path
        ``.zip`` of pandapower CSV tables or of our Parquet tables, ``.json`` of pandapower, ``.m`` of MATPOWER.

    Raises
    ------
    DataError
        The file is missing, broken, or of none of these formats.
    """
    return read_grid_and_start(path)[0]


def read_grid_and_start(path: str | os.PathLike[str]) -> tuple[GridData, NDArray[np.complex128] | None]:
    """Read a grid as :func:`read_grid`, and the voltages that its file holds.

    Returns
    -------
    GridData, and (B,) complex array in the order of its bus table, per unit, or None
        Only files of MATPOWER hold voltages, and only where they are not flat.
    """
    path = Path(path)
    data = read_bytes(path)
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06") or path.suffix.lower() == ".zip":
        return _read_zip(data, path.name), None
    if path.suffix.lower() == ".m":
        from ghostload.grid.io.matpower import grid_and_start

        return grid_and_start(decode(data, path.name), path.name)
    if path.suffix.lower() == ".json" or data.lstrip()[:1] == b"{":
        from ghostload.grid.io.pandapower_json import from_pandapower_json

        return from_pandapower_json(decode(data, path.name), path.name), None
    raise DataError(
        f"{path.name}: not a grid file; give a .zip of CSV or Parquet tables, a pandapower .json, or a .m case"
    )


def write_grid(data: GridData, path: str | os.PathLike[str]) -> Path:
    """Write a grid in the format that the name of the file asks for; the file is written whole or not at all.

    Parameters
    ----------
    data : GridData
    path : path
        ``.zip`` for our Parquet tables, ``.json`` for pandapower, ``.m`` for MATPOWER, ``.dss`` for OpenDSS.

    Raises
    ------
    UsageError
        No format has this ending, or the format cannot express the grid.
    OutputError
        The file cannot be written.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".zip":
            from ghostload.grid.io.parquet import to_parquet_bytes

            content = to_parquet_bytes(data)
        case ".json":
            from ghostload.grid.io.pandapower_json import to_pandapower_json

            content = to_pandapower_json(data).encode()
        case ".m":
            from ghostload.grid.io.matpower_write import to_matpower

            content = to_matpower(data, path.stem).encode()
        case ".dss":
            from ghostload.grid.io.opendss import to_opendss

            content = to_opendss(data).encode()
        case suffix:
            raise UsageError(f"{path.name}: no grid format ends in {suffix!r}; name it .zip, .json, .m or .dss")
    return write_bytes(path, content)


def _read_zip(data: bytes, source: str) -> GridData:
    members = zip_members(data, source)
    if any(name.endswith(".parquet") for name in members):
        from ghostload.grid.io.parquet import from_parquet_members

        return from_parquet_members(members, source)
    from ghostload.grid.io.pandapower_zip import from_csv_members

    return from_csv_members(members, source)


def zip_members(data: bytes, source: str) -> dict[str, bytes]:
    """Return the files in a zip by their names without folders.

    Raises
    ------
    DataError
        It is no zip, is damaged or encrypted, or holds nothing.
    """
    if not data:
        raise DataError(f"{source}: is empty; give a zip of tables")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/") and "__MACOSX" not in n]
            members: dict[str, bytes] = {}
            for name in names:
                plain = name.rpartition("/")[2]
                if plain in members:
                    raise DataError(f"{source}: holds {plain!r} twice; give one grid a zip")
                members[plain] = archive.read(name)
    except _ZIP_PROBLEMS as problem:
        raise DataError(
            f"{source}: not a readable zip ({_first_line(problem)}); it may be cut short, copy it again"
        ) from None
    if not members:
        raise DataError(f"{source}: the zip holds no files; give a zip of tables")
    return members


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the contents of a file."""
    path = Path(path)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder, give a file") from None
    except OSError as problem:
        raise DataError(f"{path}: cannot be read ({problem.strerror or problem})") from None


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the contents of a text file in UTF-8, or Latin-1 where it is not."""
    return decode(read_bytes(path), Path(path).name)


def decode(data: bytes, source: str) -> str:
    """Return text from UTF-8, or Latin-1 where it is not; refuse what is no text."""
    if b"\x00" in data[:4096]:
        raise DataError(f"{source}: is not a text file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def refuse_unwritable(path: str | os.PathLike[str]) -> None:
    """Raise before long work what :func:`write_bytes` would raise after it: no folder, no permission."""
    path = Path(path)
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{path}: cannot be written (there is no folder {folder}); make it, or write elsewhere")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder, give a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: cannot be written (no permission in {folder})")


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write a file whole or not at all."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as problem:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({problem.strerror or problem})") from None
    return path


def _first_line(problem: BaseException) -> str:
    return str(problem).split("\n")[0] or type(problem).__name__
