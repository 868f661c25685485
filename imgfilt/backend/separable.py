"""Separable correlation: a kernel of rank 1 is a column times a row, k + k weights instead of k * k.

The factors come from the kernel's facts: integers where the kernel is integer times a factor, so that both
passes stay exact. The column goes first: it reads the image's own rows and leaves one line to be widened.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgfilt import cost as costs
from imgfilt.arithmetic import Arithmetic, fits, integer_sum, real_sum, rounding_error, sum_range
from imgfilt.backend.taps import Rate, Weighted, add_taps, arithmetic_of
from imgfilt.problem import Problem, Refusal
from imgfilt.rows import Line, RowBuilder

name = "separable"


def supports(problem: Problem) -> Refusal | None:
    """Kernels of rank 1 with more than one row and more than one column."""
    facts = problem.facts
    if facts.rank != 1:
        return Refusal(f"the kernel has rank {facts.rank}, not 1")
    if 1 in facts.trimmed.shape:
        return Refusal("the kernel is a single row or column already")
    return None


def cost(problem: Problem, threads: int) -> float:
    return costs.of_rows(lower, problem, threads)


def arithmetic(problem: Problem) -> str:
    return arithmetic_of(lower, problem)


def lower(problem: Problem, rows: RowBuilder, line: Line) -> Line:
    """A vertical sum, then a horizontal one."""
    facts = problem.facts
    (column, row), anchor = facts.factors[0], facts.trimmed.anchor
    whole = facts.numerators is not None
    if whole and not line.integral:  # floats are exact with neither: no scaling afterwards
        column, whole = column * facts.scale, False
    scale = facts.scale if whole else 1.0
    down = Weighted(column[:, None], (anchor[0], 0), scale)
    along = Weighted(row[None, :], (0, anchor[1]), 1.0)
    passes = _integer_passes(column, row, line) if whole and line.integral else None
    if passes is None:
        size = float(np.abs(np.multiply.outer(column, row)).sum()) * line.largest
        exact = whole and line.integral and (size < 2**24 or facts.integer)
        arithmetic = real_sum(np.multiply.outer(column, row), line.dtype, line.low, line.high, whole=exact)
        if (
            not exact
            and line.integral
            and _rounding(column, row, line.largest) < max(0.25, problem.tolerance)
        ):
            arithmetic = Arithmetic("float32", exact=False)
        passes = (arithmetic, arithmetic)
    first = add_taps(rows, line, down, passes[0], final=False, rate=Rate((problem.stride[0], 1)))
    return add_taps(rows, first, along, passes[1], rate=Rate((1, problem.stride[1]), problem.extra[1]))


def _rounding(column: NDArray[np.float64], row: NDArray[np.float64], largest: float) -> float:
    """The bound of the rounding error of both passes in float32."""
    down, along = (float(np.abs(w).sum()) for w in (column, row))
    first = rounding_error(column, "float32", -largest, largest)
    passed = largest * down + first
    return first * along + rounding_error(row, "float32", -passed, passed)


def _integer_passes(
    column: NDArray[np.float64], row: NDArray[np.float64], line: Line
) -> tuple[Arithmetic, Arithmetic] | None:
    """16 bits down, then 16 or 32 along; None where the first pass does not fit 16 bits."""
    down, along = column.astype(np.int64), row.astype(np.int64)
    first = integer_sum(down, line.dtype, line.low, line.high)
    if first is None or first.dtype != "int16":
        return None
    bottom, top = sum_range(down, line.low, line.high)
    second = integer_sum(along, "int16", bottom + first.init, top + first.init)
    if second is None:
        return None
    # The two ranges above are those of any elements; these two passes see the same elements.
    low, high = sum_range(np.multiply.outer(down, along), line.low, line.high)
    shift = first.init * int(along.sum())
    if second.dtype == "int32" and fits(low + shift, high + shift, 1 << 15):
        second = Arithmetic("int16")
    return first, second
