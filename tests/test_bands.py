"""Bands of rows: bit for bit what the whole image gives, whatever their height, and each row is read once."""

import itertools

import numpy as np
import oracle
import pytest
from cases import noise
from hypothesis import given, settings
from hypothesis import strategies as st

import imgfilt
from imgfilt.backend import im2col
from imgfilt.bands import NotInBandsError

FILTERS = [name for name in sorted(imgfilt.filters()) if name != "canny"]
CHAINS = ("gaussian sigma=2 | sobel", "median size=5 | unsharp_mask | box size=7", "bilateral | emboss")


def rows_of(array, reads=None, **how):
    """`array` as an image whose rows are read; `reads` collects which."""

    def fill(first, rows):
        if reads is not None:
            reads.append((first, len(rows)))
        rows[...] = array[first : first + len(rows)]

    return imgfilt.RowImage(array.shape, array.dtype.name, fill, **how)


def same(bands, want):
    got = np.concatenate(list(bands))
    assert got.dtype == want.dtype
    assert bands.shape == want.shape
    assert bands.dtype == want.dtype.name
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("name", FILTERS)
def test_bands_equal_the_whole(name, border):
    function = getattr(imgfilt, name)
    for dtype, shape in [
        ("uint8", (41, 33, 3)),
        ("uint16", (37, 30)),
        ("float32", (23, 20, 4)),
        ("float64", (7, 9)),
    ]:
        image = noise(shape, dtype)
        want = function(image, border=border, cval=7)
        for band in (1, 6, 17):
            same(function(rows_of(image, band=band), border=border, cval=7), want)


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("chain", CHAINS)
def test_chains_in_bands_equal_the_whole(chain, border):
    for dtype in ("uint8", "uint16", "float32"):
        image = noise((53, 31, 3), dtype)
        want = imgfilt.apply(chain, image, border=border, alpha="each")
        for band in (2, 11, 40):
            same(imgfilt.apply(chain, rows_of(image, band=band), border=border), want)


@pytest.mark.parametrize(
    "chain", ["box size=31", "box size=31 | sobel", "median size=3 | box size=31 | unsharp_mask"]
)
def test_running_sums_in_bands_wrap_too(chain):
    """They begin anew every 128 rows, counted from the image's top: bands and whole must agree where it ends."""
    for height in (128, 300, 511):
        image = noise((height, 40), "float32")
        assert "slide(" in str(imgfilt.plan(chain, shape=image.shape, dtype="float32", border="wrap"))
        want = imgfilt.apply(chain, image, border="wrap")
        for band in (1, 128, 256):
            same(imgfilt.apply(chain, rows_of(image, band=band), border="wrap"), want)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 60),
    band=st.integers(1, 61),
    sigma=st.floats(0.3, 12),
    border=st.sampled_from(oracle.BORDERS),
    dtype=st.sampled_from(["uint8", "float32"]),
    threads=st.sampled_from([1, 3]),
)
def test_any_height_of_band(height, band, sigma, border, dtype, threads):
    image = noise((height, 13, 3), dtype)
    want = imgfilt.gaussian(image, sigma=sigma, border=border, threads=1)
    same(imgfilt.gaussian(rows_of(image, band=band), sigma=sigma, border=border, threads=threads), want)


@pytest.mark.parametrize("border", ["reflect101", "constant", "wrap"])
@pytest.mark.parametrize("backend", list(imgfilt.backends()))
def test_every_backend_in_bands(backend, border, monkeypatch):
    # blocks of a few rows each, that bands have to keep to
    monkeypatch.setattr(im2col, "_BLOCK_BYTES", 50_000)
    kernel = np.random.default_rng(3).standard_normal((5, 4))
    tall = np.random.default_rng(3).standard_normal((31, 3))  # FFT tiles of fewer rows than the image
    for dtype, weights in itertools.product(
        oracle.DTYPES, (kernel, np.rint(kernel * 9), np.ones((3, 5)), tall)
    ):
        image = noise((700 if weights is tall else 83, 21, 3), dtype)
        try:
            want = imgfilt.correlate(image, weights, border=border, backend=backend)
        except ValueError:
            continue  # what a backend may refuse is held in test_convolution
        for band in (1, 13, 60) if weights is not tall else (170,):
            try:
                bands = imgfilt.correlate(rows_of(image, band=band), weights, border=border, backend=backend)
            except NotInBandsError:
                assert border == "wrap"
                assert backend in ("fft", "im2col")
                continue
            same(bands, want)


def test_rows_are_read_once_and_in_order():
    image, reads = noise((200, 16), "uint8"), []
    for _ in imgfilt.gaussian(rows_of(image, reads, band=30), sigma=3):
        pass
    assert [first for first, _ in reads] == list(itertools.accumulate((n for _, n in reads[:-1]), initial=0))
    assert sum(n for _, n in reads) == 200


def test_memory_decides_the_height_of_a_band():
    image = noise((4000, 50, 3), "uint8")
    bands = imgfilt.gaussian(rows_of(image, memory=1 << 20), sigma=3, threads=1)
    assert 100 < bands.band < 4000
    assert bands.memory <= 1 << 20
    assert imgfilt.gaussian(rows_of(image), sigma=3).band == 4000
    same(bands, imgfilt.gaussian(image, sigma=3))


def test_not_a_number_stays_within_reach():
    image = noise((60, 20), "float32")
    image[30, 10] = np.nan
    want = imgfilt.box(image, size=5)
    same(imgfilt.box(rows_of(image, band=7), size=5), want)
    assert np.isnan(want).sum() == 25


def test_alpha_types_and_linear_light():
    image = noise((40, 17, 4), "uint8")
    for how in ({"alpha": "premultiply"}, {"alpha": "ignore", "dtype": "float32"}, {"linear_light": True}):
        same(
            imgfilt.gaussian(rows_of(image, band=9), sigma=1.5, **how),
            imgfilt.gaussian(image, sigma=1.5, **how),
        )


def test_what_cannot_be_done_in_bands_is_refused():
    image = rows_of(noise((30, 20), "uint8"))
    with pytest.raises(NotInBandsError, match="canny looks at the whole image"):
        imgfilt.canny(image)
    with pytest.raises(TypeError, match="out cannot be given"):
        imgfilt.gaussian(image, out=np.empty((30, 20), np.uint8))
    with pytest.raises(TypeError, match="int64"):
        imgfilt.gaussian(imgfilt.RowImage((3, 3), "int64", lambda first, rows: None))
    with pytest.raises(ValueError, match=r"shape must be .* got \(3,\)"):
        imgfilt.gaussian(imgfilt.RowImage((3,), "uint8", lambda first, rows: None))


def test_what_changes_the_size_is_refused():
    for name in ("pyr_down", "pyr_up"):
        with pytest.raises(NotInBandsError, match=f"{name} changes the size"):
            getattr(imgfilt, name)(rows_of(noise((30, 20), "uint8")))


def test_an_error_of_the_reader_comes_out():
    def fill(first, rows):
        if first > 20:
            raise OSError("gone")
        rows[...] = 0

    bands = iter(imgfilt.gaussian(imgfilt.RowImage((90, 8), "uint8", fill, band=10), sigma=1))
    next(bands)
    with pytest.raises(OSError, match="gone"):
        list(bands)
