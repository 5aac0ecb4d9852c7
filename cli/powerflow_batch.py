"""Series and contingencies for ``ghostload powerflow``: read, solve, and say what matters."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations, islice
from math import comb
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from ghostload.errors import DataError, OutputError, UsageError, did_you_mean

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
BRANCHES = ("line", "trafo", "trafo3w", "impedance")
"""Components that contingencies take out, in their order."""

AT_ONCE = 8_000_000
"""Results that are held at a time."""


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


def run(
    grid: PowerGrid,
    series: Path | None,
    contingencies: int | None,
    *,
    output: Path | None = None,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Solve a series or contingencies, chunk by chunk, so that neither results nor outages have to fit into memory.

    Returns
    -------
    What was found, as JSON types; the results themselves go to the file ``output``, when all is solved.
    """
    total, chunks = _steps(grid, series) if series is not None else _outages(grid, contingencies or 1)
    found = Findings("step" if series is not None else "outage of")
    with ResultsZip(output) as results:
        for labels, solve in chunks:
            before = found.scenarios

            def tell(done: int, _: int, before: int = before) -> None:
                if progress is not None:
                    progress(before + done, total)

            batch = solve(outputs=OUTPUTS, n_jobs=n_jobs, progress=tell)
            results.add(before, batch, labels)
            found.add(batch, labels)
        results.finish(found.method)
    return found.as_dict()


Solve = Any
"""Solves a chunk, given outputs and options."""


