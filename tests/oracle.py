"""Naive, obviously right versions of what the package does, to judge it by.

Nothing here imports the package. Every function is written from the definition, one tap at a time, with no
eye on speed: integer images with integer weights stay in 64-bit integers, everything else is computed in
the widest float that NumPy has (80 bits on x86-64) and rounded once at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Array = NDArray[Any]
Rounding = Literal["half_even", "half_up"]
Wide = np.longdouble

BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
DTYPES = ("uint8", "uint16", "int16", "float32", "float64")
OUTSIDE = -1


def border_index(p: int, n: int, border: str) -> int:
    """The pixel of a line of `n` that stands for position `p`; OUTSIDE where that is the constant."""
    if 0 <= p < n:
        return p
    if border == "constant":
        return OUTSIDE
    if border == "replicate":
        return 0 if p < 0 else n - 1
    if border == "wrap":
        return p % n
    if border == "reflect":  # fedcba|abcdef|fedcba
        while not 0 <= p < n:
            p = -p - 1 if p < 0 else 2 * n - 1 - p
        return p
    if border == "reflect101":  # gfedcb|abcdefgh|gfedcba
        if n == 1:
            return 0
        while not 0 <= p < n:
            p = -p if p < 0 else 2 * n - 2 - p
        return p
    raise AssertionError(border)


def pad(image: Array, top: int, bottom: int, left: int, right: int, border: str, cval: float = 0) -> Array:
    """`image` extended on each side; a pad may be larger than the image."""
    height, width = image.shape[:2]
    rows = np.array([border_index(y, height, border) for y in range(-top, height + bottom)])
    cols = np.array([border_index(x, width, border) for x in range(-left, width + right)])
    out = image[rows][:, cols].copy()
    out[rows == OUTSIDE] = cval
    out[:, cols == OUTSIDE] = cval
    return out


def is_integral(*values: ArrayLike) -> bool:
    return all(bool(np.all(np.asarray(v, dtype=np.float64) == np.rint(v))) for v in values)


def widen(image: Array, exact: bool) -> Array:
    return image.astype(np.int64) if exact else image.astype(Wide)


def response(
    image: Array,
    kernel: ArrayLike,
    *,
    anchor: tuple[int, int] | None = None,
    border: str = "reflect101",
    cval: float = 0.0,
) -> Array:
    """Correlation before any rounding: int64 where everything is integer, else the widest float.

    Zero weights are skipped, so that infinities and NaN do not pass through them.
    """
    w = np.asarray(kernel, dtype=np.float64)
    kh, kw = w.shape
    ay, ax = anchor if anchor is not None else (kh // 2, kw // 2)
    exact = image.dtype.kind in "iu" and is_integral(w, cval)
    padded = pad(widen(image, exact), ay, kh - 1 - ay, ax, kw - 1 - ax, border, int(cval) if exact else cval)
    height, width = image.shape[:2]
    total = np.zeros(image.shape, dtype=np.int64 if exact else Wide)
    with np.errstate(invalid="ignore"):
        for y in range(kh):
            for x in range(kw):
                weight = int(w[y, x]) if exact else Wide(w[y, x])
                if weight != 0:
                    total += weight * padded[y : y + height, x : x + width]
    return total


def to_pixels(values: Array, dtype: DTypeLike, rounding: Rounding = "half_even") -> Array:
    """Values rounded and saturated to an integer dtype, or cast to a float one."""
    dt = np.dtype(dtype)
    if dt.kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(dt)
    info = np.iinfo(dt)
    if values.dtype.kind == "f":
        values = np.floor(values + Wide(0.5)) if rounding == "half_up" else np.rint(values)
    return np.clip(values, info.min, info.max).astype(dt)


def correlate(
    image: Array,
    kernel: ArrayLike,
    *,
    bias: float = 0.0,
    anchor: tuple[int, int] | None = None,
    border: str = "reflect101",
    cval: float = 0.0,
    dtype: DTypeLike | None = None,
    rounding: Rounding = "half_even",
) -> Array:
    """The whole thing: response, bias, rounding, saturation."""
    values = response(image, kernel, anchor=anchor, border=border, cval=cval)
    if bias:
        values = values + (int(bias) if values.dtype.kind == "i" and is_integral(bias) else Wide(bias))
    return to_pixels(values, dtype or image.dtype, rounding)


def convolve(image: Array, kernel: ArrayLike, *, anchor: tuple[int, int] | None = None, **kw: Any) -> Array:
    """Correlation with the kernel turned by 180 degrees, its anchor turned with it."""
    w = np.asarray(kernel, dtype=np.float64)
    kh, kw_ = w.shape
    ay, ax = anchor if anchor is not None else (kh // 2, kw_ // 2)
    return correlate(image, w[::-1, ::-1], anchor=(kh - 1 - ay, kw_ - 1 - ax), **kw)


def dilate(kernel: ArrayLike, apart: tuple[int, int]) -> Array:
    """The kernel with zeros between its taps."""
    w = np.asarray(kernel, dtype=np.float64)
    out = np.zeros(((w.shape[0] - 1) * apart[0] + 1, (w.shape[1] - 1) * apart[1] + 1))
    for y in range(w.shape[0]):
        for x in range(w.shape[1]):
            out[y * apart[0], x * apart[1]] = w[y, x]
    return out


def transposed(
    image: Array,
    kernel: ArrayLike,
    factor: tuple[int, int],
    *,
    anchor: tuple[int, int] = (0, 0),
    border: str = "replicate",
    cval: float = 0.0,
) -> Array:
    """Transposed convolution before any rounding, every input scattered: out[s * q - anchor + tap] += x[q] * w[tap].

    The image is extended as far as its pixels reach the result, and zero weights are skipped.
    """
    w = np.asarray(kernel, dtype=np.float64)
    exact = image.dtype.kind in "iu" and is_integral(w, cval)
    (kh, kw), (sy, sx), (height, width) = w.shape, factor, image.shape[:2]
    wide = pad(widen(image, exact), kh, kh, kw, kw, border, int(cval) if exact else cval)
    whole = np.zeros(((wide.shape[0]) * sy + kh, wide.shape[1] * sx + kw, *image.shape[2:]), dtype=wide.dtype)
    with np.errstate(invalid="ignore"):
        for y in range(kh):
            for x in range(kw):
                weight = int(w[y, x]) if exact else Wide(w[y, x])
                if weight != 0:
                    part = whole[y : y + wide.shape[0] * sy : sy, x : x + wide.shape[1] * sx : sx]
                    part += weight * wide
    top, left = kh * sy + anchor[0], kw * sx + anchor[1]
    return whole[top : top + height * sy, left : left + width * sx]


def scale(image: Array, kernel: ArrayLike, cval: float = 0.0, bias: float = 0.0) -> float:
    """Sum |w| * max |x|: what float tolerances are measured in."""
    biggest = float(np.max(np.abs(image.astype(np.float64)), initial=abs(cval)))
    return float(np.abs(np.asarray(kernel, dtype=np.float64)).sum()) * biggest + abs(bias)


# --- pointwise ---


def luma(image: Array) -> Array:
    """BT.601 luma as OpenCV's RGB2GRAY: 15-bit fixed point, half up, for 8 and 16 unsigned bits."""
    if image.dtype in (np.uint8, np.uint16):
        r, g, b = (image[..., c].astype(np.int64) for c in range(3))
        return ((9798 * r + 19235 * g + 3735 * b + (1 << 14)) >> 15).astype(image.dtype)
    r, g, b = (image[..., c].astype(Wide) for c in range(3))
    return to_pixels(Wide("0.299") * r + Wide("0.587") * g + Wide("0.114") * b, image.dtype)


