"""A run that is killed leaves the old data set or none, and the next run mends what it left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from export_samples import Verdict, files_of, leftovers, sample, whole

from ghostload.export import write_dataset

KILL_AT_STEPS = """
import os, shutil, signal, sys
from pathlib import Path
import export_samples
from ghostload.export import write_dataset
import ghostload.export.csv, ghostload.export.geojson, ghostload.export.report, ghostload.export.metadata
import ghostload.territory.capacity, shapely

steps = 0
dataset = export_samples.sample()

def counted(function, last):
    def call(*args, **kwargs):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call

def write(target, last):
    os.fsync = lambda number: None  # takes most of the time, and does nothing for a killed process
    for owner, name in (
        (Path, "rename"), (Path, "mkdir"), (Path, "rmdir"), (shutil, "rmtree"), (os, "fsync"), (os, "unlink"),
    ):
        setattr(owner, name, counted(getattr(owner, name), last))
    write_dataset(dataset, target, force=True, validation=export_samples.Verdict())
    print(steps, flush=True)
    os._exit(0)

for number, target in enumerate(sys.argv[2:], start=int(sys.argv[1])):
    child = os.fork()
    if child == 0:
        write(target, number)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

WRITE_FOR_EVER = """
import sys
import export_samples
from ghostload.export import write_dataset
sets = [export_samples.sample(), export_samples.sample(meters=20, transformers=4)]
print("ready", flush=True)
number = 0
while True:
    number += 1
    write_dataset(sets[number % 2], sys.argv[1], force=True, validation=export_samples.Verdict())
"""


def _start(program: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run_and_kill_at(first: int, targets: list[Path]) -> list[int]:
    """Write into each target, killed at step ``first``, ``first + 1`` ...; return what the driver says, a line each."""
    process = _start(KILL_AT_STEPS, first, *targets)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    return [int(line) for line in out.split()]


def _expected(folder: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    old = write_dataset(sample(meters=20, transformers=4), folder / "old", validation=Verdict())  # type: ignore[arg-type]
    new = write_dataset(sample(), folder / "new", validation=Verdict())  # type: ignore[arg-type]
    return files_of(old), files_of(new)


def _prepare(target: Path) -> Path:
    """Put an old data set and a file of somebody else's into a folder."""
    write_dataset(sample(meters=20, transformers=4), target, validation=Verdict())  # type: ignore[arg-type]
    (target / "notes.txt").write_text("mine")
    return target


def test_killed_at_any_step_of_a_replacement_the_next_run_finds_the_old_or_the_new_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda number: None)
    old, new = _expected(tmp_path)
    steps, code = _run_and_kill_at(0, [_prepare(tmp_path / "count")])
    assert code == 0
    assert steps > 25
    targets = [_prepare(tmp_path / f"run{step}" / "set") for step in range(1, steps + 1)]
    assert _run_and_kill_at(1, targets) == [-signal.SIGKILL] * steps
    seen = set()
    for target in targets:
        found = files_of(target) if target.exists() else None
        if found is not None:
            found.pop("notes.txt", None)
            assert found in (old, new), target
        seen.add("none" if found is None else "old" if found == old else "new")
        write_dataset(sample(), target, force=True, validation=Verdict())  # type: ignore[arg-type]
        assert (target / "notes.txt").read_text() == "mine", target
        (target / "notes.txt").unlink()
        assert files_of(target) == new, target
        assert leftovers(target.parent) == [], target
    assert seen == {"none", "old", "new"}


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment_there_is_a_whole_set_or_none(tmp_path: Path, seed: int) -> None:
    wait = random.Random(seed).uniform(0.005, 0.15)
    target = tmp_path / "set"
    process = _start(WRITE_FOR_EVER, target)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(wait)
    process.kill()
    process.communicate()
    assert whole(target) or not target.exists(), f"seed {seed}, after {wait} s"
    write_dataset(sample(), target, force=True, validation=Verdict())  # type: ignore[arg-type]
    assert whole(target)
    assert leftovers(tmp_path) == []


def test_two_runs_into_one_folder_never_mix(tmp_path: Path) -> None:
    target = tmp_path / "set"
    processes = [_start(WRITE_FOR_EVER, target) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    first = time.monotonic()
    while time.monotonic() - first < 20 and all(process.poll() is None for process in processes):
        time.sleep(0.01)
    errors = []
    for process in processes:
        process.kill()
        errors.append(process.communicate()[1])
    assert any("another run is writing to it; wait for its end" in error for error in errors)
    assert all(not error or "OutputError" in error for error in errors)
    write_dataset(sample(), target, force=True, validation=Verdict())  # type: ignore[arg-type]
    assert whole(target)
