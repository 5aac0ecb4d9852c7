"""Everything registered keeps its contract, and the contract checks notice what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ghostload.anomalies import KINDS, AnomalyKind, Channel, Family
from ghostload.anomalies.spread import Spread
from ghostload.detection import DETECTORS
from ghostload.errors import RegistrationError
from ghostload.export.base import EXPORTERS, Exporter, ExportJob
from ghostload.testing import check_anomaly_kind, check_detector, check_exporter, check_validation_check
from ghostload.validation import CHECKS


@pytest.mark.parametrize("name", KINDS.names())
def test_every_kind_keeps_the_contract(name: str) -> None:
    check_anomaly_kind(KINDS.get(name))


@pytest.mark.parametrize("name", CHECKS.names())
def test_every_check_keeps_the_contract(name: str) -> None:
    check_validation_check(CHECKS.get(name))


def test_a_detector_keeps_the_contract() -> None:
    check_detector(DETECTORS.get("rule_drop"))


def _broken(register: Any) -> AnomalyKind:
    body = {"name": "broken", "family": Family.THEFT, "channel": Channel.REGISTER, "on_register": register}
    return type("Broken", (AnomalyKind,), body)()


def _in_place(self, kwh, events):  # type: ignore[no-untyped-def]
    kwh *= 0.5
    return kwh


@pytest.mark.parametrize(
    ("register", "message"),
    [
        (_in_place, "changes the energy that it is given"),
        (lambda s, k, e: k - 1e6, "negative"),
        (lambda s, k, e: k * np.nan, "not finite"),
        (lambda s, k, e: k[:, 1:], "another shape"),
        (lambda s, k, e: k * 0.5, "changes months before it begins"),
        (lambda s, k, e: k * (1 - e.active * k.mean() / (1 + k.mean())), "follows the data"),
        (lambda s, k, e: k * (1 - e.active * e.active[0] * 0.5), "lets one event change another"),
        (lambda s, k, e: k, "registers all that is drawn"),
    ],
)
def test_a_kind_that_breaks_the_contract_is_told_so(register: Any, message: str) -> None:
    with pytest.raises(RegistrationError, match=f"broken: .*{message}"):
        check_anomaly_kind(_broken(register))


def test_a_kind_that_rolls_dice_is_told_so() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(RegistrationError, match="is not the same twice"):
        check_anomaly_kind(_broken(lambda s, k, e: k * (1 - 0.5 * rng.random())))


def _broken_in_time(**methods: Any) -> AnomalyKind:
    body = {"name": "broken", "family": Family.THEFT, "channel": Channel.HOURS, **methods}
    return type("Broken", (AnomalyKind,), body)()


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"on_hours": lambda s, w, h: w * 1.0}, "registers all that is drawn"),
        ({"on_hours": lambda s, w, h: w * 0.5}, "changes hours before it begins"),
        ({"on_hours": lambda s, w, h: w[:, 1:] * 1.0}, "another count"),
        ({"on_hours": lambda s, w, h: w - h.active * 1e9}, "less than nothing in a month"),
        (
            {"on_hours": lambda s, w, h: w * (1 - h.active * (h.level_kwh[0] % 1.0))},
            "lets one event change another's hours",
        ),
        ({"on_hours": lambda s, w, h: h.mix(w, w * 0.5), "moves_only": True}, "moves energy only, but loses some"),
        (
            {
                "on_register": lambda s, k, e: k * e.factor(0.5),
                "register_in_time": lambda s, w, t, h: Spread(-h.active),
            },
            "gave weights that are negative",
        ),
    ],
)
def test_a_kind_that_breaks_the_contract_in_its_hours_is_told_so(methods: Any, message: str) -> None:
    with pytest.raises(RegistrationError, match=message):
        check_anomaly_kind(_broken_in_time(**methods))
    assert "broken" not in KINDS


def test_exporters_write_the_same_bytes_twice() -> None:
    class Steady(Exporter):
        name = "steady_for_test"

        def write(self, job: ExportJob) -> None:
            with job.sink.open("steady.txt") as file:
                file.write(f"{job.dataset.num_meters}".encode())

    class Drifting(Exporter):
        name = "drifting_for_test"
        count = 0

        def write(self, job: ExportJob) -> None:
            type(self).count += 1
            with job.sink.open("drifting.txt") as file:
                file.write(str(self.count).encode())

    for kind, message in ((Steady, None), (Drifting, "same bytes twice")):
        exporter = kind()
        EXPORTERS.add(exporter.name, exporter)
        try:
            if message is None:
                check_exporter(exporter)
            else:
                with pytest.raises(RegistrationError, match=message):
                    check_exporter(exporter)
        finally:
            EXPORTERS.remove(exporter.name)
