"""EXIF out of a TIFF file and into one: the same directories, moved to other offsets.

In a TIFF the camera's tags lie in the file's own directories, between those that describe the pixels. They
are copied into a block of their own (as JPEG, PNG and WebP carry it), and from such a block to a TIFF's end.
Maker notes are copied as bytes; those that hold offsets from the old file's start lose their meaning.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

KEPT = (270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 33432)
"""Description, maker, model, orientation, resolution, software, date, artist, copyright."""
EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005

_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_LONG = 4
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A tag with the bytes of its value, in the byte order of where it came from."""

    tag: int
    kind: int
    count: int
    value: bytes


Directories = dict[int, list[Entry]]
"""The kept entries of the main directory under 0, and those of EXIF_IFD and GPS_IFD."""


def collect(data: bytes) -> tuple[str, Directories]:
    """Byte order and kept directories of a classic TIFF or an EXIF block; empty where there are none."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        if struct.unpack_from(order + "H", data, 2)[0] != 42:
            return order, {}
        main = _directory(data, order, struct.unpack_from(order + "I", data, 4)[0])
        found: Directories = {0: [entry for entry in main if entry.tag in KEPT]}
        for entry in main:
            if entry.tag in (EXIF_IFD, GPS_IFD) and len(entry.value) == 4:
                at = struct.unpack(order + "I", entry.value)[0]
                found[entry.tag] = [e for e in _directory(data, order, at) if e.tag != INTEROP_IFD]
    except struct.error:
        return order, {}
    return order, found


def _directory(data: bytes, order: str, at: int) -> list[Entry]:
    entries = []
    for i in range(struct.unpack_from(order + "H", data, at)[0]):
        tag, kind, count = struct.unpack_from(order + "HHI", data, at + 2 + 12 * i)
        size = _BYTES.get(kind, 0) * count
        where = at + 10 + 12 * i
        if size > 4:
            where = struct.unpack_from(order + "I", data, where)[0]
        if 0 < size <= _LARGEST and where + size <= len(data):
            entries.append(Entry(tag, kind, count, data[where : where + size]))
    return entries


def directory_bytes(order: str, entries: list[Entry], base: int) -> bytes:
    """A directory that will lie at offset `base` (even), its values behind it."""
    entries = sorted(entries, key=lambda entry: entry.tag)
    head = struct.pack(order + "H", len(entries))
    tail = b""
    start = base + 2 + 12 * len(entries) + 4
    for entry in entries:
        field = entry.value.ljust(4, b"\0")
        if len(entry.value) > 4:
            field = struct.pack(order + "I", start + len(tail))
            tail += entry.value + b"\0" * (len(entry.value) % 2)
        head += struct.pack(order + "HHI", entry.tag, entry.kind, entry.count) + field
    return head + bytes(4) + tail


def block(order: str, found: Directories) -> bytes:
    """An EXIF block of the directories, b"" where nothing is in them."""
    subs = {tag: entries for tag, entries in found.items() if tag and entries}
    main = [*found.get(0, []), *(Entry(tag, _LONG, 1, bytes(4)) for tag in subs)]
    if not main:
        return b""
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    at = 8 + len(directory_bytes(order, main, 8))
    tail = b""
    for tag, entries in subs.items():
        pointer = struct.pack(order + "I", at + len(tail))
        main = [replace(entry, value=pointer) if entry.tag == tag else entry for entry in main]
        tail += directory_bytes(order, entries, at + len(tail))
    return magic + directory_bytes(order, main, 8) + tail


def append(file: BinaryIO, order: str, found: Directories) -> None:
    """Writes the EXIF and GPS directories behind a whole classic TIFF of this byte order.

    The main directory, two entries longer now, moves behind them; the old one stays as a few dead bytes.
    """
    subs = {tag: entries for tag, entries in found.items() if tag and entries}
    if not subs:
        return
    file.seek(4)
    at = struct.unpack(order + "I", file.read(4))[0]
    file.seek(at)
    count = struct.unpack(order + "H", file.read(2))[0]
    table = file.read(12 * count)
    following = file.read(4)
    rows = [table[12 * i : 12 * i + 12] for i in range(count)]
    for tag, entries in subs.items():
        end = _even_end(file)
        file.write(directory_bytes(order, entries, end))
        rows.append(struct.pack(order + "HHII", tag, _LONG, 1, end))
    rows.sort(key=lambda row: struct.unpack_from(order + "H", row)[0])
    end = _even_end(file)
    file.write(struct.pack(order + "H", len(rows)) + b"".join(rows) + following)
    file.seek(4)
    file.write(struct.pack(order + "I", end))


def _even_end(file: BinaryIO) -> int:
    end = file.seek(0, 2)
    return end + file.write(bytes(end % 2))