def magnitude(*parts: Array) -> Array:
    squares = [p.astype(Wide) ** 2 for p in parts]
    return np.sqrt(sum(squares[1:], squares[0]))


def maximum(*parts: Array, absolute: bool = False) -> Array:
    stack = np.stack(parts)
    return (np.abs(stack) if absolute else stack).max(axis=0)


def combine(
    parts: Sequence[Array], weights: Sequence[float], bias: float = 0.0, absolute: bool = False
) -> Array:
    total = np.zeros(parts[0].shape, dtype=Wide)
    for part, weight in zip(parts, weights, strict=True):
        total += Wide(weight) * part.astype(Wide)
    return (np.abs(total) if absolute else total) + Wide(bias)


def sharpen(image: Array, blurred: Array, amount: float, threshold: float = 0.0) -> Array:
    difference = image.astype(Wide) - blurred.astype(Wide)
    return image.astype(Wide) + np.where(np.abs(difference) >= threshold, Wide(amount) * difference, 0)


def full_scale(dtype: DTypeLike) -> float:
    """What alpha 1.0, or white, is in `dtype`."""
    dt = np.dtype(dtype)
    return 1.0 if dt.kind == "f" else float(np.iinfo(dt).max)


def premultiply(image: Array) -> Array:
    out = image.astype(Wide)
    out[..., :-1] *= out[..., -1:] / Wide(full_scale(image.dtype))
    return out


