"""`read` and `probe`: a path (or bytes) to a `Picture`, or to its header's facts."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

from imgfilt.io import source
from imgfilt.io.errors import TooLargeError, UnsupportedError
from imgfilt.io.formats import sniff
from imgfilt.io.picture import MAX_FRAMES, MAX_PIXELS, Info, Picture


def read(
    file: str | os.PathLike[str] | bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str = "",
    on_header: Callable[[Info], None] | None = None,
) -> Picture:
    """The picture in a file (or in the bytes of one; `name` is then what errors call it).

    The format is told from the content. Pixels come upright (EXIF orientation applied), uint8, uint16 or
    float32, as (H, W), (H, W, 2), (H, W, 3) or (H, W, 4); palettes, CMYK and YCbCr become RGB, 1 bit becomes
    gray. Frames of an animation and pages after the first are in `pages`. `on_header` is called with the
    header's facts before anything is decoded, and may wait, or raise.

    Errors are `ImageFileError`s: `NotReadableError` (missing, a folder, no permission, empty),
    `NotAnImageError`, `DamagedError` (cut short or corrupt), `TooLargeError` (more than `max_pixels`, or than
    there is memory for), `UnsupportedError` (sample types that cannot be kept).

    >>> picture = read("photo.jpg")  # doctest: +SKIP
    >>> picture.array.shape, picture.dpi  # doctest: +SKIP
    ((3000, 4000, 3), (72.0, 72.0))
    """
    data, name = source.content(file, name)

    def check(info: Info) -> None:
        limit(name, info, max_pixels)
        if on_header is not None:
            on_header(info)

    try:
        return _decode(data, name, check)
    except MemoryError as error:
        raise TooLargeError(f"'{name}' needs more memory than there is") from error


def _decode(data: bytes, name: str, check: Callable[[Info], None]) -> Picture:
    kind = sniff(data[:64])
    if kind == "jpeg":
        from imgfilt.io import jpeg

        header = jpeg.parse(data, name)
        check(jpeg.info(header))
        return jpeg.decode(data, header, name)
    if kind == "png":
        from imgfilt.io import png

        check(png.info(data, name))
        return png.decode(data, name)
    if kind == "tiff":
        from imgfilt.io import tiff

        with tiff.opened(io.BytesIO(data), name) as opened:
            check(tiff.info(opened, name))
            return tiff.decode(opened, data, name)
    if kind == "jxl":
        from imgfilt.io import jxl

        check(jxl.info(data, name))
        return jxl.decode(data, name)
    if kind == "heic":
        raise _no_heic(name)
    from imgfilt.io import pillow

    with pillow.opened(io.BytesIO(data), data, name) as image:
        check(pillow.info(image))
        return pillow.decode(image, name)


def probe(path: str | os.PathLike[str], *, max_pixels: int | None = None) -> Info:
    """What `read` would return, and what the file holds, from the header alone: nothing is decoded.

    Only the parts of the file that tell are read. A pipe or a device is refused. Errors as `read`;
    `TooLargeError` only where a limit is given.

    >>> probe("photo.jpg")  # doctest: +SKIP
    Info(shape=(3000, 4000, 3), dtype='uint8', has_alpha=False, format='jpeg', colours='rgb', frames=1, ...)
    """
    name = os.fspath(path)
    with source.opened(name) as (file, data):
        info = _info(file, data, name)
    if max_pixels is not None:
        limit(name, info, max_pixels)
    return info


def _info(file: io.FileIO, data: source.HeaderBytes, name: str) -> Info:
    kind = sniff(data[:64])
    if kind == "jpeg":
        from imgfilt.io import jpeg

        return jpeg.info(jpeg.parse(data, name))
    if kind == "png":
        from imgfilt.io import png

        return png.info(data, name)
    file.seek(0)
    if kind == "tiff":
        from imgfilt.io import tiff

        with tiff.opened(file, name) as opened:
            return tiff.info(opened, name)
    if kind == "jxl":
        from imgfilt.io import jxl

        return jxl.info(data, name)
    if kind == "heic":
        raise _no_heic(name)
    from imgfilt.io import pillow

    with pillow.opened(file, data, name) as image:
        return pillow.info(image)


def _no_heic(name: str) -> UnsupportedError:
    return UnsupportedError(
        f"'{name}' is a HEIC picture, which cannot be read; convert it to JPEG, PNG or AVIF"
    )


def limit(name: str, info: Info, max_pixels: int) -> None:
    """`TooLargeError` where a header promises more pixels than that, or more frames than `MAX_FRAMES`."""
    if info.frames > MAX_FRAMES:
        raise TooLargeError(f"'{name}' has {info.frames} frames; the limit is {MAX_FRAMES}")
    if info.pixels > max_pixels:
        frames = f" in {info.frames} frames" if info.frames > 1 else ""
        raise TooLargeError(
            f"'{name}' is {info.width}x{info.height}{frames}, {info.pixels / 1e6:.0f} megapixels; "
            f"the limit is {max_pixels / 1e6:.0f} (max_pixels, --max-megapixels)"
        )
