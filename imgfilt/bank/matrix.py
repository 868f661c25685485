"""Matrices of patches, and products that end in the output, whatever its strides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt.bank.problem import BankProblem
from imgfilt.bank.windows import meeting

Array = NDArray[Any]


def fill_columns(problem: BankProblem, x: Array, patches: Array, rows: slice) -> None:
    """(C, H, W) to patches (C, kh, kw, Ho, Wo) for the output's `rows`, zeros where a tap meets no element."""
    kh, kw = problem.kernel
    for u in range(kh):
        for v in range(kw):
            target = patches[:, u, v, rows]
            out_rows, out_columns, in_rows, in_columns = meeting(problem, u, v)
            first, end = max(rows.start, out_rows.start), min(rows.stop, out_rows.stop)
            if first >= end or out_columns.start >= out_columns.stop:
                target[...] = 0
                continue
            step = problem.stride[0]
            start = in_rows.start + (first - out_rows.start) * step
            source = x[:, start : start + (end - first - 1) * step + 1 : step, in_columns]
            top, bottom = first - rows.start, end - rows.start
            target[:, :top] = 0
            target[:, bottom:] = 0
            target[:, top:bottom, : out_columns.start] = 0
            target[:, top:bottom, out_columns.stop :] = 0
            target[:, top:bottom, out_columns] = source


def multiply_into(out: Array, left: Array, right: Array, bias: Array | None) -> None:
    """`out` (M, rows, columns) becomes left @ right + bias, `bias` one number a filter."""
    flat = out.reshape(out.shape[0], -1)
    if np.may_share_memory(flat, out):
        np.matmul(left, right, out=flat)
    else:
        out[...] = np.matmul(left, right).reshape(out.shape)
    if bias is not None:
        out += bias[:, None, None]
