"""What the kernel of interval demand sets up: hashed draws, a customer's uses in a month, the levels of its days.

Randomness is a hash of (key of stage and seed, meter, day, slot): no state; any month of any meter stands alone.
The hash is SplitMix64's finaliser, applied once for each coordinate [1]_.

References
----------
.. [1] Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. :doi:`10.1145/2660193.2660195`
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ghostload.consumption.appliances import SLOTS
from ghostload.consumption.interval_tables import LOG_LIMIT, LOG_STEP, TICKS
from ghostload.consumption.intervals import HALF_HOURS_A_DAY
from ghostload.grid.kernels.compiled import helper

HALF_HOURS = HALF_HOURS_A_DAY
DAY_TICKS = TICKS * HALF_HOURS
UNIT = 1024.0
"""Weight of the month's mean power at mean weather."""
LARGEST = 48.0 * UNIT
"""No use is larger than this many means."""
DAY_LAGS = 5
DAY_MEMORY = 0.60
SLOW_SHARE = 0.60
"""Share of the variance of days that changes slowly: holidays at school, guests, a machine that broke."""
SLOW_DAYS = 14
"""Days between the values that the slow part runs between in straight lines."""
LONGEST_AWAY = 21
"""Days, as in the tables."""
WEEKDAY_SD = 0.15
MOST, LEAST = 1.8, 0.5
"""Mean of the days at home over the customer's usual mean: at most and at least, as far as absences can see to it."""
MOST_OF_APPLIANCES = 0.5
"""Nor is it more than this share of the appliances' power, where the usual mean is less."""
FAST, SLOW = (1.0 - SLOW_SHARE) ** 0.5, SLOW_SHARE**0.5
LARGEST_FLOOR = 0.45
"""Of the mean."""
FULL = 0.97
"""No use is certain on any day."""
LOG_STEPS = 1.0 / LOG_STEP

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_A = np.uint64(0xBF58476D1CE4E5B9)
_B = np.uint64(0x94D049BB133111EB)
_DAY, NOISE, _HABIT, _TRIP, _SLOW = np.uint64(64), np.uint64(128), np.uint64(96), np.uint64(97), np.uint64(98)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
_TEN, LOW10, LOW8 = np.uint64(10), np.uint64(1023), np.uint64(255)
SHIFT16, SHIFT26, SHIFT36, SHIFT8, _40 = np.uint64(16), np.uint64(26), np.uint64(36), np.uint64(8), np.uint64(40)
LOW16 = np.uint64(0xFFFF)


class Own(NamedTuple):
    """Scratch of one customer and month."""

    threshold: Any  # (SLOTS, day types) int64, of 65536
    start: Any  # (SLOTS,) int64 ticks
    jitter: Any  # (SLOTS,) float32 ticks
    length: Any  # (SLOTS,) float32 ticks
    power: Any  # (SLOTS,) float32 weight
    cools: Any  # (SLOTS,) int64
    share: Any  # (8,) float32: floor, cooling, activity, breaker off, threshold, restlessness, compressor
    cycle: Any  # (2,) int64 ticks: length of a compressor's cycle and where in it the month begins
    activity: Any  # (day types, 48) float32
    cooling: Any  # (day types, 48) float32
    weekday: Any  # (7,) float32
    level: Any  # (32,) float32 level of each day; 0 is the day before the month; negative when away
    part: Any  # (32, 4) float32 levels of the parts of a day
    away: Any  # (32,) int64: 1 on days of absence; 0 is the day before the month
    shock: Any  # (64,) float32 shocks of the days, from LONGEST_AWAY before those on
    edge: Any  # (bins + 2,) int32 energy of partly used bins
    rise: Any  # (bins + 2,) int32 changes of power
    total: Any  # (bins + 1,) int64 running sum
    noise: Any  # (48,) float32
    value: Any  # (48,) int32
    half: Any  # (bins,) int32 watt-hours of half hours, quarters, 5 minutes
    quarter: Any
    fine: Any


@helper
def mix(z: Any) -> Any:
    """Return 64 mixed bits of 64."""
    z = (z ^ (z >> _30)) * _A
    z = (z ^ (z >> _27)) * _B
    return z ^ (z >> _31)


@helper
def address(key: Any, number: Any) -> Any:
    """Return the key of one numbered thing below a key."""
    return mix(key + (np.uint64(number) + np.uint64(1)) * GOLDEN)


@helper
def _exp(table: Any, x: Any) -> Any:
    at = int((x + LOG_LIMIT) * LOG_STEPS)
    return table[min(max(at, 0), len(table) - 1)]


