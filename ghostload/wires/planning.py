"""Sizes of lines, taps and voltages: what a planner's linear estimate asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.streams import FloatArray, IntArray
from ghostload.wires.catalogue import Practice, TransformerType
from ghostload.wires.impedance import impedance_table
from ghostload.wires.load import Peaks
from ghostload.wires.model import Kind, Layout, MaskArray
from ghostload.wires.tree import Levels

BoolArray = NDArray[np.bool_]

_WORTH_IT = 0.01
"""Share of the drop that a way may have, below which a line on it does not grow."""

_TURNED = np.exp(-2j * np.pi / 3 * np.arange(3))
"""Nominal voltages of the phases."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What the planner chose and expects; shapes as in :class:`~ghostload.wires.Wires`."""

    line: IntArray
    tap_pu: FloatArray
    loading: FloatArray
    vm_pu: FloatArray


@dataclass(frozen=True, eq=False)
class _Task:
    """What stays the same while sizes grow."""

    practice: Practice
    layout: Layout
    levels: Levels
    phases: MaskArray
    peaks: Peaks
    is_line: BoolArray  # (M,)
    medium: BoolArray  # (M,) edges at medium voltage
    base_v: FloatArray  # (M,) rated voltage of a phase
    current: NDArray[np.complex128]  # (M, 3) at nominal angles
    largest_a: FloatArray  # (M,) current of the fullest phase


def plan(
    practice: Practice,
    layout: Layout,
    levels: Levels,
    phases: MaskArray,
    peaks: Peaks,
    types: tuple[TransformerType, ...],
    kind_of: IntArray,
) -> Plan:
    """Choose conductors and taps.

    Conductors are the smallest of the catalogue that carry the peak; then those on the way to services whose voltage
    is too low grow, size by size, until it is not or there is no larger one. Voltages are the linear estimate
    (LinDistFlow [1]_, with the full matrices and nominal angles in three phases [2]_), every edge at its own peak, so
    that they err to the low side.

    References
    ----------
    .. [1] M. E. Baran, F. F. Wu, "Optimal sizing of capacitors placed on a radial distribution system", IEEE Trans.
       Power Delivery, 1989. :doi:`10.1109/61.19266`
    .. [2] L. Gan, S. H. Low, "Convex relaxations and linear approximation for optimal power flow in multiphase radial
       networks", PSCC, 2014. :doi:`10.1109/PSCC.2014.7038399`
    """
    task = _task(practice, layout, levels, phases, peaks)
    line = _by_ampacity(task)
    _stiffen_drops(task, line)
    stations, terminals = layout.transformer_hv, layout.block_start
    drop_t = _transformer_drop(peaks, terminals, types, kind_of)
    head, step = practice.head_voltage_pu, practice.rules["tap_step"]
    taps = np.array([1.0, 1.0 - step, 1.0 - 2 * step])
    taps = taps[(taps == 1.0) | (head / taps <= practice.rules["highest_open_pu"])]
    lowest = practice.rules["lowest_pu"]
    _grow(task, line, task.medium, np.full(len(layout), (head - lowest) / 2))
    drop = _line_drop(task, line)
    drop[terminals] = drop_t
    station_v = head - levels.summed_outwards(np.where(task.medium[:, None], drop, 0.0)).max(axis=1)[stations]
    room = station_v / taps[-1] - lowest
    low = task.is_line & ~task.medium
    limit = np.full(len(layout), np.inf)
    inside = np.flatnonzero(layout.transformer >= 0)
    limit[inside] = room[layout.transformer[inside]]
    drop = _grow(task, line, low, limit, drop_t)
    return _settled(task, line, drop, drop_t, station_v, taps, (types, kind_of))


