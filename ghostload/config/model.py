"""The settings of a data set, as plain dataclasses.

Constructing one checks it (see :mod:`ghostload.config.check`) and touches neither disk nor clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any

from ghostload.config.check import Positive, Rule, Share, check_types, normalise
from ghostload.errors import ConfigError

CUSTOMER_CLASSES = ("residential", "commercial", "industrial")
DIFFICULTIES = ("easy", "realistic", "hard")
PRACTICES = ("metro_manila", "european")
INTERVALS = ("1h", "30min", "15min", "5min")
PHYSICS = ("power_flow", "none")
METERS_PER_TRANSFORMER = 40

_MONTH = Rule(
    pattern="(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])", example='a calendar month from 1900-01 to 2199-12, such as "2025-01"'
)


class _Checked:
    """A group of settings that looks at its values when it is made."""

    def __post_init__(self) -> None:
        """Bring loose inputs into form and refuse impossible values."""
        normalise(self)
        check_types(self)


@dataclass(frozen=True)
class Baseline(_Checked):
    """Monthly energy of a customer class: what the customers' own means average to, and how they differ.

    Attributes
    ----------
    mean_kwh : float
        Mean over customers of their mean monthly energy.
    spread_kwh : float
        Standard deviation over customers of the same.
    """

    mean_kwh: Annotated[float, Rule(above=0, unit="kWh/month")]
    spread_kwh: Annotated[float, Rule(above=0, unit="kWh/month")]


@dataclass(frozen=True)
class TerritoryConfig(_Checked):
    """Where the meters stand, beyond the seed's own settings.

    Attributes
    ----------
    region : Path, optional
        GeoJSON file of polygons with a name property; without it Metro Manila.
    name_property : str, optional
        Property of that file that holds a district's name. Not given: the usual names are tried.
    city_property : str, optional
        Property that holds its city, likewise.
    population_property : str, optional
        Property that holds its population, likewise; without one, districts weigh by their area.
    transformers_per_feeder : int
        How many transformers a feeder serves, on average.
    service_radius_m : float
        Radius round a transformer within which nearly all its service points stand.
    utc_offset_minutes : int
        Local time less UTC, the same all year; 480 in the Philippines. Interval readings are stamped with it.
    """

    region: Path | None = None
    name_property: str | None = None
    city_property: str | None = None
    population_property: str | None = None
    transformers_per_feeder: Annotated[int, Rule(minimum=1)] = 12
    service_radius_m: Annotated[float, Rule(above=0, unit="m")] = 250.0
    utc_offset_minutes: Annotated[int, Rule(-720, 840, unit="min")] = 480


def _theft_mix() -> dict[str, float]:
    return {"low_consumption": 0.40, "gradual_decline": 0.30, "bypass": 0.20, "erratic": 0.10}


def _look_alikes() -> dict[str, float]:
    return {
        "vacancy": 0.007,
        "holiday_home": 0.007,
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
class AnomalyConfig(_Checked):
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

    mix: Annotated[Mapping[str, Share], Rule(shares=True)] = field(default_factory=_theft_mix)
    look_alikes: Mapping[str, Share] = field(default_factory=_look_alikes)
    hot_spot_share: Share = 0.10
    hot_spot_factor: Positive = 3.0


@dataclass(frozen=True)
class MeteringConfig(_Checked):
    """What the register can tell.

    Attributes
    ----------
    register_decimals : int
        Digits after the decimal point of the register, 0 to 3.
    error_sd : float
        Standard deviation over meters of the relative error of an honest meter (IEC 62053-21 class 1 allows 1 %).
    clock_ppm : float
        Standard deviation over meters of the rate at which clocks drift between settings (IEC 62054-21 allows 0.5 s a
        day, which is 6 ppm). Interval readings only, as all that follow.
    gap_share : float
        Expected share of hours that do not come in from the meters. Assumption.
    gap_spread : float
        Standard deviation over meters of the logarithm of that share: some are worse. Assumption.
    gap_mean_hours : float
        Mean length of a gap; lengths are heavy-tailed. Assumption.
    fill_gaps : bool
        Whether gaps are filled with estimates (flag E), which the register's next reading makes exact in total; else
        they stay missing (flag M).
    linear_hours : int
        Longest gap that is filled along a line; longer ones follow like days. Usual validation rules have 2 hours.
    stuck_share : float
        Expected share of hours in which a register stands still, to be made up by the hour that ends it. Assumption.
    voltage_error_sd : float
        Standard deviation over meters of the relative error of the voltage channel; a third of class 0.5.
    transformer_meter_share : float
        Share of transformers with a meter of their own. An assumption: all, so that a study can take some away.
    transformer_error_sd : float
        Standard deviation over those meters of their relative error; a third of class 0.5.
    feeder_error_sd : float
        Standard deviation over the meters at the heads of feeders of their relative error; a third of class 0.2.
    """

    register_decimals: Annotated[int, Rule(minimum=0, maximum=3)] = 1
    error_sd: Share = 0.003
    clock_ppm: Annotated[float, Rule(minimum=0, unit="ppm")] = 6.0
    gap_share: Annotated[float, Rule(0, 0.5, unit="share")] = 0.005
    gap_spread: Annotated[float, Rule(minimum=0, maximum=3)] = 1.0
    gap_mean_hours: Annotated[float, Rule(minimum=1, unit="h")] = 6.0
    fill_gaps: bool = True
    linear_hours: Annotated[int, Rule(minimum=0, unit="h")] = 2
    stuck_share: Annotated[float, Rule(0, 0.5, unit="share")] = 0.0002
    voltage_error_sd: Share = 0.0017
    transformer_meter_share: Share = 1.0
    transformer_error_sd: Share = 0.0017
    feeder_error_sd: Share = 0.0007


@dataclass(frozen=True)
class ExportConfig(_Checked):
    """What is written beside the files that every data set has.

    Attributes
    ----------
    parquet : bool
        Whether each table is written as Parquet too.
    others : sequence of str
        Registered names of further exporters, third parties' included.
    """

    parquet: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class NetworkConfig(_Checked):
    """How the wires are built.

    Attributes
    ----------
    practice : {"metro_manila", "european"}
        Whose catalogue and planning rules: single-phase transformers on a grounded wye, or four-wire mains.
    medium_voltage_kv : float, optional
        Primary voltage, line to line; one that the practice has: 34.5 or 13.8 in Metro Manila, 11 in Europe.
    head_voltage_pu : float, optional
        Voltage that the substations hold at the head of their feeders; not given, the practice's.
    """

    practice: Annotated[str, Rule(choices=PRACTICES)] = "metro_manila"
    medium_voltage_kv: Annotated[float, Rule(above=0, unit="kV")] | None = None
    head_voltage_pu: Annotated[float, Rule(0.9, 1.1, unit="pu")] | None = None


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
    num_meters : int
        Meters in the data set.
    num_months : int
        Calendar months, from ``start_month`` on.
    anomaly_rate : float
        Share of meters with theft; ``round(anomaly_rate * num_meters)`` meters exactly.
    output_dir : Path
        Folder that the data set is written to. Not part of the data: it appears in no file.
    customer_classes : mapping of class to share
        Shares of residential, commercial and industrial customers; they add up to 1.
    geo_bounds : mapping with "lat" and "lon", optional
        (min, max) in degrees, WGS 84. Not given, the bounds of the region.
    consumption_baselines : mapping of class to :class:`Baseline`
        Monthly energy of the customers of each class: mean and spread. A ``(mean, spread)`` pair is taken too.
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
    interval : {"1h", "30min", "15min", "5min"}, optional
        Resolution of the readings; not given, there are months only.
    physics : {"power_flow", "none"}
        Whether the power flow of the wires is solved: for every interval, or else on representative days.
    territory, anomalies, metering, network, export
        Further settings of those stages.
    """

    random_seed: Annotated[int, Rule(minimum=0)] = 42
    num_transformers: Annotated[int, Rule(minimum=1)] | None = None
    num_meters: Annotated[int, Rule(1, 100_000_000)] = 2000
    num_months: Annotated[int, Rule(1, 1200, unit="month")] = 12
    anomaly_rate: Share = 0.075
    output_dir: Path = Path("generated_data")
    customer_classes: Annotated[Mapping[str, Share], Rule(keys=CUSTOMER_CLASSES, shares=True)] = field(
        default_factory=_customer_classes
    )
    geo_bounds: (
        Annotated[Mapping[str, Annotated[tuple[float, float], Rule(unit="deg")]], Rule(keys=("lat", "lon"))] | None
    ) = None
    consumption_baselines: Annotated[Mapping[str, Baseline], Rule(keys=CUSTOMER_CLASSES)] = field(
        default_factory=_baselines
    )
    spatial_clustering_strength: Share = 0.8
    transformer_capacity_range: Annotated[tuple[Positive, Positive], Rule(unit="kVA")] = (10.0, 1000.0)
    barangays: tuple[str, ...] | None = None
    start_month: Annotated[str, _MONTH] = "2025-01"
    difficulty: Annotated[str, Rule(choices=DIFFICULTIES)] = "realistic"
    interval: Annotated[str, Rule(choices=INTERVALS)] | None = None
    physics: Annotated[str, Rule(choices=PHYSICS)] = "power_flow"
    territory: TerritoryConfig = field(default_factory=TerritoryConfig)
    anomalies: AnomalyConfig = field(default_factory=AnomalyConfig)
    metering: MeteringConfig = field(default_factory=MeteringConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    export: ExportConfig = field(default_factory=ExportConfig)

    def __post_init__(self) -> None:
        """Bring loose inputs into form, fill what follows from the rest, and refuse what cannot be."""
        self._coerce()
        check_types(self)
        if self.transformers > self.num_meters:
            raise ConfigError(
                f"num_transformers: is {self.transformers}, more than num_meters ({self.num_meters}); "
                "each transformer serves at least one meter"
            )
        self._check_classes()
        self._check_place()

    def _coerce(self) -> None:
        """Accept the seed's spellings: str paths, lists for tuples, (mean, spread) pairs; follow the meter count."""
        if isinstance(self.consumption_baselines, Mapping):
            baselines = {k: as_baseline(f"consumption_baselines.{k}", v) for k, v in self.consumption_baselines.items()}
            object.__setattr__(self, "consumption_baselines", baselines)
        normalise(self)
        if self.num_transformers is None and isinstance(self.num_meters, int):
            object.__setattr__(self, "num_transformers", max(1, -(-self.num_meters // METERS_PER_TRANSFORMER)))

    def _check_classes(self) -> None:
        for name, part in self.customer_classes.items():
            if part > 0 and name not in self.consumption_baselines:
                raise ConfigError(f"consumption_baselines: has no {name!r}, though customer_classes gives it {part:g}")

    def _check_place(self) -> None:
        low, high = self.transformer_capacity_range
        if low > high:
            raise ConfigError(f"transformer_capacity_range: is ({low:g}, {high:g}), must be (smallest, largest) in kVA")
        names = self.barangays
        if names is not None and (not names or not all(name.strip() for name in names)):
            raise ConfigError("barangays: is empty or holds an empty name; give names, or leave it out")
        if names is not None and len(set(names)) < len(names):
            raise ConfigError("barangays: names one of them twice; give each name once")
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


def as_baseline(path: str, value: object) -> object:
    """Turn a (mean, spread) pair or a mapping into a Baseline, naming ``path`` where it cannot be one."""
    if isinstance(value, Baseline):
        return value
    if isinstance(value, list | tuple) and len(value) == 2:
        value = dict(zip(("mean_kwh", "spread_kwh"), value, strict=True))
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: is {value!r}, must be (mean, spread) in kWh a month")
    short = {"mean": "mean_kwh", "spread": "spread_kwh"}
    given = {short.get(str(key), str(key)): item for key, item in value.items()}
    names = tuple(f.name for f in fields(Baseline))
    for key in given:
        if key not in names:
            raise ConfigError(f"{path}.{key}: unknown key; known: {', '.join(names)}")
    for name in names:
        if name not in given:
            raise ConfigError(f"{path}: has no {name}; give mean_kwh and spread_kwh")
    try:
        return Baseline(**given)
    except ConfigError as error:
        raise ConfigError(f"{path}.{error}") from None
