"""Kernels from texts and from files, and what is said of those that are none."""

import shutil
import subprocess

import numpy as np
import pytest

import imgfilt
from imgfilt.io import Picture, read, write
from imgfilt.kernel import Kernel
from imgfilt.kernel_text import Given, KernelError, kernel_from, normalized, weights_from

SHARPEN = [[0.0, -1.0, 0.0], [-1.0, 5.0, -1.0], [0.0, -1.0, 0.0]]


def same(given, weights, anchor=None, bias=0.0):
    kernel = Kernel.of(weights)
    assert given == Given(Kernel(kernel.weights, anchor or kernel.anchor), bias)


@pytest.mark.parametrize(
    "text",
    [
        "0 -1 0; -1 5 -1; 0 -1 0",
        "0,-1,0\n-1,5,-1\n0,-1,0\n",
        "3x3: 0,-1,0 -1,5,-1 0,-1,0",
        " 0 -1 0;-1 5 -1;0 -1 0;",
    ],
)
def test_texts(text):
    same(kernel_from(text), SHARPEN)


def test_fractions_and_one_row():
    same(kernel_from("1/4 1/2 1/4"), [[0.25, 0.5, 0.25]])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("k.txt", "# sharpen\n0 -1 0\n-1 5 -1  # the middle\n\n0 -1 0\n"),
        ("k.csv", "0,-1,0\r\n-1,5,-1\r\n0,-1,0\r\n"),
        ("k.tsv", "0\t-1\t0\n-1\t5\t-1\n0\t-1\t0"),
        ("bom.csv", "\ufeff0,-1,0\n-1,5,-1\n0,-1,0\n"),
        ("k.kernel", "3x3+1+1:\n 0,-1,0\n -1,5,-1\n 0,-1,0\n"),
        ("k.mat", "3 3\n0 -1 0\n-1 5 -1\n0 -1 0\n"),
        ("scaled.mat", "3 3 2 0\n0 -2 0\n-2 10 -2\n0 -2 0\n"),
        ("loose.mat", '"3","3",1,0\n0,"-1",0 and more\n-1\t5\t-1\n0 -1 0\n\nignored\n'),
    ],
)
def test_text_files(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    same(kernel_from(str(tmp_path / name)), SHARPEN)
    same(kernel_from(name, str(tmp_path)), SHARPEN)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8", "uint16", "bool"])
def test_npy(tmp_path, dtype):
    weights = np.array([[0, 1, 0], [1, 1, 1]], dtype)
    np.save(tmp_path / "k.npy", weights)
    same(kernel_from("k.npy", str(tmp_path)), weights.astype(float))


def test_a_vips_matrix_has_a_scale_and_an_offset(tmp_path):
    (tmp_path / "k.mat").write_text("2 1 4 128\n1 -1\n")
    same(kernel_from("k.mat", str(tmp_path)), [[0.25, -0.25]], bias=128.0)


@pytest.mark.skipif(shutil.which("vips") is None, reason="needs libvips's vips command")
def test_a_vips_matrix_is_what_vips_makes_of_it(tmp_path):
    (tmp_path / "k.mat").write_text("3 3 8 10\n0 -1 0\n-1 12 -3\n0 -1 0\n")
    image = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    write(str(tmp_path / "a.png"), Picture(image, format="png"))
    subprocess.run(["vips", "conv", "a.png", "b.tif", "k.mat"], check=True, cwd=tmp_path)
    kernel, bias = kernel_from("k.mat", str(tmp_path))
    got = imgfilt.correlate(image, kernel.weights, bias=bias, dtype="float32", border="replicate")
    np.testing.assert_allclose(got, read(str(tmp_path / "b.tif")).array, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sharpen", "'sharpen' is neither a file nor a kernel like"),
        ("", "'' is neither"),
        ("gone.npy", "there is no kernel file 'gone.npy'"),
        ("1 2; 3", "row 2 has 1 numbers, row 1 has 2"),
        ("1 x; 3 4", "row 1 '1 x' is not all numbers"),
        ("1 2; 1/0 4", "row 2 '1/0 4' is not all numbers"),
        ("1 nan", "every weight must be finite"),
        ("3x3: 1", "needs 9 weights, 1 are given"),
    ],
)
def test_wrong_texts(text, message):
    with pytest.raises(KernelError, match=message) as caught:
        kernel_from(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("k.txt", b"", "k.txt': no numbers; a kernel looks like"),
        ("k.csv", b"1,2\n3\n", "k.csv': row 2 has 1 numbers, row 1 has 2"),
        ("k.csv", b"\xff\xfe1\x00", "k.csv' cannot be read: not a text file in UTF-8"),
        ("k.npy", b"no array", "k.npy' cannot be read: "),
        ("k.npy", b"", "k.npy' cannot be read: "),
        ("k.im", b"3x3: 1", "k.im': '3x3:' needs 9 weights"),
        (
            "k.mat",
            b"",
            "k.mat', line 1: a libvips matrix begins with width, height, scale and offset, got ''",
        ),
        ("k.mat", b"three 3\n", "line 1: a libvips matrix begins with"),
        ("k.mat", b"1 1 0 0\n1\n", "line 1: width and height start at 1, the scale is not 0"),
        ("k.mat", b"0 1\n1\n", "line 1: width and height start at 1"),
        ("k.mat", b"2 2\n1 2\n", "line 1 says 2 rows, there are 1"),
        ("k.mat", b"2 1\n1\n", "line 1 says 2 columns, row 1 has 1"),
        ("k.mat", b"2 1\n1 x\n", "row 1 '1 x' is not all numbers"),
        ("k.mat", b"MATLAB 5.0 MAT-file", "is a MATLAB file, not a libvips matrix"),
    ],
)
def test_wrong_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(KernelError, match=message) as caught:
        kernel_from(str(tmp_path / name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(3), "two dimensions, this has shape \\(3,\\)"),
        (np.zeros((0, 2)), "two dimensions"),
        (np.array([[1j]]), "real numbers, not complex128"),
        (np.array([["a"]]), "real numbers"),
        (np.array([[np.inf]]), "finite"),
    ],
)
def test_arrays_that_are_no_kernels(tmp_path, weights, message):
    np.save(tmp_path / "k.npy", weights)
    with pytest.raises(KernelError, match=message):
        kernel_from("k.npy", str(tmp_path))


def test_weights_alone(tmp_path):
    assert weights_from("1 2; 3 4") == ((1.0, 2.0), (3.0, 4.0))
    assert weights_from("4x2: 1,2,3,4,5,6,7,8") == ((1, 2, 3, 4), (5, 6, 7, 8))
    (tmp_path / "k.mat").write_text("1 1 1 5\n1\n")
    with pytest.raises(KernelError, match=r"'k.mat' has an offset of 5"):
        weights_from("k.mat", str(tmp_path))
    with pytest.raises(KernelError, match="has an origin of its own"):
        weights_from("3x1+0+0: 1,2,3")


def test_normalized():
    assert normalized(Kernel.of([[1, 3]], (0, 0))) == Kernel.of([[0.25, 0.75]], (0, 0))
    with pytest.raises(KernelError, match="that is 0"):
        normalized(Kernel.of([[-1, 0, 1]]))
