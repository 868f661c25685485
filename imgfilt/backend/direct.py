"""Direct correlation: every output is the sum of all weights times their elements, zero weights skipped."""

from __future__ import annotations

import numpy as np

from imgfilt import cost as costs
from imgfilt.arithmetic import Arithmetic, fixed_point, integer_sum, real_sum
from imgfilt.backend.taps import Rate, Weighted, add_taps
from imgfilt.problem import Problem, Refusal
from imgfilt.records import replace
from imgfilt.rows import Line, RowBuilder

name = "direct"

_FILLED = 0.6
"""From this part of nonzero weights on the others are multiplied too where that may be faster."""

_OF_TOLERANCE = 0.2
"""What rounding weights to 16 bits may take of it."""

_MANY = 1024
"""From so many taps on the price is worked out without listing them."""


def supports(problem: Problem) -> Refusal | None:
    """Everything."""
    return None


def cost(problem: Problem, threads: int) -> float:
    if int(np.count_nonzero(problem.facts.trimmed.weights)) <= _MANY:
        return costs.of_rows(lower, problem, threads)
    weighted, arithmetic = _sum(problem)
    whole = weighted.filled or bool(weighted.weights.all())
    if (
        whole
        and costs.shares_rows(arithmetic.dtype)
        and not problem.strided
        and costs.is_rectangle(*weighted.weights.shape)
    ):
        return costs.of_rectangle(problem, arithmetic.dtype, weighted.weights.size, threads)
    return costs.of_dense(problem, arithmetic.dtype, weighted.weights, threads)


def arithmetic(problem: Problem) -> str:
    return _sum(problem)[1].name


def lower(problem: Problem, rows: RowBuilder, line: Line) -> Line:
    """One dense sum over the support of the kernel."""
    weights, arithmetic = _sum(problem)
    return add_taps(rows, line, weights, arithmetic, rate=Rate(problem.stride, problem.extra[1]))


def _sum(problem: Problem) -> tuple[Weighted, Arithmetic]:
    """The weights, whole numbers where their sum is then exact, and the arithmetic for it."""
    facts = problem.facts
    kernel = facts.trimmed
    low, high = problem.low, problem.high
    if facts.numerators is not None and problem.integral:
        n = np.rint(kernel.weights / facts.scale).astype(np.int64)
        whole = Weighted(n.astype(np.float64), kernel.anchor, facts.scale)
        arithmetic = integer_sum(n, problem.dtype, low, high)
        if arithmetic is not None:
            return whole, arithmetic
        if facts.integer or float(np.abs(n).sum()) * problem.largest < 2**24:
            whole = replace(whole, filled=_filled(problem))
            return whole, real_sum(whole.weights, problem.dtype, low, high, whole=True)
    # Without instructions that multiply pairs reals are faster.
    if problem.dtype == "uint8" and _shares_rows(problem) and costs.shares_rows("int32"):
        fixed = fixed_point(kernel.weights, low, high, _OF_TOLERANCE * problem.tolerance)
        if fixed is not None:
            return Weighted(fixed[0].astype(np.float64), kernel.anchor, 2.0 ** -fixed[1]), fixed[2]
    weights = Weighted(kernel.weights, kernel.anchor, 1.0, _filled(problem))
    return weights, real_sum(kernel.weights, problem.dtype, low, high, whole=False)


def _filled(problem: Problem) -> bool:
    """Whether zero weights are multiplied too: of whole rectangles the core makes several rows at a time.

    Elements of floats may be infinite or NaN, and must not reach further than the kernel.
    """
    return problem.integral and _shares_rows(problem)


def _shares_rows(problem: Problem) -> bool:
    """Whether the weights nearly fill a rectangle, under which the core sums several rows at a time."""
    weights = problem.facts.trimmed.weights
    return (
        not problem.strided
        and int(np.count_nonzero(weights)) >= _FILLED * weights.size
        and costs.is_rectangle(*weights.shape)
    )
