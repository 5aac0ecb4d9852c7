"""What every power-flow kernel returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PQ, PV, REF = 1, 2, 3
"""Types of a node: power given; active power and magnitude given; magnitude and angle given."""


@dataclass(slots=True, eq=False)
class Solution:
    """The state that a kernel ended in, and how far it is from balance.

    Attributes
    ----------
    v : (n,) complex array, per unit
        Node voltages. When ``converged`` is False this is the best iterate, not a solution.
    iterations : int
        Newton steps taken, over all methods that were tried.
    converged : bool
        The mismatch is within the tolerance.
    mismatch_pu : float
        Largest active or reactive power mismatch of ``v``; NaN or infinite when the iteration broke down.
    worst_node : int
        Node of that mismatch; -1 in a grid without equations.
    method : str
        What brought the result: ``"newton"``, ``"continuation"``, ``"growth"``, ``"chord"`` ...
    reason : str
        Why it did not converge; empty when it did.
    loadability : float
        After ``"growth"``: the largest share of the injections for which a solution was found
        (1 when solved, below 1 when the case lies beyond its nose); else NaN.
    """

    v: ComplexArray
    iterations: int
    converged: bool
    mismatch_pu: float
    worst_node: int
    method: str = "newton"
    reason: str = ""
    loadability: float = float("nan")
