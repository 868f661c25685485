"""`tune`: the planner's constants, measured on this machine."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from imgfilt.cli import FAILED

_HELP = """Measures how fast this machine is at what filters are made of, for plans that suit it.

It takes under a minute; let the machine be idle meanwhile. The planner's constants for the instruction set in use go to
a small file in your configuration folder, for this processor and version of imgfilt; from then on all plans use it.

\b
Examples:
  imgfilt tune
  imgfilt tune --dry-run
  imgfilt tune --reset
"""


def _tune(dry_run: bool, reset: bool) -> None:
    from imgfilt.tuned import remove_tuned, tuned_path

    if dry_run and reset:
        raise click.UsageError("--dry-run and --reset exclude each other: a reset measures nothing")
    path = tuned_path()
    try:
        if reset:
            click.echo(f"{path} is removed" if remove_tuned() else f"there is no {path}; nothing to reset")
            return
        _measure(path, write=not dry_run)
    except (ValueError, OSError) as error:
        reason = f"cannot write '{path}': {error.strerror}" if isinstance(error, OSError) else str(error)
        click.echo(f"imgfilt: {reason}", err=True)
        click.get_current_context().exit(FAILED)


def _measure(path: str, *, write: bool) -> None:
    from imgfilt import cost, tuning
    from imgfilt.tuned import write_tuned

    before, total = cost.constants(), len(tuning.probes())
    measured = []
    for one in tuning.measure_probes():
        measured.append(one)
        _progress(f"{len(measured)}/{total} {one.probe.group}: {one.probe.backend}")
    _progress("")
    after = tuning.fit(measured, cost.Constants())
    click.echo(f"instruction set {cost.isa()}; nanoseconds and steps before -> now")
    was, now = asdict(before), asdict(after)
    for group, names in tuning.GROUPS.items():
        click.echo(group)
        for name in names:
            click.echo(f"  {name:26} {was[name]:10.4g} -> {now[name]:.4g}")
    off = tuning.misprediction(measured, before), tuning.misprediction(measured, after)
    click.echo(
        "predictions of what was timed are off by a factor of {:.2f} -> {:.2f} on average".format(*off)
    )
    if write:
        write_tuned(cost.isa(), now)
    click.echo(f"written to {path}" if write else "nothing is written")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)
    elif text:
        click.echo(text, err=True)


tune_command = click.Command(
    "tune",
    params=[
        click.Option(["--dry-run"], is_flag=True, help="Measure and print, write nothing."),
        click.Option(
            ["--reset"], is_flag=True, help="Remove the file: plans use the built-in constants again."
        ),
    ],
    callback=_tune,
    help=_HELP,
)
