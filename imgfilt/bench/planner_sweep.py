"""Is the planner right? Random problems; every backend that takes one is timed, the planner's choice held to the best.

A problem's results are compared first: two backends may be apart by no more than their two bounds together. What is
predicted to take far longer than the best is not run at all, and what is far behind after two runs is not timed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from math import ceil, exp, inf, log
from statistics import mean
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt import generators
from imgfilt.bench.case import Image, picture
from imgfilt.bench.clock import sample
from imgfilt.bench.compare import difference
from imgfilt.engine import Executable
from imgfilt.plans import Plan

Weights = NDArray[np.float64]

LARGEST = 8_000_000  # pixels
_SMALLEST = 256 * 256
_FAR = 20.0  # times the least predicted time: not run
_LONG = 1.5  # seconds; what is predicted to take longer is not run from ...
_FAR_AND_LONG = 5.0  # ... times the least predicted time on
_BEHIND = 3.0  # times the fastest after two runs: not timed again
_SAMPLE = 3e-3  # seconds of calls that are timed together
_ROUNDS = 4
_UNIT = 2.0**-24  # of the float32 results, rounded once more than the bound says


@dataclass(frozen=True, eq=False)
class Sweep:
    """One random problem: a kernel of some kind for images of some shape and dtype."""

    kind: str
    weights: Weights
    shape: tuple[int, int, int]
    dtype: str

    def __str__(self) -> str:
        (kh, kw), (height, width, channels) = self.weights.shape, self.shape
        return f"{self.kind} {kh}x{kw}, {width}x{height} {self.dtype} x{channels}"


def problems(count: int, seed: int, largest: int = LARGEST) -> list[Sweep]:
    """`count` problems, the same for the same seed, with all kinds and dtypes in turn.

    >>> [str(p) for p in problems(2, seed=1)] == [str(p) for p in problems(3, seed=1)[:2]]
    True
    """
    return [_problem(np.random.default_rng((seed, i)), i, largest) for i in range(count)]


def _problem(rng: np.random.Generator, number: int, largest: int) -> Sweep:
    kinds = list(_KINDS)
    kind, dtype = kinds[number % len(kinds)], ("uint8", "uint16", "float32")[number // len(kinds) % 3]
    size = 2 * round(exp(rng.uniform(log(1), log(31)))) + 1  # 3 to 63, the small ones more often
    pixels = exp(rng.uniform(log(_SMALLEST), log(max(largest, _SMALLEST))))
    aspect = rng.choice([1.0, 4 / 3, 3 / 2, 16 / 9])
    shape = round((pixels / aspect) ** 0.5), round((pixels * aspect) ** 0.5), int(rng.integers(1, 5))
    return Sweep(kind, _KINDS[kind](rng, size, dtype), shape, dtype)


def _random(rng: np.random.Generator, size: int, _dtype: str) -> Weights:
    """Normally distributed, or small whole numbers."""
    if rng.random() < 0.3:
        return rng.integers(-4, 5, (size, size)).astype(np.float64)
    return _unit(rng.standard_normal((size, size)))


def _gaussian(_rng: np.random.Generator, size: int, dtype: str) -> Weights:
    return generators.gaussian(dtype=dtype, sigma=max(0.5, size / 6), size=size).weights


def _gabor(rng: np.random.Generator, size: int, dtype: str) -> Weights:
    sigma, wavelength = max(0.5, size / 6), max(2.0, size / rng.uniform(1.5, 6))
    theta = float(rng.uniform(0, 180))
    kernel = generators.gabor(dtype=dtype, sigma=sigma, theta=theta, wavelength=wavelength, size=size)
    return _unit(kernel.weights)


def _low_rank(rng: np.random.Generator, size: int, _dtype: str) -> Weights:
    """The sum of a few random columns times rows."""
    rank = int(rng.integers(1, 5))
    return _unit(rng.standard_normal((size, rank)) @ rng.standard_normal((rank, size)))


def _box_like(rng: np.random.Generator, size: int, _dtype: str) -> Weights:
    """Equal weights, over a square, a rectangle, with soft edges, or over a disc."""
    column, row = np.ones(size), np.ones(size if rng.random() < 0.7 else max(3, size // 2 | 1))
    shape = rng.integers(4)
    if shape == 2:
        column[[0, -1]] = row[[0, -1]] = rng.uniform(0.1, 0.9)
    weights = np.multiply.outer(column, row)
    if shape == 3:
        y, x = (np.linspace(-1, 1, n) for n in weights.shape)
        weights[y[:, None] ** 2 + x**2 > 1.05] = 0.0
    return _unit(weights)


def _sparse(rng: np.random.Generator, size: int, _dtype: str) -> Weights:
    """Few weights other than 0, anywhere."""
    weights = np.zeros(size * size)
    taps = max(3, round(size * size * rng.uniform(0.01, 0.1)))
    weights[rng.choice(size * size, taps, replace=False)] = rng.standard_normal(taps)
    return _unit(weights.reshape(size, size))


def _unit(weights: Weights) -> Weights:
    return np.asarray(weights / np.abs(weights).sum(), np.float64)


_KINDS: dict[str, Callable[[np.random.Generator, int, str], Weights]] = {
    "random": _random,
    "gaussian": _gaussian,
    "gabor": _gabor,
    "low rank": _low_rank,
    "box-like": _box_like,
    "sparse": _sparse,
}


@dataclass(frozen=True)
class Row:
    """One problem: predicted and measured milliseconds of the backends that were run, or what is wrong.

    `skipped` are those that were predicted to be too slow to be run.
    """

    problem: str
    threads: int
    choice: str = ""
    predicted: dict[str, float] = field(default_factory=dict)
    ms: dict[str, float] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    error: str = ""

    @property
    def best(self) -> str:
        return min(self.ms, key=lambda name: self.ms[name])

    @property
    def ratio(self) -> float:
        """What the choice takes, over what the fastest takes."""
        return self.ms[self.choice] / self.ms[self.best]

    def record(self) -> dict[str, Any]:
        """The row as plain data for JSON."""
        if self.error:
            return asdict(self)
        return asdict(self) | {"best": self.best, "ratio": self.ratio}


def run(sweep: Sequence[Sweep], threads: int) -> Iterator[Row]:
    """One row for each problem, as soon as it is known."""
    if not sweep:
        return
    height, width, channels = (max(problem.shape[axis] for problem in sweep) for axis in range(3))
    scene = picture((height, width, channels), "float32")
    for problem in sweep:
        try:
            yield _measure(problem, _cut(scene, problem), threads)
        except (ValueError, MemoryError) as error:
            yield Row(str(problem), threads, error=str(error) or "not enough memory")


def _cut(scene: Image, problem: Sweep) -> Image:
    """A corner of the scene as an image of the problem's shape and dtype."""
    height, width, channels = problem.shape
    part = scene[:height, :width, :channels]
    if problem.dtype == "float32":
        return np.ascontiguousarray(part)
    return np.rint(part * np.float32(np.iinfo(problem.dtype).max)).astype(problem.dtype)


