"""What a series is asked for and what it returns: only the arrays that are wanted are ever written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ghostload.errors import UsageError, did_you_mean

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ComplexArray = NDArray[np.complex128]

QUANTITIES = ("v", "vm", "extremes", "source", "losses")
"""Complex voltage; its magnitude; lowest and highest magnitude; power of each source; losses summed over the grid."""


@dataclass(frozen=True, slots=True, eq=False)
class SeriesResult:
    """Results of K steps; a quantity that was not asked for is None, and a step without a solution is NaN.

    Attributes
    ----------
    v : (K, m) complex array or None
    vm : (K, m) array or None
        Magnitudes at the chosen nodes, in the order in which they were named.
    vm_lowest, vm_highest : (K,) array or None
        Over the chosen nodes.
    source : (K, islands) complex array or None
        Power that each source gives.
    losses : (K,) complex array or None
        What branches take: all given to the grid less all taken from it.
    iterations : (K,) int array
        Sweeps, the most over the islands.
    change : (K,) array
        Largest change of a voltage in the last sweep, per unit; so far are the currents of the loads from those that
        belong to the voltages.
    converged : (K,) bool array
    reason : mapping of step to str
        Why a step has no solution.
    """

    v: ComplexArray | None
    vm: FloatArray | None
    vm_lowest: FloatArray | None
    vm_highest: FloatArray | None
    source: ComplexArray | None
    losses: ComplexArray | None
    iterations: IntArray
    change: FloatArray
    converged: BoolArray
    reason: dict[int, str]


def into(v: ComplexArray | None = None, vm: FloatArray | None = None) -> SeriesResult:
    """Return what ``reuse=`` takes for voltages or magnitudes to be written into arrays of (K, m)."""
    none = np.zeros(0, dtype=np.int64)
    return SeriesResult(v, vm, None, None, None, None, none, np.zeros(0), none > 0, {})


def checked_quantities(outputs: str | Iterable[str]) -> frozenset[str]:
    """Return the quantities asked for; an unknown one is an error."""
    wanted = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    for name in wanted:
        if name not in QUANTITIES:
            raise UsageError(f"outputs: unknown quantity {name!r}{did_you_mean(name, QUANTITIES)}")
    return frozenset(wanted)


def empty_results(
    wanted: frozenset[str], steps: int, probes: int, islands: int, reuse: SeriesResult | None
) -> tuple[Any, ...]:
    """Make the arrays of a kernel, or take those of an earlier result; those that are not wanted have no rows."""
    extremes = np.empty((steps if "extremes" in wanted else 0, 2))
    extremes[:] = np.inf, -np.inf
    return (
        _again(reuse.v if reuse else None, (steps if "v" in wanted else 0, probes, 2)),
        _again(reuse.vm if reuse else None, (steps if "vm" in wanted else 0, probes)),
        extremes,
        np.empty((steps if "source" in wanted else 0, islands, 2)),
        np.zeros((steps if "losses" in wanted else 0, 2)),
        np.zeros(steps, dtype=np.int64),
        np.ones(steps, dtype=np.int64),
        np.zeros(steps),
    )


def _again(old: NDArray[Any] | None, shape: tuple[int, ...]) -> FloatArray:
    """Return the memory of an old array as real numbers of a shape where it fits, else new memory."""
    if old is not None and old.nbytes == 8 * np.prod(shape) and old.flags.c_contiguous and old.flags.writeable:
        return old.view(np.float64).reshape(shape)
    return np.empty(shape)


def begin_anew(raw: tuple[Any, ...], steps: IntArray) -> None:
    """Clear what is summed up over islands, for steps that are solved a second time."""
    _, _, extremes, _, losses, iterations, state, change = raw
    if len(extremes):
        extremes[steps] = np.inf, -np.inf
    if len(losses):
        losses[steps] = 0.0
    iterations[steps] = 0
    state[steps] = 1
    change[steps] = 0.0


def finished(raw: tuple[Any, ...], wanted: frozenset[str], limit: int) -> SeriesResult:
    """Blank the steps without a solution, say why, and give the arrays their names."""
    v, vm, extremes, source, losses, iterations, state, change = raw
    failed = np.flatnonzero(state < 1)
    change[failed] = np.nan
    if len(failed):
        for name, array in (("v", v), ("vm", vm), ("extremes", extremes), ("source", source), ("losses", losses)):
            if name in wanted:
                array[failed] = np.nan
    reason = {
        int(k): f"no fixed point within {limit} sweeps" if state[k] == 0 else "voltages are not finite" for k in failed
    }

    def as_complex(array: FloatArray) -> ComplexArray:
        return array.view(np.complex128)[..., 0]

    return SeriesResult(
        v=as_complex(v) if "v" in wanted else None,
        vm=vm if "vm" in wanted else None,
        vm_lowest=extremes[:, 0] if "extremes" in wanted else None,
        vm_highest=extremes[:, 1] if "extremes" in wanted else None,
        source=as_complex(source) if "source" in wanted else None,
        losses=as_complex(losses) if "losses" in wanted else None,
        iterations=iterations,
        change=change,
        converged=state > 0,
        reason=reason,
    )
