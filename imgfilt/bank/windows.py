"""Which elements of the input a tap meets: slices in place of a padded copy of the input."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from imgfilt.bank.problem import BankProblem

Array = NDArray[Any]


class Meeting(NamedTuple):
    """Rows and columns of the output for which one tap lies inside the input, and those of the input it meets."""

    out_rows: slice
    out_columns: slice
    rows: slice
    columns: slice


def meeting(problem: BankProblem, u: int, v: int) -> Meeting:
    """What the tap in row `u` and column `v` of the kernel meets; slices may be empty."""
    out_rows, rows = _along(problem, 0, u)
    out_columns, columns = _along(problem, 1, v)
    return Meeting(out_rows, out_columns, rows, columns)


def _along(problem: BankProblem, axis: int, tap: int) -> tuple[slice, slice]:
    stride = problem.stride[axis]
    offset = tap * problem.dilation[axis] - problem.padding[2 * axis]
    size = (problem.height, problem.width)[axis]
    first = max(0, -(offset // stride))  # the smallest t with t * stride + offset >= 0
    end = min(problem.out[axis], (size - 1 - offset) // stride + 1)
    if end <= first:
        return slice(0, 0), slice(0, 0)
    start = first * stride + offset
    return slice(first, end), slice(start, start + (end - first - 1) * stride + 1, stride)


def padded(problem: BankProblem, x: Array) -> Array:
    """An (N, C, H, W) array with its zeros around; itself where there are none."""
    import numpy as np

    top, bottom, left, right = problem.padding
    if not any(problem.padding):
        return x
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
