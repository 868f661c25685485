"""`write`: a `Picture` to a file, whole or not at all."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.io.errors import NotStorableError
from imgfilt.io.formats import of_path
from imgfilt.io.output import atomic, buffered
from imgfilt.io.picture import Picture
from imgfilt.records import replace

QUALITY = 90
"""Default quality of JPEG, WebP, AVIF and JPEG XL."""

JPEG_EXIF_LIMIT = 0xFFFF - 2 - 6
JPEG_XMP_LIMIT = 0xFFFF - 2 - 29
_ANIMATIONS = ("gif", "webp", "png", "avif")
_HOLDS = dict.fromkeys(_ANIMATIONS, "animations, not pages")
_NO_PROFILE = ("bmp", "gif", "ppm", "tga", "jpeg2000", "jxl")
_NO_ALPHA = ("jpeg", "bmp", "ppm")
_SIXTEEN = ("png", "tiff")


def write(
    path: str | os.PathLike[str], picture: Picture, *, quality: int = QUALITY, kind: str = ""
) -> tuple[str, ...]:
    """Writes `picture` to `path` in the format of its extension (or `kind`), and returns notes for people.

    The bytes go to a temporary file beside the target which then replaces it; on any failure the temporary
    file is removed and the target is as it was. EXIF, resolution and a fitting ICC profile are written where
    the format takes them. What the format cannot hold is adapted, and a note says how: 16 bits and floats
    (0..1) become 8 bits for formats without them; alpha is flattened onto white for JPEG, BMP and PPM.

    Raises `UnknownFormatError`, `NotStorableError`, `NotWritableError`.

    >>> write("edges.png", Picture(np.zeros((4, 4), np.uint8)))  # doctest: +SKIP
    ()
    """
    path = os.fspath(path)
    kind = kind or of_path(path)
    fitted, notes = fit(picture, kind)
    with atomic(path) as file:
        encode(file, fitted, kind, quality)
    return notes


def encode(
    file: BinaryIO, picture: Picture, kind: str, quality: int = QUALITY, threads: int | None = None
) -> None:
    """Writes the bytes of `picture`, already fitted to `kind`, into an open binary file.

    `threads` is for formats that are encoded on several; by default one a processor.
    """
    if kind == "jpeg":
        from imgfilt.io import jpeg

        jpeg.encode(file, picture, quality, threads)
    elif kind == "png":
        from imgfilt.io import png

        png.encode(file, picture)
    elif kind == "tiff":
        from imgfilt.io import tiff

        with buffered(file) as whole:
            tiff.encode(whole, picture)
    elif kind == "jxl":
        from imgfilt.io import jxl

        jxl.encode(file, picture, quality)
    else:
        from imgfilt.io import pillow

        with buffered(file) as whole:
            pillow.encode(whole, picture, kind, quality)


def fit(picture: Picture, kind: str) -> tuple[Picture, tuple[str, ...]]:
    """The picture as `kind` can hold it, and notes on what that cost."""
    notes: list[str] = []
    frames = list(picture.frames())
    animated = picture.plays is not None
    if len(frames) > 1 and kind != "tiff" and not (animated and kind in _ANIMATIONS):
        what = "frames" if animated else "pages"
        notes.append(
            f"only the first of {len(frames)} {what} was stored: {kind} holds {_HOLDS.get(kind, 'one')}"
        )
        del frames[1:]
    elif len(frames) > 1 and animated and kind == "tiff":
        notes.append("the frames became pages: tiff holds no timings")
    first, *others = (_fit_one(frame, kind, notes) for frame in frames)
    if animated and any(frame.array.shape != first.array.shape for frame in others):
        raise NotStorableError(f"the frames of an animation must have one shape to be stored as {kind}")
    unique = tuple(dict.fromkeys(notes))
    return replace(first, pages=tuple(others), plays=picture.plays if others else None), unique


def _fit_one(picture: Picture, kind: str, notes: list[str]) -> Picture:
    array = picture.array
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.size == 0 or array.ndim not in (2, 3) or array.dtype.name not in ("uint8", "uint16", "float32"):
        raise NotStorableError(
            f"an image file holds (H, W[, C]) of uint8, uint16 or float32, not {array.dtype} {array.shape}"
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    deep = kind in _SIXTEEN or (kind == "ppm" and array.ndim == 2)
    if array.dtype == np.float32 and kind != "tiff":
        array = _quantised(array, deep)
        notes.append(f"floats were taken as 0 to 1 and stored in {'16' if deep else '8'} bits")
    elif array.dtype == np.uint16 and not deep:
        array = to_eight_bits(array)
        notes.append(f"16 bits became 8: {kind} holds no more")
    exif = picture.exif
    if kind == "jpeg" and len(exif) > JPEG_EXIF_LIMIT:
        exif = b""
        notes.append("EXIF was left out: a JPEG holds 64 KB of it")
    packet = picture.xmp
    if kind == "jpeg" and len(packet) > JPEG_XMP_LIMIT:
        packet = b""
        notes.append("XMP was left out: a JPEG holds 64 KB of it")
    if kind in _NO_PROFILE and picture.fitting_icc and not _is_srgb(picture.icc):
        notes.append(f"the colour profile was left out: {kind} is written without one")
    has_alpha = picture.has_alpha and array.ndim == 3 and array.shape[2] in (2, 4)
    if has_alpha and kind in _NO_ALPHA:
        array, has_alpha = flatten(array), False
        notes.append(f"transparency was flattened onto white: {kind} holds none")
    return replace(picture, array=array, has_alpha=has_alpha, exif=exif, xmp=packet)


def _is_srgb(icc: bytes) -> bool:
    """Whether the profile's description says sRGB: what pixels without a profile are taken for."""
    return any(name in icc for name in (b"sRGB", "sRGB".encode("utf-16-be")))


def to_eight_bits(array: NDArray[Any]) -> NDArray[Any]:
    """uint16 to uint8: round(v / 257), so that 65535 becomes 255."""
    small: NDArray[Any] = ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return small


def _quantised(array: NDArray[Any], deep: bool) -> NDArray[Any]:
    full, dtype = (65535.0, np.uint16) if deep else (255.0, np.uint8)
    clean = np.nan_to_num(array, nan=0.0, posinf=1.0, neginf=0.0)
    pixels: NDArray[Any] = np.rint(np.clip(clean, 0.0, 1.0) * np.float32(full)).astype(dtype)
    return pixels


def flatten(array: NDArray[Any]) -> NDArray[Any]:
    """uint8 or uint16 colours with alpha (the last channel), laid on white; gray and alpha becomes (H, W)."""
    full = int(np.iinfo(array.dtype).max)
    alpha = array[..., -1:].astype(np.uint64 if full > 255 else np.uint32)
    mixed = (array[..., :-1] * alpha + full * (full - alpha) + full // 2) // full
    flat: NDArray[Any] = mixed.astype(array.dtype)
    return flat[..., 0] if flat.shape[2] == 1 else flat
