"""`bench planner`: the planner's choices against the fastest backend, on random problems."""

from __future__ import annotations

import json
import sys

import click

from imgfilt.cli import FAILED

_HELP = """Times every backend on random problems, and tells how far the planner's choice is from the fastest.

Kernels are random, Gaussian, Gabor, of low rank, box-like and sparse, of 3x3 to 63x63 weights; images have 1 to 4
channels of 8 or 16 bits or float32, and 256x256 pixels to 8 megapixels. Results are compared first. The table has the
problems on which the choice is farthest from the best, in milliseconds.

\b
Example:
  imgfilt bench planner --count 40 --seed 2
"""

_QUICK_PIXELS = 500_000


def _planner(count: int, seed: int, threads: int, worst: int, quick: bool, as_json: bool) -> None:
    from imgfilt.bench import planner_sweep, report

    largest = _QUICK_PIXELS if quick else planner_sweep.LARGEST
    rows = []
    for row in planner_sweep.run(planner_sweep.problems(count, seed, largest), threads):
        rows.append(row)
        if as_json:
            click.echo(json.dumps(row.record()))
        elif sys.stderr.isatty():
            click.echo(f"\r\x1b[K{len(rows)}/{count} {row.problem}", err=True, nl=False)
    if as_json:
        click.echo(json.dumps({"summary": planner_sweep.summary(rows)}))
    else:
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", err=True, nl=False)
        click.echo(report.plain(planner_sweep.table(rows, worst), right=(2, 3, 5, 6, 7)))
        for line in planner_sweep.lines(rows):
            click.echo(line)
    if any(row.error for row in rows):
        click.get_current_context().exit(FAILED)


planner_command = click.Command(
    "planner",
    params=[
        click.Option(
            ["--count"], type=click.IntRange(min=1), default=200, show_default=True, help="Problems."
        ),
        click.Option(
            ["--seed"],
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="The same seed, the same problems.",
        ),
        click.Option(
            ["--threads"], type=click.IntRange(min=1), default=1, show_default=True, help="Threads."
        ),
        click.Option(
            ["--worst"],
            type=click.IntRange(min=0),
            default=12,
            show_default=True,
            help="Rows of the table.",
        ),
        click.Option(["--quick"], is_flag=True, help="Images of at most half a megapixel."),
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            help="One JSON object a line on standard output, a summary last.",
        ),
    ],
    callback=_planner,
    help=_HELP,
    short_help="The planner's choices against the fastest backend.",
)
