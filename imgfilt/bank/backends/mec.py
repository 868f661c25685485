"""MEC: patches of whole columns, kw columns wide; every row of outputs multiplies an overlapping part of them.

L[x, y, v, c] holds the kw columns under the kernel at output column x for every input row y, so that the kh * kw
patch of output (y, x) is one run of it: the rows of outputs read overlapping matrices with the same distance
between rows. M. Cho and D. Brand, "MEC: memory-efficient convolution for deep neural network", 2017.
"""

from __future__ import annotations

import numpy as np

from imgfilt.bank import cost as costs
from imgfilt.bank.matrix import Array
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.bank.tasks import run_all
from imgfilt.problem import Refusal

name = "mec"
layouts = ("NHWC",)
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Kernels whose rows follow each other."""
    if problem.dilation[0] != 1 and problem.kernel[0] != 1:
        return Refusal(
            f"rows are dilated by {problem.dilation[0]}, and a patch must be one run of whole rows"
        )
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """The lowered input, the weights in its order, and one row of outputs a thread."""
    lowered = problem.batch * problem.out[1] * _padded_height(problem) * problem.kernel[1] * problem.channels
    rows = threads * problem.out[1] * problem.group_filters
    return (lowered + problem.weight_size + rows) * problem.itemsize


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: BankProblem) -> float:
    return costs.of_product(problem, problem.products, 2 * workspace(problem, 1))


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    channels, filters = problem.group_channels, problem.group_filters
    (kh, kw), (out_height, out_width) = problem.kernel, problem.out
    top, _, left, _ = problem.padding
    height, width = _padded_height(problem), problem.width
    lowered = np.empty((problem.batch, problem.groups, out_width, height, kw, channels), x.dtype)
    matrices = np.ascontiguousarray(
        weight.reshape(problem.groups, filters, channels, kh, kw).transpose(0, 3, 4, 2, 1)
    ).reshape(problem.groups, -1, filters)

    def task(n: int, g: int) -> None:
        c, m = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        part = lowered[n, g]
        part[:, :top] = 0
        part[:, top + problem.height :] = 0
        inside = part[:, top : top + problem.height]
        for v in range(kw):
            offset, step = v * problem.dilation[1] - left, problem.stride[1]
            first = min(out_width, max(0, -(offset // step)))
            end = max(first, min(out_width, (width - 1 - offset) // step + 1))
            inside[:first, :, v] = 0
            inside[end:, :, v] = 0
            if end > first:
                start = first * step + offset
                columns = x[n, :, start : start + (end - first - 1) * step + 1 : step, c]
                inside[first:end, :, v] = columns.transpose(1, 0, 2)
        flat = part.reshape(out_width, -1)
        for y in range(out_height):
            start = y * problem.stride[0] * kw * channels
            row = flat[:, start : start + kh * kw * channels] @ matrices[g]
            out[n, y, :, m] = row if bias is None else row + bias[m]

    run_all(task, [(n, g) for n in range(problem.batch) for g in range(problem.groups)], threads)


def _padded_height(problem: BankProblem) -> int:
    return problem.height + problem.padding[0] + problem.padding[1]
