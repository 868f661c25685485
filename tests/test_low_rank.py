"""Sums of separable terms: which kernels get them, how many terms, and that the stated bound holds."""

import numpy as np
import oracle
import pytest
from cases import INPUTS, VIEWS, check, noise

import imgfilt
from imgfilt.graph import Combine, Convolve, Magnitude, Round, Sharpen, Source, slack
from imgfilt.kernel import Kernel

SHAPES = [(1, 1), (1, 40), (40, 1), (5, 6), (23, 37), (41, 130, 3)]


def of_rank(rank, size, seed=0, fading=1.0):
    """A kernel of `rank` terms of falling size, its absolute weights summing to 1."""
    rng = np.random.default_rng([seed, rank, *size])
    terms = [np.outer(rng.normal(size=size[0]), rng.normal(size=size[1])) * fading**i for i in range(rank)]
    w = sum(terms)
    return w / np.abs(w).sum()


def terms_used(weights, dtype, **how):
    p = imgfilt.plan(weights, (50, 60), dtype, backend="low_rank", **how)
    (last,) = [op for op in p.steps[0].ops if op.kind == "taps" and len(op.inputs) > 1] or [None]
    return len(last.inputs) if last else 1


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("dtype", oracle.DTYPES)
@pytest.mark.parametrize("rank", [2, 3])
def test_equals_the_oracle(rank, dtype, border):
    how = {"border": border, "cval": 7 if border == "constant" else 0, "anchor": (4, 9)}
    weights = of_rank(rank, (13, 17))
    for shape in SHAPES:
        for name, make in INPUTS.items():
            image = make(shape, dtype)
            got = imgfilt.correlate(image, weights, backend="low_rank", **how)
            check(got, image, weights, context=(shape, name), **how)


@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_any_strides(dtype):
    weights = of_rank(2, (9, 11))
    for view in VIEWS.values():
        image = view(noise((30, 33, 3), dtype))
        check(imgfilt.correlate(image, weights, backend="low_rank"), image, weights)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("fading", [1.0, 0.2, 0.03])
def test_the_error_stays_within_the_bound_of_the_plan(dtype, fading):
    """On the image that makes the most of each weight's error: the discarded part's own signs."""
    weights = of_rank(6, (21, 21), fading=fading)
    out = "float64" if dtype == "float64" else "float32"
    if dtype.startswith("u"):
        p = imgfilt.plan(weights, (64, 64), dtype, backend="low_rank")
        assert p.bound < 0.5
    u, s, vt = np.linalg.svd(weights)
    rank = terms_used(weights, dtype)
    left_out = weights - (u[:, :rank] * s[:rank]) @ vt[:rank]
    top = 1.0 if dtype.startswith("f") else float(np.iinfo(dtype).max)
    image = np.zeros((64, 64), dtype)
    image[20:41, 20:41] = np.where(left_out > 0, top, 0)
    got = imgfilt.correlate(image, weights, backend="low_rank", dtype=out)
    bound = imgfilt.plan(weights, (64, 64), dtype, backend="low_rank", out_dtype=out).bound
    worst = np.abs(got - oracle.response(image, weights)).max()
    assert worst <= bound + np.spacing(np.float32(top))
    if dtype.startswith("u"):
        check(imgfilt.correlate(image, weights, backend="low_rank"), image, weights)


def test_as_few_terms_as_the_pixels_allow():
    weights = of_rank(6, (15, 15), fading=0.05)
    used = {dtype: terms_used(weights, dtype) for dtype in ("uint8", "uint16", "float32", "float64")}
    assert used["uint8"] < used["uint16"] < used["float32"] <= used["float64"] <= 6
    assert terms_used(weights, "uint8", out_dtype="float32") == used["float32"]
    assert terms_used(weights * 50, "uint8") > used["uint8"]
    # floats may be of any size, whatever is made of them
    assert terms_used(weights, "float32", out_dtype="uint8") == used["float32"]


def test_refuses_what_would_lose_by_it():
    def reason(weights, dtype="uint8"):
        with pytest.raises(ValueError, match="backend='low_rank' cannot do") as error:
            imgfilt.correlate(noise((9, 9), dtype), weights, backend="low_rank")
        return str(error.value)

    rng = np.random.default_rng(1)
    assert "exact" in reason(rng.integers(-9, 10, (7, 7)))
    assert "rank 1" in reason(np.outer(rng.normal(size=5), rng.normal(size=5)))
    assert "single row" in reason(rng.normal(size=(1, 9)))
    assert "all weights" in reason(rng.normal(size=(9, 9)))


def test_the_planner_takes_it_where_it_is_fastest():
    assert imgfilt.plan(of_rank(2, (15, 15)), (1080, 1920)).backend == "low_rank"
    assert imgfilt.plan("gabor sigma=6 theta=0", (1080, 1920), "float32").backend != "low_rank"


def test_slack_is_half_a_step_of_the_pixels():
    one, two = (Convolve(Source(), Kernel.of([[1.0, k]])) for k in (1, 2))
    assert slack(Round(one, "uint8"), one) == 0.5
    assert slack(Round(Combine((one,), (-4.0,), 9.0), "uint16"), one) == 0.125
    assert slack(Round(one, "float32"), one) == 0.0
    assert slack(Round(Magnitude((one, two), 2.0), "uint8"), one) == 0.125
    assert slack(Round(Sharpen(Source(), one, 2.0), "uint8"), one) == 0.25
    assert slack(Round(Sharpen(Source(), one, 2.0, 3.0), "uint8"), one) == 0.0
    inner = Round(one, "uint8")
    after = Convolve(inner, Kernel.of([[1.0, -1.0]]))
    assert slack(Round(after, "float32"), one) == 0.5
    assert slack(Round(after, "float32"), after) == 0.0
    assert slack(Round(Convolve(one, Kernel.of([[1.0, -3.0]])), "uint8"), one) == 0.5 / 4 / 2
