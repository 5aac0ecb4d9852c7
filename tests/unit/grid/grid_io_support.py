"""What the tests of readers and writers share: grids of all kinds, voltages, golden folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from hypothesis import strategies as st

from ghostload.grid.data import GridData
from ghostload.grid.kernels import pivoting
from ghostload.grid.network import build_network, init_voltage, ybus
from ghostload.grid.schema import COMPONENTS, REQUIRED, Field

GOLDEN = Path(__file__).parents[2] / "golden" / "grid"


def voltages(data: GridData, near: np.ndarray | None = None) -> np.ndarray:
    """Solve a grid, from voltages by bus row or a DC start; complex voltages by bus row, NaN without voltage."""
    circuit = build_network(data)
    start = init_voltage(circuit, "dc")
    if near is not None:
        start[circuit.node_of_bus] = near
        start = np.where(circuit.node_type > 1, circuit.vm_set * start / np.abs(start), start)
    found = pivoting.solve(
        ybus(circuit), circuit.s_bus, circuit.i_bus, circuit.node_type, start, tol_pu=1e-9, max_iter=50
    )
    assert found.mismatch_pu < 1e-7
    return np.where(circuit.node_of_bus >= 0, np.append(found.v, np.nan)[circuit.node_of_bus], np.nan)


def expected(name: str) -> tuple[pd.DataFrame, float]:
    """Read the oracle's voltages by bus, and the tolerance."""
    about = yaml.safe_load((GOLDEN / name / "case.yaml").read_text())
    return pd.read_csv(GOLDEN / name / "expected.csv", index_col="bus"), float(about["tolerance_pu"])


def largest_difference(data: GridData, frame: pd.DataFrame, *, angles: bool = True) -> float:
    """Compare the solution of a grid with an oracle's."""
    own = voltages(data)[data["bus"].rows_of(frame.index.to_numpy())]
    other = frame.vm_pu.to_numpy() * np.exp(1j * np.deg2rad(frame.va_degree.to_numpy()))
    np.testing.assert_array_equal(np.isnan(own), np.isnan(other))
    gap = np.abs(own - other) if angles else np.abs(np.abs(own) - np.abs(other))
    return float(np.nanmax(gap))


def same_circuit(a: GridData, b: GridData) -> float:
    """Compare admittances at the buses that both have, given buses of equal ids; the share of the largest entry."""
    one, other = build_network(a), build_network(b)
    rows = b["bus"].rows_of(a["bus"]["id"])
    node_b = np.where(rows >= 0, other.node_of_bus[rows], -1)
    both = (one.node_of_bus >= 0) & (node_b >= 0)
    i, j = one.node_of_bus[both], node_b[both]
    y_a, y_b = ybus(one)[i][:, i], ybus(other)[j][:, j]
    return float(abs(y_a - y_b).max() / abs(y_a).max())


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=6).map(str.strip)
_TEXT = _TEXT.filter(lambda t: t.lower() not in {"nan", "none", "null", "na", "<na>"})


def _values(field: Field, *, infinite: bool) -> st.SearchStrategy[object]:
    if field.domain is not None:
        return st.sampled_from(field.domain)
    match field.kind:
        case "int":
            return st.integers(-(2**53) + 1, 2**53 - 1)
        case "bool":
            return st.booleans()
        case "text":
            return _TEXT
    numbers = st.floats(allow_nan=False, allow_infinity=infinite, width=64)
    return numbers | st.just(np.nan) if field.default is REQUIRED or field.may_be_nan else numbers


@st.composite
def any_grids(draw: st.DrawFn, *, infinite: bool = True) -> GridData:
    """Tables of any cells that the schema allows, sensible or not."""
    tables = {}
    for name, kind in COMPONENTS.items():
        rows = draw(st.integers(0, 3))
        ids = draw(st.lists(st.integers(-5, 2**40), min_size=rows, max_size=rows, unique=True))
        columns = {
            field.name: draw(st.lists(_values(field, infinite=infinite), min_size=rows, max_size=rows))
            for field in kind.fields
            if field.name != "id"
        }
        tables[name] = {"id": ids, **columns}
    # A place has both coordinates or none.
    bus = tables["bus"]
    half = [np.isnan(x) or np.isnan(y) for x, y in zip(bus["x"], bus["y"], strict=True)]
    bus["x"], bus["y"] = ([np.nan if h else v for v, h in zip(bus[c], half, strict=True)] for c in ("x", "y"))
    positive = st.floats(1e-3, 1e3)
    return GridData.from_tables(tables, sn_mva=draw(positive), f_hz=draw(positive), name=draw(_TEXT))


