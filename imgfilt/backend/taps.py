"""Weighted sums of shifted elements as row operations; what the backends that multiply have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from imgfilt.arithmetic import Arithmetic, rounding_error, sum_range
from imgfilt.problem import Problem
from imgfilt.records import record, replace
from imgfilt.rows import Line, RowBuilder, RowOp, Tap

_SHORT = {"uint16": "u16", "int16": "i16", "int32": "i32", "float32": "f32", "float64": "f64", "uint8": "u8"}


def arithmetic_of(lower: Callable[[Problem, RowBuilder, Line], Line], problem: Problem) -> str:
    """The element types of the sums of a lowered problem, in order, and whether the result is exact."""
    rows = RowBuilder(problem.dtype, problem.channels)
    line = lower(problem, rows, replace(rows.source, low=problem.low, high=problem.high))
    return sums_of(rows, line)


def sums_of(rows: RowBuilder, line: Line) -> str:
    """The element types of the sums of a program, and whether `line` is exact."""
    types = dict.fromkeys(_SHORT[op.dtype] for op in rows.ops if op.kind in ("taps", "slide", "window"))
    return "/".join(types) + (" exact" if line.error == 0 else "")


@record
class Weighted:
    """2-D weights, the element that lies on the output, a factor that is left for later, and whether zeros count."""

    weights: NDArray[np.float64]
    anchor: tuple[int, int]
    scale: float
    filled: bool = False

    def taps(self, phase: int = 0) -> tuple[Tap, ...]:
        """One tap a nonzero weight (each weight, if filled), row by row; a single one where all are 0, none of none."""
        if not self.weights.size:
            return ()
        found = [
            Tap(0, int(i) - self.anchor[0], int(j) - self.anchor[1], float(self.weights[i, j]), phase)
            for i, j in np.argwhere((self.weights != 0) | self.filled)
        ]
        return tuple(found) or (Tap(0, 0, 0, 0.0, phase),)


@record
class Rate:
    """Which sums are wanted: every `stride[0]`-th row's, every `stride[1]`-th column's and `extra` columns more."""

    stride: tuple[int, int] = (1, 1)
    extra: int = 0


_ALL = Rate()


def add_taps(
    rows: RowBuilder,
    line: Line,
    w: Weighted,
    arithmetic: Arithmetic,
    *,
    final: bool = True,
    rate: Rate = _ALL,
) -> Line:
    """The weighted sum of `line` in the given arithmetic; `final` is False for a partial sum inside a kernel."""
    return add_phases(rows, line, (w,), arithmetic, final=final, rate=rate)


def add_phases(
    rows: RowBuilder,
    line: Line,
    phases: Sequence[Weighted],
    arithmetic: Arithmetic,
    *,
    final: bool = True,
    rate: Rate = _ALL,
) -> Line:
    """A row for each of the sums in turn, of one scale; where there are several, the line has no offset."""
    taps = tuple(tap for phase, w in enumerate(phases) for tap in w.taps(phase))
    step, across = rate.stride
    if arithmetic.dtype in ("int16", "int32"):
        # Taps that look sideways need columns beyond the ends: a line of 16-bit elements of its own, made once
        # a row. Vertical ones read the image's own 8-bit rows.
        sideways = across > 1 or any(t.dx for t in taps)
        if line.dtype == "uint8" and (arithmetic.dtype == "int32" or sideways):
            line = rows.real(line, "int16", keep_scale=True)
        init = arithmetic.init
        ranges = [sum_range(w.weights.astype(np.int64), line.low, line.high) for w in phases]
        low, high = float(min(r[0] for r in ranges) + init), float(max(r[1] for r in ranges) + init)
        error = arithmetic.error
    else:
        line = rows.real(line, arithmetic.dtype, keep_scale=True)
        init = 0
        size = max(float(np.abs(w.weights).sum()) for w in phases) * line.largest
        low, high = -size, size
        errors = [rounding_error(w.weights, arithmetic.dtype, line.low, line.high) for w in phases]
        error = 0.0 if arithmetic.exact else max(errors)
    inputs, taps = strided(rows, (line.index,), taps, across, rate.extra)
    index = rows.add(
        RowOp("taps", arithmetic.dtype, line.channels, inputs, extended=final, taps=taps, init=float(init),
              up=len(phases), step=step)
    )  # fmt: skip
    factor = phases[0].scale
    scale = line.scale * factor
    before = max(float(np.abs(w.weights).sum()) for w in phases) * abs(factor) * line.error
    total = float(phases[0].weights.sum())
    return Line(index, arithmetic.dtype, line.channels, low, high, scale,
                line.offset * total * factor - init * scale, error * abs(scale) + before,
                after_convolution=True)  # fmt: skip


def strided(
    rows: RowBuilder, inputs: tuple[int, ...], taps: tuple[Tap, ...], stride: int, extra: int
) -> tuple[tuple[int, ...], tuple[Tap, ...]]:
    """The inputs taken apart into the phases that the taps of every `stride`-th pixel read, and the taps on them."""
    if stride == 1:
        return inputs, taps
    made: dict[tuple[int, int], int] = {}
    lines: list[int] = []
    found: list[Tap] = []
    for tap in taps:
        dx, phase = divmod(tap.dx, stride)
        if (tap.input, phase) not in made:
            source = inputs[tap.input]
            op = rows.ops[source]
            made[tap.input, phase] = len(lines)
            lines.append(
                rows.add(RowOp("decimate", op.dtype, op.channels, (source,), extended=op.extended, size=stride,
                               origin=phase, extra=extra))
            )  # fmt: skip
        found.append(tap._replace(input=made[tap.input, phase], dx=dx))
    return tuple(lines), tuple(found)
