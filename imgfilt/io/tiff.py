"""TIFF through tifffile: 8 and 16 bits and 32-bit floats, gray and colour, with and without alpha."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgfilt.io import colour, tiff_exif, xmp
from imgfilt.io import exif as exif_block
from imgfilt.io.errors import DamagedError, ImageFileError, UnsupportedError, one_line
from imgfilt.io.orient import apply_orientation, oriented_shape
from imgfilt.io.picture import Info, Picture
from imgfilt.io.source import Data
from imgfilt.records import replace

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_COLOURS = {0: "gray", 1: "gray", 2: "rgb", 3: "palette", 5: "cmyk", 6: "rgb", 8: "lab", 9: "lab"}
_LAB = (colour.CIELAB, colour.ICCLAB)
_WHOLE_BITS = (8, 16, 32, 64)
_ORIENTATION, _X, _Y, _UNIT, _ICC = 274, 282, 283, 296, 34675
_PAGE_NUMBER, _XMP = 297, 700
_TEXTS = tuple(set(tiff_exif.KEPT) - {_ORIENTATION, _X, _Y, _UNIT})
_BYTE, _ASCII, _SHORT = 1, 2, 3
_SMALLER, _PAGE, _MASK = 1, 2, 4
_COMPRESSIONS = {
    1: "", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits", 34925: "lzma", 50000: "zstd"
}  # fmt: skip
"""Those without loss by their codes; pages packed otherwise become "deflate"."""
_PACKED = {name: code for code, name in reversed(_COMPRESSIONS.items()) if name}
_FAX, _JPEG, _PICTURES = (2, 3, 4, 32771), (6, 7, 33007, 34892), (33003, 33005, 34712, 50001)
_MOST_SAMPLES = 16
_LARGE_TILE = 1 << 24
_PADDING = 64
_NOT_PREDICTED = ("packbits",)
_CLASSIC_LIMIT = (1 << 32) - (64 << 20)
_DTYPES = ("uint8", "uint16", "float32")


@contextlib.contextmanager
def opened(file: BinaryIO | io.FileIO, name: str) -> Iterator[TiffFile]:
    """The parsed file. Whatever the parser or a codec raises inside the block becomes a `DamagedError`."""
    with explained(name), parsed(file, name) as tiff:
        yield tiff


@contextlib.contextmanager
def parsed(file: BinaryIO | io.FileIO, name: str) -> Iterator[TiffFile]:
    """The parsed file, with the parser's own errors."""
    import tifffile

    # it logs what is wrong with a file, and we raise it: once is enough
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    with tifffile.TiffFile(file) as tiff:
        if not tiff.pages:
            raise DamagedError(f"'{name}' is a damaged TIFF: it has no picture")
        yield tiff


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Whatever a parser or a codec raises inside the block becomes a `DamagedError`."""
    try:
        yield
    except (ImageFileError, MemoryError):
        raise
    except Exception as error:  # a parser of broken files may raise anything
        raise DamagedError(f"'{name}' is a damaged TIFF: {one_line(error)}") from error


def info(tiff: TiffFile, name: str) -> Info:
    """Shape and dtype as `decode` returns them."""
    first, *others = (page_info(page, label) for page, label in pages_of(tiff, name))
    return replace(
        first,
        frames=1 + len(others),
        rest_pixels=sum(page.pixels for page in others),
        rest_bytes=sum(page.nbytes for page in others),
    )


def page_info(page: TiffPage, label: str) -> Info:
    """Shape and dtype of one page. `UnsupportedError`."""
    _check(page, label)
    channels = _channels(page)
    shape = (page.imagelength, page.imagewidth) + ((channels,) if channels > 1 else ())
    dtype = "uint8" if page.photometric == _PALETTE or page.bitspersample == 1 else _sample_type(page)
    colours = _COLOURS[int(page.photometric)] + ("+alpha" if channels in (2, 4) else "")
    if page.bitspersample == 1:
        colours = colours.replace("gray", "bilevel")
    return Info(oriented_shape(shape, orientation(page)), dtype, channels in (2, 4), "tiff", colours)


def pages_of(tiff: TiffFile, name: str) -> Iterator[tuple[TiffPage, str]]:
    """The pages and what errors call them; no thumbnails, smaller copies and masks, but for a first page."""
    for number in range(len(tiff.pages)):
        page: TiffPage = tiff.pages[number]  # type: ignore[assignment]
        if number == 0:
            yield page, f"'{name}'"
        elif not int(page.subfiletype) & (_SMALLER | _MASK):
            yield page, f"page {number + 1} of '{name}'"


def _sample_type(page: TiffPage) -> str:
    dtype = str(page.dtype)
    return "float32" if dtype in ("float16", "float64") else dtype


def _channels(page: TiffPage) -> int:
    photometric = int(page.photometric)
    if photometric == _PALETTE:
        return 3
    colours = 1 if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) else 3
    stored = 4 if photometric == _CMYK else colours
    return colours + (1 if page.samplesperpixel > stored and _alpha_kind(page, stored) else 0)


def _alpha_kind(page: TiffPage, stored: int) -> int:
    """The first extra sample: 1 premultiplied alpha, 2 plain; an unspecified one (0) counts as alpha."""
    extra = [int(kind) for kind in page.extrasamples]
    return (extra[0] or 2) if extra and page.samplesperpixel == stored + 1 else 0


def _check(page: TiffPage, label: str) -> None:
    _check_size(page, label)
    photometric = int(page.photometric)
    if photometric not in _COLOURS:
        raise UnsupportedError(
            f"{label} has photometric {page.photometric}; gray, RGB, palette, YCbCr, CMYK and CIELAB can be read"
        )
    if page.samplesperpixel < {_CMYK: 4, _RGB: 3, _YCBCR: 3, **dict.fromkeys(_LAB, 3)}.get(photometric, 1):
        raise UnsupportedError(f"{label} has {page.samplesperpixel} samples a pixel, too few for its colours")
    if photometric in _LAB and _sample_type(page) == "float32":
        raise UnsupportedError(f"{label} has CIELAB of floats; 8 and 16 bits can be read")
    if page.imagedepth > 1:
        raise UnsupportedError(f"{label} is a TIFF volume of depth {page.imagedepth}; name a flat picture")
    if page.photometric != _PALETTE and page.bitspersample > 1 and _sample_type(page) not in _DTYPES:
        raise UnsupportedError(f"{label} has {page.dtype} samples; uint8, uint16 and floats can be read")


def _check_size(page: TiffPage, label: str) -> None:
    """Refuses what would take memory that the page's width and height do not tell of."""
    if page.samplesperpixel > _MOST_SAMPLES:
        raise UnsupportedError(
            f"{label} has {page.samplesperpixel} samples a pixel; up to {_MOST_SAMPLES} can be read"
        )
    if page.is_tiled:
        tile, whole = page.tilewidth * page.tilelength, page.imagewidth * page.imagelength
        if tile > max(4 * whole, _LARGE_TILE):
            raise DamagedError(
                f"{label} is a damaged TIFF: tiles of {page.tilewidth}x{page.tilelength} "
                f"in a picture of {page.imagewidth}x{page.imagelength}"
            )
    if int(page.compression) not in (*_COMPRESSIONS, *_FAX, *_JPEG, *_PICTURES):
        raise UnsupportedError(
            f"{label} is packed by {page.compression!r}; "
            "fax, LZW, deflate, PackBits, LZMA, Zstandard, JPEG, JPEG 2000 and WebP can be read"
        )


