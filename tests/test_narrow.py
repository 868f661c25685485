"""Narrow images, of which many rows are made in one call, against the same pixels within wide ones, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import imgfilt

Image = NDArray[Any]

RANDOM = np.random.default_rng(8)
INTEGERS = np.array([[1, -2, 3], [4, 9, -5], [2, 1, -3]])
REALS = RANDOM.normal(size=(7, 5)).astype(np.float32)

FILTERS: dict[str, Callable[[Image, str], Image]] = {
    "gaussian": lambda image, border: imgfilt.gaussian(image, sigma=1.5, border=border),
    "long gaussian": lambda image, border: imgfilt.gaussian(image, sigma=6, border=border),
    "box": lambda image, border: imgfilt.box(image, size=3, border=border),
    "large box": lambda image, border: imgfilt.box(image, size=15, border=border),
    "sobel": lambda image, border: imgfilt.sobel(image, border=border),
    "sobel x": lambda image, border: imgfilt.sobel(image, axis="x", border=border),
    "integers": lambda image, border: imgfilt.correlate(image, INTEGERS, border=border),
    "reals": lambda image, border: imgfilt.correlate(image, REALS, border=border),
    "unsharp mask": lambda image, border: imgfilt.unsharp_mask(image, border=border),
    "difference": lambda image, border: imgfilt.difference_of_gaussians(image, border=border),
}
WIDEN: dict[str, Callable[[Image, int], Image]] = {
    "wrap": lambda image, count: np.concatenate([image] * count, axis=1),
    "reflect": lambda image, count: np.concatenate([image, image[:, ::-1]] * (count // 2), axis=1),
    "replicate": lambda image, count: np.concatenate(
        [image, np.repeat(image[:, -1:], image.shape[1] * (count - 1), axis=1)], axis=1
    ),
}


def image_of(shape: tuple[int, ...], dtype: str) -> Image:
    most = 65536 if dtype == "uint16" else 256
    return RANDOM.integers(0, most, shape).astype(dtype)


@pytest.mark.parametrize("border", WIDEN)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("name", FILTERS)
def test_a_narrow_image_is_filtered_as_within_a_wide_one(name: str, dtype: str, border: str) -> None:
    for shape in [(300, 41), (90, 29, 3)]:
        image = image_of(shape, dtype)
        wide = WIDEN[border](image, 80)
        got, want = (FILTERS[name](each, border) for each in (image, wide))
        want = want[:, : image.shape[1]]
        if (
            dtype == "float32"
        ):  # another backend may be the faster one for another width, and rounds otherwise
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-6 * np.abs(want).max())
        else:
            off = np.abs(got.astype(np.int64) - want.astype(np.int64)).max()
            assert off <= (dtype == "uint16")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("name", [each for each in FILTERS if each != "large box"])
def test_a_high_image_is_filtered_as_a_part_of_it(name: str, dtype: str) -> None:
    image = image_of((2000, 23), dtype)
    whole = FILTERS[name](image, "reflect101")
    for top in (0, 700, 1850):
        part = FILTERS[name](image[top : top + 150], "reflect101")
        first, last = (0 if top == 0 else 30), (150 if top == 1850 else 120)
        np.testing.assert_array_equal(part[first:last], whole[top + first : top + last])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("name", FILTERS)
def test_a_constant_border_is_the_same_in_images_of_any_strides(name: str, dtype: str) -> None:
    image = image_of((70, 26), dtype)
    spread = np.zeros((140, 78), image.dtype)[::2, ::3]
    spread[...] = image
    out = np.zeros((70, 52), FILTERS[name](image, "constant").dtype)[:, ::2]
    np.testing.assert_array_equal(FILTERS[name](spread, "constant"), FILTERS[name](image, "constant"))
    if name == "box":
        imgfilt.box(image, size=3, border="constant", out=out)
        np.testing.assert_array_equal(out, FILTERS[name](image, "constant"))


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_high_image_is_resized_as_a_part_of_it(dtype: str, extra: int) -> None:
    image = image_of((1500, 38), dtype)
    up = imgfilt.pyr_up(image, size=(3000 + extra, 76))
    np.testing.assert_array_equal(up[-100:], imgfilt.pyr_up(image[-80:], size=(160 + extra, 76))[-100:])
    np.testing.assert_array_equal(up[:100], imgfilt.pyr_up(image[:80])[:100])
    down = imgfilt.pyr_down(image, size=(750 + extra, 19))
    np.testing.assert_array_equal(down[-30:], imgfilt.pyr_down(image[-80:], size=(40 + extra, 19))[-30:])
    np.testing.assert_array_equal(down[:30], imgfilt.pyr_down(image[:80])[:30])
    for stride in [(2, 1), (3, 2)]:
        kept = imgfilt.correlate(image, INTEGERS, stride=stride)
        np.testing.assert_array_equal(kept[:20], imgfilt.correlate(image[:80], INTEGERS, stride=stride)[:20])


@pytest.mark.parametrize("size", [1, 2])
def test_running_sums_of_a_high_image_go_into_arrays_with_gaps(size: int) -> None:
    image = RANDOM.integers(0, 100, (3000, 11)).astype(np.uint8)
    want = np.zeros(image.shape, np.uint16)
    padded = np.pad(image.astype(np.uint16), ((2, 2), (0, 0)), "reflect")
    for row in range(5):
        want += padded[row : row + 3000]
    out = np.zeros((3000, 11 * size), np.uint16)[:, ::size]
    for threads in (1, 3):
        imgfilt.correlate(image, np.ones((5, 1)), dtype="uint16", backend="box", threads=threads, out=out)
        np.testing.assert_array_equal(out, want)
