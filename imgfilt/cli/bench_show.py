"""`bench show`: what runs of the benchmark say together, from their JSON."""

from __future__ import annotations

from pathlib import Path

import click

_HELP = """Reads what imgfilt bench --json wrote, and tells of it: means, the goals, where OpenCV is faster.

Of a cell that is in more than one file the last counts, so a matrix can be run in pieces.

\b
Example:
  imgfilt bench show v4.jsonl v3.jsonl --draw docs
"""


def _show(files: tuple[Path, ...], table: bool, worst: int, draw: Path | None) -> None:
    import sys

    from imgfilt.bench import history, machine, report, summary

    try:
        records = history.read(files)
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    cells = [record for record in records if "case" in record]
    seen: list[str] = []
    for record in records:
        if "machine" in record and record["machine"]["isa"] not in seen:
            seen.append(record["machine"]["isa"])
            for line in machine.lines(record["machine"]):
                click.echo(line)
    if table:
        report.write_table(cells, sys.stdout)
    for (isa,), found in summary.by(cells, "isa").items():
        click.echo(f"{isa}: ", nl=False)
        for line in report.summary(found, worst):
            click.echo(line)
    click.echo(report.goals(summary.goals(cells)))
    if draw is not None:
        from imgfilt.bench import pictures
        from imgfilt.bench.case import MissingPackageError

        try:
            for path in pictures.draw(records, draw):
                click.echo(f"drew {path}")
        except MissingPackageError as error:
            raise click.ClickException(str(error)) from error


show_command = click.Command(
    "show",
    params=[
        click.Argument(
            ["files"], nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
        ),
        click.Option(["--table"], is_flag=True, help="Every cell too."),
        click.Option(
            ["--worst"], type=click.IntRange(min=0), default=12, show_default=True, help="Losses to list."
        ),
        click.Option(
            ["--draw"],
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            metavar="FOLDER",
            help="Draw the ratios and a roofline into this folder.",
        ),
    ],
    callback=_show,
    help=_HELP,
    short_help="What runs of the benchmark say together.",
)