def check_segments(page: TiffPage, label: str) -> None:
    """`DamagedError` where a strip or tile is a picture of its own and larger than its place."""
    if int(page.compression) not in (*_JPEG, *_PICTURES):
        return
    file = page.parent.filehandle
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        file.seek(offset)
        check_segment(page, file.read(count), label)


def check_segment(page: TiffPage, data: bytes, label: str) -> None:
    """`DamagedError` where this strip or tile is a picture of its own and larger than its place."""
    kind = int(page.compression)
    if kind not in (*_JPEG, *_PICTURES) or not data:
        return
    wide, high = (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)
    if kind in _JPEG:
        from imgfilt.io import jpeg

        header = jpeg.parse(data, label.strip("'"))
        width, height = header.width, header.height
    else:
        from imgfilt.io import pillow

        with pillow.opened(io.BytesIO(data), data, label.strip("'")) as inner:
            width, height = inner.image.size
    if width > wide + _PADDING or height > min(high, page.imagelength) + _PADDING:
        raise DamagedError(
            f"{label} is a damaged TIFF: {width}x{height} pixels in the place of {wide}x{high}"
        )


def orientation(page: TiffPage) -> int:
    """1 to 8, as in EXIF."""
    tag = page.tags.get(_ORIENTATION)
    return int(tag.value) if tag is not None and 1 <= int(tag.value) <= 8 else 1


def decode(tiff: TiffFile, data: bytes, name: str) -> Picture:
    """The pages of `data`, upright, as gray, RGB or with alpha, each with what its directory says."""
    first, *others = (_decode_page(page, data, label) for page, label in pages_of(tiff, name))
    return replace(first, pages=tuple(others), notes=first.notes + left_out(tiff, 1 + len(others)))


