"""Kernels made from parameters: one pure function each, by name in `GENERATORS`.

Every generator takes its parameters by keyword and `dtype`, the image's dtype by name, and returns a
correlation `Kernel`. Where OpenCV has the same kernel, the weights are OpenCV's.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from imgfilt.kernel import Integers, Kernel, Weights

LARGEST_SIDE = 32767
LARGEST_COUNT = 2**24
"""No kernel has more elements than this a side, or in all (128 MiB of weights)."""


LARGEST_FIXED = 127
"""The largest 8-bit Gaussian whose weights are OpenCV's fixed point. In larger ones no tap is over 6/256."""


def gaussian(
    *, dtype: str, sigma: float | None = None, size: int | None = None, accuracy: float = 0.0
) -> Kernel:
    """Gaussian of `sigma` pixels, `size` x `size` (odd), as cv2.GaussianBlur(image, (size, size), sigma).

    Without `size` it is OpenCV's automatic one: round(6 * sigma + 1) | 1 for uint8, round(8 * sigma + 1) | 1
    for other dtypes. Without `sigma` (None or 0) it is 0.3 * ((size - 1) * 0.5 - 1) + 0.8, and sizes 1 to 9
    have OpenCV's fixed binomial-like weights. With neither, sigma is 1.

    For uint8 and sizes to 127 (sigma 21) the weights are those of OpenCV's bit-exact fixed point: 8 fractional bits an
    axis, the rounding error of each tap carried to the next and the rest given to the middle one, so that they sum
    to exactly 1. Round half up the response and it is bit-equal to OpenCV's. Larger ones have the real weights and
    the size of other dtypes, as has any for which an error of `accuracy` is allowed.
    """
    fixed = dtype == "uint8" and not accuracy
    if size is None:
        sigma = 1.0 if sigma is None else sigma
        if not sigma > 0:
            raise ValueError(f"sigma must be greater than 0 where no size is given, got {sigma}")
        size = gaussian_size(sigma, dtype)
        if dtype == "uint8" and (size > LARGEST_FIXED or not fixed):
            size, fixed = gaussian_size(sigma, "float32"), False
    _check_size(size, f"sigma {sigma}" if sigma else f"size {size}")
    taps = gaussian_taps(size, sigma or 0.0)
    if fixed and size <= LARGEST_FIXED:
        taps = _diffuse(taps, 256) / 256.0
    return Kernel.of(np.multiply.outer(taps, taps))


def gaussian_size(sigma: float, dtype: str) -> int:
    """OpenCV's automatic kernel size for `sigma`."""
    return round(sigma * (3 if dtype == "uint8" else 4) * 2 + 1) | 1


_SMALL_GAUSSIANS: dict[int, list[float]] = {
    1: [1],
    3: [1 / 4, 1 / 2, 1 / 4],
    5: [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16],
    7: [1 / 32, 3.5 / 32, 7 / 32, 9 / 32, 7 / 32, 3.5 / 32, 1 / 32],
    9: [4 / 256, 13 / 256, 30 / 256, 51 / 256, 60 / 256, 51 / 256, 30 / 256, 13 / 256, 4 / 256],
}


