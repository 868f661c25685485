"""scipy.ndimage: one thread, sums in float64. Of integers it truncates results, so floats and medians are compared."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from imgfilt.bench.case import Case, Contender, Image, Run

_TOLERANCE = 2e-6


def load() -> Any:
    """The module. Raises ImportError."""
    return import_module("scipy.ndimage")


def contenders(case: Case) -> Iterator[Contender]:
    """What it has for the case: Gaussian, box and median blurs, any kernel, Sobel's magnitude."""
    ndimage = load()
    if case.filter == "median":
        size = case.params["size"]
        yield Contender("median_filter", lambda image, _: partial(
            ndimage.median_filter, image, _square(size, image), output=np.empty_like(image), mode="nearest"
        ))  # fmt: skip
    if case.dtype != "float32":
        return
    if case.filter == "gaussian":
        sigma = case.params["sigma"]
        yield Contender("gaussian_filter", lambda image, _: partial(
            ndimage.gaussian_filter, image, sigma, output=np.empty_like(image), mode="mirror", axes=(0, 1)
        ), _TOLERANCE)  # fmt: skip
    if case.filter == "box":
        size = case.params["size"]
        yield Contender("uniform_filter", lambda image, _: partial(
            ndimage.uniform_filter, image, _square(size, image), output=np.empty_like(image), mode="mirror"
        ), _TOLERANCE)  # fmt: skip
    if case.filter == "correlate":
        kernel = case.params["kernel"]
        yield Contender("correlate", lambda image, _: partial(
            ndimage.correlate, image, kernel.reshape(*kernel.shape, *[1] * (image.ndim - 2)),
            output=np.empty_like(image), mode="mirror"
        ), _TOLERANCE)  # fmt: skip
    if case.name == "sobel magnitude" and case.channels == 1:
        yield Contender("sobel twice, hypot", _sobel, _TOLERANCE)


def _square(size: int, image: Image) -> tuple[int, ...]:
    return (size, size, 1)[: image.ndim]


def _sobel(image: Image, _threads: int) -> Run:
    ndimage = load()
    x, y, out = (np.empty_like(image) for _ in range(3))

    def run() -> Image:
        ndimage.sobel(image, 1, x, "mirror")
        ndimage.sobel(image, 0, y, "mirror")
        return np.hypot(x, y, out=out)

    return run
