"""Every backend against the oracle: dtypes, borders, channels, shapes, views, kernels, limits."""

import itertools

import hypothesis.strategies as st
import numpy as np
import oracle
import pytest
from cases import INPUTS, KERNELS, VIEWS, check, dyadic, may_refuse, noise
from hypothesis import given

import imgfilt

BACKENDS = tuple(imgfilt.backends())
SHAPES = [(1, 1), (1, 9), (9, 1), (2, 3), (17, 33), (40, 70)]


def run(backend, image, weights, **how):
    """The result of `backend`, or None where it refuses what it is free to refuse."""
    try:
        return imgfilt.correlate(image, weights, backend=backend, **how)
    except ValueError as error:
        message = str(error)
    assert may_refuse(backend, weights), f"{backend} must do this, but: {message}"
    assert backend in message
    assert "\n" not in message
    return None


def test_backends_are_the_expected_ones():
    assert {"direct", "separable", "box", "im2col"} <= set(BACKENDS)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_backends(dtype, border, kernel):
    weights, anchor = KERNELS[kernel]
    how = {"border": border, "anchor": anchor, "cval": 3 if border == "constant" else 0}
    shapes = SHAPES if weights.size < 900 else SHAPES[:4]
    inputs = itertools.cycle(INPUTS.items())
    channels = itertools.cycle([None, 1, 2, 3, 4, 5])
    next(itertools.islice(channels, len(dtype) % 6, None))
    cases = [(s, next(inputs), next(channels)) for s in shapes]
    cases += [((23, 19), ("noise", noise), c) for c in (None, 3)]
    for shape, (name, make), c in cases:
        image = make(shape if c is None else (*shape, c), dtype)
        for backend in ("auto", *BACKENDS):
            got = run(backend, image, weights, threads=1, **how)
            if got is not None:
                check(got, image, weights, context=(backend, image.shape, name), **how)


