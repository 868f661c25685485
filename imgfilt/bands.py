"""Images larger than memory: a plan runs on bands of rows, with the same bits as on the whole image.

A row of the result depends on the rows within the plan's reach of it. A band is therefore filtered together with
that many rows above and below, which are cut off again; at the image's own top and bottom it has the real border.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import lcm
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgfilt import _native, graph
from imgfilt.backend import ARRAY_BACKENDS
from imgfilt.engine import Executable, step_result
from imgfilt.plans import AreaStep, ArrayStep, Plan, RowStep, Step
from imgfilt.records import record

Rows = NDArray[Any]
T = TypeVar("T")

MEMORY = 256 << 20
"""Default bytes of all bands that are in memory at a time."""

_LEAST_ROWS = 16


class NotInBandsError(ValueError):
    """The filter needs the whole image at once."""


@record
class RowImage:
    """An image whose rows are read when they are needed, given to a filter in place of an array.

    shape    (H, W) or (H, W, C)
    dtype    as of arrays: uint8, uint16, int16, float32 or float64
    fill     called as `fill(first, rows)`: writes the rows `first`, `first` + 1, ... into all of the array
             `rows`, (n, W) or (n, W, C). Rows are asked for once and in order, but for `border="wrap"`
             (which needs the other end's too), and from one thread at a time, which need not be the caller's
    memory   bytes that the bands may take together, about; one band is as high as that allows
    band     rows a band, instead

    A filter gives a `Bands` for it.

    >>> import imgfilt, numpy as np
    >>> def ramp(first, rows):
    ...     rows[...] = np.arange(first, first + len(rows), dtype=np.uint8)[:, None]
    >>> bands = imgfilt.box(imgfilt.RowImage((90, 64), "uint8", ramp, band=40), size=3)
    >>> [band.shape for band in bands]
    [(40, 64), (40, 64), (10, 64)]
    """

    shape: tuple[int, ...]
    dtype: str
    fill: Callable[[int, Rows], None]
    memory: int = MEMORY
    band: int | None = None


class Bands:
    """The result of a filter on a `RowImage`: an iterable of arrays of rows, from the top to the bottom.

    Each iteration filters the image anew, one band ahead of the caller. Together the bands are, bit for bit, what
    the filter gives for the whole image as an array.
    """

    def __init__(self, executable: Executable, image: RowImage, cval: float, threads: int) -> None:
        """Raises NotInBandsError where the plan needs the whole image at once."""
        plan = executable.plan
        self.shape, self.dtype = plan.out_shape, plan.out_dtype
        self._executable, self._image, self._cval, self._threads = executable, image, cval, threads
        self._block = lcm(1, *(_block(step) for step in plan.steps))
        if plan.border == "wrap" and any(_block(step) > 1 for step in _ending_with_the_image(plan)):
            raise NotInBandsError(
                f"{plan.title}: {plan.backend} rounds differently in bands where borders wrap; choose another backend"
            )
        reach = sum(_reach(step, plan) for step in plan.steps)
        self._halo = -(-reach // self._block) * self._block
        self.band = self._band_rows(plan)

    def __iter__(self) -> Iterator[Rows]:
        return ahead(self._filtered())

    @property
    def memory(self) -> int:
        """Bytes that the bands and their filter take while they are iterated over, about."""
        plan = self._executable.plan
        whole, own = _row_bytes(plan)
        rows = min(self.band + 2 * self._halo, self.shape[0])
        return rows * whole + self.band * own + plan.workspace * self._threads

    def _band_rows(self, plan: Plan) -> int:
        height, block = self.shape[0], self._block
        if self._image.band is not None:
            rows = self._image.band
        else:
            whole, own = _row_bytes(plan)
            room = self._image.memory - plan.workspace * self._threads - 2 * self._halo * whole
            rows = max(room // (whole + own), self._halo, _LEAST_ROWS)
        return min(max(rows // block, 1) * block, height)

    def _filtered(self) -> Iterator[Rows]:
        height, halo = self.shape[0], self._halo
        for top, rows in ahead(self._inputs()):
            first = top * self.band
            low = first - halo if self._wraps else max(0, first - halo)
            count = min(self.band, height - first)
            yield self._executable.rows(rows, first - low, count, self._cval, self._threads)

    @property
    def _wraps(self) -> bool:
        return self._executable.plan.border == "wrap"

    def _inputs(self) -> Iterator[tuple[int, Rows]]:
        """Each band's number and rows, with its halo. An array is written again two bands later."""
        image, halo = self._image, self._halo
        height = image.shape[0]
        most = min(self.band + 2 * halo, height + (2 * halo if self._wraps else 0))
        buffers = [np.empty((most, *image.shape[1:]), image.dtype) for _ in range(2)]
        before, end = buffers[1][:0], None
        for number, first in enumerate(range(0, height, self.band)):
            low, high = first - halo, min(first + self.band, height) + halo
            if not self._wraps:
                low, high = max(0, low), min(height, high)
            rows = buffers[number % 2][: high - low]
            kept = 0 if end is None else max(0, end - low)
            rows[:kept] = before[len(before) - kept :]
            self._read(low + kept, rows[kept:])
            yield number, rows
            before, end = rows, high

    def _read(self, first: int, rows: Rows) -> None:
        """Reads rows that may lie outside the image: there it repeats itself."""
        height, done = self._image.shape[0], 0
        while done < len(rows):
            at = (first + done) % height
            count = min(len(rows) - done, height - at)
            self._image.fill(at, rows[done : done + count])
            done += count


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, the next being made on another thread while the caller works on one."""
    from concurrent.futures import ThreadPoolExecutor  # 5 ms, for those who need it

    end = object()
    with ThreadPoolExecutor(1, "ahead") as thread:
        following = thread.submit(next, items, end)
        while (item := following.result()) is not end:
            following = thread.submit(next, items, end)
            yield item  # type: ignore[misc]


def _row_bytes(plan: Plan) -> tuple[int, int]:
    """Bytes of a row of a band with its halo, and of one without: two bands that are read, three of the result."""
    width, channels = (*plan.shape, 1)[1:3]
    result = _bytes(plan.out_shape, plan.out_dtype)
    whole = 2 * _bytes(plan.shape, plan.dtype) + (0 if isinstance(plan.steps[-1], RowStep) else result)
    for step in plan.steps[:-1]:  # what steps give one another
        dtype, made = step_result(step)
        channels = made or channels
        whole += width * channels * np.dtype(dtype).itemsize
    return whole, 3 * result


def _bytes(shape: tuple[int, ...], dtype: str) -> int:
    """Bytes of one row."""
    count = 1
    for n in shape[1:]:
        count *= n
    return count * np.dtype(dtype).itemsize


def _reach(step: Step, plan: Plan) -> int:
    """Rows above and below that a row of what `step` makes depends on."""
    ops = () if isinstance(step, AreaStep) else step.ops
    strided = isinstance(step, ArrayStep) and step.problem.stride != (1, 1)
    if strided or plan.out_shape[0] != plan.shape[0] or any(op.up != 1 or op.step != 1 for op in ops):
        raise NotInBandsError(f"{plan.title} changes the size, and cannot be done in bands of rows")
    if isinstance(step, RowStep):
        program, block = _native.Program([op.native() for op in step.ops]), _block(step)
        return program.reach() + (block if block > 1 else 0)  # a running sum may begin a block before
    if isinstance(step, ArrayStep):
        return ARRAY_BACKENDS[step.backend].reach(step.problem)
    if isinstance(step.node, graph.Median):
        return step.node.size // 2
    if isinstance(step.node, graph.Bilateral):
        return max(1, step.node.diameter // 2)
    name = type(step.node).__name__.lower()
    raise NotInBandsError(
        f"{plan.title}: {name} looks at the whole image, and cannot be done in bands of rows"
    )


def _ending_with_the_image(plan: Plan) -> tuple[Step, ...]:
    """Steps whose last block ends where the image does: with what is wrapped around in it, a band's is another.

    A last sweep makes rows beyond the image's ends as any others, its blocks counted on.
    """
    *before, last = plan.steps
    return tuple(before) if isinstance(last, RowStep) else plan.steps


def _block(step: Step) -> int:
    """Bands must start at multiples of this many rows for the same bits as the whole image's."""
    if isinstance(step, RowStep):
        return _native.Program([op.native() for op in step.ops]).block()
    if not isinstance(step, ArrayStep):
        return 1
    backend = ARRAY_BACKENDS[step.backend]
    if backend.arithmetic(step.problem).exact:
        return 1
    return backend.block_rows(step.problem)
