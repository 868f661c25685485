"""kn2col: kn2row transposed, for images whose channels stand side by side.

One product (pixels, channels) @ (channels, k * k * filters), then the k * k results are shifted and added.
A. Vasudevan, A. Anderson and D. Gregg, "Parallel multi channel convolution using general matrix multiplication", 2017.
"""

from __future__ import annotations

import numpy as np

from imgfilt.bank import cost as costs
from imgfilt.bank.matrix import Array
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.bank.tasks import run_all
from imgfilt.bank.windows import meeting
from imgfilt.problem import Refusal

name = "kn2col"
layouts = ("NHWC",)
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
        weight.reshape(problem.groups, filters, channels, *problem.kernel).transpose(0, 2, 3, 4, 1)
    ).reshape(problem.groups, channels, -1)

    def task(n: int, g: int) -> None:
        c, m = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        product = (x[n, :, :, c].reshape(-1, channels) @ matrices[g]).reshape(
            problem.height, problem.width, *problem.kernel, filters
        )
        target = out[n, :, :, m]
        target[...] = 0 if bias is None else bias[m]
        for u in range(problem.kernel[0]):
            for v in range(problem.kernel[1]):
                out_rows, out_columns, rows, columns = meeting(problem, u, v)
                target[out_rows, out_columns] += product[rows, columns, u, v]

    run_all(task, [(n, g) for n in range(problem.batch) for g in range(problem.groups)], threads)
