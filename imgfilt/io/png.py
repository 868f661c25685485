"""PNG through libpng (imagecodecs): 16 bits stay 16 bits. Metadata chunks are read and spliced in here.

Chunks: PNG specification, third edition, sections 5 and 11 (iCCP, pHYs, eXIf).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import exif as exif_block
from imgfilt.io.errors import DamagedError, NotStorableError
from imgfilt.io.orient import apply_orientation, oriented_shape
from imgfilt.io.picture import Info, Picture, plain_colours
from imgfilt.io.source import Data

LEVEL = 2
"""zlib level: a quarter of the time of libpng's default 6, files a tenth larger (a 12 megapixel photo)."""

_HEADER_END = 33
_INCH = 0.0254
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_MOST_CHUNKS = 1_000_000
_PROFILE_LIMIT = 16 << 20


def chunks(data: Data) -> Iterator[tuple[bytes, int, int]]:
    """(type, offset, size) of each whole chunk's content, up to the end of the PNG or the first nonsense."""
    at = 8
    for _ in range(_MOST_CHUNKS):
        size, tag = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if at + 12 + size > len(data) or not tag.isalpha():
            return
        yield tag, at + 8, size
        if tag == b"IEND":
            return
        at += 12 + size


def info(data: Data, name: str) -> Info:
    """Shape and dtype as `decode` returns them."""
    if len(data) < _HEADER_END or data[12:16] != b"IHDR":
        raise DamagedError(f"'{name}' is a damaged PNG: no header in its {len(data)} bytes")
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    transparent = any(tag == b"tRNS" for tag, _, _ in chunks(data))
    channels = _CHANNELS.get(kind, 3) + (transparent and kind in (0, 2, 3))
    shape: tuple[int, ...] = (height, width) if channels == 1 else (height, width, channels)
    shape = oriented_shape(shape, exif_block.orientation(_metadata(data)[0]))
    colours = plain_colours(shape)
    if kind == 3:
        colours = "palette+alpha" if transparent else "palette"
    elif depth == 1:
        colours = colours.replace("gray", "bilevel")
    return Info(shape, "uint16" if depth == 16 else "uint8", channels in (2, 4), "png", colours)


def _metadata(data: Data) -> tuple[bytes, bytes, tuple[float, float] | None]:
    exif, icc, dpi = b"", b"", None
    for tag, at, size in chunks(data):
        body = data[at : at + size] if tag in (b"eXIf", b"iCCP", b"pHYs") else b""
        if tag == b"eXIf":
            exif = body.removeprefix(exif_block.PREFIX)
        elif tag == b"iCCP":
            icc = _inflate(body[body.find(b"\0") + 2 :])
        elif tag == b"pHYs" and size == 9 and body[8] == 1:
            x, y = struct.unpack_from(">II", body)
            dpi = (x * _INCH, y * _INCH) if x and y else None
    return exif, icc, dpi


def _inflate(packed: bytes) -> bytes:
    """The profile, or nothing where it is damaged or absurdly large: it must not cost the picture."""
    stream = zlib.decompressobj()
    try:
        icc = stream.decompress(packed, _PROFILE_LIMIT)
    except zlib.error:
        return b""
    return icc if stream.eof else b""


def decode(data: bytes, name: str) -> Picture:
    """Pixels as they are stored; palettes become RGB(A), 1, 2 and 4 bits become 8."""
    import imagecodecs

    try:
        pixels: NDArray[Any] = imagecodecs.png_decode(data)
    except (imagecodecs.PngError, ValueError, RuntimeError) as error:
        if not any(tag == b"IEND" for tag, _, _ in chunks(data)):
            raise DamagedError(
                f"'{name}' is cut short: {len(data)} bytes, and no end of the PNG in them"
            ) from error
        raise DamagedError(f"'{name}' is a damaged PNG: {error}") from error
    exif, icc, dpi = _metadata(data)
    turn = exif_block.orientation(exif)
    pixels = apply_orientation(pixels, turn)
    if dpi and turn >= 5:
        dpi = dpi[1], dpi[0]
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    exif = exif_block.upright(exif, pixels.shape[1], pixels.shape[0]) if exif else b""
    return Picture(pixels, has_alpha, "png", exif, icc, dpi or exif_block.resolution(exif))


def encode(file: BinaryIO, picture: Picture) -> None:
    """Writes uint8 or uint16 pixels, 1 to 4 channels, with profile, resolution and EXIF."""
    import imagecodecs

    try:
        data = imagecodecs.png_encode(np.ascontiguousarray(picture.array), LEVEL)
    except imagecodecs.PngError as error:
        raise NotStorableError(
            f"PNG cannot hold a picture of shape {picture.array.shape}: {error}"
        ) from error
    file.write(memoryview(data)[:_HEADER_END])
    if picture.fitting_icc:
        file.write(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.fitting_icc)))
    if picture.dpi:
        x, y = (max(1, round(value / _INCH)) for value in picture.dpi)
        file.write(_chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
    if picture.exif:
        file.write(_chunk(b"eXIf", picture.exif))
    file.write(memoryview(data)[_HEADER_END:])


def _chunk(tag: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + tag + body + zlib.crc32(tag + body).to_bytes(4, "big")