@st.composite
def sound_grids(draw: st.DrawFn) -> GridData:
    """Small grids that hold together: a ring or tree of lines, transformers at it, all elements at buses, switches."""
    n, low = draw(st.integers(2, 5)), draw(st.integers(0, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ids = draw(st.permutations(range(1, n + low + 1)))
    high_ids, low_ids = np.array(ids[:n]), np.array(ids[n:], dtype=np.int64)
    at_high, at_all = (lambda k: rng.choice(high_ids, k)), (lambda k: rng.choice(ids, k))
    links = n - 1 + draw(st.integers(0, 2))
    stop = [int(rng.choice(high_ids[:k])) for k in range(1, n)]
    start = [*high_ids[1:].tolist(), *([int(high_ids[0])] * (links - n + 1))]
    stop += [int(high_ids[-1])] * (links - n + 1)
    tapped = rng.random(low) < 0.6
    closed = rng.random(links) < 0.8
    several = draw(st.integers(0, 3))
    tables = {
        "bus": {"id": ids, "vn_kv": [20.0] * n + [0.4] * low},
        "line": {
            "from_bus": start,
            "to_bus": stop,
            "length_km": rng.uniform(0.5, 3.0, links),
            "r_ohm_per_km": rng.uniform(0.05, 0.5, links),
            "x_ohm_per_km": rng.uniform(0.05, 0.5, links),
            "c_nf_per_km": rng.choice([0.0, 200.0], links),
            "g_us_per_km": rng.choice([0.0, 1.0], links),
            "parallel": rng.integers(1, 3, links),
            "in_service": closed | (np.arange(links) < n - 1),
        },
        "trafo": {
            "hv_bus": at_high(low),
            "lv_bus": low_ids,
            "sn_mva": rng.uniform(0.4, 1.0, low),
            "vn_hv_kv": [20.0] * low,
            "vn_lv_kv": [0.41] * low,
            "vk_percent": rng.uniform(4.0, 6.0, low),
            "vkr_percent": rng.uniform(0.5, 2.0, low),
            "pfe_kw": [1.5] * low,
            "i0_percent": [0.3] * low,
            "shift_degree": rng.choice([0.0, 150.0, -30.0], low),
            "tap_side": np.where(tapped, rng.choice(["hv", "lv"], low), ""),
            "tap_changer_type": np.where(tapped, "Ratio", ""),
            "tap_pos": np.where(tapped, rng.integers(-2, 3, low), np.nan),
            "tap_neutral": np.where(tapped, 0.0, np.nan),
            "tap_step_percent": np.where(tapped, 2.5, np.nan),
        },
        "load": {
            "bus": at_all(several),
            "p_mw": rng.uniform(0.0, 0.05, several),
            "q_mvar": rng.uniform(-0.01, 0.02, several),
            "const_z_p_percent": rng.choice([0.0, 40.0], several),
            "scaling": rng.uniform(0.5, 1.5, several),
            "in_service": rng.random(several) < 0.8,
        },
        "sgen": {"bus": at_all(several), "p_mw": rng.uniform(0, 0.05, several), "q_mvar": np.zeros(several)},
        "gen": {"bus": high_ids[1:2], "p_mw": [0.1], "vm_pu": [1.01], "in_service": [bool(rng.random() < 0.7)]},
        "shunt": {"bus": at_all(several), "p_mw": np.zeros(several), "q_mvar": rng.uniform(-0.02, 0.02, several)},
        "ext_grid": {"bus": high_ids[:1], "vm_pu": [1.02], "va_degree": [10.0]},
        "switch": {
            "bus": start,
            "element": np.arange(links),
            "et": ["l"] * links,
            "closed": closed | (np.arange(links) < n - 1),
        },
    }
    return GridData.from_tables(tables, sn_mva=float(rng.choice([1.0, 100.0])), name="sound")
