"""Vectors, the cache of compiled kernels, and what is said while compiling."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ghostload.grid.kernels import compiled, vectors
from ghostload.grid.kernels.compiled import first_call, kernel, on_compile
from ghostload.grid.kernels.vectors import (
    add,
    div,
    fma,
    fnma,
    left_column,
    load4,
    load8,
    lower_row,
    max_abs,
    mul,
    right_column,
    root,
    spread8,
    store,
    sub,
    upper_row,
    where_positive,
)


@kernel
def _all(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    x, y, z = load8(a, 0), load8(b, 0), spread8(2.0)
    store(out, 0, add(x, y))
    store(out, 8, sub(x, y))
    store(out, 16, mul(x, y))
    store(out, 24, div(x, y))
    store(out, 32, fma(x, y, z))
    store(out, 40, fnma(x, y, z))
    store(out, 48, max_abs(x, y))
    store(out, 56, where_positive(y, x, z))
    store(out, 64, root(mul(x, x)))


@kernel
def _square(block: np.ndarray) -> None:
    x = load4(block, 0)
    store(block, 0, fma(left_column(x), upper_row(x), mul(right_column(x), lower_row(x))))


@kernel
def _many(a: np.ndarray, b: np.ndarray) -> None:
    for at in range(0, a.size, 8):
        store(a, at, fma(load8(a, at), load8(b, at), load8(a, at)))


def test_each_operation_is_that_of_numpy_lane_by_lane() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=8), rng.normal(size=8)
    out = np.zeros(72)
    _all(a, b, out)
    two = np.full(8, 2.0)
    wanted = [a + b, a - b, a * b, a / b, a * b + 2, 2 - a * b, np.maximum(a, abs(b)), np.where(b > 0, a, two), abs(a)]
    np.testing.assert_allclose(out, np.concatenate(wanted), rtol=1e-15, atol=1e-15)


def test_a_nan_stays_in_its_lane() -> None:
    a, b = np.ones(8), np.ones(8)
    a[3] = np.nan
    out = np.zeros(72)
    _all(a, b, out)
    assert np.isnan(out[3])
    assert np.isfinite(np.delete(out.reshape(9, 8), 3, axis=1)).all()


def test_blocks_multiply() -> None:
    block = np.array([[1.0, 2.0], [3.0, 4.0]])
    flat = block.ravel().copy()
    _square(flat)
    np.testing.assert_array_equal(flat.reshape(2, 2), block @ block)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names of x86 instructions")
def test_vectors_become_packed_instructions() -> None:
    fresh = kernel.__globals__["_numba"].njit(_many.py_func)  # type: ignore[attr-defined]
    fresh(np.ones(16), np.ones(16))
    (assembler,) = fresh.inspect_asm().values()
    packed = [line for line in assembler.splitlines() if "pd\t" in line]
    assert any("fmadd" in line or "mulpd" in line for line in packed)
    assert not any("mulsd" in line or "fmadd231sd" in line for line in assembler.splitlines())


def test_a_change_in_one_module_of_kernels_renews_all() -> None:
    file = _many._cache._cache_file  # type: ignore[attr-defined]
    _, stamps = file._source_stamp
    seen = {name for stamp in stamps for name, _, _ in stamp}
    assert {"lanes.py", "vectors.py", "scenarios.py", "sweep_parts.py", "test_grid_kernels_compiled.py"} <= seen
    assert vectors.LANES == 8


def test_a_change_where_a_kernel_imports_from_renews_it() -> None:
    from ghostload.physics.day_kernel import fill_days

    _, stamps = fill_days._cache._cache_file._source_stamp
    assert "interval_setup.py" in {name for stamp in stamps for name, _, _ in stamp}


def test_a_module_that_changes_gets_another_stamp(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("a = 1")
    (tmp_path / "note.txt").write_text("no module")
    before = compiled._stamp_of(str(tmp_path))
    assert [name for name, _, _ in before] == ["helper.py"]
    (tmp_path / "helper.py").write_text("a = 12")
    compiled._stamp_of.cache_clear()
    assert compiled._stamp_of(str(tmp_path)) != before


def test_slow_first_calls_are_announced_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(compiled, "SLOW_S", 0.01)
    monkeypatch.setattr(compiled, "_seen", set())
    monkeypatch.setattr(compiled, "_listeners", [])
    heard: list[str] = []
    on_compile(heard.append)
    with caplog.at_level("INFO", logger="ghostload"):
        for _ in range(2):
            with first_call("a test"):
                time.sleep(0.1)
        with first_call("something quick"):
            pass
    assert len(heard) == len(caplog.records) == 1
    assert "a test" in heard[0]


def test_kernels_work_where_no_cache_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    real = compiled._numba.njit

    class Refusing:
        @staticmethod
        def njit(*, cache: bool = False, **options: object) -> object:
            if cache:
                raise RuntimeError("cannot cache function: no locator available")
            return real(**options)

    monkeypatch.setattr(compiled, "_numba", Refusing)
    assert kernel(lambda x: x + 1)(2) == 3


def test_a_cached_kernel_of_days_is_loaded_without_numbas_library_of_functions(tmp_path) -> None:  # type: ignore[no-untyped-def]
    code = (
        "import sys, numpy as np\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from bare_sample import double\n"
        "values = np.arange(4.0)\n"
        "double(values)\n"
        "hits = sum(double.stats.cache_hits.values())\n"
        "print(values.tolist(), hits, 'numba.np.arraymath' in sys.modules)\n"
    )
    source = (
        "from ghostload.grid.kernels.compiled import bare\n\n\n"
        "@bare\ndef one(x):\n    return 2.0 * x\n\n\n"
        "@bare\ndef double(values):\n    for i in range(len(values)):\n        values[i] = one(values[i])\n"
    )
    (tmp_path / "bare_sample.py").write_text(source, encoding="utf-8")
    shown = [
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert shown == ["[0.0, 2.0, 4.0, 6.0] 0 True\n", "[0.0, 2.0, 4.0, 6.0] 1 False\n"]
