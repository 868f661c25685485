"""Whole processes on one file, as a user starts them: imgfilt, vips, ImageMagick and a short script of OpenCV.

And what starting costs: importing imgfilt beside importing NumPy, and `imgfilt --help`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from imgfilt.bench.case import picture
from imgfilt.bench.command import OURS, seconds
from imgfilt.bench.opencv.library import opencv

US, SCRIPT, VIPS, MAGICK = "imgfilt", "opencv script", "vips", "imagemagick"
QUALITY, SIGMA = 90, 5

_APART = 0.005  # of the range, on average: JPEG's own error is of that size

_SOBEL = """
import sys, cv2
name, out, threads, *quality = sys.argv[1:]
cv2.setNumThreads(int(threads))
image = cv2.imread(name, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
length = cv2.magnitude(cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1))
depth = cv2.CV_8U if image.dtype == "uint8" else cv2.CV_16U
cv2.imwrite(out, cv2.add(length, 0.0, dtype=depth), [cv2.IMWRITE_JPEG_QUALITY, int(quality[0])] if quality else [])
"""
_GAUSSIAN = f"""
import sys, cv2
name, out, threads, *quality = sys.argv[1:]
cv2.setNumThreads(int(threads))
image = cv2.GaussianBlur(cv2.imread(name, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH), (0, 0), {SIGMA})
cv2.imwrite(out, image, [cv2.IMWRITE_JPEG_QUALITY, int(quality[0])] if quality else [])
"""


_Command = tuple[Sequence[str], Mapping[str, str]]
"""Words, and variables of the environment."""


@dataclass(frozen=True)
class File:
    """A picture that is made and filtered."""

    name: str
    dtype: str
    width: int
    height: int


FILES: tuple[File, ...] = (File("photo.jpg", "uint8", 4000, 3000), File("deep.png", "uint16", 2000, 1500))


@dataclass(frozen=True)
class Times:
    """Seconds of each side, round by round, for one filter and file, or for starting; how large their files are."""

    what: str
    threads: int
    seconds: Mapping[str, Sequence[float]]
    written: Mapping[str, int]

    def ratio(self, side: str) -> float:
        """How many times as long as the first side this one took: the median over the rounds."""
        first = next(iter(self.seconds.values()))
        return median(b / a for a, b in zip(first, self.seconds[side], strict=True))

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "process": self.what,
            "threads": self.threads,
            "seconds": {side: median(times) for side, times in self.seconds.items()},
            "ratio": {side: self.ratio(side) for side in self.seconds},
            "written_bytes": dict(self.written),
        }


def measure(files: Sequence[File], threads: int, rounds: int) -> Iterator[Times]:
    """Both filters on each file, all sides in turn; vips and ImageMagick where they are installed.

    Raises subprocess.CalledProcessError where a side fails, ValueError where the script's result is not ours.
    """
    top = Path(tempfile.mkdtemp(prefix="imgfilt-bench-"))
    try:
        for file in files:
            _make(file, top / file.name)
            for name in ("sobel", "gaussian"):
                commands = _commands(name, top / file.name, top, threads)
                _in_turn(commands, 1)  # once for the caches
                results = {side: _result(side, top, file) for side in commands}
                _compare(results[US], results[SCRIPT])
                written = {side: path.stat().st_size for side, path in results.items()}
                taken = _in_turn(commands, rounds)
                size = f"{file.width}x{file.height} {file.dtype}"
                yield Times(f"{name}, {file.name} of {size}", threads, taken, written)
    finally:
        shutil.rmtree(top)


def starts(rounds: int) -> Iterator[Times]:
    """What it takes to start: importing, and the program's help."""
    words = {
        f"import {name}": [sys.executable, "-P", "-c", f"import {name}"] for name in ("numpy", "imgfilt")
    }
    words["imgfilt --help"] = [*OURS, "--help"]
    commands: dict[str, _Command] = {name: (command, {}) for name, command in words.items()}
    _in_turn(commands, 1)
    yield Times("start", 1, _in_turn(commands, rounds), {})


def _in_turn(commands: Mapping[str, _Command], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {side: [] for side in commands}
    for number in range(rounds):
        for side in list(commands)[:: -1 if number % 2 else 1]:
            taken[side].append(seconds(*commands[side]))
    return taken


def _make(file: File, path: Path) -> None:
    cv2 = opencv()
    image = picture((file.height, file.width, 3), file.dtype)
    cv2.imwrite(str(path), image)


def _result(side: str, folder: Path, file: File) -> Path:
    """Where a side writes."""
    return folder / f"{side.replace(' ', '-')}{Path(file.name).suffix}"


def _commands(name: str, source: Path, folder: Path, threads: int) -> dict[str, _Command]:
    """The command line of each side, and its variables.

    vips' sobel is of 8 bits, on each channel; ImageMagick's is along one axis of gray.
    """
    sigma = [f"--sigma={SIGMA}"] if name == "gaussian" else []
    jpeg = [str(QUALITY)] if source.suffix == ".jpg" else []

    def out(side: str) -> str:
        return str(_result(side, folder, File(source.name, "", 0, 0)))

    ours = [
        *OURS,
        name,
        *sigma,
        *[f"--quality={q}" for q in jpeg],
        "--threads",
        str(threads),
        "-q",
        str(source),
        "-o",
        out(US),
    ]
    script = _GAUSSIAN if name == "gaussian" else _SOBEL
    commands: dict[str, _Command] = {
        US: (ours, {}),
        SCRIPT: ([sys.executable, "-c", script, str(source), out(SCRIPT), str(threads), *jpeg], {}),
    }
    if shutil.which("vips"):
        saved = out(VIPS) + (f"[Q={QUALITY}]" if jpeg else "")
        words = ["gaussblur", str(source), saved, str(SIGMA)] if sigma else ["sobel", str(source), saved]
        commands[VIPS] = (["vips", *words], {"VIPS_CONCURRENCY": str(threads)})
    program = shutil.which("magick") or shutil.which("convert")
    if program:
        words = (
            ["-blur", f"0x{SIGMA}"]
            if sigma
            else ["-colorspace", "Gray", "-morphology", "Convolve", "Sobel:>"]
        )
        limit = {"MAGICK_THREAD_LIMIT": str(threads)}
        commands[MAGICK] = (
            [program, str(source), *words, *(["-quality", *jpeg] if jpeg else []), out(MAGICK)],
            limit,
        )
    return commands


def _compare(ours: Path, theirs: Path) -> None:
    cv2 = opencv()
    a, b = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float64) for path in (ours, theirs))
    if a.shape != b.shape:
        raise ValueError(f"imgfilt wrote a picture of {a.shape}, OpenCV's script one of {b.shape}")
    most = 255.0 if ours.suffix == ".jpg" else 65535.0
    apart = float(np.abs(a - b).mean()) / most
    if apart > _APART:
        raise ValueError(
            f"imgfilt's picture and OpenCV's are {100 * apart:.2g} % of the range apart on average"
        )
