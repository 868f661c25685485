"""`pyr-down`, `pyr-up` and `upsample` on files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import imgfilt
from imgfilt.cli.resizing import KERNELS
from imgfilt.resampling import KERNELS as INTERPOLATORS

SAMPLES = Path(__file__).parent.parent / "samples"


def cli(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    found = subprocess.run(
        [sys.executable, "-P", "-m", "imgfilt", *words], capture_output=True, text=True, check=False
    )
    assert found.returncode == code, found.stderr
    assert "Traceback" not in found.stderr
    return found


def photo() -> np.ndarray:
    with Image.open(SAMPLES / "landscape.jpg") as image:
        return np.asarray(image)


def test_pyramids_of_files(tmp_path):
    half, double = tmp_path / "half.png", tmp_path / "double.png"
    cli("pyr-down", str(SAMPLES / "landscape.jpg"), "-o", str(half))
    np.testing.assert_array_equal(np.asarray(Image.open(half)), cv2.pyrDown(photo()))
    cli("pyr_up", str(half), "-o", str(double))
    np.testing.assert_array_equal(np.asarray(Image.open(double)), cv2.pyrUp(cv2.pyrDown(photo())))


def test_upsample_of_files(tmp_path):
    assert set(INTERPOLATORS) == set(KERNELS)
    out = tmp_path / "large.png"
    small = photo()[:40, :50]
    Image.fromarray(small).save(tmp_path / "small.png")
    for kernel in KERNELS:
        cli("upsample", "--factor", "3", "--kernel", kernel, str(tmp_path / "small.png"), "-o", str(out))
        np.testing.assert_array_equal(np.asarray(Image.open(out)), imgfilt.upsample(small, 3, kernel))
    cli("upsample", "--kernel", "1/4 3/4 3/4 1/4", str(tmp_path / "small.png"), "-o", str(out))
    np.testing.assert_array_equal(np.asarray(Image.open(out)), imgfilt.upsample(small, 2, "bilinear"))


def test_alpha_leaves_no_fringes(tmp_path):
    image = np.zeros((8, 8, 4), np.uint8)
    image[:, 4:] = 200, 100, 50, 255
    Image.fromarray(image).save(tmp_path / "a.png")
    cli("upsample", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"))
    seen = np.asarray(Image.open(tmp_path / "b.png"))
    assert np.abs(seen[seen[..., 3] > 0][:, :3].astype(int) - [200, 100, 50]).max() <= 1


def test_explain():
    text = cli("explain", "upsample", str(SAMPLES / "landscape.jpg"), "factor=3", "kernel=lanczos").stdout
    assert "polyphase" in text
    assert "of every 2. row" in cli("explain", "pyr-down", str(SAMPLES / "landscape.jpg")).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["upsample", "--factor", "0"], "0 is not in the range 1<=x<=64"),
        (["upsample", "--kernel", "bicubik"], "not one of nearest, bilinear, bicubic, lanczos, gaussian"),
        (["upsample", "--kernel", "1 2 1.5"], "checkerboard"),
        (["pyr-up", "--backend", "direct"], "No such option"),
        (["pyr-down", "--backend", "box"], "backend='box' cannot do pyr_down"),
    ],
)
def test_wrong_usage(tmp_path, words, message):
    Image.fromarray(np.zeros((9, 9, 4), np.uint8)).save(tmp_path / "a.png")
    found = cli(*words, str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), code=2)
    assert message in found.stderr
