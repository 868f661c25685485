"""Sizes of transposed convolutions, and the taps that an output sees.

Along one axis the element i of the input, times the tap u, is added to the output o with
o + padding = i * stride + u * dilation. So outputs whose o + padding leaves the same remainder (the phase) after
division by the stride see the same taps: those whose u * dilation leaves it, too.
"""

from __future__ import annotations

from typing import Any

from imgfilt.bank.geometry import Pair, Sides, each_side, pair, spans


def cropping(padding: Any) -> Sides:
    """The rows and columns that the output lacks: an integer, (rows, columns) or (top, bottom, left, right).

    Raises ValueError for anything else and for negative numbers.

    >>> cropping((1, 2))
    (1, 1, 2, 2)
    """
    found = each_side(padding)
    if found is None:
        raise ValueError(
            "padding of a transposed convolution must be an integer, (rows, columns) or (top, bottom, left, right), "
            f"none negative, got {padding!r}"
        )
    return found


def checked_output_padding(value: Any, stride: Pair, dilation: Pair) -> Pair:
    """Rows and columns added below and to the right.

    Raises ValueError where they are negative, or not below the larger of stride and dilation: such a row would
    belong to the output of a larger input, as PyTorch says.

    >>> checked_output_padding(1, (2, 2), (1, 1))
    (1, 1)
    """
    found = pair("output_padding", value, 0)
    limits = tuple(max(s, d) for s, d in zip(stride, dilation, strict=True))
    if found[0] >= limits[0] or found[1] >= limits[1]:
        raise ValueError(
            f"output_padding must be smaller than either stride or dilation, below {limits} for stride={stride} and "
            f"dilation={dilation}, got {value!r}"
        )
    return found


def transposed_size(
    size: Pair, kernel: Pair, stride: Pair, padding: Sides, output_padding: Pair, dilation: Pair
) -> Pair:
    """The rows and columns of a transposed convolution's output.

    Raises ValueError where nothing is left of it.

    >>> transposed_size((4, 4), (4, 4), (2, 2), (1, 1, 1, 1), (0, 0), (1, 1))
    (8, 8)
    """
    reach = spans(kernel, dilation)
    lacking = padding[0] + padding[1], padding[2] + padding[3]
    rows, columns = ((size[i] - 1) * stride[i] + reach[i] + output_padding[i] - lacking[i] for i in range(2))
    if rows < 1 or columns < 1:
        raise ValueError(
            f"the output would be {rows}x{columns}: padding={padding} (top, bottom, left, right) leaves nothing of "
            f"a {size[0]}x{size[1]} input under a {kernel[0]}x{kernel[1]} kernel; it must have a row and a column"
        )
    return rows, columns


def active_taps(kernel: int, stride: int, dilation: int) -> int:
    """The taps of the phase that has most of them: no output sees more.

    >>> active_taps(5, 2, 1), active_taps(4, 2, 2)
    (3, 4)
    """
    phases = [u * dilation % stride for u in range(kernel)]
    return max(phases.count(r) for r in phases)
