"""Every filter of the catalogue against what its definition says, composed from the oracle's pieces."""

import math
from dataclasses import dataclass, field

import cv2
import isa_digest
import numpy as np
import oracle
import pytest
from cases import filled, noise

import imgfilt
from imgfilt.catalog import load

Wide = oracle.Wide
SQRT2 = math.sqrt(2)
MIDDLE = {"uint8": 128, "uint16": 32768, "int16": 0, "float32": 0.5, "float64": 0.5}


# --- the definitions; each takes one gray or colour image and gives values that are not yet rounded ---


def taps(sigma, dtype, size=None):
    size = size or oracle.gaussian_size(sigma, dtype)
    weights = oracle.gaussian_taps(size, sigma)
    if dtype == np.uint8:
        weights = np.array(oracle.gaussian_fixed_taps(weights, 8)) / 256
    return np.outer(weights, weights)


def gaussian(image, how, sigma=0.0, size=None):
    return oracle.response(image, taps(sigma, image.dtype, size), **how)


def linear(kernel):
    return lambda image, how, **_: oracle.response(image, kernel, **how)


def box(image, how, size):
    return oracle.response(image, np.ones((size, size)), **how).astype(Wide) / (size * size)


def sharpen(image, how, amount):
    laplacian = oracle.response(image, [[0, 1, 0], [1, -4, 1], [0, 1, 0]], **how)
    return image.astype(Wide) - Wide(amount) * laplacian.astype(Wide)


def unsharp_mask(image, how, sigma, amount, threshold=0.0):
    return oracle.sharpen(image, gaussian(image, how, sigma), amount, threshold)


def high_pass(image, how, sigma):
    return oracle.combine([image, gaussian(image, how, sigma)], [1, -1], MIDDLE[str(image.dtype)])


def emboss(image, how, angle, depth):
    """Prewitt's gradient along the direction away from the light."""
    gx = oracle.response(image, PREWITT_X, **how).astype(Wide)
    gy = oracle.response(image, PREWITT_X.T, **how).astype(Wide)
    a = math.radians(angle)
    return depth * (math.sin(a) * gy - math.cos(a) * gx) + MIDDLE[str(image.dtype)]


SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
SCHARR_X = np.array([[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]])
PREWITT_X = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
FREI_CHEN_X = np.array([[-1, 0, 1], [-SQRT2, 0, SQRT2], [-1, 0, 1]])


def gradient(kernel_x, kernel_y=None):
    kernel_y = kernel_x.T if kernel_y is None else kernel_y

    def values(image, how, axis="both"):
        gx, gy = oracle.response(image, kernel_x, **how), oracle.response(image, kernel_y, **how)
        return {"x": gx, "y": gy, "both": oracle.magnitude(gx, gy)}[axis]

    return values


def turned(ring, middle=0):
    """The 8 compass kernels of the weights around a 3x3 square, clockwise from the top left."""
    places = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    for turn in range(8):
        kernel = np.full((3, 3), float(middle))
        for i, place in enumerate(places):
            kernel[place] = ring[(i + turn) % 8]
        yield kernel


def compass(ring):
    return lambda image, how: oracle.maximum(*(oracle.response(image, k, **how) for k in turned(ring)))


def laplacian(image, how, size=1):
    if size == 1:
        return oracle.response(image, [[0, 1, 0], [1, -4, 1], [0, 1, 0]], **how)
    second, smooth = (np.asarray(k).ravel() for k in cv2.getDerivKernels(2, 0, size, ktype=cv2.CV_64F))
    return oracle.response(image, np.outer(smooth, second) + np.outer(second, smooth), **how)


