"""Graph -> row program: each node becomes row operations, in the narrowest arithmetic that keeps it exact."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np

from imgfilt import graph
from imgfilt.records import record, replace
from imgfilt.rows import FULL_SCALE, ITEMSIZE, RANGES, ROUND_OFF, Line, RowBuilder, RowOp, Tap

_FEW = 6
"""Taps of reals of which a loop can do two sums at a time."""

_REALS = frozenset({("float32", "float32", "uint8"), ("float32", "float32", "uint16")})
_FINISHED = {
    "sharpen": _REALS | {("uint8", "int32", "uint8")},
    "combine": _REALS | {("uint8", "int32", "uint8"), ("int32", "int32", "uint8")},
}
"""Types of two lines, and of the pixels that one op makes of them."""

ConvolveBy = Callable[[graph.Convolve, RowBuilder, Line], Line]
"""Lowers one convolution of a line; the planner decides how."""
UpsampleBy = Callable[[graph.Upsample, RowBuilder, Line], tuple[Line, ...]]
"""Lowers an enlargement of a line to one line for each phase of its columns."""


@record
class Lowered:
    """A finished program, and the error bound of its result before rounding."""

    ops: tuple[RowOp, ...]
    channels: int
    dtype: str
    error: float


def lower(root: graph.Round, dtype: str, channels: int, pixel_dtype: str, convolve: ConvolveBy,
          upsample: UpsampleBy) -> Lowered:  # fmt: skip
    """The program for `root` on images of `dtype` and `channels`; `pixel_dtype` is the original image's."""
    lowering = _Lowering(dtype, channels, pixel_dtype, root, convolve, upsample)
    line = lowering.line(root)
    rows = lowering.rows
    if line.index == 0 or line.index != len(rows.ops) - 1:  # the result must be the last op
        rows.add(RowOp("convert", line.dtype, line.channels, (line.index,)))
    return Lowered(_used(rows.ops), line.channels, line.dtype, lowering.error)


def _used(ops: list[RowOp]) -> tuple[RowOp, ...]:
    """The ops that the last one rests on, renumbered, each once; fusing leaves some behind, and makes some twice."""
    wanted = {0, len(ops) - 1}
    for i in range(len(ops) - 1, 0, -1):
        if i in wanted:
            wanted.update(ops[i].inputs)
    number: dict[int, int] = {}
    found: dict[RowOp, int] = {}
    for old in sorted(wanted):
        op = replace(ops[old], inputs=tuple(number[j] for j in ops[old].inputs))
        number[old] = found.setdefault(op, len(found))
    return tuple(found)


