from __future__ import annotations

import numpy as np
import pytest

from ghostload.detection import read_scores
from ghostload.errors import DataError


@pytest.fixture
def three(make_dataset):
    return make_dataset(np.ones((3, 2)), thieves={0: "bypass"})


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "scores.csv"
    path.write_text(text, encoding=encoding)
    return path


GOOD = ["MTR_000002,1.5", "MTR_000001,-2e-3", "MTR_000003,+7"]


def test_scores_come_in_the_order_of_the_meters(three, tmp_path):
    path = written(tmp_path, "\n".join(["meter_id,score", *GOOD]))
    assert read_scores(path, three).tolist() == [-0.002, 1.5, 7]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_further_columns_spaces_and_a_byte_order_mark_do_no_harm(three, tmp_path, encoding):
    lines = ["reason,score,meter_id", *(f"x, {row.split(',')[1]} ,{row.split(',')[0]}" for row in GOOD)]
    assert read_scores(written(tmp_path, "\r\n".join(lines) + "\r\n", encoding), three).tolist() == [-0.002, 1.5, 7]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["meter,score", *GOOD], r"has no column 'meter_id', did you mean meter\?"),
        (["meter_id", "MTR_000001"], "has no column 'score'"),
        (["meter_id,score,score", "MTR_000001,1,2"], "has the column 'score' more than once"),
        (["meter_id,score", GOOD[0], "MTR_000001,high", GOOD[2]], "line 3: score is 'high', must be a finite number"),
        (["meter_id,score", GOOD[0], "MTR_000001,nan", GOOD[2]], "line 3: score is 'nan'"),
        (["meter_id,score", GOOD[0], "MTR_000001,", GOOD[2]], "line 3: score is ''"),
        (["meter_id,score", GOOD[0], "MTR_000001,inf", GOOD[2]], "line 3: score is 'inf'"),
        (["meter_id,score", GOOD[0], GOOD[1], "MTR_000003,1e999"], "line 4: score is '1e999', too large"),
        (["meter_id,score", *GOOD, "MTR_000009,1"], "line 5: meter_id 'MTR_000009' is not in the data set"),
        (["meter_id,score", *GOOD, GOOD[1]], "line 5: meter_id 'MTR_000001' stands there twice, first in line 3"),
        (["meter_id,score", GOOD[0]], r"meter_id: 2 of 3 meters have no score \(first: MTR_000001\)"),
        (["meter_id,score"], "cannot be read as CSV"),
        (["meter_id,score", "MTR_000001,1,2"], "cannot be read as CSV"),
        ([], "cannot be read as CSV"),
    ],
)
def test_a_wrong_file_is_refused_with_the_line(three, tmp_path, lines, message):
    with pytest.raises(DataError, match=rf"scores\.csv: {message}") as caught:
        read_scores(written(tmp_path, "\n".join(lines)), three)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(three, tmp_path):
    with pytest.raises(DataError, match="is not there"):
        read_scores(tmp_path / "none.csv", three)
    (tmp_path / "scores.csv").write_bytes(b"meter_id,score\n\xff\xfe,1\n")
    with pytest.raises(DataError, match=r"scores\.csv: "):
        read_scores(tmp_path / "scores.csv", three)
