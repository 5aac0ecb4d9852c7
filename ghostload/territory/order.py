"""Members of groups, such as the meters of transformers and feeders, in the order of the groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ghostload import streams
from ghostload.scratch import Scratch
from ghostload.streams import IntArray, spans

Each = TypeVar("Each", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Runs:
    """A few members, brought into the order of their groups; R groups occur.

    Attributes
    ----------
    order : (n,) array
        Positions of the members, group by group and ascending in each.
    group : (R,) array
        The groups, ascending.
    start, length : (R,) arrays
        Where each group begins in ``order``, and how many members it has.
    """

    order: IntArray
    group: IntArray
    start: IntArray
    length: IntArray

    @classmethod
    def of(cls, group: IntArray) -> Runs:
        """Bring members of some groups, (n,), into order."""
        order = np.argsort(group, kind="stable")
        ordered = group[order]
        start = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(group)])
        return cls(order, ordered[start], start, np.diff(np.append(start, len(group))))

    def along(self, of_group: NDArray[Each]) -> NDArray[Each]:
        """Return what belongs to each group, (R,), once for each member, in the order of ``order``; (n,)."""
        return np.repeat(of_group, self.length)

    @property
    def rank(self) -> IntArray:
        """How many of its group stand before each member, in the order of ``order``; (n,)."""
        return np.arange(len(self.order)) - self.along(self.start)


@dataclass(frozen=True, eq=False)
class Grouped:
    """All members, group by group.

    Attributes
    ----------
    order : (N,) array of int32
        Numbers of the members, ascending in each group.
    first : (G + 1,) array
        Where each group's begin.
    """

    order: NDArray[np.int32]
    first: IntArray

    def __len__(self) -> int:
        """Count the groups."""
        return len(self.first) - 1

    def of(self, group: int, groups: int = 1) -> IntArray:
        """Return the members of one or more groups from ``group`` on, one after the other."""
        return self.order[self.first[group] : self.first[group + groups]].astype(np.int64)

    def places(self, scratch: Scratch) -> NDArray[np.int32]:
        """Return where in ``order`` each member stands, (N,)."""
        place = scratch.zeros(len(self.order), np.int32)
        for part in spans(len(place)):
            place[self.order[part]] = np.arange(part.start, part.stop)
        return place

    def spans(self) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield the members of some groups after the other, with their groups: about as many as are worked on at once.

        A group is never split.
        """
        start = 0
        while start < len(self):
            after = int(np.searchsorted(self.first, self.first[start] + streams.AT_ONCE, side="right")) - 1
            stop = max(start + 1, after)
            groups = np.repeat(np.arange(start, stop), np.diff(self.first[start : stop + 1]))
            yield self.of(start, stop - start), groups
            start = stop


def grouped(group_of: Callable[[slice], IntArray], members: int, groups: int, scratch: Scratch) -> Grouped:
    """Bring members into the order of their groups, by counting.

    Parameters
    ----------
    group_of : callable (slice) -> (n,) array of int
        Groups of the members of a slice.
    members, groups : int
        How many there are.
    scratch : Scratch
    """
    count = np.zeros(groups + 1, dtype=np.int64)
    for part in spans(members):
        np.add.at(count, group_of(part) + 1, 1)
    first = np.cumsum(count)
    free = first[:-1].copy()
    order = scratch.zeros(members, np.int32)
    for part in spans(members):
        runs = Runs.of(group_of(part))
        order[runs.along(free[runs.group]) + runs.rank] = runs.order + part.start
        free[runs.group] += runs.length
    return Grouped(order, first)
