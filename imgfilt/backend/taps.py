"""Weighted sums of shifted elements as row operations; what the backends that multiply have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgfilt.arithmetic import Arithmetic, rounding_error, sum_range
from imgfilt.rows import Line, RowBuilder, RowOp, Tap


@dataclass(frozen=True)
class Weighted:
    """2-D weights, the element that lies on the output, and a factor that is left for later."""

    weights: NDArray[np.float64]
    anchor: tuple[int, int]
    scale: float

    def taps(self) -> tuple[Tap, ...]:
        """One tap a nonzero weight, row by row; a single tap of weight 0 where there is none."""
        found = [
            Tap(0, int(i) - self.anchor[0], int(j) - self.anchor[1], float(self.weights[i, j]))
            for i, j in np.argwhere(self.weights)
        ]
        return tuple(found) or (Tap(0, 0, 0, 0.0),)


def add_taps(
    rows: RowBuilder, line: Line, w: Weighted, arithmetic: Arithmetic, *, final: bool = True
) -> Line:
    """The weighted sum of `line` in the given arithmetic; `final` is False for a partial sum inside a kernel."""
    taps = w.taps()
    total = float(w.weights.sum())
    if arithmetic.dtype in ("int16", "int32"):
        # Taps that look sideways need columns beyond the ends: a line of 16-bit elements of its own, made once
        # a row. Vertical ones read the image's own 8-bit rows.
        if line.dtype == "uint8" and (arithmetic.dtype == "int32" or any(t.dx for t in taps)):
            line = rows.real(line, "int16", keep_scale=True)
        init = arithmetic.init
        bottom, top = sum_range(w.weights.astype(np.int64), line.low, line.high)
        low, high = float(bottom + init), float(top + init)
        error = 0.0
    else:
        line = rows.real(line, arithmetic.dtype, keep_scale=True)
        init = 0
        size = float(np.abs(w.weights).sum()) * line.largest
        low, high = -size, size
        error = 0.0 if arithmetic.exact else rounding_error(w.weights, arithmetic.dtype, line.largest)
    index = rows.add(
        RowOp(
            "taps",
            arithmetic.dtype,
            line.channels,
            (line.index,),
            extended=final,
            taps=taps,
            init=float(init),
        )
    )
    scale = line.scale * w.scale
    before = float(np.abs(w.weights).sum()) * abs(w.scale) * line.error
    return Line(index, arithmetic.dtype, line.channels, low, high, scale,
                line.offset * total * w.scale - init * scale, error * abs(scale) + before,
                after_convolution=True)  # fmt: skip
