"""Grids as OpenDSS scripts: the balanced three-phase grid whose positive sequence is the grid.

Zero-sequence values are set to those of the positive sequence, and transformers are written wye-wye without a shift,
for neither is known here. A shift by a multiple of 30 degrees turns the voltages behind the transformer and changes
nothing else; comments in the script say which were left out. Magnetising branches become constant impedances at both
ends of their transformer, equal to pandapower's T model. Buses that closed switches join are one, under one name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError
from ghostload.grid.branches import tapped
from ghostload.grid.data import GridData, Table
from ghostload.grid.islands import islands

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ALWAYS: Final = "vminpu=0.01 vmaxpu=100"
"""OpenDSS turns loads outside of these voltages into impedances; here they keep their model."""

_MUCH_KVAR: Final = "1e9"

_SOURCE_OHM: Final = "r1=0 x1=1e-7 r0=0 x0=1e-7"


def to_opendss(data: GridData) -> str:
    """Return a grid as the text of an OpenDSS script that solves it.

    Generators that hold a voltage become OpenDSS' model 3, without reactive limits; it holds the voltage within its own
    tolerance, and finds no solution for meshed grids with many of them.

    Raises
    ------
    UsageError
        The grid has three-winding transformers, branches unlike at their ends, lines with conductance to earth, phase
        shifts that are no multiple of 30 degrees, or no external grid in service.
    """
    writer = _Writer(data)
    return "\n".join(writer.lines()) + "\n"


class _Writer:
    def __init__(self, data: GridData) -> None:
        self._data = data
        bus = data["bus"]
        island = islands(data)
        sources = data["ext_grid"]
        self._sources = np.flatnonzero(sources["in_service"] & self._is_live(sources, island >= 0))
        if not len(self._sources):
            raise UsageError("ext_grid: none is in service; OpenDSS needs one as its source, add an ext_grid")
        fed = island[bus.rows_of(sources["bus"][self._sources])]
        self._live = np.isin(island, fed) & (island >= 0)
        self._joined = self._join()

    def _is_live(self, table: Table, live: NDArray[np.bool_], column: str = "bus") -> NDArray[np.bool_]:
        rows = self._data["bus"].rows_of(table[column])
        return (rows >= 0) & live[rows] if len(live) else np.zeros(len(table), np.bool_)

    def _join(self) -> IntArray:
        """Return the row of the bus that stands for each bus: the first of those that closed switches join."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        bus, switch = self._data["bus"], self._data["switch"]
        closed = (switch["et"] == "b") & switch["closed"]
        one, other = bus.rows_of(switch["bus"][closed]), bus.rows_of(switch["element"][closed])
        there = (one >= 0) & (other >= 0)
        there[there] = self._live[one[there]] & self._live[other[there]]
        n = len(bus)
        graph = coo_array((np.ones(int(there.sum())), (one[there], other[there])), shape=(n, n))
        label = connected_components(graph, directed=False)[1]
        _, first = np.unique(label, return_index=True)
        return np.asarray(first[label], dtype=np.int64)

    def _bus(self, number: Any) -> str:
        bus = self._data["bus"]
        row = bus.positions[int(number)]
        return f"b{bus['id'][self._joined[row]]}".replace("-", "m")

    def _rated(self, number: Any) -> float:
        bus = self._data["bus"]
        return float(bus["vn_kv"][bus.positions[int(number)]])

    def _rows(self, component: str, *ends: str) -> Iterator[tuple[int, Table]]:
        """Go through the rows in service with all their ends under voltage."""
        table = self._data[component]
        mask = table["in_service"].copy()
        for end in ends:
            mask &= self._is_live(table, self._live, end)
        for row in np.flatnonzero(mask).tolist():
            yield row, table

    def lines(self) -> Iterator[str]:
        data = self._data
        if any(True for _ in self._rows("trafo3w", "hv_bus", "mv_bus", "lv_bus")):
            raise UsageError(
                f"trafo3w: {len(data['trafo3w'])} three-winding transformers, which are not written to OpenDSS"
            )
        yield f"! {data.name.splitlines()[0] if data.name else 'grid'}: positive sequence, written by ghostload"
        yield "Clear"
        # Set before the circuit is made; afterwards it leaves every voltage at 0 without a word.
        yield f"Set DefaultBaseFrequency={data.f_hz!r}"
        yield from self._slacks()
        yield from self._transformers()
        yield from self._lines()
        yield from self._impedances()
        yield from self._loads()
        yield from self._machines()
        yield from self._shunts()
        levels = sorted({float(v) for v in data["bus"]["vn_kv"][self._live]}, reverse=True)
        yield f"Set VoltageBases=[{' '.join(map(repr, levels))}]"
        yield "CalcVoltageBases"
        yield "Set Tolerance=1e-10 MaxIterations=1000 ControlMode=OFF"
        yield "Solve"

    def _slacks(self) -> Iterator[str]:
        table = self._data["ext_grid"]
        for count, row in enumerate(self._sources.tolist()):
            number = table["bus"][row]
            kind = "Circuit.grid" if count == 0 else f"Vsource.ext_grid_{table['id'][row]}"
            held = f"pu={_n(table['vm_pu'][row])} angle={_n(table['va_degree'][row])}"
            at = f"bus1={self._bus(number)} basekv={_n(self._rated(number))}"
            yield f"New {kind} phases=3 {at} {held} {_SOURCE_OHM}"

    def _open_ends(self, component: str, kind: str, element: int) -> set[int]:
        switch = self._data["switch"]
        open_ = (switch["et"] == kind) & ~switch["closed"] & (switch["element"] == element)
        return set(switch["bus"][open_].tolist())

    def _ends(self, component: str, kind: str, table: Table, row: int, ends: tuple[str, str]) -> list[str]:
        """Return the buses at both ends; an open switch puts a bus of its own in place."""
        element = int(table["id"][row])
        away = self._open_ends(component, kind, element)
        return [
            f"{component}_{element}_{end}" if int(table[end][row]) in away else self._bus(table[end][row])
            for end in ends
        ]

    def _branch_rows(self, component: str, kind: str, ends: tuple[str, str]) -> Iterator[tuple[int, Table, list[str]]]:
        table = self._data[component]
        for row in np.flatnonzero(table["in_service"]).tolist():
            away = self._open_ends(component, kind, int(table["id"][row]))
            tied = [int(table[end][row]) for end in ends if int(table[end][row]) not in away]
            rows = self._data["bus"].rows_of(np.array(tied, dtype=np.int64))
            if len(rows) and (rows >= 0).all() and self._live[rows].all():
                yield row, table, self._ends(component, kind, table, row, ends)

    def _lines(self) -> Iterator[str]:
        for row, t, (start, stop) in self._branch_rows("line", "l", ("from_bus", "to_bus")):
            if t["g_us_per_km"][row] != 0:
                raise UsageError(
                    f"line {t['id'][row]}: g_us_per_km is {t['g_us_per_km'][row]}, which OpenDSS has no place for"
                )
            many = float(t["parallel"][row])
            r, x = _n(t["r_ohm_per_km"][row] / many), _n(t["x_ohm_per_km"][row] / many)
            c = _n(t["c_nf_per_km"][row] * many)
            values = f"r1={r} x1={x} c1={c} r0={r} x0={x} c0={c} length={_n(t['length_km'][row])} units=km"
            yield f"New Line.line_{_id(t, row)} phases=3 bus1={start} bus2={stop} {values}"

    def _impedances(self) -> Iterator[str]:
        for row, t in self._rows("impedance", "from_bus", "to_bus"):
            unlike = t["rft_pu"][row] != t["rtf_pu"][row] or t["xft_pu"][row] != t["xtf_pu"][row]
            unlike = unlike or t["gf_pu"][row] != 0 or t["gt_pu"][row] != 0 or t["bf_pu"][row] != t["bt_pu"][row]
            vn_kv = self._rated(t["from_bus"][row])
            if unlike or vn_kv != self._rated(t["to_bus"][row]):
                raise UsageError(f"impedance {t['id'][row]} is unlike at its ends, which is not written to OpenDSS")
            ohm = vn_kv**2 / t["sn_mva"][row]
            r, x = _n(t["rft_pu"][row] * ohm), _n(t["xft_pu"][row] * ohm)
            c = _n(2 * t["bf_pu"][row] / ohm / (2 * np.pi * self._data.f_hz) * 1e9)
            values = f"r1={r} x1={x} c1={c} r0={r} x0={x} c0={c} length=1"
            at = f"bus1={self._bus(t['from_bus'][row])} bus2={self._bus(t['to_bus'][row])}"
            yield f"New Line.impedance_{_id(t, row)} phases=3 {at} {values}"

    def _transformers(self) -> Iterator[str]:
        table = self._data["trafo"]
        vn_hv, vn_lv, shift = tapped(table, table["shift_degree"])
        for row, t, (high, low) in self._branch_rows("trafo", "t", ("hv_bus", "lv_bus")):
            if abs(shift[row] / 30.0 - round(shift[row] / 30.0)) > 1e-9:
                raise UsageError(
                    f"trafo {t['id'][row]}: shift of {shift[row]:g} deg, only multiples of 30 can be left out"
                )
            if shift[row]:
                yield f"! trafo {t['id'][row]}: shift of {shift[row]:g} deg left out"
            z, y_mva = _as_pi(t, row)
            mva = t["sn_mva"][row] * t["parallel"][row]
            kvs, kva = f"kvs=[{_n(vn_hv[row])} {_n(vn_lv[row])}]", _n(mva * 1e3)
            half = _n(z.real * 50.0)
            losses = f"%Rs=[{half} {half}] xhl={_n(z.imag * 100.0)} %noloadloss=0 %imag=0 ppm_antifloat=0"
            ends = f"buses=[{high} {low}] conns=[wye wye] {kvs} kvas=[{kva} {kva}]"
            yield f"New Transformer.trafo_{_id(t, row)} phases=3 windings=2 {ends} {losses}"
            for end, bus, kv in (("hv", high, vn_hv[row]), ("lv", low, vn_lv[row])):
                if y_mva:
                    yield _load(f"trafo_{_id(t, row)}_{end}", bus, kv, np.conj(y_mva), "model=2")

    def _loads(self) -> Iterator[str]:
        for row, t in self._rows("load", "bus"):
            power = complex(t["p_mw"][row], t["q_mvar"][row]) * t["scaling"][row]
            shares = [
                (t[f"const_z_{k}_percent"][row] / 100.0, t[f"const_i_{k}_percent"][row] / 100.0) for k in ("p", "q")
            ]
            model = "model=1"
            if any(share != 0 for pair in shares for share in pair):
                zipv = [w for z, i in shares for w in (z, i, 1.0 - z - i)]
                model = f"model=8 zipv=[{' '.join(map(_n, zipv))} 0]"
            yield _load(f"load_{_id(t, row)}", self._bus(t["bus"][row]), self._rated(t["bus"][row]), power, model)

    def _machines(self) -> Iterator[str]:
        for row, t in self._rows("sgen", "bus"):
            power = -complex(t["p_mw"][row], t["q_mvar"][row]) * t["scaling"][row]
            yield _load(f"sgen_{_id(t, row)}", self._bus(t["bus"][row]), self._rated(t["bus"][row]), power, "model=1")
        for row, t in self._rows("gen", "bus"):
            kw, at = _n(t["p_mw"][row] * t["scaling"][row] * 1e3), t["bus"][row]
            limit = f"maxkvar={_MUCH_KVAR} minkvar=-{_MUCH_KVAR}"
            held = f"kv={_n(self._rated(at))} kw={kw} model=3 vpu={_n(t['vm_pu'][row])} {limit}"
            yield f"New Generator.gen_{_id(t, row)} phases=3 bus1={self._bus(at)} {held} {_ALWAYS}"

    def _shunts(self) -> Iterator[str]:
        for row, t in self._rows("shunt", "bus"):
            power = complex(t["p_mw"][row], t["q_mvar"][row]) * int(t["step"][row])
            kv = self._rated(t["bus"][row]) if np.isnan(t["vn_kv"][row]) else t["vn_kv"][row]
            yield _load(f"shunt_{_id(t, row)}", self._bus(t["bus"][row]), kv, power, "model=2")


