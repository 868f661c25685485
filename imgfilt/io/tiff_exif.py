"""EXIF out of a TIFF file and into one: the same directories, moved to other offsets.

In a TIFF the camera's tags lie in the file's own directories, between those that describe the pixels. They
are copied into a block of their own (as JPEG, PNG and WebP carry it), and from such a block to a TIFF's end.
Maker notes are copied as bytes; those that hold offsets from the old file's start lose their meaning.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

from imgfilt.io.source import Data

KEPT = (270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 33432)
"""Description, maker, model, orientation, resolution, software, date, artist, copyright."""
EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005

_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 18: 8}
_LONG, _LONG8 = 4, 16
_FIRST_BIG_KIND = 13  # kinds from here on, offsets mostly, mean nothing in an EXIF block
_LARGEST = 1 << 20
_MOST_ENTRIES = 1 << 16


@dataclass(frozen=True)
class Entry:
    """A tag with the bytes of its value, in the byte order of where it came from."""

    tag: int
    kind: int
    count: int
    value: bytes


Directories = dict[int, list[Entry]]
"""The kept entries of the main directory under 0, and those of EXIF_IFD and GPS_IFD."""


@dataclass(frozen=True)
class _Layout:
    """How numbers are written: byte order, and the sizes that differ between TIFF and BigTIFF."""

    order: str
    big: bool = False

    @property
    def offset(self) -> str:
        """An offset in the file, or how many values there are."""
        return self.order + ("Q" if self.big else "I")

    @property
    def count(self) -> str:
        """How many entries a directory has."""
        return self.order + ("Q" if self.big else "H")

    @property
    def field(self) -> int:
        """Bytes of an offset, or of values that lie in its place."""
        return 8 if self.big else 4

    @property
    def entry(self) -> int:
        """Bytes of an entry: tag, kind, count, field."""
        return 4 + 2 * self.field

    @property
    def first(self) -> int:
        """Where a file says where its first directory is."""
        return 8 if self.big else 4

    def read(self, form: str, data: Data, at: int) -> int:
        return int(struct.unpack(form, data[at : at + struct.calcsize(form)])[0])

    def head(self, tag: int, kind: int, count: int) -> bytes:
        return struct.pack(self.order + "HH", tag, kind) + struct.pack(self.offset, count)


def collect(data: Data, at: int | None = None) -> tuple[str, Directories]:
    """Byte order and kept directories of a TIFF, a BigTIFF or an EXIF block; empty where there are none.

    `at` is where the main directory lies, if it is not the first.
    """
    order = "<" if data[:2] == b"II" else ">"
    try:
        magic = _Layout(order).read(order + "H", data, 2)
        if magic not in (42, 43):
            return order, {}
        layout = _Layout(order, big=magic == 43)
        if at is None:
            at = layout.read(layout.offset, data, layout.first)
        main = _directory(data, layout, at)
        found: Directories = {0: [e for e in main if e.tag in KEPT and e.kind < _FIRST_BIG_KIND]}
        for entry in main:
            if entry.tag in (EXIF_IFD, GPS_IFD) and len(entry.value) in (4, 8):
                form = order + ("I" if len(entry.value) == 4 else "Q")
                entries = _directory(data, layout, layout.read(form, entry.value, 0))
                found[entry.tag] = [e for e in entries if e.tag != INTEROP_IFD and e.kind < _FIRST_BIG_KIND]
    except struct.error:
        return order, {}
    return order, found


def _directory(data: Data, layout: _Layout, at: int) -> list[Entry]:
    entries = []
    count = layout.read(layout.count, data, at)
    at += struct.calcsize(layout.count)
    for i in range(min(count, _MOST_ENTRIES)):
        where = at + layout.entry * i
        tag, kind = struct.unpack(layout.order + "HH", data[where : where + 4])
        number = layout.read(layout.offset, data, where + 4)
        size = _BYTES.get(kind, 0) * number
        where += 4 + layout.field
        if size > layout.field:
            where = layout.read(layout.offset, data, where)
        if 0 < size <= _LARGEST and where + size <= len(data):
            entries.append(Entry(tag, kind, number, data[where : where + size]))
    return entries


def directory_bytes(order: str, entries: list[Entry], base: int, *, big: bool = False) -> bytes:
    """A directory that will lie at offset `base` (even), its values behind it; as in a BigTIFF where `big`."""
    layout = _Layout(order, big)
    entries = sorted(entries, key=lambda entry: entry.tag)
    head = struct.pack(layout.count, len(entries))
    tail = b""
    start = base + len(head) + layout.entry * len(entries) + layout.field
    for entry in entries:
        field = entry.value.ljust(layout.field, b"\0")
        if len(entry.value) > layout.field:
            field = struct.pack(layout.offset, start + len(tail))
            tail += entry.value + b"\0" * (len(entry.value) % 2)
        head += layout.head(entry.tag, entry.kind, entry.count) + field
    return head + bytes(layout.field) + tail


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
    """Writes the EXIF and GPS directories behind a whole TIFF or BigTIFF of this byte order.

    The main directory, two entries longer now, moves behind them; the old one stays as a few dead bytes.
    """
    subs = {tag: entries for tag, entries in found.items() if tag and entries}
    if not subs:
        return
    file.seek(0)
    layout = _Layout(order, big=_Layout(order).read(order + "H", file.read(4), 2) == 43)
    file.seek(layout.first)
    file.seek(layout.read(layout.offset, file.read(layout.field), 0))
    count = layout.read(layout.count, file.read(struct.calcsize(layout.count)), 0)
    table = file.read(layout.entry * count)
    following = file.read(layout.field)
    rows = [table[layout.entry * i : layout.entry * (i + 1)] for i in range(count)]
    for tag, entries in subs.items():
        end = _even_end(file)
        file.write(directory_bytes(order, entries, end, big=layout.big))
        rows.append(layout.head(tag, _LONG8 if layout.big else _LONG, 1) + struct.pack(layout.offset, end))
    rows.sort(key=lambda row: int(struct.unpack_from(order + "H", row)[0]))
    end = _even_end(file)
    file.write(struct.pack(layout.count, len(rows)) + b"".join(rows) + following)
    file.seek(layout.first)
    file.write(struct.pack(layout.offset, end))


def _even_end(file: BinaryIO) -> int:
    end = file.seek(0, 2)
    return end + file.write(bytes(end % 2))
