"""The other side: for each filter the chains of OpenCV calls that a competent user would write for it.

Every chain writes into arrays made beforehand. Where more than one chain comes to mind all are here; the
benchmark takes the fastest on the machine it runs on. Threads are OpenCV's own setting, made once for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from imgfilt.bench.case import Contender, Image, MissingPackageError, Run


def opencv() -> Any:
    """The module cv2. Raises MissingPackageError where it is not installed."""
    try:
        return import_module("cv2")
    except ImportError as error:
        raise MissingPackageError(
            f'bench compares with OpenCV, which cannot be imported ({error}): pip install "imgfilt[bench]"'
        ) from error


def _chain(name: str, make: Callable[[Image], Run], tolerance: float = 0.0) -> Contender:
    return Contender(name, lambda image, _threads: make(image), tolerance)


def sobel(channels: int) -> Iterator[Contender]:
    """Gradient magnitude of gray, saturated to uint8; colour is made gray first."""
    cv2 = opencv()

    def gray_of(image: Image) -> Callable[[], Image]:
        if channels == 1:
            return lambda: image
        gray = np.empty(image.shape[:2], image.dtype)
        return lambda: cv2.cvtColor(image, cv2.COLOR_RGB2GRAY, gray)

    def floats(image: Image) -> Run:
        to_gray, out = gray_of(image), np.empty(image.shape[:2], np.uint8)
        x, y, length = (np.empty(out.shape, np.float32) for _ in range(3))

        def run() -> Image:
            gray = to_gray()
            cv2.Sobel(gray, cv2.CV_32F, 1, 0, x)
            cv2.Sobel(gray, cv2.CV_32F, 0, 1, y)
            cv2.magnitude(x, y, length)
            return cv2.convertScaleAbs(length, out)  # type: ignore[no-any-return]

        return run

    def shorts(gradient: Callable[[Image, Image, Image], None]) -> Callable[[Image], Run]:
        def make(image: Image) -> Run:
            to_gray, out = gray_of(image), np.empty(image.shape[:2], np.uint8)
            x, y = (np.empty(out.shape, np.int16) for _ in range(2))
            fx, fy, length = (np.empty(out.shape, np.float32) for _ in range(3))

            def run() -> Image:
                gradient(to_gray(), x, y)
                np.copyto(fx, x)
                np.copyto(fy, y)
                cv2.magnitude(fx, fy, length)
                return cv2.convertScaleAbs(length, out)  # type: ignore[no-any-return]

            return run

        return make

    def roots(image: Image) -> Run:
        to_gray, out = gray_of(image), np.empty(image.shape[:2], np.uint8)
        x, y = (np.empty(out.shape, np.int16) for _ in range(2))
        xx, yy = (np.empty(out.shape, np.float32) for _ in range(2))

        def run() -> Image:
            cv2.spatialGradient(to_gray(), x, y)
            cv2.multiply(x, x, xx, dtype=cv2.CV_32F)
            cv2.multiply(y, y, yy, dtype=cv2.CV_32F)
            cv2.add(xx, yy, xx)
            cv2.sqrt(xx, xx)
            return cv2.convertScaleAbs(xx, out)  # type: ignore[no-any-return]

        return run

    def two_sobels(gray: Image, x: Image, y: Image) -> None:
        cv2.Sobel(gray, cv2.CV_16S, 1, 0, x)
        cv2.Sobel(gray, cv2.CV_16S, 0, 1, y)

    yield _chain("Sobel 32F, magnitude", floats, 1)
    yield _chain("Sobel 16S, magnitude", shorts(two_sobels), 1)
    yield _chain("spatialGradient, magnitude", shorts(lambda gray, x, y: cv2.spatialGradient(gray, x, y)), 1)
    yield _chain("spatialGradient, sqrt", roots, 1)


def filter2d(kernel: Image, tolerance: float = 0.0) -> Contender:
    """Correlation with a kernel."""
    cv2 = opencv()

    def make(image: Image) -> Run:
        return partial(cv2.filter2D, image, -1, kernel, np.empty_like(image))

    return _chain("filter2D", make, tolerance)


def gaussian(size: int, sigma: float) -> Iterator[Contender]:
    """Gaussian blur by size, or by sigma where size is 0."""
    cv2 = opencv()

    def blur(hint: int) -> Callable[[Image], Run]:
        return lambda image: partial(
            cv2.GaussianBlur, image, (size, size), sigma, np.empty_like(image), hint=hint
        )

    def separable(image: Image) -> Run:
        taps = cv2.getGaussianKernel(size or (round(sigma * 6 + 1) | 1), sigma, cv2.CV_32F)
        return partial(cv2.sepFilter2D, image, -1, taps, taps, np.empty_like(image))

    yield _chain("GaussianBlur", blur(cv2.ALGO_HINT_ACCURATE))
    yield _chain("GaussianBlur, approximate", blur(cv2.ALGO_HINT_APPROX), 1)
    yield _chain("sepFilter2D", separable, 1)


def blur(size: int) -> Contender:
    """Mean of a square."""
    cv2 = opencv()
    return _chain("blur", lambda image: partial(cv2.blur, image, (size, size), np.empty_like(image)))


def laplacian() -> Iterator[Contender]:
    """Laplacian with the 4-neighbour kernel, saturated to uint8."""
    cv2 = opencv()
    yield _chain("Laplacian", lambda image: partial(cv2.Laplacian, image, cv2.CV_8U, np.empty_like(image)))
    yield filter2d(np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32))


def unsharp() -> Contender:
    """Unsharp mask with sigma 1 and amount 1."""
    cv2 = opencv()

    def make(image: Image) -> Run:
        blurred, out = np.empty_like(image), np.empty_like(image)

        def run() -> Image:
            cv2.GaussianBlur(image, (0, 0), 1.0, blurred)
            return cv2.addWeighted(image, 2.0, blurred, -1.0, 0.0, out)  # type: ignore[no-any-return]

        return run

    return _chain("GaussianBlur, addWeighted", make, 1)


def pyr_down() -> Contender:
    """One level down a pyramid."""
    cv2 = opencv()

    def make(image: Image) -> Run:
        half = tuple((n + 1) // 2 for n in image.shape[:2])
        return partial(cv2.pyrDown, image, np.empty((*half, *image.shape[2:]), image.dtype))

    return _chain("pyrDown", make, 1e-6)


def pyr_up() -> Contender:
    """One level up a pyramid."""
    cv2 = opencv()

    def make(image: Image) -> Run:
        double = tuple(2 * n for n in image.shape[:2])
        return partial(cv2.pyrUp, image, np.empty((*double, *image.shape[2:]), image.dtype))

    return _chain("pyrUp", make, 1e-6)


def median(size: int) -> Contender:
    """Median of a square."""
    cv2 = opencv()
    return _chain("medianBlur", lambda image: partial(cv2.medianBlur, image, size, np.empty_like(image)))


def bilateral(diameter: int, color: float, space: float) -> Contender:
    """Bilateral filter."""
    cv2 = opencv()

    def make(image: Image) -> Run:
        return partial(cv2.bilateralFilter, image, diameter, color, space, np.empty_like(image))

    return _chain("bilateralFilter", make, 1)


def canny() -> Iterator[Contender]:
    """Canny with the thresholds 100 and 200, and no blur."""
    cv2 = opencv()

    def from_gradients(image: Image) -> Run:
        x, y = (np.empty(image.shape, np.int16) for _ in range(2))
        out = np.empty_like(image)

        def run() -> Image:
            cv2.spatialGradient(image, x, y, borderType=cv2.BORDER_REPLICATE)
            return cv2.Canny(x, y, 100, 200, out)  # type: ignore[no-any-return]

        return run

    yield _chain("Canny", lambda image: partial(cv2.Canny, image, 100, 200, np.empty_like(image)))
    yield _chain("spatialGradient, Canny", from_gradients)
