"""The native core's backends that take batches in any layout, as their modules call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from imgfilt.bank.layouts import as_batch
from imgfilt.bank.problem import BankProblem

Array = NDArray[Any]


def native_run(
    function: Callable[..., None],
    problem: BankProblem,
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    threads: int,
    *first: int,
) -> None:
    """Calls a function of the core, `first` before the arrays; the result does not depend on `threads`."""
    p = problem
    function(
        *first, as_batch(x, p.layout), weight, bias, as_batch(out, p.layout), p.stride, p.padding, p.dilation,
        p.groups, threads,
    )  # fmt: skip


def native_workspace(function: Callable[..., int], problem: BankProblem, threads: int, *first: int) -> int:
    """What one of the core's functions says that another allocates, in bytes."""
    p = problem
    return function(
        *first, (p.batch, p.channels, p.height, p.width), (p.batch, p.filters, *p.out), p.kernel, p.stride, p.padding,
        p.dilation, p.groups, p.itemsize, threads,
    )  # fmt: skip
