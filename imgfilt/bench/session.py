"""A benchmark from start to end: prepare, compare, choose the other side's best chain, time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from imgfilt.bench.case import Case, Contender, Image, Run, picture
from imgfilt.bench.clock import Pairs, in_turn, pairs
from imgfilt.bench.compare import difference

_TRIALS = 3


@dataclass(frozen=True)
class Row:
    """What became of a case: the figures, or what is wrong.

    `rival` is the fastest of the other side's chains in a short trial; `trials` has the seconds of each.
    """

    case: Case
    width: int
    height: int
    threads: int
    rival: str = ""
    trials: Mapping[str, float] = field(default_factory=dict)
    pairs: Pairs | None = None
    error: str = ""

    def record(self) -> Mapping[str, Any]:
        """As plain data for JSON."""
        case = self.case
        what = {"case": case.name, "filter": case.filter, "dtype": case.dtype, "channels": case.channels,
                "width": self.width, "height": self.height, "threads": self.threads}  # fmt: skip
        if self.pairs is None:
            return what | {"error": self.error}
        ours, theirs = self.pairs.seconds
        low, ratio, high = self.pairs.ratios
        pixels = self.width * self.height / 1e6
        return what | {
            "rival": self.rival,
            "rivals_ms": {name: seconds * 1e3 for name, seconds in self.trials.items()},
            "ours_ms": ours * 1e3,
            "rival_ms": theirs * 1e3,
            "ratio": ratio,
            "ratio_quartiles": [low, high],
            "ours_mpix_s": pixels / ours,
            "rival_mpix_s": pixels / theirs,
            "rounds": len(self.pairs.a),
        }


def run(cases: Iterable[Case], width: int, height: int, threads: int, rounds: int) -> Iterator[Row]:
    """Runs each case and gives its row as soon as it is known."""
    for case in cases:
        yield run_case(case, width, height, threads, rounds)


def run_case(case: Case, width: int, height: int, threads: int, rounds: int) -> Row:
    """One row. Results that disagree, or a side that fails, make an error of it, and nothing is timed."""
    image = picture(case.shape(width, height), case.dtype)
    try:
        ours = case.ours(image, threads)
        rivals = [(rival, rival.prepare(image, threads)) for rival in case.rivals]
        wrong = _disagreement(case, image, ours, rivals)
        if wrong is not None:
            return Row(case, width, height, threads, error=wrong)
        trials = _trials(rivals)
        name = min(trials, key=lambda rival: trials[rival])
        best = next(call for rival, call in rivals if rival.name == name)
        return Row(case, width, height, threads, name, trials, pairs(ours, best, rounds))
    except Exception as error:  # a row that cannot be computed is an error of the benchmark, not its end
        return Row(
            case, width, height, threads, error=f"{type(error).__name__}: {' '.join(str(error).split())}"
        )


def _disagreement(case: Case, image: Image, ours: Run, rivals: list[tuple[Contender, Run]]) -> str | None:
    result = ours()
    scale = case.scale * float(abs(image).max()) if image.dtype.kind == "f" else 1.0
    for rival, call in rivals:
        wrong = difference(result, call(), rival.tolerance, scale)
        if wrong is not None:
            return f"{rival.name}: {wrong}"
    return None


def _trials(rivals: list[tuple[Contender, Run]]) -> dict[str, float]:
    """Seconds of each of the other side's chains, to choose the fastest by."""
    samples = in_turn([call for _, call in rivals], _TRIALS)
    return {rival.name: median(times) for (rival, _), times in zip(rivals, samples, strict=True)}
