"""`bench files`: folders of JPEGs, against a script of OpenCV and a loop of vips."""

from __future__ import annotations

import json as json_text
import subprocess

import click

_HELP = """Times whole folders: 40 photos of 3 megapixels and 2,000 pictures of 256x256 through gaussian --sigma 5.

The other sides are a threaded script of OpenCV (imread, GaussianBlur, imwrite) and, on the photos and where it
is installed, a loop of vips gaussblur. Every side is a process, its start included; "times as fast" is the
median of the ratios, round by round.

\b
Example:
  imgfilt bench files --threads 2
"""


def _files(threads: int | None, rounds: int, quick: bool, json: bool) -> None:
    from imgfilt.batch.budget import processors
    from imgfilt.bench import files
    from imgfilt.bench.case import MissingPackageError
    from imgfilt.bench.command import last_line

    folders = (
        [folder._replace(files=folder.files // 20) for folder in files.FOLDERS] if quick else files.FOLDERS
    )
    try:
        for times in files.measure(folders, threads or processors(), rounds):
            record = times.record()
            if json:
                click.echo(json_text.dumps(record))
                continue
            click.echo(
                f"{record['files']} JPEGs of {record['width']}x{record['height']}, {record['filter']}, "
                f"{record['threads']} threads"
            )
            for side, seconds in record["seconds"].items():
                note = (
                    f"  imgfilt is {record['ratio'][side]:.2f} times as fast"
                    if side in record["ratio"]
                    else ""
                )
                click.echo(f"  {side:<14} {seconds:6.2f} s{note}")
    except MissingPackageError as error:
        raise click.ClickException(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise click.ClickException(f"a side of the benchmark failed: {last_line(error)}") from error


files_command = click.Command(
    "files",
    params=[
        click.Option(
            ["--threads"],
            type=click.IntRange(min=1),
            help="Threads of imgfilt and the script; one a processor.",
        ),
        click.Option(
            ["--rounds"], type=click.IntRange(min=1), default=3, show_default=True, help="Turns of each side."
        ),
        click.Option(["--quick"], is_flag=True, help="A twentieth of the files."),
        click.Option(["--json"], is_flag=True, help="One JSON object a folder on standard output."),
    ],
    callback=_files,
    help=_HELP,
    short_help="Folders of JPEGs, against OpenCV and vips.",
)
