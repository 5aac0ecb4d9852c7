"""Files that describe the others: ``config.yaml``, ``datapackage.json``, ``manifest.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ghostload import __version__
from ghostload.config.loading import config_to_dict
from ghostload.config.yamltext import dump_yaml
from ghostload.dataset.dataset import Dataset
from ghostload.export.base import Exporter, ExportJob, register
from ghostload.export.identity import config_sha256, input_files, versions
from ghostload.export.sink import WrittenFile
from ghostload.schema import TABLES, Column, TableSchema
from ghostload.schema_in_time import FLOW_COLUMNS, PARTITIONED, PartColumn, PartitionedTable

MANIFEST = "manifest.json"
FORMAT_VERSION = 1
"""Grows when a reader of an older one would misread the folder."""

_TYPES = {"string": "string", "float": "number", "integer": "integer", "month": "yearmonth"}
_PART_TYPES = {"id": "string", "flag": "string", "time": "datetime", "int32": "integer", "int64": "integer"}
"""Types of readings in time; all others are numbers."""
_REFERS_TO = {"meter_id": "meters", "transformer_id": "transformers"}


@register
class ConfigExporter(Exporter):
    """The resolved settings, without what no byte follows from."""

    name = "config"

    def write(self, job: ExportJob) -> None:
        """Write ``config.yaml``, when the config is known."""
        if job.dataset.config is None:
            return
        with job.sink.open("config.yaml") as file:
            file.write(b"# All settings of this data set. Run it again: ghostload generate -c config.yaml\n")
            file.write(dump_yaml(config_to_dict(job.dataset.config, data_only=True)).encode())


@register
class DatapackageExporter(Exporter):
    """The tables and readings in time as a Frictionless data package: types, units, constraints, keys, hashes."""

    name = "datapackage"

    def write(self, job: ExportJob) -> None:
        """Write ``datapackage.json``; the tables have to be written before."""
        files, months = job.sink.files, job.dataset.months
        resources = [
            _resource(schema, months, files[schema.file]) for schema in TABLES.values() if schema.file in files
        ]
        config = job.dataset.config
        flow = config is not None and config.physics != "none"
        in_time = [(table, _parts(table, files)) for table in PARTITIONED.values()]
        resources += [_partitioned(table, paths, flow=flow) for table, paths in in_time if paths]
        profile = "data-package" if any(paths for _, paths in in_time) else "tabular-data-package"
        package = {"profile": profile, "name": "ghostload-data-set", "resources": resources}
        with job.sink.open("datapackage.json") as file:
            file.write(_json(package))


@register
class ManifestExporter(Exporter):
    """Every other file with rows and hash, the settings, and the versions used."""

    name = "manifest"

    def write(self, job: ExportJob) -> None:
        """Write ``manifest.json``; every other file has to be written before."""
        files = {name: {"rows": f.rows, "sha256": f.sha256} for name, f in sorted(job.sink.files.items())}
        with job.sink.open(MANIFEST) as file:
            file.write(_json({**provenance(job.dataset), "files": files}))


def provenance(dataset: Dataset) -> dict[str, Any]:
    """Return all of a manifest but the files."""
    described: dict[str, Any] = {"format_version": FORMAT_VERSION, "ghostload_version": __version__}
    described |= {"versions": versions(), "config_sha256": None, "config": None, "inputs": {}}
    if dataset.config is not None:
        inputs = input_files(dataset.config, (dataset.manifest or {}).get("inputs"))
        described["config_sha256"] = config_sha256(dataset.config, inputs)
        described |= {"config": config_to_dict(dataset.config, data_only=True), "inputs": inputs}
    return described


def _resource(schema: TableSchema, months: tuple[str, ...], file: WrittenFile) -> dict[str, Any]:
    """Return a table as a Frictionless resource."""
    keys = [
        {"fields": column, "reference": {"resource": table, "fields": other}}
        for column, table, other in schema.foreign_keys
    ]
    columns = [_field(column, schema.key) for column in schema.columns_for(months)]
    return {
        "profile": "tabular-data-resource",
        "name": schema.name,
        "path": schema.file,
        "description": schema.description,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}",
        "schema": {
            "fields": columns,
            "primaryKey": schema.key[0] if len(schema.key) == 1 else list(schema.key),
            "foreignKeys": keys,
        },
    }


def _parts(table: PartitionedTable, files: Mapping[str, WrittenFile]) -> list[str]:
    """Return the files of readings in time that were written, feeder by feeder."""
    return sorted((n for n in files if n.startswith(f"{table.folder}/")), key=lambda name: (len(name), name))


def _partitioned(table: PartitionedTable, paths: list[str], *, flow: bool) -> dict[str, Any]:
    """Return readings in time as a resource of files: described, but not read by validators, which know CSV best."""
    key = table.columns[0].name
    other = _REFERS_TO.get(key)
    keys = [{"fields": key, "reference": {"resource": other, "fields": key}}] if other is not None else []
    columns = [_part_field(column) for column in table.columns if flow or column.name not in FLOW_COLUMNS]
    return {
        "profile": "data-resource",
        "type": "file",
        "name": table.folder,
        "path": paths,
        "description": table.description,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "schema": {"fields": columns, "primaryKey": [key, "time"], "foreignKeys": keys},
    }


def _part_field(column: PartColumn) -> dict[str, Any]:
    described: dict[str, Any] = {"name": column.name, "type": _PART_TYPES.get(column.kind, "number")}
    described["description"] = column.description
    return {
        **described,
        **({"unit": column.unit} if column.unit else {}),
        "constraints": {"required": not column.nullable},
    }


def _field(column: Column, key: tuple[str, ...]) -> dict[str, Any]:
    limits: dict[str, Any] = {"required": not column.nullable}
    if key == (column.name,):
        limits["unique"] = True
    if column.domain is not None:
        limits["enum"] = list(column.domain)
    if column.minimum is not None:
        limits["minimum"] = column.minimum
    if column.maximum is not None:
        limits["maximum"] = column.maximum
    described = {"name": column.name, "type": _TYPES[column.kind], "description": column.description}
    return {**described, **({"unit": column.unit} if column.unit else {}), "constraints": limits}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False).encode() + b"\n"