def step_gain(*rows):
    """1 over the strongest response of the difference of rows to a step of height 1."""
    size = max(row.size for row in rows)
    first, *rest = (np.pad(row, (size - row.size) // 2) for row in rows)
    return 1 / np.abs(np.cumsum(first - sum(rest))).max()


def laplacian_of_gaussian(image, how, sigma, show):
    r = math.ceil(4 * sigma)
    y, x = np.mgrid[-r : r + 1, -r : r + 1]
    q = (x * x + y * y) / sigma**2
    g = np.exp(-q / 2)
    g /= g.sum()
    w = (q - 2) / sigma**2 * g
    w -= g * w.sum()
    response = oracle.response(image, w, **how)
    return response if show == "response" else np.abs(response * Wide(step_gain(w.sum(axis=0))))


def difference_of_gaussians(image, how, sigma_low, sigma_high, show):
    low, high = gaussian(image, how, sigma_low), gaussian(image, how, sigma_high)
    response = low.astype(Wide) - high.astype(Wide)
    if show == "response":
        return response
    rows = (taps(sigma, image.dtype).sum(axis=0) for sigma in (sigma_low, sigma_high))
    return np.abs(response * Wide(step_gain(*rows)))


def gabor(image, how, sigma, theta, wavelength, gamma, psi, size, gain=None):
    kernel = cv2.getGaborKernel(
        (size, size), sigma, math.radians(theta), wavelength, gamma, math.radians(psi)
    )
    heavier = max(kernel[kernel > 0].sum(), -kernel[kernel < 0].sum())
    return oracle.response(image, kernel * (1 / heavier if gain is None else gain), **how)


def bilateral(image, how, diameter, sigma_color, sigma_space):
    return oracle.bilateral(image, diameter, sigma_color, sigma_space, **how)


def median(image, how, size):
    return oracle.median(image, size, **how)


# --- what is asked of each ---


@dataclass(frozen=True)
class Case:
    """Parameters, definition, how far errors are amplified, whether integer images must come out equal."""

    values: object
    params: dict = field(default_factory=dict)
    gain: float = 1.0
    exact: bool = True
    luma: bool = False
    rounding: str = "half_even"
    dtypes: tuple = oracle.DTYPES
    u8_exact: bool = False


def cases():
    yield "identity", Case(lambda image, how: image)
    for size in (1, 3, 7, 15):
        yield "box", Case(box, {"size": size}, exact=False, u8_exact=True)
    for params in ({"sigma": 0.7}, {"sigma": 2.0}, {"size": 5}, {"size": 9, "sigma": 1.5}):
        yield "gaussian", Case(gaussian, params, exact=False, u8_exact=True, rounding="half_up")
    yield "motion", Case(linear(np.full((1, 5), 0.2)), {"length": 5, "angle": 0}, exact=False)
    yield "motion", Case(linear(np.full((7, 1), 1 / 7)), {"length": 7, "angle": 90}, exact=False)
    for size in (1, 3, 5, 9):
        yield "median", Case(median, {"size": size})
    for params in (
        {"diameter": 5, "sigma_color": 30.0, "sigma_space": 2.0},
        {"diameter": 9, "sigma_color": 5000.0, "sigma_space": 3.0},
        {"diameter": 3, "sigma_color": 0.5, "sigma_space": 9.0},
    ):
        yield "bilateral", Case(bilateral, params, gain=4, exact=False)
    yield "sharpen", Case(sharpen, {"amount": 1.0}, gain=9)
    yield "sharpen", Case(sharpen, {"amount": 0.3}, gain=9, exact=False)
    for params in (
        {"sigma": 1.0, "amount": 1.0},
        {"sigma": 2.0, "amount": 2.5},
        {"sigma": 1.5, "amount": 1.0, "threshold": 20.0},
    ):
        yield "unsharp_mask", Case(unsharp_mask, params, gain=6, exact=False)
    yield "high_pass", Case(high_pass, {"sigma": 1.5}, gain=2, exact=False, u8_exact=True)
    for angle, depth in [(135.0, 1.0), (0.0, 2.0), (30.0, -0.7)]:
        yield "emboss", Case(emboss, {"angle": angle, "depth": depth}, gain=12, exact=False)
    for name, definition in {
        "sobel": gradient(SOBEL_X),
        "scharr": gradient(SCHARR_X),
        "prewitt": gradient(PREWITT_X),
        "frei_chen": gradient(FREI_CHEN_X),
        "roberts": gradient(np.array([[-1, 0], [0, 1]]), np.array([[0, -1], [1, 0]])),
    }.items():
        for axis in ("both", "x", "y"):
            whole = name != "frei_chen" and axis != "both"
            yield (
                name,
                Case(
                    definition, {"axis": axis}, gain=45, exact=whole, u8_exact=name != "frei_chen", luma=True
                ),
            )
    yield "kirsch", Case(compass([5, 5, 5, -3, -3, -3, -3, -3]), gain=30, luma=True)
    yield "robinson", Case(compass([1, 2, 1, 0, -1, -2, -1, 0]), gain=8, luma=True)
    for size in (1, 3, 5, 7):
        yield "laplacian", Case(laplacian, {"size": size}, gain=8 * 4 ** (size - 1), luma=True)
    for show, gain in (("response", 6), ("edges", 20)):
        for sigma in (0.8, 1.4):
            params = {"sigma": sigma, "show": show}
            yield "laplacian_of_gaussian", Case(laplacian_of_gaussian, params, gain, exact=False, luma=True)
        params = {"sigma_low": 1.0, "sigma_high": 1.6, "show": show}
        exact = show == "response"
        yield (
            "difference_of_gaussians",
            Case(difference_of_gaussians, params, gain, exact=False, luma=True, u8_exact=exact),
        )
    params = {"sigma": 2.0, "theta": 30.0, "wavelength": 6.0, "gamma": 0.5, "psi": 90.0, "size": 9}
    yield "gabor", Case(gabor, params, gain=2, exact=False)
    yield "gabor", Case(gabor, {**params, "gain": 1}, gain=30, exact=False)


CASES = list(cases())
IDS = [f"{name}-{'-'.join(map(str, case.params.values()))}" for name, case in CASES]


def luma(image):
    """The oracle's; for int16, where it may be off by 1 and kernels amplify that, the package's own."""
    return imgfilt.identity(image, color="luma") if image.dtype == np.int16 else oracle.luma(image)


def compare(got, values, source, case, context):
    """`got` against `values` rounded to its dtype."""
    want = oracle.to_pixels(np.asarray(values), got.dtype, case.rounding)
    assert got.shape == want.shape, context
    if got.dtype.kind in "iu":
        off = np.abs(got.astype(np.int64) - want.astype(np.int64))
        whole = source.dtype.kind in "iu" and (case.exact or (case.u8_exact and source.dtype == np.uint8))
        assert off.max() <= (0 if whole else 1), (
            f"{context}: off by {off.max()} at {np.argwhere(off == off.max())[0]}"
        )
        return
    unit = 1e-13 if source.dtype == np.float64 and got.dtype == np.float64 else 1e-6
    bound = unit * (case.gain * float(np.abs(source.astype(float)).max()) + 1)
    off = float(np.abs(got.astype(Wide) - want.astype(Wide)).max())
    assert off <= bound, f"{context}: off by {off:.3g}, allowed {bound:.3g}"


@pytest.mark.parametrize("channels", [3, 4])
def test_luma_of_every_width(channels):
    for row in isa_digest.every_width(channels):
        np.testing.assert_array_equal(
            imgfilt.identity(row, color="luma"), oracle.luma(row), err_msg=row.shape
        )


def test_magnitude_of_every_pair_of_differences():
    image = isa_digest.every_pair()
    case = next(case for name, case in CASES if name == "roberts")
    compare(imgfilt.roberts(image), case.values(image, {}, axis="both"), image, case, "every pair")


@pytest.mark.parametrize("dtype", oracle.DTYPES)
@pytest.mark.parametrize(("name", "case"), CASES, ids=IDS)
def test_filters(name, case, dtype):
    function = getattr(imgfilt, name)
    for shape in [(33, 46), (1, 7), (5, 1), (26, 35, 3)]:
        for image in (noise(shape, dtype), filled(shape, dtype, 77)):
            gray = luma(image) if case.luma and image.ndim == 3 else image
            got = function(image, **case.params)
            assert got.dtype == image.dtype
            compare(got, case.values(gray, {}, **case.params), image, case, (name, shape))


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize(("name", "case"), CASES, ids=IDS)
def test_filters_at_borders(name, case, border):
    how = {"border": border, "cval": 100 if border == "constant" else 0}
    for dtype in ("uint8", "float32"):
        for shape in [(12, 19), (4, 3), (6, 9, 3)]:
            image = noise(shape, dtype, seed=3)
            gray = oracle.luma(image) if case.luma and image.ndim == 3 else image
            got = getattr(imgfilt, name)(image, **case.params, **how)
            compare(
                got,
                case.values(gray, how, **case.params),
                np.append(image, image.dtype.type(100)),
                case,
                (name, shape),
            )


@pytest.mark.parametrize(("name", "case"), CASES, ids=IDS)
def test_filters_into_other_dtypes(name, case):
    for dtype, out in [("uint8", "int16"), ("uint8", "float32"), ("uint16", "float64"), ("float32", "uint8")]:
        image = noise((20, 30), dtype)
        got = getattr(imgfilt, name)(image, **case.params, dtype=out)
        assert got.dtype == out
        compare(got, case.values(image, {}, **case.params), image, case, (name, dtype, out))


@pytest.mark.parametrize(("name", "case"), CASES, ids=IDS)
def test_filters_on_each_channel(name, case):
    """`color="each"`, also with more channels than a pixel usually has."""
    for channels in (1, 2, 3, 4, 5):
        if name == "bilateral" and channels != 1:
            continue  # compares whole colours
        image = noise((18, 25, channels), "uint8")
        got = getattr(imgfilt, name)(image, **case.params, color="each")
        assert got.shape == image.shape
        for c in range(channels):
            compare(
                got[..., c], case.values(image[..., c], {}, **case.params), image, case, (name, channels, c)
            )


def test_luma_reads_three_channels_and_ignores_a_fourth():
    for dtype in oracle.DTYPES:
        image = noise((15, 22, 4), dtype)
        np.testing.assert_array_equal(
            imgfilt.sobel(image), imgfilt.sobel(np.ascontiguousarray(image[..., :3]))
        )
        got = imgfilt.identity(image, color="luma")
        want = oracle.luma(image)
        if dtype[0] == "u":
            np.testing.assert_array_equal(got, want)
        else:
            top = float(np.abs(image.astype(float)).max())
            assert np.abs(got.astype(float) - want.astype(float)).max() <= (
                1 if dtype == "int16" else 1e-6 * top
            )


@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_luma_of_gray_and_alpha_is_the_gray_channel(dtype):
    for width in (5, 61, 130):
        gray = noise((40, width), dtype)
        pair = np.dstack([gray, np.full_like(gray, oracle.full_scale(dtype))])
        for name in ("sobel", "laplacian", "kirsch"):
            function = getattr(imgfilt, name)
            want = function(gray)
            for threads in (1, 2, 5):
                np.testing.assert_array_equal(function(pair, threads=threads), want)
        np.testing.assert_array_equal(imgfilt.identity(pair, color="luma"), gray)


def test_canny_is_its_definition():
    from skimage import data

    photo = data.camera()[60:200, 120:280]
    for image in (photo, noise((30, 41), "uint8"), photo[:1], photo[:, :1], photo[:2, :3]):
        for low, high in [(50, 150), (10, 20), (100, 200), (33.5, 80.7), (0, 0), (300, 900)]:
            for border in ("reflect101", "replicate", "wrap"):
                got = imgfilt.canny(image, low=low, high=high, sigma=0, border=border)
                np.testing.assert_array_equal(
                    got, oracle.canny(image, low, high, border), err_msg=f"{low} {high}"
                )
    blurred = oracle.gaussian(photo, None, 1.4)
    np.testing.assert_array_equal(
        imgfilt.canny(photo, low=30, high=90, sigma=1.4), oracle.canny(blurred, 30, 90, "reflect101")
    )


def test_canny_of_colour_is_canny_of_its_luma():
    image = noise((30, 41, 3), "uint8")
    want = oracle.canny(oracle.luma(image), 100, 200, "reflect101")
    np.testing.assert_array_equal(imgfilt.canny(image, low=100, high=200), want)


@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_canny_is_white_in_every_dtype(dtype):
    """Edges are 0 and the largest value of the dtype; the thresholds are in the image's own units."""
    bytes_ = noise((30, 41), "uint8")
    scale = {"uint8": 1, "uint16": 256, "int16": 64, "float32": 1, "float64": 1}[dtype]
    image = (bytes_.astype(np.float64) * scale).astype(dtype)
    edges = oracle.canny(bytes_, 100, 200, "reflect101") > 0
    assert edges.any()
    got = imgfilt.canny(image, low=100 * scale, high=200 * scale)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.where(edges, oracle.full_scale(dtype), 0).astype(dtype))
    for out in oracle.DTYPES:
        got = imgfilt.canny(image, low=100 * scale, high=200 * scale, dtype=out)
        assert got.dtype == out
        np.testing.assert_array_equal(got, np.where(edges, oracle.full_scale(out), 0).astype(out))


def test_canny_of_each_channel():
    for shape in [(30, 41, 3), (17, 23, 2), (17, 23, 4), (17, 23, 5), (17, 23, 1)]:
        image = noise(shape, "uint8")
        for sigma in (0, 1.2):
            got = imgfilt.canny(image, low=80, high=150, sigma=sigma, color="each")
            assert got.shape == shape
            for c in range(shape[2]):
                plane = np.ascontiguousarray(image[..., c])
                want = imgfilt.canny(plane, low=80, high=150, sigma=sigma)
                np.testing.assert_array_equal(got[..., c], want)
            blurred = imgfilt.apply("canny low=80 high=150 | gaussian sigma=2", image, color="each")
            want = imgfilt.canny(image, low=80, high=150, color="each")
            np.testing.assert_array_equal(blurred, imgfilt.gaussian(want, sigma=2))


def test_medians_of_extremes():
    for dtype in oracle.DTYPES:
        for size in (3, 5, 7, 11, 21):
            for image in (
                filled((25, 31), dtype, 3),
                noise((25, 31), dtype),
                np.tile(noise((1, 31), dtype), (25, 1)),
            ):
                got = imgfilt.median(image, size=size)
                np.testing.assert_array_equal(got, oracle.median(image, size), err_msg=f"{dtype} {size}")


def test_motion_kernels_are_lines():
    """A mean: constant images stay; the line's width is one pixel; opposite angles are the same line."""
    dot = np.zeros((41, 41), np.float64)
    dot[20, 20] = 1
    for length in (1, 2, 4.5, 9, 15):
        for angle in (0, 20, 45, 90, 133, 180):
            spread = imgfilt.motion(dot, length=length, angle=angle)
            assert spread.sum() == pytest.approx(1)
            assert spread.min() >= 0
            np.testing.assert_allclose(spread, spread[::-1, ::-1], atol=1e-12)
            np.testing.assert_allclose(
                spread, imgfilt.motion(dot, length=length, angle=angle - 180), atol=1e-12
            )
            y, x = np.nonzero(spread > 1e-12)
            a = math.radians(angle)
            across = np.abs((x - 20) * math.sin(a) + (y - 20) * math.cos(a))
            assert across.max() < 1 + 1e-9


@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_a_step_from_black_to_white_gives_white(dtype):
    """The default picture of a response: the strongest edge there can be is as bright as there can be."""
    full = oracle.full_scale(dtype)
    image = np.zeros((60, 90), dtype)
    image[:, 45:] = full
    for picture in (image, image[:, ::-1], np.ascontiguousarray(image.T)):
        for sigma in (0.7, 1.4, 3, 6):
            for edges in (
                imgfilt.laplacian_of_gaussian(picture, sigma=sigma),
                imgfilt.difference_of_gaussians(picture, sigma_low=sigma, sigma_high=1.6 * sigma),
                imgfilt.difference_of_gaussians(picture, sigma_low=1.6 * sigma, sigma_high=sigma),
            ):
                assert edges.max() == pytest.approx(full, rel=1e-5)
                assert edges.min() == pytest.approx(0, abs=1e-4 * full)
    assert not imgfilt.difference_of_gaussians(image, sigma_low=2, sigma_high=2).any()


def test_gabor_stays_in_range():
    for theta, psi, sigma in [(0, 90, 3), (45, 0, 2), (30, 180, 5), (90, 37, 1.5)]:
        image = noise((40, 50), "uint8", seed=4) // 128 * 255
        got = imgfilt.gabor(image, theta=theta, psi=psi, sigma=sigma, dtype="int16")
        assert np.abs(got).max() <= 255
        dot = np.zeros((121, 121))
        dot[60, 60] = 1
        spread = imgfilt.gabor(dot, theta=theta, psi=psi, sigma=sigma)
        assert max(spread[spread > 0].sum(), -spread[spread < 0].sum()) == pytest.approx(1)


# --- chains ---

CHAINS = [
    "gaussian sigma=2 | sobel",
    "gaussian sigma=1.5 | unsharp_mask amount=1.5 | sobel",
    "box size=5 | box size=5 | laplacian",
    "median size=3 | gaussian sigma=1 | emboss",
    "sobel | gaussian sigma=1",
    "gaussian sigma=1 | canny low=20 high=60",
    "canny low=20 high=60 | gaussian sigma=1",
    "gabor psi=90 theta=45 sigma=0.87 gain=0.01 | gaussian sigma=2.89",
    "sharpen | high_pass sigma=2 | kirsch",
    "identity | identity | scharr axis=x",
    "bilateral diameter=5 | difference_of_gaussians",
    "sobel | sobel | sobel",
]


def steps_of(chain):
    for step in chain.split("|"):
        name, *words = step.split()
        pairs = (w.split("=") for w in words)
        yield name, {k: v if k == "axis" else (int(v) if v.isdigit() else float(v)) for k, v in pairs}


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("chain", CHAINS)
def test_chains_equal_their_steps(chain, border):
    """The border is extended at every step, so the fused chain must do so too."""
    for dtype in oracle.DTYPES:
        for shape in [(40, 61), (3, 4), (31, 22, 3)]:
            image = noise(shape, dtype)
            how = {"border": border, "cval": 20 if border == "constant" else 0}
            want = image
            for name, params in steps_of(chain):
                want = getattr(imgfilt, name)(want, **params, **how)
            for threads in (1, 3):
                got = imgfilt.apply(chain, image, threads=threads, **how)
                assert got.dtype == want.dtype
                if dtype[0] != "f":
                    np.testing.assert_array_equal(got, want, err_msg=f"{dtype} {shape}")
                else:
                    unit = 1e-12 if dtype == "float64" else 1e-5
                    scale = float(np.abs(image).max()) * 100
                    np.testing.assert_allclose(got, want, rtol=0, atol=unit * scale)


@pytest.mark.parametrize("cval", [200, 255, -3, 1000])
@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_the_constant_may_lie_outside_what_a_stage_can_give(dtype, cval):
    """Between stages the border is the constant, however small the stage's own responses are."""
    how = {"border": "constant", "cval": cval}
    image = noise((30, 41), dtype)
    for chain in CHAINS:
        want = image
        for name, params in steps_of(chain):
            want = getattr(imgfilt, name)(want, **params, **how)
        got = imgfilt.apply(chain, image, **how)
        if dtype[0] != "f":
            np.testing.assert_array_equal(got, want, err_msg=chain)
        else:
            scale = float(max(np.abs(image).max(), abs(cval))) * 100
            unit = 1e-12 if dtype == "float64" else 1e-5
            np.testing.assert_allclose(got, want, rtol=0, atol=unit * scale, err_msg=chain)


# --- a user's own graphs ---


def own_filter(tmp_path, nodes):
    path = tmp_path / "own.toml"
    path.write_text(f'name = "own"\nfamily = "basic"\nsummary = "A test"\n{nodes}', encoding="utf-8")
    return load(path)


SHARED = """
[[node]]
op = "convolve"
name = "a"
kernel = [[1, 2, 1], [2, 4, 2], [1, 2, 1]]

[[node]]
op = "combine"
name = "b"
inputs = ["a"]
weights = [0.0625]

[[node]]
op = "round"
name = "r"
input = "b"
rounding = "half_up"

[[node]]
op = "combine"
inputs = ["a", "r"]
weights = [0.0625, -1]
bias = 100
"""


def test_a_sum_that_is_rounded_and_used_unrounded(tmp_path):
    spec = own_filter(tmp_path, SHARED)
    flat = np.full((20, 30), 7, np.uint8)
    np.testing.assert_array_equal(imgfilt.apply_filter(spec, flat), np.full_like(flat, 100))
    for dtype in ("uint8", "uint16", "float32"):
        for shape in [(20, 30), (9, 70, 3)]:
            image = noise(shape, dtype)
            a = oracle.response(image, [[1, 2, 1], [2, 4, 2], [1, 2, 1]]).astype(Wide) / 16
            r = oracle.to_pixels(a, dtype, "half_up").astype(Wide)
            want = (a - r + 100).astype(float)
            unit = 1 if dtype[0] == "u" else 1e-6 * float(np.abs(image).max()) * 4
            assert np.abs(imgfilt.apply_filter(spec, image).astype(float) - want).max() <= unit
            got = imgfilt.apply_filter(spec, image, dtype="float64")
            unit = 1e-6 if dtype[0] == "u" else unit
            assert np.abs(got - want).max() <= max(unit, 1e-6 * 100), (dtype, shape)


def test_the_absolute_value_of_the_lowest_number(tmp_path):
    nodes = """
[[node]]
op = "convolve"
name = "a"
kernel = [[1]]

[[node]]
op = "maximum"
inputs = ["a"]
absolute = true
"""
    spec = own_filter(tmp_path, nodes)
    image = np.array([[-32768, -32767, 5, 32767]] * 3, np.int16)
    want = np.array([[32767, 32767, 5, 32767]] * 3, np.int16)
    np.testing.assert_array_equal(imgfilt.apply_filter(spec, image), want)
    wide = [[32768, 32767, 5, 32767]] * 3
    np.testing.assert_array_equal(imgfilt.apply_filter(spec, image, dtype="uint16"), wide)
    combined = own_filter(tmp_path, nodes.replace("maximum", "combine"))
    np.testing.assert_array_equal(imgfilt.apply_filter(combined, image), want)
    # Whichever input it is that reaches the lowest number.
    none = '[[node]]\nop = "convolve"\nname = "none"\ninput = "source"\nkernel = [[0]]\n'
    for inputs in ('["none", "a"]', '["a", "none"]'):
        both = own_filter(
            tmp_path,
            none + nodes.replace('name = "a"', 'name = "a"\ninput = "source"').replace('["a"]', inputs),
        )
        np.testing.assert_array_equal(imgfilt.apply_filter(both, image), want)


# --- alpha and light ---


@pytest.mark.parametrize("dtype", oracle.DTYPES)
@pytest.mark.parametrize(("name", "params"), [("gaussian", {"sigma": 1.5}), ("box", {"size": 7}),
                                              ("motion", {"length": 9, "angle": 20})])  # fmt: skip
def test_premultiplied_blurs_have_no_fringes(name, params, dtype):
    """One colour under any alpha stays that colour wherever anything is left to be seen."""
    rng = np.random.default_rng(1)
    full = oracle.full_scale(dtype)
    image = np.zeros((40, 50, 4), dtype)
    image[..., :3] = np.array([0.8, 0.4, 0.1]) * full
    image[..., 3] = np.where(rng.random((40, 50)) < 0.6, 0, rng.random((40, 50)) * full)
    image[image[..., 3] == 0, :3] = 0  # black under transparent pixels: what makes fringes elsewhere
    colour = image[image[..., 3] > 0][0, :3].astype(float)
    got = getattr(imgfilt, name)(image, **params, alpha="premultiply")
    seen = got[..., 3] > 0.02 * full
    assert seen.mean() > 0.5
    off = np.abs(got[seen][:, :3].astype(float) - colour).max()
    assert off <= (1e-5 if dtype[0] == "f" else 1)
    plain = getattr(imgfilt, name)(image[..., 3].copy(), **params)
    np.testing.assert_allclose(
        got[..., 3].astype(float), plain.astype(float), atol=1e-6 if dtype[0] == "f" else 1
    )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_premultiply_is_its_definition(dtype):
    image = noise((20, 31, 4), dtype)
    if dtype[0] == "f":
        image = np.abs(image) / np.abs(image).max()
    image[3:9, 4:20, 3] = 0
    got = imgfilt.box(image, size=5, alpha="premultiply")
    blurred = oracle.response(oracle.premultiply(image), np.full((5, 5), 1 / Wide(25)))
    want = oracle.to_pixels(oracle.unpremultiply(blurred, dtype), dtype)
    # where hardly any alpha is left, the division magnifies what came before it
    solid = blurred[..., 3] > 0.05 * oracle.full_scale(dtype)
    assert solid.mean() > 0.5
    off = np.abs(got.astype(float) - want.astype(float))[solid]
    assert off.max() <= (1 if dtype[0] == "u" else 3e-5)
    assert (got[blurred[..., 3] == 0] == 0).all()


def test_alpha_modes():
    image = noise((20, 31, 4), "uint8")
    each = imgfilt.gaussian(image, sigma=1.5, alpha="each")
    np.testing.assert_array_equal(imgfilt.gaussian(image, sigma=1.5), each)
    ignored = imgfilt.gaussian(image, sigma=1.5, alpha="ignore")
    np.testing.assert_array_equal(ignored[..., 3], image[..., 3])
    np.testing.assert_array_equal(ignored[..., :3], each[..., :3])
    opaque = image.copy()
    opaque[..., 3] = 255
    got = imgfilt.box(opaque, size=5, alpha="premultiply")
    assert np.abs(got.astype(int) - imgfilt.box(opaque, size=5).astype(int)).max() <= 1
    gray = noise((20, 31, 2), "uint8")
    np.testing.assert_array_equal(imgfilt.box(gray, size=3, alpha="ignore")[..., 1], gray[..., 1])
    for mode in ("premultiply", "ignore"):  # nothing to do without an alpha channel
        rgb = np.ascontiguousarray(image[..., :3])
        np.testing.assert_array_equal(imgfilt.box(rgb, size=3, alpha=mode), imgfilt.box(rgb, size=3))


GAINS = {
    "twice": ([[2.0]], 0),
    "negative": ([[-1.0]], 255),
    "half": ([[0.5]], 0),
    "half, lifted": ([[0.5]], 60),
    "blur, lifted": (np.full((3, 3), 1 / 9), 50),
    "bright blur": (np.full((5, 5), 3 / 25), -20),
    "edges, lifted": ([[-1, 0, 1]], 128),
}


@pytest.mark.parametrize("name", GAINS)
def test_premultiplied_kernels_of_any_gain(name):
    """On an opaque image alpha changes nothing, whatever the kernel sums to and whatever is added."""
    kernel, bias = GAINS[name]
    rgba = noise((25, 37, 4), "uint8")
    rgba[..., 3] = 255
    got = imgfilt.correlate(rgba, kernel, bias=bias, alpha="premultiply")
    want = imgfilt.correlate(np.ascontiguousarray(rgba[..., :3]), kernel, bias=bias)
    assert np.abs(got[..., :3].astype(int) - want.astype(int)).max() <= 1
    np.testing.assert_array_equal(got[..., 3], rgba[..., 3])
    pair = np.ascontiguousarray(rgba[..., 2:])
    got = imgfilt.correlate(pair, kernel, bias=bias, alpha="premultiply")
    assert np.abs(got[..., 0].astype(int) - want[..., 2].astype(int)).max() <= 1
    np.testing.assert_array_equal(got[..., 1], pair[..., 1])


@pytest.mark.parametrize("mode", ["ignore", "premultiply"])
@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_median_and_bilateral_copy_alpha(dtype, mode):
    for channels in (2, 4):
        image = noise((25, 37, channels), dtype)
        colours = np.ascontiguousarray(image[..., :-1])
        for name, params in [("median", {"size": 5}), ("bilateral", {"diameter": 5})]:
            for threads in (1, 3):
                got = getattr(imgfilt, name)(image, **params, alpha=mode, threads=threads)
                np.testing.assert_array_equal(got[..., -1], image[..., -1], err_msg=name)
                want = getattr(imgfilt, name)(colours, **params)
                np.testing.assert_array_equal(got[..., :-1], want, err_msg=name)


@pytest.mark.parametrize("mode", ["premultiply", "ignore", "each"])
@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_identity_leaves_everything_as_it_is(dtype, mode):
    for channels in (2, 4):
        image = noise((25, 37, channels), dtype)
        image[3:9, 4:20, -1] = 0  # the colours of what cannot be seen stay, too
        np.testing.assert_array_equal(imgfilt.identity(image, alpha=mode), image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_linear_light_is_its_definition(dtype):
    for shape in [(25, 40), (25, 40, 3)]:
        image = noise(shape, dtype)
        if dtype[0] == "f":
            image = np.abs(image) / np.abs(image).max()
        for name, params, kernel in [
            ("box", {"size": 5}, np.full((5, 5), 1 / Wide(25))),
            ("gaussian", {"size": 3}, np.outer([1, 2, 1], [1, 2, 1]) / 16),
        ]:
            got = getattr(imgfilt, name)(image, **params, linear_light=True)
            want = oracle.delinearize(oracle.response(oracle.linearize(image), kernel), dtype)
            off = np.abs(got.astype(float) - oracle.to_pixels(want, dtype).astype(float)).max()
            assert off <= (1 if dtype[0] == "u" else 1e-5), (name, shape)


def test_linear_light_of_black_and_white_is_brighter():
    """The mean of black and white in linear light is 188, not 128."""
    image = np.zeros((20, 20), np.uint8)
    image[::2] = 255
    kernel_rows = imgfilt.gaussian(image, size=3, linear_light=True)
    assert set(np.unique(kernel_rows)) == {188}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_linear_light_keeps_what_is_not_filtered(dtype):
    if dtype == "float32":
        image = np.linspace(0, 1, 1000, dtype=dtype).reshape(20, 50)
    else:
        top = np.iinfo(dtype).max
        image = np.linspace(0, top, 20 * 50).astype(dtype).reshape(20, 50)
    got = imgfilt.identity(image, linear_light=True)
    assert np.abs(got.astype(float) - image.astype(float)).max() <= (1e-6 if dtype[0] == "f" else 0)


def test_linear_light_does_not_decode_alpha():
    image = noise((20, 31, 4), "uint8")
    got = imgfilt.box(image, size=5, linear_light=True)
    assert np.abs(got[..., 3].astype(int) - imgfilt.box(image, size=5)[..., 3].astype(int)).max() <= 1


@pytest.mark.parametrize("channels", [3, 4])
def test_luma_of_16_bits_in_every_width(channels):
    for width in (*range(1, 45), 67):
        image = noise((3, width, channels), "uint16")
        image[0] = 65535
        np.testing.assert_array_equal(
            imgfilt.identity(image, color="luma"), oracle.luma(image), err_msg=str(width)
        )


@pytest.mark.parametrize("size", [5, 7, 9, 19, 21, 61, 127])
def test_one_channel_is_blurred_as_each_of_two(size):
    """Taps beside one another are summed by other loops than those a pixel apart."""
    for width in (1, 15, 16, 31, 33, 64, 65, 130, 257):
        image = noise((9, width, 2), "uint8")
        for run in (
            lambda part: imgfilt.gaussian(part, sigma=size / 6, size=size),
            lambda part: imgfilt.unsharp_mask(part, sigma=size / 16),
        ):
            both = run(image)
            for c in range(2):
                one = run(np.ascontiguousarray(image[..., c]))
                np.testing.assert_array_equal(one, both[..., c], err_msg=f"{width} pixels")
