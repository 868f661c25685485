"""What a row program or a matrix product is predicted to take: bytes moved and multiply-adds, in one place.

The constants were fitted to runs over images of up to 8 megapixels; `imgfilt tune` fits the largest of them to the
machine it runs on, for each instruction set. They rank the candidates; they are no promise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from imgfilt.problem import Problem
from imgfilt.records import replace
from imgfilt.rows import ITEMSIZE, ROUND_OFF, Line, RowBuilder, RowOp, rates
from imgfilt.tuned import TuningError, TuningWarning, read_tuned

_WIDTH = {"v4": 64.0, "v3": 32.0, "v2": 16.0, "base": 16.0}  # bytes of a vector
_UNROLLED = 9  # taps up to which loops keep weights and pointers in registers
_OF_UNROLLED = 0.8  # their steps, as a part of others'
_OF_RUNS = 0.8  # the steps of longer sums of floats, and of 32-bit sums, whose taps are multiplied in pairs
_STEPS_PER_ROW = 1.5  # of the input: its first tap waits for what the others find in the first cache
_LEAST_BLOCK = 4  # taps of a column, or of a row, of floats that are summed in blocks of rows, or of vectors
_STEPS_PER_BLOCK = 4.0
_OF_BLOCKS = 0.53  # the steps of such sums
_STEPS_OF_RUNNING = 6.0  # of sums along the row, each out of the one before
_STEPS_OF_RUNNING_REALS = 8.0
_WIDEST_RECTANGLE = 64  # columns, see native/program.cpp
_LEAST_FILLED = 2  # every so-manyth place of a rectangle
_OF_PAIRS = 0.7  # the steps of rectangles, where 16-bit elements are multiplied in pairs
_STEPS_PER_RECTANGLE = 4.0  # of taps: rows of the input that not all rows of output reach
_STEPS_PER_DOUBLING = 2.0  # of a window along the row
_STEPS_BEYOND_CACHE = 1.5  # on top, where three rows leave the first cache
_FIRST_CACHE = 48 << 10  # bytes
_COPIES_BESIDE = 5.0  # of the whole image: with its borders, and the response
_OF_SHORTER_VECTORS = 0.68  # transforms are 2^0.68 times slower with vectors half as long

_SHARED = 1.1  # what the core's threads take together, times what one takes: they share the memory
_THREAD_SECONDS = 30e-6  # to start one
_ROW_OF_TILE = 20.0  # nanoseconds, beside its elements
_RESAMPLING_SECONDS = 60e-6  # beside the sums


@dataclass(frozen=True)
class Constants:
    """The machine in numbers: nanoseconds, and steps, which are instructions of the busiest kind on one vector."""

    ns_per_step: float = 0.25
    ns_per_row: float = 5.0  # an op's own overhead, once a row
    ns_per_byte_of_image: float = 0.025  # read or written
    steps_per_op: float = 1.5  # the store and the loop
    steps_per_tap: float = 1.5  # load, multiply, add
    steps_per_small_tap: float = 0.6  # weights of 1 and 2 need no multiplication
    steps_per_dense_tap: float = 0.62  # of floats under a whole rectangle: several rows share what is loaded
    steps_sideways: float = 0.6  # a load that straddles two cache lines, on top
    gemv_ns_per_element: float = 0.05
    copy_ns_per_element: float = 0.15
    transform_ns_per_digit: float = 0.08  # of a pair of float32, there and back, for each digit of the length
    transform_ns_per_element: float = 0.4  # into the tile and out of it
    transform_ns_per_interleaved: float = 0.1  # on top, where there are several channels
    transform_ns_per_tile: float = 500.0
    resample_ns_per_element: float = 0.3  # four rows to a sample, and four samples to a row
    resample_ns_per_sample: float = 1.8  # turned four times


NAMES = tuple(field.name for field in fields(Constants))

_constants: Constants | None = None
_reading = Lock()


def constants() -> Constants:
    """Those that `imgfilt tune` measured for this machine and instruction set, else the built-in ones.

    The file is looked for once. Warns (TuningWarning), and takes the built-in ones, where it is damaged or of another
    machine or version.
    """
    global _constants
    if _constants is not None:
        return _constants
    found, problem = Constants(), ""
    with _reading:
        if (known := _assumed()) is not None:  # another thread was first
            return known
        try:
            tuned = read_tuned(isa(), NAMES)
            found = Constants(**tuned) if tuned else found
        except TuningError as error:
            problem = f"{error}; it is ignored (imgfilt tune measures anew, imgfilt tune --reset removes it)"
        _constants = found
    if problem:
        import warnings

        warnings.warn(problem, TuningWarning, stacklevel=2)
    return found


def _assumed() -> Constants | None:
    return _constants


def assume(given: Constants | None) -> None:
    """Plans with these constants from now on; None: with the tuned ones, which are read again."""
    global _constants
    _constants = given


@cache
def isa() -> str:
    """The instruction set in use."""
    from imgfilt import _native

    return str(_native.isa())


def of_op(op: RowOp, ops: list[RowOp], length: float) -> float:
    """Nanoseconds for one element of the op's line of `length` elements."""
    c = constants()
    vector = _WIDTH.get(isa(), 16.0)
    size = max(ITEMSIZE[op.dtype], *(ITEMSIZE[ops[i].dtype] for i in op.inputs)) if op.inputs else 0
    step = c.ns_per_step * size / vector
    if op.kind == "source":
        return ITEMSIZE[op.dtype] * c.ns_per_byte_of_image
    if op.kind in ("taps", "gradient"):
        small = op.dtype == "int16" and len(op.taps) <= 3 and all(abs(t.weight) <= 2 for t in op.taps)
        root = 8.0 if op.kind == "gradient" else 0.0
        if places := _rectangle(op):
            steps = _of_rectangle(op.dtype, places)
        elif _fills_line(op):
            steps = _STEPS_PER_BLOCK + _OF_BLOCKS * c.steps_per_tap * len(op.taps)
        else:
            rows, sideways = len({(t.input, t.dy) for t in op.taps}), sum(t.dx != 0 for t in op.taps)
            steps = _of_taps(op.dtype, len(op.taps), rows, sideways, small) / op.up
        return step * (c.steps_per_op + steps + root)
    if op.kind == "decimate":
        return step * 4
    if op.kind == "slide":
        return step * 2.5
    if op.kind == "window" and (ops[op.inputs[0]].kind == "slide" or ITEMSIZE[op.dtype] < 4):
        sums = 2 if op.narrow else max(4, ITEMSIZE[ops[op.inputs[0]].dtype])
        steps = min(_STEPS_OF_RUNNING, 2 + op.size / 2) if sums < 8 else _STEPS_OF_RUNNING_REALS
        return c.ns_per_step * sums / vector * steps
    if op.kind == "window":
        far = 3 * length * ITEMSIZE[op.dtype] > _FIRST_CACHE
        doubling = _STEPS_PER_DOUBLING + (_STEPS_BEYOND_CACHE if far else 0.0)
        return step * doubling * (op.size.bit_length() + op.size.bit_count() - 1)
    if op.kind in ("magnitude", "unpremultiply"):
        return step * 10
    if op.kind in ("linearize", "delinearize"):
        return step * 100
    return step * (c.steps_per_op + 1.5 * len(op.inputs))


