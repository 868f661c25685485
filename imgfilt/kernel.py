"""Kernels and the facts of pure mathematics about their weights."""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgfilt.records import record

Weights = NDArray[np.float64]
Integers = NDArray[np.int64]
Factors = tuple[tuple[Weights, Weights], ...]

_EPS = float(np.finfo(np.float64).eps)
_MANY_ROWS = 64
_LARGEST_NUMERATOR = 2**31
_LARGEST_DECIMAL = 2**20
"""Beyond this, numerators of a scale that is no multiple of a power of two cannot be told from chance."""


@record(eq=False)
class Kernel:
    """Weights of a correlation and the element that lies on the output pixel.

    `weights` is a read-only float64 array of shape (kh, kw); `anchor` is (row, column), by default
    (kh // 2, kw // 2) as in OpenCV. Equal and hashable by value.
    """

    weights: Weights
    anchor: tuple[int, int]

    @staticmethod
    def of(weights: ArrayLike, anchor: tuple[int, int] | None = None) -> Kernel:
        """A kernel of a copy of `weights`: 2-D, not empty, finite.

        Raises ValueError that says what is wrong with them.

        >>> Kernel.of([[1, 2, 1]]).anchor
        (0, 1)
        """
        w = _as_weights(weights)
        w.setflags(write=False)
        return Kernel(w, anchor if anchor is not None else (w.shape[0] // 2, w.shape[1] // 2))

    @property
    def shape(self) -> tuple[int, int]:
        return self.weights.shape[0], self.weights.shape[1]

    def flipped(self) -> Kernel:
        """Turned by half a turn about its anchor: correlating with it convolves with this one."""
        (height, width), (y, x) = self.shape, self.anchor
        return Kernel.of(self.weights[::-1, ::-1], (height - 1 - y, width - 1 - x))

    @cached_property
    def _hash(self) -> int:
        return hash((self.shape, self.anchor, self.weights.tobytes()))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Kernel)
            and self.shape == other.shape
            and self.anchor == other.anchor
            and self._hash == other._hash
            and np.array_equal(self.weights, other.weights)
        )

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        # not the cached hash, which differs from process to process; and read-only again afterwards
        return Kernel.of, (self.weights, self.anchor)


@record
class KernelFacts:
    """What `facts` finds out about a kernel.

    trimmed     the kernel without its zero border (at least 1x1), anchor moved along (may lie outside)
    numerators  integers n (int64, of the kernel's own shape, not trimmed) with weights == n * scale within
                1 ulp each, gcd 1, or None if there are none with |n| < 2**31 (2**20 where the weights are not
                dyadic); for integer weights scale is the gcd; for [1,2,1]/4 it is 0.25
    scale       the common factor, positive (1.0 where numerators is None)
    rank        numerical rank of the trimmed weights: singular values over max(kh, kw) * eps * the largest
    factors     rank pairs (column, row) of 1-D float64 arrays whose outer products sum to the trimmed
                weights; for rank 1 with numerators they are integers whose outer product is exactly
                `numerators` trimmed (apply `scale` afterwards); the column's first nonzero is then positive
    is_box      all trimmed weights are equal and not zero
    symmetric   the trimmed weights do not change when mirrored left-right or upside down
    zero_sum    the weights sum to 0 (exactly where there are numerators)
    integer     all weights are integers
    dyadic      scale is a power of two (so that n * scale is exact in binary) and there are numerators
    """

    trimmed: Kernel
    numerators: Integers | None
    scale: float
    rank: int
    factors: Factors
    is_box: bool
    symmetric: bool
    zero_sum: bool
    integer: bool
    dyadic: bool


@lru_cache(maxsize=256)
def facts(kernel: Kernel) -> KernelFacts:
    """Facts of `kernel`, cached.

    >>> f = facts(Kernel.of([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]))
    >>> f.rank, [[a.tolist() for a in pair] for pair in f.factors]
    (1, [[[1.0, 2.0, 1.0], [-1.0, 0.0, 1.0]]])
    """
    w = kernel.weights
    support = _support(w)
    trimmed = _trim(kernel, support)
    t = trimmed.weights
    numerators, scale = _common_scale(w)
    factors: Factors | None = None
    if numerators is not None:
        factors = _integer_factors(numerators[support])
        numerators.setflags(write=False)
        zero_sum = int(numerators.sum()) == 0
    else:
        zero_sum = abs(float(w.sum())) <= 4 * _EPS * float(np.abs(w).sum())
    if factors is None:
        factors = _factors(t)
    for pair in factors:
        for vector in pair:
            vector.setflags(write=False)
    return KernelFacts(
        trimmed=trimmed,
        numerators=numerators,
        scale=scale,
        rank=len(factors),
        factors=factors,
        is_box=bool(t[0, 0] != 0 and np.all(t == t[0, 0])),
        symmetric=bool(np.array_equal(t, t[::-1]) and np.array_equal(t, t[:, ::-1])),
        zero_sum=zero_sum,
        integer=bool(np.all(w == np.rint(w))),
        dyadic=numerators is not None and bool(np.frexp(scale)[0] == 0.5),
    )


