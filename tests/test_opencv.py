"""Against OpenCV 5 on the same input: bit-equal where the issue is integer, within 1 elsewhere.

The deliberate differences have their own tests at the end; each states its reason.
"""

import cv2
import numpy as np
import oracle
import pytest
from cases import noise

import imgfilt

BORDERS = {
    "reflect101": cv2.BORDER_REFLECT_101,
    "replicate": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "constant": cv2.BORDER_CONSTANT,
}
SHAPES = [(61, 83), (40, 57, 3), (33, 70, 4)]


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@pytest.fixture(scope="module")
def photos():
    """Real photos (gray, colour) and noise, all uint8."""
    from skimage import data

    return [data.camera()[:200, 100:331], data.astronaut()[:150, 100:301], noise((97, 61, 3), "uint8")]


def same(got, want):
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)


def within(got, want, tolerance):
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    off = np.abs(got.astype(np.float64) - want.astype(np.float64)).max()
    assert off <= tolerance, f"off by {off}, allowed {tolerance}"


# --- bit-equal ---


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (7, 7), (1, 5), (9, 1), (2, 2), (4, 3), (13, 13)])
def test_integer_kernels(border, size):
    rng = np.random.default_rng(size)
    for shape in SHAPES:
        image = noise(shape, "uint8")
        for weights in (
            rng.integers(-9, 10, size),
            rng.integers(0, 3, size),
            np.outer(*map(np.arange, size)) % 4,
        ):
            w = weights.astype(np.float64)
            # From 130 taps on filter2D goes through a float DFT, whose error stays far below one half here.
            want = cv2.filter2D(image, -1, w, borderType=BORDERS[border])
            same(imgfilt.correlate(image, w, border=border), want)
            want = cv2.filter2D(image, cv2.CV_16S, w, borderType=BORDERS[border])
            same(imgfilt.correlate(image, w, border=border, dtype="int16"), want)


@pytest.mark.parametrize("border", BORDERS)
def test_anchor_and_bias(border):
    image = noise((30, 41, 3), "uint8")
    w = np.random.default_rng(1).integers(-4, 5, (4, 6)).astype(float)
    for row, column in [(0, 0), (3, 5), (1, 4)]:
        want = cv2.filter2D(image, -1, w, anchor=(column, row), delta=37, borderType=BORDERS[border])
        same(imgfilt.correlate(image, w, anchor=(row, column), bias=37, border=border), want)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("axis", ["x", "y"])
def test_sobel_and_scharr_responses(photos, border, axis):
    order = (1, 0) if axis == "x" else (0, 1)
    for image in photos:
        each = {"axis": axis, "color": "each", "border": border}
        want = cv2.Sobel(image, cv2.CV_16S, *order, borderType=BORDERS[border])
        same(imgfilt.sobel(image, dtype="int16", **each), want)
        same(imgfilt.sobel(image, **each), cv2.Sobel(image, -1, *order, borderType=BORDERS[border]))
        want = cv2.Scharr(image, cv2.CV_16S, *order, borderType=BORDERS[border])
        same(imgfilt.scharr(image, dtype="int16", **each), want)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_laplacian_responses(photos, border, size):
    for image in photos:
        want = cv2.Laplacian(image, cv2.CV_16S, ksize=size, borderType=BORDERS[border])
        same(imgfilt.laplacian(image, size=size, dtype="int16", color="each", border=border), want)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [1, 3, 5, 7, 9, 15, 21, 31, 63])
def test_box(photos, border, size):
    for image in photos:
        want = cv2.blur(image, (size, size), borderType=BORDERS[border])
        same(imgfilt.box(image, size=size, border=border), want)
        same(want, cv2.boxFilter(image, -1, (size, size), borderType=BORDERS[border]))


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", range(3, 33, 2))
def test_gaussian_by_size(photos, border, size):
    for image in photos:
        want = cv2.GaussianBlur(image, (size, size), 0, borderType=BORDERS[border])
        same(imgfilt.gaussian(image, size=size, sigma=None, border=border), want)
        want = cv2.GaussianBlur(image, (size, size), 1.4, borderType=BORDERS[border])
        same(imgfilt.gaussian(image, size=size, sigma=1.4, border=border), want)


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.7, 3.3, 5.0, 8.0, 12.5])
def test_gaussian_by_sigma(photos, sigma):
    for image in photos:
        for border, code in BORDERS.items():
            want = cv2.GaussianBlur(image, (0, 0), sigma, borderType=code)
            same(imgfilt.gaussian(image, sigma=sigma, border=border), want)


