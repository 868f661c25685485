"""im2col: the patches under the kernel become the columns of a matrix, one product does the rest.

The matrix of every image is whole (channels * kh * kw rows, a column a pixel), as in K. Chellapilla, S. Puri and
P. Simard, "High performance convolutional neural networks for document processing", 2006.
"""

from __future__ import annotations

import numpy as np

from imgfilt.bank import cost as costs
from imgfilt.bank.matrix import Array, fill_columns, multiply_into
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.bank.tasks import bands, run_all
from imgfilt.problem import Refusal

name = "im2col"
layouts = ("NCHW",)
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    return problem.batch * problem.channels * problem.taps * problem.pixels * problem.itemsize


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: BankProblem) -> float:
    return costs.of_product(problem, problem.products, 2 * workspace(problem, 1), rows=True)


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    channels, filters = problem.group_channels, problem.group_filters
    patches = np.empty((problem.batch, problem.channels, *problem.kernel, *problem.out), x.dtype)
    matrices = weight.reshape(problem.groups, filters, -1)

    def task(n: int, g: int, rows: slice) -> None:
        c, m = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        part = patches[n, c]
        fill_columns(problem, x[n, c], part, rows)
        columns = part.reshape(-1, *problem.out)[:, rows].reshape(problem.terms, -1)
        multiply_into(out[n, m, rows], matrices[g], columns, None if bias is None else bias[m])

    work = problem.out[1] * problem.terms * filters
    pieces = [(n, g, rows) for n in range(problem.batch) for g in range(problem.groups)
              for rows in bands(problem.out[0], work)]  # fmt: skip
    run_all(task, pieces, threads)
