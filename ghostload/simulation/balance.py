"""Energy balances of transformers by the month, from the steps of a feeder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ghostload.consumption.calendar import month_name
from ghostload.dataset.ids import ids
from ghostload.schema import TRANSFORMER_ENERGY, TRANSFORMER_READINGS
from ghostload.simulation.feeder import Feeder, FeederMonth
from ghostload.streams import BoolArray, FloatArray, IntArray

Arrays = dict[str, np.ndarray[Any, Any]]

ENERGIES = (
    "delivered_kwh",
    "true_kwh",
    "registered_kwh",
    "technical_loss_kwh",
    "non_technical_loss_kwh",
    "peak_kva",
    "transformer_loss_kwh",
    "meter_kwh",
)
"""Arrays (transformers, months) of a balance; ``meter_kwh`` is what the transformer's own meter registered."""
OF_FEEDER = ("head_kwh", "unsolved")
"""Arrays (feeders, months): what the substation gave, and how many steps have no solution."""


def month_balance(feeder: Feeder, month: FeederMonth) -> Arrays:
    """Sum a month of a feeder up.

    Steps without a solution of the power flow count as if nothing were lost in the wires.

    Parameters
    ----------
    feeder : Feeder
    month : FeederMonth
        With a power flow.

    Returns
    -------
    dict of (T,) arrays, :data:`ENERGIES`, and of (1,) arrays, :data:`OF_FEEDER`
    """
    flow = month.energies
    lost = np.zeros(len(feeder.transformers))
    at = feeder.home[np.searchsorted(feeder.meters, feeder.part.events.meter)]
    np.add.at(lost, at, month.lost_wh)
    blank = np.isnan(flow.delivered_wh)
    return {
        "delivered_kwh": np.where(blank, flow.true_wh, flow.delivered_wh).sum(axis=1) / 1e3,
        "true_kwh": flow.true_wh.sum(axis=1) / 1e3,
        "registered_kwh": flow.registered_wh.sum(axis=1) / 1e3,
        "technical_loss_kwh": np.where(blank, 0.0, flow.low_loss_wh).sum(axis=1) / 1e3,
        "non_technical_loss_kwh": lost / 1e3,
        "peak_kva": np.where(blank, 0.0, flow.apparent_kva).max(axis=1),
        "transformer_loss_kwh": np.where(blank, 0.0, flow.own_loss_wh).sum(axis=1) / 1e3,
        "meter_kwh": flow.meter_wh.sum(axis=1) / 1e3,
        "head_kwh": np.array([flow.head_kwh]),
        "unsolved": np.array([float(month.unsolved)]),
    }


def stacked(months: Sequence[Arrays]) -> Arrays:
    """Put the balances of consecutive months side by side; (T, months) and (1, months) arrays."""
    return {name: np.stack([month[name] for month in months], axis=1) for name in (*ENERGIES, *OF_FEEDER)}


def joined(feeders: Sequence[tuple[IntArray, Arrays]], count: int, months: int) -> Arrays:
    """Put the balances of all feeders into the order of the transformers.

    Parameters
    ----------
    feeders : sequence of (numbers of transformers, balance)
    count, months : int
        Transformers and months of the data set.
    """
    found: Arrays = {name: np.zeros((count, months)) for name in ENERGIES}
    for numbers, balance in feeders:
        for name in ENERGIES:
            found[name][numbers] = balance[name]
    for name in OF_FEEDER:
        found[name] = np.concatenate([balance[name] for _, balance in feeders])
    return found


def energy_tables(
    balance: Mapping[str, np.ndarray[Any, Any]], capacity_kva: FloatArray, has_meter: BoolArray, numbers: IntArray
) -> dict[str, pa.Table]:
    """Return the tables ``transformer_energy`` and ``transformer_readings``, transformer by transformer.

    Parameters
    ----------
    balance : mapping of (transformers, months) arrays
    capacity_kva, has_meter : (transformers,) arrays
    numbers : (months,) array of int
        Month numbers.
    """
    count, months = len(capacity_kva), len(numbers)
    keys = [
        ids("TX_", np.repeat(np.arange(count), months)),
        pa.array([month_name(number) for number in numbers.tolist()] * count, pa.string()),
    ]
    loading = balance["peak_kva"] / capacity_kva[:, None]
    values = {**balance, "loading_pu": loading}
    names = TRANSFORMER_ENERGY.column_names
    energy = pa.table([*keys, *(pa.array(values[name].reshape(-1)) for name in names[2:])], names=list(names))
    seen = np.repeat(has_meter, months)
    readings = pa.table(
        [*(key.filter(pa.array(seen)) for key in keys), pa.array(values["meter_kwh"].reshape(-1)[seen])],
        names=list(TRANSFORMER_READINGS.column_names),
    )
    return {"transformer_energy": energy, "transformer_readings": readings}
