"""The benchmark: that it compares before it times, takes the fastest chain, and says what it measured on."""

import json
import os
import subprocess
import sys
from functools import partial

import cv2
import numpy as np
import pytest

from imgfilt import _native
from imgfilt.bench import clock, report
from imgfilt.bench.case import Case, Contender, picture
from imgfilt.bench.cases import cases
from imgfilt.bench.compare import difference
from imgfilt.bench.overhead import measure
from imgfilt.bench.session import Cell, matrix, run_cell
from imgfilt.bench.sizes import LARGE, SIZES, Size, parse_size
from imgfilt.cli import main

WIDTH, HEIGHT = 97, 64
SMALL = Size("small", WIDTH, HEIGHT)
CASES = list(cases(channels=(1, 3)))


@pytest.fixture(autouse=True)
def _same_threads():
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


def _id(case):
    return f"{case.name} {case.dtype} x{case.channels}"


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_every_chain_gives_our_result_in_the_same_array_each_time(case):
    image = picture(case.shape(WIDTH, HEIGHT), case.dtype)
    ours = case.ours(image, 1)()
    scale = case.scale * float(np.abs(image).max()) if case.dtype.startswith("f") else 1.0
    for rival in case.rivals:
        run = rival.prepare(image, 1)
        theirs = run()
        assert difference(ours, rival.as_ours(theirs), rival.tolerance, scale) is None, rival.name
        assert np.shares_memory(theirs, run()), rival.name


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_our_destinations_are_allocated_beforehand(case):
    run = case.ours(picture(case.shape(WIDTH, HEIGHT), case.dtype), 1)
    assert np.shares_memory(run(), run())


def test_the_matrix_is_whole():
    every = list(cases())
    assert len({(c.name, c.dtype, c.channels) for c in every}) == len(every) > 270
    filters = {"sobel", "scharr", "laplacian", "emboss", "correlate", "gabor", "gaussian", "box", "unsharp_mask",
               "difference_of_gaussians", "gaussian | sobel", "median", "bilateral", "canny", "integral",
               "pyr_down", "pyr_up"}  # fmt: skip
    assert {c.filter for c in every} == filters
    assert {c.filter for c in every if c.dtype == "uint16"} == filters - {"bilateral", "canny"}
    assert {c.filter for c in every if c.channels == 4} == filters - {"bilateral"}
    cells = matrix(every, SIZES.values(), (1, 2), all_large=False)
    assert {cell.threads for cell in cells} == {1, 2}
    assert sum(cell.size.name == "8MP" for cell in cells) == 2 * len(every)
    large = {(cell.case.name, cell.case.dtype) for cell in cells if cell.size.name == LARGE}
    assert {("sobel magnitude", "uint8"), ("integer 3x3", "uint8")} < large
    assert sum(
        cell.size.name == LARGE for cell in matrix(every, SIZES.values(), (1,), all_large=True)
    ) == len(every)


def test_sizes_by_name_and_in_pixels():
    assert parse_size("8MP") == ("8MP", 3840, 2160)
    assert parse_size("640x480") == ("640x480", 640, 480)
    with pytest.raises(ValueError, match="'97' is no size"):
        parse_size("97")


def _case(ours, *rivals):
    """A case whose calls give fixed arrays."""
    return Case("made up", "identity", "uint8", 1, lambda image, threads: partial(np.copy, ours), rivals)


def _run(case):
    return run_cell(Cell(case, SMALL, 1), 3)


def _rival(name, result, tolerance=0):
    return Contender(name, lambda image, threads: partial(np.copy, result), tolerance)


def test_rows_that_differ_are_errors_and_are_not_timed():
    ours = np.zeros((HEIGHT, WIDTH), np.uint8)
    theirs = ours.copy()
    theirs[3, 4] = 2
    row = _run(_case(ours, _rival("good", ours), _rival("bad", theirs, 1)))
    assert row.against is None
    assert row.error.startswith("bad: differs by 2 at (3, 4) where 1 is allowed: 0, not 2; 1 pixel of 6208")
    assert row.record()["error"] == row.error
    assert report.cells(row.record())[6] == "error"
    assert _run(_case(ours, _rival("bad", theirs, 2))).error == ""


def test_a_side_that_fails_is_an_error():
    def broken(image, threads):
        raise RuntimeError("no\nluck")

    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    row = _run(_case(image, Contender("broken", broken)))
    assert row.error == "RuntimeError: no luck"


def test_the_fastest_chain_is_the_other_side():
    still = np.zeros((HEIGHT, WIDTH), np.uint8)

    def slow(image, threads):
        def run():
            for _ in range(200):
                np.copy(still)
            return still

        return run

    row = _run(_case(still, Contender("slow", slow), _rival("quick", still)))
    assert row.against.rival.name == "quick"
    record = row.record()
    assert set(record["rivals_ms"]) == {"slow", "quick"}
    assert record["rounds"] == 3
    assert record["ours_mpix_s"] == pytest.approx(WIDTH * HEIGHT / 1e3 / record["ours_ms"])


