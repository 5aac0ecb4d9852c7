"""The steps of Newton's method in eight lanes, against dense matrices of numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from batch_support import random_grid
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostload.grid.batch_prepared import Prepared
from ghostload.grid.kernels.chord import back_shared, forward_shared
from ghostload.grid.kernels.compensation import compensate, correct, longest_way, mirrors
from ghostload.grid.kernels.lanes import Load, Patch, back8, factor8, forward8, mismatch8, move8
from ghostload.grid.kernels.newton import gather
from ghostload.grid.kernels.outages import no_patches, patches_of
from ghostload.grid.kernels.plan import aligned
from ghostload.grid.network import Network, build_network, ybus

grids = st.tuples(st.integers(0, 10**6), st.integers(4, 24))


class Bench:
    """Eight scenarios of one grid, laid out as the kernels take them, and the same as dense matrices."""

    def __init__(self, seed: int, buses: int, *, follows_voltage: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self.network = build_network(random_grid(seed, buses))
        self.prepared = Prepared(self.network)
        self.plan, n = self.prepared.plan, self.network.n
        symbolic = self.plan.symbolic
        self.code, self.free = symbolic.code, symbolic.free
        self.perm = symbolic.part("perm")
        self.y = ybus(self.network).toarray()[np.ix_(self.perm, self.perm)]
        self.yo, self.yd = aligned(2 * self.plan.entries), aligned(2 * self.free)
        gather(self.code, self.prepared.y, self.yo, self.yd)
        self.pq = self.plan.pq
        assert 0.0 in self.pq, "no node holds its voltage"
        self.volts = rng.uniform(0.9, 1.1, (8, n)) * np.exp(1j * rng.uniform(-0.4, 0.4, (8, n)))
        kinds = [rng.normal(0.0, 0.1, (8, 2 * self.free)) for _ in range(3 if follows_voltage else 1)]
        self.power, self.current, self.impedance = (
            kind[:, : self.free] + 1j * kind[:, self.free :]
            for kind in (kinds if follows_voltage else [*kinds, *2 * [np.zeros((8, 2 * self.free))]])
        )
        none = np.zeros(0)
        rows = [self.laid(part) for part in (self.power, self.current, self.impedance)]
        self.load = Load(*rows) if follows_voltage else Load(rows[0], none, none)
        self.v, self.f, self.s = self.laid(self.volts), aligned(16 * self.free), aligned(16 * self.free)
        self.pq8 = aligned(8 * self.free)
        self.pq8[:] = np.repeat(self.pq, 8)
        self.blocks, self.error = aligned(32 * symbolic.slots), aligned(16)
        self.patch: Patch = no_patches(8).for_lanes(self.free)

    @staticmethod
    def laid(values: np.ndarray) -> np.ndarray:
        """Lay out (8, nodes) complex numbers: eight real parts, eight imaginary parts, node by node."""
        out = aligned(2 * values.size)
        out[:] = np.stack([values.T.real, values.T.imag], axis=1).ravel()
        return out

    @staticmethod
    def read(values: np.ndarray) -> np.ndarray:
        """Return (8, nodes) complex numbers."""
        parts = values.reshape(-1, 2, 8)
        return np.asarray((parts[:, 0] + 1j * parts[:, 1]).T)

    def mismatch(self) -> None:
        mismatch8(
            self.code, self.yo, self.yd, self.load, self.pq8, self.v, self.s, self.f, self.patch, self.error
        )  # fmt: skip

    def factor(self) -> None:
        factor8(
            self.code, self.yo, self.yd, self.load, self.pq8, self.v, self.s, self.f, self.blocks, self.patch
        )  # fmt: skip

    def wanted_mismatch(self, lane: int, y: np.ndarray | None = None) -> np.ndarray:
        """Return P and Q of each free node, one after the other; Q of a PV node counts as kept."""
        y = self.y if y is None else y
        v = self.volts[lane]
        size = np.abs(v[: self.free])
        given = self.power[lane] + self.current[lane] * size + self.impedance[lane] * size**2
        f = given - (v * np.conj(y @ v))[: self.free]
        return np.stack([f.real, f.imag * self.pq], axis=1).ravel()

    def jacobian(self, lane: int, y: np.ndarray | None = None) -> np.ndarray:
        """Return the derivatives of what flows out by angle and logarithm of the magnitude, node by node."""
        y = self.y if y is None else y
        v = self.volts[lane]
        turned = v[:, None] * np.conj(y * v[None, :])
        flow = turned.sum(axis=1)
        by_angle = -1j * turned + np.diag(1j * flow)
        size = np.abs(v[: self.free])
        slope = np.zeros(len(v), np.complex128)
        slope[: self.free] = self.current[lane] * size + 2.0 * self.impedance[lane] * size**2
        by_size = turned + np.diag(flow - slope)
        free = self.free
        out = np.empty((free, 2, free, 2))
        for column, part in enumerate((by_angle[:free, :free], by_size[:free, :free])):
            out[:, 0, :, column] = part.real
            out[:, 1, :, column] = part.imag * self.pq[:, None]
        held = np.flatnonzero(self.pq == 0.0)
        out[held, 1, held, 1] = 1.0
        return out.reshape(2 * free, 2 * free)

    def steps(self) -> np.ndarray:
        """Return the step of each lane, as :meth:`wanted_mismatch` orders it."""
        return np.asarray(self.f.reshape(self.free, 2, 8).transpose(2, 0, 1).reshape(8, -1)).copy()


@settings(max_examples=15, deadline=None)
@given(grids, st.booleans())
def test_mismatches_are_those_of_dense_matrices(grid: tuple[int, int], follows_voltage: bool) -> None:
    bench = Bench(*grid, follows_voltage=follows_voltage)
    bench.mismatch()
    wanted = np.array([bench.wanted_mismatch(lane) for lane in range(8)])
    np.testing.assert_allclose(bench.steps(), wanted, rtol=0.0, atol=1e-11)
    np.testing.assert_allclose(bench.error[:8], np.abs(wanted).max(axis=1), rtol=0.0, atol=1e-11)


@settings(max_examples=15, deadline=None)
@given(grids, st.booleans())
def test_factors_solve_what_dense_matrices_solve(grid: tuple[int, int], follows_voltage: bool) -> None:
    bench = Bench(*grid, follows_voltage=follows_voltage)
    bench.mismatch()
    before = bench.steps()
    bench.factor()
    back8(bench.code, bench.blocks, bench.f)
    for lane in range(8):
        wanted = np.linalg.solve(bench.jacobian(lane), before[lane])
        np.testing.assert_allclose(bench.steps()[lane], wanted, rtol=0.0, atol=1e-9 * np.abs(wanted).max())


@settings(max_examples=10, deadline=None)
@given(grids)
def test_factors_serve_for_another_right_hand_side(grid: tuple[int, int]) -> None:
    bench = Bench(*grid)
    bench.mismatch()
    bench.factor()
    other = np.random.default_rng(grid[0]).normal(size=bench.f.size)
    bench.f[:] = other
    before = bench.steps()
    forward8(bench.code, bench.blocks, bench.f)
    back8(bench.code, bench.blocks, bench.f)
    for lane in range(8):
        wanted = np.linalg.solve(bench.jacobian(lane), before[lane])
        np.testing.assert_allclose(bench.steps()[lane], wanted, rtol=0.0, atol=1e-9 * np.abs(wanted).max())


@settings(max_examples=10, deadline=None)
@given(grids)
def test_common_factors_solve_eight_right_hand_sides(grid: tuple[int, int]) -> None:
    bench = Bench(*grid)
    solution, factors = bench.prepared.base(1e-9, 20)
    bench.volts[:] = solution.v[bench.perm]
    bench.f[:] = np.random.default_rng(grid[0]).normal(size=bench.f.size)
    before = bench.steps()
    forward_shared(bench.code, factors, bench.f)
    back_shared(bench.code, factors, bench.f)
    wanted = np.linalg.solve(bench.jacobian(0), before.T).T
    np.testing.assert_allclose(bench.steps(), wanted, rtol=0.0, atol=1e-6 * np.abs(wanted).max())


def without(network: Network, branch: int, perm: np.ndarray) -> np.ndarray:
    """Return the dense admittance matrix without a branch."""
    y = ybus(network).toarray()
    f, t = network.branch_from[branch], network.branch_to[branch]
    for a, b, value in ((f, f, "yff"), (f, t, "yft"), (t, f, "ytf"), (t, t, "ytt")):
        y[a, b] -= getattr(network, value)[branch]
    return np.asarray(y[np.ix_(perm, perm)])


def outages_that_split_nothing(bench: Bench) -> list[int]:
    beyond = bench.prepared.branches.beyond
    return [int(branch) for branch in range(bench.network.m) if beyond[branch] < 0]


def linked(bench: Bench, chosen: list[int]) -> Any:
    """Return the patches of up to eight single outages, linked by row, one a lane."""
    start = np.arange(len(chosen) + 1)
    patches, _, dead = patches_of(bench.prepared.branches, bench.free, start, np.array(chosen, np.int32))
    assert dead.size == 0
    patch = patches.for_lanes(bench.free)
    for lane in range(len(chosen)):
        for p in range(patches.start[lane], patches.start[lane + 1]):
            patch.lane[p], patch.link[p], patch.first[patches.row[p]] = lane, patch.first[patches.row[p]], p
    return patches, patch


@settings(max_examples=12, deadline=None)
@given(grids)
def test_a_branch_that_is_out_is_out_of_balance_and_factors(grid: tuple[int, int]) -> None:
    bench = Bench(*grid)
    chosen = outages_that_split_nothing(bench)[:8]
    _, bench.patch = linked(bench, chosen)
    bench.mismatch()
    before = bench.steps()
    bench.factor()
    back8(bench.code, bench.blocks, bench.f)
    for lane, branch in enumerate(chosen):
        y = without(bench.network, branch, bench.perm)
        np.testing.assert_allclose(before[lane], bench.wanted_mismatch(lane, y), rtol=0.0, atol=1e-10)
        wanted = np.linalg.solve(bench.jacobian(lane, y), before[lane])
        np.testing.assert_allclose(bench.steps()[lane], wanted, rtol=0.0, atol=1e-8 * np.abs(wanted).max())


@settings(max_examples=12, deadline=None)
@given(grids)
def test_corrected_common_factors_are_those_without_the_branch(grid: tuple[int, int]) -> None:
    bench = Bench(*grid)
    solution, factors = bench.prepared.base(1e-9, 20)
    bench.volts[:] = solution.v[bench.perm]
    chosen = outages_that_split_nothing(bench)[:8]
    patches, _ = linked(bench, chosen)
    severity = np.zeros(len(chosen))
    p, mirror = patches, bench.prepared.branches.mirror
    correction = compensate(
        bench.code, factors, mirror, p.start, p.row, p.column, p.slot, p.flag, p.value, bench.pq, solution.v, severity
    )  # fmt: skip
    assert np.isfinite(severity).all()
    bench.f[:] = np.random.default_rng(grid[0]).normal(size=bench.f.size)
    before, pull = bench.steps(), aligned(8)
    forward_shared(bench.code, factors, bench.f)
    for lane in range(len(chosen)):
        correct(correction, lane, lane, bench.f, pull)
    back_shared(bench.code, factors, bench.f)
    for lane, branch in enumerate(chosen):
        dense = bench.jacobian(lane, without(bench.network, branch, bench.perm))
        wanted = np.linalg.solve(dense, before[lane])
        np.testing.assert_allclose(bench.steps()[lane], wanted, rtol=0.0, atol=1e-5 * np.abs(wanted).max())


def test_voltages_are_turned_and_stretched_in_active_lanes_only() -> None:
    bench = Bench(7, 12)
    rng = np.random.default_rng(7)
    bench.f[:] = rng.normal(0.0, 0.1, bench.f.size)
    active = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    step = bench.steps().reshape(8, bench.free, 2)
    move8(bench.v, bench.f, bench.pq8, active)
    found = bench.read(bench.v)
    turn = (1.0 + 0.5j * step[:, :, 0]) / (1.0 - 0.5j * step[:, :, 0])
    moved = bench.volts[:, : bench.free] * turn * (1.0 + step[:, :, 1] * bench.pq)
    wanted = bench.volts.copy()
    here = active > 0.0
    wanted[here, : bench.free] = moved[here]
    np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=1e-14)
    held = np.flatnonzero(bench.pq == 0.0)
    np.testing.assert_allclose(abs(found[:, held]), abs(bench.volts[:, held]), rtol=1e-14)


def test_a_lane_that_is_not_a_number_says_so_and_stays_alone() -> None:
    bench = Bench(3, 9)
    bench.v.reshape(-1, 2, 8)[2, 0, 5] = np.nan
    bench.mismatch()
    assert np.isnan(bench.error[5])
    assert np.isfinite(np.delete(bench.error[:8], 5)).all()


def test_blocks_across_the_diagonal_mirror_one_another() -> None:
    bench = Bench(11, 20)
    symbolic = bench.plan.symbolic
    mirror, row, col = mirrors(bench.code), symbolic.part("row"), symbolic.part("col")
    rows = np.repeat(np.arange(bench.free), np.diff(row))
    np.testing.assert_array_equal(rows[mirror], col)
    np.testing.assert_array_equal(col[mirror], rows)


@pytest.mark.parametrize("buses", [4, 15, 40])
def test_ways_to_the_root_are_no_longer_than_foretold(buses: int) -> None:
    bench = Bench(5, buses)
    symbolic = bench.plan.symbolic
    row, diag, col = (symbolic.part(name) for name in ("row", "diag", "col"))
    ways = []
    for i in range(bench.free):
        way = [i]
        while diag[way[-1]] + 1 < row[way[-1] + 1]:
            way.append(int(col[diag[way[-1]] + 1]))
        ways.append(set(way))
    most = max(len(a | b) for a in ways for b in ways)
    assert most <= longest_way(bench.code) <= bench.free
