"""How far the utility's records of its network are right: what detectors are told of it, never what meters say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ghostload.dataset import Dataset
from ghostload.detection.rewire import rewired, shares
from ghostload.detection.seen import FeederReadings, Seen, find_seen
from ghostload.errors import ConfigError
from ghostload.streams import BoolArray, FloatArray, IntArray, Stage, Streams

NEAR = 3
"""A customer who is recorded on a wrong transformer is on one of so many nearest others of the feeder."""


@dataclass(frozen=True)
class RecordErrors:
    """Errors in what a utility knows of its network. Voltage channels and clocks have theirs in the readings already.

    Attributes
    ----------
    wrong_transformer_share : float
        Expected share of meters that are recorded on another transformer of their feeder, near by.
    wrong_phase_share : float
        Expected share of single-phase meters behind transformers of several phases that are recorded on another phase.
    impedance_sd : float
        Standard deviation of the log of the impedance of each meter's way: lengths and conductors.
    """

    wrong_transformer_share: float = 0.0
    wrong_phase_share: float = 0.0
    impedance_sd: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no share or no spread."""
        for name in ("wrong_transformer_share", "wrong_phase_share"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"{name}: is {value}, must be a share from 0 to 1")
        if not 0.0 <= self.impedance_sd <= 3.0:
            raise ConfigError(f"impedance_sd: is {self.impedance_sd}, must lie from 0 to 3")

    @property
    def none(self) -> bool:
        """Whether the records are right."""
        return self == RecordErrors()


RECORDS = {
    "perfect": RecordErrors(),
    "typical": RecordErrors(wrong_transformer_share=0.05, wrong_phase_share=0.2, impedance_sd=0.2),
    "poor": RecordErrors(wrong_transformer_share=0.1, wrong_phase_share=0.5, impedance_sd=0.4),
}
"""Records by name; where the figures are from stands in docs/detection.md."""


@dataclass(frozen=True, repr=False)
class RecordedDataset(Dataset):
    """A data set as the utility's records have it: readings as they are, meters on transformers as they are thought.

    Attributes
    ----------
    true : Dataset
        The data set itself.
    errors : RecordErrors
    seed : int
        Of the errors.
    """

    true: Dataset | None = None
    errors: RecordErrors = RecordErrors()
    seed: int = 0

    @cached_property
    def source(self) -> Seen | None:
        """Interval readings of the data set itself."""
        return None if self.true is None else find_seen(self.true)

    @property
    def has_delivered(self) -> bool:
        """Whether any transformer has a meter of its own."""
        return self.source is not None and self.source.has_delivered

    @property
    def has_voltage(self) -> bool:
        """Whether voltages are recorded and the wires are known."""
        return self.source is not None and self.source.has_voltage

    def feeders(self) -> Iterator[FeederReadings]:
        """Yield the feeders, each meter on the transformer, phase and wires that the records give it."""
        for feeder in self.source.feeders() if self.source is not None else ():
            yield self._as_recorded(feeder)

    def _as_recorded(self, feeder: FeederReadings) -> FeederReadings:
        was = self.true.transformer_index[feeder.rows] if self.true is not None else feeder.rows
        now = self.transformer_index[feeder.rows]
        number_of = np.full(int(max(was.max(initial=0), now.max(initial=0))) + 1, -1)
        number_of[was] = feeder.home
        count = int(feeder.rows.max(initial=-1)) + 1
        streams = Streams(self.seed)
        drawn = streams.uniform(Stage.RECORDS, 0, count, 4)[feeder.rows]
        if feeder.network is None:
            return replace(feeder, home=number_of[now])
        moved = rewired(feeder, number_of[now])
        moved = rewired(moved, moved.home, _wrong_phases(moved, drawn, self.errors.wrong_phase_share))
        noise = streams.normal(Stage.RECORDS, 0, count, 1, 1)[feeder.rows, 0]
        return wrong_impedances(moved, np.exp(self.errors.impedance_sd * noise))


