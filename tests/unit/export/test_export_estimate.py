"""Times that a dry run foretells: a start that does not grow, and a time for each meter and reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ghostload.config.model import GeneratorConfig
from ghostload.dataset.dataset import Dataset
from ghostload.export import estimate as module
from ghostload.export.estimate import SAMPLE_METERS, estimate
from ghostload.pipeline import SyntheticDataPipeline


class _Clock:
    """A clock that goes on only when something is made: as long as it is said to take."""

    def __init__(self, takes: Callable[[GeneratorConfig], float]) -> None:
        self.now, self.takes = 0.0, takes
        self.sizes: list[int] = []
        self.first = True

    def build(self, config: GeneratorConfig) -> Dataset:
        """Make a small data set, and let time pass as if it were the wanted one."""
        self.now += self.takes(config) + (1.0 if self.first else 0.0)
        self.first = False
        self.sizes.append(config.num_meters)
        small = config.replace(num_meters=min(config.num_meters, 80), num_transformers=2)
        return SyntheticDataPipeline(small.replace(physics="none")).build()


def _estimate(monkeypatch: pytest.MonkeyPatch, config: GeneratorConfig, clock: _Clock) -> float:
    def validate(_dataset: Dataset) -> Any:
        from ghostload.validation import validate as run

        return run(_dataset)

    monkeypatch.setattr(module, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(module, "process_time", lambda: 0.5)
    return estimate(config, clock.build, validate).seconds


@pytest.mark.parametrize("meters", [SAMPLE_METERS + 500, 5000, 100_000])
def test_the_start_is_counted_once_and_meters_by_their_number(monkeypatch: pytest.MonkeyPatch, meters: int) -> None:
    clock = _Clock(lambda config: 0.25 + 1e-4 * config.num_meters)
    # Imports 0.5, first use of anything 1, a data set of no meters 0.25.
    wanted = 0.5 + 1.0 + 0.25 + 1e-4 * meters
    found = _estimate(monkeypatch, GeneratorConfig(num_meters=meters, num_months=1, physics="none"), clock)
    assert found == pytest.approx(wanted, rel=1e-6)
    assert max(clock.sizes) <= module.LARGER_METERS


def test_a_small_data_set_is_made_once_and_takes_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock(lambda config: 0.25 + 1e-4 * config.num_meters)
    found = _estimate(monkeypatch, GeneratorConfig(num_meters=300, num_months=1, physics="none"), clock)
    assert found == pytest.approx(0.5 + 1.0 + 0.25 + 0.03)
    assert clock.sizes == [300]


def test_readings_in_time_are_counted_beside_the_months(monkeypatch: pytest.MonkeyPatch) -> None:
    per_reading = 1e-6

    def takes(config: GeneratorConfig) -> float:
        return 0.1 + (per_reading * module._readings(config) if config.interval else 1e-4 * config.num_meters)

    config = GeneratorConfig(num_meters=5000, num_months=3, interval="1h", physics="none")
    found = _estimate(monkeypatch, config, _Clock(takes))
    months, readings = 0.5 + 1.0 + 0.1 + 0.5, per_reading * module._readings(config)
    assert found == pytest.approx(months + readings, rel=0.05)
