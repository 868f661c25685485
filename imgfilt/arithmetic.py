"""Range analysis: the narrowest arithmetic in which a weighted sum is exact, proved from its weights.

For elements x in low..high and integer weights n, the sum lies in [sum(min(n*low, n*high)), sum(max(...))];
sums modulo 2^16 or 2^32 are right whenever that interval fits, whatever the partial sums do. Floating point is
exact on whole numbers while sum(|n|) * max|x| stays below 2^24 or 2^53. Otherwise the rounding error of a sum
of k products in order is at most k * u * sum(|w| * max|x|), u the unit round-off (Higham, Accuracy and
Stability of Numerical Algorithms, 2002, section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgfilt.kernel import KernelFacts
from imgfilt.rows import ROUND_OFF

_I16 = 1 << 15
_I32 = 1 << 31


@dataclass(frozen=True)
class Arithmetic:
    """How a weighted sum is done: `name` for people, element type of the sum, and the bound of its error.

    `init` is added to every sum so that it fits (the sum then stands for value - init); `partial` is the type of what
    a sum is made of, where that is another.
    """

    dtype: str
    init: int = 0
    exact: bool = True
    partial: str = ""

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


def promised_exact(facts: KernelFacts, dtype: str, low: float, high: float) -> bool:
    """Whether users expect the exact sum: of whole numbers times a common factor that plain types can hold.

    Such a response is bit-equal from every backend; other sums may differ in their last bits.
    """
    if facts.numerators is None or dtype in ("float32", "float64"):
        return False
    if facts.integer or integer_sum(facts.numerators, dtype, low, high) is not None:
        return True
    return float(np.abs(facts.numerators).sum()) * max(abs(low), abs(high)) < 2**24


def real_sum(weights: NDArray[np.float64], dtype: str, largest: float, whole: bool) -> Arithmetic:
    """f32 or f64 for sum(w * x): exact where it can be, else as the element type asks.

    `whole` tells that weights and elements are whole numbers, whose sum users expect to be exact.
    """
    if dtype == "float64":
        return Arithmetic("float64", exact=False)
    if dtype == "float32":
        return Arithmetic("float32", exact=False)
    size = float(np.abs(weights).sum()) * largest
    if whole:
        if size < 2**24:
            return Arithmetic("float32")
        return Arithmetic("float64", exact=size < 2**53)
    if rounding_error(weights, "float32", largest) <= 0.25:
        return Arithmetic("float32", exact=False)
    return Arithmetic("float64", exact=False)


_RUN = 32  # taps that the core sums at a time


def rounding_error(weights: NDArray[np.float64], dtype: str, largest: float) -> float:
    """The bound of the error of sum(w * x) in `dtype`, weights rounded to it as well.

    Long sums are made of sums of 29 to 32 taps each, so that the error does not grow with all of them.
    """
    taps = int(np.count_nonzero(weights))
    depth = taps if taps <= _RUN else _RUN + -(-taps // (_RUN - 3))
    return (depth + 1) * ROUND_OFF[dtype] * float(np.abs(weights).sum()) * largest