def test_median(photos):
    """cv2.medianBlur knows one border only, replicate."""
    for image in photos:
        for size in (3, 5, 7, 9, 15, 31):
            same(imgfilt.median(image, size=size, border="replicate"), cv2.medianBlur(image, size))


def test_canny(photos):
    """cv2.Canny's defaults: L1 gradient, replicate border; no blur first."""
    gray = photos[0]
    for low, high in [(50, 150), (10, 20), (100, 200), (33.5, 80.7)]:
        got = imgfilt.canny(gray, low=low, high=high, sigma=0, border="replicate")
        same(got, cv2.Canny(gray, low, high))


def test_integral(photos):
    for image in photos:
        np.testing.assert_array_equal(imgfilt.integral(image), cv2.integral(image))


# --- within 1 ---


@pytest.mark.parametrize("border", BORDERS)
def test_real_kernels(border):
    rng = np.random.default_rng(5)
    for shape in SHAPES:
        image = noise(shape, "uint8")
        for size in [(3, 3), (5, 7), (7, 7), (11, 11), (15, 15)]:
            w = rng.normal(size=size) / np.sqrt(size[0] * size[1])
            within(
                imgfilt.correlate(image, w, border=border),
                cv2.filter2D(image, -1, w, borderType=BORDERS[border]),
                1,
            )


def test_sobel_magnitude(photos):
    """The whole chain: gray, Sobel x and y, magnitude, saturate."""
    for image in photos:
        gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        gx, gy = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
        want = np.clip(np.rint(cv2.magnitude(gx, gy)), 0, 255).astype(np.uint8)
        within(imgfilt.sobel(image), want, 1)


def test_unsharp_mask(photos):
    for image in photos:
        # the size that 8-bit images get
        size = oracle.gaussian_size(2.0, "uint8")
        blurred = cv2.GaussianBlur(image.astype(np.float32), (size, size), 2.0)
        want = cv2.addWeighted(image.astype(np.float32), 2.5, blurred, -1.5, 0)
        want = np.clip(np.rint(want), 0, 255).astype(np.uint8)
        got = imgfilt.unsharp_mask(image, sigma=2.0, amount=1.5, threshold=0)
        # 8-bit taps have 8 fractional bits, as OpenCV's own 8-bit blur: up to 1 in the blur, times the amount
        within(got, want, 3)


@pytest.mark.parametrize("border", BORDERS)
def test_bilateral(photos, border):
    for image in photos:
        for diameter, sigma_color, sigma_space in [(5, 30, 3), (9, 75, 75)]:
            want = cv2.bilateralFilter(image, diameter, sigma_color, sigma_space, borderType=BORDERS[border])
            got = imgfilt.bilateral(
                image, diameter=diameter, sigma_color=sigma_color, sigma_space=sigma_space, border=border
            )
            within(got, want, 1)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("border", BORDERS)
def test_other_dtypes(border, dtype):
    code = BORDERS[border]
    for shape in SHAPES:
        image = noise(shape, dtype)
        top = float(np.abs(image.astype(float)).max())
        # OpenCV's own float32 sums are off by a few ulp of their largest term
        slack = 1 if dtype[0] in "ui" else top * (2e-6 if dtype == "float32" else 1e-12)
        within(
            imgfilt.gaussian(image, sigma=1.5, border=border),
            cv2.GaussianBlur(image, (0, 0), 1.5, borderType=code),
            slack,
        )
        within(imgfilt.box(image, size=5, border=border), cv2.blur(image, (5, 5), borderType=code), slack)
        w = np.random.default_rng(2).normal(size=(5, 5)) / 5
        within(
            imgfilt.correlate(image, w, border=border),
            cv2.filter2D(image, -1, w, borderType=code),
            5 * slack if slack < 1 else slack,
        )
        deep = -1 if dtype[0] == "f" else cv2.CV_32F
        got = imgfilt.sobel(
            image, axis="x", color="each", border=border, dtype=None if deep == -1 else "float32"
        )
        within(
            got,
            cv2.Sobel(image, deep, 1, 0, borderType=code),
            8 * (top * 2e-7 if deep == cv2.CV_32F else slack),
        )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_luma(dtype):
    image = noise((50, 60, 3), dtype)
    want = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    got = imgfilt.apply("identity", image, color="luma")
    within(got, want, 0 if dtype != "float32" else 1e-6 * float(np.abs(image).max()))


