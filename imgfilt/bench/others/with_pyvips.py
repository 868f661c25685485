"""libvips through pyvips: images in memory, its threads as many as ours; its border repeats the edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from math import exp
from typing import Any

import numpy as np

from imgfilt.bench.case import Case, Contender, Image, Run
from imgfilt.generators import gaussian_size


def load() -> Any:
    """The module. Raises ImportError, and OSError where it does not find libvips."""
    return import_module("pyvips")


def contenders(case: Case) -> Iterator[Contender]:
    """What it has for the case: Gaussian blur, Sobel, median, integer kernels; of 8 bits."""
    if case.dtype != "uint8":
        return
    if case.filter == "gaussian":
        sigma = case.params["sigma"]
        margin = gaussian_size(sigma, case.dtype) // 2
        least = max(0.001, exp(-0.5 * (margin / sigma) ** 2))  # so that the kernel is as long as ours
        yield _operation("gaussblur", lambda image: image.gaussblur(sigma, min_ampl=least), None)
    if (
        case.name == "sobel magnitude" and case.channels == 1
    ):  # of 8 bits: half the sum of the absolute gradients
        yield _operation("sobel", lambda image: image.sobel(), None)
    if case.name == "median 3":  # the larger ones of libvips 8.14 are no medians of squares
        yield _operation("median", lambda image: image.median(3), 0)
    if case.name.startswith("integer"):
        kernel = case.params["kernel"]
        yield _operation(
            "conv", lambda image: image.conv(kernel.tolist(), precision="integer"), 0, margin=len(kernel) // 2
        )


def _operation(name: str, made: Callable[[Any], Any], tolerance: float | None, margin: int = 0) -> Contender:
    vips = load()
    vips.cache_set_max(0)  # else the second call is only looked up

    def prepare(image: Image, threads: int) -> Run:
        vips.vips_lib.vips_concurrency_set(threads)
        source = vips.Image.new_from_array(image)
        return lambda: made(source).copy_memory()

    def as_ours(found: Any) -> Image:
        pixels: Image = found.numpy()
        return pixels if pixels.dtype == np.uint8 else np.clip(np.rint(pixels), 0, 255).astype(np.uint8)

    return Contender(name, prepare, tolerance, margin, as_ours)
