"""Derivatives, their magnitude, Laplacian, differences of Gaussians, Canny."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from imgfilt.bench.case import Contender, Image, Run
from imgfilt.bench.opencv.chain import Make, chain, gray_of, magnitude_of, tolerance_of
from imgfilt.bench.opencv.library import opencv


def magnitude(operator: str, dtype: str, blur: float | None = None) -> Iterator[Contender]:
    """Gradient magnitude of gray by "Sobel" or "Scharr", after a Gaussian of sigma `blur`."""
    cv2 = opencv()
    gradient, tolerance = getattr(cv2, operator), tolerance_of(dtype)
    if blur is not None and dtype == "uint16":
        tolerance = 12.0  # blurs of uint16 may differ by 1, as OpenCV rounds the taps, and Sobel sums 8 of them a side
    before = "" if blur is None else "GaussianBlur, "

    def gray_after_blur(image: Image) -> Callable[[], Image]:
        if blur is None:
            return gray_of(image)
        soft = np.empty_like(image)
        to_gray = gray_of(soft)

        def run() -> Image:
            cv2.GaussianBlur(image, (0, 0), blur, soft)
            return to_gray()

        return run

    def floats(image: Image) -> Run:
        gray, out = gray_after_blur(image), np.empty(image.shape[:2], image.dtype)
        x, y = (np.empty(out.shape, np.float32) for _ in range(2))
        length = magnitude_of(x, y, out)

        def run() -> Image:
            source = gray()
            gradient(source, cv2.CV_32F, 1, 0, x)
            gradient(source, cv2.CV_32F, 0, 1, y)
            return length()

        return run

    def shorts(both: Callable[[Image, Image, Image], object]) -> Make:
        def make(image: Image) -> Run:
            gray, out = gray_after_blur(image), np.empty(image.shape[:2], image.dtype)
            x, y = (np.empty(out.shape, np.int16) for _ in range(2))
            fx, fy = (np.empty(out.shape, np.float32) for _ in range(2))
            length = magnitude_of(fx, fy, out)

            def run() -> Image:
                both(gray(), x, y)
                np.copyto(fx, x)
                np.copyto(fy, y)
                return length()

            return run

        return make

    def roots(image: Image) -> Run:
        gray, out = gray_after_blur(image), np.empty(image.shape[:2], np.uint8)
        x, y = (np.empty(out.shape, np.int16) for _ in range(2))
        xx, yy = (np.empty(out.shape, np.float32) for _ in range(2))

        def run() -> Image:
            cv2.spatialGradient(gray(), x, y)
            cv2.multiply(x, x, xx, dtype=cv2.CV_32F)
            cv2.multiply(y, y, yy, dtype=cv2.CV_32F)
            cv2.add(xx, yy, xx)
            cv2.sqrt(xx, xx)
            return cv2.convertScaleAbs(xx, out)  # type: ignore[no-any-return]

        return run

    def two_calls(gray: Image, x: Image, y: Image) -> None:
        gradient(gray, cv2.CV_16S, 1, 0, x)
        gradient(gray, cv2.CV_16S, 0, 1, y)

    yield chain(f"{before}{operator} 32F, magnitude", floats, tolerance)
    if dtype == "uint8":
        yield chain(f"{before}{operator} 16S, magnitude", shorts(two_calls), tolerance)
        if operator == "Sobel":
            together = partial(shorts, lambda gray, x, y: cv2.spatialGradient(gray, x, y))
            yield chain(f"{before}spatialGradient, magnitude", together(), tolerance)
            yield chain(f"{before}spatialGradient, sqrt", roots, tolerance)


def derivative(dtype: str) -> Iterator[Contender]:
    """Sobel along x: of uint8 into int16, else into float32."""
    cv2 = opencv()
    depth, made = (cv2.CV_16S, np.int16) if dtype == "uint8" else (cv2.CV_32F, np.float32)
    column, row = np.array([1, 2, 1], np.float32), np.array([-1, 0, 1], np.float32)

    def sobel(image: Image) -> Run:
        return partial(cv2.Sobel, image, depth, 1, 0, np.empty(image.shape, made))

    def separable(image: Image) -> Run:
        return partial(cv2.sepFilter2D, image, depth, row, column, np.empty(image.shape, made))

    yield chain("Sobel", sobel, 2e-6)
    yield chain("sepFilter2D", separable, 2e-6)


def laplacian(dtype: str) -> Iterator[Contender]:
    """Laplacian with the 4-neighbour kernel, saturated."""
    cv2 = opencv()
    kernel = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)
    tolerance = tolerance_of(dtype) if dtype == "float32" else 0.0
    yield chain("Laplacian", lambda image: partial(cv2.Laplacian, image, -1, np.empty_like(image)), tolerance)
    yield chain(
        "filter2D", lambda image: partial(cv2.filter2D, image, -1, kernel, np.empty_like(image)), tolerance
    )


def difference_of_gaussians(dtype: str, taps: tuple[Image, Image], gain: float) -> Iterator[Contender]:
    """The difference of two blurs of gray, by taps, in floats; without its sign and times `gain`."""
    cv2 = opencv()
    depth = {"uint8": cv2.CV_8U, "uint16": cv2.CV_16U, "float32": cv2.CV_32F}[dtype]

    def blurs_of(as_floats: bool) -> Make:
        def make(image: Image) -> Run:
            gray, out = gray_of(image), np.empty(image.shape[:2], image.dtype)
            source, low, high = (np.empty(out.shape, np.float32) for _ in range(3))

            def run() -> Image:
                pixels = gray()
                if as_floats:
                    np.copyto(source, pixels)
                    pixels = source
                cv2.sepFilter2D(pixels, cv2.CV_32F, taps[0], taps[0], low)
                cv2.sepFilter2D(pixels, cv2.CV_32F, taps[1], taps[1], high)
                cv2.absdiff(low, high, low)
                if dtype == "uint8":
                    return cv2.convertScaleAbs(low, out, gain)  # type: ignore[no-any-return]
                return cv2.multiply(low, gain, out, dtype=depth)  # type: ignore[no-any-return]

            return run

        return make

    yield chain("sepFilter2D 32F twice, absdiff", blurs_of(False), tolerance_of(dtype))
    if dtype != "float32":
        yield chain("to 32F, sepFilter2D twice, absdiff", blurs_of(True), tolerance_of(dtype))


def canny() -> Iterator[Contender]:
    """Canny with the thresholds 100 and 200, and no blur."""
    cv2 = opencv()

    def direct(image: Image) -> Run:
        gray, out = gray_of(image), np.empty(image.shape[:2], np.uint8)
        return lambda: cv2.Canny(gray(), 100, 200, out)

    def from_gradients(image: Image) -> Run:
        gray, out = gray_of(image), np.empty(image.shape[:2], np.uint8)
        x, y = (np.empty(out.shape, np.int16) for _ in range(2))

        def run() -> Image:
            cv2.spatialGradient(gray(), x, y, borderType=cv2.BORDER_REPLICATE)
            return cv2.Canny(x, y, 100, 200, out)  # type: ignore[no-any-return]

        return run

    yield chain("Canny", direct)
    yield chain("spatialGradient, Canny", from_gradients)
