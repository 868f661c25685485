"""XMP packets: what in them speaks of the picture before the filter is corrected or taken out.

XMP specification, part 2: tiff:Orientation (section 3.2), xmp:Thumbnails (section 2.1).
"""

from __future__ import annotations

import re

_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>\s*))[1-8]""")
_THUMBNAILS = re.compile(rb"<(\w+:Thumbnails)\b.*?</\1\s*>", re.S)


def upright(packet: bytes) -> bytes:
    """The packet of an upright picture, without thumbnails: they show what was there before the filter."""
    return _THUMBNAILS.sub(b"", _ORIENTATION.sub(rb"\g<1>1", packet))
