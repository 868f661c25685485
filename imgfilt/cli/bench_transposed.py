"""`bench transposed`: all methods of transposed convolution, on images and on layers of GANs."""

from __future__ import annotations

import json
import sys

import click

from imgfilt.cli import FAILED

_HELP = """Times all methods of transposed convolution on images and on layers of GANs.

Beside them stands PyTorch's conv_transpose2d (oneDNN), where it is installed. Results are compared first; then all
sides run in turn. "x zero_insert" and "x best other" tell how many times as fast the segregated method is as zero
insertion, and as the better of scatter and gemm.

\b
Example:
  imgfilt bench transposed --kind gans --threads 2
"""


def _transposed(kind: str, threads: int, rounds: int, as_json: bool) -> None:
    from imgfilt.bench import report, transposed

    cases = {
        "images": transposed.IMAGES,
        "gans": transposed.GANS,
        "all": transposed.IMAGES + transposed.GANS,
    }[kind]
    rows = []
    for row in transposed.run(cases, threads, rounds):
        rows.append(row)
        if as_json:
            click.echo(json.dumps(row.record()))
        elif sys.stderr.isatty():
            click.echo(f"\r\x1b[K{len(rows)}/{len(cases)} {row.case}", err=True, nl=False)
    if not as_json:
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", err=True, nl=False)
        click.echo(report.plain(transposed.table(rows), right=(1, 2, 3, 4, 5, 6, 7)))
        for told, ratio in transposed.means(rows):
            click.echo(f"{told}: {ratio:.2f} times as fast, geometric mean")
    if any(row.error for row in rows):
        click.get_current_context().exit(FAILED)


transposed_command = click.Command(
    "transposed",
    params=[
        click.Option(
            ["--kind"],
            type=click.Choice(["all", "images", "gans"]),
            default="all",
            show_default=True,
            help="Which cases.",
        ),
        click.Option(
            ["--threads"], type=click.IntRange(min=1), default=1, show_default=True, help="On all sides."
        ),
        click.Option(
            ["--rounds"], type=click.IntRange(min=1), default=5, show_default=True, help="Turns of each side."
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="One JSON object a line on standard output."),
    ],
    callback=_transposed,
    help=_HELP,
)
