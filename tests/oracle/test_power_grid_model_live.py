"""Grids without PV nodes against power-grid-model: radial and meshed, with open lines, taps and Dyn5 transformers.

Its transformers are pi circuits, so ``trafo_model="pi"`` here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle_support import cases_are_here, golden_grid, oracle, solved

from ghostload.grid.data import GridData
from ghostload.grid.io.cases import load_case

pgm = oracle("power_grid_model")
cases_are_here()


def _table(kind: str, ids: np.ndarray, **columns: Any) -> np.ndarray:
    array = pgm.initialize_array("input", kind, len(ids))
    array["id"] = ids
    for name, values in columns.items():
        array[name] = values
    return array


def _open_ends(data: GridData, column: str) -> np.ndarray:
    """Whether each line is connected at one end: in service, and no open switch there."""
    line, switch = data["line"], data["switch"]
    apart = (switch["et"] == "l") & ~switch["closed"]
    pairs = set(zip(switch["element"][apart].tolist(), switch["bus"][apart].tolist(), strict=True))
    at_end = [pair not in pairs for pair in zip(line["id"].tolist(), line[column].tolist(), strict=True)]
    return np.asarray(np.array(at_end, bool) & line["in_service"])


def to_power_grid_model(data: GridData) -> dict[str, np.ndarray]:
    """Write the tables that power-grid-model takes; ids count on over all of them, nodes first."""
    bus, line, trafo, source = data["bus"], data["line"], data["trafo"], data["ext_grid"]
    node = {number: row for row, number in enumerate(bus["id"].tolist())}
    used = 0

    def nodes(values: np.ndarray) -> list[int]:
        return [node[int(value)] for value in values]

    def ids(count: int) -> np.ndarray:
        nonlocal used
        used += count
        return np.arange(used - count, used)

    length, parallel = line["length_km"], line["parallel"]
    step = np.nan_to_num(trafo["tap_step_percent"]) / 100.0
    at_low = trafo["tap_side"] == "lv"
    out = {
        "node": _table("node", ids(len(bus)), u_rated=bus["vn_kv"] * 1e3),
        "line": _table(
            "line", ids(len(line)), from_node=nodes(line["from_bus"]), to_node=nodes(line["to_bus"]),
            from_status=_open_ends(data, "from_bus"), to_status=_open_ends(data, "to_bus"),
            r1=line["r_ohm_per_km"] * length / parallel, x1=line["x_ohm_per_km"] * length / parallel,
            c1=line["c_nf_per_km"] * length * parallel * 1e-9, tan1=0.0, i_n=1e3,
        ),
        "source": _table(
            "source", ids(len(source)), node=nodes(source["bus"]), status=1, u_ref=source["vm_pu"],
            u_ref_angle=np.radians(source["va_degree"]), sk=1e25,
        ),
    }  # fmt: skip
    if len(trafo):
        clock = np.round(trafo["shift_degree"] / 30.0).astype(int) % 12
        odd = clock % 2 == 1
        assert np.allclose(trafo["shift_degree"], 30.0 * clock)
        assert (trafo["parallel"] == 1).all()
        out["transformer"] = _table(
            "transformer", ids(len(trafo)), from_node=nodes(trafo["hv_bus"]), to_node=nodes(trafo["lv_bus"]),
            from_status=trafo["in_service"], to_status=trafo["in_service"], u1=trafo["vn_hv_kv"] * 1e3,
            u2=trafo["vn_lv_kv"] * 1e3, sn=trafo["sn_mva"] * 1e6, uk=trafo["vk_percent"] / 100.0,
            pk=trafo["vkr_percent"] / 100.0 * trafo["sn_mva"] * 1e6, i0=trafo["i0_percent"] / 100.0,
            p0=trafo["pfe_kw"] * 1e3, clock=clock, winding_from=np.where(odd, 2, 1), winding_to=1,
            tap_side=at_low.astype(int), tap_pos=np.nan_to_num(trafo["tap_pos"]), tap_min=-99, tap_max=99,
            tap_nom=np.nan_to_num(trafo["tap_neutral"]),
            tap_size=step * np.where(at_low, trafo["vn_lv_kv"], trafo["vn_hv_kv"]) * 1e3,
        )  # fmt: skip
    for ours, theirs in (("load", "sym_load"), ("sgen", "sym_gen")):
        t = data[ours]
        if len(t):
            scale = t["scaling"] * 1e6
            out[theirs] = _table(
                theirs, ids(len(t)), node=nodes(t["bus"]), status=t["in_service"], type=0,
                p_specified=t["p_mw"] * scale, q_specified=t["q_mvar"] * scale,
            )  # fmt: skip
    shunt = data["shunt"]
    if len(shunt):
        base = 1e6 * shunt["step"] / (shunt["vn_kv"] * 1e3) ** 2
        out["shunt"] = _table(
            "shunt", ids(len(shunt)), node=nodes(shunt["bus"]), status=shunt["in_service"],
            g1=shunt["p_mw"] * base, b1=-shunt["q_mvar"] * base,
        )  # fmt: skip
    return out


def assert_agrees(data: GridData) -> None:
    model = pgm.PowerGridModel(to_power_grid_model(data), system_frequency=data.f_hz)
    node = model.calculate_power_flow(symmetric=True, error_tolerance=1e-11, max_iterations=50)["node"]
    theirs = node["u_pu"] * np.exp(1j * node["u_angle"])
    theirs[node["energized"] == 0] = complex(np.nan, np.nan)
    ours = solved(data, trafo_model="pi").v[data["bus"]["id"]]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8, equal_nan=True)


@pytest.mark.parametrize("name", ["kerber_vorstadt", "mv_oberrhein", "european_lv", "simple_four_bus"])
def test_radial_grids_agree(name: str) -> None:
    assert_agrees(golden_grid(f"powerflow_{name}"))


@pytest.mark.parametrize("name", ["case33bw", "case69", "case85", "case136ma", "case141", "case533mt_hi"])
def test_distribution_cases_agree(name: str) -> None:
    assert_agrees(load_case(name))


@pytest.mark.parametrize("name", ["case33bw", "case118zh", "case136ma"])
def test_meshed_grids_without_pv_nodes_agree(name: str) -> None:
    data = load_case(name)
    ties = ~data["line"]["in_service"]
    assert ties.sum() >= 5
    assert_agrees(data.replace("line", in_service=np.ones(len(ties), bool)))


def test_a_ring_of_medium_voltage_with_its_switches_closed_agrees() -> None:
    data = golden_grid("powerflow_mv_oberrhein")
    opened = ~data["switch"]["closed"]
    assert opened.sum() >= 4
    assert_agrees(data.replace("switch", closed=np.ones(len(opened), bool)))
