"""Closeness of a data set's households to real ones, quantity by quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from ghostload.dataset import Dataset
from ghostload.reporting.reference import REFERENCES
from ghostload.streams import FloatArray


@dataclass(frozen=True)
class RealismRow:
    """One quantity against its reference range.

    Attributes
    ----------
    name, label : str
    measured : float or None
        None when the window is too short.
    low, high : float
        Range of the real sets.
    unit : str
    inside : bool or None
    note : str
        Source of the range, or why there is no value.
    """

    name: str
    label: str
    measured: float | None
    low: float
    high: float
    unit: str
    inside: bool | None
    note: str


def compare(dataset: Dataset) -> list[RealismRow]:
    """Hold the honest households of a data set against the reference figures.

    Parameters
    ----------
    dataset : Dataset
        Meters with theft are left out where labels say which they are.

    Returns
    -------
    list of RealismRow, one for each reference.
    """
    home = np.asarray(pc.equal(dataset.tables["meters"]["customer_class"], "residential"))
    if "anomaly_labels" in dataset.tables:
        home = home & ~dataset.is_theft
    measured = measure(dataset.registered_kwh[home], dataset.months)
    return [_row(reference.name, measured) for reference in REFERENCES]


def _row(name: str, measured: dict[str, float]) -> RealismRow:
    reference = next(r for r in REFERENCES if r.name == name)
    value = measured.get(name)
    inside = None if value is None else bool(reference.low <= value <= reference.high)
    note = reference.source if value is not None else f"needs {reference.min_months} months or more"
    return RealismRow(name, reference.label, value, reference.low, reference.high, "1", inside, note)


def measure(kwh: FloatArray, months: Sequence[str]) -> dict[str, float]:
    """Measure every quantity of :data:`ghostload.reporting.reference.REFERENCES` that the window allows.

    Parameters
    ----------
    kwh : (n, T) array
        Monthly energy.
    months : sequence of T "YYYYMM"

    Returns
    -------
    dict of name to value; quantities that need a longer window, or more than one customer, are left out.
    """
    if kwh.shape[0] < 2:
        return {}
    values = _spread(kwh)
    if kwh.shape[1] >= 12:
        trial = _trial_window(months)
        values |= _variation(kwh) | _trial_figures(kwh[:, trial], months[trial])
    if kwh.shape[1] >= TRIAL_MONTHS:
        values |= {f"acf{lag}_p50": float(np.nanmedian(_autocorrelation(kwh, lag))) for lag in (1, 12)}
    return values


TRIAL_MONTHS = 17
"""Length of the CER trial. What only that trial gives is measured on a window as long, where there is one."""


def _trial_window(months: Sequence[str]) -> slice:
    """Find the 17 months from the first August that fits, else the last 17, else all."""
    starts = [i for i, month in enumerate(months) if month[4:6] == "08" and i + TRIAL_MONTHS <= len(months)]
    if starts:
        return slice(starts[0], starts[0] + TRIAL_MONTHS)
    return slice(max(0, len(months) - TRIAL_MONTHS), len(months))


def _trial_figures(kwh: FloatArray, months: Sequence[str]) -> dict[str, float]:
    mean = kwh.mean(axis=1)
    kwh, mean = kwh[mean > 0], mean[mean > 0]
    amplitude = {"amplitude_p50": float(np.median((kwh.max(axis=1) - kwh.min(axis=1)) / mean))}
    return amplitude | _log_noise(kwh, months) | _low_months(kwh) | _year_on_year(kwh, months)


def _spread(kwh: FloatArray) -> dict[str, float]:
    mean = np.sort(kwh.mean(axis=1))
    count = len(mean)
    rank = 2.0 * np.arange(1, count + 1) - count - 1.0
    positive = mean[mean > 0]
    return {
        "zero_share": float((kwh == 0).mean()),
        "log_mean_sd": float(np.log(positive).std()) if len(positive) else 0.0,
        "gini": float((rank * mean).sum() / (count * mean.sum())) if mean.sum() > 0 else 0.0,
    }


def _variation(kwh: FloatArray) -> dict[str, float]:
    kwh = kwh[kwh.mean(axis=1) > 0]
    mean = kwh.mean(axis=1)
    cv = kwh.std(axis=1, ddof=1) / mean
    values = {f"cv_p{q}": float(np.quantile(cv, q / 100)) for q in (5, 25, 50, 75, 95)}
    deviation = kwh - mean[:, None]
    variance = (deviation**2).mean(axis=1)
    varied = variance > 0
    skew = (deviation[varied] ** 3).mean(axis=1) / variance[varied] ** 1.5
    values["skew_p50"] = float(np.median(skew))
    return values


def _autocorrelation(kwh: FloatArray, lag: int) -> FloatArray:
    """Sample autocorrelation of each row, about the row's own mean, divided by its full sum of squares."""
    deviation = kwh - kwh.mean(axis=1, keepdims=True)
    power = (deviation**2).sum(axis=1)
    shared = (deviation[:, lag:] * deviation[:, :-lag]).sum(axis=1)
    correlation: FloatArray = np.divide(shared, power, out=np.full(len(power), np.nan), where=power > 0)
    return correlation


def _log_noise(kwh: FloatArray, months: Sequence[str]) -> dict[str, float]:
    """Noise: the log of months with energy, less the customer's mean and the common mean of the calendar month."""
    logs = np.log(np.where(kwh > 0, kwh, np.nan))
    logs = logs[np.isfinite(logs).all(axis=1)]
    if len(logs) < 2:
        return {}
    within = logs - logs.mean(axis=1, keepdims=True)
    calendar = np.array([month[4:6] for month in months])
    noise = within.copy()
    for month in sorted(set(calendar)):
        at = calendar == month
        noise[:, at] -= within[:, at].mean()
    variance = (noise**2).mean()
    fourth = (noise**4).mean()
    lagged = (noise[:, 1:] * noise[:, :-1]).mean()
    return {
        "season_r2": float(1.0 - variance / (within**2).mean()),
        "noise_kurtosis": float(fourth / variance**2 - 3.0),
        "noise_acf1": float(lagged / variance),
    }


def _low_months(kwh: FloatArray) -> dict[str, float]:
    low = kwh < 0.5 * np.median(kwh, axis=1, keepdims=True)
    run = low[:, 2:] & low[:, 1:-1] & low[:, :-2]
    return {"low_month": float(low.any(axis=1).mean()), "low_run_3": float(run.any(axis=1).mean())}


def _year_on_year(kwh: FloatArray, months: Sequence[str]) -> dict[str, float]:
    """Mean of August to December against the same months a year before, for the first year that has both."""
    autumn = {m: i for i, m in enumerate(months) if m[4:6] in ("08", "09", "10", "11", "12")}
    for year in sorted({month[:4] for month in autumn}):
        before, after = (
            [autumn[name] for name in (f"{y:04d}{m:02d}" for m in range(8, 13)) if name in autumn]
            for y in (int(year), int(year) + 1)
        )
        if len(before) == len(after) == 5:
            first, second = kwh[:, before].mean(axis=1), kwh[:, after].mean(axis=1)
            change = second[first > 0] / first[first > 0] - 1.0
            falls = {f"yoy_fall_{limit}": float((change < -limit / 100).mean()) for limit in (30, 50, 70)}
            return falls | {"yoy_rise_50": float((change > 0.5).mean())}
    return {}
