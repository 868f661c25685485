"""The public functions for filter banks: arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgfilt.bank import layouts
from imgfilt.bank.arguments import (
    backend_name,
    byte_limit,
    computing_dtype,
    four_axes,
    offsets_of,
    real_array,
    separate_from,
)
from imgfilt.bank.backends import BANK_BACKENDS
from imgfilt.bank.geometry import one, output_size, pair, sides
from imgfilt.bank.interface import run_backend
from imgfilt.bank.planner import MAX_WORKSPACE, BankPlan, make_bank_plan
from imgfilt.bank.problem import BankProblem
from imgfilt.calls import threads_for
from imgfilt.images import check_out

Array = NDArray[Any]


def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    layout: str = "NCHW",
    backend: str = "auto",
    threads: int | None = None,
    out: Array | None = None,
    max_workspace: int = MAX_WORKSPACE,
) -> Array:
    """Correlates every image of a batch with a bank of filters, as torch.nn.functional.conv2d does.

    out[n, m, y, x] = bias[m] + sum over c, u, v of
        x[n, c, y * stride + u * dilation - top, x * stride + v * dilation - left] * weight[m, c, u, v]

    with zeros outside the image. The weights are not flipped.

    x              float32 or float64 in the axes of `layout`; uint8, uint16 and int16 count as float32. One image
                   without its axis N does in NCHW and NHWC
    weight         (M, C / groups, kh, kw), in every layout; rounded to the dtype of the output
    bias           (M,), or None
    stride         an integer or (rows, columns), at least 1
    padding        an integer, (rows, columns), (top, bottom, left, right), "same" (stride 1) or "valid"
    dilation       an integer or (rows, columns), at least 1: the distance between taps
    groups         the channels and filters are cut into so many groups, each seen by itself; groups=C is depthwise
    layout         "NCHW", "NHWC", "CHWN" or "CHWN8" ((N / 8, C, H, W, 8)), of x and of the output
    backend        "auto" or the name of one: `imgfilt.plan_conv2d` lists them
    threads        how many threads to use, all processors by default. The result does not depend on it
    out            an array for the result, of its shape and dtype; may overlap the input
    max_workspace  bytes that the backend may allocate beside input, weights and output; 1 GiB by default

    The output is float32 or float64 as x. Each element is within the plan's bound times max |x| * sum |weight[m]|.

    Raises ValueError or TypeError with one line that quotes what was wrong.

    >>> import imgfilt, numpy as np
    >>> image = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4)
    >>> imgfilt.conv2d(image, [[[[-1, 1]]], [[[1, 1]]]], bias=[0, 0.5])[0, :, 0].tolist()
    [[1.0, 1.0, 1.0], [1.5, 3.5, 5.5]]
    """
    layouts.check_layout(layout)
    array, dtype = real_array("x", x)
    alone = array.ndim == 3 and layout in ("NCHW", "NHWC")
    if alone:
        array = array[None]
    if array.ndim not in (4, 5):
        raise ValueError(f"x in layout {layout} must have shape {layouts.axes(layout)}, got {np.shape(x)}")
    weights = four_axes(weight, dtype)
    problem = _problem(array.shape, weights.shape, dtype, stride, padding, dilation, groups, layout)
    offsets = offsets_of(bias, problem.filters, dtype)
    count = threads_for(threads)
    plan = make_bank_plan(problem, count, backend_name(backend), byte_limit(max_workspace))
    if out is None:
        result = np.empty(plan.out_shape, dtype)
    else:
        result = check_out(out, plan.out_shape[1:] if alone else plan.out_shape, dtype)
        array, weights, offsets = separate_from(result, array, weights, offsets)
        if alone:
            result = result[None]
    run_plan(plan, array.astype(dtype, copy=False), weights, offsets, result)
    if out is not None:
        return out
    return result[0] if alone else result


def depthwise_separable_conv2d(
    x: ArrayLike,
    depthwise: ArrayLike,
    pointwise: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: int | tuple[int, int] = 1,
    layout: str = "NCHW",
    backend: str = "auto",
    threads: int | None = None,
    out: Array | None = None,
    max_workspace: int = MAX_WORKSPACE,
) -> Array:
    """Correlates each channel with kernels of its own, then mixes the channels pixel by pixel.

    The same as `conv2d` with groups=C, then `conv2d` with 1x1 kernels: kh * kw * K + K * M multiply-adds a pixel
    in place of kh * kw * C * M. (L. Sifre, Rigid-motion scattering for image classification, 2014.)

    depthwise  (K, 1, kh, kw), K a multiple of the channels C: channel c is seen by the K / C filters from
               c * K / C on
    pointwise  (M, K) or (M, K, 1, 1): M mixtures of the K responses
    bias       (M,), or None

    The other arguments are those of `conv2d`; `backend` is for the depthwise part.

    >>> import imgfilt, numpy as np
    >>> image = np.ones((3, 4, 5), np.float32)
    >>> blur = np.full((3, 1, 3, 3), 1 / 9)
    >>> luma = [[0.299, 0.587, 0.114]]
    >>> imgfilt.depthwise_separable_conv2d(image, blur, luma).shape
    (1, 2, 3)
    """
    layouts.check_layout(layout)
    array, dtype = real_array("x", x)
    kernels, mixture = four_axes(depthwise, dtype, "depthwise"), np.asarray(pointwise)
    if mixture.ndim == 2:
        mixture = mixture[:, :, None, None]
    mixture = four_axes(mixture, dtype, "pointwise")
    axis = {"NCHW": -3, "NHWC": -1, "CHWN": 0, "CHWN8": 1}[layout]
    channels = array.shape[axis] if array.ndim in (3, 4, 5) else 1
    if kernels.shape[1] != 1 or kernels.shape[0] % channels:
        raise ValueError(
            f"depthwise must have shape (K, 1, kh, kw) with K a multiple of the {channels} channels of x, got "
            f"{np.shape(depthwise)}"
        )
    if mixture.shape[1:] != (kernels.shape[0], 1, 1):
        raise ValueError(
            f"pointwise must have shape (M, {kernels.shape[0]}), one column for each of the {kernels.shape[0]} "
            f"depthwise responses, got {np.shape(pointwise)}"
        )
    between = conv2d(array, kernels, stride=stride, padding=padding, dilation=dilation, groups=channels,
                     layout=layout, backend=backend, threads=threads, max_workspace=max_workspace)  # fmt: skip
    return conv2d(
        between, mixture, bias, layout=layout, threads=threads, out=out, max_workspace=max_workspace
    )


def plan_conv2d(
    shape: tuple[int, ...],
    weight_shape: tuple[int, int, int, int],
    *,
    dtype: Any = "float32",
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, ...] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    layout: str = "NCHW",
    backend: str = "auto",
    threads: int | None = None,
    max_workspace: int = MAX_WORKSPACE,
) -> BankPlan:
    """What `conv2d` would do for arrays of these shapes: the backend, its error bound and workspace, and why.

    `print` it for each backend's predicted time or the reason why it is refused. The arguments are those of `conv2d`;
    `dtype` is that of x.

    >>> import imgfilt
    >>> imgfilt.plan_conv2d((8, 64, 56, 56), (64, 64, 3, 3), backend="im2col").out_shape
    (8, 64, 54, 54)
    """
    layouts.check_layout(layout)
    name = computing_dtype("x", np.dtype(dtype))
    sizes = tuple(int(n) for n in shape)
    if len(sizes) == 3 and layout in ("NCHW", "NHWC"):
        sizes = (1, *sizes)
    kernels = tuple(int(n) for n in weight_shape)
    problem = _problem(sizes, kernels, name, stride, padding, dilation, groups, layout)
    return make_bank_plan(problem, threads_for(threads), backend_name(backend), byte_limit(max_workspace))


def run_plan(plan: BankPlan, x: Array, weight: Array, bias: Array | None, out: Array) -> None:
    """Convolves by a plan. The arrays have the plan's shapes, layout and dtype; `out` overlaps none of them."""
    run_backend(BANK_BACKENDS[plan.backend], plan.problem, x, weight, bias, out, plan.threads)


def _problem(
    shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    dtype: str,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    layout: str,
) -> BankProblem:
    batch, channels, height, width = layouts.sizes(layout, shape)
    if 0 in shape:
        raise ValueError(f"x must have at least one element, got shape {shape}")
    if len(weight_shape) != 4 or 0 in weight_shape:
        raise ValueError(
            f"weight must have shape (M, C / groups, kh, kw), none of them 0, got {weight_shape}"
        )
    filters, seen, *kernel = weight_shape
    count = one("groups", groups, 1)
    if channels % count or filters % count:
        raise ValueError(f"groups={count} must divide the {channels} channels of x and the {filters} filters")
    if seen * count != channels:
        raise ValueError(
            f"weight of shape {weight_shape} with groups={count} is for {seen * count} channels, x has {channels} "
            f"(shape {shape}, layout {layout})"
        )
    size, steps, spread = (kernel[0], kernel[1]), pair("stride", stride, 1), pair("dilation", dilation, 1)
    around = sides(padding, size, steps, spread)
    output_size((height, width), size, steps, around, spread)
    return BankProblem(
        batch, channels, height, width, filters, size, steps, around, spread, count, dtype, layout
    )
