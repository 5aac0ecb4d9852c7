"""What the head end holds for each interval: the months' readings in time, with gaps, estimates and clock drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.anomalies.batches import acts_in_hours
from ghostload.anomalies.draws import stage_key
from ghostload.anomalies.hours import month_hours
from ghostload.anomalies.in_time import HourMonth, Part, month_in_time
from ghostload.anomalies.registry import KINDS
from ghostload.config.model import MeteringConfig
from ghostload.errors import UsageError
from ghostload.metering.register import ERROR_LIMIT_SD
from ghostload.streams import BLOCK, BoolArray, FloatArray, IntArray, Stage, Streams

GAP_TAIL = 1.5
"""Pareto exponent of the length of gaps: the mean exists, the variance does not. An assumption."""
LONGEST_GAP_HOURS = 240
_QUANTILES = 1024


@dataclass(frozen=True)
class Intervals:
    """n meters over S steps.

    Attributes
    ----------
    true_wh : (n, S) array of int32
        Truly drawn.
    registered_wh : (n, S) array of int32
        What the head end holds; negative where a register ran backwards. A month's steps add up to its reading. Where
        the flag is missing, nobody sees the number.
    flags : (n, S) array of uint8
        Codes of :data:`ghostload.anomalies.spread.FLAGS`.
    lost_wh : (E, hours) array of int32
        Drawn but not shown because of each event, hour by hour.
    """

    true_wh: NDArray[np.int32]
    registered_wh: NDArray[np.int32]
    flags: NDArray[np.uint8]
    lost_wh: NDArray[np.int32]


def record_intervals(
    base_wh: NDArray[np.int32],
    registered_kwh: FloatArray,
    part: Part,
    numbers: IntArray,
    minutes: int,
    metering: MeteringConfig,
    streams: Streams,
    *,
    first_offset: int = 0,
) -> Intervals:
    """Turn what n customers would draw without events into what they draw and what the head end holds.

    Parameters
    ----------
    base_wh : (n, S) array of int32, C-contiguous
        Without events. Becomes the true energy in place.
    registered_kwh : (n, T) array
        Readings of the months: :func:`~ghostload.metering.register.registered_kwh`.
    part : Part
        Of these n customers; see :func:`~ghostload.anomalies.apply.part_of`.
    numbers : (T,) array of int
        Month numbers.
    minutes : int
        Length of a step, a divisor of 60.
    metering : MeteringConfig
    streams : Streams
    first_offset : int
        Position in the data of the first of these months, when they are not the first ones; the columns of ``part``
        start with the data.

    Returns
    -------
    Intervals
    """
    from ghostload.grid.kernels.compiled import first_call
    from ghostload.metering import kernels

    per, hours = 60 // minutes, month_hours(numbers)
    if base_wh.shape != (len(part.meters), per * int(hours.sum())):
        raise UsageError(
            f"base_wh: has the shape {base_wh.shape}, must be meters x steps, "
            f"({len(part.meters)}, {per * int(hours.sum())})"
        )
    noise = _Noise.of(part.meters, metering, streams)
    registered, flags = np.empty(base_wh.shape, dtype=np.int32), np.empty(base_wh.shape, dtype=np.uint8)
    reading = np.ascontiguousarray(np.rint(1000.0 * registered_kwh).astype(np.int64).T)
    lost = np.zeros((len(part.events), int(hours.sum())), dtype=np.int32)
    start = 0
    for index, number in enumerate(numbers.tolist()):
        count = int(hours[index])
        slot, month = _events_of_month(base_wh, start * per, per, part, first_offset + index, number, count, streams)
        lost[month.event, start : start + count] = month.hours.lost_wh
        own = kernels.scratch(count)
        with first_call("interval readings"):
            kernels.split_hours(base_wh, start * per, per, month.rows, month.hours.true_wh, own)
            kernels.register_month(
                base_wh, start * per, per, count, slot, month.hours.shown_wh, month.hours.flags, reading[index],
                noise.drift, part.meters, number, *noise.gaps(count), *noise.stuck(count), noise.lengths,
                metering.linear_hours, metering.fill_gaps, registered, flags, own,
            )  # fmt: skip
        start += count
    return Intervals(base_wh, registered, flags, lost)


def kernels() -> tuple[Any, ...]:
    """Return what :func:`compile_kernels` compiles."""
    from ghostload.metering.kernels import register_month, split_hours

    return split_hours, register_month


def compile_kernels() -> None:
    """Compile what :func:`record_intervals` calls, by calls for no meters."""
    from ghostload.metering import kernels

    steps, hours, rows = np.empty((0, 0), np.int32), np.empty((0, 0), np.int64), np.empty(0, np.int64)
    marks, mean, key, own = np.empty((0, 0), np.uint8), np.empty((0, 2)), np.uint64(0), kernels.scratch(0)
    kernels.split_hours(steps, 0, 1, rows, hours, own)
    kernels.register_month(
        steps, 0, 1, 0, rows, hours, marks, rows, np.empty(0), rows, 0, key, mean, key, mean, rows, 0, True,
        steps, marks, own,
    )  # fmt: skip


@dataclass(frozen=True)
class _EventMonth:
    """Rows of the meters that events touch in a month, positions of these events, and their hours."""

    rows: IntArray
    event: IntArray
    hours: HourMonth


def _events_of_month(
    base_wh: NDArray[np.int32], first: int, per: int, part: Part, offset: int, number: int, count: int, streams: Streams
) -> tuple[IntArray, _EventMonth]:
    """Apply the events that are on in a month; the first array is each meter's position among the touched ones."""
    event = np.flatnonzero(live_events(part, offset))
    few = part.of_events(event)
    meters = np.unique(few.events.meter)
    rows = np.searchsorted(part.meters, meters)
    base = base_wh[rows, first : first + per * count].reshape(len(rows), count, per).sum(axis=2, dtype=np.int64)
    hours = month_in_time(few.of_meters(meters), base, offset, number, streams)
    slot = np.full(len(part.meters), -1, dtype=np.int64)
    slot[rows] = np.arange(len(rows))
    return slot, _EventMonth(rows, event, hours)


