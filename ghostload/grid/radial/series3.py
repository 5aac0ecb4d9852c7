"""Series of unbalanced feeders: what is given by load and step, and what is handed out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError, did_you_mean
from ghostload.grid.radial.outputs import SeriesResult

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
Place = tuple[str, str]
"""Bus and conductors."""

OUTPUTS: Final = {
    "vm_pu": "vm", "va_degree": "v", "v": "v", "vm_lowest_pu": "extremes", "vm_highest_pu": "extremes",
    "losses_kw": "losses", "losses_kvar": "losses", "source_kw": "source", "source_kvar": "source",
}  # fmt: skip
"""Outputs of a series, and what the sweep is asked for."""


@dataclass(frozen=True, eq=False)
class Series3ph:
    """What a series gave, by step; NaN in steps without a solution.

    Attributes
    ----------
    converged : (K,) bool array
    iterations : (K,) array
        Sweeps.
    failed : list of (step, reason)
    places : tuple of (bus, conductors)
        Columns of the voltages: ``("b17", "a")`` to earth, ``("b17", "an")`` to the neutral.
    outputs : dict of arrays
        ``vm_pu``, ``va_degree``, ``v`` (K, places); the others (K,).
    """

    converged: NDArray[np.bool_]
    iterations: NDArray[np.int64]
    failed: list[tuple[int, str]]
    places: tuple[Place, ...]
    outputs: dict[str, Any]

    def __len__(self) -> int:
        """Count the steps."""
        return len(self.converged)

    def __getitem__(self, name: str) -> Any:
        if name not in self.outputs:
            raise UsageError(f"series: output {name!r} was not asked for; it has {', '.join(self.outputs) or 'none'}")
        return self.outputs[name]

    def frame(self, name: str) -> pd.DataFrame:
        """Return an output as a data frame: a row a step, a column a place."""
        import pandas as pd

        values = self[name]
        if values.ndim == 1:
            return pd.DataFrame({name: values})
        return pd.DataFrame(values, columns=pd.MultiIndex.from_tuples(self.places, names=["bus", "conductors"]))


def checked_outputs(outputs: str | Iterable[str]) -> tuple[str, ...]:
    """Return the outputs asked for; an unknown one is an error."""
    wanted = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    for name in wanted:
        if name not in OUTPUTS:
            raise UsageError(f"outputs: unknown output {name!r}{did_you_mean(name, OUTPUTS)}")
    return wanted


def series_of(found: SeriesResult, wanted: tuple[str, ...], places: tuple[Place, ...]) -> Series3ph:
    """Give the quantities of a sweep the names and units of outputs."""
    out: dict[str, Any] = {"vm_pu": found.vm, "vm_lowest_pu": found.vm_lowest, "vm_highest_pu": found.vm_highest}
    if found.v is not None:
        out["v"] = found.v
        if "va_degree" in wanted:
            out["va_degree"] = np.angle(found.v, deg=True)
    for name, power in (("losses", found.losses), ("source", None if found.source is None else found.source[:, 0])):
        if power is not None:
            out[f"{name}_kw"], out[f"{name}_kvar"] = power.real, power.imag
    failed = sorted(found.reason.items())
    return Series3ph(found.converged, found.iterations, failed, places, {name: out[name] for name in wanted})


def step_count(given: Mapping[str, Any]) -> int:
    """Return how many steps all that is given has."""
    counts = {
        name: np.shape(values)[0] if np.ndim(values) else -1 for name, values in given.items() if values is not None
    }
    if not counts:
        raise UsageError("solve_series: nothing differs between the steps; give p_kw, q_kvar or vm_source_pu")
    first = next(iter(counts))
    for name, count in counts.items():
        if count != counts[first] or count < 0:
            raise UsageError(
                f"{name}: has {max(count, 0)} steps, but {first} has {counts[first]}; they must be as many"
            )
    return counts[first]


def loads_table(name: str, values: Any, steps: int, now: FloatArray, row: Mapping[str, int]) -> FloatArray:
    """Return powers of all loads in all steps; ``now`` holds where nothing is given, ``row`` finds loads by name."""
    if values is None:
        return np.broadcast_to(now, (steps, len(now)))
    if hasattr(values, "columns") and hasattr(values, "to_numpy"):
        unknown = [column for column in values.columns if column not in row]
        if unknown:
            raise UsageError(
                f"{name}: column {unknown[0]!r} is the name of no load{did_you_mean(str(unknown[0]), row)}"
            )
        if len(set(values.columns)) < len(values.columns):
            raise UsageError(f"{name}: a load is given twice; give each one column")
        whole = np.tile(now, (steps, 1))
        whole[:, [row[column] for column in values.columns]] = values.to_numpy()
        values = whole
    table = np.asarray(values, np.float64)
    if table.shape != (steps, len(now)):
        raise UsageError(f"{name}: has shape {table.shape}, must be ({steps}, {len(now)}): a column for each load")
    if not np.isfinite(table).all():
        k, column = np.argwhere(~np.isfinite(table))[0]
        load = next(load for load, at in row.items() if at == column)
        raise UsageError(f"{name}: is {table[k, column]} in step {k}, load {load!r}; give a finite number")
    return table
