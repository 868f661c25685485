"""A cell of the matrix from start to end: prepare, compare, choose the other side's best chain, time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import median
from typing import Any

from imgfilt.bench.case import Case, Contender, Image, Run, picture
from imgfilt.bench.clock import Pairs, in_turn, pairs
from imgfilt.bench.compare import difference
from imgfilt.bench.sizes import LARGE, Size

_TRIALS = 3
_TRIAL_SECONDS = 0.5
_SECONDS = 1.0  # a cell's rounds, once there are the fewest


@dataclass(frozen=True)
class Cell:
    """A case at one size, on so many threads."""

    case: Case
    size: Size
    threads: int


@dataclass(frozen=True)
class Row:
    """What became of a cell: the figures, or what is wrong.

    `rival` is the fastest of the other side's chains in a short trial; `trials` has the seconds of each. `bytes` is
    the image and the result together.
    """

    cell: Cell
    rival: str = ""
    trials: Mapping[str, float] = field(default_factory=dict)
    pairs: Pairs | None = None
    bytes: int = 0
    error: str = ""

    def record(self) -> Mapping[str, Any]:
        """As plain data for JSON."""
        case, size = self.cell.case, self.cell.size
        what = {"case": case.name, "filter": case.filter, "dtype": case.dtype, "channels": case.channels,
                "size": size.name, "width": size.width, "height": size.height,
                "threads": self.cell.threads}  # fmt: skip
        if self.pairs is None:
            return what | {"error": self.error}
        ours, theirs = self.pairs.seconds
        low, ratio, high = self.pairs.ratios
        pixels = size.width * size.height / 1e6
        return what | {
            "rival": self.rival,
            "rivals_ms": {name: seconds * 1e3 for name, seconds in self.trials.items()},
            "ours_ms": ours * 1e3,
            "rival_ms": theirs * 1e3,
            "ratio": ratio,
            "ratio_quartiles": [low, high],
            "ours_mpix_s": pixels / ours,
            "rival_mpix_s": pixels / theirs,
            "gb_s": self.bytes / ours / 1e9,
            "gmac_s": case.products * pixels / ours / 1e3,
            "rounds": len(self.pairs.a),
        }


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


def run(cells: Iterable[Cell], rounds: int) -> Iterator[Row]:
    """Runs each cell and gives its row as soon as it is known."""
    for cell in cells:
        yield run_cell(cell, rounds)


def run_cell(cell: Cell, rounds: int) -> Row:
    """One row. Results that disagree, or a side that fails, make an error of it, and nothing is timed."""
    case, size, threads = cell.case, cell.size, cell.threads
    image = _picture(case.shape(size.width, size.height), case.dtype)
    try:
        ours = case.ours(image, threads)
        rivals = [(rival, rival.prepare(image, threads)) for rival in case.rivals]
        result = ours()
        wrong = _disagreement(case, image, result, rivals)
        if wrong is not None:
            return Row(cell, error=wrong)
        trials = _trials(rivals)
        name = min(trials, key=lambda rival: trials[rival]) if trials else case.rivals[0].name
        best = next(call for rival, call in rivals if rival.name == name)
        moved = image.nbytes + result.nbytes
        return Row(cell, name, trials, pairs(ours, best, rounds, _SECONDS), moved)
    except Exception as error:  # a row that cannot be computed is an error of the benchmark, not its end
        return Row(cell, error=f"{type(error).__name__}: {' '.join(str(error).split())}")


@lru_cache(maxsize=1)
def _picture(shape: tuple[int, ...], dtype: str) -> Image:
    return picture(shape, dtype)


def _disagreement(case: Case, image: Image, result: Image, rivals: list[tuple[Contender, Run]]) -> str | None:
    scale = case.scale * float(abs(image).max()) if image.dtype.kind == "f" else 1.0
    for rival, call in rivals:
        wrong = difference(result, call(), rival.tolerance, scale, any_dtype=rival.any_dtype)
        if wrong is not None:
            return f"{rival.name}: {wrong}"
    return None


def _trials(rivals: list[tuple[Contender, Run]]) -> dict[str, float]:
    """Seconds of each of the other side's chains, to choose the fastest by."""
    if len(rivals) == 1:
        return {}
    samples = in_turn([call for _, call in rivals], _TRIALS, _TRIAL_SECONDS)
    return {rival.name: median(times) for (rival, _), times in zip(rivals, samples, strict=True)}