def shares_rows(dtype: str) -> bool:
    """Whether sums of this type under rectangles are made for several rows at a time."""
    return dtype in ROUND_OFF or (dtype == "int32" and isa() != "base")


def is_rectangle(height: int, width: int) -> bool:
    """Whether sums of floats under a rectangle of this size are made for several rows at a time."""
    return height > 1 and 1 < width <= _WIDEST_RECTANGLE


def _rectangle(op: RowOp) -> int:
    """The places of such a rectangle that an op's taps fill, or half of it at least (one more then: the results are
    looked at); else 0."""
    if op.up > 1 or op.step > 1 or len(op.inputs) != 1 or not op.taps:
        return 0
    if not shares_rows(op.dtype):
        return 0
    columns = [t.dx for t in op.taps]
    height, width = op.taps[-1].dy - op.taps[0].dy + 1, max(columns) - min(columns) + 1
    taps, places = len(op.taps), height * width
    if not is_rectangle(height, width) or _LEAST_FILLED * taps < places:
        return 0
    return places if taps == places else places + 1


def _fills_line(op: RowOp) -> bool:
    """Whether an op's taps are those of a whole column, or row, of floats that is summed in blocks."""
    if op.dtype not in ROUND_OFF or op.up > 1 or op.step > 1 or len(op.inputs) != 1 or not op.taps:
        return False
    (y, x), n = (op.taps[0].dy, op.taps[0].dx), len(op.taps)
    places = [(t.dy, t.dx) for t in op.taps]
    column, row = [(y + i, x) for i in range(n)], [(y, x + i) for i in range(n)]
    return n >= _LEAST_BLOCK and ((x == 0 and places == column) or (y == 0 and places == row))


def _of_rectangle(dtype: str, taps: int) -> float:
    """Steps for a sum of all taps of a rectangle."""
    steps = _STEPS_PER_RECTANGLE + constants().steps_per_dense_tap * taps
    return steps * (_OF_PAIRS if dtype == "int32" else 1.0)