def _measure(problem: Sweep, image: Image, threads: int) -> Row:
    import imgfilt

    plan = partial(imgfilt.plan, problem.weights, problem.shape, problem.dtype, threads=threads)
    chosen = plan()
    # In the order of the candidates: the choice first.
    predicted = {c.backend: c.seconds for c in chosen.choices[0].candidates if c.seconds is not None}
    least = predicted[chosen.backend]
    skipped = tuple(
        name
        for name, seconds in predicted.items()
        if seconds > _FAR * least or (seconds > _LONG and seconds > _FAR_AND_LONG * least)
    )
    plans = {name: plan(backend=name) for name in predicted if name not in skipped}
    out = np.empty(chosen.out_shape, chosen.out_dtype)
    calls: dict[str, Callable[[], Any]] = {
        name: partial(Executable(p).run, image, out, 0.0, threads) for name, p in plans.items()
    }
    once = _compared(problem, plans, calls)
    return Row(
        str(problem),
        threads,
        chosen.backend,
        {name: plans[name].seconds * 1e3 for name in plans},
        {name: seconds * 1e3 for name, seconds in _timed(calls, once).items()},
        skipped,
    )


def _compared(
    problem: Sweep, plans: dict[str, Plan], calls: dict[str, Callable[[], Any]]
) -> dict[str, float]:
    """The seconds of each call's first run; ValueError where one gives something else than the first."""
    seconds: dict[str, float] = {}
    expected: Image | None = None
    expected_bound = 0.0
    scale = float(np.abs(problem.weights).sum())
    for name, call in calls.items():
        began = perf_counter()
        found = call()
        seconds[name] = perf_counter() - began
        if expected is None:
            expected, expected_bound = found.copy(), plans[name].bound
            continue
        bounds = expected_bound + plans[name].bound
        allowed = bounds + 2 * _UNIT * scale if found.dtype.kind == "f" else ceil(bounds)
        wrong = difference(expected, found, allowed)
        if wrong is not None:
            raise ValueError(f"{name} {wrong}")
    return seconds


