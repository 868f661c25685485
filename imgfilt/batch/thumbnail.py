"""Small pictures of large ones."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import Picture
from imgfilt.io.writer import encode, fit

_QUALITY = 80
_SAMPLES = 3  # along each side of a pixel of the small picture


@dataclass(frozen=True)
class Seen:
    """Thumbnails of a picture before and after: media types and contents."""

    before: tuple[str, bytes]
    after: tuple[str, bytes]


def looking(size: int) -> Callable[[Picture, Picture], Seen]:
    """What `Work.look` is for a report."""
    return lambda before, after: Seen(thumbnail(before, size), thumbnail(after, size))


def thumbnail(picture: Picture, size: int) -> tuple[str, bytes]:
    """The media type and bytes of a picture at most `size` pixels wide and high: a JPEG, or a PNG with alpha.

    Values of floats that leave 0 to 1, and signed ones, are stretched to what they span; nothing else is done to
    brightness.

    >>> kind, content = thumbnail(Picture(np.zeros((600, 800, 3), np.uint8)), 200)
    >>> kind, content[:2]
    ('image/jpeg', b'\\xff\\xd8')
    """
    kind = "png" if picture.has_alpha else "jpeg"
    small = _eight_bits(shrink(picture.array, size), picture.array.dtype)
    file = io.BytesIO()
    encode(file, fit(Picture(small, picture.has_alpha), kind)[0], kind, _QUALITY)
    return f"image/{kind}", file.getvalue()


def size_for(files: int) -> int:
    """Pixels along the long side, so that a report of very many files can still be opened."""
    return 320 if files <= 1000 else 192 if files <= 5000 else 128


def shrink(array: NDArray[Any], size: int) -> NDArray[Any]:
    """`array` (H, W[, C]) with means of blocks, at most `size` high and wide; of large blocks a few samples.

    >>> shrink(np.arange(8.0).reshape(2, 4), 2).tolist()
    [[2.5, 4.5]]
    """
    skip = -(-max(array.shape[:2]) // (size * _SAMPLES))
    array = array[::skip, ::skip]
    step = -(-max(array.shape[:2]) // size)
    if step == 1:
        return array
    for axis in (0, 1):  # a thin picture's short side may be less than a block
        block = min(step, array.shape[axis])
        whole = array.shape[axis] // block * block
        array = np.moveaxis(array, axis, 0)[:whole]
        array = np.moveaxis(array.reshape(-1, block, *array.shape[1:]).mean(1, dtype=np.float32), 0, axis)
    return array


def _eight_bits(small: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[np.uint8]:
    """Values of pixels of `dtype` as 0 to 255."""
    small = np.nan_to_num(small.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = 0.0, float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0
    if dtype.kind != "u" and (small.min() < low or small.max() > high):
        low, high = float(small.min()), float(small.max())
    scaled = (np.clip(small, low, high) - low) * (255 / ((high - low) or 1))
    pixels: NDArray[np.uint8] = np.rint(scaled).astype(np.uint8)
    return pixels
