"""SMM: scalar times shifted matrix, without packing; native.

For each channel and column of taps the columns that they meet are copied once (input rows by output columns); every
weight then multiplies that copy, shifted by whole rows, and adds to an output plane. The taps of a column are added
in one pass. A. Ofir and G. Ben-Artzi, "SMM-Conv: scalar matrix multiplication with zero packing for accelerated
convolution", 2022.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt.bank import cost as costs
from imgfilt.bank.native import native_run, native_workspace
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.problem import Refusal

Array = NDArray[Any]

name = "smm"
layouts = ("NCHW",)
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """The copied columns of each thread; the output once more where its planes have gaps."""
    from imgfilt import _native

    p = problem
    columns = native_workspace(_native.bank_shifted_workspace, p, threads)
    return columns + (0 if p.layout in ("NCHW", "CHWN8") else p.output_elements * p.itemsize)


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: BankProblem) -> float:
    return costs.of_additions(problem, 4 * problem.kernel[1] * problem.input_size * problem.itemsize)


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    from imgfilt import _native

    p = problem
    gaps = out.strides[2:] != (p.out[1] * out.itemsize, out.itemsize)
    result = np.empty(out.shape, out.dtype) if gaps else out
    native_run(_native.bank_shifted, replace(p, layout="NCHW"), x, weight, bias, result, threads)
    if gaps:
        out[...] = result
