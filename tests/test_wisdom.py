"""`effort="measure"`: the fastest of the timed ones is taken, remembered, exported and imported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import noise

import imgfilt
from imgfilt import timing, wisdom
from imgfilt.backend import names

KERNEL = np.random.default_rng(3).normal(size=(15, 15))
SHAPE = (60, 80, 3)


@pytest.fixture(autouse=True)
def _no_wisdom() -> Iterator[None]:
    imgfilt.forget_wisdom()
    yield
    imgfilt.forget_wisdom()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The backends of each time that the stopwatch ran, which makes the last one asked for the fastest."""
    asked: list[tuple[str, ...]] = []

    def measure(_: Any, backends: tuple[str, ...], __: int) -> dict[str, float]:
        asked.append(tuple(backends))
        return {name: 1.0 / (1 + i) for i, name in enumerate(backends)}

    monkeypatch.setattr(timing, "measure", measure)
    return asked


def plan(**keywords: Any) -> Any:
    return imgfilt.plan(KERNEL, shape=SHAPE, **{"dtype": "uint8", "effort": "measure", **keywords})


def test_the_fastest_measured_is_taken_and_shown(watch: list[tuple[str, ...]]) -> None:
    kernel = np.outer([1, 2, 1], [1, 2, 1])
    estimated = imgfilt.plan(kernel, shape=SHAPE)
    measured = imgfilt.plan(kernel, shape=SHAPE, effort="measure", threads=2)
    (leading,) = watch
    assert estimated.backend == leading[0] != leading[-1] == measured.backend
    assert not estimated.choices[0].timed
    assert measured.choices[0].timed
    assert f"measured to be {len(leading) / (len(leading) - 1):.1f} times as fast" in str(measured)
    assert "(on one thread, on 2)" in str(measured)
    (told,) = measured.to_dict()["convolutions"]
    assert told["measured"]
    assert told["candidates"][0] == {
        "backend": leading[-1],
        "predicted_ms": told["candidates"][0]["predicted_ms"],
        "measured_ms": 1e3 / len(leading),
        "arithmetic": told["arithmetic"],
    }
    assert "measured" not in str(estimated)


def test_only_the_leading_are_timed(watch: list[tuple[str, ...]]) -> None:
    for k in (3, 9, 15, 31, 63):
        imgfilt.plan(np.random.default_rng(k).normal(size=(k, k)), shape=(2000, 3000), effort="measure")
        candidates = imgfilt.plan(
            np.random.default_rng(k).normal(size=(k, k)), shape=(2000, 3000)
        ).choices[0].candidates  # fmt: skip
        priced = [(c.backend, c.seconds) for c in candidates if c.seconds is not None]
        assert watch[-1] == tuple(n for n, s in priced if s <= 3 * priced[0][1])[:4]


def test_an_array_backend_that_wins_is_run(watch: list[tuple[str, ...]]) -> None:
    """The choice between whole-array and row backends is made once; what runs is what the plan says."""
    kernel = np.random.default_rng(5).normal(size=(31, 31))
    image = noise((300, 300), "float32")
    measured = imgfilt.plan(kernel, shape=image.shape, dtype="float32", effort="measure")
    assert measured.backend == watch[-1][-1]
    got = imgfilt.correlate(image, kernel, effort="measure")
    np.testing.assert_array_equal(got, imgfilt.correlate(image, kernel, backend=measured.backend))


def test_it_is_timed_once_for_a_problem_and_number_of_threads(watch: list[tuple[str, ...]]) -> None:
    image = noise(SHAPE, "uint8")
    plan(threads=1)
    plan(threads=1)
    imgfilt.correlate(image, KERNEL, effort="measure", threads=1)
    imgfilt.correlate(image, KERNEL, effort="measure", threads=1)
    assert len(watch) == 1
    imgfilt.correlate(image, KERNEL, effort="measure", threads=2)
    assert len(watch) == 2
    plan(dtype="float32", threads=1)
    plan(border="wrap", threads=1)
    assert len(watch) == 4
    imgfilt.forget_wisdom()
    imgfilt.correlate(image, KERNEL, effort="measure", threads=1)
    assert len(watch) == 5


def test_estimates_know_nothing_of_it(watch: list[tuple[str, ...]]) -> None:
    kernel = np.outer([1, 2, 1], [1, 2, 1])
    before = imgfilt.plan(kernel, shape=SHAPE)
    assert imgfilt.plan(kernel, shape=SHAPE, effort="measure").backend != before.backend
    assert imgfilt.plan(kernel, shape=SHAPE) == before
    assert len(watch) == 1


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("stride", [1, (2, 3)])
def test_every_candidate_can_be_timed(dtype: str, stride: Any) -> None:
    """For real: each backend that takes the problem gets a time."""
    for kernel in (KERNEL[:5, :4], np.ones((5, 5)), np.outer([1, 2, 1], [1.5, 2, 3])):
        made = imgfilt.plan(
            kernel, shape=(70, 50, 2), dtype=dtype, effort="measure", stride=stride, threads=2
        )
        problem_of = [c for c in made.choices[0].candidates if c.measured is not None]
        assert problem_of
        assert all(c.measured > 0 for c in problem_of if c.measured is not None)
        assert made.backend == problem_of[0].backend in names()


