"""Energy balances of a feeder and its transformers by the month, and what is lost in each element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.metering.transformers import registered_by_grid_meters
from ghostload.physics.energy import losses_by_kind
from ghostload.physics.flows import FeederFlows
from ghostload.schema import LOSS_KINDS
from ghostload.scratch import Scratch
from ghostload.simulation.feeder import Energies, Feeder, FeederMonth
from ghostload.streams import FloatArray, IntArray
from ghostload.wires.model import Kind

Arrays = dict[str, np.ndarray[Any, Any]]
Whole = NDArray[np.integer[Any]]

OF_CUSTOMERS = ("true_kwh", "registered_kwh", "non_technical_loss_kwh")
ENERGIES = (
    *OF_CUSTOMERS,
    "delivered_kwh",
    "technical_loss_kwh",
    "peak_kva",
    "transformer_loss_kwh",
    "meter_kwh",
)
"""Arrays (transformers, months) of a balance; ``meter_kwh`` is what the transformer's own meter registered."""
OF_FEEDER = (
    "supplied_kwh",
    *(f"{name}_loss_kwh" for name in LOSS_KINDS),
    "head_peak_kw",
    "head_peak_kva",
    "lowest_voltage_pu",
    "highest_voltage_pu",
    "unsolved_hours",
    "head_meter_kwh",
    "head_meter_kvarh",
    "head_meter_peak_kw",
)
"""Arrays (feeders, months): what the substation gave, where it was lost, and what the meter at the head registered."""
OF_ELEMENTS = ("edge_loss_kwh", "vm_mean_pu", "vm_lowest_pu")
"""Arrays (nodes,) over all months: of the edge above each node, and of the voltage at the node."""


def energies(feeder: Feeder, flows: FeederFlows, true_wh: Whole, registered_wh: Whole, varh: Whole) -> Energies:
    """Return the energies of a month's steps, with what meters of transformers and feeder register of them.

    Steps without a solution of the power flow count as if nothing were lost.

    Parameters
    ----------
    feeder : Feeder
    flows : FeederFlows
        Of S steps.
    true_wh, registered_wh : (n, S) arrays of int
        Of the customers.
    varh : (n, S) array of int
        What they drew of reactive energy.
    """
    true, registered = feeder.by_transformer(true_wh), feeder.by_transformer(registered_wh)
    head = np.stack([flows.head_kw, flows.head_kvar]) * (1e3 * flows.minutes / 60.0)
    head = _filled(head, np.stack([true.sum(axis=0), varh.sum(axis=0, dtype=np.int64)]))
    return Energies(
        flows,
        true,
        registered,
        registered_by_grid_meters(_filled(flows.delivered_wh, true), feeder.gain),
        registered_by_grid_meters(head, feeder.head_gain),
    )


def month_balance(feeder: Feeder, month: FeederMonth) -> Arrays:
    """Sum a month of a feeder up; (T, 1), (1, 1) and (nodes, 1) arrays, as :func:`stacked` takes them.

    Parameters
    ----------
    feeder : Feeder
    month : FeederMonth
        With a power flow.
    """
    flow, hours = month.energies, month.energies.flows.minutes / 60.0
    return {
        **physical(feeder, [flow.flows], flow.true_wh),
        "true_kwh": flow.true_wh.sum(axis=1, keepdims=True) / 1e3,
        "registered_kwh": flow.registered_wh.sum(axis=1, keepdims=True) / 1e3,
        "non_technical_loss_kwh": lost_kwh(feeder, month.lost_wh[:, None]),
        "meter_kwh": flow.meter_wh.sum(axis=1, keepdims=True) / 1e3,
        "head_meter_kwh": flow.head_wh[:1].sum(axis=1, keepdims=True) / 1e3,
        "head_meter_kvarh": flow.head_wh[1:].sum(axis=1, keepdims=True) / 1e3,
        "head_meter_peak_kw": flow.head_wh[:1].max(axis=1, keepdims=True) / 1e3 / hours,
    }


def lost_kwh(feeder: Feeder, lost_wh: IntArray) -> FloatArray:
    """Sum the (E, months) losses of a feeder's events by transformer, (T, months) of kWh."""
    lost = np.zeros((len(feeder.transformers), lost_wh.shape[1]))
    at = feeder.home[np.searchsorted(feeder.meters, feeder.part.events.meter)]
    np.add.at(lost, at, lost_wh / 1e3)
    return lost


