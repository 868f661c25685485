"""im2col: the patches under the kernel become the rows of a matrix, and a matrix product does the rest.

With one kernel the product is a matrix times a vector: memory-bound, so this rarely wins on images. It stands
for the form in which most libraries convolve (Chellapilla et al. 2006), and is what filter banks build on. The
matrix is made for a block of rows at a time, so that the workspace is bounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt import cost as costs
from imgfilt.arithmetic import Arithmetic, real_sum
from imgfilt.borders import extend
from imgfilt.problem import Problem, Put, Refusal
from imgfilt.rows import ROUND_OFF

name = "im2col"

_BLOCK_BYTES = 8 << 20
_LONG = 64  # taps


def supports(problem: Problem) -> Refusal | None:
    """A convolution that is not part of a fused pass."""
    if not problem.alone:
        return Refusal("the convolution is part of a fused pass, and this backend needs the whole image")
    return None


def cost(problem: Problem, threads: int) -> float:
    """The same for any number of threads: most of it is copying, which is done by one."""
    return costs.of_matrix_product(problem, _weights(problem).size, _dtype(problem).itemsize)


def workspace(problem: Problem) -> int:
    """Bytes beside the image and the response: the extended rows and patches of one block."""
    kh, kw = problem.facts.trimmed.shape
    rows = block_rows(problem)
    extended = (rows + kh - 1) * (problem.width + kw - 1) * problem.channels
    return (rows * problem.width * problem.channels * kh * kw + extended) * _dtype(problem).itemsize


def arithmetic(problem: Problem) -> Arithmetic:
    """The type in which the products are summed."""
    return _sum(problem)


def scale(problem: Problem) -> float:
    """What the response is still to be multiplied by."""
    return problem.facts.scale if _whole(problem) else 1.0


def error(problem: Problem) -> float:
    """The bound of the scaled response's error."""
    if _sum(problem).exact:
        return 0.0
    taps = np.count_nonzero(_weights(problem))
    size = float(np.abs(_weights(problem)).sum()) * problem.largest
    return (taps + 1) * ROUND_OFF[_dtype(problem).name] * size * abs(scale(problem))


def reach(problem: Problem) -> int:
    """Rows above and below that a row of the response depends on."""
    return problem.reach


def respond(problem: Problem, image: NDArray[Any], cval: float, put: Put, threads: int) -> None:
    """The response to an (H, W, C) image, still to be multiplied by `scale`, a block of rows at a time.

    The library that multiplies matrices has threads of its own.
    """
    weights, dtype = _weights(problem), _dtype(problem)
    taps = np.argwhere(weights)
    flat = weights[weights != 0].astype(dtype)
    (kh, kw), (ay, ax) = problem.facts.trimmed.shape, problem.facts.trimmed.anchor
    height, width, channels = image.shape
    if not len(taps):
        put(np.zeros(image.shape, dtype), 0, 0)
        return
    step = block_rows(problem)
    for top in range(0, height, step):
        count = min(step, height - top)
        part = extend(
            image,
            (top - ay, top - ay + count + kh - 1),
            (-ax, width - ax + kw - 1),
            problem.border,
            cval,
            dtype,
        )
        patches = np.empty((len(taps), count, width, channels), dtype)
        for row, (i, j) in zip(patches, taps, strict=True):
            row[...] = part[i : i + count, j : j + width]
        put(np.matmul(flat, patches.reshape(len(taps), -1)).reshape(patches.shape[1:]), top, 0)


def _whole(problem: Problem) -> bool:
    facts = problem.facts
    if facts.numerators is None or not problem.integral:
        return False
    n = facts.trimmed.weights / facts.scale
    return facts.integer or float(np.abs(n).sum()) * problem.largest < 2**24


def _weights(problem: Problem) -> NDArray[np.float64]:
    """The trimmed weights, divided by the common scale where the sum is then exact."""
    facts = problem.facts
    if _whole(problem):
        return np.rint(facts.trimmed.weights / facts.scale)
    return facts.trimmed.weights


def _sum(problem: Problem) -> Arithmetic:
    found = real_sum(_weights(problem), problem.dtype, problem.low, problem.high, _whole(problem))
    # The library adds the products in an order of its own; long sums in 24 bits would lose too much.
    if found.dtype == "float32" and not found.exact and np.count_nonzero(_weights(problem)) > _LONG:
        return Arithmetic("float64", exact=False)
    return found


def _dtype(problem: Problem) -> np.dtype[Any]:
    return np.dtype(_sum(problem).dtype)


def block_rows(problem: Problem) -> int:
    """Rows of output that are computed together: those whose patches fit the workspace, at least one."""
    row = problem.width * problem.channels * _weights(problem).size * _dtype(problem).itemsize
    return max(1, min(problem.height, _BLOCK_BYTES // max(1, row)))
