"""Fits the cost model's constants to this machine: each group of them by one factor, from a few timed problems."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from imgfilt import cost
from imgfilt.backend import ARRAY_BACKENDS, ROW_BACKENDS
from imgfilt.cost import Constants
from imgfilt.generators import gaussian_taps
from imgfilt.kernel import Kernel
from imgfilt.problem import Problem
from imgfilt.rows import FLOAT_TOLERANCE, RANGES
from imgfilt.timing import measure, trial

_HEIGHT, _WIDTH = 1080, 1920
_LARGEST_FACTOR = 64.0
_HALVINGS = 60


@dataclass(frozen=True)
class Probe:
    """A problem for one backend, whose time tells of the constants of a group."""

    group: str
    backend: str
    problem: Problem


GROUPS: Mapping[str, tuple[str, ...]] = {
    "vector steps": ("ns_per_step",),
    "dense sums": ("steps_per_dense_tap",),
    "transforms": (
        "transform_ns_per_digit",
        "transform_ns_per_element",
        "transform_ns_per_interleaved",
        "transform_ns_per_tile",
    ),
    "resampling": ("resample_ns_per_element", "resample_ns_per_sample"),
    "matrix products": ("gemv_ns_per_element", "copy_ns_per_element"),
}
"""The constants that have a factor in common; those of a group rest on those of the groups before."""


def probes() -> list[Probe]:
    """What `imgfilt tune` times."""
    rng = np.random.default_rng(0)
    noise = {size: rng.normal(size=(size, size)) for size in (5, 7, 9, 15, 31, 63)}
    sobel = np.outer([1, 2, 1], [-1, 0, 1])
    return [
        _probe("vector steps", "separable", sobel, "int16"),
        _probe("vector steps", "separable", _gaussian(9), "uint8"),
        _probe("vector steps", "separable", _gaussian(25), "float32"),
        _probe("vector steps", "separable", _gaussian(15), "uint16"),
        _probe("vector steps", "direct", np.round(3 * noise[5]), "uint8"),
        _probe("vector steps", "box", np.full((31, 31), 1 / 961), "uint8"),
        _probe("dense sums", "direct", noise[5], "float32"),
        _probe("dense sums", "direct", noise[7], "float32"),
        _probe("dense sums", "direct", noise[9], "uint8"),
        _probe("dense sums", "direct", noise[15], "float32"),
        _probe("dense sums", "direct", noise[31], "float32"),
        _probe("transforms", "fft", noise[31], "float32"),
        _probe("transforms", "fft", noise[31], "uint8"),
        _probe("transforms", "fft", noise[63], "float32"),
        _probe("resampling", "multirate", _gaussian(241), "uint8"),
        _probe("resampling", "multirate", _gaussian(601), "uint8"),
        _probe("matrix products", "im2col", noise[5], "float32"),
        _probe("matrix products", "im2col", noise[9], "float32"),
    ]


@dataclass(frozen=True)
class Measured:
    """A probe and the seconds it took on one thread."""

    probe: Probe
    seconds: float


def measure_probes() -> Iterator[Measured]:
    """Times each probe, one thread each; a few seconds in all."""
    for probe in probes():
        yield Measured(probe, measure(probe.problem, (probe.backend,), 1)[probe.backend])


def fit(measured: list[Measured], start: Constants) -> Constants:
    """`start` with each group's constants times the factor that makes its probes' predictions right on average.

    The average is that of the ratios' logarithms.

    Raises ValueError where a factor comes out beyond 64 or 1/64: something else kept the machine busy.
    """
    constants = start
    for group, names in GROUPS.items():
        ours = [m for m in measured if m.probe.group == group]
        lines = [_line(m.probe, constants, names) for m in ours]
        factor = _factor(lines, [m.seconds for m in ours])
        if factor is None:
            raise ValueError(
                f"{group} seem to take more than {_LARGEST_FACTOR:.0f} times what they should, or less than 1/"
                f"{_LARGEST_FACTOR:.0f}: try again while the machine is idle"
            )
        constants = _scaled(constants, names, factor)
    return constants


def misprediction(measured: list[Measured], constants: Constants) -> float:
    """By which factor predictions with these constants are off on average, up or down; 1 is perfect."""
    ratios = [abs(math.log(predicted(m.probe, constants) / m.seconds)) for m in measured]
    return math.exp(sum(ratios) / len(ratios))


def predicted(probe: Probe, constants: Constants) -> float:
    """Seconds for a probe on one thread, by the cost model with these constants."""
    held = cost.constants()
    cost.assume(constants)
    try:
        return trial(probe.problem, probe.backend, 1).seconds
    finally:
        cost.assume(held)


def _line(probe: Probe, constants: Constants, names: tuple[str, ...]) -> tuple[float, float]:
    """(a, b) so that a + b * factor is predicted where the constants are `factor` times as large."""
    one, two = (predicted(probe, _scaled(constants, names, factor)) for factor in (1.0, 2.0))
    return 2 * one - two, two - one


def _factor(lines: list[tuple[float, float]], seconds: list[float]) -> float | None:
    """The factor at which the predictions are right on average, by bisection; None where there is none."""
    low, high = 1 / _LARGEST_FACTOR, _LARGEST_FACTOR

    def too_slow(factor: float) -> bool:
        """Whether the predictions are, on average, of more than was measured."""
        return sum(math.log((a + b * factor) / s) for (a, b), s in zip(lines, seconds, strict=True)) > 0

    if too_slow(low) or not too_slow(high):
        return None
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if too_slow(middle) else (middle, high)
    return math.sqrt(low * high)


def _scaled(constants: Constants, names: tuple[str, ...], factor: float) -> Constants:
    return replace(constants, **{name: getattr(constants, name) * factor for name in names})


def _gaussian(size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    taps = gaussian_taps(size, (size - 1) / 6)
    return np.outer(taps, taps)


def _probe(group: str, backend: str, weights: np.ndarray[tuple[int, int], np.dtype[np.float64]],
           dtype: str) -> Probe:  # fmt: skip
    kernel = Kernel.of(weights)
    low, high = (-1.0, 1.0) if dtype in FLOAT_TOLERANCE else RANGES[dtype]
    tolerance = FLOAT_TOLERANCE[dtype] * float(abs(kernel.weights).sum()) if dtype in FLOAT_TOLERANCE else 0.5
    problem = Problem(kernel, _HEIGHT, _WIDTH, 1, dtype, low, high, "reflect101", True, tolerance)
    refusal = (ROW_BACKENDS | ARRAY_BACKENDS)[backend].supports(problem)
    assert refusal is None, refusal
    return Probe(group, backend, problem)
