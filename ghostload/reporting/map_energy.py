"""Energy balances for the map: delivered and registered by the month, and with the truth where the rest went."""

from __future__ import annotations

from typing import Any

from ghostload.dataset import Dataset
from ghostload.reporting.energy import balance_of
from ghostload.reporting.map_data import Arrays, whole_steps


def energy_content(dataset: Dataset, *, truth: bool) -> tuple[dict[str, Any], Arrays] | None:
    """Return the description and the arrays (transformers x months) of the balances, or None where there are none."""
    balance = balance_of(dataset, truth=truth)
    if balance is None:
        return None
    found = {"delivered": balance.delivered, "registered": balance.registered}
    if balance.technical is not None and balance.non_technical is not None:
        found |= {"technical": balance.technical, "non_technical": balance.non_technical}
    steps, arrays = {}, {}
    for name, kwh in found.items():
        steps[name], arrays[name] = whole_steps(kwh)
    return {"steps": steps, "truth": balance.technical is not None}, arrays
