"""The report's section on energy: delivered, registered, lost, and the transformers that lose most."""

from __future__ import annotations

import numpy as np

from ghostload.dataset import Dataset
from ghostload.reporting import report_tables as tables
from ghostload.reporting.columns import texts
from ghostload.reporting.energy import Balance, balance_of
from ghostload.reporting.page import text
from ghostload.reporting.report_charts import figure, month_ticks
from ghostload.reporting.svg import Axis, Chart, short
from ghostload.streams import FloatArray, IntArray

WORST = 10
"""How many transformers are listed."""

_SEEN = (
    "Delivered is what the transformers' own meters registered, registered the sum of their customers' meters. "
    "What is lost holds losses in the wires, errors of meters, and what passed no meter."
)
_TRUE = (
    "Ground truth from the power flow: delivered is what left the transformers' low-voltage terminals, technical loss "
    "what the low-voltage wires turned into heat, non-technical loss what was drawn and hidden by thefts and faults. "
    "The rest of what is lost are errors of meters."
)


def energy_section(dataset: Dataset, *, truth: bool) -> str:
    """Return the section, or nothing where the data set has no balances.

    Parameters
    ----------
    dataset : Dataset
    truth : bool
        Whether the true balance may be shown, and what was lost be told apart.
    """
    balance = balance_of(dataset, truth=truth)
    if balance is None or not np.isfinite(balance.lost).any():
        return ""
    known = np.isfinite(balance.lost)
    note = f'<p class="note truth">{_TRUE}</p>' if balance.non_technical is not None else f"<p>{_SEEN}</p>"
    both = f'<div class="grid"><div>{_totals(balance, known)}</div>{_by_month(dataset, balance, known)}</div>'
    return note + both + _worst(dataset, balance, known)


def _losses(balance: Balance) -> list[tuple[str, FloatArray]]:
    """Return what was lost, by where it went as far as that is known."""
    if balance.technical is None or balance.non_technical is None:
        return []
    rest = balance.lost - balance.technical - balance.non_technical
    return [
        ("technical loss", balance.technical),
        ("non-technical loss", balance.non_technical),
        ("errors of meters", rest),
    ]


def _totals(balance: Balance, known: np.ndarray) -> str:
    delivered = float(balance.delivered[known].sum())
    entries = [("delivered", balance.delivered), ("registered", balance.registered), ("lost", balance.lost)]
    entries += _losses(balance)
    rows = [(name, balance_kwh[known].sum()) for name, balance_kwh in entries]
    cells = [(text(name), tables.number(kwh / 1e3, 1), _share(kwh, delivered)) for name, kwh in rows]
    if balance.own is not None:
        lost = float(balance.own[known].sum())
        cells.append(
            (text("in the transformers, before delivery"), tables.number(lost / 1e3, 1), _share(lost, delivered))
        )
    caption = (
        f"{int(known.any(axis=1).sum()):,} of {len(known):,} transformers; the months in which both sides are known"
    )
    return tables.table(caption, ("energy", "MWh", "of delivered"), cells, numbers=2)


def _by_month(dataset: Dataset, balance: Balance, known: np.ndarray) -> str:
    """Draw shares of what was delivered, month by month."""
    months = dataset.months
    delivered = np.where(known, balance.delivered, 0.0).sum(axis=0)
    lines = [("lost", balance.lost, "#D55E00", "")]
    looks = (("#6B7280", "5 3"), ("#AA0055", "2 3"), ("#0072B2", "1 3"))
    lines += [(name, kwh, *look) for (name, kwh), look in zip(_losses(balance), looks, strict=False)]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [np.where(known, kwh, 0.0).sum(axis=0) / delivered for _, kwh, _, _ in lines]
    there = np.concatenate([share[np.isfinite(share)] for share in shares])
    if len(months) < 2 or not there.size:
        return ""
    low, high = min(float(there.min()), 0.0), max(float(there.max()), 0.001)
    axis = Axis(low * 1.05, high * 1.08, "of delivered energy")
    percent = tuple((value, f"{short(100 * value)} %") for value, _ in axis.marks())
    chart = Chart(
        Axis(0.0, len(months) - 1.0, "month", ticks=month_ticks(months)),
        Axis(axis.low, axis.high, axis.label, ticks=percent),
        "Share of the delivered energy that was lost, month by month",
    )
    for (name, _, colour, dash), share in zip(lines, shares, strict=True):
        chart.line(np.arange(len(months), dtype=float), share, colour, label=name, dash=dash)
    return figure("Lost energy by month", chart.render())


def _worst(dataset: Dataset, balance: Balance, known: np.ndarray) -> str:
    """List the transformers that lose the largest share: non-technically, where that is known."""
    transformers = dataset.tables["transformers"]
    names, feeders = texts(transformers, "transformer_id"), texts(transformers, "feeder_id")

    def total(kwh: FloatArray) -> FloatArray:
        return np.asarray(np.where(known, kwh, 0.0).sum(axis=1), dtype=np.float64)

    delivered, lost = total(balance.delivered), total(balance.lost)
    ranked = lost if balance.non_technical is None else total(balance.non_technical)
    usable = np.flatnonzero(known.any(axis=1) & (delivered > 0))
    order: IntArray = usable[np.lexsort((usable, -ranked[usable] / delivered[usable]))][:WORST]
    splits = [("lost", lost), *((name, total(kwh)) for name, kwh in _losses(balance)[:2])]
    rows = [
        (
            text(names[t]),
            text(feeders[t]),
            tables.number(delivered[t] / 1e3, 1),
            *(_share(kwh[t], delivered[t]) for _, kwh in splits),
        )
        for t in order.tolist()
    ]
    heads = ("transformer", "feeder", "delivered, MWh", *(name for name, _ in splits))
    what = "non-technical loss" if balance.non_technical is not None else "loss"
    caption = f"The {len(rows)} transformers with the largest share of {what}, of what each delivered"
    return "<h3>Worst transformers</h3>" + tables.table(caption, heads, rows, numbers=1 + len(splits))


def _share(kwh: float, delivered: float) -> str:
    return tables.percent(float(kwh) / delivered, 2) if delivered > 0 else "–"
