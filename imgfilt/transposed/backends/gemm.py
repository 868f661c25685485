"""GEMM and col2im: one matrix product gives each element times each weight, a second pass adds what overlaps.

The product is (filters * kh * kw, channels) by (channels, pixels of the input); its rows, moved by their taps, are
added to the output. As in most libraries (Y. Jia, "Learning semantic image representations at a large scale", 2014,
for the convolution's gradient), but in bands of filters, so that the columns of one are still in a cache.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from numpy.typing import NDArray

from imgfilt.bank.problem import summation_error
from imgfilt.bank.tasks import run_all
from imgfilt.problem import Refusal
from imgfilt.transposed import cost as costs
from imgfilt.transposed.problem import TransposedProblem

Array = NDArray[Any]

name = "gemm"
layouts = ("NCHW",)
local = True

_BAND_BYTES = 2 << 20  # of columns
_BAND_PRODUCTS = 1 << 22  # at least, to be worth a task
_MOST_BANDS = 8  # that are made for threads' sake


def supports(problem: TransposedProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: TransposedProblem, threads: int) -> int:
    """The columns of a band of filters for each thread, and what the product copies of images that lie apart."""
    p = problem
    pieces = p.batch * p.groups * len(_bands(p))
    widest = max(int(band.stop - band.start) for band in _bands(p))
    columns = widest * p.taps * p.height * p.width
    pixels = p.group_channels * p.height * p.width if p.layout == "CHWN" and p.batch > 1 else 0
    return min(threads, pieces) * (columns + pixels) * p.itemsize


def error(problem: TransposedProblem) -> float:
    return summation_error(problem, problem.terms + 1)


def cost(problem: TransposedProblem) -> float:
    return costs.of_gemm(problem)


def run(
    problem: TransposedProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int
) -> None:
    from imgfilt import _native

    p = problem
    channels, filters = p.group_channels, p.group_filters
    matrices = weight.reshape(p.groups, channels, filters * p.taps)

    def task(n: int, g: int, band: slice) -> None:
        pixels = x[n, g * channels : (g + 1) * channels].reshape(channels, -1)
        columns = matrices[g, :, band.start * p.taps : band.stop * p.taps].T @ pixels
        m = slice(g * filters + band.start, g * filters + band.stop)
        _native.col2im(
            columns.reshape(-1, *p.kernel, p.height, p.width),
            None if bias is None else bias[m],
            out[n : n + 1, m],
            p.stride,
            p.lacking,
            p.dilation,
        )

    run_all(
        task, [(n, g, band) for n in range(p.batch) for g in range(p.groups) for band in _bands(p)], threads
    )


def _bands(problem: TransposedProblem) -> list[slice]:
    """Filters of a group in bands, by the problem's shape alone."""
    p = problem
    size = p.group_filters * p.taps * p.height * p.width
    by_bytes = -(-size * p.itemsize // _BAND_BYTES)
    by_work = min(_MOST_BANDS, size * p.group_channels // _BAND_PRODUCTS)
    count = max(1, min(p.group_filters, max(by_bytes, by_work)))
    edges = [p.group_filters * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]
