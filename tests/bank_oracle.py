"""Naive, obviously right convolution by a bank of filters, from the definition; nothing of the package in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Wide = np.longdouble

ORDER = {"NCHW": "nchw", "NHWC": "nhwc", "CHWN": "chwn"}


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Array:
    """(N, C, H, W) and (M, C / groups, kh, kw) to (N, M, Ho, Wo), one tap at a time in the widest float."""
    n, _, h, w = x.shape
    filters, seen, kh, kw = weight.shape
    top, bottom, left, right = padding
    padded = np.zeros((n, x.shape[1], h + top + bottom, w + left + right), Wide)
    padded[:, :, top : top + h, left : left + w] = x
    out_h = (padded.shape[2] - (kh - 1) * dilation[0] - 1) // stride[0] + 1
    out_w = (padded.shape[3] - (kw - 1) * dilation[1] - 1) // stride[1] + 1
    out = np.zeros((n, filters, out_h, out_w), Wide)
    for m in range(filters):
        first = m // (filters // groups) * seen
        for c in range(seen):
            for u in range(kh):
                for v in range(kw):
                    y, z = u * dilation[0], v * dilation[1]
                    met = padded[:, first + c, y : y + (out_h - 1) * stride[0] + 1 : stride[0],
                                 z : z + (out_w - 1) * stride[1] + 1 : stride[1]]  # fmt: skip
                    out[:, m] += Wide(weight[m, c, u, v]) * met
        if bias is not None:
            out[:, m] += Wide(bias[m])
    return out


def scale(x: Array, weight: Array, bias: Array | None = None) -> float:
    """max |x| times the largest sum of a filter's |weights|, plus the largest |bias|: what bounds are relative to."""
    sums = np.abs(weight.astype(Wide)).sum(axis=(1, 2, 3)).max()
    return float(
        np.abs(x.astype(Wide)).max() * sums + (0 if bias is None else np.abs(bias.astype(Wide)).max())
    )


def arrange(x: Array, layout: str) -> Array:
    """An (N, C, H, W) array in another layout; a whole number of blocks for CHWN8."""
    if layout == "CHWN8":
        n, c, h, w = x.shape
        blocks = [np.stack([x[i] for i in range(first, first + 8)], axis=-1) for first in range(0, n, 8)]
        return np.stack(blocks) if n % 8 == 0 else np.empty((0, c, h, w, 8))
    return np.ascontiguousarray(np.einsum(f"nchw->{ORDER[layout]}", x))


def restore(x: Array, layout: str) -> Array:
    """The inverse of `arrange`."""
    if layout == "CHWN8":
        return np.stack([block[..., i] for block in x for i in range(8)])
    return np.einsum(f"{ORDER[layout]}->nchw", x)
