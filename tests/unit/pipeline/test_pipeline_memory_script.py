"""The script behind reports/memory.md: it sees what a process holds, and divides rightly."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read in Linux's /proc")

HOLDER = """
import json, mmap, subprocess, sys, tempfile, time

def say(stage, done):
    print(json.dumps({"event": "progress", "stage": stage, "done": done, "total": 1}), file=sys.stderr, flush=True)

say("much", 0)
held = bytearray(b"x") * (64 << 20)
time.sleep(0.5)
del held
say("much", 1)
print("no JSON", file=sys.stderr, flush=True)
say("files", 0)
with tempfile.TemporaryFile() as file:
    file.truncate(32 << 20)
    mapped = mmap.mmap(file.fileno(), 0)
code = "import time; held = bytearray(b'x') * (48 << 20); time.sleep(0.5)"
subprocess.run([sys.executable, "-c", code], check=True)
"""
MB = 1 << 20


@pytest.fixture(scope="module")
def script(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root / "benchmarks")
        spec = importlib.util.spec_from_file_location("memory_script", root / "benchmarks" / "memory.py")
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        yield module


def used(script, meters, **peaks):
    return script.Used(meters, ["--num-meters", str(meters)], 1.5, script.Peaks(**peaks))


def test_memory_of_a_process_its_files_and_those_that_it_started_is_seen(script):
    wall, peaks = script.sampled([sys.executable, "-c", HOLDER])
    assert wall > 1.0
    assert 64 * MB < peaks.anonymous < 90 * MB
    assert 48 * MB < peaks.workers < 74 * MB
    assert peaks.nameless == 32 * MB
    assert peaks.resident >= peaks.anonymous
    assert peaks.stages["much"] == peaks.anonymous
    assert peaks.stages["files"] < 40 * MB


def test_a_command_that_fails_is_told_with_what_it_said(script):
    with pytest.raises(SystemExit, match="failed: it went wrong"):
        script.sampled([sys.executable, "-c", "import sys; sys.exit('it went wrong')"])


def test_a_process_that_has_ended_holds_nothing(script):
    assert script.memory_of(2**30) == {}
    assert script.started_by(2**30) == []
    assert script.nameless_bytes(2**30) == 0


def test_peaks_are_the_most_of_each_by_itself(script):
    peaks = script.Peaks()
    peaks.see("first", {"RssAnon": 5, "RssFile": 9, "VmHWM": 14}, [{"RssAnon": 3}, {"RssAnon": 4}], 0)
    peaks.see("second", {"RssAnon": 8, "RssFile": 1, "VmHWM": 14}, [{"RssAnon": 6}, {}], 7)
    assert peaks == script.Peaks(8, 9, 14, 7, 7, {"first": 5, "second": 8})


def test_bytes_a_meter_are_those_between_the_two_largest_sizes(script):
    found = [
        used(script, 1_000, anonymous=10 * MB),
        used(script, 2_000, anonymous=100 * MB, stages={"checks": 50 * MB}),
        used(script, 12_000, anonymous=100 * MB + 250_000, stages={"meters": 3 * MB, "checks": 60 * MB}),
    ]
    assert script.slope(found[1], found[2], lambda peaks: peaks.anonymous) == 25.0
    lines = script.table(found, script.COLUMNS)
    assert lines[2].startswith("| `ghostload generate --num-meters 1000` | 1.5 s | 10 MB |")
    assert lines[-1] == "| bytes a meter, from 2,000 to 12,000 meters | | 25 | 0 | 0 | 0 |"
    assert len(script.table(found[:1], script.COLUMNS)) == 3
    assert script.stages(found)[2:] == ["| meters |  |  | 3 MB |", "| checks |  | 50 MB | 60 MB |"]


def test_a_report_has_every_part_and_says_how_it_was_made(script, monkeypatch, tmp_path, capsys):
    asked = []

    def run(meters, months, interval, jobs, *more):
        asked.append((meters, months, interval, jobs, *more))
        return used(script, meters, anonymous=meters * 100, stages={"readings": meters})

    monkeypatch.setattr(script, "run", run)
    monkeypatch.setattr(sys, "argv", ["memory.py", "--meters", "10", "20", "30", "--output-dir", str(tmp_path)])
    script.main()
    report = (tmp_path / "memory.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() == report.strip()
    assert f"`python benchmarks/memory.py --meters 10 20 30 --output-dir {tmp_path}`" in report
    assert [line for line in report.splitlines() if line.startswith("## ")] == [
        f"## {title}" for title, _ in script.PARTS.values()
    ]
    assert {size[0] for size in asked if size[1:] == (1, "1h", 2)} == {10, 20, 30}
    assert (20, 1, "1h", 1) in asked
    assert {size[0] for size in asked if size[1:] == (12, None, 2)} == {10, 20, 30}
    assert {size[0] for size in asked if size[-1] == "processes"} == {10, 20}
    monkeypatch.setattr(sys, "argv", ["memory.py", "--meters", "20", "10"])
    with pytest.raises(SystemExit):
        script.main()
