"""Where ``.ci/run`` has installed every oracle, a test of this folder that is skipped has failed."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

EVERY_ORACLE_IS_HERE = os.environ.get("GHOSTLOAD_ORACLES") == "1"


def _refuse(report: Any) -> None:
    if EVERY_ORACLE_IS_HERE and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, although GHOSTLOAD_ORACLES is 1 and every oracle has to run: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Let a module that is skipped as a whole fail."""
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Let a test that is skipped fail."""
    report = yield
    _refuse(report)
    return report
