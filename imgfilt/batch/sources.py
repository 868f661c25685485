"""Which files: names, folders and lists, expanded in a fixed order without opening any picture."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from imgfilt.batch.errors import SymlinkLoopError, WrongUsageError
from imgfilt.io import FORMATS, ImageFileError
from imgfilt.io.errors import NotReadableError

STREAM = "-"
EXTENSIONS = frozenset(
    [extension for extensions in FORMATS.values() for extension in extensions]
    + [
        ".apng",
        ".pbm",
        ".pam",
        ".j2k",
        ".jpx",
        ".ico",
        ".pcx",
        ".sgi",
        ".rgb",
        ".qoi",
        ".dds",
        ".psd",
        ".dib",
    ]
    + [".heic", ".heif", ".jxl"]
)
"""Files of these names are taken from folders, whatever they hold."""


class Source(NamedTuple):
    """One input.

    path    as it is opened, or "-" for standard input
    inside  its path below the folder or list that it comes from; its base name where it was named itself
    found   met in a folder, and not named by anybody
    """

    path: str
    inside: str
    found: bool = False


class Selection(NamedTuple):
    """What to take from folders.

    recursive  go into their folders too
    globs      only names that match one of these (then of any extension)
    excludes   no files and folders that match one of these
    avoid      a folder that is not gone into: that of the outputs
    """

    recursive: bool = True
    globs: Sequence[str] = ()
    excludes: Sequence[str] = ()
    avoid: str | None = None


class Found:
    """Sources in order, what could not be looked into, and how much was left out."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.problems: list[tuple[str, ImageFileError]] = []
        self.ignored = 0


def expand(words: Iterable[str], selection: Selection) -> Found:
    """The files that `words` (files, folders, "-", "@list.txt") stand for.

    Of a folder those with an image's extension, or that match a glob; hidden ones are left out, links to
    folders are not followed. Raises `WrongUsageError` for a list that cannot be read.
    """
    found = Found()
    for word in words:
        if word != STREAM and os.path.isdir(word):
            _walk(word, selection, found)
        elif word.startswith("@") and len(word) > 1:
            for path in read_list(word[1:]):
                _listed(path, selection, found)
        else:
            found.sources.append(Source(word, os.path.basename(word)))
    return found


def is_many(word: str) -> bool:
    """Whether a word may stand for any number of files."""
    return (word.startswith("@") and len(word) > 1) or (word != STREAM and os.path.isdir(word))


def read_list(path: str) -> list[str]:
    """The names in a file ("-": standard input): one a line, or between NULs if there is one in it.

    Raises `WrongUsageError`.
    """
    import sys

    try:
        if path == STREAM:
            content = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                content = file.read()
    except OSError as error:
        raise WrongUsageError(f"the list '{path}' cannot be read: {error.strerror or error}") from error
    names = (
        content.split(b"\0") if b"\0" in content else [line.rstrip(b"\r") for line in content.split(b"\n")]
    )
    return [os.fsdecode(name) for name in names if name]


def _listed(path: str, selection: Selection, found: Found) -> None:
    if os.path.isdir(path):
        _walk(path, selection, found)
        return
    steps = os.path.normpath(path).split(os.sep)
    mirrored = not os.path.isabs(path) and ".." not in steps
    found.sources.append(Source(path, os.path.join(*steps) if mirrored else steps[-1]))


def _walk(top: str, selection: Selection, found: Found) -> None:
    avoid = os.path.realpath(selection.avoid) if selection.avoid else None
    if avoid == os.path.realpath(top):
        avoid = None
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        folder = os.path.join(top, inside)
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            reason = error.strerror or str(error)
            found.problems.append(
                (folder, NotReadableError(f"the folder '{folder}' cannot be read: {reason}"))
            )
            continue
        folders = [entry.name for entry in _files(entries, inside, selection, found)]
        for name in reversed(folders):
            path = os.path.join(folder, name)
            if selection.recursive and not (avoid and os.path.realpath(path) == avoid):
                waiting.append(os.path.join(inside, name))


def _files(
    entries: Iterable[os.DirEntry[str]], inside: str, selection: Selection, found: Found
) -> Iterator[os.DirEntry[str]]:
    """Takes the files among `entries` and gives the folders."""
    for entry in entries:
        below = os.path.join(inside, entry.name)
        if entry.name.startswith(".") or _matches(below, selection.excludes):
            found.ignored += 1
        elif entry.is_dir(follow_symlinks=False):
            yield entry
        elif entry.is_symlink() and (loop := _leads_to_folder(entry)) is not None:
            if loop:
                problem = SymlinkLoopError(f"'{entry.path}' is a link that leads back to itself")
                found.problems.append((entry.path, problem))
            else:
                found.ignored += 1
        elif _matches(below, selection.globs) if selection.globs else _is_image(entry.name):
            found.sources.append(Source(entry.path, below, found=True))
        else:
            found.ignored += 1


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in EXTENSIONS


def _leads_to_folder(link: os.DirEntry[str]) -> bool | None:
    """None: to a file, or nowhere; True: in a circle, or to a folder around it; False: to another folder."""
    import errno

    try:
        mode = os.stat(link.path).st_mode
    except OSError as error:
        return True if error.errno == errno.ELOOP else None
    if not stat.S_ISDIR(mode):
        return None
    target, home = os.path.realpath(link.path), os.path.realpath(os.path.dirname(link.path))
    return os.path.join(home, "").startswith(os.path.join(target, ""))


def _matches(inside: str, patterns: Sequence[str]) -> bool:
    """A pattern with a slash is held against the path below the folder, another against the base name."""
    if not patterns:
        return False
    from fnmatch import fnmatchcase

    base = os.path.basename(inside).lower()
    return any(
        fnmatchcase(inside.lower() if "/" in pattern else base, pattern.lower()) for pattern in patterns
    )
