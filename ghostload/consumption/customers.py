"""Who the customers are: class, size, level, habits and peak; one row a meter, months not yet seen."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.config.model import CUSTOMER_CLASSES, GeneratorConfig
from ghostload.consumption.calendar import MEAN_DAYS
from ghostload.consumption.habits import draw_habits
from ghostload.consumption.own_peak import own_peak_kva
from ghostload.consumption.shapes import LOAD_FACTOR, SIZE_CUTS, shape_table
from ghostload.scratch import Scratch
from ghostload.streams import FloatArray, IntArray, Stage, Streams, spans


@dataclass(frozen=True)
class Customers:
    """Attributes of the customers ``start .. start + n - 1``; each array has shape (n,).

    Attributes
    ----------
    start : int
        Number of the first meter.
    class_index : array of int
        Position in :data:`ghostload.config.CUSTOMER_CLASSES`.
    size_index : array of int
        Position in :data:`ghostload.consumption.shapes.SIZE_CLASSES`.
    level_kwh : array
        Long-run mean of monthly energy.
    cooling, own_season, season_phase, noise : array
        The customer's own values of the :class:`~ghostload.consumption.shapes.Shape`; the phase in months.
    appliance_kw : array
        Power that the sizes of what the customer switches on are shares of.
    peak_kva : array
        Peak apparent demand of this customer alone: the median of the highest half hours that a year may have.
    """

    start: int
    class_index: IntArray
    size_index: IntArray
    level_kwh: FloatArray
    cooling: FloatArray
    own_season: FloatArray
    season_phase: FloatArray
    noise: FloatArray
    appliance_kw: FloatArray
    peak_kva: FloatArray

    def __len__(self) -> int:
        """Count of customers."""
        return len(self.level_kwh)

    def rows(self, start: int, stop: int) -> Customers:
        """Return the customers at positions ``start .. stop - 1``."""
        arrays = {f.name: getattr(self, f.name)[start:stop] for f in fields(self) if f.name != "start"}
        return Customers(start=self.start + start, **arrays)


_DROPPED = ("cooling", "own_season", "season_phase", "noise", "appliance_kw")


def known_customers(config: GeneratorConfig, streams: Streams, scratch: Scratch | None = None) -> Customers:
    """Draw all customers, and keep of them what the choice of events, the wires and the tables need: 18 bytes each.

    Class and size are int8; the attributes that only months follow from are NaN and take no memory. What is large lies
    in the scratch.
    """
    count, scratch = config.num_meters, scratch or Scratch()
    arrays: dict[str, NDArray[Any]] = {
        "class_index": scratch.zeros(count, np.int8),
        "size_index": scratch.zeros(count, np.int8),
        "level_kwh": scratch.zeros(count),
        "peak_kva": scratch.zeros(count),
    }
    for part in spans(count):
        drawn = draw_customers(config, streams, part.start, part.stop)
        for name, array in arrays.items():
            array[part] = getattr(drawn, name)
    nothing = np.broadcast_to(np.nan, count)
    return Customers(start=0, **arrays, **dict.fromkeys(_DROPPED, nothing))


def draw_customers(config: GeneratorConfig, streams: Streams, start: int = 0, stop: int | None = None) -> Customers:
    """Draw the customers of a range of meters.

    Each row depends on the seed, the meter's number and the class settings alone.

    Parameters
    ----------
    config : GeneratorConfig
    streams : Streams
    start, stop : int
        Half-open range of meter numbers; all meters by default.

    Returns
    -------
    Customers
    """
    stop = config.num_meters if stop is None else stop
    class_index = _draw_class(config, streams, start, stop)
    level = _draw_level(config, streams, class_index, start, stop)
    mean = np.array([_baseline(config, name)[0] for name in CUSTOMER_CLASSES])[class_index]
    size = np.digitize(level / mean, SIZE_CUTS).astype(np.int64)
    habit = streams.normal(Stage.CUSTOMER_HABIT, start, stop, 4)

    def own(attribute: str, spread: FloatArray | float, column: int) -> FloatArray:
        values: FloatArray = shape_table(attribute)[class_index, size] * np.exp(spread * habit[:, column])
        return values

    customers = Customers(
        start=start,
        class_index=class_index,
        size_index=size,
        level_kwh=level,
        cooling=own("cooling", shape_table("cooling_spread")[class_index, size], 0),
        own_season=own("own_season", 0.6, 1),
        season_phase=12.0 * streams.uniform(Stage.CUSTOMER_HABIT, start, stop, 1, 1)[:, 0],
        noise=own("noise", shape_table("noise_spread")[class_index, size], 2),
        appliance_kw=_draw_appliance_kw(streams, class_index, level, start),
        peak_kva=np.zeros(stop - start),
    )
    return replace(customers, peak_kva=own_peak_kva(customers, draw_habits(customers, streams)))


def lognormal_parameters(mean: float, spread: float) -> tuple[float, float]:
    """Return (mu, sigma) of the log-normal distribution with this mean and standard deviation."""
    variance = np.log1p((spread / mean) ** 2)
    return float(np.log(mean) - variance / 2.0), float(np.sqrt(variance))


def _baseline(config: GeneratorConfig, name: str) -> tuple[float, float]:
    baseline = config.consumption_baselines.get(name)
    return (baseline.mean_kwh, baseline.spread_kwh) if baseline else (1.0, 1.0)


def _draw_class(config: GeneratorConfig, streams: Streams, start: int, stop: int) -> IntArray:
    shares = np.array([config.customer_classes.get(name, 0.0) for name in CUSTOMER_CLASSES])
    edges = np.cumsum(shares / shares.sum())[:-1]
    drawn = streams.uniform(Stage.CUSTOMER_CLASS, start, stop, 1)[:, 0]
    return np.searchsorted(edges, drawn, side="right").astype(np.int64)


def _draw_level(config: GeneratorConfig, streams: Streams, class_index: IntArray, start: int, stop: int) -> FloatArray:
    """Log-normal levels: positive, with the class's configured mean and spread between customers."""
    mu, sigma = np.array([lognormal_parameters(*_baseline(config, name)) for name in CUSTOMER_CLASSES]).T
    normal = streams.normal(Stage.CUSTOMER_LEVEL, start, stop, 1)[:, 0]
    level: FloatArray = np.exp(mu[class_index] + sigma[class_index] * normal)
    return level


