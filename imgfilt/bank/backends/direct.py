"""Direct: blocks of pixels by filters, summed in registers over all channels and taps; native.

Bands of the input are copied into the second cache with their zeros, weights in the order in which they are read
into the first; nothing else is made. For each tap one vector of weights meets up to 14 pixels. (E. Georganas et al.,
"Anatomy of high-performance deep learning convolutions on SIMD architectures", 2018, without its code generator.)
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from imgfilt.bank import cost as costs
from imgfilt.bank.layouts import LAYOUTS, as_batch
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

    p = problem
    return _native.bank_direct_workspace(
        (p.batch, p.channels, p.height, p.width), (p.batch, p.filters, *p.out), p.kernel, p.stride, p.padding,
        p.dilation, p.groups, p.itemsize, threads,
    )  # fmt: skip


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: BankProblem) -> float:
    return costs.of_blocks(problem)


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    from imgfilt import _native

    p = problem
    _native.bank_direct(
        as_batch(x, p.layout), weight, bias, as_batch(out, p.layout), p.stride, p.padding, p.dilation, p.groups,
        threads,
    )  # fmt: skip
