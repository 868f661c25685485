"""ImageMagick's kernel strings: "3x3+1+1: 0,-1,0 -1,5,-1 0,-1,0", and its named kernels such as "Laplacian:2".

Weights and origins are ImageMagick's; `-morphology Convolve` flips them as `imgfilt.convolve` does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np

from imgfilt.kernel import Kernel, Weights

_GEOMETRY = re.compile(r"\s*(?P<w>\d+)(?:x(?P<h>\d+))?(?:\+(?P<x>\d+)\+(?P<y>\d+))?(?P<more>[@<>]?)\s*:")
_NAMED = re.compile(r"\s*(?P<name>[A-Za-z]+)\s*(?::\s*(?P<args>[^@<>]*)(?P<more>[@<>]?))?\s*")
_MOST = 2**24


def is_magick(text: str) -> bool:
    """Whether `text` looks like one of ImageMagick's kernel strings, right or wrong.

    >>> is_magick("3x3: 0,-1,0 -1,5,-1 0,-1,0"), is_magick("Sobel"), is_magick("0 -1 0; -1 5 -1; 0 -1 0")
    (True, True, False)
    """
    named = _NAMED.fullmatch(text)
    return _GEOMETRY.match(text) is not None or (named is not None and named["name"].lower() in NAMES)


def from_magick(text: str) -> Kernel:
    """The kernel that an ImageMagick string describes; "nan" and "-" (not part of the kernel) weigh 0.

    Raises ValueError that quotes what is wrong in it. Lists of kernels, and kernels to be rotated into a list (@ < >),
    are none.

    >>> from_magick("3x3+0+2: 0,-1,0 -1,5,-1 0,-1,0").anchor
    (2, 0)
    >>> from_magick("Sobel:90").weights.tolist()
    [[1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]]
    """
    if ";" in text.strip().rstrip(";"):
        raise ValueError(f"{text!r:.60} is a list of several kernels (';'); give one of them")
    text = text.strip().rstrip(";")
    shaped = _GEOMETRY.match(text)
    found = shaped or _NAMED.fullmatch(text)
    if found is None or (not shaped and found["name"].lower() not in NAMES):
        names = ", ".join(NAMES)
        raise ValueError(
            f"{text!r:.60} is not an ImageMagick kernel: '3x3: 0,-1,0 -1,5,-1 0,-1,0', or one of {names}"
        )
    if found["more"]:
        raise ValueError(f"{found['more']!r} makes a list of rotated kernels; leave it out for one of them")
    if shaped:
        return _shaped(text, shaped)
    return _named(found["name"].lower(), found["args"] or "")


def _shaped(text: str, found: re.Match[str]) -> Kernel:
    width = int(found["w"])
    height = int(found["h"] or width)
    if not 0 < width * height <= _MOST:
        raise ValueError(f"a kernel of {width}x{height} cannot be made; the sides start at 1")
    words = re.split(r"[\s,]+", text[found.end() :].strip(" ,\t\n"))
    words = [word for word in words if word]
    if len(words) != width * height:
        raise ValueError(
            f"'{found[0].strip()}' needs {width * height} weights, {len(words)} are given; a row's weights are "
            "separated by commas or spaces"
        )
    weights = np.array([_weight(word) for word in words]).reshape(height, width)
    if found["x"] is None:
        return Kernel.of(weights, ((height - 1) // 2, (width - 1) // 2))
    x, y = int(found["x"]), int(found["y"])
    if x >= width or y >= height:
        raise ValueError(f"the origin +{x}+{y} lies outside the {width}x{height} kernel")
    return Kernel.of(weights, (y, x))


def _weight(word: str) -> float:
    if word.lower() in ("nan", "-"):
        return 0.0
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"{word!r} is not a weight: a number, or nan for none") from None
    if not math.isfinite(value):
        raise ValueError(f"a weight must be finite, got {word!r}")
    return value


def _named(name: str, args: str) -> Kernel:
    words = [word for word in re.split(r"[,x\s]+", args.strip()) if word]
    values = [_weight(word) for word in words]
    make, most, usage = NAMES[name]
    if len(values) > most:
        raise ValueError(f"{name!r} is written {usage!r}, got {f'{name}:{args}'!r}")
    try:
        return make(*values)
    except ValueError as error:
        raise ValueError(f"{name}:{args}: {error}; it is written {usage!r}") from None


def _unity(scale: float = 1.0) -> Kernel:
    return Kernel.of([[scale]])


def _radius(radius: float) -> int:
    if not 0 <= radius <= 1000:
        raise ValueError(f"a radius is from 0 to 1000, got {radius:g}")
    return int(radius)


def _gaussian(radius: float = 0.0, sigma: float = 1.0) -> Kernel:
    """Samples of the Gaussian over their sum; radius 0 reaches as far as a weight is over one step of 16 bits."""
    if not 0 < sigma <= 200:
        raise ValueError(f"sigma is over 0 and at most 200, got {sigma:g}")
    reach = _radius(radius) or _gaussian_reach(sigma)
    taps = _gaussian_taps(sigma, reach)
    return Kernel.of(np.multiply.outer(taps, taps))


def _gaussian_taps(sigma: float, reach: int) -> Weights:
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.asarray(taps / taps.sum())


def _gaussian_reach(sigma: float) -> int:
    reach = 2
    while True:
        taps = _gaussian_taps(sigma, reach)
        if taps[0] * taps[reach] < 1 / 65535:
            return reach - 1
        reach += 1


def _binomial(radius: float = 1.0) -> Kernel:
    order = 2 * (_radius(radius) or 1)
    if order > 1000:
        raise ValueError(f"a radius is at most 500, got {radius:g}")
    row = np.array([math.comb(order, k) for k in range(order + 1)], np.float64)
    return Kernel.of(np.multiply.outer(row, row))


def _square(radius: float = 1.0, scale: float = 1.0) -> Kernel:
    size = 2 * (_radius(radius) or 1) + 1
    return Kernel.of(np.full((size, size), scale))


def _diamond(radius: float = 1.0, scale: float = 1.0) -> Kernel:
    reach = _radius(radius) or 1
    v = np.abs(np.arange(-reach, reach + 1))
    return Kernel.of(np.where(v[:, None] + v[None, :] <= reach, scale, 0.0))


def _compass_kernel(rows: list[list[float]]) -> Callable[..., Kernel]:
    """A 3x3 kernel that turns clockwise by multiples of 45 degrees: its ring of eight moves on by one each."""
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]

    def make(angle: float = 0.0) -> Kernel:
        if angle % 45:
            raise ValueError(f"the angle is a multiple of 45, got {angle:g}")
        weights = np.array(rows, np.float64)
        moved = weights.copy()
        for k, place in enumerate(ring):
            moved[ring[(k + int(angle) // 45) % 8]] = weights[place]
        return Kernel.of(moved)

    return make


_QUARTERS: dict[int, list[list[float]]] = {  # the upper left quarter, mirrored to the whole
    0: [[-1, -1], [-1, 8]],
    1: [[0, -1], [-1, 4]],
    2: [[-2, 1], [1, 4]],
    3: [[1, -2], [-2, 4]],
    5: [[-4, -1, 0], [-1, 2, 3], [0, 3, 4]],
    7: [[-10, -5, -2, -1], [-5, 0, 3, 4], [-2, 3, 6, 7], [-1, 4, 7, 8]],
    15: [[0, 0, -1], [0, -1, -2], [-1, -2, 16]],
    19: [
        [0, -1, -1, -2, -2],
        [-1, -2, -4, -5, -5],
        [-1, -4, -5, -3, 0],
        [-2, -5, -3, 12, 24],
        [-2, -5, 0, 24, 40],
    ],
}


def _laplacian(kind: float = 0.0) -> Kernel:
    if kind not in _QUARTERS:
        raise ValueError(f"there are the kinds {', '.join(map(str, _QUARTERS))}, got {kind:g}")
    quarter = np.array(_QUARTERS[int(kind)], np.float64)
    half = np.hstack([quarter, quarter[:, -2::-1]])
    return Kernel.of(np.vstack([half, half[-2::-1]]))


_ROOT = math.sqrt(2.0)
NAMES: dict[str, tuple[Callable[..., Kernel], int, str]] = {
    "unity": (_unity, 1, "Unity:scale"),
    "gaussian": (_gaussian, 2, "Gaussian:radius,sigma"),
    "binomial": (_binomial, 1, "Binomial:radius"),
    "square": (_square, 2, "Square:radius,scale"),
    "diamond": (_diamond, 2, "Diamond:radius,scale"),
    "laplacian": (_laplacian, 1, "Laplacian:kind"),
    "sobel": (_compass_kernel([[1, 0, -1], [2, 0, -2], [1, 0, -1]]), 1, "Sobel:angle"),
    "prewitt": (_compass_kernel([[1, 0, -1], [1, 0, -1], [1, 0, -1]]), 1, "Prewitt:angle"),
    "roberts": (_compass_kernel([[0, 0, 0], [1, -1, 0], [0, 0, 0]]), 1, "Roberts:angle"),
    "compass": (_compass_kernel([[1, 1, -1], [1, -2, -1], [1, 1, -1]]), 1, "Compass:angle"),
    "kirsch": (_compass_kernel([[5, -3, -3], [5, 0, -3], [5, -3, -3]]), 1, "Kirsch:angle"),
    "freichen": (_compass_kernel([[1, 0, -1], [_ROOT, 0, -_ROOT], [1, 0, -1]]), 1, "FreiChen:angle"),
}
"""Lower-case name: what makes it of its arguments, how many those are at most, and how it is written."""
