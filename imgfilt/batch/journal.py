"""What was done in an output folder, so that a later run can go on where an earlier one was ended.

One line of JSON a finished file, appended before the result gets its name: killed in between, the result is
either there with the size and time that the line says, or the line is void. So an interrupted `--in-place` run
filters no file twice. A line holds good for the same recipe, an unchanged input and an untouched output. After
the machine itself went down, what was written last may not have reached the disk: then the content is
checked too.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from imgfilt.batch.targets import Job
from imgfilt.io.output import UNFINISHED, checksum

NAME = ".imgfilt-journal"

Stamp = tuple[int, int]
"""Size and time of a file."""


@dataclass(frozen=True, slots=True)
class Line:
    """A finished file: its input and output as they were, and how it was made."""

    source: Stamp
    result: Stamp
    recipe: str
    checksum: int
    boot: str


def stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns


def boot() -> str:
    """Something that changes when the machine starts anew, "" where that is not known."""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
    return ""


class Journal:
    """The journal of one output folder (`root`) for one recipe: a digest of all that decides the pixels."""

    def __init__(self, root: str, recipe: str) -> None:
        self.root, self.recipe = root, recipe
        self.path = os.path.join(root, NAME)
        self._boot = boot()
        self._lines = _read(self.path)
        self._file: int | None = None
        self._lock = Lock()
        self._prefix = os.path.join(root, "")
        self._base = os.path.join(os.path.abspath(root), "")
        self._torn = False
        self.problem = ""

    def is_done(self, job: Job) -> bool:
        """Whether the result is there, made in the same way from the input as it is."""
        line = self._lines.get(self._key(job.target))
        if line is None or line.recipe != self.recipe:
            return False
        try:
            result = os.stat(job.target)
            source = os.stat(job.source.path)
        except OSError:
            return False
        made_of = stamp(result) if job.target == job.source.path else stamp(source)
        wanted = line.result if job.target == job.source.path else line.source
        if made_of != wanted or stamp(result) != line.result:
            return False
        return (line.boot == self._boot and line.boot != "") or _checksum_of(job.target) == line.checksum

    def knows(self, target: str) -> bool:
        """Whether there is a line on this output, true or not."""
        return self._key(target) in self._lines

    def add(self, job: Job, source: os.stat_result, result: os.stat_result, checksum: int) -> None:
        """Writes the line for a result that is complete but does not have its name yet."""
        line = Line(stamp(source), stamp(result), self.recipe, checksum, self._boot)
        key = self._key(job.target)
        text = json.dumps([key, *line.source, *line.result, line.recipe, line.checksum, line.boot])
        with self._lock:
            self._lines[key] = line
            self._append(text.encode("ascii") + b"\n")

    def _append(self, line: bytes) -> None:
        try:
            if self._file is None:
                flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
                self._file = os.open(self.path, flags, 0o666)
                size = os.fstat(self._file).st_size
                self._torn = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
            line = b"\n" * self._torn + line
            self._torn = os.write(self._file, line) < len(line)
        except OSError as error:  # no room for the line, say: the file is then done again some day
            self.problem = self.problem or f"{error.strerror or error}"

    def _key(self, target: str) -> str:
        if target.startswith(self._prefix) and ".." not in target:
            return target[len(self._prefix) :]
        path = os.path.abspath(target)
        return path[len(self._base) :] if path.startswith(self._base) else os.path.relpath(path, self._base)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _read(path: str) -> dict[str, Line]:
    """The last line on each output. What is no line (the end of a journal that was cut off) is passed over."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return {}
    lines: dict[str, Line] = {}
    count = 0
    for row in content.splitlines():
        with contextlib.suppress(ValueError, TypeError):
            name, size, time, made_size, made_time, recipe, checksum, boot_id = json.loads(row)
            lines[name] = Line((size, time), (made_size, made_time), recipe, checksum, boot_id)
        count += 1
    if count > 2 * len(lines) + 100:
        _compact(path, lines)
    return lines


def _compact(path: str, lines: dict[str, Line]) -> None:
    rows: list[list[Any]] = [
        [name, *line.source, *line.result, line.recipe, line.checksum, line.boot]
        for name, line in lines.items()
    ]
    from imgfilt.io import ImageFileError
    from imgfilt.io.output import atomic

    with contextlib.suppress(ImageFileError), atomic(path) as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows).encode("ascii"))


def _checksum_of(path: str) -> int | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return checksum(file)
    except OSError:
        return None


def remove_leftovers(folders: Iterable[str]) -> Sequence[str]:
    """Deletes half-written files that processes which are gone left in these folders; gives their paths."""
    removed = []
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as scan:
            for entry in scan:
                found = UNFINISHED.fullmatch(entry.name)
                if found and not _runs(int(found["pid"])):
                    with contextlib.suppress(OSError):
                        os.unlink(entry.path)
                        removed.append(entry.path)
    return removed


def _runs(pid: int) -> bool:
    if pid == os.getpid():
        return False  # asked before this process has written anything
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
