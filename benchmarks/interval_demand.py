"""Measure the speed of interval demand against drawing as many float32 normals, alternating; one thread.

python benchmarks/interval_demand.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from ghostload.config import GeneratorConfig
from ghostload.consumption.calendar import month_numbers
from ghostload.consumption.customers import draw_customers
from ghostload.consumption.interval_demand import interval_true_wh
from ghostload.consumption.intervals import RESOLUTIONS
from ghostload.consumption.monthly import monthly_true_kwh
from ghostload.consumption.reactive import interval_q_varh, reactive_shares
from ghostload.streams import Streams


def timed(function: Callable[[], object], count: int) -> float:
    """Return nanoseconds for each of ``count`` values."""
    begin = time.perf_counter()
    function()
    return (time.perf_counter() - begin) / count * 1e9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, default=1000)
    parser.add_argument("--months", type=int, default=3)
    parser.add_argument("--times", type=int, default=7)
    options = parser.parse_args()
    config = GeneratorConfig(num_meters=options.meters, num_months=options.months)
    streams = Streams(config.random_seed)
    numbers = month_numbers(config.months)
    customers = draw_customers(config, streams)
    kwh = monthly_true_kwh(customers, numbers, streams)
    begin = time.perf_counter()
    interval_true_wh(customers.rows(0, 1), numbers, kwh[:1], 30, streams)
    print(f"first call, compilation or cache: {time.perf_counter() - begin:.2f} s; numba {version('numba')}")
    print("| interval | normals ns/value | demand ns/value | ratio of medians | smallest demand |")
    print("|---|---|---|---|---|")
    normals = np.random.Generator(np.random.SFC64(1))
    for name, minutes in RESOLUTIONS.items():
        out = interval_true_wh(customers, numbers, kwh, minutes, streams)
        floor, ours = [], []
        for _ in range(options.times):
            floor.append(timed(lambda n=out.size: normals.standard_normal(n, dtype=np.float32), out.size))
            ours.append(timed(lambda m=minutes: interval_true_wh(customers, numbers, kwh, m, streams), out.size))
        a, b = statistics.median(floor), statistics.median(ours)
        print(f"| {name} | {a:.1f} | {b:.1f} | {b / a:.2f} | {min(ours):.1f} |")
        if minutes == 30:
            shares = reactive_shares(customers, streams)
            q = [timed(lambda w=out, s=shares: interval_q_varh(w, 30, s), out.size) for _ in range(options.times)]
            print(f"| 30min, reactive | | {statistics.median(q):.1f} | | {min(q):.1f} |")


if __name__ == "__main__":
    main()
