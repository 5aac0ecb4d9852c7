from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ghostload_cli.main import main

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "export"))

from interval_samples import interval_sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return interval_sample(tmp_path_factory.mktemp("export") / "town", meters=24)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["export", *map(str, arguments)])
    return int(stop.value.code or 0)


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    err = capsys.readouterr().err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err


def test_csv_is_written_and_the_rows_are_told_on_stderr(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(p.name for p in folder.iterdir())
    assert run("csv", folder, "-o", "r.csv", "--meter", "MTR_000001", "--from", "2025-01-02", "--to", "2025-01-03") == 0
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 25
    out, err = capsys.readouterr()
    assert (out, err) == ("", "r.csv: 24 rows\n")
    assert sorted(p.name for p in folder.iterdir()) == before


def test_quiet_says_nothing_and_verbose_says_every_step(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("csv", folder, "-o", "r.csv", "-q") == 0
    assert capsys.readouterr().err == ""
    assert run("csv", folder, "-o", "s.csv", "-v") == 0
    assert "rows: 33,984 of 33,984" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("duckdb") is None and not os.environ.get("CI"), reason="the extra duckdb is missing")
def test_duckdb_is_written(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("duckdb", folder, "-o", "town.duckdb") == 0
    assert "readings 33,984" in capsys.readouterr().err
    assert (tmp_path / "town.duckdb").stat().st_size > 100_000


def test_green_button_is_written(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("green-button", folder, "-o", "homes", "--meter", "MTR_000001", "--meter", "MTR_000002") == 0
    assert sorted(p.name for p in (tmp_path / "homes").iterdir()) == ["MTR_000001.xml", "MTR_000002.xml"]
    assert capsys.readouterr().err == "homes: 2 meters\n"


def test_a_second_export_needs_force(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("csv", folder, "-o", "r.csv", "-q") == 0
    assert run("csv", folder, "-o", "r.csv", "-q") == 1
    assert "--force" in complaint(capsys)
    assert run("csv", folder, "-o", "r.csv", "-q", "--force") == 0


def test_what_a_new_user_gets_wrong_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code, words in (
        (["csv", "nowhere", "-o", "r.csv"], 2, "nowhere: no such folder"),
        (["csv", folder], 2, "-o"),
        (["csv", folder, "-o", "r.csv", "--truth"], 2, "give a folder with --truth"),
        (["csv", folder, "-o", "r.csv", "--meter", "MTR_9"], 2, "MTR_9"),
        (["csv", folder, "-o", "r.csv", "--from", "soon"], 2, "'soon' is no date"),
        (["green-button", folder, "-o", "x.xml"], 2, "--meter: is missing"),
        (["csv", folder, "-o", "r.csv", "-q", "-v"], 2, "contradict"),
        (["parquet", folder], 2, "parquet"),
    ):
        assert run(*arguments) == code, arguments
        assert words in complaint(capsys)


def test_a_data_set_of_months_says_how_to_get_readings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["generate", "-q", "--num-meters", "40", "--num-months", "2", "--output-dir", "months",
              "--set", "physics=none"])  # fmt: skip
    assert run("csv", "months", "-o", "r.csv") == 1
    assert "ghostload generate --interval" in complaint(capsys)


@pytest.mark.parametrize("name", ["csv", "duckdb", "green-button"])
def test_help_has_purpose_options_and_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name, "--help") == 0
    out = capsys.readouterr().out
    assert f"\n    ghostload export {name} generated_data -o" in out
    assert "--meter ID" in out


def test_help_imports_neither_numpy_nor_duckdb() -> None:
    code = (
        "import sys\nfrom ghostload_cli.main import main\n"
        "try: main(['export', 'duckdb', '--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'pandas', 'pyarrow', 'duckdb') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.splitlines()[-1] == "[]"
