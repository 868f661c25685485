"""`bench`: this machine's speed against OpenCV's."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgfilt.cli import FAILED

if TYPE_CHECKING:
    from imgfilt.bench.case import Case
    from imgfilt.bench.limits import Limits
    from imgfilt.bench.session import Cell, Others
    from imgfilt.bench.sizes import Size

_HELP = """Times the filters against OpenCV, on the same picture, in the same process.

Every filter that both have, on uint8, uint16 and float32, with 1, 3 and 4 channels, at 64x64 to 8 megapixels (some at
100), on one thread and all: an hour. Options choose less.

For each cell the fastest of the OpenCV chains that one would write for it is the other side. Results are
compared first; where they differ the cell is an error and the exit code 1. Both sides then run in turn; "times
as fast" is the median of the ratios, pair by pair. "% copy" and "% FMA" are parts of what this machine can do at
most: the bandwidth of copying memory, and its multiply-adds of float32.

\b
Examples:
  imgfilt bench --quick
  imgfilt bench --filter sobel --size 8MP --threads 2
"""

_FURTHER = {
    "banks": "imgfilt.cli.bench_banks",
    "files": "imgfilt.cli.bench_files",
    "planner": "imgfilt.cli.bench_planner",
    "process": "imgfilt.cli.bench_process",
    "show": "imgfilt.cli.bench_show",
    "transposed": "imgfilt.cli.bench_transposed",
}
"""Benchmarks of other things, and the modules of their commands."""


def _sizes(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[Size, ...]:
    from imgfilt.bench.sizes import parse_size

    try:
        return tuple(parse_size(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _bench(
    size: tuple[Size, ...],
    threads: tuple[int, ...],
    rounds: int,
    quick: bool,
    as_json: bool,
    filter: tuple[str, ...],
    dtype: tuple[str, ...],
    channels: tuple[int, ...],
    against: tuple[str, ...],
    compare: Path | None,
) -> None:
    if click.get_current_context().invoked_subcommand is not None:
        return
    from imgfilt.batch.budget import processors
    from imgfilt.bench import history, limits, machine, overhead, report, session
    from imgfilt.bench.cases import CHANNELS, DTYPES
    from imgfilt.bench.others import others
    from imgfilt.bench.sizes import SIZES

    cv2 = _opencv()
    before = _read(compare) if compare else []
    if quick:
        dtype, channels, threads = dtype or ("uint8",), channels or (1, 3), threads or (processors(),)
    chosen = _chosen(filter, dtype or DTYPES, channels or CHANNELS)
    counts = threads or tuple(dict.fromkeys((1, processors())))
    sizes = size or tuple(SIZES[name] for name in (("256", "1MP") if quick else SIZES))
    cells = session.matrix(chosen, sizes, counts, all_large=bool(filter))
    further, missing = others(against)
    most = {found.threads: found for found in limits.measure(counts)}
    facts = machine.describe(cv2, list(most.values()))
    if as_json:
        _print_json({"machine": facts | {"missing": missing}})
    else:
        for line in [*machine.lines(facts), *(f"{name} {reason}" for name, reason in missing.items())]:
            click.echo(line)
    rows = _run(cells, rounds, further, most, as_json)
    small = [] if filter else list(overhead.measure(rounds))
    if as_json:
        for found in small:
            _print_json(found.record())
    else:
        report.write_table(rows, sys.stdout)
        for line in [*report.summary(rows), *([report.overheads(small)] if small else [])]:
            click.echo(line)
    if compare:
        for line in history.lines(before, rows):
            click.echo(line, err=as_json)
    if any("error" in row for row in rows):
        click.get_current_context().exit(FAILED)


def _run(
    cells: Sequence[Cell], rounds: int, further: Others, most: Mapping[int, Limits], as_json: bool
) -> list[dict[str, Any]]:
    """The record of each cell; printed as soon as it is known, or else told on a terminal how far it is."""
    from imgfilt.bench import session

    rows = []
    progress = not as_json and sys.stderr.isatty()
    for row in session.run(cells, rounds, further):
        rows.append(row.record(most))
        if as_json:
            _print_json(rows[-1])
        elif progress:
            click.echo(f"\r\x1b[K{len(rows)}/{len(cells)} {row.cell.case.name}", err=True, nl=False)
    if progress:
        click.echo("\r\x1b[K", err=True, nl=False)
    return rows


def _opencv() -> Any:
    from imgfilt.bench.case import MissingPackageError
    from imgfilt.bench.opencv.library import opencv

    try:
        return opencv()
    except MissingPackageError as error:
        raise click.ClickException(str(error)) from error


def _read(path: Path) -> list[dict[str, Any]]:
    from imgfilt.bench.history import read

    try:
        return [record for record in read([path]) if "case" in record]
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--compare: {error}") from error


def _chosen(names: tuple[str, ...], dtypes: tuple[str, ...], channels: tuple[int, ...]) -> list[Case]:
    """The cases of these filters; raises UsageError where a name is none."""
    from imgfilt.bench.cases import cases

    every = list(cases(dtypes, channels))
    for name in names:
        if not any(name in (case.filter, case.name) for case in every):
            known = ", ".join(sorted({case.filter for case in every}))
            raise click.UsageError(f"no case has the filter {name!r}; there are {known}")
    return [case for case in every if not names or case.filter in names or case.name in names]


def _print_json(record: Mapping[str, object]) -> None:
    click.echo(json.dumps(record))


class _Bench(click.Group):
    """Loads a further benchmark's module only when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_FURTHER)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _FURTHER:
            return None
        command = getattr(import_module(_FURTHER[cmd_name]), f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command


bench_command = _Bench(
    "bench",
    invoke_without_command=True,
    params=[
        click.Option(
            ["--size"],
            multiple=True,
            metavar="SIZE",
            callback=_sizes,
            help="64, 256, 1MP, 8MP, 100MP or WxH; may be repeated.",
        ),
        click.Option(
            ["--threads"],
            multiple=True,
            type=click.IntRange(min=1),
            help="Threads on both sides; one and all by default; may be repeated.",
        ),
        click.Option(["--filter"], multiple=True, metavar="NAME", help="Only this filter; may be repeated."),
        click.Option(
            ["--dtype"],
            multiple=True,
            type=click.Choice(["uint8", "uint16", "float32"]),
            help="Only this dtype; may be repeated.",
        ),
        click.Option(
            ["--channels"],
            multiple=True,
            type=click.IntRange(1, 4),
            help="Only so many channels; may be repeated.",
        ),
        click.Option(
            ["--rounds"],
            type=click.IntRange(min=3),
            default=11,
            show_default=True,
            help="Turns of each side.",
        ),
        click.Option(
            ["--quick"],
            is_flag=True,
            help="Unless said otherwise, uint8 in gray and RGB at 256x256 and 1 megapixel, on all threads.",
        ),
        click.Option(
            ["--against"],
            multiple=True,
            type=click.Choice(["scipy", "scikit-image", "pillow", "pyvips"]),
            help="This package too, where it has the filter; may be repeated.",
        ),
        click.Option(
            ["--compare"],
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Tell what got slower since a run whose --json is in this file.",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="One JSON object a line on standard output."),
    ],
    callback=_bench,
    help=_HELP,
)
