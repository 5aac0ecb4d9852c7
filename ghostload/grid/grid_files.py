"""Grids and their results as files and bytes."""

from __future__ import annotations

from pathlib import Path

from ghostload.grid.data import GridData
from ghostload.grid.report import SolveReport
from ghostload.grid.results import RESULT_COLUMNS, Results

RESULTS_FORMAT, RESULTS_VERSION = "ghostload-results", 1


class GridFiles:
    """The part of :class:`ghostload.PowerGrid` that writes, and that reads bytes."""

    _report: SolveReport | None

    @property
    def data(self) -> GridData:
        """The grid as it is now, as immutable tables."""
        raise NotImplementedError

    def _result(self) -> Results:
        raise NotImplementedError

    def _refuse_open_edit(self, what: str) -> None:
        raise NotImplementedError

    def _replace_by(self, data: GridData) -> None:
        raise NotImplementedError

    def save(self, path: str | Path) -> None:
        """Write the grid: ``.json`` pandapower, ``.m`` MATPOWER, ``.dss`` OpenDSS, ``.zip`` Parquet tables."""
        from ghostload.grid.io import write_grid

        write_grid(self.data, path)

    def get_parquet_case(self) -> bytes:
        """Return the grid as a zip of Parquet tables, one a component; the same grid gives the same bytes."""
        from ghostload.grid.io.parquet import to_parquet_bytes

        return to_parquet_bytes(self.data)

    def get_parquet_results(self) -> bytes:
        """Return all results as a zip of Parquet tables."""
        from ghostload.grid.io.parquet import pack

        results, report = self._result(), self._report
        meta = {"format": RESULTS_FORMAT, "version": RESULTS_VERSION, "name": results.data.name}
        if report is not None:
            meta |= {"converged": report.converged, "iterations": report.iterations, "mismatch": report.mismatch}
        return pack(meta, {f"res_{name}": results.frame(name).rename_axis("id") for name in RESULT_COLUMNS})

    def load_parquet_case(self, zip_bytes: bytes) -> None:
        """Put another case, from :meth:`get_parquet_case`, in place of this one; all handles become invalid."""
        from ghostload.grid.io.parquet import from_parquet_bytes

        self._refuse_open_edit("load_parquet_case()")
        self._replace_by(from_parquet_bytes(zip_bytes))
