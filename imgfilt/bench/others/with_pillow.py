"""Pillow: images of 8 bits, one thread."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from imgfilt.bench.case import Case, Contender, Image, Run

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def load() -> Any:
    """The module of filters. Raises ImportError."""
    return import_module("PIL.ImageFilter")


def contenders(case: Case) -> Iterator[Contender]:
    """What it has for the case: box and median blurs, Gaussians made of boxes, kernels of 3x3 and 5x5."""
    filters = load()
    if case.dtype != "uint8":
        return
    if case.filter == "box":
        half = case.params["size"] // 2
        yield _filter("BoxBlur", filters.BoxBlur(half), case, 1, margin=half)
    if case.filter == "gaussian":  # three boxes, an approximation
        yield _filter("GaussianBlur", filters.GaussianBlur(case.params["sigma"]), case, None)
    if case.filter == "median" and case.params["size"] <= 5:
        yield _filter("MedianFilter", filters.MedianFilter(case.params["size"]), case, 0)
    if case.filter == "correlate" and len(case.params["kernel"]) <= 5:
        kernel = case.params["kernel"][::-1]  # from below; the border's pixels stay as they are
        weights = filters.Kernel(kernel.shape, [float(w) for w in kernel.flat], scale=1)
        yield _filter("Kernel", weights, case, 1, margin=len(kernel) // 2)


def _filter(name: str, chosen: Any, case: Case, tolerance: float | None, margin: int = 0) -> Contender:
    from PIL import Image as PillowImage

    def prepare(image: Image, _threads: int) -> Run:
        source = PillowImage.fromarray(image, _MODES[case.channels])
        return lambda: source.filter(chosen)  # type: ignore[return-value]

    return Contender(name, prepare, tolerance, margin)
