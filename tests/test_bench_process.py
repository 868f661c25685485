"""Whole processes on one file against other programs, and the memory of calls."""

import json
import shutil

import cv2
import numpy as np
import pytest

from imgfilt.bench import peaks, processes
from imgfilt.bench.sizes import Size
from imgfilt.cli import main

SMALL = (processes.File("photo.jpg", "uint8", 97, 64), processes.File("deep.png", "uint16", 64, 48))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(processes, "FILES", SMALL)
    monkeypatch.setattr("imgfilt.bench.sizes.SIZES", {"100MP": Size("100MP", 97, 64)})


def test_all_sides_filter_both_files(capsys):
    assert main(["bench", "process", "--rounds", "1", "--threads", "1", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    start, *files = [record for record in records if "process" in record]
    assert list(start["seconds"]) == ["import numpy", "import imgfilt", "imgfilt --help"]
    assert [record["process"].split(" of ")[0] for record in files] == [
        "sobel, photo.jpg", "gaussian, photo.jpg", "sobel, deep.png", "gaussian, deep.png"
    ]  # fmt: skip
    sides = {processes.US, processes.SCRIPT}
    sides |= {processes.VIPS} if shutil.which("vips") else set()
    sides |= {processes.MAGICK} if shutil.which("magick") or shutil.which("convert") else set()
    for record in files:
        assert set(record["seconds"]) == sides == set(record["written_bytes"])
        assert record["ratio"][processes.US] == 1.0
        assert min(record["seconds"].values()) > 0
    memory = [record for record in records if "peak" in record]
    assert {record["peak"] for record in memory} >= {"sobel magnitude", "integer 3x3", "median 3", "canny"}
    assert all(record["holds"] for record in memory)


def test_results_that_differ_are_an_error(tmp_path):
    image = np.zeros((8, 9), np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    cv2.imwrite(str(tmp_path / "b.png"), image + 300)
    processes._compare(tmp_path / "a.png", tmp_path / "b.png")
    cv2.imwrite(str(tmp_path / "b.png"), image + 3000)
    with pytest.raises(ValueError, match=r"4.6 % of the range apart"):
        processes._compare(tmp_path / "a.png", tmp_path / "b.png")
    cv2.imwrite(str(tmp_path / "b.png"), image[:4])
    with pytest.raises(ValueError, match="picture of"):
        processes._compare(tmp_path / "a.png", tmp_path / "b.png")


def test_too_much_memory_is_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(peaks, "peak_of", lambda call: (call(), peaks.ALLOWED + 1))
    assert main(["bench", "process", "--rounds", "1", "--threads", "2"]) == 1
    assert "  sobel magnitude    uint8 x1    16.0" in capsys.readouterr().out


def test_a_side_that_fails_is_told(monkeypatch, capsys):
    monkeypatch.setattr(processes, "_SOBEL", "raise SystemExit('no luck')")
    assert main(["bench", "process", "--rounds", "1"]) == 1
    assert "a side of the benchmark failed: no luck" in capsys.readouterr().err