def _of_taps(dtype: str, taps: int, rows: int, sideways: int, small: bool) -> float:
    """Steps for a sum of `taps` on so many rows, so many of them beside the output's column."""
    c = constants()
    if small:
        return c.steps_per_small_tap * taps + c.steps_sideways * sideways
    if dtype == "int32":
        return c.steps_per_tap * _OF_RUNS * taps
    if dtype in ROUND_OFF and taps > _UNROLLED:
        return c.steps_per_tap * _OF_RUNS * taps + _STEPS_PER_ROW * rows
    steps = c.steps_per_tap * taps + c.steps_sideways * sideways
    return steps * _OF_UNROLLED if taps <= _UNROLLED else steps


def of_dense(problem: Problem, dtype: str, weights: NDArray[np.float64], threads: int) -> float:
    """Seconds for one sum of very many taps, those whose weight is not 0, on so many threads."""
    rows = int(np.count_nonzero(weights.any(axis=1)))
    taps = int(np.count_nonzero(weights))
    return on_threads(_of_steps(problem, dtype, _of_taps(dtype, taps, rows, taps, small=False)), threads)


def of_rectangle(problem: Problem, dtype: str, taps: int, threads: int) -> float:
    """The same where they are all those of a rectangle for which `is_rectangle`."""
    return on_threads(_of_steps(problem, dtype, _of_rectangle(dtype, taps)), threads)


def _of_steps(problem: Problem, dtype: str, steps: float) -> float:
    c = constants()
    step = c.ns_per_step * ITEMSIZE[dtype] / _WIDTH.get(isa(), 16.0)
    sums = problem.elements / (problem.stride[0] * problem.stride[1])
    return sums * step * (c.steps_per_op + steps) * 1e-9


def on_threads(seconds: float, threads: int) -> float:
    """Seconds on so many threads for what the core does in stripes of rows, which take so many on one.

    Where there is little to do the core starts fewer threads.
    """
    return seconds if threads == 1 else max(_SHARED * seconds / threads, min(seconds, _THREAD_SECONDS))


def of_program(ops: list[RowOp], height: int, width: int, threads: int) -> float:
    """Seconds for a program from an image to an image, on so many threads."""
    rows, columns = rates(ops)[-1]
    written = rows * height * columns * width * ops[-1].channels * ITEMSIZE[ops[-1].dtype]
    return on_threads(
        _of_ops(ops, height, width) + written * constants().ns_per_byte_of_image * 1e-9, threads
    )


def of_rows(lower: Callable[[Problem, RowBuilder, Line], Line], problem: Problem, threads: int) -> float:
    """Seconds for a problem lowered on its own, on so many threads; what is made of the response is left out."""
    rows = RowBuilder(problem.dtype, problem.channels)
    lower(problem, rows, replace(rows.source, low=problem.low, high=problem.high))
    return on_threads(_of_ops(rows.ops, problem.height, problem.width), threads)


def _of_ops(ops: list[RowOp], height: int, width: int) -> float:
    """Seconds for all lines of a program, on one thread."""
    ns = 0.0
    for op, (rows, columns) in zip(ops, rates(ops), strict=True):
        length = columns * width * op.channels
        ns += (of_op(op, ops, length) * length + constants().ns_per_row) * rows * height
    return ns * 1e-9


def of_matrix_product(problem: Problem, taps: int, itemsize: int) -> float:
    """Seconds for copying a patch matrix and multiplying it by one vector of weights, on one thread."""
    c = constants()
    each = (taps + _COPIES_BESIDE) * c.copy_ns_per_element + taps * c.gemv_ns_per_element
    return problem.elements * each * itemsize / 4 * 1e-9


def of_transforms(channels: int, height: int, width: int, itemsize: int) -> float:
    """Seconds for two tiles through a Fourier transform, a product and the inverse, on one thread."""
    c = constants()
    longer = math.pow(_WIDTH["v4"] / _WIDTH.get(isa(), 16.0), _OF_SHORTER_VECTORS) * itemsize / 4
    each = c.transform_ns_per_digit * math.log2(height * width) * longer
    each += 2 * (c.transform_ns_per_element + (c.transform_ns_per_interleaved if channels > 1 else 0.0))
    return (height * (width * each + 2 * _ROW_OF_TILE) + 2 * c.transform_ns_per_tile) * 1e-9


def of_tiles(seconds: float, count: int, threads: int) -> float:
    """Seconds for `count` tasks that take so many each, on so many of the core's threads."""
    threads = min(threads, count)
    if threads == 1:
        return seconds * count
    return seconds * -(-count // threads) * _SHARED + _THREAD_SECONDS


def of_resampling(problem: Problem, step: int, taps: int) -> float:
    """Seconds for an image down to every step-th row and column, `taps` sums there, and back.

    On any number of threads: they hardly help, as most of it is moved memory.
    """
    c = constants()
    samples = problem.elements / step
    ns = problem.elements * c.resample_ns_per_element + samples * (
        c.resample_ns_per_sample + 0.1 * taps / step
    )
    return ns * 1e-9 + _RESAMPLING_SECONDS