def _as_pi(t: Table, row: int) -> tuple[complex, complex]:
    """Return series impedance in per unit, and admittance to earth at each end in MVA, of a transformer's T circuit."""
    mva, parallel = float(t["sn_mva"][row]), float(t["parallel"][row])
    size, r = float(t["vk_percent"][row]) / 100.0, float(t["vkr_percent"][row]) / 100.0
    z = complex(r, np.copysign(np.sqrt(max(size**2 - r**2, 0.0)), size))
    iron = float(t["pfe_kw"][row]) * 1e-3 / mva
    y = complex(iron, -np.sqrt(max((float(t["i0_percent"][row]) / 100.0) ** 2 - iron**2, 0.0)))
    bend = 1.0 + z * y / 4.0
    return z * bend, y / 2.0 / bend * mva * parallel


def _load(name: str, bus: str, kv: float, mva: complex, model: str) -> str:
    power = f"kw={_n(mva.real * 1e3)} kvar={_n(mva.imag * 1e3)}"
    return f"New Load.{name} phases=3 bus1={bus} kv={_n(kv)} {power} {model} {_ALWAYS}"


def _id(table: Table, row: int) -> str:
    return str(table["id"][row]).replace("-", "m")


def _n(value: Any) -> str:
    return repr(float(value))
