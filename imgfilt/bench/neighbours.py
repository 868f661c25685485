"""What other processes do meanwhile: a second thread that has to share its processor tells nothing."""

from __future__ import annotations

import os
from time import perf_counter
from typing import NamedTuple

_MOST = 0.5  # of a processor that a cell needs: what others may have of it

_BUSY = (0, 1, 2, 5, 6, 7)  # of a line of /proc/stat: user, nice, system, interrupts, and what the host took


class Mark(NamedTuple):
    """A moment: seconds of work that other processes have done until then, and the time."""

    others: float
    at: float


def mark() -> Mark | None:
    """Now; None where the system does not tell (it is not Linux)."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            fields = file.readline().split()[1:]
    except OSError:
        return None
    every = sum(int(fields[i]) for i in _BUSY) / os.sysconf("SC_CLK_TCK")
    own = os.times()
    return Mark(every - own.user - own.system, perf_counter())


def busy_since(begin: Mark | None) -> float | None:
    """How many processors others kept busy since, on average; None where that is not known."""
    end = mark()
    if begin is None or end is None or end.at <= begin.at:
        return None
    return max(0.0, (end.others - begin.others) / (end.at - begin.at))


def disturbing(busy: float | None, threads: int) -> bool:
    """Whether others kept more processors busy than so many threads leave."""
    if busy is None:
        return False
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return busy > max(0, processors - threads) + _MOST
