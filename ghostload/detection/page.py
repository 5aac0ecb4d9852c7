"""A leaderboard as one HTML page: tables and curves, no script, no outside request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ghostload import __version__
from ghostload.detection.curves import BUDGET_END
from ghostload.detection.leaderboard import PROTOCOL, Entry, Leaderboard, shown_metrics, versions
from ghostload.detection.svg import Line, chart, stroke
from ghostload.detection.text import UNDEFINED, figure, interval, percent

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1c2330;margin:0 auto;max-width:1180px;padding:1.2rem}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}p{max-width:62rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.86rem}
th,td{padding:.28rem .6rem;border-bottom:1px solid #dde2ea;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:#fff}
th{border-bottom:2px solid #9aa5b8}small{color:#66707f}tr.failed td{color:#a3132b;text-align:left;white-space:normal}
.charts{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;flex:1 1 340px;max-width:560px}figcaption{font-weight:600}
svg{width:100%;height:auto}svg text{font-size:11px;fill:#4a5363}.grid{stroke:#e6e9ef;stroke-width:1}
.key{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.86rem;margin:.5rem 0}
.key svg{width:34px;height:10px;margin-right:.35rem}
"""


def leaderboard_page(board: Leaderboard) -> str:
    """Return the whole document; every name in it is escaped."""
    share = board.num_theft / board.num_meters
    about = (
        f"{board.num_meters:,} meters of {board.num_transformers:,} transformers, {len(board.months)} months from "
        f"{_month(board.months[0])} to {_month(board.months[-1])}; {board.num_theft:,} thieves ({share:.2%}). A random "
        f"order has an average precision of {share:.3f} and a ROC AUC of .5."
    )
    made = ", ".join(f"{name} {number}" for name, number in versions().items())
    body = "\n".join(
        [
            "<h1>Detection leaderboard</h1>",
            f"<p>{escape(about)}</p>",
            f"<p>{escape(PROTOCOL)}</p>",
            f"<p>Uses: months and intervals of the meters, balance with transformers' meters, voltages. Records of the "
            f"network: {escape(board.records)}.</p>",
            _main_table(board),
            *_charts(board, share),
            *_details(board),
            f"<p><small>Seed {board.seed}, {board.n_bootstrap} bootstrap replicates; {escape(made)}.</small></p>",
        ]
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="generator" content="ghostload leaderboard {__version__}">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<title>Detection leaderboard</title>\n<link rel="icon" href="data:,">\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _main_table(board: Leaderboard) -> str:
    names = [name for name in shown_metrics(board.budgets) if name in board.metric_names]
    rows = []
    for entry in board.entries:
        title = f'<td title="{escape(entry.summary, quote=True)}">{_name(entry)}</td>'
        if entry.failed:
            rows.append(
                f'<tr class="failed">{title}<td colspan="{len(names) + 1}">failed: {escape(entry.reason)}</td></tr>'
            )
            continue
        cells = f"<td>{escape(entry.uses)}</td>" + "".join(
            f"<td>{figure(entry.metrics[name])} <small>{interval(entry.metrics[name])}</small></td>" for name in names
        )
        rows.append(f"<tr>{title}{cells}</tr>")
    return _table(("detector", "uses", *map(_label, names)), rows)


def _charts(board: Leaderboard, share: float) -> list[str]:
    drawn = [(style, entry, entry.curves) for style, entry in enumerate(board.entries) if entry.curves is not None]
    if not drawn:
        return []
    precision, thieves, energy = [], [], []
    for style, entry, curves in drawn:
        precision.append(Line(entry.name, curves.recall.tolist(), curves.precision.tolist(), style))
        thieves.append(Line(entry.name, curves.budget.tolist(), curves.thieves_found.tolist(), style))
        if curves.kwh_recovered is not None:
            energy.append(Line(entry.name, curves.budget.tolist(), curves.kwh_recovered.tolist(), style))
    chance = Line("random order", (0.0, BUDGET_END), (0.0, BUDGET_END), 0)
    flat = Line("random order", (0.0, 1.0), (share, share), 0)
    figures = [_figure("Precision and recall", precision, "thieves found", "precision", 1.0, flat)]
    figures.append(_figure("Thieves found by budget", thieves, "meters inspected", "thieves found", BUDGET_END, chance))
    if energy:
        figures.append(
            _figure("Energy recovered by budget", energy, "meters inspected", "stolen kWh found", BUDGET_END, chance)
        )
    key = "".join(
        f'<span><svg viewBox="0 0 34 10" aria-hidden="true"><line x1="0" y1="5" x2="34" y2="5" {stroke(style)} '
        f'stroke-width="3"/></svg>{_name(entry)}</span>'
        for style, entry, _ in drawn
    )
    return ["<h2>Curves</h2>", f'<div class="key">{key}</div>', f'<div class="charts">{"".join(figures)}</div>']


def _figure(title: str, lines: Sequence[Line], x_label: str, y_label: str, x_end: float, guide: Line) -> str:
    drawn = chart(lines, title=title, x_label=x_label, y_label=y_label, x_end=x_end, guide=guide)
    return f"<figure><figcaption>{escape(title)}</figcaption>{drawn}</figure>"


def _details(board: Leaderboard) -> list[str]:
    """Return the tables by kind of theft and by look-alike, at the largest budget, and by prevalence."""
    at = f"@{100 * board.budgets[-1]:g}%"
    sections = (
        (f"Thieves found when {at[1:]} of the meters are inspected, by kind", f"recall{at}/"),
        (f"Honest meters flagged {at}, by fault or benign event", f"flagged{at}/"),
        (f"What the false alarms {at} are", f"alarms{at}/"),
        (f"Precision {at} if the share of thieves were another", f"precision{at}/prevalence="),
    )
    parts = []
    for title, start in sections:
        names = [name for name in board.metric_names if name.startswith(start)]
        if names:
            rows = [_shares(entry, names) for entry in board.entries if not entry.failed]
            parts += [
                f"<h2>{escape(title)}</h2>",
                _table(("detector", *(name.removeprefix(start) for name in names)), rows),
            ]
    return parts


def _shares(entry: Entry, names: Iterable[str]) -> str:
    cells = []
    for name in names:
        estimate = entry.metrics[name]
        known = estimate.low is not None and estimate.high is not None
        spread = f"{100 * (estimate.low or 0):.0f}–{100 * (estimate.high or 0):.0f}" if known else ""
        cells.append(
            f"<td>{percent(estimate) if estimate.value is not None else UNDEFINED} <small>{spread}</small></td>"
        )
    return f"<tr><td>{_name(entry)}</td>{''.join(cells)}</tr>"


def _table(heads: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _name(entry: Entry) -> str:
    return escape(entry.name) + (" *" if entry.supervised else "")


def _label(metric: str) -> str:
    """Return the name of a metric as people write it."""
    known = {"ap": "AP", "roc_auc": "ROC AUC"}
    return known.get(metric, metric.replace("kwh_", "kWh ").replace("recall", "thieves found").replace("@", " at "))


def _month(month: str) -> str:
    return escape(f"{month[:4]}-{month[4:]}")