def separate(weights: ArrayLike, tol: float | None = None) -> list[tuple[Weights, Weights]]:
    """[(column, row), ...] whose outer products sum to `weights`, the most important pair first.

    As many pairs as the rank, by singular value decomposition. A rank-1 kernel of integers (or of integers
    times a common factor) gives a column of integers, and a row of integers times that factor. With `tol`,
    only the pairs whose singular value is over `tol` times the largest: the error of what is left out is then
    at most `tol` times the largest singular value in the spectral norm.

    Raises ValueError where `weights` is not a 2-D array of finite numbers, or `tol` is not in 0 <= tol < 1.

    >>> import imgfilt
    >>> [(c.tolist(), r.tolist()) for c, r in imgfilt.separate([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])]
    [([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0])]
    """
    if tol is not None and not 0 <= tol < 1:
        raise ValueError(f"tol must be at least 0 and less than 1, got {tol!r}")
    w = _as_weights(weights)
    if not w.any():
        return []
    numerators, scale = _common_scale(w)
    integers = _integer_factors(numerators) if numerators is not None else None
    if integers is not None:
        return [(column, row * scale) for column, row in integers]
    return list(_factors(w, tol))


_LARGEST_DILATED = 1 << 24


def dilated(kernel: Kernel, apart: tuple[int, int]) -> Kernel:
    """The kernel with its rows and columns so many pixels apart, zeros between them.

    Raises ValueError where that is more than 16 million weights.

    >>> dilated(Kernel.of([[1, 2]]), (1, 3)).weights.tolist()
    [[1.0, 0.0, 0.0, 2.0]]
    """
    if apart == (1, 1):
        return kernel
    height, width = ((n - 1) * d + 1 for n, d in zip(kernel.shape, apart, strict=True))
    if height * width > _LARGEST_DILATED:
        raise ValueError(
            f"dilation {apart} makes a kernel of {height} x {width} weights; at most {_LARGEST_DILATED} can be handled"
        )
    weights = np.zeros((height, width))
    weights[:: apart[0], :: apart[1]] = kernel.weights
    return Kernel.of(weights, (kernel.anchor[0] * apart[0], kernel.anchor[1] * apart[1]))


def _as_weights(weights: ArrayLike) -> Weights:
    """A new C-ordered float64 array of `weights`, checked; -0.0 becomes 0.0."""
    try:
        raw = np.asarray(weights)
    except ValueError:
        raise ValueError(f"kernel rows must all have the same length, got {weights!r:.80}") from None
    if raw.dtype.kind not in "biuf":
        raise ValueError(f"kernel weights must be real numbers, got {weights!r:.80}")
    if raw.ndim != 2:
        hint = " (a row is [[1, 2, 1]])" if raw.ndim == 1 else ""
        raise ValueError(f"kernel must be 2-D{hint}, got shape {raw.shape}")
    if raw.size == 0:
        raise ValueError(f"kernel must have at least one weight, got shape {raw.shape}")
    w: Weights = np.add(raw, 0.0, dtype=np.float64, order="C")
    if not np.isfinite(w).all():
        i, j = (int(v) for v in np.argwhere(~np.isfinite(w))[0])
        raise ValueError(f"kernel weights must be finite, got {w[i, j]} in row {i}, column {j}")
    return w


