"""scikit-image: mostly SciPy underneath; float images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from imgfilt.bench.case import Case, Contender, Image

_TOLERANCE = 2e-6


def load() -> Any:
    """The module of filters. Raises ImportError."""
    return import_module("skimage.filters")


def contenders(case: Case) -> Iterator[Contender]:
    """What it has for the case: Gaussian blur, unsharp mask, Sobel's magnitude, integral image; of floats."""
    filters = load()
    if case.dtype != "float32":
        return
    axis = -1 if case.channels > 1 else None
    if case.filter == "gaussian":
        yield Contender("gaussian", lambda image, _: partial(
            filters.gaussian, image, case.params["sigma"], mode="mirror", out=np.empty_like(image), channel_axis=axis
        ), _TOLERANCE)  # fmt: skip
    if case.filter == "unsharp_mask" and case.channels == 1:  # its border is SciPy's reflect
        yield Contender("unsharp_mask", lambda image, _: partial(
            filters.unsharp_mask, image, 1.0, 1.0, preserve_range=True
        ), _TOLERANCE, margin=8)  # fmt: skip
    if case.name == "sobel magnitude" and case.channels == 1:
        yield Contender("sobel", lambda image, _: partial(filters.sobel, image, mode="mirror"), _TOLERANCE,
                        as_ours=_sobel_as_ours)  # fmt: skip
    if case.filter == "integral":
        transform = import_module("skimage.transform")
        yield Contender("integral_image", lambda image, _: partial(
            transform.integral_image, image, dtype=np.float64
        ), 2e-6, as_ours=_with_zeros) if case.channels == 1 else Contender(
            "integral_image", lambda image, _: lambda: [
                transform.integral_image(image[..., c], dtype=np.float64) for c in range(case.channels)
            ], 2e-6, as_ours=lambda sums: _with_zeros(np.stack(sums, axis=-1)))  # fmt: skip


def _sobel_as_ours(found: Image) -> Image:
    """Its weights are a quarter of Sobel's, its magnitude the root of the mean of the squares."""
    return np.asarray(found * np.float32(4 * 2**0.5), np.float32)


def _with_zeros(sums: Image) -> Image:
    return np.pad(sums, ((1, 0), (1, 0), *[(0, 0)] * (sums.ndim - 2)))
