"""The command line on real photographs, and on what a person gets wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

import imgfilt
from imgfilt.cli import main, prefetch
from imgfilt.cli.options import BORDERS
from imgfilt.cli.picture import draw
from imgfilt.io import Picture, read, write

SAMPLES = Path(__file__).parent.parent / "samples"
SHARPEN = "0 -1 0; -1 5 -1; 0 -1 0"


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Result]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("IMGFILT_DEBUG", raising=False)

    def run(*words: object) -> Result:
        code = main([str(word) for word in words])
        return Result(code, *capfd.readouterr())

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the samples and a photograph in it."""
    for sample in SAMPLES.glob("*.*g"):
        shutil.copy(sample, tmp_path)
    Image.fromarray(data.astronaut()).save(tmp_path / "photo.jpg", quality=92)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(result: Result, code: int, *words: str) -> None:
    """One line on standard error that has these words, and this exit code."""
    assert result.code == code, result
    assert "Traceback" not in result.err
    lines = result.err.strip().splitlines()
    assert len(lines) == 1, result.err
    assert lines[0].startswith("imgfilt: ")
    for word in words:
        assert word in lines[0], lines[0]


# --- pictures -----------------------------------------------------------------------------------------------


def test_the_first_command(cli: Run, folder: Path) -> None:
    result = cli("sobel", "photo.jpg")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("wrote photo.sobel.jpg (512x512, ")
    written = Image.open(folder / "photo.sobel.jpg")
    written.load()
    assert (written.mode, written.size, written.format) == ("L", (512, 512), "JPEG")
    written.close()


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "rocket", "camera"])
def test_sobel_is_opencvs_chain(cli: Run, folder: Path, name: str) -> None:
    Image.fromarray(getattr(data, name)()).save("a.jpg", quality=90)
    assert cli("sobel", "a.jpg", "-o", "a.png").code == 0
    image = cv2.imread("a.jpg", cv2.IMREAD_UNCHANGED)
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    x, y = (cv2.Sobel(gray, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    want = np.rint(cv2.magnitude(x, y)).clip(0, 255)
    off = np.abs(read("a.png").array - want)
    assert (off <= 1).mean() > 0.999


@pytest.mark.parametrize("name", ["gaussian", "sharpen", "emboss", "median", "sobel", "canny", "identity"])
@pytest.mark.parametrize("source", ["photo.jpg", "dusk16.png"])
def test_files_and_functions_agree(cli: Run, folder: Path, name: str, source: str) -> None:
    assert cli(name, source, "-o", "out.png", "-q").err == ""
    want = imgfilt.apply_filter(name, read(source).array)
    got = read("out.png").array
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)


def test_every_filter_has_a_command_with_help(cli: Run, folder: Path) -> None:
    for name in imgfilt.filters():
        result = cli(name.replace("_", "-"), "--help")
        assert result.code == 0
        for word in (f"Usage: imgfilt {name.replace('_', '-')}", "--border", "Example:", f"imgfilt {name}"):
            assert (
                word in result.out.replace("unsharp_mask", "unsharp_mask")
                or word.replace("-", "_") in result.out
            )
        result = cli(name, "landscape.jpg", "-o", "out.png")
        assert result.code == 0, result.err


def test_parameters(cli: Run, folder: Path) -> None:
    image = read("photo.jpg").array
    cli("gaussian", "--sigma", "3", "--border", "wrap", "photo.jpg", "-o", "a.png")
    np.testing.assert_array_equal(read("a.png").array, imgfilt.gaussian(image, sigma=3, border="wrap"))
    cli("bilateral", "--sigma_color", 30, "--sigma-space", 4, "--diameter", 5, "photo.jpg", "-o", "b.png")
    want = imgfilt.bilateral(image, sigma_color=30, sigma_space=4, diameter=5)
    np.testing.assert_array_equal(read("b.png").array, want)
    cli("sobel", "--axis", "x", "--color", "each", "--threads", 1, "photo.jpg", "-o", "c.png")
    np.testing.assert_array_equal(read("c.png").array, imgfilt.sobel(image, axis="x", color="each"))
    cli("box", "--size", 5, "--border", "constant", "--cval", 200, "photo.jpg", "-o", "d.png")
    np.testing.assert_array_equal(
        read("d.png").array, imgfilt.box(image, size=5, border="constant", cval=200)
    )
    cli("gaussian", "--sigma", 2, "--linear-light", "photo.jpg", "-o", "e.png")
    np.testing.assert_array_equal(read("e.png").array, imgfilt.gaussian(image, sigma=2, linear_light=True))


def test_a_backend_can_be_named(cli: Run, folder: Path) -> None:
    for backend in ("direct", "separable", "im2col"):
        assert cli("gaussian", "--backend", backend, "photo.jpg", "-o", f"{backend}.png").code == 0
    first, second = read("direct.png").array.astype(int), read("separable.png").array
    assert np.abs(first - second).max() <= 1
    refused(cli("gaussian", "--backend", "fpga", "photo.jpg"), 2, "fpga", "separable")


@pytest.mark.parametrize("border", sorted(BORDERS))
def test_borders_have_their_other_names(cli: Run, folder: Path, border: str) -> None:
    assert cli("box", "--size", 9, "--border", border, "leaf.png", "-o", "a.png").code == 0
    assert cli("box", "--size", 9, "--border", BORDERS[border], "leaf.png", "-o", "b.png").code == 0
    np.testing.assert_array_equal(read("a.png").array, read("b.png").array)


def test_pipelines(cli: Run, folder: Path) -> None:
    result = cli("apply", "gaussian sigma=2 | sobel", "photo.jpg", "-o", "a.png")
    assert result.code == 0
    want = imgfilt.sobel(imgfilt.gaussian(read("photo.jpg").array, sigma=2))
    np.testing.assert_array_equal(read("a.png").array, want)
    assert cli("apply", "gaussian sigma=2 | sobel", "photo.jpg").code == 0
    assert (folder / "photo.gaussian-sobel.jpg").exists()


def test_kernels(cli: Run, folder: Path) -> None:
    image = read("photo.jpg").array
    (folder / "k.txt").write_text("# a ramp\n1, 2, 3\n\n4 5 6  # middle\n7 8 9\n")
    (folder / "k.csv").write_text("1,2,3\n4,5,6\n7,8,9\n")
    ramp = np.arange(1.0, 10).reshape(3, 3)
    np.save(folder / "k.npy", ramp)
    for kernel in ("1 2 3; 4 5 6; 7 8 9", "1,2,3;4,5,6;7,8,9", "k.txt", "k.csv", "k.npy"):
        assert cli("convolve", "--kernel", kernel, "--normalize", "photo.jpg", "-o", "a.png").code == 0
        np.testing.assert_array_equal(read("a.png").array, imgfilt.convolve(image, ramp / 45))
    cli("correlate", "--kernel", "-1 0 1", "--bias", 128, "photo.jpg", "-o", "b.png")
    np.testing.assert_array_equal(read("b.png").array, imgfilt.correlate(image, [[-1, 0, 1]], bias=128))
    cli("correlate", "--kernel", "1/9 1/9 1/9; 1/9 1/9 1/9; 1/9 1/9 1/9", "photo.jpg", "-o", "c.png")
    assert np.abs(read("c.png").array.astype(int) - imgfilt.box(image, size=3)).max() <= 1


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        ("1 2; 3", ["row 2 has 1 numbers, row 1 has 2"]),
        ("1 x; 3 4", ["row 1 '1 x'"]),
        ("k.txt", ["there is no kernel file 'k.txt'"]),
        ("sharpen", ["'sharpen'", "neither a file nor a kernel", SHARPEN]),
        ("", ["neither a file nor a kernel"]),
        ("1 nan", ["finite"]),
        ("1/0 1", ["neither a file"]),
        ("photo.jpg", ["photo.jpg"]),
        ("bad.npy", ["bad.npy"]),
        ("flat.npy", ["two dimensions"]),
    ],
)
def test_bad_kernels(cli: Run, folder: Path, kernel: str, words: list[str]) -> None:
    (folder / "bad.npy").write_bytes(b"no array")
    np.save(folder / "flat.npy", np.zeros(3))
    refused(cli("convolve", "--kernel", kernel, "leaf.png"), 2, *words)


