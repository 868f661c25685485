"""Which formats there are: by their first bytes when reading, by the file's extension when writing."""

from __future__ import annotations

import os

from imgfilt.io.errors import UnknownFormatError

FORMATS: dict[str, tuple[str, ...]] = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "tiff": (".tif", ".tiff"),
    "webp": (".webp",),
    "bmp": (".bmp",),
    "gif": (".gif",),
    "ppm": (".ppm", ".pgm", ".pnm"),
    "tga": (".tga",),
    "jpeg2000": (".jp2",),
    "avif": (".avif",),
    "jxl": (".jxl",),
}
"""Formats that can be written, with their extensions; the first is the usual one."""

_BY_EXTENSION = {extension: name for name, extensions in FORMATS.items() for extension in extensions}

_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
)
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""Brands of HEIF; the last two may also be AVIF, which is then among the compatible brands."""


def sniff(head: bytes) -> str:
    """ "jpeg", "png", "tiff", "jxl" or "heic" from a file's first bytes, else "" (Pillow is asked)."""
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        return "heic" if b"avif" not in head[16:64] else ""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")


def of_path(path: str | os.PathLike[str]) -> str:
    """The format that `path`'s extension names; `UnknownFormatError` lists the known ones."""
    extension = os.path.splitext(os.fspath(path))[1].lower()
    try:
        return _BY_EXTENSION[extension]
    except KeyError:
        said = f"'{extension}' of '{os.fspath(path)}'" if extension else f"'{os.fspath(path)}' (no extension)"
        known = " ".join(sorted(_BY_EXTENSION))
        raise UnknownFormatError(f"cannot tell an image format from {said}; known are {known}") from None
