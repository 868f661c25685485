"""Runs many cases and writes their results to a file: run by test_invariance, once per instruction set."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import oracle
from cases import INPUTS, KERNELS, dyadic, noise
from numpy.typing import NDArray

import imgfilt
from imgfilt import _native

PARAMETERS: dict[str, dict[str, Any]] = {
    "gaussian": {"sigma": 1.7},
    "box": {"size": 7},
    "motion": {"length": 7, "angle": 30},
    "median": {"size": 5},
    "bilateral": {"diameter": 5, "sigma_color": 30.0, "sigma_space": 2.0},
    "canny": {"low": 60, "high": 150},
    "unsharp_mask": {"sigma": 1.5, "amount": 1.5},
}
"""Parameters where the defaults are not what a small test wants."""

ROUND_IN_INTEGERS = (
    "identity",
    "box",
    "median",
    "sobel",
    "scharr",
    "prewitt",
    "laplacian",
    "canny",
    "gaussian",
)
"""Filters whose arithmetic on uint8 gray images is integer up to the last rounding."""


def run_filter(name: str, image: NDArray[Any], **how: Any) -> NDArray[Any]:
    result: NDArray[Any] = getattr(imgfilt, name)(image, **{**PARAMETERS.get(name, {}), **how})
    return result


def digests() -> dict[str, Any]:
    """case -> (whether it must be equal to the last bit, scale of float tolerance, result)"""
    out: dict[str, Any] = {}
    for kernel, (weights, anchor) in KERNELS.items():
        for dtype in oracle.DTYPES:
            for shape in [(9, 131), (9, 131, 3), (3, 4, 2)]:
                for kind in ("noise", "checkerboard"):
                    image = INPUTS[kind](shape, dtype)
                    for backend in imgfilt.backends():
                        try:
                            got = imgfilt.correlate(image, weights, anchor=anchor, backend=backend)
                        except ValueError:
                            continue
                        exact = dtype[0] != "f" and dyadic(weights)
                        case = f"{kernel}/{dtype}/{shape}/{kind}/{backend}"
                        out[case] = (exact, oracle.scale(image, weights), got)
    for name in sorted(imgfilt.filters()):
        for dtype in oracle.DTYPES:
            for shape in [(31, 77), (30, 70, 3)]:
                image = noise(shape, dtype)
                exact = name in ROUND_IN_INTEGERS and dtype == "uint8" and len(shape) == 2
                scale = 100 * float(np.abs(image.astype(float)).max())
                out[f"{name}/{dtype}/{shape}"] = (exact, scale, run_filter(name, image))
    for name in ("pyr_down", "pyr_up"):
        for dtype in oracle.DTYPES:
            for channels in (1, 2, 3, 4):
                images = [noise((3 + width % 5, width, channels), dtype) for width in range(1, 60)]
                done = [getattr(imgfilt, name)(image).ravel() for image in images]
                scale = float(max(np.abs(image.astype(float)).max() for image in images))
                out[f"{name}/{dtype}/{channels}"] = (dtype[0] != "f", scale, np.concatenate(done))
    for channels in (3, 4):
        rows = [imgfilt.correlate(row, [[1]], color="luma") for row in every_width(channels)]
        out[f"luma/{channels}"] = (True, 255.0, np.hstack(rows))
    out["every pair of differences"] = (True, 255.0, imgfilt.roberts(every_pair()))
    return out


def every_width(channels: int) -> list[NDArray[Any]]:
    """Images that leave the loops every remainder."""
    return [noise((2, width, channels), "uint8") for width in range(1, 200)]


def every_pair() -> NDArray[Any]:
    """An image whose 2x2 squares have all differences 0..255 along both diagonals."""
    image = np.zeros((512, 512), np.uint8)
    image[::2, ::2], image[::2, 1::2] = np.mgrid[:256, :256]
    return image


if __name__ == "__main__":
    results = {"isa": _native.isa(), **digests()}
    Path(sys.argv[1]).write_bytes(pickle.dumps(results))
