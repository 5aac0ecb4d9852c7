"""Single-phase transformers in an unbalanced feeder."""

from __future__ import annotations

import numpy as np
import pytest

from ghostload.grid.power_grid_3ph import PowerGrid3ph

HOUSE_KW, WIRE_OHM = 12.0, 0.05


def feeder(phase: str) -> PowerGrid3ph:
    return PowerGrid3ph(
        source={"bus": "mv", "vm_pu": 1.0},
        buses=[{"name": "mv", "vn_kv": 34.5}, {"name": "lv", "vn_kv": 0.4, "conductors": phase},
               {"name": "house", "vn_kv": 0.4, "conductors": phase}],
        lines=[{"name": "drop", "from_bus": "lv", "to_bus": "house", "code": "wire", "length_km": 1.0}],
        codes={"wire": [[WIRE_OHM]]},
        single_phase=[{"name": "pole", "hv_bus": "mv", "lv_bus": "lv", "phase": phase, "sn_kva": 25.0,
                       "vn_hv_kv": 34.5 / 3**0.5, "vn_lv_kv": 0.4 / 3**0.5, "vk_percent": 2.0, "vkr_percent": 1.2}],
        loads=[{"name": "home", "bus": "house", "p_kw": HOUSE_KW, "q_kvar": 0.0, "phases": phase}],
    )  # fmt: skip


@pytest.mark.parametrize("phase", ["a", "b", "c"])
def test_a_pole_transformer_is_a_series_impedance_on_its_phase(phase: str) -> None:
    """Closed form: the source behind one impedance, ``v**2 - v e + z conj(s) = 0`` for a purely active load."""
    grid = feeder(phase)
    assert grid.solve()
    rated = 400.0 / np.sqrt(3.0)
    base_ohm = rated**2 / 25e3
    z = base_ohm * (0.012 + 1j * np.sqrt(0.02**2 - 0.012**2)) + WIRE_OHM
    v = complex(rated)
    for _ in range(200):
        v = rated - z * np.conj(HOUSE_KW * 1e3 / v)
    bus = grid.res_bus_3ph
    assert bus.loc["house", f"vm_{phase}_pu"] * rated == pytest.approx(abs(v), rel=1e-8)
    trafo = grid.res_trafo_3ph.loc["pole"]
    current = HOUSE_KW * 1e3 / abs(v)
    assert trafo[f"i_{phase}_lv_ka"] == pytest.approx(current / 1e3, rel=1e-7)
    assert trafo["loading_percent"] == pytest.approx(100.0 * current * rated / 25e3, rel=1e-6)
    loss = current**2 * 0.012 * base_ohm / 1e6
    assert trafo[f"pl_{phase}_mw"] == pytest.approx(loss, rel=1e-5)
    others = [x for x in "abc" if x != phase]
    assert trafo[[f"i_{x}_lv_ka" for x in others]].isna().all()
