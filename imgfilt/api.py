"""The public functions: arrays (or PIL images) in, filtered ones out."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgfilt.bands import Bands, RowImage
from imgfilt.borders import canonical
from imgfilt.engine import Executable
from imgfilt.images import (
    as_dtype,
    as_image,
    check_out,
    dtype_name,
    from_pil,
    is_pil,
    is_tensor,
    to_pil,
    to_tensor,
)
from imgfilt.kernel import Kernel, dilated
from imgfilt.planner import Timings, make_plan
from imgfilt.plans import Plan
from imgfilt.resampling import RESAMPLINGS, a_pair, resampling
from imgfilt.spec import FilterSpec
from imgfilt.stages import ALPHAS, Chain, Stage, compile_graph, dtype_between

Array = NDArray[Any]

EFFORTS = ("estimate", "measure")

_CACHE_SIZE = 512
_MOST_THREADS = 1024
_cache: dict[Any, Executable] = {}


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
    from imgfilt.catalog import known
    from imgfilt.pipeline import parse, resolve

    stages = resolve(parse(pipeline), known() if filters is None else filters)
    options = Options(border, dtype, "auto", color, alpha, linear_light, precision, effort)
    return run_stages(stages, image, options, cval, out, threads)


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
    stage = _correlation(_kernel(kernel, anchor), bias, stride, dilation)
    options = Options(border, dtype, backend, color, alpha, linear_light, effort=effort)
    return run_stages((stage,), image, options, cval, out, threads)


def convolve(
    image: Any,
    kernel: ArrayLike,
    *,
    bias: float = 0.0,
    anchor: tuple[int, int] | None = None,
    **keywords: Any,
) -> Any:
    """Convolves each channel with a 2-D kernel: `correlate` with the kernel flipped, as scipy.ndimage.convolve.

    `anchor` is that of the kernel as given; with kernels of even size the default is SciPy's too. The keywords
    are those of `correlate`.

    >>> import imgfilt, numpy as np
    >>> imgfilt.convolve(np.array([[1, 2, 4]], np.uint8), [[-1, 0, 1]], dtype="int16").tolist()
    [[0, -3, 0]]
    """
    given = _kernel(kernel, anchor)
    (height, width), (y, x) = given.shape, given.anchor
    return correlate(
        image, given.weights[::-1, ::-1], bias=bias, anchor=(height - 1 - y, width - 1 - x), **keywords
    )


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
    >>> imgfilt.plan([[1, 2, 1], [2, 4, 2], [1, 2, 1]], shape=(2160, 3840), dtype="float32").backend
    'separable'
    """
    shape, name = _checked_shape(shape), as_dtype(dtype)
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
    return _plan(stages, shape, name, options, threads_for(threads))


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
    from imgfilt.rows import RANGES

    array = as_image(image)
    height, width = array.shape[:2]
    name = dtype_name(array)
    if name.startswith("float"):
        dtype = "float64"
    else:
        dtype = "int32" if height * width * max(abs(v) for v in RANGES[name]) < 2**31 else "int64"
    shape = (height + 1, width + 1, *array.shape[2:])
    if out is None:
        out = np.empty(shape, dtype)
    elif np.may_share_memory(array, check_out(out, shape, dtype)):
        array = array.copy()
    _native.integral(array, out, threads_for(threads))
    return out


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


def threads_for(threads: int | None) -> int:
    """The number of threads that `threads` asks for; all processors of this process for None.

    Raises ValueError where it is not a positive integer.
    """
    if threads is None:
        return _all_threads()
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1:
        raise ValueError(f"threads must be a positive integer or None for all processors, got {threads!r}")
    return min(int(threads), _MOST_THREADS)


_threads: int | None = None


def _all_threads() -> int:
    global _threads
    if _threads is None:
        from imgfilt import _native

        _threads = int(_native.all_threads())
    return _threads


def _checked_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    if not (isinstance(shape, tuple | list) and len(shape) in (2, 3) and all(int(n) > 0 for n in shape)):
        raise ValueError(f"shape must be (height, width) or (height, width, channels), got {shape!r}")
    return tuple(int(n) for n in shape)


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


