"""Writing a TIFF from bands of rows, one after another, in strips or tiles that may be compressed."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import tiff
from imgfilt.io.picture import Picture

Rows = NDArray[Any]

_HORIZONTAL, _FLOATING = 2, 3
_STRIP = 1 << 18  # bytes


@dataclass(frozen=True)
class PageBands:
    """One page to be written: its rows from the top, in arrays of any height, uint8, uint16 or float32.

    `picture` is one of a single pixel that describes it, and says how it is packed; `tile` the (height, width) of
    tiles, None for strips.
    """

    bands: Iterable[Rows]
    shape: tuple[int, ...]
    picture: Picture
    tile: tuple[int, int] | None = None


def write_pages(file: BinaryIO, pages: Sequence[PageBands]) -> None:
    """Writes a TIFF, or a BigTIFF where it must be one. `file` must be readable and seekable."""
    import tifffile

    nbytes = sum(math.prod(page.shape) * page.picture.array.itemsize for page in pages)
    with (
        tiff.container(file, pages[0].picture, nbytes) as options,
        tifffile.TiffWriter(file, **options) as writer,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for number, page in enumerate(pages):
            dtype = page.picture.array.dtype
            segments = _Segments(page, dtype.newbyteorder(options["byteorder"]))
            writer.write(
                segments.of(page.bands, pool),
                shape=page.shape,
                dtype=dtype,
                **segments.options,
                **tiff.page_options(page.picture, number, len(pages)),
            )


class _Segments:
    """Bands of rows cut into strips or tiles, in the order in which a TIFF holds them."""

    def __init__(self, page: PageBands, dtype: np.dtype[Any]) -> None:
        packed, shape = page.picture.compression, page.shape
        self._dtype = dtype
        self._compress = _compressor(packed, dtype) if tiff.packing(packed) else None
        self.options = tiff.packing(packed)
        if page.tile is None:
            self._tile = None
            self._rows = max(1, min(_STRIP // (math.prod(shape[1:]) * dtype.itemsize), shape[0]))
            self.options["rowsperstrip"] = self._rows
        else:  # sizes that the format allows
            self._tile = tuple(-(-n // 16) * 16 for n in page.tile)
            self._rows = self._tile[0]
            self.options["tile"] = self._tile

    def of(self, bands: Iterable[Rows], pool: ThreadPoolExecutor) -> Iterator[Any]:
        for rows in _regrouped(bands, self._rows):
            if self._tile is None and self._compress is None:
                yield np.ascontiguousarray(rows, self._dtype)
            else:
                yield from pool.map(self._encoded, self._cut(rows))

    def _cut(self, rows: Rows) -> Iterator[Rows]:
        for top in range(0, len(rows), self._rows):
            part = rows[top : top + self._rows]
            if self._tile is None:
                yield part
                continue
            for left in range(0, rows.shape[1], self._tile[1]):
                yield part[:, left : left + self._tile[1]]

    def _encoded(self, part: Rows) -> bytes:
        if self._tile is not None and part.shape[:2] != self._tile:
            whole = np.zeros((*self._tile, *part.shape[2:]), part.dtype)
            whole[: part.shape[0], : part.shape[1]] = part
            part = whole
        native = np.ascontiguousarray(part, self._dtype.newbyteorder("="))
        return native.astype(self._dtype).tobytes() if self._compress is None else self._compress(native)


def _compressor(packed: str, dtype: np.dtype[Any]) -> Callable[[Rows], bytes]:
    """What makes bytes of (n, w[, C]) samples in native order."""
    import imagecodecs

    def packbits(samples: Rows) -> bytes:
        return b"".join(imagecodecs.packbits_encode(row.astype(dtype).tobytes()) for row in samples)

    if packed == "packbits":
        return packbits
    encode: Callable[[bytes], Any] = {
        "lzw": imagecodecs.lzw_encode,
        "deflate": lambda data: imagecodecs.deflate_encode(data, 6),  # three times as fast as zlib_encode
        "lzma": imagecodecs.lzma_encode,
        "zstd": imagecodecs.zstd_encode,
    }[packed]

    def compress(samples: Rows) -> bytes:
        if dtype.kind == "f":
            return bytes(encode(imagecodecs.floatpred_encode(samples.astype(dtype), axis=1).tobytes()))
        return bytes(encode(imagecodecs.delta_encode(samples, axis=1).astype(dtype).tobytes()))

    return compress


def _regrouped(bands: Iterable[Rows], step: int) -> Iterator[Rows]:
    """The same rows in groups of multiples of `step`, but for the last."""
    rest: Rows | None = None
    for band in bands:
        rows = band if rest is None else np.concatenate([rest, band])
        full = len(rows) // step * step
        if full:
            yield rows[:full]
        rest = rows[full:].copy() if full < len(rows) else None
    if rest is not None:
        yield rest
