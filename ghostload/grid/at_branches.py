"""The branches of a circuit, kept up to date write by write: admittances, and which are out of service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.kernels.solution import ComplexArray
from ghostload.grid.network import Network
from ghostload.grid.options import SolveOptions
from ghostload.grid.pattern import Pattern
from ghostload.grid.schema import COMPONENTS
from ghostload.grid.two_ports import LINE_COLUMNS, line_two_port, two_ports_of_rows
from ghostload.grid.working import WorkingCopy

BRANCHES_ANEW: Final = ("line", "trafo", "impedance")
"""Components of which one branch can be computed anew."""


@cache
def _rewrite() -> ModuleType:
    """Import the kernels that write branches, once: an import statement takes as long as they do."""
    from ghostload.grid.kernels import rewrite

    return rewrite


class AtBranches:
    """The part of a circuit that branches give.

    Attributes
    ----------
    pattern : Pattern
    y : (nnz,) complex array
        Elements of the admittance matrix, in the order of ``pattern``.
    """

    network: Network
    options: SolveOptions
    pattern: Pattern

    def _begin_branches(self, network: Network) -> None:
        """Lay out the matrix for a network."""
        self.pattern = Pattern(network)
        self._out: set[int] = set()
        self._live: NDArray[np.int32] | None = None
        self._columns_of: WorkingCopy | None = None
        self._service: dict[str, NDArray[np.bool_]] = {}
        self._line_columns: list[NDArray[np.float64]] = []
        self._load_branches(network)

    def _load_branches(self, network: Network) -> None:
        """Take over the branches."""
        self._values = self.pattern.values(network)
        self.y: ComplexArray = self.pattern.fill(self._values)
        self._dc_b, self._shift = network.branch_dc_b.copy(), network.branch_shift_rad.copy()
        self._branches_written = False
        self._rewritten: set[int] = set()
        self._turned = bool(np.any(self._shift))

    def _renew_branch(self, copy: WorkingCopy, component: str, row: int, *, written: bool) -> bool:
        """Compute one branch anew; False where that takes or gives nodes.

        Parameters
        ----------
        written : bool
            Whether more than its service was written.
        """
        branch = self.network.branch_of[component].item(row)
        if self._columns_of is not copy:
            self._columns_of, self._service = copy, {}
            self._line_columns = [copy.opened(("line", name)) for name in LINE_COLUMNS]
        service = self._service.get(component)
        if service is None:
            service = self._service[component] = copy.opened((component, "in_service"))
        on = service.item(row)
        if branch < 0:
            return not on
        if written:
            self._rewritten.add(branch)
        if not on:
            self._put(branch, 0j, 0j, 0j, 0j, 0.0)
        elif branch not in self._rewritten:
            self._put_back(branch)
        elif component == "line":
            self._put_line(copy, row, branch)
        else:
            self._put_rows(copy, component, [(row, branch)])
        self._branches_written = True
        return self._count(branch, on=on)

    def _renew_branches(self, copy: WorkingCopy, component: str, rows: Mapping[int, bool]) -> bool:
        """Compute branches anew, those out of service as nothing; False where that takes or gives nodes.

        Parameters
        ----------
        rows : mapping of row to bool
            Whether more than its service was written.
        """
        on, number = copy.column(component, "in_service"), self.network.branch_of[component]
        compute: list[tuple[int, int]] = []
        live: list[int] = []
        gone: list[int] = []
        for row, written in rows.items():
            branch = number.item(row)
            if branch < 0:
                if on[row]:
                    return False
                continue
            if written:
                self._rewritten.add(branch)
            (live if on[row] else gone).append(branch)
            if on[row] and branch in self._rewritten:
                compute.append((row, branch))
        if compute:
            self._put_rows(copy, component, compute)
        for branch in live:
            if branch not in self._rewritten:
                self._put_back(branch)
        for branch in gone:
            self._put(branch, 0j, 0j, 0j, 0j, 0.0)
        self._branches_written = True
        joined = True
        for on_, branches in ((True, live), (False, gone)):
            for branch in branches:
                joined &= self._count(branch, on=on_)
        return joined

    def _put(self, branch: int, yff: complex, yft: complex, ytf: complex, ytt: complex, dc_b: float) -> None:
        """Write the admittances of a branch into the matrix."""
        rewrite = _rewrite()
        pattern = self.pattern
        order, start = pattern.groups
        rewrite.put_branch(pattern.n, branch, yff, yft, ytf, ytt, pattern.position, order, start, self._values, self.y)
        self._dc_b[branch] = dc_b

    def _put_back(self, branch: int) -> None:
        """Write a branch as it was built."""
        net = self.network
        yff, yft, ytf, ytt = (y.item(branch) for y in (net.yff, net.yft, net.ytf, net.ytt))
        self._put(branch, yff, yft, ytf, ytt, net.branch_dc_b.item(branch))

    def _put_line(self, copy: WorkingCopy, row: int, branch: int) -> None:
        """Write a line as its columns are now."""
        network = self.network
        values = [column.item(row) for column in self._line_columns]
        vn_kv = network.vn_kv.item(network.branch_from.item(branch))
        found = line_two_port(values, vn_kv, network.sn_mva, copy.f_hz)
        if found is None:
            self._put_rows(copy, "line", [(row, branch)])
        else:
            self._put(branch, *found)
            self._shift[branch] = 0.0

    def _put_rows(self, copy: WorkingCopy, component: str, which: Iterable[tuple[int, int]]) -> None:
        """Write some branches as the columns of their rows are now."""
        network = self.network
        rows, branches = (np.array(part, np.int64) for part in zip(*which, strict=True))
        columns = {name: copy.column(component, name)[rows] for name in COMPONENTS[component].by_name}
        vn_kv = network.vn_kv[network.branch_from[branches]], network.vn_kv[network.branch_to[branches]]
        two = two_ports_of_rows(
            component, columns, vn_kv, base=(network.sn_mva, copy.f_hz),
            trafo_model=self.options.trafo_model, angles=self.options.calculate_voltage_angles,
        )  # fmt: skip
        ports = (part.tolist() for part in (two.yff, two.yft, two.ytf, two.ytt))
        for branch, yff, yft, ytf, ytt, dc_b in zip(branches.tolist(), *ports, two.dc_b.tolist(), strict=True):
            self._put(branch, yff, yft, ytf, ytt, dc_b)
        self._shift[branches] = two.shift_rad
        self._turned = self._turned or bool(two.shift_rad.any())

    def _count(self, branch: int, *, on: bool) -> bool:
        """Note whether a branch is out; tell whether the ends of one that goes now are joined without it."""
        if on is not (branch in self._out):
            return True
        rewrite = _rewrite()
        pattern, network = self.pattern, self.network
        if self._live is None:
            self._live = pattern.live()
        if on:
            self._out.remove(branch)
        else:
            self._out.add(branch)
        a, b = network.branch_from.item(branch), network.branch_to.item(branch)
        change = 1 if on else -1
        joined: bool = rewrite.switch_branch(
            pattern.n, branch, change, pattern.position, pattern.indptr, pattern.indices, self._live, a, b
        )
        return joined
