"""Series and contingencies for ``ghostload powerflow``: read, solve, and say what matters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghostload.errors import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from ghostload.grid.batches import GridBatch
    from ghostload.grid.power_grid import PowerGrid

INPUTS = {
    ("load", "p_mw"): "p_mw",
    ("load", "q_mvar"): "q_mvar",
    ("sgen", "p_mw"): "sgen_p_mw",
    ("sgen", "q_mvar"): "sgen_q_mvar",
    ("gen", "p_mw"): "gen_p_mw",
    ("gen", "vm_pu"): "gen_vm_pu",
    ("ext_grid", "vm_pu"): "ext_grid_vm_pu",
}
"""Component and column of a series, and the input of the batch that it is."""

LABELS = ("time", "timestamp", "step", "scenario")
OUTPUTS = ("vm_pu", "va_degree", "loading_percent", "losses_mw")
MOST = 5


def read_series(path: Path) -> tuple[list[str], dict[str, pd.DataFrame]]:
    """Return the labels of the steps and the inputs of a batch.

    A row is a step; columns are ``load.3.p_mw``, ``gen.0.vm_pu`` and so on, and one that labels the steps may be called
    time, timestamp, step or scenario.
    """
    table = _read(path)
    labels = [str(number) for number in range(len(table))]
    inputs: dict[str, dict[int, Any]] = {}
    for name in table.columns:
        if name in LABELS:
            labels = [str(label) for label in table[name]]
            continue
        component, _, rest = str(name).partition(".")
        number, _, field = rest.partition(".")
        if (component, field) not in INPUTS or not number.isdecimal():
            known = [f"{c}.{number or '<id>'}.{f}" for c, f in INPUTS] + list(LABELS)
            raise DataError(f"{path}: column {name!r} is not part of a series{did_you_mean(str(name), known)}")
        if table[name].dtype.kind not in "fiu":
            raise DataError(f"{path}: column {name!r} holds what is no number")
        inputs.setdefault(INPUTS[component, field], {})[int(number)] = table[name]
    if not inputs or not len(table):
        raise DataError(f"{path}: has no steps or no columns such as load.3.p_mw")
    import pandas as pd

    return labels, {name: pd.DataFrame(columns) for name, columns in inputs.items()}


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path) if path.suffix.lower() == ".parquet" else pd.read_csv(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; give a series as .csv or .parquet") from None
    except (OSError, ValueError) as problem:
        raise DataError(f"{path}: cannot be read as a series ({str(problem).splitlines()[0]})") from None


def run(grid: PowerGrid, series: Path | None, contingencies: int | None, **options: Any) -> tuple[GridBatch, list[str]]:
    """Solve a series or contingencies; return what came out, and what to call each scenario."""
    if series is not None:
        labels, inputs = read_series(series)
        return grid.solve_series(**inputs, outputs=OUTPUTS, **options), labels
    batch = grid.contingencies(contingencies or 1, outputs=OUTPUTS, **options)
    return batch, [" + ".join(f"{component} {number}" for component, number in out) for out in batch.outages]


def summarise(batch: GridBatch, labels: list[str]) -> dict[str, Any]:
    """Return what a batch found, as JSON types."""
    import numpy as np

    out: dict[str, Any] = {
        "scenarios": len(batch),
        "solved": int(batch.converged.sum()),
        "failed": [{"scenario": labels[number], "reason": reason} for number, reason in batch.failed],
        "method": batch.result.method,
        "fallbacks": len(batch.result.fallback),
    }
    if not out["solved"]:
        return out
    vm, loading, losses = batch["vm_pu"], batch["loading_percent"], batch["losses_mw"]
    out["loss_mw"] = {"mean": float(np.nanmean(losses)), "max": float(np.nanmax(losses))}
    for name, at in (("lowest_voltage", np.nanargmin(vm)), ("highest_voltage", np.nanargmax(vm))):
        row, column = divmod(int(at), vm.shape[1])
        out[name] = {"scenario": labels[row], "bus": int(batch.buses[column]), "vm_pu": float(vm[row, column])}
    out["most_loaded"] = _most_loaded(batch, loading, labels)
    out["most_buses_without_voltage"] = int(np.isnan(vm).sum(axis=1)[batch.converged].max())
    return out


def _most_loaded(batch: GridBatch, loading: Any, labels: list[str]) -> list[dict[str, Any]]:
    """Return the branches with the highest loading in any scenario, each with the scenario in which it is."""
    import numpy as np

    rated = np.where(np.isfinite(loading), loading, 0.0)
    if not rated.size:
        return []
    peak, row = rated.max(axis=0), rated.argmax(axis=0)
    best = np.argsort(-peak, kind="stable")[:MOST]
    return [
        {
            "branch": " ".join(map(str, batch.branches[column])),
            "loading_percent": float(peak[column]),
            "scenario": labels[int(row[column])],
        }
        for column in best.tolist()
        if peak[column] >= 1.0
    ]


def as_text(summary: dict[str, Any]) -> str:
    """Return a summary as aligned lines."""
    lines = [
        f"scenarios        {summary['solved']:,} of {summary['scenarios']:,} solved by {summary['method']}, "
        f"{summary['fallbacks']} of them with the pivoting solver"
    ]
    if summary["solved"]:
        low, high, loss = summary["lowest_voltage"], summary["highest_voltage"], summary["loss_mw"]
        lines += [
            f"losses           {loss['mean']:,.3f} MW on average, {loss['max']:,.3f} MW at most",
            f"lowest voltage   {low['vm_pu']:.4f} pu at bus {low['bus']}, {low['scenario']}",
            f"highest voltage  {high['vm_pu']:.4f} pu at bus {high['bus']}, {high['scenario']}",
        ]
        dark = summary["most_buses_without_voltage"]
        lines += [f"without voltage  at most {dark} buses"] if dark else []
        loaded = summary["most_loaded"]
        lines.append("most loaded" if loaded else "most loaded      no branch above 1 % of its rating")
        lines += [f"  {b['branch']:<14} {b['loading_percent']:6.1f} %  {b['scenario']}" for b in loaded]
    failed = summary["failed"]
    lines += ["no solution"] if failed else []
    lines += [f"  {one['scenario']}: {one['reason']}" for one in failed[:MOST]]
    lines += [f"  and {len(failed) - MOST} more"] if len(failed) > MOST else []
    return "\n".join(lines)


def packed(batch: GridBatch, labels: list[str]) -> bytes:
    """Return all results as a zip of Parquet tables: scenarios, res_bus, res_branch; a row a scenario and element."""
    import numpy as np
    import pyarrow as pa

    from ghostload.grid.io.parquet import pack

    count = len(batch)
    scenario = np.arange(count)
    branches = len(batch.branches)
    whole = {"scenario": scenario, "label": labels, "converged": batch.converged, "losses_mw": batch["losses_mw"]}
    bus: dict[str, Any] = {"scenario": np.repeat(scenario, len(batch.buses)), "bus": np.tile(batch.buses, count)}
    bus |= {name: batch[name].ravel() for name in ("vm_pu", "va_degree")}
    components, ids = ([key[part] for key in batch.branches] for part in (0, 1))
    branch = {
        "scenario": np.repeat(scenario, branches),
        "component": np.tile(np.array(components, dtype=str), count),
        "id": np.tile(np.array(ids, dtype=np.int64), count),
        "loading_percent": batch["loading_percent"].ravel(),
    }
    meta = {"format": "ghostload-batch", "version": 1, "method": batch.result.method}
    tables = {"scenarios": whole, "res_bus": bus, "res_branch": branch}
    return pack(meta, {name: pa.table(columns) for name, columns in tables.items()})