# --- deliberate differences ---


def test_difference_box_of_even_size_rounds_half_to_even():
    """A mean over an even number of pixels can lie half way. cv2.blur multiplies by a rounded reciprocal
    and so rounds half way up, and sums one below half way too; correlate rounds half to even like everything
    else here (and like cv2.filter2D with the same weights). Odd sizes have no such sums."""
    image = noise((64, 64), "uint8")
    w = np.full((4, 4), 1 / 16)
    ours, theirs = imgfilt.correlate(image, w), cv2.blur(image, (4, 4))
    same(ours, cv2.filter2D(image, -1, w))
    near_half = np.isin(oracle.response(image, np.ones((4, 4))) % 16, (7, 8))
    assert (ours != theirs).any()
    assert not (ours != theirs)[~near_half].any()
    within(ours, theirs, 1)


def test_difference_wrap_is_a_border_like_the_others():
    """OpenCV asserts that filters have no BORDER_WRAP; here it works, and equals filtering a padded copy."""
    image = noise((20, 30), "uint8")
    with pytest.raises(cv2.error):
        cv2.blur(image, (5, 5), borderType=cv2.BORDER_WRAP)
    padded = cv2.copyMakeBorder(image, 2, 2, 2, 2, cv2.BORDER_WRAP)
    same(imgfilt.box(image, size=5, border="wrap"), cv2.blur(padded, (5, 5))[2:-2, 2:-2])


def test_difference_constant_border_has_a_value():
    """OpenCV's filters extend with 0 only; `cval` gives any value."""
    image = noise((20, 30), "uint8")
    padded = cv2.copyMakeBorder(image, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=99)
    got = imgfilt.box(image, size=5, border="constant", cval=99)
    same(got, cv2.blur(padded, (5, 5))[2:-2, 2:-2])


def test_difference_gaussian_of_16_bits_is_rounded_once():
    """OpenCV blurs uint16 with taps of 16 fractional bits; here they are real, so the two may differ by 1,
    and ours is the nearest to the true value."""
    image = noise((60, 80), "uint16")
    ours, theirs = imgfilt.gaussian(image, sigma=2.2), cv2.GaussianBlur(image, (0, 0), 2.2)
    within(ours, theirs, 1)
    taps = oracle.gaussian_taps(oracle.gaussian_size(2.2, "uint16"), 2.2)
    truth = oracle.response(image, np.outer(taps, taps))
    assert np.abs(ours - truth).max() <= 0.5 + 1e-2


def test_difference_large_float_kernels_do_not_go_through_a_dft():
    """cv2.filter2D turns to a DFT from 130 taps on, where one infinite pixel spoils the whole image."""
    image = noise((64, 64), "float32")
    image[5, 5] = np.inf
    w = np.random.default_rng(0).normal(size=(15, 15))
    with np.errstate(invalid="ignore"):
        got = imgfilt.correlate(image, w)
    assert np.isfinite(got[20:, 20:]).all()
    assert not np.isfinite(cv2.filter2D(image, -1, w)[20:, 20:]).all()


def test_difference_flat_float_images_stay_flat():
    """A blur of a constant is that constant, to 1e-6 of it."""
    for value in (255.0, 1e-3, 12345.0):
        image = np.full((40, 50), value, dtype=np.float32)
        for sigma in (0.8, 2.0, 7.0):
            np.testing.assert_allclose(imgfilt.gaussian(image, sigma=sigma), value, rtol=1e-6)
