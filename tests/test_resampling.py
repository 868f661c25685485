"""Strides, dilation, pyramids and enlarging: against the oracle, OpenCV, Pillow and SciPy."""

import itertools
import subprocess
import sys

import cv2
import hypothesis.strategies as st
import numpy as np
import oracle
import pytest
import scipy.signal
from cases import INPUTS, KERNELS, VIEWS, dyadic, may_refuse, noise
from hypothesis import given
from PIL import Image

import imgfilt
from imgfilt.resampling import KERNELS as INTERPOLATORS

BACKENDS = tuple(imgfilt.backends())


def run(backend, image, weights, refusing=None, **how):
    """The result of `backend`, or None where it is free to refuse `refusing` (by default the weights)."""
    try:
        return imgfilt.correlate(image, weights, backend=backend, **how)
    except ValueError as error:
        message = str(error)
    assert may_refuse(backend, weights if refusing is None else refusing), (
        f"{backend} must do this, but: {message}"
    )
    assert backend in message
    return None


def agree(got, image, weights, response, context, cval=0.0):
    """`got` is `response` rounded, within what the package promises of correlations."""
    want = oracle.to_pixels(response, image.dtype)
    assert got.dtype == want.dtype
    assert got.shape == want.shape, context
    if image.dtype.kind in "iu":
        off = np.abs(got.astype(np.int64) - want.astype(np.int64)).max()
        assert off <= (0 if dyadic(weights) else 1), (context, off)
    else:
        unit = 1e-13 if image.dtype == np.float64 else 1e-6
        off = np.abs(got.astype(oracle.Wide) - want.astype(oracle.Wide)).max()
        assert off <= unit * oracle.scale(image, weights, cval), (context, float(off))


# --- strides and dilation ---


@pytest.mark.parametrize("kernel", [k for k in KERNELS if "31x31" not in k])
@pytest.mark.parametrize("border", oracle.BORDERS)
def test_strides(kernel, border):
    weights, anchor = KERNELS[kernel]
    how = {"border": border, "anchor": anchor, "cval": 3 if border == "constant" else 0}
    strides = itertools.cycle([(1, 2), (2, 1), (2, 2), (3, 3), (5, 4), (1, 7), (20, 40)])
    next(itertools.islice(strides, len(kernel) % 7, None))
    for dtype, (shape, name) in itertools.product(
        oracle.DTYPES,
        [((17, 33), "noise"), ((23, 40, 3), "checkerboard"), ((1, 9), "max"), ((9, 2, 4), "noise")],
    ):
        stride = next(strides)
        image = INPUTS[name](shape, dtype)
        whole = oracle.response(image, weights, **how)
        for backend in ("auto", *BACKENDS):
            got = run(backend, image, weights, stride=stride, **how)
            if got is not None:
                agree(
                    got, image, weights, whole[:: stride[0], :: stride[1]], (backend, dtype, shape, stride), 3
                )


