"""Equal weights: running sums down the columns and along the row; any size for about one price.

A column's sum gains the row that enters and loses the one that leaves, and the sum of the columns likewise (McDonnell,
Box-filtering techniques, 1981). Integers are exact. Float32 is summed in 53 bits, anew every so many rows, so that
neither the number of threads nor the rows above change a bit; rows that are not all finite are summed one by one, so
that a NaN or an infinity stays where it is. Float64, and a few rows of float32, are never subtracted: windows of
1, 2, 4, ... elements are doubled instead.
"""

from __future__ import annotations

import math

from imgfilt import cost as costs
from imgfilt.backend.taps import arithmetic_of
from imgfilt.problem import Problem, Refusal
from imgfilt.rows import ROUND_OFF, Line, RowBuilder, RowOp, Tap

name = "box"

_FEW_ROWS = 4  # of float32: as many as are added faster than slid
_LONGEST_RUN = (
    128  # rows that a running sum of float32 goes on, in parts of the window's height (program.cpp)
)


def supports(problem: Problem) -> Refusal | None:
    """Kernels whose weights are all equal, of more than one element."""
    facts = problem.facts
    if not facts.is_box:
        return Refusal("the kernel's weights are not all equal")
    if facts.trimmed.weights.size == 1:
        return Refusal("the kernel is a single weight")
    if any(problem.extra):
        return Refusal("the result reaches beyond the image")
    return None


def cost(problem: Problem, threads: int) -> float:
    return costs.of_rows(lower, problem, threads)


def arithmetic(problem: Problem) -> str:
    return arithmetic_of(lower, problem)


def lower(problem: Problem, rows: RowBuilder, line: Line) -> Line:
    """The sum of the rows under the kernel, then of the columns."""
    kernel = problem.facts.trimmed
    (height, width), (ay, ax) = kernel.shape, kernel.anchor
    weight = float(kernel.weights[0, 0])
    area = height * width
    single_column = width == 1 and ax == 0  # an anchor beside the kernel is a shift, done as a sum of one
    dtype = _sum_dtype(line, area)
    if dtype == "float32" and height > _FEW_ROWS:
        dtype = "float64"
    narrow = dtype == "uint16"
    if not line.integral and dtype != line.dtype:
        index = rows.add(_slide(line, dtype, height, ay, final=single_column))
    elif dtype in ROUND_OFF:
        line = rows.real(line, dtype, keep_scale=True)
        index = _doubled_rows(rows, line, height, ay, final=single_column)
    elif height > 1 or ay:
        column = _sum_dtype(line, height)  # narrower than the whole sum
        index = rows.add(_slide(line, column, height, ay, final=single_column))
    else:
        index = rows.real(line, dtype, keep_scale=True).index
    if not single_column:
        index = rows.add(
            RowOp("window", dtype, line.channels, (index,), size=width, origin=ax, narrow=narrow)
        )
    if problem.strided:
        sy, sx = problem.stride
        index = rows.add(RowOp("decimate", dtype, line.channels, (index,), size=sx, step=sy))
    error = 0.0
    if dtype in ROUND_OFF and not line.integral:
        # Of a running sum, each step that came before: the rows since it began anew, and the row's pixels.
        steps = 2 + math.log2(area) if dtype == line.dtype else 8 * (_LONGEST_RUN * height + problem.width)
        error = steps * ROUND_OFF[dtype] * area * line.largest
    scale = line.scale * weight
    return Line(index, dtype, line.channels, area * line.low, area * line.high, scale,
                line.offset * area * weight, (error * abs(line.scale) + area * line.error) * abs(weight),
                after_convolution=True)  # fmt: skip


def _slide(line: Line, dtype: str, height: int, anchor: int, *, final: bool) -> RowOp:
    return RowOp("slide", dtype, line.channels, (line.index,), extended=final, size=height, origin=anchor)


def _sum_dtype(line: Line, area: int) -> str:
    """The narrowest type that holds any sum of `area` elements."""
    if line.dtype == "uint8" and area * 255 < 2**16:
        return "uint16"
    if line.integral:
        return "int32" if area * line.largest < 2**31 else "float64"
    return line.dtype


def _doubled_rows(rows: RowBuilder, line: Line, height: int, anchor: int, *, final: bool) -> int:
    """The sum of `height` rows from `anchor` rows above, out of windows of 1, 2, 4, ... rows."""
    if height == 1 and anchor == 0:
        return line.index
    powers = {1: line.index}  # windows of so many rows, the output's row the first
    length = 1
    while 2 * length <= height:
        pair = (Tap(0, 0, 0, 1.0), Tap(0, length, 0, 1.0))
        previous = powers[length]
        length *= 2
        powers[length] = rows.add(
            RowOp("taps", line.dtype, line.channels, (previous,), extended=False, taps=pair)
        )
    inputs: list[int] = []
    taps: list[Tap] = []
    at = -anchor
    for size, index in powers.items():
        if height & size:
            taps.append(Tap(len(inputs), at, 0, 1.0))
            inputs.append(index)
            at += size
    return rows.add(RowOp("taps", line.dtype, line.channels, tuple(inputs), extended=final, taps=tuple(taps)))