def left_out(tiff: TiffFile, pages: int) -> tuple[str, ...]:
    """A note, where `pages` are not all that the file has."""
    more = len(tiff.pages) - pages
    return (f"{more} smaller copies and masks were left out",) if more else ()


def _decode_page(page: TiffPage, data: bytes, label: str) -> Picture:
    _check(page, label)
    check_segments(page, label)
    pixels: NDArray[Any] = page.asarray()
    pixels = _interleaved(pixels, page)
    pixels, has_alpha = as_rgb(pixels, page)
    pixels = apply_orientation(pixels, orientation(page))
    expected = page_info(page, label).shape
    if pixels.shape != expected:
        raise DamagedError(
            f"{label} is a damaged TIFF: its pixels have the shape {pixels.shape}, not {expected}"
        )
    return described(page, data, pixels, has_alpha, expected)


def described(
    page: TiffPage, data: Data, pixels: NDArray[Any], has_alpha: bool, shape: tuple[int, ...]
) -> Picture:
    """`pixels`, upright, with what the file says of its page, which is of `shape` when upright."""
    dpi = _resolution(page)
    if dpi and orientation(page) >= 5:
        dpi = dpi[1], dpi[0]
    packet, profile = page.tags.get(_XMP), _profile(page)
    notes: tuple[str, ...] = ()
    if page.photometric in (_CMYK, *_LAB):
        _, profile, note = _to_rgb(np.zeros((1, 1, 4 if page.photometric == _CMYK else 3), page.dtype), page)
        notes = (note,)
    exif = tiff_exif.block(*tiff_exif.collect(data, page.offset))
    exif = exif_block.upright(exif, shape[1], shape[0]) if exif else b""
    return Picture(
        pixels,
        has_alpha,
        "tiff",
        exif,
        profile,
        dpi,
        xmp.upright(bytes(packet.value)) if packet is not None else b"",
        compression=_COMPRESSIONS.get(int(page.compression), "deflate"),
        notes=notes,
    )


def _interleaved(pixels: NDArray[Any], page: TiffPage) -> NDArray[Any]:
    if pixels.ndim == 3 and page.planarconfig == 2 and page.samplesperpixel == pixels.shape[0]:
        return np.ascontiguousarray(np.moveaxis(pixels, 0, 2))
    return pixels


def is_plain(page: TiffPage) -> bool:
    """Whether samples of 8 bits and more are what `as_rgb` makes of them."""
    photometric, samples = int(page.photometric), page.samplesperpixel
    colours = {_BLACK_IS_ZERO: 1, _RGB: 3, _YCBCR: 3}.get(photometric, 0)
    whole = page.bitspersample in _WHOLE_BITS
    return whole and bool(colours) and samples == _channels(page) and _alpha_kind(page, colours) != 1


def as_rgb(pixels: NDArray[Any], page: TiffPage) -> tuple[NDArray[Any], bool]:
    """Rows of the page's samples, (n, W) or (n, W, samples), as gray, RGB or with alpha (or not: the second value)."""
    photometric = int(page.photometric)
    if pixels.dtype.kind == "f":
        pixels = pixels.astype(np.float32, copy=False)
    if photometric == _PALETTE:
        table = np.asarray(page.colormap)
        if pixels.ndim == 3:
            pixels = pixels[..., 0]
        return (table >> 8).astype(np.uint8).T[pixels], False
    if pixels.dtype.kind != "f" and page.bitspersample not in _WHOLE_BITS:
        pixels = _to_whole_bits(pixels, int(page.bitspersample))
    if photometric == _WHITE_IS_ZERO:
        pixels = (1.0 - pixels).astype(np.float32) if pixels.dtype.kind == "f" else ~pixels
    colours = 1 if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) else 3
    stored = 4 if photometric == _CMYK else colours
    if pixels.ndim == 2:
        return pixels, False
    kind = _alpha_kind(page, stored)
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _YCBCR):
        alpha = pixels[..., stored : stored + 1] if kind else pixels[..., :0]
        pixels = np.concatenate([_to_rgb(pixels[..., :stored], page)[0], alpha], axis=2)
    channels = colours + (1 if kind else 0)
    pixels = np.ascontiguousarray(pixels[..., :channels])
    if kind == 1:
        pixels = _unassociate(pixels)
    return (pixels if channels > 1 else pixels[..., 0]), kind > 0