@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_dilation(dtype):
    for kernel in ("sobel 3x3", "random 7x7", "4x3, anchor in a corner", "box 3x3 mean", "row 1x7"):
        weights, anchor = KERNELS[kernel]
        ay, ax = anchor or (weights.shape[0] // 2, weights.shape[1] // 2)
        for apart, stride in [((2, 2), 1), ((1, 5), 2), ((3, 1), (1, 3)), ((9, 9), 2)]:
            wide = oracle.dilate(weights, apart)
            for border in ("reflect101", "wrap", "constant"):
                image = noise((31, 26, 3), dtype)
                whole = oracle.response(
                    image, wide, anchor=(ay * apart[0], ax * apart[1]), border=border, cval=2
                )
                sy, sx = stride if isinstance(stride, tuple) else (stride, stride)
                for backend in ("auto", *BACKENDS):
                    how = {"anchor": anchor, "border": border, "cval": 2, "stride": stride, "dilation": apart}
                    got = run(backend, image, weights, refusing=wide, **how)
                    if got is None:
                        continue
                    agree(got, image, weights, whole[::sy, ::sx], (backend, kernel, apart), 2)


@given(st.data())
def test_strides_and_dilation_of_anything(data):
    sizes = st.integers(1, 6)
    draw = data.draw
    dtype = draw(st.sampled_from(oracle.DTYPES))
    shape = (
        draw(st.integers(1, 40)),
        draw(st.integers(1, 70)),
        *draw(st.sampled_from([(), (1,), (3,), (4,), (6,)])),
    )
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    weights = rng.integers(-9, 10, (draw(sizes), draw(sizes))).astype(float)
    anchor = tuple(int(rng.integers(n)) for n in weights.shape)
    stride, apart = (draw(sizes), draw(st.integers(1, 11))), (draw(sizes), draw(sizes))
    how = {"border": draw(st.sampled_from(oracle.BORDERS)), "cval": 7}
    image = noise(shape, dtype)
    wide = oracle.dilate(weights, apart)
    far = (anchor[0] * apart[0], anchor[1] * apart[1])
    whole = oracle.response(image, wide, anchor=far, **how)[:: stride[0], :: stride[1]]
    one = imgfilt.correlate(image, weights, anchor=anchor, stride=stride, dilation=apart, threads=1, **how)
    agree(one, image, weights, whole, (shape, dtype, stride, apart), 7)
    three = imgfilt.correlate(image, weights, anchor=anchor, stride=stride, dilation=apart, threads=3, **how)
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(("stride", "apart"), [(3, 1), (2, 2), (4, 3), ((5, 2), 1)])
def test_strided_rows_that_are_too_long_for_the_first_cache(dtype, stride, apart):
    image = noise((41, 3100, 3), dtype)
    sy, sx = np.broadcast_to(stride, 2).tolist()
    for weights in (noise((3, 3), "float64"), np.ones((7, 7)) / 49):
        wide = oracle.dilate(weights, (apart, apart))
        anchor = tuple((n - 1) // 2 for n in wide.shape)
        whole = oracle.response(image, wide, anchor=anchor)[::sy, ::sx]
        got = imgfilt.correlate(image, weights, stride=stride, dilation=apart, threads=1)
        agree(got, image, weights, whole, (dtype, stride, apart, weights.shape), 7)


def test_convolve_takes_strides_and_dilation():
    image = noise((20, 30), "uint8")
    w = np.arange(6).reshape(2, 3)
    for how in ({"stride": (2, 3)}, {"dilation": (3, 2)}, {"stride": 2, "dilation": 4}):
        got = imgfilt.convolve(image, w, dtype="float64", **how)
        apart, (sy, sx) = (np.broadcast_to(how.get(k, 1), 2).tolist() for k in ("dilation", "stride"))
        wide = oracle.dilate(w, apart)
        want = oracle.convolve(image, wide, anchor=(apart[0], apart[1]), dtype="float64")[::sy, ::sx]
        np.testing.assert_array_equal(got, want)


def test_a_nan_reaches_as_far_as_the_kernel_in_strided_results():
    image = np.ones((30, 40), np.float32)
    image[11, 17] = np.nan
    weights = np.ones((3, 3))
    whole = np.isnan(oracle.response(image, weights))[::2, ::3]
    for backend in ("direct", "separable", "box"):
        got = imgfilt.correlate(image, weights, backend=backend, stride=(2, 3))
        np.testing.assert_array_equal(np.isnan(got), whole)


def test_only_the_wanted_rows_are_made():
    plan = imgfilt.plan(np.ones((3, 3)) / 7, (1000, 1000), stride=8)
    assert plan.out_shape == (125, 125)
    whole = imgfilt.plan(np.ones((3, 3)) / 7, (1000, 1000), backend=plan.backend)
    assert plan.seconds < whole.seconds / 2


@pytest.mark.parametrize("view", VIEWS)
def test_views_and_out(view):
    for dtype, channels in itertools.product(("uint8", "float32"), ((), (3,))):
        image = VIEWS[view](noise((18, 25, *channels), dtype))
        for function in (
            imgfilt.pyr_down,
            imgfilt.pyr_up,
            lambda a, **k: imgfilt.upsample(a, 3, "bilinear", **k),
        ):
            want = function(np.ascontiguousarray(image))
            np.testing.assert_array_equal(function(image), want)
            out = np.zeros((*want.shape[:1], 2 * want.shape[1], *want.shape[2:]), dtype)[:, ::2]
            assert function(image, out=out) is out
            np.testing.assert_array_equal(out, want)


def test_alpha_and_light():
    image = noise((20, 31, 4), "uint8")
    image[..., 3] = 255
    for function in (imgfilt.pyr_down, imgfilt.pyr_up, lambda a, **k: imgfilt.upsample(a, 2, **k)):
        opaque = function(image[..., :3].copy())
        weighted = function(image, alpha="premultiply")
        assert np.abs(weighted[..., :3].astype(int) - opaque).max() <= 1
        assert (weighted[..., 3] == 255).all()
        flat = np.full((9, 9, 3), 77, np.uint8)
        assert (function(flat, linear_light=True) == 77).all()
    image = noise((20, 31, 4), "uint8", seed=2)
    copied = imgfilt.pyr_down(image, alpha="ignore")
    np.testing.assert_array_equal(copied[..., 3], image[::2, ::2, 3])
    np.testing.assert_array_equal(copied[..., :3], imgfilt.pyr_down(image)[..., :3])
    with pytest.raises(ValueError, match="alpha='ignore'"):
        imgfilt.pyr_up(image, alpha="ignore")


def test_pil_images_grow():
    small = Image.new("RGBA", (7, 5), (10, 200, 30, 128))
    big = imgfilt.upsample(small, 3, "lanczos")
    assert (big.mode, big.size) == ("RGBA", (21, 15))
    assert big.getpixel((10, 7)) == (10, 200, 30, 128)
    assert imgfilt.pyr_down(small).size == (4, 3)


def test_the_source_may_be_the_result_in_no_way():
    image = noise((20, 20), "uint8")
    want = imgfilt.pyr_down(image.copy())
    np.testing.assert_array_equal(imgfilt.pyr_down(image, out=image[:10, :10]), want)


# --- pyramids ---

BORDERS = {
    "reflect101": cv2.BORDER_REFLECT_101,
    "replicate": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "wrap": cv2.BORDER_WRAP,
}
SHAPES = [
    (61, 83),
    (40, 57, 3),
    (33, 70, 4),
    (1, 1),
    (1, 7),
    (2, 2),
    (3, 1),
    (5, 4, 2),
    (2, 130, 3),
    (130, 263, 3),
]


def like_opencv(got, image, want, tolerance):
    want = want.reshape(got.shape)
    assert got.dtype == image.dtype
    off = np.abs(got.astype(np.float64) - want.astype(np.float64)).max()
    assert off <= tolerance * np.abs(image.astype(np.float64)).max(), (image.shape, image.dtype, off)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
def test_pyramids_equal_opencv(dtype):
    tolerance = {"float32": 1e-6, "float64": 1e-13}.get(dtype, 0)
    for shape in SHAPES:
        for make in INPUTS.values():
            image = make(shape, dtype)
            like_opencv(imgfilt.pyr_up(image), image, cv2.pyrUp(image), tolerance)
            for border, code in BORDERS.items():
                got = imgfilt.pyr_down(image, border=border)
                like_opencv(got, image, cv2.pyrDown(image, borderType=code), tolerance)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_pyramids_of_other_sizes_equal_opencv(channels):
    for height, width in itertools.product((7, 8), (9, 10, 131)):
        image = noise((height, width, *channels), "uint8")
        downs = [[n for n in range(1, 90) if abs(2 * n - side) <= 2] for side in (height, width)]
        for size in itertools.product(*downs):
            got = imgfilt.pyr_down(image, size=size)
            # A column beyond the image is centred on the image's last by OpenCV, while a row is on the next one.
            same = slice(None, -1 if 2 * size[1] == width + 2 else None)
            np.testing.assert_array_equal(got[:, same], cv2.pyrDown(image, dstsize=size[::-1])[:, same])
            turned = imgfilt.pyr_down(image.swapaxes(0, 1), size=size[::-1])
            np.testing.assert_array_equal(got, turned.swapaxes(0, 1))
        for size in itertools.product(*[(2 * n - 1, 2 * n, 2 * n + 1) for n in (height, width)]):
            got = imgfilt.pyr_up(image, size=size)
            np.testing.assert_array_equal(got, cv2.pyrUp(image, dstsize=size[::-1]))


@pytest.mark.parametrize("border", ["reflect", "replicate", "wrap", "constant"])
def test_other_borders_extend_the_image_as_given(border):
    taps = np.array([1, 4, 6, 4, 1]) / 8
    image = noise((9, 14, 3), "uint8")
    response = oracle.transposed(image, np.outer(taps, taps), (2, 2), anchor=(2, 2), border=border, cval=9)
    want = oracle.to_pixels(response, "uint8", "half_up")
    np.testing.assert_array_equal(imgfilt.pyr_up(image, border=border, cval=9), want)
    if border == "constant":
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), constant_values=9)
        want = imgfilt.pyr_down(padded)[1:6, 1:8]
        np.testing.assert_array_equal(imgfilt.pyr_down(image, border=border, cval=9), want)