@pytest.mark.parametrize("taps", [3, 4, 7, 8, 9, 12, 16, 17, 31, 33, 40, 66, 131])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint16"])
def test_long_columns_and_rows(dtype, taps):
    """Sums that are made several rows and several vectors at a time, of any number of taps and any anchor."""
    rng = np.random.default_rng(taps)
    long, short = rng.uniform(0.2, 1, taps) / taps, np.array([0.5, 0.25])
    borders = itertools.cycle(oracle.BORDERS)
    for shape in [(31, 70), (8, 45, 3), (9, 150, 4), (13, 7), (60, 37, 2), (5, 300, 5)]:
        image, border = noise(shape, dtype), next(borders)
        for weights in (np.multiply.outer(long, short), np.multiply.outer(short, long)):
            height, width = weights.shape
            for anchor in ((height // 2, width // 2), (height - 1, 0)):
                how = {"border": border, "anchor": anchor}
                got = imgfilt.correlate(image, weights, backend="separable", threads=1, **how)
                check(got, image, weights, context=(shape, border, anchor), **how)


@pytest.mark.parametrize("taps", [4, 5, 7])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("border", oracle.BORDERS)
def test_strips_of_columns(dtype, border, taps):
    """Short columns under rows of sums are made in strips: of wide images many, of which the last may be narrow."""
    column = np.poly1d([1, 1]) ** (taps - 1)
    for shape, width in [((5, 2049), 3), ((9, 711, 3), 9), ((4, 1030, 4), 6)]:
        row = np.poly1d([1, 1]) ** (width - 1)
        weights = np.multiply.outer(column.coeffs, row.coeffs) / 2.0 ** (taps + width - 2)
        image = noise(shape, dtype)
        got = imgfilt.correlate(image, weights, backend="separable", border=border, threads=2)
        check(got, image, weights, context=(shape, width), border=border)


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", oracle.DTYPES)
@pytest.mark.parametrize("view", VIEWS)
def test_views(view, dtype, channels):
    image = VIEWS[view](noise((18, 25) if channels is None else (18, 25, channels), dtype))
    before = image.copy()
    for kernel in ("sobel 3x3", "gauss 5x5, dyadic", "random 7x7", "box 4x5 of ones"):
        weights, anchor = KERNELS[kernel]
        for backend in ("auto", *BACKENDS):
            got = run(backend, image, weights, anchor=anchor)
            if got is not None:
                check(got, image, weights, anchor=anchor, context=(backend, kernel))
    np.testing.assert_array_equal(image, before)


def limits():
    """Weights whose sum |w| puts an accumulator exactly at a limit, and one above it."""
    for name, maximum, width in [("i16", 255, 15), ("i32", 255, 31), ("i32", 65535, 31), ("i16", 32768, 15)]:
        top = ((1 << width) - 1) // maximum
        for total in {top - 1, top, top + 1} - {0}:
            yield f"{name} of x up to {maximum}, sum {total}", total


def spread(total, signs):
    """A 3x3 kernel of integers with sum |w| == total and these signs."""
    w = np.full(9, total // 9, dtype=np.float64)
    w[4] += total - w.sum()
    return (w * np.resize(signs, 9)).reshape(3, 3)


@pytest.mark.parametrize("signs", [(1,), (-1,), (1, -1), (-1, 1, 1)], ids=str)
@pytest.mark.parametrize(("name", "total"), list(limits()), ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.parametrize("dtype", oracle.DTYPES[:3])
def test_accumulators_at_their_limits(dtype, name, total, signs):
    weights = spread(total, signs)
    for make in INPUTS.values():
        image = make((12, 37), dtype)
        for backend in ("auto", *BACKENDS):
            for out in (dtype, "int16", "float32", "float64"):
                got = run(backend, image, weights, dtype=out)
                if got is not None:
                    check(got, image, weights, dtype=out, context=(backend, out, make))


@pytest.mark.parametrize("dtype", oracle.DTYPES[:3])
def test_separable_accumulators_at_their_limits(dtype):
    """Rank 1 with integer factors: either pass may be the one that overflows."""
    for column, row in [([1, 126, 1], [1]), ([64, 64], [1, 1]), ([1, 1], [64, 64]), ([11, 11, 11], [1, 2, 1]),
                        ([255, 1], [255, 1]), ([1, -1], [16384, 1]), ([181, -181], [181, 181])]:  # fmt: skip
        weights = np.outer(column, row).astype(float)
        for make in INPUTS.values():
            image = make((12, 37), dtype)
            for backend in ("auto", *BACKENDS):
                for out in (dtype, "float64"):
                    got = run(backend, image, weights, dtype=out)
                    if got is not None:
                        check(got, image, weights, dtype=out, context=(backend, out, column, row, make))


@pytest.mark.parametrize("out", oracle.DTYPES)
@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_output_dtypes_and_bias(dtype, out):
    for kernel, bias in [("sobel 3x3", 0.0), ("sobel 3x3", 128.0), ("random 7x7", -7.25), ("half 1x1", 0.5),
                         ("box 3x3 mean", 100.0), ("gauss 5x5, dyadic", -0.5)]:  # fmt: skip
        weights, anchor = KERNELS[kernel]
        image = noise((21, 30, 3), dtype)
        for backend in ("auto", *BACKENDS):
            got = run(backend, image, weights, bias=bias, dtype=out, anchor=anchor)
            if got is not None:
                check(
                    got, image, weights, bias=bias, dtype=out, anchor=anchor, context=(backend, kernel, bias)
                )


def test_ties_are_rounded_half_to_even():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for backend in ("auto", "direct", "im2col"):
        got = imgfilt.correlate(image, [[0.5]], backend=backend)
        np.testing.assert_array_equal(got, np.rint(image * 0.5).astype(np.uint8))
        signed = imgfilt.correlate(image, [[-0.5]], dtype="int16", backend=backend)
        np.testing.assert_array_equal(signed, np.rint(image * -0.5).astype(np.int16))


@pytest.mark.parametrize("anchor", [(0, 0), (2, 3), (0, 3), (2, 0), (1, 1)])
@pytest.mark.parametrize("border", oracle.BORDERS)
def test_convolve_turns_kernel_and_anchor(border, anchor):
    weights = np.random.default_rng(3).integers(-5, 6, (3, 4)).astype(float)
    image = noise((9, 11, 3), "uint8")
    how = {"border": border, "cval": 9.0 if border == "constant" else 0.0}
    np.testing.assert_array_equal(
        imgfilt.convolve(image, weights, anchor=anchor, **how),
        oracle.convolve(image, weights, anchor=anchor, **how),
    )
    np.testing.assert_array_equal(
        imgfilt.convolve(image, weights, **how), oracle.convolve(image, weights, **how)
    )


@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_constant_border_takes_any_value(dtype):
    image = noise((6, 7), dtype)
    for cval in (0, 1, 200, 0.5, 99.75):
        for kernel in ("sobel 3x3", "gauss 5x5, dyadic", "random 7x7", "box 4x5 of ones"):
            weights, anchor = KERNELS[kernel]
            for backend in ("auto", *BACKENDS):
                got = run(backend, image, weights, anchor=anchor, border="constant", cval=cval)
                if got is None:
                    continue
                if dtype in ("uint8", "uint16", "int16") and cval != int(cval):
                    want = oracle.correlate(image, weights, anchor=anchor, border="constant", cval=cval)
                    # A fraction may be rounded to a pixel first, which moves the result by half of sum |w|.
                    slack = 1 + 0.5 * np.abs(weights).sum()
                    assert np.abs(got.astype(float) - want.astype(float)).max() <= slack
                else:
                    how = {"anchor": anchor, "border": "constant", "cval": cval}
                    check(got, image, weights, context=(backend, kernel, cval), **how)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_infinity_go_no_farther_than_the_kernel(dtype, bad):
    clean = noise((30, 41), dtype)
    y, x = 14, 20
    dirty = clean.copy()
    dirty[y, x] = bad
    for name, (weights, anchor) in KERNELS.items():
        if weights.size > 300:
            continue
        kh, kw = weights.shape
        ay, ax = anchor or (kh // 2, kw // 2)
        for backend in ("auto", *BACKENDS):
            with np.errstate(invalid="ignore"):
                got = run(backend, dirty, weights, anchor=anchor)
            if got is None:
                continue
            want = imgfilt.correlate(clean, weights, anchor=anchor, backend=backend)
            inside = np.zeros(clean.shape, dtype=bool)
            inside[y - (kh - 1 - ay) : y + ay + 1, x - (kw - 1 - ax) : x + ax + 1] = True
            if backend == "fft":  # a tile's rounding depends on all its elements, within the same bound
                slack = (1e-13 if dtype == "float64" else 1e-6) * oracle.scale(clean, weights)
                np.testing.assert_allclose(got[~inside], want[~inside], rtol=0, atol=slack, err_msg=name)
            else:
                np.testing.assert_array_equal(got[~inside], want[~inside], err_msg=f"{backend} {name}")
            for i, j in np.argwhere(weights != 0):
                assert not np.isfinite(got[y - i + ay, x - j + ax]), f"{backend} {name}: lost at tap {i}, {j}"


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (0, 5, 3), (5, 5, 0)])
def test_empty_images_are_refused(shape):
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        imgfilt.correlate(np.zeros(shape, dtype=np.uint8), np.ones((3, 3)))


@st.composite
def problems(draw):
    dtype = draw(st.sampled_from(oracle.DTYPES))
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 80))
    channels = draw(st.sampled_from([None, None, 1, 2, 3, 4, 5]))
    kh, kw = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    anchor = (draw(st.integers(0, kh - 1)), draw(st.integers(0, kw - 1)))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    kind = draw(st.sampled_from(["integer", "real", "rank 1", "rank 1 integer", "box", "sparse"]))
    weights = {
        "integer": lambda: rng.integers(-20, 21, (kh, kw)),
        "real": lambda: rng.normal(size=(kh, kw)),
        "rank 1": lambda: np.outer(rng.normal(size=kh), rng.normal(size=kw)),
        "rank 1 integer": lambda: np.outer(rng.integers(-9, 10, kh), rng.integers(-9, 10, kw)),
        "box": lambda: np.full((kh, kw), rng.choice([1.0, 1 / (kh * kw), -2.0])),
        "sparse": lambda: rng.integers(-3, 4, (kh, kw)) * (rng.random((kh, kw)) < 0.3),
    }[kind]().astype(np.float64)
    shape = (height, width) if channels is None else (height, width, channels)
    image = VIEWS[draw(st.sampled_from([v for v in VIEWS if v != "cropped"]))](
        noise(shape, dtype, int(rng.integers(99)))
    )
    border = draw(st.sampled_from(oracle.BORDERS))
    out = draw(st.sampled_from([dtype, dtype, *oracle.DTYPES]))
    threads = draw(st.sampled_from([1, 1, 2, 5]))
    bias = draw(st.sampled_from([0.0, 0.0, 17.0, 0.5]))
    cval = draw(st.sampled_from([0, 1, 77])) if border == "constant" else 0
    return (
        image,
        weights,
        {"anchor": anchor, "border": border, "cval": cval, "dtype": out, "bias": bias},
        threads,
    )


@given(problems())
def test_random_problems(problem):
    image, weights, how, threads = problem
    for backend in ("auto", *BACKENDS):
        got = run(backend, image, weights, threads=threads, **how)
        if got is not None:
            check(got, image, weights, context=(backend, threads), **how)


@given(problems())
def test_plans_hold_their_bound(problem):
    """A plan says how far its values may be from the truth before they are rounded."""
    image, weights, how, _ = problem
    how = {**how, "bias": 0.0, "dtype": None}
    plan = imgfilt.plan(
        weights, shape=image.shape, dtype=str(image.dtype), border=how["border"], anchor=how["anchor"]
    )
    assert plan.bound >= 0
    if image.dtype.kind == "f":
        got = imgfilt.correlate(image, weights, **how).astype(oracle.Wide)
        want = oracle.response(image, weights, anchor=how["anchor"], border=how["border"], cval=how["cval"])
        unit = max(1.0, float(np.abs(image.astype(np.float64)).max()))
        rounding = np.finfo(image.dtype).eps * np.abs(want)
        assert (np.abs(got - want) <= plan.bound * unit + rounding).all()
    elif dyadic(weights):
        assert plan.bound == 0


OFF_CENTRE = {
    "top row, anchor in the last": ([[1, 1, 1, 1], [0] * 4, [0] * 4], (2, 0)),
    "last row, anchor in the first": ([[0] * 4, [0] * 4, [1, 1, 1, 1]], (0, 3)),
    "middle row, anchor below": ([[0] * 5, [1] * 5, [0] * 5, [0] * 5], (3, 2)),
    "square in a corner": ([[1, 1, 0, 0], [1, 1, 0, 0], [0] * 4, [0] * 4], (3, 3)),
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("name", OFF_CENTRE)
def test_boxes_off_their_anchor(name, dtype):
    """A kernel whose weights that are not 0 lie on one side of its anchor, as thin as one row."""
    for turned in (False, True):
        weights, anchor = OFF_CENTRE[name]
        kernel = np.array(weights)
        if turned:
            kernel, anchor = kernel.T, anchor[::-1]
        for image in (np.arange(20, dtype=dtype).reshape(4, 5), noise((23, 70, 3), dtype)):
            for border in oracle.BORDERS:
                how = {"anchor": anchor, "border": border, "cval": 9}
                direct = imgfilt.correlate(image, kernel, backend="direct", **how)
                check(direct, image, kernel, context=(name, turned, border), **how)
                for threads in (1, 3):
                    got = imgfilt.correlate(image, kernel, backend="box", threads=threads, **how)
                    check(got, image, kernel, context=(name, turned, border), **how)


def test_backends_may_only_refuse_what_they_cannot_do():
    """The whole list of refusals, so that no backend can hide by saying no."""
    refused = set()
    image = noise((40, 50), "uint8")
    for name, (weights, anchor) in KERNELS.items():
        for backend in BACKENDS:
            if run(backend, image, weights, anchor=anchor) is None:
                refused.add((backend, name))
    boxes = {name for name in KERNELS if name.startswith("box")}
    assert {name for backend, name in refused if backend == "box"} >= {"sobel 3x3", "random 7x7"}
    assert not {name for backend, name in refused if backend == "box"} & boxes
    assert not {name for backend, name in refused if backend in ("direct", "im2col")}
    assert ("separable", "sobel 3x3") not in refused
    assert ("separable", "gauss 5x5, dyadic") not in refused


@pytest.mark.parametrize("largest", [1, 8, 64, 127, 128])
@pytest.mark.parametrize("border", ["reflect101", "constant", "wrap"])
def test_sums_saturated_to_8_bits(border, largest):
    """Bytes multiplied two by two where that fits 16 bits, sums of 16 bits where not: all 0, all 255, every width."""
    rng, saturated = np.random.default_rng(largest), 0
    for width in range(1, 80):
        weights = rng.integers(-largest, largest + 1, rng.choice([1, 2, 3, 3, 5], 2)) * rng.integers(0, 2)
        weights.flat[rng.integers(weights.size)] = rng.choice([-largest, largest])
        bias = float(rng.choice([0, 0, 128, -77]))
        how = {"border": border, "cval": 200 if border == "constant" else 0}
        ops = imgfilt.plan(weights, (4, width), backend="direct", bias=bias, border=border).steps[-1].ops
        saturated += ops[-1].saturated
        for image in (np.full((4, width), 255, np.uint8), noise((4, width, 3), "uint8")):
            got = imgfilt.correlate(image, weights, backend="direct", bias=bias, **how)
            np.testing.assert_array_equal(
                got, oracle.correlate(image, weights, bias=bias, **how), err_msg=weights
            )
    assert saturated > 10
