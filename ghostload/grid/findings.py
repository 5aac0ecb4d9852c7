"""What is wrong with a grid: findings with component, field, ids and cure. Nothing is solved here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ghostload.grid.data import GridData, Table
from ghostload.grid.islands import islands
from ghostload.grid.schema import BRANCH_ENDS, COMPONENTS, SWITCHED

Mask = NDArray[np.bool_]

MAX_IDS: Final = 20
"""Ids that a finding carries; :attr:`Finding.count` is the whole number."""

_LEVELS_MEET: Final = 0.3
"""Rated voltages of a transformer and of its bus that differ by more than this share do not meet."""


class Severity(StrEnum):
    """With an ERROR there is no power flow, or a wrong one; a WARNING may be meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    check : str
    severity : Severity
    component, field : str
        Where; the field is empty where the whole element is meant.
    ids : tuple of int
        The first :data:`MAX_IDS` of the elements concerned.
    count : int
        How many are concerned.
    message, cure : str
        What is wrong with the first of them, and what to do.
    """

    check: str
    severity: Severity
    component: str
    field: str
    ids: tuple[int, ...]
    count: int
    message: str
    cure: str

    def __str__(self) -> str:
        """One line: place, message, cure."""
        place = f"{self.component}.{self.field}" if self.field else self.component
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        return f"{place}: {self.message}{more}; {self.cure}"


def validate_grid(data: GridData) -> list[Finding]:
    """Check a grid; errors first, in the order of the checks.

    Elements out of service are checked for what would break tables (ids, references), not for their values.
    """
    # Infinite and missing numbers are what is looked for, and compare to nothing.
    with np.errstate(all="ignore"):
        found = [finding for check in _CHECKS for finding in check(data)]
    return sorted(found, key=lambda finding: finding.severity is not Severity.ERROR)


def _find(
    check: str, severity: Severity, table: Table, mask: Mask, place: tuple[str, str], message: str, cure: str
) -> Iterator[Finding]:
    """Give one finding for the rows of a mask; ``{id}`` and ``{value}`` in the message are of the first row."""
    if not np.count_nonzero(mask):
        return
    rows = np.flatnonzero(mask)
    component, field = place
    first = int(table["id"][rows[0]])
    value = table[field][rows[0]] if field else ""
    text = message.format(id=first, value=value.item() if isinstance(value, np.generic) else repr(value))
    ids = tuple(table["id"][rows[:MAX_IDS]].tolist())
    yield Finding(check, severity, component, field, ids, len(rows), f"{component} {first} {text}", cure)


def _ids_are_unique(data: GridData) -> Iterator[Finding]:
    for name, table in data.tables.items():
        if len(table) == np.size(np.unique(table["id"])):
            continue
        _, first, counts = np.unique(table["id"], return_index=True, return_counts=True)
        twice = np.zeros(len(table), np.bool_)
        twice[first] = counts > 1
        yield from _find(
            "ids_are_unique",
            Severity.ERROR,
            table,
            twice,
            (name, "id"),
            "is there more than once",
            "give each its own id",
        )


def _buses_exist(data: GridData) -> Iterator[Finding]:
    for name, kind in COMPONENTS.items():
        table = data[name]
        for field in kind.bus_fields if len(table) else ():
            missing = data["bus"].rows_of(table[field]) < 0
            message = "is at bus {value}, which does not exist"
            yield from _find(
                "buses_exist",
                Severity.ERROR,
                table,
                missing,
                (name, field),
                message,
                "add the bus, or take the element out",
            )


def _switches_point_somewhere(data: GridData) -> Iterator[Finding]:
    switch = data["switch"]
    for kind, target in SWITCHED.items():
        of_kind = switch["et"] == kind
        if not of_kind.any():
            continue
        rows = data[target].rows_of(switch["element"])
        place, cure = ("switch", "element"), "give the id of an element that is there"
        message = f"refers to {target} {{value}}, which does not exist"
        yield from _find("switches_point_somewhere", Severity.ERROR, switch, of_kind & (rows < 0), place, message, cure)
        if kind == "b":
            continue
        ends = np.stack([data[target][end] for end in BRANCH_ENDS[target]]) if len(data[target]) else np.empty((1, 0))
        known = of_kind & (rows >= 0)
        at_end = np.zeros(len(switch), np.bool_)
        at_end[known] = (ends[:, rows[known]] == switch["bus"][known]).any(axis=0)
        message = f"is at bus {{value}}, where {target} does not end"
        cure = f"give a bus at which the {target} ends"
        yield from _find(
            "switches_point_somewhere", Severity.ERROR, switch, known & ~at_end, ("switch", "bus"), message, cure
        )


def _numbers_are_finite(data: GridData) -> Iterator[Finding]:
    for name, kind in COMPONENTS.items():
        table = data[name]
        on = table["in_service"]
        for field in kind.fields if len(table) else ():
            if field.kind != "float" or np.isfinite(table[field.name]).all():
                continue
            nan = np.isnan(table[field.name]) & (not field.may_be_nan)
            cure = f"give {field.description[0].lower()}{field.description[1:]}" + (
                f" in {field.unit}" if field.unit else ""
            )
            yield from _find(
                "numbers_are_finite", Severity.ERROR, table, on & nan, (name, field.name), "has no value", cure
            )
            endless = np.isinf(table[field.name]) & (not field.name.startswith(("min_", "max_")))
            yield from _find(
                "numbers_are_finite",
                Severity.ERROR,
                table,
                on & endless,
                (name, field.name),
                "has {value}",
                "give a finite number",
            )


_POSITIVE: Final = {
    "bus": ("vn_kv",),
    "line": ("df",),
    "trafo": ("sn_mva", "vn_hv_kv", "vn_lv_kv", "df"),
    "trafo3w": ("sn_hv_mva", "sn_mv_mva", "sn_lv_mva", "vn_hv_kv", "vn_mv_kv", "vn_lv_kv"),
    "gen": ("vm_pu",),
    "ext_grid": ("vm_pu",),
    "shunt": ("vn_kv",),
    "impedance": ("sn_mva",),
}


def _sizes_are_positive(data: GridData) -> Iterator[Finding]:
    for name, fields in _POSITIVE.items():
        table = data[name]
        for field in fields if len(table) else ():
            wrong = table["in_service"] & (table[field] <= 0)
            yield from _find(
                "sizes_are_positive",
                Severity.ERROR,
                table,
                wrong,
                (name, field),
                "has {value}",
                "give a positive number",
            )
    line = data["line"]
    long = line["in_service"] & (line["length_km"] < 0)
    place = ("line", "length_km")
    yield from _find(
        "sizes_are_positive", Severity.ERROR, line, long, place, "has {value}", "give a length of 0 or more"
    )
    for name in ("line", "trafo"):
        table = data[name]
        few = table["parallel"] < 1
        yield from _find(
            "sizes_are_positive",
            Severity.ERROR,
            table,
            few,
            (name, "parallel"),
            "has {value}",
            "give 1 or more, or take it out",
        )


def _impedances_are_not_zero(data: GridData) -> Iterator[Finding]:
    check = "impedances_are_not_zero"
    cure = "give its impedance, or join the buses with a closed switch"
    line, trafo, impedance = data["line"], data["trafo"], data["impedance"]
    zero = (line["length_km"] == 0) | ((line["r_ohm_per_km"] == 0) & (line["x_ohm_per_km"] == 0))
    place = ("line", "length_km" if len(line) and (line["length_km"][zero] == 0).any() else "x_ohm_per_km")
    yield from _find(check, Severity.ERROR, line, line["in_service"] & zero, place, "has no impedance", cure)
    for end in ("ft", "tf"):
        zero = (impedance[f"r{end}_pu"] == 0) & (impedance[f"x{end}_pu"] == 0)
        place = ("impedance", f"x{end}_pu")
        yield from _find(
            check, Severity.ERROR, impedance, impedance["in_service"] & zero, place, "has no impedance", cure
        )
    for field, name in (("vk_percent", "trafo"), *((f"vk_{w}_percent", "trafo3w") for w in ("hv", "mv", "lv"))):
        table = data[name]
        zero = table["in_service"] & (table[field] == 0)
        yield from _find(
            check, Severity.ERROR, table, zero, (name, field), "has no impedance", "give its short-circuit voltage"
        )
    below = trafo["in_service"] & (np.abs(trafo["vkr_percent"]) > np.abs(trafo["vk_percent"]))
    message, cure = "has a real part {value} above vk_percent", "give vk_percent as the modulus of both parts"
    yield from _find(check, Severity.ERROR, trafo, below, ("trafo", "vkr_percent"), message, cure)
    for name, fields in (("line", ("r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km")), ("trafo", ("vk_percent",))):
        for field in fields:
            table = data[name]
            negative = table["in_service"] & (table[field] < 0)
            message = "has {value}, which is negative"
            yield from _find(
                check, Severity.WARNING, table, negative, (name, field), message, "make sure that it is meant"
            )


def _taps_are_possible(data: GridData) -> Iterator[Finding]:
    for name in ("trafo", "trafo3w"):
        t = data[name]
        if not len(t):
            continue
        check, place = "taps_are_possible", (name, "tap_pos")
        acts = t["in_service"] & (t["tap_side"] != "") & (t["tap_changer_type"] != "")
        out = acts & ((t["tap_pos"] < t["tap_min"]) | (t["tap_pos"] > t["tap_max"]))
        message = "is at {value}, outside of tap_min and tap_max"
        yield from _find(check, Severity.WARNING, t, out, place, message, "give a position within its limits")
        away = acts & np.isfinite(t["tap_pos"]) & (t["tap_pos"] != np.nan_to_num(t["tap_neutral"]))
        steps = np.nan_to_num(t["tap_step_percent"]) + np.nan_to_num(t["tap_step_degree"])
        message = "is at {value}, but a step changes nothing"
        yield from _find(check, Severity.WARNING, t, away & (steps == 0), place, message, "give tap_step_percent")
        if name == "trafo":
            gone = acts & ~np.isfinite(t["tap_pos"] - t["tap_neutral"]) & np.isfinite(t["tap_step_percent"])
            message = "has no position or neutral position"
            yield from _find(check, Severity.WARNING, t, gone, place, message, "give tap_pos and tap_neutral")
        change = (t["tap_pos"] - t["tap_neutral"]) * t["tap_step_percent"] / 100.0
        message = "at {value} leaves no voltage"
        ratio = acts & (t["tap_changer_type"] != "Ideal") & (change <= -1.0)
        yield from _find(check, Severity.ERROR, t, ratio, place, message, "give a possible position and step")


def _levels_meet(data: GridData) -> Iterator[Finding]:
    bus = data["bus"]

    def rated(table: Table, field: str) -> NDArray[np.float64]:
        rows = bus.rows_of(table[field])
        return np.where(rows >= 0, bus["vn_kv"][rows] if len(bus) else np.nan, np.nan)

    line = data["line"]
    start, stop = rated(line, "from_bus"), rated(line, "to_bus")
    apart = line["in_service"] & np.isfinite(start + stop) & (np.abs(start - stop) > 1e-3 * np.abs(start))
    message, cure = "joins buses of unlike rated voltage", "put a transformer there, or correct vn_kv of the buses"
    yield from _find("levels_meet", Severity.WARNING, line, apart, ("line", "to_bus"), message, cure)
    for name, windings in (("trafo", ("hv", "lv")), ("trafo3w", ("hv", "mv", "lv"))):
        table = data[name]
        for winding in windings:
            at_bus, own = rated(table, f"{winding}_bus"), table[f"vn_{winding}_kv"]
            off = table["in_service"] & (np.abs(own - at_bus) > _LEVELS_MEET * at_bus)
            message = "is rated {value} kV, more than 30 % off its bus"
            cure = "swap the buses, or correct the rated voltages"
            yield from _find("levels_meet", Severity.WARNING, table, off, (name, f"vn_{winding}_kv"), message, cure)
    switch = data["switch"]
    one, other = rated(switch, "bus"), rated(switch, "element")
    joined = (switch["et"] == "b") & switch["closed"] & (np.abs(one - other) > 1e-3 * one)
    yield from _find(
        "levels_meet",
        Severity.ERROR,
        switch,
        joined,
        ("switch", "element"),
        message="closes between buses of unlike rated voltage",
        cure="open it, or correct vn_kv of the buses",
    )


def _branches_join_two_buses(data: GridData) -> Iterator[Finding]:
    for name, fields in BRANCH_ENDS.items():
        table = data[name]
        loop = table[fields[0]] == table[fields[-1]]
        message = "begins and ends at bus {value}"
        yield from _find(
            "branches_join_two_buses",
            Severity.ERROR,
            table,
            loop,
            (name, fields[-1]),
            message,
            "correct one of its buses",
        )


def _shares_fit(data: GridData) -> Iterator[Finding]:
    load = data["load"]
    for kind in ("p", "q"):
        share = load[f"const_z_{kind}_percent"] + load[f"const_i_{kind}_percent"]
        field = f"const_z_{kind}_percent"
        wrong = load["in_service"] & ((share > 100.0 + 1e-9) | (load[field] < 0) | (share < load[field]))
        message = "has shares of impedance and current that are negative or above 100 % together"
        yield from _find("shares_fit", Severity.ERROR, load, wrong, ("load", field), message, "give shares that fit")


def _set_points_agree(data: GridData) -> Iterator[Finding]:
    gen, ext = data["gen"], data["ext_grid"]
    buses = np.concatenate([gen["bus"][gen["in_service"]], ext["bus"][ext["in_service"]]])
    volts = np.concatenate([gen["vm_pu"][gen["in_service"]], ext["vm_pu"][ext["in_service"]]])
    if not len(buses):
        return
    held, at = np.unique(buses, return_inverse=True)
    low, high = np.full(len(held), np.inf), np.full(len(held), -np.inf)
    np.fmin.at(low, at, volts)
    np.fmax.at(high, at, volts)
    for name, table in (("gen", gen), ("ext_grid", ext)):
        wrong = table["in_service"] & np.isin(table["bus"], held[high - low > 1e-9])
        message = "holds {value} pu, others at its bus another voltage"
        yield from _find(
            "set_points_agree", Severity.ERROR, table, wrong, (name, "vm_pu"), message, "give one set point a bus"
        )
    limits = gen["in_service"] & (gen["min_q_mvar"] > gen["max_q_mvar"])
    message = "has {value}, above max_q_mvar"
    yield from _find("set_points_agree", Severity.ERROR, gen, limits, ("gen", "min_q_mvar"), message, "swap the limits")


def _islands_have_a_slack(data: GridData) -> Iterator[Finding]:
    bus, check = data["bus"], "islands_have_a_slack"
    slack = np.zeros(len(bus), np.bool_)
    for table, holds in ((data["ext_grid"], True), (data["gen"], data["gen"]["slack"])):
        rows = bus.rows_of(table["bus"][table["in_service"] & holds])
        slack[rows[rows >= 0]] = True
    slack &= bus["in_service"]
    if not slack.any():
        what = "no slack" if len(bus) else "no buses"
        cure = "add an ext_grid in service, or set slack of a generator" if len(bus) else "add buses and a slack"
        yield Finding(check, Severity.ERROR, "bus", "", (), len(bus) and 1, f"the grid has {what}", cure)
        return
    island = islands(data)
    dark = (island >= 0) & ~np.isin(island, island[slack])
    message = "lies in an island without a slack and has no voltage"
    cure = "close a switch, add an ext_grid, or take it out of service"
    yield from _find(check, Severity.WARNING, bus, dark, ("bus", ""), message, cure)


_CHECKS: Final[tuple[Callable[[GridData], Iterator[Finding]], ...]] = (
    _ids_are_unique,
    _buses_exist,
    _switches_point_somewhere,
    _numbers_are_finite,
    _sizes_are_positive,
    _impedances_are_not_zero,
    _taps_are_possible,
    _levels_meet,
    _branches_join_two_buses,
    _shares_fit,
    _set_points_agree,
    _islands_have_a_slack,
)