class _Lowering:
    def __init__(
        self,
        dtype: str,
        channels: int,
        pixel_dtype: str,
        root: graph.Node,
        convolve: ConvolveBy,
        upsample: UpsampleBy,
    ) -> None:
        self.rows = RowBuilder(dtype, channels)
        self.pixel_dtype = pixel_dtype
        self.convolve = convolve
        self.upsample = upsample
        self.done: dict[graph.Node, Line] = {graph.Source(): self.rows.source}
        self.error = 0.0
        self.root = root
        self.users: dict[graph.Node, int] = {}
        for node in graph.walk(root):
            for child in graph.inputs_of(node):
                self.users[child] = self.users.get(child, 0) + 1

    def line(self, node: graph.Node) -> Line:
        if node not in self.done:
            self.done[node] = self._lower(node)
        return self.done[node]

    def real_dtype(self, *lines: Line) -> str:
        return "float64" if any(line.dtype == "float64" for line in lines) else "float32"

    def reals(self, nodes: tuple[graph.Node, ...]) -> tuple[Line, ...]:
        """The nodes' lines in one real type, scales and offsets still to be folded."""
        lines = tuple(self.line(n) for n in nodes)
        dtype = self.real_dtype(*lines)
        return tuple(self.rows.real(line, dtype, keep_scale=True) for line in lines)

    def _lower(self, node: graph.Node) -> Line:
        if isinstance(node, graph.Round):
            return self._round(node)
        if isinstance(node, graph.Convolve):
            return self._convolve(node)
        if isinstance(node, graph.Upsample):
            return self._interleave(self._phases(node), node)
        if isinstance(node, graph.Luma):
            return self._luma(node)
        if isinstance(node, graph.Magnitude):
            return self._magnitude(node)
        if isinstance(node, graph.Maximum):
            return self._maximum(node)
        if isinstance(node, graph.Combine):
            return self._combine(node)
        if isinstance(node, graph.Sharpen):
            return self._sharpen(node)
        if isinstance(node, graph.Premultiply | graph.Unpremultiply):
            return self._alpha(node)
        if isinstance(node, graph.Linearize | graph.Delinearize):
            return self._light(node)
        if isinstance(node, graph.CopyAlpha):
            return self._copy_alpha(node)
        raise TypeError(f"{type(node).__name__} is not an operation on rows")

    def _round(self, node: graph.Round) -> Line:
        if isinstance(
            node.input, graph.Upsample
        ):  # its phases are rounded one by one, so that sums may be narrow
            return self._interleave(
                tuple(self._pixels(line, node, sole=True) for line in self._phases(node.input)), node.input
            )
        if isinstance(node.input, graph.Magnitude) and node.rounding == "half_even":
            line = self._gradient_pixels(node.input, node.dtype)
            if line is not None:
                return line
        return self._pixels(self.line(node.input), node, sole=self._sole_use(node.input))

    def _pixels(self, line: Line, node: graph.Round, *, sole: bool) -> Line:
        """The line as pixels; `sole` tells that nothing else reads the op that it is."""
        rows = self.rows
        self.error = max(self.error, line.error)
        fused = (
            (self._shifted(line, node) or self._saturated(line, node) or self._finished(line, node))
            if sole
            else None
        )
        fused = fused or self._divided(line, node)
        if fused is not None:
            return self._in_window(line, fused) if sole else fused
        if sole and node is self.root:
            line = self._biased(line, node)
        # Sums are made pixels of a stage by an op of its own, which says what lies outside: the result has no outside.
        if line.dtype == node.dtype and line.plain and (node is self.root or not line.after_convolution):
            return line
        done = rows.convert(line, node.dtype, rounding=node.rounding, stage=True)
        done = replace(done, error=0.0, after_convolution=False)
        done = self._in_window(line, done) if sole else done
        if not done.integral:
            return done
        # Whatever the response's range: outside a constant border these lines hold any value of the type.
        low, high = RANGES[node.dtype]
        return replace(done, low=low, high=high)

    def _in_window(self, line: Line, pixels: Line) -> Line:
        """Running sums `line` are made `pixels` by the op that sums them, where the last op does no more than that."""
        ops = self.rows.ops
        window, last = ops[line.index], ops[-1]
        if window.kind != "window" or last.kind not in ("convert", "divide") or last.inputs != (line.index,):
            return pixels
        if window.dtype in ROUND_OFF and ops[window.inputs[0]].kind != "slide":
            return pixels
        ops.pop()
        ops[line.index] = replace(
            last, kind="window", inputs=window.inputs, extended=window.extended, size=window.size,
            origin=window.origin, narrow=last.kind == "divide",
        )  # fmt: skip
        return replace(pixels, index=line.index)

    def _phases(self, node: graph.Upsample) -> tuple[Line, ...]:
        line = self.line(node.input)
        if line.offset:
            line = self.rows.convert(line, self.real_dtype(line))
        return self.upsample(node, self.rows, line)

    def _interleave(self, phases: tuple[Line, ...], node: graph.Upsample) -> Line:
        """The columns' phases side by side."""
        first, (count, extra) = phases[0], (node.factor[1], node.extra[1])
        if count == 1:
            return first
        index = self.rows.add(
            RowOp(
                "interleave",
                first.dtype,
                first.channels,
                tuple(p.index for p in phases),
                size=count,
                extra=extra,
            )
        )
        return replace(
            first,
            index=index,
            low=min(p.low for p in phases),
            high=max(p.high for p in phases),
            error=max(p.error for p in phases),
        )

    def _sole_use(self, node: graph.Node) -> bool:
        """Whether nothing else reads the op that `node`'s line is; a sum of one node shares its input's op."""
        while self.users.get(node) == 1:
            if not (isinstance(node, graph.Combine) and len(node.inputs) == 1 and not node.absolute):
                return True
            node = node.inputs[0]
        return False

    def _shifted(self, line: Line, node: graph.Round) -> Line | None:
        """Rounding half up of a sum over a power of two to 8 bits, done by the op that makes the sum.

        Of sums that are not exact halves are no more than any other value.
        """
        op = self.rows.ops[line.index]
        if node.dtype != "uint8" or op.kind != "taps" or line.dtype not in ("int16", "int32"):
            return None
        if op.dtype == "int16" and self.rows.ops[op.inputs[0]].dtype != "int16":
            return None
        shift = 1 - math.frexp(line.scale)[1]
        offset = line.offset / line.scale
        if not 0 <= shift <= 24 or line.scale != 2.0**-shift or offset != int(offset):
            return None
        if shift > 0 and node.rounding != "half_up" and line.error == 0:
            return None
        half = (1 << shift) >> 1
        low, high = line.low + offset + half, line.high + offset + half
        narrow = line.dtype == "int16"
        if narrow and not (low >= 0 and high < min(2**16, 256 << shift)):
            return None
        if not narrow and not (low >= RANGES["int32"][0] and high <= RANGES["int32"][1]):
            return None
        init = op.init + offset + half
        if narrow:
            init = (init + 2**15) % 2**16 - 2**15
        self.rows.ops[line.index] = replace(
            op, dtype="uint8", shift=shift, init=init, narrow=narrow, stage=True
        )
        return Line(line.index, "uint8", line.channels, 0, 255)

    def _saturated(self, line: Line, node: graph.Round) -> Line | None:
        """A sum of 16 bits saturated to 8 by the op that makes it; of bytes where their products fit two by two."""
        op = self.rows.ops[line.index]
        if node.dtype != "uint8" or op.kind != "taps" or line.dtype != "int16":
            return None
        source, scale, offset = self.rows.ops[op.inputs[0]], line.scale, line.offset
        low, high = line.low * scale + offset, line.high * scale + offset
        whole = scale >= 1 and scale == int(scale) and offset == int(offset)
        fits = RANGES["int16"][0] <= low and high <= RANGES["int16"][1]
        if not whole or not fits or len(op.inputs) > 1 or op.up > 1 or source.dtype != "int16":
            return None
        op = replace(op, taps=tuple(t._replace(weight=t.weight * scale) for t in op.taps))
        inputs = op.inputs
        widened = source.kind == "convert" and (source.scale, source.bias) == (1.0, 0.0)
        if widened and self.rows.ops[source.inputs[0]].dtype == "uint8" and in_bytes(op):
            inputs = source.inputs
        self.rows.ops[line.index] = replace(
            op, dtype="uint8", inputs=inputs, init=op.init * scale + offset, saturated=True, stage=True
        )
        return Line(line.index, "uint8", line.channels, 0, 255)

    def _finished(self, line: Line, node: graph.Round) -> Line | None:
        """A sharpened image, or a sum of two lines, made pixels by its own op, of lines that need not be reals."""
        op = self.rows.ops[line.index]
        if op.kind not in ("sharpen", "combine") or len(op.inputs) != 2 or node.rounding != "half_even":
            return None
        if op.dtype != "float32" or not line.plain:
            return None
        inputs, scale, bias = list(op.inputs), 1.0, op.bias
        for which, i in enumerate(op.inputs):
            made = self.rows.ops[i]
            if made.kind == "convert" and made.dtype == "float32" and not (made.stage or made.wide):
                if (made.scale, made.bias) == (1.0, 0.0):
                    inputs[which] = made.inputs[0]
                elif op.kind == "sharpen" and which == 1:
                    inputs[which], scale, bias = made.inputs[0], made.scale, made.bias
        types = tuple(self.rows.ops[i].dtype for i in inputs)
        if (*types, node.dtype) not in _FINISHED[op.kind]:
            inputs, scale, bias = list(op.inputs), 1.0, op.bias
            if ("float32", "float32", node.dtype) not in _FINISHED[op.kind]:
                return None
        self.rows.ops[line.index] = replace(
            op, dtype=node.dtype, inputs=tuple(inputs), scale=scale, bias=bias, stage=True
        )
        return Line(line.index, node.dtype, line.channels, *RANGES[node.dtype])

    def _biased(self, line: Line, node: graph.Round) -> Line:
        """A sum of floats with its offset added by the op that makes the sum."""
        op = self.rows.ops[line.index]
        if op.kind != "taps" or line.dtype != node.dtype or line.integral or line.scale != 1.0:
            return line
        self.rows.ops[line.index] = replace(op, init=op.init + line.offset)
        return replace(line, low=line.low + line.offset, high=line.high + line.offset, offset=0.0)

    def _divided(self, line: Line, node: graph.Round) -> Line | None:
        """16-bit sums over a whole number to 8 bits by a multiplication, where that is exact for all of them."""
        if node.dtype != "uint8" or line.dtype != "uint16" or line.offset or line.low < 0:
            return None
        found = reciprocal(line.scale, int(line.high))
        if found is None:
            return None
        add, multiplier, shift = found
        index = self.rows.add(
            RowOp("divide", "uint8", line.channels, (line.index,), stage=True, init=float(add), scale=float(multiplier),
                  shift=shift)
        )  # fmt: skip
        return Line(index, "uint8", line.channels, 0, 255)

    def _convolve(self, node: graph.Convolve) -> Line:
        line = self.line(node.input)
        if line.after_convolution:
            # A convolution of a convolution sees the response extended past its own border.
            line = self.rows.convert(line, self.real_dtype(line), stage=True)
            line = replace(line, after_convolution=False)
        elif not line.plain:
            line = self.rows.convert(line, self.real_dtype(line))
        return self.convolve(node, self.rows, line)

    def _luma(self, node: graph.Luma) -> Line:
        line = self.line(node.input)
        if line.channels == 1:
            return line
        if not line.plain:
            line = self.rows.convert(line, self.real_dtype(line))
        index = self.rows.add(RowOp("luma", line.dtype, 1, (line.index,)))
        error = _rounding(line.dtype, 3, line.largest) if not line.integral else 0.0
        return Line(index, line.dtype, 1, line.low, line.high, error=line.error + error)

    def _gradient_pixels(self, node: graph.Magnitude, dtype: str) -> Line | None:
        """Two responses to magnitudes of 8 or 16 bits; their last sums are done by the same op."""
        if len(node.inputs) != 2:
            return None
        a, b = (self.line(n) for n in node.inputs)
        if a.scale != b.scale or a.offset or b.offset:
            return None
        scale, largest = node.scale * abs(a.scale), (a.largest**2 + b.largest**2) ** 0.5
        if dtype == "uint8" and a.dtype == b.dtype == "int16" and largest**2 < 2**31:
            self.error += 2.0**-22 * scale * largest
            return self._gradient(node, (a, b), dtype, scale)
        if dtype == "uint16" and a.dtype == b.dtype == "float32":
            line = self._gradient(node, (a, b), dtype, scale)
            if line is not None:
                self.error += self._error_of_root(node, (a, b))
            return line
        return None

    def _gradient(
        self, node: graph.Magnitude, lines: tuple[Line, ...], dtype: str, scale: float
    ) -> Line | None:
        """Magnitudes of two responses that are not written out, where both are sums of a few elements."""
        last = tuple(self._final_taps(n, line) for n, line in zip(node.inputs, lines, strict=True))
        few = all(
            op != line.index and len(taps) <= _FEW for (op, taps), line in zip(last, lines, strict=True)
        )
        if lines[0].dtype in ROUND_OFF and not few:
            return None
        index = self.rows.add(
            RowOp(
                "gradient",
                dtype,
                lines[0].channels,
                (last[0][0], last[1][0]),
                stage=dtype not in ROUND_OFF,
                taps=(*last[0][1], *(t._replace(input=1) for t in last[1][1])),
                size=len(last[0][1]),
                scale=scale,
            )
        )
        if dtype not in ROUND_OFF:
            return Line(index, dtype, lines[0].channels, *RANGES[dtype])
        return Line(index, dtype, lines[0].channels, 0, scale * sum(line.largest**2 for line in lines) ** 0.5)

    def _final_taps(self, node: graph.Node, line: Line) -> tuple[int, tuple[Tap, ...]]:
        """The op that a response is summed from, and the taps; the response where it is used elsewhere."""
        op = self.rows.ops[line.index]
        own = op.kind == "taps" and self.rows.ops[op.inputs[0]].dtype == line.dtype and len(op.inputs) == 1
        if own and not op.init and op.up == op.step == 1 and self._sole_use(node):
            return op.inputs[0], op.taps
        return line.index, (Tap(0, 0, 0, 1.0),)

    def _magnitude(self, node: graph.Magnitude) -> Line:
        lines = self.reals(node.inputs)
        if len({line.scale for line in lines}) > 1 or any(line.offset for line in lines):
            lines = tuple(self.rows.convert(line, self.real_dtype(*lines)) for line in lines)
        scale = node.scale * abs(lines[0].scale)
        dtype = lines[0].dtype
        error = self._error_of_root(node, lines)
        if len(lines) == 2 and dtype == "float32":
            line = self._gradient(node, lines, dtype, scale)
            if line is not None:
                return replace(line, error=error, after_convolution=True)
        index = self.rows.add(
            RowOp("magnitude", dtype, lines[0].channels, tuple(line.index for line in lines), scale=scale)
        )
        high = scale * sum(line.largest**2 for line in lines) ** 0.5
        return Line(index, dtype, lines[0].channels, 0, high, error=error, after_convolution=True)

    def _error_of_root(self, node: graph.Magnitude, lines: tuple[Line, ...]) -> float:
        """The error bound of a magnitude of lines of one real type and scale."""
        high = node.scale * abs(lines[0].scale) * sum(line.largest**2 for line in lines) ** 0.5
        return node.scale * sum(line.error for line in lines) + _rounding(
            lines[0].dtype, len(lines) + 3, high
        )

    def _maximum(self, node: graph.Maximum) -> Line:
        lines = tuple(self.line(n) for n in node.inputs)
        same = len({(line.dtype, line.scale, line.offset) for line in lines}) == 1
        first = lines[0]
        narrow = same and first.dtype == "int16" and first.scale > 0 and not first.offset
        if not narrow or any(line.low <= -32768 for line in lines):  # -32768 has no absolute value in 16 bits
            lines = self.reals(node.inputs)
            dtype = self.real_dtype(*lines)
            lines = tuple(self.rows.real(line, dtype) for line in lines)
            first = lines[0]
        low, high = max(line.low for line in lines), max(line.high for line in lines)
        if node.absolute:
            low, high = 0.0, max(line.largest for line in lines)
        index = self.rows.add(
            RowOp(
                "maximum",
                first.dtype,
                first.channels,
                tuple(line.index for line in lines),
                absolute=node.absolute,
            )
        )
        return Line(index, first.dtype, first.channels, low, high, first.scale, first.offset,
                    max(line.error for line in lines), after_convolution=True)  # fmt: skip

    def _combine(self, node: graph.Combine) -> Line:
        if len(node.inputs) == 1 and not node.absolute:
            line, weight = self.line(node.inputs[0]), node.weights[0]
            return replace(
                line,
                scale=line.scale * weight,
                offset=line.offset * weight + node.bias,
                error=line.error * abs(weight),
                after_convolution=True,
            )
        lines = self.reals(node.inputs)
        dtype = lines[0].dtype
        weights = tuple(w * line.scale for w, line in zip(node.weights, lines, strict=True))
        inside = sum(w * line.offset for w, line in zip(node.weights, lines, strict=True))
        if node.absolute and inside:
            lines = tuple(self.rows.convert(line, dtype) for line in lines)
            weights, inside = node.weights, 0.0
        index = self.rows.add(
            RowOp("combine", dtype, lines[0].channels, tuple(line.index for line in lines), weights=weights,
                  bias=node.bias + inside, absolute=node.absolute)
        )  # fmt: skip
        size = sum(abs(w) * line.largest for w, line in zip(weights, lines, strict=True)) + abs(
            node.bias + inside
        )
        error = sum(abs(w) * line.error for w, line in zip(node.weights, lines, strict=True))
        return Line(index, dtype, lines[0].channels, -size, size, error=error + _rounding(dtype, len(lines) + 1, size),
                    after_convolution=True)  # fmt: skip

    def _sharpen(self, node: graph.Sharpen) -> Line:
        image, blurred = self.line(node.image), self.line(node.blurred)
        dtype = self.real_dtype(image, blurred)
        image, blurred = self.rows.real(image, dtype), self.rows.real(blurred, dtype)
        index = self.rows.add(
            RowOp("sharpen", dtype, image.channels, (image.index, blurred.index), amount=node.amount,
                  threshold=node.threshold)
        )  # fmt: skip
        size = image.largest * (1 + 2 * abs(node.amount))
        error = (
            abs(node.amount) * blurred.error
            + image.error * (1 + abs(node.amount))
            + _rounding(dtype, 3, size)
        )
        return Line(index, dtype, image.channels, -size, size, error=error, after_convolution=True)

    def _alpha(self, node: graph.Premultiply | graph.Unpremultiply) -> Line:
        line = self.line(node.input)
        line = self.rows.real(line, self.real_dtype(line))
        kind = "premultiply" if isinstance(node, graph.Premultiply) else "unpremultiply"
        full = 1.0 if node.unit else FULL_SCALE[self.pixel_dtype]
        index = self.rows.add(RowOp(kind, line.dtype, line.channels, (line.index,), full=full))
        if kind == "premultiply":
            return replace(line, index=index, error=line.error + _rounding(line.dtype, 2, line.largest))
        # Dividing by a small alpha magnifies whatever error there was: no bound.
        return replace(line, index=index, error=float("inf"), after_convolution=True)

    def _light(self, node: graph.Linearize | graph.Delinearize) -> Line:
        line = self.line(node.input)
        line = self.rows.real(line, self.real_dtype(line))
        full = FULL_SCALE[self.pixel_dtype]
        decode = isinstance(node, graph.Linearize)
        kind = "linearize" if decode else "delinearize"
        index = self.rows.add(
            RowOp(kind, line.dtype, line.channels, (line.index,), full=full, absolute=node.alpha)
        )
        # The steepest slopes: 2.4 / 1.055 of decoding at 1, 12.92 of encoding at 0.
        slope, size = (2.275 / full, 1.0) if decode else (12.92 * full, full)
        low, high = (-1.0, 1.0) if decode else (-full, full)
        return replace(line, index=index, low=low, high=high, error=line.error * slope + _rounding(line.dtype, 2, size),
                       after_convolution=line.after_convolution or not decode)  # fmt: skip

    def _copy_alpha(self, node: graph.CopyAlpha) -> Line:
        line, image = self.line(node.input), self.line(node.image)
        dtype = self.real_dtype(line, image)
        line, image = self.rows.real(line, dtype), self.rows.real(image, dtype)
        index = self.rows.add(RowOp("copy_alpha", dtype, line.channels, (line.index, image.index)))
        return replace(line, index=index, low=min(line.low, image.low), high=max(line.high, image.high),
                       after_convolution=True)  # fmt: skip


