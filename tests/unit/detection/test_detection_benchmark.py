from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from ghostload.detection import DetectorSpec, Entry, find_detector, run_benchmark
from ghostload.detection.curves import BUDGET_END, curves_of
from ghostload.detection.leaderboard import FILES
from ghostload.detection.ranking import Ranking
from ghostload.detection.text import details_text, leaderboard_text
from ghostload.detection.truth import truth_of
from ghostload.errors import DataError, OutputError, RegistrationError, UsageError

NAMES = ["rule_drop", "random", "isolation_forest_seed"]


class Broken:
    def __init__(self, error):
        self.error = error

    def fit(self, X, y=None):
        raise self.error

    def decision_function(self, X):
        return X[:, 0]


class Blank(Broken):
    def fit(self, X, y=None):
        return self

    def decision_function(self, X):
        return np.full(len(X), np.nan)


def broken(name="broken", error=None, cls=Broken):
    return DetectorSpec(name, "a test", lambda _: cls(error or ValueError("two\nlines")))


@pytest.fixture(scope="module")
def board(town):
    specs = [*NAMES, broken("<b>bad</b>", ValueError("<script>alert(1)</script>")), broken("blank", cls=Blank)]
    return run_benchmark(town, specs, n_bootstrap=30)


def test_detectors_are_ranked_by_average_precision_and_failed_ones_stand_last(board):
    assert [entry.name for entry in board.entries][3:] == ["<b>bad</b>", "blank"]
    good = [entry.metrics["ap"].value for entry in board.entries if not entry.failed]
    assert good == sorted(good, reverse=True)
    assert board.entries[0].name == "rule_drop"


def test_a_failed_detector_is_shown_with_its_reason_and_takes_no_other_with_it(town):
    board = run_benchmark(town, ["rule_drop", broken(), broken("blank", cls=Blank)], n_bootstrap=0)
    reasons = {entry.name: entry.reason for entry in board.failed}
    assert reasons == {
        "broken": "ValueError: two lines",
        "blank": "GhostloadError: blank: 300 of 300 scores are not finite",
    }
    alone = run_benchmark(town, ["rule_drop"], n_bootstrap=0)
    assert board.entries[0].metrics == alone.entries[0].metrics
    assert "FAILED broken: ValueError: two lines" in leaderboard_text(board)


def test_an_interrupt_is_no_failed_detector(town):
    with pytest.raises(KeyboardInterrupt):
        run_benchmark(town, [broken(error=KeyboardInterrupt())], n_bootstrap=0)


def test_the_wide_frame_has_one_row_a_detector_and_nothing_made_up(board):
    frame = board.to_frame()
    assert frame["detector"].tolist() == [entry.name for entry in board.entries]
    assert frame["status"].tolist() == ["ok"] * 3 + ["failed"] * 2
    assert frame.loc[3:, "ap":].isna().all(axis=None)
    assert frame.loc[:2, ["ap", "ap_low", "ap_high", "kwh_recovered@5%"]].notna().all(axis=None)
    assert (frame.loc[:2, "ap_low"] <= frame.loc[:2, "ap"]).all()


def test_the_long_frame_has_every_metric(board):
    long = board.to_long_frame()
    top = long[long["detector"] == "rule_drop"].set_index("metric")["value"]
    assert top["recall@5%/bypass"] == pytest.approx(board.entries[0].metrics["recall@5%/bypass"].value)
    assert set(long[long["status"] == "failed"]["detector"]) == {"<b>bad</b>", "blank"}


def test_all_files_are_written_and_say_the_same(board, tmp_path):
    paths = board.write(tmp_path / "new" / "folder")
    assert tuple(path.name for path in paths) == FILES
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(FILES)
    wide, long = (pd.read_csv(path) for path in paths[:2])
    page = json.loads(paths[2].read_text(encoding="utf-8"))
    ap = board.entries[0].metrics["ap"].value
    assert wide["ap"][0] == pytest.approx(ap, rel=1e-5)
    assert long.query("detector == 'rule_drop' and metric == 'ap'")["value"].item() == pytest.approx(ap, rel=1e-5)
    assert page["detectors"][0]["metrics"]["ap"]["value"] == pytest.approx(ap, abs=1e-6)
    assert page["detectors"][4] | {"curves": None, "metrics": {}} == page["detectors"][4]
    assert page["data_set"]["num_theft"] == 30


