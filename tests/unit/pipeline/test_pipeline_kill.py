"""A run that is killed, or finds the disk full, goes on with the same bytes as one that nobody disturbed."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from in_time_support import hashes

RUN = "import sys; sys.argv[0] = 'ghostload'; from ghostload_cli.main import main; main()"
ARGS = ["--num-meters", "400", "--num-transformers", "40", "--num-months", "4", "--interval", "15min", "--seed", "5"]
ARGS += ["--set", "territory.transformers_per_feeder=4", "--output-dir"]
KILLS = 10


def _command(*args: str) -> list[str]:
    return [sys.executable, "-c", RUN, "generate", *ARGS, *args]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the hashes of an undisturbed run."""
    folder = tmp_path_factory.mktemp("whole") / "set"
    subprocess.run(_command(str(folder), "-q"), check=True, timeout=300)
    return hashes(folder)


def _finished(folder: Path) -> int:
    """Count the feeders that a run has finished and kept."""
    return len(list(folder.glob("blocks/*/feeder-*.block")))


def _kill_after(process: subprocess.Popen[bytes], partial: Path, feeders: int, delay_s: float) -> bool:
    """Kill a run a moment after it has finished so many feeders; tell whether it was still running."""
    while process.poll() is None and _finished(partial) < feeders:
        time.sleep(0.005)
    try:
        process.wait(timeout=delay_s)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def test_a_run_killed_at_random_moments_goes_on_to_the_same_bytes(whole: dict[str, str], tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    target, partial = tmp_path / "set", tmp_path / ".set.ghostload-partial"
    midway = 0
    for attempt in range(KILLS):
        process = subprocess.Popen(_command(str(target), "-q", "--resume", "--jobs", "2"))
        feeders = _finished(partial) + int(attempt > 0)
        if _kill_after(process, partial, feeders, rng.uniform(0.0, 0.3)):
            midway += _finished(partial) > 0
        if target.exists():
            assert hashes(target) == whole, seed
            target.rename(tmp_path / f"done-{attempt}")
    assert midway > 0, f"seed {seed}: no run was killed after its first feeder"
    subprocess.run(_command(str(target), "-q", "--resume"), check=True, timeout=120)
    assert hashes(target) == whole, seed
    assert not partial.exists()


def test_a_run_whose_workers_read_the_months_leaves_no_file_of_them(whole: dict[str, str], tmp_path: Path) -> None:
    target, partial = tmp_path / "set", tmp_path / ".set.ghostload-partial"
    by_processes = _command(str(target), "--jobs", "2", "--engine", "processes", "--resume")
    full = _with_small_files(by_processes, 50_000)
    assert (full.returncode, full.stderr.count("cannot keep what does not fit in memory: File too large")) == (1, 1)
    assert "Traceback" not in full.stderr
    assert not list(tmp_path.iterdir()), "nothing was finished"
    process = subprocess.Popen([*by_processes, "-q"], start_new_session=True)
    while process.poll() is None and _finished(partial) < 1:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(list(partial.rglob(".*-of-months.*"))) == 2, "the run was killed too late"
    subprocess.run([*by_processes, "-q"], check=True, timeout=120)
    assert hashes(target) == whole
    assert not partial.exists()


def _with_small_files(command: list[str], most: int) -> subprocess.CompletedProcess[str]:
    """Run a command that can write no larger file."""

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return subprocess.run(command, preexec_fn=small_files, capture_output=True, text=True, timeout=120, check=False)


def test_a_full_disk_is_one_line_and_the_run_can_be_resumed(whole: dict[str, str], tmp_path: Path) -> None:
    stopped = _with_small_files(_command(str(tmp_path / "set"), "--jobs", "2"), 300_000)
    assert stopped.returncode == 1
    last = stopped.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ghostload: {tmp_path / 'set'}: cannot be written: a file grows beyond what is allowed")
    assert "Traceback" not in stopped.stderr
    assert not (tmp_path / "set").exists()
    subprocess.run(_command(str(tmp_path / "set"), "-q", "--resume"), check=True, timeout=120)
    assert hashes(tmp_path / "set") == whole


def test_a_feeder_whose_file_was_damaged_is_made_again(whole: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.Popen(_command(str(tmp_path / "set"), "-q"))
    work = tmp_path / ".set.ghostload-partial"
    try:
        while not (blocks := sorted(work.glob("blocks/*/feeder-*.block"))) and process.poll() is None:
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert blocks
    feeder = blocks[0].stem.removeprefix("feeder-")
    (file,) = work.glob(f"blocks/*/readings/feeder={feeder}/part-0.parquet")
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    subprocess.run(_command(str(tmp_path / "set"), "-q", "--resume"), check=True, timeout=120)
    assert hashes(tmp_path / "set") == whole
