from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pyarrow.csv
import pytest

from ghostload.config import GeneratorConfig
from ghostload.dataset import load_dataset
from ghostload.detection import DETECTORS, not_run
from ghostload.pipeline import SyntheticDataPipeline
from ghostload.schema import TABLES
from ghostload_cli.main import main

FAST = ["-d", "rule_drop", "-d", "random", "--bootstrap", "20"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set folder of 400 meters, with the core tables and the events."""
    path = tmp_path_factory.mktemp("data") / "set"
    path.mkdir()
    dataset = SyntheticDataPipeline(GeneratorConfig(num_meters=400)).build()
    for name, table in dataset.tables.items():
        pyarrow.csv.write_csv(table, path / TABLES[name].file)
    return path


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["benchmark", *map(str, arguments)])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def test_the_table_goes_to_stdout_and_progress_to_stderr(capsys, folder):
    code, out, err = run(capsys, folder, *FAST)
    assert code == 0
    assert "400 meters, 30 thieves (7.50%)" in out
    assert out.index("rule_drop") < out.index("\nrandom ")
    assert err.splitlines() == ["[1/2] rule_drop", "[2/2] random"]


def test_the_table_says_what_each_detector_uses_and_what_the_records_are(capsys, folder):
    _, out, _ = run(capsys, folder, *FAST, "-d", "rule_balance", "--records", "poor")
    used = {line.split()[0]: line.split()[1] for line in out.splitlines() if line.startswith(("rule_", "random "))}
    assert used == {"rule_drop": "M---", "random": "M---", "rule_balance": "M-B-"}
    assert "what poor records have" in out
    assert "records have" not in run(capsys, folder, *FAST)[1]


def test_quiet_shows_no_progress(capsys, folder, tmp_path):
    _, _, err = run(capsys, folder, *FAST, "-q", "-o", tmp_path / "out")
    assert err == ""


def test_json_is_the_same_as_the_written_file(capsys, folder, tmp_path):
    code, out, err = run(capsys, folder, *FAST, "--format", "json", "--output-dir", tmp_path / "out")
    assert code == 0
    assert out == (tmp_path / "out" / "leaderboard.json").read_text(encoding="utf-8")
    assert [entry["name"] for entry in json.loads(out)["detectors"]] == ["rule_drop", "random"]
    assert "leaderboard.html" in err


def test_nothing_is_written_unless_asked_for(capsys, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(folder.iterdir())
    run(capsys, folder, *FAST)
    assert sorted(folder.iterdir()) == before
    assert not list(tmp_path.iterdir())


def test_details_show_kinds_and_look_alikes(capsys, folder):
    _, out, _ = run(capsys, folder, *FAST, "--details")
    assert "by kind" in out
    assert "low_consumption" in out
    assert "vacancy" in out


def test_the_seed_and_the_number_of_replicates_are_taken(capsys, folder):
    plain, again, other, none = (
        run(capsys, folder, "-d", "random", "--bootstrap", count, "--seed", seed)[1]
        for count, seed in ((20, 0), (20, 0), (20, 1), (0, 0))
    )
    assert plain == again != other
    assert "bootstrap" not in none


def test_list_names_every_detector_without_a_data_set(capsys):
    code, out, _ = run(capsys, "--list")
    assert code == 0
    listed = [line.split()[0] for line in out.splitlines()]
    assert listed == list(DETECTORS.names())
    assert "gradient_boosting *" in out


def test_a_class_in_a_file_of_the_current_folder_is_found(capsys, folder, tmp_path, monkeypatch):
    (tmp_path / "mine_here.py").write_text(
        "class Low:\n    def fit(self, X, y=None):\n        return self\n"
        "    def decision_function(self, X):\n        return -X.min(axis=1)\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    code, out, _ = run(capsys, folder, "-d", "mine_here:Low", "--bootstrap", "0")
    assert code == 0
    assert "mine_here:Low" in out
    sys.modules.pop("mine_here")


def test_a_detector_that_fails_is_shown_and_the_exit_code_is_1(capsys, folder, tmp_path, monkeypatch):
    (tmp_path / "broken_here.py").write_text(
        "class Bad:\n    def fit(self, X, y=None):\n        raise RuntimeError('no luck')\n"
        "    def decision_function(self, X):\n        return X\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    code, out, _ = run(capsys, folder, "-d", "broken_here:Bad", *FAST)
    assert code == 1
    assert "FAILED broken_here:Bad: RuntimeError: no luck" in out
    assert "rule_drop" in out
    sys.modules.pop("broken_here")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing argument 'DIR'"),
        (["not_there"], 2, "not_there"),
        (["{folder}", "-d", "rule_drp"], 2, "unknown detector 'rule_drp', did you mean rule_drop?"),
        (["{folder}", "-d", "random", "-d", "random"], 2, "asked for 2 times"),
        (["{folder}", "-d", "pyod_:X"], 2, "cannot import pyod_"),
        (["{folder}", "--bootstrap", "-1"], 2, "--bootstrap"),
        (["{folder}", "--seed", "x"], 2, "--seed"),
        (["{folder}", "--format", "xml"], 2, "--format"),
        (["{folder}", "--records", "typcal"], 2, "'typcal' is not known, did you mean typical?"),
        (["{folder}", "-o", "{folder}"], 2, "lies in the data set"),
        (["{folder}", "-o", "{folder}/results"], 2, "lies in the data set"),
    ],
)
def test_wrong_input_is_one_line_and_the_exit_code_says_which_sort(capsys, folder, tmp_path, arguments, code, message):
    given = [part.format(folder=folder) for part in arguments]
    found, out, err = run(capsys, *given)
    assert found == code
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1
    assert err.startswith("ghostload: ")


def test_an_output_folder_that_cannot_be_made_is_one_line(capsys, folder, tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    code, _, err = run(capsys, folder, "-d", "random", "-q", "-o", tmp_path / "file")
    assert code == 1
    assert "cannot be written" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(("keep", "message"), [("none", "lists no meter"), ("all", "lists every meter")])
def test_a_folder_with_one_sort_of_meters_is_one_line(capsys, folder, tmp_path, keep, message):
    target = tmp_path / "one_sort"
    target.mkdir()
    for name in ("transformers.csv", "meter_consumption.csv", "anomaly_labels.csv"):
        (target / name).write_bytes((folder / name).read_bytes())
    ids = pyarrow.csv.read_csv(folder / "meter_consumption.csv")["meter_id"].to_pylist()
    rows = [f"{meter},1,Low,bypass" for meter in (ids if keep == "all" else [])]
    lines = ["meter_id,anomaly_flag,risk_band,anomaly_type", *rows]
    (target / "anomaly_labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, out, err = run(capsys, target, "-d", "random")
    assert (code, out) == (1, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_help_has_purpose_defaults_and_an_example(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for part in (
        "Run anomaly detectors",
        "ghostload benchmark generated_data",
        "[default: 200",
        "Replicates",
        "1 when a",
    ):
        assert part in out
    assert "\\b" not in out


def test_help_and_the_list_import_no_model():
    code = "import sys; from ghostload_cli.main import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
    code += "sys.stderr.write(str([m for m in ('sklearn', 'scipy', 'pandas') if m in sys.modules]))"
    for arguments in (["benchmark", "--help"], ["benchmark", "--list"], ["score", "--help"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        assert done.stderr == "[]"


def test_every_registered_detector_runs_on_a_generated_data_set(capsys, folder):
    code, out, err = run(capsys, folder, "--bootstrap", "0", "--format", "json")
    assert code == 0
    found = json.loads(out)["detectors"]
    lacking = not_run(load_dataset(folder))
    left_out = {name for names in lacking.values() for name in names}
    assert {entry["name"] for entry in found} == set(DETECTORS.names()) - left_out
    assert "gradient_boosting_voltage" in left_out
    assert [line for line in err.splitlines() if line.startswith("not run: ")] == [
        f"not run: {', '.join(names)}: {missing}" for missing, names in lacking.items()
    ]
    assert all(np.isfinite(entry["metrics"]["ap"]["value"]) for entry in found)
