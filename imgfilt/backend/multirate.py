"""Large smooth kernels at a lower sampling rate: a time that does not grow with the kernel.

A kernel much wider than `step` pixels has no detail that fine. The image is therefore smoothed by four boxes of `step`
pixels and every step-th row and column of it kept; a short kernel is applied to those; and the result is spread again
with the same four boxes, a cubic B-spline (Unser, Aldroubi and Eden, B-spline signal processing, 1993; sums at a lower
rate: Crochiere and Rabiner, Multirate digital signal processing, 1983). The short kernel is the least-squares fit that
makes of all three together the kernel that was asked for.

The error is proved, not estimated: along each axis the weights that an output really gives each pixel are worked out
for every place between two samples, and their absolute differences from the kernel's added up. The largest step whose
sum, times half the elements' range, stays within the problem's tolerance is used; where even two is too coarse, the
backend declines.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt import cost as costs
from imgfilt.arithmetic import Arithmetic, promised_exact, rounding_error
from imgfilt.borders import BORDERS, extend, saturate
from imgfilt.problem import Problem, Put, Refusal
from imgfilt.records import record

name = "multirate"

_STEPS = (256, 192, 160, 128, 96, 80, 64, 56, 48, 40, 32, 28, 24, 20, 16, 14, 12, 10, 8, 7, 6, 5, 4, 3, 2)
_LEAST_TAPS = 24
_BLOCK_ROWS = 32
_MARGIN = 0.9
"""Of the tolerance, that the fit may use up."""

Taps = NDArray[np.float64]


def supports(problem: Problem) -> Refusal | None:
    """Kernels of rank 1 and positive weights, smooth enough for the tolerance."""
    facts = problem.facts
    if not problem.alone:
        return Refusal("the convolution is part of a fused pass, and this backend needs the whole image")
    if facts.rank != 1:
        return Refusal(f"the kernel has rank {facts.rank}, not 1")
    if min(facts.trimmed.shape) < _LEAST_TAPS:
        return Refusal(f"the kernel has fewer than {_LEAST_TAPS} rows or columns")
    if not float(facts.trimmed.weights.min()) > 0:
        return Refusal("the kernel has weights that are not positive")
    if promised_exact(facts, problem.dtype, problem.low, problem.high):
        return Refusal("the sum of these weights is exact, which one at a lower rate is not")
    if _design(problem) is None:
        return Refusal(
            f"even at half the rate it would be off by more than the tolerance of {problem.tolerance:.2g}"
        )
    return None


def cost(problem: Problem, threads: int) -> float:
    design = _known(problem)
    return costs.of_resampling(problem, design.step, design.down.taps.size + design.along.taps.size)


def workspace(problem: Problem) -> int:
    """Bytes of the image at the lower rate, along one axis and along both, and of a block of rows."""
    step, itemsize = _known(problem).step, 8 if problem.dtype == "float64" else 4
    coarse_rows = problem.height // step + _known(problem).down.taps.size + 8
    row = problem.width * problem.channels
    return itemsize * row * (3 * coarse_rows + _BLOCK_ROWS)


def arithmetic(problem: Problem) -> Arithmetic:
    return Arithmetic("float64" if problem.dtype == "float64" else "float32", exact=False)


def scale(problem: Problem) -> float:
    """What the response is still to be multiplied by: nothing."""
    return 1.0


def error(problem: Problem) -> float:
    """The bound of the response's error, of the fit and of rounding."""
    return _known(problem).error


def block_rows(problem: Problem) -> int:
    """An image in bands of multiples of so many rows gives the same bits as the whole."""
    return _known(problem).step


def reach(problem: Problem) -> int:
    """Rows above and below that a row of the response depends on: some more than the kernel has."""
    design = _known(problem)
    ends = (design.down.first, design.down.first + design.down.taps.size - 1)
    return max(abs(n) for n in ends) * design.step + 5 * design.step