def test_every_instruction_set_and_thread_count_gives_the_same_bits():
    code = (
        "import numpy as np, imgfilt, zlib\n"
        "r = np.random.default_rng(5)\n"
        "for dtype in ('uint8', 'uint16', 'int16'):\n"
        "    for shape in ((61, 230), (40, 157, 3), (33, 170, 4), (50, 99, 2)):\n"
        "        x = r.integers(0, 255, shape).astype(dtype)\n"
        "        for t in (1, 2, 5):\n"
        "            for f in (imgfilt.pyr_down, imgfilt.pyr_up):\n"
        "                print(zlib.crc32(f(x, threads=t).tobytes()))\n"
        "            for s in (2, 3, 4):\n"
        "                print(zlib.crc32(imgfilt.upsample(x, s, 'bilinear', threads=t).tobytes()))\n"
        "                print(zlib.crc32(imgfilt.correlate(x, [[1, 2, 1]] * 2, stride=s, threads=t).tobytes()))\n"
    )
    import os

    from imgfilt import _native

    printed = {
        isa: subprocess.run(
            [sys.executable, "-P", "-c", code],
            env={**os.environ, "IMGFILT_ISA": isa},
            capture_output=True,
            check=True,
        ).stdout.split()
        for isa in _native.isas()
    }
    first, *others = printed.values()
    for other in others:
        assert other == first
    for start in range(0, len(first), 24):  # 8 results for each of the three thread counts
        assert first[start : start + 8] == first[start + 8 : start + 16] == first[start + 16 : start + 24]


