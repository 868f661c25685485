"""The sizes of the matrix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Size(NamedTuple):
    """A picture's size in pixels, and what it is called in tables."""

    name: str
    width: int
    height: int


SIZES: Mapping[str, Size] = MappingProxyType(
    {
        s.name: s
        for s in (
            Size("64", 64, 64),
            Size("256", 256, 256),
            Size("1MP", 1280, 800),
            Size("8MP", 3840, 2160),
            Size("100MP", 11648, 8736),
        )
    }
)
LARGE = "100MP"
"""Run for a chosen few only, unless asked for by name together with a filter."""


def parse_size(text: str) -> Size:
    """A size by its name, as 256 or 8MP, or as width x height.

    Raises ValueError.

    >>> parse_size("8mp")
    Size(name='8MP', width=3840, height=2160)
    >>> parse_size("640x480").height
    480
    """
    known = {name.lower(): size for name, size in SIZES.items()}.get(text.lower())
    if known is not None:
        return known
    found = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", text)
    if found is None:
        raise ValueError(
            f"{text!r} is no size; write one of {', '.join(SIZES)}, or width x height, as 3840x2160"
        )
    return Size(text, int(found[1]), int(found[2]))
