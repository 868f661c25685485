"""What a batch says while it runs: lines on standard error, JSON on standard output, a bar on a terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

import click

from imgfilt.batch.results import Result, Tally
from imgfilt.batch.sources import STREAM
from imgfilt.io.output import not_writable

if TYPE_CHECKING:
    from imgfilt.batch.report import Report
    from imgfilt.cli.progress import Bar


class Messages:
    """Says what became of each file, in `report` too. As a context it shows a bar where that is of use.

    `each`: a line for every file that was written; else only for what went wrong.
    """

    def __init__(self, tally: Tally, *, json: bool, quiet: bool, each: bool) -> None:
        self.tally = tally
        self._json, self._quiet, self._each = json, quiet, each
        self._bar: Bar | None = None
        self.report: Report | None = None

    def __enter__(self) -> Messages:
        if self.tally.expected > 1 and not self._quiet and sys.stderr.isatty():
            from imgfilt.cli.progress import Bar

            self._bar = Bar(self.tally)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def result(self, result: Result) -> None:
        """Counts a result and says it."""
        self.tally.add(result)
        name = shown(result.input)
        if result.status == "error":
            text = result.error.replace(" ".join(result.input.split()), name)
            self.line(f"imgfilt: {text if name in text else f'{name}: {text}'} [{result.code}]")
        elif result.status == "planned":
            if not self._json:
                click.echo(f"{name} -> {shown(result.output)}")
        elif result.status == "ok" and not self._quiet:
            for note in result.notes:
                self.line(f"note: {name}: {note}")
            if self._each:
                target = "standard output" if result.output == STREAM else shown(result.output)
                height, width = result.shape[:2]
                self.line(f"wrote {target} ({width}x{height}, {result.seconds * 1e3:.0f} ms)")
        if self._bar is not None:
            self._bar.update()
        if self.report is not None and result.status != "planned":
            self.report.add(result)
        if self._json:
            _print_json(result)

    def line(self, text: str) -> None:
        """A line on standard error, above the bar."""
        if self._bar is not None:
            self._bar.line(text)
        else:
            click.echo(text, err=True)

    def summary(self, seconds: float, ending: str = "") -> None:
        """The sum of all, and how it ended if not by itself."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if ending or (self.tally.expected > 1 and not self._quiet):
            click.echo(f"imgfilt: {ending}{self.tally.summary(seconds)}", err=True)


def shown(path: str) -> str:
    """A path as it can be printed on one line: control characters and broken encodings are escaped.

    >>> shown("a\\nb.jpg")
    'a\\\\nb.jpg'
    """
    if path.isprintable():
        return path
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in path)


def _print_json(result: Result) -> None:
    import json

    record = result.record()
    try:
        text = json.dumps(record, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:  # a name that is no UTF-8
        text = json.dumps(record)
    try:
        click.echo(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(str(not_writable("standard output", error))) from error
