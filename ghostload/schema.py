"""Every table of a data set, as data: column, type, unit, description, domain.

Exports, validation, documentation and ``datapackage.json`` read this; nothing else says what a column is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MONTH_PREFIX = "monthly_consumption_"
"""Consumption columns: this prefix and a month YYYYMM. Readers take all columns that start with ``monthly_``."""

RISK_BANDS = ("High", "Medium", "Low")
FAMILIES = ("theft", "fault", "benign")
LOSS_KINDS = ("mv_line", "transformer_no_load", "transformer_load", "lv_main", "service_drop")
"""What a feeder's energy is lost in; columns end in ``_loss_kwh``."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name, description : str
    kind : {"string", "float", "integer", "month"}
        A month is text, "YYYY-MM".
    unit : str
        As in docs/nomenclature.md; empty where there is none.
    decimals : int
        Digits after the decimal point in text files, for floats.
    domain : tuple of str, optional
        The only values there may be.
    minimum, maximum : float, optional
        Inclusive bounds.
    nullable : bool
        Whether a cell may be empty.
    """

    name: str
    kind: str
    description: str
    unit: str = ""
    decimals: int = 6
    domain: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    nullable: bool = False


@dataclass(frozen=True)
class TableSchema:
    """One table: its file, its columns in order, its key and what it refers to.

    Attributes
    ----------
    foreign_keys : tuple of (column, table, column)
    also_key : tuple of str
        Further columns of the key, where ids stand more than once.
    has_months : bool
        Whether consumption columns stand at the place of :attr:`months_before`.
    months_before : str
        The column that follows the consumption columns.
    """

    name: str
    file: str
    description: str
    columns: tuple[Column, ...]
    primary_key: str
    foreign_keys: tuple[tuple[str, str, str], ...] = ()
    also_key: tuple[str, ...] = ()
    has_months: bool = False
    months_before: str = ""

    def columns_for(self, months: Sequence[str] = ()) -> tuple[Column, ...]:
        """Return the columns in file order, with one consumption column for each month "YYYYMM"."""
        if not self.has_months:
            return self.columns
        cut = [c.name for c in self.columns].index(self.months_before)
        return (*self.columns[:cut], *(month_column(month) for month in months), *self.columns[cut:])

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the columns that tell the rows apart."""
        return (self.primary_key, *self.also_key)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the fixed columns."""
        return tuple(column.name for column in self.columns)


def month_column(month: str) -> Column:
    """Return the consumption column of one calendar month "YYYYMM"."""
    text = f"Registered energy of {month[:4]}-{month[4:]}"
    return Column(f"{MONTH_PREFIX}{month}", "float", text, unit="kWh", decimals=1, minimum=0.0)


_LAT = Column("lat", "float", "Latitude, WGS 84", unit="deg", minimum=-90.0, maximum=90.0)
_LON = Column("lon", "float", "Longitude, WGS 84", unit="deg", minimum=-180.0, maximum=180.0)
_METER = Column("meter_id", "string", "Meter, MTR_000001 and up")

TRANSFORMERS = TableSchema(
    "transformers",
    "transformers.csv",
    "Distribution transformers",
    (
        Column("transformer_id", "string", "Transformer, TX_0001 and up"),
        Column("feeder_id", "string", "Medium-voltage feeder that it hangs on, FD_01 and up"),
        Column("barangay", "string", "District in which it stands"),
        _LAT,
        _LON,
        Column("capacity_kVA", "float", "Rated power", unit="kVA", decimals=1, minimum=0.0),
    ),
    primary_key="transformer_id",
)

METERS = TableSchema(
    "meters",
    "meter_consumption.csv",
    "Meters with what they registered, month by month",
    (
        _METER,
        Column("transformer_id", "string", "Transformer that serves it"),
        Column("customer_class", "string", "Tariff class", domain=("residential", "commercial", "industrial")),
        Column("barangay", "string", "District in which it stands"),
        _LAT,
        _LON,
        Column("kVA", "float", "The customer's own peak apparent demand", unit="kVA", decimals=2, minimum=0.0),
    ),
    primary_key="meter_id",
    foreign_keys=(("transformer_id", "transformers", "transformer_id"),),
    has_months=True,
    months_before="kVA",
)

ANOMALY_LABELS = TableSchema(
    "anomaly_labels",
    "anomaly_labels.csv",
    "Meters with theft: ground truth, one row a meter",
    (
        _METER,
        Column("anomaly_flag", "integer", "Always 1: only meters with theft are listed", minimum=1, maximum=1),
        Column("risk_band", "string", "From the share and the amount of energy lost", domain=RISK_BANDS),
        Column("anomaly_type", "string", "Kind of theft"),
    ),
    primary_key="meter_id",
    foreign_keys=(("meter_id", "meters", "meter_id"),),
)

ANOMALY_EVENTS = TableSchema(
    "anomaly_events",
    "anomaly_events.csv",
    "Every theft, fault and benign look-alike: ground truth, one row an event",
    (
        Column("event_id", "string", "Event, EV_000001 and up"),
        _METER,
        Column("family", "string", "What sort of event", domain=FAMILIES),
        Column("kind", "string", "Registered name of the kind"),
        Column("start", "month", "First calendar month, may lie before the data; never after it"),
        Column("end", "month", "Last calendar month; empty when it goes on past the data", nullable=True),
        Column("lost_kwh", "float", "Drawn but not registered in the months of the data", unit="kWh", decimals=1),
        Column("severity", "float", "Lost share of what was drawn while it lasted", unit="1", decimals=4),
        Column("parameters", "string", "The kind's own parameters, as JSON"),
    ),
    primary_key="event_id",
    foreign_keys=(("meter_id", "meters", "meter_id"),),
)


def _energy(name: str, description: str) -> Column:
    return Column(name, "float", description, unit="kWh", decimals=3)


TRANSFORMER_ENERGY = TableSchema(
    "transformer_energy",
    "transformer_energy.csv",
    "Energy balance of each transformer, month by month: ground truth, from the power flow",
    (
        Column("transformer_id", "string", "Transformer, TX_0001 and up"),
        Column("month", "month", "Calendar month"),
        _energy("delivered_kwh", "What left its low-voltage terminals: true_kwh and technical_loss_kwh"),
        _energy("true_kwh", "What its customers drew"),
        _energy("registered_kwh", "What their meters registered"),
        _energy("technical_loss_kwh", "Lost in the low-voltage wires behind it"),
        _energy("non_technical_loss_kwh", "Drawn but not shown because of events; meter errors are not in it"),
        Column("peak_kva", "float", "Largest apparent power of a step", unit="kVA", decimals=3, minimum=0.0),
        Column("loading_pu", "float", "The same over the rated power", unit="1", decimals=5, minimum=0.0),
        _energy("transformer_loss_kwh", "Lost in the transformer itself, before what it delivers"),
    ),
    primary_key="transformer_id",
    also_key=("month",),
    foreign_keys=(("transformer_id", "transformers", "transformer_id"),),
)

TRANSFORMER_READINGS = TableSchema(
    "transformer_readings",
    "transformer_readings.csv",
    "What the transformers' own meters registered, month by month; transformers without a meter are not listed",
    (
        Column("transformer_id", "string", "Transformer, TX_0001 and up"),
        Column("month", "month", "Calendar month"),
        _energy("registered_kwh", "Energy that the meter registered"),
    ),
    primary_key="transformer_id",
    also_key=("month",),
    foreign_keys=(("transformer_id", "transformers", "transformer_id"),),
)

_FEEDER = Column("feeder_id", "string", "Medium-voltage feeder, FD_01 and up")


def _voltage(name: str, description: str) -> Column:
    return Column(name, "float", description, unit="pu", decimals=4, minimum=0.0, nullable=True)


FEEDER_ENERGY = TableSchema(
    "feeder_energy",
    "feeder_energy.csv",
    "Energy balance of each feeder, month by month: ground truth, from the power flow",
    (
        _FEEDER,
        Column("month", "month", "Calendar month"),
        _energy("supplied_kwh", "What the substation gave: true_kwh and the five losses"),
        _energy("true_kwh", "What the customers drew"),
        _energy("registered_kwh", "What their meters registered"),
        _energy("mv_line_loss_kwh", "Lost in medium-voltage lines"),
        _energy("transformer_no_load_loss_kwh", "Lost in the iron of the transformers"),
        _energy("transformer_load_loss_kwh", "Lost in the windings of the transformers"),
        _energy("lv_main_loss_kwh", "Lost in low-voltage mains"),
        _energy("service_drop_loss_kwh", "Lost in service drops"),
        _energy("non_technical_loss_kwh", "Drawn but not shown because of events; meter errors are not in it"),
        Column("peak_kw", "float", "Largest real power of a step at the head", unit="kW", decimals=3, minimum=0.0),
        Column("peak_kva", "float", "Largest apparent power of a step there", unit="kVA", decimals=3, minimum=0.0),
        _voltage("lowest_voltage_pu", "Lowest of a phase at a service point; empty if never solved"),
        _voltage("highest_voltage_pu", "Highest of a phase at a service point"),
        Column(
            "unsolved_hours",
            "float",
            "Hours for which the power flow has no solution; nothing is lost in them",
            unit="h",
            decimals=2,
            minimum=0.0,
        ),
    ),
    primary_key="feeder_id",
    also_key=("month",),
)

FEEDER_READINGS = TableSchema(
    "feeder_readings",
    "feeder_readings.csv",
    "What the meters at the heads of the feeders registered, month by month",
    (
        _FEEDER,
        Column("month", "month", "Calendar month"),
        _energy("registered_kwh", "Energy that the meter registered"),
        Column("registered_kvarh", "float", "Reactive energy that it registered", unit="kvarh", decimals=3),
        Column("peak_kw", "float", "Largest demand of a step that it registered", unit="kW", decimals=3),
    ),
    primary_key="feeder_id",
    also_key=("month",),
)

NETWORK_LOSSES = TableSchema(
    "network_losses",
    "network_losses.csv",
    "What was lost in each line and transformer over all months: ground truth, from the power flow",
    (
        Column("element_id", "string", "Transformer, or line as network.geojson names it"),
        Column("kind", "string", "What it is", domain=("mv", "transformer", "main", "drop")),
        _FEEDER,
        Column("transformer_id", "string", "Transformer that it is or hangs on; empty for mv", nullable=True),
        Column("meter_id", "string", "Meter that a drop serves", nullable=True),
        Column("fed_by", "string", "Element before it; empty at the substation", nullable=True),
        Column("length_m", "float", "Length of a line", unit="m", decimals=1, minimum=0.0, nullable=True),
        _energy("loss_kwh", "Lost in the line, or in the windings of the transformer"),
        Column(
            "no_load_loss_kwh", "float", "Lost in its iron, of a transformer", unit="kWh", decimals=3, nullable=True
        ),
        _voltage("lowest_voltage_pu", "Lowest of a phase at its far end; empty if never solved"),
        _voltage("mean_voltage_pu", "Mean over time and phases at its far end"),
        Column(
            "loading_pu", "float", "Largest loading of a transformer", unit="1", decimals=5, minimum=0.0, nullable=True
        ),
    ),
    primary_key="element_id",
    foreign_keys=(("transformer_id", "transformers", "transformer_id"), ("meter_id", "meters", "meter_id")),
)

TABLES: dict[str, TableSchema] = {
    t.name: t
    for t in (
        TRANSFORMERS,
        METERS,
        ANOMALY_LABELS,
        ANOMALY_EVENTS,
        TRANSFORMER_ENERGY,
        TRANSFORMER_READINGS,
        FEEDER_ENERGY,
        FEEDER_READINGS,
        NETWORK_LOSSES,
    )
}
"""Tables by name. The core ones, and others, which a folder of foreign make may lack."""

CORE_TABLES = ("transformers", "meters", "anomaly_labels")
CORE_FILES = (
    "transformers.csv",
    "meter_consumption.csv",
    "anomaly_labels.csv",
    "transformers.geojson",
    "generation_report.txt",
)
GROUND_TRUTH_FILES = (
    "anomaly_labels.csv",
    "anomaly_events.csv",
    "transformer_energy.csv",
    "feeder_energy.csv",
    "network_losses.csv",
)


def transformer_id(number: int) -> str:
    """Return the id of the transformer counted from 0: ``TX_0001`` and up."""
    return f"TX_{number + 1:04d}"


def feeder_id(number: int) -> str:
    """Return the id of the feeder counted from 0: ``FD_01`` and up."""
    return f"FD_{number + 1:02d}"


def meter_id(number: int) -> str:
    """Return the id of the meter counted from 0: ``MTR_000001`` and up."""
    return f"MTR_{number + 1:06d}"
