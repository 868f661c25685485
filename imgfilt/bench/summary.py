"""What the cells say together: means, where imgfilt loses, and how far it is from its goals.

Cells are here as they stand in JSON, so that a run can be told of at once or read from files later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

Cell = Mapping[str, Any]

COMPOSITE = ("sobel magnitude", "unsharp mask", "difference of gaussians", "canny", "gaussian | sobel")
"""Filters that are several passes of OpenCV."""

_KIND = ("dtype", "channels", "threads", "isa")

EQUAL = 0.95
"""A ratio from here on is no loss: noise."""


def mean_ratio(cells: Iterable[Cell]) -> float | None:
    """The geometric mean of "times as fast"; None of none."""
    ratios = [cell["ratio"] for cell in cells]
    return exp(sum(map(log, ratios)) / len(ratios)) if ratios else None


def timed(cells: Iterable[Cell]) -> list[Cell]:
    """Those that have figures, not errors."""
    return [cell for cell in cells if "ratio" in cell]


def disturbed(cells: Iterable[Cell]) -> list[Cell]:
    """Those during which other processes kept a processor busy that was needed."""
    return [cell for cell in timed(cells) if cell.get("disturbed")]


def sound(cells: Iterable[Cell]) -> list[Cell]:
    """Those that have figures and were not disturbed."""
    return [cell for cell in timed(cells) if not cell.get("disturbed")]


def losses(cells: Iterable[Cell]) -> list[Cell]:
    """Cells where OpenCV is faster, from 256x256 up, the worst first."""
    found = [c for c in sound(cells) if c["ratio"] < EQUAL and c["width"] * c["height"] >= 256 * 256]
    return sorted(found, key=lambda cell: float(cell["ratio"]))


def by(cells: Iterable[Cell], *keys: str) -> dict[tuple[Any, ...], list[Cell]]:
    """Cells in groups that have these values in common, in order of appearance."""
    groups: dict[tuple[Any, ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[tuple(cell[key] for key in keys)].append(cell)
    return groups


def name_of(cell: Cell) -> str:
    """A cell in a few words.

    >>> name_of({"case": "box 3", "dtype": "uint8", "channels": 3, "size": "1MP", "threads": 2, "isa": "v4"})
    'box 3, uint8 x3, 1MP, 2 threads, v4'
    """
    threads = f"{cell['threads']} thread{'s' * (cell['threads'] > 1)}"
    return f"{cell['case']}, {cell['dtype']} x{cell['channels']}, {cell['size']}, {threads}, {cell['isa']}"


@dataclass(frozen=True)
class Goal:
    """What should hold, what was found, the least good cell of it; `holds` is None where nothing tells."""

    wanted: str
    found: str
    holds: bool | None
    worst: str = ""


def goals(cells: Sequence[Cell]) -> list[Goal]:
    """The goals that cells of the matrix can tell of."""
    every = sound(cells)
    return [
        _mean("geometric mean of all cells at least 3", every, 3.0),
        _mean(
            "geometric mean of composite filters at least 5", [c for c in every if c["case"] in COMPOSITE], 5.0
        ),
        _least(
            f"no cell from 256x256 up below {EQUAL}",
            [c for c in every if c["width"] * c["height"] >= 256 * 256],
            lambda cell: float(cell["ratio"]),
            EQUAL,
        ),
        _least(
            "dense float32 kernels from 7x7 on at 70 % of the peak of multiply-adds",
            [c for c in every if c["case"].startswith("random ") and c["dtype"] == "float32"
             and c["size"] in ("8MP", "100MP") and int(c["case"].split("x")[1]) >= 7],
            lambda cell: cell["of_fma_peak"],
            0.7,
        ),
        _least(
            "3x3 of uint8 at 100 megapixels on all threads at half the bandwidth of a copy",
            [c for c in every if c["case"] == "integer 3x3" and c["dtype"] == "uint8" and c["size"] == "100MP"
             and c["threads"] > 1],
            lambda cell: cell["of_bandwidth"],
            0.5,
        ),
        _flat(
            "a box takes as long at 3x3 as at 101x101, within 15 %, at 8 megapixels",
            by([c for c in every if c["filter"] == "box" and c["size"] == "8MP"], *_KIND),
        ),
        _least(
            "two threads at least 1.8 times as fast as one at 8 megapixels, where arithmetic counts",
            _scaling(every),
            lambda cell: cell["scaling"],
            1.8,
        ),
        _least(
            "not slower than libvips where it has the filter",
            [c for c in every if "pyvips" in c.get("others", {})],
            lambda cell: float(cell["others"]["pyvips"]["ratio"]),
            EQUAL,
        ),
        _flat(
            "a pixel takes as long at 100 megapixels as at 8, within 15 %",
            by(_per_pixel(every), "case", *_KIND),
        ),
    ]  # fmt: skip


def _mean(wanted: str, cells: Sequence[Cell], least: float) -> Goal:
    mean = mean_ratio(cells)
    if mean is None:
        return Goal(wanted, "", None)
    return Goal(wanted, f"{mean:.2f} over {len(cells)} cells", mean >= least)


def _least(wanted: str, cells: Sequence[Cell], of: Callable[[Cell], float], least: float) -> Goal:
    if not cells:
        return Goal(wanted, "", None)
    worst = min(cells, key=of)
    below = sum(of(cell) < least for cell in cells)
    found = f"{below} of {len(cells)} are below; the least is {of(worst):.2f}"
    return Goal(wanted, found, not below, name_of(worst))


def _flat(wanted: str, groups: Mapping[tuple[Any, ...], list[Cell]]) -> Goal:
    """Whether the times in each group lie within 15 % of the shortest."""
    spreads = {}
    for key, cells in groups.items():
        times = [cell["ours_ms"] for cell in cells]
        if len(times) > 1:
            spreads[key] = max(times) / min(times)
    if not spreads:
        return Goal(wanted, "", None)
    worst = max(spreads, key=lambda key: spreads[key])
    beyond = sum(spread > 1.15 for spread in spreads.values())
    found = f"{beyond} of {len(spreads)} are beyond; the most is {spreads[worst]:.2f} times"
    return Goal(wanted, found, not beyond, name_of({"case": "box", "size": "8MP"} | dict(groups[worst][0])))


_COMPUTE_BOUND = (
    0.5  # of the bandwidth that so many threads have: below that, arithmetic is what takes the time
)


def _scaling(cells: Sequence[Cell]) -> list[Cell]:
    """Cells of two threads at 8 megapixels with "scaling", the time of one over theirs, where memory is no limit."""
    found: list[Cell] = []
    for group in by([c for c in cells if c["size"] == "8MP"], "case", "dtype", "channels", "isa").values():
        times = {cell["threads"]: cell for cell in group}
        if 1 in times and 2 in times and times[2]["of_bandwidth"] < _COMPUTE_BOUND:
            found.append(dict(times[2]) | {"scaling": times[1]["ours_ms"] / times[2]["ours_ms"]})
    return found


def _per_pixel(cells: Sequence[Cell]) -> list[Cell]:
    """The cells of 8 and 100 megapixels, with the time of 8 megapixels instead of their own."""
    return [
        dict(cell) | {"ours_ms": cell["ours_ms"] / (cell["width"] * cell["height"]) * 8.2944e6}
        for cell in cells
        if cell["size"] in ("8MP", "100MP")
    ]
