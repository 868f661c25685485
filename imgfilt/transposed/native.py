"""The native core's three methods as backends call them."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from imgfilt.transposed.problem import TransposedProblem

Array = NDArray[Any]

SEGREGATED, SCATTER, ZERO_INSERT = 0, 1, 2


def native_run(
    method: int,
    problem: TransposedProblem,
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    threads: int,
) -> None:
    """Convolves (N, C, H, W) arrays with any strides; the result does not depend on `threads`."""
    from imgfilt import _native

    p = problem
    _native.transposed(method, x, weight, bias, out, p.stride, p.lacking, p.dilation, p.groups, threads)


def native_workspace(method: int, problem: TransposedProblem, threads: int) -> int:
    """The bytes that `native_run` allocates: bands of the input, weights in the order of reading, sums."""
    from imgfilt import _native

    p = problem
    return _native.transposed_workspace(
        method, (p.batch, p.channels, p.height, p.width), (p.batch, p.filters, *p.out), p.kernel, p.stride,
        p.lacking, p.dilation, p.groups, p.itemsize, threads,
    )  # fmt: skip
