"""Correlation by Fourier transforms, in overlapping tiles that stay in the cache: large kernels of high rank.

Overlap-save (Stockham 1966): a tile of ny x nx elements, transformed, multiplied by the conjugate of the kernel's
transform and transformed back, holds the responses of its first (ny - kh + 1) x (nx - kw + 1) elements. Tiles depend
on the problem alone, so that the bits are the same for any number of threads, which share the tiles out.

The error is bounded as by Percival (Rapid multiplication modulo the sum and difference of highly composite numbers,
Mathematics of Computation 72, 2003): a transform adds a relative error of (1 + sqrt 5) u + u for each binary digit of
its length; no element of the product's response is off by more than the relative error of both together times |x| |w|,
the Euclidean norms of tile and kernel. Radix 3 and 5 steps need up to 5.2 u a digit; 6 is used throughout.
Whole numbers are rounded to the nearest where the bound lies below a half, and are exact then. What is not finite
would spread over a tile: it is left out, and the responses that it reaches are summed directly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt import cost as costs
from imgfilt.arithmetic import Arithmetic, promised_exact
from imgfilt.borders import extend
from imgfilt.problem import Problem, Put, Refusal
from imgfilt.records import record
from imgfilt.rows import ROUND_OFF

name = "fft"

_SIZES = tuple(sorted(m << e for m in (1, 3, 5) for e in range(3, 13)))
_TILE_BYTES = 800 << 10
"""A tile, its transform and what comes back are allocated for each tile: beyond this they leave the caches."""
_FREED_BYTES = 24 << 20
_U_PER_DIGIT = 6.0
_EXACT = {"float32": 2.0**24, "float64": 2.0**53}
_ITEMSIZE = {"float32": 4, "float64": 8}


def supports(problem: Problem) -> Refusal | None:
    """A convolution that is not part of a fused pass, where the rounding of the transforms is small enough."""
    if not problem.alone:
        return Refusal("the convolution is part of a fused pass, and this backend needs the whole image")
    if _layout(problem) is None:
        worst = _bound(problem, "float64", *_least_tile(problem))
        return Refusal(
            f"the transforms' rounding may add up to {worst:.2g}, over the tolerance of {_tolerance(problem):.2g}"
        )
    return None


def cost(problem: Problem, threads: int) -> float:
    return _seconds(problem, _known(problem), threads)


def workspace(problem: Problem) -> int:
    """Bytes of a tile, its transform and its product, and of the kernel's transform."""
    layout = _known(problem)
    plane = layout.ny * (layout.nx + 2) * _ITEMSIZE[layout.dtype]
    return 3 * plane * problem.channels + plane


def arithmetic(problem: Problem) -> Arithmetic:
    """The type of the response, and that of the transforms where it is another."""
    layout = _known(problem)
    partial = layout.dtype if layout.dtype != layout.response else ""
    return Arithmetic(layout.response, exact=_whole(problem), partial=partial)


def scale(problem: Problem) -> float:
    """What the response is still to be multiplied by."""
    return problem.facts.scale if _whole(problem) else 1.0


def error(problem: Problem) -> float:
    """The bound of the scaled response's error."""
    return 0.0 if _whole(problem) else _known(problem).error


def reach(problem: Problem) -> int:
    """Rows above and below that a row of the response depends on."""
    return problem.reach


def respond(problem: Problem, image: NDArray[Any], cval: float, put: Put, threads: int) -> None:
    """The response to an (H, W, C) image, still to be multiplied by `scale`, tile by tile."""
    _keep_freed_memory()
    spectrum = _spectrum(problem)
    tiles = list(_tiles(problem, image.shape[0]))
    rest = iter(tiles)

    def work() -> None:
        for tile in rest:
            put(_respond_tile(problem, image, cval, spectrum, tile), tile[0], tile[2])

    helpers = min(threads, len(tiles)) - 1
    if helpers < 1:
        work()
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(helpers) as pool:
        others = [pool.submit(work) for _ in range(helpers)]
        work()
        for other in others:
            other.result()


def _keep_freed_memory() -> None:
    """Has the C library keep the memory of a tile for the next one.

    glibc gives freed arrays back to the system, and each tile would have its pages mapped anew, for more time than the
    transforms take; but not arrays smaller than the largest that was ever freed. This one is never touched.
    """
    np.empty(_FREED_BYTES, np.uint8)


