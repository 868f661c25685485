"""Times two calls in turn, so that whatever else the machine does hits both."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median, quantiles
from time import perf_counter

FEWEST = 3
"""Rounds that are never left out."""

_SHORTEST = 2e-3  # seconds; a sample of a short call is a loop of them
_WARM_SECONDS = 0.02
_LONG = 0.2  # seconds; a call that takes longer is warm after one
_MOST_REPEATS = 100_000

Call = Callable[[], object]


@dataclass(frozen=True)
class Pairs:
    """Seconds a call of A and of B, round by round."""

    a: tuple[float, ...]
    b: tuple[float, ...]

    @property
    def seconds(self) -> tuple[float, float]:
        """The medians of A and B."""
        return median(self.a), median(self.b)

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Lower quartile, median and upper quartile of B / A, taken pair by pair."""
        every = [b / a for a, b in zip(self.a, self.b, strict=True)]
        if len(every) < 2:
            return every[0], every[0], every[0]
        low, _, high = quantiles(every, n=4)
        return low, median(every), high


def repeats(call: Call) -> int:
    """Warms a call up, and says how many of them make a sample long enough to be timed."""
    began, count, once = perf_counter(), 0, 0.0
    while (passed := perf_counter() - began) < _WARM_SECONDS or (count < 2 and passed < _LONG):
        once = sample(call, 1)
        count += 1
    return max(1, min(_MOST_REPEATS, round(_SHORTEST / max(once, 1e-9))))


def sample(call: Call, count: int) -> float:
    """Seconds a call, over `count` of them."""
    turns = range(count)
    began = perf_counter()
    for _ in turns:
        call()
    return (perf_counter() - began) / count


def in_turn(calls: Sequence[Call], rounds: int, seconds: float = inf) -> list[tuple[float, ...]]:
    """The samples of each call: all of them once a round, in order, without garbage collection.

    No round begins after `seconds`, once there are `FEWEST`.
    """
    counts = [repeats(call) for call in calls]
    collecting = gc.isenabled()
    gc.disable()
    began = perf_counter()
    table: list[list[float]] = []
    try:
        while len(table) < rounds and (len(table) < FEWEST or perf_counter() - began < seconds):
            table.append([sample(call, count) for call, count in zip(calls, counts, strict=True)])
    finally:
        if collecting:
            gc.enable()
    return [tuple(column) for column in zip(*table, strict=True)]


def pairs(a: Call, b: Call, rounds: int, seconds: float = inf) -> Pairs:
    """A B A B ..., `rounds` times each, or fewer where that takes more than `seconds`."""
    first, second = in_turn((a, b), rounds, seconds)
    return Pairs(first, second)
