"""What a call adds to the memory of this process, beside the image and the result, on 100 megapixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgfilt.bench.case import Case, Image, picture
from imgfilt.bench.cases import cases
from imgfilt.bench.memory import peak_of
from imgfilt.bench.sizes import Size

_TILES = 8

ALLOWED = 16 << 20
"""Bytes beside the image and the result."""


@dataclass(frozen=True)
class Peak:
    """Bytes that a call added, with its result allocated beforehand."""

    case: Case
    size: Size
    threads: int
    bytes: int

    def record(self) -> Mapping[str, Any]:
        """As plain data for JSON."""
        case = self.case
        return {"peak": case.name, "dtype": case.dtype, "channels": case.channels, "size": self.size.name,
                "threads": self.threads, "peak_mib": self.bytes / 2**20, "holds": self.bytes <= ALLOWED}  # fmt: skip


def measure(size: Size, threads: int) -> Iterator[Peak]:
    """The cases that the benchmark runs on 100 megapixels, at this size. 0 bytes where the system does not tell."""
    chosen: Sequence[Case] = [case for case in cases() if case.large]
    for case in sorted(chosen, key=lambda case: (case.dtype, case.channels)):
        image = _tiled(case.shape(size.width, size.height), case.dtype)
        run = case.ours(image, threads)
        run()[...] = 0  # the result's memory is there before
        _, added = peak_of(run)
        yield Peak(case, size, threads, added)


def _tiled(shape: tuple[int, ...], dtype: str) -> Image:
    """A picture that repeats itself, as a large one of clouds takes long to make."""
    part = picture((-(-shape[0] // _TILES), -(-shape[1] // _TILES), *shape[2:]), dtype)
    repeated = np.tile(part, (_TILES, _TILES, *[1] * (len(shape) - 2)))
    return np.ascontiguousarray(repeated[: shape[0], : shape[1]])
