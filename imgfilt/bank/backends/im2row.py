"""im2row: the patches under the kernel become the rows of a matrix; the transpose of im2col.

The elements of a patch stand in the order kernel row, kernel column, channel, so that NHWC images are copied in
runs of their channels.
"""

from __future__ import annotations

import numpy as np

from imgfilt.bank import cost as costs
from imgfilt.bank.matrix import Array, fill_columns
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.bank.tasks import bands, run_all
from imgfilt.problem import Refusal

name = "im2row"
layouts = ("NHWC",)
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """The patches, and the weights in the order of the patches."""
    patches = problem.batch * problem.channels * problem.taps * problem.pixels
    return (patches + problem.weight_size) * problem.itemsize


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: BankProblem) -> float:
    return costs.of_product(problem, problem.products, 2 * workspace(problem, 1))


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    channels, filters = problem.group_channels, problem.group_filters
    patches = np.empty((problem.groups, problem.batch, *problem.out, *problem.kernel, channels), x.dtype)
    matrices = np.ascontiguousarray(
        weight.reshape(problem.groups, filters, channels, *problem.kernel).transpose(0, 3, 4, 2, 1)
    ).reshape(problem.groups, -1, filters)

    def task(n: int, g: int, rows: slice) -> None:
        c, m = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        part = patches[g, n]
        fill_columns(problem, x[n, :, :, c].transpose(2, 0, 1), part.transpose(4, 2, 3, 0, 1), rows)
        product = part[rows].reshape(-1, problem.terms) @ matrices[g]
        if bias is not None:
            product += bias[m]
        out[n, rows, :, m] = product.reshape(-1, problem.out[1], filters)

    work = problem.out[1] * problem.terms * filters
    pieces = [(n, g, rows) for n in range(problem.batch) for g in range(problem.groups)
              for rows in bands(problem.out[0], work)]  # fmt: skip
    run_all(task, pieces, threads)
