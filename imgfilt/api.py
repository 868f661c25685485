"""The public functions: arrays (or PIL images) in, filtered ones out."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgfilt.calls import Options, checked_shape, exactly, plan_of, ready, run, run_stages, threads_for
from imgfilt.images import as_dtype, as_image, check_out, dtype_name
from imgfilt.kernel import Kernel, dilated
from imgfilt.plans import Plan
from imgfilt.resampling import RESAMPLINGS, a_pair, resampling
from imgfilt.spec import FilterSpec
from imgfilt.stages import Chain, Stage

Array = NDArray[Any]

_LARGEST_KEY = 1 << 16
"""Bytes of a kernel that is known again by its bytes."""


def apply_filter(
    spec: FilterSpec | str,
    image: Any,
    params: Mapping[str, Any] | None = None,
    *,
    border: str = "reflect101",
    cval: float = 0.0,
    dtype: Any = None,
    out: Array | None = None,
    threads: int | None = None,
    backend: str = "auto",
    effort: str = "estimate",
    color: str | None = None,
    alpha: str | None = None,
    linear_light: bool = False,
) -> Any:
    """Applies one filter, given by name or as a spec, to an image.

    What every filter function of this package does; they only fill in `spec` and `params`.

    image         (H, W) or (H, W, C) of uint8, uint16, int16, float32 or float64, any strides; a PIL
                  image or a torch tensor in main memory (the result is one too); what has `__array__` or DLPack; or
                  a `RowImage`, larger than memory: the result is then a `Bands`
    border, cval  what lies outside the image: see `imgfilt.borders`; `cval` is the constant's value
    dtype         the result's dtype; the image's by default. Integers are rounded and saturated
    out           an array for the result, of its shape and dtype; may overlap the image
    threads       how many threads to use; all processors by default. The result does not depend on it
    backend       for linear filters: the way to convolve, instead of the planner's choice
    effort        "estimate" takes the backend that is predicted to be fastest; "measure" times the leading ones, once
                  for a shape, dtype and number of threads, and takes the fastest. It is remembered:
                  see `imgfilt.export_wisdom`. Another backend may change the last bits of floats
    color         "luma" (a gray result from a colour image) or "each" channel alone; the filter's own by default
    alpha         "premultiply", "ignore" or "each" for images of 2 or 4 channels; "each" by default for arrays,
                  "premultiply" for PIL images that have alpha
    linear_light  decode sRGB to linear light before filtering, and encode afterwards

    Raises ValueError or TypeError with one line that quotes what was wrong.

    >>> import imgfilt, numpy as np
    >>> imgfilt.apply_filter("box", np.arange(9, dtype=np.uint8).reshape(3, 3), {"size": 3})[1, 1]
    np.uint8(4)
    """
    if isinstance(spec, str):
        from imgfilt.catalog import find, known

        spec = find(spec, known())
    stage = Stage(spec, dict(params or {}))
    options = Options(border, dtype, backend, color, alpha, linear_light, effort=effort)
    return run_stages((stage,), image, options, cval, out, threads)


def apply(
    pipeline: str,
    image: Any,
    *,
    border: str = "reflect101",
    cval: float = 0.0,
    dtype: Any = None,
    out: Array | None = None,
    threads: int | None = None,
    effort: str = "estimate",
    color: str | None = None,
    alpha: str | None = None,
    linear_light: bool = False,
    precision: str = "image",
    filters: Mapping[str, FilterSpec] | None = None,
) -> Any:
    """Applies a chain of filters, written as text, in one pass over the image.

    The result equals that of the filters one after another: each step is rounded to the image's dtype, but no
    whole image is made in between. With `precision="float"` the steps are kept in float32 (float64 for float64 images)
    instead, neither rounded nor cut off, in the image's units: white of an 8-bit image is 255.

    Steps are filters, or `correlate` and `convolve` with a `kernel` (rows, an ImageMagick kernel or a file), `bias` and
    `normalize`. `filters` are the specs to choose from; by default the catalogue and what `imgfilt.load` has loaded.
    The other keywords are those of `apply_filter`.

    Raises PipelineError (a ValueError) that points at the column of the text.

    >>> import imgfilt, numpy as np
    >>> imgfilt.apply("gaussian sigma=2 | sobel", np.zeros((4, 5, 3), np.uint8)).shape
    (4, 5)
    """
    from imgfilt import catalog

    given = (border, dtype, "auto", color, alpha, linear_light, precision, effort)
    arguments = None
    if filters is None:
        arguments = (apply, pipeline, catalog.edition(), given)
        executable = ready(image, arguments)
        if executable is not None:
            return run(executable, image, out, cval, threads)
    from imgfilt.pipeline import parse, resolve

    stages = resolve(parse(pipeline), catalog.known() if filters is None else filters)
    if any(_reads_files(stage) for stage in stages):
        arguments = None
    return run_stages(stages, image, Options(*given), cval, out, threads, arguments)


def apply_stages(
    stages: tuple[Stage, ...],
    image: Any,
    *,
    border: str = "reflect101",
    cval: float = 0.0,
    dtype: Any = None,
    out: Array | None = None,
    threads: int | None = None,
    effort: str = "estimate",
    color: str | None = None,
    alpha: str | None = None,
    linear_light: bool = False,
    precision: str = "image",
) -> Any:
    """`apply` for steps that are checked already, as those of a recipe."""
    options = Options(border, dtype, "auto", color, alpha, linear_light, precision, effort)
    return run_stages(stages, image, options, cval, out, threads)


def correlate(
    image: Any,
    kernel: ArrayLike,
    *,
    bias: float = 0.0,
    anchor: tuple[int, int] | None = None,
    stride: int | tuple[int, int] = 1,
    dilation: int | tuple[int, int] = 1,
    border: str = "reflect101",
    cval: float = 0.0,
    dtype: Any = None,
    out: Array | None = None,
    threads: int | None = None,
    backend: str = "auto",
    effort: str = "estimate",
    color: str | None = None,
    alpha: str | None = None,
    linear_light: bool = False,
) -> Any:
    """Correlates each channel with a 2-D kernel and adds `bias`: as cv2.filter2D and scipy.ndimage.correlate.

    `kernel` is not flipped; `anchor` is the (row, column) of the element that lies on the output pixel, the
    centre (kh // 2, kw // 2) by default. The other keywords are those of `apply_filter`.

    stride    keep every stride-th row and column (or a pair): pixel [i, j] is pixel [i * sy, j * sx] of the whole
              result, whose shape is (ceil(H / sy), ceil(W / sx)); the others are not computed
    dilation  the kernel's taps lie so many pixels apart (or a pair); the anchor is that of the kernel as given

    >>> import imgfilt, numpy as np
    >>> imgfilt.correlate(np.array([[1, 2, 4]], np.uint8), [[-1, 0, 1]], dtype="int16").tolist()
    [[0, 3, 0]]
    >>> imgfilt.correlate(np.arange(6, dtype=np.uint8).reshape(1, 6), [[1, 0, 1]], stride=(1, 3)).tolist()
    [[2, 6]]
    """
    options = (border, dtype, backend, color, alpha, linear_light, "image", effort)
    return _linear(correlate, image, kernel, bias, anchor, stride, dilation, options, cval, out, threads)


def convolve(
    image: Any,
    kernel: ArrayLike,
    *,
    bias: float = 0.0,
    anchor: tuple[int, int] | None = None,
    stride: int | tuple[int, int] = 1,
    dilation: int | tuple[int, int] = 1,
    border: str = "reflect101",
    cval: float = 0.0,
    dtype: Any = None,
    out: Array | None = None,
    threads: int | None = None,
    backend: str = "auto",
    effort: str = "estimate",
    color: str | None = None,
    alpha: str | None = None,
    linear_light: bool = False,
) -> Any:
    """Convolves each channel with a 2-D kernel: `correlate` with the kernel flipped, as scipy.ndimage.convolve.

    `anchor` is that of the kernel as given; with kernels of even size the default is SciPy's too. The keywords
    are those of `correlate`.

    >>> import imgfilt, numpy as np
    >>> imgfilt.convolve(np.array([[1, 2, 4]], np.uint8), [[-1, 0, 1]], dtype="int16").tolist()
    [[0, -3, 0]]
    """
    options = (border, dtype, backend, color, alpha, linear_light, "image", effort)
    return _linear(convolve, image, kernel, bias, anchor, stride, dilation, options, cval, out, threads)


def _linear(
    function: Callable[..., Any],
    image: Any,
    kernel: ArrayLike,
    bias: float,
    anchor: tuple[int, int] | None,
    stride: int | tuple[int, int],
    dilation: int | tuple[int, int],
    options: tuple[Any, ...],
    cval: float,
    out: Array | None,
    threads: int | None,
) -> Any:
    """What `correlate` and `convolve` do. An array of weights is known again by its bytes, which may change."""
    arguments = None
    if kernel.__class__ is np.ndarray and kernel.nbytes <= _LARGEST_KEY:
        arguments = (
            function, kernel.tobytes(), kernel.shape, kernel.dtype, bias, options,
            anchor if anchor is None else exactly(anchor),
            stride if stride.__class__ is int else exactly(stride),
            dilation if dilation.__class__ is int else exactly(dilation),
        )  # fmt: skip
        executable = ready(image, arguments)
        if executable is not None:
            return run(executable, image, out, cval, threads)
    given = _kernel(kernel, anchor)
    stage = _correlation(given if function is correlate else given.flipped(), bias, stride, dilation)
    return run_stages((stage,), image, Options(*options), cval, out, threads, arguments)


def plan(
    what: str | ArrayLike | FilterSpec | Chain,
    shape: tuple[int, ...],
    dtype: Any = "uint8",
    *,
    border: str = "reflect101",
    threads: int | None = None,
    backend: str = "auto",
    effort: str = "estimate",
    color: str | None = None,
    alpha: str | None = None,
    linear_light: bool = False,
    precision: str = "image",
    out_dtype: Any = None,
    **params: Any,
) -> Plan:
    """What would be done to images of a shape and dtype by a filter, a pipeline's text or a kernel, and why.

    `what` may also be "pyr_down", "pyr_up" or "upsample"; `params` are the function's own keywords. With
    `effort="measure"` the leading candidates of each convolution are timed, up to 4 of those predicted to take at most
    3 times as long as the best, and the plan prints what they took.

    The plan prints itself; `.backend` names the way of convolving, `.to_dict()` is for JSON.

    >>> import imgfilt
    >>> imgfilt.plan("gaussian", shape=(2160, 3840), dtype="float32", sigma=2.0).backend
    'separable'
    """
    shape, name = checked_shape(shape), as_dtype(dtype)
    stages: tuple[Stage, ...]
    if isinstance(what, FilterSpec):
        stages = (Stage(what, params),)
    elif isinstance(what, Chain):
        stages = what.stages
    elif isinstance(what, str):
        from imgfilt.catalog import find, known
        from imgfilt.pipeline import parse, resolve

        if what in RESAMPLINGS:
            stages = (resampling(what, (shape[0], shape[1]), params),)
        elif "|" in what or "=" in what:
            if params:
                raise TypeError(
                    f"a pipeline has its parameters in its text, got {next(iter(params))!r} beside {what!r}"
                )
            stages = resolve(parse(what), known())
        else:
            stages = (Stage(find(what, known()), params),)
    else:
        anchor = params.pop("anchor", None)
        rest = params.pop("bias", 0.0), params.pop("stride", 1), params.pop("dilation", 1)
        stages = (_correlation(_kernel(what, anchor), *rest),)
        if params:
            raise TypeError(f"a kernel has no parameter {next(iter(params))!r}")
    options = Options(border, out_dtype, backend, color, alpha, linear_light, precision, effort)
    return plan_of(stages, shape, name, options, threads_for(threads))


def integral(image: Any, *, out: Array | None = None, threads: int | None = None) -> Array:
    """The summed-area table: S[y, x] is the sum of image[:y, :x], of shape (H + 1, W + 1[, C]).

    The sums' dtype is the narrowest of int32, int64 that holds the sum of any image of this size and dtype;
    float64 for floats (Crow, Summed-area tables for texture mapping, 1984). `out` is an array for the table, of that
    dtype.

    Raises TypeError or ValueError where the image is none, or `out` has another shape or dtype.

    >>> import imgfilt, numpy as np
    >>> imgfilt.integral(np.ones((2, 3), np.uint8)).tolist()
    [[0, 0, 0, 0], [0, 1, 2, 3], [0, 2, 4, 6]]
    """
    from imgfilt import _native

    array = as_image(image)
    shape, dtype = _table(array.shape, array.dtype)
    if out is None:
        out = np.empty(shape, dtype)
    elif not check_out(out, shape, dtype).flags.aligned:
        out[...] = integral(array, threads=threads)
        return out
    _native.integral(array, out, threads_for(threads))
    return out


@lru_cache(maxsize=512)
def _table(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of the summed-area table of an image."""
    from imgfilt.rows import RANGES

    height, width, *channels = shape
    if dtype.kind == "f":
        name = "float64"
    else:
        name = "int32" if height * width * max(abs(v) for v in RANGES[dtype.name]) < 2**31 else "int64"
    return (height + 1, width + 1, *channels), np.dtype(name)


def box_sum(image: Any, size: int | tuple[int, int], **keywords: Any) -> Array:
    """The sum of the `size` x `size` (or height x width) pixels around each pixel, exact for integers.

    The result's dtype is float32 for float32 images and where 24 bits hold any sum of uint8, else float64, unless
    `dtype=` says otherwise. The keywords are those of `correlate`.

    Raises ValueError where a size is not an odd positive integer.

    >>> import imgfilt, numpy as np
    >>> float(imgfilt.box_sum(np.ones((5, 5), np.uint8), 3)[2, 2])
    9.0
    """
    sizes = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(sizes) != 2 or any(not isinstance(n, int | np.integer) or n < 1 or n % 2 == 0 for n in sizes):
        raise ValueError(f"size must be an odd positive integer (or a pair of them), got {size!r}")
    height, width = (int(n) for n in sizes)
    array = as_image(image)
    if "dtype" not in keywords:
        exact = dtype_name(array).startswith("uint8") and height * width * 255 < 2**24
        keywords["dtype"] = "float32" if exact or array.dtype == np.float32 else "float64"
    result: Array = correlate(array, np.ones((height, width)), **keywords)
    return result


def filters() -> tuple[str, ...]:
    """The names of the filters of the catalogue, and of those that `imgfilt.load` has loaded, sorted."""
    from imgfilt.catalog import known

    return tuple(sorted(known()))


def backends() -> tuple[str, ...]:
    """The names that `backend=` takes beside "auto"."""
    from imgfilt.backend import names

    return names()


def _reads_files(stage: Stage) -> bool:
    """Whether a step of a pipeline's text may have a kernel in it, which may be a file's name."""
    return not isinstance(stage.what, FilterSpec) or any(p.kind == "weights" for p in stage.what.params)


def _kernel(weights: ArrayLike, anchor: Sequence[int] | None) -> Kernel:
    kernel = Kernel.of(weights)
    if anchor is None:
        return kernel
    try:
        y, x = (operator.index(a) for a in anchor)
        inside = 0 <= y < kernel.shape[0] and 0 <= x < kernel.shape[1]
    except (TypeError, ValueError):
        inside = False
    if not inside:
        raise ValueError(f"anchor must be (row, column) inside the {kernel.shape} kernel, got {anchor!r}")
    return Kernel(kernel.weights, (y, x))


def _correlation(kernel: Kernel, bias: float, stride: Any, dilation: Any) -> Stage:
    strides, apart = a_pair("stride", stride), a_pair("dilation", dilation)
    params: dict[str, Any] = {"bias": float(bias)}
    if strides != (1, 1):
        params["stride"] = strides
    return Stage(dilated(kernel, apart), params)
