"""A kernel drawn with characters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_POSITIVE = " ░▒▓█"
_NEGATIVE = " .-=#"
_WIDEST = 31
_FAINT = 0.02


def draw(weights: NDArray[np.float64], *, colour: bool = False) -> list[str]:
    """Lines of two characters a weight: blocks where positive, .-=# (in colour: blue blocks) where negative.

    The darkness is the size relative to the largest weight; kernels wider than 31 are thinned out.

    >>> draw(np.array([[-1.0, 0.0, 1.0]]))
    ['##  ██']
    """
    step = -(-max(weights.shape) // _WIDEST)
    small = weights[weights.shape[0] // 2 % step :: step, weights.shape[1] // 2 % step :: step]
    largest = float(np.abs(small).max()) or 1.0
    return ["".join(_cell(float(value) / largest, colour) for value in row) for row in small]


def _cell(value: float, colour: bool) -> str:
    level = max(round(abs(value) * 4), int(abs(value) > _FAINT))
    if value >= 0 or not level:
        return _POSITIVE[level] * 2
    return f"\x1b[34m{_POSITIVE[level] * 2}\x1b[39m" if colour else _NEGATIVE[level] * 2