def test_results_of_another_kind_differ():
    a = np.zeros((2, 3), np.uint8)
    assert difference(a, a.astype(np.int16), 1) == "is int16 (2, 3), not uint8 (2, 3)"
    assert difference(a, a[:1], 1) == "is uint8 (1, 3), not uint8 (2, 3)"


def test_nan_differs():
    a = np.array([[0.0, 1.0]], np.float32)
    assert difference(a, a, 1e-6) is None
    assert difference(a, np.array([[0.0, np.nan]], np.float32), 1e-6, 1e9) is not None


def test_ratios_are_taken_pair_by_pair():
    found = clock.Pairs((1.0, 10.0, 2.0), (2.0, 20.0, 8.0))
    assert found.ratios[1] == 2.0
    assert found.seconds == (2.0, 8.0)
    assert clock.Pairs((1.0,), (3.0,)).ratios == (3.0, 3.0, 3.0)


def test_calls_take_turns():
    calls = []
    clock.in_turn((partial(calls.append, "a"), partial(calls.append, "b")), 3)
    changes = "".join(x for x, y in zip(calls, [*calls[1:], ""], strict=True) if x != y)
    assert changes == "abababab"  # once to warm up, then three rounds


def test_overhead_is_measured():
    for found in measure(3):
        assert min(found.pixels, found.call) > 0
        assert found.record()["overhead_us"] == pytest.approx(found.overhead * 1e6)


def test_picture_uses_the_range():
    for dtype, top in (("uint8", 255), ("uint16", 65535), ("float32", 1.0)):
        image = picture((200, 300, 3), dtype)
        assert image.dtype == dtype
        assert image.min() < 0.1 * top
        assert image.max() > 0.9 * top


def test_plain_table():
    table = [("name", "ms"), ("box", "12.5")]
    assert report.plain(table, right=(1,)) == "name    ms\nbox   12.5"


FEW = ["--size", "97x64", "--rounds", "3", "--dtype", "uint8", "--channels", "1"]


def test_command_line(capsys, monkeypatch):
    monkeypatch.setattr("imgfilt.bench.neighbours.disturbing", lambda *_: False)  # what else runs here now
    assert main(["bench", *FEW, "--filter", "sobel", "--threads", "1"]) == 0
    out = capsys.readouterr().out
    assert "sobel magnitude" in out
    assert "geometric mean" in out
    assert f"OpenCV {cv2.__version__} (optimised" in out


def test_command_line_json(capsys):
    assert main(["bench", *FEW, "--filter", "laplacian", "--threads", "1", "--threads", "2", "--json"]) == 0
    machine, row, other = map(json.loads, capsys.readouterr().out.splitlines())
    assert (row["threads"], other["threads"]) == (1, 2)
    most = {limit["threads"]: limit for limit in machine["machine"]["limits"]}
    assert row["of_bandwidth"] == pytest.approx(row["gb_s"] / most[1]["copy_gb_s"])
    assert other["of_fma_peak"] == pytest.approx(other["gmac_s"] / most[2]["fma_gmac_s"])
    assert row["gb_s"] == pytest.approx(2 * 97 * 64 / row["ours_ms"] / 1e6)
    assert row["gmac_s"] == pytest.approx(5 * 97 * 64 / row["ours_ms"] / 1e6)
    assert {"cpu", "isa", "opencv", "opencv_ipp", "opencv_optimized", "limits"} <= set(machine["machine"])
    assert row["case"] == "laplacian"
    assert row["ratio"] > 0


def test_command_line_fails_when_a_row_does(monkeypatch, capsys):
    image = np.zeros((64, 97), np.uint8)
    monkeypatch.setattr("imgfilt.bench.cases.cases", lambda *_: [_case(image, _rival("bad", image + 9))])
    assert main(["bench", "--size", "97x64", "--rounds", "3", "--filter", "identity"]) == 1
    assert "differs by 9" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "words",
    [
        ["--size", "97"],
        ["--size", "0x9"],
        ["--threads", "0"],
        ["--filter", "sobbel"],
        ["--dtype", "int8"],
        ["--channels", "5"],
    ],
)
def test_wrong_usage(words, capsys):
    assert main(["bench", *words]) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert words[1] in found.err
    assert found.err.count("\n") == 1


