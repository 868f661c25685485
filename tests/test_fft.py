"""Transforms in tiles: exact for whole numbers, within their bound for others, and nothing spreads over a tile."""

import os
import subprocess
import sys

import numpy as np
import oracle
import pytest
from cases import INPUTS, VIEWS, check, noise
from hypothesis import given, settings
from hypothesis import strategies as st

import imgfilt
from imgfilt import _native
from imgfilt.backend import fft
from imgfilt.kernel import Kernel
from imgfilt.problem import Problem
from imgfilt.rows import ROUND_OFF, RowOp

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


def as_it_is(dtype):
    ops = RowOp("source", dtype, 1), RowOp("convert", dtype, 1, (0,))
    return _native.Program([op.native() for op in ops])


SIZES = [n for n in fft._SIZES if n <= 384]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["float32", "float64"]),
    st.tuples(st.sampled_from(SIZES), st.sampled_from(SIZES)),
    st.tuples(st.integers(1, 16), st.integers(1, 16)),
    st.sampled_from(["signs", "constant", "noise", "spike"]),
    st.integers(0, 99),
)
def test_transforms_of_any_size_stay_within_their_bound(dtype, tile, kernel_size, kind, seed):
    """Also where it is too large for the backend to take them: every radix, in 24 bits and in 53."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=kernel_size)
    w[0, 0] = w[-1, -1] = 1.0  # nothing to trim
    shape = tuple(min(2 * (n - k + 1), 150) for n, k in zip(tile, kernel_size, strict=True))
    image = {
        "signs": np.resize(np.where(w > 0, 1.0, -1.0), shape),
        "constant": np.ones(shape),
        "noise": rng.uniform(-1, 1, shape),
        "spike": np.pad([[1.0]], [(n // 2, n - n // 2 - 1) for n in shape]),
    }[kind].astype(dtype)
    problem = Problem(Kernel.of(w), *shape, 1, dtype, -1.0, 1.0, "reflect101", True, 1.0)
    options = {
        "anchor": problem.facts.trimmed.anchor,
        "tile": tile,
        "stride": (1, 1),
        "wide": dtype == "float64",
        "wide_response": True,
        "whole": False,
        "middle": 0.0,
        "offset": 0.0,
        "limit": 1e30,
    }
    got = np.empty(shape)
    _native.Fourier(w, options).run(as_it_is("float64"), 0, image, got, 0.0, 1)
    assert np.abs(got - oracle.response(image, w)).max() <= fft._bound(problem, dtype, *tile) + 1e-15


@pytest.mark.parametrize("n", [0, 8, 17, 24, 80, 144, 1 << 14, 3 << 12])
def test_radices(n):
    if n < 16 or n not in fft._SIZES:
        with pytest.raises(ValueError, match="power of two"):
            _native.fourier_radices(n)
    else:
        assert np.prod(_native.fourier_radices(n)) == n
        assert fft._of_passes(n) * ROUND_OFF["float32"] < 1e-5


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


def test_same_bits_for_all_instruction_sets_that_fuse_additions():
    """v2 does not, and differs within the bound."""
    code = """if True:
        import sys, numpy as np, imgfilt
        rng = np.random.default_rng(5)
        w = rng.normal(size=(17, 12)) / 100
        for dtype in ("uint8", "uint16", "float32", "float64"):
            for shape in ((150, 230), (40, 37, 3), (33, 70, 4)):
                image = (rng.random(shape) * (65535 if dtype == "uint16" else 255)).astype(dtype)
                sys.stdout.buffer.write(imgfilt.correlate(image, w, backend="fft", dtype="float64").tobytes())
    """
    isas = [isa for isa in _native.isas() if isa != "v2"]
    if len(isas) < 2:
        pytest.skip("this processor has one such instruction set")
    results = {
        subprocess.run(
            [sys.executable, "-P", "-c", code],
            env=os.environ | {"IMGFILT_ISA": isa},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for isa in isas
    }
    assert len(results) == 1


@pytest.mark.parametrize("border", oracle.BORDERS)
def test_what_stands_for_pixels_outside_may_lie_in_another_tile(border):
    image = noise((280, 430), "uint8")
    how = {"border": border, "cval": 9 if border == "constant" else 0}
    w = np.random.default_rng(3).integers(-3, 4, (25, 27))
    got, want = (imgfilt.correlate(image, w, backend=b, bias=7, **how) for b in ("fft", "direct"))
    np.testing.assert_array_equal(got, want)
    tiny = noise((3, 2, 4), "int16")
    check(imgfilt.correlate(tiny, w, backend="fft", **how), tiny, w, **how)


@pytest.mark.parametrize("stride", [(2, 1), (1, 3), (5, 4), (400, 400)])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_strides_of_the_response(stride, channels):
    image = noise((150, 211, channels), "float32")
    w = kernel(13)
    whole = imgfilt.correlate(image, w, backend="fft")
    got = imgfilt.correlate(image, w, backend="fft", stride=stride)
    slack = 2e-6 * oracle.scale(image, w)
    np.testing.assert_allclose(got, whole[:: stride[0], :: stride[1]], rtol=0, atol=slack)


def test_wrong_options_are_refused():
    options = {"anchor": (0, 0), "tile": (16, 16), "stride": (1, 1), "wide": False, "wide_response": False,
               "whole": False, "middle": 0.0, "offset": 0.0, "limit": 1e30}  # fmt: skip
    with pytest.raises(ValueError, match="no room for a response"):
        _native.Fourier(np.ones((17, 3)), options)
    with pytest.raises(ValueError, match="float64, in rows and columns"):
        _native.Fourier(np.ones((3, 3), np.float32), options)
    with pytest.raises(ValueError, match="power of two"):
        _native.Fourier(np.ones((3, 3)), options | {"tile": (16, 20)})
    run = _native.Fourier(np.ones((3, 3)), options).run
    with pytest.raises(ValueError, match="not that of the response"):
        run(as_it_is("float32"), 0, np.ones((9, 9), np.float32), np.ones((9, 8), np.float32), 0.0, 1)


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


@pytest.mark.parametrize("scale", [1e170, 1e-170])
def test_weights_whose_squares_are_no_numbers_have_a_norm(scale):
    weights = np.random.default_rng(0).normal(size=(15, 15))
    assert (
        imgfilt.plan(weights * scale, (600, 600), "float64", backend="fft").bound < 1e-12 * scale * 255 * 225
    )
