"""What it costs to see that a cached array is what was written: hashing it once when it is opened.

Run: `python benchmarks/cache.py [MB ...]`. Opening a file of decoded samples as a memory map and reading every sample
once (one epoch without a model), with the file hashed before and without: medians of five rounds, interleaved, the
file in the page cache. The third figure is `cat` of the same file into nothing.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from declare.data.read import cache
from declare.system import user_cache

ROUNDS = 5
SAMPLE = (3, 64, 64)


def seconds(what) -> float:
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def epoch(array) -> None:
    for start in range(0, len(array), 32):
        np.ascontiguousarray(array[start : start + 32]).sum()


def plain(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def measure(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples.npy"
        number = max(1, megabytes * 1_000_000 // int(np.prod(SAMPLE)))
        cache.write_array(path, np.random.default_rng(0).integers(0, 255, (number, *SAMPLE), np.uint8))
        times: dict[str, list[float]] = {"read": [], "hash": [], "epoch": []}
        for _ in range(ROUNDS):
            times["read"].append(seconds(lambda: plain(path)))
            times["hash"].append(seconds(lambda: user_cache.is_whole(path)))
            times["epoch"].append(seconds(lambda: epoch(np.load(path, mmap_mode="r"))))
        read, hashed, once = (statistics.median(times[name]) for name in ("read", "hash", "epoch"))
        size = path.stat().st_size / 1e9
        print(
            f"{megabytes} MB: hashed at {size / hashed:.2f} GB/s ({hashed:.3f} s, {os.cpu_count()} cores), "
            f"read at {size / read:.2f} GB/s, one epoch without a model {once:.3f} s"
        )


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ("10", "100", "1000")):
        measure(size)
