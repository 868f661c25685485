"""Rows of a TIFF, read as they are asked for: each strip or tile is decoded once where they come in order."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import source, tiff
from imgfilt.io.errors import DamagedError, UnsupportedError
from imgfilt.io.picture import Info, Picture

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

Rows = NDArray[Any]

SEGMENT_LIMIT = 256 << 20
"""Bytes that a row of tiles, or one compressed strip, may take when decoded."""

_NONE = 1
_JPEG = (6, 7, 33007, 34892)


class TiffRows:
    """A page of a TIFF, upright, as gray, RGB or with alpha: what `imgfilt.io.read` gives, row by row.

    `fill(first, rows)` writes rows `first` ... of the picture into an array of (n, W) or (n, W, C) of its dtype.

    info     as of `imgfilt.io.probe`, of this page
    tile     (height, width) of the file's tiles, None where it has strips
    segment  bytes of a row of tiles, or of a strip, when decoded
    """

    def __init__(
        self, tiff_file: TiffFile, page: TiffPage, file: io.FileIO, data: source.HeaderBytes, name: str
    ) -> None:
        """`name` is what errors call the page: "page 2 of 'scan.tif'"."""
        self._tiff, self._file, self._data, self._name = tiff_file, file, data, name
        self._path = str(file.name)
        self._lock = Lock()
        self.info: Info = tiff.page_info(page, name)
        self._page, self._turn = page, tiff.orientation(page)
        if self._turn > 4:
            raise UnsupportedError(f"{name} is stored sideways: it must be read as a whole")
        self._width, self._height = int(page.imagewidth), int(page.imagelength)
        self._samples, self._dtype = int(page.samplesperpixel), np.dtype(page.dtype)
        self._planes = self._samples if page.planarconfig == 2 else 1
        self.tile = (int(page.tilelength), int(page.tilewidth)) if page.is_tiled else None
        self._prepare(page)
        # samples that need nothing but to be put in their places
        self._plain = tiff.is_plain(page) and self._dtype == self.info.dtype and self._turn == 1
        self._pool: ThreadPoolExecutor | None = None

    def _prepare(self, page: TiffPage) -> None:
        """Numbers and sizes of the strips or tiles."""
        tile_height, tile_width = self.tile or (min(int(page.rowsperstrip), self._height), self._width)
        if tile_height < 1 or tile_width < 1:
            raise DamagedError(f"{self._name} is a damaged TIFF: its strips or tiles are empty")
        self._block, self._across = tile_height, -(-self._width // tile_width)
        self._down = -(-self._height // self._block)
        self._offsets, self._counts = page.dataoffsets, page.databytecounts
        wanted, found = self._across * self._down * self._planes, min(len(self._offsets), len(self._counts))
        if found < wanted:
            raise DamagedError(f"{self._name} is a damaged TIFF: it has {found} of {wanted} strips or tiles")
        self._bare = (
            page.compression == _NONE and page.predictor == 1 and page.fillorder == 1 and not page.is_tiled
            and page.bitspersample in (8, 16, 32, 64) and page.sampleformat in (1, 2, 3)
            and not page.is_subsampled
        )  # fmt: skip
        self.segment = tile_height * tile_width * self._across * self._samples * self._dtype.itemsize
        if self._bare:
            self.segment = 0
        if self.segment > SEGMENT_LIMIT:
            raise UnsupportedError(
                f"{self._name} has strips or rows of tiles of {self.segment >> 20} MB: it must be read as a whole"
            )
        self._cached, self._kept = -1, np.empty(0, self._dtype)
        self._jpeg = (
            {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
            if page.compression in _JPEG
            else {}
        )

    def described(self) -> Picture:
        """What the file says beside its pixels, as a picture of one pixel."""
        with tiff.explained(self._path):
            pixel = np.zeros((1, 1, *self.info.shape[2:]), self.info.dtype)
            return tiff.described(self._page, self._data, pixel, self.info.has_alpha, self.info.shape)

    def fill(self, first: int, rows: Rows) -> None:
        """Writes the picture's rows `first` ... into all of `rows`. Raises `DamagedError`."""
        with tiff.explained(self._path):
            if self._plain and rows.flags.c_contiguous:
                self._stored(first, rows.reshape(*rows.shape[:2], -1))
                return
            if self._turn > 2:
                first = self._height - first - len(rows)
            samples = np.empty((len(rows), self._width, self._samples), self._dtype)
            self._stored(first, samples)
            pixels, _ = tiff.as_rgb(samples if self._samples > 1 else samples[..., 0], self._page)
            rows[...] = pixels[:: -1 if self._turn > 2 else 1, :: -1 if self._turn in (2, 3) else 1]

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def _stored(self, first: int, rows: Rows) -> None:
        """Samples as they are stored, in native byte order, to (n, W, samples)."""
        if self._bare:
            self._copied(first, rows)
            return
        last = first + len(rows)
        jobs: list[tuple[int, int, Rows]] = []
        for block in range(first // self._block, -(-last // self._block)):
            top = block * self._block
            bottom = min(top + self._block, self._height)
            begin, end = max(first, top), min(last, bottom)
            target = rows[begin - first : end - first]
            if end - begin == bottom - top:
                jobs += self._jobs(block, target)
                continue
            if block != self._cached:  # what is left of it will be asked for next
                self._kept = np.empty((bottom - top, self._width, self._samples), self._dtype)
                self._run(self._jobs(block, self._kept))
                self._cached = block
            target[...] = self._kept[begin - top : end - top]
        self._run(jobs)

    def _jobs(self, block: int, target: Rows) -> list[tuple[int, int, Rows]]:
        return [(block, number, target) for number in range(self._across * self._planes)]

    def _run(self, jobs: list[tuple[int, int, Rows]]) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(os.cpu_count(), "decode")
        for _ in self._pool.map(lambda job: self._decode(*job), jobs):
            pass

    def _decode(self, block: int, number: int, target: Rows) -> None:
        """Decodes one tile or strip of a row of them (plane after plane) into the row's samples."""
        plane, column = divmod(number, self._across)
        index = (plane * self._down + block) * self._across + column
        count = self._counts[index]
        encoded = self._bytes(self._offsets[index], count) if count else None
        if encoded is not None:
            tiff.check_segment(self._page, encoded, self._name)
        pixels, (_, _, _, x, _), (_, _, width, _) = self._page.decode(encoded, index, **self._jpeg)
        part = target[:, x : x + width, slice(plane, plane + 1) if self._planes > 1 else slice(None)]
        part[...] = self._page.nodata if pixels is None else pixels[0, : len(part), : part.shape[1]]

    def _copied(self, first: int, rows: Rows) -> None:
        """Rows out of strips that hold nothing but samples."""
        order = self._dtype.newbyteorder(self._tiff.byteorder)
        line = self._width * self._samples // self._planes * self._dtype.itemsize
        for plane in range(self._planes):
            part = rows if self._planes == 1 else rows[..., plane]
            for strip, inside, done, count in self._pieces(first, len(rows)):
                index = plane * self._down + strip
                target = part[done : done + count]
                if not self._counts[index]:
                    target[...] = self._page.nodata
                    continue
                if (inside + count) * line > self._counts[index]:
                    raise DamagedError(f"{self._name} is a damaged TIFF: strip {index} is too short")
                direct = order.isnative and target.flags.c_contiguous
                buffer = target if direct else np.empty(target.shape, order)
                self._read(self._offsets[index] + inside * line, buffer)
                if not direct:
                    target[...] = buffer

    def _pieces(self, first: int, rows: int) -> Iterator[tuple[int, int, int, int]]:
        """(strip, its row, number of the row, rows) of each strip that holds some of them."""
        done = 0
        while done < rows:
            strip, inside = divmod(first + done, self._block)
            count = min(rows - done, self._block - inside)
            yield strip, inside, done, count
            done += count

    def _bytes(self, offset: int, count: int) -> bytes:
        buffer = np.empty(min(count, len(self._data)), np.uint8)
        self._read(offset, buffer, count)
        return buffer.tobytes()

    def _read(self, offset: int, buffer: Rows, count: int | None = None) -> None:
        """Fills `buffer` from the file, from several threads at once."""
        end = offset + (buffer.nbytes if count is None else count)
        if end > len(self._data):
            raise DamagedError(
                f"{self._name} is cut short: {len(self._data)} bytes, and pixels up to byte {end}"
            )
        view, done = buffer.reshape(-1).view(np.uint8).data, 0
        with self._lock:
            self._file.seek(offset)
            while done < len(view):
                got = self._file.readinto(view[done:])
                if not got:
                    raise DamagedError(f"{self._name} became shorter while it was read")
                done += got


@dataclass(frozen=True)
class TiffPages:
    """The pages of an open file, and what was left out of it, for people."""

    pages: tuple[TiffRows, ...]
    notes: tuple[str, ...]


@contextlib.contextmanager
def opened(path: str) -> Iterator[TiffPages]:
    """A TIFF file to read rows of its pages from.

    Raises `ImageFileError`s as `imgfilt.io.read` does, and `UnsupportedError` for what has no rows that can be read
    alone: pictures stored sideways, strips and rows of tiles of more than `SEGMENT_LIMIT` bytes.
    """
    with source.opened(path) as (file, data), contextlib.ExitStack() as stack:
        with tiff.explained(path):
            tiff_file = stack.enter_context(tiff.parsed(file, path))
            pages = tuple(
                TiffRows(tiff_file, page, file, data, name) for page, name in tiff.pages_of(tiff_file, path)
            )
            notes = tiff.left_out(tiff_file, len(pages))
        for page in pages:
            stack.callback(page.close)
        yield TiffPages(pages, notes)