def _support(w: Weights) -> tuple[slice, slice]:
    """The smallest rectangle that holds all nonzero weights (one element where there are none)."""
    rows = np.flatnonzero(w.any(axis=1))
    if rows.size == 0:
        i, j = w.shape[0] // 2, w.shape[1] // 2
        return slice(i, i + 1), slice(j, j + 1)
    columns = np.flatnonzero(w.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _trim(kernel: Kernel, support: tuple[slice, slice]) -> Kernel:
    ys, xs = support
    part = kernel.weights[ys, xs]
    if part.shape == kernel.shape:
        return kernel
    return Kernel.of(part, (kernel.anchor[0] - ys.start, kernel.anchor[1] - xs.start))


def _common_scale(w: Weights) -> tuple[Integers | None, float]:
    """(n, scale) with w == n * scale within 1 ulp and gcd(n) == 1, or (None, 1.0)."""
    if w.shape[0] > _MANY_ROWS and _common_scale(w[w.shape[0] // 2 :][:1])[0] is None:
        return None, 1.0  # not one row of it has
    magnitudes = np.sort(np.abs(w[w != 0]))
    if magnitudes.size == 0:
        return np.zeros(w.shape, np.int64), 1.0
    # not np.unique: its first call imports numpy.ma, which takes longer than all facts of a 3x3 kernel
    magnitudes = magnitudes[np.append(True, magnitudes[1:] != magnitudes[:-1])]
    found = _binary_scale(magnitudes) or _decimal_scale(magnitudes)
    if found is None:
        return None, 1.0
    return np.rint(w / found).astype(np.int64), found


def _binary_scale(magnitudes: Weights) -> float | None:
    """The largest scale that divides `magnitudes` exactly, where the quotients are small enough."""
    mantissa, exponent = np.frexp(magnitudes)
    bits = np.ldexp(mantissa, 53).astype(np.int64)
    lowest = np.frexp((bits & -bits).astype(np.float64))[1] - 54 + exponent  # of the lowest set bit
    unit = int(lowest.min())
    if int(exponent.max()) - unit > 62:
        return None
    n = np.ldexp(magnitudes, -unit).astype(np.int64)
    divisor = int(np.gcd.reduce(n))
    if int(n.max()) // divisor >= _LARGEST_NUMERATOR:
        return None
    scale = float(np.ldexp(float(divisor), unit))
    return scale if scale > 0 and np.isfinite(scale) else None


def _decimal_scale(magnitudes: Weights) -> float | None:
    """A scale such as 1/9 that divides sorted `magnitudes` within an ulp: found by Euclid, then proved."""
    largest = float(magnitudes[-1])
    floor = largest / _LARGEST_DECIMAL
    unit = _common_divisor(largest, float(magnitudes[0]), floor / 16)
    while unit >= floor:
        unit = largest / round(largest / unit)  # keeps the error of Euclid's steps from growing
        n = np.rint(magnitudes / unit)
        off = np.abs(magnitudes - n * unit)
        worst = int(off.argmax())
        if off[worst] <= floor / 16:
            break
        unit = _common_divisor(unit, float(magnitudes[worst]), floor / 16)
    else:
        return None
    if np.gcd.reduce(n.astype(np.int64)) != 1:
        return None
    candidates = [1.0 / round(1.0 / unit)] if 1e-300 < unit < 1 else []
    ulp = np.spacing(magnitudes)
    for scale in (*candidates, unit, *(float(np.nextafter(unit, end)) for end in (0.0, np.inf))):
        if np.all(np.abs(n * scale - magnitudes) <= ulp):
            return scale
    return None


def _common_divisor(a: float, b: float, zero: float) -> float:
    """Euclid's algorithm on real numbers, where remainders up to `zero` are none."""
    while b > zero:
        rest = math.fmod(a, b)
        a, b = b, min(rest, b - rest)
    return a


def _integer_factors(n: Integers) -> Factors | None:
    """((column, row),) of integers whose outer product is exactly `n`, or None; () for a zero `n`."""
    nonzero = np.flatnonzero(n)
    if nonzero.size == 0:
        return ()
    i, j = divmod(int(nonzero[0]), n.shape[1])
    row = n[i] // np.gcd.reduce(n[i])
    column, rest = np.divmod(n[:, j], row[j])
    if rest.any():
        return None
    if column[i] < 0:  # i is the first nonzero of the column: the rows above it are zero
        column, row = -column, -row
    if not np.array_equal(np.multiply.outer(column, row), n):
        return None
    return ((column.astype(np.float64), row.astype(np.float64)),)


def _factors(w: Weights, tol: float | None = None) -> Factors:
    """Factors of a nonzero `w`, singular values over `tol` (default max(shape) * eps) of the largest."""
    threshold = max(w.shape) * _EPS if tol is None else tol
    # A cross through the largest weight: exact to an ulp also where weights are tiny, and no SVD for rank 1.
    i, j = divmod(int(np.abs(w).argmax()), w.shape[1])
    column, row = w[:, j].copy(), w[i] / w[i, j]
    largest = abs(w[i, j])  # divided by, for norms of large weights overflow
    size = np.linalg.norm(column / largest) * np.linalg.norm(row)
    if np.linalg.norm(w / largest - np.multiply.outer(column / largest, row)) <= max(w.shape) * _EPS * size:
        return ((column, row),)
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    roots = np.sqrt(s)
    return tuple(
        (u[:, k] * roots[k], vt[k] * roots[k]) for k in range(s.size) if s[k] > threshold * s[0] or k == 0
    )
