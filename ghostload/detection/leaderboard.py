"""What the detectors scored: as a frame, as files, as a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghostload import __version__
from ghostload.detection.curves import Curves
from ghostload.detection.feature_sets import uses_of
from ghostload.detection.metrics import LEVEL, Estimate
from ghostload.detection.output import write_files

if TYPE_CHECKING:
    import pandas as pd

FILES = ("leaderboard.csv", "leaderboard_details.csv", "leaderboard.json", "leaderboard.html")

PROTOCOL = (
    "A higher score is more suspicious. Unsupervised detectors are fitted on all meters without labels and score the "
    "same meters. Supervised ones are scored out of fold: five folds cut by transformer, trained on the labels of the "
    "other folds' transformers alone. Ties count as a random order. Intervals: percentiles of a bootstrap over "
    "transformers."
)


@dataclass(frozen=True)
class Entry:
    """One detector on one data set.

    Attributes
    ----------
    name, summary, features : str
    supervised : bool
    metrics : mapping of name to Estimate
        Empty when it failed.
    curves : Curves, optional
    reason : str
        Why it failed; empty when it did not.
    """

    name: str
    summary: str
    supervised: bool
    features: str
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    curves: Curves | None = None
    reason: str = ""

    @property
    def uses(self) -> str:
        """What it was given: months, intervals, balance (transformers' meters), voltage."""
        return uses_of(self.features)

    @property
    def failed(self) -> bool:
        """Whether there are no metrics."""
        return bool(self.reason)


@dataclass(frozen=True)
class Leaderboard:
    """Detectors from the best to the worst by average precision; those that failed stand last.

    Attributes
    ----------
    entries : tuple of Entry
    num_meters, num_theft, num_transformers : int
    months : tuple of str
    seed, n_bootstrap : int
    budgets : tuple of float
        Shares of all meters inspected.
    records : str
        How far what detectors were told of the network is right.
    """

    entries: tuple[Entry, ...]
    num_meters: int
    num_theft: int
    num_transformers: int
    months: tuple[str, ...]
    seed: int
    n_bootstrap: int
    budgets: tuple[float, ...]
    records: str = "perfect"

    @classmethod
    def of(cls, entries: Iterable[Entry], **about: Any) -> Leaderboard:
        """Sort the entries: by falling average precision, then by name; failed ones last."""
        return cls(tuple(sorted(entries, key=_place)), **about)

    @property
    def failed(self) -> tuple[Entry, ...]:
        """Detectors that raised."""
        return tuple(entry for entry in self.entries if entry.failed)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a detector with the main metrics; each metric has columns ``_low`` and ``_high`` beside it."""
        import pandas as pd

        names = [name for name in self.metric_names if "/" not in name]
        rows = []
        for entry in self.entries:
            row: dict[str, Any] = {
                **_status(entry),
                "supervised": entry.supervised,
                "features": entry.features,
                "uses": entry.uses,
            }
            for name in names:
                estimate = entry.metrics.get(name, Estimate(None))
                row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            rows.append(row)
        frame = pd.DataFrame(rows)
        words = ("detector", "status", "reason", "supervised", "features", "uses")
        figures = [name for name in frame.columns if name not in words]
        return frame.astype(dict.fromkeys(figures, "float64"))

    def to_long_frame(self) -> pd.DataFrame:
        """Return one row for each detector and metric, per-kind ones included."""
        import pandas as pd

        rows = [
            {**_status(entry), "metric": name, "value": e.value, "low": e.low, "high": e.high}
            for entry in self.entries
            for name, e in (entry.metrics.items() if not entry.failed else [("", Estimate(None))])
        ]
        return pd.DataFrame(rows).astype({"value": "float64", "low": "float64", "high": "float64"})

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of all metrics, in the order in which they were computed."""
        return tuple(dict.fromkeys(name for entry in self.entries for name in entry.metrics))

    def to_dict(self) -> dict[str, Any]:
        """Return all there is as plain lists and mappings; what is not defined is None."""
        return {
            "data_set": {
                "num_meters": self.num_meters,
                "num_theft": self.num_theft,
                "num_transformers": self.num_transformers,
                "first_month": self.months[0],
                "last_month": self.months[-1],
            },
            "protocol": PROTOCOL,
            "records": self.records,
            "seed": self.seed,
            "n_bootstrap": self.n_bootstrap,
            "interval_level": LEVEL,
            "budgets": list(self.budgets),
            "versions": versions(),
            "detectors": [_as_dict(entry) for entry in self.entries],
        }

    def to_json(self) -> str:
        """Return :meth:`to_dict` as JSON text; it holds no NaN."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, directory: str | Path) -> tuple[Path, ...]:
        """Write ``leaderboard.csv``, ``leaderboard_details.csv``, ``leaderboard.json`` and ``leaderboard.html``.

        Parameters
        ----------
        directory : path
            Made when it is not there. Earlier results in it are replaced.

        Returns
        -------
        tuple of Path

        Raises
        ------
        OutputError
            It cannot be written; what was there before is untouched.
        """
        from ghostload.detection.page import leaderboard_page

        texts = (
            self.to_frame().to_csv(index=False, float_format="%.6g", lineterminator="\n"),
            self.to_long_frame().to_csv(index=False, float_format="%.6g", lineterminator="\n"),
            self.to_json(),
            leaderboard_page(self),
        )
        return write_files(Path(directory), dict(zip(FILES, texts, strict=True)))


def versions() -> dict[str, str]:
    """Versions of what the scores depend on."""
    from importlib.metadata import version

    return {"ghostload": __version__, **{name: version(name) for name in ("numpy", "scikit-learn")}}


def _place(entry: Entry) -> tuple[bool, float, str]:
    ap = entry.metrics["ap"].value if not entry.failed else None
    return entry.failed, -(ap or 0.0), entry.name


def _status(entry: Entry) -> dict[str, Any]:
    return {"detector": entry.name, "status": "failed" if entry.failed else "ok", "reason": entry.reason}


def _as_dict(entry: Entry) -> dict[str, Any]:
    metrics = {name: [_rounded(e.value), _rounded(e.low), _rounded(e.high)] for name, e in entry.metrics.items()}
    return {
        "name": entry.name,
        "summary": entry.summary,
        "supervised": entry.supervised,
        "features": entry.features,
        "uses": entry.uses,
        "status": "failed" if entry.failed else "ok",
        "reason": entry.reason,
        "metrics": {name: dict(zip(("value", "low", "high"), values, strict=True)) for name, values in metrics.items()},
        "curves": entry.curves.as_lists() if entry.curves else None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def shown_metrics(budgets: Sequence[float]) -> tuple[str, ...]:
    """Return the metrics of the main table, in order."""
    at = [f"@{100 * budget:g}%" for budget in budgets]
    return ("ap", "roc_auc", f"precision{at[0]}", *(f"recall{a}" for a in at), *(f"kwh_recovered{a}" for a in at))