@helper
def prepare(key: Any, kind: Any, row: Any, mean_w: Any, need: Any, tables: Any, own: Own) -> None:
    """Set what holds for a customer through one month."""
    appliance_w, floor_w, floor_share, cooling, rooms = row[0], row[1], row[2], row[3], row[4]
    base_w = mean_w / (1.0 + (cooling + rooms) * (need - 1.0))
    floor = min(LARGEST_FLOOR, floor_w / base_w + floor_share)
    if floor + cooling + rooms > 0.85:
        less = (0.85 - floor) / (cooling + rooms)
        cooling, rooms = cooling * less, rooms * less
    rest = 1.0 - floor - cooling - rooms
    events = row[5] * rest
    shift = int(np.floor(2.0 * row[7] * TICKS + 0.5))
    habit = address(key, _HABIT)
    left = _slots(habit, kind, appliance_w / base_w * UNIT, events, rooms, shift, tables, own)
    own.share[0] = UNIT * floor
    own.share[1] = UNIT * cooling
    own.share[2] = UNIT * (rest - events + left)
    own.share[3] = row[9]
    own.share[4] = row[10]
    own.share[5] = row[11]
    own.share[6] = UNIT * min(floor, floor_w / base_w)
    cycle = address(habit, np.uint64(SLOTS + 1))
    own.cycle[0] = 280 + int(cycle & LOW8) // 2  # 35 to 51 minutes
    own.cycle[1] = int((cycle >> SHIFT16) & LOW10)
    steps = int(np.floor(2.0 * row[7] + 0.5)) % HALF_HOURS
    for h in range(HALF_HOURS):
        at = h - steps if h >= steps else h - steps + HALF_HOURS
        for day_type in range(own.activity.shape[0]):
            own.activity[day_type, h] = tables.activity[kind, day_type, at]
            own.cooling[day_type, h] = tables.cooling[kind, day_type, at]


@helper
def _slots(habit: Any, kind: Any, peak: Any, events: Any, rooms: Any, shift: Any, tables: Any, own: Own) -> Any:
    """Set how often, when and how strongly each slot is used; return the share that could not be placed."""
    used, used_rooms = 0.0, 0.0
    types = own.threshold.shape[1]
    for s in range(SLOTS):
        z = address(habit, np.uint64(s))
        purpose = tables.slot_purpose[kind, s]
        own.power[s] = np.float32(0.0)
        own.threshold[s, :] = 0
        own.cools[s] = 0
        if purpose < 0 or (purpose == 1 and rooms <= 0.0):
            continue
        power = min(LARGEST, peak * tables.slot_power[kind, s] * tables.own_size[int(z & LOW10)])
        often = 0.25 + 1.5 * float((z >> _TEN) & LOW10) / 1024.0 if purpose == 0 else 1.0
        spread = tables.slot_time[kind, s, 1] * tables.normal[int((z >> np.uint64(20)) & LOW10)]
        own.start[s] = tables.slot_time[kind, s, 0] + shift + int(np.floor(spread + 0.5))
        own.jitter[s] = np.float32(tables.slot_time[kind, s, 2])
        own.length[s] = np.float32(tables.slot_time[kind, s, 3])
        own.power[s] = np.float32(power)
        own.cools[s] = purpose
        for day_type in range(types):
            own.threshold[s, day_type] = int(65536.0 * 64.0 * often * tables.slot_rate[kind, s, day_type])
        week = 5.0 * own.threshold[s, 0] + own.threshold[s, 1] + own.threshold[s, 2]
        energy = week / (7.0 * 65536.0 * 64.0) * own.power[s] * own.length[s]
        if purpose == 0:
            used += energy
        else:
            used_rooms += energy
    placed = 0.0
    for s in range(SLOTS):
        if own.power[s] <= 0.0:
            continue
        wanted = events / used if own.cools[s] == 0 else rooms / used_rooms
        factor = wanted * UNIT * DAY_TICKS / 64.0
        week = 0.0
        for day_type in range(types):
            limit = min(FULL * 65536.0, own.threshold[s, day_type] * factor)
            own.threshold[s, day_type] = int(limit)
            week += limit * (5.0 if day_type == 0 else 1.0 if day_type < 3 else 0.0)
        placed += week / (7.0 * 65536.0) * own.power[s] * own.length[s]
    return max(0.0, events + rooms - placed / (UNIT * DAY_TICKS))


@helper
def _slow(key: Any, day: Any, tables: Any) -> Any:
    """Return the slow part of a day's level, of variance 1: a line between values that are some weeks apart."""
    node, part = day // SLOW_DAYS, float(day % SLOW_DAYS) / SLOW_DAYS
    before = tables.normal[int(mix(key + np.uint64(node) * GOLDEN) & LOW10)]
    after = tables.normal[int(mix(key + np.uint64(node + 1) * GOLDEN) & LOW10)]
    return (before * (1.0 - part) + after * part) / np.sqrt(part * part + (1.0 - part) * (1.0 - part))


