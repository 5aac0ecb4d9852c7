"""What is in an output folder already: nothing, a data set of ours, or something else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ghostload.errors import OutputError

MANIFEST = "manifest.json"


def read_manifest(folder: Path) -> Mapping[str, Any] | None:
    """Return the manifest of a data set of ours; None for any other folder."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    ours = isinstance(manifest, dict) and isinstance(manifest.get("files"), dict) and "ghostload_version" in manifest
    return manifest if ours else None


def foreign_files(folder: Path) -> tuple[str, ...]:
    """Return the files in a folder that its manifest does not list, as paths inside it, sorted."""
    manifest = read_manifest(folder)
    listed = {MANIFEST, *manifest["files"]} if manifest is not None else set()
    names = (
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    )
    return tuple(sorted(name for name in names if name not in listed))


def refuse_to_replace(given: Path, target: Path, new: Mapping[str, Any], *, force: bool) -> None:
    """Refuse to replace what is in the target, unless it is an older copy of the same data set.

    Parameters
    ----------
    given, target : Path
        The folder, as the user wrote it and as it is.
    new : mapping
        Manifest (without files) of the data set to be written.
    force : bool
        Whether a data set of ours may be replaced whatever it is.
    """
    if not target.exists() or not any(target.iterdir()):
        return
    there = read_manifest(target)
    if there is None and _is_shelf(target):
        return
    if there is None:
        name = foreign_files(target)
        example = f" ({name[0]} ...)" if name else ""
        raise OutputError(
            f"{given}: holds something that is no ghostload data set{example}; choose another --output-dir"
        )
    if force or (_mark(there) == _mark(new) and new.get("config_sha256") is not None):
        return
    raise OutputError(
        f"{given}: holds a data set of another {_difference(there, new)}; "
        "choose another --output-dir, or replace it with --force"
    )


def _is_shelf(folder: Path) -> bool:
    """Whether a folder holds nothing but whole data sets of ours, each in a folder, and a README that tells of them."""
    return all(
        (path.name == "README.md" and path.is_file()) or read_manifest(path) is not None for path in folder.iterdir()
    )


def _mark(manifest: Mapping[str, Any]) -> tuple[Any, Any]:
    return manifest.get("config_sha256"), manifest.get("ghostload_version")


def _difference(there: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Say in what two data sets differ: the first setting that does, or the version."""
    old, now = (_flat(manifest.get("config")) for manifest in (there, new))
    for path, value in now.items():
        if path in old and old[path] != value:
            return f"config ({path} is {old[path]} there, {value} here)"
    if there.get("config_sha256") == new.get("config_sha256") and new.get("config_sha256") is not None:
        return f"version ({there['ghostload_version']} there, {new['ghostload_version']} here)"
    return "config"


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, Mapping):
        return {prefix.removesuffix("."): values}
    return {path: item for key, value in values.items() for path, item in _flat(value, f"{prefix}{key}.").items()}
