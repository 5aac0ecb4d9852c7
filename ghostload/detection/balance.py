"""The transformer's meter against the meters behind it, month by month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from ghostload.detection.features import FeatureTable, own_profile
from ghostload.detection.groups import group_median
from ghostload.detection.panel import Panel, panel_of
from ghostload.errors import DataError
from ghostload.streams import FloatArray, IntArray

if TYPE_CHECKING:
    import pyarrow as pa

    from ghostload.dataset import Dataset

NAMES = (
    "unaccounted_share",
    "unaccounted_kwh",
    "unaccounted_over_own",
    "unaccounted_change",
    "unaccounted_spread",
    "own_part",
    "moves_together",
    "moves_slope",
    "explains",
    "balance_score",
)

SMALL_KWH = 1.0

TABLE, FILE = "transformer_readings", "transformer_readings.csv"
"""What the transformers' own meters registered: the utility sees it. ``transformer_energy`` is truth and not read."""


@dataclass(frozen=True, eq=False)
class MonthlyBalance:
    """Transformers' energies by month.

    Attributes
    ----------
    delivered_kwh : (G, T) array
        By transformer as :attr:`Panel.group_code` counts them; NaN where there is no meter.
    unaccounted_kwh : (G, T) array
        Delivered less registered less lost in the lines as modelled; 0 where nothing is known.
    """

    delivered_kwh: FloatArray
    unaccounted_kwh: FloatArray


def lacks_balance(dataset: Dataset) -> str | None:
    """Say what a data set lacks for a balance of months; None when nothing."""
    if TABLE not in dataset.tables or dataset.tables[TABLE].num_rows == 0:
        return f"{FILE}: is not in this data set; generate it with physics power_flow and transformer meters"
    return None


def delivered_of(dataset: Dataset, panel: Panel) -> FloatArray:
    """Return what the transformers' own meters registered, (G, T) by the panel's groups; NaN where there is none.

    Raises
    ------
    DataError
        The data set has no such table, or it names a transformer or a month twice.
    """
    missing = lacks_balance(dataset)
    if missing is not None:
        raise DataError(missing)
    table = dataset.tables[TABLE]
    groups = int(panel.group_code.max()) + 1
    known = dataset.tables["transformers"]["transformer_id"].combine_chunks()
    row = np.asarray(pc.fill_null(pc.index_in(table["transformer_id"], value_set=known), -1), dtype=np.int64)
    month = _month_index(table["month"], panel.months)
    group_of = np.full(len(known) + 1, -1)
    served = dataset.transformer_index
    group_of[served[served >= 0]] = panel.group_code[served >= 0]
    group = group_of[row]
    use = (group >= 0) & (month >= 0)
    cell = group[use] * panel.num_months + month[use]
    if len(np.unique(cell)) < len(cell):
        raise DataError(f"{FILE}: has a transformer and month twice; keep one row of each")
    delivered = np.full(groups * panel.num_months, np.nan)
    delivered[cell] = np.asarray(table["registered_kwh"], dtype=np.float64)[use]
    return delivered.reshape(groups, panel.num_months)


def _month_index(column: pa.ChunkedArray, months: tuple[str, ...]) -> IntArray:
    position = {month: number for number, month in enumerate(months)}
    found = [position.get(str(name).replace("-", ""), -1) for name in column.to_pylist()]
    return np.asarray(found, dtype=np.int64)


def monthly_balance(panel: Panel, delivered_kwh: FloatArray) -> MonthlyBalance:
    r"""Take registered energy and modelled losses of the lines off what is delivered.

    Losses grow with the square of the load: :math:`L = c E^2 / \bar E`, with the transformer's mean energy
    :math:`\bar E` as a measure of what its lines were built for. c is the lower quartile of
    :math:`(D - R) / R` over the transformers: most have some theft behind them, those with the least show the losses.

    Parameters
    ----------
    panel : Panel
    delivered_kwh : (G, T) array
    """
    groups, months = delivered_kwh.shape
    registered = np.zeros((groups, months))
    np.add.at(registered, panel.group_code, panel.registered_kwh)
    known = np.isfinite(delivered_kwh)
    gap = np.where(known, delivered_kwh - registered, 0.0)
    total = np.where(known, registered, 0.0).sum(axis=1)
    share = gap.sum(axis=1)[total > 0] / total[total > 0]
    c = max(float(np.quantile(share, 0.25)), 0.0) if len(share) else 0.0
    mean = np.maximum(registered.mean(axis=1, keepdims=True), SMALL_KWH)
    return MonthlyBalance(delivered_kwh, np.where(known, gap - c * registered**2 / mean, 0.0))


def balance_features(dataset: Dataset) -> FeatureTable:
    """Return what the months of a transformer's own meter say about each meter behind it.

    ==========================  ====================================================================================
    ``unaccounted_share``       unaccounted over delivered energy of the transformer
    ``unaccounted_kwh``         asinh of the unaccounted kWh a month
    ``unaccounted_over_own``    log of unaccounted over the meter's own energy: above 0, it cannot be this meter's alone
                                unless it hides more than it shows
    ``unaccounted_change``      share of the last quarter less that of the first
    ``unaccounted_spread``      standard deviation of the share over months
    ``own_part``                log of the meter's part in the registered energy of the transformer
    ``moves_together``          correlation, over months, of the unaccounted energy with what the meter falls short of
                                its usual share of the class's month
    ``moves_slope``             regression of the first on the second, held within -2 and 2
    ``explains``                share k of :func:`ridge_shares`
    ``balance_score``           :func:`balance_score`
    ==========================  ====================================================================================

    Meters of transformers without a meter of their own have zeros.
    """
    panel = panel_of(dataset)
    balance = monthly_balance(panel, delivered_of(dataset, panel))
    return FeatureTable(NAMES, balance_columns(panel, balance))


