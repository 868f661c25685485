"""One budget of threads and memory for all files of a batch."""

from __future__ import annotations

import contextlib
import functools
import os
from collections import deque
from collections.abc import Iterator
from threading import Condition
from time import perf_counter

from imgfilt.io import Info

LOOK_FIRST = 64 << 20
"""Files of more bytes are not even read before there is memory for their pixels."""


class Budget:
    """Shares `threads` and `memory` (bytes) among files; `workers` of them are worked on at a time.

    With many files waiting each has one thread; the last ones share what has become free, so that one large
    file has all. A file that would not fit beside the others waits; one that would not fit at all goes alone.
    First come, first served, so that large files are not overtaken for ever.
    """

    def __init__(self, threads: int, memory: int, workers: int, files: int) -> None:
        self.threads, self.memory, self.workers = threads, memory, workers
        self._left = files
        self._used = 0
        self._queue: deque[object] = deque()
        self._changed = Condition()

    @contextlib.contextmanager
    def file(self) -> Iterator[Share]:
        """What one file may use; given back when the block ends."""
        share = Share(self)
        try:
            yield share
        finally:
            with self._changed:
                self._left -= 1
                self._used -= share.granted
                self._changed.notify_all()

    def acquire(self, size: int) -> None:
        """Waits until there are `size` bytes for a file, or until it is alone."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            self._changed.wait_for(
                lambda: self._queue[0] is ticket and (not self._used or self._used + size <= self.memory)
            )
            self._queue.popleft()
            self._used += size
            self._changed.notify_all()

    def threads_now(self, alone: bool) -> int:
        """The threads for a file that begins now."""
        if alone:
            return self.threads
        with self._changed:
            return max(1, self.threads // max(1, min(self.workers, self._left)))


class Share:
    """The part of a budget that one file has, and the seconds that it waited for it."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.granted = 0
        self.waited = 0.0

    def reserve(self, size: int) -> None:
        """Waits for `size` bytes; once only, later calls are nothing."""
        if not self.granted:
            begin = perf_counter()
            self._budget.acquire(size)
            self.granted = size
            self.waited = perf_counter() - begin

    @property
    def threads(self) -> int:
        return self._budget.threads_now(alone=self.granted >= self._budget.memory)


def estimate(info: Info, file_bytes: int, *, sample_bytes: int = 0) -> int:
    """Bytes that a file needs at its worst moment: itself, its pixels, the result, and one copy that codecs make.

    `sample_bytes` is the result's sample size where it is larger than the input's.
    """
    pixels = info.nbytes
    result = max(pixels, info.pixels * info.channels * sample_bytes)
    return file_bytes + 2 * pixels + 2 * result


def processors() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


@functools.cache
def machine_memory() -> int:
    """The bytes of memory that this machine, or this container, has."""
    sizes = [4 << 30]
    with contextlib.suppress(AttributeError, ValueError, OSError):
        sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with (
        contextlib.suppress(OSError, ValueError),
        open("/sys/fs/cgroup/memory.max", encoding="ascii") as file,
    ):
        sizes.append(int(file.read()))
    return min(sizes)
