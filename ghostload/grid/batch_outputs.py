"""What is kept of the voltages of a batch, computed chunk by chunk: magnitudes, angles, loadings, losses."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError, did_you_mean
from ghostload.grid.batch_inputs import Inputs
from ghostload.grid.data import GridData
from ghostload.grid.kernels.compiled import first_call, kernel
from ghostload.grid.kernels.polar import polar
from ghostload.grid.kernels.solution import ComplexArray, FloatArray, IntArray
from ghostload.grid.network import BRANCH_COMPONENTS, Network
from ghostload.grid.topology import rows_of

OUTPUTS: Final = ("vm_pu", "va_degree", "loading_percent", "losses_mw", "v")
"""Voltages by bus; loading by branch; losses in all branches; complex voltages by node."""


def check_outputs(outputs: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return the outputs, in one order, or say which is unknown."""
    for name in outputs:
        if name not in OUTPUTS:
            raise UsageError(f"outputs: unknown output {name!r}{did_you_mean(name, OUTPUTS)}")
    return tuple(name for name in OUTPUTS if name in outputs)


class Outputs:
    """Computes chosen outputs from node voltages.

    Attributes
    ----------
    names : tuple of str
    widths : dict
        Columns of each output.
    """

    def __init__(self, network: Network, data: GridData | None, names: tuple[str, ...]) -> None:
        self.network, self.names = network, names
        self.widths = {
            "vm_pu": len(network.node_of_bus),
            "va_degree": len(network.node_of_bus),
            "v": network.n,
            "loading_percent": network.m,
            "losses_mw": 1,
        }
        if "loading_percent" in names:
            if data is None:
                raise UsageError("outputs: loading_percent needs the limits in the grid's data; give data=...")
            self._per_start, self._per_end = loading_factors(network, data)
        else:
            self._per_start = self._per_end = np.zeros(network.m)
        self._y = np.stack([network.yff, network.yft, network.ytf, network.ytt], axis=1)

    def empty(self, scenarios: int) -> dict[str, Any]:
        """Return arrays for the outputs of some scenarios."""
        return {
            name: np.empty((scenarios, self.widths[name]), np.complex128 if name == "v" else np.float64)
            for name in self.names
        }

    def fill(self, out: dict[str, Any], at: slice, v: ComplexArray, inputs: Inputs, first: int) -> None:
        """Compute the outputs of a chunk that begins with scenario ``first`` into rows ``at``, but ``v``."""
        with first_call("the outputs of batches"):
            if "vm_pu" in out or "va_degree" in out:
                none = np.empty((0, 0))
                vm_pu, va_degree = (out[name][at] if name in out else none for name in ("vm_pu", "va_degree"))
                polar(v, self.network.node_of_bus, vm_pu, va_degree)
            if "loading_percent" in out or "losses_mw" in out:
                self._branches(out, at, v, inputs, first)

    def _branches(self, out: dict[str, Any], at: slice, v: ComplexArray, inputs: Inputs, first: int) -> None:
        n, count = self.network, len(v)
        loading = out["loading_percent"][at] if "loading_percent" in out else np.empty((0, 0))
        losses = out["losses_mw"][at, 0] if "losses_mw" in out else np.empty(count)
        start = inputs.outage_start[first : first + count + 1]
        flows(
            v, n.branch_from, n.branch_to, self._y, self._per_start, self._per_end, start, inputs.outage, n.sn_mva,
            loading, losses,
        )  # fmt: skip


def loading_factors(network: Network, data: GridData) -> tuple[FloatArray, FloatArray]:
    """Return what per-unit currents at both ends of each branch are multiplied with to give the loading in percent.

    Lines: current against ``max_i_ka * df * parallel``. Transformers: apparent power at rated voltage against
    ``sn_mva * parallel * df`` (three windings: ``sn_*_mva`` of the winding). Impedances have no limit: 0.
    """
    start, end = np.zeros(network.m), np.zeros(network.m)
    ampere = network.sn_mva / math.sqrt(3.0)
    vn = data.tables["bus"]["vn_kv"]
    for number, component in enumerate(BRANCH_COMPONENTS):
        here = np.flatnonzero(network.branch_component == number)
        if here.size == 0 or component == "impedance":
            continue
        t, row = data.tables[component], network.branch_row[here]
        with np.errstate(divide="ignore", invalid="ignore"):
            if component == "line":
                limit = (t["max_i_ka"] * t["df"] * t["parallel"])[row]
                start[here] = 100.0 * ampere / vn[rows_of(data, "line", "from_bus")[row]] / limit
                end[here] = 100.0 * ampere / vn[rows_of(data, "line", "to_bus")[row]] / limit
            elif component == "trafo":
                limit = (t["sn_mva"] * t["parallel"] * t["df"])[row]
                for side, factor in (("hv", start), ("lv", end)):
                    rated = t[f"vn_{side}_kv"][row] / vn[rows_of(data, "trafo", f"{side}_bus")[row]]
                    factor[here] = 100.0 * network.sn_mva * rated / limit
            else:
                part = network.branch_part[here]
                for number_of_side, side in enumerate(("hv", "mv", "lv")):
                    own = here[part == number_of_side]
                    rows = row[part == number_of_side]
                    rated = t[f"vn_{side}_kv"][rows] / vn[rows_of(data, "trafo3w", f"{side}_bus")[rows]]
                    (start if number_of_side == 0 else end)[own] = (
                        100.0 * network.sn_mva * rated / t[f"sn_{side}_mva"][rows]
                    )
    return start, end


@kernel
def flows(
    v: ComplexArray,
    start: IntArray,
    end: IntArray,
    y: ComplexArray,
    per_start: FloatArray,
    per_end: FloatArray,
    outage_start: IntArray,
    outage: NDArray[np.int32],
    sn_mva: float,
    loading: FloatArray,
    losses: FloatArray,
) -> None:
    """Fill ``loading`` (scenarios, m), unless it is empty, and ``losses`` (scenarios,) of live branches.

    A branch that is out carries nothing; one without voltage has no loading (NaN) and loses nothing.
    """
    out = np.full(start.size, -1, np.int64)
    for k in range(v.shape[0]):
        for q in range(outage_start[k], outage_start[k + 1]):
            out[outage[q]] = k
        total = 0.0
        for b in range(start.size):
            a, c = v[k, start[b]], v[k, end[b]]
            i_a, i_c = y[b, 0] * a + y[b, 1] * c, y[b, 2] * a + y[b, 3] * c
            gone = out[b] == k
            lost = a.real * i_a.real + a.imag * i_a.imag + c.real * i_c.real + c.imag * i_c.imag
            if not gone and not math.isnan(lost):
                total += lost
            if loading.size:
                size_a = math.sqrt(i_a.real * i_a.real + i_a.imag * i_a.imag) * per_start[b]
                size_c = math.sqrt(i_c.real * i_c.real + i_c.imag * i_c.imag) * per_end[b]
                loading[k, b] = 0.0 if gone else max(size_a, size_c)
        losses[k] = total * sn_mva
