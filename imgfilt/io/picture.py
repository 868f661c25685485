"""`Picture`: an array with what its file said about it, and the frames or pages that follow it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt.records import record, replace

MAX_PIXELS = 512_000_000
"""Default limit of `read`, against decompression bombs: 512 megapixels, all frames together."""

MAX_FRAMES = 20_000
"""Limit of `read` for frames and pages: each costs some time and memory, however small it is."""


@record(eq=False)
class Picture:
    """Pixels and metadata of an image file.

    array      (H, W) gray, (H, W, 2) gray and alpha, (H, W, 3) RGB or (H, W, 4) RGBA; uint8, uint16,
               float32
    has_alpha  the last channel is alpha (not premultiplied)
    format     the format it was read from, a key of `formats.FORMATS`, or Pillow's name in lower case
    exif       a TIFF structure without the `Exif\\0\\0` prefix; its orientation is 1 and it has no thumbnail
    icc        the colour profile; written only where its colour space fits the array
    dpi        (x, y) resolution in pixels an inch
    xmp        an XMP packet; its orientation is 1 and it has no thumbnails
    subsampling  chroma subsampling of the JPEG that it was read from, "444", "422", "420", else ""
    compression  how the file was packed, where there is a choice: "lossless" (WebP), or of a TIFF
               "deflate", "lzw", "packbits", "lzma", "zstd"
    png_colour  the chunks of a PNG that say what its colours mean where it has no profile
    notes      what the reader left out or converted, for people
    pages      the frames or pages after the first, each with what is its own. The frames of an animation have
               one size and number of channels; the pages of a TIFF may differ in everything
    duration   how long this frame of an animation is shown, in milliseconds
    plays      how often an animation is played, 0: for ever; None where this is no animation
    """

    array: NDArray[Any]
    has_alpha: bool = False
    format: str = ""
    exif: bytes = b""
    icc: bytes = b""
    dpi: tuple[float, float] | None = None
    xmp: bytes = b""
    subsampling: str = ""
    compression: str = ""
    png_colour: bytes = b""
    notes: tuple[str, ...] = ()
    pages: tuple[Picture, ...] = ()
    duration: float = 0.0
    plays: int | None = None

    @property
    def is_gray(self) -> bool:
        return self.array.ndim == 2 or self.array.shape[2] <= 2

    @property
    def fitting_icc(self) -> bytes:
        """The profile if it describes the array's colour space, else nothing (RGB misleads on gray)."""
        space = self.icc[16:20]
        return self.icc if space == (b"GRAY" if self.is_gray else b"RGB ") else b""

    def map(self, function: Callable[[NDArray[Any]], NDArray[Any]]) -> Picture:
        """The picture with `function` applied to the array of every frame or page; the rest stays.

        `function` takes an array as described above and returns one. Alpha is still alpha where the result has
        as many channels as there were; otherwise the result has none.

        >>> Picture(np.zeros((2, 3), np.uint8)).map(lambda array: array + 1).array.tolist()
        [[1, 1, 1], [1, 1, 1]]
        """
        array = function(self.array)
        has_alpha = self.has_alpha and array.ndim == 3 and array.shape[2] == self.array.shape[2]
        pages = tuple(page.map(function) for page in self.pages)
        return replace(self, array=array, has_alpha=has_alpha, pages=pages)

    def frames(self) -> Iterator[Picture]:
        """This picture without its followers, then each of them."""
        yield replace(self, pages=()) if self.pages else self
        yield from self.pages


@record
class Info:
    """What a header says, without the pixels: the shape and dtype `read` would return, upright.

    Where pages differ it speaks of the first; `frames` counts them, and `rest_pixels` and `rest_bytes` are the
    sum of the others. `colours` is what the file holds: "gray", "rgb", "palette", "bilevel", "cmyk", "ycck",
    "lab" and so on, followed by "+alpha" where it has alpha.
    """

    shape: tuple[int, ...]
    dtype: str
    has_alpha: bool
    format: str
    colours: str
    frames: int = 1
    rest_pixels: int = 0
    rest_bytes: int = 0

    @property
    def height(self) -> int:
        return self.shape[0]

    @property
    def width(self) -> int:
        return self.shape[1]

    @property
    def channels(self) -> int:
        return self.shape[2] if len(self.shape) > 2 else 1

    @property
    def pixels(self) -> int:
        """Those of all frames together: what `max_pixels` limits."""
        return self.height * self.width + self.rest_pixels

    @property
    def nbytes(self) -> int:
        """The size of the arrays that `read` returns."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize + self.rest_bytes

    def animated(self, frames: int) -> Info:
        """The same for an animation of so many frames of this size."""
        more = frames - 1
        return replace(self, frames=frames, rest_pixels=more * self.pixels, rest_bytes=more * self.nbytes)


def plain_colours(shape: tuple[int, ...]) -> str:
    """What `Info.colours` says of samples that are stored as they are returned."""
    channels = shape[2] if len(shape) > 2 else 1
    return ("gray", "gray+alpha", "rgb", "rgb+alpha")[channels - 1]
