"""Writing a data set into a folder: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ghostload.config.model import GeneratorConfig
from ghostload.dataset.dataset import Dataset
from ghostload.errors import OutputError
from ghostload.export.base import ExportJob, chosen
from ghostload.export.blocks import BlockStore
from ghostload.export.existing import refuse_to_replace
from ghostload.export.identity import work_key
from ghostload.export.metadata import provenance
from ghostload.export.sink import CountingSink, FolderSink, Sink, WrittenFile
from ghostload.export.workspace import Workspace, reported
from ghostload.scratch import Scratch

if TYPE_CHECKING:
    from ghostload.validation import ValidationReport


def write_dataset(
    dataset: Dataset,
    output_dir: str | Path,
    *,
    force: bool = False,
    validation: ValidationReport | None = None,
    workspace: Workspace | None = None,
) -> Path:
    """Write a data set into a folder.

    Parameters
    ----------
    dataset : Dataset
    output_dir : path
        Made when it is not there. A data set of the same config and version in it is replaced; files in it that belong
        to no data set stay.
    force : bool
        Whether a data set of another config or version may be replaced too. Anything else never is.
    validation : ValidationReport, optional
        Goes into ``generation_report.txt``; computed when not given.
    workspace : Workspace, optional
        A claim on the folder that the caller has already.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        It cannot be written; what was there is untouched.
    """
    if workspace is None:
        with Workspace(output_dir) as claimed:
            return write_dataset(dataset, output_dir, force=force, validation=validation, workspace=claimed)
    refuse_to_replace(workspace.given, workspace.target, provenance(dataset), force=force)
    if validation is None:
        from ghostload.validation import validate

        validation = validate(dataset, scratch=Scratch(workspace.root))
    with reported(workspace.given):
        workspace.data.mkdir()
        export_files(dataset, FolderSink(workspace.data), validation, Scratch(workspace.root))
    return workspace.commit()


def check_target(workspace: Workspace, config: GeneratorConfig, *, force: bool = False) -> None:
    """Refuse early what :func:`write_dataset` would refuse after the work is done.

    Raises
    ------
    OutputError
        The folder holds something that may not be replaced.
    """
    refuse_to_replace(workspace.given, workspace.target, provenance(Dataset({}, config=config)), force=force)


def block_store(workspace: Workspace, config: GeneratorConfig, *, resume: bool = False) -> BlockStore:
    """Return where the finished blocks of a run are kept; those of another config or version are thrown away."""
    return workspace.block_store(work_key(config), resume=resume)


def export_files(
    dataset: Dataset, sink: Sink, validation: ValidationReport | None, scratch: Scratch | None = None
) -> dict[str, WrittenFile]:
    """Write every file that the config asks for into a sink, and return what was written."""
    for name in ("transformers", "meters", "anomaly_labels"):
        if name not in dataset.tables:
            raise OutputError(f"the data set has no {name} table; add it")
    job = ExportJob(dataset, sink, validation, scratch or Scratch())
    for exporter in chosen(dataset):
        exporter.write(job)
    return sink.files


def file_sizes(dataset: Dataset, validation: ValidationReport | None = None) -> dict[str, WrittenFile]:
    """Return the files that a data set would be written as, without writing any."""
    return export_files(dataset, CountingSink(), validation)
