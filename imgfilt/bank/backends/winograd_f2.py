"""Winograd's minimal filtering F(2x2, 3x3): 16 products for 4 outputs in place of 36. See `bank.winograd`."""

from __future__ import annotations

from functools import partial

import numpy as np

from imgfilt.bank import winograd

_TRANSFORM = winograd.Transform(
    tile=2,
    data=np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], float),
    weight=np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]) / 2,
    output=np.array([[1, 1, 1, 0], [0, 1, -1, -1]], float),
)

name = "winograd_f2"
layouts = ("NCHW",)
local = False  # a NaN spoils the whole tile
supports = winograd.supports
workspace = partial(winograd.workspace, _TRANSFORM)
error = partial(winograd.error, _TRANSFORM)
cost = partial(winograd.cost, _TRANSFORM)
run = partial(winograd.run, _TRANSFORM)
