"""What a feeder's power flow says about a span of steps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ghostload.streams import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class FeederFlows:
    """A feeder's voltages, energies and losses over S steps; K nodes, n meters, T transformers.

    Meters, transformers and nodes are in the order of the plan. Steps without a solution are NaN, left out of all sums
    and extremes, and named in ``reason``.

    Attributes
    ----------
    minutes : float
        Length of a step.
    service_v : (n, S) array of float32, volts
        Between phase and neutral at each service point; of three-phase customers the mean of the three magnitudes.
    delivered_wh, delivered_varh : (T, S) arrays
        What leaves the low-voltage terminals of each transformer, from their voltages and currents.
    low_loss_wh : (T, S) array
        Lost in the mains and drops behind each transformer.
    own_loss_wh : (T, S) array
        Lost in each transformer: in the iron and in the windings.
    head_kw, head_kvar : (S,) arrays
        What the substation gives to the feeder.
    edge_loss_kwh : (K,) array
        Lost over the span in the edge between each node and its parent; of transformers the windings alone.
    iron_loss_kwh : (T,) array
        No-load losses over the span.
    vm_mean_pu, vm_lowest_pu, vm_highest_pu : (K,) arrays
        Of the phases that each node has, per unit of the rated voltage of its level; NaN where no step is solved.
    sweeps : (S,) array
    reason : mapping of step to str
        Why a step has no solution.
    """

    minutes: float
    service_v: NDArray[np.float32]
    delivered_wh: FloatArray
    delivered_varh: FloatArray
    low_loss_wh: FloatArray
    own_loss_wh: FloatArray
    head_kw: FloatArray
    head_kvar: FloatArray
    edge_loss_kwh: FloatArray
    iron_loss_kwh: FloatArray
    vm_mean_pu: FloatArray
    vm_lowest_pu: FloatArray
    vm_highest_pu: FloatArray
    sweeps: IntArray
    reason: dict[int, str]

    @property
    def apparent_kva(self) -> FloatArray:
        """Apparent power at each transformer's low-voltage terminals, of all phases together, (T, S)."""
        return np.asarray(np.hypot(self.delivered_wh, self.delivered_varh) * (60.0 / self.minutes / 1e3))

    def without_services(self) -> FeederFlows:
        """Return the same without the voltages of the meters, which take more room than all the rest."""
        return replace(self, service_v=self.service_v[:, :0].copy())
