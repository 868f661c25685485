"""Folders: what is taken, where it goes, what is left out, and what is refused before anything runs."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgfilt
from imgfilt.batch import budget, depth, journal
from imgfilt.batch.errors import StoppedError, WrongUsageError
from imgfilt.batch.executors import EXECUTORS, Perform, on_threads
from imgfilt.batch.results import Result
from imgfilt.batch.sources import Selection, Source, expand
from imgfilt.batch.stop import Stop
from imgfilt.batch.targets import Job, Naming, jobs
from imgfilt.cli import main
from imgfilt.cli.messages import shown
from imgfilt.io import Info, Picture, read, write


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        return {record["input"]: record for record in map(json.loads, self.out.splitlines())}


Run = Callable[..., Answer]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("IMGFILT_DEBUG", raising=False)

    def run(*words: object) -> Answer:
        code = main([str(word) for word in words])
        return Answer(code, *capfd.readouterr())

    return run


def picture(seed: int, shape: tuple[int, ...] = (24, 32, 3), dtype: str = "uint8") -> Picture:
    values = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)
    return Picture(values)


TREE = ("a.jpg", "b.PNG", "sub/a.jpg", "sub/deep/c.tif", "sub/notes.txt", ".hidden/d.jpg", "raw")


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `photos` in the working folder."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(TREE):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("words")
        else:
            write(path, picture(seed), kind="" if path.suffix else "png")
    return tmp_path / "photos"


def tree(folder: str | Path) -> list[str]:
    """Files below a folder but the journal."""
    found = [
        os.path.relpath(os.path.join(top, name), folder)
        for top, _, names in os.walk(folder)
        for name in names
    ]
    return sorted(name for name in found if os.path.basename(name) != journal.NAME)


# --- sources ------------------------------------------------------------------------------------------------


def taken(*words: str, **how: Any) -> list[str]:
    return [source.inside for source in expand(words, Selection(**how)).sources]


def test_a_folder_is_taken_with_its_folders(photos: Path) -> None:
    assert taken("photos") == ["a.jpg", "b.PNG", "sub/a.jpg", "sub/deep/c.tif"]
    assert expand(["photos"], Selection()).ignored == 3
    assert taken("photos", recursive=False) == ["a.jpg", "b.PNG"]
    assert taken("photos", globs=["*.jpg"]) == ["a.jpg", "sub/a.jpg"]
    assert taken("photos", globs=["*.png", "raw"]) == ["b.PNG", "raw"]
    assert taken("photos", globs=["sub/*"]) == ["sub/a.jpg", "sub/notes.txt", "sub/deep/c.tif"]
    assert taken("photos", excludes=["deep", "b.*"]) == ["a.jpg", "sub/a.jpg"]
    assert taken("photos", avoid="photos/sub") == ["a.jpg", "b.PNG"]
    assert taken("photos/a.jpg", "-", "none.jpg") == ["a.jpg", "-", "none.jpg"]


@pytest.mark.parametrize("between", ["\n", "\r\n", "\0"])
def test_lists(photos: Path, between: str) -> None:
    names = ["photos/a.jpg", "photos/sub/a.jpg", str(photos / "b.PNG"), "../x/y.jpg", "photos/sub/deep"]
    Path("list.txt").write_text(between.join(names) + between, newline="")
    want = ["photos/a.jpg", "photos/sub/a.jpg", "b.PNG", "y.jpg", "c.tif"]
    assert taken("@list.txt") == want
    if between == "\0":
        Path("list.txt").write_text("a\nb.jpg\0c.jpg")
        assert [source.path for source in expand(["@list.txt"], Selection()).sources] == ["a\nb.jpg", "c.jpg"]


def test_a_list_that_is_missing(cli: Run, photos: Path) -> None:
    answer = cli("sobel", "@none.txt")
    assert answer.code == 2
    assert "'none.txt'" in answer.err
    assert cli("sobel", "--from-file", "none.txt").code == 2


def test_links(photos: Path) -> None:
    (photos / "loop").symlink_to(photos)
    (photos / "sub/up").symlink_to("..")
    (photos / "self.jpg").symlink_to("self.jpg")
    (photos / "elsewhere").symlink_to(photos / "sub/deep")
    (photos / "z.jpg").symlink_to("a.jpg")
    (photos / "gone.jpg").symlink_to("nothing")
    found = expand(["photos"], Selection())
    assert [source.inside for source in found.sources] == [
        "a.jpg", "b.PNG", "gone.jpg", "z.jpg", "sub/a.jpg", "sub/deep/c.tif"
    ]  # fmt: skip
    assert [(path, error.code) for path, error in found.problems] == [
        ("photos/loop", "symlink-loop"), ("photos/self.jpg", "symlink-loop"), ("photos/sub/up", "symlink-loop")
    ]  # fmt: skip


# --- targets ------------------------------------------------------------------------------------------------


def targets(*names: str, **how: Any) -> list[str]:
    naming = Naming("sobel", **how)
    return [job.target for job in jobs([Source(f"in/{name}", name, found=True) for name in names], naming)]


def test_names_of_results() -> None:
    assert targets("a.jpg", "b/c.PNG") == ["in/a.sobel.jpg", "in/b/c.sobel.PNG"]
    assert targets("a.jpg", "b/c.PNG", output="out", folder=True) == ["out/a.jpg", "out/b/c.PNG"]
    assert targets("a.jpg", "b/c.heic", format="png") == ["in/a.sobel.png", "in/b/c.sobel.png"]
    assert targets("a.jpeg", format="jpeg") == ["in/a.sobel.jpeg"]
    assert targets("a.jpg", "b/c.png", name="{filter}/{stem}-x{ext}") == [
        "in/sobel/a-x.jpg",
        "in/b/sobel/c-x.png",
    ]
    assert targets("a.jpg", in_place=True) == ["in/a.jpg"]


def test_results_of_an_earlier_run_are_no_inputs() -> None:
    assert targets("a.jpg", "a.sobel.jpg", "b.sobel.jpg") == ["in/a.sobel.jpg", "in/b.sobel.sobel.jpg"]


@pytest.mark.parametrize(
    ("names", "how", "said"),
    [
        (("a.jpg", "a.png"), {"format": "png"}, "'in/a.jpg' and 'in/a.png'"),
        (("a.jpg", "a.png"), {"name": "{stem}.png"}, "'in/a.png' is an input"),
        (("a.jpg",), {"output": "in", "folder": True}, "'in/a.jpg' is an input"),
    ],
)
def test_clashes(names: tuple[str, ...], how: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongUsageError, match=said):
        targets(*names, **how)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--name", "{stem"], "'{stem'"),
        (["--name", "{steam}.jpg"], "'{steam}.jpg'"),
        (["--name", "same.jpg"], "'same.jpg'"),
        (["--format", "doc"], "'doc'"),
        (["--bits", "12"], "'12'"),
        (["--in-place", "--format", "png"], "--format"),
        (["--in-place", "--skip-existing"], "--resume"),
        (["--max-memory", "2X"], "'2X'"),
        (["--max-memory", "1K"], "'1K'"),
        (["--jobs", "0"], "0"),
        (["--executor", "cluster"], "'cluster'"),
        (["-o", "out.jpg"], "'out.jpg'"),
        (["-o", "-"], "'photos' may be many"),
        (["-o", "photos"], "is an input"),
        (["photos/sub/../a.jpg", "photos/sub/a.jpg", "-o", "out"], "'out/a.jpg'"),
        (["--watch", "--dry-run"], "--dry-run"),
    ],
)
def test_refused_before_anything_runs(cli: Run, photos: Path, words: list[str], said: str) -> None:
    before = tree(".")
    answer = cli("sobel", "photos", *words)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
    assert tree(".") == before


# --- runs ---------------------------------------------------------------------------------------------------


def test_a_folder(cli: Run, photos: Path) -> None:
    answer = cli("sobel", "photos", "-o", "edges/new", "--json")
    assert answer.code == 0, answer.err
    assert tree("edges/new") == ["a.jpg", "b.PNG", "sub/a.jpg", "sub/deep/c.tif"]
    want = imgfilt.sobel(read("photos/sub/deep/c.tif").array)
    np.testing.assert_array_equal(read("edges/new/sub/deep/c.tif").array, want)
    record = answer.records["photos/b.PNG"]
    assert {name: record[name] for name in ("output", "filter", "width", "height", "channels", "frames")} == {
        "output": "edges/new/b.PNG", "filter": "sobel", "width": 32, "height": 24, "channels": 1, "frames": 1
    }  # fmt: skip
    assert record["bytes_out"] == os.path.getsize("edges/new/b.PNG")
    assert all(record[f"{stage}_ms"] > 0 for stage in ("decode", "filter", "encode"))
    assert answer.err.startswith("imgfilt: 4 of 4 files done; 0.0 megapixels in ")


def test_beside_the_inputs(cli: Run, photos: Path) -> None:
    assert cli("sobel", "photos", "-q").err == ""
    first = tree("photos")
    assert {"a.sobel.jpg", "b.sobel.PNG", "sub/deep/c.sobel.tif"} < set(first)
    assert cli("sobel", "photos").code == 0
    assert tree("photos") == first


def test_an_output_folder_inside_the_input(cli: Run, photos: Path) -> None:
    for _ in range(2):
        assert cli("sobel", "photos", "-o", "photos/edges").code == 0
    assert tree("photos/edges") == ["a.jpg", "b.PNG", "sub/a.jpg", "sub/deep/c.tif"]


def test_a_dry_run(cli: Run, photos: Path) -> None:
    before = tree(".")
    answer = cli("gaussian", "photos", "-o", "out", "--format", "png", "--dry-run")
    assert answer.code == 0
    assert answer.out.splitlines()[0] == "photos/a.jpg -> out/a.png"
    assert len(answer.out.splitlines()) == 4
    assert cli("gaussian", "photos", "-o", "out", "--dry-run", "--json").records["photos/a.jpg"] == {
        "input": "photos/a.jpg", "status": "planned", "filter": "gaussian", "output": "out/a.jpg"
    }  # fmt: skip
    assert tree(".") == before
    assert not os.path.exists("out")


def test_no_pictures(cli: Run, photos: Path) -> None:
    answer = cli("sobel", "photos", "--glob", "*.gif")
    assert answer.code == 0
    assert "no pictures in photos" in answer.err


def test_standard_input_into_a_folder(cli: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open("photos/b.PNG", "rb") as file:
        monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": file}))
        assert cli("sobel", "-", "photos/a.jpg", "-o", "out/").code == 0
    assert tree("out") == ["a.jpg", "stdin.png"]


def test_fail_fast(cli: Run, photos: Path) -> None:
    (photos / "0.jpg").write_text("words")
    answer = cli("sobel", "photos", "-o", "out", "--fail-fast", "--jobs", 1)
    assert answer.code == 1
    assert answer.err.splitlines() == [
        "imgfilt: 'photos/0.jpg' is no picture in a known format [not-an-image]",
        "imgfilt: 0 of 5 files done, 1 failed, 4 not begun or not finished",
    ]
    assert tree("out") == []


def test_names_that_cannot_be_printed(cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkdir("in")
    Path("in/two\nlines.jpg").write_text("words")
    with open(b"in/\xff\xfe.jpg", "wb") as file:
        file.write(b"words")
    answer = cli("sobel", "in", "-o", "out", "--json")
    assert answer.code == 1
    assert len(answer.err.splitlines()) == 3
    assert "'in/two\\nlines.jpg' is no picture" in answer.err
    assert "'in/\\udcff\\udcfe.jpg' is no picture" in answer.err
    assert set(answer.records) == {"in/two\nlines.jpg", "in/\udcff\udcfe.jpg"}
    assert shown("ü.jpg") == "ü.jpg"


# --- formats and depth --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["identity", "gaussian", "sobel", "median", "canny", "unsharp_mask"])
def test_depth_on_request(cli: Run, photos: Path, name: str) -> None:
    write("in.png", picture(1))
    array = read("in.png").array
    assert cli(name, "in.png", "-o", "deep.png", "--bits", 16).code == 0
    assert cli(name, "in.png", "-o", "deep.tif", "--bits", 32).code == 0
    assert cli(name, "deep.png", "-o", "flat.png", "--bits", 8).code == 0
    real = imgfilt.apply_filter(name, array, dtype="float32")
    deep, floats = read("deep.png").array, read("deep.tif").array
    assert (deep.dtype, floats.dtype, read("flat.png").array.dtype) == ("uint16", "float32", "uint8")
    np.testing.assert_array_equal(deep, np.rint(np.clip(real.astype(float) * 257, 0, 65535)))
    np.testing.assert_allclose(floats, real / 255, rtol=1e-6)


def test_depth_that_a_format_does_not_hold(cli: Run, photos: Path) -> None:
    answer = cli("sobel", "photos/a.jpg", "--bits", 16)
    assert (answer.code, "jpeg holds no 16 bits" in answer.err) == (1, True)
    assert "png and tiff" in answer.err


@pytest.mark.parametrize("source", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_white_stays_white(source: str, bits: int) -> None:
    white = 1.0 if source == "float32" else np.iinfo(source).max
    got = depth.convert(np.array([0, white], source), source, bits)
    assert got.dtype == depth.DTYPES[bits]
    assert got.tolist() == [0, 1.0 if bits == 32 else 2**bits - 1]


# --- going on -----------------------------------------------------------------------------------------------


def statuses(answer: Answer) -> dict[str, str]:
    return {os.path.basename(name): record["status"] for name, record in answer.records.items()}


def test_resume(cli: Run, photos: Path) -> None:
    shutil.rmtree(photos / "sub")
    write(photos / "c.png", picture(3))
    go = ("gaussian", "photos", "-o", "out", "--json")
    assert set(statuses(cli(*go, "--resume")).values()) == {"ok"}
    assert set(statuses(cli(*go, "--resume")).values()) == {"skipped"}
    assert set(statuses(cli(*go, "--resume", "--threads", 1, "--jobs", 1)).values()) == {"skipped"}
    write(photos / "c.png", picture(4))
    assert statuses(cli(*go, "--resume")) == {"a.jpg": "skipped", "b.PNG": "skipped", "c.png": "ok"}
    Path("out/a.jpg").write_bytes(b"half")
    os.remove("out/b.PNG")
    assert statuses(cli(*go, "--resume")) == {"a.jpg": "ok", "b.PNG": "ok", "c.png": "skipped"}
    assert set(statuses(cli(*go, "--resume", "--sigma", 3)).values()) == {"ok"}
    assert set(statuses(cli(*go, "--resume")).values()) == {"ok"}, "the parameters changed back"
    assert set(statuses(cli("sobel", *go[1:], "--resume")).values()) == {"ok"}
    assert set(statuses(cli("sobel", *go[1:])).values()) == {"ok"}


def test_resume_in_place_filters_nothing_twice(cli: Run, photos: Path) -> None:
    want = imgfilt.gaussian(read("photos/sub/deep/c.tif").array)
    for _ in range(3):
        assert cli("gaussian", "photos", "--in-place", "--resume").code == 0
    np.testing.assert_array_equal(read("photos/sub/deep/c.tif").array, want)
    write("photos/sub/deep/c.tif", picture(9))
    want = imgfilt.gaussian(picture(9).array)
    assert cli("gaussian", "photos", "--in-place", "--resume").code == 0
    np.testing.assert_array_equal(read("photos/sub/deep/c.tif").array, want)


def test_skip_existing(cli: Run, photos: Path) -> None:
    os.mkdir("out")
    shutil.copy("photos/a.jpg", "out/a.jpg")
    Path("out/b.PNG").touch()
    answer = cli("sobel", "photos", "-o", "out", "--skip-existing", "--json", "--no-recursive")
    assert statuses(answer) == {"a.jpg": "skipped", "b.PNG": "ok"}
    answer = cli("sobel", "photos", "-o", "out", "--skip-existing", "--json", "--no-recursive", "--axis", "x")
    assert statuses(answer) == {"a.jpg": "skipped", "b.PNG": "ok"}, "b was made by another recipe"


def test_a_journal_that_was_cut_off(cli: Run, photos: Path) -> None:
    go = ("sobel", "photos", "-o", "out", "--json", "--resume")
    cli(*go)
    path = Path("out") / journal.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    again = [record["status"] for record in cli(*go).records.values()]
    assert sorted(again) == ["ok", "skipped", "skipped", "skipped"]
    assert set(statuses(cli(*go)).values()) == {"skipped"}


def test_after_a_power_loss_the_content_counts(
    cli: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = ("sobel", "photos", "-o", "out", "--json", "--resume")
    cli(*go)
    status = os.stat("out/b.PNG")
    Path("out/b.PNG").write_bytes(bytes(status.st_size))
    os.utime("out/b.PNG", ns=(status.st_atime_ns, status.st_mtime_ns))
    monkeypatch.setattr(journal, "boot", lambda: "another")
    assert statuses(cli(*go)) == {"a.jpg": "skipped", "b.PNG": "ok", "c.tif": "skipped"}


def test_a_long_journal_is_made_short(tmp_path: Path) -> None:
    line = ["a.jpg", 1, 2, 3, 4, "recipe", 5, "boot"]
    path = tmp_path / journal.NAME
    path.write_text("".join(json.dumps(line) + "\n" for _ in range(400)) + "[1, 2]\nwords\n")
    assert journal.Journal(str(tmp_path), "recipe").knows(str(tmp_path / "a.jpg"))
    assert path.read_text().splitlines() == [json.dumps(line)]


def test_leftovers_of_the_dead_are_removed(cli: Run, photos: Path) -> None:
    os.mkdir("out")
    dead = f".a.jpg.{2**22 + 1}-0.part"
    for name in (dead, f".b.PNG.{os.getppid()}-0.part", "mine.part", ".a.jpg.part"):
        Path("out", name).touch()
    cli("sobel", "photos", "-o", "out", "--resume", "--no-recursive")
    assert tree("out") == [".a.jpg.part", f".b.PNG.{os.getppid()}-0.part", "a.jpg", "b.PNG", "mine.part"]


# --- budget, executors, stop --------------------------------------------------------------------------------


def test_the_thread_budget() -> None:
    shared = budget.Budget(threads=8, memory=100, workers=4, files=5)
    with shared.file() as first:
        assert first.threads == 2
        first.reserve(10)
    with shared.file() as large:
        large.reserve(100)
        assert large.threads == 8, "it is alone"
    for _ in range(2):
        with shared.file():
            pass
    with shared.file() as last:
        assert last.threads == 8


def test_memory_is_waited_for() -> None:
    shared = budget.Budget(threads=2, memory=100, workers=8, files=40)
    lock, used, most = threading.Lock(), 0, 0

    def work(size: int) -> None:
        nonlocal used, most
        with shared.file() as share:
            share.reserve(size)
            with lock:
                used += size
                most = max(most, used if size <= 100 else 0)
                assert used <= 100 or used == size
            time.sleep(0.001)
            with lock:
                used -= size

    errors: list[BaseException] = []

    def several(sizes: Iterable[int]) -> None:
        try:
            for size in sizes:
                work(size)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=several, args=([30, 60, 500, 20, 90],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not errors
    assert not any(thread.is_alive() for thread in threads)
    assert 30 < most <= 100


def test_the_estimate_covers_what_is_used() -> None:
    info = Info((1000, 2000, 3), "uint8", False, "jpeg", "rgb")
    assert budget.estimate(info, 500_000) >= 2 * info.nbytes + 500_000
    assert budget.estimate(info, 0, sample_bytes=4) >= info.nbytes + 4 * info.nbytes


def job(number: int) -> Job:
    return Job(Source(f"{number}", f"{number}"), "out")


def result(of: Job) -> Result:
    return Result(of.source.path, of.target, "test", "ok")


@pytest.mark.parametrize("name", EXECUTORS)
def test_an_executor(name: str) -> None:
    numbers = [job(number) for number in range(50)]
    got = list(EXECUTORS[name](result, numbers, 4))
    assert sorted(got, key=lambda r: int(r.input)) == [result(one) for one in numbers]


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_closed_executor_begins_nothing(name: str) -> None:
    begun: list[Job] = []
    closed = threading.Event()

    def perform(one: Job) -> Result:
        begun.append(one)
        if one.source.path != "0":
            closed.wait(30)
        return result(one)

    results = EXECUTORS[name](perform, [job(number) for number in range(1000)], 2)
    assert isinstance(results, Iterator)
    assert next(results) == result(job(0))
    results.close()  # type: ignore[attr-defined]
    closed.set()
    time.sleep(0.05)  # room for a job that should not begin
    assert len(begun) <= 3  # the first, and one that waits in each worker


def test_errors_of_an_executor() -> None:
    def broken(_: Job) -> Result:
        raise BrokenPipeError

    def stopped(_: Job) -> Result:
        raise StoppedError

    with pytest.raises(BrokenPipeError):
        list(on_threads(broken, [job(1)], 2))
    assert list(on_threads(stopped, [job(1), job(2)], 1)) == []


def test_another_executor_is_one_entry(cli: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def one_by_one(perform: Perform, waiting: Iterable[Job], workers: int) -> Iterator[Result]:
        for one in waiting:
            seen.append(one.source.inside)
            assert pickle.loads(pickle.dumps(one)) == one
            done = perform(one)
            assert pickle.loads(pickle.dumps(done)) == done
            yield done

    monkeypatch.setitem(EXECUTORS, "cluster", one_by_one)
    assert cli("sobel", "photos", "-o", "out", "--executor", "cluster").code == 0
    assert seen == ["a.jpg", "b.PNG", "sub/a.jpg", "sub/deep/c.tif"]


def test_what_is_half_written_disappears(tmp_path: Path) -> None:
    stop, target = Stop(), str(tmp_path / "a.jpg")
    with stop.writing(target) as file:
        file.write(b"whole")
    with pytest.raises(StoppedError), stop.writing(target) as file:  # noqa: PT012
        file.write(b"half")
        stop.abandon()
    with pytest.raises(StoppedError), stop.writing(target):
        pass
    assert os.listdir(tmp_path) == ["a.jpg"]
    assert Path(target).read_bytes() == b"whole"
