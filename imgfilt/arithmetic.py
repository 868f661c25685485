"""Range analysis: the narrowest arithmetic in which a weighted sum is exact, proved from its weights.

For elements x in low..high and integer weights n, the sum lies in [sum(min(n*low, n*high)), sum(max(...))];
sums modulo 2^16 or 2^32 are right whenever that interval fits, whatever the partial sums do. Floating point is
exact on whole numbers while sum(|n|) * max|x| stays below 2^24 or 2^53. Otherwise the rounding error of a sum
of k products in order is at most k * u * sum(|w| * max|x|), u the unit round-off (Higham, Accuracy and
Stability of Numerical Algorithms, 2002, section 3.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgfilt.kernel import KernelFacts
from imgfilt.records import record
from imgfilt.rows import ROUND_OFF

_I16 = 1 << 15
_I32 = 1 << 31


@record
class Arithmetic:
    """How a weighted sum is done: `name` for people, element type of the sum, and the bound of its error.

    `init` is added to every sum so that it fits (the sum then stands for value - init); `partial` is the type of what
    a sum is made of, where that is another. Whole numbers that stand for real weights are off by `error` at most.
    """

    dtype: str
    init: int = 0
    exact: bool = True
    partial: str = ""
    error: float = 0.0

    @property
    def name(self) -> str:
        types = "/".join(_SHORT[t] for t in (self.partial, self.dtype) if t)
        return types + (" exact" if self.exact else "")


_SHORT = {"int16": "i16", "int32": "i32", "float32": "f32", "float64": "f64"}


def sum_range(n: NDArray[np.int64], low: float, high: float) -> tuple[int, int]:
    """The exact range of sum(n * x) over x in low..high, for integers."""
    positive = int(n[n > 0].sum())
    negative = int(n[n < 0].sum())
    return positive * int(low) + negative * int(high), positive * int(high) + negative * int(low)


def fits(low: int, high: int, half: int) -> bool:
    """Whether low..high fits a signed type of 2 * half values."""
    return -half <= low and high < half


def integer_sum(n: NDArray[np.int64], dtype: str, low: float, high: float) -> Arithmetic | None:
    """16- or 32-bit integers for sum(n * x), exact; None where there is no such arithmetic."""
    return integer_sums((n,), dtype, low, high)


def integer_sums(
    phases: Sequence[NDArray[np.int64]], dtype: str, low: float, high: float
) -> Arithmetic | None:
    """The same for several sums that are to have one arithmetic."""
    if dtype not in ("uint8", "int16") or any(int(np.abs(n).max(initial=0)) >= _I16 for n in phases):
        return None
    ranges = [sum_range(n, low, high) for n in phases]
    bottom, top = min(r[0] for r in ranges), max(r[1] for r in ranges)
    if fits(bottom, top, _I16):
        return Arithmetic("int16")
    if top - bottom < 2 * _I16:
        return Arithmetic("int16", init=-_I16 - bottom)
    if fits(bottom, top, _I32):
        return Arithmetic("int32")
    return None


def fixed_point(
    weights: NDArray[np.float64], low: float, high: float, allowed: float
) -> tuple[NDArray[np.int64], int, Arithmetic] | None:
    """Real weights as whole numbers over 2^shift, of 16 bits, whose sums over low..high fit 32 bits; the arithmetic.

    None where what rounding the weights may change in a sum is over `allowed`.
    """
    largest = float(np.abs(weights).max(initial=0.0))
    if not 2.0**-9 < largest < 2.0**14:  # a shift of 1 to 24
        return None
    shift = 15 - math.frexp(largest)[1]
    for bits in range(shift, max(0, shift - 4), -1):
        n = np.rint(weights * 2.0**bits).astype(np.int64)
        half = 1 << (bits - 1)
        bottom, top = sum_range(n, low, high)
        if int(np.abs(n).max()) >= _I16 or not fits(bottom - half, top + half, _I32):
            continue
        error = float(np.abs(n * 2.0**-bits - weights).sum()) * max(abs(low), abs(high))
        if error > allowed:
            return None
        return n, bits, Arithmetic("int32", exact=False, error=error * 2.0**bits)
    return None


def promised_exact(facts: KernelFacts, dtype: str, low: float, high: float) -> bool:
    """Whether users expect the exact sum: of whole numbers times a common factor that plain types can hold.

    Such a response is bit-equal from every backend; other sums may differ in their last bits.
    """
    if facts.numerators is None or dtype in ("float32", "float64"):
        return False
    if facts.integer or integer_sum(facts.numerators, dtype, low, high) is not None:
        return True
    return float(np.abs(facts.numerators).sum()) * max(abs(low), abs(high)) < 2**24


def real_sum(weights: NDArray[np.float64], dtype: str, low: float, high: float, whole: bool) -> Arithmetic:
    """f32 or f64 for sum(w * x) over x in low..high: exact where it can be, else as the element type asks.

    `whole` tells that weights and elements are whole numbers, whose sum users expect to be exact.
    """
    if dtype == "float64":
        return Arithmetic("float64", exact=False)
    if dtype == "float32":
        return Arithmetic("float32", exact=False)
    if whole:
        size = float(np.abs(weights).sum()) * max(abs(low), abs(high))
        if size < 2**24:
            return Arithmetic("float32")
        return Arithmetic("float64", exact=size < 2**53)
    if rounding_error(weights, "float32", low, high) < _NEARLY_A_STEP:
        return Arithmetic("float32", exact=False)
    return Arithmetic("float64", exact=False)


_NEARLY_A_STEP = 0.8
"""Of pixels, with room for what comes before and after the sum: sums that differ by less than one step are rounded to
the same pixel or to neighbours."""
_RUN = 32
"""Taps that the core sums at a time: long sums are made of such sums, so that their error grows slowly."""
_SHORTEST_RUN = 29
"""What such a sum may come to instead, but for the last, in long rows."""
_WIDEST = 64
"""Columns of the widest kernels that the core sums by rows, as many at a time as have no more than _RUN taps."""


def rounding_error(weights: NDArray[np.float64], dtype: str, low: float, high: float) -> float:
    """The bound of the error of sum(w * x) over x in low..high in `dtype`, weights rounded to it as well.

    Each addition is off by at most u times what the sum has come to by then, whose range is known (Higham, section
    4.2); each weight, and each product where it is rounded before it is added, by u times its part of the sum. The
    sums of single rows and columns may be made in any order, others are made row by row.
    """
    flat = weights[weights != 0].ravel()
    if flat.size == 0:  # the phases of an upsampling by more than the kernel's width
        return 0.0
    ends = np.stack((flat * low, flat * high))
    if weights.ndim == 1 or 1 in weights.shape:
        passed = _passed_at_worst(ends.max(axis=0), ends.min(axis=0))
    else:
        passed = _passed(ends.max(axis=0), ends.min(axis=0), _RUN)
        if weights.shape[1] <= _WIDEST:
            ends = np.stack((weights.ravel() * low, weights.ravel() * high))
            rows = 1 << (max(1, _RUN // weights.shape[1]).bit_length() - 1)
            passed = max(passed, _passed(ends.max(axis=0), ends.min(axis=0), rows * weights.shape[1]))
    size = float(np.abs(weights).sum()) * max(abs(low), abs(high))
    return _ALMOST_ONE * ROUND_OFF[dtype] * (passed + 2 * size)


_ALMOST_ONE = 1.001
"""What is added comes from rounded sums, not from exact ones: far less than this for all kernels."""


def _passed(tops: NDArray[np.float64], bottoms: NDArray[np.float64], run: int) -> float:
    """The sum of the largest absolute values of a sum on its way, `run` taps at a time, from its taps' ranges."""
    runs = np.zeros((2, -(-tops.size // run) * run))
    runs[:, : tops.size] = tops, bottoms
    within = runs.reshape(2, -1, run).cumsum(axis=2)
    totals = within[:, :, -1].cumsum(axis=1)
    once = within.shape[1] <= 1
    return float(np.abs(within).max(axis=0).sum() + (0.0 if once else np.abs(totals).max(axis=0).sum()))


def _passed_at_worst(tops: NDArray[np.float64], bottoms: NDArray[np.float64]) -> float:
    """The same for the worst order: the largest taps first, and all totals as large as can be."""
    runs = 1 if tops.size <= _RUN else -(-tops.size // _SHORTEST_RUN)
    found = 0.0
    for side in (np.maximum(tops, 0.0), np.maximum(-bottoms, 0.0)):
        counted = min(tops.size, _RUN) - np.arange(tops.size) // runs
        total = float(side.sum())
        found = max(found, float((np.sort(side)[::-1] * counted).sum()) + (runs * total if runs > 1 else 0.0))
    return found
