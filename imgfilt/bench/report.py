"""Rows for a reader: a table by rich where it is installed, plain text else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from math import exp, log
from typing import TextIO

from imgfilt.bench.overhead import Overhead
from imgfilt.bench.session import Row

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
    "OpenCV's best chain",
)
_RIGHT = (2, 3, 4, 5, 6, 7, 8)


def cells(row: Row) -> tuple[str, ...]:
    """A row's cells under `HEADER`."""
    case, size, threads = row.cell.case, row.cell.size, row.cell.threads
    what = case.name, f"{case.dtype} x{case.channels}", size.name, str(threads)
    if row.pairs is None:
        return *what, "", "", "error", "", "", row.error
    ours, theirs = row.pairs.seconds
    low, ratio, high = row.pairs.ratios
    speed = size.width * size.height / 1e6 / ours
    return (
        *what,
        f"{ours * 1e3:.3f}",
        f"{theirs * 1e3:.3f}",
        f"{ratio:.2f}",
        f"{low:.2f}-{high:.2f}",
        f"{speed:.0f}",
        row.rival,
    )


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


def write_table(rows: Sequence[Row], stream: TextIO) -> None:
    """The rows on a stream, in colour where the stream is a terminal and rich is there."""
    table = [HEADER, *(cells(row) for row in rows)]
    try:
        console_module, table_module = import_module("rich.console"), import_module("rich.table")
    except ImportError:
        stream.write(plain(table) + "\n")
        return
    console = console_module.Console(file=stream, width=None if stream.isatty() else 160)
    drawn = table_module.Table(box=None, pad_edge=False)
    for i, name in enumerate(HEADER):
        drawn.add_column(name, justify="right" if i in _RIGHT else "left", no_wrap=i != len(HEADER) - 1)
    for row, line in zip(rows, table[1:], strict=True):
        drawn.add_row(*line, style=_style(row))
    console.print(drawn)


def _style(row: Row) -> str:
    if row.pairs is None:
        return "bold red"
    return "yellow" if row.pairs.ratios[1] < 1 else ""


def summary(rows: Iterable[Row]) -> str:
    """The geometric mean of the ratios, and which rows are slower than OpenCV."""
    found = [(row, row.pairs.ratios[1]) for row in rows if row.pairs is not None]
    if not found:
        return "nothing was timed"
    mean = exp(sum(log(ratio) for _, ratio in found) / len(found))
    slower = sum(ratio < 1 for _, ratio in found)
    return f"geometric mean {mean:.2f} over {len(found)} cells; slower than OpenCV: {slower or 'none'}"


def overheads(found: Sequence[Overhead]) -> str:
    """The overhead's table as plain text."""
    table = [("call on 64x64", "whole call us", "pixels us", "overhead us")]
    table += [
        (o.name, f"{o.call * 1e6:.1f}", f"{o.pixels * 1e6:.1f}", f"{o.overhead * 1e6:.1f}") for o in found
    ]
    return plain(table, right=(1, 2, 3))
