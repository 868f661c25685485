"""A file that is there whole or not at all: what is written lies beside its target until it takes its place."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, cast

from imgfilt.io.errors import DiskFullError, NotWritableError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

UNFINISHED = re.compile(r"\..+\.(?P<pid>\d+)-\d+\.part", re.DOTALL)
"""The names of the temporary files that `atomic` writes, with the process that they belong to."""

_BLOCK = 1 << 20


class Output(io.FileIO):
    """An unbuffered file that knows the checksum of what was written to it; every `write` writes all.

    Unbuffered, because the usual picture is written at once: each call of the system lets another thread take the
    interpreter, and an open and a buffer make six of them.
    """

    def __init__(self, path: str, mode: str) -> None:
        super().__init__(path, mode)
        self._sum: int | None = 0

    def write(self, data: ReadableBuffer) -> int:
        if self._sum is not None:
            self._sum = zlib.crc32(data, self._sum)
        view = memoryview(data).cast("B")
        written = super().write(view)
        while written < len(view):  # 2 GB at most go at once
            written += super().write(view[written:])
        return written

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._sum = None
        return super().seek(offset, whence)

    def checksum(self) -> int:
        """CRC-32 of the whole content; it is read again where it was not written in one go."""
        if self._sum is None:
            self.seek(0)
            self._sum = checksum(self)
        return self._sum


def checksum(file: io.FileIO) -> int:
    """CRC-32 of an open file from where it stands to its end."""
    total = 0
    while block := file.read(_BLOCK):
        total = zlib.crc32(block, total)
    return total


def write_all(file: BinaryIO, pieces: Sequence[bytes | bytearray | memoryview]) -> None:
    """Writes pieces one after another; at once where they are small."""
    if sum(map(len, pieces)) <= _BLOCK:
        file.write(b"".join(pieces))
    else:
        file.writelines(pieces)


@contextlib.contextmanager
def buffered(file: BinaryIO) -> Iterator[BinaryIO]:
    """`file` with a buffer, for what writes little by little or goes back and forth."""
    if not isinstance(file, io.RawIOBase):
        yield file
        return
    seeks = file.readable() and file.seekable()
    buffer = io.BufferedRandom(file) if seeks else io.BufferedWriter(file)
    yield cast(BinaryIO, buffer)
    buffer.detach()


def check_target(path: str) -> None:
    """`NotWritableError` for what can be known now about writing to `path`."""
    target, mode = _look(path)
    if not mode and not os.path.isdir(os.path.dirname(target) or "."):
        raise _no_folder(path)


def _look(path: str) -> tuple[str, int]:
    """The path without a link at its end, and the mode of what is there (0: nothing)."""
    target, mode = path, 0
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            target, mode = os.path.realpath(path), 0
            mode = os.stat(target).st_mode
    except FileNotFoundError:
        return target, 0
    except (OSError, ValueError) as error:
        raise not_writable(f"'{path}'", error) from error
    if stat.S_ISDIR(mode):
        raise NotWritableError(f"'{path}' is a folder; name a file")
    # the mode too: to a superuser everything is writable, but a read-only file was meant to stay
    if not (mode & 0o222 and os.access(target, os.W_OK)):
        raise NotWritableError(f"'{path}' is read-only")
    return target, mode


@contextlib.contextmanager
def atomic(path: str) -> Iterator[Output]:
    """A file to write that becomes `path` when the block ends well, and disappears when it does not.

    Devices and pipes are written directly. A link is followed; an existing file keeps its permissions.
    """
    target, mode = _look(path)
    if mode and not stat.S_ISREG(mode):
        try:
            with Output(target, "w") as file:
                yield file
        except BrokenPipeError:
            raise
        except OSError as error:
            raise not_writable(f"'{path}'", error) from error
        return
    try:
        temporary = _temporary(target)
    except FileNotFoundError as error:
        raise _no_folder(path) from error
    except OSError as error:
        raise not_writable(f"'{path}'", error) from error
    name = cast(str, temporary.name)
    try:
        with temporary:
            yield temporary
        if mode:
            os.chmod(name, stat.S_IMODE(mode))
        os.replace(name, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise not_writable(f"'{path}'", error) from error
        raise


def not_writable(name: str, error: OSError | ValueError) -> NotWritableError:
    """What the system said about writing to `name`, as one of this package's errors."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{name} cannot be written: the disk is full")
    return NotWritableError(f"{name} cannot be written: {getattr(error, 'strerror', None) or error}")


def _no_folder(path: str) -> NotWritableError:
    return NotWritableError(f"'{path}' cannot be written: there is no folder '{os.path.dirname(path)}'")


def _temporary(target: str) -> Output:
    """A new file beside the target, open. (Importing tempfile would take 3 ms, a tenth of a small job.)"""
    folder, base = os.path.split(target)
    short = os.fsdecode(os.fsencode(base)[:100])  # names may be 255 bytes long, not characters
    for number in range(1000):
        with contextlib.suppress(FileExistsError):
            return Output(os.path.join(folder, f".{short}.{os.getpid()}-{number}.part"), "x+")
    raise FileExistsError(errno.EEXIST, "too many unfinished files lie beside it")
