"""Any kernel, Gaussian and box blurs, unsharp masking."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from imgfilt.bench.case import Contender, Image, Run
from imgfilt.bench.opencv.chain import Make, chain, tolerance_of
from imgfilt.bench.opencv.library import opencv
from imgfilt.generators import LARGEST_FIXED


def filter2d(kernel: Image, tolerance: float, bias: float = 0.0) -> Contender:
    """Correlation with a kernel."""
    cv2 = opencv()

    def make(image: Image) -> Run:
        return partial(cv2.filter2D, image, -1, kernel, np.empty_like(image), (-1, -1), bias)

    return chain("filter2D", make, tolerance)


def gaussian(dtype: str, size: int, sigma: float) -> Iterator[Contender]:
    """Gaussian blur by size and sigma.

    Of uint8 bit-equal as long as both sides have taps of 8 fractional bits; ours are exact for the largest kernels.
    """
    cv2 = opencv()
    near = tolerance_of(dtype)
    fixed = dtype == "uint8" and size <= LARGEST_FIXED

    def blur(hint: int) -> Make:
        return lambda image: partial(
            cv2.GaussianBlur, image, (size, size), sigma, np.empty_like(image), hint=hint
        )

    def separable(image: Image) -> Run:
        taps = cv2.getGaussianKernel(size, sigma, cv2.CV_32F)
        return partial(cv2.sepFilter2D, image, -1, taps, taps, np.empty_like(image))

    yield chain("GaussianBlur", blur(cv2.ALGO_HINT_ACCURATE), 0.0 if fixed else near)
    yield chain("GaussianBlur, approximate", blur(cv2.ALGO_HINT_APPROX), near)
    yield chain("sepFilter2D", separable, near)


def blur(dtype: str, size: int) -> Contender:
    """Mean of a square."""
    cv2 = opencv()
    make: Make = lambda image: partial(cv2.blur, image, (size, size), np.empty_like(image))  # noqa: E731
    return chain("blur", make, 0.0 if dtype == "uint8" else tolerance_of(dtype))


def unsharp(dtype: str) -> Contender:
    """Unsharp mask with sigma 1 and amount 1."""
    cv2 = opencv()

    def make(image: Image) -> Run:
        blurred, out = np.empty_like(image), np.empty_like(image)

        def run() -> Image:
            cv2.GaussianBlur(image, (0, 0), 1.0, blurred)
            return cv2.addWeighted(image, 2.0, blurred, -1.0, 0.0, out)  # type: ignore[no-any-return]

        return run

    return chain("GaussianBlur, addWeighted", make, tolerance_of(dtype))
