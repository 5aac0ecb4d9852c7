from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.csv
import pytest

from ghostload.config import GeneratorConfig
from ghostload.detection import evaluate, quick_scores, truth_of
from ghostload.pipeline import SyntheticDataPipeline
from ghostload.schema import TABLES
from ghostload_cli.main import main


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data set in memory and its folder."""
    path = tmp_path_factory.mktemp("data") / "set"
    path.mkdir()
    dataset = SyntheticDataPipeline(GeneratorConfig(num_meters=300)).build()
    for name, table in dataset.tables.items():
        pyarrow.csv.write_csv(table, path / TABLES[name].file)
    return dataset, path


@pytest.fixture
def scores(made, tmp_path):
    """Scores of a rule, in a file whose rows stand in another order."""
    dataset, _ = made
    values = quick_scores(dataset, ["rule_drop"])["rule_drop"]
    table = pa.table({"meter_id": dataset.tables["meters"]["meter_id"], "score": values})
    pyarrow.csv.write_csv(table.take(pa.array(range(299, -1, -1))), tmp_path / "scores.csv")
    return tmp_path / "scores.csv"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["score", *map(str, arguments)])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def test_a_file_is_scored_as_the_benchmark_scores_a_detector(capsys, made, scores):
    dataset, folder = made
    code, out, err = run(capsys, folder, scores, "--format", "json", "--bootstrap", "50", "--seed", "4")
    assert (code, err) == (0, "")
    found = json.loads(out)
    values = quick_scores(dataset, ["rule_drop"])["rule_drop"]
    expected = evaluate(values, truth_of(dataset), n_bootstrap=50, seed=4)
    assert set(found["metrics"]) == set(expected)
    for name in ("ap", "roc_auc", "recall@5%", "kwh_recovered@5%"):
        estimate = found["metrics"][name]
        assert estimate["value"] == pytest.approx(expected[name].value, abs=0.003)
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
    assert found["num_meters"] == 300


def test_the_text_names_each_metric_with_its_interval(capsys, made, scores):
    code, out, _ = run(capsys, made[1], scores)
    assert code == 0
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert len(lines["ap"]) == 2
    assert "recall@5%/bypass" in lines
    assert "300 meters" in out


def test_without_replicates_there_is_no_interval(capsys, made, scores):
    _, out, _ = run(capsys, made[1], scores, "--bootstrap", "0")
    assert "(" not in out.split("metric", 1)[1].split("value", 1)[1].replace("95 % interval", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("score", "points", 1), "has no column 'score'"),
        (lambda text: text.replace("MTR_000300", "MTR_999999"), "line 2: meter_id 'MTR_999999' is not in the data set"),
        (lambda text: text.replace("MTR_000299", "MTR_000300"), "line 3: meter_id 'MTR_000300' stands there twice"),
        (lambda text: "\n".join(text.splitlines()[:-5]) + "\n", "5 of 300 meters have no score"),
        (lambda text: text.rsplit(",", 1)[0] + ",nan\n", "line 301: score is 'nan'"),
    ],
)
def test_a_wrong_file_is_one_line_with_the_place(capsys, made, scores, change, message):
    scores.write_text(change(scores.read_text(encoding="utf-8").replace('"', "")), encoding="utf-8")
    code, out, err = run(capsys, made[1], scores)
    assert (code, out) == (1, "")
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{folder}"], 2, "Missing argument 'SCORES.CSV'"),
        (["{folder}", "none.csv"], 2, "none.csv: is not there"),
        (["not_there", "{scores}"], 2, "not_there"),
        (["{folder}", "{scores}", "--bootstrap", "-1"], 2, "--bootstrap"),
    ],
)
def test_wrong_arguments_are_one_line(capsys, made, scores, arguments, code, message):
    found, _, err = run(capsys, *(part.format(folder=made[1], scores=scores) for part in arguments))
    assert found == code
    assert message in err
    assert len(err.splitlines()) == 1


def test_help_has_purpose_and_an_example(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "Score your own file" in out
    assert "\n    ghostload score generated_data my_scores.csv\n" in out