@helper
def set_days(key: Any, first: Any, days: Any, row: Any, energy: Any, tables: Any, own: Own) -> Any:
    """Set the level of each day and of its parts, from the day before the month on; negative when away.

    Returns the mean power of the days at home. Call it before :func:`prepare`.
    """
    sd, away_rate = row[6], row[8]
    weekdays = address(address(key, _HABIT), np.uint64(SLOTS))
    for day in range(7):
        x = tables.normal[int((weekdays >> (np.uint64(day) * SHIFT8)) & LOW8) * 4 + 2]
        own.weekday[day] = _exp(tables.exp, WEEKDAY_SD * row[11] * x)
    slow = address(key, _SLOW)
    left = 0
    back = max(DAY_LAGS, LONGEST_AWAY)
    for k in range(days + 1 + back):
        z = address(address(key, np.uint64(first - 1 - back + k)), _DAY)
        own.shock[k] = tables.normal[int(z & LOW10)]
        if float((z >> SHIFT16) & LOW16) < 65536.0 * away_rate:
            left = max(left, tables.away_days[int((z >> np.uint64(32)) & LOW8)] + 1)
        left -= 1
        d = k - back
        if d < 0:
            continue
        level = 0.0
        weight = np.sqrt(1.0 - DAY_MEMORY * DAY_MEMORY)
        for lag in range(DAY_LAGS + 1):
            level += weight * own.shock[k - lag]
            weight *= DAY_MEMORY
        level = FAST * level + SLOW * _slow(slow, first - 1 + d, tables)
        weekday = (first - 1 + d + 5) % 7
        own.level[d] = _exp(tables.exp, sd * level - 0.5 * sd * sd) * own.weekday[weekday]
        own.away[d] = 1 if left > 0 else 0
        for part in range(4):
            bits = int((z >> (_40 + np.uint64(6 * part))) & np.uint64(63))
            own.part[d, part] = np.float32(1.0 + row[11] * (bits / 63.0 - 0.5)) * own.level[d]
    mean_w = _settle(key, first, days, row, energy / 24.0, own)
    for d in range(days + 1):
        if own.away[d] == 1:
            own.level[d] = np.float32(-1.0)
    return mean_w


@helper
def _settle(key: Any, first: Any, days: Any, row: Any, energy: Any, own: Own) -> Any:
    """Let the days of absence agree with the month's energy, in days times watts; return the mean power at home.

    Whole days are added or taken from a day on that the month draws, so that absences stay in one piece or two.
    """
    largest = min(MOST * row[12], max(row[12], MOST_OF_APPLIANCES * row[0]))
    fewest = _days_at_home(row, energy, days, largest)
    most = _days_at_home(row, energy, days, LEAST * row[12])
    fewest = min(max(np.int64(np.ceil(fewest)), np.int64(row[9])), days)
    most = min(max(np.int64(np.ceil(most)), fewest), days)
    away = np.int64(0)
    for d in range(1, days + 1):
        away += own.away[d]
    wanted = min(max(away, days - most), days - fewest)
    if wanted != away:
        at = np.int64(address(address(key, np.uint64(first)), _TRIP) >> _40) % days
        more = wanted - away
        for k in range(days):
            d = 1 + (at + k) % days
            if more > 0 and own.away[d] == 0:
                own.away[d] = 1
                more -= 1
            elif more < 0 and own.away[d] == 1:
                own.away[d] = 0
                more += 1
    stays = (1.0 - row[9]) * wanted
    home = days - wanted
    if home + stays <= 0.0:
        return energy / days
    return max((energy - stays * row[1]) / (home + stays * row[2]), energy / (home + stays * LARGEST_FLOOR))


@helper
def _days_at_home(row: Any, energy: Any, days: Any, mean_w: Any) -> Any:
    """Return how many days at home with a mean power make up a month's energy, what stays when away being counted."""
    stays = (1.0 - row[9]) * min(LARGEST_FLOOR * mean_w, row[1] + row[2] * mean_w)
    return (energy - days * stays) / (mean_w - stays)


def scratch(minutes: int, day_types: int) -> Own:
    """Return empty scratch for months at a resolution; made here, since making arrays in a kernel compiles slowly."""
    bins = 31 * HALF_HOURS * {5: 6, 15: 2}.get(minutes, 1)
    return Own(
        threshold=np.zeros((SLOTS, day_types), np.int64),
        start=np.zeros(SLOTS, np.int64),
        jitter=np.zeros(SLOTS, np.float32),
        length=np.zeros(SLOTS, np.float32),
        power=np.zeros(SLOTS, np.float32),
        cools=np.zeros(SLOTS, np.int64),
        share=np.zeros(8, np.float32),
        cycle=np.ones(2, np.int64),
        activity=np.zeros((day_types, HALF_HOURS), np.float32),
        cooling=np.zeros((day_types, HALF_HOURS), np.float32),
        weekday=np.zeros(7, np.float32),
        level=np.zeros(32, np.float32),
        part=np.zeros((32, 4), np.float32),
        away=np.zeros(32, np.int64),
        shock=np.zeros(32 + LONGEST_AWAY, np.float32),
        edge=np.zeros(bins + 2, np.int32),
        rise=np.zeros(bins + 2, np.int32),
        total=np.zeros(bins + 1, np.int64),
        noise=np.zeros(HALF_HOURS, np.float32),
        value=np.zeros(HALF_HOURS, np.int32),
        half=np.zeros(31 * HALF_HOURS, np.int32),
        quarter=np.zeros(2 * 31 * HALF_HOURS, np.int32),
        fine=np.zeros(bins, np.int32),
    )
