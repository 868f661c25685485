"""Equal weights: running sums down the columns, doubling windows along the row; any size for about one price.

Integers are exact: a column's sum gains the row that enters and loses the one that leaves (Crow 1984 keeps the
same sums for the whole image). Floats are never subtracted, so that a NaN or an infinity stays where it is and
a large element leaves no error behind: windows of 1, 2, 4, ... rows are doubled instead.
"""

from __future__ import annotations

import math

from imgfilt import cost as costs
from imgfilt.backend.taps import arithmetic_of
from imgfilt.problem import Problem, Refusal
from imgfilt.rows import ROUND_OFF, Line, RowBuilder, RowOp, Tap

name = "box"


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


def cost(problem: Problem) -> float:
    return costs.of_rows(lower, problem)


def arithmetic(problem: Problem) -> str:
    return arithmetic_of(lower, problem)


def lower(problem: Problem, rows: RowBuilder, line: Line) -> Line:
    """The sum of the rows under the kernel, then of the columns."""
    kernel = problem.facts.trimmed
    (height, width), (ay, ax) = kernel.shape, kernel.anchor
    weight = float(kernel.weights[0, 0])
    area = height * width
    dtype = _sum_dtype(line, area)
    single_column = width == 1 and ax == 0  # an anchor beside the kernel is a shift, done as a sum of one
    if dtype in ROUND_OFF:
        line = rows.real(line, dtype, keep_scale=True)
        index = _doubled_rows(rows, line, height, ay, final=single_column)
    elif height > 1 or ay:
        index = rows.add(
            RowOp(
                "slide", dtype, line.channels, (line.index,), extended=single_column, size=height, origin=ay
            )
        )
    else:
        index = rows.real(line, dtype, keep_scale=True).index
    if not single_column:
        index = rows.add(RowOp("window", dtype, line.channels, (index,), size=width, origin=ax))
    if problem.strided:
        sy, sx = problem.stride
        index = rows.add(RowOp("decimate", dtype, line.channels, (index,), size=sx, step=sy))
    doublings = 2 + math.log2(area)
    error = (
        doublings * ROUND_OFF[dtype] * area * line.largest
        if dtype in ROUND_OFF and not line.integral
        else 0.0
    )
    scale = line.scale * weight
    return Line(index, dtype, line.channels, area * line.low, area * line.high, scale,
                line.offset * area * weight, (error * abs(line.scale) + area * line.error) * abs(weight),
                after_convolution=True)  # fmt: skip


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
