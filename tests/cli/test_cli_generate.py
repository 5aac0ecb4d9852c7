"""`ghostload generate`, as a user meets it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghostload import engines, pipeline
from ghostload.config import GeneratorConfig
from ghostload.config.loading import config_from_dict
from ghostload.config.yamltext import parse_yaml
from ghostload.dataset import load_dataset
from ghostload.schema import CORE_FILES
from ghostload.validation import validate_folder
from ghostload_cli.generate import NAMED
from ghostload_cli.log import Log
from ghostload_cli.main import main

SMALL = ["generate", "--num-meters", "120"]


class Ran:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*args: str) -> Ran:
        with pytest.raises(SystemExit) as stop:
            main(list(args))
        captured = capsys.readouterr()
        code = stop.value.code
        return Ran(code if isinstance(code, int) else 1, captured.out, captured.err)

    return call


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_data_set_is_written_that_the_validator_finds_right(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = run(*SMALL, "--output-dir", "set")
    assert (done.code, done.out) == (0, "")
    assert done.err == ("120 meters on 3 transformers, 12 months, 9 with theft: set\nnext: ghostload validate set\n")
    assert set(CORE_FILES) <= set(_files(tmp_path / "set"))
    assert validate_folder(tmp_path / "set").ok
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_the_default_folder_is_generated_data(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run(*SMALL).code == 0
    assert (tmp_path / "generated_data" / "manifest.json").exists()


def test_every_named_option_reaches_its_setting(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    given = {
        "--difficulty": "hard",
        "--interval": "1h",
        "--num-transformers": "4",
        "--num-meters": "150",
        "--num-months": "13",
        "--start-month": "2023-12",
        "--anomaly-rate": "0.1",
        "--seed": "7",
        "--output-dir": "set",
    }
    assert set(given) == set(NAMED) - {"--region"}
    assert run("generate", *(part for pair in given.items() for part in pair)).code == 0
    config = load_dataset(tmp_path / "set").config
    assert config is not None
    expected = GeneratorConfig(
        difficulty="hard",
        interval="1h",
        num_transformers=4,
        num_meters=150,
        num_months=13,
        start_month="2023-12",
        anomaly_rate=0.1,
        random_seed=7,
    )
    assert config == expected


def test_a_region_file_is_used(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    ring = [[121.0, 14.5], [121.02, 14.5], [121.02, 14.52], [121.0, 14.52], [121.0, 14.5]]
    feature = {
        "type": "Feature",
        "properties": {"name": "Here"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    (tmp_path / "r.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert run(*SMALL, "--region", "r.geojson", "--output-dir", "set").code == 0
    dataset = load_dataset(tmp_path / "set")
    assert set(dataset.tables["meters"]["barangay"].to_pylist()) == {"Here"}
    assert dataset.manifest is not None
    assert dataset.manifest["inputs"]["territory.region"]["file"] == "r.geojson"
    assert str(tmp_path) not in (tmp_path / "set" / "config.yaml").read_text()


def test_preset_file_set_and_option_win_in_this_order(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "run.yaml").write_text("num_months: 2\nrandom_seed: 2\nanomaly_rate: 0.02\n")
    done = run(
        "generate", "--preset", "small", "-c", "run.yaml", "--set", "random_seed=3", "--set", "anomaly_rate=0.03",
        "--anomaly-rate", "0.04", "--output-dir", "set",
    )  # fmt: skip
    assert done.code == 0
    config = load_dataset(tmp_path / "set").config
    assert config is not None
    assert (config.num_meters, config.num_months, config.random_seed, config.anomaly_rate) == (200, 2, 3, 0.04)


def test_the_same_command_twice_gives_the_same_bytes(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run(*SMALL, "--output-dir", "set").code == 0
    first = _files(tmp_path / "set")
    assert run(*SMALL, "--output-dir", "set").code == 0
    assert _files(tmp_path / "set") == first


def test_the_config_of_a_data_set_makes_it_again(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run(*SMALL, "--seed", "5", "--output-dir", "one").code == 0
    assert run("generate", "-c", "one/config.yaml", "--output-dir", "two").code == 0
    assert _files(tmp_path / "one") == _files(tmp_path / "two")


@pytest.mark.parametrize("name", ["default", "metro_manila", "sudden_drops", "hard_two_years", "own_city"])
def test_every_file_under_configs_makes_a_valid_data_set(run, root: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    done = run("generate", "-c", str(root / "configs" / f"{name}.yaml"), "--num-meters", "400", "--output-dir", "set")
    assert done.code == 0, done.err


def test_another_config_needs_force(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run(*SMALL, "--output-dir", "set").code == 0
    before = _files(tmp_path / "set")
    refused = run(*SMALL, "--seed", "1", "--output-dir", "set")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == (
        "ghostload: set: holds a data set of another config (random_seed is 42 there, 1 here); "
        "choose another --output-dir, or replace it with --force\n"
    )
    assert _files(tmp_path / "set") == before
    assert run(*SMALL, "--seed", "1", "--output-dir", "set", "--force").code == 0
    assert _files(tmp_path / "set") != before


WRONG = [
    (["--num-meters", "-5"], 2, "--num-meters: is -5, must be from 1 to 100000000"),
    (["--num-meters", "0"], 2, "--num-meters: is 0, must be from 1"),
    (["--num-meters", "abc"], 2, "'--num-meters': 'abc' is not a valid integer. (see ghostload generate --help)"),
    (["--num-meters", "1e3"], 2, "'--num-meters': '1e3' is not a valid integer"),
    (["--num-meters", "50", "--num-transformers", "100"], 2, "--num-transformers: is 100, more than num_meters (50)"),
    (["--seed", "1.5"], 2, "'--seed': '1.5' is not a valid integer"),
    (["--seed", "-1"], 2, "--seed: is -1, must be at least 0"),
    (
        ["--anomaly-rate", "7.5"],
        2,
        "--anomaly-rate: is 7.5, must be from 0 to 1; a share, not per cent: 7.5 % is 0.075",
    ),
    (["--anomaly-rate", "nan"], 2, "--anomaly-rate: is nan, must be a number"),
    (["--output-dir", "/dev/null/x"], 1, "/dev/null/x: cannot be made: /dev/null is a file, not a folder"),
    (["--output-dir", "."], 1, ".: is the working folder or holds it"),
    (["--output-dir", ""], 2, "--output-dir: is '', must be a path"),
    (["--output-dir", "run.yaml"], 1, "run.yaml: is a file, must be a folder"),
    (["--output-dir", "full", "--force"], 1, "full: holds something that is no ghostload data set (notes.txt ...)"),
    (["--region", "nofile"], 2, "territory.region: nofile cannot be read (No such file or directory); name a file"),
    (["--region", "full"], 2, "territory.region: full cannot be read (Is a directory)"),
    (["--region", "run.yaml"], 2, "run.yaml"),
    (["--preset", "metro_manilla"], 2, "unknown preset metro_manilla, did you mean metro_manila?"),
    (["--set", "foo"], 2, "--set foo: must be key.path=value"),
    (["--set", "anomaly_rate"], 2, "--set anomaly_rate: must be key.path=value"),
    (["--set", "anomaly_rat=0.1"], 2, "--set: unknown option anomaly_rat, did you mean anomaly_rate?"),
    (
        ["--set", "anomalies.mix={bypas: 1}"],
        2,
        "anomalies.mix.bypas: unknown anomaly kind 'bypas', did you mean bypass?",
    ),
    (
        ["--set", "anomalies.mix={vacancy: 1}"],
        2,
        "anomalies.mix.vacancy: belongs under anomalies.look_alikes, not here",
    ),
    (["--set", "anomalies.look_alikes={bypass: 0.1}"], 2, "anomalies.look_alikes.bypass: belongs under anomalies.mix"),
    (["--set", "export.others=[parkuet]"], 2, "export.others: unknown exporter 'parkuet', did you mean parquet?"),
    (["-c", "missing.yaml"], 2, "missing.yaml: no such file"),
    (["-c", "full"], 2, "full: is a folder, must be a YAML file"),
    (["-c", "binary.yaml"], 2, "binary.yaml: is no YAML text: byte 1 is not UTF-8"),
    (["-c", "run.yaml"], 2, "run.yaml: unknown option anomaly_rat, did you mean anomaly_rate?"),
    (["--start-month", "2025-13"], 2, "--start-month: is '2025-13', must be a calendar month"),
    (["--jobs", "0"], 2, "'--jobs': 0 is not in the range x>=1"),
    (["--difficulty", "hrad"], 2, "'--difficulty': 'hrad' is not one of 'easy', 'realistic', 'hard'"),
    (["--num-metres", "5"], 2, "--num-metres"),
    (["-q", "-v"], 2, "-q and -v contradict each other"),
    (["extra"], 2, "unexpected extra argument (extra)"),
]


@pytest.mark.parametrize(
    ("args", "code", "message"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_wrong_input_is_one_line_and_writes_nothing(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, args: list[str], code: int, message: str
) -> None:
    (tmp_path / "run.yaml").write_text("anomaly_rat: 0.1\n")
    (tmp_path / "binary.yaml").write_bytes(b"\x89PNG\x00\xff")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = run("generate", *args)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("ghostload: ")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_verbose_shows_the_traceback_of_an_error_and_every_step(run) -> None:  # type: ignore[no-untyped-def]
    assert "Traceback" in run("generate", "--anomaly-rate", "7.5", "-v").err
    assert "meters: 120 of 120" in run(*SMALL, "-v").err


def test_quiet_says_nothing(run) -> None:  # type: ignore[no-untyped-def]
    done = run(*SMALL, "-q")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_the_json_log_is_one_object_a_line(run) -> None:  # type: ignore[no-untyped-def]
    done = run(*SMALL, "--log-format", "json", "--output-dir", "set")
    events = [json.loads(line) for line in done.err.splitlines()]
    assert {"event": "progress", "stage": "meters", "done": 120, "total": 120} in events
    told = [(event["stage"], event["done"]) for event in events if event["event"] == "progress"]
    assert told[-4:] == [("checks", 0), ("checks", 1), ("files", 0), ("files", 1)]
    last = events[-1]
    assert last["event"] == "done"
    assert (last["meters"], last["theft_meters"], last["output_dir"], last["valid"]) == (120, 9, "set", True)
    assert last["findings"]["error"] == 0


def test_findings_of_severity_error_give_exit_code_3_and_the_data_is_there(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = run(
        "generate", "--num-meters", "200", "--num-transformers", "1", "--set", "transformer_capacity_range=[10, 15]"
    )
    assert done.code == 3
    assert "validation found 1 error; see ghostload validate generated_data" in done.err
    assert "error" in (tmp_path / "generated_data" / "generation_report.txt").read_text()


def _plan(run, *args: str) -> dict[str, object]:  # type: ignore[no-untyped-def]
    done = run("generate", "--dry-run", *args)
    assert (done.code, done.err) == (0, "")
    plan = parse_yaml(done.out)
    assert isinstance(plan, dict)
    return plan


def test_a_dry_run_prints_the_settings_and_writes_nothing(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    plan = _plan(run, "--num-meters", "120", "--seed", "9", "--output-dir", "set")
    assert config_from_dict(plan["config"]) == GeneratorConfig(num_meters=120, random_seed=9, output_dir=Path("set"))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "args",
    [
        ["--num-meters", "120"],
        ["--num-meters", "5000"],
        ["--num-meters", "3000", "--num-transformers", "1"],
        ["--num-meters", "3000", "--num-transformers", "3000", "--num-months", "2"],
        ["--num-meters", "2500", "--num-months", "36", "--preset", "metro_manila", "--set", "export.parquet=true"],
        ["--num-meters", "20000", "--anomaly-rate", "0", "--set", "anomalies.look_alikes={}"],
    ],
    ids=" ".join,
)
def test_a_dry_run_knows_rows_and_bytes(run, tmp_path: Path, args: list[str]) -> None:  # type: ignore[no-untyped-def]
    plan = _plan(run, *args)
    assert run("generate", *args, "--output-dir", "set").code in (0, 3)
    real = _files(tmp_path / "set")
    manifest = json.loads(real["manifest.json"])["files"]
    planned: dict[str, dict[str, int]] = plan["files"]  # type: ignore[assignment]
    assert set(planned) == set(real)
    for name, file in planned.items():
        assert file["bytes"] == pytest.approx(len(real[name]), rel=0.3), name
        rows = manifest.get(name, {}).get("rows")
        if name.startswith(("anomaly_events", "network")):
            assert file["rows"] == pytest.approx(rows, rel=0.3)
        else:
            assert file.get("rows") == rows, name
    assert plan["total_bytes"] == pytest.approx(sum(map(len, real.values())), rel=0.3)
    assert plan["total_bytes"] == sum(file["bytes"] for file in planned.values())


def test_a_killed_run_goes_on_with_resume_and_gives_the_same_bytes(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "METERS_PER_BLOCK", 1024)
    args = ["generate", "--num-meters", "3000", "--num-months", "3", "--jobs", "1"]
    assert run(*args, "--output-dir", "whole").code == 0
    real, computed = pipeline.simulate_block, []

    def failing(world: object, start: int, stop: int) -> object:
        computed.append(start)
        if len(computed) == 3:
            raise KeyboardInterrupt
        return real(world, start, stop)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "simulate_block", failing)
    stopped = run(*args, "--output-dir", "set")
    assert stopped.code == 130
    assert "2 finished blocks are kept; the same command with --resume goes on" in stopped.err
    assert not (tmp_path / "set").exists()
    resumed = run(*args, "--output-dir", "set", "--resume")
    assert resumed.code == 0
    assert "2 finished blocks found" in resumed.err
    assert computed == [0, 1024, 2048, 2048]
    assert _files(tmp_path / "set") == _files(tmp_path / "whole")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_resume_without_leftovers_starts_anew_and_without_resume_leftovers_are_dropped(  # type: ignore[no-untyped-def]
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run(*SMALL, "--resume", "--output-dir", "set")
    assert done.code == 0
    assert "nothing to go on with" in done.err
    kept = tmp_path / ".other.ghostload-partial" / "blocks" / "0123"
    kept.mkdir(parents=True)
    (kept / "meters-0-1024.block").write_bytes(b"old")
    assert run(*SMALL, "--output-dir", "other").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "set"]


@pytest.mark.parametrize(("count", "opened"), [(1, ("serial", 1)), (3, ("threads", 3))])
def test_all_processors_are_used_where_no_number_of_jobs_is_given(  # type: ignore[no-untyped-def]
    run, monkeypatch: pytest.MonkeyPatch, count: int, opened: tuple[str, int]
) -> None:
    real, asked = pipeline.SyntheticDataPipeline.build, []

    def noted(self: pipeline.SyntheticDataPipeline, *args: Any, **options: Any) -> object:
        asked.append((options["engine"].name, options["jobs"]))
        return real(self, *args, **options)

    monkeypatch.setattr(engines, "processors", lambda: count)
    monkeypatch.setattr(pipeline.SyntheticDataPipeline, "build", noted)
    assert run(*SMALL).code == 0
    assert asked == [opened]


def test_help_shows_defaults_and_an_example(run) -> None:  # type: ignore[no-untyped-def]
    text = run("generate", "--help").out
    assert "ghostload generate --num-meters 5000" in text
    assert "[2000]" in text
    assert "[0.075]" in text
    assert all(name in text for name in NAMED)


def _process(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "ghostload"
    command = (
        [str(program)] if program.exists() else [sys.executable, "-c", "from ghostload_cli.main import main; main()"]
    )
    return subprocess.run(
        [*command, *args], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_bytes_depend_on_no_process_hash_seed_locale_or_time_zone(tmp_path: Path) -> None:
    hashes = []
    for number, environment in enumerate(
        (
            {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC"},
            {"PYTHONHASHSEED": "2", "LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Manila", "PYTHONUTF8": "1"},
        )
    ):
        done = _process(tmp_path, *SMALL, "--jobs", str(number + 1), "--output-dir", f"set{number}", **environment)
        assert done.returncode == 0, done.stderr
        files = _files(tmp_path / f"set{number}")
        hashes.append({name: hashlib.sha256(data).hexdigest() for name, data in files.items()})
    assert hashes[0] == hashes[1]


def test_a_first_run_is_announced_and_the_next_one_finds_its_kernels(tmp_path: Path) -> None:
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    first, second = (_process(tmp_path, *SMALL, "--force", "--jobs", "2", **cache) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    assert "compiling the kernels for" in first.stderr
    assert "compiling" not in second.stderr
    kept = {path.name.split("-")[0] for path in (tmp_path / "kernels").rglob("*.nbi")}
    assert {"day_kernel.fill_days", "finish.sweep"} <= kept


def test_the_command_imports_no_pandas_and_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from ghostload_cli.main import main\n"
        "sys.argv = ['ghostload', 'generate', '--num-meters', '120', '-q']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        "heavy = 'pandas', 'sklearn', 'bokeh', 'scipy.stats', 'scipy.spatial', 'pyarrow.parquet'\n"
        "print(*[name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("own", [True, False])
def test_pandas_is_kept_out_only_of_a_process_of_our_own(run, monkeypatch: pytest.MonkeyPatch, own: bool) -> None:  # type: ignore[no-untyped-def]
    kept: list[bool] = []
    monkeypatch.setattr("ghostload_cli.generate.keep_pandas_out", lambda: kept.append(True))
    monkeypatch.setattr(sys, "argv", ["ghostload", *SMALL])
    with pytest.raises(SystemExit):
        main(None if own else SMALL)
    assert kept == [True] * own


def test_a_message_in_a_terminal_is_drawn_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    log = Log()
    log.progress("meters", 1, 2)
    log.progress("meters", 2, 2)
    log.event("done", "ready")
    assert capsys.readouterr().err == "\rmeters: 50 %\rmeters: 100 %\r             \rready\n"


def test_the_start_of_a_stage_is_told_however_soon_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log("json")
    for done in (0, 1, 3, 4):
        log.progress("meters", done, 4)
    log.progress("checks", 0, 1)
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(event["stage"], event["done"]) for event in told] == [("meters", 0), ("meters", 4), ("checks", 0)]


def test_numbers_written_and_numbers_read_are_the_same(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run(*SMALL, "--output-dir", "set").code == 0
    built = pipeline.SyntheticDataPipeline(GeneratorConfig(num_meters=120)).build()
    read = load_dataset(tmp_path / "set")
    assert np.array_equal(built.registered_kwh, read.registered_kwh)
    for name in ("transformers", "meters", "anomaly_labels", "anomaly_events"):
        assert built.tables[name].to_pylist() == read.tables[name].to_pylist(), name
