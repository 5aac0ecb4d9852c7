"""What a transaction is checked for: who is connected to whom, and errors that it would bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ghostload.errors import UsageError
from ghostload.grid.data import GridData
from ghostload.grid.findings import Severity, validate_grid
from ghostload.grid.schema import COMPONENTS, SWITCHED

Rows = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Added elements: columns by component and id."""

UNFINISHED: Final = frozenset({"has_buses", "islands_have_a_slack"})
"""Checks that a grid need not pass while it is being built; without them it is not solved."""


def dependants(data: GridData, added: Rows, component: str, element_id: int) -> list[tuple[str, int]]:
    """Return component and id of what is connected to an element: all on a bus, the switches of a branch."""
    found: list[tuple[str, int]] = []
    for other, kind in COMPONENTS.items():
        columns = kind.bus_fields if component == "bus" else ()
        table = data[other]
        on = np.zeros(len(table), bool)
        for column in columns:
            on |= table[column] == element_id
        if other == "switch":
            kinds = [et for et, switched in SWITCHED.items() if switched == component]
            on |= (table["element"] == element_id) & np.isin(table["et"].astype(str), kinds)
        found += [(other, number) for number in table["id"][on].tolist()]
        for number, row in added.get(other, {}).items():
            switched = other == "switch" and SWITCHED[row["et"]] == component and row["element"] == element_id
            if switched or any(row[column] == element_id for column in columns):
                found.append((other, number))
    return found


def check_edit(before: GridData, after: GridData) -> bool:
    """Refuse a grid with errors that were not there before; return whether there are none at all."""
    errors = [finding for finding in validate_grid(after) if finding.severity is Severity.ERROR]
    if not errors:
        return True
    had = {(f.check, f.component, f.field): f for f in validate_grid(before)}
    for finding in errors:
        if finding.check in UNFINISHED:
            continue
        known = had.get((finding.check, finding.component, finding.field))
        new = [number for number in finding.ids if known is None or number not in known.ids]
        if new and (known is None or finding.count > known.count or len(new) == len(finding.ids)):
            which = "" if new[0] == finding.ids[0] else f" (new: {finding.component} {new[0]})"
            raise UsageError(f"edit refused, the grid is as it was: {finding}{which}")
    return False
