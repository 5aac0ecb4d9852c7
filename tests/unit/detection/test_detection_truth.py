from __future__ import annotations

import numpy as np
import pytest

from ghostload.dataset import Dataset
from ghostload.detection import truth_of
from ghostload.detection.truth import theft_labels
from ghostload.errors import DataError


def test_kinds_look_alikes_and_energy_are_read_by_meter(make_dataset):
    dataset = make_dataset(
        np.full((5, 3), 100.0),
        thieves={1: "bypass", 3: "erratic"},
        events=[
            (1, "theft", "bypass", 40.0),
            (1, "theft", "bypass", 2.0),
            (3, "theft", "erratic", 7.0),
            (1, "benign", "vacancy", 0.0),
            (2, "benign", "vacancy", 0.0),
            (4, "fault", "stopped_meter", 99.0),
        ],
    )
    truth = truth_of(dataset)
    assert truth.is_theft.tolist() == [False, True, False, True, False]
    assert {kind: np.flatnonzero(mask).tolist() for kind, mask in truth.kinds.items()} == {
        "bypass": [1],
        "erratic": [3],
    }
    assert truth.lost_kwh.tolist() == [0, 42, 0, 7, 0]
    honest = {kind: np.flatnonzero(mask).tolist() for kind, mask in truth.look_alikes.items()}
    assert honest == {"vacancy": [2], "stopped_meter": [4]}, "a thief with a vacancy is no false alarm"


def test_without_events_energy_and_look_alikes_are_unknown(make_dataset):
    truth = truth_of(make_dataset(np.ones((3, 2)), thieves={0: "bypass"}))
    assert truth.lost_kwh is None
    assert truth.look_alikes == {}


@pytest.mark.parametrize(
    ("thieves", "message"), [({}, "lists no meter"), (dict.fromkeys(range(3), "bypass"), "lists every meter")]
)
def test_labels_of_one_sort_are_refused(make_dataset, thieves, message):
    with pytest.raises(DataError, match=message):
        truth_of(make_dataset(np.ones((3, 2)), thieves=thieves))


def test_a_data_set_without_labels_or_meters_is_refused(make_dataset):
    dataset = make_dataset(np.ones((3, 2)), thieves={0: "bypass"})
    without = Dataset({name: dataset.tables[name] for name in ("meters", "transformers")})
    with pytest.raises(DataError, match=r"anomaly_labels\.csv: is not there"):
        theft_labels(without)
    with pytest.raises(DataError, match="has no meter"):
        theft_labels(make_dataset(np.ones((0, 2))))


@pytest.mark.parametrize("table", ["anomaly_labels", "anomaly_events"])
def test_a_label_or_event_of_an_unknown_meter_is_refused(make_dataset, table):
    whole = make_dataset(np.ones((3, 2)), thieves={0: "a", 2: "b"}, events=[(2, "theft", "b", 1.0)])
    tables = {**whole.tables, "meters": whole.tables["meters"].slice(0, 2)}
    if table == "anomaly_events":
        tables["anomaly_labels"] = tables["anomaly_labels"].slice(0, 1)
    with pytest.raises(DataError, match=rf"{table}\.csv: meter_id: MTR_000003 is not in"):
        truth_of(Dataset(tables))
