"""Checks of the files: there, readable, and what the manifest and the config say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ghostload.schema import CORE_FILES, TABLES
from ghostload.validation.checks import register
from ghostload.validation.context import CannotRun, Context
from ghostload.validation.finding import Finding, Severity, error, info, warning

MANIFEST = "manifest.json"
_READ = {*CORE_FILES, *(schema.file for schema in TABLES.values()), "config.yaml", "region.geojson"}
_NEEDED = {TABLES[name].file for name in ("transformers", "meters", "anomaly_labels")}


def _folder(context: Context) -> Path:
    if context.folder is None:
        raise CannotRun("it looks at files, and the data set is in memory", "validate the folder")
    return context.folder


def _entries(context: Context) -> Mapping[str, Mapping[str, Any]]:
    """Return the well-formed entries of the manifest, those that name a file inside the folder."""
    files = (context.dataset.manifest or {}).get("files")
    if not isinstance(files, Mapping):
        return {}
    return {name: entry for name, entry in files.items() if isinstance(entry, Mapping) and _is_inside(name)}


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


@register(subject="files", severities=(Severity.ERROR, Severity.WARNING), needs_folder=True)
def core_files(context: Context) -> Iterable[Finding]:
    """Check that the core files are in the folder."""
    folder = _folder(context)
    for name in CORE_FILES:
        if (folder / name).exists():
            continue
        if name in _NEEDED:
            header = next(schema for schema in TABLES.values() if schema.file == name).column_names
            yield error("the file is not there", f"add it, with the header {','.join(header[:3])},...", table=name)
        else:
            yield warning("the file is not there", "add it, or write the data set again", table=name)


@register(subject="files", needs_folder=True)
def files_can_be_read(context: Context) -> Iterable[Finding]:
    """Check that every file that is there can be read as what it is."""
    _folder(context)
    for problem in context.problems:
        if not problem.missing:
            yield error(problem.message, problem.cure, table=problem.file, column=problem.column)


@register(subject="files", severities=tuple(Severity), needs_folder=True)
def manifest_lists_files(context: Context) -> Iterable[Finding]:
    """Check that the manifest lists the files of the folder, each with its rows and SHA-256, and no other."""
    folder = _folder(context)
    manifest = context.dataset.manifest
    if manifest is None:
        if not any(problem.file == MANIFEST and not problem.missing for problem in context.problems):
            yield info("there is none; rows and checksums could not be compared", table=MANIFEST)
        return
    files = manifest.get("files")
    if not isinstance(files, Mapping):
        yield error("has no mapping 'files'", "write the data set again", table=MANIFEST, column="files")
        return
    entries = _entries(context)
    bad = sorted(str(name) for name in files if name not in entries or not _is_entry(entries[name]))
    if bad:
        message = "entries name no file inside the folder, or have no sha256 of 64 hexadecimal digits"
        yield error(message, "write the data set again", table=MANIFEST, column="files", ids=bad)
    gone = sorted(name for name in entries if not (folder / name).is_file())
    if gone:
        message = "the manifest lists files that are not there"
        yield error(message, "bring them back, or write the data set again", table=MANIFEST, ids=gone)
    more = sorted(set(_files_in(folder)) - set(files) - {MANIFEST})
    read = [name for name in more if name in _READ]
    if read:
        message = "the data set holds files that the manifest does not list"
        yield warning(message, "take them away, or write the data set again", table=MANIFEST, ids=read)
    others = [name for name in more if name not in _READ]
    if others:
        yield info("the folder holds further files that the manifest does not list", table=MANIFEST, ids=others)


def _is_entry(entry: Mapping[str, Any]) -> bool:
    digest = entry.get("sha256")
    return isinstance(digest, str) and len(digest) == 64 and set(digest.lower()) <= set("0123456789abcdef")


def _files_in(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
            yield name


@register(subject="files", needs_folder=True)
def checksums(context: Context) -> Iterable[Finding]:
    """Check that each file has the SHA-256 that the manifest gives."""
    folder = _folder(context)
    for name, entry in sorted(_entries(context).items()):
        path = folder / name
        if not _is_entry(entry) or not path.is_file():
            continue
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != entry["sha256"].lower():
            message = f"its SHA-256 begins {found[:12]}, the manifest says {entry['sha256'][:12]}: it was changed"
            yield error(message, "bring the file back, or write the data set again", table=name)


@register(subject="files")
def rows_match_manifest(context: Context) -> Iterable[Finding]:
    """Check that each table has as many rows as the manifest says, and the GeoJSON as many features."""
    entries = _entries(context)
    rows = {schema.file: table.num_rows for schema, table in context.schemas()}
    features = (context.dataset.geojson or {}).get("features")
    if isinstance(features, list | tuple):
        rows["transformers.geojson"] = len(features)
    for name, found in sorted(rows.items()):
        said = entries.get(name, {}).get("rows")
        if said is not None and said != found:
            message = f"has {found} rows, the manifest says {said}"
            yield error(message, "bring the file back, or write the data set again", table=name)


@register(subject="files", severities=(Severity.ERROR, Severity.INFO))
def counts_match_config(context: Context) -> Iterable[Finding]:
    """Check that meters, transformers and calendar months are those that the config asks for."""
    config = context.config
    if config is None:
        yield info("there is no config; counts, rates and shares could not be compared with it")
        return
    cure = "use the config that the set was made from, or make the set again"
    for table, asked in (("meters", config.num_meters), ("transformers", config.transformers)):
        found = context.table(table).num_rows
        if found != asked:
            yield error(f"has {found} rows, the config asks for {asked}", cure, table=table)
    found_months = tuple(name.rsplit("_", 1)[-1] for name in context.reading_columns)
    if found_months != config.months:
        message = f"has the months {_span(found_months)}, the config asks for {_span(config.months)}"
        yield error(message, cure, table="meters")


def _span(months: tuple[str, ...]) -> str:
    if not months:
        return "(none)"
    return months[0] if len(months) == 1 else f"{months[0]} to {months[-1]} ({len(months)})"


@register(subject="files", needs_folder=True)
def manifest_matches_config(context: Context) -> Iterable[Finding]:
    """Check that the manifest and config.yaml hold the same settings."""
    _folder(context)
    said = (context.dataset.manifest or {}).get("config")
    if context.config is None or not isinstance(said, Mapping):
        return
    from ghostload.config.loading import config_to_dict

    found = config_to_dict(context.config, data_only=True)
    differing = sorted(str(key) for key in {*found, *said} if _plain(found.get(key)) != _plain(said.get(key)))
    if differing:
        message = f"settings differ from those in {MANIFEST}"
        yield error(message, "write the data set again", table="config.yaml", ids=differing)


def _plain(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
