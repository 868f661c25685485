"""PNG through libpng (imagecodecs): 16 bits stay 16 bits. Metadata chunks are read and spliced in here.

Chunks: PNG specification, third edition, sections 5 and 11 (iCCP, pHYs, eXIf, iTXt, gAMA and its kin).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import apng, xmp
from imgfilt.io import exif as exif_block
from imgfilt.io.errors import DamagedError, NotStorableError
from imgfilt.io.frames import Animation, composed
from imgfilt.io.orient import apply_orientation, oriented_shape
from imgfilt.io.output import write_all
from imgfilt.io.picture import Info, Picture, plain_colours
from imgfilt.io.source import Data
from imgfilt.records import replace

LEVEL = 2
"""zlib level: a quarter of the time of libpng's default 6, files a tenth larger (a 12 megapixel photo)."""

_HEADER_END = 33
_INCH = 0.0254
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_METADATA_LIMIT = 64 << 20
_XMP = b"XML:com.adobe.xmp\0"
_COLOUR = (b"gAMA", b"cHRM", b"sRGB", b"cICP")
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_METADATA = (b"eXIf", b"iCCP", b"pHYs", b"iTXt", *_COLOUR)
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
    found = list(chunks(data))
    transparent = any(tag == b"tRNS" for tag, _, _ in found)
    animation = _animation(data, found, name)
    channels = _CHANNELS.get(kind, 3) + (transparent and kind in (0, 2, 3))
    if animation and animation.shows_through:
        channels += channels % 2
    shape: tuple[int, ...] = (height, width) if channels == 1 else (height, width, channels)
    shape = oriented_shape(shape, exif_block.orientation(_metadata(data).exif))
    colours = plain_colours(shape)
    if kind == 3:
        colours = "palette+alpha" if channels == 4 else "palette"
    elif depth == 1:
        colours = colours.replace("gray", "bilevel")
    header = Info(shape, "uint16" if depth == 16 else "uint8", channels in (2, 4), "png", colours)
    return header.animated(len(animation.frames)) if animation else header


def _animation(data: Data, found: apng.Chunks, name: str) -> Animation[apng.Pieces] | None:
    if not any(tag == b"acTL" for tag, _, _ in found):
        return None
    return apng.parse(found, lambda at, size: data[at : at + size], name)


@dataclass
class _Metadata:
    exif: bytes = b""
    icc: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    colour: bytes = b""


def _metadata(data: Data) -> _Metadata:
    result = _Metadata()
    for tag, at, size in chunks(data):
        if tag not in _METADATA or size > _METADATA_LIMIT:
            continue
        body = data[at : at + size]
        if zlib.crc32(tag + body) != int.from_bytes(data[at + size : at + size + 4], "big"):
            continue
        if tag == b"eXIf":
            result.exif = body.removeprefix(exif_block.PREFIX)
        elif tag == b"iCCP":
            result.icc = _inflate(body[body.find(b"\0") + 2 :])
        elif tag == b"pHYs" and size == 9 and body[8] == 1:
            x, y = struct.unpack_from(">II", body)
            result.dpi = (x * _INCH, y * _INCH) if x and y else None
        elif tag == b"iTXt" and body.startswith(_XMP):
            result.xmp = _international_text(body[len(_XMP) :])
        elif tag in _COLOUR:
            result.colour += apng.chunk(tag, body)
    return result


def _international_text(body: bytes) -> bytes:
    """The text of an iTXt chunk after its keyword: flags, language, translated keyword, text."""
    packed, rest = body[:1] == b"\1", body[2:].split(b"\0", 2)
    if len(rest) < 3:
        return b""
    return _inflate(rest[2]) if packed else rest[2]


def _inflate(packed: bytes) -> bytes:
    """The profile, or nothing where it is damaged or absurdly large: it must not cost the picture."""
    stream = zlib.decompressobj()
    try:
        icc = stream.decompress(packed, _PROFILE_LIMIT)
    except zlib.error:
        return b""
    return icc if stream.eof else b""


