"""Animated PNG: what its chunks say of its frames, and a still PNG of each.

A frame is stored as a PNG without a header of its own, and is given one here. PNG specification, third
edition, sections 5.8 and 11.3.6.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction

from imgfilt.io.errors import DamagedError
from imgfilt.io.frames import KEEP, UNDO, Animation, Frame
from imgfilt.records import replace

_OVER = 1
_KEPT = (b"PLTE", b"tRNS", b"sBIT")

Pieces = tuple[tuple[int, int], ...]
"""(offset, size) of the parts of a frame's data."""
Chunks = Sequence[tuple[bytes, int, int]]
"""(type, offset of the content, its size) of the chunks of a PNG."""


def parse(chunks: Chunks, content: Callable[[int, int], bytes], name: str) -> Animation[Pieces] | None:
    """The animation in a PNG's chunks, whose content is `content(offset, size)`; None where there is none.

    A picture before the first frame is for those who know no animations, and is left out.
    """
    plays: int | None = None
    frames: list[Frame[Pieces]] = []
    canvas = (0, 0)
    for tag, at, size in chunks:
        if tag == b"IHDR":
            canvas = struct.unpack(">II", content(at, 8))
        elif tag == b"acTL" and size == 8:
            plays = struct.unpack(">II", content(at, 8))[1]
        elif tag == b"fcTL" and size == 26:
            frames.append(_frame(content(at, 26), canvas, name))
        elif tag in (b"IDAT", b"fdAT") and frames:
            skipped = 4 if tag == b"fdAT" else 0
            piece = (at + skipped, max(size - skipped, 0))
            frames[-1] = replace(frames[-1], data=(*frames[-1].data, piece))
    if plays is None or not frames:
        return None
    return Animation(canvas, tuple(frames), plays)


def _frame(control: bytes, canvas: tuple[int, int], name: str) -> Frame[Pieces]:
    _, width, height, x, y, above, below, after, blend = struct.unpack(">IIIIIHHBB", control)
    if not width or not height or x + width > canvas[0] or y + height > canvas[1]:
        raise DamagedError(
            f"'{name}' is a damaged PNG: a frame of {width}x{height} at {x},{y} is outside {canvas[0]}x{canvas[1]}"
        )
    duration = 1000.0 * above / (below or 100)
    return Frame(width, height, x, y, duration, after if after <= UNDO else KEEP, blend == _OVER, ())


def still(data: bytes, chunks: Chunks, frame: Frame[Pieces]) -> bytes:
    """A PNG of one frame: the animation's header with the frame's size, its palette and the frame's data."""
    parts = [data[:8]]
    for tag, at, size in chunks:
        if tag == b"IHDR":
            parts.append(chunk(tag, struct.pack(">II", frame.width, frame.height) + data[at + 8 : at + size]))
        elif tag in _KEPT:
            parts.append(data[at - 8 : at + size + 4])
    parts.append(chunk(b"IDAT", b"".join(data[at : at + size] for at, size in frame.data)))
    parts.append(chunk(b"IEND", b""))
    return b"".join(parts)


def chunk(tag: bytes, content: bytes) -> bytes:
    """The bytes of a chunk."""
    return len(content).to_bytes(4, "big") + tag + content + zlib.crc32(tag + content).to_bytes(4, "big")


def frame_control(number: int, width: int, height: int, duration: float) -> bytes:
    """The content of the fcTL chunk of a frame that replaces the whole canvas."""
    seconds = Fraction(duration / 1000).limit_denominator(1000)
    if seconds.numerator > 0xFFFF:
        seconds = Fraction(min(round(seconds), 0xFFFF))
    time = seconds.numerator, seconds.denominator
    return struct.pack(">IIIIIHHBB", number, width, height, 0, 0, *time, KEEP, 0)