def physical(
    feeder: Feeder, flows: Sequence[FeederFlows], true_wh: IntArray | FloatArray, weight: FloatArray | None = None
) -> Arrays:
    """Sum up what the power flow says of some months.

    Steps without a solution count as if nothing were lost, and as if nothing were at its peak.

    Parameters
    ----------
    feeder : Feeder
    flows : sequence of FeederFlows
        One a month, all with equally many steps, S in all.
    true_wh : (T, S) array
        What the customers of each transformer draw.
    weight : (S,) array, optional
        How many steps each stands for; one by default.

    Returns
    -------
    dict of (T, months), (1, months) and (nodes, months) arrays
        Those of :data:`ENERGIES` and :data:`OF_FEEDER` that no meter nor event has a share in, and :data:`OF_ELEMENTS`.
    """
    months, hours = len(flows), flows[0].minutes / 60.0

    def steps(name: str) -> FloatArray:
        return np.concatenate([getattr(flow, name) for flow in flows], axis=-1)

    def by_month(values: FloatArray) -> FloatArray:
        weighted = values if weight is None else values * weight
        return np.asarray(weighted.reshape(*values.shape[:-1], months, -1).sum(axis=-1))

    def largest(values: FloatArray) -> FloatArray:
        known = np.nan_to_num(values).reshape(*values.shape[:-1], months, -1)
        return np.asarray(known.max(axis=-1))

    head_kw, head_kvar = steps("head_kw")[None], steps("head_kvar")[None]
    apparent = np.hypot(steps("delivered_wh"), steps("delivered_varh")) / (1e3 * hours)
    return {
        "delivered_kwh": by_month(_filled(steps("delivered_wh"), true_wh)) / 1e3,
        "technical_loss_kwh": by_month(np.nan_to_num(steps("low_loss_wh"))) / 1e3,
        "peak_kva": largest(apparent),
        "transformer_loss_kwh": by_month(np.nan_to_num(steps("own_loss_wh"))) / 1e3,
        "supplied_kwh": by_month(_filled(head_kw * hours, true_wh.sum(axis=0)[None] / 1e3)),
        "head_peak_kw": largest(head_kw),
        "head_peak_kva": largest(np.hypot(head_kw, head_kvar)),
        "unsolved_hours": by_month(np.isnan(head_kw) * hours),
        **_of_elements(feeder, flows),
    }


def _of_elements(feeder: Feeder, flows: Sequence[FeederFlows]) -> Arrays:
    """Return what is said of nodes and edges; (nodes, months) and, by the kind of what is lost, (1, months)."""
    kind = feeder.node_kind
    found: Arrays = {name: np.stack([getattr(flow, name) for flow in flows], axis=1) for name in OF_ELEMENTS}
    found["iron_loss_kwh"] = np.stack([flow.iron_loss_kwh for flow in flows], axis=1)
    lost = losses_by_kind(kind, found["edge_loss_kwh"], found["iron_loss_kwh"])
    found |= {f"{name}_loss_kwh": row[None] for name, row in zip(LOSS_KINDS, lost, strict=True)}
    service = kind == Kind.SERVICE_POINT
    found["lowest_voltage_pu"] = found["vm_lowest_pu"][service].min(axis=0, keepdims=True)
    found["highest_voltage_pu"] = np.array([[flow.vm_highest_pu[service].max() for flow in flows]])
    return found


def _filled(values: FloatArray, instead: Any) -> FloatArray:
    """Return values with others where they are NaN."""
    return np.where(np.isnan(values), instead, values)


def stacked(months: Sequence[Arrays], hours: FloatArray) -> Arrays:
    """Put the balances of consecutive months together: side by side, and what is said of elements over all months.

    Parameters
    ----------
    months : sequence of dict
    hours : (months,) array
        Of each month, by which mean voltages are weighted, less those without a solution.
    """
    whole = {name: np.concatenate([month[name] for month in months], axis=1) for name in months[0]}
    solved = np.asarray(hours - whole["unsolved_hours"][0])
    lowest, mean = whole["vm_lowest_pu"], np.nan_to_num(whole["vm_mean_pu"]) * solved
    known = solved.sum() > 0
    return {
        **whole,
        "edge_loss_kwh": whole["edge_loss_kwh"].sum(axis=1),
        "iron_loss_kwh": whole["iron_loss_kwh"].sum(axis=1),
        "vm_lowest_pu": np.fmin.reduce(lowest, axis=1),
        "vm_mean_pu": mean.sum(axis=1) / solved.sum() if known else np.full(len(mean), np.nan),
    }


class Balances:
    """The balances of all feeders, taken in one after the other.

    Parameters
    ----------
    feeders : sequence of int
        Their numbers, in the order of the rows.
    transformers, months : int
        How many the data set has.
    scratch : Scratch

    Attributes
    ----------
    of_transformers : dict
        :data:`ENERGIES`, (transformers, months) in the order of the transformers; zeros where nothing was taken in.
    of_feeders : dict
        :data:`OF_FEEDER`, (F, months), and the sums of :data:`OF_CUSTOMERS` beginning with ``feeder_``.
    """

    def __init__(self, feeders: Sequence[int], transformers: int, months: int, scratch: Scratch) -> None:
        self._row = {number: row for row, number in enumerate(feeders)}
        names = (*OF_FEEDER, *(f"feeder_{name}" for name in OF_CUSTOMERS))
        # All names in one array each: so they lie in a file when they are large together.
        of_transformers = scratch.zeros((len(ENERGIES), transformers, months))
        of_feeders = scratch.zeros((len(names), len(feeders), months))
        self.of_transformers: Arrays = dict(zip(ENERGIES, of_transformers, strict=True))
        self.of_feeders: Arrays = dict(zip(names, of_feeders, strict=True))

    def add(self, feeder: int, transformers: IntArray, balance: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take in the balance of a feeder, as :func:`stacked` gives it, with the numbers of its transformers."""
        for name, array in self.of_transformers.items():
            array[transformers] = balance[name]
        for name in OF_FEEDER:
            self.of_feeders[name][self._row[feeder]] = balance[name][0]
        for name in OF_CUSTOMERS:
            self.of_feeders[f"feeder_{name}"][self._row[feeder]] = balance[name].sum(axis=0)
