"""FFT: products of spectra, summed over the channels before the way back.

The transforms are as large as the padded input: outputs that would wrap around are not asked for. Filters are
taken in blocks, so that their spectra stay within `_BLOCK_BYTES`. M. Mathieu, M. Henaff and Y. LeCun, "Fast training
of convolutional networks through FFTs", 2014.
"""

from __future__ import annotations

from math import log2, sqrt

import numpy as np

from imgfilt.bank import cost as costs
from imgfilt.bank.geometry import Pair
from imgfilt.bank.matrix import Array
from imgfilt.bank.problem import BankProblem
from imgfilt.bank.tasks import run_all
from imgfilt.bank.windows import padded
from imgfilt.problem import Refusal

name = "fft"
layouts = ("NCHW",)
local = False  # a NaN spoils the whole plane

_BLOCK_BYTES = 32 << 20


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def workspace(problem: BankProblem, threads: int) -> int:
    """The padded input, its spectra, and the weights, spectra and planes of one block of filters a thread."""
    size, spectrum = _sizes(problem)
    plane, channels = size[0] * size[1], problem.group_channels
    filters = _block(problem)
    shared = problem.batch * problem.channels * (plane + 4 * spectrum)  # spectra in two orders for a moment
    one = filters * (channels * (plane + 4 * spectrum) + problem.batch * (plane + 4 * spectrum))
    blocks = problem.groups * -(-problem.group_filters // filters)
    return (shared + min(threads, blocks) * one) * problem.itemsize


def error(problem: BankProblem) -> float:
    """Three transforms of at most 6 log2(size) roundings a term, in the mean square over a plane.

    One element may have all the error of its plane: a factor of the root of the input's pixels. (N. Higham, Accuracy
    and Stability of Numerical Algorithms, 2002, theorem 24.2.)
    """
    size, _ = _sizes(problem)
    roundings = 18 * log2(max(2, size[0] * size[1])) + problem.group_channels + 3
    return roundings * problem.unit * sqrt(problem.height * problem.width)


def cost(problem: BankProblem) -> float:
    size, spectrum = _sizes(problem)
    plane = size[0] * size[1]
    planes = problem.batch * (problem.channels + problem.filters) + problem.filters * problem.group_channels
    products = 4 * spectrum * problem.batch * problem.filters * problem.group_channels
    return costs.of_transforms(plane, planes) + costs.of_product(
        problem, 2 * products, 8 * planes * spectrum * problem.itemsize
    )


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    from scipy.fft import irfft2, rfft2

    channels, filters, (kh, kw) = problem.group_channels, problem.group_filters, problem.kernel
    size, _ = _sizes(problem)
    spectra = rfft2(padded(problem, x), s=size)
    shape = spectra.shape[2:]
    # (frequency, channel, image): one small matrix product for each frequency
    spectra = np.ascontiguousarray(spectra.reshape(problem.batch, problem.channels, -1).transpose(2, 1, 0))
    step = _block(problem)

    def task(group: int, first: int) -> None:
        m = slice(group * filters + first, group * filters + min(first + step, filters))
        c = slice(group * channels, (group + 1) * channels)
        spread = np.zeros((m.stop - m.start, channels, *size), x.dtype)
        down, along = problem.dilation
        spread[:, :, : kh * down : down, : kw * along : along] = weight[m]
        kernels = np.conj(rfft2(spread)).reshape(len(spread), channels, -1)
        product = np.ascontiguousarray(kernels.transpose(2, 0, 1)) @ spectra[:, c]
        planes = irfft2(product.transpose(2, 1, 0).reshape(problem.batch, len(spread), *shape), s=size)
        (sy, sx), (out_height, out_width) = problem.stride, problem.out
        found = planes[:, :, : (out_height - 1) * sy + 1 : sy, : (out_width - 1) * sx + 1 : sx]
        out[:, m] = found if bias is None else found + bias[m, None, None]

    pieces = [(g, first) for g in range(problem.groups) for first in range(0, filters, step)]
    run_all(task, pieces, threads)


def _sizes(problem: BankProblem) -> tuple[Pair, int]:
    """Rows and columns of the transforms, and elements of a spectrum."""
    top, bottom, left, right = problem.padding
    rows = _fast(problem.height + top + bottom)
    columns = _fast(problem.width + left + right)
    return (rows, columns), rows * (columns // 2 + 1)


def _block(problem: BankProblem) -> int:
    """Filters whose spectra stay within the block, at least one."""
    _, spectrum = _sizes(problem)
    one = spectrum * problem.group_channels * 2 * problem.itemsize
    return max(1, min(problem.group_filters, _BLOCK_BYTES // one))


def _fast(n: int) -> int:
    """The smallest number from `n` on without prime factors but 2, 3 and 5."""
    while True:
        rest = n
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return n
        n += 1
