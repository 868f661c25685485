"""What makes a contender of some calls of OpenCV."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imgfilt.bench.case import Contender, Image, Run
from imgfilt.bench.opencv.library import opencv

Make = Callable[[Image], Run]


def chain(name: str, make: Make, tolerance: float = 0.0) -> Contender:
    """A contender whose `make(image)` allocates everything and gives the call; OpenCV's threads are set before."""
    cv2 = opencv()

    def prepare(image: Image, threads: int) -> Run:
        cv2.setNumThreads(threads)
        return make(image)

    return Contender(name, prepare, tolerance)


def tolerance_of(dtype: str) -> float:
    """1 for integers; for floats 1e-6 of the response's scale for each side."""
    return 2e-6 if dtype.startswith("float") else 1.0


def gray_of(image: Image) -> Callable[[], Image]:
    """Makes the image gray, each time anew; nothing for a gray one."""
    cv2 = opencv()
    if image.ndim == 2:
        return lambda: image
    gray = np.empty(image.shape[:2], image.dtype)
    code = cv2.COLOR_RGB2GRAY if image.shape[2] == 3 else cv2.COLOR_RGBA2GRAY
    return lambda: cv2.cvtColor(image, code, gray)


def magnitude_of(x: Image, y: Image, out: Image) -> Run:
    """The length of the vectors (x, y) of float32, rounded and saturated to the dtype of `out`."""
    cv2 = opencv()
    if out.dtype == np.float32:
        return lambda: cv2.magnitude(x, y, out)
    length = np.empty_like(x)
    if out.dtype == np.uint8:
        return lambda: cv2.convertScaleAbs(cv2.magnitude(x, y, length), out)
    return lambda: cv2.add(cv2.magnitude(x, y, length), 0.0, out, dtype=cv2.CV_16U)
