"""Batches do not depend on threads, chunks or where they are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from power_grid_support import small_grid

P = np.array([[4.0, 2.0, 1.0, 1.5]]) * np.linspace(0.2, 1.1, 40)[:, None]


def test_threads_and_chunks_change_no_bit() -> None:
    grid = small_grid()
    plain = grid.solve_series(p_mw=P)
    for more in ({"n_jobs": 2}, {"chunk": 16}, {"n_jobs": 2, "chunk": 8}):
        other = grid.solve_series(p_mw=P, **more)
        assert other.frame("vm_pu").equals(plain.frame("vm_pu")), more


def test_what_is_written_is_what_is_returned(tmp_path: Path) -> None:
    grid = small_grid()
    outputs = ("vm_pu", "va_degree", "loading_percent", "losses_mw")
    kept = grid.solve_series(p_mw=P, outputs=outputs)
    grid.solve_series(p_mw=P, outputs=outputs, path=tmp_path / "out", chunk=16)
    buses = pd.read_parquet(tmp_path / "out" / "res_bus.parquet")
    assert len(buses) == len(P) * len(grid.res_bus if grid.solve() else ())
    wide = buses.pivot_table(index="scenario", columns="bus", values="vm_pu")
    np.testing.assert_array_equal(wide.to_numpy(), kept.frame("vm_pu")[wide.columns].to_numpy())
    scenarios = pd.read_parquet(tmp_path / "out" / "scenarios.parquet")
    assert scenarios["converged"].all()
    np.testing.assert_array_equal(scenarios["losses_mw"], kept.frame("losses_mw")["losses_mw"])
    assert not [path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".parquet"]
