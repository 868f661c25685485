"""Direct correlation: every output is the sum of all weights times their elements, zero weights skipped."""

from __future__ import annotations

import numpy as np

from imgfilt import cost as costs
from imgfilt.arithmetic import integer_sum, real_sum
from imgfilt.backend.taps import Rate, Weighted, add_taps
from imgfilt.problem import Problem, Refusal
from imgfilt.rows import Line, RowBuilder

name = "direct"


def supports(problem: Problem) -> Refusal | None:
    """Everything."""
    return None


def cost(problem: Problem) -> float:
    return costs.of_rows(lower, problem)


def lower(problem: Problem, rows: RowBuilder, line: Line) -> Line:
    """One dense sum over the support of the kernel."""
    facts = problem.facts
    kernel = facts.trimmed
    w = kernel.weights
    numerators = facts.numerators
    whole = None
    rate = Rate(problem.stride, problem.extra[1])
    if numerators is not None:
        n = np.rint(w / facts.scale).astype(np.int64)
        arithmetic = integer_sum(n, line.dtype, line.low, line.high) if line.integral else None
        if arithmetic is not None:
            return add_taps(
                rows, line, Weighted(n.astype(np.float64), kernel.anchor, facts.scale), arithmetic, rate=rate
            )
        if (line.integral and float(np.abs(n).sum()) * line.largest < 2**24) or (
            facts.integer and line.integral
        ):
            whole = n.astype(np.float64)
    if whole is not None:
        arithmetic = real_sum(whole, line.dtype, line.largest, whole=True)
        return add_taps(rows, line, Weighted(whole, kernel.anchor, facts.scale), arithmetic, rate=rate)
    arithmetic = real_sum(w, line.dtype, line.largest, whole=False)
    return add_taps(rows, line, Weighted(w, kernel.anchor, 1.0), arithmetic, rate=rate)
