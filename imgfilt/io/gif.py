"""A GIF's blocks: what they say of its frames, a still of each, and an animation put together of stills.

GIF89a specification; Netscape's looping extension. Pillow decodes and encodes the stills; what it makes of
animations is not what browsers show (frames that are cleared), and is not lossless (frames that turn clear).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imgfilt.io.errors import DamagedError
from imgfilt.io.frames import CLEAR, KEEP, UNDO, Animation, Frame
from imgfilt.io.source import Data

_IMAGE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_INTERLACED = 0x40
_HEADER = 13
_LOOPING = b"\x21\xff\x0bNETSCAPE2.0\x03\x01"
_AFTER = {2: CLEAR, 3: UNDO}
_LONGEST = 0xFFFF


@dataclass(frozen=True)
class Piece:
    """Where the image block of a frame lies, and the index that is transparent, or None."""

    start: int
    end: int
    clear: int | None


def parse(data: Data, name: str) -> Animation[Piece]:
    """The frames in `data`. The last may end early: that is found when it is decoded."""
    head = data[:_HEADER]
    if len(head) < _HEADER:
        raise DamagedError(f"'{name}' is cut short: {len(data)} bytes, no whole GIF header")
    width, height = struct.unpack("<HH", head[6:10])
    frames: list[Frame[Piece]] = []
    plays, control = 1, bytes(4)
    for kind, at, end in _blocks(data):
        if kind == _IMAGE:
            x, y, wide, high = struct.unpack("<HHHH", data[at + 1 : at + 9])
            if not wide or not high:
                raise DamagedError(f"'{name}' is a damaged GIF: a frame of {wide}x{high}")
            # a frame may reach over the screen, which then grows
            width, height = max(width, x + wide), max(height, y + high)
            flags, hundredths, clear = struct.unpack("<BHB", control)
            piece = Piece(at, end, clear if flags & 1 else None)
            after = _AFTER.get(flags >> 2 & 7, KEEP)
            frames.append(Frame(wide, high, x, y, 10.0 * hundredths, after, True, piece))
            control = bytes(4)
        elif kind == _CONTROL:
            control = data[at + 3 : at + 7]
        elif data[at + 3 : at + 14] in (b"NETSCAPE2.0", b"ANIMEXTS1.0"):
            again = int.from_bytes(data[at + 16 : at + 18], "little")
            plays = again + 1 if again else 0
    if not frames:
        raise DamagedError(f"'{name}' is a damaged GIF: there is no picture in its {len(data)} bytes")
    return Animation((width, height), tuple(frames), plays)


def channels(animation: Animation[Piece]) -> int:
    """4 where something may be seen through, else 3."""
    first = animation.frames[0]
    cleared = any(frame.after == CLEAR and frame.data.clear is not None for frame in animation.frames)
    return 4 if first.data.clear is not None or cleared or animation.shows_through else 3


def _blocks(data: Data) -> Iterator[tuple[int, int, int]]:
    """(kind, start, end) of each image, and of each extension (its label is then the kind)."""
    at = _HEADER + _table(data[10])
    while at + 10 < len(data) and data[at] != _END:
        start, kind = at, data[at]
        if kind == _IMAGE:
            at = _after(data, at + 11 + _table(data[at + 9]))
            yield kind, start, at
        elif kind == _EXTENSION:
            at = _after(data, at + 2)
            yield data[start + 1], start, at
        else:
            at += 1


def _table(flags: int) -> int:
    """The size in bytes of the colour table that `flags` announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after(data: Data, at: int) -> int:
    while at < len(data) and (size := data[at]):
        at += size + 1
    return at + 1


def still(data: bytes, frame: Frame[Piece]) -> bytes:
    """A GIF of one frame, with the colour table of all where it has none of its own."""
    piece = frame.data
    size = struct.pack("<HH", frame.width, frame.height)
    parts = [b"GIF89a", size, data[10 : _HEADER + _table(data[10])]]
    if piece.clear is not None:
        parts += [bytes((_EXTENSION, _CONTROL, 4, 1, 0, 0, piece.clear, 0))]
    parts += [bytes((_IMAGE, 0, 0, 0, 0)), size, data[piece.start + 9 : piece.end], bytes((_END,))]
    return b"".join(parts)


def animation(stills: Sequence[bytes], durations: Sequence[float], plays: int) -> bytes:
    """One GIF of many of the same size; each frame (shown for milliseconds) replaces the whole one before it."""
    first = stills[0]
    # no common colour table: each frame brings its own
    parts = [b"GIF89a", first[6:10], b"\0\0\0"]
    if plays != 1:
        parts.append(_LOOPING + struct.pack("<H", min(plays - 1, _LONGEST) if plays else 0) + b"\0")
    transparent = any(frame.data.clear is not None for still in stills for frame in parse(still, "").frames)
    for still, duration in zip(stills, durations, strict=True):
        piece = parse(still, "").frames[0].data
        flags = (2 if transparent else 1) << 2 | (piece.clear is not None)
        hundredths = min(round(duration / 10), _LONGEST)
        control = struct.pack("<BHB", flags, hundredths, piece.clear or 0)
        table = still[_HEADER : _HEADER + _table(still[10])]
        image = bytes((0x80 | still[piece.start + 9] & _INTERLACED | still[10] & 7,))
        parts += [bytes((_EXTENSION, _CONTROL, 4)), control, b"\0"]
        parts += [still[piece.start : piece.start + 9], image, table, still[piece.start + 10 : piece.end]]
    return b"".join((*parts, bytes((_END,))))
