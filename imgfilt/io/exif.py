"""EXIF as a block of bytes: read the orientation, and patch the few fields that filtering makes wrong.

The block stays as it is but for those fields, because maker notes hold offsets that no one can rewrite.
Layout: TIFF 6.0, section 2; Exif 2.32, section 4.6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

PREFIX = b"Exif\0\0"
ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x112, 0x11A, 0x11B, 0x128
EXIF_IFD, PIXEL_WIDTH, PIXEL_HEIGHT = 0x8769, 0xA002, 0xA003
_THUMBNAIL_AT, _THUMBNAIL_BYTES, _STRIP_AT, _STRIP_BYTES = 0x201, 0x202, 0x111, 0x117
_SHORT, _LONG = 3, 4


class _Block:
    """Integers at offsets of an EXIF block, in its byte order; `struct.error` where it ends too early."""

    def __init__(self, data: bytes | bytearray) -> None:
        if data[:4] not in (b"II*\0", b"MM\0*"):
            raise struct.error("no TIFF header")
        self.data = data
        self.order = "<" if data[:2] == b"II" else ">"

    def get(self, code: str, at: int) -> int:
        value: int = struct.unpack_from(self.order + code, self.data, at)[0]
        return value

    def put(self, code: str, at: int, value: int) -> None:
        assert isinstance(self.data, bytearray)
        struct.pack_into(self.order + code, self.data, at, value)

    def entries(self, ifd: int) -> Iterator[tuple[int, int]]:
        """(tag, offset of the entry) of the directory at `ifd`."""
        for i in range(self.get("H", ifd)):
            at = ifd + 2 + 12 * i
            yield self.get("H", at), at

    def find(self, ifd: int, tag: int) -> int | None:
        return next((at for t, at in self.entries(ifd) if t == tag), None)

    def number(self, ifd: int, tag: int) -> int | None:
        """The value of a SHORT or LONG entry."""
        at = self.find(ifd, tag)
        if at is None:
            return None
        return self.get("H" if self.get("H", at + 2) == _SHORT else "I", at + 8)

    def set_number(self, ifd: int, tag: int, value: int) -> None:
        at = self.find(ifd, tag)
        if at is None:
            return
        if self.get("H", at + 2) == _SHORT:
            if value < 1 << 16:
                self.put("H", at + 8, value)
        else:
            self.put("I", at + 8, value)

    def rational(self, ifd: int, tag: int) -> float | None:
        at = self.find(ifd, tag)
        if at is None:
            return None
        where = self.get("I", at + 8)
        below = self.get("I", where + 4)
        return self.get("I", where) / below if below else None


def orientation(exif: bytes) -> int:
    """The orientation 1 to 8 (1 where there is none, or the block is not readable)."""
    try:
        block = _Block(exif)
        value = block.number(block.get("I", 4), ORIENTATION)
    except struct.error:
        return 1
    return value if value is not None and 1 <= value <= 8 else 1


def resolution(exif: bytes) -> tuple[float, float] | None:
    """(x, y) pixels an inch, or None."""
    try:
        block = _Block(exif)
        ifd = block.get("I", 4)
        x, y = block.rational(ifd, X_RESOLUTION), block.rational(ifd, Y_RESOLUTION)
        unit = block.number(ifd, RESOLUTION_UNIT)
    except struct.error:
        return None
    if not x or not y or unit not in (None, 2, 3):
        return None
    return (x * 2.54, y * 2.54) if unit == 3 else (x, y)


def upright(exif: bytes, width: int, height: int) -> bytes:
    """The block for an upright picture of this size: orientation 1, right dimensions, no thumbnail.

    The thumbnail shows the picture before the filter (after a blur that would be a leak), so its bytes go
    too. A block that cannot be read is dropped: b"".
    """
    data = bytearray(exif)
    try:
        block = _Block(data)
        first = block.get("I", 4)
        turned = orientation(exif) >= 5
        block.set_number(first, ORIENTATION, 1)
        if turned:
            _swap_resolution(block, first)
        sub = block.number(first, EXIF_IFD)
        if sub is not None:
            block.set_number(sub, PIXEL_WIDTH, width)
            block.set_number(sub, PIXEL_HEIGHT, height)
        _remove_thumbnail(block, first)
    except struct.error:
        return b""
    return bytes(data)


def _swap_resolution(block: _Block, ifd: int) -> None:
    x, y = block.find(ifd, X_RESOLUTION), block.find(ifd, Y_RESOLUTION)
    if x is not None and y is not None:
        a, b = block.get("I", x + 8), block.get("I", y + 8)
        block.put("I", x + 8, b)
        block.put("I", y + 8, a)


def _remove_thumbnail(block: _Block, first: int) -> None:
    link = first + 2 + 12 * block.get("H", first)
    second = block.get("I", link)
    if not second:
        return
    block.put("I", link, 0)
    for at_tag, bytes_tag in ((_THUMBNAIL_AT, _THUMBNAIL_BYTES), (_STRIP_AT, _STRIP_BYTES)):
        start, size = block.number(second, at_tag), block.number(second, bytes_tag)
        if start is None or size is None or start + size > len(block.data):
            continue
        assert isinstance(block.data, bytearray)
        if start + size == len(block.data):
            del block.data[start:]
        else:
            block.data[start : start + size] = bytes(size)
