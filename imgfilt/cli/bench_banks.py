"""`bench banks`: every backend for filter banks on the layers of the im2win paper."""

from __future__ import annotations

import json
import sys

import click

from imgfilt.cli import FAILED

_HELP = """Times every backend for filter banks on the twelve layers of the im2win paper.

Beside them stands PyTorch's conv2d (oneDNN), where it is installed. Each case runs in a process of its own, and its
result is compared first. "auto" is the planner's choice; "x torch" how many times as fast as PyTorch.

\b
Example:
  imgfilt bench banks --layer 9 --side auto --side torch --threads 2
"""


def _banks(layer: tuple[int, ...], side: tuple[str, ...], threads: int, batch: int, as_json: bool) -> None:
    from imgfilt.bench import banks, report

    if batch % 8:
        raise click.UsageError(f"--batch must be a multiple of 8 (the layout CHWN8 needs it), got {batch}")
    known = {str(s): s for s in banks.sides()}
    for name in side:
        if name not in known:
            raise click.UsageError(f"there is no side {name!r}; there are {', '.join(known)}")
    layers = [banks.LAYERS[number - 1] for number in layer] or list(banks.LAYERS)
    chosen = [known[name] for name in side] or list(known.values())
    if not as_json:
        for one in layers:
            click.echo(f"layer {one.number}: {batch} images of {one}")
    rows = []
    for row in banks.run(layers, chosen, threads, batch):
        rows.append(row)
        if as_json:
            click.echo(json.dumps(row.record()))
        elif sys.stderr.isatty():
            click.echo(f"\r\x1b[K{len(rows)}/{len(layers) * len(chosen)} {row.side}", err=True, nl=False)
    if not as_json:
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", err=True, nl=False)
        click.echo(report.plain(banks.table(rows), right=(0, 2, 3, 4, 5, 6, 7)))
        for line in banks.summary(rows):
            click.echo(line)
    if any(row.error for row in rows):
        click.get_current_context().exit(FAILED)


banks_command = click.Command(
    "banks",
    params=[
        click.Option(
            ["--layer"], type=click.IntRange(1, 12), multiple=True, help="Only this layer; may be repeated."
        ),
        click.Option(["--side"], multiple=True, metavar="NAME", help='Only this backend, "auto" or "torch".'),
        click.Option(
            ["--threads"], type=click.IntRange(min=1), default=1, show_default=True, help="On all sides."
        ),
        click.Option(["--batch"], type=click.IntRange(min=8), default=8, show_default=True, help="Images."),
        click.Option(["--json", "as_json"], is_flag=True, help="One JSON object a line on standard output."),
    ],
    callback=_banks,
    help=_HELP,
)