def unpremultiply(values: Array, dtype: DTypeLike) -> Array:
    out = values.astype(Wide)
    alpha = out[..., -1:] / Wide(full_scale(dtype))
    safe = np.where(alpha > 0, alpha, 1)
    out[..., :-1] = np.where(alpha > 0, out[..., :-1] / safe, 0)
    return out


def linearize(image: Array) -> Array:
    """sRGB (IEC 61966-2-1) to linear light in 0..1."""
    v = image.astype(Wide) / Wide(full_scale(image.dtype))
    return np.where(
        v <= 0.04045, v / Wide(12.92), ((np.maximum(v, 0) + Wide(0.055)) / Wide(1.055)) ** Wide(2.4)
    )


def delinearize(values: Array, dtype: DTypeLike) -> Array:
    """Linear light in 0..1 to sRGB-encoded values in the units of `dtype`, not yet rounded."""
    v = values.astype(Wide)
    curve = Wide(1.055) * np.maximum(v, 0) ** (1 / Wide(2.4)) - Wide(0.055)
    return np.where(v <= 0.0031308, v * Wide(12.92), curve) * Wide(full_scale(dtype))


# --- Gaussian, as OpenCV makes it ---

_SMALL_GAUSSIANS = {
    1: [1.0],
    3: [0.25, 0.5, 0.25],
    5: [0.0625, 0.25, 0.375, 0.25, 0.0625],
    7: [0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125],
    9: [4 / 256, 13 / 256, 30 / 256, 51 / 256, 60 / 256, 51 / 256, 30 / 256, 13 / 256, 4 / 256],
}


def gaussian_size(sigma: float, dtype: DTypeLike) -> int:
    """OpenCV's automatic size: 3 sigmas a side for 8-bit images, 4 for the rest."""
    reach = 3 if np.dtype(dtype) == np.uint8 else 4
    return int(np.rint(sigma * reach * 2 + 1)) | 1


def gaussian_taps(size: int, sigma: float = 0.0) -> NDArray[np.float64]:
    """cv2.getGaussianKernel: the sampled Gaussian, normalised; sigma <= 0 means chosen from the size."""
    if sigma <= 0 and size in _SMALL_GAUSSIANS:
        return np.array(_SMALL_GAUSSIANS[size])
    if sigma <= 0:
        sigma = ((size - 1) * 0.5 - 1) * 0.3 + 0.8
    x = np.arange(size) - (size - 1) * 0.5
    taps = np.exp(-(x * x) / (2 * sigma * sigma))
    return np.asarray(taps / taps.sum())


