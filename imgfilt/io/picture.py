"""`Picture`: an array with what its file said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

MAX_PIXELS = 512_000_000
"""Default limit of `read`, against decompression bombs: 512 megapixels."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels and metadata of an image file.

    array      (H, W) gray, (H, W, 2) gray and alpha, (H, W, 3) RGB or (H, W, 4) RGBA; uint8, uint16,
               float32
    has_alpha  the last channel is alpha (not premultiplied)
    format     the format it was read from, a key of `formats.FORMATS`, or Pillow's name in lower case
    exif       a TIFF structure without the `Exif\\0\\0` prefix; its orientation is 1 and it has no thumbnail
    icc        the colour profile; written only where its colour space fits the array
    dpi        (x, y) resolution in pixels an inch
    subsampling  chroma subsampling of the JPEG that it was read from, "444", "422", "420", else ""
    notes      what the reader left out, for people ("only the first of 3 pages was read")
    """

    array: NDArray[Any]
    has_alpha: bool = False
    format: str = ""
    exif: bytes = b""
    icc: bytes = b""
    dpi: tuple[float, float] | None = None
    subsampling: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def is_gray(self) -> bool:
        return self.array.ndim == 2 or self.array.shape[2] <= 2

    @property
    def fitting_icc(self) -> bytes:
        """The profile if it describes the array's colour space, else nothing (RGB misleads on gray)."""
        space = self.icc[16:20]
        return self.icc if space == (b"GRAY" if self.is_gray else b"RGB ") else b""


@dataclass(frozen=True)
class Info:
    """What a header says, without the pixels: the shape and dtype `read` would return, upright."""

    shape: tuple[int, ...]
    dtype: str
    has_alpha: bool
    format: str
