"""Running sums of equal weights: exact at their limits, the same bits wherever they begin, NaN within reach."""

import numpy as np
import oracle
import pytest
from cases import noise

import imgfilt


def sums(image, size, **how):
    return imgfilt.correlate(image, np.ones(size), backend="box", **how)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [("uint8", (15, 17)), ("uint8", (257, 1)), ("uint8", (257, 3)), ("uint8", (259, 3)), ("uint16", (181, 181)),
     ("uint16", (183, 183)), ("int16", (255, 257))],
)  # fmt: skip
def test_the_largest_sums_are_exact(dtype, size):
    limits = np.iinfo(dtype)
    for value in (limits.max, limits.min):
        image = np.full((270, 90), value, dtype)
        want = float(value) * size[0] * size[1]
        assert np.all(sums(image, size, dtype="float64") == want)
        mean = imgfilt.correlate(image, np.full(size, 1 / (size[0] * size[1])), backend="box")
        np.testing.assert_array_equal(mean, image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_rows_longer_than_a_piece_of_sums(dtype):
    for channels in (1, 2, 3, 4, 5, 700):
        for width in (1, 31, 1023, 1025, 2050) if channels < 6 else (7,):
            image = noise((9, width, channels), dtype)
            for size in ((7, 5), (5, 31)):
                got = sums(image, size, dtype="float64")
                want = oracle.box_sum(image, size)
                scale = 1e-6 * size[0] * size[1] * np.abs(image).max() if dtype == "float32" else 0
                np.testing.assert_allclose(got, want.astype(float), rtol=0, atol=scale)


@pytest.mark.parametrize(("dtype", "size"), [("uint8", (131, 21)), ("uint8", (259, 3)), ("uint16", (19, 21))])
def test_means_are_rounded_to_the_nearest(dtype, size):
    rng = np.random.default_rng(4)
    for channels in (1, 2, 3):
        for width in (1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 200):
            image = rng.choice(np.array([0, 1, np.iinfo(dtype).max], dtype), (9, width, channels))
            mean = imgfilt.correlate(image, np.full(size, 1 / (size[0] * size[1])), backend="box")
            sums_ = oracle.box_sum(image, size).astype(np.int64)
            area = size[0] * size[1]  # odd: no sum is half way between two pixels
            np.testing.assert_array_equal(mean, (2 * sums_ + area) // (2 * area))


@pytest.mark.parametrize("width", [140, 161, 192, 223])
def test_means_of_bytes_beyond_24_bits_are_rounded_to_the_nearest(width):
    size = (257, 259)  # columns of 16 bits
    image = np.random.default_rng(5).integers(253, 256, (140, width), dtype=np.uint8)
    sums_ = np.pad(image.astype(np.int64), ((128, 128), (129, 129)), mode="reflect")
    for axis in (0, 1):
        before = np.insert(np.cumsum(sums_, axis), 0, 0, axis)
        n = image.shape[axis]
        sums_ = np.take(before, np.arange(n) + size[axis], axis) - np.take(before, np.arange(n), axis)
    assert sums_.max() > 2**24
    area = size[0] * size[1]
    mean = imgfilt.correlate(image, np.full(size, 1 / area), backend="box")
    np.testing.assert_array_equal(mean, (2 * sums_ + area) // (2 * area))


@pytest.mark.parametrize("chain", ["box size=9", "box size=101", "box size=9 | gaussian sigma=3"])
def test_floats_do_not_depend_on_where_a_stripe_or_a_band_begins(chain):
    image = noise((700, 40, 3), "float32")
    image[::3] *= 1e-9  # sums of these and the others round
    image[300, 20] = np.inf
    image[301, 7, 1] = np.nan
    one = imgfilt.apply(chain, image, threads=1)
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(imgfilt.apply(chain, image, threads=threads), one)

    def fill(first, rows):
        rows[...] = image[first : first + len(rows)]

    rows = imgfilt.RowImage(image.shape, "float32", fill, band=130)
    np.testing.assert_array_equal(np.concatenate(list(imgfilt.apply(chain, rows))), one)


@pytest.mark.parametrize("border", oracle.BORDERS)
def test_what_is_not_finite_stays_within_reach(border):
    image = noise((60, 50, 2), "float32")
    for y, x, value in ((3, 4, np.nan), (30, 20, np.inf), (33, 24, -np.inf), (59, 49, np.inf)):
        image[y, x, 0] = value
    for cval in (0.0, np.inf, np.nan) if border == "constant" else (0.0,):
        for size in ((9, 7), (5, 31)):
            got = sums(image, size, border=border, cval=cval)
            want = oracle.box_sum(image, size, border, cval)
            np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
            np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
            finite = np.isfinite(want)
            np.testing.assert_allclose(got[finite], want[finite], rtol=0, atol=1e-6 * size[0] * size[1] * 500)


def test_a_row_that_is_not_finite_leaves_no_error_behind():
    image = np.ones((400, 8), np.float32)
    image[100] = np.nan
    got = imgfilt.box(image, size=7, backend="box")
    assert np.isnan(got).sum() == 7 * 8
    np.testing.assert_allclose(got[~np.isnan(got)], 1, rtol=1e-7)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("border", ["reflect101", "reflect", "replicate", "wrap", "constant"])
def test_means_are_the_same_of_rows_side_by_side_and_of_rows_with_gaps(dtype, border):
    rng = np.random.default_rng(6)
    limits = np.array([0, 1, np.iinfo(dtype).max], dtype)
    how = {"border": border, "cval": 3 if border == "constant" else 0}
    for channels in (1, 2, 3, 4):
        for width in (1, 7, 65, 200):
            apart = rng.choice(limits, (9, 2 * width, channels))[
                :, ::2
            ]  # these go through the row program's ops
            whole = np.ascontiguousarray(apart)  # and these through one loop
            for size in (3, 5, 7, 15, 31, 101) if width == 200 else (3, 31):
                np.testing.assert_array_equal(
                    imgfilt.box(whole, size=size, **how), imgfilt.box(apart, size=size, **how)
                )
        kernel = np.full((3, 18), 1 / 54)
        np.testing.assert_array_equal(
            imgfilt.correlate(whole, kernel, **how), imgfilt.correlate(apart, kernel, **how)
        )


def test_means_in_place_of_nothing_beside_them():
    image = noise((40, 70, 3), "uint8")
    out = np.zeros((42, 70, 3), np.uint8)
    imgfilt.box(image, size=7, out=out[1:-1])
    np.testing.assert_array_equal(out[1:-1], imgfilt.box(image, size=7))
    assert not out[0].any()
    assert not out[-1].any()