def _features(isa):
    """OpenCV's instruction sets and IPP's, in a process where imgfilt runs with `isa`."""
    code = (
        "from imgfilt.bench.opencv.library import ahead, opencv; cv2 = opencv(); "
        "print(cv2.getCPUFeaturesLine()); print(cv2.ipp.getIppVersion()); print(ahead(cv2))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV_")}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=environment | {"IMGFILT_ISA": isa},
                          capture_output=True, text=True, check=True)  # fmt: skip
    return done.stdout.splitlines()


@pytest.mark.skipif("v3" not in _native.isas(), reason="AVX2 is of newer x86-64 processors")
def test_opencv_uses_no_instructions_that_we_do_not():
    features, ipp, ahead = _features("v3")
    assert "*AVX512-SKX" not in features.split()
    assert "AVX-512" not in ipp
    assert ahead == "[]"
    features, ipp, ahead = _features("v2")
    assert "*AVX2" not in features.split()
    assert ahead == "[]"


def test_without_opencv_one_line_says_what_to_install():
    code = "import sys; sys.modules['cv2'] = None; from imgfilt.cli import main; sys.exit(main(['bench']))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert 'pip install "imgfilt[bench]"' in done.stderr


def test_without_rich_the_table_is_plain():
    code = (
        "import sys; sys.modules['rich.console'] = None; from imgfilt.cli import main; "
        f"sys.exit(main(['bench', *{FEW}, '--filter', 'laplacian']))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "times as fast" in done.stdout


def test_nothing_is_imported_before_it_is_asked_for():
    code = "import sys, imgfilt.cli.bench; print(sorted({'cv2', 'rich', 'imgfilt.bench'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- filter banks ---


def test_banks_measures_each_side_in_its_own_process(capsys):
    sides = [
        word for name in ("direct", "im2win NHWC", "winograd_f2", "mec NHWC") for word in ("--side", name)
    ]
    assert main(["bench", "banks", "--layer", "12", "--json", *sides]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["side"] for row in rows] == ["direct", "im2win NHWC", "winograd_f2", "mec NHWC"]
    for row in rows:
        assert row["ms"] > 0
        assert row["workspace"] > 0
        assert not row["error"]


def test_banks_tells_refusals_and_wrong_sides(capsys):
    assert main(["bench", "banks", "--layer", "1", "--json", "--side", "winograd_f4"]) == 0
    assert "11x11, not 3x3" in json.loads(capsys.readouterr().out)["refused"]
    assert main(["bench", "banks", "--side", "cudnn"]) == 2
    assert "im2win CHWN8" in capsys.readouterr().err
    assert main(["bench", "banks", "--batch", "9"]) == 2


def test_banks_compares_before_it_times(monkeypatch):
    from imgfilt.bench import bank_case, banks

    case = {**vars(banks.LAYERS[11]), "backend": "im2col", "layout": "NCHW", "threads": 1, "batch": 8}
    original = bank_case._ours

    def wrong(*how):
        call, facts = original(*how)
        return (lambda: call() * np.float32(1.01)), facts

    monkeypatch.setattr(bank_case, "_ours", wrong)
    with pytest.raises(ValueError, match="is off by"):
        bank_case.main(case)


def test_banks_table_and_ratios():
    from imgfilt.bench import banks

    rows = [
        banks.Row(9, "torch", 1, 8, "torch 1", ms=10.0),
        banks.Row(9, "auto", 1, 8, "direct", ms=5.0),
        banks.Row(9, "im2win", 1, 8, "im2win", ms=4.0, workspace=1 << 20),
        banks.Row(9, "im2col", 1, 8, "im2col", ms=8.0, workspace=8 * 64 * 9 * 54 * 54 * 4),
        banks.Row(9, "fft", 1, 8, refused="no"),
        banks.Row(10, "im2win", 1, 8, error="broken"),
    ]
    assert banks.memory_ratio(rows[3]) == 1
    assert banks.mean_ratio(rows, "auto", "torch") == pytest.approx(2)
    assert banks.mean_ratio(rows, "im2win", "im2col") == pytest.approx(2)
    assert banks.mean_ratio(rows, "smm", "torch") is None
    cells = {line[1]: line for line in banks.table(rows)}
    assert cells["auto (direct)"][4] == "2.00"
    assert "fft" not in cells
    assert banks.LAYERS[8].out == 54


def test_folders_of_files(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from imgfilt.bench import files

    monkeypatch.setattr(files, "FOLDERS", (files.Folder(3, 64, 48, True),))
    assert main(["bench", "files", "--rounds", "1", "--threads", "2", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["files"], record["width"], record["threads"]) == (3, 64, 2)
    assert record["seconds"].keys() - {files.VIPS} == {files.OURS, files.SCRIPT}
    assert record["ratio"][files.SCRIPT] == pytest.approx(
        record["seconds"][files.SCRIPT] / record["seconds"][files.OURS]
    )
    assert main(["bench", "files", "--rounds", "1"]) == 0
    assert "times as fast" in capsys.readouterr().out


# --- transposed convolution ---


def test_transposed_compares_and_times_every_method(capsys):
    assert main(["bench", "transposed", "--kind", "gans", "--rounds", "1", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 13
    for row in rows:
        assert not row["error"]
        assert {"segregated", "scatter", "gemm", "zero_insert"} <= set(row["ms"])
        assert min(row["ms"].values()) > 0
        assert row["choice"] in row["ms"]
        assert row["workspace"]["gemm"] > 0


def test_transposed_tells_what_differs(monkeypatch, capsys):
    from imgfilt.bench import transposed

    made = iter(range(1000))

    def wrong(*args, **options):
        return np.full((1, 1, 512, 512), next(made), np.float32)

    monkeypatch.setattr(transposed, "IMAGES", transposed.IMAGES[:1])
    monkeypatch.setattr(transposed, "_TOLERANCE", 0.0)
    monkeypatch.setattr(transposed, "_ours", wrong)
    assert main(["bench", "transposed", "--kind", "images", "--rounds", "1"]) == 1
    assert "differs by" in capsys.readouterr().out


def test_transposed_table_is_complete():
    from imgfilt.bench import transposed

    sides = dict.fromkeys(transposed.SIDES, 2.0) | {"segregated": 1.0, "zero_insert": 8.0}
    row = transposed.Row(
        "one", "image", 1, "scatter", "2", sides, dict.fromkeys(sides, 4096), dict.fromkeys(sides, 1)
    )
    line = transposed.table([row])[1]
    assert len(line) == len(transposed.HEADER)
    assert line[6:9] == ("8.00", "2.00", "scatter")
    assert dict(transposed.means([row]))["planner's choice, the fastest: all"] == 0.5


# --- the planner's choices ---


def test_planner_times_every_backend_of_a_problem(capsys):
    assert main(["bench", "planner", "--quick", "--count", "6", "--seed", "3", "--json"]) == 0
    *rows, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 6
    for row in rows:
        assert set(row["ms"]) == set(row["predicted"])
        assert not set(row["ms"]) & set(row["skipped"])
        assert row["predicted"][row["choice"]] == min(row["predicted"].values())
        assert row["ratio"] == row["ms"][row["choice"]] / min(row["ms"].values()) >= 1
    assert last["summary"]["problems"] == 6
    assert last["summary"]["worst"] == max(row["ratio"] for row in rows)


def test_planner_problems_cover_what_is_promised():
    from imgfilt.bench import planner_sweep

    made = planner_sweep.problems(200, seed=0)
    assert {p.kind for p in made} == {"random", "gaussian", "gabor", "low rank", "box-like", "sparse"}
    assert {(p.kind, p.dtype) for p in made} == {
        (p.kind, d) for p in made for d in ("uint8", "uint16", "float32")
    }
    assert {p.shape[2] for p in made} == {1, 2, 3, 4}
    sizes = [max(p.weights.shape) for p in made]
    assert (min(sizes), max(sizes)) == (3, 63)
    pixels = [p.shape[0] * p.shape[1] for p in made]
    assert min(pixels) > 0.99 * 256**2
    assert 7e6 < max(pixels) < 8.01e6


def test_planner_compares_before_it_times(monkeypatch, capsys):
    from imgfilt.bench import planner_sweep

    def skewed(self, image, out, cval, threads):
        out[...] = ["separable", "box", "low_rank", "direct", "multirate", "fft", "im2col"].index(
            self.plan.backend
        )
        return out

    monkeypatch.setattr(planner_sweep.Executable, "run", skewed)
    assert main(["bench", "planner", "--quick", "--count", "2", "--worst", "1"]) == 1
    printed = capsys.readouterr().out
    assert "differs by" in printed
    assert "nothing was timed" in printed


def test_planner_puts_the_worst_first():
    from imgfilt.bench import planner_sweep

    predicted = {"direct": 1.0, "fft": 2.0}
    rows = [
        planner_sweep.Row("good", 1, "direct", predicted, {"direct": 3.0, "fft": 4.0}),
        planner_sweep.Row("bad", 1, "direct", predicted, {"direct": 6.0, "fft": 4.0}, ("im2col",)),
        planner_sweep.Row("failed", 1, error="fft differs"),
    ]
    _, failed, worst = planner_sweep.table(rows, 1)
    assert (failed[0], failed[-1]) == ("failed", "fft differs")
    assert worst == ("bad", "direct", "6.00", "1.00", "fft", "4.00", "2.00", "1.50")
    found = planner_sweep.summary(rows)
    assert (found["problems"], found["errors"], found["skipped"], found["alone"]) == (2, 1, 1, 0)
    assert (found["average"], found["worst"], found["within_a_tenth"]) == (1.25, 1.5, 1)
