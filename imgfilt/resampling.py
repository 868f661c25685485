"""Changes of size by a whole factor: their kernels, and what callers say about them as stages of a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgfilt.kernel import Kernel
from imgfilt.stages import Resampling, Stage

Weights = NDArray[np.float64]
RESAMPLINGS = ("pyr_down", "pyr_up", "upsample")
GAINS = ("check", "normalize", "any")
_PYRAMID = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
_MOST = 64


def a_pair(name: str, value: Any) -> tuple[int, int]:
    """`value`, a positive integer or a pair of them, as (for rows, for columns).

    Raises ValueError that names and quotes it.
    """
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2 or any(
        isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in values
    ):
        raise ValueError(f"{name} must be a positive integer or a pair of them, got {value!r}")
    return int(values[0]), int(values[1])


def resampling(name: str, shape: tuple[int, int], params: Mapping[str, Any]) -> Stage:
    """The stage of one of `RESAMPLINGS` on images of height and width `shape`.

    Raises TypeError for parameters that it does not have, ValueError for wrong values.
    """
    makers: dict[str, Callable[..., Resampling]] = {
        "pyr_down": pyr_down, "pyr_up": pyr_up, "upsample": upsample,
    }  # fmt: skip
    known = {"pyr_down": ("size",), "pyr_up": ("size",), "upsample": ("factor", "kernel", "anchor", "gain")}[
        name
    ]
    for param in params:
        if param not in known:
            raise TypeError(f"{name} has no parameter {param!r}; it has {', '.join(known)}")
    values = tuple(params.values())
    if all(value is None or isinstance(value, int | str) for value in values):
        return _stage_of(makers[name], shape, tuple(params), values)
    return Stage(makers[name](shape, **params), {})


@lru_cache(maxsize=64)
def _stage_of(
    maker: Callable[..., Resampling], shape: tuple[int, int], names: tuple[str, ...], values: tuple[Any, ...]
) -> Stage:
    """The stage of earlier calls: making kernels takes longer than a small image."""
    return Stage(maker(shape, **dict(zip(names, values, strict=True))), {})


def pyr_down(shape: tuple[int, int], size: tuple[int, int] | None = None) -> Resampling:
    """Every second pixel of the binomial blur; `size` as `imgfilt.pyr_down` has it."""
    whole = tuple((n + 1) // 2 for n in shape)
    wanted = whole if size is None else a_pair("size", size)
    for n, out in zip(shape, wanted, strict=True):
        if abs(2 * out - n) > 2:
            raise ValueError(
                f"size must be (height, width) with |2 * size - {shape}| at most 2, got {size!r}; {whole} by default"
            )
    extra = (wanted[0] - whole[0], wanted[1] - whole[1])
    kernel = Kernel.of(np.outer(_PYRAMID, _PYRAMID))
    return Resampling("pyr_down", kernel, stride=(2, 2), extra=extra, rounding="half_up")


def pyr_up(shape: tuple[int, int], size: tuple[int, int] | None = None) -> Resampling:
    """Twice the size by the binomial kernel; `size` as `imgfilt.pyr_up` has it."""
    wanted = (2 * shape[0], 2 * shape[1]) if size is None else a_pair("size", size)
    for n, out in zip(shape, wanted, strict=True):
        if abs(out - 2 * n) != out % 2:
            raise ValueError(f"size must be twice the image's {shape}, or one more or less, got {size!r}")
    extra = (wanted[0] - 2 * shape[0], wanted[1] - 2 * shape[1])
    kernel = Kernel.of(np.outer(2 * _PYRAMID, 2 * _PYRAMID))
    return Resampling("pyr_up", kernel, factor=(2, 2), extra=extra, doubled=True, rounding="half_up")


def upsample(
    _shape: tuple[int, int],
    factor: int | tuple[int, int],
    kernel: str | ArrayLike = "bicubic",
    anchor: int | tuple[int, int] | None = None,
    gain: str = "check",
) -> Resampling:
    """A transposed convolution; the parameters are those of `imgfilt.upsample`."""
    factors = a_pair("factor", factor)
    if max(factors) > _MOST:
        raise ValueError(f"factor must be at most {_MOST}, got {factor!r}")
    if gain not in GAINS:
        raise ValueError(f"gain must be one of {', '.join(GAINS)}, got {gain!r}")
    title = f"upsample factor={factor}"
    if isinstance(kernel, str):
        if kernel not in KERNELS:
            raise ValueError(f"kernel must be one of {', '.join(KERNELS)}, or weights, got {kernel!r}")
        if anchor is not None:
            raise ValueError(f"anchor is for kernels given as weights, got {anchor!r} with kernel {kernel!r}")
        column, row = (KERNELS[kernel](s) for s in factors)
        weights = np.outer(column, row)
        title += f" kernel={kernel}"
    else:
        given = np.asarray(kernel, dtype=np.float64)
        weights = _with_gain(
            Kernel.of(np.outer(given, given) if given.ndim == 1 else given).weights, factors, gain
        )
    default = tuple(max(0, (n - s + 1) // 2) for n, s in zip(weights.shape, factors, strict=True))
    origin = default if anchor is None else _anchor(anchor, weights.shape)
    return Resampling(title, Kernel.of(weights, (origin[0], origin[1])), factor=factors)


def _anchor(anchor: int | tuple[int, int], shape: tuple[int, ...]) -> tuple[int, ...]:
    found = tuple(anchor) if isinstance(anchor, tuple | list) else (anchor, anchor)
    inside = len(found) == 2 and all(
        isinstance(a, int) and 0 <= a < n for a, n in zip(found, shape, strict=True)
    )
    if not inside:
        raise ValueError(f"anchor must lie inside the {shape[0]} x {shape[1]} kernel, got {anchor!r}")
    return found


def _with_gain(weights: Weights, factors: tuple[int, int], gain: str) -> Weights:
    """The weights, each phase's sum checked or scaled to 1."""
    if gain == "any":
        return weights
    sy, sx = factors
    sums = np.array([[weights[r::sy, c::sx].sum() for c in range(sx)] for r in range(sy)])
    if gain == "check":
        if np.ptp(sums) > 1e-9 * np.abs(weights).sum():
            found = np.unique(sums.round(6)).tolist()
            raise ValueError(
                f"the phases of the kernel sum to {found}, so that a flat image would become "
                "a checkerboard: give gain='normalize' to scale each of them to 1, or gain='any' to have it so"
            )
        return weights
    if np.any(np.abs(sums) <= 1e-12 * np.abs(weights).sum()):
        raise ValueError("gain='normalize' divides each phase of the kernel by its sum, and one of them is 0")
    scaled = weights.copy()
    for r in range(sy):
        for c in range(sx):
            scaled[r::sy, c::sx] /= sums[r, c]
    return scaled