def _timed(calls: dict[str, Callable[[], Any]], once: dict[str, float]) -> dict[str, float]:
    """The least seconds of each call; those that may be the fastest, and the first, in turn with one another."""
    behind = _BEHIND * min(once.values())
    best = {
        name: sample(call, 1) if once[name] < max(behind, 10 * _SAMPLE) else once[name]
        for name, call in calls.items()
    }
    first, fastest = next(iter(calls)), min(best.values())
    leading = [name for name, seconds in best.items() if seconds < _BEHIND * fastest or name == first]
    counts = {name: max(1, round(_SAMPLE / best[name])) for name in leading}
    for _ in range(_ROUNDS if len(leading) > 1 else 0):
        for name in leading:
            best[name] = min(best[name], sample(calls[name], counts[name]))
    return best


HEADER = ("problem", "choice", "ms", "predicted", "best", "ms", "predicted", "times the best")


def table(rows: Sequence[Row], most: int) -> list[tuple[str, ...]]:
    """The `most` rows whose choice is farthest from the best, in words; those that failed before all others."""
    found: list[tuple[str, ...]] = [HEADER]
    found += [(r.problem, "error", "", "", "", "", "", r.error) for r in rows if r.error]
    worst = sorted((r for r in rows if not r.error), key=lambda r: -r.ratio)[:most]
    for row in worst:
        cells = (f"{ms[name]:.2f}" for name in (row.choice, row.best) for ms in (row.ms, row.predicted))
        a, b, c, d = cells
        found.append((row.problem, row.choice, a, b, row.best, c, d, f"{row.ratio:.2f}"))
    return found


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """The ratios of all problems: average, worst, how many are within a tenth; how often each backend was the best.

    `alone` counts the problems for which only the choice was run.
    """
    ratios = [row.ratio for row in rows if not row.error]
    return {
        "problems": len(ratios),
        "errors": len(rows) - len(ratios),
        "alone": sum(len(row.ms) == 1 for row in rows if not row.error),
        "skipped": sum(len(row.skipped) for row in rows),
        "average": mean(ratios) if ratios else inf,
        "worst": max(ratios, default=inf),
        "within_a_tenth": sum(ratio <= 1.1 for ratio in ratios),
        "best": dict(Counter(row.best for row in rows if not row.error).most_common()),
    }


def lines(rows: Sequence[Row]) -> list[str]:
    """The summary for a reader."""
    s = summary(rows)
    if not s["problems"]:
        return ["nothing was timed"]
    return [
        f"the choice takes {s['average']:.3f} times as long as the best backend on average, {s['worst']:.2f} times at "
        f"worst; {s['within_a_tenth']} of {s['problems']} problems are within a tenth",
        "fastest: " + ", ".join(f"{name} {count}" for name, count in s["best"].items()),
        f"{s['skipped']} candidates were not run: they are predicted to take over {_FAR:g} times as long as the choice "
        f"({_FAR_AND_LONG:g} times where that is over {_LONG:g} s); of {s['alone']} problems only the choice was run",
    ]
