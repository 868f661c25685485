"""im2col with a product in three plain loops (filter, tap, pixel) in place of BLAS: the yardstick of papers.

The compiler turns the innermost loop into vectors; nothing is blocked for caches or registers.
"""

from __future__ import annotations

import numpy as np

from imgfilt.bank import cost as costs
from imgfilt.bank.matrix import Array, fill_columns
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.bank.tasks import bands, run_all
from imgfilt.problem import Refusal

name = "im2col_plain"
layouts = ("NCHW",)
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """The patches of the batch, and one image's product a thread."""
    patches = problem.batch * problem.channels * problem.taps * problem.pixels
    return (patches + threads * problem.group_filters * problem.pixels) * problem.itemsize


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.terms + 2)


def cost(problem: BankProblem) -> float:
    return costs.of_additions(problem, 2 * workspace(problem, 1))


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    from imgfilt import _native

    channels, filters = problem.group_channels, problem.group_filters
    patches = np.empty((problem.batch, problem.channels, *problem.kernel, *problem.out), x.dtype)
    matrices = weight.reshape(problem.groups, filters, -1)

    def task(n: int, g: int, rows: slice) -> None:
        c, m = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        part = patches[n, c]
        fill_columns(problem, x[n, c], part, rows)
        columns = part.reshape(-1, *problem.out)[:, rows].reshape(problem.terms, -1)
        product = np.empty((filters, columns.shape[1]), x.dtype)
        _native.plain_product(matrices[g], columns, product)
        out[n, m, rows] = product.reshape(filters, -1, problem.out[1])
        if bias is not None:
            out[n, m, rows] += bias[m, None, None]

    work = problem.out[1] * problem.terms * filters
    pieces = [(n, g, rows) for n in range(problem.batch) for g in range(problem.groups)
              for rows in bands(problem.out[0], work)]  # fmt: skip
    run_all(task, pieces, threads)
