"""From the arguments of a call to the plan that runs it; what was called in the same way before is found at once."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
from imgfilt.planner import Timings, make_plan
from imgfilt.plans import Plan
from imgfilt.stages import ALPHAS, Stage, compile_graph, dtype_between

Array = NDArray[Any]

EFFORTS = ("estimate", "measure")

_CACHE_SIZE = 512
_MOST_THREADS = 1024
_planned: dict[Any, Executable] = {}
"""By what the arguments mean: stages, shape, dtype and options."""
_ready: dict[Any, Executable] = {}
"""By the arguments as they were given, which is sooner looked up than found out."""


class Options(NamedTuple):
    """The keywords of all filters that decide the plan."""

    border: str = "reflect101"
    dtype: Any = None
    backend: str = "auto"
    color: str | None = None
    alpha: str | None = None
    linear_light: bool = False
    precision: str = "image"
    effort: str = "estimate"


def exactly(value: Any) -> Any:
    """A part of a key that differs where types do, those of a tuple's members too: True equals 1, but is no size."""
    return (*map(exactly, value), tuple) if value.__class__ is tuple else (value, value.__class__)


def ready(image: Any, arguments: tuple[Any, ...]) -> Executable | None:
    """What ran an earlier call with these arguments on such an image, if there was one."""
    if image.__class__ is not np.ndarray:
        return None
    try:
        return _ready.get((arguments, image.shape, image.dtype))
    except TypeError:  # an argument that cannot be a key
        return None


def run(executable: Executable, image: Array, out: Array | None, cval: float, threads: int | None) -> Array:
    """The result for an image that the plan is for, the other arguments as given."""
    if out is not None and not (
        out.__class__ is np.ndarray
        and out.shape == executable.out_shape
        and out.dtype is executable.out_dtype
        and out.flags.behaved
    ):
        check_out(out, executable.out_shape, executable.out_dtype)
        if not out.flags.aligned:
            out[...] = run(executable, image, None, cval, threads)
            return out
    return executable.run(image, out, _constant(cval), threads_for(threads))


def run_stages(
    stages: tuple[Stage, ...],
    image: Any,
    options: Options,
    cval: float,
    out: Array | None,
    threads: int | None,
    arguments: tuple[Any, ...] | None = None,
) -> Any:
    """The filtered image. Later calls with the same `arguments` find their plan by `ready`.

    Equal `arguments` must mean the same, errors included.
    """
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
    if arguments is not None and array is image and options.effort == "estimate":
        _remember(_ready, (arguments, array.shape, array.dtype), executable)
    return run(executable, array, out, cval, count)


def _remember(calls: dict[Any, Executable], key: Any, executable: Executable) -> None:
    if len(calls) >= _CACHE_SIZE:
        calls.clear()
    try:
        calls[key] = executable
    except TypeError:  # an argument that cannot be a key: the next call plans anew
        return


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
    executable = _executable(stages, checked_shape(image.shape), as_dtype(image.dtype), options, count)
    return Bands(executable, image, _constant(cval), count)


def _constant(cval: float) -> float:
    try:
        return float(cval)
    except (TypeError, ValueError):
        raise TypeError(f"cval must be a number, got {cval!r}") from None


def _executable(
    stages: tuple[Stage, ...], shape: tuple[int, ...], dtype: str, options: Options, threads: int
) -> Executable:
    """The plan of earlier calls that meant the same, else a new one."""
    key: tuple[Any, ...] = (stages, shape, dtype, options)
    if options.effort == "measure":
        from imgfilt import wisdom

        key = (*key, threads, wisdom.edition())
    try:
        executable = _planned.get(key)
    except TypeError:  # a parameter that cannot be a key
        executable = None
    if executable is None:
        executable = Executable(plan_of(stages, shape, dtype, options, threads))
        _remember(_planned, key, executable)
    return executable


def plan_of(
    stages: tuple[Stage, ...], shape: tuple[int, ...], dtype: str, options: Options, threads: int
) -> Plan:
    """What is to be done to images of this shape and dtype. Raises ValueError or TypeError where an option is wrong."""
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


def threads_for(threads: int | None) -> int:
    """The number of threads that `threads` asks for; all processors of this process for None.

    Raises ValueError where it is not a positive integer.
    """
    if threads is None:
        return _all_threads()
    if threads.__class__ is int and 0 < threads <= _MOST_THREADS:
        return threads
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


def checked_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` as integers. Raises ValueError where it is no image's."""
    if not (isinstance(shape, tuple | list) and len(shape) in (2, 3) and all(int(n) > 0 for n in shape)):
        raise ValueError(f"shape must be (height, width) or (height, width, channels), got {shape!r}")
    return tuple(int(n) for n in shape)