def balance_columns(panel: Panel, balance: MonthlyBalance) -> FloatArray:
    """Return the features :data:`NAMES`, (N, 10)."""
    code = panel.group_code
    known = np.isfinite(balance.delivered_kwh)
    delivered = np.where(known, balance.delivered_kwh, 0.0)
    total = delivered.sum(axis=1) + SMALL_KWH
    months = np.maximum(known.sum(axis=1), 1)
    lost = balance.unaccounted_kwh
    mean_lost = lost.sum(axis=1) / months
    shares = lost / (delivered + SMALL_KWH)
    quarter = max(1, panel.num_months // 4)
    change = shares[:, -quarter:].mean(axis=1) - shares[:, :quarter].mean(axis=1)
    own = panel.registered_kwh.mean(axis=1)
    registered = np.bincount(code, weights=own)
    together, slope = co_movement(lost[code], shortfall_kwh(panel))
    k = ridge_shares(panel, balance)
    columns = np.column_stack(
        [
            (lost.sum(axis=1) / total)[code],
            np.arcsinh(mean_lost)[code],
            np.log((np.maximum(mean_lost, 0.0)[code] + SMALL_KWH) / (own + SMALL_KWH)),
            change[code],
            shares.std(axis=1)[code],
            np.log((own + SMALL_KWH) / (registered[code] + SMALL_KWH)),
            together,
            slope,
            k,
            np.zeros(len(code)),
        ]
    )
    columns[:, -1] = balance_score(columns, panel)
    metered = np.asarray(known.any(axis=1))
    columns[~metered[code]] = 0.0
    return columns


def shortfall_kwh(panel: Panel) -> FloatArray:
    """Return what each meter registers less than its own mean times the class's median month, (N, T) kWh."""
    usual = group_median(own_profile(panel), panel.class_code)
    mean = panel.registered_kwh.mean(axis=1, keepdims=True)
    return np.asarray(mean * usual - panel.registered_kwh)


def co_movement(lost: FloatArray, shortfall: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the correlation over months of two (N, T) series, and the slope of the first on the second."""
    a, b = lost - lost.mean(axis=1, keepdims=True), shortfall - shortfall.mean(axis=1, keepdims=True)
    ab, aa, bb = (np.einsum("it,it->i", x, y) for x, y in ((a, b), (a, a), (b, b)))
    size = np.sqrt(aa * bb)
    r = np.divide(ab, size, out=np.zeros(len(ab)), where=size > 1e-9)
    slope = np.divide(ab, bb, out=np.zeros(len(ab)), where=bb > 1e-9)
    return r, np.clip(slope, -2.0, 2.0)


def ridge_shares(panel: Panel, balance: MonthlyBalance, *, noise: float = 0.01, prior: float = 0.3) -> FloatArray:
    r"""Regress a transformer's unaccounted energy on its meters' months, (N,) shares k.

    .. math:: \min_k \; |U - \sum_i k_i x_i|^2 / \sigma^2 + |k|^2 / s^2

    There are more meters than months, so the prior s decides much: energy goes to large meters first, and to those
    whose course over the months it follows.

    Parameters
    ----------
    panel : Panel
    balance : MonthlyBalance
    noise : float
        Error of a month's unaccounted energy as a share of the transformer's mean.
    prior : float
        Standard deviation of k beforehand.
    """
    k = np.zeros(len(panel.group_code))
    order = np.argsort(panel.group_code, kind="stable")
    bounds = np.searchsorted(panel.group_code[order], np.arange(len(balance.unaccounted_kwh) + 1))
    for group, (first, last) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        members, known = order[first:last], np.isfinite(balance.delivered_kwh[group])
        if not known.any() or first == last:
            continue
        x, lost = panel.registered_kwh[members][:, known], balance.unaccounted_kwh[group, known]
        sigma = noise * float(x.sum(axis=0).mean()) + SMALL_KWH
        # The dual form: months are fewer than meters.
        gram = prior**2 * (x.T @ x) + sigma**2 * np.eye(x.shape[1])
        k[members] = prior**2 * (x @ np.linalg.solve(gram, lost))
    return k


def balance_score(columns: FloatArray, panel: Panel) -> FloatArray:
    """Return a rule's score: how much is missing at the transformer, and how far the meter's course says that it is it.

    The share that is missing, in units of a usual thief's hundredth, plus the co-movement, weighed by whether enough is
    missing for it to matter.
    """
    missing = np.maximum(columns[:, NAMES.index("unaccounted_share")], 0.0)
    together = columns[:, NAMES.index("moves_together")]
    explains = np.clip(columns[:, NAMES.index("explains")], 0.0, 1.0)
    score: FloatArray = np.log1p(100.0 * missing) * (1.0 + np.maximum(together, 0.0) + explains)
    return score
