"""Run detectors on a data set under one protocol and gather what they scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ghostload.detection.curves import curves_of
from ghostload.detection.detector import DETECTORS, DetectorSpec, find_detector
from ghostload.detection.features import FeatureTable
from ghostload.detection.leaderboard import Entry, Leaderboard
from ghostload.detection.metrics import BUDGETS, evaluate
from ghostload.detection.records import RECORDS, RecordErrors, recorded
from ghostload.detection.scoring import score_detector
from ghostload.detection.truth import Truth, truth_of
from ghostload.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from ghostload.dataset import Dataset

Progress = Callable[[str, int, int], None]


def run_benchmark(
    dataset: Dataset,
    detectors: Sequence[str | DetectorSpec] | None = None,
    *,
    seed: int = 0,
    n_bootstrap: int = 200,
    records: str | RecordErrors = "perfect",
    progress: Progress | None = None,
) -> Leaderboard:
    """Fit and score detectors on a data set, and rank them by average precision.

    Parameters
    ----------
    dataset : Dataset
        With labels, and both thieves and honest meters.
    detectors : sequence of str or DetectorSpec, optional
        Names as of :func:`~ghostload.detection.detector.find_detector`. Not given: all that are registered and that
        the data set has enough for, see :func:`not_run`.
    seed : int
        Of the folds, the detectors and the bootstrap; non-negative.
    n_bootstrap : int
        Bootstrap replicates of the intervals; 0 for none.
    records : str or RecordErrors
        How far the utility's records of its network are right: a name of :data:`~ghostload.detection.records.RECORDS`,
        or errors. They are drawn from ``seed``, and change what detectors are told, never readings or labels.
    progress : callable (name, done, total), optional
        Called before each detector.

    Returns
    -------
    Leaderboard
        A detector that raised is in it as failed, with the reason, and in no average.

    Raises
    ------
    RegistrationError
        A detector is unknown. Nothing has been run then.
    DataError
        There is no ground truth, or the data cannot be used.
    UsageError
        A detector is asked for twice, a number is negative, or records of such a name are not known.
    """
    for number, value in (("seed", seed), ("n_bootstrap", n_bootstrap)):
        if value < 0:
            raise UsageError(f"{number}: is {value}, must not be negative")
    name, errors = _records(records)
    specs = _specs(detectors, dataset)
    known = recorded(dataset, errors, seed=seed)
    truth = truth_of(dataset)
    cache: dict[str, FeatureTable] = {}
    entries = []
    for done, spec in enumerate(specs):
        if progress is not None:
            progress(spec.name, done, len(specs))
        entries.append(_entry(spec, dataset, known, truth, cache, seed, n_bootstrap))
    return Leaderboard.of(
        entries,
        num_meters=dataset.num_meters,
        num_theft=int(truth.is_theft.sum()),
        num_transformers=dataset.tables["transformers"].num_rows,
        months=dataset.months,
        seed=seed,
        n_bootstrap=n_bootstrap,
        budgets=BUDGETS,
        records=name,
    )


def not_run(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """Return what the data set lacks, and for each lack the registered detectors that it keeps from being run."""
    found: dict[str, tuple[str, ...]] = {}
    for name in DETECTORS.names():
        missing = find_detector(name).lacks(dataset)
        if missing is not None:
            found[missing] = (*found.get(missing, ()), name)
    return found


def _records(records: str | RecordErrors) -> tuple[str, RecordErrors]:
    if isinstance(records, RecordErrors):
        return str(records), records
    if records not in RECORDS:
        raise UsageError(
            f"records: {records!r} is not known{did_you_mean(records, RECORDS)}; choose {', '.join(RECORDS)}"
        )
    return records, RECORDS[records]


def _specs(detectors: Sequence[str | DetectorSpec] | None, dataset: Dataset) -> list[DetectorSpec]:
    wanted: Sequence[str | DetectorSpec] = DETECTORS.names() if detectors is None else detectors
    specs = [item if isinstance(item, DetectorSpec) else find_detector(item) for item in wanted]
    if detectors is None:
        specs = [spec for spec in specs if spec.lacks(dataset) is None]
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"detector {name!r}: is asked for {names.count(name)} times; name it once")
    return specs


def _entry(
    spec: DetectorSpec,
    dataset: Dataset,
    known: Dataset,
    truth: Truth,
    cache: dict[str, FeatureTable],
    seed: int,
    n_bootstrap: int,
) -> Entry:
    """Run one detector; whatever it raises becomes its reason for having failed."""
    entry = Entry(spec.name, spec.summary, spec.supervised, spec.features)
    try:
        scores = score_detector(spec, dataset, seed=seed, cache=cache, known=known)
    except Exception as error:  # a detector is anybody's code: one that fails must not take the others with it
        return replace(entry, reason=" ".join(f"{type(error).__name__}: {error}".split()))
    metrics = evaluate(scores, truth, n_bootstrap=n_bootstrap, seed=seed)
    return replace(entry, metrics=metrics, curves=curves_of(scores, truth))
