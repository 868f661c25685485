"""Hole-punching kn2row: every tap's product is added straight into a guarded output.

The product of a tap lands, as a whole, at the place to which the tap shifts it. What would wrap around at the ends of
rows is zero beforehand (the holes: columns of the image, punched for one column of taps), what runs over above
and below falls into guard rows. Beside the image's own matrix there is only the guarded output. After A. Anderson
et al., "Low-memory GEMM-based convolution algorithms for deep neural networks", 2017.
"""

from __future__ import annotations

import numpy as np

from imgfilt.bank import cost as costs
from imgfilt.bank.matrix import Array
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.bank.tasks import run_all
from imgfilt.problem import Refusal

name = "kn2row_hole_punching"
layouts = ("NHWC",)
local = True


def supports(problem: BankProblem) -> Refusal | None:
    """Stride 1, and an output no wider than the input."""
    if problem.stride != (1, 1):
        return Refusal(f"the stride is {problem.stride}, and whole products are shifted by whole rows")
    if problem.out[1] > problem.width:
        return Refusal(
            f"the output is {problem.out[1]} columns wide, and no row may be longer than the input's "
            f"{problem.width}"
        )
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """A thread's image, punched, and guarded output; the weights tap by tap."""
    low, high = _shifts(problem)
    rows = problem.height * problem.width + high - low
    one = rows * problem.group_filters + problem.group_channels * problem.height * problem.width
    return (min(threads, problem.batch * problem.groups) * one + problem.weight_size) * problem.itemsize


def error(problem: BankProblem) -> float:
    return summation_error(problem, problem.terms + 2)


def cost(problem: BankProblem) -> float:
    planes = problem.batch * problem.filters * problem.taps * problem.height * problem.width
    return costs.of_product(problem, planes * problem.group_channels, planes * problem.itemsize)


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    from scipy.linalg.blas import dgemm, sgemm

    gemm = sgemm if x.dtype == np.float32 else dgemm
    channels, filters = problem.group_channels, problem.group_filters
    height, width, (out_height, out_width) = problem.height, problem.width, problem.out
    low, high = _shifts(problem)
    matrices = np.ascontiguousarray(
        weight.reshape(problem.groups, filters, channels, *problem.kernel).transpose(0, 3, 4, 2, 1)
    )  # each (channels, filters): to BLAS, which counts columns first, (filters, channels)

    def task(n: int, g: int) -> None:
        c, m = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
        image = np.array(x[n, :, :, c], order="C")
        columns = image.reshape(-1, channels).T
        guarded = np.zeros((height * width + high - low, filters), x.dtype)
        for v in range(problem.kernel[1]):
            dx = v * problem.dilation[1] - problem.padding[2]
            hole = image[:, :dx] if dx > 0 else image[:, width + dx :] if dx < 0 else image[:, :0]
            kept = hole.copy()
            hole[...] = 0
            for u in range(problem.kernel[0]):
                dy = u * problem.dilation[0] - problem.padding[0]
                start = high - (dy * width + dx)
                part = guarded[start : start + height * width].T
                gemm(1.0, matrices[g, u, v].T, columns, 1.0, part, overwrite_c=1)
            hole[...] = kept
        # Rows of the output before the first guard or behind the last meet no element at all.
        target = out[n, :, :, m]
        target[...] = 0
        rows = min(out_height, (len(guarded) - high) // width)
        found = guarded[high : high + rows * width].reshape(rows, width, filters)
        target[:rows] = found[:, :out_width]
        if bias is not None:
            target += bias[m]

    run_all(task, [(n, g) for n in range(problem.batch) for g in range(problem.groups)], threads)


def _shifts(problem: BankProblem) -> tuple[int, int]:
    """The smallest and the largest shift of a tap, in pixels of the flattened image; 0 among them."""
    (top, _, left, _), (down, along) = problem.padding, problem.dilation
    shifts = [
        (u * down - top) * problem.width + v * along - left
        for u in (0, problem.kernel[0] - 1)
        for v in (0, problem.kernel[1] - 1)
    ]
    return min(0, *shifts), max(0, *shifts)
