"""docs/files.md says what the schema says and what is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from export_samples import Verdict, sample

from ghostload.config import ExportConfig
from ghostload.export import EXPORTERS, file_sizes, write_dataset
from ghostload.pipeline import METERS_PER_BLOCK
from ghostload.schema import TABLES, TableSchema
from ghostload.schema_in_time import PARTITIONED, PartitionedTable

TYPES = {"string": "text", "float": "number, {} decimals", "integer": "whole number", "month": "month YYYY-MM"}


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "files.md").read_text(encoding="utf-8")


def _section(page: str, title: str) -> str:
    return page.partition(f"\n### {title}\n")[2].partition("\n#")[0]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_column_stands_there_in_order_with_type_unit_and_meaning(page: str, table: TableSchema) -> None:
    section = _section(page, table.file)
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    columns = table.columns_for(("YYYYMM",))
    assert [row[0] for row in rows] == [f"`{column.name}`" for column in columns]
    for row, column in zip(rows, columns, strict=True):
        assert row[1] == TYPES[column.kind].format(column.decimals)
        assert row[2].strip() == column.unit
        if not column.name.endswith("YYYYMM"):
            assert row[3].startswith(column.description)
        assert all(value in row[3] for value in column.domain or ())
        assert ("may be empty" in row[3]) == column.nullable
    key = " and ".join(f"`{name}`" for name in table.key)
    assert f"Key: {key}." in section
    for column, other, key in table.foreign_keys:
        assert f"`{column}` refers to `{key}` of `{TABLES[other].file}`." in section


@pytest.mark.parametrize("table", PARTITIONED.values(), ids=lambda table: table.folder)
def test_every_column_of_readings_stands_there_with_type_unit_and_meaning(page: str, table: PartitionedTable) -> None:
    section = _section(page, f"{table.folder}/")
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == [f"`{column.name}`" for column in table.columns]
    for row, column in zip(rows, table.columns, strict=True):
        assert row[1] == {"id": "text", "flag": "text", "time": "time, ms"}.get(column.kind, column.kind)
        assert row[2].strip() == column.unit
        assert row[3] == column.description + (" (may be empty)" if column.nullable else "")
    assert section.strip().startswith(table.description)
    assert ("**Ground truth.**" in section) == table.truth
    assert f"| `{table.folder}/` |" in page
    assert f"{table.folder}/" in page.partition("## CSV")[0]


def test_every_file_is_named(page: str) -> None:
    config = sample().config
    assert config is not None
    dataset = sample(config=config.replace(export=ExportConfig(parquet=True)))
    assert [name for name in file_sizes(dataset) if f"`{name}`" not in page] == []


def test_every_key_of_the_manifest_is_named(page: str, tmp_path: Path) -> None:
    import json

    folder = write_dataset(sample(), tmp_path / "set", validation=Verdict())  # type: ignore[arg-type]
    keys = json.loads((folder / "manifest.json").read_bytes())
    table = page.partition("| key | what |")[2]
    assert [key for key in keys if f"| `{key}` |" not in table] == []


def test_the_number_of_meters_of_a_block_is_right(page: str) -> None:
    assert f"more than {METERS_PER_BLOCK:,} meters" in page


@pytest.fixture
def example(page: str) -> Iterator[None]:
    """Register the exporter that the page shows."""
    code = re.search(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert code is not None
    exec(compile(code[1], "docs/files.md", "exec"), {})
    yield
    EXPORTERS.remove("meter_count")


@pytest.mark.usefixtures("example")
def test_the_example_of_an_own_format_works(tmp_path: Path) -> None:
    config = sample().config
    assert config is not None
    dataset = sample(config=config.replace(export=ExportConfig(others=("meter_count",))))
    folder = write_dataset(dataset, tmp_path / "set", validation=Verdict())  # type: ignore[arg-type]
    assert (folder / "meter_count.txt").read_text() == "12\n"
