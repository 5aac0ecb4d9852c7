"""Energy balances of months without intervals: the power flow of a few days that stand for each month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ghostload.engines import open_engine
from ghostload.errors import UsageError
from ghostload.scratch import let_go
from ghostload.simulation.balance import Arrays, lost_kwh, physical, stacked
from ghostload.simulation.feeder import Feeder
from ghostload.simulation.grid_tables import GridTables
from ghostload.simulation.months import Months
from ghostload.simulation.run import Progress, Tally
from ghostload.simulation.world import World
from ghostload.streams import FloatArray

if TYPE_CHECKING:
    from ghostload.physics.days import RepresentativeDays


def balance_by_days(world: World, months: Months, *, jobs: int, report: Progress) -> GridTables:
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
    GridTables
        Of all feeders.
    """
    from ghostload.physics.days import choose_days

    feeders = world.busy_feeders
    days = choose_days(world.numbers, world.streams)
    tally = Tally("power flow", len(world.known), report)
    tables = GridTables(world)

    def solve(number: int) -> Arrays:
        tables.see(number)
        feeder = world.feeder(number, months)
        found = _balance(world, feeder, days)
        tally.add(len(feeder.meters))
        return found

    with open_engine("threads" if jobs > 1 else "serial", jobs) as engine:
        for number, found in zip(feeders, engine.run(solve, feeders), strict=True):
            tables.add(number, found)
            let_go()
    return tables


def _balance(world: World, feeder: Feeder, days: RepresentativeDays) -> Arrays:
    """Return the balance of one feeder; hours without a solution count as if nothing were lost."""
    from ghostload.physics.days import powers_of

    if feeder.shares is None:
        raise UsageError(f"feeder {feeder.number}: has no wires; set physics to power_flow")
    p_kw, q_kvar = powers_of(feeder.meters, feeder.habits, feeder.shares, days, feeder.demand_kwh, world.streams)
    weight, steps = days.step_weight, days.steps_a_month
    flows = [
        feeder.solve(p_kw[:, at], q_kvar[:, at], 60, weight=weight[at], voltages=False)
        for at in (slice(steps * month, steps * (month + 1)) for month in range(len(days.numbers)))
    ]
    found = physical(feeder, flows, feeder.by_transformer(p_kw) * 1e3, weight)
    kvarh = np.concatenate([flow.head_kvar for flow in flows])[None]
    kvarh = days.by_month(np.where(np.isnan(kvarh), q_kvar.sum(axis=0, dtype=np.float64), kvarh))
    real, reactive = feeder.head_gain.tolist()
    balance = {
        **found,
        "true_kwh": feeder.by_transformer(feeder.demand_kwh),
        "registered_kwh": feeder.by_transformer(feeder.registered_kwh),
        "non_technical_loss_kwh": lost_kwh(feeder, feeder.part.lost_wh),
        "meter_kwh": _counted(found["delivered_kwh"] * feeder.gain[:, None]),
        "head_meter_kwh": _counted(found["supplied_kwh"] * real),
        "head_meter_kvarh": _counted(kvarh * reactive),
        "head_meter_peak_kw": _counted(found["head_peak_kw"] * real),
    }
    return stacked([balance], days.weights.sum(axis=1) * 24.0)


def _counted(kwh: FloatArray) -> FloatArray:
    """Return energies as registers show them, in whole watt-hours."""
    return np.asarray(np.rint(1e3 * kwh) / 1e3)