def test_normalize_needs_a_sum(cli: Run, folder: Path) -> None:
    refused(cli("convolve", "--kernel", "-1 0 1", "--normalize", "leaf.png"), 2, "--kernel", "sum", "is 0")


def test_alpha(cli: Run, folder: Path) -> None:
    leaf = read("leaf.png").array
    for option, alpha in (
        ((), "premultiply"),
        (("--alpha", "each"), "each"),
        (("--alpha", "ignore"), "ignore"),
    ):
        assert cli("gaussian", "--sigma", 4, *option, "leaf.png", "-o", "a.png").code == 0
        np.testing.assert_array_equal(read("a.png").array, imgfilt.gaussian(leaf, sigma=4, alpha=alpha))
    assert cli("sobel", "leaf.png", "-o", "a.png").code == 0
    assert (read("a.png").array.shape, read("a.png").has_alpha) == ((200, 200), False)
    rng = np.random.default_rng(0)
    write("la.png", Picture(rng.integers(0, 256, (20, 30, 2), dtype=np.uint8), has_alpha=True))
    assert cli("box", "la.png", "-o", "a.png").code == 0
    assert read("a.png").array.shape == (20, 30, 2)
    assert cli("sobel", "la.png", "-o", "a.png").code == 0
    assert read("a.png").array.shape == (20, 30)
    result = cli("gaussian", "leaf.png", "-o", "a.jpg")
    assert result.code == 0
    assert "note: leaf.png: transparency was flattened onto white" in result.err


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(cli: Run, folder: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x112], exif[0x10F] = orientation, "Maker"
    Image.fromarray(data.chelsea()).save("a.jpg", exif=exif.tobytes(), dpi=(200, 100), icc_profile=b"")
    assert cli("identity", "a.jpg").code == 0
    upright = cv2.imread("a.jpg")[..., ::-1]
    got = Image.open(folder / "a.identity.jpg")
    assert np.abs(np.asarray(got).astype(int) - upright).mean() < 2
    assert got.getexif()[0x112] == 1
    assert got.getexif()[0x10F] == "Maker"
    assert got.info["dpi"] == ((200, 100) if orientation < 5 else (100, 200))
    got.close()