def gaussian_taps(size: int, sigma: float) -> Weights:
    """The 1-D Gaussian of cv2.getGaussianKernel(size, sigma, CV_64F); sigma 0 for "chosen by the size"."""
    if sigma <= 0 and size in _SMALL_GAUSSIANS:
        return np.array(_SMALL_GAUSSIANS[size], np.float64)
    if sigma <= 0:
        sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    scale = -0.125 / (sigma * sigma)
    half = [math.exp(x * x * scale) for x in range(1 - size, 1 if size % 2 else 0, 2)]
    taps = np.array(half + half[: size // 2][::-1], np.float64)
    return np.asarray(taps / math.fsum(taps), np.float64)


def _diffuse(taps: Weights, one: int) -> Integers:
    """`taps` times `one` as symmetric integers that sum to `one`: errors diffuse from the ends inward."""
    result = np.zeros(taps.size, np.int64)
    half = taps.size // 2
    error = 0.0
    for i in range(half):
        wanted = float(taps[i]) * one + error
        value = round(wanted)
        error = wanted - value
        result[i] = result[-1 - i] = value
    result[half] = one - int(result.sum())
    return result


def box(*, dtype: str, size: int) -> Kernel:
    """Mean of a `size` x `size` square, as cv2.blur."""
    _check_size(size, f"size {size}", odd=False)
    return Kernel.of(np.full((size, size), 1.0 / (size * size)))


def motion(*, dtype: str, length: float, angle: float = 0.0) -> Kernel:
    """Mean along a straight line of `length` pixels, `angle` degrees counter-clockwise from the x axis.

    Every element is weighted by how much of a line one pixel thick covers it (a tent of half-width 1 across
    the line, a ramp one pixel long at its ends), and the weights are divided by their sum.
    """
    if not length >= 1:
        raise ValueError(f"length must be at least 1, got {length}")
    size = 2 * math.ceil((length - 1) / 2) + 3
    _check_size(size, f"length {length}")
    y, x = _grid(size)
    c, s = _direction(angle)
    along = np.abs(x * c - y * s)
    across = np.abs(x * s + y * c)
    weights = np.clip(length / 2 + 0.5 - along, 0, 1) * np.clip(1 - across, 0, 1)
    return Kernel.of(_trimmed(weights / weights.sum()))


def sharpen(*, dtype: str, amount: float = 1.0) -> Kernel:
    """The image minus `amount` times its 4-neighbour Laplacian: [0 -a 0; -a 1+4a -a; 0 -a 0]."""
    a = amount
    return Kernel.of([[0, -a, 0], [-a, 1 + 4 * a, -a], [0, -a, 0]])


def high_pass(*, dtype: str, sigma: float, size: int | None = None) -> Kernel:
    """The image minus its `gaussian`: weights sum to 0 (exactly for uint8)."""
    weights = -gaussian(dtype=dtype, sigma=sigma, size=size).weights
    weights[weights.shape[0] // 2, weights.shape[1] // 2] += 1
    return Kernel.of(weights)


def emboss(*, dtype: str, angle: float = 135.0, depth: float = 1.0) -> Kernel:
    """Slope towards the light, from `angle` degrees (0 is right, 90 above), times `depth`.

    cos(angle) and sin(angle) parts of Prewitt's gradient, with the sign that makes what rises away from the
    light bright: 135 degrees gives [-2 -1 0; -1 0 1; 0 1 2] * sqrt(1/2). Weights sum to 0.
    """
    y, x = _grid(3)
    c, s = _direction(angle)
    return Kernel.of((y * s - x * c) * depth)


def sobel(*, dtype: str, dx: int, dy: int, size: int = 3) -> Kernel:
    """Sobel derivative of order `dx`, `dy`, as cv2.Sobel with ksize=`size` (1, or an odd number to 31)."""
    row, column = sobel_taps(dx, size), sobel_taps(dy, size)
    return Kernel.of(np.multiply.outer(column, row))


def sobel_taps(order: int, size: int) -> Weights:
    """The 1-D factor of a Sobel kernel: `order` differences and otherwise sums of neighbours.

    As cv2.getDerivKernels: size 1 has no smoothing, and 3 taps where a derivative needs them.
    """
    if size == 1 and order > 0:
        size = 3
    if order >= max(size, 1) or size % 2 == 0 or not 0 < size <= 31:
        raise ValueError(f"size must be odd, at most 31 and greater than the order {order}, got {size}")
    taps = np.ones(1)
    for i in range(size - 1):
        taps = np.convolve(taps, [-1.0, 1.0] if i < order else [1.0, 1.0])
    return taps


def laplacian(*, dtype: str, size: int = 1) -> Kernel:
    """Sum of the second derivatives, as cv2.Laplacian with ksize=`size` (odd, to 31).

    1 is [0 1 0; 1 -4 1; 0 1 0]; 3 is [2 0 2; 0 -8 0; 2 0 2]; larger ones are sums of Sobel kernels.
    """
    if size == 1:
        return Kernel.of([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    second, smooth = sobel_taps(2, size), sobel_taps(0, size)
    return Kernel.of(np.multiply.outer(smooth, second) + np.multiply.outer(second, smooth))


def laplacian_of_gaussian(*, dtype: str, sigma: float, unit_step: bool = False) -> Kernel:
    """Marr and Hildreth's Laplacian of a Gaussian, (r^2 / sigma^2 - 2) / sigma^2 * G(r), sampled to 4 sigma.

    What the sampled weights do not sum to 0 by is taken from all of them in proportion to G, so that a flat
    image gives 0; G sums to 1. With `unit_step` the weights are scaled so that beside an upright edge of
    height 1 the response is 1 at its strongest.
    """
    _check_positive("sigma", sigma)
    size = 2 * math.ceil(4 * sigma) + 1
    _check_size(size, f"sigma {sigma}")
    y, x = _grid(size)
    r2 = (x * x + y * y) / sigma**2
    g = np.exp(-r2 / 2)
    g /= g.sum()
    weights = (r2 - 2) / sigma**2 * g
    weights -= g * weights.sum()
    middle = size // 2
    weights[middle, middle] -= math.fsum(weights.ravel())
    return Kernel.of(weights * _step_gain(weights.sum(axis=0)) if unit_step else weights)


def unit_step_difference(*, dtype: str, sigma_low: float, sigma_high: float) -> Kernel:
    """The weights g, -g of two `gaussian` blurs, as a row: their difference beside an edge of height 1 is 1.

    0, 0 where the blurs are the same.
    """
    fine, coarse = (gaussian(dtype=dtype, sigma=s).weights.sum(axis=0) for s in (sigma_low, sigma_high))
    size = max(fine.size, coarse.size)
    row = np.pad(fine, (size - fine.size) // 2) - np.pad(coarse, (size - coarse.size) // 2)
    gain = _step_gain(row)
    return Kernel.of([[gain, -gain]])


def _step_gain(row: Weights) -> float:
    """1 over the strongest response of `row`, which sums to 0, to a step of height 1; 0 where there is none."""
    strongest = float(np.abs(np.cumsum(row)).max())
    return 1.0 / strongest if strongest > 1e-12 else 0.0


def gabor(
    *,
    dtype: str,
    sigma: float,
    theta: float = 0.0,
    wavelength: float = 8.0,
    gamma: float = 0.5,
    psi: float = 0.0,
    size: int | None = None,
    gain: float | None = None,
) -> Kernel:
    """A wave under a Gaussian, as cv2.getGaborKernel, times `gain`; angles in degrees, lengths in pixels.

    Without `size` it reaches 3 sigma from the middle along both of the Gaussian's axes. Without `gain` the
    positive weights sum to 1, or the negative ones to -1 where they are heavier: what lies in 0 to 1 gives
    responses in -1 to 1.
    """
    for name, value in (("sigma", sigma), ("wavelength", wavelength), ("gamma", gamma)):
        _check_positive(name, value)
    c, s = _direction(theta)
    if size is None:
        sigma_y = sigma / gamma
        reach_x = max(abs(3 * sigma * c), abs(3 * sigma_y * s))
        reach_y = max(abs(3 * sigma * s), abs(3 * sigma_y * c))
        height, width = 2 * round(reach_y) + 1, 2 * round(reach_x) + 1
    else:
        height = width = size
    _check_size(max(height, width), f"sigma {sigma}" if size is None else f"size {size}")
    y = np.arange(height // 2, -height // 2, -1, dtype=np.float64)[:, None]
    x = np.arange(width // 2, -width // 2, -1, dtype=np.float64)[None, :]
    along, across = x * c + y * s, -x * s + y * c
    envelope = np.exp(-0.5 * (along**2 + (gamma * across) ** 2) / sigma**2)
    weights = envelope * np.cos(2 * math.pi * along / wavelength + math.radians(psi))
    if gain is None:
        heavier = max(float(weights[weights > 0].sum()), -float(weights[weights < 0].sum()))
        gain = 1.0 / heavier if heavier > 1e-12 else 0.0
    return Kernel.of(gain * weights)


GENERATORS: dict[str, Callable[..., Kernel]] = {
    "gaussian": gaussian,
    "box": box,
    "motion": motion,
    "sharpen": sharpen,
    "high_pass": high_pass,
    "emboss": emboss,
    "sobel": sobel,
    "laplacian": laplacian,
    "laplacian_of_gaussian": laplacian_of_gaussian,
    "unit_step_difference": unit_step_difference,
    "gabor": gabor,
}


def _check_size(size: int, what: str, *, odd: bool = True) -> None:
    """A ValueError that quotes `what` was asked where a `size` x `size` kernel cannot be made."""
    if size < 1 or (odd and size % 2 == 0):
        raise ValueError(f"a kernel's size must be {'odd and ' * odd}at least 1, got {size}")
    if size > LARGEST_SIDE or size * size > LARGEST_COUNT:
        largest = math.isqrt(LARGEST_COUNT)
        raise ValueError(f"{what} needs a kernel of {size} x {size}; the largest is {largest} x {largest}")


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be greater than 0, got {value}")


def _grid(size: int) -> tuple[Weights, Weights]:
    """(y, x) offsets from the middle of a `size` x `size` kernel, y downwards."""
    v = np.arange(size, dtype=np.float64) - size // 2
    return v[:, None], v[None, :]


def _direction(angle: float) -> tuple[float, float]:
    """(cos, sin) of `angle` degrees, exact at multiples of 90, equal in size between them at 45."""
    quarter, rest = divmod(angle, 90.0)
    c, s = math.cos(math.radians(rest)), math.cos(math.radians(90.0 - rest))
    if rest == 0.0:
        s = 0.0
    turned = ((c, s), (-s, c), (-c, -s), (s, -c))[int(quarter) % 4]
    return turned[0] + 0.0, turned[1] + 0.0


def _trimmed(weights: Weights) -> Weights:
    """`weights` without the rings of zeros around them (the middle stays the anchor)."""
    while min(weights.shape) > 2 and not (weights[[0, -1]].any() or weights[:, [0, -1]].any()):
        weights = weights[1:-1, 1:-1]
    return weights
