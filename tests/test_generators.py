"""Generated kernels against OpenCV's own."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgfilt import generators
from imgfilt.generators import GENERATORS, gaussian, gaussian_taps
from imgfilt.kernel import facts

RNG = np.random.default_rng(7)


def half_up_response(image, kernel):
    """The fixed-point response of a rank-1 kernel of n / 65536, in integers, border reflect101."""
    f = facts(kernel)
    (column, row) = (v.astype(np.int64) for v in f.factors[0])
    unit = round(1 / f.scale)
    (ky, kx), (h, w) = f.trimmed.shape, image.shape
    p = np.pad(image.astype(np.int64), ((ky // 2,), (kx // 2,)), mode="reflect")
    rows = sum(row[i] * p[:, i : i + w] for i in range(kx))
    total = sum(column[i] * rows[i : i + h] for i in range(ky))
    return ((2 * total + unit) // (2 * unit)).astype(np.uint8)


@pytest.mark.parametrize("size", range(1, 33, 2))
def test_gaussian_u8_of_every_size_is_bit_equal_to_opencv(size):
    image = RNG.integers(0, 256, (48, 53), dtype=np.uint8)
    for sigma in (None, 0.3, 0.5, 0.8, 1.0, 1.1, 1.7, 2.5, 3.3, 5.0, 8.0, 13.0, 20.0):
        want = cv2.GaussianBlur(image, (size, size), sigma or 0)
        got = half_up_response(image, gaussian(dtype="uint8", size=size, sigma=sigma))
        assert np.array_equal(got, want), sigma


@pytest.mark.parametrize("sigma", [0.3, 0.7, 1.0, 1.49, 2.0, 3.01, 4.5, 7.77, 12.0, 20.0])
def test_gaussian_u8_by_sigma_is_bit_equal_to_opencv(sigma):
    image = RNG.integers(0, 256, (140, 131), dtype=np.uint8)
    impulse = np.zeros_like(image)
    impulse[70, 65] = 255
    kernel = gaussian(dtype="uint8", sigma=sigma)
    for picture in (image, impulse):
        assert np.array_equal(half_up_response(picture, kernel), cv2.GaussianBlur(picture, (0, 0), sigma))


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.3, 9.0])
def test_real_gaussian_is_opencvs(dtype, sigma):
    k = gaussian(dtype=dtype, sigma=sigma)
    taps = cv2.getGaussianKernel(k.shape[0], sigma, cv2.CV_64F)
    assert np.allclose(k.weights, taps @ taps.T, rtol=1e-14, atol=1e-17)
    assert facts(k).rank == 1
    if dtype == "float32":
        impulse = np.zeros((201, 201), np.float32)
        impulse[100, 100] = 1
        reach = np.flatnonzero(cv2.GaussianBlur(impulse, (0, 0), sigma)[100])
        assert k.shape[0] == reach[-1] - reach[0] + 1


@pytest.mark.parametrize("size", [*range(1, 17, 2), 31, 33, 101])
@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0, 5.5])
def test_gaussian_taps(size, sigma):
    want = cv2.getGaussianKernel(size, sigma, cv2.CV_64F)[:, 0]
    assert np.allclose(gaussian_taps(size, sigma), want, rtol=1e-14, atol=1e-18)


@given(sigma=st.floats(0.05, 21))
def test_gaussian_u8_is_exact_in_8_bits_an_axis(sigma):
    f = facts(gaussian(dtype="uint8", sigma=sigma))
    assert f.rank == 1
    assert f.dyadic
    assert f.numerators.sum() * f.scale == 1
    assert f.scale >= 1 / 65536
    assert f.numerators.min() >= 0


def test_gaussian_u8_beyond_127_taps_or_with_an_accuracy_is_that_of_other_dtypes():
    for how in (
        {"sigma": 21.2},
        {"sigma": 60.0},
        {"sigma": 30.0, "size": 131},
        {"sigma": 2.0, "accuracy": 1.0},
    ):
        assert gaussian(dtype="uint8", **how) == gaussian(dtype="float32", **how)
    assert gaussian(dtype="uint8", sigma=21.0) != gaussian(dtype="float32", sigma=21.0)


def test_gaussian_with_neither_has_sigma_one():
    assert gaussian(dtype="float32") == gaussian(dtype="float32", sigma=1.0)


def test_sobel_is_opencvs():
    image = RNG.integers(0, 256, (20, 23)).astype(np.float64)
    for size in (1, 3, 5, 7):
        for dx, dy in ((1, 0), (0, 1), (1, 1), (2, 0), (0, 2)):
            k = generators.sobel(dtype="uint8", dx=dx, dy=dy, size=size)
            want = cv2.Sobel(image, cv2.CV_64F, dx, dy, ksize=size)
            assert np.array_equal(cv2.filter2D(image, cv2.CV_64F, k.weights), want)
            assert facts(k).rank == 1


@pytest.mark.parametrize("size", [1, 3, 5, 7, 9, 15])
def test_laplacian_is_opencvs(size):
    impulse = np.zeros((41, 41))
    impulse[20, 20] = 1
    k = generators.laplacian(dtype="uint8", size=size)
    want = cv2.Laplacian(impulse, cv2.CV_64F, ksize=size)
    reach = k.shape[0] // 2
    assert np.array_equal(want[20 - reach : 21 + reach, 20 - reach : 21 + reach], k.weights)
    assert facts(k).zero_sum
    assert facts(k).rank == 2


@pytest.mark.parametrize("theta", [0, 30, 45, 90, 120, 180, -77])
@pytest.mark.parametrize("size", [None, 21])
def test_gabor_is_opencvs(theta, size):
    wave = {"theta": theta, "wavelength": 10, "gamma": 0.5, "psi": 20, "size": size}
    got = generators.gabor(dtype="uint8", sigma=4, **wave, gain=1)
    cv_size = (size or 0, size or 0)
    want = cv2.getGaborKernel(cv_size, 4, np.deg2rad(theta), 10, 0.5, np.deg2rad(20), cv2.CV_64F)
    assert got.shape == want.shape
    assert np.allclose(got.weights, want, atol=1e-14)


# --- those that OpenCV does not have ------------------------------------------------------------------------


@given(length=st.floats(1, 60), angle=st.floats(-360, 360))
def test_motion_is_a_mean_along_a_line(length, angle):
    w = generators.motion(dtype="uint8", length=length, angle=angle).weights
    assert w.sum() == pytest.approx(1)
    assert w.min() >= 0
    assert np.allclose(w, w[::-1, ::-1])
    y, x = (np.arange(n) - n // 2 for n in w.shape)
    along = np.hypot(*np.meshgrid(x, y))[w > 0]
    assert along.max() <= length / 2 + 1.5


def test_motion_along_the_axes():
    assert np.allclose(generators.motion(dtype="uint8", length=5).weights[2], 0.2)
    upright = generators.motion(dtype="uint8", length=4, angle=90).weights
    assert np.allclose(upright[:, upright.shape[1] // 2], [1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8])
    assert generators.motion(dtype="uint8", length=1).weights.tolist() == [[1]]
    falling = generators.motion(dtype="uint8", length=9, angle=-45).weights
    assert np.trace(falling) > 0.5


def test_emboss_is_bright_where_the_slope_faces_the_light():
    y, x = np.mgrid[0:5, 0:5].astype(float)
    ramps = {0: -x, 90: y, 180: x, 270: -y, 45: y - x, 135: x + y}
    for angle, rises_away_from_the_light in ramps.items():
        k = generators.emboss(dtype="uint8", angle=angle, depth=2.0)
        assert (k.weights * rises_away_from_the_light[1:4, 1:4]).sum() > 0
        assert facts(k).zero_sum
        assert facts(k).numerators is not None


@pytest.mark.parametrize("sigma", [0.4, 1.0, 1.4, 3.0, 8.0])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_second_derivatives_of_flat_images_are_zero(sigma, dtype):
    for k in (
        generators.laplacian_of_gaussian(dtype=dtype, sigma=sigma),
        generators.high_pass(dtype=dtype, sigma=sigma),
    ):
        assert facts(k).zero_sum
        assert facts(k).symmetric


def test_laplacian_of_gaussian_of_a_parabola_is_its_second_derivative():
    w = generators.laplacian_of_gaussian(dtype="float64", sigma=2.0).weights
    y, x = np.mgrid[0 : w.shape[0], 0 : w.shape[1]] - w.shape[0] // 2
    assert (w * (x**2 + y**2)).sum() == pytest.approx(4, rel=0.02)


def test_sharpen_and_box():
    assert generators.sharpen(dtype="uint8", amount=1).weights.tolist() == [
        [0, -1, 0],
        [-1, 5, -1],
        [0, -1, 0],
    ]
    assert facts(generators.box(dtype="uint8", size=31)).is_box


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("gaussian", {"sigma": 0}, "sigma must be greater than 0 where no size is given, got 0"),
        ("gaussian", {"sigma": 1.0, "size": 4}, "odd and at least 1, got 4"),
        (
            "gaussian",
            {"sigma": 1e4},
            "sigma 10000.0 needs a kernel of 80001 x 80001; the largest is 4096 x 4096",
        ),
        ("box", {"size": 10**6}, "size 1000000 needs a kernel"),
        ("motion", {"length": 1e9}, "length 1000000000.0 needs a kernel"),
        ("motion", {"length": 0.5}, "length must be at least 1, got 0.5"),
        ("laplacian_of_gaussian", {"sigma": -1}, "sigma must be greater than 0, got -1"),
        ("gabor", {"sigma": 1, "wavelength": 0}, "wavelength must be greater than 0, got 0"),
        ("laplacian", {"size": 4}, "size must be odd"),
        ("sobel", {"dx": 3, "dy": 0, "size": 3}, "greater than the order 3"),
    ],
)
def test_impossible_kernels_are_refused_in_words(name, params, message):
    with pytest.raises(ValueError, match=message):
        GENERATORS[name](dtype="float32", **params)
