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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from ghostload.anomalies.apply import kind_parameters
from ghostload.anomalies.base import AnomalyKind, EventBlock, Family
from ghostload.anomalies.batches import acts_in_hours
from ghostload.anomalies.events import MAX_PARAMETERS, Events
from ghostload.anomalies.in_time import Part, month_in_time
from ghostload.anomalies.registry import KINDS
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

_EVENTS, _MONTHS, _CUT, _HOURS = 96, 18, 11, 744


def check_anomaly_kind(kind: AnomalyKind, *, seed: int = 0) -> None:
    """Check that a kind of anomaly keeps the contract.

    Energy stays finite and non-negative; the input is left alone; the same events give the same energy; nothing changes
    before an event; what follows the data changes nothing in it; events do not depend on each other; hours add up to
    months; and a theft loses energy, or moves it in time if it says so.

    Raises
    ------
    RegistrationError
        It does not; the message says what.
    """
    block, kwh, events = _sample_block(kind, seed)
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
    with _registered(kind):
        lost = _check_in_time(kind, block, kwh, events) + (drawn - shown).sum()
    if kind.family is Family.THEFT and not kind.moves_only:
        _require(kind.name, lost > 0.0, "is a theft, but registers all that is drawn")


@contextmanager
def _registered(kind: AnomalyKind) -> Iterator[None]:
    """Have a kind known by its name, for as long as it is looked up."""
    if kind.name in KINDS:
        yield
        return
    KINDS.add(kind.name, kind)
    try:
        yield
    finally:
        KINDS.remove(kind.name)


def _check_in_time(kind: AnomalyKind, block: EventBlock, kwh: FloatArray, events: Events) -> float:
    """Check a kind on the hours of one month; return what it loses there, if it acts on hours."""
    part = _sample_part(kind, block, kwh, events)
    hours = Streams(2).uniform(Stage.EVALUATION, 0, _EVENTS, _HOURS, 21) ** 3
    wh = np.rint(1000.0 * kwh[:, [_CUT]] * hours / hours.sum(axis=1, keepdims=True)).astype(np.int64)
    given, number = wh.copy(), int(block.numbers[_CUT])
    month = month_in_time(part, wh, _CUT, number, Streams(1))
    _require(kind.name, np.array_equal(wh, given), "changes the hours that it is given")
    _require(kind.name, bool((month.true_wh >= 0).all()), "draws less than nothing in an hour")
    _require(kind.name, np.array_equal(month.true_wh - month.shown_wh, month.lost_wh), "loses energy that it hides")
    again = month_in_time(part, wh, _CUT, number, Streams(1))
    _require(kind.name, np.array_equal(again.shown_wh, month.shown_wh), "is not the same twice in its hours")
    half = np.arange(1, _EVENTS, 2)
    some = month_in_time(part.of_meters(half), wh[half], _CUT, number, Streams(1))
    _require(kind.name, np.array_equal(some.shown_wh, month.shown_wh[half]), "lets one event change another's hours")
    before = events.spans.start >= _CUT + 1
    _require(kind.name, np.array_equal(month.shown_wh[before], wh[before]), "changes hours before it begins")
    if not acts_in_hours(kind):
        asked = part.cut_wh[:, _CUT] + part.lost_wh[:, _CUT]
        kept = np.maximum(wh.sum(axis=1) - asked, 0)
        _require(kind.name, np.array_equal(month.shown_wh.sum(axis=1), kept), "has hours that miss their month")
        return 0.0
    total = month.lost_wh.sum(axis=1)
    _require(kind.name, not kind.moves_only or not total.any(), "moves energy only, but loses some")
    return float(total.sum()) / 1000.0


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


def _sample_block(kind: AnomalyKind, seed: int) -> tuple[EventBlock, FloatArray, Events]:
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
    meters, kinds = np.arange(_EVENTS), np.zeros(_EVENTS, dtype=np.int64)
    return block, kwh, Events(meters, kinds, (kind.name,), spans, block.strength, parameters)


def _sample_part(kind: AnomalyKind, block: EventBlock, kwh: FloatArray, events: Events) -> Part:
    """Return what the hours of the same events follow from."""
    drawn = kind.on_demand(kwh, block)
    return Part(
        meters=events.meter,
        level_kwh=block.level_kwh,
        class_index=block.class_index,
        drawn_kwh=kwh,
        events=events,
        cut_wh=np.rint(1000.0 * (kwh - drawn)).astype(np.int64),
        lost_wh=np.rint(1000.0 * (drawn - kind.on_register(drawn, block))).astype(np.int64),
    )


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
