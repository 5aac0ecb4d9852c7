"""``ghostload readings``: the same numbers, read or computed, in every format."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from in_time_support import mixed_config

from ghostload import SyntheticDataPipeline
from ghostload.export import write_dataset
from ghostload_cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    for name, interval in (("hours", "1h"), ("months", None)):
        write_dataset(SyntheticDataPipeline(mixed_config(interval=interval)).build(), folder / name)
    return folder


@pytest.fixture
def run(sets: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(sets)

    def call(*args: str) -> tuple[int, str, str]:
        try:
            main(["readings", *args])
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capfdbinary.readouterr()
        return code, said.out.decode(), said.err.decode()

    return call


@pytest.mark.parametrize(
    "options",
    [
        ["--meter", "MTR_000007", "--meter", "MTR_000150"],
        ["--transformer", "TX_0003", "--truth"],
        ["--feeder", "FD_02", "--of-transformers"],
        ["--transformer", "TX_0003", "--truth", "--of-transformers"],
        ["--feeder", "FD_02", "--of", "feeders"],
        ["--meter", "MTR_000007", "--of", "feeders", "--truth"],
    ],
    ids=" ".join,
)
def test_read_or_computed_the_text_is_the_same(run: Run, options: list[str]) -> None:
    span = ["--from", "2025-01-31T20:00", "--to", "2025-02-01T04:00"]
    read, computed = run("hours", *options, *span), run("months", "--interval", "1h", *options, *span)
    assert read == computed
    assert read[0] == 0
    assert len(read[1].splitlines()) > 8


def test_csv_has_local_times_and_the_wanted_columns(run: Run) -> None:
    _, out, _ = run("hours", "--meter", "MTR_000001", "--columns", "time,registered_kwh", "--to", "2025-01-02")
    frame = pd.read_csv(io.StringIO(out))
    assert list(frame.columns) == ["time", "registered_kwh"]
    assert frame.time.iloc[0] == "2025-01-01T00:00:00+08:00"
    assert len(frame) == 24


def test_json_lines_and_parquet_hold_what_csv_holds(run: Run, tmp_path: Path) -> None:
    wanted = ["hours", "--meter", "MTR_000001", "--to", "2025-01-02"]
    frame = pd.read_csv(io.StringIO(run(*wanted)[1]))
    lines = pd.DataFrame([json.loads(line) for line in run(*wanted, "--format", "json")[1].splitlines()])
    pd.testing.assert_frame_equal(lines, frame)
    assert run(*wanted, "-o", str(tmp_path / "r.parquet")) == (0, "", "")
    stored = pd.read_parquet(tmp_path / "r.parquet")
    assert stored.registered_wh.tolist() == frame.registered_wh.tolist()
    code, _, err = run(*wanted, "-o", str(tmp_path / "r.parquet"))
    assert (code, "exists" in err) == (1, True)
    assert run(*wanted, "--force", "-o", str(tmp_path / "r.parquet"))[0] == 0


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["months", "--meter", "MTR_000001"], 2, "the data set has months only; name one of 1h"),
        (["hours", "--meter", "MTR_1"], 2, "meter: there is no MTR_1; there are 240"),
        (["hours", "--from", "yesterday"], 2, "start: 'yesterday' is no date; write 2025-03-01"),
        (["hours", "--columns", "volts"], 2, "readings has no volts"),
        (["hours", "--format", "parquet"], 2, "--format parquet writes a file"),
        (["nowhere"], 2, "nowhere: no such folder"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, args: list[str], code: int, words: str) -> None:
    found, out, err = run(*args)
    assert (found, out) == (code, "")
    assert words in err
    assert err.count("\n") == 1
