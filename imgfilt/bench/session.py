"""A cell of the matrix from start to end: prepare, compare, choose the other side's best chain, time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import median
from time import perf_counter
from typing import Any

from imgfilt.bench import neighbours
from imgfilt.bench.case import Case, Contender, Image, picture
from imgfilt.bench.clock import Pairs, in_turn, pairs
from imgfilt.bench.compare import difference
from imgfilt.bench.limits import Limits
from imgfilt.bench.sizes import LARGE, Size
from imgfilt.cost import isa

_BEHIND = 3.0  # times the fastest in the first call, from ...
_SLOW = 0.02  # ... so many seconds on: not tried again
_LONG, _VERY_LONG = 0.25, 1.0  # seconds of a call
_TRIALS = 3
_TRIAL_SECONDS = 0.5
_SECONDS = 1.0  # a cell's rounds, once there are the fewest


@dataclass
class _Way:
    """A contender's call, and the seconds that the first one took."""

    rival: Contender
    call: Callable[[], Any]
    first: float = 0.0


Others = Mapping[str, Callable[[Case], Iterable[Contender]]]
"""By the name of a package beside OpenCV: what it has for a case."""


@dataclass(frozen=True)
class Cell:
    """A case at one size, on so many threads."""

    case: Case
    size: Size
    threads: int


@dataclass(frozen=True)
class Against:
    """Our call and a package's fastest way, timed in turn; `trials` has the seconds of each way in a short trial."""

    rival: Contender
    trials: Mapping[str, float]
    pairs: Pairs

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        low, ratio, high = self.pairs.ratios
        return {
            "rival": self.rival.name,
            "rivals_ms": {name: seconds * 1e3 for name, seconds in self.trials.items()},
            "rival_ms": self.pairs.seconds[1] * 1e3,
            "ratio": ratio,
            "ratio_quartiles": [low, high],
            "compared": self.rival.tolerance is not None,
        }


@dataclass(frozen=True)
class Row:
    """What became of a cell: the figures, or what is wrong.

    `others` are further packages by name; `bytes` is the image and the result together; `others_busy` processors were
    kept so by other processes.
    """

    cell: Cell
    against: Against | None = None
    others: Mapping[str, Against] = field(default_factory=dict)
    bytes: int = 0
    others_busy: float | None = None
    error: str = ""

    def record(self, limits: Mapping[int, Limits] | None = None) -> dict[str, Any]:
        """As plain data for JSON, with the parts of the limits for the cell's threads where they are known."""
        case, size, threads = self.cell.case, self.cell.size, self.cell.threads
        what = {"case": case.name, "filter": case.filter, "dtype": case.dtype, "channels": case.channels,
                "size": size.name, "width": size.width, "height": size.height, "threads": threads,
                "isa": isa()}  # fmt: skip
        if self.against is None:
            return what | {"error": self.error}
        ours, theirs = self.against.pairs.seconds
        pixels = size.width * size.height / 1e6
        found = what | {
            "ours_ms": ours * 1e3,
            **self.against.record(),
            "ours_mpix_s": pixels / ours,
            "rival_mpix_s": pixels / theirs,
            "gb_s": self.bytes / ours / 1e9,
            "gmac_s": case.products * pixels / ours / 1e3,
            "rounds": len(self.against.pairs.a),
            "others_busy": self.others_busy,
            "disturbed": neighbours.disturbing(self.others_busy, threads),
        }
        if limits and threads in limits:
            most = limits[threads]
            found["of_bandwidth"] = self.bytes / ours / most.copy
            found["of_fma_peak"] = case.products * pixels * 1e6 / ours / most.multiply_add
        if self.others:
            found["others"] = {name: other.record() for name, other in self.others.items()}
        return found


def matrix(
    cases: Iterable[Case], sizes: Iterable[Size], threads: Iterable[int], all_large: bool
) -> list[Cell]:
    """The cells of these, ordered so that those of one picture stand together.

    On the largest size only the cases that are marked for it are run, unless `all_large`.
    """
    every, counts = list(cases), list(threads)
    order = {kind: i for i, kind in enumerate(dict.fromkeys((c.dtype, c.channels) for c in every))}
    every.sort(key=lambda case: order[case.dtype, case.channels])
    return [
        Cell(case, size, n)
        for size in sizes
        for case in every
        if size.name != LARGE or case.large or all_large
        for n in counts
    ]


def run(cells: Iterable[Cell], rounds: int, others: Others | None = None) -> Iterator[Row]:
    """Runs each cell and gives its row as soon as it is known."""
    for cell in cells:
        yield run_cell(cell, rounds, others)


def run_cell(cell: Cell, rounds: int, others: Others | None = None) -> Row:
    """One row. Results that disagree, or a side that fails, make an error of it, and nothing is timed."""
    case, size, threads = cell.case, cell.size, cell.threads
    image = _picture(case.shape(size.width, size.height), case.dtype)
    try:
        ours = case.ours(image, threads)
        sides: dict[str, Sequence[Contender]] = {"": case.rivals}
        for name, contenders in (others or {}).items():
            if found := tuple(contenders(case)):
                sides[name] = found
        result = ours()
        calls: dict[str, list[_Way]] = {}
        for name, side in sides.items():
            calls[name] = [_Way(rival, rival.prepare(image, threads)) for rival in side]
            wrong = _disagreement(case, image, result, calls[name])
            if wrong is not None:
                return Row(cell, error=f"{name}: {wrong}" if name else wrong)
        moved = image.nbytes + result.nbytes
        begin = neighbours.mark()
        timed = {name: _against(ours, of_side, rounds) for name, of_side in calls.items()}
        return Row(cell, timed.pop(""), timed, moved, neighbours.busy_since(begin))
    except Exception as error:  # a row that cannot be computed is an error of the benchmark, not its end
        return Row(cell, error=f"{type(error).__name__}: {' '.join(str(error).split())}")


@lru_cache(maxsize=1)
def _picture(shape: tuple[int, ...], dtype: str) -> Image:
    return picture(shape, dtype)


def _disagreement(case: Case, image: Image, result: Image, ways: list[_Way]) -> str | None:
    scale = case.scale * float(abs(image).max()) if image.dtype.kind == "f" else 1.0
    for way in ways:
        began = perf_counter()
        found = way.call()
        way.first = perf_counter() - began
        rival = way.rival
        if rival.tolerance is None:
            continue
        inner = slice(rival.margin, -rival.margin or None)
        theirs = rival.as_ours(found)
        wrong = difference(result[inner, inner], theirs[inner, inner], rival.tolerance, scale)
        if wrong is not None:
            return f"{rival.name}: {wrong}"
    return None


def _against(ours: Callable[[], Image], ways: list[_Way], rounds: int) -> Against:
    """The fastest of a side's ways in a short trial, in turn with ours.

    What was far behind at once is not tried; where all take long the first call decides, and few rounds are enough.
    """
    least = min(way.first for way in ways)
    tried = [way for way in ways if way.first < max(_BEHIND * least, _SLOW)]
    trials = {way.rival.name: way.first for way in ways}
    if len(tried) > 1 and least < _LONG:
        samples = in_turn([way.call for way in tried], _TRIALS, _TRIAL_SECONDS)
        trials |= {way.rival.name: median(times) for way, times in zip(tried, samples, strict=True)}
    best = min(tried, key=lambda way: trials[way.rival.name])
    return Against(best.rival, trials, pairs(ours, best.call, 1 if least > _VERY_LONG else rounds, _SECONDS))
