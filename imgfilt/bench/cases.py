"""The cases: what is filtered how, and the chains of OpenCV calls beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import imgfilt
from imgfilt.bench import opencv
from imgfilt.bench.case import Case, Image, Run


def cases() -> Iterator[Case]:
    """All cases, in the order of the table."""
    for channels in (1, 3):
        yield Case(
            "sobel magnitude", "sobel", "uint8", channels, _ours("sobel"), tuple(opencv.sobel(channels))
        )
    integer = np.array([[1, -2, 3], [-4, 5, -1], [2, 3, -5]], np.float32)
    for channels in (1, 3):
        yield Case(
            "integer 3x3", "correlate", "uint8", channels, _correlate(integer), (opencv.filter2d(integer),)
        )
    for channels in (1, 3):
        yield Case("gaussian 5x5", "gaussian", "uint8", channels, _ours("gaussian", sigma=None, size=5),
                   tuple(opencv.gaussian(5, 0.0)))  # fmt: skip
    for channels in (1, 3):
        yield Case("gaussian sigma 3", "gaussian", "uint8", channels, _ours("gaussian", sigma=3.0),
                   tuple(opencv.gaussian(0, 3.0)))  # fmt: skip
    for size in (15, 101):
        yield Case(f"box {size}x{size}", "box", "uint8", 1, _ours("box", size=size), (opencv.blur(size),))
    yield Case("box 15x15", "box", "uint8", 3, _ours("box", size=15), (opencv.blur(15),))
    yield Case("laplacian", "laplacian", "uint8", 1, _ours("laplacian"), tuple(opencv.laplacian()))
    for channels in (1, 3):
        yield Case("unsharp mask sigma 1", "unsharp_mask", "uint8", channels,
                   _ours("unsharp_mask", sigma=1.0, amount=1.0), (opencv.unsharp(),))  # fmt: skip
    for size in (3, 5, 15):
        yield Case(f"median {size}x{size}", "median", "uint8", 1,
                   _ours("median", size=size, border="replicate"), (opencv.median(size),))  # fmt: skip
    for channels in (1, 3):
        yield Case("bilateral 9", "bilateral", "uint8", channels,
                   _ours("bilateral", diameter=9, sigma_color=50.0, sigma_space=3.0),
                   (opencv.bilateral(9, 50.0, 3.0),))  # fmt: skip
    ours = _ours("canny", low=100, high=200, sigma=0, border="replicate")
    yield Case("canny", "canny", "uint8", 1, ours, tuple(opencv.canny()))
    for name, rival in (("pyr_down", opencv.pyr_down), ("pyr_up", opencv.pyr_up)):
        for dtype in ("uint8", "uint16", "float32"):
            for channels in (1, 3):
                yield Case(name.replace("_", " "), name, dtype, channels, _ours(name), (rival(),))
    real = np.random.default_rng(7).standard_normal((7, 7)).astype(np.float32)
    yield Case("random real 7x7", "correlate", "float32", 1, _correlate(real),
               (opencv.filter2d(real, tolerance=2e-6),), scale=float(np.abs(real).sum()))  # fmt: skip


def _ours(name: str, **params: Any) -> Callable[[Image, int], Run]:
    function = getattr(imgfilt, name)

    def prepare(image: Image, threads: int) -> Run:
        out = np.empty_like(function(image, threads=threads, **params))
        return partial(function, image, out=out, threads=threads, **params)

    return prepare


def _correlate(kernel: Image) -> Callable[[Image, int], Run]:
    def prepare(image: Image, threads: int) -> Run:
        return partial(imgfilt.correlate, image, kernel, out=np.empty_like(image), threads=threads)

    return prepare
