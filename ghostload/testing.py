"""Contract checks for what other packages register; the project's own tests run them over everything registered.

Each takes one registered thing and raises :class:`~ghostload.errors.RegistrationError`, with what is wrong, when it
does not keep its contract::

    from ghostload.testing import check_anomaly_kind
    from my_package.kinds import Spike

    def test_spike_keeps_the_contract():
        check_anomaly_kind(Spike())
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from ghostload.anomalies.apply import kind_parameters
from ghostload.anomalies.base import AnomalyKind, EventBlock, Family
from ghostload.anomalies.events import MAX_PARAMETERS
from ghostload.anomalies.timing import Spans
from ghostload.config.model import CUSTOMER_CLASSES, GeneratorConfig
from ghostload.dataset import Dataset
from ghostload.detection.contract import check_detector
from ghostload.errors import RegistrationError
from ghostload.export.base import Exporter
from ghostload.export.write import write_dataset
from ghostload.pipeline import SyntheticDataPipeline
from ghostload.streams import FloatArray, IntArray, Stage, Streams
from ghostload.validation.checks import Check
from ghostload.validation.context import Context
from ghostload.validation.run import run_check

__all__ = ["check_anomaly_kind", "check_detector", "check_exporter", "check_validation_check"]

_EVENTS, _MONTHS, _CUT = 96, 18, 11


def check_anomaly_kind(kind: AnomalyKind, *, seed: int = 0) -> None:
    """Check that a kind of anomaly keeps the contract.

    Energy stays finite and non-negative; the input is left alone; the same events give the same energy; nothing changes
    in months before an event; what follows the data changes nothing in it; events do not depend on each other; and a
    theft loses energy.

    Raises
    ------
    RegistrationError
        It does not; the message says what.
    """
    block, kwh = _sample_block(kind, seed)
    given = kwh.copy()
    drawn, shown = _both(kind, kwh, block)
    _require(kind.name, np.array_equal(kwh, given), "changes the energy that it is given")
    for energy in (drawn, shown):
        _require(kind.name, energy.shape == kwh.shape, "gives another shape than (events, months)")
        _require(kind.name, bool(np.isfinite(energy).all()), "gives energy that is not finite")
        _require(kind.name, bool((energy >= -1e-9).all()), "gives negative energy")
    _require(kind.name, np.array_equal(_both(kind, kwh, block)[1], shown), "is not the same twice")
    before = (block.active == 0.0) & (block.elapsed_months == 0.0)
    _require(kind.name, np.array_equal(shown[before], kwh[before]), "changes months before it begins")
    part = _both(kind, kwh[:, :_CUT], _months(block, _CUT))[1]
    _require(kind.name, np.allclose(part, shown[:, :_CUT]), "lets what follows the data change what is in it")
    turned = np.arange(len(kwh))[::-1]
    other = _both(kind, kwh[turned], _events(block, turned))[1]
    _require(kind.name, np.allclose(other, shown[turned]), "lets one event change another")
    if kind.family is Family.THEFT:
        _require(kind.name, shown.sum() < drawn.sum(), "is a theft, but registers all that is drawn")


def check_exporter(exporter: Exporter) -> None:
    """Check that a registered exporter can be named in ``export.others``, and writes the same bytes twice.

    Raises
    ------
    RegistrationError
        It does not; the message says what.
    """
    name = getattr(exporter, "name", None)
    _require(repr(exporter), isinstance(name, str) and bool(name), "has no name")
    dataset = _small_dataset()
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_written(exporter, dataset, Path(folder) / turn) for turn in ("a", "b"))
    _require(str(name), first == second, "does not write the same bytes twice")
    _require(str(name), bool(first), "writes no file")


def check_validation_check(check: Check) -> None:
    """Check that a check keeps the contract: it has a text, finds the same twice, and says so under its own name.

    Raises
    ------
    RegistrationError
        It does not; the message says what.
    """
    _require(check.name, bool(check.summary.strip()), "has no docstring")
    dataset = _small_dataset()
    findings = run_check(check, Context(dataset))
    for finding in findings:
        _require(check.name, finding.check == check.name, f"gives findings under the name {finding.check!r}")
        _require(check.name, bool(finding.message), "gives a finding without a message")
    again = run_check(check, Context(dataset))
    _require(check.name, list(findings) == list(again), "does not find the same twice")


def _require(name: str, kept: bool, broken: str) -> None:
    if not kept:
        raise RegistrationError(f"{name}: {broken}")


def _small_dataset() -> Dataset:
    return SyntheticDataPipeline(GeneratorConfig(num_meters=60, num_months=3)).build()


def _written(exporter: Exporter, dataset: Dataset, folder: Path) -> dict[str, bytes]:
    """Return what an exporter adds to the files of a data set."""
    config = dataset.config or GeneratorConfig()
    plain = write_dataset(dataset, folder / "plain")
    asked = config.replace(export=replace(config.export, others=(exporter.name,)))
    full = write_dataset(replace(dataset, config=asked), folder / "full")
    known = {path.relative_to(plain) for path in plain.rglob("*")}
    found = {path.relative_to(full): path for path in full.rglob("*") if path.is_file()}
    return {name.as_posix(): path.read_bytes() for name, path in found.items() if name not in known}


def _sample_block(kind: AnomalyKind, seed: int) -> tuple[EventBlock, FloatArray]:
    """Events at many times, some before the data and some beyond it, on customers of all sizes."""
    streams = Streams(seed)
    uniform = streams.uniform(Stage.EVALUATION, 0, _EVENTS, MAX_PARAMETERS + 4 + 2 * _MONTHS, 20)
    start = -6.0 + 20.0 * uniform[:, 0]
    end = np.where(uniform[:, 1] < 0.5, np.inf, start + 1.0 + 12.0 * uniform[:, 2])
    spans = Spans(start, end)
    level = np.exp(3.0 + 5.0 * uniform[:, 3])
    parameters = uniform[:, 4 : 4 + MAX_PARAMETERS]
    months = uniform[:, 4 + MAX_PARAMETERS : 4 + MAX_PARAMETERS + _MONTHS]
    block = EventBlock(
        active=spans.active(_MONTHS),
        elapsed_months=spans.elapsed(_MONTHS),
        closing=spans.closing(_MONTHS),
        parameters=kind_parameters(kind, parameters),
        strength=np.ones(_EVENTS),
        uniform=months,
        level_kwh=level,
        class_index=np.arange(_EVENTS) % len(CUSTOMER_CLASSES),
        numbers=12 * 2025 + np.arange(_MONTHS),
    )
    kwh = level[:, None] * (0.5 + uniform[:, -_MONTHS:])
    kwh[::7, ::5] = 0.0
    return block, kwh


def _both(kind: AnomalyKind, kwh: FloatArray, block: EventBlock) -> tuple[FloatArray, FloatArray]:
    drawn = kind.on_demand(kwh, block)
    return drawn, kind.on_register(drawn, block)


def _months(block: EventBlock, stop: int) -> EventBlock:
    names = ("active", "elapsed_months", "closing", "uniform")
    return replace(block, numbers=block.numbers[:stop], **{name: getattr(block, name)[:, :stop] for name in names})


def _events(block: EventBlock, rows: IntArray) -> EventBlock:
    names = ("active", "elapsed_months", "closing", "uniform", "strength", "level_kwh", "class_index")
    parameters = {name: values[rows] for name, values in block.parameters.items()}
    return replace(block, parameters=parameters, **{name: getattr(block, name)[rows] for name in names})
