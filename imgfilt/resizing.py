"""The public functions that change an image's size: pyramids, and enlarging by a transposed convolution."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgfilt.calls import Options, exactly, ready, run, run_stages
from imgfilt.images import is_pil
from imgfilt.resampling import resampling

Array = NDArray[Any]


def pyr_down(
    image: Any,
    *,
    size: tuple[int, int] | None = None,
    border: str = "reflect101",
    cval: float = 0.0,
    dtype: Any = None,
    out: Array | None = None,
    threads: int | None = None,
    backend: str = "auto",
    color: str | None = None,
    alpha: str | None = None,
    linear_light: bool = False,
) -> Any:
    """Blurs with 1 4 6 4 1 (over 16) both ways and keeps every second pixel: one level down a pyramid.

    Equal to cv2.pyrDown bit for bit for integer dtypes. `size` is the result's (height, width), by default
    ((H + 1) // 2, (W + 1) // 2); each may differ from half the image's by 1. The other keywords are those of
    `apply_filter`. Burt and Adelson, The Laplacian pyramid as a compact image code, 1983.

    >>> import imgfilt, numpy as np
    >>> imgfilt.pyr_down(np.full((5, 8), 7, np.uint8)).tolist()
    [[7, 7, 7, 7], [7, 7, 7, 7], [7, 7, 7, 7]]
    """
    options = (border, dtype, backend, color, alpha, linear_light)
    return _resampled("pyr_down", image, {"size": size}, options, cval, out, threads)


def pyr_up(
    image: Any,
    *,
    size: tuple[int, int] | None = None,
    border: str = "reflect101",
    cval: float = 0.0,
    dtype: Any = None,
    out: Array | None = None,
    threads: int | None = None,
    color: str | None = None,
    alpha: str | None = None,
    linear_light: bool = False,
) -> Any:
    """Twice the size, by a transposed convolution with 1 4 6 4 1 (over 8) both ways: one level up a pyramid.

    Equal to cv2.pyrUp bit for bit for integer dtypes, with the default border: reflect101 of the enlarged image.
    Other borders extend the image as given. `size` is the result's (height, width), (2 * H, 2 * W) by default;
    each may be one more or one less: a column more repeats the last one. The other keywords are those of
    `apply_filter`. Burt and Adelson, The Laplacian pyramid as a compact image code, 1983.

    >>> import imgfilt, numpy as np
    >>> imgfilt.pyr_up(np.array([[0, 80]], np.uint8), size=(1, 4)).tolist()
    [[20, 40, 70, 80]]
    """
    options = (border, dtype, "auto", color, alpha, linear_light)
    return _resampled("pyr_up", image, {"size": size}, options, cval, out, threads)


def upsample(
    image: Any,
    factor: int | tuple[int, int],
    kernel: str | ArrayLike = "bicubic",
    *,
    anchor: int | tuple[int, int] | None = None,
    gain: str = "check",
    border: str = "replicate",
    cval: float = 0.0,
    dtype: Any = None,
    out: Array | None = None,
    threads: int | None = None,
    color: str | None = None,
    alpha: str | None = None,
    linear_light: bool = False,
) -> Any:
    """Enlarges by a whole factor (or one for rows and one for columns), by a transposed convolution.

    Output o is the sum over inputs q of image[q] * kernel[o - factor * q + anchor], for each axis: what
    scipy.signal.upfirdn(kernel, image, up=factor) computes. No zero is inserted: each phase of the output is made of
    the taps that meet a pixel (see `imgfilt.backend.polyphase`). The result's shape is (H, W) times the factor.

    kernel  "nearest", "bilinear", "bicubic" (Keys 1981, a = -1/2) and "lanczos" (of 3 lobes) put the new pixels
            where resizing programs do: the image's corners stay its corners. "gaussian" is the kernel of
            pyramids (Burt and Adelson 1983): pixel (0, 0) stays where it is. Or weights: 2-D, or 1-D for both axes
    anchor  (row, column) of the tap that lies on pixel factor * q, or one number for both; by default the image
            stays in place: (taps - factor + 1) // 2
    gain    what is done about weights whose phases do not have the same sum, from which a flat image would
            become a checkerboard: "check" raises an error, "normalize" scales each phase to 1, "any" takes them
    border  "replicate" by default, as cv2.resize. The other keywords are those of `apply_filter`

    >>> import imgfilt, numpy as np
    >>> imgfilt.upsample(np.array([[0, 80]], np.uint8), (1, 2), "bilinear").tolist()
    [[0, 20, 60, 80]]
    """
    options = (border, dtype, "auto", color, alpha, linear_light)
    params = {"factor": factor, "kernel": kernel, "anchor": anchor, "gain": gain}
    return _resampled("upsample", image, params, options, cval, out, threads)


def _resampled(
    name: str,
    image: Any,
    params: dict[str, Any],
    options: tuple[Any, ...],
    cval: float,
    out: Array | None,
    threads: int | None,
) -> Any:
    arguments = (name, options, *map(exactly, params.values()))
    executable = ready(image, arguments)
    if executable is not None:
        return run(executable, image, out, cval, threads)
    stage = resampling(name, _size_of(image), params)
    return run_stages((stage,), image, Options(*options), cval, out, threads, arguments)


def _size_of(image: Any) -> tuple[int, int]:
    """Height and width; (1, 1) for what is no image, of which `run_stages` tells."""
    if is_pil(image):
        return image.height, image.width
    shape = getattr(image, "shape", None) or np.shape(image)
    return (int(shape[0]), int(shape[1])) if len(shape) >= 2 else (1, 1)
