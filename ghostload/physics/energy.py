"""Losses of elements, added up by what they are lost in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ghostload.streams import FloatArray
from ghostload.wires.model import Kind


def losses_by_kind(kind: NDArray[np.int8], edge_loss_kwh: FloatArray, iron_loss_kwh: FloatArray) -> FloatArray:
    """Sum the losses of nodes' edges and of transformers' iron by what they are lost in.

    Parameters
    ----------
    kind : (K,) array of :class:`~ghostload.wires.model.Kind`
        Of each node.
    edge_loss_kwh : (K, ...) array
        Lost in the edge above each node; of transformers the windings alone.
    iron_loss_kwh : (T, ...) array
        Lost in each transformer without load.

    Returns
    -------
    (5, ...) array of kWh, in the order of :data:`ghostload.schema.LOSS_KINDS`
    """

    def of(*kinds: Kind) -> FloatArray:
        return np.asarray(edge_loss_kwh[np.isin(kind, kinds)].sum(axis=0))

    return np.stack(
        [
            of(Kind.MV_JUNCTION, Kind.TRANSFORMER_HV),
            np.asarray(iron_loss_kwh.sum(axis=0)),
            of(Kind.TRANSFORMER_LV),
            of(Kind.LV_POLE),
            of(Kind.SERVICE_POINT),
        ]
    )
