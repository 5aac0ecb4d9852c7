"""Energies of transformers by month, from representative days."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ghostload.consumption.customers import Customers
from ghostload.consumption.habits import draw_habits
from ghostload.consumption.reactive import reactive_shares
from ghostload.errors import DataError
from ghostload.physics.days import KINDS_OF_DAY, RepresentativeDays, choose_days, day_powers
from ghostload.physics.flows import FeederFlows
from ghostload.physics.plan import FeederPlan
from ghostload.streams import FloatArray, IntArray, Streams
from ghostload.wires.model import Kind, Wires

LOSS_KINDS = ("mv_line", "transformer_no_load", "transformer_load", "lv_main", "service_drop")

DAYS_TOL = 1e-6
"""Tolerance of voltages on representative days, per unit: far finer than what the choice of days leaves open."""


@dataclass(frozen=True, eq=False)
class MonthlyPhysics:
    """What flows through T transformers and M nodes in months.

    Attributes
    ----------
    numbers : (months,) array
        Month numbers.
    low_loss_kwh, own_loss_kwh : (T, months) arrays
        Lost in the lines behind each transformer, and in the transformer.
    peak_kva : (T, months) array
        Largest hourly mean of the representative days at the low-voltage terminals.
    head_kwh : (F, months) array
        What each feeder takes from its substation.
    edge_loss_kwh : (M,) array
        Over all months, in the edge above each node; of transformers the windings alone.
    iron_loss_kwh : (T,) array
    vm_mean_pu, vm_lowest_pu, vm_highest_pu : (M,) arrays
    integrated : str
        How it was integrated.
    """

    numbers: IntArray
    low_loss_kwh: FloatArray
    own_loss_kwh: FloatArray
    peak_kva: FloatArray
    head_kwh: FloatArray
    edge_loss_kwh: FloatArray
    iron_loss_kwh: FloatArray
    vm_mean_pu: FloatArray
    vm_lowest_pu: FloatArray
    vm_highest_pu: FloatArray
    integrated: str


def monthly_physics(
    wires: Wires,
    customers: Customers,
    numbers: IntArray,
    true_kwh: FloatArray,
    streams: Streams,
    *,
    days: RepresentativeDays | None = None,
    n_jobs: int = 1,
) -> MonthlyPhysics:
    """Solve every feeder on the representative days of each month.

    Parameters
    ----------
    wires : Wires
    customers : Customers
        Of all meters.
    numbers : (months,) array
        Month numbers.
    true_kwh : (N, months) array
        Truly drawn.
    streams : Streams
    days : RepresentativeDays, optional
        :func:`ghostload.physics.days.choose_days` by default.
    n_jobs : int
        Threads, a feeder each. Results do not depend on it.

    Raises
    ------
    DataError
        The power flow of an hour has no solution.
    """
    days = choose_days(numbers, streams) if days is None else days
    habits = draw_habits(customers, streams)
    shares = reactive_shares(customers, streams, habits=habits)
    months, layout = len(numbers), wires.layout
    by_transformer = [np.zeros((len(layout.block_start), months)) for _ in range(3)]
    head = np.zeros((wires.feeders, months))
    iron: FloatArray = np.zeros(len(layout.block_start))
    by_node = [np.zeros(len(layout)) for _ in range(4)]

    def solve(feeder: int) -> None:
        plan = FeederPlan(wires, feeder)
        kwh = true_kwh[plan.meters]
        p, q = day_powers(customers, days, kwh, streams, rows=plan.meters, habits=habits, shares=shares)
        flows = plan.solve(p, q, weight=days.step_weight, voltages=False, tol=DAYS_TOL)
        _refuse_unsolved(flows, feeder, days)
        values = (days.by_month(flows.low_loss_wh) / 1e3, days.by_month(flows.own_loss_wh) / 1e3,
                  days.largest(flows.apparent_kva))  # fmt: skip
        for table, rows in zip(by_transformer, values, strict=True):
            table[plan.transformers] = rows
        head[feeder], iron[plan.transformers] = days.by_month(flows.head_kw), flows.iron_loss_kwh
        of_nodes = (flows.edge_loss_kwh, flows.vm_mean_pu, flows.vm_lowest_pu, flows.vm_highest_pu)
        for whole, part in zip(by_node, of_nodes, strict=True):
            whole[plan.nodes] = part

    if n_jobs == 1:
        for feeder in range(wires.feeders):
            solve(feeder)
    else:
        with ThreadPoolExecutor(n_jobs) as pool:
            list(pool.map(solve, range(wires.feeders)))
    how = f"{days.chosen.shape[1]} representative days a month ({', '.join(KINDS_OF_DAY)}) of 24 hours"
    low, own, peak = by_transformer
    edge, mean, lowest, highest = by_node
    return MonthlyPhysics(numbers, low, own, peak, head, edge, iron, mean, lowest, highest, how)


def _refuse_unsolved(flows: FeederFlows, feeder: int, days: RepresentativeDays) -> None:
    if flows.reason:
        step, why = next(iter(flows.reason.items()))
        month = int(days.numbers[step // days.steps_a_month])
        raise DataError(
            f"feeder {feeder}: no power flow in {len(flows.reason)} hours, the first in "
            f"{month // 12}-{month % 12 + 1:02d}: {why}; its transformers or lines are far too small for the load"
        )


def losses_by_kind(wires: Wires, edge_loss_kwh: FloatArray, iron_loss_kwh: FloatArray) -> dict[str, float]:
    """Sum the losses of all nodes' edges and of the transformers' iron by what they are lost in, kWh."""
    kind = wires.layout.kind
    by_kind = np.bincount(kind, weights=edge_loss_kwh, minlength=len(Kind))
    values = (
        by_kind[Kind.MV_JUNCTION] + by_kind[Kind.TRANSFORMER_HV],
        iron_loss_kwh.sum(),
        by_kind[Kind.TRANSFORMER_LV],
        by_kind[Kind.LV_POLE],
        by_kind[Kind.SERVICE_POINT],
    )
    return {name: float(value) for name, value in zip(LOSS_KINDS, values, strict=True)}


def transformer_energy(
    wires: Wires, physics: MonthlyPhysics, true_kwh: FloatArray, shown_kwh: FloatArray, registered_kwh: FloatArray
) -> dict[str, NDArray[np.generic]]:
    """Return the energy balance of every transformer and month.

    The transformer's meter sits at the low-voltage terminals: its own losses are not in it. What theft and faults hide,
    true less shown, is non-technical loss; what an honest register gets wrong, shown less registered, is meter error.

    Parameters
    ----------
    wires : Wires
    physics : MonthlyPhysics
    true_kwh, shown_kwh, registered_kwh : (N, months) arrays
        What each customer drew, what an errorless register would show, what was registered.

    Returns
    -------
    dict of (T months,) arrays
        ``transformer``, ``month`` (month number), ``delivered_kwh``, ``true_kwh``, ``registered_kwh``,
        ``technical_loss_kwh``, ``non_technical_loss_kwh``, ``meter_error_kwh``, ``peak_kva``, ``loading_pu``; month
        after month of one transformer after the other. With ``delivered = true + technical`` and ``true - registered =
        non-technical + meter error``.
    """
    count, months = physics.low_loss_kwh.shape
    home = np.empty(len(wires.layout.meter_node), dtype=np.int64)
    home[:] = wires.layout.transformer[wires.layout.meter_node]

    def summed(kwh: FloatArray) -> FloatArray:
        return np.stack([np.bincount(home, weights=month, minlength=count) for month in kwh.T], axis=1)

    true, shown, registered = summed(true_kwh), summed(shown_kwh), summed(registered_kwh)
    rated = np.array([made.sn_kva for made in wires.transformer_type])[wires.transformer_kind]
    columns = {
        "delivered_kwh": true + physics.low_loss_kwh,
        "true_kwh": true,
        "registered_kwh": registered,
        "technical_loss_kwh": physics.low_loss_kwh,
        "non_technical_loss_kwh": true - shown,
        "meter_error_kwh": shown - registered,
        "peak_kva": physics.peak_kva,
        "loading_pu": physics.peak_kva / rated[:, None],
    }
    return {
        "transformer": np.repeat(np.arange(count), months),
        "month": np.tile(physics.numbers, count),
        **{name: np.ascontiguousarray(table).ravel() for name, table in columns.items()},
    }