def respond(problem: Problem, image: NDArray[Any], cval: float, put: Put, threads: int) -> None:
    """The response to an (H, W, C) image, a block of rows at a time."""
    design, border = _known(problem), BORDERS.index(problem.border)
    spoilt = None if problem.integral else _spoilt(problem, image, cval)
    if spoilt is not None:
        image = np.where(np.isfinite(image), image, 0)
        cval = cval if math.isfinite(cval) else 0.0
    constant = saturate(cval, image.dtype)
    down = _Axis.of(design.step, design.down, image.shape[0])
    along = _Axis.of(design.step, design.along, image.shape[1])
    coarse = down.reduced(np.ascontiguousarray(image), border, constant, threads)
    coarse = along.blurred(along.reduced(_turned(coarse), border, constant, threads), threads)
    coarse = down.blurred(_turned(coarse), threads)
    turned = _turned(coarse)
    spread = np.empty((image.shape[1], *turned.shape[1:]), turned.dtype)
    coarse = _turned(along.expanded(turned, 0, spread, threads))

    # On one thread: writing the result is all that is left, and more threads take no less time for it (measured).
    height = image.shape[0]
    room = np.empty((_BLOCK_ROWS, *coarse.shape[1:]), coarse.dtype)
    for top in range(0, height, _BLOCK_ROWS):
        block = down.expanded(coarse, top, room[: min(_BLOCK_ROWS, height - top)], 1)
        if spoilt is not None:
            block += spoilt[top : top + len(block)]
        put(block, top, 0)


@record(eq=False)
class _Short:
    """The kernel of one axis at the lower rate: taps[i] for the sample `first` + i steps from the output's."""

    taps: Taps
    first: int
    error: float
    """The largest sum of absolute differences from the kernel's weights, which sum to 1."""


@record(eq=False)
class _Design:
    step: int
    down: _Short
    along: _Short
    error: float


