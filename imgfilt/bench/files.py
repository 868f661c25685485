"""Whole folders of files: `imgfilt gaussian` against a threaded script of OpenCV and a loop of `vips gaussblur`.

Every side is a process of its own, its start included, and writes JPEGs of one quality and subsampling.

Each round writes into a new folder, and nothing is deleted until the end: where many files have just been deleted an
ext4 without a journal takes 0.6 ms to make one (it steps over the places of them all for minutes), without it 0.02 ms.
With that a folder of small files would measure the file system, which is the same for all.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from imgfilt.bench.case import picture
from imgfilt.bench.command import seconds
from imgfilt.bench.opencv.library import opencv

QUALITY, SIGMA = 90, 5
OURS, SCRIPT, VIPS = "imgfilt", "opencv script", "vips loop"

_SCRIPT = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
import cv2
folder, out, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
sigma, quality = float(sys.argv[4]), int(sys.argv[5])
cv2.setNumThreads(1)
os.makedirs(out, exist_ok=True)
def one(name):
    image = cv2.GaussianBlur(cv2.imread(os.path.join(folder, name)), (0, 0), sigma)
    cv2.imwrite(os.path.join(out, name), image, [cv2.IMWRITE_JPEG_QUALITY, quality])
with ThreadPoolExecutor(threads) as pool:
    list(pool.map(one, sorted(os.listdir(folder))))
"""

_LOOP = 'mkdir -p "$2"; for f in "$1"/*; do vips gaussblur "$f" "$2/${f##*/}[Q=$4]" "$3" || exit 1; done'


class Folder(NamedTuple):
    """So many JPEGs of one size; `loop`: with vips too, which starts anew for every file."""

    files: int
    width: int
    height: int
    loop: bool


FOLDERS = (Folder(40, 2000, 1500, True), Folder(2000, 256, 256, False))


class Times(NamedTuple):
    """Seconds of each side, round by round, for one folder."""

    folder: Folder
    threads: int
    seconds: Mapping[str, Sequence[float]]

    def ratio(self, side: str) -> float:
        """How many times as long as ours a side took: the median over the rounds."""
        return median(b / a for a, b in zip(self.seconds[OURS], self.seconds[side], strict=True))

    def record(self) -> Mapping[str, Any]:
        """As plain data for JSON."""
        folder = self.folder
        return {
            "files": folder.files,
            "width": folder.width,
            "height": folder.height,
            "filter": f"gaussian sigma={SIGMA}",
            "threads": self.threads,
            "seconds": {side: median(times) for side, times in self.seconds.items()},
            "ratio": {side: self.ratio(side) for side in self.seconds if side != OURS},
        }


def measure(folders: Sequence[Folder], threads: int, rounds: int) -> Iterator[Times]:
    """The times of each folder, all sides in turn. vips takes part where it is installed.

    Raises `subprocess.CalledProcessError` where a side fails.
    """
    for folder in folders:
        top = Path(tempfile.mkdtemp(prefix="imgfilt-bench-"))
        try:
            _make(folder, top / "in")
            rows = []
            for number in range(rounds + 1):
                commands = _commands(str(top / "in"), str(top / f"out{number}"), threads, folder.loop)
                order = list(commands)[:: -1 if number % 2 else 1]
                rows.append({side: seconds(commands[side]) for side in order})
            taken = {
                side: [row[side] for row in rows[1:]] for side in commands
            }  # the first is for the caches
        finally:
            shutil.rmtree(top)
        yield Times(folder, threads, taken)


def _make(folder: Folder, path: Path) -> None:
    import numpy as np

    cv2 = opencv()
    path.mkdir()
    image = picture((folder.height, folder.width, 3), "uint8")
    for number in range(folder.files):
        shifted = np.roll(image, number * 7, axis=1)
        cv2.imwrite(str(path / f"{number:05}.jpg"), shifted, [cv2.IMWRITE_JPEG_QUALITY, 92])


def _commands(folder: str, out: str, threads: int, loop: bool) -> dict[str, list[str]]:
    """The command of each side, with a folder of its own for what it writes."""
    number = str(threads)
    ours = [sys.executable, "-P", "-m", "imgfilt", "gaussian", f"--sigma={SIGMA}", f"--quality={QUALITY}"]
    commands = {
        OURS: [*ours, "--threads", number, "-q", folder, "-o", f"{out}-ours"],
        SCRIPT: [sys.executable, "-c", _SCRIPT, folder, f"{out}-script", number, str(SIGMA), str(QUALITY)],
    }
    if loop and shutil.which("vips"):
        commands[VIPS] = ["bash", "-c", _LOOP, "loop", folder, f"{out}-vips", str(SIGMA), str(QUALITY)]
    return commands
