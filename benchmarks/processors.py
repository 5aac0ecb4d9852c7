"""What the machine's processors have to give to two threads that share nothing."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor


def free_processors() -> tuple[float, float]:
    """Return the seconds of two hashings one after the other and side by side: what the machine has to give."""
    block = bytes(40_000_000)

    def burn(_: int) -> None:
        hashlib.sha256(block).digest()

    begin = time.perf_counter()
    burn(0)
    burn(0)
    alone = time.perf_counter() - begin
    with ThreadPoolExecutor(2) as pool:
        begin = time.perf_counter()
        list(pool.map(burn, range(2)))
        return alone, time.perf_counter() - begin
