"""Enlarging by transposed convolution without its zeros: one small kernel for each phase of rows and columns.

A transposed convolution of stride s spreads each pixel out as the kernel, s pixels apart; that is the convolution
of the image with s - 1 zeros between its pixels. An output of phase (r, c), its row and column modulo s, meets only
the taps w[r::s, c::s], counted from the anchor: the kernel is segregated into s * s, no zero is inserted and none is
multiplied (Crochiere and Rabiner, Multirate digital signal processing, 1983; "kernel-segregated transpose
convolution", 2022). Kernels of rank 1 are done in the phases of the rows, then in those of the columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgfilt.arithmetic import Arithmetic, integer_sums, real_sum
from imgfilt.backend.taps import Weighted, add_phases, add_taps
from imgfilt.kernel import Kernel, facts
from imgfilt.rows import Line, RowBuilder

name = "polyphase"

Weights = NDArray[np.float64]


def lower(kernel: Kernel, factor: tuple[int, int], rows: RowBuilder, line: Line) -> tuple[Line, ...]:
    """The columns' phases of the enlarged image, one line each, of one dtype, scale and offset."""
    known = facts(kernel)
    whole = known.numerators is not None and line.integral
    scale = known.scale if whole else 1.0
    anchor = known.trimmed.anchor
    if known.rank == 1 and known.factors:
        column, row = known.factors[0]
        if known.numerators is not None and not whole:
            column = column * known.scale
        down = [
            _phase(column[:, None], (anchor[0], 0), (factor[0], 1), (r, 0), scale) for r in range(factor[0])
        ]
        along = [_phase(row[None, :], (0, anchor[1]), (1, factor[1]), (0, c), 1.0) for c in range(factor[1])]
        passes = _integer_passes(down, along, line) if whole else None
        if passes is None:
            largest = max(
                (np.multiply.outer(d.weights, a.weights).ravel() for d in down for a in along), key=_size
            )
            one = _real(largest, line, whole=whole)
            passes = (one, one)
        line = add_phases(rows, line, down, passes[0], final=False)
        return tuple(add_taps(rows, line, w, passes[1]) for w in along)
    weights = np.rint(known.trimmed.weights / known.scale) if whole else known.trimmed.weights
    parts = [
        [_phase(weights, anchor, factor, (r, c), scale) for r in range(factor[0])] for c in range(factor[1])
    ]
    every = [w.weights for part in parts for w in part]
    arithmetic = (
        integer_sums([w.astype(np.int64) for w in every], line.dtype, line.low, line.high) if whole else None
    )
    arithmetic = arithmetic or _real(max(every, key=_size), line, whole=whole)
    return tuple(add_phases(rows, line, part, arithmetic) for part in parts)


def _size(weights: Weights) -> float:
    return float(np.abs(weights).sum())


def _real(weights: Weights, line: Line, *, whole: bool) -> Arithmetic:
    return real_sum(weights, line.dtype, line.low, line.high, whole and _size(weights) * line.largest < 2**53)


def _phase(
    weights: Weights, anchor: tuple[int, int], factor: tuple[int, int], phase: tuple[int, int], scale: float
) -> Weighted:
    """The taps that outputs of a phase meet, as weights of a correlation.

    Tap t of an axis lies on output s * m + r where t - anchor = r - s * d, d the offset of the input from m.
    """
    picked: Weights = weights
    origin = []
    for axis in (0, 1):
        s, first = factor[axis], (phase[axis] + anchor[axis]) % factor[axis]
        taps = np.arange(first, weights.shape[axis], s)[
            ::-1
        ]  # the farthest tap meets the input farthest before
        picked = picked.take(taps, axis)
        nearest = (phase[axis] + anchor[axis] - first) // s  # the offset of the input that tap `first` meets
        origin.append(len(taps) - 1 - nearest)
    return Weighted(picked, (origin[0], origin[1]), scale)


def _integer_passes(
    down: list[Weighted], along: list[Weighted], line: Line
) -> tuple[Arithmetic, Arithmetic] | None:
    """16 bits down, then 16 or 32 along; None where the first pass does not fit 16 bits as it is."""
    first = integer_sums([w.weights.astype(np.int64) for w in down], line.dtype, line.low, line.high)
    if first is None or first.dtype != "int16" or first.init:
        return None
    every = [np.multiply.outer(d.weights, a.weights).astype(np.int64).ravel() for d in down for a in along]
    low = min(float(np.minimum(w.weights * line.low, w.weights * line.high).sum()) for w in down)
    high = max(float(np.maximum(w.weights * line.low, w.weights * line.high).sum()) for w in down)
    second = integer_sums([w.weights.astype(np.int64) for w in along], "int16", low, high)
    if second is None:
        return None
    # The range of the second pass over any lines is wider than over those that the first makes.
    exact = integer_sums(every, line.dtype, line.low, line.high)
    if second.dtype == "int32" and exact is not None and exact.dtype == "int16" and not exact.init:
        second = exact
    return first, second
