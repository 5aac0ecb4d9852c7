"""A data set as one DuckDB file: typed tables with keys and comments, and views."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from ghostload.dataset.dataset import Dataset
from ghostload.errors import DataError, UsageError
from ghostload.export.formats.duckdb_views import views
from ghostload.export.formats.intervals import FeederFile, Intervals, Progress, Wanted, Watch
from ghostload.export.formats.place import new_file
from ghostload.export.identity import config_sha256, input_files
from ghostload.schema import GROUND_TRUTH_FILES, TABLES, Column, TableSchema
from ghostload.schema_in_time import PartColumn, PartitionedTable

_TYPES = {"float": "DOUBLE", "integer": "BIGINT"}
_TYPES_IN_TIME = {
    "id": "VARCHAR",
    "flag": "VARCHAR",
    "time": "TIMESTAMPTZ",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
}
MEMORY_LIMIT = "1GB"
LOCAL = "local_time"


def export_duckdb(
    dataset: Dataset,
    target: Path,
    *,
    wanted: Wanted | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write a data set into one DuckDB file.

    Parameters
    ----------
    dataset : Dataset
        Read from a folder; without readings in time the file holds the other tables.
    target : Path
    wanted : Wanted, optional
        Which readings in time; ground truth is left out, tables and views alike, unless it is wanted.
    force : bool
        Whether a file that is there may be replaced.
    progress : callable (stage, done, total), optional
        In rows of readings.

    Returns
    -------
    dict of str to int
        Rows of each table, in the order in which they were made.

    Raises
    ------
    UsageError
        The package duckdb is not installed, a meter is not there, or a time is no time.
    DataError
        The data set breaks its own rules, so that a key or a domain does not hold.
    OutputError
        It cannot or may not be written; what was there is untouched.
    """
    engine, chosen = _engine(), wanted or Wanted()
    intervals = Intervals(dataset, chosen)
    in_time = bool(dataset.files) or bool(chosen.start or chosen.end)
    files = [(table, intervals.files(table)) for table in (intervals.tables if in_time else ())]
    with new_file(target, force=force) as place:
        connection = engine.connect(str(place), config={"memory_limit": MEMORY_LIMIT})
        try:
            rows = _small_tables(connection, dataset, truth=chosen.truth)
            watch = Watch(progress, sum(file.rows for _, of_table in files for file in of_table))
            for table, of_table in files:
                rows[table.folder] = _readings(connection, table, of_table, watch)
            for name, sql, comment in views(frozenset(rows), dataset.months):
                connection.execute(f"CREATE VIEW {name} AS {sql}")
                connection.execute(f"COMMENT ON VIEW {name} IS {_text(comment)}")
            connection.execute("CHECKPOINT")
        except engine.ConstraintException as error:
            raise DataError(f"{dataset.path}: {_line(error)}; ghostload validate {dataset.path} lists it") from None
        except (engine.IOException, engine.OutOfMemoryException) as error:
            raise OSError(None, _line(error)) from error
        finally:
            connection.close()
    return rows


def _engine() -> ModuleType:
    try:
        import duckdb
    except ImportError:
        raise UsageError(
            'export duckdb: the package duckdb is not installed; pip install "ghostload[duckdb]"'
        ) from None
    module: ModuleType = duckdb
    return module


def _small_tables(connection: Any, dataset: Dataset, *, truth: bool) -> dict[str, int]:
    """Make the tables that are CSV files in the data set; return their rows."""
    rows = {}
    for name, schema in TABLES.items():
        table = dataset.tables.get(name)
        if table is None or (schema.file in GROUND_TRUTH_FILES and not truth):
            continue
        columns = schema.columns_for(dataset.months)
        keys = [f"PRIMARY KEY ({', '.join(map(_name, schema.key))})", *_foreign_keys(schema)]
        body = ", ".join([*(_definition(column) for column in columns), *keys])
        connection.execute(f"CREATE TABLE {name} ({body})")
        described = {c.name: f"{c.description}{f', {c.unit}' if c.unit else ''}" for c in columns}
        _comment(connection, name, schema.description, described)
        connection.register("incoming", table)
        connection.execute(f"INSERT INTO {name} SELECT {', '.join(_name(c.name) for c in columns)} FROM incoming")
        connection.unregister("incoming")
        rows[name] = table.num_rows
    _about(connection, dataset)
    return rows


