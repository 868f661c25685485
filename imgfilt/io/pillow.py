"""Everything else that Pillow reads and writes: WebP, AVIF, BMP, GIF, PPM and more."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import deep, gif, xmp
from imgfilt.io import exif as exif_block
from imgfilt.io.errors import (
    DamagedError,
    ImageFileError,
    NotAnImageError,
    NotStorableError,
    TooLargeError,
    UnsupportedError,
    one_line,
)
from imgfilt.io.frames import Animation, Frame, composed
from imgfilt.io.orient import apply_orientation, oriented_shape
from imgfilt.io.picture import Info, Picture, plain_colours
from imgfilt.io.source import Data
from imgfilt.records import record, replace

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

_WRITERS = {"jpeg2000": "JPEG2000"}
READABLE = ("WEBP", "AVIF", "GIF", "BMP", "DIB", "PPM", "JPEG2000", "ICO", "PCX", "SGI", "QOI",
            "DDS", "PSD", "SUN", "TGA")  # fmt: skip
"""What Pillow is asked for, in its own names; TGA last, for it has no first bytes to be known by."""
_COLOURS = {"1": "bilevel", "P": "palette", "PA": "palette", "CMYK": "cmyk"}
_ANIMATED = ("webp", "avif", "gif")
_GRAY = ("1", "L")
_SIXTEEN = ("I", "I;16", "I;16B", "I;16L", "I;16N")


@record
class Opened:
    """An image whose pixels are not decoded yet; of a GIF also what its blocks say of the frames."""

    image: ImageFile
    data: Data
    gif: Animation[gif.Piece] | None


@contextlib.contextmanager
def opened(file: BinaryIO | io.FileIO, data: Data, name: str) -> Iterator[Opened]:
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
                    yield Opened(image, data, gif.parse(data, name) if kind == "GIF" else None)
                return
    except (ImageFileError, MemoryError):
        raise
    except Image.DecompressionBombError as error:  # where a reader has the limit built in
        raise TooLargeError(f"'{name}' is too large for Pillow: {error}".split(", could")[0]) from error
    except Exception as error:  # a parser of broken files may raise anything
        raise DamagedError(f"'{name}' is cut short or damaged: {one_line(error)}") from error
    if refused is not None:
        raise DamagedError(f"'{name}' is damaged: {one_line(refused)}") from refused
    raise NotAnImageError(f"'{name}' is no picture in a known format")


def _target_mode(opened: Opened) -> str:
    """The mode that every frame is converted to."""
    image = opened.image
    if opened.gif and len(opened.gif.frames) > 1:  # palettes may differ from frame to frame
        return "RGBA" if gif.channels(opened.gif) == 4 else "RGB"
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


def info(opened: Opened) -> Info:
    """Shape and dtype as `decode` returns them."""
    image, mode = opened.image, _target_mode(opened)
    sixteen = mode in _SIXTEEN or _deep(opened)
    dtype = "float32" if mode == "F" else "uint16" if sixteen else "uint8"
    shape = _stored_shape(opened)
    has_alpha = mode in ("LA", "RGBA")
    colours = "palette" if opened.gif else _COLOURS.get(image.mode, "")
    colours = colours + "+alpha" * has_alpha if colours else plain_colours(shape)
    shape = oriented_shape(shape, exif_block.orientation(_exif(image)))
    return Info(shape, dtype, has_alpha, _format(image), colours).animated(_frames(opened))


def _deep(opened: Opened) -> int:
    return deep.largest(opened.image, opened.data) if _frames(opened) == 1 else 0


def _stored_shape(opened: Opened) -> tuple[int, ...]:
    channels = {"LA": 2, "RGB": 3, "RGBA": 4}.get(_target_mode(opened), 1)
    width, height = opened.gif.canvas if opened.gif else opened.image.size
    return (height, width) if channels == 1 else (height, width, channels)


def _frames(opened: Opened) -> int:
    if opened.gif:
        return len(opened.gif.frames)
    return int(getattr(opened.image, "n_frames", 1)) if _format(opened.image) in _ANIMATED else 1


def _format(image: Image) -> str:
    return (image.format or "").lower()


def _exif(image: Image) -> bytes:
    raw = image.info.get("exif") or b""
    return bytes(raw).removeprefix(exif_block.PREFIX)


def decode(opened: Opened, name: str) -> Picture:
    """All frames, upright, as gray, gray and alpha, RGB or RGBA; 16 bits and floats are kept."""
    image = opened.image
    turn = exif_block.orientation(_exif(image))
    first, *others = _decoded(opened, turn, name)
    icc, dpi = image.info.get("icc_profile") or b"", image.info.get("dpi")
    if dpi:
        dpi = (float(dpi[0]), float(dpi[1])) if turn < 5 else (float(dpi[1]), float(dpi[0]))
        if min(dpi) <= 0:
            dpi = None
    exif = _exif(image)
    exif = exif_block.upright(exif, first.array.shape[1], first.array.shape[0]) if exif else b""
    packet = image.info.get("xmp") or b""
    packet = packet if isinstance(packet, bytes) else packet.encode()
    plays = None
    if others:
        plays = opened.gif.plays if opened.gif else int(image.info.get("loop", 0))
    return replace(
        first,
        exif=exif,
        icc=icc,
        dpi=dpi or exif_block.resolution(exif),
        xmp=xmp.upright(packet),
        compression="lossless" if _format(image) == "webp" and _is_lossless(opened.data) else "",
        pages=tuple(others),
        plays=plays,
    )


def _is_lossless(webp: Data) -> bool:
    """Whether the (first) picture of a WebP is packed without loss. RIFF container specification of WebP."""
    at = 12
    while at + 8 <= len(webp):
        tag, size = webp[at : at + 4], int.from_bytes(webp[at + 4 : at + 8], "little")
        if tag in (b"VP8 ", b"VP8L"):
            return tag == b"VP8L"
        at += 8 + (16 if tag == b"ANMF" else size + size % 2)
    return False


def _decoded(opened: Opened, turn: int, name: str) -> Iterator[Picture]:
    image, mode = opened.image, _target_mode(opened)
    if opened.gif and len(opened.gif.frames) > 1:
        for array, frame in zip(_decode_gif(opened, opened.gif), opened.gif.frames, strict=True):
            yield Picture(array, mode == "RGBA", "gif", duration=frame.duration)
        return
    if full := _deep(opened):
        pixels = deep.decode(opened.image, opened.data[:], full)
        if pixels.shape != _stored_shape(opened):
            raise DamagedError(f"'{name}' is damaged: its pixels have the shape {pixels.shape}")
        yield Picture(apply_orientation(pixels, turn), mode in ("LA", "RGBA"), _format(image))
        return
    for number in range(_frames(opened)):
        if number:
            image.seek(number)
        image.load()
        pixels = np.array(image if image.mode == mode else image.convert(mode))
        if mode in _SIXTEEN:
            if pixels.dtype.itemsize > 2 and (pixels.min() < 0 or pixels.max() > 0xFFFF):
                raise UnsupportedError(
                    f"'{name}' has 32-bit integer samples; uint8, uint16 and floats can be read"
                )
            pixels = pixels.astype(np.uint16)
        duration = float(image.info.get("duration", 0)) if _frames(opened) > 1 else 0.0
        array = apply_orientation(pixels, turn)
        yield Picture(array, mode in ("LA", "RGBA"), _format(image), duration=duration)


def _decode_gif(opened: Opened, animation: Animation[gif.Piece]) -> list[NDArray[Any]]:
    """The frames of an animation, by what its blocks say; Pillow decodes each alone."""
    import PIL.GifImagePlugin

    data = opened.data[:]

    def pixels(frame: Frame[gif.Piece]) -> NDArray[Any]:
        with PIL.GifImagePlugin.GifImageFile(io.BytesIO(gif.still(data, frame))) as image:
            return np.asarray(image.convert("RGBA"))

    frames = composed(animation, pixels, 4)
    if gif.channels(animation) == 4:
        return frames
    return [np.ascontiguousarray(frame[..., :3]) for frame in frames]


def encode(file: BinaryIO, picture: Picture, kind: str, quality: int) -> None:
    """Writes uint8 pixels (uint16 gray as PGM) as `kind`, with what metadata the format takes."""
    from PIL import Image

    image, *others = (Image.fromarray(np.ascontiguousarray(frame.array)) for frame in picture.frames())
    options: dict[str, Any] = {}
    if kind in ("webp", "avif"):
        lossless = kind == "webp" and picture.compression == "lossless"
        options = {"lossless": True} if lossless else {"quality": quality}
        if picture.exif:
            options["exif"] = exif_block.PREFIX + picture.exif
        if picture.xmp:
            options["xmp"] = picture.xmp
        if others:
            options |= {"save_all": True, "append_images": others, "loop": picture.plays or 0}
            options["duration"] = [round(frame.duration) for frame in picture.frames()]
    if kind in ("webp", "avif", "bmp", "jpeg2000") and picture.dpi:
        options["dpi"] = picture.dpi
    if picture.fitting_icc:
        options["icc_profile"] = picture.fitting_icc
    try:
        if kind == "gif":
            file.write(_gif(picture, [image, *others]))
        else:
            image.save(file, _WRITERS.get(kind, kind.upper()), **options)
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        size = f"{image.width}x{image.height} {image.mode}"
        raise NotStorableError(f"{kind} cannot hold this {size} picture: {error}") from error


def _gif(picture: Picture, images: list[Image]) -> bytes:
    """Every frame by Pillow, the animation by us: Pillow stores differences, and loses pixels that turn clear."""
    stills = []
    for image in images:
        still = io.BytesIO()
        _with_palette(image).save(still, "GIF")
        stills.append(still.getvalue())
    if len(stills) == 1:
        return stills[0]
    plays = picture.plays if picture.plays is not None else 0
    return gif.animation(stills, [frame.duration for frame in picture.frames()], plays)


def _with_palette(image: Image) -> Image:
    """Up to 256 colours by median cut, exact where there are no more; alpha below 128 becomes an index."""
    import PIL.Image

    if image.mode == "L":
        return image
    pixels = np.asarray(image.convert("RGBA"))
    clear = pixels[..., 3] < 128
    colours = pixels[..., :3].copy()
    if clear.all():
        colours[:] = 0
    else:
        colours[clear] = colours[~clear][0]  # no palette entry for what is not seen
    count = 255 if clear.any() else 256
    reduced = PIL.Image.fromarray(colours).quantize(
        count, PIL.Image.Quantize.MEDIANCUT, dither=PIL.Image.Dither.NONE
    )
    if count == 256:
        return reduced
    indices = np.array(reduced)
    indices[clear] = 255
    result = PIL.Image.frombytes("P", image.size, indices.tobytes())
    result.putpalette(((reduced.getpalette() or []) + [0] * 768)[:768])
    result.info["transparency"] = 255
    return result
