"""TIFFs that are filtered in bands of rows, because the whole would take much memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.bands import MEMORY, Bands, NotInBandsError, RowImage
from imgfilt.batch import depth
from imgfilt.batch.budget import estimate, machine_memory
from imgfilt.batch.work import Work
from imgfilt.io import MAX_PIXELS, ImageFileError, Info, Picture, probe, tiff_rows
from imgfilt.io.errors import NotStorableError, UnsupportedError
from imgfilt.io.formats import sniff
from imgfilt.io.output import buffered
from imgfilt.io.tiff_bands import PageBands, write_pages
from imgfilt.io.tiff_rows import TiffRows
from imgfilt.records import replace

Rows = NDArray[Any]

WHOLE = 1 << 30
"""Bytes that a picture may need, by `estimate`, to be filtered as a whole."""

_MORE_PIXELS, _MORE_BYTES = 4, 200
_OVERHEAD = 64 << 20
_SAMPLES = 1024


def wanted(path: str, size: int, memory: int, max_pixels: int) -> bool:
    """Whether a file of `size` bytes is a TIFF that needs more than `memory` or `WHOLE` to be filtered at once.

    Files that cannot be read, and those that might be decompression bombs, are not: reading them tells why.
    """
    try:
        if not _is_tiff(path):
            return False
        info = probe(path)
    except (ImageFileError, OSError):
        return False
    return estimate(info, size) > min(memory, WHOLE) and _honest(info, size, max_pixels)


def _is_tiff(path: str) -> bool:
    with open(path, "rb", buffering=0) as file:
        return sniff(file.read(16)) == "tiff"


def _honest(info: Info, size: int, max_pixels: int) -> bool:
    """Whether a picture keeps to a limit that somebody chose, or to what is no danger to time and disks.

    Bands take no memory for what a file pretends to hold; a file of a certain size does hold something.
    """
    if max_pixels != MAX_PIXELS:
        return info.pixels <= max_pixels
    return info.pixels <= _MORE_PIXELS * max_pixels or info.nbytes <= _MORE_BYTES * size


@dataclass
class _Sample:
    """Some rows and columns of a picture, gathered while it goes by."""

    shape: tuple[int, ...]
    dtype: str
    step: int = field(init=False)
    array: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.step = -(-max(self.shape[:2]) // _SAMPLES)
        height, width = (-(-n // self.step) for n in self.shape[:2])
        self.array = np.zeros((height, width, *self.shape[2:]), self.dtype)

    def take(self, first: int, rows: Rows) -> None:
        skip = -first % self.step
        some = rows[skip :: self.step, :: self.step]
        begin = (first + skip) // self.step
        self.array[begin : begin + len(some)] = some


class _Page:
    """One page with the filter on it."""

    def __init__(self, rows: TiffRows, work: Work, threads: int, memory: int, sampled: bool) -> None:
        info = rows.info
        self.rows, self.bits = rows, work.bits
        self.before = _Sample(info.shape, info.dtype) if sampled else None
        image = RowImage(info.shape, info.dtype, self._fill, memory)
        made = work.apply(image, threads)
        if not isinstance(made, Bands):
            raise NotInBandsError(f"{work.label} needs the whole picture at once")
        self.bands = made
        stored = depth.DTYPES[self.bits] if self.bits else made.dtype
        self.dtype = "float32" if stored == "float64" else stored
        if self.dtype not in ("uint8", "uint16", "float32"):
            raise NotStorableError(f"an image file holds uint8, uint16 or float32, not {self.dtype}")
        one = made.shape[2:] == (1,)
        self.shape = made.shape[:2] if one else made.shape
        self.has_alpha = info.has_alpha and made.shape[2:] == info.shape[2:]
        self.after = _Sample(self.shape, self.dtype) if sampled else None

    def _fill(self, first: int, rows: Rows) -> None:
        self.rows.fill(first, rows)
        if self.before is not None:
            self.before.take(first, rows)

    def stored(self, check: Callable[[], None]) -> Iterator[Rows]:
        """Rows as they are written. `check` is called between bands, and may raise."""
        first = 0
        for band in self.bands:
            check()
            rows = band.reshape(len(band), *self.shape[1:])
            if self.bits is not None:
                rows = depth.convert(rows, self.rows.info.dtype, self.bits)
            rows = rows.astype(self.dtype, copy=False)
            if self.after is not None:
                self.after.take(first, rows)
            first += len(rows)
            yield rows

    def described(self) -> Picture:
        pixel = np.zeros((1, 1, *self.shape[2:]), self.dtype)
        return replace(self.rows.described(), array=pixel, has_alpha=self.has_alpha)


class LargeTiff:
    """An open TIFF with a filter on its pages, to be written band by band."""

    def __init__(self, pages: tiff_rows.TiffPages, work: Work, threads: int, memory: int) -> None:
        self._pages = [
            _Page(rows, work, threads, min(memory // 2, MEMORY), work.look is not None and number == 0)
            for number, rows in enumerate(pages.pages)
        ]
        self.notes = pages.notes
        self.frames = len(self._pages)
        self.shape, self.dtype = self._pages[0].shape, self._pages[0].dtype
        self.pixels = sum(page.shape[0] * page.shape[1] for page in self._pages)
        self.memory = max(page.bands.memory + 2 * page.rows.segment for page in self._pages) + _OVERHEAD
        if self.memory > machine_memory():
            raise NotInBandsError(f"a band of rows alone takes {self.memory / 1e9:.1f} GB of memory")
        self.waited = 0.0
        self._look = work.look

    def write(self, file: BinaryIO, check: Callable[[], None]) -> None:
        """Filters and writes all pages; what was waited for bands is then in `waited`."""
        pages = [
            PageBands(self._timed(page.stored(check)), page.shape, page.described(), page.rows.tile)
            for page in self._pages
        ]
        with buffered(file) as whole:
            write_pages(whole, pages)

    def _timed(self, bands: Iterator[Rows]) -> Iterator[Rows]:
        while True:
            begin = perf_counter()
            band = next(bands, None)
            self.waited += perf_counter() - begin
            if band is None:
                return
            yield band

    def seen(self) -> Any:
        """What `Work.look` makes of samples of the first page, once it is written."""
        page = self._pages[0]
        if self._look is None or page.before is None or page.after is None:
            return None
        before = Picture(page.before.array, page.rows.info.has_alpha)
        return self._look(before, Picture(page.after.array, page.has_alpha))


@contextlib.contextmanager
def opened(path: str, work: Work, threads: int, memory: int) -> Iterator[LargeTiff]:
    """The file at `path` with the filter of `work` on it.

    Raises NotInBandsError where it, or the filter, cannot be taken in bands; `ImageFileError`s as `read`.
    """
    with contextlib.ExitStack() as stack:
        try:
            pages = stack.enter_context(tiff_rows.opened(path))
            large = LargeTiff(pages, work, threads, memory)
        except UnsupportedError as error:
            raise NotInBandsError(str(error)) from error
        yield large
