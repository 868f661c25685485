"""Zero insertion: stride - 1 zeros after each element, then a dense correlation by the turned kernel.

The textbook form (V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016): about
stride * stride times as many multiply-adds as needed. The map is made in bands that stay in the second cache, never
whole, and summed by the same register blocks as the other methods.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from imgfilt.bank.problem import summation_error
from imgfilt.problem import Refusal
from imgfilt.transposed import cost as costs
from imgfilt.transposed.native import ZERO_INSERT, native_run, native_workspace
from imgfilt.transposed.problem import TransposedProblem

Array = NDArray[Any]

name = "zero_insert"
layouts = ("NCHW",)
local = True


def supports(problem: TransposedProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: TransposedProblem, threads: int) -> int:
    return native_workspace(ZERO_INSERT, problem, threads)


def error(problem: TransposedProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: TransposedProblem) -> float:
    return costs.of_zero_insert(problem)


def run(
    problem: TransposedProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int
) -> None:
    native_run(ZERO_INSERT, problem, x, weight, bias, out, threads)
