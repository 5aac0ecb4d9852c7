"""Random radial grids: the sweep gives what Newton's method gives, power balances, nothing is lost below zero."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "grid"))

from radial_support import at_step, random_grid, random_series

from ghostload.grid.network import build_network, ybus
from ghostload.grid.power_grid import PowerGrid

OUTPUTS = ("vm_pu", "va_degree", "loading_percent", "losses_mw")
WITHIN = {"loading_percent": 1e-6}
"""A loading is the difference of two voltages over an impedance, which may be small; 1e-6 % is 1e-8 of the rating."""
seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(3, 40), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_the_sweep_is_newton(seed: int, n: int, islands: int) -> None:
    rng = np.random.default_rng(seed)
    grid = PowerGrid.from_data(random_grid(rng, n, islands=islands))
    series = random_series(rng, grid.data, 4)
    swept = grid.solve_series(**series, outputs=OUTPUTS)
    newton = grid.solve_series(**series, outputs=OUTPUTS, method="newton", tol=2e-11)
    assert (swept.method, newton.method) == ("sweep", "newton")
    assert swept.converged.all()
    assert newton.converged.all()
    assert not swept.fallback.size
    for name in OUTPUTS:
        np.testing.assert_allclose(swept[name], newton[name], rtol=1e-8, atol=WITHIN.get(name, 1e-8), err_msg=name)
    assert np.isnan(swept["vm_pu"]).any(axis=1).all(), "the buses behind open switches have no voltage"


@given(seeds, st.integers(3, 40), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_power_balances_at_every_bus_and_losses_are_not_negative(seed: int, n: int, islands: int) -> None:
    rng = np.random.default_rng(seed)
    data = random_grid(rng, n, islands=islands)
    series = random_series(rng, data, 3)
    found = PowerGrid.from_data(data).solve_series(**series, outputs=("v", "losses_mw"), method="sweep")
    for step in range(3):
        network, v = build_network(at_step(data, series, step)), found["v"][step]
        given_there = network.s_bus + network.i_bus * np.abs(v)
        balance = v * np.conj(ybus(network) @ v) - given_there
        loaded = network.node_type == 1
        assert np.abs(balance[loaded]).max(initial=0.0) < 1e-8
        np.testing.assert_allclose(np.abs(v[~loaded]), network.vm_set[~loaded], rtol=1e-12)
        taken = np.abs(v) ** 2 @ np.conj(network.y_shunt)
        given_all = balance[~loaded].sum() + given_there.sum() - taken
        np.testing.assert_allclose(found["losses_mw"][step], given_all.real * network.sn_mva, atol=1e-8)
        assert found["losses_mw"][step] >= 0.0
