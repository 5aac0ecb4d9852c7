"""Readings of some meters or feeders and months, computed without the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from ghostload.consumption.intervals import first_days
from ghostload.dataset.dataset import Dataset
from ghostload.dataset.ids import ids
from ghostload.dataset.readings import Selection, arrow_schema
from ghostload.errors import DataError
from ghostload.schema_in_time import FLOW_COLUMNS, PartitionedTable
from ghostload.simulation.feeder import Feeder, FeederMonth
from ghostload.simulation.months import KeptMonths, Months, blocks_of
from ghostload.simulation.run import Arrays
from ghostload.simulation.tables import month_tables, starts_ms
from ghostload.simulation.world import World
from ghostload.streams import BLOCK, BoolArray, IntArray


def computed_table(
    world: World,
    dataset: Dataset,
    table: PartitionedTable,
    selection: Selection,
    columns: Sequence[str],
    *,
    simulate_block: Callable[[World, int, int], Arrays],
    simulate_month: Callable[[World, Feeder, int], FeederMonth],
) -> pa.Table:
    """Compute readings of one table, those that a selection may want and not many more.

    Without voltages and energies of transformers only the wanted meters are computed, else their feeders.

    Parameters
    ----------
    world : World
        With an interval.
    dataset : Dataset
        The months that were published.
    table : PartitionedTable
    selection : Selection
    columns : sequence of str
        Those that are wanted.
    simulate_block, simulate_month : callable
        The stages.

    Returns
    -------
    pyarrow.Table
        With the columns of the files and ``feeder``, feeder by feeder, month by month.

    Raises
    ------
    DataError
        The published months are not those that the settings give.
    """
    config = world.config
    schema = arrow_schema(table, config.territory.utc_offset_minutes, flow=world.flow)
    out = schema.append(pa.field("feeder", pa.string()))
    flow = world.flow and (table.needs_flow or any(name in FLOW_COLUMNS for name in columns))
    feeders = _feeders(world, selection)
    offsets = _offsets(world, selection)
    if not len(feeders) or not len(offsets):
        return out.empty_table()
    meters = np.sort(np.concatenate([world.meters_of(feeder) for feeder in feeders]))
    if not flow and selection.ids is not None and not table.needs_flow:
        wanted = np.array([int(name.split("_")[1]) - 1 for name in selection.ids])
        meters = _with_partners(world, np.intersect1d(meters, wanted))
    months = _months(world, meters, simulate_block)
    _refuse_other_months(world, dataset, months, meters)
    world.prepare()
    pieces = []
    for number in feeders.tolist():
        feeder = world.feeder(number, months, meters=meters, flow=flow)
        name = ids("FD_", np.array([number]))[0]
        for offset in offsets.tolist():
            month = simulate_month(world, feeder, offset)
            starts = starts_ms(int(world.numbers[offset]), world.minutes, config.territory.utc_offset_minutes)
            made = month_tables(feeder, month, starts, {table.folder: _without_flow(schema, flow=flow)})[table.folder]
            made = made.append_column("feeder", pa.repeat(name, made.num_rows))
            pieces.append(_filled(made, out))
    return pa.concat_tables(pieces).unify_dictionaries()


def _feeders(world: World, selection: Selection) -> IntArray:
    busy = np.array(world.busy_feeders, dtype=np.int64)
    if selection.feeders is None:
        return busy
    wanted = np.isin(ids("FD_", busy).to_pylist(), list(selection.feeders))
    return busy[wanted]


def _offsets(world: World, selection: Selection) -> IntArray:
    """Return the positions of the months that the selection touches."""
    shift = timedelta(minutes=world.config.territory.utc_offset_minutes)
    edges = np.append(world.numbers, world.numbers[-1] + 1)
    begins = [datetime(1970, 1, 1) + timedelta(days=day) - shift for day in first_days(edges).tolist()]
    start, end = (_utc(moment) for moment in (selection.start, selection.end))
    touched = [
        at
        for at in range(len(world.numbers))
        if (end is None or begins[at] < end) and (start is None or begins[at + 1] > start)
    ]
    return np.array(touched, dtype=np.int64)


def _utc(moment: datetime | None) -> datetime | None:
    """Return a moment with an offset as naive UTC."""
    if moment is None:
        return None
    offset = moment.utcoffset() or timedelta()
    return moment.replace(tzinfo=None) - offset


def _with_partners(world: World, meters: IntArray) -> IntArray:
    """Return meters with those that their events go with."""
    partner = world.events.partners[np.isin(world.events.meter, meters)]
    return np.union1d(meters, partner[partner >= 0])


def _months(world: World, meters: IntArray, simulate_block: Callable[[World, int, int], Arrays]) -> Months:
    """Compute the months of the blocks that hold some meters; of others nothing is known."""
    count = len(world.known)
    kept = KeptMonths(world.events, world.row_of_meter, len(world.numbers), world.scratch)
    for start, stop in blocks_of(meters, BLOCK, count):
        arrays = simulate_block(world, start, stop)
        kept.put(start, world.rows_of(start, arrays), arrays)
    return kept.months


def _refuse_other_months(world: World, dataset: Dataset, months: Months, meters: IntArray) -> None:
    """Refuse to compute readings that do not add up to the months of the data set."""
    published = dataset.registered_kwh
    differs: BoolArray = np.ones(len(meters), dtype=bool)
    if published.shape == (len(world.known), len(world.numbers)):
        differs = (published[meters] != months.take(meters)["registered_kwh"]).any(axis=1)
    if differs.any():
        name = ids("MTR_", meters[differs][:1])[0].as_py()
        raise DataError(
            f"{dataset.path or 'the data set'}: the months of {name} are not those that config.yaml gives with this "
            "version; the files were changed, or made by another version: make the data set again"
        )


def _without_flow(schema: pa.Schema, *, flow: bool) -> pa.Schema:
    return schema if flow else pa.schema(field for field in schema if field.name not in FLOW_COLUMNS)


def _filled(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with all columns of a schema; those that were not computed are null, and not asked for."""
    columns = [
        table[field.name] if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