def gaussian_fixed_taps(taps: Sequence[float] | Array, bits: int) -> list[int]:
    """Taps as integers that sum to 2**bits: each rounded, the error carried on; the middle takes the rest."""
    n = len(taps)
    out = [0] * n
    error = 0.0
    for i in range(n // 2):
        wanted = float(taps[i]) * (1 << bits) + error
        out[i] = out[n - 1 - i] = int(np.rint(wanted))
        error = wanted - out[i]
    out[n // 2] = (1 << bits) - sum(out)
    return out


def gaussian(
    image: Array, size: int | None = None, sigma: float = 0.0, border: str = "reflect101", cval: float = 0.0
) -> Array:
    """cv2.GaussianBlur; for uint8 its fixed point: taps of 8 fractional bits, rounded once (half up)."""
    size = size or gaussian_size(sigma, image.dtype)
    taps = gaussian_taps(size, sigma)
    if image.dtype == np.uint8:
        fixed = np.array(gaussian_fixed_taps(taps, 8), dtype=np.float64)
        total = response(image, np.outer(fixed, fixed), border=border, cval=cval)
        return np.clip((total + (1 << 15)) >> 16, 0, 255).astype(np.uint8)
    return correlate(image, np.outer(taps, taps), border=border, cval=cval)


# --- not linear ---


def median(image: Array, size: int, border: str = "reflect101", cval: float = 0.0) -> Array:
    r = size // 2
    padded = pad(image, r, r, r, r, border, cval)
    height, width = image.shape[:2]
    windows = [padded[y : y + height, x : x + width] for y in range(size) for x in range(size)]
    out: Array = np.sort(np.stack(windows), axis=0)[size * size // 2]
    return out


def bilateral(
    image: Array,
    diameter: int,
    sigma_color: float,
    sigma_space: float,
    border: str = "reflect101",
    cval: float = 0.0,
) -> Array:
    """cv2.bilateralFilter's formula, not yet rounded: a disc, colours compared by sum |difference|."""
    r = max(diameter // 2, 1)
    colour = image if image.ndim == 3 else image[..., None]
    padded = pad(colour, r, r, r, r, border, cval).astype(np.float64)
    here = colour.astype(np.float64)
    height, width = image.shape[:2]
    total = np.zeros(here.shape)
    norm = np.zeros((height, width, 1))
    for dy in range(-r, r + 1):
        for dx in range(-r, r + 1):
            if math.hypot(dy, dx) > r:
                continue
            there = padded[r + dy : r + dy + height, r + dx : r + dx + width]
            distance = np.abs(there - here).sum(axis=2, keepdims=True)
            weight = np.exp(
                -(distance**2) / (2 * sigma_color**2) - (dy * dy + dx * dx) / (2 * sigma_space**2)
            )
            total += weight * there
            norm += weight
    out: Array = (total / norm).reshape(image.shape)
    return out


SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def canny(image: Array, low: float, high: float, border: str = "replicate", cval: float = 0.0) -> Array:
    """Canny's edges (0 and 255) of an 8-bit gray image, as cv2.Canny with its defaults.

    3x3 Sobel responses, gradient |gx| + |gy| (OpenCV's default, L2gradient=False), non-maximum suppression in
    four directions split at tan(22.5 deg), hysteresis over 8 neighbours. Outside the image the gradient is 0.
    """
    gx = response(image, SOBEL_X, border=border, cval=cval)
    gy = response(image, SOBEL_X.T, border=border, cval=cval)
    mag = np.abs(gx) + np.abs(gy)
    height, width = image.shape
    m = np.zeros((height + 2, width + 2), dtype=np.int64)
    m[1:-1, 1:-1] = mag
    low, high = math.floor(low), math.floor(high)
    tan_22 = 13573  # tan(22.5 deg) in 15 fractional bits
    candidate = np.zeros((height + 2, width + 2), dtype=bool)
    strong: list[tuple[int, int]] = []
    for y in range(1, height + 1):
        for x in range(1, width + 1):
            v = m[y, x]
            if v <= low:
                continue
            dx, dy = int(gx[y - 1, x - 1]), int(gy[y - 1, x - 1])
            ax, ay = abs(dx), abs(dy) << 15
            if ay < ax * tan_22:
                keep = v > m[y, x - 1] and v >= m[y, x + 1]
            elif ay > ax * tan_22 + (ax << 16):
                keep = v > m[y - 1, x] and v >= m[y + 1, x]
            else:
                s = -1 if (dx ^ dy) < 0 else 1
                keep = v > m[y - 1, x - s] and v > m[y + 1, x + s]
            if keep:
                candidate[y, x] = True
                if v > high:
                    strong.append((y, x))
    edge = np.zeros_like(candidate)
    while strong:
        y, x = strong.pop()
        if edge[y, x]:
            continue
        edge[y, x] = True
        strong += [
            (y + i, x + j)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
            if candidate[y + i, x + j] and not edge[y + i, x + j]
        ]
    return np.where(edge[1:-1, 1:-1], 255, 0).astype(np.uint8)


def integral(image: Array) -> Array:
    """Summed-area table of shape (H+1, W+1[, C]): int64 for integers, the widest float else."""
    wide = widen(image, image.dtype.kind in "iu")
    out = np.zeros((image.shape[0] + 1, image.shape[1] + 1, *image.shape[2:]), dtype=wide.dtype)
    out[1:, 1:] = wide.cumsum(axis=0).cumsum(axis=1)
    return out


def box_sum(image: Array, size: tuple[int, int], border: str = "reflect101", cval: float = 0.0) -> Array:
    return response(image, np.ones(size), border=border, cval=cval)