def decode(data: bytes, name: str) -> Picture:
    """Pixels as they are stored; palettes become RGB(A), 1, 2 and 4 bits become 8. Frames are composed."""
    metadata = _metadata(data)
    turn = exif_block.orientation(metadata.exif)
    found = list(chunks(data))
    animation = _animation(data, found, name)
    _check_sums(data, found, name)
    if animation is None:
        frames = [_decode_still(_bare(data, found), name)]
    else:
        channels = info(data, name).channels
        frames = composed(
            animation, lambda frame: _decode_still(apng.still(data, found, frame), name), channels
        )
    frames = [apply_orientation(frame, turn) for frame in frames]
    has_alpha = frames[0].ndim == 3 and frames[0].shape[2] in (2, 4)
    dpi, exif = metadata.dpi, metadata.exif
    if dpi and turn >= 5:
        dpi = dpi[1], dpi[0]
    exif = exif_block.upright(exif, frames[0].shape[1], frames[0].shape[0]) if exif else b""
    picture = Picture(
        frames[0],
        has_alpha,
        "png",
        exif,
        metadata.icc,
        dpi or exif_block.resolution(exif),
        xmp.upright(metadata.xmp),
        png_colour=metadata.colour,
    )
    if animation is None or len(frames) == 1:
        return picture
    times = [frame.duration for frame in animation.frames]
    pages = [Picture(a, has_alpha, "png", duration=t) for a, t in zip(frames[1:], times[1:], strict=True)]
    return replace(picture, pages=tuple(pages), duration=times[0], plays=animation.plays)


def _check_sums(data: bytes, found: apng.Chunks, name: str) -> None:
    """`DamagedError` where pixels are damaged: libpng would write about it on standard error."""
    import imagecodecs  # libdeflate's sums take a tenth of zlib's time

    if all(tag != b"IEND" for tag, _, _ in found):
        raise DamagedError(f"'{name}' is cut short: {len(data)} bytes, and no end of the PNG in them")
    for tag, at, size in found:
        if tag in (*_PIXELS, b"fdAT"):
            end = at + size
            found_sum = imagecodecs.deflate_crc32(memoryview(data)[at - 4 : end])  # type: ignore[arg-type]
            if found_sum != int.from_bytes(data[end : end + 4], "big"):
                raise DamagedError(
                    f"'{name}' is a damaged PNG: its chunk {tag.decode()} at byte {at - 8} is corrupt"
                )


def _bare(data: bytes, found: apng.Chunks) -> bytes:
    """The PNG without what is no pixels: libpng would unpack profiles and texts, and complain of damaged ones."""
    if all(tag in _PIXELS for tag, _, _ in found):
        return data
    view = memoryview(data)
    return b"".join((data[:8], *(view[at - 8 : at + size + 4] for tag, at, size in found if tag in _PIXELS)))


def _decode_still(data: bytes, name: str) -> NDArray[Any]:
    import imagecodecs

    try:
        pixels: NDArray[Any] = imagecodecs.png_decode(data)
    except (imagecodecs.PngError, ValueError, RuntimeError) as error:
        raise DamagedError(f"'{name}' is a damaged PNG: {error}") from error
    return pixels


def encode(file: BinaryIO, picture: Picture) -> None:
    """Writes uint8 or uint16 pixels, 1 to 4 channels, with profile, resolution, EXIF and XMP."""
    still = _encode_still(picture.array)
    head: list[bytes | memoryview] = [memoryview(still)[:_HEADER_END], *_described(picture)]
    if not picture.pages:
        write_all(file, [*head, memoryview(still)[_HEADER_END:]])
        return
    write_all(file, head)
    frames = list(picture.frames())
    file.write(apng.chunk(b"acTL", struct.pack(">II", len(frames), picture.plays or 0)))
    height, width = picture.array.shape[:2]
    sequence = 0
    for number, frame in enumerate(frames):
        pieces: list[bytes | memoryview] = [
            apng.chunk(b"fcTL", apng.frame_control(sequence, width, height, frame.duration))
        ]
        sequence += 1
        data = still if number == 0 else _encode_still(frame.array)
        for tag, at, size in chunks(data):
            if tag == b"IDAT" and number == 0:
                pieces.append(memoryview(data)[at - 8 : at + size + 4])
            elif tag == b"IDAT":
                pieces.append(apng.chunk(b"fdAT", sequence.to_bytes(4, "big") + data[at : at + size]))
                sequence += 1
        write_all(file, pieces)
    file.write(apng.chunk(b"IEND", b""))


def _described(picture: Picture) -> Iterator[bytes]:
    """The chunks that stand before the pixels."""
    if picture.fitting_icc:
        yield apng.chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.fitting_icc))
    elif picture.png_colour and not picture.is_gray:
        yield picture.png_colour
    if picture.dpi:
        x, y = (max(1, round(value / _INCH)) for value in picture.dpi)
        yield apng.chunk(b"pHYs", struct.pack(">IIB", x, y, 1))
    if picture.exif:
        yield apng.chunk(b"eXIf", picture.exif)
    if picture.xmp:
        yield apng.chunk(b"iTXt", _XMP + bytes(4) + picture.xmp)


def _encode_still(array: NDArray[Any]) -> bytes:
    import imagecodecs

    try:
        return bytes(imagecodecs.png_encode(np.ascontiguousarray(array), LEVEL))
    except imagecodecs.PngError as error:
        raise NotStorableError(f"PNG cannot hold a picture of shape {array.shape}: {error}") from error
