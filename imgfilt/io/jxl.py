"""JPEG XL through libjxl (imagecodecs), with the header and the container's metadata read and written here.

ISO/IEC 18181-1 (codestream: annexes on headers), 18181-2 (container).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import exif as exif_block
from imgfilt.io import xmp
from imgfilt.io.errors import DamagedError, NotStorableError, UnsupportedError
from imgfilt.io.orient import oriented_shape
from imgfilt.io.picture import Info, Picture, plain_colours
from imgfilt.io.source import Data
from imgfilt.records import record

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_HEADER = 4096
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_ALPHA, _SPOT, _CFA = 0, 2, 5
_GRAY = 1
_LARGEST_BOX = 64 << 20


@record
class Header:
    """What the codestream's header says. Sizes are those before orientation; `bits` 0 for floats."""

    width: int
    height: int
    orientation: int
    bits: int
    gray: bool
    alpha: bool
    animated: bool
    plain_srgb: bool


class _Bits:
    """Numbers of so many bits, the lowest first; `DamagedError` at the end."""

    def __init__(self, data: bytes, name: str) -> None:
        self._value, self._left, self._name = int.from_bytes(data, "little"), 8 * len(data), name

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise DamagedError(f"'{self._name}' is a damaged JPEG XL: its header ends early")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def choose(self, *ways: tuple[int, int]) -> int:
        """The standard's U32: two bits choose one of four (offset, bits)."""
        offset, count = ways[self.take(2)]
        return offset + self.take(count)

    def enum(self) -> int:
        return self.choose((0, 0), (1, 0), (2, 4), (18, 6))


def parse(data: Data, name: str) -> Header:
    """The header of a codestream or of the one in a container."""
    bits = _Bits(_codestream(data, name)[2:], name)
    width, height = _size(bits)
    if bits.take(1):
        return Header(width, height, 1, 8, False, False, False, True)
    orientation, animated = 1, False
    if bits.take(1):
        orientation = bits.take(3) + 1
        if bits.take(1):
            _size(bits)
        if bits.take(1):
            _preview(bits)
        animated = bool(bits.take(1))
        if animated:
            bits.choose((100, 0), (1000, 0), (1, 10), (1, 30))
            bits.choose((1, 0), (1001, 0), (1, 8), (1, 10))
            bits.choose((0, 0), (0, 3), (0, 16), (0, 32))
            bits.take(1)
    depth = _depth(bits)
    bits.take(1)
    kinds = [_extra_channel(bits) for _ in range(bits.choose((0, 0), (1, 0), (2, 4), (1, 12)))]
    bits.take(1)
    plain = bool(bits.take(1))
    gray = False
    if not plain:
        bits.take(1)
        gray = bits.enum() == _GRAY
    return Header(width, height, orientation, depth, gray, _ALPHA in kinds, animated, plain)


def _size(bits: _Bits) -> tuple[int, int]:
    ways = (1, 9), (1, 13), (1, 18), (1, 30)
    small = bits.take(1)
    height = 8 * (bits.take(5) + 1) if small else bits.choose(*ways)
    ratio = bits.take(3)
    if ratio:
        above, below = _RATIOS[ratio]
        return height * above // below, height
    return (8 * (bits.take(5) + 1) if small else bits.choose(*ways)), height


def _preview(bits: _Bits) -> None:
    eighths = bits.take(1)
    ways = ((16, 0), (32, 0), (1, 5), (33, 9)) if eighths else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.choose(*ways)
    if not bits.take(3):
        bits.choose(*ways)


def _depth(bits: _Bits) -> int:
    """Bits of a sample, 0 for floats."""
    if bits.take(1):
        bits.choose((32, 0), (16, 0), (24, 0), (1, 6))
        bits.take(4)
        return 0
    return bits.choose((8, 0), (10, 0), (12, 0), (1, 6))


def _extra_channel(bits: _Bits) -> int:
    if bits.take(1):
        return _ALPHA
    kind = bits.enum()
    _depth(bits)
    bits.choose((0, 0), (3, 0), (4, 0), (1, 3))
    for _ in range(bits.choose((0, 0), (0, 4), (16, 5), (48, 10))):
        bits.take(8)
    if kind == _ALPHA:
        bits.take(1)
    elif kind == _SPOT:
        bits.take(64)
    elif kind == _CFA:
        bits.choose((1, 0), (0, 2), (3, 4), (19, 8))
    return kind


