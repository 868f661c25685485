"""im2win: the columns under each row of outputs become one row of windows that overlap; native.

A row of windows is kh times as long as a row of the input, and a window of kh * kw elements (times the channels in
NHWC) stands in it without gaps, read by the same register blocks as `direct`. Rows of windows share nothing with each
other, so a thread makes them for a band of rows at a time, which stays in its second cache. Each layout has windows of
its own order; in CHWN and CHWN8 the lanes of a vector are images. The time includes the lowering. S. Lu, J. Chu and
X. Liu, "Im2win: memory efficient convolution on SIMD architectures", 2022, who keep the windows of the whole batch.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from imgfilt.bank import cost as costs
from imgfilt.bank.layouts import LAYOUTS
from imgfilt.bank.native import native_run, native_workspace
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.problem import Refusal

Array = NDArray[Any]

name = "im2win"
layouts = LAYOUTS
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """For each thread the windows of a band of rows, and the weights and sums of one panel of filters.

    Where lanes are images, the windows alone.
    """
    from imgfilt import _native

    return native_workspace(_native.bank_im2win_workspace, problem, threads, LAYOUTS.index(problem.layout))


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: BankProblem) -> float:
    _, _, left, right = problem.padding
    windows = (
        problem.batch * problem.channels * problem.out[0] * problem.kernel[0] * (problem.width + left + right)
    )
    lanes = 8 if problem.layout.startswith("CHWN") else None
    return costs.of_blocks(problem, extra=2 * windows * problem.itemsize, lanes=lanes)


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    from imgfilt import _native

    layout = LAYOUTS.index(problem.layout)
    native_run(_native.bank_im2win, problem, x, weight, bias, out, threads, layout)
