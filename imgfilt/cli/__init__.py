"""The command line: the only place that prints or exits."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from click import ClickException

USAGE, FAILED, INTERRUPTED = 2, 1, 130


def main(args: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0 all done, 1 some inputs failed, 2 wrong usage.

    Without `args` it is the process's own command line, and the process ends here, at once: taking the
    interpreter apart and giving pictures back page by page takes 12 ms that nobody waits for gladly.
    With `IMGFILT_DEBUG=1` it ends as usual, and unexpected errors are raised; else they become one line.
    """
    if args is not None:
        return _run(list(args))
    import warnings

    warnings.showwarning = _warn
    code = _run(sys.argv[1:])
    if not os.environ.get("IMGFILT_DEBUG"):
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(words: list[str]) -> int:
    if "im2col" not in words:
        # numpy starts 8 ms sooner without a pool of BLAS threads, which only im2col would use
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if os.environ.get("IMGFILT_ISA"):
        try:
            from imgfilt import _native  # noqa: F401 - it says what is wrong with the variable
        except ImportError as error:
            sys.stderr.write(f"imgfilt: {error}\n")
            return USAGE
    from imgfilt.cli import prefetch

    prefetch.start(words)
    import click

    from imgfilt.cli.app import app

    try:
        result = app.main(words, prog_name="imgfilt", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        return _complain(error)
    except (click.Abort, KeyboardInterrupt):
        click.echo("imgfilt: interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python complains again when it closes stdout
        return FAILED
    except Exception as error:
        if os.environ.get("IMGFILT_DEBUG"):
            raise
        click.echo(f"imgfilt: {one_line(error)}", err=True)
        return FAILED


def _warn(
    message: Warning | str, category: type[Warning], filename: str, lineno: int,
    file: TextIO | None = None, line: str | None = None,
) -> None:  # fmt: skip
    """A warning in one line, without the place in the code."""
    sys.stderr.write(f"imgfilt: {' '.join(str(message).split())}\n")


def _complain(error: ClickException) -> int:
    """Wrong usage in one line that says where help is; the help itself where nothing was asked for."""
    import click

    if not isinstance(error, click.UsageError):
        click.echo(f"imgfilt: {' '.join(error.format_message().split())}", err=True)
        return error.exit_code
    context = error.ctx
    message = error.format_message()
    if message.startswith("Usage:"):  # a group without a command
        click.echo(message, err=True)
        return error.exit_code
    command = context.command_path if context is not None else "imgfilt"
    click.echo(f"imgfilt: {' '.join(message.split())} (see {command} --help)", err=True)
    return error.exit_code


def one_line(error: Exception) -> str:
    """An unexpected error in one line."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    text = " ".join(str(error).split()) or "no message"
    return f"unexpected {type(error).__name__}: {text} (IMGFILT_DEBUG=1 shows where)"
