"""The public functions for transposed convolution: arrays in, arrays out."""

from __future__ import annotations

from functools import lru_cache
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
from imgfilt.bank.geometry import one, pair
from imgfilt.bank.interface import run_backend
from imgfilt.bank.planner import MAX_WORKSPACE, BankPlan
from imgfilt.calls import threads_for
from imgfilt.images import check_out
from imgfilt.transposed.backends import TRANSPOSED_BACKENDS
from imgfilt.transposed.geometry import checked_output_padding, cropping, transposed_size
from imgfilt.transposed.planner import make_transposed_plan
from imgfilt.transposed.problem import TransposedProblem

Array = NDArray[Any]

_WEIGHT_AXES = "(C, M / groups, kh, kw)"


def conv_transpose2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, ...] = 0,
    output_padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    layout: str = "NCHW",
    backend: str = "auto",
    threads: int | None = None,
    out: Array | None = None,
    max_workspace: int = MAX_WORKSPACE,
) -> Array:
    """Adds a kernel to the output for each element of the input, as torch.nn.functional.conv_transpose2d does.

    out[n, m] = bias[m] + the sum over c, y, x, u, v of x[n, c, y, x] * weight[c, m, u, v] at
        (y * stride + u * dilation - top, x * stride + v * dilation - left)

    With a stride of 2 or more it enlarges: the transpose (the gradient) of the convolution that would make the
    input from the output. (V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016.)

    x               float32 or float64 in the axes of `layout`; uint8, uint16 and int16 count as float32. One image
                    without its axis N does in NCHW and NHWC
    weight          (C, M / groups, kh, kw), in every layout; rounded to the dtype of the output
    bias            (M,), or None
    stride          an integer or (rows, columns), at least 1: the distance of neighbours of x in the output
    padding         an integer, (rows, columns) or (top, bottom, left, right): what the output lacks on each side
    output_padding  an integer or (rows, columns) below the larger of stride and dilation: added below and to the right
    dilation        an integer or (rows, columns), at least 1: the distance between taps
    groups          the channels and filters are cut into so many groups, each seen by itself
    layout          "NCHW", "NHWC", "CHWN" or "CHWN8" ((N / 8, C, H, W, 8)), of x and of the output
    backend         "auto" or the name of one: "segregated", "scatter", "gemm", "zero_insert"
    threads         how many threads to use, all processors by default. The result does not depend on it
    out             an array for the result, of its shape and dtype; may overlap the input
    max_workspace   bytes that the backend may allocate beside input, weights and output; 1 GiB by default

    The output has (H - 1) * stride - top - bottom + dilation * (kh - 1) + output_padding + 1 rows, and is float32 or
    float64 as x. Each element is within the plan's bound times max |x| * (sum of |weight| for one filter) + |bias|.

    Raises ValueError or TypeError with one line that quotes what was wrong.

    >>> import imgfilt, numpy as np
    >>> line = np.array([[[1, 2, 3]]], np.float32)
    >>> imgfilt.conv_transpose2d(line, [[[[0.5, 1, 0.5]]]], stride=(1, 2), padding=(0, 1))[0, 0].tolist()
    [1.0, 1.5, 2.0, 2.5, 3.0]
    """
    layouts.check_layout(layout)
    array, dtype = real_array("x", x)
    alone = array.ndim == 3 and layout in ("NCHW", "NHWC")
    if alone:
        array = array[None]
    if array.ndim not in (4, 5):
        raise ValueError(f"x in layout {layout} must have shape {layouts.axes(layout)}, got {np.shape(x)}")
    weights = four_axes(weight, dtype, axes=_WEIGHT_AXES)
    problem = _problem(
        array.shape, weights.shape, dtype, stride, padding, output_padding, dilation, groups, layout
    )
    offsets = offsets_of(bias, problem.filters, dtype)
    plan = make_transposed_plan(
        problem, threads_for(threads), backend_name(backend), byte_limit(max_workspace)
    )
    if out is None:
        result = np.empty(plan.out_shape, dtype)
    else:
        result = check_out(out, plan.out_shape[1:] if alone else plan.out_shape, dtype)
        array, weights, offsets = separate_from(result, array, weights, offsets)
        if alone:
            result = result[None]
    run_backend(TRANSPOSED_BACKENDS[plan.backend], problem, array.astype(dtype, copy=False), weights, offsets,
                result, plan.threads)  # fmt: skip
    if out is not None:
        return out
    return result[0] if alone else result


def plan_conv_transpose2d(
    shape: tuple[int, ...],
    weight_shape: tuple[int, int, int, int],
    *,
    dtype: Any = "float32",
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, ...] = 0,
    output_padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    layout: str = "NCHW",
    backend: str = "auto",
    threads: int | None = None,
    max_workspace: int = MAX_WORKSPACE,
) -> BankPlan:
    """What `conv_transpose2d` would do for arrays of these shapes: the backend, its error bound and workspace, and why.

    `print` it for each backend's predicted time. The arguments are those of `conv_transpose2d`; `dtype` is that of x.

    >>> import imgfilt
    >>> imgfilt.plan_conv_transpose2d((1, 64, 32, 32), (64, 3, 4, 4), stride=2, padding=1).out_shape
    (1, 3, 64, 64)
    """
    layouts.check_layout(layout)
    name = computing_dtype("x", np.dtype(dtype))
    sizes = tuple(int(n) for n in shape)
    if len(sizes) == 3 and layout in ("NCHW", "NHWC"):
        sizes = (1, *sizes)
    kernels = tuple(int(n) for n in weight_shape)
    problem = _problem(sizes, kernels, name, stride, padding, output_padding, dilation, groups, layout)
    return make_transposed_plan(
        problem, threads_for(threads), backend_name(backend), byte_limit(max_workspace)
    )


def _problem(*arguments: Any) -> TransposedProblem:
    """The checked problem, remembered where the arguments can be."""
    try:
        hash(arguments)
    except TypeError:  # a list of two numbers, say
        return _checked_problem.__wrapped__(*arguments)
    return _checked_problem(*arguments)


@lru_cache(maxsize=512, typed=True)
def _checked_problem(
    shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    dtype: str,
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: Any,
    layout: str,
) -> TransposedProblem:
    batch, channels, height, width = layouts.sizes(layout, shape)
    if 0 in shape:
        raise ValueError(f"x must have at least one element, got shape {shape}")
    if len(weight_shape) != 4 or 0 in weight_shape:
        raise ValueError(f"weight must have shape {_WEIGHT_AXES}, none of them 0, got {weight_shape}")
    seen, group_filters, *kernel = weight_shape
    count = one("groups", groups, 1)
    if channels % count:
        raise ValueError(f"groups={count} must divide the {channels} channels of x")
    if seen != channels:
        raise ValueError(
            f"weight of shape {weight_shape} is for {seen} channels, x has {channels} (shape {shape}, layout {layout})"
        )
    size, steps, spread = (kernel[0], kernel[1]), pair("stride", stride, 1), pair("dilation", dilation, 1)
    lacking, added = cropping(padding), checked_output_padding(output_padding, steps, spread)
    transposed_size((height, width), size, steps, lacking, added, spread)
    return TransposedProblem(
        batch, channels, height, width, group_filters * count, size, steps, lacking, spread, count, dtype, layout, added
    )  # fmt: skip
