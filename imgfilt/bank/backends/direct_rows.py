"""Direct, for few filters: blocks of at most four filters by vectors of neighbouring pixels; native.

Where each group has few filters (depthwise, colour matrices) vectors of filters would be mostly empty. Bands of the
input are copied into the first cache with their zeros, columns sorted by the rest that the stride leaves, so that the
pixels of a vector always stand side by side.
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

name = "direct_rows"
layouts = LAYOUTS
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """The band of the input, the weights and the sums of each thread."""
    from imgfilt import _native

    return native_workspace(_native.bank_rows_workspace, problem, threads)


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: BankProblem) -> float:
    return costs.of_rows(problem)


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    from imgfilt import _native

    native_run(_native.bank_rows, problem, x, weight, bias, out, threads)
