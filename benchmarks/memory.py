"""Measure the memory of whole runs of ``ghostload generate`` as the number of meters grows. Needs Linux's /proc.

python benchmarks/memory.py --output-dir reports                       # all parts, and reports/memory.md
python benchmarks/memory.py --part intervals --meters 50000 200000     # a month of hours
python benchmarks/memory.py --part months                              # a year of months, without an interval
python benchmarks/memory.py --part processes                           # a month of hours, by processes of their own
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from generated import command, machine, report, run_options, shown

SIZES = (50_000, 200_000, 800_000)
EVERY_S = 0.02
"""Between two looks at the memory."""
FILES_EVERY = 10
"""Looks at the memory for each look at the files."""
MB = 2**20


@dataclass
class Peaks:
    """The most that was seen, in bytes.

    Attributes
    ----------
    anonymous : int
        Memory of the process that no file stands behind.
    mapped : int
        Memory that is a copy of files' pages; the system can take it back.
    resident : int
        All of it at a time, as the system counts it.
    workers : int
        Anonymous memory of all processes that it started, at a time.
    nameless : int
        Files without a name that it works with.
    stages : dict of str to int
        Anonymous memory in each stage.
    """

    anonymous: int = 0
    mapped: int = 0
    resident: int = 0
    workers: int = 0
    nameless: int = 0
    stages: dict[str, int] = field(default_factory=dict)

    def see(self, stage: str, status: dict[str, int], workers: Iterable[dict[str, int]], nameless: int) -> None:
        """Take in what was seen at one moment."""
        anonymous = status.get("RssAnon", 0)
        self.anonymous = max(self.anonymous, anonymous)
        self.mapped = max(self.mapped, status.get("RssFile", 0))
        self.resident = max(self.resident, status.get("VmHWM", 0))
        self.workers = max(self.workers, sum(worker.get("RssAnon", 0) for worker in workers))
        self.nameless = max(self.nameless, nameless)
        self.stages[stage] = max(self.stages.get(stage, 0), anonymous)


@dataclass(frozen=True)
class Used:
    """What one run of the command used."""

    meters: int
    given: list[str]
    wall_s: float
    peaks: Peaks


def memory_of(process: int) -> dict[str, int]:
    """Return what /proc says of the memory of a process, in bytes; nothing when it has ended."""
    with suppress(OSError):
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines()
        pairs = (line.split(":", 1) for line in lines if line.endswith(" kB"))
        return {name: 1024 * int(amount.split()[0]) for name, amount in pairs}
    return {}


def started_by(process: int) -> list[int]:
    """Return the processes that a process and those started."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            found += [int(number) for number in (task / "children").read_text().split()]
    return found + [further for child in found for further in started_by(child)]


def nameless_bytes(process: int) -> int:
    """Return the size of all files without a name that a process has open or mapped."""
    sizes: dict[int, int] = {}
    with suppress(OSError):
        for line in Path(f"/proc/{process}/maps").read_text(errors="replace").splitlines():
            place, _, offset, _, inode, *path = line.split(maxsplit=5)
            if path and _is_nameless(path[0]):
                start, stop = (int(end, 16) for end in place.split("-"))
                sizes[int(inode)] = max(sizes.get(int(inode), 0), int(offset, 16) + stop - start)
    with suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                if _is_nameless(str(link.readlink())):
                    found = link.stat()
                    sizes[found.st_ino] = found.st_size
    return sum(sizes.values())


def _is_nameless(path: str) -> bool:
    return path.endswith(" (deleted)") and not path.startswith(("/memfd:", "/dev/"))


def sampled(words: Sequence[str]) -> tuple[float, Peaks]:
    """Run a command that says its stages as JSON on stderr, and look at its memory until it ends."""
    begin, peaks, stage = time.perf_counter(), Peaks(), ["start"]
    said: list[bytes] = []
    looks = nameless = 0
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        listener = threading.Thread(target=_listen, args=(process.stderr, stage, said))
        listener.start()
        while process.poll() is None:
            nameless = nameless_bytes(process.pid) if looks % FILES_EVERY == 0 else nameless
            workers = [memory_of(number) for number in started_by(process.pid)]
            peaks.see(stage[0], memory_of(process.pid), workers, nameless)
            looks += 1
            time.sleep(EVERY_S)
        wall = time.perf_counter() - begin
        listener.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} failed: {b''.join(said[-20:]).decode(errors='replace')}")
    return wall, peaks


def _listen(stream: IO[bytes], stage: list[str], said: list[bytes]) -> None:
    """Keep what is said, and in ``stage`` how far it is."""
    for line in stream:
        said.append(line)
        with suppress(ValueError):
            event = json.loads(line)
            if event.get("event") == "progress":
                stage[0] = event["stage"] if event["done"] < event["total"] else f"after {event['stage']}"


