"""Row programs as data: the operations that the native core runs over line buffers, and how they are listed.

A program is a tuple of `RowOp`; op i produces line i, one row at a time, from the lines of earlier ops. Op 0 is
the image, the last op the result. What each kind does is written in `native/program.hpp`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from imgfilt.records import record

KINDS = ("source", "convert", "luma", "taps", "slide", "window", "gradient", "divide", "magnitude", "maximum",
         "combine", "sharpen", "premultiply", "unpremultiply", "linearize", "delinearize", "copy_alpha",
         "decimate", "interleave")  # fmt: skip
DTYPES = ("uint8", "uint16", "int16", "int32", "float32", "float64")
ITEMSIZE = {"uint8": 1, "uint16": 2, "int16": 2, "int32": 4, "float32": 4, "float64": 8}
ROUNDINGS = ("half_even", "half_up")


class Tap(NamedTuple):
    """`weight` times the element `dy` rows below and `dx` pixels right of the output, of one of the inputs.

    Where an op makes several rows of one (`up`), only in the rows y with y % up == phase.
    """

    input: int
    dy: int
    dx: int
    weight: float
    phase: int = 0


@record
class RowOp:
    """One operation of a row program; fields that its kind does not use keep their defaults."""

    kind: str
    dtype: str
    channels: int
    inputs: tuple[int, ...] = ()
    extended: bool = True
    stage: bool = False
    taps: tuple[Tap, ...] = ()
    weights: tuple[float, ...] = ()
    init: float = 0.0
    shift: int = 0
    narrow: bool = False
    saturated: bool = False
    size: int = 0
    origin: int = 0
    scale: float = 1.0
    bias: float = 0.0
    rounding: str = "half_even"
    wide: bool = False
    amount: float = 0.0
    threshold: float = 0.0
    full: float = 1.0
    absolute: bool = False
    up: int = 1
    step: int = 1
    extra: int = 0

    def native(self) -> dict[str, Any]:
        """The op as the native core reads it."""
        return {
            "kind": KINDS.index(self.kind),
            "dtype": DTYPES.index(self.dtype),
            "rounding": ROUNDINGS.index(self.rounding),
            "inputs": list(self.inputs),
            "taps": [tuple(t) for t in self.taps],
            "weights": list(self.weights),
        } | {name: getattr(self, name) for name in _PLAIN}

    def describe(self) -> str:
        """The op in words, without its number."""
        reads = ", ".join(f"%{i}" for i in self.inputs)
        return f"{self.kind}({reads}){_details(self)} -> {self.dtype}x{self.channels}"


_PLAIN = ("channels", "extended", "stage", "init", "shift", "narrow", "saturated", "size", "origin", "scale", "bias",
          "wide", "amount", "threshold", "full", "absolute", "up", "step", "extra")  # fmt: skip


def _details(op: RowOp) -> str:
    if op.kind == "taps":
        rows, columns = {t.dy for t in op.taps}, {t.dx for t in op.taps}
        way = "vertical" if len(columns) == 1 else "horizontal" if len(rows) == 1 else "dense"
        values = " ".join(f"{t.weight:g}" for t in op.taps[:9]) + (" ..." if len(op.taps) > 9 else "")
        shift = f" >> {op.shift}" if op.shift else " saturated" if op.saturated else ""
        rate = f" of every {op.step}. row" if op.step > 1 else f" in {op.up} phases" if op.up > 1 else ""
        return f" {len(op.taps)} {way} taps [{values}]{shift}{rate}"
    if op.kind == "decimate":
        rate = f" of every {op.step}. row" if op.step > 1 else ""
        return f" every {op.size}. pixel from {op.origin}{rate}"
    if op.kind == "gradient":
        halves = (op.taps[: op.size], op.taps[op.size :])
        first, second = (" ".join(f"{t.weight:g}" for t in taps) for taps in halves)
        return f" sqrt([{first}]^2 + [{second}]^2)" + (f" * {op.scale:g}" if op.scale != 1.0 else "")
    if op.kind == "divide":
        return f" (x + {op.init:g}){_rounded(op)}"
    if op.kind in ("slide", "window"):
        return f" sum of {op.size} {'rows' if op.kind == 'slide' else 'pixels'}" + _rounded(op)
    if op.kind == "combine":
        values = " ".join(f"{w:g}" for w in op.weights)
        return f" [{values}] {op.bias:+g}" + (" absolute" if op.absolute else "")
    if op.kind == "sharpen":
        return f" amount {op.amount:g} threshold {op.threshold:g}" + (
            _rounded(op) and f" of the second{_rounded(op)}"
        )
    return _rounded(op)


def _rounded(op: RowOp) -> str:
    """What sums are multiplied by, shifted by, and what is added."""
    parts = []
    if op.scale != 1.0:
        parts.append(f"* {op.scale:g}")
    if op.shift:
        parts.append(f">> {16 + op.shift}")
    if op.bias != 0.0:
        parts.append(f"{op.bias:+g}")
    return (" " + " ".join(parts)) if parts else ""


def rates(ops: Sequence[RowOp]) -> list[tuple[float, float]]:
    """Rows and columns of each op's lines as parts of the image's."""
    found = [(1.0, 1.0)]
    for op in ops[1:]:
        rows, columns = found[op.inputs[0]]
        if op.kind == "decimate":
            columns /= op.size
        elif op.kind == "interleave":
            columns *= op.size
        found.append((rows * op.up / op.step, columns))
    return found


@record
class Line:
    """A line of a program under construction, and what its elements mean.

    value = element * scale + offset. Elements lie in low..high, and are whole numbers where `integral`.
    `error` bounds the difference of value from what real arithmetic would give (absolute, in value's units).
    """

    index: int
    dtype: str
    channels: int
    low: float
    high: float
    scale: float = 1.0
    offset: float = 0.0
    error: float = 0.0
    after_convolution: bool = False

    @property
    def integral(self) -> bool:
        return self.dtype not in ("float32", "float64")

    @property
    def plain(self) -> bool:
        return self.scale == 1.0 and self.offset == 0.0

    @property
    def largest(self) -> float:
        return max(abs(self.low), abs(self.high))


# Floats have no range of their own; bounds are stated for images within -1..1 and scale with the image.
RANGES: Mapping[str, tuple[float, float]] = {
    "uint8": (0, 255),
    "uint16": (0, 65535),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
    "float32": (-float("inf"), float("inf")),
    "float64": (-float("inf"), float("inf")),
}

FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0, "int16": 32767.0, "float32": 1.0, "float64": 1.0}
"""White, and opaque, in images of each dtype."""

FLOAT_TOLERANCE = {"float32": 1e-6, "float64": 1e-13}
"""What responses of floats may be off by, in parts of the sum of the absolute weights times the largest element."""

ROUND_OFF = {"float32": 2.0**-24, "float64": 2.0**-53}


class RowBuilder:
    """Collects the ops of one program; `ops` is the program so far."""

    def __init__(self, dtype: str, channels: int) -> None:
        self.ops: list[RowOp] = [RowOp("source", dtype, channels)]
        low, high = RANGES[dtype] if dtype not in ROUND_OFF else (-1.0, 1.0)
        self.source = Line(0, dtype, channels, low, high)

    def add(self, op: RowOp) -> int:
        """Appends `op` and gives its number."""
        self.ops.append(op)
        return len(self.ops) - 1

    def convert(self, line: Line, dtype: str, *, rounding: str = "half_even", stage: bool = False) -> Line:
        """The line's values as elements of `dtype`, scale 1 and offset 0; rounded and saturated for integers."""
        if line.dtype == dtype and line.plain and not stage:
            return line
        low, high = sorted((line.low * line.scale + line.offset, line.high * line.scale + line.offset))
        limits = RANGES[dtype]
        wide = line.dtype == "int32" and line.largest >= 2**24
        index = self.add(
            RowOp("convert", dtype, line.channels, (line.index,), stage=stage, scale=line.scale, bias=line.offset,
                  rounding=rounding, wide=wide)
        )  # fmt: skip
        error = line.error
        if dtype in ROUND_OFF and not (line.integral and line.plain and line.largest <= 2**24):
            error += 2 * ROUND_OFF[dtype] * max(abs(low), abs(high))
        return Line(index, dtype, line.channels, max(low, limits[0]), min(high, limits[1]), error=error,
                    after_convolution=line.after_convolution)  # fmt: skip

    def real(self, line: Line, dtype: str, *, keep_scale: bool = False) -> Line:
        """The line in real arithmetic; with `keep_scale` its scale and offset stay to be folded elsewhere."""
        if line.dtype == dtype and (line.plain or keep_scale):
            return line
        if not keep_scale:
            return self.convert(line, dtype)
        index = self.add(RowOp("convert", dtype, line.channels, (line.index,)))
        return Line(index, dtype, line.channels, line.low, line.high, line.scale, line.offset, line.error,
                    line.after_convolution)  # fmt: skip
