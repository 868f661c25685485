"""kn2row: one product of all taps with the image as it is, then the k * k results are shifted and added.

No patches are made; the product is k * k * filters planes of the input's size. With a stride it computes what is
then left out. A. Anderson et al., "Low-memory GEMM-based convolution algorithms for deep neural networks", 2017.
"""

from __future__ import annotations

import numpy as np

from imgfilt.bank import cost as costs
from imgfilt.bank.matrix import Array
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.bank.tasks import run_all
from imgfilt.bank.windows import meeting
from imgfilt.problem import Refusal

name = "kn2row"
layouts = ("NCHW",)
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """A thread's product, the image as a matrix where it is none, and the weights tap by tap."""
    plane = problem.height * problem.width
    one = (problem.taps * problem.group_filters + problem.group_channels) * plane
    return (min(threads, problem.batch * problem.groups) * one + problem.weight_size) * problem.itemsize


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.group_channels + problem.taps + 1)


def cost(problem: BankProblem) -> float:
    planes = problem.batch * problem.filters * problem.taps * problem.height * problem.width
    return costs.of_product(problem, planes * problem.group_channels, 3 * planes * problem.itemsize)


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    channels, filters = problem.group_channels, problem.group_filters
    matrices = np.ascontiguousarray(
        weight.reshape(problem.groups, filters, channels, *problem.kernel).transpose(0, 3, 4, 1, 2)
    ).reshape(problem.groups, -1, channels)

    def task(n: int, g: int) -> None:
        c, m = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        product = (matrices[g] @ x[n, c].reshape(channels, -1)).reshape(
            *problem.kernel, filters, problem.height, problem.width
        )
        target = out[n, m]
        target[...] = 0 if bias is None else bias[m, None, None]
        for u in range(problem.kernel[0]):
            for v in range(problem.kernel[1]):
                out_rows, out_columns, rows, columns = meeting(problem, u, v)
                target[:, out_rows, out_columns] += product[u, v, :, rows, columns]

    run_all(task, [(n, g) for n in range(problem.batch) for g in range(problem.groups)], threads)
