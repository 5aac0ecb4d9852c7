"""Hold generated households against real ones and write ``reports/realism.md``.

python benchmarks/realism.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ghostload.config import GeneratorConfig
from ghostload.config.presets import load_preset
from ghostload.pipeline import SyntheticDataPipeline
from ghostload.reporting.realism import RealismRow, compare

REASONS = {
    "season_r2": "Only the Irish trial gives it. Its season, of heating and light, is stronger than Manila's, "
    "where the warmest month is 3.5 degrees above the coldest; a stronger common season would not be Manila's.",
}
"""Why a quantity lies outside, where it does."""


def main() -> None:
    """Measure the default and the ``metro_manila`` preset over 24 months."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=20_000)
    parser.add_argument("--output", type=Path, default=Path("reports/realism.md"))
    options = parser.parse_args()
    configs = {
        "default": GeneratorConfig(num_meters=options.meters, num_months=24),
        "metro_manila": load_preset("metro_manila").replace(num_meters=options.meters, num_months=24),
    }
    rows = {name: compare(SyntheticDataPipeline(config).build()) for name, config in configs.items()}
    text = _page(rows, options.meters)
    options.output.write_text(text, encoding="utf-8")
    print(text)


def _page(rows: dict[str, list[RealismRow]], meters: int) -> str:
    names = list(rows)
    lines = [
        "# Realism",
        "",
        f"Honest households among {meters:,} meters, 24 months from 2025-01, seed 42, against four real sets.",
        "Made by `python benchmarks/realism.py`. Ranges are those that the real sets span; where one set alone gives a",
        "figure, a factor of 1.5 either way. What only the Irish trial gives is measured on its 17 months.",
        "",
        "| quantity | range | from | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    for group in zip(*rows.values(), strict=True):
        row = group[0]
        cells = " | ".join(_cell(item) for item in group)
        lines.append(f"| {row.label} | {row.low:.3g} to {row.high:.3g} | {row.note} | {cells} |")
    lines += ["", "Bold: outside the range.", ""]
    for row in rows[names[0]]:
        if any(item.inside is False for group in rows.values() for item in group if item.name == row.name):
            lines.append(f"- **{row.label}**: {REASONS.get(row.name, 'no reason known.')}")
    return "\n".join(lines) + "\n"


def _cell(row: RealismRow) -> str:
    if row.measured is None:
        return "-"
    return f"{row.measured:.3g}" if row.inside else f"**{row.measured:.3g}**"


if __name__ == "__main__":
    main()
