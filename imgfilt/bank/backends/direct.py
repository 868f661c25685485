"""Direct: blocks of pixels by filters, summed in registers over all channels and taps; native.

Bands of the input are copied into the second cache with their zeros, weights in the order in which they are read
into the first; nothing else is made. For each tap one vector of weights meets up to 14 pixels. (E. Georganas et al.,
"Anatomy of high-performance deep learning convolutions on SIMD architectures", 2018, without its code generator.)
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

name = "direct"
layouts = LAYOUTS
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """The band of the input, the weights and the sums of each thread."""
    from imgfilt import _native

    return native_workspace(_native.bank_direct_workspace, problem, threads)


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: BankProblem) -> float:
    return costs.of_blocks(problem)


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    from imgfilt import _native

    native_run(_native.bank_direct, problem, x, weight, bias, out, threads)