def recorded(dataset: Dataset, errors: RecordErrors, *, seed: int = 0) -> Dataset:
    """Return a data set as a utility whose records have errors sees it.

    Errors are drawn for each meter by its number: adding meters at the end changes no other meter's.

    Parameters
    ----------
    dataset : Dataset
    errors : RecordErrors
    seed : int
        Of the errors; non-negative.
    """
    if errors.none:
        return dataset
    meters = dataset.tables["meters"]
    index = recorded_transformers(dataset, errors.wrong_transformer_share, seed)
    names = dataset.tables["transformers"]["transformer_id"].combine_chunks()
    known = pa.array(np.where(index >= 0, index, 0))
    column = names.take(known) if len(names) else names
    column = pc.if_else(pa.array(index >= 0), column, meters["transformer_id"].combine_chunks().cast(names.type))
    at = meters.column_names.index("transformer_id")
    tables = {**dataset.tables, "meters": meters.set_column(at, "transformer_id", column)}
    return RecordedDataset(tables, config=dataset.config, true=dataset, errors=errors, seed=seed)


def recorded_transformers(dataset: Dataset, share: float, seed: int) -> IntArray:
    """Return the transformer on which the records have each meter, (N,) rows of the transformers table."""
    index = np.array(dataset.transformer_index)
    drawn = Streams(seed).uniform(Stage.RECORDS, 0, len(index), 4)
    stray = np.flatnonzero((drawn[:, 0] < share) & (index >= 0))
    transformers, meters = dataset.tables["transformers"], dataset.tables["meters"]
    serving = np.zeros(transformers.num_rows, dtype=np.bool_)
    serving[index[index >= 0]] = True
    away = _distances(meters, transformers, stray)
    away[:, ~serving] = np.inf
    away[np.arange(len(stray)), index[stray]] = np.inf
    if "feeder_id" in transformers.column_names:
        feeder = np.asarray(transformers["feeder_id"].to_pylist(), dtype=object)
        away[feeder[None, :] != feeder[index[stray]][:, None]] = np.inf
    choices = np.minimum(np.isfinite(away).sum(axis=1), NEAR)
    nearest = np.argsort(away, axis=1, kind="stable")
    pick = np.minimum((drawn[stray, 1] * choices).astype(np.int64), np.maximum(choices - 1, 0))
    chosen = nearest[np.arange(len(stray)), pick] if len(stray) else stray
    index[stray] = np.where(choices > 0, chosen, index[stray])
    return index


def _distances(meters: pa.Table, transformers: pa.Table, rows: IntArray) -> FloatArray:
    """Return squared distances of some meters from all transformers in degrees of latitude; 0 without places."""
    away = np.zeros((len(rows), transformers.num_rows))
    if not all({"lat", "lon"} <= set(table.column_names) for table in (meters, transformers)):
        return away
    (lat, lon), (to_lat, to_lon) = (
        [np.asarray(table[name], dtype=np.float64) for name in ("lat", "lon")] for table in (meters, transformers)
    )
    east = np.cos(np.deg2rad(lat[rows]))[:, None] * (lon[rows][:, None] - to_lon)
    return np.asarray(away + (lat[rows][:, None] - to_lat) ** 2 + east**2)


def _wrong_phases(feeder: FeederReadings, drawn: FloatArray, share: float) -> FloatArray:
    """Return the phases of each meter as recorded, (n, 3)."""
    phases = shares(feeder)
    single = phases.max(axis=1) > 1.0 - 1e-9
    for members in feeder.members():
        there = np.flatnonzero(phases[members].any(axis=0))
        wrong = members[single[members] & (drawn[members, 2] < share)]
        if len(there) < 2 or len(wrong) == 0:
            continue
        at = np.searchsorted(there, phases[wrong].argmax(axis=1))
        step = 1 + (drawn[wrong, 3] * (len(there) - 1)).astype(np.int64)
        phases[wrong] = np.eye(3)[there[(at + step) % len(there)]]
    return phases


def wrong_impedances(feeder: FeederReadings, factor: FloatArray) -> FeederReadings:
    """Return a feeder whose model of the wires is off by a factor on each meter's way, (n,)."""
    wrong: BoolArray = factor != 1.0
    if feeder.network is None or not wrong.any():
        return feeder
    networks = []
    for members, network in zip(feeder.members(), feeder.network, strict=True):
        both = np.sqrt(factor[members][:, None] * factor[members])
        networks.append(
            replace(
                network,
                r_ohm=network.r_ohm * both,
                x_ohm=network.x_ohm * both,
                own_ohm=None if network.own_ohm is None else network.own_ohm * both,
                between_ohm=None if network.between_ohm is None else network.between_ohm * both,
            )
        )
    return replace(feeder, network=tuple(networks))
