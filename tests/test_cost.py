"""The cost model: how predictions grow with taps, tiles and threads, and what is chosen by them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgfilt
from imgfilt import cost
from imgfilt.bench import planner_sweep
from imgfilt.plans import Plan
from imgfilt.rows import RowOp, Tap

THREADS = st.integers(1, 64)


@pytest.fixture
def _avx512(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine that the constants were fitted to, whichever this one is."""
    monkeypatch.setattr(cost, "isa", lambda: "v4")
    cost.assume(cost.Constants())
    yield
    cost.assume(None)


@given(st.floats(1e-7, 10), st.floats(1, 2), THREADS)
def test_more_work_takes_no_less_time_and_threads_help(seconds: float, more: float, threads: int) -> None:
    found = cost.on_threads(seconds, threads)
    assert seconds / threads <= found <= seconds * (1 if threads == 1 else 1.1)
    assert found <= cost.on_threads(seconds * more, threads)
    assert cost.on_threads(seconds, 1) == seconds


@given(st.floats(1e-5, 1), st.integers(1, 100), THREADS)
def test_tiles_are_whole(seconds: float, count: int, threads: int) -> None:
    found = cost.of_tiles(seconds, count, threads)
    assert found >= seconds * -(-count // threads)
    assert cost.of_tiles(seconds, 1, threads) == seconds  # there is nothing to share
    assert cost.of_tiles(seconds, count, 1) == seconds * count
    assert cost.of_tiles(seconds, 4, 2) == cost.of_tiles(seconds, 3, 2)


def ops_for(*taps: Tap, inputs: int = 1, dtype: str = "float32") -> list[RowOp]:
    source = [RowOp("source", dtype, 1) for _ in range(inputs)]
    return [*source, RowOp("taps", dtype, 1, tuple(range(inputs)), taps=taps)]


def last(ops: list[RowOp]) -> float:
    return cost.of_op(ops[-1], ops, 1000.0)


@pytest.mark.usefixtures("_avx512")
def test_taps_of_a_row_share_what_is_fetched() -> None:
    along = last(ops_for(*(Tap(i, 0, x, 1.5) for i in range(3) for x in range(15)), inputs=3))
    apart = last(ops_for(*(Tap(0, y, y % 7, 1.5) for y in range(45))))
    assert 1.5 * along < apart
    longer = last(ops_for(*(Tap(i, 0, x, 1.5) for i in range(3) for x in range(30)), inputs=3))
    assert along < longer < 2 * along


def plan(kind: str, size: int, shape: tuple[int, ...], dtype: str, threads: int) -> Plan:
    rng = np.random.default_rng(7)
    weights = rng.normal(size=(size, size))
    if kind == "low rank":
        weights = rng.normal(size=(size, 3)) @ rng.normal(size=(3, size))
    return imgfilt.plan(weights / np.abs(weights).sum(), shape, dtype, threads=threads)


@pytest.mark.usefixtures("_avx512")
@pytest.mark.parametrize(("kind", "size", "shape", "dtype", "threads", "fastest"), [
    ("low rank", 45, (1651, 2477, 2), "uint8", 1, "fft"),
    ("low rank", 59, (1094, 1641, 4), "uint8", 2, "fft"),
    ("low rank", 19, (678, 904, 4), "float32", 1, "low_rank"),
    ("random", 33, (293, 521, 1), "uint8", 1, "fft"),
    ("random", 33, (293, 521, 1), "uint8", 2, "fft"),
    ("random", 15, (700, 900, 1), "uint8", 1, "fft"),
    ("random", 9, (700, 900, 1), "uint8", 1, "direct"),
    ("random", 21, (500, 500, 3), "uint16", 1, "fft"),
    ("random", 11, (500, 500, 3), "float32", 1, "direct"),
    ("random", 63, (2024, 3036, 1), "uint8", 2, "fft"),
    ("random", 7, (450, 799, 4), "float32", 2, "direct"),
])  # fmt: skip
def test_what_was_measured_to_be_fastest_is_chosen(
    kind: str, size: int, shape: tuple[int, ...], dtype: str, threads: int, fastest: str
) -> None:
    assert plan(kind, size, shape, dtype, threads).choices[0].backend == fastest


@pytest.mark.parametrize("size", [3, 15, 25, 29, 33, 37, 45])
def test_the_number_of_threads_chooses_no_backend(size: int) -> None:
    """Reals differ in their last bits from backend to backend, and may not from one number of threads to another."""
    for shape in ((100, 120, 1), (300, 500, 1), (450, 450, 2), (1000, 1500, 3)):
        for kind in ("random", "gabor", "gaussian"):
            found = {
                plan(kind, size, shape, "float32", threads).choices[0].backend
                for threads in (1, 2, 5, 16, 200)
            }
            assert len(found) == 1, (shape, kind, found)


@pytest.mark.usefixtures("_avx512")
def test_predictions_are_for_the_plan_s_threads() -> None:
    one, two = (plan("random", 31, (1000, 1500, 1), "uint16", threads) for threads in (1, 2))
    priced = [{c.backend: c.seconds for c in p.choices[0].candidates if c.seconds} for p in (one, two)]
    gains = {name: priced[0][name] / priced[1][name] for name in priced[0]}
    assert 1.7 < gains["direct"] < 2
    assert 1.7 < gains["fft"] < 2
    assert gains["im2col"] == 1
    for found, seconds in ((one, priced[0]), (two, priced[1])):
        assert found.seconds > min(seconds.values())  # it is rounded to pixels, too


@pytest.mark.usefixtures("_avx512")
def test_sums_over_a_thousand_taps_cost_what_shorter_ones_do() -> None:
    """Whether or not their taps are listed."""
    rng = np.random.default_rng(1)
    for make in (lambda n: rng.normal(size=(n, n)), lambda n: rng.choice([-2.0, -1.0, 1.0, 2.0], (n, n))):
        each = []
        for size in (31, 33):
            found = imgfilt.plan(make(size), (500, 600), "uint8", threads=1, backend="direct")
            each.append(found.choices[0].candidates)
        small, large = (next(c.seconds or 0 for c in cs if c.backend == "direct") for cs in each)
        assert large / small == pytest.approx((33 / 31) ** 2, rel=0.05)


def test_the_sweep_leaves_out_what_is_far_behind_on_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner_sweep, "_LONG", 0.0)  # all of it takes long, then
    problem = planner_sweep.problems(1, seed=5, largest=80_000)
    for threads in (1, 2):
        (row,) = planner_sweep.run(problem, threads)
        assert not row.error
        least = row.predicted[row.choice]
        assert all(ms <= 5.2 * least for ms in row.predicted.values())
