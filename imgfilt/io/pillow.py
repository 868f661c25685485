"""Everything else that Pillow reads and writes: WebP, BMP, GIF, PPM, CMYK JPEG and more."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import exif as exif_block
from imgfilt.io.errors import DamagedError, NotAnImageError, NotStorableError, TooLargeError, UnsupportedError
from imgfilt.io.orient import apply_orientation, oriented_shape
from imgfilt.io.picture import Info, Picture

if TYPE_CHECKING:
    from PIL.Image import Image

_WRITERS = {"jpeg2000": "JPEG2000"}
_GRAY = ("1", "L")
_SIXTEEN = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def open_image(file: BinaryIO, name: str, max_pixels: int) -> Image:
    """The opened file, no pixels decoded yet. Pillow's own limit of 179 megapixels holds too."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its warning at half the limit
            image = Image.open(file)
    except UnidentifiedImageError as error:
        raise NotAnImageError(f"'{name}' is no picture in a known format") from error
    except Image.DecompressionBombError as error:
        raise TooLargeError(f"'{name}' is too large to be read: {error}".split(", could")[0]) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise DamagedError(f"'{name}' is damaged: {error}") from error
    if image.width * image.height > max_pixels:
        raise TooLargeError(too_large(name, image.width, image.height, max_pixels))
    return image


def too_large(name: str, width: int, height: int, max_pixels: int) -> str:
    return (
        f"'{name}' is {width}x{height}, {width * height / 1e6:.0f} megapixels; "
        f"the limit is {max_pixels / 1e6:.0f} (max_pixels, --max-megapixels)"
    )


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
    return Info(oriented_shape(shape, turn), dtype, mode in ("LA", "RGBA"), _format(image))


def _format(image: Image) -> str:
    return (image.format or "").lower()


def _exif(image: Image) -> bytes:
    raw = image.info.get("exif") or b""
    return bytes(raw).removeprefix(exif_block.PREFIX)


def decode(image: Image, name: str) -> Picture:
    """The first frame, upright, as gray, gray and alpha, RGB or RGBA; 16 bits and floats are kept."""
    mode = _target_mode(image)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
            pixels: NDArray[Any] = np.array(image if image.mode == mode else image.convert(mode))
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise DamagedError(f"'{name}' is cut short or damaged: {error}") from error
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
    return Picture(
        pixels, has_alpha, _format(image), exif, icc, dpi or exif_block.resolution(exif), "", notes
    )


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