def _rows_at_once(grid: PowerGrid) -> int:
    """Return how many scenarios make a chunk; a multiple of the lanes."""
    data = grid.data
    each = 2 * len(data["bus"]) + sum(len(data[name]) for name in BRANCHES)
    return max(AT_ONCE // max(each, 1), 64) // 8 * 8


def _steps(grid: PowerGrid, path: Path) -> tuple[int, Iterator[tuple[list[str], Solve]]]:
    labels, inputs = read_series(path)
    size = _rows_at_once(grid)

    def chunks() -> Iterator[tuple[list[str], Solve]]:
        for first in range(0, len(labels), size):
            part: dict[str, Any] = {name: table.iloc[first : first + size] for name, table in inputs.items()}
            yield labels[first : first + size], partial(grid.solve_series, **part)

    return len(labels), chunks()


def _outages(grid: PowerGrid, k: int) -> tuple[int, Iterator[tuple[list[str], Solve]]]:
    data = grid.data
    pool = [(name, number) for name in BRANCHES for number in data[name]["id"][data[name]["in_service"]].tolist()]
    if k > len(pool):
        raise UsageError(f"contingencies: k is {k}, must be from 1 to {len(pool)}, the elements to choose from")
    outages, size = combinations(pool, k), _rows_at_once(grid)

    def chunks() -> Iterator[tuple[list[str], Solve]]:
        while part := list(islice(outages, size)):
            labels = [" + ".join(f"{component} {number}" for component, number in out) for out in part]
            yield labels, partial(grid.contingencies, part)

    return comb(len(pool), k), chunks()


class Findings:
    """What matters of a batch, gathered chunk by chunk; ``what`` stands before the label of a scenario."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.scenarios = self.solved = self.fallbacks = self.dark = 0
        self.methods: list[str] = []
        self.failed: list[dict[str, str]] = []
        self.loss_sum, self.loss_max = 0.0, float("-inf")
        self.low: dict[str, Any] = {"vm_pu": float("inf")}
        self.high: dict[str, Any] = {"vm_pu": float("-inf")}
        self.loaded: dict[str, dict[str, Any]] = {}

    @property
    def method(self) -> str:
        """Methods that were used, in the order in which they came up."""
        return ", ".join(self.methods)

    def add(self, batch: GridBatch, labels: list[str]) -> None:
        """Take a chunk in."""
        import numpy as np

        self.scenarios += len(batch)
        self.fallbacks += len(batch.result.fallback)
        self.methods += [batch.result.method] if batch.result.method not in self.methods else []
        self.failed += [{"scenario": labels[number], "reason": reason} for number, reason in batch.failed]
        if not batch.converged.any():
            return
        self.solved += int(batch.converged.sum())
        vm, losses = batch["vm_pu"], batch["losses_mw"]
        self.loss_sum += float(np.nansum(losses))
        self.loss_max = max(self.loss_max, float(np.nanmax(losses)))
        low, high = (self._voltage(batch, labels, int(at)) for at in (np.nanargmin(vm), np.nanargmax(vm)))
        self.low = min(self.low, low, key=_vm_pu)
        self.high = max(self.high, high, key=_vm_pu)
        self.dark = max(self.dark, int(np.isnan(vm).sum(axis=1)[batch.converged].max()))
        for one in _most_loaded(batch, labels):
            known = self.loaded.get(one["branch"])
            if known is None or known["loading_percent"] < one["loading_percent"]:
                self.loaded[one["branch"]] = one

    @staticmethod
    def _voltage(batch: GridBatch, labels: list[str], at: int) -> dict[str, Any]:
        row, column = divmod(at, len(batch.buses))
        return {"scenario": labels[row], "bus": int(batch.buses[column]), "vm_pu": float(batch["vm_pu"][row, column])}

    def as_dict(self) -> dict[str, Any]:
        """Return what was found, as JSON types."""
        out: dict[str, Any] = {
            "scenario_is": self.what,
            "scenarios": self.scenarios,
            "solved": self.solved,
            "failed": self.failed,
            "method": self.method,
            "fallbacks": self.fallbacks,
        }
        if not self.solved:
            return out
        return out | {
            "loss_mw": {"mean": self.loss_sum / self.solved, "max": self.loss_max},
            "lowest_voltage": self.low,
            "highest_voltage": self.high,
            "most_loaded": sorted(self.loaded.values(), key=lambda one: -one["loading_percent"])[:MOST],
            "most_buses_without_voltage": self.dark,
        }


def _vm_pu(found: dict[str, Any]) -> float:
    return float(found["vm_pu"])


def _most_loaded(batch: GridBatch, labels: list[str]) -> list[dict[str, Any]]:
    """Return the branches with the highest loading in any scenario, each with the scenario in which it is."""
    import numpy as np

    loading = batch["loading_percent"]
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


class ResultsZip:
    """A zip of Parquet tables, written chunk by chunk: scenarios, res_bus, res_branch; a row a scenario and element.

    The file appears when it is whole; an exception leaves what was there before.
    """

    def __init__(self, target: Path | None) -> None:
        self.target = target
        self._folder: TemporaryDirectory[str] | None = None
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> Self:
        if self.target is not None:
            try:
                self._folder = TemporaryDirectory(prefix=f".{self.target.name}.", dir=self.target.parent)
            except OSError as problem:
                raise OutputError(f"{self.target}: cannot be written ({problem.strerror or problem})") from None
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, first: int, batch: GridBatch, labels: list[str]) -> None:
        """Append a chunk that begins with scenario ``first``."""
        if self._folder is None:
            return
        for name, columns in tables_of(first, batch, labels).items():
            self._append(name, columns)

    def _append(self, name: str, columns: dict[str, Any]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(columns)
        try:
            if name not in self._writers:
                path = Path(self._folder.name if self._folder else "") / f"{name}.parquet"
                self._writers[name] = pq.ParquetWriter(path, table.schema, compression="zstd")
            self._writers[name].write_table(table)
        except OSError as problem:
            raise OutputError(f"{self.target}: cannot be written ({problem})") from None

    def finish(self, method: str) -> None:
        """Put the tables into the zip, and the zip in its place."""
        if self._folder is None or self.target is None:
            return
        for writer in self._writers.values():
            writer.close()
        part = Path(self._folder.name) / "results.zip"
        meta = json.dumps({"format": "ghostload-batch", "version": 1, "method": method}, indent=1, sort_keys=True)
        try:
            with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(zipfile.ZipInfo("meta.json"), meta + "\n")
                for name in self._writers:
                    with (
                        (Path(self._folder.name) / f"{name}.parquet").open("rb") as source,
                        archive.open(zipfile.ZipInfo(f"{name}.parquet"), "w", force_zip64=True) as sink,
                    ):
                        shutil.copyfileobj(source, sink)
            part.replace(self.target)
        except OSError as problem:
            raise OutputError(f"{self.target}: cannot be written ({problem.strerror or problem})") from None


def tables_of(first: int, batch: GridBatch, labels: list[str]) -> dict[str, dict[str, Any]]:
    """Return the results of a chunk as columns."""
    import numpy as np

    count, branches = len(batch), len(batch.branches)
    scenario = np.arange(first, first + count)
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
    return {"scenarios": whole, "res_bus": bus, "res_branch": branch}


def as_text(summary: dict[str, Any]) -> str:
    """Return a summary as aligned lines."""
    lines = [
        f"scenarios        {summary['solved']:,} of {summary['scenarios']:,} solved by {summary['method']}, "
        f"{summary['fallbacks']} of them with the pivoting solver"
    ]
    if summary["solved"]:
        what = summary["scenario_is"]
        low, high, loss = summary["lowest_voltage"], summary["highest_voltage"], summary["loss_mw"]
        lines += [
            f"losses           {loss['mean']:,.3f} MW on average, {loss['max']:,.3f} MW at most",
            f"lowest voltage   {low['vm_pu']:.4f} pu at bus {low['bus']}, {what} {low['scenario']}",
            f"highest voltage  {high['vm_pu']:.4f} pu at bus {high['bus']}, {what} {high['scenario']}",
        ]
        dark = summary["most_buses_without_voltage"]
        lines += [f"without voltage  at most {dark} buses"] if dark else []
        loaded = summary["most_loaded"]
        lines.append("most loaded" if loaded else "most loaded      no ratings, or no branch above 1 % of its own")
        lines += [f"  {b['branch']:<14} {b['loading_percent']:6.1f} %  {what} {b['scenario']}" for b in loaded]
    failed = summary["failed"]
    lines += ["no solution"] if failed else []
    lines += [f"  {one['scenario']}: {one['reason']}" for one in failed[:MOST]]
    lines += [f"  and {len(failed) - MOST} more"] if len(failed) > MOST else []
    return "\n".join(lines)
