"""What runs of the benchmark say together: means, losses, goals, what got slower, pictures; other packages."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from imgfilt import _native
from imgfilt.bench import history, limits, neighbours, report, summary
from imgfilt.bench.case import Contender, picture
from imgfilt.bench.cases import cases
from imgfilt.bench.others import MODULES, others
from imgfilt.bench.session import Cell, run_cell
from imgfilt.bench.sizes import SIZES, Size
from imgfilt.cli import main


def cell(case="box 3", ratio=2.0, size="8MP", threads=1, ours_ms=1.0, **other):
    """A cell as it stands in JSON."""
    _, width, height = SIZES[size]
    made = {"case": case, "filter": case.split()[0], "dtype": "uint8", "channels": 1, "size": size, "width": width,
            "height": height, "threads": threads, "isa": "v4", "ours_ms": ours_ms, "rival": "blur",
            "rivals_ms": {}, "rival_ms": ratio * ours_ms, "ratio": ratio, "ratio_quartiles": [ratio, ratio],
            "compared": True, "ours_mpix_s": 1.0, "rival_mpix_s": 1.0, "gb_s": 10.0, "gmac_s": 5.0,
            "of_bandwidth": 0.3, "of_fma_peak": 0.1, "rounds": 3}  # fmt: skip
    return made | other


def goal(cells, words):
    (found,) = [g for g in summary.goals(cells) if words in g.wanted]
    return found


def test_means_are_geometric():
    assert summary.mean_ratio([cell(ratio=1.0), cell(ratio=4.0)]) == pytest.approx(2.0)
    assert summary.mean_ratio([]) is None


def test_losses_begin_at_256_and_below_noise():
    cells = [
        cell(ratio=r, size=s)
        for r, s in ((0.96, "8MP"), (0.9, "256"), (0.5, "64"), (0.7, "1MP"), (3.0, "1MP"))
    ]
    assert [c["ratio"] for c in summary.losses(cells)] == [0.7, 0.9]
    lines = report.summary(cells)
    assert lines[0].startswith("geometric mean 0.98 over 5 cells")
    assert lines[1] == "slower than OpenCV from 256x256 up: 2, the worst:"
    assert report.summary([cell()])[-1].endswith("none")
    assert report.summary([{"case": "box 3", "error": "differs"}]) == ["nothing was timed"]


def test_goals_of_means_and_losses():
    cells = [cell("sobel magnitude", 4.0), cell("box 3", 2.0), cell("box 3", 0.8, size="256", channels=3)]
    assert goal(cells, "all cells").found == "1.86 over 3 cells"
    assert goal(cells, "composite").holds is False
    assert goal([cell("canny", 5.1)], "composite").holds is True
    lost = goal(cells, "below 0.95")
    assert (lost.holds, lost.found) == (False, "1 of 3 are below; the least is 0.80")
    assert lost.worst == "box 3, uint8 x3, 256, 1 thread, v4"


def test_goals_of_limits():
    dense = [cell("random 7x7", dtype="float32", of_fma_peak=p, channels=c) for p, c in ((0.71, 1), (0.6, 3))]
    found = goal([*dense, cell("random 5x5", dtype="float32", of_fma_peak=0.1)], "70 %")
    assert (found.holds, found.found) == (False, "1 of 2 are below; the least is 0.60")
    assert goal(dense[:1], "70 %").holds is True
    assert (
        goal([cell("integer 3x3", size="100MP", threads=2, of_bandwidth=0.55)], "of uint8 at 100").holds
        is True
    )
    assert goal(dense, "of uint8 at 100").holds is None


def test_goals_of_libvips():
    cells = [cell(others={"pyvips": {"ratio": ratio}}) for ratio in (2.0, 0.9)]
    found = goal([*cells, cell(ratio=0.1, others={"scipy": {"ratio": 0.1}})], "libvips")
    assert (found.holds, found.found) == (False, "1 of 2 are below; the least is 0.90")
    assert goal(cells[:1], "libvips").holds is True


def test_goals_of_flatness_and_scaling():
    boxes = [cell(f"box {n}", ours_ms=ms) for n, ms in ((3, 1.0), (15, 1.1), (101, 1.14))]
    assert goal(boxes, "a box").holds is True
    slow = goal([*boxes, cell("box 101", ours_ms=1.3, channels=3), cell("box 3", channels=3)], "a box")
    assert (slow.holds, slow.found) == (False, "1 of 2 are beyond; the most is 1.30 times")
    two = [cell("median 5", ours_ms=10.0), cell("median 5", ours_ms=5.4, threads=2)]
    assert goal(two, "1.8").holds is True
    assert goal([two[0], two[1] | {"ours_ms": 6.0}], "1.8").holds is False
    assert goal([two[0], two[1] | {"of_bandwidth": 0.8}], "1.8").holds is None  # memory is its limit
    large = cell("sobel magnitude", size="100MP", ours_ms=14.0)
    assert goal([cell("sobel magnitude", ours_ms=1.0), large], "a pixel").holds is True
    assert goal([cell("sobel magnitude", ours_ms=1.0), large | {"ours_ms": 16.0}], "a pixel").holds is False


def test_limits_are_measured():
    (one,) = limits.measure((1,))
    assert one.record()["copy_gb_s"] > 0.1
    assert one.record()["fma_gmac_s"] > 0.1


def test_multiply_adds_are_counted():
    turn = _native.multiply_adds(1, 1)
    assert turn % 4 == 0
    assert _native.multiply_adds(10, 2) == 20 * turn
    assert _native.multiply_adds(0, 1) == 0
    for turns, threads in ((-1, 1), (1, 0)):
        with pytest.raises(ValueError, match="at least"):
            _native.multiply_adds(turns, threads)


def test_disturbed_cells_are_told_and_do_not_count_for_scaling():
    two = [cell("median 5", ours_ms=10.0), cell("median 5", ours_ms=9.0, threads=2, disturbed=True)]
    assert summary.disturbed([*two, cell(disturbed=False), cell()]) == [two[1]]
    assert goal(two, "1.8").holds is None
    assert report.summary(two)[:2] == [
        "geometric mean 2.00 over 1 cells",
        "1 cells needed processors that other processes kept busy: they do not count, repeat them",
    ]
    assert "needed" not in " ".join(report.summary(two[:1]))
    assert "1 cells needed" in report.summary(two[1:])[0]
    assert not summary.losses([cell(ratio=0.5, disturbed=True)])


def test_work_of_other_processes_is_seen():
    begin = neighbours.mark()
    if begin is None:
        pytest.skip("this system does not tell")
    end = time.process_time() + 0.2
    while time.process_time() < end:  # our own
        pass
    own = neighbours.busy_since(begin)
    begin = neighbours.mark()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.4: pass"], check=True)
    assert own >= 0
    assert neighbours.busy_since(begin) > 0.2
    assert neighbours.busy_since(None) is None


def test_others_disturb_where_they_leave_too_few_processors(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert not neighbours.disturbing(1.4, 1)
    assert neighbours.disturbing(1.6, 1)
    assert not neighbours.disturbing(0.4, 2)
    assert neighbours.disturbing(0.6, 2)
    assert neighbours.disturbing(0.6, 4)
    assert not neighbours.disturbing(None, 2)


# --- earlier runs ---


def write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def test_of_a_cell_that_is_there_twice_the_last_counts(tmp_path):
    first = write(tmp_path / "a", {"machine": {}}, cell(ratio=1.0), cell(ratio=2.0, threads=2))
    second = write(tmp_path / "b", cell(ratio=3.0))
    found = history.read([tmp_path / "a", tmp_path / "b"])
    assert [r["ratio"] for r in found if "case" in r] == [3.0, 2.0]
    assert first != second
    write(tmp_path / "c", cell(ratio=9.0, disturbed=True), cell(ratio=7.0, threads=4, disturbed=True))
    found = history.read([tmp_path / "a", tmp_path / "b", tmp_path / "c"])
    assert [r["ratio"] for r in found if "case" in r] == [3.0, 2.0, 7.0]


def test_what_got_slower(tmp_path):
    before = [cell(ratio=4.0), cell("box 15", 4.0), cell("box 101", 4.0)]
    now = [cell(ratio=3.7), cell("box 15", 2.0), cell("box 101", 3.0, ratio_quartiles=[2.0, 4.5])]
    assert [(a["ratio"], b["ratio"]) for a, b in history.slower(before, now)] == [(4.0, 2.0)]
    assert (
        history.lines(before, now)[1]
        .strip()
        .startswith("box 15, uint8 x1, 8MP, 1 thread, v4: 4.00, now 2.00")
    )
    assert history.lines(before, before) == ["nothing got slower"]


def test_compare_on_the_command_line(tmp_path, capsys):
    few = ["--size", "97x64", "--rounds", "3", "--dtype", "uint8", "--channels", "1", "--threads", "1"]
    assert main(["bench", *few, "--filter", "laplacian", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fast = [
        line | {"ratio": 1e6, "ratio_quartiles": [1e6, 1e6]} if "case" in line else line for line in lines
    ]
    old = write(tmp_path / "old.json", *fast)
    assert main(["bench", *few, "--filter", "laplacian", "--compare", old]) == 0
    assert "laplacian, uint8 x1, 97x64, 1 thread, " in capsys.readouterr().out
    (tmp_path / "bad").write_text("{]")
    assert main(["bench", "--compare", str(tmp_path / "bad")]) == 2
    assert "line 1, is not JSON" in capsys.readouterr().err


def machine(isa="v4"):
    limit = {"threads": 1, "copy_gb_s": 30.0, "fma_gmac_s": 120.0}
    return {"machine": {"cpu": "CPU", "cpus": 2, "system": "Linux", "python": "3", "numpy": "2", "imgfilt": "0",
                        "isa": isa, "limits": [limit], "opencv": "5", "opencv_optimized": True, "opencv_ipp": None,
                        "opencv_ahead": []}}  # fmt: skip


def test_the_highest_limits_of_several_runs_count(tmp_path):
    low, high = machine(), machine()
    low["machine"]["limits"] = [{"threads": 1, "copy_gb_s": 20.0, "fma_gmac_s": 125.0}]
    write(tmp_path / "a", low, cell(threads=1), cell(threads=2), machine("v3"))
    write(tmp_path / "b", high, cell("box 15"))
    found = history.read([tmp_path / "a", tmp_path / "b"])
    best = {"threads": 1, "copy_gb_s": 30.0, "fma_gmac_s": 125.0}
    assert [r["machine"]["limits"][0]["copy_gb_s"] for r in found if "machine" in r] == [30.0, 30.0, 30.0]
    assert found[0]["machine"]["limits"] == [best]
    one, two, other = (r for r in found if "case" in r)
    assert one["of_bandwidth"] == other["of_bandwidth"] == pytest.approx(10.0 / 30.0)
    assert one["of_fma_peak"] == pytest.approx(5.0 / 125.0)
    assert two["of_bandwidth"] == 0.3  # nothing is known of two threads


def test_show(tmp_path, capsys):
    path = write(tmp_path / "a", machine(), cell(), cell("canny", 0.5, size="256"))
    assert main(["bench", "show", path, "--table"]) == 0
    out = capsys.readouterr().out
    assert "v4: geometric mean 1.00 over 2 cells" in out
    assert "1 thread: a copy moves 30.0 GB/s" in out
    assert "canny, uint8 x1, 256, 1 thread, v4" in out
    assert main(["bench", "show", str(tmp_path / "none")]) == 2


def test_pictures(tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="pictures are drawn by Matplotlib")
    both = [
        cell(isa=isa, ratio=r, threads=1, gmac_s=g)
        for isa in ("v4", "v3")
        for r, g in ((0.5, 9.0), (7.0, 0.0))
    ]
    both += [cell("sobel magnitude", isa=isa, size="256") for isa in ("v4", "v3")]
    both[1]["channels"] = both[3]["channels"] = 3
    path = write(tmp_path / "a", machine(), machine("v3"), *both)
    assert main(["bench", "show", path, "--draw", str(tmp_path)]) == 0
    for name, words in (("ratios.svg", ("sobel magnitude", "box 3", "AVX-512", "AVX2", "256x256")),
                        ("roofline.svg", ("120 multiply-adds/ns, 30 GB/s", "uint8"))):  # fmt: skip
        drawn = (tmp_path / name).read_text(encoding="utf-8")
        for word in words:
            assert word in drawn
        assert str(tmp_path / name) in capsys.readouterr().out or name == "roofline.svg"
    again = {name: (tmp_path / name).read_bytes() for name in ("ratios.svg", "roofline.svg")}
    assert main(["bench", "show", path, "--draw", str(tmp_path)]) == 0
    assert all(
        (tmp_path / name).read_bytes() == drawn for name, drawn in again.items()
    )  # the same every time


# --- other packages ---


@pytest.mark.parametrize("package", MODULES)
def test_other_packages_give_our_results(package):
    found, missing = others([package])
    if missing:
        pytest.skip(missing[package])
    small = {"median 3", "median 5", "gaussian 1.5", "box 3", "box 15", "random 3x3", "integer 5x5", "sobel magnitude",
             "unsharp mask", "integral"}  # fmt: skip
    kinds = [c for c in cases(("uint8", "float32"), (1, 3)) if c.name in small and list(found[package](c))]
    assert kinds
    for case in kinds:
        row = run_cell(Cell(case, Size("small", 97, 64), 1), 1, found)
        assert not row.error, f"{case.name} {case.dtype} x{case.channels}: {row.error}"
        record = row.record()["others"][package]
        assert record["ratio"] > 0
        told = report.cells(row.record())[-1]
        assert package in told
        assert ("not the same result" in told) != record["compared"]


def test_a_package_that_is_not_there_is_told(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "skimage.filters", None)
    few = ["--size", "97x64", "--rounds", "3", "--dtype", "uint8", "--channels", "1", "--threads", "1"]
    assert main(["bench", *few, "--filter", "canny", "--against", "scikit-image"]) == 0
    assert "scikit-image cannot be imported" in capsys.readouterr().out


def test_a_margin_is_not_compared():
    theirs = np.zeros((64, 97), np.uint8)
    (case,) = [c for c in cases(("uint8",), (1,)) if c.name == "box 3"]

    def other(margin):
        return lambda _: [Contender("other", lambda image, threads: lambda: theirs, 0, margin)]

    cell = Cell(case, Size("small", 97, 64), 1)
    assert run_cell(cell, 1, {"x": other(0)}).error.startswith("x: other: differs by")
    ours = case.ours(picture((64, 97), "uint8"), 1)()
    theirs[1:-1, 1:-1] = ours[1:-1, 1:-1]
    assert run_cell(cell, 1, {"x": other(1)}).error == ""
