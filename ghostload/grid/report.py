"""What a solve did, in one small object."""

from __future__ import annotations

from typing import Literal, NamedTuple

Rebuild = Literal["full", "incremental"]


class SolveReport(NamedTuple):
    """What :meth:`ghostload.PowerGrid.solve` returns; true where it converged.

    Attributes
    ----------
    converged : bool
    iterations : int
        Steps of Newton's method, over all rounds where reactive limits were enforced.
    runtime_ms : float
        Wall time of the call, all of it.
    rebuild : {"full", "incremental"}
        "full": it was found anew what is in service and under voltage, and the solve began as the option ``init`` says;
        the order of elimination was found anew unless no node came or went. "incremental": only values changed, and
        the solve began from the last solution.
    worst_bus : int or None
        Id of the bus with the largest mismatch; None where nothing was left to compute.
    mismatch : float
        Largest mismatch of power that is left, in per unit of the grid's ``sn_mva``.
    reason : str
        Why it did not converge; empty where it did.
    """

    converged: bool
    iterations: int
    runtime_ms: float
    rebuild: Rebuild
    worst_bus: int | None
    mismatch: float
    reason: str = ""

    def __bool__(self) -> bool:
        return self.converged

    def __str__(self) -> str:
        """One line for people."""
        end = f"converged in {self.iterations} iterations" if self.converged else f"did not converge: {self.reason}"
        return f"{end} ({self.runtime_ms:.3g} ms, {self.rebuild} rebuild, mismatch {self.mismatch:.2g} pu)"
