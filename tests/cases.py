"""Images, kernels, views and tolerances that several test files use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import oracle
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


def noise(shape: Shape, dtype: str, seed: int = 0) -> Array:
    """The full range of an integer dtype; for floats, signed values of mixed size."""
    rng = np.random.default_rng([seed, *shape])
    dt = np.dtype(dtype)
    if dt.kind == "f":
        return (rng.normal(size=shape) * rng.choice([0.01, 1.0, 100.0], size=shape)).astype(dt)
    info = np.iinfo(dt)
    return rng.integers(info.min, info.max, shape, dtype=dt, endpoint=True)


def extremes(dtype: str) -> tuple[float, float]:
    dt = np.dtype(dtype)
    return (-1e3, 1e3) if dt.kind == "f" else (np.iinfo(dt).min, np.iinfo(dt).max)


def filled(shape: Shape, dtype: str, value: float) -> Array:
    return np.full(shape, value, dtype=dtype)


def checkerboard(shape: Shape, dtype: str) -> Array:
    low, high = extremes(dtype)
    odd = np.indices(shape[:2]).sum(axis=0) % 2 == 1
    plane = np.where(odd, high, low).astype(dtype)
    return plane if len(shape) == 2 else np.repeat(plane[..., None], shape[2], axis=2)


INPUTS: dict[str, Callable[[Shape, str], Array]] = {
    "noise": noise,
    "zeros": lambda s, d: filled(s, d, 0),
    "max": lambda s, d: filled(s, d, extremes(d)[1]),
    "min": lambda s, d: filled(s, d, extremes(d)[0]),
    "checkerboard": checkerboard,
}

VIEWS: dict[str, Callable[[Array], Array]] = {
    "contiguous": lambda a: a,
    "every second row": lambda a: a[::2],
    "every third column": lambda a: a[:, ::3],
    "rows reversed": lambda a: a[::-1],
    "columns reversed": lambda a: a[:, ::-1],
    "transposed": lambda a: a.swapaxes(0, 1),
    "column-major": np.asfortranarray,
    "channels reversed": lambda a: a[..., ::-1] if a.ndim == 3 else a,
    "some channels": lambda a: a[..., 1:] if a.ndim == 3 and a.shape[2] > 1 else a,
    "cropped": lambda a: a[1:-1, 2:-1],
    "broadcast rows": lambda a: np.broadcast_to(a[:1], a.shape),
}

_rng = np.random.default_rng(20)
_GAUSS5 = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256

KERNELS: dict[str, tuple[Array, tuple[int, int] | None]] = {
    "sobel 3x3": (np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]), None),
    "laplacian 3x3": (np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]), None),
    "even 2x2": (np.array([[1, -2], [3, 4]]), None),
    "4x3, anchor in a corner": (np.arange(12).reshape(4, 3) - 5, (3, 0)),
    "row 1x7": (np.array([[1, -2, 3, 0, 3, -2, 1]]), None),
    "column 9x1": (np.arange(-4, 5).reshape(9, 1), None),
    "gauss 5x5, dyadic": (_GAUSS5, None),
    "random 7x7": (_rng.normal(size=(7, 7)), None),
    "random 4x6 rank 1": (np.outer(_rng.normal(size=4), _rng.normal(size=6)), (0, 5)),
    "rank 2, 5x5": (
        np.outer([1, 2, 3, 2, 1], [1, 0, 2, 0, 1]) + np.outer([1, -1, 0, 1, -1], [2, 1, 0, 1, 3]),
        None,
    ),
    "box 3x3 mean": (np.full((3, 3), 1 / 9), None),
    "box 31x31 mean": (np.full((31, 31), 1 / 961), None),
    "box 4x5 of ones": (np.ones((4, 5)), (1, 4)),
    "box 1x9 of ones": (np.ones((1, 9)), None),
    "box 6x1 of ones": (np.ones((6, 1)), (0, 0)),
    "zero 3x3": (np.zeros((3, 3)), None),
    "one tap, off centre": (np.eye(5)[:, :1] @ np.eye(5)[3:4, :] * 3, None),
    "identity 1x1": (np.ones((1, 1)), None),
    "half 1x1": (np.array([[0.5]]), None),
}
"""name -> (weights, anchor)"""


def dyadic(weights: Array) -> bool:
    """Whether the weights are integers times a power of two that integer arithmetic can well use."""
    return any(oracle.is_integral(weights * 2.0**s) for s in range(17))


def check(
    got: Array,
    image: Array,
    weights: Array,
    *,
    bias: float = 0.0,
    dtype: str | None = None,
    context: object = "",
    **how: Any,
) -> None:
    """`got` is the correlation of `image` within what the package promises.

    Bit-equal where the arithmetic is integer, within 1 for integer pixels of real-valued weights, within 1e-6
    (float32) or 1e-13 (float64) of sum |w| * max |x| for floats.
    """
    out = np.dtype(dtype or image.dtype)
    assert got.dtype == out, context
    want = oracle.correlate(image, weights, bias=bias, dtype=out, **how)
    assert got.shape == want.shape, context
    whole = (
        image.dtype.kind in "iu"
        and dyadic(np.append(weights, bias))
        and oracle.is_integral(how.get("cval", 0))
    )
    if whole and (out.kind in "iu" or out == np.float64):
        np.testing.assert_array_equal(got, want, err_msg=str(context))
        return
    if out.kind in "iu":
        off = np.abs(got.astype(np.int64) - want.astype(np.int64)).max()
        assert off <= 1, f"{context}: off by {off}"
        return
    unit = 1e-13 if image.dtype == np.float64 and out == np.float64 else 1e-6
    bound = unit * oracle.scale(image, weights, how.get("cval", 0.0), bias)
    off = np.abs(got.astype(oracle.Wide) - want.astype(oracle.Wide)).max()
    assert off <= bound, f"{context}: off by {float(off):.3g}, allowed {bound:.3g}"


def may_refuse(backend: str, weights: Array) -> bool:
    """Whether the backend is free to say no to this. `direct`, `im2col` and the choice "auto" never are."""
    if backend in ("auto", "direct", "im2col"):
        return False
    w = np.asarray(weights, dtype=np.float64)
    ys, xs = np.nonzero(w)
    if not ys.size:
        return True
    inner = w[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    if backend == "separable":
        return 1 in inner.shape or np.linalg.matrix_rank(inner) != 1
    if backend == "box":
        return inner.size == 1 or bool((inner != inner[0, 0]).any())
    return True
