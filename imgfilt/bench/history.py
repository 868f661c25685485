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
    """The lines of files that `imgfilt bench --json` wrote. Of a cell that is there more than once the last counts
    that was not disturbed, if there is one.

    The machine's limits are the highest that one of the runs with that instruction set found, and the cells' parts of
    them are of those: nothing makes a limit too high, anything else that the machine does makes it too low.

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
                key = tuple(record[name] for name in _KEY)
            except KeyError as error:
                message = f"'{path}', line {number}, has no {error}: not of this imgfilt bench"
                raise ValueError(message) from None
            if key not in cells or not record.get("disturbed") or cells[key].get("disturbed"):
                cells[key] = record
    _share_limits([record["machine"] for record in others if "machine" in record], list(cells.values()))
    return [*others, *cells.values()]


def _share_limits(machines: Sequence[dict[str, Any]], cells: Sequence[dict[str, Any]]) -> None:
    best: dict[tuple[str, int], dict[str, Any]] = {}
    for machine in machines:
        for limit in machine.get("limits", ()):
            known = best.setdefault((machine["isa"], limit["threads"]), dict(limit))
            known.update({name: max(known[name], limit[name]) for name in known})
    for machine in machines:
        machine["limits"] = [limit for (isa, _), limit in sorted(best.items()) if isa == machine["isa"]]
    for cell in cells:
        if "ratio" in cell and (most := best.get((cell["isa"], cell["threads"]))):
            cell["of_bandwidth"] = cell["gb_s"] / most["copy_gb_s"]
            cell["of_fma_peak"] = cell["gmac_s"] / most["fma_gmac_s"]


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
