"""What an exporter is, and the register of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ghostload.dataset.dataset import Dataset
from ghostload.export.sink import Sink
from ghostload.registry import Registry
from ghostload.scratch import Scratch

if TYPE_CHECKING:
    from ghostload.validation import ValidationReport


@dataclass(frozen=True)
class ExportJob:
    """What exporters work on.

    Attributes
    ----------
    dataset : Dataset
    sink : Sink
        Takes the files.
    validation : ValidationReport, optional
        What the checks say of the data set.
    scratch : Scratch
        Takes arrays that are as long as a table.
    """

    dataset: Dataset
    sink: Sink
    validation: ValidationReport | None = None
    scratch: Scratch = field(default_factory=Scratch)


class Exporter(ABC):
    """Writes a data set in one format.

    A subclass has a :attr:`name` and opens each of its files with ``job.sink.open(...)``. What it writes follows from
    the data set alone: no clock, no machine, no order of a set.

    Attributes
    ----------
    name : str
        What ``export.others`` calls it.
    """

    name: ClassVar[str]

    @abstractmethod
    def write(self, job: ExportJob) -> None:
        """Write the files of this format."""


EXPORTERS: Registry[Exporter] = Registry(
    "exporter",
    builtin=(
        "ghostload.export.csv",
        "ghostload.export.geojson",
        "ghostload.export.network",
        "ghostload.export.report",
        "ghostload.export.parquet",
        "ghostload.export.readings",
        "ghostload.export.metadata",
    ),
    entry_point_group="ghostload.exporters",
)
"""Exporters by name. Others come in through the entry-point group ``ghostload.exporters``."""

ALWAYS = (
    "csv",
    "transformers_geojson",
    "meters_geojson",
    "region_geojson",
    "network_geojson",
    "report",
    "readings",
)
"""Exporters of the files that every data set has, where it has what is in them."""

LAST = ("config", "datapackage", "manifest")
"""Exporters that describe the files of the others, in this order."""


def register(exporter: type[Exporter]) -> type[Exporter]:
    """Register an exporter class under its name; a class decorator."""
    EXPORTERS.add(exporter.name, exporter())
    return exporter


def chosen(dataset: Dataset) -> tuple[Exporter, ...]:
    """Return the exporters that a data set's config asks for, in the order in which they write."""
    wanted = dataset.config.export if dataset.config is not None else None
    further = (("parquet",) if wanted.parquet else ()) + wanted.others if wanted is not None else ()
    names = dict.fromkeys((*ALWAYS, *further, *LAST))
    return tuple(EXPORTERS.get(name) for name in names)