def test_the_same_benchmark_writes_the_same_bytes_twice(town, tmp_path):
    one, two = (run_benchmark(town, NAMES, n_bootstrap=20).write(tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_earlier_results_are_replaced(town, board, tmp_path):
    board.write(tmp_path)
    run_benchmark(town, ["random"], n_bootstrap=0).write(tmp_path)
    assert pd.read_csv(tmp_path / FILES[0])["detector"].tolist() == ["random"]
    assert len(list(tmp_path.iterdir())) == len(FILES)


def test_a_place_that_cannot_be_written_is_one_line_and_leaves_no_trace(board, tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"file: cannot be written \(.*\); choose another folder"):
        board.write(tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
    folder = tmp_path / "results"
    (folder / "leaderboard.html").mkdir(parents=True)
    with pytest.raises(OutputError):
        board.write(folder)
    assert not [path for path in folder.iterdir() if path.name.endswith(".partial")]


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]

    def handle_data(self, data):
        self.text += data


def test_the_page_asks_for_nothing_outside_runs_no_script_and_escapes_names(board, tmp_path):
    text = board.write(tmp_path)[3].read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert "script" not in reader.tags
    assert "b" not in reader.tags
    assert reader.links == ["data:,"]
    assert not re.search(r"https?://", text)
    assert "<b>bad</b>" in reader.text
    assert "<script>alert(1)</script>" in reader.text
    assert "default-src 'none'" in text


def test_the_page_has_the_table_and_a_curve_for_each_detector_in_each_chart(board, tmp_path):
    text = board.write(tmp_path)[3].read_text(encoding="utf-8")
    assert text.count("<figure>") == 3
    assert text.count("<polyline") == 3 * (len(NAMES) + 1)
    assert f"{board.entries[0].metrics['ap'].value:.3f}" in text
    for name in (*NAMES, "vacancy", "stopped_meter", "0.5%"):
        assert name in text


def test_the_page_does_without_energy_and_without_any_detector_that_ran(town, make_dataset, tmp_path):
    plain = make_dataset(town.registered_kwh, thieves={0: "bypass"}, transformers=["A", "B"] * 150)
    text = run_benchmark(plain, ["rule_drop"], n_bootstrap=0).write(tmp_path)[3].read_text(encoding="utf-8")
    assert text.count("<figure>") == 2
    empty = run_benchmark(plain, [broken()], n_bootstrap=0).write(tmp_path)[3].read_text(encoding="utf-8")
    assert "<figure>" not in empty
    assert "two lines" in empty


def test_the_text_is_aligned_and_names_every_detector(board):
    lines = leaderboard_text(board).splitlines()
    head = next(index for index, line in enumerate(lines) if line.startswith("detector"))
    rows = lines[head : head + 2 + len(NAMES)]
    assert len({len(row) for row in rows}) == 1
    assert [row.split()[0] for row in rows[2:]] == [entry.name for entry in board.entries[:3]]
    assert "300 meters, 30 thieves (10.00%), 10 transformers, 12 months" in lines[0]


def test_the_details_show_kinds_and_look_alikes(board, make_dataset, town):
    text = details_text(board, 0.05)
    for word in ("bypass", "low_consumption", "vacancy", "stopped_meter", "rule_drop"):
        assert word in text
    plain = make_dataset(town.registered_kwh, thieves={0: "bypass"})
    assert "look-alike" not in details_text(run_benchmark(plain, ["rule_drop"], n_bootstrap=0), 0.05)


def test_progress_is_told_before_each_detector(town):
    told = []
    run_benchmark(town, NAMES, n_bootstrap=0, progress=lambda *step: told.append(step))
    assert told == [(name, done, 3) for done, name in enumerate(NAMES)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"detectors": ["rule_drop", "nope"]}, RegistrationError, "unknown detector 'nope'"),
        ({"detectors": ["random", "random"]}, UsageError, "'random': is asked for 2 times"),
        ({"seed": -1}, UsageError, "seed: is -1, must not be negative"),
        ({"n_bootstrap": -5}, UsageError, "n_bootstrap: is -5"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_run(town, arguments, error, message):
    with pytest.raises(error, match=message):
        run_benchmark(town, **arguments, progress=lambda *_: pytest.fail("something was run"))


def test_a_data_set_without_thieves_is_refused(make_dataset):
    with pytest.raises(DataError, match="lists no meter"):
        run_benchmark(make_dataset(np.ones((5, 3))))


def test_without_names_all_registered_detectors_are_run(town, monkeypatch):
    monkeypatch.setattr("ghostload.detection.benchmark.DETECTORS", type("R", (), {"names": lambda: ("random",)}))
    assert [entry.name for entry in run_benchmark(town, n_bootstrap=0).entries] == ["random"]


def test_a_supervised_detector_is_marked(town):
    board = run_benchmark(town, [find_detector("sklearn.naive_bayes:GaussianNB")], n_bootstrap=0)
    assert isinstance(board.entries[0], Entry)
    assert "GaussianNB *" in leaderboard_text(board)
    assert "learns from labels of other transformers" in leaderboard_text(board)


def test_curves_go_through_the_points_of_the_ranking(town):
    truth = truth_of(town)
    scores = np.round(truth.is_theft + np.random.default_rng(0).standard_normal(300), 1)
    curves = curves_of(scores, truth)
    assert curves.recall[[0, -1]].tolist() == [0, 1]
    assert curves.precision[-1] >= truth.is_theft.mean()
    assert curves.budget[-1] == BUDGET_END
    at = int(np.flatnonzero(np.isclose(curves.budget, 0.05))[0])
    ranking = Ranking(scores)
    taken = ranking.taken(ranking.blocks(np.ones((1, 300))), np.array([15.0]))[0]
    assert curves.thieves_found[at] == pytest.approx(taken @ truth.is_theft[ranking.order] / 30)
    assert curves.kwh_recovered[at] == pytest.approx(taken @ truth.lost_kwh[ranking.order] / truth.lost_kwh.sum())
    assert (np.diff(curves.thieves_found) >= -1e-12).all()