def test_filters_inside_a_pass_and_lines_of_wide_integers_can_be_timed() -> None:
    image = noise((50, 60, 3), "uint8")
    for chain in ("sobel", "gaussian sigma=2 | sharpen", "emboss | box size=5"):
        np.testing.assert_array_equal(
            imgfilt.apply(chain, image, effort="measure"), imgfilt.apply(chain, image)
        )
    assert wisdom._known


def test_lines_of_int32_can_be_timed() -> None:
    from imgfilt.kernel import Kernel
    from imgfilt.problem import Problem

    problem = Problem(Kernel.of([[1, 2, 1]]), 30, 40, 1, "int32", -1e6, 1e6, "reflect101", False, 0.5)
    assert set(timing.timings(problem, ("direct", "separable"), 1)) == {"direct", "separable"}


def test_large_images_are_timed_on_their_first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_LARGEST", 80 * 100)
    seen = []
    made_up = timing._made_up
    monkeypatch.setattr(timing, "_made_up", lambda p: seen.append(p.height) or made_up(p))
    imgfilt.plan(np.ones((3, 1)), shape=(10_000, 80), effort="measure")
    assert seen == [100]


def test_the_round_trip(watch: list[tuple[str, ...]], tmp_path: Path) -> None:
    path = tmp_path / "wisdom.json"
    first = plan(threads=1)
    assert imgfilt.export_wisdom(path) == 1
    assert list(tmp_path.iterdir()) == [path]
    imgfilt.forget_wisdom()
    assert imgfilt.import_wisdom(path) == 1
    assert plan(threads=1) == first
    assert len(watch) == 1
    again = tmp_path / "again.json"
    imgfilt.export_wisdom(again)
    assert again.read_text() == path.read_text()


def test_wisdom_of_others_is_kept_and_never_used(watch: list[tuple[str, ...]], tmp_path: Path) -> None:
    path = tmp_path / "wisdom.json"
    plan(threads=1)
    imgfilt.export_wisdom(path)
    content = json.loads(path.read_text())
    content["entries"].append(content["entries"][0] | {"cpu": "Z80"})
    path.write_text(json.dumps(content))
    imgfilt.forget_wisdom()
    assert imgfilt.import_wisdom(path) == 1
    assert imgfilt.export_wisdom(path) == 2
    content["entries"] = content["entries"][1:]
    path.write_text(json.dumps(content))
    with pytest.raises(wisdom.WisdomError, match=r"no times of this machine.*Z80"):
        imgfilt.import_wisdom(path)


ENTRY = {"imgfilt": "0", "cpu": "c", "isa": "v3", "threads": 1, "problem": "p", "seconds": {"direct": 1.0}}
WHOLE = {"format": wisdom.FORMAT, "version": wisdom.VERSION, "entries": [ENTRY]}


@pytest.mark.parametrize(
    "text",
    [
        "", "\x00\xff", "[1, 2]", "{}", "[" * 100_000, json.dumps(WHOLE)[:-20],
        json.dumps(WHOLE | {"version": 99}), json.dumps(WHOLE | {"entries": {}}),
        *(json.dumps(WHOLE | {"entries": [ENTRY | changed]}) for changed in (
            {"threads": True}, {"threads": 0}, {"cpu": 1}, {"seconds": []}, {"seconds": {"direct": "1"}},
            {"seconds": {"direct": -1.0}}, {"seconds": {"direct": float("nan")}}, {"more": 1})),
        json.dumps(WHOLE | {"entries": [7]}),
    ],
    ids=lambda text: text[:12] + text[-40:],
)  # fmt: skip
def test_damaged_files_are_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wisdom.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(wisdom.WisdomError, match=r"wisdom\.json' is (no wisdom|wisdom of|damaged)") as caught:
        imgfilt.import_wisdom(path)
    assert "\n" not in str(caught.value)
    assert not wisdom._known


def test_wrong_effort_is_refused() -> None:
    image = noise((9, 9), "uint8")
    with pytest.raises(ValueError, match="effort must be one of estimate, measure, got 'patient'"):
        imgfilt.gaussian(image, effort="patient")
    with pytest.raises(ValueError, match="leave backend at 'auto', got 'direct'"):
        imgfilt.gaussian(image, effort="measure", backend="direct")
    with pytest.raises(FileNotFoundError):
        imgfilt.import_wisdom("none.json")
