"""The outputs of a batch as Parquet files, written chunk by chunk: a batch need not fit into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ghostload.errors import OutputError
from ghostload.grid.data import GridData
from ghostload.grid.network import BRANCH_COMPONENTS, Network

_BUS, _BRANCH, _SCENARIO = "res_bus", "res_branch", "scenarios"


class ParquetSink:
    """Plain tables in a folder, one row for each scenario and element.

    ``scenarios.parquet``: scenario, converged, iterations, losses_mw. ``res_bus.parquet``: scenario, bus, vm_pu,
    va_degree. ``res_branch.parquet``: scenario, branch, component, element, loading_percent. Ids are those of the grid,
    row numbers without its data. Files are written under another name until they are whole.
    """

    def __init__(self, folder: Path, network: Network, data: GridData | None, names: tuple[str, ...]) -> None:
        self.folder, self.names, self._network = folder, names, network
        if "v" in names:
            raise OutputError("outputs: 'v' cannot be written to Parquet; take vm_pu and va_degree")
        self._bus = np.arange(len(network.node_of_bus)) if data is None else data.tables["bus"]["id"]
        self._component = np.array(BRANCH_COMPONENTS)[network.branch_component]
        self._element = network.branch_row
        if data is not None:
            self._element = np.zeros(network.m, np.int64)
            for number, component in enumerate(BRANCH_COMPONENTS):
                here = network.branch_component == number
                self._element[here] = data.tables[component]["id"][network.branch_row[here]]
        self._writers: dict[str, Any] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error

    def write(self, first: int, out: dict[str, Any], converged: Any, iterations: Any) -> None:
        """Append a chunk that begins with scenario ``first``."""
        scenario = np.arange(first, first + len(converged))
        whole = {"scenario": scenario, "converged": converged, "iterations": iterations}
        if "losses_mw" in out:
            whole["losses_mw"] = out["losses_mw"][:, 0]
        self._append(_SCENARIO, whole)
        buses = {name: out[name].ravel() for name in ("vm_pu", "va_degree") if name in out}
        if buses:
            count = len(self._bus)
            keys = {"scenario": np.repeat(scenario, count), "bus": np.tile(self._bus, len(scenario))}
            self._append(_BUS, keys | buses)
        if "loading_percent" in out:
            count = self._network.m
            keys = {
                "scenario": np.repeat(scenario, count),
                "branch": np.tile(np.arange(count), len(scenario)),
                "component": np.tile(self._component, len(scenario)),
                "element": np.tile(self._element, len(scenario)),
            }
            self._append(_BRANCH, keys | {"loading_percent": out["loading_percent"].ravel()})

    def _append(self, name: str, columns: dict[str, Any]) -> None:
        table = pa.table({key: pa.array(values) for key, values in columns.items()})
        writer = self._writers.get(name)
        try:
            if writer is None:
                writer = self._writers[name] = pq.ParquetWriter(self._part(name), table.schema)
            writer.write_table(table)
        except OSError as error:
            raise OutputError(f"{self._part(name)}: cannot be written: {error}") from error

    def _part(self, name: str) -> Path:
        return self.folder / f"{name}.parquet.part"

    def close(self) -> None:
        """Give the files their names."""
        for name, writer in self._writers.items():
            writer.close()
            self._part(name).replace(self.folder / f"{name}.parquet")
