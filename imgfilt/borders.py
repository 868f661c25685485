"""What lies beyond the edge of an image: names, and the index that stands for one outside.

reflect101  gfedcb|abcdefgh|gfedcba     (the default; NumPy and SciPy: mirror)
reflect     fedcba|abcdefgh|hgfedcb     (NumPy: symmetric)
replicate   aaaaaa|abcdefgh|hhhhhhh     (SciPy: nearest, NumPy: edge)
wrap        cdefgh|abcdefgh|abcdefg     (SciPy: grid-wrap)
constant    iiiiii|abcdefgh|iiiiiii     (`cval`)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
DOUBLED = "doubled"
"""reflect101 of the image enlarged twice, as `pyr_up` has it: dcb|abcd|dcba. No name that users can give."""
NATIVE = (*BORDERS, DOUBLED)
"""In the order of the native core."""
_ALIASES = {
    "mirror": "reflect101",
    "reflect_101": "reflect101",
    "symmetric": "reflect",
    "nearest": "replicate",
    "edge": "replicate",
    "grid-wrap": "wrap",
    "grid-mirror": "reflect",
    "grid-constant": "constant",
}


def names() -> tuple[str, ...]:
    """Every name that a border has."""
    return (*BORDERS, *_ALIASES)


def canonical(border: str) -> str:
    """The name of `border` as this package writes it.

    Raises ValueError for an unknown name.

    >>> canonical("nearest")
    'replicate'
    """
    if border in BORDERS:
        return border
    name = _ALIASES.get(border) if isinstance(border, str) else None
    if name is None:
        raise ValueError(
            f"border must be one of {', '.join(BORDERS)} (or {', '.join(_ALIASES)}), got {border!r}"
        )
    return name


def index_map(start: int, stop: int, size: int, border: str) -> NDArray[np.int64]:
    """For each index in start..stop-1 the one in 0..size-1 that stands for it; -1 is the constant."""
    i = np.arange(start, stop, dtype=np.int64)
    if border == "replicate":
        return i.clip(0, size - 1)
    if border == "wrap":
        return i % size
    if border == "constant":
        return np.where((i < 0) | (i >= size), -1, i)
    if border == "reflect":
        j = i % (2 * size)
        return np.minimum(j, 2 * size - 1 - j)
    if size == 1:
        return np.zeros_like(i)
    j = i % (2 * size - 2)
    return np.minimum(j, 2 * size - 2 - j)


def extend(
    image: NDArray[Any],
    rows: tuple[int, int],
    columns: tuple[int, int],
    border: str,
    cval: float,
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    """The part of an (H, W, C) image between `rows` and `columns`, which may lie outside, as `dtype`."""
    y = index_map(*rows, image.shape[0], border)
    x = index_map(*columns, image.shape[1], border)
    # Most columns lie inside, side by side: those are copied, only the others are looked up one by one.
    first = min(max(-columns[0], 0), x.size)
    last = max(min(columns[1], image.shape[1]) - columns[0], first)
    part = np.empty((y.size, x.size, image.shape[2]), dtype)
    part[:, first:last] = image[y, columns[0] + first : columns[0] + last]
    for beyond in (slice(0, first), slice(last, x.size)):
        part[:, beyond] = image[y[:, None], x[beyond]]
    if border == "constant":
        value = saturate(cval, image.dtype)
        part[y < 0] = value
        part[:, x < 0] = value
    return part


def saturate(value: float, dtype: np.dtype[Any]) -> float:
    """`value` as an element of `dtype`, rounded half to even and saturated for integers."""
    if dtype.kind not in "iu":
        return float(dtype.type(value))
    limits = np.iinfo(dtype)
    return float(min(max(np.rint(value), limits.min), limits.max))
