"""What is compared: a case is one piece of work, a contender one way of doing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
Run = Callable[[], Image]
"""Does the work once more, into the same array each time, and gives that array."""


class MissingPackageError(ImportError):
    """A package that only benchmarks need is not installed."""


@dataclass(frozen=True)
class Contender:
    """One way to do a case's work.

    prepare    (image, threads) allocates the destination and every temporary, so that a run allocates nothing that it
               need not
    tolerance  how far the result may be from ours: in steps of an integer dtype; for floats, as a share of the
               response's scale. None where it is another definition, that is timed but cannot be compared
    margin     pixels along the border that are not compared, where its border is another
    as_ours    makes our kind of array of its result, before it is compared and outside the time
    """

    name: str
    prepare: Callable[[Image, int], Callable[[], Any]]
    tolerance: float | None = 0.0
    margin: int = 0
    as_ours: Callable[[Any], Image] = np.asarray


@dataclass(frozen=True)
class Case:
    """What makes a row of the benchmark at every size: what we run, and OpenCV's ways to do it.

    params    what other packages need to do the same
    scale     the response's scale for float images: the sum of the kernel's absolute weights
    products  multiply-adds for each pixel (all channels) by the plain definition, separable filters as two passes;
              0 where the filter has none
    large     whether it is run on 100 megapixels too
    """

    name: str
    filter: str
    dtype: str
    channels: int
    ours: Callable[[Image, int], Run]
    rivals: tuple[Contender, ...]
    scale: float = 1.0
    products: float = 0.0
    large: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)

    def shape(self, width: int, height: int) -> tuple[int, ...]:
        """The shape of the image that this case filters."""
        return (height, width) if self.channels == 1 else (height, width, self.channels)


def picture(shape: tuple[int, ...], dtype: str, seed: int = 1) -> Image:
    """A picture for timing: clouds of all sizes, straight edges and sensor noise, over the dtype's range.

    Neither flat nor pure noise: the time of median, bilateral and Canny depends on what they see.

    >>> picture((4, 6, 3), "uint8").shape
    (4, 6, 3)
    """
    rng = np.random.default_rng(seed)
    height, width = shape[:2]
    channels = shape[2] if len(shape) == 3 else 1
    field = np.zeros((height, width, channels), np.float32)
    cell, weight = 256, 0.5
    while cell >= 4:
        coarse = rng.random((height // cell + 2, width // cell + 2, channels), dtype=np.float32)
        field += weight * _enlarged(coarse, height, width, cell)
        cell //= 4
        weight *= 0.5
    field += 0.25 * ((np.arange(height)[:, None] // 97 + np.arange(width) // 131) % 2)[..., None]
    field += rng.standard_normal(field.shape, dtype=np.float32) * np.float32(0.012)
    low, high = float(field.min()), float(field.max())
    field = ((field - low) / max(high - low, 1e-6)).reshape(shape)
    if dtype.startswith("float"):
        return np.asarray(field, dtype)
    return np.asarray(np.rint(field * np.iinfo(dtype).max), dtype)


def _enlarged(coarse: Image, height: int, width: int, cell: int) -> Image:
    """Linear interpolation of a grid whose points lie `cell` pixels apart."""
    y, x = np.arange(height) / cell, np.arange(width) / cell
    row, column = y.astype(int), x.astype(int)
    fy, fx = (y - row).astype(np.float32)[:, None, None], (x - column).astype(np.float32)[:, None]
    lines = coarse[row] * (1 - fy) + coarse[row + 1] * fy
    found: Image = lines[:, column] * (1 - fx) + lines[:, column + 1] * fx
    return found
