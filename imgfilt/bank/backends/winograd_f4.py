"""Winograd's minimal filtering F(4x4, 3x3): 36 products for 16 outputs in place of 144. See `bank.winograd`.

Its numbers grow and cancel: the error is some ten times that of F(2x2, 3x3), and its bound says so.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from imgfilt.bank import winograd

_TRANSFORM = winograd.Transform(
    tile=4,
    data=np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0],
                   [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]], float),
    weight=np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24,
    output=np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], float),
)  # fmt: skip

name = "winograd_f4"
layouts = ("NCHW",)
local = False  # a NaN spoils the whole tile
supports = winograd.supports
workspace = partial(winograd.workspace, _TRANSFORM)
error = partial(winograd.error, _TRANSFORM)
cost = partial(winograd.cost, _TRANSFORM)
run = partial(winograd.run, _TRANSFORM)
