"""Reading a data-set folder: strictly, for use (:func:`load_dataset`), and leniently, for validation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ghostload.dataset.csv_table import FileProblem, cells_not_of_kind, fits_kind, kind_of, read_table
from ghostload.dataset.dataset import Dataset
from ghostload.dataset.stored import StoredFile
from ghostload.errors import DataError, GhostloadError, MissingError, did_you_mean
from ghostload.schema import CORE_TABLES, TABLES, TableSchema
from ghostload.schema_in_time import PARTITIONED

if TYPE_CHECKING:
    import pyarrow as pa

    from ghostload.config.model import GeneratorConfig

MANIFEST_FILE = "manifest.json"
CONFIG_FILE = "config.yaml"
GEOJSON_FILE = "transformers.geojson"
REGION_FILE = "region.geojson"
REPAIR = "repair the file, or take it away to do without it"


@dataclass(frozen=True)
class Reading:
    """What could be read of a folder, and what could not.

    Attributes
    ----------
    dataset : Dataset
        Tables that could be read; a column that does not parse is text in it.
    problems : tuple of FileProblem
        Files that are missing or cannot be read, in the order in which they were tried.
    """

    dataset: Dataset
    problems: tuple[FileProblem, ...]


def load_dataset(directory: str | Path, *, require_labels: bool = True) -> Dataset:
    """Read a data set for use.

    Parameters
    ----------
    directory : path
        Folder with ``transformers.csv``, ``meter_consumption.csv`` and ``anomaly_labels.csv``. ``manifest.json``,
        ``config.yaml``, ``transformers.geojson``, ``region.geojson`` and ``anomaly_events.csv`` are read when there.
    require_labels : bool
        Whether ``anomaly_labels.csv`` has to be there. Without it, and False, there is no table ``anomaly_labels``.

    Returns
    -------
    Dataset
        Numbers are float64 or int64, everything else is text, empty cells are null.

    Raises
    ------
    DataError
        The folder or a core file is missing, a file that is there cannot be read, a column is missing, or a cell is
        not of its column's type. One line that names the file, the column and the cure.
    """
    reading = read_folder(directory)
    needed = {TABLES[name].file for name in CORE_TABLES if require_labels or name != "anomaly_labels"}
    for problem in reading.problems:
        if not problem.missing or problem.file in needed:
            raise DataError(f"{directory}/{problem}")
    for name, table in reading.dataset.tables.items():
        _refuse_missing_columns(directory, table, TABLES[name])
        _refuse_wrong_types(directory, table, TABLES[name])
    return reading.dataset


def read_folder(directory: str | Path) -> Reading:
    """Read what can be read of a folder and list what cannot.

    Raises
    ------
    DataError
        There is no such folder, or it may not be listed.
    """
    path = Path(directory)
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "no such folder"
        raise MissingError(f"{directory}: {what}; give the folder of a data set")
    problems: list[FileProblem] = []
    tables = {}
    for name, schema in TABLES.items():
        table, found = read_table(path / schema.file, schema)
        problems.extend(found)
        if table is not None:
            tables[name] = table
    manifest = _read_json(path / MANIFEST_FILE, problems)
    dataset = Dataset(
        tables=tables,
        geojson=_read_json(path / GEOJSON_FILE, problems),
        region=_read_json(path / REGION_FILE, problems),
        config=_read_config(path / CONFIG_FILE, problems),
        manifest=manifest,
        path=path,
        files=_stored_files(path, manifest),
    )
    return Reading(dataset, tuple(problems))


def _stored_files(path: Path, manifest: Mapping[str, Any] | None) -> dict[str, StoredFile]:
    """Return the files of readings in time that the manifest lists and that are there; they are not read."""
    listed = (manifest or {}).get("files")
    found = {}
    for name, entry in listed.items() if isinstance(listed, Mapping) else ():
        usable = name.split("/")[0] in PARTITIONED and ".." not in name and "\0" not in name
        if usable and isinstance(entry, Mapping):
            file = path / name
            digest = entry.get("sha256")
            if file.is_file() and isinstance(digest, str):
                found[name] = StoredFile(file, entry.get("rows"), file.stat().st_size, digest)
    return found


def _read_json(path: Path, problems: list[FileProblem]) -> Mapping[str, Any] | None:
    """Parse a JSON object; record why it cannot be, and that it is not there."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        problems.append(FileProblem(path.name, "is not there", "nothing needs it", missing=True))
    except OSError as error:
        problems.append(FileProblem(path.name, f"cannot be read ({error.strerror or error})", REPAIR))
    except UnicodeDecodeError as error:
        problems.append(FileProblem(path.name, f"is not UTF-8 text (byte {error.start + 1})", REPAIR))
    except (ValueError, RecursionError) as error:
        problems.append(FileProblem(path.name, f"is not JSON ({error})", REPAIR))
    else:
        if isinstance(content, dict):
            return content
        problems.append(FileProblem(path.name, f"holds a {type(content).__name__}, must hold a JSON object", REPAIR))
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _read_config(path: Path, problems: list[FileProblem]) -> GeneratorConfig | None:
    from ghostload.config.loading import load_config

    if not path.exists():
        problems.append(FileProblem(path.name, "is not there", "nothing needs it", missing=True))
        return None
    try:
        return load_config(path)
    except (GhostloadError, OSError, ValueError) as error:
        reason = str(error).removeprefix(f"{path}: ").removeprefix(f"{path.name}: ")
        problems.append(FileProblem(path.name, " ".join(reason.split()), REPAIR))
        return None


def _refuse_missing_columns(directory: str | Path, table: pa.Table, schema: TableSchema) -> None:
    for name in schema.column_names:
        if name not in table.column_names:
            hint = did_you_mean(name, table.column_names) or "; the header is empty"
            raise DataError(f"{directory}/{schema.file}: {name}: no such column; add it{hint}")


def _refuse_wrong_types(directory: str | Path, table: pa.Table, schema: TableSchema) -> None:
    words = {"float": "a number", "integer": "a whole number"}
    for name in table.column_names:
        kind = kind_of(name, schema)
        if kind is None or fits_kind(table[name].type, kind):
            continue
        column = table[name]
        mask = cells_not_of_kind(column, kind)
        rows = np.flatnonzero(np.asarray(mask)) if mask is not None else np.empty(0, dtype=np.int64)
        where = f"row {rows[0] + 1} is {column[int(rows[0])].as_py()!r}" if rows.size else "a value"
        cure = f"write {words[kind]}, with a decimal point and no thousands separator"
        raise DataError(f"{directory}/{schema.file}: {name}: {where}, not {words[kind]}; {cure}")
