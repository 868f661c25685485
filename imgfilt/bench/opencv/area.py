"""Median, bilateral, sums, and the levels of a pyramid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from imgfilt.bench.case import Contender, Image, Run
from imgfilt.bench.opencv.chain import chain, tolerance_of
from imgfilt.bench.opencv.library import opencv


def median(size: int) -> Contender:
    """Median of a square."""
    cv2 = opencv()
    return chain("medianBlur", lambda image: partial(cv2.medianBlur, image, size, np.empty_like(image)))


def bilateral(dtype: str, diameter: int, color: float, space: float) -> Contender:
    """Bilateral filter. Of floats OpenCV interpolates the weights in a table: right to some 1e-4."""
    cv2 = opencv()

    def make(image: Image) -> Run:
        return partial(cv2.bilateralFilter, image, diameter, color, space, np.empty_like(image))

    return chain("bilateralFilter", make, 2e-4 if dtype == "float32" else 1.0)


def integral(dtype: str) -> Iterator[Contender]:
    """The summed-area table. OpenCV has sums of uint16 in float64 only, which holds them exactly here."""
    cv2 = opencv()
    depth, made = (cv2.CV_32S, np.int32) if dtype == "uint8" else (cv2.CV_64F, np.float64)

    def make(image: Image) -> Run:
        height, width = image.shape[:2]
        return partial(cv2.integral, image, np.empty((height + 1, width + 1, *image.shape[2:]), made), depth)

    found = chain("integral", make, 2e-6)
    yield replace(found, as_ours=_whole) if dtype == "uint16" else found


def _whole(sums: Image) -> Image:
    """In the narrowest integers that hold sums of uint16 over so many pixels, as ours are."""
    pixels = (sums.shape[0] - 1) * (sums.shape[1] - 1)
    return sums.astype(np.int32 if pixels * 65535 < 2**31 else np.int64)


def pyr_down(dtype: str) -> Contender:
    """One level down a pyramid."""
    cv2 = opencv()

    def make(image: Image) -> Run:
        half = tuple((n + 1) // 2 for n in image.shape[:2])
        return partial(cv2.pyrDown, image, np.empty((*half, *image.shape[2:]), image.dtype))

    return chain("pyrDown", make, tolerance_of(dtype) if dtype == "float32" else 0.0)


def pyr_up(dtype: str) -> Contender:
    """One level up a pyramid."""
    cv2 = opencv()

    def make(image: Image) -> Run:
        double = tuple(2 * n for n in image.shape[:2])
        return partial(cv2.pyrUp, image, np.empty((*double, *image.shape[2:]), image.dtype))

    return chain("pyrUp", make, tolerance_of(dtype) if dtype == "float32" else 0.0)
