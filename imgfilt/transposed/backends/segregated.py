"""Segregated: each output sums the taps of its phase; no zero is inserted and nothing is scattered.

The kernel is cut in stride x stride sub-kernels, one a phase, each a small dense correlation whose sums stay in
registers: vectors of filters for many filters, else vectors of pixels. (V. Tida et al., "Kernel-segregated transpose
convolution operation", 2022, there for stride 2; here for any stride, padding, output padding and dilation.)
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from imgfilt.bank.problem import summation_error
from imgfilt.problem import Refusal
from imgfilt.transposed import cost as costs
from imgfilt.transposed.native import SEGREGATED, native_run, native_workspace
from imgfilt.transposed.problem import TransposedProblem

Array = NDArray[Any]

name = "segregated"
layouts = ("NCHW",)
local = True


def supports(problem: TransposedProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: TransposedProblem, threads: int) -> int:
    return native_workspace(SEGREGATED, problem, threads)


def error(problem: TransposedProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: TransposedProblem) -> float:
    return costs.of_segregated(problem)


def run(
    problem: TransposedProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int
) -> None:
    native_run(SEGREGATED, problem, x, weight, bias, out, threads)