def test_formats(cli: Run, folder: Path) -> None:
    for extension in ("jpg", "png", "tif", "webp", "bmp", "gif", "ppm"):
        assert cli("gaussian", "photo.jpg", "-o", f"out.{extension}").code == 0
        assert cli("sobel", f"out.{extension}").code == 0
        assert read(f"out.sobel.{extension}").array.shape[:2] == (512, 512)
    result = cli("sobel", "dusk16.png", "-o", "a.jpg")
    assert "16 bits became 8" in result.err


def test_a_name_without_extension(cli: Run, folder: Path) -> None:
    (folder / "photo.jpg").rename(folder / "photo")
    assert cli("sobel", "photo").code == 0
    assert read("photo.sobel.jpg").array.shape == (512, 512)


# --- where results go ---------------------------------------------------------------------------------------


def test_a_folder_as_output(cli: Run, folder: Path) -> None:
    (folder / "edges").mkdir()
    assert cli("sobel", "photo.jpg", "leaf.png", "-o", "edges").code == 0
    assert sorted(os.listdir("edges")) == ["leaf.png", "photo.jpg"]


def test_inputs_are_never_overwritten_unasked(cli: Run, folder: Path) -> None:
    before = (folder / "photo.jpg").read_bytes()
    for output in ("photo.jpg", ".", "./photo.jpg", str(folder / "photo.jpg")):
        refused(cli("sobel", "photo.jpg", "-o", output), 2, "photo.jpg", "--in-place")
    os.symlink("photo.jpg", "link.jpg")
    refused(cli("sobel", "photo.jpg", "-o", "link.jpg"), 2, "--in-place")
    assert (folder / "photo.jpg").read_bytes() == before
    assert cli("sobel", "photo.jpg", "--in-place").code == 0
    assert read("photo.jpg").array.shape == (512, 512)
    refused(cli("sobel", "photo.jpg", "--in-place", "-o", "a.jpg"), 2, "exclude")


