"""What a call of a public function costs beside its pixels, on a small image whose plan is cached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np

import imgfilt
from imgfilt import _native
from imgfilt.bench.case import Image, picture
from imgfilt.bench.clock import in_turn
from imgfilt.borders import BORDERS
from imgfilt.plans import Plan, RowStep

SIDE = 64


@dataclass(frozen=True)
class Overhead:
    """Seconds of a whole call, of the native program alone, and the median of their differences."""

    name: str
    call: float
    pixels: float
    overhead: float

    def record(self) -> Mapping[str, Any]:
        """As plain data for JSON."""
        return {"overhead": self.name, "call_us": self.call * 1e6, "pixels_us": self.pixels * 1e6,
                "overhead_us": self.overhead * 1e6}  # fmt: skip


def measure(rounds: int) -> Iterator[Overhead]:
    """The overhead of a few functions on 64x64 uint8 images, on one thread, with `out=` given."""
    gray, colour = picture((SIDE, SIDE), "uint8"), picture((SIDE, SIDE, 3), "uint8")
    kernel = np.array([[1, -2, 3], [-4, 5, -1], [2, 3, -5]], np.float32)
    sobel, gaussian = imgfilt.sobel, imgfilt.gaussian
    yield _one(
        "correlate 3x3",
        partial(imgfilt.correlate, kernel=kernel),
        imgfilt.plan(kernel, gray.shape),
        gray,
        rounds,
    )
    yield _one(
        "gaussian",
        partial(gaussian, sigma=1.0),
        imgfilt.plan("gaussian", gray.shape, sigma=1.0),
        gray,
        rounds,
    )
    yield _one("sobel, RGB", sobel, imgfilt.plan("sobel", colour.shape), colour, rounds)


def _one(name: str, function: Callable[..., Any], plan: Plan, image: Image, rounds: int) -> Overhead:
    (step,) = plan.steps
    assert isinstance(step, RowStep)
    out = np.empty(plan.out_shape, plan.out_dtype)
    program = _native.Program([op.native() for op in step.ops])
    border = BORDERS.index(plan.border)
    calls, pixels = in_turn(
        (partial(function, image, out=out, threads=1), lambda: program.run(border, image, out, 0.0, 1)),
        rounds,
    )
    differences = [call - work for call, work in zip(calls, pixels, strict=True)]
    return Overhead(name, median(calls), median(pixels), median(differences))
