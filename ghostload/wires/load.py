"""The peak that passes every edge, with diversity, phase by phase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghostload.config.model import CUSTOMER_CLASSES
from ghostload.consumption.customers import Customers
from ghostload.consumption.shapes import POWER_FACTOR
from ghostload.streams import FloatArray
from ghostload.territory.capacity import shared_and_own_kva
from ghostload.wires.model import Kind, Layout, MaskArray
from ghostload.wires.tree import Levels

_SHARED, _OWN, _KW, _KVAR, _ALL_SHARED, _ALL_OWN = slice(0, 3), slice(3, 6), 6, 7, 8, 9


@dataclass(frozen=True, eq=False)
class Peaks:
    """Diversified peaks.

    Attributes
    ----------
    phase_kva : (M, 3) array
        Of each phase alone.
    kva : (M,) array
        Of all phases together; at a transformer this is the peak that its rating was chosen for.
    cos_phi : (M,) array
    meter_kva : (N,) array
        Each meter's share of its transformer's peak.
    meter_cos_phi : (N,) array
    """

    phase_kva: FloatArray
    kva: FloatArray
    cos_phi: FloatArray
    meter_kva: FloatArray
    meter_cos_phi: FloatArray


def peaks_below(layout: Layout, levels: Levels, masks: MaskArray, customers: Customers, *, spread: bool) -> Peaks:
    r"""Sum the terms of the diversified peak, :math:`\sum s_i` and :math:`\sum (h_i p_i - s_i)^2`, towards the roots.

    A three-phase customer counts with a third on each phase.

    Parameters
    ----------
    layout : Layout
    levels : Levels
        Of the layout.
    masks : (N,) array
        Phases of the services.
    customers : Customers
    spread : bool
        Whether the transformers spread their load over all primary phases (delta-wye); else phases go straight on.

    References
    ----------
    As :func:`ghostload.territory.diversified_peak_kva`.
    """
    peak, factor = customers.peak_kva, np.array([POWER_FACTOR[name] for name in CUSTOMER_CLASSES])
    cos_phi = factor[customers.class_index]
    on = (masks[:, None] >> np.arange(3)) & 1
    share = on / on.sum(axis=1, keepdims=True)
    shared, own = shared_and_own_kva(peak, customers.class_index)
    terms = np.zeros((len(layout), 10))
    at = layout.meter_node
    terms[at, _SHARED] = shared[:, None] * share
    terms[at, _OWN] = (own[:, None] * share) ** 2
    terms[at, _KW], terms[at, _KVAR] = peak * cos_phi, peak * np.sqrt(1 - cos_phi**2)
    terms[at, _ALL_SHARED], terms[at, _ALL_OWN] = shared, own**2
    total = levels.gathered(terms)
    alone = np.zeros((len(layout), 4))
    alone[at, :3], alone[at, 3] = peak[:, None] * share, peak
    alone = levels.gathered(alone, np.maximum)
    kva = np.maximum(total[:, _ALL_SHARED] + np.sqrt(total[:, _ALL_OWN]), alone[:, 3])
    phase = np.maximum(total[:, _SHARED] + np.sqrt(total[:, _OWN]), alone[:, :3])
    if spread:
        medium = layout.kind <= Kind.TRANSFORMER_HV
        phase[medium] = kva[medium, None] / 3
    apparent = np.hypot(total[:, _KW], total[:, _KVAR])
    angle = np.divide(total[:, _KW], apparent, out=np.ones(len(layout)), where=apparent > 0)
    home = layout.transformer[at]
    sums = np.bincount(home, weights=peak, minlength=len(layout.block_start))
    meter_kva = peak * (kva[layout.block_start] / np.where(sums > 0, sums, 1.0))[home]
    return Peaks(phase, kva, angle, meter_kva, cos_phi)
