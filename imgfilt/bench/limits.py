"""What this machine can do at most: copy memory, and multiply and add. Each cell is held to that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from imgfilt import _native

_BYTES = 256 << 20  # of each array that is copied: beyond any cache
_TURNS = 100_000  # of the probe of multiply-adds: a millisecond or two
_SECONDS = 0.25  # for each probe


@dataclass(frozen=True)
class Limits:
    """Of so many threads: bytes read plus bytes written a second by a copy; multiply-adds of float32 a second."""

    threads: int
    copy: float
    multiply_add: float

    def record(self) -> Mapping[str, Any]:
        """As plain data for JSON."""
        return {"threads": self.threads, "copy_gb_s": self.copy / 1e9, "fma_gmac_s": self.multiply_add / 1e9}


def measure(threads: Sequence[int]) -> list[Limits]:
    """The limits for each number of threads, with the instruction set in use; takes about a second."""
    source = np.ones(_BYTES, np.uint8)
    target = np.zeros(_BYTES, np.uint8)
    return [Limits(n, _copy(source, target, n), _multiply_add(n)) for n in threads]


def _copy(source: np.ndarray[Any, Any], target: np.ndarray[Any, Any], threads: int) -> float:
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        return 2 * source.nbytes / _least(lambda: list(pool.map(lambda part: np.copyto(*part), parts)))


def _multiply_add(threads: int) -> float:
    done = _native.multiply_adds(_TURNS, threads)
    return done / _least(lambda: _native.multiply_adds(_TURNS, threads))


def _least(call: Callable[[], object]) -> float:
    """The shortest time of a call: a limit is what nothing disturbed."""
    call()
    began, best = perf_counter(), float("inf")
    while perf_counter() - began < _SECONDS:
        start = perf_counter()
        call()
        best = min(best, perf_counter() - start)
    return best
