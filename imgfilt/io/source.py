"""The bytes of an image file: all of them for `read`, only those that are asked for when a header is looked at."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from typing import overload

from imgfilt.io.errors import NotReadableError

_BLOCK = 1 << 15
_AT_ONCE = 1 << 30
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class HeaderBytes:
    """An open file as a sequence of bytes, read in blocks as they are asked for; the last few are kept."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        self._file = file
        self._size = size
        self._blocks: dict[int, bytes] = {}

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, key: int) -> int: ...

    @overload
    def __getitem__(self, key: slice) -> bytes: ...

    def __getitem__(self, key: int | slice) -> int | bytes:
        if isinstance(key, int):
            return self[key : key + 1][0]
        start, stop, _ = key.indices(self._size)
        if stop <= start:
            return b""
        first = start // _BLOCK
        parts = b"".join(self._block(i) for i in range(first, -(-stop // _BLOCK)))
        return parts[start - first * _BLOCK : stop - first * _BLOCK]

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            if len(self._blocks) > 3:
                self._blocks.clear()
            self._file.seek(number * _BLOCK)
            self._blocks[number] = self._file.read(_BLOCK)
        return self._blocks[number]


Data = bytes | HeaderBytes


def content(source: str | os.PathLike[str] | bytes, name: str) -> tuple[bytes, str]:
    """All bytes of a file (or those given), and the name that errors use. `NotReadableError`."""
    if isinstance(source, bytes):
        name, data = name or "<bytes>", source
    else:
        name = os.fspath(source)
        with _explained(name):
            data = _all(name)
    if not data:
        raise NotReadableError(f"'{name}' is empty (0 bytes)")
    return data, name


def _all(path: str) -> bytes:
    """The content of a file: of the usual one in one call of the system, at its end when it is as long as it says."""
    file = os.open(path, _READ)
    try:
        status = os.fstat(file)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError
        data = os.read(file, status.st_size + 1) if status.st_size < _AT_ONCE else b""
        if len(data) == status.st_size:
            return data
        with io.FileIO(file, closefd=False) as whole:
            rest = whole.readall()
        return data + rest if data else rest
    finally:
        os.close(file)


@contextlib.contextmanager
def opened(path: str) -> Iterator[tuple[io.FileIO, HeaderBytes]]:
    """A regular file to look into. A pipe or a device is refused unopened: it would be waited for, and used up."""
    with _explained(path):
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError
        if not stat.S_ISREG(status.st_mode):
            raise NotReadableError(f"'{path}' is no regular file, but a pipe, a socket or a device")
        if not status.st_size:
            raise NotReadableError(f"'{path}' is empty (0 bytes)")
        file = io.FileIO(path)
    with file:
        yield file, HeaderBytes(file, status.st_size)


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except NotReadableError:
        raise
    except FileNotFoundError as error:
        folder = os.path.dirname(path)
        if folder and not os.path.isdir(folder):
            raise NotReadableError(f"'{path}' does not exist: there is no folder '{folder}'") from error
        raise NotReadableError(f"'{path}' does not exist") from error
    except IsADirectoryError as error:
        raise NotReadableError(f"'{path}' is a folder; name the image files in it") from error
    except PermissionError as error:
        raise NotReadableError(f"'{path}' may not be read: permission denied") from error
    except (OSError, ValueError) as error:
        raise NotReadableError(
            f"'{path}' cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
