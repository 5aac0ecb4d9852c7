"""Wires for a territory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.config.model import GeneratorConfig
from ghostload.consumption.customers import Customers
from ghostload.scratch import Scratch
from ghostload.streams import FloatArray, IntArray, Stage, Streams
from ghostload.territory import Territory
from ghostload.territory.feeders import street_angle_rad
from ghostload.wires.catalogue import Practice, TransformerType, practice_of
from ghostload.wires.findings import findings_of
from ghostload.wires.layout import lay_out
from ghostload.wires.load import peaks_below
from ghostload.wires.model import MaskArray, Wires
from ghostload.wires.phases import dealt_phases, is_three_phase, service_masks
from ghostload.wires.planning import plan
from ghostload.wires.tree import Levels


def build_wires(
    territory: Territory, customers: Customers, capacity_kva: FloatArray, config: GeneratorConfig, streams: Streams
) -> Wires:
    """Lay, size and plan all wires between the substations and the meters.

    Parameters
    ----------
    territory : Territory
    customers : Customers
        Of all meters.
    capacity_kva : (T,) array
        Ratings of the transformers, as :func:`ghostload.territory.fit_capacity_kva` chose them.
    config : GeneratorConfig
        Read are ``network`` and ``territory.service_radius_m``.
    streams : Streams

    Returns
    -------
    Wires
        A feeder's wires depend on that feeder's own points, loads and ratings alone.

    Raises
    ------
    ConfigError
        The practice has no such voltage, or no transformer of a rating.
    """
    return built(territory, customers, capacity_kva, config, dealt(territory, config, streams))


@dataclass(frozen=True, eq=False)
class Dealt:
    """What chance gives the wires: direction of the streets, and the phase of a lateral and of a service.

    Attributes
    ----------
    angle_rad : (F,) array
    lateral, service : (T,), (N,) arrays of uint8
    """

    angle_rad: FloatArray
    lateral: NDArray[np.uint8]
    service: NDArray[np.uint8]

    def of(self, feeders: IntArray, transformers: IntArray, meters: IntArray) -> Dealt:
        """Return that of some."""
        return Dealt(self.angle_rad[feeders], self.lateral[transformers], self.service[meters])


def dealt(territory: Territory, config: GeneratorConfig, streams: Streams, scratch: Scratch | None = None) -> Dealt:
    """Draw what chance gives the wires of all feeders."""
    rules = practice_of(config.network).rules
    lateral = dealt_phases(
        territory.transformer_feeder, Stage.WIRES_LATERAL_PHASE, rules["stray_lateral_share"], streams, scratch
    )
    service = dealt_phases(
        territory.meter_transformer, Stage.WIRES_SERVICE_PHASE, rules["stray_service_share"], streams, scratch
    )
    return Dealt(street_angle_rad(len(territory.feeder_substation), streams), lateral, service)


def built(
    territory: Territory, customers: Customers, capacity_kva: FloatArray, config: GeneratorConfig, chance: Dealt
) -> Wires:
    """Build wires from what chance gave them; see :func:`build_wires`."""
    practice = practice_of(config.network)
    home = territory.meter_transformer
    layout = lay_out(territory, chance.angle_rad, config.territory.service_radius_m, practice)
    levels = Levels(layout.parent, layout.depth)
    three_phase = is_three_phase(customers, home, capacity_kva, practice)
    masks = service_masks(customers, home, three_phase, chance.lateral, chance.service, practice)
    spread = practice.vector_group.startswith("D")
    peaks = peaks_below(layout, levels, masks, customers, spread=spread)
    transformer_mask = np.where(three_phase, 7, 1 << chance.lateral).astype(np.uint8)
    own = np.zeros(len(layout), dtype=np.uint8)
    own[layout.meter_node] = masks
    low = layout.transformer >= 0
    low[layout.meter_node] = False
    own[low] = transformer_mask[layout.transformer[low]]
    phases: MaskArray = levels.gathered(own, np.bitwise_or)
    phases[layout.feeder_start[:-1]] = 7
    types, kind_of = _types(practice, capacity_kva, three_phase)
    made = plan(practice, layout, levels, phases, peaks, types, kind_of)
    return Wires(
        practice=practice,
        layout=layout,
        phases=phases,
        line=made.line,
        transformer_type=types,
        transformer_kind=kind_of,
        tap_pu=made.tap_pu,
        meter_kw=peaks.meter_kva * peaks.meter_cos_phi,
        meter_kvar=peaks.meter_kva * np.sqrt(1 - peaks.meter_cos_phi**2),
        peak_kva=peaks.kva,
        loading=made.loading,
        vm_pu=made.vm_pu,
        findings=tuple(findings_of(layout, made)),
    )


def _types(
    practice: Practice,
    capacity_kva: FloatArray,
    three_phase: NDArray[np.bool_],
) -> tuple[tuple[TransformerType, ...], IntArray]:
    """Return the types in use and which each transformer is."""
    pairs = np.stack([np.where(three_phase, 3.0, 1.0), capacity_kva], axis=1)
    used, kind_of = np.unique(pairs, axis=0, return_inverse=True)
    types = tuple(practice.transformer(int(phases), float(kva)) for phases, kva in used.tolist())
    return types, kind_of.reshape(-1)