@record
class _Axis:
    """What is done along one axis of `length` elements, as sums of rows; samples lie at multiples of `step`."""

    step: int
    short: _Short
    length: int
    lowest: int
    count: int
    """The first sample that outputs are spread from, and how many there are."""

    @staticmethod
    def of(step: int, short: _Short, length: int) -> _Axis:
        lowest = -((2 * step - 2) // step)
        return _Axis(step, short, length, lowest, (length - 1 + 2 * step - 2) // step - lowest + 1)

    def reduced(self, image: NDArray[Any], border: int, cval: float, threads: int) -> NDArray[Any]:
        """The samples that the short kernel needs: four boxes of the rows around each."""
        from imgfilt import _native

        wide = np.float64 if image.dtype == np.float64 else np.float32
        out = np.empty((self.count + self.short.taps.size - 1, *image.shape[1:]), wide)
        first = (self.lowest + self.short.first) * self.step - 2 * (self.step - 1)
        _native.reduce_rows(image, out, _boxes(self.step).tolist(), self.step, first, border, cval, threads)
        return out

    def blurred(self, samples: NDArray[Any], threads: int) -> NDArray[Any]:
        from imgfilt import _native

        out = np.empty((self.count, *samples.shape[1:]), samples.dtype)
        _native.reduce_rows(samples, out, self.short.taps.tolist(), 1, 0, 0, 0.0, threads)
        return out

    def expanded(self, samples: NDArray[Any], top: int, out: NDArray[Any], threads: int) -> NDArray[Any]:
        """`out`, filled with the rows of the result from `top` on."""
        from imgfilt import _native

        first = top + 2 * (self.step - 1) - self.lowest * self.step
        _native.expand_rows(samples, out, _spread(self.step), self.step, first, threads)
        return out


def _turned(samples: NDArray[Any]) -> NDArray[Any]:
    """Rows as columns and columns as rows."""
    return np.ascontiguousarray(samples.transpose(1, 0, 2))


def _known(problem: Problem) -> _Design:
    design = _design(problem)
    assert design is not None
    return design


@lru_cache(maxsize=64)
def _design(problem: Problem) -> _Design | None:
    """The design of the largest step that the tolerance allows; None where there is none."""
    kernel = problem.facts.trimmed
    total = float(kernel.weights.sum())
    column, row = kernel.weights.sum(axis=1) / total, kernel.weights.sum(axis=0) / total
    half = (problem.high - problem.low) / 2
    dtype = arithmetic(problem).dtype
    for step in _STEPS:
        if 4 * step > min(kernel.shape):
            continue
        down = _fitted(column, kernel.anchor[0], step)
        same = kernel.anchor[0] == kernel.anchor[1] and np.array_equal(column, row)
        along = down if same else _fitted(row, kernel.anchor[1], step)
        fit = total * half * (down.error + along.error + down.error * along.error)
        error = fit + _rounding(step, down.taps, along.taps, dtype) * total * problem.largest
        if error <= _MARGIN * problem.tolerance:
            return _Design(step, down, _Short(along.taps * total, along.first, along.error), error)
    return None


@lru_cache(maxsize=32)
def _boxes(step: int) -> Taps:
    """Four boxes of `step` elements after one another, summing to 1: 4 * step - 3 taps, their middle the origin."""
    box, taps = np.ones(step), np.ones(1)
    for _ in range(4):
        taps = np.convolve(taps, box)
    return taps / step**4


@lru_cache(maxsize=32)
def _spread(step: int) -> list[float]:
    """What a sample gives the elements around it."""
    return (_boxes(step) * step).tolist()  # type: ignore[no-any-return]


def _fitted(weights: Taps, anchor: int, step: int) -> _Short:
    """The short kernel that, between smoothing and spreading, is nearest to `weights`, which sum to 1."""
    boxes = _boxes(step)
    reach = 2 * (step - 1)
    first = math.floor(-anchor / step) - 1
    last = math.ceil((weights.size - 1 - anchor) / step) + 1
    count = last - first + 1
    both = np.convolve(boxes, boxes)  # of an impulse, on the average over its places between two samples
    # Normal equations: what shifts of `both` have in common with one another, and with the weights.
    overlaps = np.zeros(count)
    common = np.correlate(both, both, "full")[both.size - 1 :: step][:count]
    overlaps[: common.size] = common
    i = np.arange(count)
    wanted = np.convolve(weights, both)  # `both` is its own mirror image
    at = anchor + 2 * reach + (first + i) * step
    inside = (at >= 0) & (at < wanted.size)
    right = np.where(inside, wanted[np.clip(at, 0, wanted.size - 1)], 0.0)
    taps = np.linalg.solve(overlaps[np.abs(i[:, None] - i)], right)
    taps = taps / taps.sum()
    return _Short(taps, first, _difference(weights, anchor, step, taps, first))


def _difference(weights: Taps, anchor: int, step: int, taps: Taps, first: int) -> float:
    """The largest sum of |true weights - `weights`| over the places of an output between two samples."""
    boxes = _boxes(step)
    reach = 2 * (step - 1)
    upsampled = np.zeros((taps.size - 1) * step + 1)
    upsampled[::step] = taps
    smooth = np.convolve(upsampled, boxes)  # what a sample of the result gives each pixel
    origin = reach - first * step  # the sample's own place in it
    before, after = origin + 4 * step + anchor, smooth.size + weights.size + 8 * step
    worst = 0.0
    for place in range(step):
        true = np.zeros(before + after)
        for sample in range(-2, 4):
            tap = place - sample * step + reach
            if 0 <= tap < boxes.size:
                at = before + sample * step - place - origin
                true[at : at + smooth.size] += boxes[tap] * step * smooth
        true[before - anchor : before - anchor + weights.size] -= weights
        worst = max(worst, float(np.abs(true).sum()))
    return worst


def _rounding(step: int, down: Taps, along: Taps, dtype: str) -> float:
    """The bound of what rounding in all six sums adds, for a kernel that sums to 1 and elements within 1."""
    boxes, four = _boxes(step), np.full(4, 0.25)
    growth = float(np.abs(down).sum() * np.abs(along).sum())
    sums = (boxes, boxes, down, along, four, four)
    return growth * sum(rounding_error(taps, dtype, -1.0, 1.0) / float(np.abs(taps).sum()) for taps in sums)


def _spoilt(problem: Problem, image: NDArray[Any], cval: float) -> NDArray[Any] | None:
    """0, or the infinity or NaN that the kernel makes of the elements under it; None where all are finite."""
    beyond = cval if problem.border == "constant" else 0.0
    if np.isfinite(image).all() and math.isfinite(beyond):
        return None
    kernel = problem.facts.trimmed
    (kh, kw), (ay, ax) = kernel.shape, kernel.anchor
    rows, columns = (-ay, image.shape[0] - ay + kh - 1), (-ax, image.shape[1] - ax + kw - 1)
    result = np.zeros(image.shape, image.dtype)
    with np.errstate(invalid="ignore"):
        for value, test in ((math.nan, np.isnan), (math.inf, np.isposinf), (-math.inf, np.isneginf)):
            marks = extend(
                test(image).astype(np.uint8),
                rows,
                columns,
                problem.border,
                float(test(beyond)),
                np.dtype(np.int32),
            )
            counts = np.zeros((marks.shape[0] + 1, marks.shape[1] + 1, marks.shape[2]), np.int32)
            counts[1:, 1:] = marks.cumsum(0).cumsum(1)
            inside = counts[kh:, kw:] - counts[:-kh, kw:] - counts[kh:, :-kw] + counts[:-kh, :-kw]
            result[inside > 0] += value
    return result
