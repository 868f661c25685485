"""Image files: pixels against other decoders, metadata there and back, files that are not what they seem."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps
from skimage import data

from imgfilt.io import ImageFileError, Picture, of_path, probe, read, write
from imgfilt.io.errors import (
    DamagedError,
    NotAnImageError,
    NotReadableError,
    NotStorableError,
    NotWritableError,
    TooLargeError,
    UnknownFormatError,
    UnsupportedError,
)
from imgfilt.io.formats import FORMATS
from imgfilt.io.writer import flatten, to_eight_bits
from imgfilt.records import replace

SAMPLES = Path(__file__).parent.parent / "samples"
PHOTOS = ("astronaut", "chelsea", "rocket", "camera")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GRAY_ICC = SRGB[:16] + b"GRAY" + SRGB[20:]


def photo(name: str = "astronaut") -> np.ndarray:
    return np.asarray(getattr(data, name)())


def opened(path: Path) -> Image.Image:
    """What Pillow finds in a file, which is closed again."""
    return Image.open(io.BytesIO(path.read_bytes()))


def exif_bytes(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x112], exif[0x10F], exif[0x110] = orientation, "Maker", "Model X"
    exif.get_ifd(0x8769).update({0x9003: "2020:01:02 03:04:05", 0xA002: 512, 0xA003: 512})
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.5)})
    return exif.tobytes()


def bare(exif: bytes) -> bytes:
    return exif.removeprefix(b"Exif\0\0")


def saved(path: Path, image: Image.Image | np.ndarray, **options: Any) -> Path:
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


# --- pixels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 40}])
def test_jpeg_pixels_are_those_of_pillow(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    path = saved(tmp_path / "a.jpg", photo(name), **options)
    want = np.asarray(opened(path))
    got = read(path)
    np.testing.assert_array_equal(got.array, want)
    assert (got.format, got.has_alpha) == ("jpeg", False)
    assert probe(path).shape == want.shape


def test_luma_of_a_jpeg_is_not_the_luma_of_its_colours() -> None:
    """Why gray filters decode colours: the luma that JPEG stores differs by more than 1 where they clip."""
    import cv2
    import imagecodecs

    worst = 0
    for name in ("astronaut", "rocket", "retina"):
        buffer = io.BytesIO()
        Image.fromarray(photo(name)).save(buffer, "JPEG", quality=90)
        stored = imagecodecs.jpeg8_decode(buffer.getvalue(), outcolorspace="GRAYSCALE").astype(int)
        colours = cv2.cvtColor(imagecodecs.jpeg8_decode(buffer.getvalue()), cv2.COLOR_RGB2GRAY)
        worst = max(worst, int(np.abs(stored - colours).max()))
    assert worst > 1


@pytest.mark.parametrize("extension", [".png", ".tif", ".bmp", ".ppm", ".tga", ".jp2"])
@pytest.mark.parametrize("name", ["chelsea", "camera"])
def test_lossless_formats_keep_eight_bits(tmp_path: Path, extension: str, name: str) -> None:
    want = photo(name)[:100, :151]
    path = tmp_path / f"a{extension}"
    assert write(path, Picture(want)) == ()
    np.testing.assert_array_equal(read(path).array, want)
    np.testing.assert_array_equal(np.asarray(opened(path)), want)
    assert probe(path).shape == want.shape


@pytest.mark.parametrize("extension", [".jpg", ".webp", ".avif", ".gif"])
def test_lossy_formats_stay_close(tmp_path: Path, extension: str) -> None:
    want = photo("chelsea")[:120, :160]
    path = tmp_path / f"a{extension}"
    write(path, Picture(want))
    got = read(path)
    assert np.abs(got.array.astype(int) - want).mean() < 6
    assert got.format == of_path(path)


@pytest.mark.parametrize("extension", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_stay(tmp_path: Path, extension: str, channels: int) -> None:
    rng = np.random.default_rng(channels)
    want = rng.integers(0, 1 << 16, (31, 47, channels), dtype=np.uint16)
    want = want[..., 0] if channels == 1 else want
    path = tmp_path / f"a{extension}"
    assert write(path, Picture(want, has_alpha=channels in (2, 4))) == ()
    got = read(path)
    assert got.array.dtype == np.uint16
    assert got.has_alpha == (channels in (2, 4))
    np.testing.assert_array_equal(got.array, want)
    info = probe(path)
    assert (info.shape, info.dtype, info.has_alpha) == (want.shape, "uint16", got.has_alpha)


def test_sixteen_bit_gray_ppm(tmp_path: Path) -> None:
    want = np.arange(600, dtype=np.uint16).reshape(20, 30) * 109
    write(tmp_path / "a.pgm", Picture(want))
    np.testing.assert_array_equal(read(tmp_path / "a.pgm").array, want)


def test_float_tiff_stays_float(tmp_path: Path) -> None:
    want = photo("chelsea").astype(np.float32) / 255 - 0.25
    write(tmp_path / "a.tif", Picture(want))
    np.testing.assert_array_equal(read(tmp_path / "a.tif").array, want)
    tifffile.imwrite(tmp_path / "d.tif", want.astype(np.float64), photometric="rgb")
    assert read(tmp_path / "d.tif").array.dtype == np.float32


@pytest.mark.parametrize(
    ("mode", "extension", "want"),
    [
        ("1", ".png", "L"),
        ("1", ".tif", "L"),
        ("P", ".png", "RGB"),
        ("P", ".gif", "RGB"),
        ("P", ".bmp", "RGB"),
        ("P", ".tif", "RGB"),
        ("LA", ".png", "LA"),
        ("RGBA", ".png", "RGBA"),
        ("RGBA", ".webp", "RGBA"),
        ("RGBA", ".tif", "RGBA"),
        ("CMYK", ".jpg", "RGB"),
        ("CMYK", ".tif", "RGB"),
        ("YCbCr", ".jpg", "RGB"),
        ("L", ".jpg", "L"),
    ],
)
def test_modes(tmp_path: Path, mode: str, extension: str, want: str) -> None:
    image = Image.fromarray(photo("chelsea")[:90, :121]).convert(mode)
    if mode.endswith("A"):
        image.putalpha(Image.fromarray(photo("camera")[:90, :121]))
    path = saved(tmp_path / f"a{extension}", image, **({"lossless": True} if extension == ".webp" else {}))
    expected = np.asarray(opened(path).convert(want))
    got = read(path)
    assert np.abs(got.array.astype(int) - expected).max() <= 1
    assert got.has_alpha == want.endswith("A")
    info = probe(path)
    assert (info.shape, info.dtype, info.has_alpha) == (got.array.shape, got.array.dtype.name, got.has_alpha)


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(photo("chelsea")[:50, :60]).quantize(16)
    for extension in (".png", ".gif"):
        path = saved(tmp_path / f"a{extension}", image, transparency=3)
        got = read(path)
        assert got.has_alpha
        np.testing.assert_array_equal(got.array, np.asarray(opened(path).convert("RGBA")))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "jpeg"])
def test_tiff_layouts(tmp_path: Path, planar: Any, compression: Any) -> None:
    want = photo("chelsea")[:64, :80]
    stored = np.ascontiguousarray(want.transpose(2, 0, 1)) if planar == "separate" else want
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, stored, photometric="rgb", planarconfig=planar, compression=compression, tile=(32, 32)
    )
    got = read(path).array
    assert got.shape == want.shape
    assert np.abs(got.astype(int) - want).mean() <= (4 if compression == "jpeg" else 0)


def test_tiff_white_is_zero_and_associated_alpha(tmp_path: Path) -> None:
    gray = photo("camera")[:40, :50]
    tifffile.imwrite(tmp_path / "w.tif", 255 - gray, photometric="miniswhite")
    np.testing.assert_array_equal(read(tmp_path / "w.tif").array, gray)
    rgba = np.dstack([np.full((8, 8, 3), 100, np.uint8), np.full((8, 8), 128, np.uint8)])
    tifffile.imwrite(tmp_path / "p.tif", rgba, photometric="rgb", extrasamples=["assocalpha"])
    np.testing.assert_array_equal(read(tmp_path / "p.tif").array[0, 0], [199, 199, 199, 128])


def test_bytes_can_be_read() -> None:
    content = (SAMPLES / "landscape.jpg").read_bytes()
    assert read(content, name="standard input").array.shape == (480, 640, 3)


def test_samples_are_what_their_script_says() -> None:
    assert read(SAMPLES / "dusk16.png").array.dtype == np.uint16
    assert read(SAMPLES / "leaf.png").has_alpha
    assert sum(path.stat().st_size for path in SAMPLES.iterdir() if path.is_file()) < 400_000


# --- orientation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif", ".webp"])
def test_orientation_is_applied_and_the_tag_corrected(
    tmp_path: Path, orientation: int, extension: str
) -> None:
    options = {"lossless": True} if extension == ".webp" else {}
    path = saved(tmp_path / f"a{extension}", photo("chelsea"), exif=exif_bytes(orientation), **options)
    want = np.asarray(ImageOps.exif_transpose(opened(path)))
    picture = read(path)
    np.testing.assert_array_equal(picture.array, want)
    assert probe(path).shape == want.shape
    for target in (".jpg", ".png", ".tif", ".webp"):
        out = tmp_path / f"b{target}"
        write(out, picture)
        image = opened(out)
        exif = image.getexif()
        assert exif.get(0x112, 1) == 1
        assert image.size == (want.shape[1], want.shape[0])
        assert exif[0x10F] == "Maker"
        assert exif.get_ifd(0x8769)[0xA002] == want.shape[1]


def test_the_thumbnail_goes(tmp_path: Path) -> None:
    """It shows the picture before the filter; after a blur it would give away what was blurred."""
    thumbnail = io.BytesIO()
    Image.fromarray(photo()[::8, ::8]).save(thumbnail, "JPEG")
    small = thumbnail.getvalue()
    block = b"II*\0" + struct.pack("<I", 8)
    block += struct.pack("<HHHII", 1, 0x112, 3, 1, 6) + struct.pack("<I", 26)
    block += (
        struct.pack("<H", 2)
        + struct.pack("<HHII", 0x201, 4, 1, 56)
        + struct.pack("<HHII", 0x202, 4, 1, len(small))
    )
    block += struct.pack("<I", 0) + small
    for content in (block, block + b"maker note"):
        path = saved(tmp_path / "a.jpg", photo(), exif=b"Exif\0\0" + content)
        picture = read(path)
        assert small[20:200] not in picture.exif
        write(tmp_path / "b.jpg", picture)
        assert small[20:200] not in (tmp_path / "b.jpg").read_bytes()


@pytest.mark.parametrize("cut", [0, 3, 7, 9, 20, 40, 90])
def test_damaged_exif_costs_no_picture(tmp_path: Path, cut: int) -> None:
    path = saved(tmp_path / "a.jpg", photo(), exif=b"Exif\0\0" + bare(exif_bytes(6))[:cut])
    assert read(path).array.shape == (512, 512, 3)


# --- metadata -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("target", [".jpg", ".png", ".tif", ".webp"])
def test_metadata_is_kept(tmp_path: Path, source: str, target: str) -> None:
    path = saved(tmp_path / f"a{source}", photo(), exif=exif_bytes(), icc_profile=SRGB, dpi=(300, 150))
    out = tmp_path / f"b{target}"
    write(out, read(path))
    image = opened(out)
    assert image.info["icc_profile"] == SRGB
    assert image.getexif()[0x110] == "Model X"
    assert image.getexif().get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    assert image.getexif().get_ifd(0x8825)[2] == (52.0, 31.0, 12.5)
    if ".webp" not in (source, target):
        assert image.info["dpi"] == pytest.approx((300, 150), abs=0.1)


def test_a_bigtiff_keeps_exif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgfilt.io.tiff._CLASSIC_LIMIT", 0)
    picture = read(saved(tmp_path / "a.jpg", photo(), exif=exif_bytes(6), dpi=(300, 150)))
    write(tmp_path / "a.tif", picture)
    assert (tmp_path / "a.tif").read_bytes()[:4] in (b"II+\0", b"MM\0+")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        tags = tiff.pages[0].tags
        assert tags[0x8769].value["DateTimeOriginal"] == "2020:01:02 03:04:05"
        assert tags[0x8825].value["GPSLatitude"] == (52, 1, 31, 1, 25, 2)
        assert tags[0x110].value == "Model X"
    again = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(again.array, picture.array)
    exif = Image.Exif()
    exif.load(again.exif)
    assert exif.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    assert exif.get_ifd(0x8825)[2] == (52.0, 31.0, 12.5)


def test_large_profiles_take_several_segments(tmp_path: Path) -> None:
    profile = SRGB + np.random.default_rng(0).bytes(200_000)
    write(tmp_path / "a.jpg", Picture(photo(), icc=profile))
    assert opened(tmp_path / "a.jpg").info["icc_profile"] == profile
    assert read(tmp_path / "a.jpg").icc == profile


def test_a_profile_of_the_wrong_colour_space_is_left_out(tmp_path: Path) -> None:
    for extension in (".jpg", ".png", ".tif"):
        path = tmp_path / f"a{extension}"
        write(path, Picture(photo("camera"), icc=SRGB))
        assert "icc_profile" not in opened(path).info
        write(path, Picture(photo("camera"), icc=GRAY_ICC))
        assert opened(path).info["icc_profile"] == GRAY_ICC


@pytest.mark.parametrize(("subsampling", "want"), [(0, "444"), (1, "422"), (2, "420")])
def test_a_jpeg_keeps_its_subsampling(tmp_path: Path, subsampling: int, want: str) -> None:
    picture = read(saved(tmp_path / "a.jpg", photo(), subsampling=subsampling))
    assert picture.subsampling == want
    write(tmp_path / "b.jpg", picture)
    assert read(tmp_path / "b.jpg").subsampling == want
    write(tmp_path / "c.jpg", replace(picture, subsampling=""))
    assert read(tmp_path / "c.jpg").subsampling == "444"


@pytest.mark.parametrize("subsampling", ["", "444", "422", "420"])
@pytest.mark.parametrize("size", [(1003, 1501), (3000, 401), (65, 60_001), (65_500, 17)])
def test_stripes_are_the_whole_picture(tmp_path: Path, subsampling: str, size: tuple[int, int]) -> None:
    """Large JPEGs are encoded in stripes between restart markers; the pixels are those of one stripe."""
    import imagecodecs

    tile = photo()[..., 0] if subsampling == "" else photo()
    height, width = size
    rows, columns = np.arange(height) % 512, np.arange(width) % 512
    array = np.ascontiguousarray(tile[rows][:, columns])
    write(tmp_path / "a.jpg", Picture(array, subsampling=subsampling))
    content = (tmp_path / "a.jpg").read_bytes()
    whole = imagecodecs.jpeg8_encode(array, 90, subsampling=subsampling or None)
    want = imagecodecs.jpeg8_decode(whole)
    np.testing.assert_array_equal(read(tmp_path / "a.jpg").array, want)
    np.testing.assert_array_equal(np.asarray(opened(tmp_path / "a.jpg")), want)
    assert len(content) < len(whole) * 1.001 + 100
    assert (b"\xff\xdd\x00\x04" in content) == (height * width >= 1_000_000)


def test_stripes_keep_to_the_longest_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgfilt.io.jpeg_stripes._LONGEST_INTERVAL", 1000)
    array = np.tile(photo("camera"), (2, 4))
    write(tmp_path / "a.jpg", Picture(array))
    content = (tmp_path / "a.jpg").read_bytes()
    at = content.index(b"\xff\xdd\x00\x04")
    assert content[at + 4 : at + 6] == (768).to_bytes(2, "big")
    assert np.abs(read(tmp_path / "a.jpg").array.astype(int) - array).mean() < 3


def test_quality(tmp_path: Path) -> None:
    sizes = []
    for quality in (30, 90, 98):
        write(tmp_path / "a.jpg", Picture(photo()), quality=quality)
        sizes.append((tmp_path / "a.jpg").stat().st_size)
    assert sizes == sorted(sizes)
    assert sizes[0] * 3 < sizes[2]


# --- what a format cannot hold ------------------------------------------------------------------------------


def test_sixteen_bits_to_jpeg(tmp_path: Path) -> None:
    deep = photo().astype(np.uint16) * 257
    (note,) = write(tmp_path / "a.jpg", Picture(deep))
    assert "16 bits became 8" in note
    write(tmp_path / "b.jpg", Picture(photo()))
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()


def test_eight_bits_are_the_nearest() -> None:
    every = np.arange(1 << 16, dtype=np.uint16)
    np.testing.assert_array_equal(to_eight_bits(every), np.rint(every / 257.0))


def test_alpha_to_jpeg_is_flattened_onto_white(tmp_path: Path) -> None:
    leaf = read(SAMPLES / "leaf.png")
    (note,) = write(tmp_path / "a.jpg", leaf)
    assert "white" in note
    back = Image.new("RGBA", (200, 200), "white")
    want = np.asarray(Image.alpha_composite(back, Image.fromarray(leaf.array)).convert("RGB"))
    assert np.abs(flatten(leaf.array).astype(int) - want).max() <= 1
    assert read(tmp_path / "a.jpg").array.shape == (200, 200, 3)


def test_floats_to_png(tmp_path: Path) -> None:
    values = np.array([[-1.0, 0.0, 0.5, 1.0, 2.0, np.nan]], np.float32)
    (note,) = write(tmp_path / "a.png", Picture(values))
    assert "16" in note
    assert read(tmp_path / "a.png").array.tolist() == [[0, 0, 32768, 65535, 65535, 0]]


@pytest.mark.parametrize(
    "array", [np.zeros((0, 4), np.uint8), np.zeros((4, 4), np.int16), np.zeros((2, 2, 2, 2), np.uint8)]
)
def test_arrays_that_are_no_pictures(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(NotStorableError, match=r"uint8, uint16 or float32"):
        write(tmp_path / "a.png", Picture(array))
    assert os.listdir(tmp_path) == []


def test_too_long_for_a_jpeg(tmp_path: Path) -> None:
    with pytest.raises(NotStorableError, match="65500"):
        write(tmp_path / "a.jpg", Picture(np.zeros((2, 70_000), np.uint8)))
    with pytest.raises(NotStorableError, match="webp"):
        write(tmp_path / "a.webp", Picture(np.zeros((2, 20_000), np.uint8)))
    assert os.listdir(tmp_path) == []


# --- bad input ----------------------------------------------------------------------------------------------


def complaint(function: Callable[[Path], object], path: Path) -> ImageFileError | None:
    try:
        function(path)
    except ImageFileError as error:
        return error
    return None


def refused(kind: type[ImageFileError], path: Path, *words: str) -> None:
    """`read` refuses the file; so does `probe`, or it does not notice."""
    said = complaint(read, path)
    assert said is not None
    for error in (said, complaint(probe, path)):
        assert error is None or isinstance(error, kind)
        assert error is None or "\n" not in str(error)
        assert error is None or all(word in str(error) for word in (str(path), *words))


def test_no_pictures(tmp_path: Path) -> None:
    refused(NotReadableError, tmp_path / "none.jpg", "does not exist")
    refused(NotReadableError, tmp_path / "no" / "none.jpg", "no folder")
    refused(NotReadableError, tmp_path, "folder")
    (tmp_path / "empty.jpg").touch()
    refused(NotReadableError, tmp_path / "empty.jpg", "0 bytes")
    (tmp_path / "text.jpg").write_text("Dear photograph,\n" * 20)
    refused(NotAnImageError, tmp_path / "text.jpg", "no picture")


@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif", ".webp", ".bmp", ".gif"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_files_cut_short(tmp_path: Path, extension: str, share: float) -> None:
    whole = saved(tmp_path / f"whole{extension}", photo("chelsea")).read_bytes()
    path = tmp_path / f"a{extension}"
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(ImageFileError, path)


def test_a_cut_jpeg_is_no_half_gray_picture(tmp_path: Path) -> None:
    """libjpeg fills the rest with gray and returns success."""
    whole = (SAMPLES / "landscape.jpg").read_bytes()
    path = tmp_path / "a.jpg"
    path.write_bytes(whole[: len(whole) // 2])
    refused(DamagedError, path, "cut short")
    path.write_bytes(whole + b"trailing bytes of a phone's second picture")
    assert read(path).array.shape == (480, 640, 3)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif", ".webp", ".gif", ".bmp"])
def test_noise_inside_a_file_never_escapes(tmp_path: Path, extension: str) -> None:
    whole = bytearray(
        saved(
            tmp_path / f"w{extension}",
            photo("chelsea")[:60, :80],
            **({"exif": exif_bytes(6)} if extension in (".jpg", ".png", ".tif", ".webp") else {}),
        ).read_bytes()
    )
    rng = np.random.default_rng(5)
    path = tmp_path / f"a{extension}"
    for _ in range(60):
        broken = bytearray(whole)
        for at in rng.integers(4, min(len(whole), 900), 6):
            broken[at] = rng.integers(256)
        path.write_bytes(broken)
        for function in (read, probe):
            assert "\n" not in str(complaint(function, path))


def png_header(width: int, height: int) -> bytes:
    import zlib

    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def test_decompression_bombs(tmp_path: Path) -> None:
    bomb = tmp_path / "a.png"
    bomb.write_bytes(png_header(60_000, 60_000))
    with pytest.raises(TooLargeError, match="3600 megapixels"):
        read(bomb)
    jpeg = bytearray((SAMPLES / "landscape.jpg").read_bytes())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    (tmp_path / "a.jpg").write_bytes(jpeg)
    with pytest.raises(TooLargeError, match="65000x65000"):
        read(tmp_path / "a.jpg")
    bmp = bytearray(saved(tmp_path / "a.bmp", photo()).read_bytes())
    bmp[18:26] = struct.pack("<ii", 30_000, 30_000)
    (tmp_path / "a.bmp").write_bytes(bmp)
    with pytest.raises(TooLargeError):
        read(tmp_path / "a.bmp")
    for extension in (".jpg", ".png", ".tif", ".bmp"):
        with pytest.raises(TooLargeError, match="the limit is 0"):
            read(saved(tmp_path / f"b{extension}", photo()), max_pixels=1000)


def test_samples_that_cannot_be_kept(tmp_path: Path) -> None:
    for dtype in ("uint32", "int16", "complex64"):
        tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5), dtype), photometric="minisblack")
        refused(UnsupportedError, tmp_path / "a.tif", dtype)


def test_errors_have_stable_codes() -> None:
    codes = {
        kind.__name__: kind.code
        for kind in ImageFileError.__subclasses__()
        if kind.__module__.startswith("imgfilt.io")  # that of folders adds its own
    }
    assert codes == {
        "NotReadableError": "not-readable",
        "NotAnImageError": "not-an-image",
        "DamagedError": "damaged",
        "TooLargeError": "too-large",
        "UnsupportedError": "unsupported",
        "UnknownFormatError": "unknown-format",
        "NotStorableError": "not-storable",
        "NotWritableError": "not-writable",
    }


def test_a_header_is_looked_at_without_reading_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", photo())
    with path.open("r+b") as file:
        file.truncate(1 << 40)
    info = probe(path)
    assert (info.width, info.height, info.channels, info.dtype, info.frames) == (512, 512, 3, "uint8", 1)
    assert (info.pixels, info.nbytes, info.colours) == (512 * 512, 512 * 512 * 3, "rgb")
    with pytest.raises(TooLargeError, match="512x512"):
        probe(path, max_pixels=1000)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(NotReadableError, match="pipe"):
        probe(tmp_path / "a.jpg")


def test_programs_are_not_run(tmp_path: Path) -> None:
    """Pillow would hand PostScript to an interpreter."""
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n")
    refused(NotAnImageError, tmp_path / "a.jpg")


# --- several frames ---------------------------------------------------------------------------------------


def test_map_takes_every_frame_and_keeps_the_rest() -> None:
    first = np.zeros((4, 5, 4), np.uint8)
    page = Picture(first[:2] + 1, True, duration=30.0, dpi=(72.0, 72.0))
    picture = Picture(first, True, "gif", b"exif", SRGB, duration=20.0, plays=3, pages=(page,))
    more = picture.map(lambda array: array + 1)
    assert [frame.array[0, 0, 0] for frame in more.frames()] == [1, 2]
    assert [frame.has_alpha for frame in more.frames()] == [True, True]
    assert replace(more, array=first, pages=()).__dict__ == replace(picture, pages=()).__dict__
    assert (more.pages[0].duration, more.pages[0].dpi) == (30.0, (72.0, 72.0))
    gray = picture.map(lambda array: array[..., 0])
    assert not gray.has_alpha
    assert not gray.pages[0].has_alpha


# --- writing ------------------------------------------------------------------------------------------------


def test_unknown_extensions_list_the_known(tmp_path: Path) -> None:
    for name in ("a.xyz", "a"):
        with pytest.raises(UnknownFormatError, match=r"\.jpg .*\.png .*\.tif"):
            write(tmp_path / name, Picture(photo()))
    assert of_path("A.JPG") == "jpeg"


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp"])
@pytest.mark.parametrize(
    "error", [RuntimeError("encoder"), OSError(28, "No space left on device"), KeyboardInterrupt()]
)
def test_a_failing_encoder_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, error: BaseException
) -> None:
    import importlib

    def fail(file: Any, *_: Any) -> None:
        file.write(b"half a pict")
        raise error

    module = importlib.import_module(f"imgfilt.io.{ {'webp': 'pillow'}.get(kind, kind) }")
    monkeypatch.setattr(module, "encode", fail)
    path = tmp_path / f"a{FORMATS[kind][0]}"
    expected = NotWritableError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        write(path, Picture(photo()))
    assert os.listdir(tmp_path) == []
    path.write_bytes(b"what was there")
    with pytest.raises(expected):
        write(path, Picture(photo()))
    assert path.read_bytes() == b"what was there"
    assert os.listdir(tmp_path) == [path.name]


def test_targets_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(NotWritableError, match="no folder"):
        write(tmp_path / "no" / "a.png", Picture(photo()))
    (tmp_path / "b.png").mkdir()
    with pytest.raises(NotWritableError, match="is a folder"):
        write(tmp_path / "b.png", Picture(photo()))
    locked = tmp_path / "c.png"
    locked.write_bytes(b"keep me")
    locked.chmod(0o444)
    with pytest.raises(NotWritableError, match="read-only"):
        write(locked, Picture(photo()))
    assert locked.read_bytes() == b"keep me"
    assert sorted(os.listdir(tmp_path)) == ["b.png", "c.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and links")
def test_permissions_and_links(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write(path, Picture(photo()))
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    path.chmod(0o640)
    link = tmp_path / "link.png"
    link.symlink_to(path)
    write(link, Picture(photo("camera")))
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert read(path).array.ndim == 2


def test_codecs_load_only_where_they_are_used() -> None:
    code = (
        "import sys, imgfilt.io as io; from imgfilt.io import jpeg, png, tiff, pillow;"
        "heavy = {'PIL', 'imagecodecs', 'tifffile'} & set(sys.modules); assert not heavy, heavy;"
        f"io.read({str(SAMPLES / 'landscape.jpg')!r});"
        "heavy = {'PIL', 'tifffile'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
