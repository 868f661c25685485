"""Cells for a reader: a table by rich where it is installed, plain text else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, TextIO

from imgfilt.bench.overhead import Overhead
from imgfilt.bench.summary import COMPOSITE, Cell, Goal, disturbed, losses, mean_ratio, sound

HEADER = (
    "filter",
    "image",
    "size",
    "threads",
    "imgfilt ms",
    "OpenCV ms",
    "times as fast",
    "quartiles",
    "MPix/s",
    "% copy",
    "% FMA",
    "OpenCV's best chain",
)
_RIGHT = (2, 3, 4, 5, 6, 8, 9, 10)


def cells(cell: Cell) -> tuple[str, ...]:
    """A cell's words under `HEADER`."""
    what = (
        cell["case"],
        f"{cell['dtype']} x{cell['channels']}",
        cell["size"],
        str(cell["threads"]),
    )
    if "error" in cell:
        return *what, "", "", "error", "", "", "", "", cell["error"]
    low, high = cell["ratio_quartiles"]
    return (
        *what,
        f"{cell['ours_ms']:.3f}",
        f"{cell['rival_ms']:.3f}",
        f"{cell['ratio']:.2f}",
        f"{low:.2f}-{high:.2f}",
        f"{cell['ours_mpix_s']:.0f}",
        percent(cell.get("of_bandwidth")),
        percent(cell.get("of_fma_peak")),
        "; ".join([cell["rival"], *_others(cell.get("others", {}))]),
    )


def percent(part: float | None) -> str:
    """A part in percent; nothing where there is none."""
    return f"{100 * part:.0f}" if part else ""


def _others(others: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """Packages beside OpenCV, with how many times as fast imgfilt is."""
    for name, other in others.items():
        about = "" if other["compared"] else ", not the same result"
        yield f"{name} {other['rival']} {other['rival_ms']:.2f} ms ({other['ratio']:.2f} times{about})"


def plain(table: Sequence[Sequence[str]], right: Sequence[int] = _RIGHT) -> str:
    """Columns lined up by spaces."""
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    )


def write_table(rows: Sequence[Cell], stream: TextIO) -> None:
    """The cells on a stream, in colour where the stream is a terminal and rich is there."""
    table = [HEADER, *(cells(row) for row in rows)]
    try:
        console_module, table_module = import_module("rich.console"), import_module("rich.table")
    except ImportError:
        stream.write(plain(table) + "\n")
        return
    console = console_module.Console(file=stream, width=None if stream.isatty() else 180)
    drawn = table_module.Table(box=None, pad_edge=False)
    for i, name in enumerate(HEADER):
        drawn.add_column(name, justify="right" if i in _RIGHT else "left", no_wrap=i != len(HEADER) - 1)
    for row, line in zip(rows, table[1:], strict=True):
        drawn.add_row(*line, style=_style(row))
    console.print(drawn)


def _style(row: Cell) -> str:
    if "error" in row:
        return "bold red"
    return "yellow" if row["ratio"] < 1 else ""


def summary(rows: Sequence[Cell], most: int = 12) -> list[str]:
    """The geometric means, and where OpenCV is faster."""
    found, shared = sound(rows), disturbed(rows)
    told = f"{len(shared)} cells needed processors that other processes kept busy: they do not count, repeat them"
    mean = mean_ratio(found)
    if mean is None:
        return [told if shared else "nothing was timed"]
    lines = [f"geometric mean {mean:.2f} over {len(found)} cells"]
    composite = [cell for cell in found if cell["case"] in COMPOSITE]
    if composite:
        lines[0] += f", {mean_ratio(composite):.2f} over the {len(composite)} of composite filters"
    if shared:
        lines.append(told)
    lost = losses(found)
    if not lost:
        return [*lines, "slower than OpenCV from 256x256 up: none"]
    lines.append(f"slower than OpenCV from 256x256 up: {len(lost)}, the worst:")
    table = [(c["case"], f"{c['dtype']} x{c['channels']}", c["size"], f"{c['threads']} thr", f"{c['ratio']:.2f}")
             for c in lost[:most]]  # fmt: skip
    return lines + ["  " + line for line in plain(table, right=(2, 3, 4)).splitlines()]


def goals(found: Sequence[Goal]) -> str:
    """The goals that something tells of, as plain text."""
    words = {True: "yes", False: "NO"}
    table = [("goal", "holds", "found", "the least good")]
    table += [(g.wanted, words[g.holds], g.found, g.worst) for g in found if g.holds is not None]
    return plain(table, right=())


def overheads(found: Sequence[Overhead]) -> str:
    """The overhead's table as plain text."""
    table = [("call on 64x64", "whole call us", "pixels us", "overhead us")]
    table += [
        (o.name, f"{o.call * 1e6:.1f}", f"{o.pixels * 1e6:.1f}", f"{o.overhead * 1e6:.1f}") for o in found
    ]
    return plain(table, right=(1, 2, 3))