def _task(practice: Practice, layout: Layout, levels: Levels, phases: MaskArray, peaks: Peaks) -> _Task:
    kind = layout.kind
    medium = (kind == Kind.MV_JUNCTION) | (kind == Kind.TRANSFORMER_HV)
    is_line = (layout.parent >= 0) & (kind != Kind.TRANSFORMER_LV)
    base = np.where(kind <= Kind.TRANSFORMER_HV, practice.mv_kv * 1e3 / np.sqrt(3.0), practice.lv_v)
    sin_phi = np.sqrt(np.maximum(1 - peaks.cos_phi**2, 0.0))
    amps = peaks.phase_kva * 1e3 / base[:, None]
    current = amps * (peaks.cos_phi - 1j * sin_phi)[:, None] * _TURNED
    return _Task(practice, layout, levels, phases, peaks, is_line, medium, base, current, amps.max(axis=1))


def _ladders(practice: Practice) -> list[tuple[str, int, list[int]]]:
    """Return (level, phases, line types in ascending size) of all there are."""
    kinds = [(level, phases) for level in ("mv", "main", "drop") for phases in (1, 2, 3)]
    ladders = [(level, phases, practice.ladder(level, phases)) for level, phases in kinds]
    return [entry for entry in ladders if entry[2]]


def _on_ladder(task: _Task, level: str, phases: int) -> BoolArray:
    kind = task.layout.kind
    here = {"mv": task.medium, "main": kind == Kind.LV_POLE, "drop": kind == Kind.SERVICE_POINT}[level]
    count = np.bitwise_count(task.phases)
    return np.asarray(task.is_line & here & (count == phases))


def _by_ampacity(task: _Task) -> IntArray:
    """Return the smallest type that carries the peak; the largest where none does."""
    practice = task.practice
    line = np.full(len(task.layout), -1, dtype=np.int64)
    names = [entry.name for entry in practice.lines]
    for level, phases, ladder in _ladders(practice):
        where = np.flatnonzero(_on_ladder(task, level, phases))
        carries = np.array([practice.lines[i].ampacity_a for i in ladder])
        rank = np.minimum(np.searchsorted(carries, task.largest_a[where]), len(ladder) - 1)
        if level == "mv":
            head = task.peaks.kva[_root_of(task.layout, where)]
            trunk = task.peaks.kva[where] > 0.5 * head
            floor = np.where(trunk, ladder.index(names.index(practice.trunk)), 0)
            rank = np.maximum(rank, np.maximum(floor, ladder.index(names.index(practice.lateral))))
        line[where] = np.array(ladder)[rank]
    return line


def _root_of(layout: Layout, nodes: IntArray) -> IntArray:
    """Return the substation of each node."""
    start = layout.feeder_start
    return np.asarray(start[np.searchsorted(start, nodes, side="right") - 1])


def _line_drop(task: _Task, line: IntArray) -> FloatArray:
    """Return the voltage that each line takes from each phase, per unit; 0 where a phase is not there."""
    drop = np.zeros((len(task.layout), 3))
    where = np.flatnonzero(task.is_line)
    z = impedance_table(task.practice)[line[where], task.phases[where]]
    ohm = np.einsum("mij,mj->mi", z, task.current[where]) * (task.layout.length_m[where] / 1e3)[:, None]
    drop[where] = (ohm * _TURNED.conj()).real / task.base_v[where, None]
    return drop


def _stiffen_drops(task: _Task, line: IntArray) -> None:
    """Enlarge service drops until none takes more than its share at its own peak."""
    most = task.practice.rules["service_drop_share"]
    service = task.layout.kind == Kind.SERVICE_POINT
    for _ in range(_longest(task.practice)):
        short = service & (_line_drop(task, line).max(axis=1) > most)
        if not _enlarged(task, line, short):
            return


def _longest(practice: Practice) -> int:
    return max(len(ladder) for _, _, ladder in _ladders(practice))


def _enlarged(task: _Task, line: IntArray, which: BoolArray) -> bool:
    """Put the next larger type in place; tell whether there was any."""
    larger = np.full(len(task.practice.lines), -1, dtype=np.int64)
    changed = False
    for level, phases, ladder in _ladders(task.practice):
        larger[:] = -1
        larger[ladder[:-1]] = ladder[1:]
        where = np.flatnonzero(which & _on_ladder(task, level, phases))
        where = where[larger[line[where]] >= 0]
        line[where] = larger[line[where]]
        changed |= len(where) > 0
    return changed


