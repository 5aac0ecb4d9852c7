"""pandapower reads the network.json of whole feeders and finds the voltages of PowerGrid.

Needs pandapower; skipped where it is not installed.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from ghostload.config import GeneratorConfig, NetworkConfig
from ghostload.grid.io.files import write_grid
from ghostload.grid.power_grid import PowerGrid
from ghostload.pipeline import build_world
from ghostload.wires import build_wires
from ghostload.wires.balanced import to_grid_data

pp = pytest.importorskip("pandapower", reason="pandapower is not installed")


@pytest.mark.parametrize("practice", ["metro_manila", "european"])
def test_pandapower_finds_the_same_voltages_in_network_json(practice: str, tmp_path: Path) -> None:
    config = GeneratorConfig(num_meters=800, network=NetworkConfig(practice))
    world = build_world(config)
    wires = build_wires(world.territory, world.customers, world.capacity_kva, config, world.streams)
    for feeder in range(wires.feeders):
        data = to_grid_data(wires, feeder)
        file = write_grid(data, tmp_path / f"{feeder}.json")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net = pp.from_json(str(file))
            pp.runpp(net, tolerance_mva=1e-10, max_iteration=30, trafo_model="t")
        table = net.res_bus.sort_index()
        expected = table.vm_pu.to_numpy() * np.exp(1j * np.radians(table.va_degree.to_numpy()))
        grid = PowerGrid.from_data(data)
        grid.solve()
        got = grid.res_bus
        found = got["vm_pu"].to_numpy() * np.exp(1j * np.radians(got["va_degree"].to_numpy()))
        assert np.isfinite(expected).all()
        assert np.abs(found - expected).max() < 1e-8
        assert net.res_line.loading_percent.max() < 110.0
