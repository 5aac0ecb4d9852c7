"""Every component of a grid, as data: column, kind, unit, default, description.

Readers, writers, validation and documentation read this; nothing else says what a column is. Names, units and signs are
pandapower's. A load is positive when it consumes, a generator when it produces, a shunt when it consumes at 1.0 pu.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, Literal

Kind = Literal["int", "float", "bool", "text"]


class _Required(Enum):
    REQUIRED = "required"


REQUIRED: Final = _Required.REQUIRED
"""Stands in place of a default where a column has to be given."""

NAN: Final = math.nan


@dataclass(frozen=True)
class Field:
    """One column of a component.

    Attributes
    ----------
    name, description : str
    kind : {"int", "float", "bool", "text"}
        Stored as int64, float64, bool, object of str.
    default : int, float, bool, str or REQUIRED
        Stands where the column, or a cell of it, is not given. NaN means "not known" or "no limit".
    unit : str
        Empty where there is none.
    refers : str
        Component whose ids stand here; empty where none.
    domain : tuple of str, optional
        The only texts there may be.
    """

    name: str
    kind: Kind
    description: str
    default: float | bool | str | _Required = REQUIRED
    unit: str = ""
    refers: str = ""
    domain: tuple[str, ...] | None = None

    @property
    def required(self) -> bool:
        """Whether the column has to be given."""
        return isinstance(self.default, _Required)

    @property
    def may_be_nan(self) -> bool:
        """Whether NaN is a value that means something: not known, or no limit."""
        return isinstance(self.default, float) and math.isnan(self.default)


@dataclass(frozen=True)
class Component:
    """One kind of element: its columns in order, the first of which is ``id``."""

    name: str
    description: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """Return the column of that name, or None."""
        return self.by_name.get(name)

    @property
    def by_name(self) -> Mapping[str, Field]:
        """The columns by name."""
        return _BY_NAME[self.name]

    @property
    def bus_fields(self) -> tuple[str, ...]:
        """Names of the columns that hold bus ids."""
        return tuple(field.name for field in self.fields if field.refers == "bus")


def _component(name: str, description: str, *fields: Field) -> Component:
    return Component(
        name,
        description,
        (
            Field("id", "int", "Number of the element, given once within its component"),
            Field("name", "text", "Name for people", ""),
            *fields,
            Field("in_service", "bool", "Whether the element is connected", True),
        ),
    )


def _bus(name: str, description: str) -> Field:
    return Field(name, "int", description, refers="bus")


def _real(
    name: str, description: str, unit: str = "", default: float | _Required = REQUIRED, kind: Kind = "float"
) -> Field:
    return Field(name, kind, description, default, unit)


def _tap(*sides: str) -> tuple[Field, ...]:
    return (
        Field("tap_side", "text", "Winding with the tap changer; empty where there is none", "", domain=(*sides, "")),
        _real("tap_neutral", "Position at which the ratio is the rated one", "", NAN),
        _real("tap_min", "Lowest position", "", NAN),
        _real("tap_max", "Highest position", "", NAN),
        _real("tap_step_percent", "Change of the voltage by a step", "%", NAN),
        _real("tap_step_degree", "Angle of the added voltage, or phase shift by a step", "deg", NAN),
        _real("tap_pos", "Position now", "", NAN),
        Field("tap_changer_type", "text", "How a step acts; empty where there is none", "", domain=TAP_CHANGERS),
    )


TAP_CHANGERS: Final = ("Ratio", "Symmetrical", "Ideal", "")
SWITCH_KINDS: Final = ("b", "l", "t", "t3")
SWITCHED: Final[Mapping[str, str]] = MappingProxyType({"b": "bus", "l": "line", "t": "trafo", "t3": "trafo3w"})
"""Component that ``element`` of a switch refers to, by its ``et``."""

BRANCH_ENDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "line": ("from_bus", "to_bus"),
        "impedance": ("from_bus", "to_bus"),
        "trafo": ("hv_bus", "lv_bus"),
        "trafo3w": ("hv_bus", "mv_bus", "lv_bus"),
    }
)
"""Columns with the buses at which a branch ends."""

_BUS = _component(
    "bus",
    "Point where elements meet",
    _real("vn_kv", "Rated voltage, line to line", "kV"),
    _real("min_vm_pu", "Lower limit of the voltage", "pu", NAN),
    _real("max_vm_pu", "Upper limit of the voltage", "pu", NAN),
    _real("x", "Place, eastward: longitude or any plane coordinate", "", NAN),
    _real("y", "Place, northward: latitude or any plane coordinate", "", NAN),
)
_LINE = _component(
    "line",
    "Overhead line or cable, as a pi circuit",
    _bus("from_bus", "Bus at the start"),
    _bus("to_bus", "Bus at the end"),
    _real("length_km", "Length", "km"),
    _real("r_ohm_per_km", "Series resistance", "ohm/km"),
    _real("x_ohm_per_km", "Series reactance", "ohm/km"),
    _real("c_nf_per_km", "Capacitance to earth", "nF/km", 0.0),
    _real("g_us_per_km", "Conductance to earth", "uS/km", 0.0),
    _real("max_i_ka", "Thermal limit of the current", "kA", NAN),
    _real("df", "Derating of the thermal limit", "", 1.0),
    _real("parallel", "Systems side by side", "", 1, "int"),
)
_TRAFO = _component(
    "trafo",
    "Transformer with two windings",
    _bus("hv_bus", "Bus of the high-voltage winding"),
    _bus("lv_bus", "Bus of the low-voltage winding"),
    _real("sn_mva", "Rated power", "MVA"),
    _real("vn_hv_kv", "Rated voltage of the high-voltage winding", "kV"),
    _real("vn_lv_kv", "Rated voltage of the low-voltage winding", "kV"),
    _real("vk_percent", "Short-circuit voltage", "%"),
    _real("vkr_percent", "Real part of the short-circuit voltage", "%"),
    _real("pfe_kw", "Iron losses", "kW", 0.0),
    _real("i0_percent", "No-load current", "%", 0.0),
    _real("shift_degree", "Phase shift, high- to low-voltage winding", "deg", 0.0),
    *_tap("hv", "lv"),
    _real("df", "Derating of the rated power", "", 1.0),
    _real("parallel", "Transformers side by side", "", 1, "int"),
    Field("vector_group", "text", 'Connection of the windings, such as "Dyn"; empty where not known', ""),
)
_TRAFO3W = _component(
    "trafo3w",
    "Transformer with three windings",
    _bus("hv_bus", "Bus of the high-voltage winding"),
    _bus("mv_bus", "Bus of the medium-voltage winding"),
    _bus("lv_bus", "Bus of the low-voltage winding"),
    *(_real(f"sn_{w}_mva", f"Rated power of the {w} winding", "MVA") for w in ("hv", "mv", "lv")),
    *(_real(f"vn_{w}_kv", f"Rated voltage of the {w} winding", "kV") for w in ("hv", "mv", "lv")),
    _real("vk_hv_percent", "Short-circuit voltage, high to medium", "%"),
    _real("vk_mv_percent", "Short-circuit voltage, medium to low", "%"),
    _real("vk_lv_percent", "Short-circuit voltage, high to low", "%"),
    _real("vkr_hv_percent", "Real part of the short-circuit voltage, high to medium", "%"),
    _real("vkr_mv_percent", "Real part of the short-circuit voltage, medium to low", "%"),
    _real("vkr_lv_percent", "Real part of the short-circuit voltage, high to low", "%"),
    _real("pfe_kw", "Iron losses", "kW", 0.0),
    _real("i0_percent", "No-load current", "%", 0.0),
    _real("shift_mv_degree", "Phase shift, high- to medium-voltage winding", "deg", 0.0),
    _real("shift_lv_degree", "Phase shift, high- to low-voltage winding", "deg", 0.0),
    *_tap("hv", "mv", "lv"),
    Field("tap_at_star_point", "bool", "Whether the tap changer sits at the star point, not at the terminal", False),
)
_LOAD = _component(
    "load",
    "Consumer",
    _bus("bus", "Bus"),
    _real("p_mw", "Active power drawn", "MW"),
    _real("q_mvar", "Reactive power drawn", "Mvar"),
    _real("const_z_p_percent", "Share of the active power with constant impedance", "%", 0.0),
    _real("const_i_p_percent", "Share of the active power with constant current", "%", 0.0),
    _real("const_z_q_percent", "Share of the reactive power with constant impedance", "%", 0.0),
    _real("const_i_q_percent", "Share of the reactive power with constant current", "%", 0.0),
    _real("scaling", "Factor on both powers", "", 1.0),
)
_SGEN = _component(
    "sgen",
    "Producer of given power",
    _bus("bus", "Bus"),
    _real("p_mw", "Active power fed in", "MW"),
    _real("q_mvar", "Reactive power fed in", "Mvar"),
    _real("scaling", "Factor on both powers", "", 1.0),
)
_GEN = _component(
    "gen",
    "Generator that holds a voltage",
    _bus("bus", "Bus"),
    _real("p_mw", "Active power fed in", "MW"),
    _real("vm_pu", "Voltage held", "pu"),
    _real("min_q_mvar", "Lower reactive limit; NaN is none", "Mvar", NAN),
    _real("max_q_mvar", "Upper reactive limit; NaN is none", "Mvar", NAN),
    _real("scaling", "Factor on the active power", "", 1.0),
    Field("slack", "bool", "Whether it also holds the angle", False),
    _real("slack_weight", "Share of the imbalance that it takes, in proportion", "", 0.0),
)
_EXT_GRID = _component(
    "ext_grid",
    "Connection to a grid that holds voltage and angle",
    _bus("bus", "Bus"),
    _real("vm_pu", "Voltage held", "pu", 1.0),
    _real("va_degree", "Angle held", "deg", 0.0),
    _real("slack_weight", "Share of the imbalance that it takes, in proportion", "", 1.0),
)
_SHUNT = _component(
    "shunt",
    "Admittance to earth",
    _bus("bus", "Bus"),
    _real("p_mw", "Active power drawn at vn_kv, by a step", "MW"),
    _real("q_mvar", "Reactive power drawn at vn_kv, by a step; a capacitor is negative", "Mvar"),
    _real("vn_kv", "Voltage at which the powers hold; NaN is the rated voltage of the bus", "kV", NAN),
    _real("step", "Steps switched on", "", 1, "int"),
)
_SWITCH = _component(
    "switch",
    "Switch between two buses, or between a bus and a branch",
    _bus("bus", "Bus at which it sits"),
    Field("element", "int", "What it connects to the bus: id of a bus, line or transformer, as et says"),
    Field("et", "text", "b another bus, l a line, t a transformer, t3 one with three windings", domain=SWITCH_KINDS),
    Field("closed", "bool", "Whether it conducts", True),
)
_IMPEDANCE = _component(
    "impedance",
    "Branch given in per unit of its own power, also unlike in the two directions",
    _bus("from_bus", "Bus at the start"),
    _bus("to_bus", "Bus at the end"),
    _real("rft_pu", "Resistance from start to end", "pu"),
    _real("xft_pu", "Reactance from start to end", "pu"),
    _real("rtf_pu", "Resistance from end to start", "pu"),
    _real("xtf_pu", "Reactance from end to start", "pu"),
    _real("gf_pu", "Conductance to earth at the start", "pu", 0.0),
    _real("bf_pu", "Susceptance to earth at the start", "pu", 0.0),
    _real("gt_pu", "Conductance to earth at the end", "pu", 0.0),
    _real("bt_pu", "Susceptance to earth at the end", "pu", 0.0),
    _real("sn_mva", "Power that per unit refers to", "MVA"),
)

COMPONENTS: Final[Mapping[str, Component]] = MappingProxyType(
    {
        c.name: c
        for c in (
            _BUS,
            _LINE,
            _TRAFO,
            _TRAFO3W,
            _LOAD,
            _SGEN,
            _GEN,
            _EXT_GRID,
            _SHUNT,
            _SWITCH,
            _IMPEDANCE,
        )
    }
)
"""All components, by name, in the order in which they are written."""

_BY_NAME: Final[Mapping[str, Mapping[str, Field]]] = MappingProxyType(
    {c.name: MappingProxyType({f.name: f for f in c.fields}) for c in COMPONENTS.values()}
)