def test_two_inputs_with_one_output(cli: Run, folder: Path) -> None:
    for name in ("a", "b", "out"):
        (folder / name).mkdir()
    shutil.copy("photo.jpg", "a")
    shutil.copy("landscape.jpg", "b/photo.jpg")
    refused(
        cli("sobel", "a/photo.jpg", "b/photo.jpg", "-o", "out"),
        2,
        "a/photo.jpg",
        "b/photo.jpg",
        "out/photo.jpg",
    )
    assert os.listdir("out") == []


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("a.xyz", [".xyz", ".jpg", ".png"]),
        ("noextension", ["noextension", ".jpg"]),
    ],
)
def test_bad_outputs(cli: Run, folder: Path, output: str, words: list[str]) -> None:
    before = sorted(os.listdir())
    refused(cli("sobel", "photo.jpg", "-o", output), 2, *words)
    assert sorted(os.listdir()) == before


def test_targets_that_cannot_be_written(cli: Run, folder: Path) -> None:
    (folder / "locked.png").write_bytes(b"keep")
    (folder / "locked.png").chmod(0o444)
    before = sorted(os.listdir())
    refused(cli("sobel", "photo.jpg", "-o", "locked.png"), 1, "locked.png", "read-only")
    refused(cli("sobel", "photo.jpg", "-o", "no/such/a.png"), 1, "no/such", "no folder")
    refused(cli("sobel", "photo.jpg", "leaf.png", "-o", "a.png"), 2, "a.png", "2 inputs", "folder")
    assert sorted(os.listdir()) == before
    assert (folder / "locked.png").read_bytes() == b"keep"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_disk(cli: Run, folder: Path) -> None:
    refused(cli("sobel", "photo.jpg", "-o", "/dev/full"), 1, "photo.jpg", "'/dev/full'", "the disk is full")
    command = [sys.executable, "-m", "imgfilt", "sobel", "photo.jpg", "-q"]
    for words in (["-o", "-"], ["-o", "a.png", "--json"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([*command, *words], stdout=full, stderr=subprocess.PIPE, text=True)
        refused(Result(done.returncode, "", done.stderr), 1, "standard output", "the disk is full")


# --- what a person gets wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sobell", "photo.jpg"], ["'sobell'", "did you mean 'sobel'"]),
        (["gausian", "photo.jpg"], ["'gaussian'"]),
        (["photo.jpg"], ["'photo.jpg'"]),
        (["gaussian", "--sigma", "-1", "photo.jpg"], ["sigma", "'-1'", "0"]),
        (["gaussian", "--sigma", "wide", "photo.jpg"], ["sigma", "'wide'", "number"]),
        (["gaussian", "--sigma", "nan", "photo.jpg"], ["sigma", "'nan'"]),
        (["gaussian", "--size", "4", "photo.jpg"], ["size", "'4'", "odd"]),
        (["median", "--size", "2.5", "photo.jpg"], ["size", "'2.5'", "odd"]),
        (["sobel", "--axis", "z", "photo.jpg"], ["axis", "'z'", "x, y"]),
        (["sobel", "--sigma", "3", "photo.jpg"], ["--sigma"]),
        (["sobel"], ["FILE..."]),
        (["sobel", "--border", "mirrored", "photo.jpg"], ["'mirrored'", "reflect101"]),
        (["sobel", "--threads", "0", "photo.jpg"], ["threads", "0"]),
        (["sobel", "--quality", "101", "photo.jpg"], ["quality", "101"]),
        (["sobel", "--color", "grey", "photo.jpg"], ["'grey'", "luma"]),
        (["apply", "gaussian sigma=2 | sobl", "photo.jpg"], ["'sobl'", "'sobel'", "step 2"]),
        (["apply", "gaussian sigma=-2", "photo.jpg"], ["sigma", "-2"]),
        (["apply", "| sobel", "photo.jpg"], ["'|'"]),
        (["show", "sobell"], ["'sobell'", "'sobel'"]),
        (["show", "gaussian", "--set", "sigma"], ["'sigma'", "NAME=VALUE"]),
        (["show", "gaussian", "--set", "sigma=-1"], ["sigma", "-1"]),
        (["explain", "gaussian", "photo.jpg", "sigmma=1"], ["sigmma", "sigma"]),
        (["explain", "gaussian", "photo.jpg", "--backend", "box"], ["box", "weights"]),
        (["list", "--filters", "missing"], ["missing"]),
        (["sobel", "photo.jpg", "--json", "-o", "-"], ["--json", "standard output"]),
        (["--zork"], ["--zork"]),
        (["gaussian", "--sigma", "0", "photo.jpg"], ["gaussian: sigma", "no size", "0.0"]),
        (["gaussian", "--sigma", "0", "none.jpg", "photo.jpg"], ["gaussian: sigma", "no size"]),
        (["gabor", "--sigma", "500", "--gamma", "0.01", "photo.jpg"], ["gabor: sigma", "largest"]),
        (["median", "--linear-light", "photo.jpg"], ["linear_light", "median"]),
        (["median", "--backend", "direct", "photo.jpg"], ["backend", "direct", "median"]),
        (["sobel", "--backend", "box", "photo.jpg"], ["backend", "box"]),
        (["correlate", "--kernel", "1 2; 3 4", "--backend", "box", "photo.jpg"], ["backend", "box"]),
        (["apply", "gaussian sigma=0 | sobel", "photo.jpg"], ["gaussian: sigma", "no size"]),
        (["apply", "sobel | canny", "--linear-light", "photo.jpg"], ["linear_light", "canny"]),
    ],
)
def test_wrong_usage(cli: Run, folder: Path, words: list[str], said: list[str]) -> None:
    before = sorted(os.listdir())
    result = cli(*words)
    refused(result, 2, *said)
    assert "photo.jpg: " not in result.err
    assert sorted(os.listdir()) == before


