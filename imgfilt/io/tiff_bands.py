"""Writing a TIFF from bands of rows, one after another, in strips or tiles that may be compressed."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import tiff
from imgfilt.io.errors import NotStorableError
from imgfilt.io.picture import Picture

Rows = NDArray[Any]

_NONE, _LZW, _DEFLATE, _LZMA, _ZSTD = 1, 5, 8, 34925, 50000
_LOSSLESS = {_LZW: _LZW, _DEFLATE: _DEFLATE, 32946: _DEFLATE, _LZMA: _LZMA, _ZSTD: _ZSTD}
_HORIZONTAL, _FLOATING = 2, 3
_STRIP = 1 << 18  # bytes


@dataclass(frozen=True)
class Layout:
    """How pixels are laid out: `tile` (height, width), or None for strips; the TIFF number of a compression.

    Compressions other than LZW, deflate, LZMA and Zstandard become none; `predicted` says that differences of
    neighbours are compressed.
    """

    tile: tuple[int, int] | None = None
    compression: int = _NONE
    predicted: bool = False


def write_bands(
    file: BinaryIO, bands: Iterable[Rows], shape: tuple[int, ...], picture: Picture, layout: Layout
) -> None:
    """Writes the bands of a picture of `shape` from the top; `picture` is one of a single pixel that describes it.

    The pixels are uint8, uint16 or float32 (float64 is stored as that); `file` must be readable and seekable.

    Raises `NotStorableError` for other dtypes.
    """
    import tifffile

    stored = np.dtype("float32") if picture.array.dtype == np.float64 else picture.array.dtype
    if stored.name not in ("uint8", "uint16", "float32"):
        raise NotStorableError(f"an image file holds uint8, uint16 or float32, not {stored}")
    picture = replace(picture, array=picture.array.astype(stored))
    nbytes = math.prod(shape) * stored.itemsize
    with tiff.described_for(file, picture, nbytes) as (container, page):
        order = stored.newbyteorder(container["byteorder"])
        segments = _Segments(shape, order, layout)
        with tifffile.TiffWriter(file, **container) as writer, ThreadPoolExecutor(os.cpu_count()) as pool:
            writer.write(segments.of(bands, pool), shape=shape, dtype=stored, **segments.options, **page)


class _Segments:
    """Bands of rows cut into strips or tiles, in the order in which a TIFF holds them."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], layout: Layout) -> None:
        self._dtype = dtype
        self._compress, self.options = _compressor(dtype, layout)
        row = math.prod(shape[1:]) * dtype.itemsize
        if layout.tile is None:
            self._tile = None
            self._rows = max(1, min(_STRIP // row, shape[0]))
            self.options["rowsperstrip"] = self._rows
        else:  # sizes that the format allows
            self._tile = tuple(-(-n // 16) * 16 for n in layout.tile)
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


def _compressor(
    dtype: np.dtype[Any], layout: Layout
) -> tuple[Callable[[Rows], bytes] | None, dict[str, Any]]:
    """What makes bytes of (n, w[, C]) samples in native order, None for none; and tifffile's keywords for it."""
    compression = _LOSSLESS.get(layout.compression, _NONE)
    if compression == _NONE:
        return None, {}
    import imagecodecs

    encode: Callable[[Any], Any] = {
        _LZW: imagecodecs.lzw_encode,
        _DEFLATE: lambda data: imagecodecs.deflate_encode(data, 6),  # three times as fast as zlib_encode
        _LZMA: imagecodecs.lzma_encode,
        _ZSTD: imagecodecs.zstd_encode,
    }[compression]
    predictor = (_FLOATING if dtype.kind == "f" else _HORIZONTAL) if layout.predicted else 1

    def compress(samples: Rows) -> bytes:
        if predictor == _FLOATING:
            return bytes(encode(imagecodecs.floatpred_encode(samples.astype(dtype), axis=1).tobytes()))
        if predictor == _HORIZONTAL:
            samples = imagecodecs.delta_encode(samples, axis=1)
        return bytes(encode(samples.astype(dtype).tobytes()))

    return compress, {"compression": compression, "predictor": predictor if predictor > 1 else None}


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