def run(meters: int, months: int, interval: str | None, jobs: int, *more: str) -> Used:
    """Run the command into a folder that is thrown away."""
    given = run_options(meters, months, interval, jobs, *more)
    with tempfile.TemporaryDirectory() as folder:
        return Used(meters, given, *sampled([*command(given, Path(folder) / "set"), "--log-format", "json"]))


def slope(small: Used, large: Used, of: Callable[[Peaks], int]) -> float:
    """Return how many bytes each meter more takes."""
    return (of(large.peaks) - of(small.peaks)) / (large.meters - small.meters)


COLUMNS: dict[str, Callable[[Peaks], int]] = {
    "anonymous": lambda peaks: peaks.anonymous,
    "pages of files": lambda peaks: peaks.mapped,
    "all resident": lambda peaks: peaks.resident,
    "files without names": lambda peaks: peaks.nameless,
}
OF_WORKERS: dict[str, Callable[[Peaks], int]] = {"anonymous, of workers": lambda peaks: peaks.workers}


def table(found: Sequence[Used], columns: dict[str, Callable[[Peaks], int]]) -> list[str]:
    """Return the peaks of runs, and bytes a meter between the last two."""
    lines = [f"| command | wall | {' | '.join(columns)} |", f"|---|---|{'---|' * len(columns)}"]
    for used in found:
        cells = " | ".join(f"{of(used.peaks) / MB:.0f} MB" for of in columns.values())
        lines.append(f"| `{shown(used.given)}` | {used.wall_s:.1f} s | {cells} |")
    if len(found) > 1:
        small, large = found[-2:]
        cells = " | ".join(f"{slope(small, large, of):.0f}" for of in columns.values())
        lines.append(f"| bytes a meter, from {small.meters:,} to {large.meters:,} meters | | {cells} |")
    return lines


def stages(found: Sequence[Used]) -> list[str]:
    """Return the peaks of anonymous memory by stage, in the order in which they come in the largest run."""
    names = dict.fromkeys(name for used in reversed(found) for name in used.peaks.stages)
    lines = [f"| stage | {' | '.join(f'{used.meters:,} meters' for used in found)} |", f"|---|{'---|' * len(found)}"]
    for name in names:
        cells = (f"{used.peaks.stages[name] / MB:.0f} MB" if name in used.peaks.stages else "" for used in found)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def by_feeders(sizes: Sequence[int]) -> list[str]:
    """Return a month of hours with two jobs, and with one at the last size but one."""
    found = [run(meters, 1, "1h", 2) for meters in sizes]
    alone = run(sizes[max(0, len(sizes) - 2)], 1, "1h", 1)
    return [*table(found, COLUMNS), "", "With one job:", "", *table([alone], COLUMNS), "", *_by_stage(found)]


def by_months(sizes: Sequence[int]) -> list[str]:
    """Return a year of months."""
    found = [run(meters, 12, None, 2) for meters in sizes]
    return [*table(found, COLUMNS), "", *_by_stage(found)]


def by_processes(sizes: Sequence[int]) -> list[str]:
    """Return a month of hours with two workers in processes of their own, at the first two sizes."""
    found = [run(meters, 1, "1h", 2, "--engine", "processes") for meters in sizes[:2]]
    return [
        *table(found, COLUMNS | OF_WORKERS),
        "",
        "The last column is the sum over all processes that the command started; the others are of the process itself.",
    ]


def _by_stage(found: Sequence[Used]) -> list[str]:
    return ["Anonymous memory by stage, with two jobs:", "", *stages(found)]


PARTS: dict[str, tuple[str, Callable[[Sequence[int]], list[str]]]] = {
    "intervals": ("A month of hours", by_feeders),
    "months": ("A year of months", by_months),
    "processes": ("A month of hours, by processes", by_processes),
}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, nargs="+", default=SIZES, metavar="N", help="sizes, ascending")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this; repeatable")
    parser.add_argument("--output-dir", type=Path, help="write memory.md there, of all parts")
    options = parser.parse_args()
    if not Path("/proc/self/status").exists():
        parser.error("memory is read in /proc, which this system does not have")
    if sorted(set(options.meters)) != list(options.meters):
        parser.error("--meters: each larger than the one before")
    if options.output_dir and options.part:
        parser.error("--output-dir is for all parts")
    run(480, 1, "1h", 1)
    run(480, 1, None, 1)
    head = [
        "# Memory",
        "",
        f"Made by `python {' '.join(['benchmarks/memory.py', *sys.argv[1:]])}`.",
        "",
        f"{machine('numpy', 'pyarrow', 'numba')}; compiled before.",
        "",
        f"Peaks, looked at every {1000 * EVERY_S:.0f} ms. Anonymous memory is what the process needs; pages of files",
        "are copies that the system takes back when it needs the room. Files without names lie on the disk until the",
        "run ends. 1 MB is 1,048,576 bytes.",
    ]
    file = options.output_dir / "memory.md" if options.output_dir else None
    report("memory", head, PARTS, options.part, options.meters, file)


if __name__ == "__main__":
    main()