def _about(connection: Any, dataset: Dataset) -> None:
    """Say which data set this is."""
    manifest = dataset.manifest or {}
    known = {"ghostload_version": manifest.get("ghostload_version")}
    if dataset.config is not None:
        known["config_sha256"] = config_sha256(dataset.config, input_files(dataset.config, manifest.get("inputs")))
        known["interval"] = dataset.config.interval
    connection.execute("CREATE TABLE about (what VARCHAR PRIMARY KEY, is_value VARCHAR NOT NULL)")
    connection.execute("COMMENT ON TABLE about IS 'Which data set this is; equal hashes of the config mean equal data'")
    for what, value in known.items():
        if value is not None:
            connection.execute("INSERT INTO about VALUES (?, ?)", [what, str(value)])


def _foreign_keys(schema: TableSchema) -> list[str]:
    return [
        f"FOREIGN KEY ({_name(column)}) REFERENCES {table} ({_name(other)})"
        for column, table, other in schema.foreign_keys
    ]


def _definition(column: Column) -> str:
    name = _name(column.name)
    parts = [name, _TYPES.get(column.kind, "VARCHAR")]
    parts += [] if column.nullable else ["NOT NULL"]
    parts += [f"CHECK ({name} IN ({', '.join(map(_text, column.domain))}))"] if column.domain else []
    parts += [f"CHECK ({name} >= {column.minimum})"] if column.minimum is not None else []
    parts += [f"CHECK ({name} <= {column.maximum})"] if column.maximum is not None else []
    return " ".join(parts)


def _readings(connection: Any, table: PartitionedTable, files: tuple[FeederFile, ...], watch: Watch) -> int:
    """Make one table of readings in time from its Parquet files, read by DuckDB itself; return its rows."""
    there = set(files[0].schema.names) if files else set()
    columns = [column for column in table.columns if column.name in there]
    offset_ms = files[0].offset_minutes * 60_000 if files else 0
    local = f"{LOCAL} TIMESTAMP GENERATED ALWAYS AS (make_timestamp((epoch_ms(time) + {offset_ms}) * 1000)) VIRTUAL"
    body = ", ".join([*(_definition_in_time(column) for column in columns), local])
    connection.execute(f"CREATE TABLE {table.folder} ({body})")
    described = {c.name: f"{c.description}{f', {c.unit}' if c.unit else ''}" for c in columns}
    described[LOCAL] = "The same moment on the clocks of the place"
    _comment(connection, table.folder, f"{table.description}; one row for each {columns[0].name} and time", described)
    names, rows = ", ".join(_name(column.name) for column in columns), 0
    for file in files:
        where, values = _where(file)
        query = f"INSERT INTO {table.folder} ({names}) SELECT {names} FROM read_parquet(?, hive_partitioning = false)"
        rows += connection.execute(f"{query} {where}", [str(file.path), *values]).fetchone()[0]
        watch.at_end_of(file)
    return rows


def _definition_in_time(column: PartColumn) -> str:
    flags = " CHECK (flag IN ('A', 'E', 'M'))" if column.kind == "flag" else ""
    null = "" if column.nullable else " NOT NULL"
    return f"{_name(column.name)} {_TYPES_IN_TIME[column.kind]}{null}{flags}"


def _where(file: FeederFile) -> tuple[str, list[Any]]:
    chosen, parts = file.selection, []
    values: list[Any] = []
    if chosen.ids is not None:
        parts.append(f"{_name(file.table.columns[0].name)} IN (SELECT unnest(?::VARCHAR[]))")
        values.append(list(chosen.ids))
    for moment, sign in ((chosen.start, ">="), (chosen.end, "<")):
        if moment is not None:
            parts.append(f"epoch_ms(time) {sign} ?")
            values.append(round(moment.timestamp() * 1000))
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), values


def _comment(connection: Any, table: str, text: str, columns: dict[str, str]) -> None:
    connection.execute(f"COMMENT ON TABLE {table} IS {_text(text)}")
    for name, description in columns.items():
        connection.execute(f"COMMENT ON COLUMN {table}.{_name(name)} IS {_text(description)}")


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
