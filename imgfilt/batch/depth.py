"""Results in 8, 16 or 32 bits a sample, as asked for: white stays white."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt.io.errors import NotStorableError

DTYPES = {8: "uint8", 16: "uint16", 32: "float32"}
_HOLD = {8: None, 16: ("png", "tiff"), 32: ("tiff",)}


def computed_in(dtype: str, bits: int) -> str | None:
    """The dtype that a filter must give so that `bits` are really there; None: the image's own."""
    return "float32" if np.dtype(dtype).itemsize * 8 < bits else None


def convert(array: NDArray[Any], source: str, bits: int) -> NDArray[Any]:
    """`array`, whose white is that of the dtype `source`, in `bits` a sample; floats are 0 to 1.

    >>> convert(np.array([0.0, 127.5, 255.0, 300.0], np.float32), "uint8", 16)
    array([    0, 32768, 65535, 65535], dtype=uint16)
    >>> convert(np.array([0, 257, 65535], np.uint16), "uint16", 8)
    array([  0,   1, 255], dtype=uint8)
    """
    dtype = DTYPES[bits]
    if array.dtype == dtype and (source == dtype or bits != 32):
        return array
    white = 1.0 if source == "float32" else float(np.iinfo(source).max)
    if bits == 32:
        return array.astype(np.float32) / np.float32(white)
    full = float(np.iinfo(dtype).max)
    clean = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=white, neginf=0.0)
    scaled: NDArray[Any] = np.rint(np.clip(clean * (full / white), 0.0, full)).astype(dtype)
    return scaled


def check(bits: int, kind: str, target: str) -> None:
    """`NotStorableError` where a format has no such samples."""
    holders = _HOLD[bits]
    if holders is not None and kind not in holders:
        raise NotStorableError(
            f"'{target}': {kind} holds no {bits} bits a sample; {' and '.join(holders)} do"
        )