def _rounding(dtype: str, operations: int, size: float) -> float:
    unit = 2.0**-24 if ITEMSIZE[dtype] == 4 else 2.0**-53
    return operations * unit * size


def in_bytes(op: RowOp) -> bool:
    """Whether each product of a byte with a tap's weight, and with the next one's, fits 16 bits together."""
    weights = [abs(t.weight) for t in op.taps] + [0.0]
    pairs = zip(weights[:-1:2], weights[1::2], strict=False)
    return max(weights) <= 127 and all(a + b <= 128 for a, b in pairs)


@cache
def reciprocal(scale: float, largest: int) -> tuple[int, int, int] | None:
    """(add, multiplier, shift) with (x + add) * multiplier >> (16 + shift) == round(x * scale) for x in 0..largest.

    For scale = 1 / odd, where there are no ties; None where 16-bit arithmetic has none (Granlund and Montgomery,
    Division by invariant integers using multiplication, 1994). Checked for every x.
    """
    divisor = round(1 / scale) if scale > 0 else 0
    if not 1 < divisor < 2**15 or divisor % 2 == 0 or abs(divisor * scale - 1) > 1e-15:
        return None
    add, shift = divisor // 2, divisor.bit_length() - 1
    multiplier = -(-(2 ** (16 + shift)) // divisor)
    x = np.arange(largest + 1, dtype=np.uint64)
    if largest + add >= 2**16 or multiplier >= 2**16:
        return None
    if np.any((x + add) * multiplier >> (16 + shift) != (2 * x + divisor) // (2 * divisor)):
        return None
    return add, multiplier, shift
