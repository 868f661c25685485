"""The table of kinds in docs/formats.md, row by row: each is made, read, stored again, and compared with the page."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from skimage import color, data

from imgfilt.io import FORMATS, ImageFileError, Picture, of_path, probe, read, write
from imgfilt.records import replace

PAGE = Path(__file__).parent.parent / "docs" / "formats.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="a wheel's tests have no pages beside them")

RGB = np.asarray(data.chelsea())[100:148, 100:164]
GRAY = np.ascontiguousarray(RGB[..., 1])
DISC = (np.hypot(*np.mgrid[-24:24, -32:32]) < 20).astype(np.uint8) * 255
RGBA, GA = np.dstack([RGB, DISC]), np.dstack([GRAY, DISC])
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WIDE = bytes(imagecodecs.cms_profile("rgb", gamma=2.2, whitepoint=(0.3127, 0.329, 1.0),
             primaries=(0.64, 0.33, 1.0, 0.21, 0.71, 1.0, 0.15, 0.06, 1.0)))  # fmt: skip
INK = np.asarray(Image.fromarray(RGB).convert("CMYK"))
LAB = color.rgb2lab(RGB)


def deep(array: np.ndarray) -> np.ndarray:
    return array.astype(np.uint16) * 257


def ink_profile() -> bytes:
    """A profile of inks that are paler than they should be: two steps of each, as a table of CIELAB (lut8)."""
    c, m, y, k = np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij")
    light = np.stack([(1 - 0.8 * i) * (1 - 0.9 * k) for i in (c, m, y)], axis=-1) * 0.9 + 0.02
    lab = color.rgb2lab(light.reshape(1, -1, 3))[0]
    points = np.rint(np.clip(lab * [2.55, 1, 1] + [0, 128, 128], 0, 255)).astype(np.uint8)
    ramp = bytes(range(256))
    table = (
        b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + struct.pack(">9i", *(np.eye(3).ravel() * 65536).astype(int))
    )
    table += ramp * 4 + points.tobytes() + ramp * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", *(int(v * 65536) for v in (0.9642, 1.0, 0.8249)))
    tags, body = b"", b""
    for name, content in ((b"A2B0", table), (b"wtpt", white)):
        content += bytes(-len(content) % 4)
        tags += name + struct.pack(">II", 128 + 4 + 24 + len(body), len(content))
        body += content
    head = bytearray(128)
    struct.pack_into(">I4xI4s4s4s", head, 0, 128 + 4 + 24 + len(body), 0x02200000, b"prtr", b"CMYK", b"Lab ")
    head[36:40] = b"acsp"
    struct.pack_into(">3i", head, 68, 63190, 65536, 54061)
    return bytes(head) + struct.pack(">I", 2) + tags + body


INK_PROFILE = ink_profile()


def by_lcms(ink: np.ndarray) -> np.ndarray:
    image = ImageCms.profileToProfile(
        Image.frombytes("CMYK", ink.shape[1::-1], ink.tobytes()),
        ImageCms.ImageCmsProfile(io.BytesIO(INK_PROFILE)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert image is not None
    return np.asarray(image)


def plainly(ink: np.ndarray) -> np.ndarray:
    light = 1 - ink / 255.0
    return np.rint(255 * light[..., :3] * light[..., 3:])


# --- making the files ---------------------------------------------------------------------------------------

Content = tuple[bytes, Any, float]
"""A file's bytes, the pixels that are to be read (None: not compared), and how far they may be off on average."""


def pillow(
    image: Any, kind: str, want: Any = None, off: float = 0, mode: str = "", **options: Any
) -> Content:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image = image.convert(mode) if mode else image
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue(), want, off


def tiff(array: np.ndarray, want: Any = None, off: float = 0, **options: Any) -> Content:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **{"photometric": "rgb" if array.ndim == 3 else "minisblack"} | options)
    return buffer.getvalue(), array if want is None else want, off


def jpeg(array: np.ndarray, want: Any, off: float, **options: Any) -> Content:
    return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(array), 98, **options)), want, off


def with_profile(content: bytes, profile: bytes) -> bytes:
    body = b"ICC_PROFILE\0\1\1" + profile
    return content[:2] + b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body + content[2:]


