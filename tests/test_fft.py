"""Transforms in tiles: exact for whole numbers, within their bound for others, and nothing spreads over a tile."""

import numpy as np
import oracle
import pytest
from cases import INPUTS, VIEWS, check, noise

import imgfilt
from imgfilt.backend import fft

LARGE = (300, 700)  # more than one tile


def kernel(size, seed=0):
    w = np.random.default_rng(seed).normal(size=(size, size))
    return w / np.abs(w).sum()


def layout(weights, dtype, shape=LARGE, **how):
    step = imgfilt.plan(weights, shape, dtype, backend="fft", **how).steps[0]
    return fft._layout(step.problem)


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_equals_the_oracle(dtype, border):
    how = {"border": border, "cval": 7 if border == "constant" else 0, "anchor": (2, 11)}
    for weights in (kernel(13), np.random.default_rng(1).integers(-9, 10, (13, 13))):
        for shape in [(1, 1), (1, 40), (40, 1), (5, 6, 2), (61, 130, 3)]:
            for name, make in INPUTS.items():
                image = make(shape, dtype)
                got = imgfilt.correlate(image, weights, backend="fft", **how)
                check(got, image, weights, context=(shape, name), **how)


@pytest.mark.parametrize("dtype", oracle.DTYPES)
@pytest.mark.parametrize("whole", [False, True])
def test_tiles_join(dtype, whole):
    """Against the direct sums, which the oracle has judged: the oracle takes a second a megapixel and tap."""
    w = np.random.default_rng(2).integers(-9, 10, (31, 31)) if whole else kernel(31)
    found = layout(w, dtype)
    assert found.ny < LARGE[0] + 30 or found.nx < LARGE[1] + 30
    for shape in (LARGE, (LARGE[1], LARGE[0], 3)):
        image = noise(shape, dtype)
        got, want = (imgfilt.correlate(image, w, backend=b, bias=3) for b in ("fft", "direct"))
        if whole and dtype[0] != "f":
            np.testing.assert_array_equal(got, want)
        else:
            unit = 2e-13 if dtype == "float64" else 2e-6
            slack = 1 if dtype[0] != "f" else unit * oracle.scale(image, w, bias=3)
            assert np.abs(got.astype(float) - want.astype(float)).max() <= slack


@pytest.mark.parametrize("size", [5, 31])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
def test_the_error_stays_within_the_bound(dtype, size):
    """On noise, and on the image that the kernel answers the most to."""
    w = kernel(size)
    p = imgfilt.plan(w, (90, 90), dtype, backend="fft", out_dtype="float64")
    low, high = (-1.0, 1.0) if dtype[0] == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    signs = np.resize(np.where(w > 0, high, low), (90, 90)).astype(dtype)
    for image in (noise((90, 90), dtype), signs):
        scale = max(1.0, float(np.abs(image).max())) if dtype[0] == "f" else 1.0
        got = imgfilt.correlate(image, w, backend="fft", dtype="float64")
        off = np.abs(got - oracle.response(image, w)).max()
        assert off <= p.bound * scale
        assert p.bound < 0.5 or dtype[0] != "f"


def test_24_bits_where_the_bound_allows_them():
    assert layout(kernel(31), "uint8").dtype == "float32"
    assert layout(kernel(31), "uint8", out_dtype="float32").dtype == "float64"
    assert layout(kernel(31) * 1e4, "uint8").dtype == "float64"
    assert layout(kernel(31), "float32").dtype == "float64"
    assert layout(kernel(31), "float32").response == "float32"
    whole = imgfilt.plan(np.arange(49).reshape(7, 7) % 5, (99, 99), "uint8", backend="fft")
    assert whole.bound == 0
    assert "exact" in whole.choices[0].arithmetic
    huge = np.zeros((201, 201))
    huge[0, 0] = huge[-1, -1] = 1.0 / 3
    with pytest.raises(ValueError, match=r"rounding may add up to .* over the tolerance"):
        imgfilt.plan(huge, (9, 9), "float64", backend="fft")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, "largest"])
def test_what_is_not_finite_stays_where_it_is(dtype, bad):
    w = kernel(9)
    w[4, 4] = 0.0  # no weight, no trace
    clean = noise((70, 90, 2), dtype)
    dirty = clean.copy()
    value = np.finfo(dtype).max if bad == "largest" else bad
    dirty[33, 44, 1] = dirty[0, 0, 0] = value
    with np.errstate(invalid="ignore", over="ignore"):
        got = imgfilt.correlate(dirty, w, backend="fft")
        want = imgfilt.correlate(dirty, w, backend="direct")
    reached = np.zeros(clean.shape, bool)
    for i, j in np.argwhere(w):
        reached[33 - i + 4, 44 - j + 4, 1] = True
    if bad != "largest" or dtype == "float64":
        slack = (1e-13 if dtype == "float64" else 1e-6) * oracle.scale(clean, w)
        far = ~reached
        far[:6, :6] = False
        np.testing.assert_allclose(got[far], want[far], rtol=0, atol=2 * slack)
    np.testing.assert_allclose(got[reached], want[reached], rtol=1e-5)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))


def test_a_constant_border_may_be_anything():
    image = noise((30, 40), "float32")
    got = imgfilt.correlate(image, kernel(9), backend="fft", border="constant", cval=np.nan)
    assert np.isnan(got[:4]).all()
    assert np.isfinite(got[4:-4, 4:-4]).all()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_same_bits_for_any_threads(dtype):
    image = noise((700, 900, 3), dtype)
    w = kernel(25)
    one = imgfilt.correlate(image, w, backend="fft", threads=1)
    for threads in (2, 5):
        np.testing.assert_array_equal(imgfilt.correlate(image, w, backend="fft", threads=threads), one)


def test_any_strides_and_out():
    w = kernel(9)
    for view in VIEWS.values():
        image = view(noise((30, 33, 3), "uint8"))
        out = np.empty((image.shape[0] * 2, *image.shape[1:]), np.uint8)[::2]
        assert imgfilt.correlate(image, w, backend="fft", out=out) is out
        check(out, image, w)


def test_the_planner_takes_it_for_large_kernels_of_high_rank():
    assert imgfilt.plan(kernel(63), (2160, 3840)).backend == "fft"
    assert imgfilt.plan(kernel(3), (2160, 3840)).backend != "fft"


def test_bands_of_tiles_have_the_bits_of_the_whole():
    image = noise((2100, 40), "float32")
    w = kernel(15)
    want = imgfilt.correlate(image, w, backend="fft")
    rows = fft.block_rows(imgfilt.plan(w, image.shape, "float32", backend="fft").steps[0].problem)
    assert rows < 1000

    def fill(first, part):
        part[...] = image[first : first + len(part)]

    for band in (rows, 2 * rows):
        bands = imgfilt.correlate(imgfilt.RowImage(image.shape, "float32", fill, band=band), w, backend="fft")
        np.testing.assert_array_equal(np.concatenate(list(bands)), want)
