"""Accumulating kn2row: one tap's product at a time, shifted and added at once.

The product of one tap is filters planes of the input's size, k * k times less than kn2row's. A. Anderson et al.,
"Low-memory GEMM-based convolution algorithms for deep neural networks", 2017.
"""

from __future__ import annotations

import numpy as np

from imgfilt.bank import cost as costs
from imgfilt.bank.matrix import Array
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.bank.tasks import run_all
from imgfilt.bank.windows import meeting
from imgfilt.problem import Refusal

name = "kn2row_accumulating"
layouts = ("NCHW",)
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """A thread's product, the image as a matrix where it is none, and the weights tap by tap."""
    one = (problem.group_filters + problem.group_channels) * problem.height * problem.width
    return (min(threads, problem.batch * problem.groups) * one + problem.weight_size) * problem.itemsize


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.group_channels + problem.taps + 1)


def cost(problem: BankProblem) -> float:
    planes = problem.batch * problem.filters * problem.taps * problem.height * problem.width
    return costs.of_product(problem, planes * problem.group_channels, 2 * planes * problem.itemsize)


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    channels, filters = problem.group_channels, problem.group_filters
    matrices = np.ascontiguousarray(
        weight.reshape(problem.groups, filters, channels, *problem.kernel).transpose(0, 3, 4, 1, 2)
    )

    def task(n: int, g: int) -> None:
        c, m = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        image = x[n, c].reshape(channels, -1)
        product = np.empty((filters, problem.height, problem.width), x.dtype)
        target = out[n, m]
        target[...] = 0 if bias is None else bias[m, None, None]
        for u in range(problem.kernel[0]):
            for v in range(problem.kernel[1]):
                out_rows, out_columns, rows, columns = meeting(problem, u, v)
                if out_rows.stop == 0 or out_columns.stop == 0:
                    continue
                np.matmul(matrices[g, u, v], image, out=product.reshape(filters, -1))
                target[:, out_rows, out_columns] += product[:, rows, columns]

    run_all(task, [(n, g) for n in range(problem.batch) for g in range(problem.groups)], threads)
