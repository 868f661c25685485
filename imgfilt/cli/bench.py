"""`bench`: this machine's speed against OpenCV's."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from importlib import import_module

import click

from imgfilt.cli import FAILED

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


def _size(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """The width and height in "3840x2160"."""
    if value is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no size; write width x height, as 3840x2160")
    return int(found[1]), int(found[2])


def _bench(
    size: tuple[int, int] | None,
    threads: int,
    rounds: int,
    quick: bool,
    json: bool,
    **names: tuple[str, ...],
) -> None:
    if click.get_current_context().invoked_subcommand is not None:
        return
    from imgfilt.bench import machine, opencv, overhead, report, session
    from imgfilt.bench.case import MissingPackageError
    from imgfilt.bench.cases import cases

    try:
        cv2 = opencv.opencv()
    except MissingPackageError as error:
        raise click.ClickException(str(error)) from error
    cv2.setNumThreads(threads)
    every = list(cases())
    chosen = [case for case in every if not names["filter"] or case.filter in names["filter"]]
    known = sorted({case.filter for case in every})
    for name in names["filter"]:
        if name not in known:
            raise click.UsageError(f"no case has the filter {name!r}; there are {', '.join(known)}")
    width, height = size or ((1280, 800) if quick else (3840, 2160))
    facts = machine.describe(cv2, threads)
    if json:
        _print_json({"machine": facts})
    else:
        for line in machine.lines(facts):
            click.echo(line)
        click.echo(f"{width}x{height}, {rounds} rounds")
    rows = []
    for row in session.run(chosen, width, height, threads, rounds):
        rows.append(row)
        if json:
            _print_json(row.record())
        elif sys.stderr.isatty():
            click.echo(f"\r\x1b[K{len(rows)}/{len(chosen)} {row.case.name}", err=True, nl=False)
    if not json and sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    small = [] if names["filter"] else list(overhead.measure(rounds))
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
            metavar="WxH",
            callback=_size,
            help="The picture's size in pixels; 3840x2160 by default.",
        ),
        click.Option(
            ["--threads"],
            type=click.IntRange(min=1),
            default=1,
            show_default=True,
            help="Threads on both sides.",
        ),
        click.Option(["--filter"], multiple=True, metavar="NAME", help="Only this filter; may be repeated."),
        click.Option(
            ["--rounds"],
            type=click.IntRange(min=3),
            default=11,
            show_default=True,
            help="Turns of each side.",
        ),
        click.Option(["--quick"], is_flag=True, help="A picture of 1 megapixel: ends in under a minute."),
        click.Option(["--json"], is_flag=True, help="One JSON object a line on standard output."),
    ],
    callback=_bench,
    help=_HELP,
)
