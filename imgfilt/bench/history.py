"""What got slower since an earlier run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from imgfilt.bench.summary import Cell, name_of, timed

SLOWER = 0.9
"""A ratio to OpenCV that is less than this part of the earlier one is a change, where the quartiles say so too."""

_KEY = ("case", "dtype", "channels", "width", "height", "threads", "isa")


def read(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The lines of files that `imgfilt bench --json` wrote. Of a cell that is there more than once the last counts.

    Raises OSError, and ValueError where a line is not one of a benchmark.
    """
    cells: dict[tuple[Any, ...], dict[str, Any]] = {}
    others: list[dict[str, Any]] = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                record = json.loads(line)
            except ValueError:
                raise ValueError(f"'{path}', line {number}, is not JSON as imgfilt bench writes it") from None
            if not isinstance(record, dict):
                raise ValueError(f"'{path}', line {number}, is not of imgfilt bench")
            if "case" not in record:
                others.append(record)
                continue
            try:
                cells[tuple(record[key] for key in _KEY)] = record
            except KeyError as error:
                raise ValueError(
                    f"'{path}', line {number}, has no {error}: not of this imgfilt bench"
                ) from None
    return [*others, *cells.values()]


def slower(before: Sequence[Cell], now: Sequence[Cell]) -> Iterator[tuple[Cell, Cell]]:
    """Cells that lost against OpenCV since, as (before, now), the worst first.

    OpenCV is the yardstick, as what else the machine did then and now hit both sides.
    """
    old = {tuple(cell[key] for key in _KEY): cell for cell in timed(before)}
    both = [(old[key], cell) for cell in timed(now) if (key := tuple(cell[k] for k in _KEY)) in old]
    lost = [
        (a, b)
        for a, b in both
        if b["ratio"] < SLOWER * a["ratio"] and b["ratio_quartiles"][1] < a["ratio_quartiles"][0]
    ]
    yield from sorted(lost, key=lambda pair: float(pair[1]["ratio"] / pair[0]["ratio"]))


def lines(before: Sequence[Cell], now: Sequence[Cell]) -> list[str]:
    """The same in words."""
    found = list(slower(before, now))
    if not found:
        return ["nothing got slower"]
    return ["slower than before (times as fast as OpenCV, then and now):"] + [
        f"  {name_of(b)}: {a['ratio']:.2f}, now {b['ratio']:.2f} ({a['ours_ms']:.3f} ms, now {b['ours_ms']:.3f} ms)"
        for a, b in found
    ]
