"""Sums under whole rectangles of floats, which the core makes for several rows at a time."""

import hypothesis.strategies as st
import numpy as np
import oracle
import pytest
from cases import check, noise
from hypothesis import given

import imgfilt
from imgfilt import _native
from imgfilt.borders import NATIVE
from imgfilt.rows import RowOp, Tap


def taps(weights):
    """All weights but those of 0, centred."""
    height, width = weights.shape
    return tuple(
        Tap(0, i - height // 2, j - width // 2, float(weights[i, j])) for i, j in np.argwhere(weights)
    )


def run(image, kernels, border, threads=1, begin=0, rows=None):
    """The image through one dense sum after another, in one row program; rows from `begin` on."""
    ops = [RowOp("source", str(image.dtype), image.shape[2])]
    for i, weights in enumerate(kernels):
        ops.append(RowOp("taps", str(image.dtype), image.shape[2], (i,), stage=True, taps=taps(weights)))
    out = np.empty((rows or image.shape[0], *image.shape[1:]), image.dtype)
    program = _native.Program([op.native() for op in ops])
    program.run(NATIVE.index(border), image, out, 3.0, threads, begin)
    return out


@st.composite
def chains(draw):
    dtype = draw(st.sampled_from(["float32", "float64"]))
    shape = (draw(st.integers(1, 40)), draw(st.integers(1, 90)), draw(st.integers(1, 4)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    sizes = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 12)), min_size=1, max_size=3))
    kernels = [rng.normal(size=size) for size in sizes]
    for weights in kernels[: draw(st.integers(0, 3))]:
        weights[rng.random(weights.shape) < 0.3] = 0
    return noise(shape, dtype), kernels, draw(st.sampled_from(oracle.BORDERS))


@given(chains())
def test_chains_equal_the_oracle_for_any_threads(problem):
    image, kernels, border = problem
    got = run(image, kernels, border)
    want, unit = image.astype(oracle.Wide), 1.0
    for weights in kernels:
        want = oracle.response(want, weights, border=border, cval=3.0)
        unit *= float(np.abs(weights).sum())
    bound = len(kernels) * (1e-6 if image.dtype == np.float32 else 1e-13) * unit * max(np.abs(image).max(), 3)
    assert np.abs(got - want).max() <= bound
    for threads in (2, 3):
        np.testing.assert_array_equal(run(image, kernels, border, threads), got)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [(2, 2), (3, 3), (5, 5), (7, 7), (5, 17), (9, 9), (33, 7)])
def test_rows_do_not_depend_on_those_they_are_made_with(size, dtype):
    image, weights = noise((41, 75, 1), dtype), np.random.default_rng(1).normal(size=size)
    whole = run(image, [weights], "reflect101")
    for begin in range(41):
        for rows in {1, 2, 3, 41 - begin}:
            if begin + rows <= 41:
                part = run(image, [weights], "reflect101", begin=begin, rows=rows)
                np.testing.assert_array_equal(part, whole[begin : begin + rows])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
@pytest.mark.parametrize("zeros", [1, 20, 60])
def test_zeros_among_real_weights(zeros, dtype):
    rng = np.random.default_rng(zeros)
    weights = rng.normal(size=(9, 11)) / 10
    weights.flat[rng.choice(weights.size, zeros, replace=False)] = 0
    for image in (noise((23, 50), dtype), noise((12, 7, 3), dtype)):
        check(imgfilt.correlate(image, weights, backend="direct"), image, weights)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_zero_weights_keep_nan_and_infinity_away(bad):
    weights = np.random.default_rng(0).normal(size=(5, 5))
    weights[1, 3] = 0
    image = np.ones((20, 30), np.float32)
    image[10, 15] = bad
    got = imgfilt.correlate(image, weights, backend="direct")
    reached = np.zeros(image.shape, bool)
    reached[8:13, 13:18] = weights[::-1, ::-1] != 0
    np.testing.assert_array_equal(~np.isfinite(got), reached)