def inks(colorspace: str, profile: bytes) -> Content:
    content, _, _ = jpeg(255 - INK, None, 0, colorspace="CMYK", outcolorspace=colorspace, subsampling="444")
    return (
        with_profile(content, profile) if profile else content,
        by_lcms(INK) if profile else plainly(INK),
        2,
    )


def lab(deep_samples: bool, photometric: str) -> Content:
    signed = photometric == "cielab"
    scale, most = (256, 0xFFFF if signed else 0xFF00) if deep_samples else (1, 0xFF)
    a_b = np.rint(LAB_D50[..., 1:] * scale) + (0 if signed else 128 * scale)
    stored = np.dstack([np.rint(LAB_D50[..., :1] / 100 * most), a_b]).astype(np.int32)
    stored = (stored & (0xFFFF if deep_samples else 0xFF)).astype(np.uint16 if deep_samples else np.uint8)
    return tiff(
        stored, deep(RGB) if deep_samples else RGB, 300 if deep_samples else 1.5, photometric=photometric
    )


def d50() -> np.ndarray:
    """CIELAB under D50, by LittleCMS, from the sRGB photo."""
    image = ImageCms.profileToProfile(
        Image.fromarray(RGB), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert image is not None
    pixels = np.asarray(image).astype(float)
    return np.dstack(
        [pixels[..., :1] / 2.55, np.where(pixels[..., 1:] > 127, pixels[..., 1:] - 256, pixels[..., 1:])]
    )


LAB_D50 = d50()


def moving(array: np.ndarray) -> Picture:
    frames = [
        Picture(np.roll(array, 7 * i, axis=1), array.ndim == 3 and array.shape[2] == 4, duration=50.0)
        for i in range(3)
    ]
    return replace(frames[0], pages=tuple(frames[1:]), plays=0)


def own(picture: Picture, extension: str, off: float = 0) -> Content:
    from imgfilt.io.writer import encode, fit

    buffer, kind = io.BytesIO(), of_path(f"a{extension}")
    encode(buffer, fit(picture, kind)[0], kind)
    return buffer.getvalue(), picture.array, off


def pages() -> Content:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(GRAY, compression="lzw", metadata=None)
        writer.write(RGB[:20], photometric="rgb", metadata=None)
        writer.write(deep(RGB[:, :30]), photometric="rgb", metadata=None)
    return buffer.getvalue(), GRAY, 0


def avif(bits: int) -> Content:
    samples = (deep(RGB) >> (16 - bits)).astype(np.uint16)
    return bytes(imagecodecs.avif_encode(samples, 98, bitspersample=bits)), deep(RGB), 2 * 257


FEW = Image.fromarray(RGB).quantize(16)
FEW_RGB = np.asarray(FEW.convert("RGB"))
CLEAR = np.dstack([FEW_RGB, np.where(np.asarray(FEW) == 3, 0, 255).astype(np.uint8)])
FLOATS = (RGB / np.float32(200) - np.float32(0.1)).astype(np.float32)
ALPHA = {"extrasamples": ["unassalpha"]}
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)

