"""Correlation by Fourier transforms, in overlapping tiles that stay in the cache: large kernels of high rank.

Overlap-save (Stockham, High-speed convolution and correlation, 1966): a tile of ny x nx elements, transformed,
multiplied by the conjugate of the kernel's transform and transformed back, holds the responses of its first
(ny - kh + 1) x (nx - kw + 1) elements. The core does it (native/fft.cpp) with two tiles at a time, as the real and the
imaginary parts of one, which a real kernel keeps apart. Tiles and pairs depend on the problem alone, so that the bits
are the same for any number of threads, which share them out.

The error is bounded as by Percival (Rapid multiplication modulo the sum and difference of highly composite numbers,
Mathematics of Computation 72, 2003). Forward, a pass adds errors of at most e times the Euclidean norm of what it
makes; in the product, by the inequality of Cauchy and Schwarz, the absolute values of the spectrum of the response sum
to at most the norms of both spectra, and so do its errors; back, every value is a sum of some of these, and a pass
adds at most e times the absolute values that are summed. Together no response is off by more than the sum of all e
times |x| |w|, the Euclidean norms of tile and kernel. In units of the round-off, e is for a pass

    of radix 4    2     two additions; a multiplication by i is exact
    of radix 8    5.3   three, and a sum times the root of a half, which is itself rounded by 0.3
    of radix 3    4.2   a + t; a - t/2 +- i s (b - c), with s (b - c) off by 2.5 |s (b - c)|
    its roots     3.7   a complex product, sqrt 5 (Brent, Percival, Zimmermann, Error bounds on complex floating-point
                        multiplication, 2007; less where additions are fused, Jeannerod et al. 2017), by a root whose
                        parts are within an ulp

and the last pass of each transform has no roots. Whole numbers are rounded to the nearest where the bound lies below a
half, and are exact then. What is not finite would spread over a tile: it is left out, and the responses that it
reaches are summed directly.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgfilt import cost as costs
from imgfilt.arithmetic import Arithmetic, promised_exact
from imgfilt.borders import saturate
from imgfilt.problem import Problem, Put, Refusal
from imgfilt.records import record
from imgfilt.rows import ROUND_OFF

if TYPE_CHECKING:
    from imgfilt import _native

name = "fft"

_SIZES = tuple(sorted([1 << e for e in range(4, 16)] + [3 << e for e in range(4, 14)]))
_TILE_BYTES = 600 << 10
"""Of a pair of tiles: it is to stay in the second cache, with some of the kernel's transform."""
_PASS = {3: 4.2, 4: 2.0, 8: 5.3}
_ROOTS = 3.7
_PRODUCT = 5.0
"""By the kernel's transform, which is rounded, and was by its division."""
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
    """Bytes of a pair of tiles, the responses of some, and of the kernel's transform."""
    layout = _known(problem)
    spectrum = 2 * layout.ny * layout.nx * _ITEMSIZE[layout.dtype]
    return _native_tiles(problem).workspace(problem.channels) + spectrum


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
    constant = saturate(cval, image.dtype)
    _native_tiles(problem).run(put.program, put.border, image, put.out, constant, threads)


def block_rows(problem: Problem) -> int:
    """Rows of output a tile has: an image in bands of multiples of them gives the same bits as the whole."""
    return _known(problem).ny - problem.facts.trimmed.shape[0] + 1


@record
class _Layout:
    """Transforms of ny x nx elements of `dtype`, the response's type, and what both are good for."""

    ny: int
    nx: int
    dtype: str
    response: str
    error: float


def _whole(problem: Problem) -> bool:
    return promised_exact(problem.facts, problem.dtype, problem.low, problem.high)


def _weights(problem: Problem) -> NDArray[np.float64]:
    """The trimmed weights; divided by their common scale where the response is exact."""
    facts = problem.facts
    return np.rint(facts.trimmed.weights / facts.scale) if _whole(problem) else facts.trimmed.weights


@lru_cache(maxsize=128)
def _norms(problem: Problem) -> tuple[float, float]:
    """The sum of the weights' absolute values, and the root of that of their squares."""
    weights = _weights(problem)
    largest = float(np.abs(weights).max())  # whose square may be no number
    return float(np.abs(weights).sum()), largest * float(
        np.linalg.norm(weights / largest)
    ) if largest > 0.0 else 0.0


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
    down, along = -(-problem.height // (layout.ny - kh + 1)), -(-problem.width // (layout.nx - kw + 1))
    pairs = down * -(-along * problem.channels // 2)
    tasks = down * (along if problem.channels % 2 == 0 else -(-along // 2))  # as the core has them
    each = costs.of_transforms(problem.channels, layout.ny, layout.nx, _ITEMSIZE[layout.dtype])
    return costs.of_tiles(each * pairs / tasks, tasks, threads)


def _sides(length: int, taps: int) -> list[int]:
    """The sizes of transforms worth a try along one axis."""
    least, most = _fitting(taps + 1), _fitting(length + taps - 1)
    return [s for s in _SIZES if least <= s <= most] or [least]


def _judged(problem: Problem, dtype: str, ny: int, nx: int) -> _Layout | None:
    if 2 * ny * nx * _ITEMSIZE[dtype] > _TILE_BYTES and (ny, nx) != _least_tile(problem):
        return None
    error = _bound(problem, dtype, ny, nx)
    total = _norms(problem)[0] * problem.largest
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
    unit, middle = ROUND_OFF[dtype], _middle(problem)
    total, euclidean = _norms(problem)
    transform = _of_passes(ny) + _of_passes(nx)
    relative = math.expm1((2 * transform + _PRODUCT) * unit + (transform + 2) * ROUND_OFF["float64"])
    size = max(problem.high - middle, middle - problem.low)
    norms = math.sqrt(2 * ny * nx) * size * euclidean
    return relative * norms + 3 * unit * total * (size + abs(middle))


@lru_cache(maxsize=64)
def _of_passes(n: int) -> float:
    """The sum of e of a transform of n elements, in round-offs."""
    from imgfilt import _native

    radices = _native.fourier_radices(n)
    return sum(_PASS[r] + _ROOTS for r in radices) - _ROOTS


@lru_cache(maxsize=8)
def _native_tiles(problem: Problem) -> _native.Fourier:
    """The kernel's transform, computed in 53 bits and rounded once, and all that its tiles need."""
    from imgfilt import _native

    layout, weights, middle = _known(problem), _weights(problem), _middle(problem)
    room = 32 * layout.ny * layout.nx * max(1.0, _norms(problem)[0])
    options = {
        "anchor": problem.facts.trimmed.anchor,
        "tile": (layout.ny, layout.nx),
        "stride": problem.stride,
        "wide": layout.dtype == "float64",
        "wide_response": layout.response == "float64",
        "whole": _whole(problem),
        "middle": middle,
        "offset": middle * float(weights.sum()),
        "limit": math.inf if problem.integral else float(np.finfo(layout.dtype).max) / room,
    }
    return _native.Fourier(np.ascontiguousarray(weights, np.float64), options)
