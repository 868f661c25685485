"""The orders of a batch's axes: N images, C channels, H rows, W columns.

NCHW    (N, C, H, W)
NHWC    (N, H, W, C)
CHWN    (C, H, W, N)
CHWN8   (N / 8, C, H, W, 8): blocks of eight images, the images of a block side by side
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LAYOUTS = ("NCHW", "NHWC", "CHWN", "CHWN8")
BLOCK = 8
_ORDER = {"NCHW": (0, 1, 2, 3), "NHWC": (0, 2, 3, 1), "CHWN": (1, 2, 3, 0)}


def check_layout(layout: object) -> str:
    """`layout` if it is one of the four.

    Raises ValueError with the list of them.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    return str(layout)


def axes(layout: str) -> str:
    """The axes in words, for messages."""
    return "(N / 8, C, H, W, 8)" if layout == "CHWN8" else f"({', '.join(layout)})"


def shape(layout: str, n: int, c: int, h: int, w: int) -> tuple[int, ...]:
    """The shape of an array in this layout.

    >>> shape("NHWC", 8, 3, 20, 30)
    (8, 20, 30, 3)
    """
    if layout == "CHWN8":
        return (n // BLOCK, c, h, w, BLOCK)
    sizes = (n, c, h, w)
    return tuple(sizes[i] for i in _ORDER[layout])


def sizes(layout: str, array_shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(N, C, H, W) of an array in this layout.

    Raises ValueError for shapes that are not of the layout.
    """
    wanted = 5 if layout == "CHWN8" else 4
    if len(array_shape) != wanted or (layout == "CHWN8" and array_shape[4] != BLOCK):
        raise ValueError(f"x in layout {layout} must have shape {axes(layout)}, got {array_shape}")
    if layout == "CHWN8":
        b, c, h, w, _ = array_shape
        return b * BLOCK, c, h, w
    found = dict(zip(layout, array_shape, strict=True))
    return found["N"], found["C"], found["H"], found["W"]


def to_nchw(array: Array, layout: str) -> Array:
    """The array as (N, C, H, W): a view, but for CHWN8 a copy.

    >>> to_nchw(np.zeros((2, 4, 5, 3)), "NHWC").shape
    (2, 3, 4, 5)
    """
    if layout == "CHWN8":
        b, c, h, w, _ = array.shape
        return np.ascontiguousarray(array.transpose(0, 4, 1, 2, 3)).reshape(b * BLOCK, c, h, w)
    return array.transpose(np.argsort(_ORDER[layout]))


def from_nchw(array: Array, layout: str) -> Array:
    """An (N, C, H, W) array in this layout: a view, but for CHWN8 a copy, its batch filled up with zeros.

    >>> from_nchw(np.zeros((3, 1, 4, 5)), "CHWN8").shape
    (1, 1, 4, 5, 8)
    """
    if layout == "CHWN8":
        n, c, h, w = array.shape
        blocks = -(-n // BLOCK)
        full = np.zeros((blocks * BLOCK, c, h, w), array.dtype)
        full[:n] = array
        return np.ascontiguousarray(full.reshape(blocks, BLOCK, c, h, w).transpose(0, 2, 3, 4, 1))
    return array.transpose(_ORDER[layout])


def as_batch(array: Array, layout: str) -> Array:
    """A view (outer, inner, C, H, W) of an array in any layout; image n is (n // inner, n % inner).

    >>> as_batch(np.zeros((2, 3, 4, 5, 8)), "CHWN8").shape
    (2, 8, 3, 4, 5)
    """
    if layout == "CHWN8":
        return array.transpose(0, 4, 1, 2, 3)
    return to_nchw(array, layout)[:, None]