def _sampled(function: Callable[[float], float], radius: int) -> Callable[[int], Weights]:
    """Samples of an interpolating function 1 / factor apart, symmetric about the middle; each phase sums to 1."""

    def taps(factor: int) -> Weights:
        count = 2 * radius * factor - factor % 2
        found = np.array([function((i - (count - 1) / 2) / factor) for i in range(count)])
        for r in range(factor):
            found[r::factor] /= found[r::factor].sum()
        return found

    return taps


def _linear(x: float) -> float:
    return max(0.0, 1 - abs(x))


def _cubic(x: float) -> float:
    """Keys, Cubic convolution interpolation for digital image processing, 1981: a = -1/2."""
    x = abs(x)
    if x < 1:
        return (1.5 * x - 2.5) * x * x + 1
    return ((-0.5 * x + 2.5) * x - 4) * x + 2 if x < 2 else 0.0


def _lanczos(x: float) -> float:
    """Duchon, Lanczos filtering in one and two dimensions, 1979: sinc(x) * sinc(x / 3)."""
    return float(np.sinc(x) * np.sinc(x / 3)) if abs(x) < 3 else 0.0


def _pyramid(factor: int) -> Weights:
    """The kernel of Burt and Adelson's pyramid for any factor: the box of `factor` four times by itself.

    That is the two-scale relation of the cubic B-spline; for factor 2 it is 1 4 6 4 1 over 8.
    """
    box = np.ones(factor)
    taps = box
    for _ in range(3):
        taps = np.convolve(taps, box)
    return taps / factor**3


def _nearest(factor: int) -> Weights:
    return np.ones(factor)


KERNELS: Mapping[str, Callable[[int], Weights]] = {
    "nearest": _nearest,
    "bilinear": _sampled(_linear, 1),
    "bicubic": _sampled(_cubic, 2),
    "lanczos": _sampled(_lanczos, 3),
    "gaussian": _pyramid,
}
"""Taps of one axis by factor; the phases of each sum to 1."""