GAPS = {
    "cross": np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], float),
    "no column": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], float),
    "no row": np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], float),
    "corner": np.array([[0, 1, 2], [-1, 3, 1], [-2, -1, 4]], float),
    "diagonal": np.array([[0, 1], [-1, 0]], float),
    "square": np.where(np.eye(5), 0, np.arange(1.0, 26).reshape(5, 5)),
    "large": np.where(np.random.default_rng(0).random((7, 9)) < 0.4, 0, np.arange(1.0, 64).reshape(7, 9)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", GAPS)
def test_what_lies_under_zero_weights_is_not_seen(kernel, dtype):
    """Where nothing bad is reached the bits are those of an image without anything bad, wherever tiles lie."""
    weights = GAPS[kernel]
    for shape in ((23, 150, 1), (9, 33, 3), (5, 7, 1), (2, 600, 4)):
        rng = np.random.default_rng(shape[1])
        clean = rng.integers(-9, 10, shape).astype(dtype)
        wild = clean.copy()
        bad = rng.random(shape) < 0.02
        wild[bad] = rng.choice([np.nan, np.inf, -np.inf], int(bad.sum()))
        reached = oracle.response(bad.astype(oracle.Wide), np.abs(weights)) != 0
        for threads in (1, 3):
            got = run(wild, [weights], "reflect101", threads)
            np.testing.assert_array_equal(~np.isfinite(got), reached)
            np.testing.assert_array_equal(got[~reached], run(clean, [weights], "reflect101")[~reached])


@pytest.mark.parametrize("kernel", GAPS)
def test_rectangles_with_gaps_equal_the_oracle(kernel):
    for shape in ((13, 70), (8, 260, 3), (3, 4, 2)):
        for dtype in ("float32", "float64"):
            image = noise(shape, dtype)
            check(imgfilt.correlate(image, GAPS[kernel], backend="direct"), image, GAPS[kernel])


@pytest.mark.parametrize("size", [(2, 2), (3, 3), (2, 5), (4, 3), (5, 5), (6, 6), (7, 7), (9, 4)])
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_sums_in_pairs_are_exact(size, dtype):
    """Weights too large for 16-bit sums, for all rows of a tile and any border; black and white for the extremes."""
    rng = np.random.default_rng(size[0] * 10 + size[1])
    weights = rng.integers(-500, 501, size).astype(float)
    weights.flat[0] = weights.flat[-1] = 700
    for shape in ((13, 70), (11, 200, 3), (9, 7), (3, 40, 4)):
        image = noise(shape, dtype)
        image[: shape[0] // 2] = np.iinfo(dtype).max
        for border in ("reflect101", "constant"):
            want = imgfilt.correlate(image, weights, border=border, dtype="float64", backend="im2col")
            for threads in (1, 3):
                how = {"border": border, "backend": "direct", "threads": threads}
                np.testing.assert_array_equal(imgfilt.correlate(image, weights, dtype="float64", **how), want)
                got = imgfilt.correlate(image, weights, dtype=dtype, bias=3.0, **how)
                limits = np.iinfo(dtype)
                np.testing.assert_array_equal(got, np.clip(want + 3.0, limits.min, limits.max))


@pytest.mark.parametrize("size", [2, 3, 5, 7, 9])
def test_bytes_under_real_weights_are_summed_in_whole_numbers(size):
    weights = np.random.default_rng(size).normal(size=(size, size)) / size
    plan = imgfilt.plan(weights, (37, 75), "uint8", backend="direct")
    assert 0 < plan.bound < 0.11
    for shape in ((37, 75), (9, 200, 3), (4, 5), (40, 33, 4)):
        image = noise(shape, "uint8")
        image[:, : shape[1] // 2] = np.where(image[:, : shape[1] // 2] > 99, 255, 0)
        want = np.clip(oracle.response(image.astype(oracle.Wide), weights), 0, 255)
        for threads in (1, 2):
            got = imgfilt.correlate(image, weights, backend="direct", threads=threads)
            assert np.abs(got - want).max() <= 0.5 + plan.bound
    precise = imgfilt.plan(weights, (37, 75), "uint8", out_dtype="float32", backend="direct")
    assert precise.bound < 0.01


LONG = {
    "square": np.random.default_rng(1).normal(size=(3, 3)),
    "cross": np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], float),
    "one side": np.pad(np.random.default_rng(2).normal(size=(3, 2)), ((0, 0), (3, 0))),
    "tall": np.random.default_rng(3).normal(size=(7, 5)),
    "row": np.random.default_rng(4).normal(size=(1, 9)),
    "wide": np.random.default_rng(5).normal(size=(2, 511)),
    "too wide": np.random.default_rng(6).normal(size=(2, 517)),
}


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("kernel", LONG)
def test_long_rows_read_in_place_give_what_copies_give(kernel, border):
    """Rows that fill a page are read where they are, those of a view with gaps are copied."""
    for dtype, shape in [("float32", (13, 1031, 1)), ("float64", (6, 1025, 3)), ("float32", (5, 1024, 4))]:
        image = noise(shape, dtype)
        image[shape[0] // 2, [0, 5, -1], :] = np.inf
        with_gaps = np.zeros((shape[0], 2 * shape[1], shape[2]), dtype)[:, ::2]
        with_gaps[...] = image
        want = run(with_gaps, [LONG[kernel]], border)
        for threads, begin in ((1, 0), (2, 0), (1, 2)):
            got = run(image, [LONG[kernel]], border, threads, begin, shape[0] - begin)
            np.testing.assert_array_equal(got, want[begin:])
    image = noise((7, 1031), "float32")
    check(
        imgfilt.correlate(image, LONG[kernel], border=border, backend="direct"),
        image,
        LONG[kernel],
        border=border,
    )


@pytest.mark.parametrize("border", ["reflect101", "constant", "wrap"])
def test_long_rows_for_several_readers(border):
    """The image is read in place by sums of it, and whole by what it is combined with."""
    image = noise((20, 1500), "float32")
    for chain in ("sharpen | sobel axis=x", "laplacian | emboss", "unsharp_mask sigma=1 | sharpen"):
        whole = imgfilt.apply(chain, image, border=border, threads=1)
        gaps = np.zeros((20, 3000), np.float32)[:, ::2]
        gaps[...] = image
        np.testing.assert_array_equal(imgfilt.apply(chain, gaps, border=border, threads=1), whole)


def test_all_columns_are_made_wherever_rows_lie():
    """Rows are made in pieces that begin where the image's cache lines do, whatever is left for the last one."""
    weights = np.random.default_rng(7).normal(size=(3, 3))
    want = run(noise((5, 1334, 1), "float32"), [weights], "reflect")
    for offset in range(16):
        memory = np.empty(5 * 1334 + 32, np.float32)
        image = memory[offset : offset + 5 * 1334].reshape(5, 1334, 1)
        image[...] = noise(image.shape, "float32")
        np.testing.assert_array_equal(run(image, [weights], "reflect"), want)
