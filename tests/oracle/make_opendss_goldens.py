"""Make the golden folders of unbalanced feeders with OpenDSS.

python tests/oracle/make_opendss_goldens.py      (needs dss-python)

Each folder holds the feeder (input.json), the same feeder as an OpenDSS script written element by element
(input.dss), the voltages and powers that OpenDSS finds (expected.csv, expected.json, flows.csv with the powers into
both ends of lines and transformers by conductor) and case.yaml.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ghostload.grid.radial.conductors import carson_impedance, kron_reduced, sequence_matrix  # noqa: E402
from ghostload.grid.radial.three_phase import (  # noqa: E402
    Bus3,
    Line3,
    LineCode,
    Load3,
    Source3,
    ThreePhaseGrid,
    Transformer3,
)
from ghostload.grid.radial.three_phase_json import feeder_from_json, feeder_to_json  # noqa: E402

FOLDER = ROOT / "tests" / "golden" / "grid"
NODE = {"a": 1, "b": 2, "c": 3, "n": 4}

MV = LineCode(sequence_matrix(0.254 + 0.342j, 0.402 + 1.21j), sequence_matrix(280.0, 240.0).real)
LV = LineCode(sequence_matrix(0.32 + 0.075j, 1.28 + 0.19j), sequence_matrix(210.0, 110.0).real)
OVERHEAD = carson_impedance(
    [0.0, 0.7, 1.4, 0.7], [8.0, 8.4, 8.0, 7.2], [0.306, 0.306, 0.306, 0.592], [7.4e-3, 7.4e-3, 7.4e-3, 2.5e-3]
)
LV4 = LineCode(carson_impedance([0.0, 0.0, 0.0, 0.0], [8.0, 7.6, 7.2, 6.8], [0.32] * 4, [4.2e-3] * 4))
SERVICE = LineCode(carson_impedance([0.0, 0.05], [5.0, 5.0], [0.87, 0.87], [2.3e-3, 2.3e-3]))


def loads_of_each_kind(lv: tuple[str, str, str], mv: str) -> tuple[Load3, ...]:
    """Wye, delta and single-phase loads of constant power, current and impedance."""
    one, two, three = lv
    return (
        Load3("p3", one, 36.0, 12.0),
        Load3("i3", two, 21.0, 9.0, i_share=1.0),
        Load3("z3", three, 24.0, 6.0, z_share=1.0),
        Load3("d3", two, 30.0, 9.0, connection="delta"),
        Load3("d3i", one, 12.0, 3.0, connection="delta", i_share=0.5, z_share=0.3),
        Load3("ab", three, 9.0, 2.0, "ab", "delta", z_share=1.0),
        Load3("ca", one, 7.0, 3.0, "ca", "delta"),
        Load3("a", two, 8.0, 2.5, "a"),
        Load3("b", three, 5.0, 1.0, "b", i_share=1.0),
        Load3("c", three, -4.0, 0.5, "c"),
        Load3("zip", two, 6.0, 1.5, "c", z_share=0.3, i_share=0.3),
        Load3("mv", mv, 400.0, 150.0, connection="delta"),
    )


def small(group: str, *, tap: float = 1.0, i0_percent: float = 0.35) -> ThreePhaseGrid:
    """An MV line, a transformer and an LV street with every kind of load."""
    buses = (
        Bus3("source", 20.0), Bus3("station", 20.0), Bus3("lv0", 0.4), Bus3("lv1", 0.4), Bus3("lv2", 0.4),
        Bus3("lv3", 0.4), Bus3("stub", 0.4), Bus3("yard", 0.4, "ac"),
    )  # fmt: skip
    wires = np.ix_([0, 2], [0, 2])
    loads = (*loads_of_each_kind(("lv1", "lv2", "lv3"), "station"), Load3("yard", "yard", 4.0, 1.0, "c"))
    if group.endswith(("d1", "d5", "d11")):
        loads = tuple(load for load in loads if load.connection == "delta")
    return ThreePhaseGrid(
        buses,
        Source3("source", 1.02, 10.0, 0.4 + 3.1j, 0.5 + 3.4j),
        (
            Line3("mv", "source", "station", "mv", 6.0),
            Line3("s1", "lv0", "lv1", "lv", 0.12),
            Line3("s2", "lv1", "lv2", "overhead", 0.21),
            Line3("s3", "lv2", "lv3", "lv", 0.08),
            Line3("s4", "lv1", "stub", "lv", 0.05),
            Line3("s5", "lv3", "yard", "ac", 0.04, "ac"),
        ),
        (
            Transformer3("t", "station", "lv0", 400.0, 20.0, 0.4, 4.1, 1.2, group, 0.61, i0_percent, tap_pu=tap),
        ),
        loads,
        {
            "mv": MV, "lv": LV, "overhead": LineCode(kron_reduced(OVERHEAD, 3)),
            "ac": LineCode(LV.z_ohm_per_km[wires], LV.c_nf_per_km[wires]),
        },
        name=f"small feeder behind a {group} transformer",
    )  # fmt: skip


def four_wire(group: str, *, earths: dict[str, float], i0_percent: float = 0.4) -> ThreePhaseGrid:
    """An LV street with its neutral, services of one phase, and earth electrodes of some ohms."""
    names = ["lv0", *(f"p{k}" for k in range(1, 9))]
    buses = [Bus3("source", 20.0), Bus3("station", 20.0)]
    buses += [Bus3(name, 0.4, "abcn", earths.get(name)) for name in names]
    buses += [Bus3(f"h{k}", 0.4, f"{'abc'[k % 3]}n", earths.get(f"h{k}")) for k in range(1, 9)]
    lines = [Line3("mv", "source", "station", "mv", 4.0)]
    before = {1: "lv0", 2: "p1", 3: "p2", 4: "p2", 5: "p4", 6: "lv0", 7: "p6", 8: "p7"}
    lines += [Line3(f"m{k}", before[k], f"p{k}", "lv4", 0.035 + 0.004 * k) for k in range(1, 9)]
    lines += [Line3(f"d{k}", f"p{k}", f"h{k}", "service", 0.018 + 0.002 * k) for k in range(1, 9)]
    loads = [Load3(f"h{k}", f"h{k}", 2.0 + 0.7 * k, 0.4 + 0.1 * k, "abc"[k % 3]) for k in range(1, 8)]
    loads += [
        Load3("pv", "h8", -4.5, 0.0, "c"),
        Load3("shop", "p5", 18.0, 6.0, i_share=0.4, z_share=0.2),
        Load3("welder", "p3", 9.0, 5.0, "bc", "delta"),
        Load3("pump", "p8", 12.0, 6.0, connection="delta", z_share=1.0),
    ]
    return ThreePhaseGrid(
        tuple(buses),
        Source3("source", 1.01, 0.0, 0.4 + 3.1j, 0.5 + 3.4j),
        tuple(lines),
        (Transformer3("t", "station", "lv0", 250.0, 20.0, 0.4, 4.0, 1.3, group, 0.43, i0_percent),),
        tuple(loads),
        {"mv": MV, "lv4": LV4, "service": SERVICE},
        name=f"four-wire street behind a {group} transformer",
    )  # fmt: skip


def european_like(wires: str = "abc", *, customers: int = 55, joints: int = 850) -> ThreePhaseGrid:
    """906 buses: an 800 kVA transformer, a street network of short cable sections, 55 customers on one phase each."""
    rng = np.random.default_rng(906)
    buses = [Bus3("source", 11.0), Bus3("j0", 0.416, wires, 1.0 if "n" in wires else None)]
    lines, depth = [], [0]
    for k in range(1, joints):
        near = k - 1 if rng.random() < 0.93 else int(rng.integers(max(0, k - 250), k))
        depth.append(depth[near] + 1)
        buses.append(Bus3(f"j{k}", 0.416, wires))
        code = ("main", "main", "branch")[min(depth[k] // 60, 2)]
        lines.append(Line3(f"s{k}", f"j{near}", f"j{k}", code, round(float(rng.uniform(0.4, 3.2)) / 1e3, 6)))
    loads = []
    for k, joint in enumerate(np.sort(rng.choice(np.arange(20, joints), customers, replace=False)).tolist()):
        phase = "abc"[int(rng.integers(3))]
        earth = 20.0 if "n" in wires and k % 5 == 0 else None
        buses.append(Bus3(f"c{k}", 0.416, phase + "n" if "n" in wires else wires, earth))
        lines.append(Line3(f"d{k}", f"j{joint}", f"c{k}", "service", round(float(rng.uniform(4.0, 15.0)) / 1e3, 6)))
        p_kw = round(float(rng.gamma(1.3, 1.1)) + 0.1, 3)
        loads.append(Load3(f"c{k}", f"c{k}", p_kw, round(p_kw * 0.3287, 4), phase))
    if "n" in wires:
        main = carson_impedance([0.0, 0.035, 0.035, 0.0], [0.7, 0.7, 0.735, 0.735], [0.162] * 4, [7.1e-3] * 4)
        branch = carson_impedance([0.0, 0.025, 0.025, 0.0], [0.7, 0.7, 0.725, 0.725], [0.469] * 4, [4.2e-3] * 4)
        service = carson_impedance([0.0, 0.012], [0.6, 0.6], [1.15, 1.15], [2.2e-3] * 2)
    else:
        main = sequence_matrix(0.162 + 0.074j, 0.504 + 0.0795j)
        branch = sequence_matrix(0.469 + 0.076j, 1.581 + 0.091j)
        service = sequence_matrix(1.15 + 0.088j, 1.2 + 0.088j)
    return ThreePhaseGrid(
        tuple(buses),
        Source3("source", 1.05, 0.0, 0.06 + 2.1j, 0.07 + 2.3j),
        tuple(lines),
        (Transformer3("t", "source", "j0", 800.0, 11.0, 0.416, 4.02, 0.4, "Dyn11"),),
        tuple(loads),
        {"main": LineCode(main), "branch": LineCode(branch), "service": LineCode(service)},
        name=f"European LV feeder in kind, {len(buses)} buses, conductors {wires}",
    )


# Through a wye-wye transformer with a free star point only the magnetising branch carries a neutral current. Iron cores
# do so far better than their no-load current tells, hence the large value: without it such loads have no solution.
CASES = {
    "opendss_small_dyn1": small("Dyn1"),
    "opendss_small_dyn5": small("Dyn5"),
    "opendss_small_dyn11": small("Dyn11", tap=0.975),
    "opendss_small_yyn0": small("Yyn0", i0_percent=90.0),
    "opendss_small_ynyn0": small("YNyn0", tap=1.025),
    "opendss_small_ynd1": small("YNd1"),
    "opendss_four_wire_dyn11": four_wire("Dyn11", earths={"lv0": 1.5, "p3": 12.0, "p8": 25.0, "h5": 40.0}),
    "opendss_four_wire_dyn5": four_wire("Dyn5", earths={"lv0": 0.8}),
    "opendss_four_wire_yyn0": four_wire("Yyn0", earths={"lv0": 2.0, "p5": 10.0}, i0_percent=90.0),
    "opendss_european_like": european_like(),
    "opendss_european_like_four_wire": european_like("abcn"),
}


def _matrix(values: np.ndarray) -> str:
    return "(" + " | ".join(" ".join(repr(float(x)) for x in row) for row in values) + ")"


def _nodes(wires: str) -> str:
    return "".join(f".{NODE[x]}" for x in wires)


def _transformer(t: Transformer3, grid: ThreePhaseGrid) -> list[str]:
    """One three-phase element where OpenDSS knows the group, else three single-phase ones wired by hand."""
    buses = {bus.name: bus for bus in grid.buses}
    star = {True: 4, False: 0}
    low_star = star["n" in buses[t.lv_bus].conductors]
    x = np.sqrt(t.vk_percent**2 - t.vkr_percent**2)
    loss = t.pfe_kw / t.sn_kva * 100
    imag = np.sqrt(max(t.i0_percent**2 - loss**2, 0.0))
    common = (
        f"%rs=({t.vkr_percent / 2!r} {t.vkr_percent / 2!r}) xhl={float(x)!r} %noloadloss={loss!r} %imag={float(imag)!r}"
    )
    held = "ppm_antifloat=1" if t.vector_group == "YNd1" else "ppm_antifloat=0"
    if t.vector_group == "Dyn5":
        units = []
        for k, (first, second) in enumerate(((2, 1), (3, 2), (1, 3))):
            units.append(
                f"new transformer.{t.name}{k} phases=1 windings=2 {common} {held}"
                f" wdg=1 bus={t.hv_bus}.{first}.{second} kv={t.vn_hv_kv!r} kva={t.sn_kva / 3!r} tap={t.tap_pu!r}"
                f" wdg=2 bus={t.lv_bus}.{k + 1}.{low_star} kv={float(t.vn_lv_kv / np.sqrt(3))!r} kva={t.sn_kva / 3!r}"
            )
        return units
    high = {"D": "delta", "Y": "wye"}[t.vector_group[0]]
    low = "delta" if "d" in t.vector_group else "wye"
    high_nodes = ".1.2.3" + ("" if high == "delta" else ".0" if t.vector_group.startswith("YN") else ".9")
    low_nodes = ".1.2.3" + ("" if low == "delta" else f".{low_star}")
    lead = "lead" if t.vector_group.endswith("11") else "lag"
    return [
        f"new transformer.{t.name} phases=3 windings=2 {common} {held} leadlag={lead}"
        f" wdg=1 bus={t.hv_bus}{high_nodes} conn={high} kv={t.vn_hv_kv!r} kva={t.sn_kva!r} tap={t.tap_pu!r}"
        f" wdg=2 bus={t.lv_bus}{low_nodes} conn={low} kv={t.vn_lv_kv!r} kva={t.sn_kva!r}"
    ]


def _load(load: Load3, grid: ThreePhaseGrid) -> list[str]:
    bus = next(bus for bus in grid.buses if bus.name == load.bus)
    shares = ((1, 1 - load.z_share - load.i_share), (2, load.z_share), (5, load.i_share))
    wye = load.connection == "wye"
    star = ".4" if "n" in bus.conductors else ".0"
    phases = 1 if len(load.phases) < 3 else 3
    kv = bus.vn_kv / np.sqrt(3) if wye and phases == 1 else bus.vn_kv
    nodes = _nodes(load.phases) + (star if wye else "")
    return [
        f"new load.{load.name}_{model} phases={phases} conn={load.connection} bus1={load.bus}{nodes} kv={float(kv)!r}"
        f" kw={load.p_kw * share!r} kvar={load.q_kvar * share!r} model={model} vminpu=0.1 vmaxpu=2"
        for model, share in shares
        if abs(share) > 1e-12
    ]


def script(grid: ThreePhaseGrid) -> str:
    """Write a feeder as OpenDSS commands."""
    source = grid.source
    kv = next(bus.vn_kv for bus in grid.buses if bus.name == source.bus)
    z1, z0 = complex(source.z1_ohm), complex(source.z0_ohm)
    out = [
        "clear",
        f"set defaultbasefrequency={grid.f_hz:g}",
        f"new circuit.golden bus1={source.bus} basekv={kv!r} pu={source.vm_pu!r} angle={source.va_degree!r}"
        f" z1=[{z1.real!r} {z1.imag!r}] z0=[{z0.real!r} {z0.imag!r}]",
    ]
    for name, code in grid.codes.items():
        z = np.asarray(code.z_ohm_per_km)
        c = np.zeros(z.shape) if code.c_nf_per_km is None else code.c_nf_per_km
        out.append(
            f"new linecode.{name} nphases={len(z)} basefreq={grid.f_hz:g} units=km rmatrix={_matrix(z.real)}"
            f" xmatrix={_matrix(z.imag)} cmatrix={_matrix(c)}"
        )
    where = {bus.name: bus for bus in grid.buses}
    for line in grid.lines:
        nodes = _nodes(line.conductors or where[line.to_bus].conductors)
        out.append(
            f"new line.{line.name} phases={len(nodes) // 2} bus1={line.from_bus}{nodes} bus2={line.to_bus}{nodes}"
            f" linecode={line.code} length={line.length_km!r} units=km"
        )
    for transformer in grid.transformers:
        out += _transformer(transformer, grid)
    for load in grid.loads:
        out += _load(load, grid)
    out += [
        f"new reactor.e_{bus.name} phases=1 bus1={bus.name}.4 bus2={bus.name}.0 r={bus.earth_ohm!r} x=0"
        for bus in grid.buses
        if bus.earth_ohm is not None
    ]
    return "\n".join([*out, "set maxiterations=200", "set tolerance=1e-10", "solve", ""])


def solved(text: str, grid: ThreePhaseGrid) -> tuple[list[tuple[str, str, complex]], dict[str, object]]:
    """Solve a script with OpenDSS; return voltages in pu by bus and conductor, and the power of the source."""
    from dss import DSS

    for line in text.splitlines():
        DSS.Text.Command = line
    circuit = DSS.ActiveCircuit
    if not circuit.Solution.Converged:
        raise SystemExit(f"OpenDSS does not converge on {grid.name}")
    volts = dict(zip(circuit.AllNodeNames, np.asarray(circuit.AllBusVolts).view(complex).ravel(), strict=True))
    rows = [
        (bus.name, x, volts[f"{bus.name}.{NODE[x]}"] / (bus.vn_kv * 1e3 / np.sqrt(3)))
        for bus in grid.buses
        for x in bus.conductors
    ]
    total = np.asarray(circuit.TotalPower).view(complex).ravel()[0]
    return rows, {"source_kva": [-total.real, -total.imag], "version": DSS.Version}


def flows(grid: ThreePhaseGrid) -> list[str]:
    """Return rows element, conductor, and kW and kvar into the first and the second end, of the circuit solved last."""
    from dss import DSS

    element = DSS.ActiveCircuit.ActiveCktElement
    where = {bus.name: bus for bus in grid.buses}
    rows = []
    wires = {f"line.{x.name}": x.conductors or where[x.to_bus].conductors for x in grid.lines}
    wires |= {f"transformer.{x.name}": "abc" for x in grid.transformers if x.vector_group != "Dyn5"}
    for name, conductors in wires.items():
        DSS.ActiveCircuit.SetActiveElement(name)
        power = np.asarray(element.Powers).view(complex).reshape(2, -1)
        for k, conductor in enumerate(conductors):
            a, b = power[:, k]
            rows.append(f"{name},{conductor},{a.real:.9f},{a.imag:.9f},{b.real:.9f},{b.imag:.9f}")
    return rows


def main() -> None:
    """Write every folder."""
    for name, grid in CASES.items():
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        text = feeder_to_json(grid)
        grid = feeder_from_json(text)
        dss = script(grid)
        rows, powers = solved(dss, grid)
        flow = flows(grid)
        if len(flow) > 500:
            flow = [row for row in flow if row.split(",")[0][-2:] in ("d7", "17", "42") or row.startswith("t")]
        if len(rows) > 500:
            rows = [
                row for row in rows if row[0].startswith("c") or row[0] in ("source", "j0") or row[0][1:].endswith("7")
            ]
        (folder / "input.json").write_text(text + "\n", encoding="utf-8")
        (folder / "input.dss").write_text(dss, encoding="utf-8")
        lines = [f"{bus},{x},{v.real:.11f},{v.imag:.11f}" for bus, x, v in rows]
        (folder / "expected.csv").write_text("\n".join(["bus,conductor,v_re_pu,v_im_pu", *lines, ""]), encoding="utf-8")
        head = "element,conductor,p_1_kw,q_1_kvar,p_2_kw,q_2_kvar"
        (folder / "flows.csv").write_text("\n".join([head, *flow, ""]), encoding="utf-8")
        version = str(powers.pop("version"))
        (folder / "expected.json").write_text(json.dumps(powers) + "\n", encoding="utf-8")
        (folder / "case.yaml").write_text(
            f"what: {grid.name}\noracle: OpenDSS by way of dss-python\n"
            f"version: {json.dumps(version.splitlines()[0])}\ntolerance_v_pu: 2.0e-7\n"
            "command: python tests/oracle/make_opendss_goldens.py\n",
            encoding="utf-8",
        )
        sys.stdout.write(f"{name}: {len(rows)} voltages\n")


if __name__ == "__main__":
    main()