class Options(NamedTuple):
    """The keywords of all filters that decide the plan."""

    border: str
    dtype: Any
    backend: str
    color: str | None
    alpha: str | None
    linear_light: bool
    precision: str = "image"
    effort: str = "estimate"


def run_stages(
    stages: tuple[Stage, ...],
    image: Any,
    options: Options,
    cval: float,
    out: Array | None,
    threads: int | None,
) -> Any:
    if isinstance(image, RowImage):
        return _run_bands(stages, image, options, cval, out, threads)
    if is_pil(image):
        array, has_alpha = from_pil(image)
        if options.alpha is None:
            options = options._replace(alpha="premultiply" if has_alpha else "each")
        result = run_stages(stages, array, options, cval, out, threads)
        return result if out is not None else to_pil(result, image)
    if is_tensor(image):
        result = run_stages(stages, as_image(image), options, cval, out, threads)
        return result if out is not None else to_tensor(result)
    array = as_image(image)
    count = threads_for(threads)
    executable = _executable(stages, array.shape, dtype_name(array), options, count)
    if out is not None:
        out = check_out(out, executable.plan.out_shape, executable.plan.out_dtype)
    return executable.run(array, out, _constant(cval), count)


def _run_bands(
    stages: tuple[Stage, ...],
    image: RowImage,
    options: Options,
    cval: float,
    out: object,
    threads: int | None,
) -> Bands:
    if out is not None:
        raise TypeError("out cannot be given for a RowImage: its result comes in bands")
    count = threads_for(threads)
    executable = _executable(stages, _checked_shape(image.shape), as_dtype(image.dtype), options, count)
    return Bands(executable, image, _constant(cval), count)


def _constant(cval: float) -> float:
    try:
        return float(cval)
    except (TypeError, ValueError):
        raise TypeError(f"cval must be a number, got {cval!r}") from None


def _executable(
    stages: tuple[Stage, ...], shape: tuple[int, ...], dtype: str, options: Options, threads: int
) -> Executable:
    """The plan of earlier calls with the same arguments, else a new one."""
    key: tuple[Any, ...] = (stages, shape, dtype, options)
    if options.effort == "measure":
        from imgfilt import wisdom

        key = (*key, threads, wisdom.edition())
    try:
        executable = _cache.get(key)
    except TypeError:  # a parameter that cannot be a key: plan anew
        return Executable(_plan(stages, shape, dtype, options, threads))
    if executable is None:
        executable = Executable(_plan(stages, shape, dtype, options, threads))
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        _cache[key] = executable
    return executable


def _plan(
    stages: tuple[Stage, ...], shape: tuple[int, ...], dtype: str, options: Options, threads: int
) -> Plan:
    canonical(options.border)
    alpha = options.alpha or "each"
    if alpha not in ALPHAS:
        raise ValueError(f"alpha must be one of {', '.join(ALPHAS)}, got {alpha!r}")
    timings = _timings(options, threads)
    out_dtype = dtype if options.dtype is None else as_dtype(options.dtype)
    channels = shape[2] if len(shape) == 3 else 1
    between = dtype_between(dtype, options.precision)
    root = compile_graph(
        stages, dtype, channels, options.color, alpha, options.linear_light, out_dtype, between
    )
    title = " | ".join(stage.title for stage in stages)
    if between != dtype and len(stages) > 1:
        title += f" ({between} between the steps)"
    return make_plan(
        root,
        title=title,
        shape=shape,
        dtype=dtype,
        border=options.border,
        threads=threads,
        backend=options.backend,
        timings=timings,
    )


def _timings(options: Options, threads: int) -> Timings | None:
    """What times backends for the planner, if it is to."""
    if options.effort not in EFFORTS:
        raise ValueError(f"effort must be one of {', '.join(EFFORTS)}, got {options.effort!r}")
    if options.effort == "estimate":
        return None
    if options.backend != "auto":
        raise ValueError(
            f"effort='measure' is for choosing a backend; leave backend at 'auto', got {options.backend!r}"
        )
    from imgfilt.timing import timings

    return partial(timings, threads=threads)
