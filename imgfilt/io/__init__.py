"""Image files: a path to a `Picture` and back, with what the file says besides its pixels."""

from __future__ import annotations

from imgfilt.io.errors import ImageFileError
from imgfilt.io.formats import FORMATS, of_path
from imgfilt.io.picture import MAX_PIXELS, Info, Picture
from imgfilt.io.reader import probe, read
from imgfilt.io.writer import QUALITY, write

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "QUALITY",
    "ImageFileError",
    "Info",
    "Picture",
    "of_path",
    "probe",
    "read",
    "write",
]
