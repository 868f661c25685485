"""Large TIFFs on the command line: taken in bands by themselves, with the pixels of the whole."""

import base64
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tifffile
from cases import noise
from PIL import Image

import imgfilt
from imgfilt.batch import large
from imgfilt.cli import main
from imgfilt.io import Info, read, write


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.delenv("IMGFILT_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Answer:
        code = main([str(word) for word in words])
        return Answer(code, *capfd.readouterr())

    return run


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Everything is large, bands are low; the number of bands of each page that was written."""
    monkeypatch.setattr(large, "WHOLE", 0)
    monkeypatch.setattr(large, "MEMORY", 40_000)
    counts: list[int] = []
    plain = large._Page.stored

    def stored(self: Any, check: Any) -> Any:
        counts.append(0)
        for band in plain(self, check):
            counts[-1] += 1
            yield band

    monkeypatch.setattr(large._Page, "stored", stored)
    return counts


def save(path: str, array: np.ndarray, **options: Any) -> np.ndarray:
    extra = ["unassalpha"] if array.ndim == 3 and array.shape[2] == 4 else None
    options = {"photometric": "rgb" if array.ndim == 3 else "minisblack", "extrasamples": extra, **options}
    tifffile.imwrite(path, array, metadata=None, **options)
    return array


@pytest.mark.parametrize(
    "how", [{"rowsperstrip": 7}, {"tile": (32, 16), "compression": "zlib", "bigtiff": True}]
)
@pytest.mark.parametrize("border", ["reflect101", "wrap"])
def test_bands_are_taken_by_themselves(cli: Run, taken: list[int], how: dict[str, Any], border: str) -> None:
    image = save("a.tif", noise((301, 60, 3), "uint8"), **how)
    answer = cli("gaussian", "--sigma", 3, "--border", border, "a.tif", "-o", "b.tif", "--json")
    assert answer.code == 0, answer.err
    assert taken[0] > 4
    np.testing.assert_array_equal(read("b.tif").array, imgfilt.gaussian(image, sigma=3, border=border))
    record = json.loads(answer.out)
    assert (record["width"], record["height"], record["channels"]) == (60, 301, 3)
    assert record["bytes_out"] == os.path.getsize("b.tif")


def test_every_way_of_filtering(cli: Run, taken: list[int]) -> None:
    image = save("a.tif", noise((200, 50, 4), "uint8"), tile=(16, 16))
    kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    for words, want in [
        (["sobel"], imgfilt.sobel(image, alpha="premultiply")),
        (["median", "--size", "5", "--alpha", "each"], imgfilt.median(image, size=5)),
        (["apply", "gaussian sigma=2 | unsharp_mask"],
         imgfilt.apply("gaussian sigma=2 | unsharp_mask", image, alpha="premultiply")),
        (["convolve", "--kernel", "0 -1 0; -1 5 -1; 0 -1 0"], imgfilt.convolve(image, kernel, alpha="premultiply")),
        (["gaussian", "--linear-light"], imgfilt.gaussian(image, alpha="premultiply", linear_light=True)),
    ]:  # fmt: skip
        taken.clear()
        answer = cli(*words, "a.tif", "-o", "b.tif")
        assert answer.code == 0, answer.err
        assert taken[0] > 2
        result = read("b.tif")
        np.testing.assert_array_equal(result.array, want)
        assert result.has_alpha == (want.shape == image.shape)


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_bits(cli: Run, taken: list[int], bits: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = noise((150, 40), dtype)
    save("a.tif", values)
    assert cli("gaussian", "--bits", bits, "a.tif", "-o", "bands.tif").code == 0
    assert len(taken) == 1
    monkeypatch.setattr(large, "wanted", lambda *_: False)
    assert cli("gaussian", "--bits", bits, "a.tif", "-o", "whole.tif").code == 0
    assert len(taken) == 1
    one, other = read("bands.tif").array, read("whole.tif").array
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)


def test_pages(cli: Run, taken: list[int]) -> None:
    pages = [noise((120, 40, 3), "uint8"), noise((90, 55), "uint16")]
    with tifffile.TiffWriter("a.tif") as writer:
        for page in pages:
            writer.write(page, photometric="rgb" if page.ndim == 3 else "minisblack", metadata=None)
    assert cli("box", "--size", 5, "a.tif", "-o", "b.tif").code == 0
    assert len(taken) == 2
    for got, page in zip(read("b.tif").frames(), pages, strict=True):
        np.testing.assert_array_equal(got.array, imgfilt.box(page, size=5))


def test_what_cannot_be_done_in_bands_is_done_as_a_whole(cli: Run, taken: list[int]) -> None:
    image = save("a.tif", noise((90, 60), "uint8"))
    assert cli("canny", "a.tif", "-o", "b.tif").code == 0
    np.testing.assert_array_equal(read("b.tif").array, imgfilt.canny(image))
    save("a.tif", image, extratags=[(274, 3, 1, 6, True)])
    assert cli("box", "a.tif", "-o", "b.tif").code == 0
    np.testing.assert_array_equal(read("b.tif").array, imgfilt.box(np.rot90(image, -1)))
    assert cli("box", "a.tif", "-o", "b.png").code == 0
    assert not taken


def test_or_refused_with_the_reason(cli: Run, taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    save("a.tif", noise((90, 60), "uint8"))
    monkeypatch.setattr("imgfilt.batch.work.machine_memory", lambda: 1000)
    answer = cli("canny", "a.tif", "-o", "b.tif")
    assert answer.code == 1
    assert "this machine has" in answer.err
    assert "canny looks at the whole image, and cannot be done in bands of rows [too-large]" in answer.err
    assert not os.path.exists("b.tif")


def test_in_place_and_a_journal(cli: Run, taken: list[int]) -> None:
    os.mkdir("photos")
    images = [save(f"photos/{i}.tif", noise((100 + i, 40), "uint8")) for i in range(3)]
    assert cli("box", "photos", "-o", "out").code == 0
    assert len(taken) == 3
    again = cli("box", "photos", "-o", "out", "--resume")
    assert again.code == 0
    assert len(taken) == 3
    assert cli("box", "photos", "--in-place").code == 0
    for i, image in enumerate(images):
        np.testing.assert_array_equal(read(f"photos/{i}.tif").array, imgfilt.box(image))
        np.testing.assert_array_equal(read(f"out/{i}.tif").array, imgfilt.box(image))


def test_a_damaged_file_leaves_nothing_behind(cli: Run, taken: list[int]) -> None:
    save("a.tif", noise((300, 60, 3), "uint8"), rowsperstrip=7)
    with open("a.tif", "r+b") as file:
        file.truncate(40_000)
    answer = cli("box", "a.tif", "-o", "b.tif")
    assert answer.code == 1
    assert "[damaged]" in answer.err
    assert answer.err.count("\n") == 1
    assert os.listdir() == ["a.tif"]


def test_bombs_are_not_taken_in_bands() -> None:
    def info(pixels: int) -> Info:
        return Info((pixels // 1000, 1000, 3), "uint8", False, "tiff", "rgb")

    limit = large.MAX_PIXELS
    assert large._honest(info(1_200_000_000), 3_600_000_000, limit)
    assert large._honest(info(1_200_000_000), 1_000_000, limit)  # sparse
    assert large._honest(info(100_000_000_000), 300_000_000_000, limit)
    assert not large._honest(info(3_600_000_000), 10_000_000, limit)
    assert not large._honest(info(1_200_000_000), 3_600_000_000, 600_000_000)


def test_a_bomb_is_one_error_line(cli: Run) -> None:
    save("bomb.tif", np.zeros((16, 16, 3), np.uint8), compression="zlib", rowsperstrip=16)
    with tifffile.TiffFile("bomb.tif", mode="r+") as tiff:
        page: Any = tiff.pages[0]
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            page.tags[name].overwrite(60_000)
    answer = cli("box", "bomb.tif", "-o", "b.tif")
    assert answer.code == 1
    assert "60000x60000" in answer.err
    assert "[too-large]" in answer.err


def test_only_large_tiffs_are_wanted(cli: Run) -> None:
    save("a.tif", noise((90, 60), "uint8"))
    write("a.png", read("a.tif"))
    Path("text.tif").write_text("no picture")
    size, limit = os.path.getsize("a.tif"), large.MAX_PIXELS
    assert not large.wanted("a.tif", size, 1 << 40, limit)
    assert large.wanted("a.tif", size, 1000, limit)
    assert not large.wanted("a.tif", size, 1000, 90)
    for other in ("a.png", "text.tif", "missing.tif"):
        assert not large.wanted(other, 5000, 1000, limit)


def test_the_report_has_pictures_of_large_files(cli: Run, taken: list[int]) -> None:
    rows = np.linspace(0, 255, 3000).astype(np.uint8)[:, None]
    save("a.tif", np.broadcast_to(rows, (3000, 40)).copy())
    for border in ("reflect101", "wrap"):
        assert cli("box", "--border", border, "a.tif", "-o", "b.tif", "--report", "report.html").code == 0
        text = Path("report.html").read_text("utf-8")
        assert text.count("<img") == 2
        for data in re.findall('base64,([^"]+)"', text):
            small = np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int)
            ramp = np.linspace(0, 255, len(small))[:, None]
            assert np.abs(small - ramp)[3:-3].max() < 10
