"""The result tables of a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ghostload.grid.results import Results

if TYPE_CHECKING:
    import pandas as pd


class ResultTables:
    """The part of :class:`ghostload.PowerGrid` that hands out results: new data frames, element ids as their index.

    Columns are pandapower's. Everything is NaN after a solve that did not converge.
    """

    def _result(self) -> Results:
        raise NotImplementedError

    @property
    def res_bus(self) -> pd.DataFrame:
        """Voltages, and what each bus takes from the grid."""
        return self._result().frame("bus")

    @property
    def res_line(self) -> pd.DataFrame:
        """Flows, losses, currents and loadings of lines."""
        return self._result().frame("line")

    @property
    def res_trafo(self) -> pd.DataFrame:
        """Flows, losses, currents and loadings of transformers."""
        return self._result().frame("trafo")

    @property
    def res_trafo3w(self) -> pd.DataFrame:
        """Flows, losses, currents and loadings of transformers with three windings."""
        return self._result().frame("trafo3w")

    @property
    def res_impedance(self) -> pd.DataFrame:
        """Flows, losses and currents of impedances."""
        return self._result().frame("impedance")

    @property
    def res_load(self) -> pd.DataFrame:
        """What loads draw."""
        return self._result().frame("load")

    @property
    def res_sgen(self) -> pd.DataFrame:
        """What static generators feed in."""
        return self._result().frame("sgen")

    @property
    def res_gen(self) -> pd.DataFrame:
        """What generators feed in, and their voltages."""
        return self._result().frame("gen")

    @property
    def res_ext_grid(self) -> pd.DataFrame:
        """What external grids feed in."""
        return self._result().frame("ext_grid")

    @property
    def res_shunt(self) -> pd.DataFrame:
        """What shunts draw, and their voltages."""
        return self._result().frame("shunt")
