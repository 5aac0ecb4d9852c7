"""Readings in time are read by several threads, and no finding depends on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ghostload import GeneratorConfig, SyntheticDataPipeline
from ghostload.export import write_dataset
from ghostload.validation import reading_scan, validate, validate_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = GeneratorConfig(num_meters=120, num_months=1, interval="1h")
    return write_dataset(SyntheticDataPipeline(config).build(), tmp_path_factory.mktemp("set") / "town")


def test_each_table_is_read_once_whatever_the_number_of_threads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    one = reading_scan._scan
    monkeypatch.setattr(reading_scan, "_scan", lambda *given: (read.append(given[1].folder), one(*given))[1])
    alone = validate_folder(folder)
    first, read[:] = sorted(read), []
    together = validate_folder(folder, jobs=3)
    assert first == sorted(read)
    assert len(first) >= 6
    assert alone == together


def test_what_is_wrong_with_readings_is_found_by_several_threads_too(folder: Path, tmp_path: Path) -> None:
    wrong = Path(shutil.copytree(folder, tmp_path / "wrong"))
    (file,) = wrong.glob("readings/*/part-0.parquet")
    file.write_bytes(b"no parquet")
    alone, together = validate_folder(wrong), validate_folder(wrong, jobs=2)
    assert not together.ok
    assert alone == together


def test_a_data_set_in_memory_takes_threads_too() -> None:
    dataset = SyntheticDataPipeline(GeneratorConfig(num_meters=60, num_months=1, interval="1h")).build()
    assert validate(dataset, jobs=2) == validate(dataset)
