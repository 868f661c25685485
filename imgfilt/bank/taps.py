"""kn2: one matrix product gives all taps' planes, which are then shifted and added to the output.

What kn2row and kn2col share: they differ in whether the pixels are the product's columns or its rows.
A. Vasudevan, A. Anderson and D. Gregg, "Parallel multi channel convolution using general matrix multiplication", 2017.
"""

from __future__ import annotations

import numpy as np

from imgfilt.bank import cost as costs
from imgfilt.bank.matrix import Array
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.bank.tasks import run_all
from imgfilt.bank.windows import meeting


def taps_workspace(problem: BankProblem, threads: int) -> int:
    """A thread's product, the image as a matrix where it is none, and the weights tap by tap."""
    plane = problem.height * problem.width
    one = (problem.taps * problem.group_filters + problem.group_channels) * plane
    return (min(threads, problem.batch * problem.groups) * one + problem.weight_size) * problem.itemsize


def taps_error(problem: BankProblem) -> float:
    return summation_error(problem, problem.group_channels + problem.taps + 1)


def taps_cost(problem: BankProblem) -> float:
    planes = problem.batch * problem.filters * problem.taps * problem.height * problem.width
    return costs.of_product(problem, planes * problem.group_channels, 3 * planes * problem.itemsize)


def add_taps(
    problem: BankProblem,
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    threads: int,
    *,
    channels_last: bool,
) -> None:
    """Convolves (N, C, H, W) arrays, or with `channels_last` (N, H, W, C) ones."""
    channels, filters, size = problem.group_channels, problem.group_filters, (problem.height, problem.width)
    grouped = weight.reshape(problem.groups, filters, channels, *problem.kernel)
    # (tap, filter) by channel, or the other way round
    matrices = np.ascontiguousarray(grouped.transpose((0, 2, 3, 4, 1) if channels_last else (0, 3, 4, 1, 2)))
    matrices = matrices.reshape(problem.groups, *((channels, -1) if channels_last else (-1, channels)))

    def task(n: int, g: int) -> None:
        c, m = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        if channels_last:
            product = (x[n, :, :, c].reshape(-1, channels) @ matrices[g]).reshape(
                *size, *problem.kernel, filters
            )
            product = product.transpose(2, 3, 4, 0, 1)
            target = out[n, :, :, m].transpose(2, 0, 1)
        else:
            product = (matrices[g] @ x[n, c].reshape(channels, -1)).reshape(*problem.kernel, filters, *size)
            target = out[n, m]
        target[...] = 0 if bias is None else bias[m, None, None]
        for u in range(problem.kernel[0]):
            for v in range(problem.kernel[1]):
                out_rows, out_columns, rows, columns = meeting(problem, u, v)
                target[:, out_rows, out_columns] += product[u, v][:, rows, columns]

    run_all(task, [(n, g) for n in range(problem.batch) for g in range(problem.groups)], threads)