# --- enlarging ---


@pytest.mark.parametrize("kernel", INTERPOLATORS)
@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_upsample(kernel, dtype):
    for factor, border, shape in [((2, 2), "replicate", (13, 17, 3)), ((3, 3), "reflect101", (11, 40)),
                                  ((4, 1), "wrap", (5, 9, 4)), ((1, 5), "reflect", (5, 33, 3)),
                                  ((8, 3), "constant", (4, 6, 2)), ((2, 9), "replicate", (3, 21))]:  # fmt: skip
        column, row = (INTERPOLATORS[kernel](s) for s in factor)
        weights = np.outer(column, row)
        anchor = tuple(max(0, (n - s + 1) // 2) for n, s in zip(weights.shape, factor, strict=True))
        for make in INPUTS.values():
            image = make(shape, dtype)
            got = imgfilt.upsample(image, factor, kernel, border=border, cval=5)
            response = oracle.transposed(image, weights, factor, anchor=anchor, border=border, cval=5)
            agree(got, image, weights, response, (kernel, factor, border), 5)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_constant_borders_wider_than_the_image(width):
    """Beyond a constant border each phase has its own sum; here one has no taps at all."""
    image = noise((2, width), "float32")
    weights = np.array([[1.0, 2, 3, 4, 5]])
    got = imgfilt.upsample(image, (2, 1), weights, anchor=0, gain="any", border="constant", cval=4)
    response = oracle.transposed(image, weights, (2, 1), anchor=(0, 0), border="constant", cval=4)
    agree(got, image, weights, response, (width,), 4)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_phases_without_taps(dtype):
    """A kernel narrower than the factor: every second column is 0, whatever the image."""
    image, weights = noise((5, 7), dtype), np.array([[0.25], [0.6], [0.15]])
    got = imgfilt.upsample(image, 2, weights, anchor=(1, 0), gain="any", border="reflect101")
    response = oracle.transposed(image, weights, (2, 2), anchor=(1, 0), border="reflect101")
    agree(got, image, weights, response, dtype)


@given(st.data())
def test_upsample_by_any_kernel(data):
    draw = data.draw
    dtype = draw(st.sampled_from(oracle.DTYPES))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    factor = (draw(st.integers(1, 5)), draw(st.integers(1, 9)))
    size = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    weights = rng.integers(-5, 6, size).astype(float)
    if draw(st.booleans()):
        weights = np.outer(weights[:, 0], weights[0])
    anchor = tuple(int(rng.integers(n)) for n in size)
    border = draw(st.sampled_from(oracle.BORDERS))
    shape = (
        draw(st.integers(1, 20)),
        draw(st.integers(1, 50)),
        *draw(st.sampled_from([(), (3,), (4,), (7,)])),
    )
    image = noise(shape, dtype)
    response = oracle.transposed(image, weights, factor, anchor=anchor, border=border, cval=4)
    for threads in (1, 3):
        got = imgfilt.upsample(
            image, factor, weights, anchor=anchor, gain="any", border=border, cval=4, threads=threads
        )
        agree(got, image, weights, response, (dtype, shape, factor, size, anchor, border), 4)


def test_upsample_equals_upfirdn():
    rng = np.random.default_rng(3)
    for factor, taps in itertools.product((2, 3, 5), (1, 4, 9)):
        h, x = rng.normal(size=taps), rng.normal(size=(1, 40))
        want = scipy.signal.upfirdn(h, x[0], up=factor)
        got = imgfilt.upsample(x, (1, factor), h[None], anchor=(0, 0), gain="any", border="constant")[0]
        np.testing.assert_allclose(got[: len(want)], want[: len(got)], atol=1e-12)


def test_upsample_is_where_resizing_programs_put_it():
    image = noise((15, 22), "float32")
    inside = (slice(16, -16), slice(16, -16))
    for factor in (2, 3, 4):
        size = (22 * factor, 15 * factor)
        want = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(imgfilt.upsample(image, factor, "bilinear"), want, atol=2e-4)
        want = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
        np.testing.assert_array_equal(imgfilt.upsample(image, factor, "nearest"), want)
        for name, way in (("bicubic", Image.Resampling.BICUBIC), ("lanczos", Image.Resampling.LANCZOS)):
            want = np.asarray(Image.fromarray(image).resize(size, way))
            np.testing.assert_allclose(imgfilt.upsample(image, factor, name)[inside], want[inside], atol=2e-4)


@pytest.mark.parametrize("kernel", INTERPOLATORS)
def test_no_checkerboard(kernel):
    for factor in (2, 3, 4, 7):
        taps = INTERPOLATORS[kernel](factor)
        for r in range(factor):
            assert taps[r::factor].sum() == pytest.approx(1, abs=1e-14)
        for value in (0, 1, 127, 255):
            flat = np.full((6, 7, 3), value, np.uint8)
            assert (imgfilt.upsample(flat, factor, kernel) == value).all()


def test_kernels_whose_phases_differ():
    image = np.full((4, 4), 100, np.uint8)
    with pytest.raises(ValueError, match=r"checkerboard.*gain='normalize'"):
        imgfilt.upsample(image, 2, [1, 2, 1.5])
    assert (imgfilt.upsample(image, 2, [1, 2, 1.5], gain="normalize") == 100).all()
    assert len(np.unique(imgfilt.upsample(image, 2, [0.5, 1, 0.75], gain="any"))) > 1
    with pytest.raises(ValueError, match="one of them is 0"):
        imgfilt.upsample(image, 3, [1, 2], gain="normalize")
    assert imgfilt.upsample(image, 2, [1.0], gain="any").tolist()[:2] == [[100, 0] * 4, [0] * 8]


def test_an_empty_phase_is_0_beside_infinity():
    image = np.full((2, 2), np.inf, np.float32)
    got = imgfilt.upsample(image, 2, [1.0], gain="any")
    assert got.tolist() == [[np.inf, 0, np.inf, 0], [0, 0, 0, 0]] * 2


# --- plans and errors ---


def test_plans_tell_what_is_done():
    down = imgfilt.plan("pyr_down", (101, 200, 3))
    assert (down.out_shape, down.backend, down.bound) == ((51, 100, 3), "separable", 0)
    assert "of every 2. row" in str(down)
    assert "stride 2x2" in str(down)
    up = imgfilt.plan("pyr_up", (101, 200), "uint16", size=(203, 399))
    assert (up.out_shape, up.backend, up.bound) == ((203, 399), "polyphase", 0)
    more = imgfilt.plan("upsample", (20, 30, 3), "float32", factor=(3, 2), kernel="lanczos")
    assert more.out_shape == (60, 60, 3)
    assert "no zero is inserted" in str(more)
    assert more.to_dict()["out_shape"] == [60, 60, 3]
    assert imgfilt.plan(np.eye(3), (10, 11), stride=(3, 2), dilation=4).out_shape == (4, 6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda x: imgfilt.correlate(x, [[1]], stride=0),
            "stride must be a positive integer or a pair of them, got 0",
        ),
        (lambda x: imgfilt.correlate(x, [[1]], stride=(1, 2, 3)), "stride must be"),
        (lambda x: imgfilt.correlate(x, [[1]], dilation=1.5), "dilation must be .* got 1.5"),
        (lambda x: imgfilt.correlate(x, np.ones((9, 9)), dilation=1000), "8001 x 8001 weights"),
        (lambda x: imgfilt.pyr_down(x, size=(9, 9)), r"size must be .* got \(9, 9\)"),
        (lambda x: imgfilt.pyr_up(x, size=(12, 12)), r"size must be twice the image's \(5, 6\)"),
        (lambda x: imgfilt.upsample(x, 0), "factor must be"),
        (lambda x: imgfilt.upsample(x, 65), "at most 64"),
        (
            lambda x: imgfilt.upsample(x, 2, "cubic"),
            "nearest, bilinear, bicubic, lanczos, gaussian, or weights",
        ),
        (lambda x: imgfilt.upsample(x, 2, "bicubic", anchor=1), "anchor is for kernels given as weights"),
        (lambda x: imgfilt.upsample(x, 2, [1, 1], anchor=2), "anchor must lie inside the 2 x 2 kernel"),
        (lambda x: imgfilt.upsample(x, 2, gain="yes"), "gain must be one of check, normalize, any"),
        (lambda x: imgfilt.upsample(x, 2, out=x), "out"),
        (lambda x: imgfilt.pyr_down(x, backend="box"), "box"),
        (lambda x: imgfilt.plan("pyr_up", (4, 4), backend="direct"), "only 'polyphase' enlarges"),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError, match=words) as caught:
        call(np.zeros((5, 6), np.uint8))
    assert "\n" not in str(caught.value)


def test_unknown_parameters():
    with pytest.raises(TypeError, match="pyr_down has no parameter 'sigma'; it has size"):
        imgfilt.plan("pyr_down", (4, 4), sigma=2)


def test_bands_of_rows_are_refused():
    rows = imgfilt.RowImage((90, 64), "uint8", lambda first, rows: None)
    with pytest.raises(ValueError, match="changes the size"):
        imgfilt.pyr_down(rows)
