"""Colours of more than 8 bits in AVIF, JPEG 2000 and PPM, of which Pillow makes 8: told, and decoded as 16.

AV1 in ISOBMFF, section 2.3 (av1C); ISO/IEC 15444-1, annex A.5.1 (SIZ).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgfilt.io.source import Data

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_HEAD = 1 << 14


def largest(image: ImageFile, data: Data) -> int:
    """The largest value that a sample of a colour picture can have where that is more than 255, else 0."""
    if image.mode not in ("RGB", "RGBA", "LA"):
        return 0
    bits = 8
    head = data[:_HEAD]
    if image.format == "AVIF" and (at := head.find(b"av1C")) >= 0 and at + 6 < len(head):
        flags = head[at + 6]
        bits = 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    elif image.format == "JPEG2000" and (at := head.find(b"\xff\x51")) >= 0 and at + 40 < len(head):
        bits = (head[at + 40] & 0x7F) + 1
    elif image.format == "PPM" and image.tile and image.tile[0].codec_name == "ppm":
        most = int(image.tile[0].args[1])  # type: ignore[index]
        return most if most > 0xFF else 0
    return (1 << bits) - 1 if 8 < bits <= 16 else 0


def decode(image: ImageFile, data: bytes, full: int) -> NDArray[Any]:
    """The samples, not turned, as uint16 up to 65535, where the largest is `full`."""
    import imagecodecs

    if image.format == "PPM":
        shape = (image.height, image.width, len(image.mode))
        samples = np.frombuffer(data, ">u2", int(np.prod(shape)), image.tile[0].offset).reshape(shape)
    elif image.format == "AVIF":
        samples = imagecodecs.avif_decode(data)
    else:
        samples = imagecodecs.jpeg2k_decode(data)
    if samples.ndim == 2:
        samples = np.repeat(samples[..., None], 3, axis=2)
    if full < 0xFFFF:
        samples = (np.minimum(samples, full).astype(np.uint32) * 0xFFFF + full // 2) // full
    result: NDArray[Any] = samples.astype(np.uint16)
    return result
