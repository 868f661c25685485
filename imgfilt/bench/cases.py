"""The cases: what is filtered how, in every dtype and number of channels that both sides have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import imgfilt
from imgfilt import generators
from imgfilt.bench.case import Case, Contender, Image, Run
from imgfilt.bench.opencv import area, edges, linear

DTYPES = ("uint8", "uint16", "float32")
CHANNELS = (1, 3, 4)

_LUMA = 3  # multiply-adds that make a colour gray
_MIDDLE = {"uint8": 128.0, "uint16": 32768.0, "float32": 0.5}
_LARGE = frozenset(
    {
        ("sobel magnitude", "uint8", 1),
        ("sobel magnitude", "uint8", 3),
        ("integer 3x3", "uint8", 1),
        ("integer 3x3", "uint8", 3),
        ("random 7x7", "float32", 1),
        ("gaussian 3", "uint8", 1),
        ("gaussian 3", "uint8", 3),
        ("box 15", "uint8", 1),
        ("median 3", "uint8", 1),
        ("unsharp mask", "uint8", 3),
        ("canny", "uint8", 1),
    }
)
"""What is run on 100 megapixels too: name, dtype, channels."""

Prepare = Callable[[Image, int], Run]


def cases(dtypes: tuple[str, ...] = DTYPES, channels: tuple[int, ...] = CHANNELS) -> Iterator[Case]:
    """All cases of these dtypes and numbers of channels, filter by filter."""
    for family in (_edges, _kernels, _blurs, _composites, _areas, _sums):
        for dtype in dtypes:
            for count in channels:
                yield from family(_Image(dtype, count))


class _Image:
    """What a family makes cases for: images of a dtype and a number of channels."""

    def __init__(self, dtype: str, channels: int) -> None:
        self.dtype, self.channels = dtype, channels
        self.luma = _LUMA if channels > 1 else 0

    def case(
        self,
        name: str,
        filter: str,
        ours: Prepare,
        *rivals: Contender,
        scale: float = 1.0,
        each: float = 0.0,
        gray: float = 0.0,
        **params: Any,
    ) -> Case:
        """A case; `each` multiply-adds for every channel of a pixel, or `gray` of them once the image is gray."""
        products = each * self.channels + (gray + self.luma if gray else 0.0)
        large = (name, self.dtype, self.channels) in _LARGE
        return Case(name, filter, self.dtype, self.channels, ours, rivals, scale, products, large, params)


def _edges(image: _Image) -> Iterator[Case]:
    dtype = image.dtype
    yield image.case("sobel magnitude", "sobel", _ours("sobel"), *edges.magnitude("Sobel", dtype),
                     scale=8.0, gray=12)  # fmt: skip
    made = "int16" if dtype == "uint8" else "float32"
    yield image.case("sobel x", "sobel", _ours("sobel", axis="x", color="each", dtype=made),
                     *edges.derivative(dtype), scale=8.0, each=6)  # fmt: skip
    yield image.case("scharr magnitude", "scharr", _ours("scharr"), *edges.magnitude("Scharr", dtype),
                     scale=32.0, gray=12)  # fmt: skip
    yield image.case("laplacian", "laplacian", _ours("laplacian", color="each"), *edges.laplacian(dtype),
                     scale=8.0, each=5)  # fmt: skip
    relief = generators.emboss(dtype=dtype).weights
    yield image.case("emboss", "emboss", _ours("emboss"), _filter2d(relief, image, bias=_MIDDLE[dtype]),
                     scale=float(np.abs(relief).sum()), each=6)  # fmt: skip


def _kernels(image: _Image) -> Iterator[Case]:
    rng = np.random.default_rng(7)
    for size in (3, 5, 7, 11, 15, 31):
        real = rng.standard_normal((size, size)) / size
        yield _correlation(f"random {size}x{size}", real, image)
    for size in (3, 5):
        whole = rng.integers(-5, 6, (size, size)).astype(np.float64)
        yield _correlation(f"integer {size}x{size}", whole, image)
    wave = generators.gabor(
        dtype=image.dtype, sigma=3.0, theta=30.0, wavelength=8.0, gamma=0.5, psi=90.0, size=21
    )
    yield image.case("gabor 21", "gabor", _ours("gabor", theta=30.0, size=21), _filter2d(wave.weights, image),
                     scale=float(np.abs(wave.weights).sum()), each=441)  # fmt: skip


def _blurs(image: _Image) -> Iterator[Case]:
    for sigma in (0.8, 1.5, 3.0, 10.0, 50.0):
        size = generators.gaussian_size(sigma, image.dtype)
        yield image.case(f"gaussian {sigma:g}", "gaussian", _ours("gaussian", sigma=sigma),
                         *linear.gaussian(image.dtype, size, sigma), each=2 * size, sigma=sigma)  # fmt: skip
    for size in (3, 15, 101):
        yield image.case(f"box {size}", "box", _ours("box", size=size), linear.blur(image.dtype, size),
                         size=size)  # fmt: skip


def _composites(image: _Image) -> Iterator[Case]:
    dtype = image.dtype
    fine, coarse = _taps(dtype, 1.0), _taps(dtype, 1.6)
    yield image.case("unsharp mask", "unsharp_mask", _ours("unsharp_mask"), linear.unsharp(dtype),
                     scale=3.0, each=2 * fine.size + 2)  # fmt: skip
    both = generators.unit_step_difference(dtype=dtype, sigma_low=1.0, sigma_high=1.6)
    gain = float(both.weights.max())
    yield image.case("difference of gaussians", "difference_of_gaussians", _ours("difference_of_gaussians"),
                     *edges.difference_of_gaussians(dtype, (fine, coarse), gain),
                     scale=2 * gain, gray=2 * (fine.size + coarse.size) + 2)  # fmt: skip
    blur = 2 * generators.gaussian_size(1.5, dtype)
    yield image.case("gaussian | sobel", "gaussian | sobel", _chain("gaussian sigma=1.5 | sobel"),
                     *edges.magnitude("Sobel", dtype, blur=1.5),
                     scale=8.0, each=blur, gray=12)  # fmt: skip


def _areas(image: _Image) -> Iterator[Case]:
    dtype = image.dtype
    for size in (3, 5, 15):
        if size <= 5 or dtype == "uint8":  # as far as OpenCV has it
            yield image.case(f"median {size}", "median", _ours("median", size=size, border="replicate"),
                             area.median(size), size=size)  # fmt: skip
    if dtype != "uint16" and image.channels != 4:
        color = 50.0 / (1 if dtype == "uint8" else 255)
        yield image.case("bilateral 9", "bilateral",
                         _ours("bilateral", diameter=9, sigma_color=color, sigma_space=3.0),
                         area.bilateral(dtype, 9, color, 3.0))  # fmt: skip
    if dtype == "uint8":
        yield image.case("canny", "canny", _ours("canny", low=100, high=200, sigma=0, border="replicate"),
                         *edges.canny(), gray=12)  # fmt: skip


def _sums(image: _Image) -> Iterator[Case]:
    dtype = image.dtype
    yield image.case("integral", "integral", _ours("integral"), *area.integral(dtype))
    yield image.case("pyr down", "pyr_down", _ours("pyr_down"), area.pyr_down(dtype), each=5 / 2 + 5 / 4)
    yield image.case("pyr up", "pyr_up", _ours("pyr_up"), area.pyr_up(dtype), each=6 + 12)


def _correlation(name: str, kernel: Image, image: _Image) -> Case:
    def ours(pixels: Image, threads: int) -> Run:
        return partial(imgfilt.correlate, pixels, kernel, out=np.empty_like(pixels), threads=threads)

    scale = float(np.abs(kernel).sum())
    return image.case(
        name, "correlate", ours, _filter2d(kernel, image), scale=scale, each=kernel.size, kernel=kernel
    )


def _taps(dtype: str, sigma: float) -> Image:
    """A Gaussian's taps as we have them: of 8 fractional bits for uint8."""
    row: Image = generators.gaussian(dtype=dtype, sigma=sigma).weights.sum(axis=0)
    return row


def _filter2d(kernel: Image, image: _Image, bias: float = 0.0) -> Contender:
    exact = image.dtype == "uint8" and not (kernel % 1).any()
    tolerance = 0.0 if exact else 2e-6 if image.dtype == "float32" else 1.0
    return linear.filter2d(kernel.astype(np.float32), tolerance, bias)


def _ours(name: str, **params: Any) -> Prepare:
    function = getattr(imgfilt, name)

    def prepare(image: Image, threads: int) -> Run:
        out = np.empty_like(function(image, threads=threads, **params))
        return partial(function, image, out=out, threads=threads, **params)

    return prepare


def _chain(pipeline: str) -> Prepare:
    def prepare(image: Image, threads: int) -> Run:
        out = np.empty_like(imgfilt.apply(pipeline, image, threads=threads))
        return partial(imgfilt.apply, pipeline, image, out=out, threads=threads)

    return prepare
