from __future__ import annotations

import math

import pytest
from reporting_tables import events, labels, small

from ghostload.errors import DataError
from ghostload.reporting.columns import codes
from ghostload.reporting.truth import month_number, truth_of


@pytest.mark.parametrize(
    ("month", "number"), [("2025-01", 24300), ("202512", 24311), ("", None), ("soon", None), ("2025", None)]
)
def test_months_are_numbered_from_year_0(month: str, number: int | None) -> None:
    assert month_number(month) == number


def test_events_know_their_meter_their_dates_and_their_band() -> None:
    truth = truth_of(small())
    theft = next(row for row in truth.rows if row.family == "theft")
    assert (theft.meter, theft.start, theft.end, theft.lost_kwh, theft.band) == (4, 24301, None, 110.0, "High")
    assert truth.kinds == (
        ("theft", "secret_theft_kind"), ("fault", "secret_fault_kind"), ("benign", "secret_benign_kind"),
    )  # fmt: skip


def test_labels_alone_give_thefts_without_dates() -> None:
    dataset = small(with_truth=False, anomaly_labels=labels())
    (row,) = truth_of(dataset).rows
    assert (row.family, row.start, row.band) == ("theft", None, "High")
    assert math.isnan(row.lost_kwh)


def test_events_alone_are_enough() -> None:
    truth = truth_of(small(with_truth=False, anomaly_events=events()))
    assert len(truth.rows) == 3
    assert {row.band for row in truth.rows} == {""}


def test_events_of_meters_that_are_not_there_are_counted() -> None:
    truth = truth_of(small(anomaly_events=events(meter_id=["MTR_000005", "NOBODY", "MTR_000006"])))
    assert truth.unknown_meters == 1
    assert len(truth.rows) == 2


def test_an_unknown_family_is_an_error() -> None:
    with pytest.raises(DataError, match="family 'magic' is unknown"):
        truth_of(small(anomaly_events=events(family=["theft", "magic", "fault"])))


def test_no_truth_at_all_is_an_error() -> None:
    with pytest.raises(DataError, match="no ground truth here"):
        truth_of(small(with_truth=False))


def test_names_are_listed_as_people_count() -> None:
    table = events(kind=["FD_10", "FD_9", "FD_1"])
    names, code = codes(table, "kind")
    assert names == ["FD_1", "FD_9", "FD_10"]
    assert code.tolist() == [2, 1, 0]
