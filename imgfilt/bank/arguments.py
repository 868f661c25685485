"""What callers of `conv2d` and `conv_transpose2d` pass in: checked, and made into arrays that the backends take."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgfilt.bank.geometry import one

Array = NDArray[Any]

_WHOLE = ("uint8", "uint16", "int16")
_COMPUTING = {np.dtype(name): "float32" for name in (*_WHOLE, "float32")} | {np.dtype("float64"): "float64"}


def computing_dtype(name: str, dtype: np.dtype[Any]) -> str:
    """The dtype to compute in: float32 for integers.

    Raises TypeError with the argument's name for other dtypes.
    """
    found = _COMPUTING.get(dtype) or _COMPUTING.get(dtype.newbyteorder("="))
    if found is not None:
        return found
    raise TypeError(
        f"{name} must have dtype float32, float64, {', '.join(_WHOLE[:-1])} or {_WHOLE[-1]}, got {dtype}"
    )


def real_array(name: str, value: ArrayLike) -> tuple[Array, str]:
    """An array in native byte order, and the dtype to compute in."""
    array = np.asarray(value)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array, computing_dtype(name, array.dtype)


def four_axes(
    value: ArrayLike, dtype: str, name: str = "weight", axes: str = "(M, C / groups, kh, kw)"
) -> Array:
    """Weights of four axes, without gaps, in `dtype`.

    Raises TypeError or ValueError with the argument's name.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be an array of real numbers, got dtype {array.dtype}")
    if array.ndim != 4:
        raise ValueError(f"{name} must have shape {axes}, got {array.shape}")
    return np.ascontiguousarray(array, dtype)


def offsets_of(value: ArrayLike | None, filters: int, dtype: str) -> Array | None:
    """The bias, one number a filter, in `dtype`.

    Raises ValueError for anything else.
    """
    if value is None:
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.shape != (filters,):
        raise ValueError(
            f"bias must be {filters} real numbers, one a filter, got shape {array.shape} of {array.dtype}"
        )
    return np.ascontiguousarray(array, dtype)


def separate_from(
    out: Array, x: Array, weight: Array, bias: Array | None
) -> tuple[Array, Array, Array | None]:
    """The inputs, copied where one of them may overlap `out`."""
    if not (
        np.may_share_memory(out, x)
        or np.may_share_memory(out, weight)
        or (bias is not None and np.may_share_memory(out, bias))
    ):
        return x, weight, bias
    return x.copy(), weight.copy(), None if bias is None else bias.copy()


def backend_name(backend: Any) -> str:
    """A name to look up, whatever was passed."""
    return backend if isinstance(backend, str) else repr(backend)


def byte_limit(max_workspace: Any) -> int:
    """`max_workspace` if it is an integer, at least 0; else ValueError."""
    if type(max_workspace) is int and max_workspace >= 0:
        return max_workspace
    return one("max_workspace", max_workspace, 0)
