"""Energy balances of months without intervals: the power flow of a few days that stand for each month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ghostload.engines import open_engine
from ghostload.simulation.balance import Arrays, joined
from ghostload.simulation.feeder import Feeder
from ghostload.simulation.months import Months
from ghostload.simulation.run import Progress, Tally
from ghostload.simulation.world import World
from ghostload.streams import FloatArray

if TYPE_CHECKING:
    from ghostload.physics.days import RepresentativeDays


def balance_by_days(world: World, months: Months, *, jobs: int, report: Progress) -> Arrays:
    """Solve the representative days of all feeders.

    Parameters
    ----------
    world : World
        Prepared.
    months : Months
        Of all meters, with what they drew.
    jobs : int
        Threads; no number depends on it.
    report : callable (stage, done, total)

    Returns
    -------
    dict of (transformers, months) and (feeders, months) arrays
        As :func:`~ghostload.simulation.balance.joined` gives them.
    """
    from ghostload.physics.days import choose_days

    feeders = [number for number in range(world.num_feeders) if len(world.meters_of(number))]
    days = choose_days(world.numbers, world.streams)
    tally = Tally("power flow", len(world.customers), report)

    def solve(number: int) -> Arrays:
        feeder = world.feeder(number, months)
        found = _balance(world, feeder, months.true_kwh[feeder.meters], days)
        tally.add(len(feeder.meters))
        return found

    with open_engine("threads" if jobs > 1 else "serial", jobs) as engine:
        balances = list(engine.run(solve, feeders))
    owned = [(world.transformers_of(number), found) for number, found in zip(feeders, balances, strict=True)]
    return joined(owned, len(world.capacity_kva), len(world.numbers))


def _balance(world: World, feeder: Feeder, true_kwh: FloatArray, days: RepresentativeDays) -> Arrays:
    """Return the balance of one feeder; (T, months) arrays. Hours without a solution count as if nothing were lost."""
    from ghostload.physics.days import day_powers

    p_kw, q_kvar = day_powers(
        world.customers,
        days,
        true_kwh,
        world.streams,
        rows=feeder.meters,
        habits=world.habits,
        shares=world.shares,
    )
    flows = feeder.solve(p_kw, q_kvar, 60, weight=days.step_weight, voltages=False)
    blank = np.isnan(flows.delivered_wh)
    given = (
        np.where(blank, feeder.by_transformer(p_kw) * 1e3, flows.delivered_wh) if blank.any() else flows.delivered_wh
    )
    delivered = days.by_month(given) / 1e3
    lost = np.zeros(delivered.shape)
    at = feeder.home[np.searchsorted(feeder.meters, feeder.part.events.meter)]
    np.add.at(lost, at, feeder.part.lost_wh / 1e3)
    return {
        "delivered_kwh": delivered,
        "true_kwh": feeder.by_transformer(true_kwh),
        "registered_kwh": feeder.by_transformer(feeder.registered_kwh),
        "technical_loss_kwh": days.by_month(np.where(blank, 0.0, flows.low_loss_wh)) / 1e3,
        "non_technical_loss_kwh": lost,
        "peak_kva": days.largest(np.where(blank, 0.0, flows.apparent_kva)),
        "transformer_loss_kwh": days.by_month(np.where(blank, 0.0, flows.own_loss_wh)) / 1e3,
        "meter_kwh": np.rint(1e3 * delivered * feeder.gain[:, None]) / 1e3,
        "head_kwh": days.by_month(np.nan_to_num(flows.head_kw))[None, :],
        "unsolved": days.by_month(np.isnan(flows.head_kw).astype(np.float64))[None, :],
    }
