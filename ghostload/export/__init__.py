"""Writing data sets: CSV, GeoJSON, Parquet, report and manifest, all of it or nothing."""

from ghostload.export.base import EXPORTERS, Exporter, ExportJob, register
from ghostload.export.blocks import BlockStore
from ghostload.export.workspace import Workspace
from ghostload.export.write import block_store, check_target, file_sizes, write_dataset

__all__ = [
    "EXPORTERS",
    "BlockStore",
    "ExportJob",
    "Exporter",
    "Workspace",
    "block_store",
    "check_target",
    "file_sizes",
    "register",
    "write_dataset",
]
