"""EXIF orientation applied to pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def apply_orientation(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The upright picture of `array` (H, W[, C]) stored with EXIF `orientation` 1 to 8, contiguous.

    >>> apply_orientation(np.array([[1, 2], [3, 4]]), 6).tolist()
    [[3, 1], [4, 2]]
    """
    if orientation == 1:
        return array
    if array.ndim == 2:
        return np.ascontiguousarray(_turned(array, orientation))
    # a pixel moved as one item: a third of the time of moving its channels
    channels = array.shape[2]
    pixels = np.ascontiguousarray(array).view(f"V{array.itemsize * channels}")[..., 0]
    turned = np.ascontiguousarray(_turned(pixels, orientation))
    return turned[..., None].view(array.dtype)


def _turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def oriented_shape(shape: tuple[int, ...], orientation: int) -> tuple[int, ...]:
    """The shape after `apply_orientation`."""
    return (shape[1], shape[0], *shape[2:]) if orientation >= 5 else shape
