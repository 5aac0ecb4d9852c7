"""Checks of a data set, and what they find."""

from ghostload.validation.checks import CHECKS, Check, register
from ghostload.validation.context import CannotRun, Context
from ghostload.validation.finding import Finding, Severity, ValidationReport, error, info, warning
from ghostload.validation.pieces import Hits
from ghostload.validation.run import run_check, validate, validate_folder

__all__ = [
    "CHECKS",
    "CannotRun",
    "Check",
    "Context",
    "Finding",
    "Hits",
    "Severity",
    "ValidationReport",
    "error",
    "info",
    "register",
    "run_check",
    "validate",
    "validate_folder",
    "warning",
]