def _codestream(data: Data, name: str) -> bytes:
    """The first bytes of the codestream, as far as headers go."""
    if data[:2] == CODESTREAM:
        return data[:_HEADER]
    for kind, start, end in _boxes(data):
        if kind in (b"jxlc", b"jxlp"):
            start += 4 if kind == b"jxlp" else 0
            return data[start : min(end, start + _HEADER)]
    raise DamagedError(f"'{name}' is a damaged JPEG XL: there is no picture in it")


def _boxes(data: Data) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of the content of each box of a container."""
    at = 0
    while at + 8 <= len(data):
        size, kind, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        end = at + size if size else len(data)
        if end < start or end > len(data):
            return
        yield kind, start, end
        at = end


def info(data: Data, name: str) -> Info:
    """Shape and dtype as `decode` returns them."""
    header = parse(data, name)
    channels = (1 if header.gray else 3) + header.alpha
    shape: tuple[int, ...] = (header.height, header.width)
    shape = oriented_shape(shape if channels == 1 else (*shape, channels), header.orientation)
    dtype = "float32" if header.bits == 0 else "uint8" if header.bits <= 8 else "uint16"
    return Info(shape, dtype, header.alpha, "jxl", plain_colours(shape))


def decode(data: bytes, name: str) -> Picture:
    """The (first) frame, upright; more than 8 bits as 16, floats as float32."""
    import imagecodecs

    header, expected = parse(data, name), info(data, name)
    if header.bits > 16:
        raise UnsupportedError(
            f"'{name}' is a JPEG XL of {header.bits} bits; up to 16 and floats can be read"
        )
    try:
        pixels: NDArray[Any] = imagecodecs.jpegxl_decode(data, index=0 if header.animated else None)
    except (imagecodecs.JpegxlError, ValueError, RuntimeError) as error:
        raise DamagedError(f"'{name}' is a damaged JPEG XL, or cut short: {error}") from error
    if pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
    if (pixels.shape, pixels.dtype.name) != (expected.shape, expected.dtype):
        raise UnsupportedError(
            f"'{name}' is a JPEG XL of a kind that is not known here: {pixels.dtype} {pixels.shape}"
        )
    notes = ["only the first frame of an animated JPEG XL was read"] * header.animated
    if not header.plain_srgb and not header.gray:
        notes.append("a JPEG XL's colour profile is not kept")
    exif, packet = b"", b""
    for kind, start, end in _boxes(data) if data.startswith(CONTAINER) else ():
        if kind == b"Exif" and end - start < _LARGEST_BOX:
            exif = data[start + 4 + int.from_bytes(data[start : start + 4], "big") : end]
        elif kind == b"xml " and end - start < _LARGEST_BOX:
            packet = data[start:end]
    exif = exif_block.upright(exif, pixels.shape[1], pixels.shape[0]) if exif else b""
    return Picture(
        pixels,
        header.alpha,
        "jxl",
        exif,
        dpi=exif_block.resolution(exif),
        xmp=xmp.upright(packet),
        notes=tuple(notes),
    )


def encode(file: BinaryIO, picture: Picture, quality: int) -> None:
    """Writes uint8 pixels; quality 100 is without loss.

    More bits are not written: imagecodecs would say of them that they are linear light.
    """
    import imagecodecs

    try:
        content = bytes(
            imagecodecs.jpegxl_encode(
                np.ascontiguousarray(picture.array),
                lossless=quality >= 100,
                distance=None if quality >= 100 else _distance(quality),
                usecontainer=bool(picture.exif or picture.xmp),
            )
        )
    except (imagecodecs.JpegxlError, ValueError, RuntimeError) as error:
        raise NotStorableError(
            f"JPEG XL cannot hold a picture of shape {picture.array.shape}: {error}"
        ) from error
    boxes = _boxes(content) if content.startswith(CONTAINER) else ()
    at = next((start - 8 for kind, start, _ in boxes if kind in (b"jxlc", b"jxlp")), 0)
    file.write(content[:at])
    if picture.exif:
        file.write(_box(b"Exif", bytes(4) + picture.exif))
    if picture.xmp:
        file.write(_box(b"xml ", picture.xmp))
    file.write(memoryview(content)[at:])


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def _distance(quality: int) -> float:
    """libjxl's own: 1.0, "visually lossless", for 90."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25
