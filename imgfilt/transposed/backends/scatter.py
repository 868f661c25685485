"""Scatter: tap by tap, the input times the weight is added to the output that the tap moves it to.

The definition of a transposed convolution, in bands of the output that stay in the caches: for each tap the products
of a block of channels are summed in registers first, then added to the band.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from imgfilt.bank.problem import summation_error
from imgfilt.problem import Refusal
from imgfilt.transposed import cost as costs
from imgfilt.transposed.native import SCATTER, native_run, native_workspace
from imgfilt.transposed.problem import TransposedProblem

Array = NDArray[Any]

name = "scatter"
layouts = ("NCHW",)
local = True


def supports(problem: TransposedProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: TransposedProblem, threads: int) -> int:
    return native_workspace(SCATTER, problem, threads)


def error(problem: TransposedProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: TransposedProblem) -> float:
    return costs.of_scatter(problem)


def run(
    problem: TransposedProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int
) -> None:
    native_run(SCATTER, problem, x, weight, bias, out, threads)
