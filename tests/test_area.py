"""The native median, bilateral, Canny and summed-area table against the oracle and OpenCV."""

from __future__ import annotations

import itertools
import re
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import oracle
import pytest
from cases import VIEWS, noise
from numpy.typing import NDArray

import imgfilt
import imgfilt._native as native

Array = NDArray[Any]
BORDER = {name: i for i, name in enumerate(oracle.BORDERS)}
THREADS = (1, 2, 5)
SHAPES = [(1, 1), (1, 13), (17, 1), (3, 2), (23, 37), (9, 70, 3)]


def same_on_all_threads(run: Any, image: Array, *more: Any, out: Array | None = None) -> Array:
    """What `run` writes, checked to be the same for 1, 2 and 5 threads."""
    outs = []
    for threads in THREADS:
        outs.append(np.full_like(image, 77, order="C") if out is None else np.full_like(out, 77))
        run(image, outs[-1], *more, threads)
    for other in outs[1:]:
        np.testing.assert_array_equal(other, outs[0])
    result: Array = outs[0]
    return result


def median(image: Array, size: int, border: str = "reflect101", cval: float = 0.0) -> Array:
    return same_on_all_threads(partial(native.median, size, BORDER[border]), image, cval)


def bilateral(image: Array, diameter: int, colour: float, space: float, border: str = "reflect101") -> Array:
    return same_on_all_threads(partial(native.bilateral, diameter, colour, space, BORDER[border]), image, 5.0)


def canny(image: Array, low: float, high: float, border: str = "replicate", cval: float = 0.0) -> Array:
    out = np.empty(image.shape, dtype=np.uint8)
    return same_on_all_threads(partial(native.canny, low, high, BORDER[border]), image, cval, out=out)


def integral(image: Array, dtype: str) -> Array:
    height, width, *channels = image.shape
    out = np.empty((height + 1, width + 1, *channels), dtype=dtype)
    return same_on_all_threads(native.integral, image, out=out)


