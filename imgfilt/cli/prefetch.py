"""Decodes the first image named on the command line while the command line itself is still being loaded.

libjpeg and libpng work without the interpreter's lock, so a 12 megapixel JPEG is decoded in the time that
importing click and the engine takes. A wrong guess costs a little time and has no other effect.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgfilt.io import Picture

_EXTENSIONS = (".jpg", ".jpeg", ".png")
_NO_PIXELS = (
    "list",
    "show",
    "explain",
    "bench",
    "--help",
    "-h",
    "--version",
    "--dry-run",
    "--resume",
    "--skip-existing",
)
_OUTPUT = ("-o", "--output")
_QUICK, _USUAL = 2e-4, 5e-3


class _Ahead:
    """One picture being read on a thread of its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.picture: Picture | None = None
        self.error: Exception | None = None
        self.thread = Thread(target=self._read, name="prefetch")
        self.thread.start()

    def _read(self) -> None:
        from imgfilt.io import read

        try:
            self.picture = read(self.path)
        except Exception as error:  # raised again where the picture is asked for
            self.error = error


_ahead: _Ahead | None = None


def start(words: Sequence[str]) -> None:
    """Begins to read the first input file in `words`, if there is one."""
    global _ahead
    path = guess(words)
    if path is None:
        return
    # both are needed soon, and importing them here leaves the thread nothing but decoding
    import imagecodecs
    import numpy

    import_module("imgfilt.io.png" if path.lower().endswith(".png") else "imgfilt.io.jpeg")
    del numpy, imagecodecs
    # the thread needs the interpreter's lock a few times, and by default would wait 5 ms for it each time
    sys.setswitchinterval(_QUICK)
    _ahead = _Ahead(path)


def guess(words: Sequence[str]) -> str | None:
    """The first word that names an existing JPEG or PNG and is not the output."""
    if not words or any(word in _NO_PIXELS for word in words):
        return None
    for before, word in pairwise(words):
        if before not in _OUTPUT and word.lower().endswith(_EXTENSIONS) and os.path.isfile(word):
            return word
    return None


def take(path: str, max_pixels: int) -> Picture | None:
    """The picture at `path` if it was read ahead, once; else None. Errors as `imgfilt.io.read`."""
    global _ahead
    from imgfilt.io import MAX_PIXELS

    ahead = _ahead
    if ahead is None or ahead.path != path or max_pixels != MAX_PIXELS:
        return None
    _ahead = None
    ahead.thread.join()
    sys.setswitchinterval(_USUAL)
    if ahead.error is not None:
        raise ahead.error
    assert ahead.picture is not None
    return ahead.picture
