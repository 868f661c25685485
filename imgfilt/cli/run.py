"""One file after another: read, filter, write, report."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import click
from numpy.typing import NDArray

from imgfilt.cli import FAILED, one_line, prefetch
from imgfilt.cli.options import Settings
from imgfilt.cli.outputs import STREAM, Outputs
from imgfilt.io import Picture, read, write
from imgfilt.io.errors import NotReadableError
from imgfilt.io.writer import encode, fit, not_writable

Filter = Callable[..., NDArray[Any]]
"""Called as `filter(array, alpha=..., **settings.keywords)`."""


def run(settings: Settings, label: str, function: Filter) -> None:
    """Applies `function` to every file; exits with 1 where any of them failed.

    Raises `click.UsageError` where the options ask for what cannot be done to any file.
    """
    import imgfilt.api  # while the first picture is being decoded on its thread

    del imgfilt
    outputs = Outputs(label, settings.output, settings.in_place, settings.files)
    failed = 0
    for path in settings.files:
        try:
            _one(path, settings, outputs, function)
        except (BrokenPipeError, click.ClickException):  # standard output has ended, for all files
            raise
        except Exception as error:
            if os.environ.get("IMGFILT_DEBUG"):
                raise
            if not failed:
                _check_options(settings, function)
            failed += 1
            _report_failure(path, error, settings)
    if failed:
        if len(settings.files) > 1 and not settings.quiet:
            click.echo(f"imgfilt: {failed} of {len(settings.files)} files failed", err=True)
        click.get_current_context().exit(FAILED)


def _check_options(settings: Settings, function: Filter) -> None:
    """Tells wrong usage from what is wrong with a file: is a small picture of any dtype refused too?

    Asked when the first file has failed, so that nobody waits for it when all is well.
    """
    import numpy as np

    keywords = {**settings.keywords, "threads": 1, "alpha": settings.alpha or "each"}
    refused: Exception | None = None
    for dtype in ("float32", "uint8"):
        try:
            function(np.zeros((8, 8, 3), dtype), **keywords)
            return
        except (ValueError, TypeError) as error:
            refused = error
        except Exception:  # nothing that options are to blame for
            return
    raise click.UsageError(str(refused)) from refused


def _one(path: str, settings: Settings, outputs: Outputs, function: Filter) -> None:
    begin = time.perf_counter()
    picture = _read(path, settings.max_pixels)
    target = outputs.for_input(path, picture.format)
    alpha = settings.alpha or ("premultiply" if picture.has_alpha else "each")
    result = picture.map(lambda array: function(array, alpha=alpha, **settings.keywords))
    notes = picture.notes + _write(target, result, settings.quality)
    milliseconds = (time.perf_counter() - begin) * 1e3
    array = result.array
    height, width = array.shape[:2]
    if not settings.quiet:
        for note in notes:
            click.echo(f"note: {path}: {note}", err=True)
        name = "standard output" if target == STREAM else target
        click.echo(f"wrote {name} ({width}x{height}, {milliseconds:.0f} ms)", err=True)
    if settings.json:
        _line(
            {
                "input": path,
                "status": "ok",
                "output": target,
                "width": width,
                "height": height,
                "channels": 1 if array.ndim == 2 else array.shape[2],
                "dtype": array.dtype.name,
                "ms": round(milliseconds, 3),
                "notes": list(notes),
            }
        )


def _read(path: str, max_pixels: int) -> Picture:
    if path == STREAM:
        return read(sys.stdin.buffer.read(), max_pixels=max_pixels, name="standard input")
    if os.path.isdir(path):
        raise NotReadableError(
            f"'{path}' is a folder; name the image files in it, as in '{os.path.join(path, '*.jpg')}'"
        )
    return prefetch.take(path, max_pixels)


def _write(target: str, picture: Picture, quality: int) -> tuple[str, ...]:
    if target != STREAM:
        regular = not os.path.exists(target) or os.path.isfile(target)
        return write(target, picture, quality=quality, kind="" if regular else picture.format)
    import io

    fitted, notes = fit(picture, picture.format)
    buffer = io.BytesIO()  # a pipe cannot seek, and half a picture in it helps nobody
    encode(buffer, fitted, picture.format, quality)
    try:
        sys.stdout.buffer.write(buffer.getbuffer())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise not_writable("standard output", error) from error
    return notes


def _report_failure(path: str, error: Exception, settings: Settings) -> None:
    expected = isinstance(error, ValueError | TypeError)
    text = " ".join(str(error).split()) if expected else one_line(error)
    click.echo(f"imgfilt: {text if path in text else f'{path}: {text}'}", err=True)
    if settings.json:
        code = getattr(error, "code", "filter" if expected else "unexpected")
        _line({"input": path, "status": "error", "code": code, "error": text})


def _line(record: dict[str, Any]) -> None:
    import json

    try:
        click.echo(json.dumps(record, ensure_ascii=False))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(str(not_writable("standard output", error))) from error
