"""`bench process`: whole processes on one file, and the memory of calls."""

from __future__ import annotations

import json
import subprocess

import click

from imgfilt.cli import FAILED

_HELP = """Times whole processes, their start included: sobel and gaussian --sigma 5 on a JPEG of 12 megapixels and a
PNG of 16 bits, against vips, ImageMagick and a short script of OpenCV, where they are installed; and starting alone.

Then tells what a call on 100 megapixels adds to memory beside the image and the result. "times as long" is relative to
the first line of each block, the median of the ratios, round by round.

\b
Example:
  imgfilt bench process --threads 2
"""


def _process(threads: int | None, rounds: int, quick: bool, as_json: bool) -> None:
    from imgfilt.batch.budget import processors
    from imgfilt.bench import peaks, processes
    from imgfilt.bench.case import MissingPackageError
    from imgfilt.bench.command import last_line
    from imgfilt.bench.sizes import SIZES

    count = threads or processors()
    files = processes.FILES
    if quick:
        files = tuple(processes.File(f.name, f.dtype, f.width // 4, f.height // 4) for f in files)
    try:
        for times in (*processes.starts(rounds), *processes.measure(files, count, rounds)):
            record = times.record()
            if as_json:
                click.echo(json.dumps(record))
                continue
            click.echo(f"{record['process']}, {count} thread{'s' * (count > 1)}")
            for side, seconds in record["seconds"].items():
                told = (
                    f"{record['written_bytes'][side] / 1e6:8.2f} MB"
                    if side in record["written_bytes"]
                    else ""
                )
                click.echo(
                    f"  {side:<14} {seconds:7.3f} s  {record['ratio'][side]:6.2f} times as long {told}"
                )
    except MissingPackageError as error:
        raise click.ClickException(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise click.ClickException(f"a side of the benchmark failed: {last_line(error)}") from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    size = SIZES["1MP" if quick else "100MP"]
    if not as_json:
        click.echo(f"memory of a call on {size.name} beside the image and the result, MiB (at most 16)")
    holds = True
    for peak in peaks.measure(size, count):
        holds &= bool(peak.record()["holds"])
        if as_json:
            click.echo(json.dumps(peak.record()))
        else:
            case = peak.case
            click.echo(f"  {case.name:<16} {case.dtype:>7} x{case.channels}  {peak.bytes / 2**20:6.1f}")
    if not holds:
        click.get_current_context().exit(FAILED)


process_command = click.Command(
    "process",
    params=[
        click.Option(
            ["--threads"], type=click.IntRange(min=1), help="Threads of all sides; one a processor."
        ),
        click.Option(
            ["--rounds"], type=click.IntRange(min=1), default=5, show_default=True, help="Turns of each side."
        ),
        click.Option(
            ["--quick"], is_flag=True, help="Pictures of a sixteenth of the size, memory on 1 megapixel."
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="One JSON object a line on standard output."),
    ],
    callback=_process,
    help=_HELP,
    short_help="Whole processes on one file, and the memory of calls.",
)
