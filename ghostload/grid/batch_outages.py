"""Outages by element: what is out in each scenario, checked, and the branches of the circuit that this takes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, combinations, pairwise
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from ghostload.errors import UsageError, did_you_mean
from ghostload.grid.batch_inputs import Outages
from ghostload.grid.data import GridData
from ghostload.grid.handles import ElementHandle
from ghostload.grid.kernels.solution import IntArray
from ghostload.grid.network import BRANCH_COMPONENTS

if TYPE_CHECKING:
    from ghostload.grid.batch_prepared import Index

Element = tuple[str, int]
"""Component and id."""
Outage = tuple[Element, ...]


@dataclass(frozen=True, eq=False)
class Selection:
    """Elements that are out in each scenario: numbers ``element[start[k]:start[k + 1]]`` of an :class:`Index`."""

    index: Index
    start: IntArray
    element: IntArray

    def __len__(self) -> int:
        """Count the scenarios."""
        return len(self.start) - 1

    def names(self) -> tuple[Outage, ...]:
        """Return component and id of what is out in each scenario."""
        names = [self.index.names[number] for number in self.element.tolist()]
        bounds = self.start.tolist()
        return tuple(tuple(names[first:last]) for first, last in pairwise(bounds))

    def branches(self) -> Outages:
        """Return the branches that are out in each scenario."""
        index, element = self.index, self.element
        count = index.start[element + 1] - index.start[element]
        if len(element) == len(self) and (count == 1).all():
            return Outages(self.start, index.branch[index.start[element]])
        end = np.cumsum(count)
        total = int(end[-1]) if len(end) else 0
        branch = index.branch[np.repeat(index.start[element] - (end - count), count) + np.arange(total)]
        scenario = np.repeat(np.repeat(np.arange(len(self)), np.diff(self.start)), count)
        order = np.lexsort((branch, scenario))
        branch, scenario = branch[order], scenario[order]
        first = np.ones(total, np.bool_)
        first[1:] = (branch[1:] != branch[:-1]) | (scenario[1:] != scenario[:-1])
        start = np.zeros(len(self) + 1, np.int64)
        np.cumsum(np.bincount(scenario[first], minlength=len(self)), out=start[1:])
        return Outages(start, branch[first])


def all_sets(data: GridData, index: Index, k: int, elements: str | Iterable[Any] | None) -> Selection:
    """Return every set of ``k`` elements, in lexicographic order; ``elements``: a component, or what to choose from."""
    pool = _pool(data, index, elements)
    if not 1 <= k <= len(pool):
        raise UsageError(f"contingencies: k is {k}, must be from 1 to {len(pool)}, the elements to choose from")
    if k > 1:
        sets = chain.from_iterable(combinations(range(len(pool)), k))
        pool = pool[np.fromiter(sets, np.int64, k * comb(len(pool), k))]
    return Selection(index, np.arange(0, len(pool) + 1, k), pool)


def listed(data: GridData, index: Index, outages: Iterable[Any]) -> Selection:
    """Return the outages of a list, each a list of elements."""
    parts = [list(iterable(outage, "outage")) for outage in outages]
    start = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=start[1:])
    return Selection(index, start, _numbers(data, index, list(chain.from_iterable(parts))))


def one_or_many(outage: Any) -> list[Any]:
    """Return an outage as a list; it may be a single element."""
    single = isinstance(outage, ElementHandle) or (
        isinstance(outage, tuple) and len(outage) == 2 and isinstance(outage[0], str)
    )
    return [outage] if single else list(iterable(outage, "outage"))


def iterable(value: Any, what: str) -> Iterable[Any]:
    """Return what can be gone through, or refuse it."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise UsageError(f"contingencies: {what} is {value!r}, must be a number or a list of elements")
    return value


def _pool(data: GridData, index: Index, elements: str | Iterable[Any] | None) -> IntArray:
    """Return the numbers of the elements to choose from; of a component, those in service."""
    if elements is None:
        return index.in_service
    if not isinstance(elements, str):
        return _numbers(data, index, list(elements))
    if elements not in BRANCH_COMPONENTS:
        raise UsageError(f"contingencies: {elements!r} is no kind of branch{did_you_mean(elements, BRANCH_COMPONENTS)}")
    return np.array([e for e in index.in_service.tolist() if index.names[e][0] == elements], np.int64)


def _numbers(data: GridData, index: Index, elements: list[Any]) -> IntArray:
    """Return the numbers of elements; names that are known as they stand are not looked at twice."""
    number = index.number
    try:
        return np.fromiter([number[element] for element in elements], np.int64, len(elements))
    except (KeyError, TypeError):
        return np.array([number[_element(data, element)] for element in elements], np.int64)


def _element(data: GridData, element: Any) -> Element:
    """Return a branch as component and id, or refuse it."""
    if isinstance(element, ElementHandle):
        element = (element.component, element.id)
    if not (isinstance(element, tuple) and len(element) == 2 and element[0] in BRANCH_COMPONENTS):
        raise UsageError(f"outage: {element!r} is no branch; give grid.line(1, 2), or a pair such as ('line', 7)")
    component, number = element
    if number not in data.positions(component):
        raise UsageError(f"outage: there is no {component} {number}")
    return component, int(number)
