"""What wires are made of: conductors, lines, transformers and planning rules, read from CSV with a source each."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ghostload.config.model import NetworkConfig
from ghostload.errors import ConfigError
from ghostload.streams import FloatArray

_FOLDER = Path(__file__).parent / "catalogue"

LEVELS = ("mv", "main", "drop")
"""Levels of a line: medium voltage, low-voltage main, service drop."""


@dataclass(frozen=True)
class Conductor:
    """One wire, bare or insulated; lengths in mm, resistance at 50 degrees Celsius."""

    name: str
    diameter_mm: float
    gmr_mm: float
    r_ohm_per_km: float
    insulation_mm: float
    ampacity_a: float


@dataclass(frozen=True)
class Cable:
    """Three single-core screened cables in trefoil; reactance at the frequency of the practice."""

    name: str
    r_ohm_per_km: float
    x_ohm_per_km: float
    c_nf_per_km: float
    screen_ohm_per_km: float
    ampacity_a: float


@dataclass(frozen=True)
class LineType:
    """A line as it is bought.

    Attributes
    ----------
    name, level : str
        ``level`` is one of :data:`LEVELS`.
    phases : int
        1 or 3; 0 where any number of the phases of an overhead line may be strung.
    conductor : Conductor or Cable
    neutral : Conductor, optional
    geometry : str
        ``crossarm``, ``bundle``, ``quad``, ``pair`` or ``screened``.
    parallel : int
        Lines side by side.
    """

    name: str
    level: str
    phases: int
    conductor: Conductor | Cable
    neutral: Conductor | None
    geometry: str
    parallel: int

    @property
    def ampacity_a(self) -> float:
        """Current that a phase may carry."""
        return self.conductor.ampacity_a * self.parallel


@dataclass(frozen=True)
class TransformerType:
    """Transformers of given rating.

    Attributes
    ----------
    phases : int
        1: between one phase and neutral; 3: three-phase, or a bank of three.
    sn_kva, vk_percent, vkr_percent, pfe_kw, i0_percent : float
        Of the whole bank.
    """

    phases: int
    sn_kva: float
    vk_percent: float
    vkr_percent: float
    pfe_kw: float
    i0_percent: float


@dataclass(frozen=True, eq=False)
class Practice:
    """How a utility builds: voltages, line types in ascending size, and planning rules.

    Attributes
    ----------
    name : str
    mv_kv : float
        Primary voltage, line to line.
    lv_v : float
        Secondary voltage, phase to neutral.
    f_hz, head_voltage_pu : float
    vector_group : str
        Of three-phase transformers.
    lines : tuple of LineType
        In the order of levels and, within level and phases, of sizes.
    rules : mapping of str to float
        Other figures of ``catalogue/practices.csv``.
    trunk, lateral : str
        Smallest medium-voltage line where more than half of a feeder's load passes, and elsewhere.
    """

    name: str
    mv_kv: float
    lv_v: float
    f_hz: float
    head_voltage_pu: float
    vector_group: str
    lines: tuple[LineType, ...]
    rules: Mapping[str, float]
    trunk: str
    lateral: str

    @property
    def lv_kv(self) -> float:
        """Secondary voltage, line to line."""
        return float(self.lv_v * np.sqrt(3.0) / 1e3)

    @property
    def single_phase_kva(self) -> FloatArray:
        """Ratings of the single-phase transformers, ascending; none where all are three-phase."""
        table = _transformers(self.name, 1)
        return np.asarray(table[:, 0] if len(table) else np.empty(0))

    def ladder(self, level: str, phases: int) -> list[int]:
        """Return the positions in ``lines`` of what may serve ``phases`` phases at a level, ascending in size."""
        return [i for i, line in enumerate(self.lines) if line.level == level and line.phases in (0, phases)]

    def transformer(self, phases: int, sn_kva: float) -> TransformerType:
        """Return a transformer; losses are linear between the ratings of the catalogue, as regulations have it [1]_.

        Raises
        ------
        ConfigError
            The catalogue has none.

        References
        ----------
        .. [1] Regulation (EU) 548/2014, Annex I, Table I.1; 10 CFR 431.196(b).
        """
        bank = phases == 3 and sn_kva <= self.rules["bank_max_kva"]
        table = _transformers(self.name, 1 if bank else phases)
        unit = sn_kva / 3 if bank else sn_kva
        sizes = table[:, 0] if len(table) else np.empty(0)
        if len(table) == 0 or not sizes[0] <= unit <= sizes[-1]:
            kinds = {1: "single-phase", 3: "three-phase"}[phases]
            raise ConfigError(f"network.practice: {self.name} has no {kinds} transformer of {sn_kva:g} kVA")
        vk, i0, pfe_w, pk_w = (float(np.interp(unit, sizes, table[:, k])) for k in range(1, 5))
        units = 3 if bank else 1
        return TransformerType(phases, sn_kva, vk, pk_w / unit / 10, pfe_w * units / 1e3, i0)


@cache
def rows_of(table: str) -> tuple[dict[str, str], ...]:
    """Return the rows of one of the catalogue's CSV files."""
    text = (_FOLDER / f"{table}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def _transformers(practice: str, phases: int) -> FloatArray:
    columns = ("sn_kva", "vk_percent", "i0_percent", "pfe_w", "pk_w")
    rows = [r for r in rows_of("transformers") if r["practice"] == practice and int(r["phases"]) == phases]
    return np.array([[float(row[name]) for name in columns] for row in rows])


@cache
def _conductors() -> dict[str, Conductor]:
    return {
        row["name"]: Conductor(
            row["name"],
            float(row["diameter_mm"]),
            float(row["gmr_mm"]),
            float(row["r_50c_ohm_per_km"]),
            float(row["insulation_mm"]),
            float(row["ampacity_a"]),
        )
        for row in rows_of("conductors")
    }


def _cables(f_hz: float) -> dict[str, Cable]:
    return {
        row["name"]: Cable(
            row["name"],
            float(row["r_50c_ohm_per_km"]),
            float(row[f"x_{f_hz:.0f}hz_ohm_per_km"]),
            float(row["c_nf_per_km"]),
            float(row["screen_ohm_per_km"]),
            float(row["ampacity_a"]),
        )
        for row in rows_of("cables")
    }


def practice_of(config: NetworkConfig) -> Practice:
    """Return the practice that a config asks for.

    Raises
    ------
    ConfigError
        The practice has no such primary voltage.
    """
    return _practice(config.practice, config.medium_voltage_kv, config.head_voltage_pu)


@cache
def _practice(name: str, mv_kv: float | None, head_voltage_pu: float | None) -> Practice:
    given = {row["name"]: row["value"] for row in rows_of("practices") if row["practice"] == name}
    text = {key: given.pop(key) for key in ("mv_kv", "vector_group", "mv_trunk", "mv_lateral")}
    rules = {key: float(value) for key, value in given.items()}
    known = [float(value) for value in text["mv_kv"].split()]
    if mv_kv is not None and mv_kv not in known:
        choice = " or ".join(f"{value:g}" for value in known)
        raise ConfigError(f"network.medium_voltage_kv: is {mv_kv:g}, but {name} is built at {choice} kV")
    f_hz = rules.pop("f_hz")
    wires: dict[str, Conductor | Cable] = {**_conductors(), **_cables(f_hz)}
    lines = tuple(
        LineType(
            row["name"],
            row["level"],
            int(row["phases"]),
            wires[row["conductor"]],
            _conductors()[row["neutral"]] if row["neutral"] else None,
            row["geometry"],
            int(row["parallel"]),
        )
        for row in rows_of("lines")
        if row["practice"] == name
    )
    default_head = rules.pop("head_voltage_pu")
    return Practice(
        name=name,
        mv_kv=known[0] if mv_kv is None else mv_kv,
        lv_v=rules.pop("lv_v"),
        f_hz=f_hz,
        head_voltage_pu=default_head if head_voltage_pu is None else head_voltage_pu,
        vector_group=text["vector_group"],
        lines=lines,
        rules=rules,
        trunk=text["mv_trunk"],
        lateral=text["mv_lateral"],
    )
