"""Three-phase feeders as OpenDSS text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ghostload.errors import UsageError
from ghostload.grid.radial.three_phase import Bus3, Line3, Load3, ThreePhaseGrid, Transformer1, Transformer3
from ghostload.grid.radial.windings import vector_group

_NODE = {"a": 1, "b": 2, "c": 3, "n": 4}

_STIFF_OHM = 1e-6
"""OpenDSS needs some impedance behind a source; this much is nothing beside a feeder's."""

_LEADS = {("D", "yn", 11): "lead", ("D", "yn", 1): "lag", ("YN", "yn", 0): "lag"}


def to_opendss_text(grid: ThreePhaseGrid) -> str:
    """Write a feeder as commands that OpenDSS solves to the same voltages.

    Parameters
    ----------
    grid : ThreePhaseGrid
        With transformers of groups Dyn1, Dyn11 and YNyn0, and single-phase ones.

    Raises
    ------
    UsageError
        A transformer has another vector group.
    """
    return "\n".join([*_Script(grid).commands(), ""])


class _Script:
    def __init__(self, grid: ThreePhaseGrid) -> None:
        self.grid = grid
        self.buses = {bus.name: bus for bus in grid.buses}

    def commands(self) -> Iterator[str]:
        grid, source = self.grid, self.grid.source
        yield f"! {grid.name.splitlines()[0] if grid.name else 'feeder'}, written by ghostload"
        yield "Clear"
        yield f"Set DefaultBaseFrequency={grid.f_hz!r}"
        kv = self.buses[source.bus].vn_kv
        ohms = [complex(z) or complex(0.0, _STIFF_OHM) for z in (source.z1_ohm, source.z0_ohm)]
        z1, z0 = (f"[{z.real!r} {z.imag!r}]" for z in ohms)
        yield (
            f"New Circuit.feeder phases=3 bus1={source.bus} basekv={kv!r} pu={source.vm_pu!r}"
            f" angle={source.va_degree!r} Z1={z1} Z0={z0}"
        )
        for name, code in grid.codes.items():
            z = np.asarray(code.z_ohm_per_km)
            c = np.zeros(z.shape) if code.c_nf_per_km is None else np.asarray(code.c_nf_per_km)
            matrices = f"rmatrix={_matrix(z.real)} xmatrix={_matrix(z.imag)} cmatrix={_matrix(c)}"
            yield f"New Linecode.{name} nphases={len(z)} basefreq={grid.f_hz!r} units=km {matrices}"
        yield from map(self._line, grid.lines)
        for transformer in grid.transformers:
            yield self._three_phase(transformer)
        yield from map(self._single_phase, grid.single_phase)
        for load in grid.loads:
            yield from self._load(load)
        for bus in grid.buses:
            if bus.earth_ohm is not None:
                ends = f"bus1={bus.name}.4 bus2={bus.name}.0"
                yield f"New Reactor.earth_{bus.name} phases=1 {ends} R={bus.earth_ohm!r} X=0"
        levels = sorted({bus.vn_kv for bus in grid.buses}, reverse=True)
        yield f"Set VoltageBases=[{' '.join(map(repr, levels))}]"
        yield "CalcVoltageBases"
        yield "Set Tolerance=1e-10 MaxIterations=1000 ControlMode=OFF"
        yield "Solve"

    def _line(self, line: Line3) -> str:
        wires = line.conductors or self.buses[line.to_bus].conductors
        nodes = _nodes(wires)
        ends = f"bus1={line.from_bus}{nodes} bus2={line.to_bus}{nodes}"
        return (
            f"New Line.{line.name} phases={len(wires)} {ends} linecode={line.code} length={line.length_km!r} units=km"
        )

    def _three_phase(self, t: Transformer3) -> str:
        group = vector_group(t.vector_group)
        if group not in _LEADS:
            raise UsageError(f"transformer {t.name!r}: group {t.vector_group} is not written; Dyn1, Dyn11 or YNyn0")
        star = 4 if "n" in self.buses[t.lv_bus].conductors else 0
        high = "conn=delta" if group[0] == "D" else "conn=wye"
        high_nodes = ".1.2.3" if group[0] == "D" else f".1.2.3.{self._star(t.hv_bus)}"
        return (
            f"New Transformer.{t.name} phases=3 windings=2 leadlag={_LEADS[group]} {_losses(t)}"
            f" wdg=1 bus={t.hv_bus}{high_nodes} {high} kv={t.vn_hv_kv!r} kva={t.sn_kva!r} tap={t.tap_pu!r}"
            f" wdg=2 bus={t.lv_bus}.1.2.3.{star} conn=wye kv={t.vn_lv_kv!r} kva={t.sn_kva!r}"
        )

    def _star(self, bus: str) -> int:
        return 4 if "n" in self.buses[bus].conductors else 0

    def _single_phase(self, t: Transformer1) -> str:
        phase = _NODE[t.phase]
        return (
            f"New Transformer.{t.name} phases=1 windings=2 {_losses(t)}"
            f" wdg=1 bus={t.hv_bus}.{phase}.{self._star(t.hv_bus)} kv={t.vn_hv_kv!r} kva={t.sn_kva!r} tap={t.tap_pu!r}"
            f" wdg=2 bus={t.lv_bus}.{phase}.{self._star(t.lv_bus)} kv={t.vn_lv_kv!r} kva={t.sn_kva!r}"
        )

    def _load(self, load: Load3) -> Iterator[str]:
        bus: Bus3 = self.buses[load.bus]
        wye, phases = load.connection == "wye", 1 if len(load.phases) < 3 else 3
        for k, (wires, share) in enumerate(_parts(load)):
            kv = float(bus.vn_kv / np.sqrt(3)) if wye and phases == 1 else bus.vn_kv
            at = f"bus1={load.bus}{_nodes(wires)}{f'.{self._star(load.bus)}' if wye else ''}"
            for model, part in ((1, 1 - load.z_share - load.i_share), (2, load.z_share), (5, load.i_share)):
                if abs(part) > 1e-12:
                    power = f"kw={load.p_kw * share * part!r} kvar={load.q_kvar * share * part!r} model={model}"
                    yield (
                        f"New Load.{load.name}_{k}{model} phases={phases} conn={load.connection} {at} kv={kv!r} {power}"
                        " vminpu=0.1 vmaxpu=2"
                    )


def _parts(load: Load3) -> list[tuple[str, float]]:
    """Return the wires of each OpenDSS load and its share: two single-phase ones where a wye load has two phases."""
    if load.connection == "wye" and len(load.phases) == 2:
        return [(phase, 0.5) for phase in load.phases]
    return [(load.phases, 1.0)]


def _losses(t: Any) -> str:
    x = float(np.sqrt(t.vk_percent**2 - t.vkr_percent**2))
    iron = t.pfe_kw / t.sn_kva * 100
    imag = float(np.sqrt(max(t.i0_percent**2 - iron**2, 0.0)))
    half = t.vkr_percent / 2
    return f"%Rs=[{half!r} {half!r}] xhl={x!r} %noloadloss={iron!r} %imag={imag!r} ppm_antifloat=0"


def _nodes(wires: str) -> str:
    return "".join(f".{_NODE[wire]}" for wire in wires)


def _matrix(values: Any) -> str:
    return "(" + " | ".join(" ".join(repr(float(x)) for x in row) for row in values) + ")"
