"""Files that are there whole or not at all, and the checksum of what was written."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path

import pytest

from imgfilt.io import source
from imgfilt.io.errors import NotReadableError, NotWritableError
from imgfilt.io.output import atomic, buffered, check_target, write_all

_PIECES: list[bytes | memoryview] = [b"head", memoryview(b"a long body"), b"", b"end"]


def test_the_checksum_of_what_was_written(tmp_path: Path) -> None:
    with atomic(str(tmp_path / "a")) as file:
        write_all(file, _PIECES)
        file.write(bytes(2 << 20))
        found = file.checksum()
    content = (tmp_path / "a").read_bytes()
    assert content == b"heada long bodyend" + bytes(2 << 20)
    assert found == zlib.crc32(content)


def test_the_checksum_of_what_was_written_over(tmp_path: Path) -> None:
    with atomic(str(tmp_path / "a")) as file:
        with buffered(file) as whole:
            whole.write(b"12345")
            whole.seek(1)
            whole.write(b"xy")
        assert file.checksum() == zlib.crc32(b"1xy45")
        assert file.checksum() == zlib.crc32(b"1xy45")
    assert (tmp_path / "a").read_bytes() == b"1xy45"


def test_large_pieces_are_not_copied_together() -> None:
    writes: list[int] = []

    class Counted(io.BytesIO):
        def writelines(self, lines: object, /) -> None:
            writes.append(1)
            super().writelines(lines)  # type: ignore[arg-type]

    for size, count in ((10, 0), (2 << 20, 1)):
        file = Counted()
        write_all(file, [b"head", bytes(size)])
        assert file.getvalue() == b"head" + bytes(size)
        assert len(writes) == count


def test_pipes_are_written_directly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with atomic(str(pipe)) as file, buffered(file) as whole:
        whole.write(b"to a pipe")
    assert os.read(reader, 100) == b"to a pipe"
    os.close(reader)
    assert os.listdir(tmp_path) == ["pipe"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "circle").symlink_to("circle")
    missing = str(tmp_path / "none" / "a.png")
    for path, said in (
        (missing, f"there is no folder '{tmp_path / 'none'}'"),
        (str(tmp_path), "is a folder"),
        (str(tmp_path / "file" / "a.png"), "Not a directory"),
        (str(tmp_path / "circle"), "symbolic links"),
        ("a\0.png", "null"),
    ):
        with pytest.raises(NotWritableError, match=said):
            check_target(path)
        with pytest.raises(NotWritableError, match=said), atomic(path):
            pass
    assert sorted(os.listdir(tmp_path)) == ["circle", "file"]


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("new", "old"):
        (tmp_path / name).symlink_to(f"folder/{name}")
    (tmp_path / "folder" / "old").write_bytes(b"before")
    os.chmod(tmp_path / "folder" / "old", 0o640)
    for name in ("new", "old"):
        with atomic(str(tmp_path / name)) as file:
            file.write(b"after")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "folder" / name).read_bytes() == b"after"
    assert (tmp_path / "folder" / "old").stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path / "folder")) == ["new", "old"]


def test_files_that_do_not_say_their_size(tmp_path: Path) -> None:
    path = Path("/proc/self/status")
    if not path.exists():
        pytest.skip("there is no /proc here")
    assert path.stat().st_size == 0
    assert b"Pid:" in source.content(str(path), "")[0]
    read, write = os.pipe()
    os.write(write, b"from a pipe")
    os.close(write)
    assert source.content(f"/proc/self/fd/{read}", "")[0] == b"from a pipe"
    os.close(read)
    (tmp_path / "empty").touch()
    with pytest.raises(NotReadableError, match="is empty"):
        source.content(tmp_path / "empty", "")