def _grow(
    task: _Task, line: IntArray, part: BoolArray, limit: FloatArray, drop_t: FloatArray | None = None
) -> FloatArray:
    """Enlarge the lines of a part of the grid on every way that takes more than ``limit``; return the drops.

    Ways begin at the substation, or at the transformer's high side where ``drop_t``, its own drop, is given.
    """
    layout = task.layout
    restart = layout.kind == Kind.SUBSTATION if drop_t is None else layout.kind == Kind.TRANSFORMER_HV
    use = part.copy()
    if drop_t is not None:
        use[layout.block_start] = True
    for _ in range(_longest(task.practice) + 1):
        drop = _line_drop(task, line)
        if drop_t is not None:
            drop[layout.block_start] = drop_t
        way = task.levels.summed_outwards(np.where(use[:, None], drop, 0.0), restart).max(axis=1)
        bad = part & (way > limit)
        # Service drops have their own rule, and a line that takes next to nothing would grow in vain.
        marked = task.levels.gathered(bad.astype(np.uint8), np.maximum).astype(bool) & part
        marked &= (layout.kind != Kind.SERVICE_POINT) & (drop.max(axis=1) > limit * _WORTH_IT)
        if not bad.any() or not _enlarged(task, line, marked):
            break
    return drop


def _transformer_drop(
    peaks: Peaks, terminals: IntArray, types: tuple[TransformerType, ...], kind_of: IntArray
) -> FloatArray:
    """Return what each transformer takes from each phase, per unit, (T, 3)."""
    r, x, phase_kva = np.array(
        [(t.vkr_percent / 100, np.sqrt(t.vk_percent**2 - t.vkr_percent**2) / 100, t.sn_kva / t.phases) for t in types]
    ).T[:, kind_of]
    cos_phi = peaks.cos_phi[terminals]
    per_load = r * cos_phi + x * np.sqrt(np.maximum(1 - cos_phi**2, 0.0))
    return np.asarray(peaks.phase_kva[terminals] / phase_kva[:, None] * per_load[:, None])


def _settled(
    task: _Task,
    line: IntArray,
    drop: FloatArray,
    drop_t: FloatArray,
    station_v: FloatArray,
    taps: FloatArray,
    kinds: tuple[tuple[TransformerType, ...], IntArray],
) -> Plan:
    """Choose each transformer's tap, the highest turns that lift its lowest service enough, and work out the rest."""
    layout, practice, peaks = task.layout, task.practice, task.peaks
    terminals = layout.block_start
    way = task.levels.summed_outwards(drop, layout.kind == Kind.TRANSFORMER_HV)
    worst = task.levels.gathered(way.max(axis=1), np.maximum)[terminals]
    enough = station_v[:, None] / taps - worst[:, None] >= practice.rules["lowest_pu"]
    tap = taps[np.where(enough.any(axis=1), enough.argmax(axis=1), len(taps) - 1)]
    rise = np.zeros_like(drop)
    rise[terminals] = (station_v * (1 / tap - 1))[:, None]
    fall = task.levels.summed_outwards(drop - rise)
    on = (task.phases[:, None] >> np.arange(3)) & 1
    vm = practice.head_voltage_pu - np.where(on == 1, fall, -np.inf).max(axis=1)
    loading = np.zeros(len(layout))
    where = np.flatnonzero(task.is_line)
    carries = np.array([entry.ampacity_a for entry in practice.lines])
    loading[where] = task.largest_a[where] / carries[line[where]]
    rated = np.array([t.sn_kva for t in kinds[0]])[kinds[1]]
    loading[terminals] = peaks.kva[terminals] / rated
    return Plan(line, tap, loading, vm)
