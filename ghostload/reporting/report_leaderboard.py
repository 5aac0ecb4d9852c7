"""The leaderboard of the report, from a ``leaderboard.json`` of ``ghostload benchmark``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ghostload.dataset import Dataset
from ghostload.errors import DataError, MissingError
from ghostload.reporting.page import text
from ghostload.reporting.report_charts import figure
from ghostload.reporting.report_tables import table
from ghostload.reporting.svg import Axis, Chart, round_ticks

_MOST_COLUMNS = 9
_NAMES = {"ap": "average precision", "roc_auc": "ROC AUC"}
_UNSUPERVISED, _SUPERVISED = "#0072B2", "#D55E00"


def read_leaderboard(path: Path) -> dict[str, Any]:
    """Read a leaderboard.

    Raises
    ------
    DataError
        The file cannot be read, or is no leaderboard.
    """
    try:
        board = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise DataError(f"{path}: is no JSON ({error}); give the leaderboard.json of ghostload benchmark -o") from error
    if not isinstance(board, dict) or not _is_list_of_detectors(board.get("detectors")):
        raise DataError(f"{path}: has no list of detectors; give the leaderboard.json of ghostload benchmark -o")
    return board


def is_about(board: Mapping[str, Any], dataset: Dataset) -> bool:
    """Tell whether a leaderboard is of this data set, as far as its counts and months show."""
    about = board.get("data_set") or {}
    months = dataset.months
    here = {
        "num_meters": dataset.num_meters,
        "num_transformers": dataset.tables["transformers"].num_rows,
        "first_month": months[0] if months else None,
        "last_month": months[-1] if months else None,
    }
    return all(about.get(key, value) == value for key, value in here.items())


def find_leaderboard(directory: Path, dataset: Dataset) -> dict[str, Any] | None:
    """Return the leaderboard in the folder or beside it, when there is one and it is of this data set."""
    folder = directory.resolve()
    for path in (folder / "leaderboard.json", folder.parent / "leaderboard.json"):
        if path.is_file():
            board = read_leaderboard(path)
            if is_about(board, dataset):
                return board
    return None


def leaderboard_section(board: Mapping[str, Any]) -> str:
    """Return the chart of average precision and the table of the main metrics."""
    detectors = board["detectors"]
    about = board.get("data_set") or {}
    base = _share(about.get("num_theft"), about.get("num_meters"))
    metrics = _shown(detectors)
    rows = [_row(entry, metrics) for entry in detectors]
    heads = (
        "detector",
        "learns from labels",
        *(_NAMES.get(m, m.replace("_", " ").replace("@", " at ")) for m in metrics),
    )
    intro = str(board.get("protocol") or "")
    parts = [f"<p>{text(intro)}</p>" if intro else "", _chart(detectors, base)]
    level = board.get("interval_level")
    caption = "Best average precision first" + (
        f"; in brackets, {level:.0%} intervals" if isinstance(level, float) else ""
    )
    return "\n".join([*parts, table(caption, heads, rows, numbers=len(metrics))])


def _is_list_of_detectors(value: Any) -> bool:
    named = isinstance(value, list) and all(isinstance(d, dict) and "name" in d for d in value)
    return named and all(isinstance(d.get("metrics", {}), dict) for d in value)


def _share(part: Any, whole: Any) -> float | None:
    return part / whole if isinstance(part, int) and isinstance(whole, int) and whole > 0 else None


def _shown(detectors: list[dict[str, Any]]) -> list[str]:
    """Return the headline metrics: not those by kind, and at most as many as a page is wide."""
    names = list(dict.fromkeys(name for entry in detectors for name in entry.get("metrics", {})))
    wanted = [n for n in names if n in _NAMES or re.match(r"(precision|recall|kwh_recovered)@[^/]*$", n)]
    return wanted[:_MOST_COLUMNS]


def _row(entry: Mapping[str, Any], metrics: list[str]) -> tuple[str, ...]:
    name = f'<span title="{text(entry.get("summary") or "")}">{text(entry["name"])}</span>'
    if entry.get("status") == "failed":
        return (
            f'{name} <span class="bad">failed: {text(entry.get("reason") or "")}</span>',
            "",
            *([""] * len(metrics)),
        )
    cells = [_cell(entry.get("metrics", {}).get(metric)) for metric in metrics]
    return (name, "yes" if entry.get("supervised") else "no", *cells)


def _cell(estimate: Any) -> str:
    value, low, high = _three(estimate)
    if value is None:
        return "–"
    interval = f' <span class="quiet">({low:.3f}–{high:.3f})</span>' if low is not None and high is not None else ""
    return f"{value:.3f}{interval}"


def _three(estimate: Any) -> tuple[float | None, float | None, float | None]:
    """Return value, low and high of a metric, which may be a plain number."""
    if not isinstance(estimate, Mapping):
        estimate = {"value": estimate}
    value, low, high = (estimate.get(key) for key in ("value", "low", "high"))
    good = [float(v) if isinstance(v, int | float) and np.isfinite(v) else None for v in (value, low, high)]
    return good[0], good[1], good[2]


def _chart(detectors: list[dict[str, Any]], base: float | None) -> str:
    """Draw average precision with its interval, one line a detector."""
    drawn = [(d, *_three(d.get("metrics", {}).get("ap"))) for d in detectors]
    scored = [(d, value, low, high) for d, value, low, high in drawn if value is not None]
    if not scored:
        return ""
    top = max([high if high is not None else value for _, value, _, high in scored] + [base or 0.0]) * 1.05
    names = tuple((float(len(scored) - 1 - i), str(d["name"])) for i, (d, *_) in enumerate(scored))
    ticks = tuple((v, f"{v:g}") for v in round_ticks(0.0, top, 6))
    chart = Chart(
        Axis(0.0, top, "average precision", ticks=ticks),
        Axis(-0.6, len(scored) - 0.4, ticks=names),
        "Average precision of each detector with its interval",
        width=760,
        height=60 + 21 * len(scored),
    )
    chart.left = 20 + 7 * max(len(name) for _, name in names)
    if base is not None:
        chart.upright(base, "#5B6673", label="random order")
    for (place, _), (d, value, low, high) in zip(names, scored, strict=True):
        supervised = bool(d.get("supervised"))
        colour = _SUPERVISED if supervised else _UNSUPERVISED
        label = "learns from labels" if supervised else "learns without labels"
        ends = np.array([value if low is None else low, value if high is None else high])
        chart.line(ends, np.full(2, place), colour, label=label)
        chart.dots(np.array([value]), np.array([place]), colour, radius=4.2)
    return figure("Average precision", chart.render())