def _to_whole_bits(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Samples of 1 to 7 bits as 8, of 9 to 15 as 16."""
    full, most = (1 << bits) - 1, 0xFF if bits < 8 else 0xFFFF
    scaled = (np.minimum(pixels, full).astype(np.uint32) * most + full // 2) // full
    whole: NDArray[Any] = scaled.astype(np.uint8 if bits < 8 else np.uint16)
    return whole


def _to_rgb(samples: NDArray[Any], page: TiffPage) -> tuple[NDArray[Any], bytes, str]:
    """Inks or CIELAB as RGB, the profile of that, and a note."""
    if page.photometric == _CMYK:
        return colour.cmyk_to_rgb(samples, _profile(page))
    rgb = colour.lab_to_rgb(np.ascontiguousarray(samples), int(page.photometric))
    return rgb, colour.srgb_profile(), "CIELAB became sRGB"


def _profile(page: TiffPage) -> bytes:
    tag = page.tags.get(_ICC)
    return bytes(tag.value) if tag is not None else b""


def _unassociate(pixels: NDArray[Any]) -> NDArray[Any]:
    """Premultiplied colours (TIFF's "associated alpha") divided by their alpha."""
    full = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    alpha = pixels[..., -1:].astype(np.float32)
    ratio = np.divide(np.float32(full), alpha, out=np.zeros_like(alpha), where=alpha > 0)
    colours = pixels[..., :-1] * ratio
    if pixels.dtype.kind != "f":
        colours = np.rint(np.minimum(colours, full))
    return np.concatenate([colours.astype(pixels.dtype), pixels[..., -1:]], axis=2)


def _resolution(page: TiffPage) -> tuple[float, float] | None:
    x, y, unit = (page.tags.get(code) for code in (_X, _Y, _UNIT))
    if x is None or y is None or (unit is not None and int(unit.value) not in (2, 3)):
        return None
    scale = 2.54 if unit is not None and int(unit.value) == 3 else 1.0
    (xn, xd), (yn, yd) = x.value, y.value
    return (xn / xd * scale, yn / yd * scale) if xn and xd and yn and yd else None


def encode(file: BinaryIO, picture: Picture) -> None:
    """Writes uint8, uint16 or float32 pixels, packed as they were. `file` must be readable and seekable."""
    import tifffile

    pages = list(picture.frames())
    nbytes = sum(page.array.nbytes for page in pages)
    with (
        container(file, picture, nbytes) as options,
        tifffile.TiffWriter(file, **options) as writer,
    ):
        for number, page in enumerate(pages):
            how = packing(page.compression) | page_options(page, number, len(pages))
            writer.write(np.ascontiguousarray(page.array), **how)


@contextlib.contextmanager
def container(file: BinaryIO, picture: Picture, nbytes: int) -> Iterator[dict[str, Any]]:
    """The keywords of tifffile's `TiffWriter` for a file of so many bytes of pixels that begins with `picture`.

    It is to be written to `file` in the block; EXIF is appended behind it.
    """
    order, found = tiff_exif.collect(picture.exif) if picture.exif else ("<", {})
    yield {"byteorder": order, "bigtiff": nbytes >= _CLASSIC_LIMIT}
    if found:
        tiff_exif.append(file, order, found)


def packing(packed: str) -> dict[str, Any]:
    """The keywords of tifffile's `TiffWriter.write` for `Picture.compression`; none where that is none of a TIFF."""
    if packed not in _PACKED:
        return {}
    return {"compression": _PACKED[packed], "predictor": packed not in _NOT_PREDICTED or None}


def page_options(page: Picture, number: int, pages: int) -> dict[str, Any]:
    """The keywords of tifffile's `TiffWriter.write` for a page, but for how its pixels are packed."""
    _, found = tiff_exif.collect(page.exif)
    tags: list[Any] = [
        (entry.tag, entry.kind, entry.count, entry.value, True)
        for entry in found.get(0, [])
        if entry.tag in _TEXTS and entry.kind == _ASCII
    ]
    if page.xmp:
        tags.append((_XMP, _BYTE, len(page.xmp), page.xmp, True))
    if pages > 1:
        tags.append((_PAGE_NUMBER, _SHORT, 2, (number, pages), True))
    return {
        "photometric": "minisblack" if page.is_gray else "rgb",
        "planarconfig": "contig" if page.array.ndim == 3 else None,
        "extrasamples": ["unassalpha"] if page.has_alpha else None,
        "resolution": page.dpi,
        "resolutionunit": "inch" if page.dpi else None,
        "iccprofile": page.fitting_icc or None,
        "subfiletype": _PAGE if pages > 1 else 0,
        "software": False,
        "metadata": None,
        "extratags": tags,
    }
