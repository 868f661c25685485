"""Matrix products on a chosen number of threads, the same bits for every number.

NumPy's BLAS has threads of its own and cuts a product by their number. Here it is kept to one thread for as
long as a call lasts, and the work is cut into pieces by the problem's shape alone, which threads take in turn.
(The limit holds for the whole process: BLAS calls of other threads meanwhile have one thread each, too.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from threading import Lock
from typing import Any


class _Limit:
    """One thread for BLAS while anyone is inside."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._controller: Any = None
        self._limit: Any = None

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            if self._controller is None:
                from threadpoolctl import ThreadpoolController

                self._controller = ThreadpoolController()
            if self._inside == 0:
                self._limit = self._controller.limit(limits=1, user_api="blas")
                self._limit.__enter__()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    self._limit.__exit__(None, None, None)


_limit = _Limit()


def run_all(task: Callable[..., None], pieces: Iterable[tuple[Any, ...]], threads: int) -> None:
    """Calls `task(*piece)` for each piece, on at most `threads` threads, BLAS on one thread in each."""
    every = list(pieces)
    with _limit.held():
        if threads == 1 or len(every) < 2:
            for piece in every:
                task(*piece)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(threads, len(every))) as pool:
            for done in [pool.submit(task, *piece) for piece in every]:
                done.result()


def bands(rows: int, row_work: int, least: int = 1 << 22) -> list[slice]:
    """Bands of rows with about `least` multiply-adds each or more: at most 8, by the problem's shape alone."""
    count = max(1, min(8, rows, rows * row_work // least))
    edges = [rows * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]
