"""A JPEG encoded on several threads: stripes that are restart intervals of one picture.

After a restart marker nothing is remembered: predictions start at 0, on a byte boundary (ITU-T T.81, E.1.4).
So a picture of whole MCU rows, encoded by itself with the same tables, has the very bytes of
that interval, and stripes encoded at the same time are put together under one header. The number of stripes
depends on the picture's size alone: the same picture gives the same file on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import count
from threading import Thread
from typing import Any

from numpy.typing import NDArray

STRIPES = 8
SMALLEST = 1_000_000
"""Pictures of fewer pixels are encoded whole."""

_MCU = {"": (8, 8), "444": (8, 8), "422": (8, 16), "420": (16, 16)}
_LONGEST_INTERVAL = 0xFFFF
_END = b"\xff\xd9"

Encode = Callable[[NDArray[Any]], bytes]


def encode(
    array: NDArray[Any], subsampling: str, encode_whole: Encode, threads: int | None = None
) -> list[bytes | memoryview]:
    """The pieces of a baseline JPEG of `array`, by `encode_whole`, which must use fixed Huffman tables.

    `subsampling` is "" for gray. Without `threads` there is one a processor.
    """
    height, width = array.shape[:2]
    if height * width < SMALLEST:
        return [encode_whole(array)]
    tall, wide = _MCU[subsampling]
    across, down = -(-width // wide), -(-height // tall)
    each = min(-(-down // STRIPES), _LONGEST_INTERVAL // across)
    step = each * tall
    parts = [array[top : top + step] for top in range(0, height, step)]
    encoded = _on_threads(encode_whole, parts, threads or _processors())
    return _joined(encoded, height, each * across)


def _on_threads(function: Encode, parts: Sequence[NDArray[Any]], most: int) -> list[bytes]:
    results: list[bytes] = [b""] * len(parts)
    errors: list[BaseException] = []
    tickets = count()

    def work() -> None:
        while not errors and (index := next(tickets)) < len(parts):
            try:
                results[index] = function(parts[index])
            except BaseException as error:
                errors.append(error)

    threads = [Thread(target=work, name="jpeg") for _ in range(min(most, len(parts)) - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def _joined(encoded: Sequence[bytes], height: int, interval: int) -> list[bytes | memoryview]:
    """One JPEG: the first stripe's header with the whole height and the interval, then all scans."""
    head, scan = _header(encoded[0], height, interval)
    pieces: list[bytes | memoryview] = [head]
    for number, data in enumerate(encoded):
        if number:
            pieces.append(bytes((0xFF, 0xD0 + (number - 1) % 8)))
        pieces.append(memoryview(data)[scan : -len(_END)])
    pieces.append(_END)
    return pieces


def _header(data: bytes, height: int, interval: int) -> tuple[bytes, int]:
    """The header of the whole picture, and where each stripe's scan begins."""
    head = bytearray()
    at = 2
    while data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2 : at + 4], "big") + 2
        segment = bytearray(data[at : at + size])
        if segment[1] == 0xC0:
            segment[5:7] = height.to_bytes(2, "big")
        head += segment
        at += size
    start = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    restart = b"\xff\xdd\x00\x04" + interval.to_bytes(2, "big")
    return data[:2] + bytes(head) + restart + data[at:start], start
