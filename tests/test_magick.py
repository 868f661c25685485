"""ImageMagick's kernel strings. The weights are those that `convert -define morphology:showKernel=1` prints."""

import shutil
import subprocess

import numpy as np
import pytest

import imgfilt
from imgfilt.io import Picture, read, write
from imgfilt.magick import NAMES, from_magick, is_magick


@pytest.mark.parametrize(
    ("text", "weights", "anchor"),
    [
        ("3x3: 0,-1,0 -1,5,-1 0,-1,0", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]], (1, 1)),
        ("3: 0 1 2, 3 4 5, 6 7 -", [[0, 1, 2], [3, 4, 5], [6, 7, 0]], (1, 1)),
        ("3x2+2+0:1,2,3\n4,5,nan", [[1, 2, 3], [4, 5, 0]], (0, 2)),
        ("3x3+0+2: 1,1,1,1,1,1,1,1,1", np.ones((3, 3)), (2, 0)),
        ("4x2: 1,2,3,4,5,6,7,8", [[1, 2, 3, 4], [5, 6, 7, 8]], (0, 1)),
        ("2x1: .5,-5e-1;", [[0.5, -0.5]], (0, 0)),
        ("unity", [[1]], (0, 0)),
        ("Unity:3", [[3]], (0, 0)),
        ("Sobel", [[1, 0, -1], [2, 0, -2], [1, 0, -1]], (1, 1)),
        ("Sobel:45", [[2, 1, 0], [1, 0, -1], [0, -1, -2]], (1, 1)),
        ("Kirsch:90", [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]], (1, 1)),
        ("Compass:45", [[1, 1, 1], [1, -2, -1], [1, -1, -1]], (1, 1)),
        ("Prewitt:45", [[1, 1, 0], [1, 0, -1], [0, -1, -1]], (1, 1)),
        ("Roberts:45", [[1, 0, 0], [0, -1, 0], [0, 0, 0]], (1, 1)),
        ("Laplacian:0", [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], (1, 1)),
        ("Laplacian:2", [[-2, 1, -2], [1, 4, 1], [-2, 1, -2]], (1, 1)),
        ("Diamond", [[0, 1, 0], [1, 1, 1], [0, 1, 0]], (1, 1)),
        ("Square:1,2", np.full((3, 3), 2), (1, 1)),
        (
            "Binomial:2",
            [
                [1, 4, 6, 4, 1],
                [4, 16, 24, 16, 4],
                [6, 24, 36, 24, 6],
                [4, 16, 24, 16, 4],
                [1, 4, 6, 4, 1],
            ],
            (2, 2),
        ),
    ],
)
def test_kernels(text, weights, anchor):
    kernel = from_magick(text)
    assert is_magick(text)
    assert kernel.weights.tolist() == np.asarray(weights, float).tolist()
    assert kernel.anchor == anchor


def test_gaussians():
    assert from_magick("Gaussian:1x1").weights[1] == pytest.approx([0.123841, 0.20418, 0.123841], rel=1e-5)
    sizes = [from_magick(f"Gaussian:0x{sigma}").shape[0] for sigma in (0.5, 1, 2, 5)]
    assert sizes == [5, 9, 15, 35]
    assert from_magick("gaussian:0x2").weights[7, 7] == pytest.approx(0.0398008, rel=1e-5)


def test_every_name_has_no_argument_too_and_laplacians_sum_to_0():
    for name in NAMES:
        assert from_magick(name).shape
    for kind in (0, 1, 2, 3, 5, 7, 15, 19):
        assert from_magick(f"Laplacian:{kind}").weights.sum() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3x3: 1,2,3", "'3x3:' needs 9 weights, 3 are given"),
        ("3x3: 1,2,3 4,5,6 7,8,x", "'x' is not a weight"),
        ("1x1: inf", "a weight must be finite, got 'inf'"),
        ("3x3+3+0: 1,1,1,1,1,1,1,1,1", "the origin \\+3\\+0 lies outside the 3x3 kernel"),
        ("0x3: ", "a kernel of 0x3 cannot be made"),
        ("99999x99999: 1", "cannot be made"),
        ("3x1: 1,2,3; 3x1: 3,2,1", "is a list of several kernels"),
        ("3x3>: 1,1,1,1,1,1,1,1,1", "'>' makes a list of rotated kernels"),
        ("Sobel:0@", "'@' makes a list of rotated kernels"),
        ("Sobel:30", "the angle is a multiple of 45, got 30; it is written 'Sobel:angle'"),
        ("Sobel:0,1", "'sobel' is written 'Sobel:angle'"),
        ("Laplacian:4", "there are the kinds 0, 1, 2, 3, 5, 7, 15, 19, got 4"),
        ("Gaussian:0x0", "sigma is over 0"),
        ("Square:-1", "a radius is from 0 to 1000, got -1"),
        ("Disk:2", "is not an ImageMagick kernel"),
    ],
)
def test_errors(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        from_magick(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["0 -1 0; -1 5 -1; 0 -1 0", "1,2,1", "", "k.npy", "C:\\kernels\\a.npy", "Disk:2"]
)
def test_other_texts_are_not_taken_for_one(text):
    assert not is_magick(text)


MAGICK = shutil.which("convert-im6.q16") or shutil.which("magick")


@pytest.mark.skipif(MAGICK is None, reason="needs ImageMagick")
@pytest.mark.parametrize(
    "text", ["Sobel:45", "3x3+0+1: 1,2,3 4,5,6 7,8,-9", "Laplacian:5", "2x3: 1,2 3,4 5,6"]
)
def test_convolutions_are_imagemagicks(text, tmp_path):
    image = np.random.default_rng(3).integers(0, 2000, (20, 24), dtype=np.uint16)
    write(str(tmp_path / "a.png"), Picture(image, format="png"))
    words = ["-depth", "16", str(tmp_path / "a.png"), "-virtual-pixel", "edge", "-morphology", "Convolve"]
    subprocess.run([MAGICK, *words, text, str(tmp_path / "b.png")], check=True, capture_output=True)
    want = read(str(tmp_path / "b.png")).array
    kernel = from_magick(text)
    got = imgfilt.convolve(image, kernel.weights, anchor=kernel.anchor, border="replicate")
    assert np.abs(got.astype(int) - want).max() <= 1