def smooth(shape: tuple[int, ...], dtype: str = "uint8") -> Array:
    """Something like a photograph: broad shapes, edges and a little noise."""
    rng = np.random.default_rng(3)
    y, x = np.indices(shape[:2])
    base = 120 + 80 * np.sin(x / 17) * np.cos(y / 11) + 50 * ((x // 40 + y // 30) % 2)
    if len(shape) == 3:
        base = np.stack([np.roll(base, 9 * c, axis=1) for c in range(shape[2])], axis=2)
    return np.clip(base + rng.normal(0, 4, shape), 0, 255).astype(dtype)


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_median_is_the_oracles(dtype, border):
    for shape, size in itertools.product(SHAPES, (1, 3, 5, 7, 9, 11)):
        image = noise(shape, dtype)
        np.testing.assert_array_equal(
            median(image, size, border, 9), oracle.median(image, size, border, 9), err_msg=f"{shape} {size}"
        )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("size", [21, 23, 31])
def test_large_medians(dtype, size):
    image = noise((45, 130), dtype)
    np.testing.assert_array_equal(median(image, size), oracle.median(image, size))


@pytest.mark.parametrize("size", [3, 5, 7, 9, 15, 21, 23, 51, 101, 255, 257])
def test_median_is_opencvs(size):
    for image in (smooth((150, 401)), noise((70, 211, 3), "uint8"), np.zeros((40, 140), np.uint8)):
        np.testing.assert_array_equal(median(image, size, "replicate"), cv2.medianBlur(image, size))


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("size", [3, 5])
def test_median_of_wider_types_is_opencvs(dtype, size):
    image = noise((61, 333, 3), dtype)
    np.testing.assert_array_equal(median(image, size, "replicate"), cv2.medianBlur(image, size))


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("shape", [(19, 31), (19, 31, 3)])
def test_any_strides(shape, name):
    for dtype in ("uint8", "float32"):
        image = VIEWS[name](noise(shape, dtype))
        for size in (5, 9):
            want = oracle.median(image, size)
            np.testing.assert_array_equal(median(image, size), want)
            room = VIEWS["every third column"](
                np.zeros((want.shape[0], want.shape[1] * 3, *want.shape[2:]), dtype)
            )
            native.median(size, BORDER["reflect101"], image, room, 0.0, 2)
            np.testing.assert_array_equal(room, want)
        image8 = image.astype("uint8")
        want = oracle.to_pixels(oracle.bilateral(image8, 5, 30, 2), "uint8").astype(int)
        assert np.abs(bilateral(image8, 5, 30, 2) - want).max() <= 1
        if image.ndim == 2:
            np.testing.assert_array_equal(canny(image8, 90, 200), oracle.canny(image8, 90, 200))
        np.testing.assert_array_equal(integral(image8, "int32"), oracle.integral(image8))
        room = np.zeros((image.shape[0] + 1, 2 * (image.shape[1] + 1), *image.shape[2:]), "int64")[:, ::2]
        native.integral(image8, room, 3)
        np.testing.assert_array_equal(room, oracle.integral(image8))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [3, 5, 9])
def test_nan_is_the_largest_value(dtype, size):
    image = noise((30, 40), dtype)
    rng = np.random.default_rng(1)
    nan = np.copysign(np.nan, rng.choice([-1, 1], image.shape))
    image = np.where(rng.random(image.shape) < 0.4, nan, image).astype(dtype)
    image[:2, :2] = [[np.inf, -np.inf], [0.0, -0.0]]
    np.testing.assert_array_equal(median(image, size), oracle.median(image, size))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("column", [0, 20, 45, 139])
def test_signs_that_turn_up_late_in_a_row(dtype, size, column):
    image = np.abs(noise((13, 140), dtype))
    image[5:, column] = [-1.0, -0.0, -np.inf, -np.nan, -2.0, 0.0, np.inf, -0.5]
    np.testing.assert_array_equal(median(image, size), oracle.median(image, size))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("size", [3, 5])
def test_median_of_few_rows_and_about_a_vector_of_columns(dtype, size):
    for height, width in itertools.product((1, 2, 7, 8, 9, 10, 17), (1, 2, 3, 15, 16, 17, 18, 33, 66, 129)):
        image = noise((height, width), dtype)
        np.testing.assert_array_equal(
            median(image, size, "replicate"), cv2.medianBlur(image, size), err_msg=f"{height} x {width}"
        )
    for value in (0, np.iinfo(dtype).max if dtype != "float32" else np.inf):
        image = np.full((20, 140), value, dtype)
        np.testing.assert_array_equal(median(image, size), image)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_selection_networks_against_all_sorted_matrices(size):
    """The 0-1 principle: each network must be right for every 0-1 matrix sorted along both axes."""
    source = (Path(__file__).parents[1] / "imgfilt/native/area_median.hpp").read_text()
    found = re.search(rf"struct Network<{size}>.*?select\[\] = (.*?);.*?selected = (\d+)", source, re.DOTALL)
    assert found is not None
    net = [(int(a), int(b)) for a, b in re.findall(r"\{\s*(\d+),\s*(\d+)\}", found[1])]
    half = (size * size + 1) // 2
    kept = [
        (row, t)
        for t in range(size)
        for row in range(size)
        if (row + 1) * (t + 1) <= half and (size - row) * (size - t) <= half
    ]
    for ones in itertools.combinations_with_replacement(range(size + 1), size):
        values = [row >= size - ones[t] for row, t in kept]
        for low, high in net:
            values[low], values[high] = values[low] and values[high], values[low] or values[high]
        assert values[int(found[2])] == (sum(ones) >= half)


@pytest.mark.parametrize("border", oracle.BORDERS)
@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_bilateral_is_the_oracles(dtype, border):
    for shape, diameter in itertools.product([*SHAPES, (7, 9, 2), (5, 20, 4), (6, 8, 5)], (1, 4, 9)):
        image = noise(shape, dtype)
        scale = {"uint8": 1, "uint16": 257, "int16": 257}.get(dtype, 0.3)
        want = oracle.bilateral(image, diameter, 60 * scale, 2.5, border, 5)
        got = bilateral(image, diameter, 60 * scale, 2.5, border)
        if image.dtype.kind == "f":
            np.testing.assert_allclose(got, want, rtol=0, atol={"float32": 2e-4, "float64": 1e-10}[dtype])
        else:
            assert np.abs(got.astype(float) - want).max() < 0.55


@pytest.mark.parametrize("shape", [(120, 253), (120, 253, 3)])
@pytest.mark.parametrize("sigmas", [(30, 3), (5, 1), (150, 10)])
def test_bilateral_is_opencvs(shape, sigmas):
    for image in (smooth(shape), noise(shape, "uint8")):
        want = cv2.bilateralFilter(image, 9, *sigmas).astype(int)
        assert np.abs(bilateral(image, 9, *sigmas) - want).max() <= 1


@pytest.mark.parametrize("border", oracle.BORDERS)
def test_canny_is_the_oracles(border):
    for shape, (low, high) in itertools.product(SHAPES[:5], [(0, 0), (100, 300), (400.5, 200), (-3, 1e9)]):
        image = noise(shape, "uint8")
        want = oracle.canny(image, min(low, high), max(low, high), border, 7)
        np.testing.assert_array_equal(canny(image, low, high, border, 7), want)


def test_canny_is_opencvs():
    from skimage import data

    rng = np.random.default_rng(0)
    spiral = np.zeros((300, 300), np.uint8)
    t = np.linspace(0, 60, 40000)
    spiral[(150 + 2.3 * t * np.sin(t)).astype(int), (150 + 2.3 * t * np.cos(t)).astype(int)] = 90
    spiral[150:152, 150:152] = 255
    images = [data.camera(), smooth((200, 330)), noise((130, 259), "uint8"), spiral]
    images += [
        rng.integers(0, 2, shape, dtype=np.uint8) * 255 for shape in [(40, 63), (41, 64), (42, 65), (2, 200)]
    ]
    for image, (low, high) in itertools.product(
        images, [(50, 150), (10, 20), (33.5, 80.7), (100, 900), (0, 2039)]
    ):
        np.testing.assert_array_equal(canny(image, low, high), cv2.Canny(image, low, high))


@pytest.mark.parametrize("width", [1, 23, 24, 31, 63, 64, 65, 200])
def test_canny_writes_into_any_rows(width):
    """The bits of a row lie in the output's row where there is room, from an aligned address on."""
    image = noise((37, width), "uint8")
    want = cv2.Canny(image, 90, 200)
    room = np.full((2, 37, 3 * width + 5), 9, np.uint8)
    rows = [room[0, :, i : i + width] for i in range(9) if i < 2 * width]
    for out in [
        *rows,
        room[0, ::-1, 1 : width + 1],
        room[0, :, : 3 * width : 3],
        room[0, :, width - 1 :: -1],
    ]:
        room[:] = 9
        for threads in THREADS:
            native.canny(90, 200, BORDER["replicate"], image, out, 0.0, threads)
            np.testing.assert_array_equal(out, want)
        out[:] = 9
        assert (room == 9).all()


@pytest.mark.parametrize(
    ("width", "dtype"), [(1282, "uint8"), (513, "float32"), (514, "float32"), (257, "float64")]
)
def test_canny_beyond_a_constant_border_of_long_rows_is_the_constant(width, dtype):
    image = np.random.default_rng(0).integers(0, 256, (6, 1, width)).astype(np.uint8)
    for row in image:
        want = oracle.canny(row, 5, 300, "constant", 9)
        for before in (0, 200, 90):  # what an earlier call leaves in memory
            _ = [np.full(size, before, dtype) for size in range(200, 40_000, 150)]
            del _
            imgfilt.canny(
                np.full((40, width), before, dtype), low=5, high=300, border="constant", cval=before
            )
            got = imgfilt.canny(row.astype(dtype), low=5, high=300, border="constant", cval=9, threads=1)
            np.testing.assert_array_equal(got > 0, want > 0)


@pytest.mark.parametrize("shape", [(21, 1281), (75, 1343), (70, 2600), (31000, 505)])
def test_canny_of_long_rows_and_many(shape):
    """Rows are done in pieces. The last image has too many to keep the bits of rows that lie unevenly elsewhere."""
    few = smooth((500, shape[1]))
    few[::7, ::5] //= 2
    image = np.resize(few, shape)
    np.testing.assert_array_equal(canny(image, 150, 400), cv2.Canny(image, 150, 400))


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32", "float64"])
def test_canny_of_wider_types_is_that_of_bytes(dtype):
    """Values that are whole and few: the same edges as in 8 bits, however they are scaled."""
    image = smooth((120, 203)) // 4
    scale = {"uint16": 257, "int16": 128, "float32": 0.25, "float64": 2.0**-10}[dtype]
    got = canny((image.astype("float64") * scale).astype(dtype), 20.5 * scale, 40.5 * scale)
    np.testing.assert_array_equal(got, canny(image, 20.5, 40.5))


@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_integral_is_the_oracles(dtype):
    for shape in [*SHAPES, (300, 83), (133, 40, 4), (40, 21, 5)]:
        image = noise(shape, dtype)
        want = oracle.integral(image)
        if image.dtype.kind == "f":
            scale = np.abs(image).astype(float).sum()
            np.testing.assert_allclose(
                integral(image, "float64"), want.astype(float), rtol=0, atol=1e-14 * scale
            )
            continue
        for accumulator in ("int32", "int64", "float64"):
            np.testing.assert_array_equal(integral(image, accumulator), want)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_integral_of_extremes_and_rows_of_any_length(dtype, channels):
    for width in (*range(1, 35), 47, 48, 49, 95, 96, 97, 300):
        shape = (3, width, channels)
        for image in (noise(shape, dtype), *(np.full(shape, v, dtype) for v in _limits(dtype))):
            want = oracle.integral(image)
            for accumulator in ("int32", "float64"):
                np.testing.assert_array_equal(integral(image, accumulator), want, err_msg=str(width))


def _limits(dtype: str) -> tuple[int, int]:
    return np.iinfo(dtype).min, np.iinfo(dtype).max


@pytest.mark.parametrize("dtype", oracle.DTYPES)
def test_images_that_are_worth_several_threads(dtype):
    tall, colours = noise((2903, 67), dtype), noise((901, 55, 3), dtype)
    for size in (3, 5, 7):
        median(tall, size)
        median(colours, size, "wrap")
    canny(tall, 100, 200)
    if dtype[0] != "f":
        image = noise((1501, 1407), dtype)
        table = integral(image, "int64")
        np.testing.assert_array_equal(table[1:, 1:], image.cumsum(0, dtype=np.int64).cumsum(1))


def test_refusals():
    image = np.zeros((4, 5), np.uint8)
    for run, match in [
        (lambda: native.median(4, 0, image, image.copy(), 0.0, 1), "size is 4"),
        (lambda: native.median(3, 0, image, image[:3].copy(), 0.0, 1), "shape"),
        (lambda: native.bilateral(5, 0.0, 1.0, 0, image, image.copy(), 0.0, 1), "positive"),
        (lambda: native.canny(1.0, 2.0, 2, image, np.zeros((4, 5), "f4"), 0.0, 1), "u8"),
        (lambda: native.integral(image.astype("f4"), np.zeros((5, 6), "i4"), 1), "f64"),
    ]:
        with pytest.raises(ValueError, match=match):
            run()
