"""The settings of a data set, as plain dataclasses.

Constructing one checks it (see :mod:`ghostload.config.check`) and touches neither disk nor clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ghostload.config.check import Bound, check_types, positive, share, unit_sum
from ghostload.errors import ConfigError

CUSTOMER_CLASSES = ("residential", "commercial", "industrial")
DIFFICULTIES = ("easy", "realistic", "hard")
METERS_PER_TRANSFORMER = 40

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Baseline:
    """Monthly energy of a customer class: what the customers' own means average to, and how they differ.

    Attributes
    ----------
    mean_kwh : float
        Mean over customers of their mean monthly energy.
    spread_kwh : float
        Standard deviation over customers of the same.
    """

    mean_kwh: float
    spread_kwh: float

    def __post_init__(self) -> None:
        """Refuse what is not a positive finite number."""
        check_types(self)
        positive("mean_kwh", self.mean_kwh)
        positive("spread_kwh", self.spread_kwh)


@dataclass(frozen=True)
class TerritoryConfig:
    """Where the meters stand, beyond the seed's own settings.

    Attributes
    ----------
    region : Path, optional
        GeoJSON file of polygons with a name property; without it Metro Manila.
    name_property, city_property, population_property : str, optional
        Properties of that file. Not given: the usual names are tried.
    transformers_per_feeder : int
        How many transformers a feeder serves, on average.
    service_radius_m : float
        Radius round a transformer within which nearly all its service points stand.
    """

    region: Path | None = None
    name_property: str | None = None
    city_property: str | None = None
    population_property: str | None = None
    transformers_per_feeder: int = 12
    service_radius_m: float = 250.0

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        check_types(self)
        positive("transformers_per_feeder", self.transformers_per_feeder)
        positive("service_radius_m", self.service_radius_m)


def _theft_mix() -> dict[str, float]:
    return {"low_consumption": 0.40, "gradual_decline": 0.30, "bypass": 0.20, "erratic": 0.10}


def _look_alikes() -> dict[str, float]:
    return {
        "vacancy": 0.012,
        "holiday_home": 0.020,
        "occupancy_change": 0.020,
        "rooftop_solar": 0.010,
        "efficiency": 0.020,
        "meter_exchange": 0.012,
        "catch_up_bill": 0.020,
        "stopped_meter": 0.003,
        "slow_meter": 0.005,
        "stuck_estimate": 0.005,
    }


@dataclass(frozen=True)
class AnomalyConfig:
    """Which thefts, faults and look-alikes there are.

    Attributes
    ----------
    mix : mapping of kind to share
        Shares of the theft kinds among the thieves; they add up to 1.
    look_alikes : mapping of kind to rate
        Share of all meters that has this fault or benign event.
    hot_spot_share : float
        Share of barangays where theft is likelier.
    hot_spot_factor : float
        By how much it is likelier there.
    """

    mix: Mapping[str, float] = field(default_factory=_theft_mix)
    look_alikes: Mapping[str, float] = field(default_factory=_look_alikes)
    hot_spot_share: float = 0.10
    hot_spot_factor: float = 3.0

    def __post_init__(self) -> None:
        """Refuse shares that do not add up and rates outside 0 to 1."""
        check_types(self)
        unit_sum("mix", self.mix)
        for kind, rate in self.look_alikes.items():
            share(f"look_alikes.{kind}", rate)
        share("hot_spot_share", self.hot_spot_share)
        positive("hot_spot_factor", self.hot_spot_factor)


@dataclass(frozen=True)
class MeteringConfig:
    """What the register can tell.

    Attributes
    ----------
    resolution_kwh : float
        Smallest step of the register.
    error_sd : float
        Standard deviation over meters of the relative error of an honest meter (IEC 62053-21 class 1 allows 1 %).
    """

    resolution_kwh: float = 0.1
    error_sd: float = 0.003

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        check_types(self)
        positive("resolution_kwh", self.resolution_kwh)
        share("error_sd", self.error_sd)


def _customer_classes() -> dict[str, float]:
    return {"residential": 0.70, "commercial": 0.20, "industrial": 0.10}


def _baselines() -> dict[str, Baseline]:
    return {
        "residential": Baseline(150.0, 120.0),
        "commercial": Baseline(800.0, 300.0),
        "industrial": Baseline(2500.0, 800.0),
    }


@dataclass(frozen=True)
class GeneratorConfig:
    """All that a data set follows from; equal configs give equal bytes.

    Attributes
    ----------
    random_seed : int
        Non-negative seed of every random number.
    num_transformers : int, optional
        Distribution transformers; not given, one for 40 meters.
    num_meters, num_months : int
        Meters, and calendar months from ``start_month`` on.
    anomaly_rate : float
        Share of meters with theft; ``round(anomaly_rate * num_meters)`` meters exactly.
    output_dir : Path
        Folder that the data set is written to. Not part of the data: it appears in no file.
    customer_classes : mapping of class to share
        Shares of residential, commercial and industrial customers; they add up to 1.
    geo_bounds : mapping with "lat" and "lon", optional
        (min, max) in degrees, WGS 84. Not given, the bounds of the region.
    consumption_baselines : mapping of class to :class:`Baseline`
        A ``(mean, spread)`` pair or a mapping with ``mean_kwh`` and ``spread_kwh`` is taken too.
    spatial_clustering_strength : float
        0 to 1; the higher, the tighter transformers stand together within a barangay.
    transformer_capacity_range : (float, float)
        Smallest and largest rating that may be installed, in kVA.
    barangays : sequence of str, optional
        Names of the districts to use.
    start_month : str
        First calendar month, "YYYY-MM".
    difficulty : {"easy", "realistic", "hard"}
        How well theft hides.
    territory, anomalies, metering
        Further settings of those stages.
    """

    random_seed: int = 42
    num_transformers: int | None = None
    num_meters: int = 2000
    num_months: int = 12
    anomaly_rate: float = 0.075
    output_dir: Path = Path("generated_data")
    customer_classes: Mapping[str, float] = field(default_factory=_customer_classes)
    geo_bounds: Mapping[str, tuple[float, float]] | None = None
    consumption_baselines: Mapping[str, Baseline] = field(default_factory=_baselines)
    spatial_clustering_strength: float = 0.8
    transformer_capacity_range: tuple[float, float] = (10.0, 1000.0)
    barangays: tuple[str, ...] | None = None
    start_month: str = "2025-01"
    difficulty: str = "realistic"
    territory: TerritoryConfig = field(default_factory=TerritoryConfig)
    anomalies: AnomalyConfig = field(default_factory=AnomalyConfig)
    metering: MeteringConfig = field(default_factory=MeteringConfig)

    def __post_init__(self) -> None:
        """Bring loose inputs into form, fill what follows from the rest, and refuse what cannot be."""
        self._coerce()
        check_types(self)
        self._check_counts()
        self._check_classes()
        self._check_place()
        if not _MONTH.fullmatch(self.start_month):
            raise ConfigError(f'start_month: is {self.start_month!r}, must be a calendar month such as "2025-01"')
        if self.difficulty not in DIFFICULTIES:
            raise ConfigError(f"difficulty: is {self.difficulty!r}, must be one of {', '.join(DIFFICULTIES)}")

    def _coerce(self) -> None:
        """Accept the seed's spellings: str paths, lists for tuples, (mean, spread) pairs."""
        if isinstance(self.output_dir, str):
            object.__setattr__(self, "output_dir", Path(self.output_dir))
        if isinstance(self.barangays, list):
            object.__setattr__(self, "barangays", tuple(self.barangays))
        if isinstance(self.transformer_capacity_range, list):
            object.__setattr__(self, "transformer_capacity_range", tuple(self.transformer_capacity_range))
        if isinstance(self.geo_bounds, Mapping):
            bounds = {k: tuple(v) if isinstance(v, list) else v for k, v in self.geo_bounds.items()}
            object.__setattr__(self, "geo_bounds", bounds)
        if isinstance(self.consumption_baselines, Mapping):
            baselines = {k: _as_baseline(k, v) for k, v in self.consumption_baselines.items()}
            object.__setattr__(self, "consumption_baselines", baselines)
        if self.num_transformers is None and isinstance(self.num_meters, int):
            object.__setattr__(self, "num_transformers", max(1, -(-self.num_meters // METERS_PER_TRANSFORMER)))

    def _check_counts(self) -> None:
        Bound("random_seed", minimum=0).check(self.random_seed)
        Bound("num_meters", minimum=1, maximum=100_000_000).check(self.num_meters)
        Bound("num_months", minimum=1, maximum=1200).check(self.num_months)
        Bound("num_transformers", minimum=1).check(self.transformers)
        if self.transformers > self.num_meters:
            raise ConfigError(
                f"num_transformers: is {self.transformers}, more than num_meters ({self.num_meters}); "
                "each transformer serves at least one meter"
            )
        share("anomaly_rate", self.anomaly_rate)
        share("spatial_clustering_strength", self.spatial_clustering_strength)

    def _check_classes(self) -> None:
        unit_sum("customer_classes", self.customer_classes, known=CUSTOMER_CLASSES)
        for name in self.consumption_baselines:
            if name not in CUSTOMER_CLASSES:
                raise ConfigError(f"consumption_baselines.{name}: unknown class; known: {', '.join(CUSTOMER_CLASSES)}")
        for name, part in self.customer_classes.items():
            if part > 0 and name not in self.consumption_baselines:
                raise ConfigError(f"consumption_baselines: has no {name!r}, though customer_classes gives it {part:g}")

    def _check_place(self) -> None:
        low, high = self.transformer_capacity_range
        if not 0 < low <= high:
            raise ConfigError(
                f"transformer_capacity_range: is ({low:g}, {high:g}), must be (smallest, largest) in kVA, above 0"
            )
        if self.barangays is not None and (not self.barangays or not all(name.strip() for name in self.barangays)):
            raise ConfigError("barangays: is empty or holds an empty name; give names, or leave it out")
        if self.geo_bounds is None:
            return
        if set(self.geo_bounds) != {"lat", "lon"}:
            raise ConfigError(f"geo_bounds: has {sorted(self.geo_bounds)}, must have exactly 'lat' and 'lon'")
        for axis, limit in (("lat", 90.0), ("lon", 180.0)):
            low, high = self.geo_bounds[axis]
            if not -limit <= low < high <= limit:
                raise ConfigError(
                    f"geo_bounds.{axis}: is ({low:g}, {high:g}), must be (min, max) within {limit:g} degrees of zero"
                )

    @property
    def transformers(self) -> int:
        """Number of transformers, as given or as it follows from the meters."""
        return self.num_transformers or 0

    @property
    def num_anomalies(self) -> int:
        """Number of meters with theft, exact."""
        return round(self.anomaly_rate * self.num_meters)

    @property
    def months(self) -> tuple[str, ...]:
        """Calendar months of the data set as "YYYYMM"."""
        year, month = int(self.start_month[:4]), int(self.start_month[5:])
        return tuple(
            f"{year + (month - 1 + i) // 12:04d}{(month - 1 + i) % 12 + 1:02d}" for i in range(self.num_months)
        )

    def replace(self, **changes: Any) -> GeneratorConfig:
        """Return a copy with some settings changed; a transformer count that followed the meters follows them again."""
        followed = max(1, -(-self.num_meters // METERS_PER_TRANSFORMER))
        if "num_meters" in changes and "num_transformers" not in changes and self.num_transformers == followed:
            changes["num_transformers"] = None
        return replace(self, **changes)


def _as_baseline(name: str, value: object) -> object:
    """Turn a (mean, spread) pair or a mapping into a Baseline; leave anything else to the type check."""
    path = f"consumption_baselines.{name}"
    if isinstance(value, Baseline):
        return value
    try:
        if isinstance(value, Mapping):
            known = {f.name for f in fields(Baseline)} | {"mean", "spread"}
            unknown = set(value) - known
            if unknown:
                raise ConfigError(f"{sorted(unknown)[0]}: unknown key; known: mean_kwh, spread_kwh")
            mean, spread = (value.get(f"{key}_kwh", value.get(key)) for key in ("mean", "spread"))
            return Baseline(mean, spread)  # type: ignore[arg-type]
        if isinstance(value, list | tuple) and len(value) == 2:
            return Baseline(*value)
    except ConfigError as error:
        raise ConfigError(f"{path}.{error}") from None
    raise ConfigError(f"{path}: is {value!r}, must be (mean, spread) in kWh a month")
