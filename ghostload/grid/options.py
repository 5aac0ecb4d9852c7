"""How a grid is solved: what ``PowerGrid`` takes beside the case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from ghostload.errors import UsageError, did_you_mean

Init = Literal["auto", "flat", "dc"]

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {"init": ("auto", "flat", "dc"), "trafo_model": ("t", "pi")}


@dataclass(frozen=True, kw_only=True)
class SolveOptions:
    """Options of a power flow.

    Attributes
    ----------
    qlim : bool
        Whether generators keep to their reactive limits, by giving up their voltage.
    branch_analysis : bool
        Whether flows and loadings of branches are computed in every solve, and not when they are first looked at.
    tolerance : float
        Largest mismatch of power at any bus, in per unit of the grid's ``sn_mva``.
    max_iter : int
        Newton steps of one attempt.
    init : {"auto", "flat", "dc"}
        Angles to begin with where there is no solution to begin with: "auto" takes those of the DC power flow when
        a branch shifts the phase or generators hold voltages, and flat ones else.
    trafo_model : {"t", "pi"}
        Where the magnetising branch of transformers sits.
    calculate_voltage_angles : bool
        Whether phase shifts of vector groups count.
    step_control : bool
        Whether a case that plain Newton does not solve is tried again with controlled steps and continuation.
    """

    qlim: bool = False
    branch_analysis: bool = False
    tolerance: float = 1e-8
    max_iter: int = 20
    init: Init = "auto"
    trafo_model: Literal["t", "pi"] = "t"
    calculate_voltage_angles: bool = True
    step_control: bool = True

    def __post_init__(self) -> None:
        """Refuse values that no power flow can be run with."""
        for name in ("qlim", "branch_analysis", "calculate_voltage_angles", "step_control"):
            if not isinstance(getattr(self, name), bool):
                raise UsageError(f"option {name} is {getattr(self, name)!r}, must be True or False")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"option {name} is {getattr(self, name)!r}, must be one of {', '.join(choices)}")
        checked_tolerance(self.tolerance)
        checked_max_iter(self.max_iter)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> SolveOptions:
        """Return the options of a call; unknown ones are refused with the nearest known."""
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise UsageError(f"unknown option {name}{did_you_mean(name, known)}")
        return cls(**given)


def checked_tolerance(value: Any) -> float:
    """Return a tolerance, or refuse it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise UsageError(f"option tolerance is {value!r}, must be a positive number, such as 1e-8")
    return float(value)


def checked_max_iter(value: Any) -> int:
    """Return a number of steps, or refuse it."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"option max_iter is {value!r}, must be a whole number from 1")
    return value
