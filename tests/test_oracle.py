"""The judge is judged first: the oracle against OpenCV and SciPy, which know nothing of this package."""

import cv2
import numpy as np
import oracle
import pytest
import scipy.ndimage as ndi
from cases import noise

CV = {
    "reflect101": cv2.BORDER_REFLECT_101,
    "reflect": cv2.BORDER_REFLECT,
    "replicate": cv2.BORDER_REPLICATE,
    "constant": cv2.BORDER_CONSTANT,
    "wrap": cv2.BORDER_WRAP,
}
SCIPY = {
    "reflect101": "mirror",
    "reflect": "reflect",
    "replicate": "nearest",
    "wrap": "grid-wrap",
    "constant": "constant",
}


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 2), (7, 9)])
def test_borders_are_opencvs(border, shape):
    image = noise(shape, "uint8")
    want = cv2.copyMakeBorder(image, 9, 11, 10, 8, CV[border], value=7)
    np.testing.assert_array_equal(oracle.pad(image, 9, 11, 10, 8, border, 7), want)


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("dtype", oracle.DTYPES)
@pytest.mark.parametrize("size", [(3, 3), (2, 2), (4, 3), (1, 5), (7, 1)])
def test_correlation_is_scipys_and_opencvs(border, dtype, size):
    kernel = np.random.default_rng(size).integers(-3, 4, size).astype(float)
    for shape in [(13, 11), (2, 3)]:
        image = noise(shape, dtype)
        for ours, theirs in ((oracle.correlate, ndi.correlate), (oracle.convolve, ndi.convolve)):
            want = theirs(image.astype(float), kernel, mode=SCIPY[border], cval=5)
            np.testing.assert_allclose(
                ours(image, kernel, border=border, cval=5, dtype="f8"), want, atol=1e-9
            )
        if border != "wrap":
            want = cv2.filter2D(image, -1, kernel, borderType=CV[border])
            got = oracle.correlate(image, kernel, border=border)
            np.testing.assert_allclose(
                got, want, atol=1e-6 * oracle.scale(image, kernel) if dtype[0] == "f" else 0
            )


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_luma_is_opencvs(dtype):
    image = noise((200, 300, 3), dtype)
    np.testing.assert_array_equal(oracle.luma(image), cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


@pytest.mark.parametrize("size", range(3, 33, 2))
def test_gaussian_is_opencvs(size):
    image = noise((37, 41, 3), "uint8")
    for sigma in (0, 0.6, 2, 7):
        np.testing.assert_array_equal(
            oracle.gaussian(image, size, sigma), cv2.GaussianBlur(image, (size, size), sigma)
        )


def test_nonlinear_filters_are_opencvs():
    from skimage import data

    image = data.camera()[100:200, 150:260]
    np.testing.assert_array_equal(oracle.median(image, 5, "replicate"), cv2.medianBlur(image, 5))
    np.testing.assert_array_equal(oracle.integral(image), cv2.integral(image))
    for low, high in [(50, 150), (10, 20), (33.5, 80.7)]:
        np.testing.assert_array_equal(oracle.canny(image, low, high), cv2.Canny(image, low, high))
    for case in (image, data.astronaut()[:80, 150:260]):
        want = cv2.bilateralFilter(case, 9, 40, 3).astype(int)
        assert np.abs(oracle.to_pixels(oracle.bilateral(case, 9, 40, 3), "uint8") - want).max() <= 1


def test_srgb_roundtrip():
    v = np.linspace(0, 1, 101)
    np.testing.assert_allclose(oracle.delinearize(oracle.linearize(v), "f8").astype(float), v, atol=1e-15)
    assert float(oracle.linearize(np.array([188], dtype="uint8"))[0]) == pytest.approx(0.5028864580, abs=1e-9)