HOME_APPLIANCES_KW_AT_200_KWH = 3.0
HOME_APPLIANCES_EXPONENT = 0.5
LOAD_FACTOR_LIMITS = (0.04, 0.50)


def _draw_appliance_kw(streams: Streams, class_index: IntArray, level_kwh: FloatArray, start: int) -> FloatArray:
    """Power that the sizes of what a customer switches on are shares of.

    A home's grows with about the square root of its energy, as peaks do (Velander's rule), because its largest
    appliances set it, not their use: 3.05 kW at 200 kWh a month, for homes without electric ovens and heating; homes in
    the SGSC trial, which have them, peak at 6.1 kW at 273 kWh. Businesses have a load factor of their class.
    """
    mean_kw = level_kwh / (24.0 * MEAN_DAYS)
    scatter = np.exp(0.30 * streams.normal(Stage.CUSTOMER_PEAK, start, start + len(level_kwh), 1)[:, 0])
    home_kw = HOME_APPLIANCES_KW_AT_200_KWH * (level_kwh / 200.0) ** HOME_APPLIANCES_EXPONENT
    factor = np.array([1.0, LOAD_FACTOR["commercial"], LOAD_FACTOR["industrial"]])[class_index]
    appliance_kw = np.where(class_index == 0, home_kw, mean_kw / factor) * scatter
    kept: FloatArray = mean_kw / np.clip(mean_kw / appliance_kw, *LOAD_FACTOR_LIMITS)
    return kept
