"""Strides, paddings and dilations as callers write them, and the sizes that follow from them."""

from __future__ import annotations

import operator
from typing import Any

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]
"""top, bottom, left, right"""


def pair(name: str, value: Any, least: int) -> Pair:
    """An integer for both axes, or (rows, columns), none below `least`.

    Raises ValueError with the name and the value.

    >>> pair("stride", 2, 1)
    (2, 2)
    """
    found = _integers(value)
    if found is not None and len(found) == 1:
        found *= 2
    if found is None or len(found) != 2 or min(found) < least:
        raise ValueError(
            f"{name} must be an integer or a pair (rows, columns) of integers, none below {least}, got {value!r}"
        )
    return found[0], found[1]


def one(name: str, value: Any, least: int) -> int:
    """An integer of at least `least`.

    Raises ValueError with the name and the value.
    """
    found = _integers(value)
    if found is None or isinstance(value, tuple | list) or found[0] < least:
        raise ValueError(f"{name} must be an integer, at least {least}, got {value!r}")
    return found[0]


def _integers(value: Any) -> tuple[int, ...] | None:
    """An integer or a sequence of them, as a tuple; None for anything else."""
    values = value if isinstance(value, tuple | list) else (value,)
    try:
        found = tuple(operator.index(v) for v in values)
    except TypeError:
        return None
    return None if not found or any(isinstance(v, bool) for v in values) else found


def spans(kernel: Pair, dilation: Pair) -> Pair:
    """The rows and columns that a dilated kernel reaches over."""
    return dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1


def sides(padding: Any, kernel: Pair, stride: Pair, dilation: Pair) -> Sides:
    """The zeros beyond each side: an integer, (rows, columns), (top, bottom, left, right), "same" or "valid".

    "same" gives an output of the input's size and puts the odd one below and to the right, as PyTorch does.

    Raises ValueError for anything else, for negative numbers and for "same" with a stride.

    >>> sides("same", (3, 4), (1, 1), (1, 1))
    (1, 1, 1, 2)
    """
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f"padding='same' needs stride 1, got {stride}; write the padding as numbers")
        rows, columns = (n - 1 for n in spans(kernel, dilation))
        return rows // 2, rows - rows // 2, columns // 2, columns - columns // 2
    found = each_side(padding)
    if found is None:
        raise ValueError(
            "padding must be an integer, (rows, columns), (top, bottom, left, right), none negative, 'same' or "
            f"'valid', got {padding!r}"
        )
    return found


def each_side(value: Any) -> Sides | None:
    """An integer, (rows, columns) or (top, bottom, left, right), none negative, for each side; None for anything else.

    >>> each_side((1, 2))
    (1, 1, 2, 2)
    """
    found = _integers(value)
    if found is None or len(found) not in (1, 2, 4) or min(found) < 0:
        return None
    if len(found) == 4:
        return found[0], found[1], found[2], found[3]
    rows, columns = found if len(found) == 2 else found * 2
    return rows, rows, columns, columns


def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Sides, dilation: Pair) -> Pair:
    """The rows and columns of a convolution's output.

    Raises ValueError where the kernel is larger than the padded input.

    >>> output_size((7, 9), (3, 3), (2, 2), (1, 1, 1, 1), (1, 1))
    (4, 5)
    """
    padded = size[0] + padding[0] + padding[1], size[1] + padding[2] + padding[3]
    reach = spans(kernel, dilation)
    if reach[0] > padded[0] or reach[1] > padded[1]:
        spread = f" (dilated to {reach[0]}x{reach[1]})" if reach != kernel else ""
        raise ValueError(
            f"a {kernel[0]}x{kernel[1]} kernel{spread} is larger than the padded input of {padded[0]}x{padded[1]}; "
            f"pad by {max(0, reach[0] - padded[0])} more rows and {max(0, reach[1] - padded[1])} more columns"
        )
    return (padded[0] - reach[0]) // stride[0] + 1, (padded[1] - reach[1]) // stride[1] + 1