def test_bad_inputs(cli: Run, folder: Path) -> None:
    (folder / "text.jpg").write_text("not a picture at all, just words")
    (folder / "empty.png").touch()
    (folder / "short.jpg").write_bytes((folder / "photo.jpg").read_bytes()[:20_000])
    (folder / "sub").mkdir()
    before = sorted(os.listdir())
    refused(cli("sobel", "text.jpg"), 1, "'text.jpg' is no picture")
    refused(cli("sobel", "empty.png"), 1, "'empty.png' is empty")
    refused(cli("sobel", "short.jpg"), 1, "'short.jpg' is cut short")
    result = cli("sobel", "sub")
    assert (result.code, result.out) == (0, "")
    assert "no pictures in sub" in result.err
    refused(cli("sobel", "none.jpg"), 1, "'none.jpg' does not exist")
    refused(cli("sobel", "nowhere/none.jpg"), 1, "no folder 'nowhere'")
    refused(cli("sobel", "photo.jpg", "--max-megapixels", 0.1), 1, "'photo.jpg'", "megapixels")
    refused(cli("explain", "sobel", "none.jpg"), 1, "'none.jpg' does not exist")
    assert sorted(os.listdir()) == before


def test_one_bad_file_does_not_stop_the_rest(cli: Run, folder: Path) -> None:
    (folder / "text.jpg").write_text("words")
    result = cli("sobel", "photo.jpg", "text.jpg", "none.jpg", "leaf.png", "--json")
    assert result.code == 1
    records = {record["input"]: record for record in result.records}  # they come as they are done
    assert [records[name].get("code") for name in ("photo.jpg", "text.jpg", "none.jpg", "leaf.png")] == [
        None, "not-an-image", "not-readable", None
    ]  # fmt: skip
    first = records["photo.jpg"]
    assert (first["status"], first["filter"], first["output"]) == ("ok", "sobel", "photo.sobel.jpg")
    assert (first["width"], first["height"], first["channels"], first["dtype"]) == (512, 512, 1, "uint8")
    assert "2 of 4 files done, 2 failed" in result.err
    assert (folder / "leaf.sobel.png").exists()


