"""`read` and `probe`: a path (or bytes) to a `Picture`, or to its header's facts."""

from __future__ import annotations

import io
import os
import stat

from imgfilt.io.errors import DamagedError, NotReadableError, TooLargeError
from imgfilt.io.formats import sniff
from imgfilt.io.orient import oriented_shape
from imgfilt.io.picture import MAX_PIXELS, Info, Picture
from imgfilt.io.pillow import too_large


def read(source: str | os.PathLike[str] | bytes, *, max_pixels: int = MAX_PIXELS, name: str = "") -> Picture:
    """The picture in a file (or in the bytes of one; `name` is then what errors call it).

    The format is told from the content. Pixels come upright (EXIF orientation applied), uint8, uint16 or
    float32, as (H, W), (H, W, 2), (H, W, 3) or (H, W, 4); palettes, CMYK and YCbCr become RGB, 1 bit becomes
    gray. Of several pages or frames the first is read, and a note says so.

    Errors are `ImageFileError`s: `NotReadableError` (missing, a folder, no permission, empty),
    `NotAnImageError`, `DamagedError` (cut short or corrupt), `TooLargeError` (more than `max_pixels`),
    `UnsupportedError` (sample types that cannot be kept).

    >>> picture = read("photo.jpg")  # doctest: +SKIP
    >>> picture.array.shape, picture.dpi  # doctest: +SKIP
    ((3000, 4000, 3), (72.0, 72.0))
    """
    data, name = _bytes_of(source, name)
    kind = sniff(data)
    if kind == "jpeg":
        from imgfilt.io import jpeg

        header = jpeg.parse(data, name)
        _limit(name, header.width, header.height, max_pixels)
        if header.components in (1, 3):
            return jpeg.decode(data, header, name)
        if data.rfind(b"\xff\xd9", header.scan) < 0:
            raise DamagedError(f"'{name}' is cut short: {len(data)} bytes, and no end of the JPEG in them")
    elif kind == "png":
        from imgfilt.io import png

        shape, _, _ = png.header(data, name)
        _limit(name, shape[1], shape[0], max_pixels)
        return png.decode(data, name)
    elif kind == "tiff":
        from imgfilt.io import tiff

        with tiff.opened(data, name) as file:
            shape = tiff.info(file, name).shape
            _limit(name, shape[1], shape[0], max_pixels)
            return tiff.decode(file, data, name)
    from imgfilt.io import pillow

    with pillow.open_image(io.BytesIO(data), name, max_pixels) as image:
        return pillow.decode(image, name)


def probe(path: str | os.PathLike[str]) -> Info:
    """The shape and dtype that `read` would return, from the header alone. Errors as `read`."""
    data, name = _bytes_of(path, "")
    kind = sniff(data)
    if kind == "jpeg":
        from imgfilt.io import exif, jpeg

        header = jpeg.parse(data, name)
        shape = (header.height, header.width) + ((3,) if header.components > 1 else ())
        return Info(oriented_shape(shape, exif.orientation(header.exif)), "uint8", False, kind)
    if kind == "png":
        from imgfilt.io import png

        shape, dtype, has_alpha = png.header(data, name)
        return Info(oriented_shape(shape, png.orientation(data)), dtype, has_alpha, kind)
    if kind == "tiff":
        from imgfilt.io import tiff

        with tiff.opened(data, name) as file:
            return tiff.info(file, name)
    from imgfilt.io import pillow

    with pillow.open_image(io.BytesIO(data), name, MAX_PIXELS) as image:
        return pillow.info(image)


def _limit(name: str, width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise TooLargeError(too_large(name, width, height, max_pixels))


def _bytes_of(source: str | os.PathLike[str] | bytes, name: str) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        name, data = name or "<bytes>", source
    else:
        name = os.fspath(source)
        data = _load(name)
    if not data:
        raise NotReadableError(f"'{name}' is empty (0 bytes)")
    return data, name


def _load(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return _read_all(file)
    except FileNotFoundError as error:
        folder = os.path.dirname(path)
        if folder and not os.path.isdir(folder):
            raise NotReadableError(f"'{path}' does not exist: there is no folder '{folder}'") from error
        raise NotReadableError(f"'{path}' does not exist") from error
    except IsADirectoryError as error:
        raise NotReadableError(f"'{path}' is a folder; name the image files in it") from error
    except PermissionError as error:
        raise NotReadableError(f"'{path}' may not be read: permission denied") from error
    except (OSError, ValueError) as error:
        raise NotReadableError(
            f"'{path}' cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error


def _read_all(file: io.FileIO) -> bytes:
    if stat.S_ISDIR(os.fstat(file.fileno()).st_mode):
        raise IsADirectoryError
    return file.readall()
