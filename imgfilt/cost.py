"""What a row program or a matrix product is predicted to take: bytes moved and multiply-adds, in one place.

The constants are nanoseconds an element, fitted to single-threaded runs over 3840 x 2160 images, for each
instruction set. They rank the candidates; they are no promise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from imgfilt.problem import Problem
from imgfilt.rows import ITEMSIZE, ROUND_OFF, Line, RowBuilder, RowOp, rates

_WIDTH = {"v4": 64.0, "v3": 32.0, "v2": 16.0, "base": 16.0}  # bytes of a vector
_NS_PER_STEP = 0.25  # one instruction of the busiest kind on one vector
_NS_PER_ROW = 5.0  # an op's own overhead, once a row
_NS_PER_BYTE_OF_IMAGE = 0.02
_STEPS_PER_OP = 1.5  # the store and the loop
_STEPS_PER_TAP = 1.5  # load, multiply, add
_STEPS_PER_SMALL_TAP = 0.6  # weights of 1 and 2 need no multiplication
_STEPS_PER_DENSE_TAP = 0.85  # of floats, whose rows stay in the first cache for the whole kernel
_STEPS_SIDEWAYS = 0.6  # a load that straddles two cache lines, on top
_GEMV_NS_PER_ELEMENT = 0.25
_COPY_NS_PER_ELEMENT = 0.6
_TRANSFORM_NS_PER_DIGIT = 0.23  # there and back, for each binary digit of the transform's length
_TRANSFORM_NS_PER_ELEMENT = 1.0  # into the tile and out of it
_TRANSFORM_NS_PER_TILE = 60e3
_RESAMPLE_NS_PER_ELEMENT = 0.5  # four rows to a sample, and four samples to a row
_RESAMPLE_NS_PER_SAMPLE = 3.0  # turned four times


@cache
def isa() -> str:
    """The instruction set in use."""
    from imgfilt import _native

    return str(_native.isa())


def of_op(op: RowOp, ops: list[RowOp]) -> float:
    """Nanoseconds for one element of the op's line."""
    vector = _WIDTH.get(isa(), 16.0)
    size = max(ITEMSIZE[op.dtype], *(ITEMSIZE[ops[i].dtype] for i in op.inputs)) if op.inputs else 0
    step = _NS_PER_STEP * size / vector
    if op.kind == "source":
        return ITEMSIZE[op.dtype] * _NS_PER_BYTE_OF_IMAGE
    if op.kind in ("taps", "gradient"):
        sideways = sum(t.dx != 0 for t in op.taps)
        small = op.dtype == "int16" and len(op.taps) <= 3 and all(abs(t.weight) <= 2 for t in op.taps)
        root = 8.0 if op.kind == "gradient" else 0.0
        steps = _of_taps(op.dtype, len(op.taps), sideways, len(op.inputs), small) / op.up
        return step * (_STEPS_PER_OP + steps + root)
    if op.kind == "decimate":
        return step * 4
    if op.kind == "slide":
        return step * 4
    if op.kind == "window":
        return step * 2 * (op.size.bit_length() + op.size.bit_count() - 1)
    if op.kind in ("magnitude", "unpremultiply"):
        return step * 10
    if op.kind in ("linearize", "delinearize"):
        return step * 100
    return step * (_STEPS_PER_OP + 1.5 * len(op.inputs))


def _of_taps(dtype: str, taps: int, sideways: int, inputs: int, small: bool) -> float:
    """Steps for a sum of `taps`, so many of them beside the output's column."""
    dense = dtype in ROUND_OFF and sideways and taps > 32 and inputs == 1
    tap = _STEPS_PER_SMALL_TAP if small else _STEPS_PER_DENSE_TAP if dense else _STEPS_PER_TAP
    return tap * taps + _STEPS_SIDEWAYS * sideways


def of_dense(problem: Problem, dtype: str, taps: int, sideways: int) -> float:
    """Seconds for one sum of very many taps, on one thread."""
    step = _NS_PER_STEP * ITEMSIZE[dtype] / _WIDTH.get(isa(), 16.0)
    sums = problem.elements / (problem.stride[0] * problem.stride[1])
    return sums * step * (_STEPS_PER_OP + _of_taps(dtype, taps, sideways, 1, small=False)) * 1e-9


def of_program(ops: list[RowOp], height: int, width: int) -> float:
    """Seconds for a program over an image, on one thread."""
    ns = sum(
        (of_op(op, ops) * columns * width * op.channels + _NS_PER_ROW) * rows * height
        for op, (rows, columns) in zip(ops, rates(ops), strict=True)
    )
    return ns * 1e-9


def of_rows(lower: Callable[[Problem, RowBuilder, Line], Line], problem: Problem) -> float:
    """Seconds for a problem lowered on its own, on one thread."""
    rows = RowBuilder(problem.dtype, problem.channels)
    lower(problem, rows, replace(rows.source, low=problem.low, high=problem.high))
    return of_program(rows.ops, problem.height, problem.width)


def of_matrix_product(problem: Problem, taps: int, itemsize: int) -> float:
    """Seconds for copying a patch matrix and multiplying it by one vector of weights, on one thread."""
    ns = problem.elements * taps * (_COPY_NS_PER_ELEMENT + _GEMV_NS_PER_ELEMENT) * itemsize / 4
    return ns * 1e-9


def of_transforms(channels: int, height: int, width: int, itemsize: int) -> float:
    """Seconds for a tile through a Fourier transform, a product and the inverse, on one thread."""
    elements = height * width * channels * itemsize / 4
    digits = math.log2(height * width)
    ns = elements * (_TRANSFORM_NS_PER_DIGIT * digits + _TRANSFORM_NS_PER_ELEMENT) + _TRANSFORM_NS_PER_TILE
    return ns * 1e-9


def of_resampling(problem: Problem, step: int, taps: int) -> float:
    """Seconds for an image down to every step-th row and column, `taps` sums there, and back, on one thread."""
    samples = problem.elements / step
    ns = problem.elements * _RESAMPLE_NS_PER_ELEMENT + samples * (_RESAMPLE_NS_PER_SAMPLE + 0.1 * taps / step)
    return ns * 1e-9 + _TRANSFORM_NS_PER_TILE * 1e-9
