"""Readings in time as CSV say what the Parquet files hold."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from interval_samples import MONTHS, interval_sample

from ghostload.dataset import Dataset, load_dataset
from ghostload.errors import DataError, OutputError, UsageError
from ghostload.export.formats import Wanted, export_csv
from ghostload.schema_in_time import PARTITIONED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return interval_sample(tmp_path_factory.mktemp("csv") / "set")


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    return load_dataset(folder)


def read(path: Path) -> pa.Table:
    text = {"meter_id": pa.string(), "transformer_id": pa.string(), "time": pa.string(), "flag": pa.string()}
    return pa_csv.read_csv(path, convert_options=pa_csv.ConvertOptions(column_types=text, strings_can_be_null=False))


def expected(dataset: Dataset, **choice: object) -> list[dict[str, object]]:
    return dataset.readings(**choice).to_table().to_pylist()  # type: ignore[arg-type]


def test_one_file_holds_every_reading_in_order(dataset: Dataset, tmp_path: Path) -> None:
    target = tmp_path / "r.csv"
    rows = export_csv(dataset, target)
    found, wanted = read(target), expected(dataset)
    assert rows == found.num_rows == len(wanted) == 60 * sum(MONTHS.values())
    assert found.column_names == ["meter_id", "time", "registered_wh", "flag", "voltage_v"]
    for name in ("meter_id", "registered_wh", "flag"):
        assert found[name].to_pylist() == [row[name] for row in wanted]
    assert found["voltage_v"].cast(pa.float32()).to_pylist() == [row["voltage_v"] for row in wanted]
    assert [datetime.fromisoformat(t) for t in found["time"].to_pylist()] == [row["time"] for row in wanted]
    assert found["time"][0].as_py() == "2025-01-01T00:00:00+08:00"


def test_a_missing_reading_is_an_empty_cell(dataset: Dataset, tmp_path: Path) -> None:
    export_csv(dataset, tmp_path / "r.csv", wanted=Wanted(("MTR_000001",), end="2025-01-01T08:00"))
    lines = (tmp_path / "r.csv").read_text().splitlines()
    assert lines[6:] == [f"MTR_000001,2025-01-01T0{hour}:00:00+08:00,,M," for hour in (5, 6, 7)]


def test_a_folder_holds_each_table_by_feeder_and_truth_only_when_wanted(dataset: Dataset, tmp_path: Path) -> None:
    rows = export_csv(dataset, tmp_path / "seen")
    rows_of_all = export_csv(dataset, tmp_path / "all", wanted=Wanted(truth=True))
    files = {p.relative_to(tmp_path / "all").as_posix() for p in (tmp_path / "all").rglob("*.csv")}
    assert files == {f"{name}/{feeder}.csv" for name in PARTITIONED for feeder in ("FD_01", "FD_02")}
    seen = {p.relative_to(tmp_path / "seen").as_posix() for p in (tmp_path / "seen").rglob("*.csv")}
    assert seen == {name for name in files if name.startswith("readings")}
    assert rows_of_all == 2 * rows
    for name in seen:
        assert (tmp_path / "seen" / name).read_bytes() == (tmp_path / "all" / name).read_bytes()
    true = read(tmp_path / "all" / "truth" / "FD_02.csv")
    wanted = expected(dataset, truth=True, feeder="FD_02")
    assert true["true_wh"].to_pylist() == [row["true_wh"] for row in wanted]
    balance = read(tmp_path / "all" / "truth_transformers" / "FD_01.csv")
    of_transformers = expected(dataset, truth=True, of_transformers=True, feeder="FD_01")
    assert balance["delivered_wh"].cast(pa.float64()).to_pylist() == [row["delivered_wh"] for row in of_transformers]


def test_meters_and_a_span_are_cut_out_of_the_whole(dataset: Dataset, tmp_path: Path) -> None:
    export_csv(dataset, tmp_path / "all.csv")
    chosen = Wanted(("MTR_000050", "MTR_000002"), "2025-01-31T22:00", "2025-02-01T02:00")
    assert export_csv(dataset, tmp_path / "some.csv", wanted=chosen) == 8
    keep = ("-01-31T22", "-01-31T23", "-02-01T00", "-02-01T01")
    lines = (tmp_path / "all.csv").read_text().splitlines()
    cut = [line for line in lines if line[:10] in chosen.meters and line[15:24] in {f"{k[:9]}" for k in keep}]
    assert (tmp_path / "some.csv").read_text().splitlines() == [lines[0], *cut]


def test_a_span_with_an_offset_is_the_same_moment(dataset: Dataset, tmp_path: Path) -> None:
    local = Wanted(("MTR_000001",), "2025-01-10T08:00", "2025-01-10T12:00")
    utc = Wanted(("MTR_000001",), "2025-01-10T00:00+00:00", "2025-01-10T04:00+00:00")
    assert export_csv(dataset, tmp_path / "a.csv", wanted=local) == 4
    export_csv(dataset, tmp_path / "b.csv", wanted=utc)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_feeder_without_a_wanted_reading_has_no_file(dataset: Dataset, tmp_path: Path) -> None:
    export_csv(dataset, tmp_path / "f", wanted=Wanted(("MTR_000001",)))
    assert len(list((tmp_path / "f").rglob("*.csv"))) == 1


def test_progress_ends_at_the_total(dataset: Dataset, tmp_path: Path) -> None:
    said: list[tuple[str, int, int]] = []
    export_csv(dataset, tmp_path / "r.csv", progress=lambda *step: said.append(step))
    total = 60 * sum(MONTHS.values())
    assert said[-1] == ("rows", total, total)
    assert [done for _, done, _ in said] == sorted(done for _, done, _ in said)


def test_nothing_is_overwritten_without_force(dataset: Dataset, tmp_path: Path) -> None:
    few = Wanted(("MTR_000001",))
    (tmp_path / "r.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"exists; choose another -o, or replace it with --force$"):
        export_csv(dataset, tmp_path / "r.csv", wanted=few)
    assert (tmp_path / "r.csv").read_text() == "mine"
    export_csv(dataset, tmp_path / "r.csv", wanted=few, force=True)
    assert (tmp_path / "r.csv").read_text().startswith("meter_id,")
    export_csv(dataset, tmp_path / "f", wanted=few)
    with pytest.raises(OutputError, match="is not empty"):
        export_csv(dataset, tmp_path / "f", wanted=few)
    export_csv(dataset, tmp_path / "f", wanted=Wanted(("MTR_000060",)), force=True)
    assert [p.read_text()[59:69] or None for p in (tmp_path / "f").rglob("*.csv")]
    assert "MTR_000001" not in "".join(p.read_text() for p in (tmp_path / "f").rglob("*.csv"))


def test_force_never_takes_away_what_an_export_does_not_write(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds letter\.txt, which this export does not write"):
        export_csv(dataset, tmp_path / "home", force=True)
    assert (tmp_path / "home" / "letter.txt").read_text() == "mine"


def test_a_failure_leaves_the_old_file_and_nothing_else(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.csv").write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pa_csv, "write_csv", full)
    for target in ("r.csv", "folder"):
        with pytest.raises(OutputError, match=r"cannot be written: the disk is full; free some space, or choose"):
            export_csv(dataset, tmp_path / target, force=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.csv"]
    assert (tmp_path / "r.csv").read_text() == "old"


@pytest.mark.parametrize(
    ("target", "wanted", "error", "words"),
    [
        ("r.csv", Wanted(truth=True), UsageError, "give a folder with --truth"),
        ("r.csv", Wanted(("MTR_999999",)), UsageError, "MTR_999999"),
        ("r.csv", Wanted(start="yesterday"), UsageError, "--from: 'yesterday' is no date"),
        ("r.csv", Wanted(start="2025-02-01", end="2025-01-01"), UsageError, "is not after the start"),
        ("no/such/r.csv", Wanted(), OutputError, "does not exist"),
        (".", Wanted(), OutputError, "has no name of its own"),
    ],
)
def test_what_cannot_be_is_named(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    target: str, wanted: Wanted, error: type[Exception], words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        export_csv(dataset, Path(target), wanted=wanted)
    assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_part_is_named(folder: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(folder, tmp_path / "set")
    part = tmp_path / "set" / "readings" / "feeder=FD_02" / "part-0.parquet"
    part.write_bytes(part.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"feeder=FD_02/part-0\.parquet: cannot be read"):
        export_csv(load_dataset(tmp_path / "set"), tmp_path / "r.csv")
    assert not (tmp_path / "r.csv").exists()


def test_a_data_set_of_months_says_how_to_get_readings(dataset: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(DataError, match=r"holds no readings/; make it with ghostload generate --interval"):
        export_csv(replace(dataset, files={}), tmp_path / "r.csv")