def test_the_unexpected_is_one_line(cli: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import imgfilt.api

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(imgfilt.api, "apply_filter", fail)
    refused(
        cli("sobel", "photo.jpg"), 1, "photo.jpg", "unexpected RuntimeError: two lines", "IMGFILT_DEBUG=1"
    )
    monkeypatch.setattr(imgfilt.api, "apply_filter", lambda *_, **__: (_ for _ in ()).throw(MemoryError()))
    refused(cli("sobel", "photo.jpg"), 1, "not enough memory")
    monkeypatch.setenv("IMGFILT_DEBUG", "1")
    with pytest.raises(MemoryError):
        main(["sobel", "photo.jpg"])


# --- list, show, explain ------------------------------------------------------------------------------------


def test_list(cli: Run) -> None:
    text = cli("list").out
    for name in imgfilt.filters():
        assert f"  {name} " in text
    assert {record["name"] for record in cli("list", "--json").records} == set(imgfilt.filters())


def test_help_and_version(cli: Run) -> None:
    text = cli("--help").out
    for name in (*imgfilt.filters(), "apply", "convolve", "list", "show", "explain"):
        assert name in text
    assert cli("--version").out.startswith("imgfilt ")


def test_show(cli: Run) -> None:
    text = cli("show", "sobel").out
    assert "column [1 2 1] x row [-1 0 1]" in text
    assert "##  ██" in text
    assert "rank 1, integer, sums to 0" in text
    assert "13x13" in cli("show", "gaussian", "--set", "sigma=2").out
    (record,) = cli("show", "box", "--set", "size=3", "--json").records
    assert record["kernels"][0]["rank"] == 1
    assert record["values"] == {"size": 3}
    for name in imgfilt.filters():
        assert cli("show", name).code == 0


def test_drawings_stay_small() -> None:
    assert draw(np.array([[-1.0, 0.0, 1.0]])) == ["##  ██"]
    assert len(draw(np.ones((201, 201)))) <= 31
    assert "\x1b[34m" in draw(np.array([[-1.0]]), colour=True)[0]


def test_explain(cli: Run, folder: Path) -> None:
    text = cli("explain", "gaussian", "photo.jpg", "sigma=3").out
    assert "512x512x3" in text
    for backend in imgfilt.backends():
        assert backend in text
    assert "120x160x3 uint16" in cli("explain", "sobel", "dusk16.png").out
    (record,) = cli("explain", "sobel", "photo.jpg", "--json").records
    assert record["shape"] == [512, 512, 3]


def test_explain_measures(cli: Run, folder: Path) -> None:
    text = cli("explain", "sobel", "photo.jpg", "--measure").out
    assert "it was measured to be" in text
    assert "predicted       measured" in text
    (record,) = cli("explain", "sobel", "photo.jpg", "--measure", "--json").records
    convolution = record["convolutions"][0]
    timed = {c["backend"]: c["measured_ms"] for c in convolution["candidates"] if "measured_ms" in c}
    assert len(timed) > 1
    assert min(timed, key=lambda name: timed[name]) == convolution["backend"]
    assert convolution["backend"] in record["backend"].split("+")  # the other one may be faster otherwise
    assert all(c["predicted_ms"] > 0 for c in convolution["candidates"] if "refused" not in c)
    refused(
        cli("explain", "gaussian", "photo.jpg", "--measure", "--backend", "direct"), 2, "backend", "'direct'"
    )


def test_filters_of_ones_own(cli: Run, folder: Path) -> None:
    own = folder / "own"
    own.mkdir()
    (own / "twice.toml").write_text(
        'name = "twice"\nfamily = "basic"\nsummary = "Twice as bright"\n'
        '[[node]]\nop = "convolve"\nkernel = [[2]]\n'
    )
    assert "Twice as bright" in cli("--filters", "own", "list").out
    assert "Twice as bright" in cli("list", "--filters", "own").out
    assert cli("twice", "--filters", "own", "photo.jpg", "-o", "a.png").code == 0
    assert cli("--filters", "own", "twice", "photo.jpg", "-o", "b.png").code == 0
    want = (read("photo.jpg").array * 2.0).clip(0, 255)
    np.testing.assert_array_equal(read("a.png").array, want)
    np.testing.assert_array_equal(read("b.png").array, want)
    assert cli("apply", "twice | sobel", "--filters", "own", "photo.jpg").code == 0
    refused(cli("twice", "photo.jpg"), 2, "'twice'")
    (own / "twice.toml").write_text("name = ")
    refused(cli("twice", "--filters", "own", "photo.jpg"), 2, "twice.toml")


# --- the process --------------------------------------------------------------------------------------------


def test_what_is_read_ahead() -> None:
    photo, leaf = str(SAMPLES / "landscape.jpg"), str(SAMPLES / "leaf.png")
    assert prefetch.guess(["sobel", photo, leaf]) == photo
    assert prefetch.guess(["sobel", "-o", leaf, photo]) == photo
    assert prefetch.guess(["sobel", "none.jpg", leaf]) == leaf
    for words in ([], ["sobel"], ["explain", "sobel", photo], ["sobel", "--help", photo], [photo]):
        assert prefetch.guess(words) is None


def process(*words: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "imgfilt", *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60, **options)


def test_as_a_process(folder: Path) -> None:
    done = process("sobel", "photo.jpg", "nothing.jpg")
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"wrote photo.sobel.jpg" in done.stderr
    assert b"Traceback" not in done.stderr
    done = process("sobell", "photo.jpg")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


@pytest.mark.parametrize("words", [("sobel", "photo.jpg"), ("list",), ("explain", "sobel", "photo.jpg")])
def test_an_instruction_set_that_is_not_there(folder: Path, words: tuple[str, ...]) -> None:
    done = process(*words, env=os.environ | {"IMGFILT_ISA": "v9"})
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert done.stderr.startswith(b"imgfilt: IMGFILT_ISA='v9' is not one of ")


def test_standard_input_and_output(folder: Path) -> None:
    content = (folder / "photo.jpg").read_bytes()
    done = process("sobel", "-", "-q", input=content)
    assert (done.returncode, done.stderr) == (0, b"")
    cv = cv2.imdecode(np.frombuffer(done.stdout, np.uint8), cv2.IMREAD_UNCHANGED)
    assert cv.shape == (512, 512)
    done = process("sobel", "-", input=b"words")
    assert done.returncode == 1
    assert b"'standard input' is no picture" in done.stderr


def test_help_loads_no_codec() -> None:
    code = (
        "import sys; from imgfilt.cli import main; main(['--help']);"
        "heavy = {'PIL', 'imagecodecs', 'tifffile', 'scipy'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True)