MAKERS: dict[tuple[str, str], Callable[[], Content]] = {
    ("gray", "JPEG"): lambda: jpeg(GRAY, GRAY, 2),
    ("gray", "PNG"): lambda: pillow(GRAY, "PNG", GRAY),
    ("gray + alpha", "PNG"): lambda: pillow(GA, "PNG", GA),
    ("gray + alpha", "TIFF"): lambda: tiff(GA, photometric="minisblack", **ALPHA),
    ("RGB", "JPEG"): lambda: jpeg(RGB, RGB, 2, subsampling="420"),
    ("RGB, progressive", "JPEG"): lambda: pillow(RGB, "JPEG", RGB, 3, quality=95, progressive=True),
    ("RGB, without loss", "JPEG"): lambda: (bytes(imagecodecs.jpeg8_encode(RGB.copy(), lossless=True)), RGB, 0),
    ("RGB of 12 bits", "JPEG"): lambda: jpeg(deep(RGB) >> 4, deep(RGB), 600, bitspersample=12, subsampling="444"),
    ("RGB", "PNG"): lambda: pillow(RGB, "PNG", RGB),
    ("RGB", "WebP"): lambda: pillow(RGB, "WEBP", RGB, 4, quality=95),
    ("RGB, without loss", "WebP"): lambda: pillow(RGB, "WEBP", RGB, lossless=True),
    ("RGB", "AVIF"): lambda: pillow(RGB, "AVIF", RGB, 4, quality=90),
    ("RGB of 10 bits", "AVIF"): lambda: avif(10),
    ("RGB", "JPEG XL"): lambda: (bytes(imagecodecs.jpegxl_encode(RGB.copy(), distance=0.5)), RGB, 3),
    ("RGBA", "JPEG XL"): lambda: (bytes(imagecodecs.jpegxl_encode(RGBA, lossless=True)), RGBA, 0),
    ("gray of 16 bits", "JPEG XL"): lambda: (
        bytes(imagecodecs.jpegxl_encode(deep(GRAY), lossless=True)), deep(GRAY), 0
    ),
    ("RGB", "JPEG 2000"): lambda: pillow(RGB, "JPEG2000", RGB),
    ("RGB of 16 bits", "JPEG 2000"): lambda: (
        bytes(imagecodecs.jpeg2k_encode(deep(RGB), level=0, reversible=True)), deep(RGB), 0
    ),
    ("RGB", "BMP"): lambda: pillow(RGB, "BMP", RGB),
    ("RGB", "PPM"): lambda: pillow(RGB, "PPM", RGB),
    ("RGB of 16 bits", "PPM"): lambda: (b"P6\n64 48\n65535\n" + deep(RGB).astype(">u2").tobytes(), deep(RGB), 0),
    ("RGB", "TGA"): lambda: pillow(RGB, "TGA", RGB),
    ("RGBA", "ICO"): lambda: pillow(RGBA[:48, :48], "ICO", RGBA[:48, :48], sizes=[(48, 48)]),
    ("RGBA", "PNG"): lambda: pillow(RGBA, "PNG", RGBA),
    ("RGBA", "TIFF"): lambda: tiff(RGBA, **ALPHA),
    ("RGBA", "WebP"): lambda: pillow(RGBA, "WEBP", RGBA, lossless=True, exact=True),
    ("RGBA, premultiplied", "TIFF"): lambda: tiff(
        np.dstack([RGB // 255 * DISC[..., None] + RGB * (DISC[..., None] > 0), DISC]),
        np.dstack([RGB * (DISC[..., None] > 0), DISC]), extrasamples=["assocalpha"],
    ),
    ("palette", "PNG"): lambda: pillow(FEW, "PNG", FEW_RGB),
    ("palette", "GIF"): lambda: pillow(FEW, "GIF", FEW_RGB),
    ("palette", "TIFF"): lambda: pillow(FEW, "TIFF", FEW_RGB),
    ("palette, one colour clear", "PNG"): lambda: pillow(FEW, "PNG", CLEAR, transparency=3),
    ("palette, one colour clear", "GIF"): lambda: pillow(FEW, "GIF", CLEAR, transparency=3),
    ("1 bit", "PNG"): lambda: pillow(GRAY > 120, "PNG", (GRAY > 120) * 255),
    ("1 bit, fax", "TIFF"): lambda: pillow(GRAY > 120, "TIFF", (GRAY > 120) * 255, compression="group4"),
    ("4 bits", "PNG"): lambda: (four_bits(), (np.arange(8) * 17)[None], 0),
    ("CMYK with a profile", "JPEG"): lambda: inks("CMYK", INK_PROFILE),
    ("YCCK with a profile", "JPEG"): lambda: inks("YCCK", INK_PROFILE),
    ("CMYK", "JPEG"): lambda: inks("CMYK", b""),
    ("YCCK", "JPEG"): lambda: inks("YCCK", b""),
    ("CMYK with a profile", "TIFF"): lambda: tiff(
        INK, by_lcms(INK), 1, photometric="separated", iccprofile=INK_PROFILE
    ),
    ("CMYK of 16 bits with a profile", "TIFF"): lambda: tiff(
        deep(INK), deep(by_lcms(INK)), 300, photometric="separated", iccprofile=INK_PROFILE
    ),
    ("CMYK", "TIFF"): lambda: tiff(INK, plainly(INK), 1, photometric="separated"),
    ("gray of 16 bits", "PNG"): lambda: pillow(deep(GRAY), "PNG", deep(GRAY)),
    ("RGB of 16 bits", "PNG"): lambda: own(Picture(deep(RGB)), ".png"),
    ("RGBA of 16 bits", "PNG"): lambda: own(Picture(deep(RGBA), True), ".png"),
    ("gray of 16 bits", "TIFF"): lambda: tiff(deep(GRAY)),
    ("RGBA of 16 bits", "TIFF"): lambda: tiff(deep(RGBA), **ALPHA),
    ("RGB of floats", "TIFF"): lambda: tiff(FLOATS),
    ("RGB of 64-bit floats", "TIFF"): lambda: tiff(FLOATS.astype(np.float64), FLOATS),
    ("gray of 32-bit integers", "TIFF"): lambda: tiff(GRAY.astype(np.uint32)),
    ("CIELAB", "TIFF"): lambda: lab(False, "cielab"),
    ("CIELAB of 16 bits", "TIFF"): lambda: lab(True, "cielab"),
    ("CIELAB of the ICC", "TIFF"): lambda: lab(False, "icclab"),
    ("pages", "TIFF"): pages,
    ("animation", "GIF"): lambda: own(moving(FEW_RGB), ".gif"),
    ("animation with alpha", "GIF"): lambda: own(moving(CLEAR), ".gif", 255),
    ("animation", "WebP"): lambda: own(moving(RGB), ".webp", 6),
    ("animation with alpha", "PNG"): lambda: own(moving(RGBA), ".png"),
    ("animation of 16 bits", "PNG"): lambda: own(moving(deep(RGB)), ".png"),
    ("animation", "AVIF"): lambda: own(moving(RGB), ".avif", 6),
    ("wide gamut", "JPEG"): lambda: pillow(RGB, "JPEG", RGB, 3, quality=95, icc_profile=WIDE),
    ("wide gamut of 16 bits", "PNG"): lambda: own(Picture(deep(RGB), icc=WIDE), ".png"),
    ("any", "HEIC"): lambda: (HEIC, None, 0),
    ("PostScript", "EPS"): lambda: (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", None, 0),
}  # fmt: skip


def four_bits() -> bytes:
    import zlib

    def chunk(tag: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 1, 4, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes((0, 0x01, 0x23, 0x45, 0x67))))
    return b"\x89PNG\r\n\x1a\n" + head + rows + chunk(b"IEND", b"")


# --- comparing with the page --------------------------------------------------------------------------------


def table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


KINDS = table("Kinds of picture") if PAGE.exists() else []
METADATA = table("What is kept besides the pixels") if PAGE.exists() else []
STORED = table("What a format can hold") if PAGE.exists() else []

EXTENSIONS = {"JPEG": ".jpg", "JPEG 2000": ".jp2", "JPEG XL": ".jxl", "TIFF": ".tif"}


def extension(name: str) -> str:
    return EXTENSIONS.get(name, f".{name.lower()}")


def described(picture: Picture) -> str:
    channels = 1 if picture.array.ndim == 2 else picture.array.shape[2]
    text = ["gray", "gray + alpha", "RGB", "RGBA"][channels - 1]
    text += {"uint8": "", "uint16": ", 16 bits", "float32": ", floats"}[picture.array.dtype.name]
    count = 1 + len(picture.pages)
    return text + ("" if count == 1 else f", {count} {'pages' if picture.plays is None else 'frames'}")


def test_every_kind_is_in_the_table_and_every_row_is_tested() -> None:
    assert [(row[0], row[1]) for row in KINDS] == list(MAKERS)


@pytest.mark.parametrize("row", KINDS, ids=lambda row: f"{row[0]} {row[1]}")
def test_kind(tmp_path: Path, row: list[str]) -> None:
    kind, name, read_as, stored_as, profile, note = row
    content, want, off = MAKERS[kind, name]()
    path = tmp_path / f"a{extension(name)}"
    path.write_bytes(content)
    if read_as.startswith("refused"):
        with pytest.raises(ImageFileError) as refused:
            read(path)
        assert (read_as, stored_as, profile, note) == (f"refused: `{refused.value.code}`", "", "", "")
        return
    picture = read(path)
    info = probe(path)
    assert (info.shape, info.dtype, info.has_alpha) == (
        picture.array.shape,
        picture.array.dtype.name,
        picture.has_alpha,
    )
    assert info.frames == 1 + len(picture.pages)
    assert described(picture) == read_as
    if want is not None:
        difference = np.abs(picture.array.astype(float) - want)
        assert picture.array.shape == want.shape
        assert difference.mean() <= off
    # as the command line names outputs: the input's own extension, PNG where that cannot be written
    target = tmp_path / f"b{path.suffix if path.suffix in sum(FORMATS.values(), ()) else '.png'}"
    notes = picture.notes + write(target, picture.map(lambda array: array))
    again = read(target)
    assert f"{again.format}: {described(again)}" == stored_as.replace(
        "the same", f"{picture.format}: {read_as}"
    )
    for first, second in zip(picture.frames(), again.frames(), strict=True):
        if again.format in ("png", "tiff", "bmp") and first.array.dtype == second.array.dtype:
            np.testing.assert_array_equal(first.array, second.array)
        assert first.duration == second.duration
    kept = "" if not again.icc else "sRGB" if again.icc != WIDE else "kept"
    assert kept == profile
    assert "; ".join(notes) == note


@pytest.mark.parametrize("row", METADATA, ids=lambda row: row[0])
def test_metadata(tmp_path: Path, row: list[str]) -> None:
    """What the row says is kept is there after storing and reading; what it does not say is not."""
    name, exif, icc, xmp, dpi = row
    block = Image.Exif()
    block[0x110] = "Model X"
    packet = b"<x:xmpmeta/>"
    picture = Picture(
        RGB, exif=block.tobytes().removeprefix(b"Exif\0\0"), icc=SRGB, dpi=(300.0, 300.0), xmp=packet
    )
    path = tmp_path / f"a{extension(name)}"
    write(path, picture)
    got = read(path)
    found = [
        b"Model X" in got.exif,
        got.icc == SRGB,
        got.xmp == packet,
        bool(got.dpi and abs(got.dpi[0] - 300) < 1),
    ]
    assert ["kept" if each else "" for each in found] == [exif, icc, xmp, dpi]


def test_every_format_has_its_rows() -> None:
    names = {of_path(f"a{extension(row[0])}") for row in STORED}
    assert names == {of_path(f"a{extension(row[0])}") for row in METADATA} == set(FORMATS)
    for row in STORED:
        assert re.findall(r"\.\w+", row[1]) == list(FORMATS[of_path(f"a{extension(row[0])}")])


@pytest.mark.parametrize("row", STORED, ids=lambda row: row[0])
def test_what_a_format_holds(tmp_path: Path, row: list[str]) -> None:
    name, _, samples, alpha, frames = row
    path = tmp_path / f"a{extension(name)}"
    found = []
    for array in (deep(GRAY), deep(RGB), FLOATS):
        notes = write(path, Picture(array))
        same = read(path).array.dtype == array.dtype
        assert same != bool(notes)
        found.append(same)
    says = {(False, False, False): "8 bits", (True, False, False): "8 bits, gray 16 bits",
            (True, True, False): "8 and 16 bits", (True, True, True): "8 and 16 bits, floats"}  # fmt: skip
    assert says[tuple(found)] == samples
    notes = write(path, Picture(RGBA, True))
    assert ("yes" if read(path).has_alpha else "laid on white") == alpha
    assert bool(notes) == (alpha == "laid on white")
    notes = write(path, moving(RGB))
    many = read(path)
    assert {None: "pages" if many.pages else "one", 0: "animation"}[many.plays] == frames
    assert bool(notes) == (frames != "animation")


def test_every_code_is_on_the_page() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    codes = {row.split("`")[1] for row in rows}
    kinds = [ImageFileError]
    for kind in kinds:
        kinds += [k for k in kind.__subclasses__() if k.__module__.startswith("imgfilt.io")]
    assert codes == {kind.code for kind in kinds[1:]}


def test_a_profile_that_is_lost_is_told(tmp_path: Path) -> None:
    for name in ("a.bmp", "a.gif", "a.ppm", "a.tga", "a.jp2", "a.jxl"):
        (note,) = write(tmp_path / name, Picture(RGB, icc=WIDE))
        assert "colour profile was left out" in note
        assert write(tmp_path / name, Picture(RGB, icc=SRGB)) == ()
