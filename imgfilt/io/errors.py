"""What can go wrong between a path and an array; each kind has a stable `code` for scripts."""

from __future__ import annotations


def one_line(error: Exception) -> str:
    """What a library says of a file, on one line and not longer than people read."""
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else text[:157] + "..."


class ImageFileError(ValueError):
    """A file that could not be read or written. `str()` is one line; `code` is stable."""

    code = "image-file"


class NotReadableError(ImageFileError):
    """The path is missing, a folder, empty, or not ours to read."""

    code = "not-readable"


class NotAnImageError(ImageFileError):
    """The bytes are no picture in a format that is known here."""

    code = "not-an-image"


class DamagedError(ImageFileError):
    """A picture, but cut short or corrupt."""

    code = "damaged"


class TooLargeError(ImageFileError):
    """The header promises more pixels than the limit allows."""

    code = "too-large"


class UnsupportedError(ImageFileError):
    """A picture of a kind (sample type, channel count) that cannot be held as an array here."""

    code = "unsupported"


class UnknownFormatError(ImageFileError):
    """The name of the output does not say a format that can be written."""

    code = "unknown-format"


class NotStorableError(ImageFileError):
    """The format cannot hold this picture."""

    code = "not-storable"


class NotWritableError(ImageFileError):
    """The target's folder is missing, the target is read-only, or the disk is full."""

    code = "not-writable"


class DiskFullError(NotWritableError):
    """There is no room for the target."""

    code = "disk-full"
