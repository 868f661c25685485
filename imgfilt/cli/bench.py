"""`bench`: this machine's speed against OpenCV's."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import click

from imgfilt.cli import FAILED

if TYPE_CHECKING:
    from imgfilt.bench.sizes import Size

_HELP = """Times the filters against OpenCV, on the same picture, in the same process.

For each filter the fastest of the OpenCV chains that one would write for it is the other side. Results are
compared first; where they differ the row is an error and the exit code 1. Both sides then run in turn; "times
as fast" is the median of the ratios, pair by pair.

\b
Example:
  imgfilt bench --filter sobel --threads 2
"""

_FURTHER = {
    "banks": "imgfilt.cli.bench_banks",
    "files": "imgfilt.cli.bench_files",
    "planner": "imgfilt.cli.bench_planner",
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
    json: bool,
    filter: tuple[str, ...],
    dtype: tuple[str, ...],
    channels: tuple[int, ...],
) -> None:
    if click.get_current_context().invoked_subcommand is not None:
        return
    from imgfilt.batch.budget import processors
    from imgfilt.bench import machine, overhead, report, session
    from imgfilt.bench.case import MissingPackageError
    from imgfilt.bench.cases import CHANNELS, DTYPES, cases
    from imgfilt.bench.opencv.library import opencv
    from imgfilt.bench.sizes import SIZES

    try:
        cv2 = opencv()
    except MissingPackageError as error:
        raise click.ClickException(str(error)) from error
    if quick:
        dtype, channels, threads = dtype or ("uint8",), channels or (1, 3), threads or (processors(),)
    every = list(cases(dtype or DTYPES, channels or CHANNELS))
    chosen = [case for case in every if not filter or case.filter in filter or case.name in filter]
    for name in filter:
        if not any(name in (case.filter, case.name) for case in every):
            known = sorted({case.filter for case in every})
            raise click.UsageError(f"no case has the filter {name!r}; there are {', '.join(known)}")
    counts = threads or tuple(dict.fromkeys((1, processors())))
    sizes = size or tuple(SIZES[name] for name in (("256", "1MP") if quick else SIZES))
    cells = session.matrix(chosen, sizes, counts, all_large=bool(filter))
    facts = machine.describe(cv2, counts)
    if json:
        _print_json({"machine": facts})
    else:
        for line in machine.lines(facts):
            click.echo(line)
    rows = []
    for row in session.run(cells, rounds):
        rows.append(row)
        if json:
            _print_json(row.record())
        elif sys.stderr.isatty():
            click.echo(f"\r\x1b[K{len(rows)}/{len(cells)} {row.cell.case.name}", err=True, nl=False)
    if not json and sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    small = [] if filter else list(overhead.measure(rounds))
    if json:
        for found in small:
            _print_json(found.record())
    else:
        report.write_table(rows, sys.stdout)
        click.echo(report.summary(rows))
        if small:
            click.echo(report.overheads(small))
    if any(row.error for row in rows):
        click.get_current_context().exit(FAILED)


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
        click.Option(["--json"], is_flag=True, help="One JSON object a line on standard output."),
    ],
    callback=_bench,
    help=_HELP,
)
