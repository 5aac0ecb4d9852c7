"""Readings in time, as data: what stands in the Parquet partitions of a data set with an interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PartColumn:
    """One column of readings in time.

    Attributes
    ----------
    name, description : str
    kind : {"id", "flag", "time", "int32", "int64", "float32", "float64"}
        Type in the Parquet files; an id and a flag are text with a dictionary.
    unit : str
    nullable : bool
        Whether a cell may be empty.
    """

    name: str
    kind: str
    description: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True)
class PartitionedTable:
    """Readings in time: a folder with one Parquet file a feeder, ``FOLDER/feeder=FD_01/part-0.parquet``.

    Attributes
    ----------
    folder, description : str
    columns : tuple of PartColumn
    truth : bool
        Whether a utility cannot see it.
    needs_flow : bool
        Whether it is there only where the power flow is solved.
    """

    folder: str
    description: str
    columns: tuple[PartColumn, ...]
    truth: bool
    needs_flow: bool = False

    def file(self, feeder: str) -> str:
        """Return the path of one feeder's file inside the data set."""
        return f"{self.folder}/feeder={feeder}/part-0.parquet"


_TIME = PartColumn("time", "time", "Start of the interval, with the local offset from UTC")
_OF_METER = PartColumn("meter_id", "id", "Meter, MTR_000001 and up")
_OF_TRANSFORMER = PartColumn("transformer_id", "id", "Transformer, TX_0001 and up")
_OF_FEEDER = PartColumn("feeder_id", "id", "Medium-voltage feeder, FD_01 and up")
FLOW_COLUMNS = ("voltage_v", "true_voltage_v")
"""Columns that are there only where the power flow is solved."""

READINGS = PartitionedTable(
    "readings",
    "What the utility has of each meter and interval",
    (
        _OF_METER,
        _TIME,
        PartColumn("registered_wh", "int32", "Energy registered in the interval", "Wh", nullable=True),
        PartColumn("flag", "flag", "A actual, E estimated, M missing"),
        PartColumn("voltage_v", "float32", "Voltage that the meter reports, in tenths", "V", nullable=True),
    ),
    truth=False,
)
TRUTH = PartitionedTable(
    "truth",
    "What each customer drew in each interval, and at what voltage",
    (
        _OF_METER,
        _TIME,
        PartColumn("true_wh", "int32", "Energy drawn in the interval", "Wh"),
        PartColumn("true_voltage_v", "float32", "Voltage at the service point, in hundredths", "V", nullable=True),
    ),
    truth=True,
)
OF_TRANSFORMERS = PartitionedTable(
    "readings_transformers",
    "What the utility has of the transformers that have a meter",
    (
        _OF_TRANSFORMER,
        _TIME,
        PartColumn("registered_wh", "int32", "Energy that the transformer's meter registered", "Wh", nullable=True),
    ),
    truth=False,
    needs_flow=True,
)
TRUTH_OF_TRANSFORMERS = PartitionedTable(
    "truth_transformers",
    "Energy balance of each transformer and interval: delivered is true and technical loss",
    (
        _OF_TRANSFORMER,
        _TIME,
        PartColumn("delivered_wh", "float64", "What left its low-voltage terminals", "Wh", nullable=True),
        PartColumn("true_wh", "int64", "What its customers drew", "Wh"),
        PartColumn("technical_loss_wh", "float64", "Lost in the low-voltage wires behind it", "Wh", nullable=True),
        PartColumn("transformer_loss_wh", "float64", "Lost in the transformer itself", "Wh", nullable=True),
        PartColumn("registered_wh", "int64", "What their meters registered, missing readings included", "Wh"),
        PartColumn("apparent_kva", "float32", "Apparent power at its low-voltage terminals", "kVA", nullable=True),
    ),
    truth=True,
    needs_flow=True,
)
OF_FEEDERS = PartitionedTable(
    "readings_feeders",
    "What the meter at the head of the feeder registered in each interval",
    (
        _OF_FEEDER,
        _TIME,
        PartColumn("registered_wh", "int64", "Energy that the meter registered", "Wh"),
        PartColumn("registered_varh", "int64", "Reactive energy that it registered", "varh"),
    ),
    truth=False,
    needs_flow=True,
)
TRUTH_OF_FEEDERS = PartitionedTable(
    "truth_feeders",
    "Energy balance of the feeder and interval; what is missing from supplied is lost in medium-voltage lines",
    (
        _OF_FEEDER,
        _TIME,
        PartColumn("supplied_wh", "float64", "What the substation gave", "Wh", nullable=True),
        PartColumn("supplied_varh", "float64", "What it gave of reactive energy", "varh", nullable=True),
        PartColumn("true_wh", "int64", "What the customers drew", "Wh"),
        PartColumn("low_voltage_loss_wh", "float64", "Lost in mains and service drops", "Wh", nullable=True),
        PartColumn("transformer_loss_wh", "float64", "Lost in the transformers", "Wh", nullable=True),
        PartColumn("registered_wh", "int64", "What their meters registered, missing readings included", "Wh"),
    ),
    truth=True,
    needs_flow=True,
)
PARTITIONED: dict[str, PartitionedTable] = {
    t.folder: t for t in (READINGS, TRUTH, OF_TRANSFORMERS, TRUTH_OF_TRANSFORMERS, OF_FEEDERS, TRUTH_OF_FEEDERS)
}
"""Readings in time by the name of their folder; there when an interval is asked for."""
