"""Low-rank correlation: a kernel as the sum of a few columns times rows, r * (k + k) weights instead of k * k.

The singular value decomposition gives the terms, the most important first (Eckart and Young 1936: no other r
terms lie nearer in the least-squares sense). As few are taken as the result allows: what is left out of the kernel,
times the range of the elements, together with the rounding of the sums, stays within the problem's tolerance. All
columns are summed from the same rows, and one horizontal sum adds up the rows of all terms: one sweep.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from imgfilt import cost as costs
from imgfilt.arithmetic import promised_exact, rounding_error
from imgfilt.backend.taps import arithmetic_of, strided
from imgfilt.kernel import Factors
from imgfilt.problem import Problem, Refusal
from imgfilt.records import record, replace
from imgfilt.rows import Line, RowBuilder, RowOp, Tap

name = "low_rank"

_MOST_GROWTH = 4.0
"""Sum of the terms' absolute weights over the kernel's own: beyond it 24-bit sums of floats lose too much."""


def supports(problem: Problem) -> Refusal | None:
    """Kernels of real weights near which lies one of low rank."""
    facts = problem.facts
    if 1 in facts.trimmed.shape:
        return Refusal("the kernel is a single row or column")
    if facts.rank < 2:
        return Refusal("the kernel has rank 1, which needs no sum of terms")
    if promised_exact(facts, problem.dtype, problem.low, problem.high):
        return Refusal("the sum of these weights is exact, which that of their real-valued factors is not")
    terms = _terms(problem)
    if terms is None:
        return Refusal(
            f"{facts.rank} terms come no nearer than the tolerance of {problem.tolerance:.2g}, or cost as much as "
            "all weights"
        )
    return None


def cost(problem: Problem, threads: int) -> float:
    return costs.of_rows(lower, problem, threads)


def arithmetic(problem: Problem) -> str:
    return arithmetic_of(lower, problem)


def lower(problem: Problem, rows: RowBuilder, line: Line) -> Line:
    """One vertical sum a term, and one horizontal sum over them all."""
    found = _terms(problem)
    assert found is not None
    ay, ax = problem.facts.trimmed.anchor
    source = rows.real(line, found.dtype, keep_scale=True)
    columns = tuple(
        rows.add(RowOp("taps", found.dtype, line.channels, (source.index,), extended=False, step=problem.stride[0],
                       taps=tuple(Tap(0, i - ay, 0, float(w)) for i, w in enumerate(column))))
        for column, _ in found.factors
    )  # fmt: skip
    along = tuple(
        Tap(t, 0, j - ax, float(w)) for t, (_, row) in enumerate(found.factors) for j, w in enumerate(row)
    )
    columns, along = strided(rows, columns, along, problem.stride[1], problem.extra[1])
    index = rows.add(RowOp("taps", found.dtype, line.channels, columns, taps=along))
    weights = problem.facts.trimmed.weights
    size = float(np.abs(weights).sum())
    high = size * line.largest + found.error
    error = found.error * abs(line.scale) + size * abs(line.scale) * line.error
    offset = line.offset * float(weights.sum())
    done = Line(index, found.dtype, line.channels, -high, high, line.scale, offset, error)
    return replace(done, after_convolution=True)


@record
class _Terms:
    """The factors that are used, the type they are summed in, and the bound of the response's error."""

    factors: Factors
    dtype: str
    error: float


@lru_cache(maxsize=64)
def _terms(problem: Problem) -> _Terms | None:
    """The fewest terms that the tolerance allows; None where all are too few, or as dear as the kernel itself."""
    facts = problem.facts
    weights = facts.trimmed.weights
    most = min(facts.rank, (int(np.count_nonzero(weights)) - 1) // sum(weights.shape))
    for rank in range(1, most + 1):
        factors = facts.factors[:rank]
        missing = _discarded(weights, factors, problem)
        if missing >= problem.tolerance:
            continue
        for dtype in _types(problem, factors):
            error = missing + _rounding(factors, dtype, problem.largest)
            # Floats state what they are off by, as every sum of floats does; pixels are held to half a step.
            if error < problem.tolerance or not problem.integral:
                return _Terms(factors, dtype, error)
    return None


def _discarded(weights: NDArray[np.float64], factors: Factors, problem: Problem) -> float:
    """The largest response of what `factors` leave out of the kernel, to elements in the problem's range."""
    rest = weights - sum(np.multiply.outer(column, row) for column, row in factors)
    up, down = float(rest[rest > 0].sum()), float(rest[rest < 0].sum())
    low, high = problem.low, problem.high
    return max(abs(up * high + down * low), abs(up * low + down * high))


def _types(problem: Problem, factors: Factors) -> tuple[str, ...]:
    """The types to sum in, the faster first."""
    if problem.dtype == "float64":
        return ("float64",)
    growth = _size(factors) / float(np.abs(problem.facts.trimmed.weights).sum())
    if not problem.integral and growth > _MOST_GROWTH:
        return ("float64",)
    return ("float32", "float64")


def _size(factors: Factors) -> float:
    return sum(float(np.abs(column).sum() * np.abs(row).sum()) for column, row in factors)


def _rounding(factors: Factors, dtype: str, largest: float) -> float:
    """The bound of the rounding error of both passes; the terms' rows are one long sum."""
    sizes = [float(np.abs(column).sum()) * largest for column, _ in factors]
    first = sum(
        rounding_error(column, dtype, -largest, largest) * float(np.abs(row).sum()) for column, row in factors
    )
    together = np.concatenate([row * size for (_, row), size in zip(factors, sizes, strict=True)])
    return first + rounding_error(together, dtype, -1.0 - 1e-5, 1.0 + 1e-5)