def live_events(part: Part, offset: int) -> BoolArray:
    """Whether each event changes anything in a month, or may; (E,)."""
    events = part.events
    on = (events.spans.start < offset + 1.0) & (events.spans.end > offset)
    in_hours = np.array([acts_in_hours(KINDS.get(name)) for name in events.kinds], dtype=bool)
    in_hours = in_hours[events.kind] if len(events) else np.zeros(0, dtype=bool)
    live: BoolArray = (part.cut_wh[:, offset] != 0) | (part.lost_wh[:, offset] != 0) | (in_hours & on)
    return live


@dataclass(frozen=True)
class _Noise:
    """How well n meters keep time and keep in touch."""

    drift: FloatArray
    gap_rate: FloatArray
    stuck_rate: FloatArray
    lengths: IntArray
    gap_key: np.uint64
    stuck_key: np.uint64

    @classmethod
    def of(cls, meters: IntArray, metering: MeteringConfig, streams: Streams) -> _Noise:
        lengths = gap_lengths(metering.gap_mean_hours)
        normal = own_normal(Stage.COMMUNICATION, meters, streams)
        badness = np.exp(metering.gap_spread * normal - 0.5 * metering.gap_spread**2)
        drift = 1e-6 * metering.clock_ppm * own_normal(Stage.METER_CLOCK, meters, streams)
        return cls(
            drift=drift,
            gap_rate=np.minimum(metering.gap_share * badness, 0.5) / lengths.mean(),
            stuck_rate=np.full(len(meters), metering.stuck_share / lengths.mean()),
            lengths=lengths,
            gap_key=np.uint64(stage_key(streams, Stage.GAP)),
            stuck_key=np.uint64(stage_key(streams, Stage.STUCK_REGISTER)),
        )

    def gaps(self, hours: int) -> tuple[np.uint64, FloatArray]:
        """Return the key and the Poisson means of a month's gaps."""
        return self.gap_key, _poisson(self.gap_rate * hours)

    def stuck(self, hours: int) -> tuple[np.uint64, FloatArray]:
        """Return the key and the Poisson means of a month's stuck spells."""
        return self.stuck_key, _poisson(self.stuck_rate * hours)


def _poisson(mean: FloatArray) -> FloatArray:
    return np.stack([mean, np.exp(-mean)], axis=1)


def gap_lengths(mean_hours: float) -> IntArray:
    """Return evenly spaced quantiles of the length of gaps: whole hours, Pareto, from 1 to ten days.

    Parameters
    ----------
    mean_hours : float
        What they average to, but for rounding and the cut.
    """
    upper = 1.0 - (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    smallest = mean_hours * (GAP_TAIL - 1.0) / GAP_TAIL
    return np.clip(np.rint(smallest * upper ** (-1.0 / GAP_TAIL)), 1, LONGEST_GAP_HOURS).astype(np.int64)


def own_normal(stage: Stage, meters: IntArray, streams: Streams) -> FloatArray:
    """Draw one normal number for each meter, cut at three standard deviations; (n,), meters ascending."""
    values = np.empty(len(meters))
    for block in np.unique(meters // BLOCK).tolist():
        at = meters // BLOCK == block
        values[at] = streams.normal(stage, block * BLOCK, (block + 1) * BLOCK, 1)[meters[at] - block * BLOCK, 0]
    return np.clip(values, -ERROR_LIMIT_SD, ERROR_LIMIT_SD)
