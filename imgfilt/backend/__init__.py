"""The ways to convolve, in one ordered table. Each is a module with

    name      what users write in `backend=`
    supports  (problem) -> None, or a `Refusal` with the reason
    arithmetic  (problem) -> the types of its sums, and whether they are exact
    lower     (problem, rows, line) -> the line of the response       (backends that fuse into a row program)
    respond   (problem, image, cval, put, threads): puts the response / scale, in blocks that cover the image once, or
              has the core do it with what `put` holds (backends that read whole arrays)
    cost      (problem, threads) -> predicted seconds on so many threads
    block_rows (problem) -> rows that `respond` computes together, counted from the first: where sums round, a band
              of the image gives the same bits as the whole only if its blocks are the whole's (may be absent:
              such a backend does no inexact work in bands)

The planner asks all of them and takes the cheapest; it knows none by name.
"""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from imgfilt.arithmetic import Arithmetic
from imgfilt.backend import box, direct, fft, im2col, low_rank, multirate, separable
from imgfilt.problem import Problem, Put, Refusal
from imgfilt.rows import Line, RowBuilder


class Backend(Protocol):
    """What every backend has."""

    name: str

    def supports(self, problem: Problem) -> Refusal | None: ...

    def cost(self, problem: Problem, threads: int) -> float: ...


class RowBackend(Backend, Protocol):
    """A backend that lowers to row operations."""

    def arithmetic(self, problem: Problem) -> str: ...

    def lower(self, problem: Problem, rows: RowBuilder, line: Line) -> Line: ...


class ArrayBackend(Backend, Protocol):
    """A backend that works on whole arrays: a step of its own."""

    def respond(self, problem: Problem, image: NDArray[Any], cval: float, put: Put, threads: int) -> None: ...

    def workspace(self, problem: Problem) -> int: ...

    def arithmetic(self, problem: Problem) -> Arithmetic: ...

    def scale(self, problem: Problem) -> float: ...

    def error(self, problem: Problem) -> float: ...

    def reach(self, problem: Problem) -> int:
        """Rows above and below that a row of the response depends on."""

    def block_rows(self, problem: Problem) -> int:
        """An image in bands of multiples of so many rows gives the same bits as the whole."""


ROW_BACKENDS: dict[str, RowBackend] = {m.name: m for m in (separable, box, low_rank, direct)}
ARRAY_BACKENDS: dict[str, ArrayBackend] = {m.name: m for m in (multirate, fft, im2col)}


def names() -> tuple[str, ...]:
    """The names of all backends."""
    return (*ROW_BACKENDS, *ARRAY_BACKENDS)