@record
class _Layout:
    """Transforms of ny x nx elements of `dtype`, the response's type, and what both are good for."""

    ny: int
    nx: int
    dtype: str
    response: str
    error: float


_Tile = tuple[int, int, int, int]
"""The outputs top, bottom, left, right."""


def _whole(problem: Problem) -> bool:
    return promised_exact(problem.facts, problem.dtype, problem.low, problem.high)


def _weights(problem: Problem) -> NDArray[np.float64]:
    """The trimmed weights; divided by their common scale where the response is exact."""
    facts = problem.facts
    return np.rint(facts.trimmed.weights / facts.scale) if _whole(problem) else facts.trimmed.weights


def _middle(problem: Problem) -> float:
    """Subtracted from every element, so that they are as small as they can be."""
    return float(math.ceil((problem.low + problem.high) / 2)) if problem.integral else 0.0


def _tolerance(problem: Problem) -> float:
    return 0.49 if _whole(problem) else problem.tolerance


def _known(problem: Problem) -> _Layout:
    layout = _layout(problem)
    assert layout is not None
    return layout


def _least_tile(problem: Problem) -> tuple[int, int]:
    """The smallest transforms in which the kernel leaves room for outputs."""
    kh, kw = problem.facts.trimmed.shape
    return _fitting(kh + 1), _fitting(kw + 1)


def _fitting(n: int) -> int:
    """The smallest size of a transform that holds `n` elements."""
    return next((s for s in _SIZES if s >= n), 1 << (n - 1).bit_length())


@lru_cache(maxsize=128)
def _layout(problem: Problem) -> _Layout | None:
    """The fastest type and tiles whose rounding the tolerance allows; None where there are none."""
    found = [
        layout
        for dtype in ("float32", "float64")
        if dtype == "float64" or problem.dtype != "float64"
        for ny in _sides(problem.height, problem.facts.trimmed.shape[0])
        for nx in _sides(problem.width, problem.facts.trimmed.shape[1])
        if (layout := _judged(problem, dtype, ny, nx)) is not None
    ]
    return min(found, key=lambda layout: _seconds(problem, layout, 1), default=None)


