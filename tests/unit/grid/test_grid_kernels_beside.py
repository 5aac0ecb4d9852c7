"""Compiling in a second process: what it compiles is found, and whatever happens to it this process goes on."""

from __future__ import annotations

import importlib
import subprocess
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ghostload.config import GeneratorConfig
from ghostload.grid.kernels import beside, compiled
from ghostload.grid.kernels.beside import compiling_beside
from ghostload.grid.kernels.compiled import first_call, is_compiled
from ghostload.pipeline import SyntheticDataPipeline

SAMPLE = """
import os, time
import numpy as np
from ghostload.grid.kernels.compiled import bare, helper


@helper
def one(x):
    return 2.0 * x


@bare
def double(values):
    for i in range(len(values)):
        values[i] = one(values[i])


def kernels():
    return (double,)


def compile_kernels():
    {before}
    double(np.empty(0))
"""


@pytest.fixture(autouse=True)
def _nothing_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_seen", set())
    monkeypatch.setattr(compiled, "_awaited", {})


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Processes that were started."""
    processes = []
    real = subprocess.Popen

    def start(*args: object, **options: object) -> subprocess.Popen[bytes]:
        processes.append(real(*args, **options))  # type: ignore[call-overload]
        return processes[-1]

    monkeypatch.setattr(beside.subprocess, "Popen", start)
    return processes


def _module(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, before: str = "pass") -> ModuleType:
    (folder / f"{name}.py").write_text(SAMPLE.format(before=before), encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module(name)


def _doubled(module: ModuleType) -> list[float]:
    values = np.arange(3.0)
    with first_call("a sample"):
        module.double(values)
    return list(values)


def test_what_the_second_process_compiles_is_loaded_from_the_cache(tmp_path, monkeypatch, started) -> None:
    module = _module("beside_found", tmp_path, monkeypatch)
    assert not is_compiled(module.double)
    with compiling_beside({"a sample": "beside_found"}):
        assert _doubled(module) == [0.0, 2.0, 4.0]
    assert started[0].returncode == 0
    assert sum(module.double.stats.cache_hits.values()) == 1
    assert not module.double.stats.cache_misses


def test_no_process_is_started_for_what_is_in_the_cache(tmp_path, monkeypatch, started) -> None:
    module = _module("beside_there", tmp_path, monkeypatch)
    module.compile_kernels()
    assert is_compiled(module.double)
    with compiling_beside({"a sample": "beside_there"}):
        assert _doubled(module) == [0.0, 2.0, 4.0]
    assert not started


def test_a_second_process_that_fails_leaves_the_work_to_this_one(tmp_path, monkeypatch, started) -> None:
    module = _module("beside_fails", tmp_path, monkeypatch, before="os._exit(3)")
    with compiling_beside({"a sample": "beside_fails"}):
        assert _doubled(module) == [0.0, 2.0, 4.0]
    assert started[0].returncode == 3
    assert not module.double.stats.cache_hits


def test_a_second_process_that_hangs_is_given_up(tmp_path, monkeypatch, started) -> None:
    module = _module("beside_hangs", tmp_path, monkeypatch, before="time.sleep(600)")
    monkeypatch.setattr(beside, "LONGEST_S", 0.2)
    with compiling_beside({"a sample": "beside_hangs"}):
        assert _doubled(module) == [0.0, 2.0, 4.0]
    assert started[0].returncode


def test_the_second_process_ends_with_the_command(tmp_path, monkeypatch, started) -> None:
    _module("beside_slow", tmp_path, monkeypatch, before="time.sleep(600)")
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), compiling_beside({"a sample": "beside_slow"}):
        raise KeyboardInterrupt
    assert started[0].returncode
    assert time.monotonic() - begin < 60.0


def test_a_process_that_cannot_be_started_is_done_without(tmp_path, monkeypatch) -> None:
    module = _module("beside_none", tmp_path, monkeypatch)

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(beside.subprocess, "Popen", refuse)
    with compiling_beside({"a sample": "beside_none"}):
        assert _doubled(module) == [0.0, 2.0, 4.0]


def test_kernels_that_cannot_be_cached_need_no_second_process() -> None:
    assert is_compiled(lambda x: x)


def test_kernels_are_compiled_for_the_types_that_runs_have() -> None:
    modules = [importlib.import_module(f"ghostload.{name}") for name in ("physics.plan", "metering.intervals")]
    for module in modules:
        module.compile_kernels()
    before = [kernel.signatures for module in modules for kernel in module.kernels()]
    SyntheticDataPipeline(GeneratorConfig(num_meters=60, num_months=2)).build()
    SyntheticDataPipeline(GeneratorConfig(num_meters=60, num_months=2, interval="1h")).build(jobs=2)
    assert [kernel.signatures for module in modules for kernel in module.kernels()] == before
    assert [len(signatures) for signatures in before] == [1, 1, 1]
