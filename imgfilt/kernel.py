"""Kernels and the facts of pure mathematics about their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Weights = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Kernel:
    """Weights of a correlation and the element that lies on the output pixel.

    `weights` is a read-only float64 array of shape (kh, kw); `anchor` is (row, column), by default
    (kh // 2, kw // 2) as in OpenCV. Equal and hashable by value.
    """

    weights: Weights
    anchor: tuple[int, int]

    @staticmethod
    def of(weights: ArrayLike, anchor: tuple[int, int] | None = None) -> Kernel:
        """A kernel of a copy of `weights`: 2-D, not empty, finite."""
        w = np.array(weights, dtype=np.float64, order="C")
        w.setflags(write=False)
        return Kernel(w, anchor if anchor is not None else (w.shape[0] // 2, w.shape[1] // 2))

    @property
    def shape(self) -> tuple[int, int]:
        return self.weights.shape[0], self.weights.shape[1]

    def _key(self) -> tuple[tuple[int, int], tuple[int, int], bytes]:
        return self.shape, self.anchor, self.weights.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kernel) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


@dataclass(frozen=True)
class KernelFacts:
    """What `facts` finds out about a kernel.

    trimmed     the kernel without its zero border (at least 1x1), anchor moved along (may lie outside)
    numerators  integers n (int64) with weights == n * scale within 1 ulp each, gcd 1, or None if there are
                none with |n| < 2**31; for integer weights scale is the gcd; for [1,2,1]/4 it is 0.25
    scale       the common factor (1.0 where numerators is None)
    dyadic      scale is a power of two (so that n * scale is exact in binary)
    rank        numerical rank of the trimmed weights
    factors     rank pairs (column, row) of 1-D float64 arrays whose outer products sum to the trimmed
                weights; for rank 1 with numerators they are integers whose outer product is exactly
                `numerators` trimmed (apply `scale` afterwards)
    """

    trimmed: Kernel
    numerators: NDArray[np.int64] | None
    scale: float
    rank: int
    factors: tuple[tuple[Weights, Weights], ...]
    is_box: bool
    symmetric: bool
    zero_sum: bool
    integer: bool
    dyadic: bool


def facts(kernel: Kernel) -> KernelFacts:
    """Facts of `kernel`, cached."""
    raise NotImplementedError


def separate(weights: ArrayLike, tol: float | None = None) -> list[tuple[Weights, Weights]]:
    """[(column, row), ...] whose outer products sum to `weights`."""
    raise NotImplementedError


def compose(kernels: Sequence[Kernel]) -> Kernel:
    """The one kernel that does what `kernels` do one after another, away from the border."""
    raise NotImplementedError