def _seconds(problem: Problem, layout: _Layout, threads: int) -> float:
    """What all tiles are predicted to take."""
    kh, kw = problem.facts.trimmed.shape
    count = -(-problem.height // (layout.ny - kh + 1)) * -(-problem.width // (layout.nx - kw + 1))
    each = costs.of_transforms(problem.channels, layout.ny, layout.nx, _ITEMSIZE[layout.dtype])
    return costs.of_tiles(each, count, threads)


def _sides(length: int, taps: int) -> list[int]:
    """The sizes of transforms worth a try along one axis."""
    least, most = _fitting(taps + 1), _fitting(length + taps - 1)
    return [s for s in _SIZES if least <= s <= most] or [least]


def _judged(problem: Problem, dtype: str, ny: int, nx: int) -> _Layout | None:
    if ny * nx * _ITEMSIZE[dtype] > _TILE_BYTES and (ny, nx) != _least_tile(problem):
        return None
    error = _bound(problem, dtype, ny, nx)
    total = float(np.abs(_weights(problem)).sum()) * problem.largest
    response = dtype
    if error > _tolerance(problem):
        return None
    if _whole(problem):
        if total >= _EXACT[dtype]:
            return None
        response = "float32" if total < _EXACT["float32"] else "float64"
    elif problem.dtype != "float64" and error + total * ROUND_OFF["float32"] < problem.tolerance:
        response = "float32"
        error += total * ROUND_OFF["float32"]
    return _Layout(ny, nx, dtype, response, error)


def _bound(problem: Problem, dtype: str, ny: int, nx: int) -> float:
    """How far a response may be off by rounding in both transforms, the product, and what is added afterwards."""
    weights, unit, middle = _weights(problem), ROUND_OFF[dtype], _middle(problem)
    digits = math.log2(ny * nx)
    relative = math.expm1((2 * digits * _U_PER_DIGIT + 5) * unit)
    size = max(problem.high - middle, middle - problem.low)
    norms = math.sqrt(ny * nx) * size * float(np.linalg.norm(weights))
    return relative * norms + 3 * unit * float(np.abs(weights).sum()) * (size + abs(middle))


def block_rows(problem: Problem) -> int:
    """Rows of output a tile has: an image in bands of multiples of them gives the same bits as the whole."""
    return _known(problem).ny - problem.facts.trimmed.shape[0] + 1


def _tiles(problem: Problem, height: int) -> Iterator[_Tile]:
    """The outputs of each tile, of an image of `height` rows (as the problem's, or a band of them)."""
    rows = block_rows(problem)
    most = _known(problem).nx - problem.facts.trimmed.shape[1] + 1
    count = -(-problem.width // most)
    for top in range(0, height, rows):
        for i in range(count):
            yield top, min(top + rows, height), problem.width * i // count, problem.width * (i + 1) // count


@lru_cache(maxsize=8)
def _spectrum(problem: Problem) -> NDArray[Any]:
    """The conjugate of the kernel's transform, computed in 53 bits and rounded once."""
    from scipy.fft import rfft2

    layout = _known(problem)
    spectrum = np.conj(rfft2(_weights(problem), (layout.ny, layout.nx)))
    return np.asarray(spectrum, np.complex64 if layout.dtype == "float32" else np.complex128)


def _respond_tile(
    problem: Problem, image: NDArray[Any], cval: float, spectrum: NDArray[Any], tile: _Tile
) -> NDArray[Any]:
    """The response of the tile's outputs, (h, w, C)."""
    from scipy.fft import irfft2, rfft2

    layout, middle = _known(problem), _middle(problem)
    top, bottom, left, right = tile
    part = _part(problem, image, cval, tile)
    padded = np.zeros((problem.channels, layout.ny, layout.nx), layout.dtype)
    filled = padded[:, : part.shape[0], : part.shape[1]]
    filled[...] = part.transpose(2, 0, 1)
    if middle:
        filled -= middle
    wild = None if problem.integral else _wild(problem, filled)
    if wild is not None:
        filled[wild] = 0.0
    product = rfft2(padded)
    product *= spectrum
    whole_tile = irfft2(product, (layout.ny, layout.nx), overwrite_x=True)
    response = whole_tile[:, : bottom - top, : right - left]
    if _whole(problem):
        np.rint(response, out=response)
    if middle:
        response += middle * float(_weights(problem).sum())
    if wild is not None:
        _sum_directly(problem, part, wild, response)
    return np.asarray(response.transpose(1, 2, 0), layout.response)


def _part(problem: Problem, image: NDArray[Any], cval: float, tile: _Tile) -> NDArray[Any]:
    """The elements that a tile's outputs are made of."""
    (kh, kw), (ay, ax) = problem.facts.trimmed.shape, problem.facts.trimmed.anchor
    top, bottom, left, right = tile
    rows, columns = (top - ay, bottom - ay + kh - 1), (left - ax, right - ax + kw - 1)
    if rows[0] >= 0 and rows[1] <= image.shape[0] and columns[0] >= 0 and columns[1] <= image.shape[1]:
        return image[slice(*rows), slice(*columns)]
    return extend(image, rows, columns, problem.border, cval, image.dtype)


def _wild(problem: Problem, elements: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where elements are not finite, or so large that a transform would not be; None where they are nowhere."""
    room = 16 * elements[0].size * max(1.0, float(np.abs(_weights(problem)).sum()))
    limit = float(np.finfo(elements.dtype).max) / room
    if np.abs(elements).max() <= limit:
        return None
    return np.asarray(~(np.abs(elements) <= limit))


def _sum_directly(
    problem: Problem, part: NDArray[Any], wild: NDArray[np.bool_], response: NDArray[Any]
) -> None:
    """The outputs that wild elements reach, one tap after another."""
    weights = _weights(problem)
    kh, kw = weights.shape
    counts = np.zeros((wild.shape[0], wild.shape[1] + 1, wild.shape[2] + 1), np.int64)
    counts[:, 1:, 1:] = wild.cumsum(1).cumsum(2)
    near = counts[:, kh:, kw:] - counts[:, :-kh, kw:] - counts[:, kh:, :-kw] + counts[:, :-kh, :-kw]
    channel, y, x = np.nonzero(near)
    sums = np.zeros(y.size)
    with np.errstate(invalid="ignore", over="ignore"):
        for i, j in np.argwhere(weights):
            sums += weights[i, j] * part[y + i, x + j, channel]
        response[channel, y, x] = sums
