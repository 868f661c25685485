"""What a backend of filter banks or of transposed convolutions is, and how one is run in any layout."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgfilt.bank import layouts
from imgfilt.bank.problem import BankProblem
from imgfilt.problem import Refusal

P = TypeVar("P", bound=BankProblem)
Q = TypeVar("Q", bound=BankProblem, contravariant=True)


class Backend(Protocol[Q]):
    """A module with these names; the tables' own pages say what they mean."""

    name: str
    layouts: tuple[str, ...]
    local: bool

    def supports(self, problem: Q) -> Refusal | None: ...

    def workspace(self, problem: Q, threads: int) -> int: ...

    def error(self, problem: Q) -> float: ...

    def cost(self, problem: Q) -> float: ...

    def run(
        self,
        problem: Q,
        x: NDArray[Any],
        weight: NDArray[Any],
        bias: NDArray[Any] | None,
        out: NDArray[Any],
        threads: int,
    ) -> None: ...


def run_backend(
    backend: Backend[P],
    problem: P,
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    out: NDArray[Any],
    threads: int,
) -> None:
    """Runs a backend on arrays of the problem's layout, brought to one that it takes where it must be."""
    if problem.layout in backend.layouts:
        backend.run(problem, x, weight, bias, out, threads)
        return
    images = layouts.to_nchw(x, problem.layout)
    result = (
        np.empty((problem.batch, problem.filters, *problem.out), out.dtype)
        if problem.layout == "CHWN8"
        else None
    )
    target = layouts.to_nchw(out, problem.layout) if result is None else result
    if "NCHW" not in backend.layouts:
        images, turned = (
            layouts.from_nchw(images, backend.layouts[0]),
            layouts.from_nchw(target, backend.layouts[0]),
        )
        backend.run(problem, images, weight, bias, turned, threads)
    else:
        backend.run(problem, images, weight, bias, target, threads)
    if result is not None:
        out[...] = layouts.from_nchw(result, "CHWN8")
