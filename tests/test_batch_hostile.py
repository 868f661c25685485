"""What a web crawl and a bad day do to a folder: broken files, kill -9, Ctrl-C, a full disk."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgfilt
from imgfilt.batch import journal
from imgfilt.io import ImageFileError, Picture, read, write

ROOT = Path(imgfilt.__file__).parent.parent
GOOD, FORMATS = 60, ("jpg", "png", "tif", "webp", "bmp")
_UNFINISHED = re.compile(r"\..+\.part")


def command(*words: object, before: tuple[str, ...] = (), **options: Any) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:surrogateescape"}
    return subprocess.Popen(
        [*before, sys.executable, "-P", "-m", "imgfilt", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        errors="surrogateescape",
        **options,
    )


# A command started in the background ignores Ctrl-C, and so do those that it starts, these tests among them.
_HEEDING = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


@contextlib.contextmanager
def interruptible(*words: object) -> Iterator[subprocess.Popen[str]]:
    """A command that Ctrl-C ends, as in a terminal; it does not outlive a test that fails."""
    process = command(*words, before=(sys.executable, "-c", _HEEDING))
    try:
        with process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise
    finally:
        process.kill()


def finished(*words: object, **options: Any) -> tuple[int, str, str]:
    with command(*words, **options) as process:
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, out, err


def bomb() -> bytes:
    """A PNG of 60,000 x 60,000 pixels in a few bytes."""

    def chunk(tag: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 20), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def good_picture(number: int) -> Picture:
    rng = np.random.default_rng(number)
    height, width = rng.integers(30, 90, 2)
    smooth = np.add.outer(np.arange(height) * 2, np.arange(width))[..., None] + rng.integers(0, 60, 3)
    return Picture((smooth + rng.integers(0, 20, smooth.shape)).astype(np.uint8))


def _damaged(rng: np.random.Generator, whole: bytes, kind: int) -> bytes:
    """Truncated at a random place, or with bits flipped in such a way that no decoder can pass over it."""
    if kind == 0:
        return whole[: int(rng.integers(20, len(whole) - 20))]
    content = bytearray(whole)
    for at in rng.integers(16, len(content), 40):
        content[at] ^= 1 << int(rng.integers(8))
    return bytes(content)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, set[str], set[str]]]:
    """(a folder, its good files, its bad ones), a bad one for every ten."""
    top = Path(tempfile.mkdtemp(prefix="hostile"))  # others than root can go into it
    folder = top / "in"
    folder.mkdir()
    good, bad = set(), set()
    for number in range(GOOD):
        name = f"{'abc'[number % 3]}/{number:03}.{FORMATS[number % len(FORMATS)]}"
        (folder / name).parent.mkdir(exist_ok=True)
        write(folder / name, good_picture(number))
        good.add(name)
    write(folder / "two\nlines.jpg", good_picture(1000))
    good.add("two\nlines.jpg")

    def put(name: str, content: bytes) -> None:
        (folder / name).write_bytes(content)
        bad.add(name)

    rng = np.random.default_rng(5)
    whole = (folder / "b/001.png").read_bytes()
    put("cut.png", _damaged(rng, whole, 0))
    put("cut.jpg", _damaged(rng, (folder / "a/000.jpg").read_bytes(), 0))
    put("flipped.png", _damaged(rng, whole, 1))
    put("empty.jpg", b"")
    put("bad\nname.jpg", b"\xff\xd8\xff\xe0 no more")
    put("text.tif", b"these are words, not pixels")
    put("bomb.png", bomb())
    os.mkfifo(folder / "pipe.jpg")
    (folder / "self.jpg").symlink_to("self.jpg")
    (folder / "a/up").symlink_to("..")
    bad |= {"pipe.jpg", "self.jpg", "a/up"}
    yield folder, good, bad
    shutil.rmtree(top)


def check(folder: Path, out: Path, good: set[str], *, all_there: bool = True) -> None:
    """Every result under a final name is whole and right."""
    for name in good:
        path = out / name
        if not path.exists() and not all_there:
            continue
        want = imgfilt.gaussian(read(folder / name).array, sigma=2)
        got = read(path).array
        if path.suffix in (".jpg", ".webp"):
            assert got.shape == want.shape
            assert np.abs(got.astype(int) - want).mean() < 12
        else:
            np.testing.assert_array_equal(got, want)


def files(folder: Path) -> set[str]:
    return {
        os.path.relpath(os.path.join(top, name), folder)
        for top, _, names in os.walk(folder)
        for name in names
        if name != journal.NAME
    }


def test_a_hostile_folder(hostile: tuple[Path, set[str], set[str]]) -> None:
    folder, good, bad = hostile
    out = folder.parent / "out"
    code, lines, err = finished("gaussian", "--sigma", 2, folder, "-o", out, "--json")
    assert code == 1
    records = {os.path.relpath(r["input"], folder): r for r in map(json.loads, lines.splitlines())}
    assert {name for name, record in records.items() if record["status"] == "ok"} == good
    codes = {name: record["code"] for name, record in records.items() if record["status"] == "error"}
    assert codes == {
        "cut.png": "damaged", "cut.jpg": "damaged", "flipped.png": "damaged", "empty.jpg": "not-readable",
        "bad\nname.jpg": "damaged", "text.tif": "not-an-image", "bomb.png": "too-large", "pipe.jpg": "not-readable",
        "self.jpg": "symlink-loop", "a/up": "symlink-loop",
    }  # fmt: skip
    *errors, summary = err.splitlines()
    assert len(errors) == len(bad)
    assert all(line.startswith("imgfilt: '") and line.endswith("]") for line in errors), errors
    assert f"{len(good)} of {len(good) + len(bad)} files done, {len(bad)} failed" in summary
    assert files(out) == good
    check(folder, out, good)


def test_memory_stays_bounded(hostile: tuple[Path, set[str], set[str]]) -> None:
    folder, good, _ = hostile
    out = folder.parent / "bounded"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (700 << 20, 700 << 20))

    code, _, err = finished("gaussian", "--sigma", 2, folder, "-o", out, preexec_fn=limit)
    assert (code, "memory" in err) == (1, False), err
    assert files(out) == good


def test_kill_9_and_resume(hostile: tuple[Path, set[str], set[str]]) -> None:
    folder, good, bad = hostile
    out = folder.parent / "killed"
    rng = np.random.default_rng(1)
    words = ("gaussian", "--sigma", 2, folder, "-o", out, "--resume", "--json")
    begin = time.perf_counter()
    finished("gaussian", "--sigma", 2, folder, "-o", folder.parent / "timed")
    whole = time.perf_counter() - begin
    for _ in range(5):
        with command(*words, "-q") as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=whole * rng.uniform(0.3, 0.9))
            process.kill()
        check(folder, out, good, all_there=False)
    before = {name: os.stat(out / name).st_mtime_ns for name in files(out) & good}
    code, lines, _ = finished(*words)
    records = [json.loads(line) for line in lines.splitlines()]
    assert code == 1
    assert sum(record["status"] == "error" for record in records) == len(bad)
    skipped = sum(record["status"] == "skipped" for record in records)
    assert skipped == len(before), "what was finished is not done again"
    assert all(os.stat(out / name).st_mtime_ns == then for name, then in before.items())
    assert files(out) == good, "no temporary files are left"
    check(folder, out, good)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_no_permission(tmp_path: Path) -> None:
    top = Path(tempfile.mkdtemp(prefix="permission"))
    try:
        (top / "in/locked").mkdir(parents=True)
        (top / "out").mkdir()
        os.chmod(top, 0o755)
        os.chmod(top / "out", 0o777)
        for name in ("open.png", "closed.png", "locked/in.png"):
            write(top / "in" / name, good_picture(1))
        os.chmod(top / "in/closed.png", 0o200)
        os.chmod(top / "in/locked", 0o700)
        warm, words = top / "in/open.png", ["sobel", str(top / "in"), "-o", str(top / "out")]
        program = (  # all is loaded before, for others may not read the installation
            "import os; from imgfilt.cli import main; "
            f"assert main(['sobel', {str(warm)!r}, '-o', {str(top / 'warm.png')!r}, '-q', '--resume']) == 0; "
            f"os.setgid(65534); os.setuid(65534); os._exit(main({words!r}))"
        )
        done = subprocess.run(
            [sys.executable, "-P", "-c", program],
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 1, done.stderr
        err = done.stderr
        first, second, summary = err.splitlines()
        assert "locked' cannot be read" in first
        assert "closed.png' may not be read: permission denied [not-readable]" in second
        assert "1 of 3 files done, 2 failed" in summary
        assert files(top / "out") == {"open.png"}
    finally:
        shutil.rmtree(top)


def test_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in/0.png", good_picture(0))
    noise = np.random.default_rng(0).integers(0, 256, (4000, 4000, 3), dtype=np.uint8)
    for number in range(1, 4):
        write(tmp_path / f"in/{number}.bmp", Picture(noise))
    out = tmp_path / "out"
    with interruptible("median", "--size", 201, tmp_path / "in", "-o", out, "--threads", 1) as process:
        while not (out / "0.png").exists():
            time.sleep(0.01)
            assert process.poll() is None
        time.sleep(0.3)
        begin = time.perf_counter()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        took = time.perf_counter() - begin
    assert process.returncode == 130, err
    assert "interrupted: 1 of 4 files done" in err
    assert "--resume" in err
    assert files(out) == {"0.png"}
    assert took < 10, "the median alone would take far longer than the promised second"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    (tmp_path / "in").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    for number in range(12):  # 192 KiB each
        write(tmp_path / f"in/{number:02}.bmp", Picture(np.roll(noise, number, 0)))
    words = ("identity", tmp_path / "in", "-o", small_disk / "out", "--resume", "--json")
    code, lines, err = finished(*words)
    records = [json.loads(line) for line in lines.splitlines()]
    failed = [record for record in records if record["status"] == "error"]
    assert code == 1
    assert len(failed) in (7, 8)
    assert {record["code"] for record in failed} == {"disk-full"}
    assert sum("the disk is full [disk-full]" in line for line in err.splitlines()) == len(failed)
    for name in files(small_disk / "out"):
        np.testing.assert_array_equal(
            read(small_disk / "out" / name).array, read(tmp_path / "in" / name).array
        )
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    code, lines, _ = finished(*words)
    records = [json.loads(line) for line in lines.splitlines()]
    assert code == 0
    assert sum(record["status"] == "ok" for record in records) >= len(failed)
    assert sum(record["status"] == "skipped" for record in records) >= 12 - len(failed) - 1
    assert files(small_disk / "out") == files(tmp_path / "in")


def test_new_files_are_watched_for(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in/old.png", good_picture(0))
    with interruptible("sobel", tmp_path / "in", "--watch") as process:
        assert process.stderr is not None
        while "watching" not in process.stderr.readline():
            assert process.poll() is None
        time.sleep(0.5)
        write(tmp_path / "in/new.png", good_picture(1))
        (tmp_path / "in/slow.png").write_bytes((tmp_path / "in/old.png").read_bytes()[:500])
        time.sleep(0.2)
        shutil.copy(tmp_path / "in/old.png", tmp_path / "in/slow.png")
        wanted = {"old.sobel.png", "new.sobel.png", "slow.sobel.png"}
        end = time.monotonic() + 20
        while not wanted <= files(tmp_path / "in") and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert files(tmp_path / "in") == wanted | {"old.png", "new.png", "slow.png"}
    assert "3 of 3 files done" in err


def test_random_damage_is_an_error_or_a_picture(tmp_path: Path) -> None:
    """Whatever bits are flipped: a result, or one of our errors, and nothing else."""
    rng = np.random.default_rng(3)
    for extension in FORMATS:
        path = tmp_path / f"whole.{extension}"
        write(path, good_picture(7))
        for kind in range(40):
            content = _damaged(rng, path.read_bytes(), kind % 2)
            with contextlib.suppress(ImageFileError):
                assert read(content, max_pixels=10_000_000).array.size
