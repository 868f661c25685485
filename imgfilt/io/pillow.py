"""Everything else that Pillow reads and writes: WebP, BMP, GIF, PPM, CMYK JPEG and more."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import exif as exif_block
from imgfilt.io.errors import (
    DamagedError,
    ImageFileError,
    NotAnImageError,
    NotStorableError,
    UnsupportedError,
)
from imgfilt.io.orient import apply_orientation, oriented_shape
from imgfilt.io.picture import Info, Picture, plain_colours

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

_WRITERS = {"jpeg2000": "JPEG2000"}
READABLE = ("JPEG", "WEBP", "AVIF", "GIF", "BMP", "DIB", "PPM", "JPEG2000", "TIFF", "ICO", "PCX", "SGI", "QOI",
            "DDS", "PSD", "SUN", "TGA")  # fmt: skip
"""What Pillow is asked for, in its own names; TGA last, for it has no first bytes to be known by."""
_COLOURS = {"1": "bilevel", "P": "palette", "PA": "palette", "CMYK": "cmyk"}
_GRAY = ("1", "L")
_SIXTEEN = ("I", "I;16", "I;16B", "I;16L", "I;16N")


@contextlib.contextmanager
def opened(file: BinaryIO | io.FileIO, name: str) -> Iterator[ImageFile]:
    """The opened file, no pixels decoded yet. Whatever a decoder raises inside the block is a `DamagedError`.

    The format's reader is called directly: `Image.open` would hold to Pillow's own limit of 179 megapixels,
    which is one setting for the whole process, and would try formats that are programs (PostScript).
    """
    from PIL import Image

    Image.init()
    prefix = file.read(16)
    refused: Exception | None = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for kind in READABLE:
                factory, accept = Image.OPEN[kind]
                if accept is not None and accept(prefix) is not True:
                    continue
                file.seek(0)
                try:
                    image = factory(file, "")
                except (SyntaxError, IndexError, TypeError, struct.error) as error:  # not this one
                    refused = error if accept is not None else refused
                    continue
                with image:
                    yield image
                return
    except (ImageFileError, MemoryError):
        raise
    except Exception as error:  # a parser of broken files may raise anything
        raise DamagedError(f"'{name}' is cut short or damaged: {' '.join(str(error).split())}") from error
    if refused is not None:
        raise DamagedError(f"'{name}' is damaged: {refused}") from refused
    raise NotAnImageError(f"'{name}' is no picture in a known format")


def _target_mode(image: Image) -> str:
    mode = image.mode
    if mode in _GRAY:
        return "LA" if "transparency" in image.info else "L"
    if mode in _SIXTEEN or mode == "F":
        return mode
    if mode in ("LA", "La"):
        return "LA"
    if mode in ("RGBA", "RGBa", "PA") or "transparency" in image.info:
        return "RGBA"
    return "RGB"


def info(image: Image) -> Info:
    """Shape and dtype as `decode` returns them."""
    mode = _target_mode(image)
    channels = {"LA": 2, "RGB": 3, "RGBA": 4}.get(mode, 1)
    shape = (image.height, image.width) + ((channels,) if channels > 1 else ())
    dtype = "float32" if mode == "F" else "uint16" if mode in _SIXTEEN else "uint8"
    turn = exif_block.orientation(_exif(image))
    has_alpha = mode in ("LA", "RGBA")
    colours = _COLOURS.get(image.mode, "")
    colours = colours + "+alpha" * has_alpha if colours else plain_colours(shape)
    return Info(oriented_shape(shape, turn), dtype, has_alpha, _format(image), colours)


def _format(image: Image) -> str:
    return (image.format or "").lower()


def _exif(image: Image) -> bytes:
    raw = image.info.get("exif") or b""
    return bytes(raw).removeprefix(exif_block.PREFIX)


def decode(image: Image, name: str) -> Picture:
    """The first frame, upright, as gray, gray and alpha, RGB or RGBA; 16 bits and floats are kept."""
    mode = _target_mode(image)
    image.load()
    pixels: NDArray[Any] = np.array(image if image.mode == mode else image.convert(mode))
    if mode in _SIXTEEN:
        if pixels.dtype.itemsize > 2 and (pixels.min() < 0 or pixels.max() > 0xFFFF):
            raise UnsupportedError(
                f"'{name}' has 32-bit integer samples; uint8, uint16 and floats can be read"
            )
        pixels = pixels.astype(np.uint16)
    exif, icc, dpi = _exif(image), image.info.get("icc_profile") or b"", image.info.get("dpi")
    turn = exif_block.orientation(exif)
    pixels = apply_orientation(pixels, turn)
    if dpi:
        dpi = (float(dpi[0]), float(dpi[1])) if turn < 5 else (float(dpi[1]), float(dpi[0]))
        if min(dpi) <= 0 or image.info.get("jfif_unit") == 0:
            dpi = None
    exif = exif_block.upright(exif, pixels.shape[1], pixels.shape[0]) if exif else b""
    frames = getattr(image, "n_frames", 1)
    notes = (f"only the first of {frames} frames was read",) if frames > 1 else ()
    has_alpha = mode in ("LA", "RGBA")
    dpi = dpi or exif_block.resolution(exif)
    return Picture(pixels, has_alpha, _format(image), exif, icc, dpi, notes=notes)


def encode(file: BinaryIO, picture: Picture, kind: str, quality: int) -> None:
    """Writes uint8 pixels (uint16 gray as PGM) as `kind`, with what metadata the format takes."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture.array))
    options: dict[str, Any] = {}
    if kind in ("webp", "avif"):
        options = {"quality": quality, "exif": exif_block.PREFIX + picture.exif if picture.exif else b""}
    if kind in ("webp", "avif", "bmp", "jpeg2000", "gif") and picture.dpi:
        options["dpi"] = picture.dpi
    if picture.fitting_icc:
        options["icc_profile"] = picture.fitting_icc
    if not options.get("exif", b"x"):
        del options["exif"]
    try:
        image.save(file, _WRITERS.get(kind, kind.upper()), **options)
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        size = f"{image.width}x{image.height} {image.mode}"
        raise NotStorableError(f"{kind} cannot hold this {size} picture: {error}") from error
