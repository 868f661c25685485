"""Pictures of several frames or pages: composed as they are shown, every one kept, timings and loops too."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import data

from imgfilt.io import ImageFileError, Picture, probe, read, write
from imgfilt.io.errors import NotStorableError, TooLargeError
from imgfilt.records import replace

CHELSEA = np.asarray(data.chelsea())


def moving(count: int = 4, channels: int = 3, dtype: Any = np.uint8) -> list[np.ndarray]:
    """Crops of a photo that move along it; alpha is a disc that moves too."""
    y, x = np.mgrid[:48, :64]
    frames = []
    for i in range(count):
        crop = CHELSEA[100:148, 100 + 9 * i : 164 + 9 * i].astype(dtype) * (257 if dtype == np.uint16 else 1)
        alpha = ((y - 24) ** 2 + (x - 20 - 5 * i) ** 2 < 300).astype(dtype) * np.iinfo(dtype).max
        gray = crop[..., :1]
        frame = {1: [gray], 2: [gray, alpha], 3: [crop], 4: [crop, alpha]}[channels]
        frames.append(np.dstack(frame).squeeze())
    return frames


def animation(frames: list[np.ndarray], plays: int = 0) -> Picture:
    alpha = frames[0].ndim == 3 and frames[0].shape[2] in (2, 4)
    times = [40.0 + 30 * i for i in range(len(frames))]
    first, *others = (Picture(frame, alpha, duration=time) for frame, time in zip(frames, times, strict=True))
    return replace(first, pages=tuple(others), plays=plays)


def arrays(picture: Picture) -> list[np.ndarray]:
    return [frame.array for frame in picture.frames()]


def as_told(path: Path) -> Picture:
    """The picture, whose header must have told what it is."""
    picture, info = read(path), probe(path)
    frames = arrays(picture)
    assert (info.shape, info.dtype) == (frames[0].shape, frames[0].dtype.name)
    assert (info.frames, info.has_alpha) == (len(frames), picture.has_alpha)
    assert info.nbytes == sum(frame.nbytes for frame in frames)
    assert info.pixels == sum(frame.shape[0] * frame.shape[1] for frame in frames)
    return picture


@pytest.mark.parametrize("extension", [".gif", ".webp", ".png", ".avif"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("plays", [0, 1, 3])
def test_animations_there_and_back(tmp_path: Path, extension: str, channels: int, plays: int) -> None:
    frames = moving(channels=channels)
    path = tmp_path / f"a{extension}"
    assert write(path, animation(frames, plays)) == ()
    got = as_told(path)
    assert [frame.duration for frame in got.frames()] == [40, 70, 100, 130]
    if extension != ".avif":  # it plays for ever
        assert got.plays == plays
    assert got.has_alpha == (channels == 4)
    for frame, want in zip(arrays(got), frames, strict=True):
        seen = want[..., 3:] > 0 if channels == 4 else np.ones((48, 64, 1), bool)
        difference = np.abs(frame[..., :3].astype(int) - want[..., :3])[seen[..., 0]]
        assert difference.mean() < (0.5 if extension == ".png" else 6)
        if channels == 4 and extension != ".avif":
            np.testing.assert_array_equal(frame[..., 3], want[..., 3])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bit_animations(tmp_path: Path, channels: int) -> None:
    frames = moving(channels=channels, dtype=np.uint16)
    assert write(tmp_path / "a.png", animation(frames)) == ()
    for got, want in zip(arrays(as_told(tmp_path / "a.png")), frames, strict=True):
        np.testing.assert_array_equal(got, want)
    (note,) = write(tmp_path / "a.gif", animation(frames))
    assert "16 bits became 8" in note


def test_few_colours_stay_exact_in_a_gif(tmp_path: Path) -> None:
    colours = np.random.default_rng(3).integers(0, 256, (200, 4), np.uint8)
    colours[:, 3] = np.where(np.arange(200) < 20, 0, 255)
    indices = [np.random.default_rng(i).integers(0, 200, (30, 40)) for i in range(3)]
    frames = [colours[index] for index in indices]
    frames[1][..., 3] = 255
    frames.append(frames[2].copy())
    write(tmp_path / "a.gif", animation(frames))
    for got, want in zip(arrays(as_told(tmp_path / "a.gif")), frames, strict=True):
        np.testing.assert_array_equal(got[..., 3], want[..., 3])
        np.testing.assert_array_equal(got[want[..., 3] > 0], want[want[..., 3] > 0])


def test_a_lossless_webp_stays_lossless(tmp_path: Path) -> None:
    frames = [Image.fromarray(frame) for frame in moving()]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=50, lossless=True)
    frames[0].save(tmp_path / "b.webp", lossless=True, xmp=b"<x/>")
    for name in ("a.webp", "b.webp"):
        write(tmp_path / name, read(tmp_path / name))
        for got, want in zip(arrays(read(tmp_path / name)), frames, strict=False):
            np.testing.assert_array_equal(got, want)


# --- GIF ----------------------------------------------------------------------------------------------------

RED, GREEN, BLUE, CLEAR = 0, 1, 2, 3
TABLE = bytes((255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9))


def lzw(indices: bytes) -> bytes:
    """2-bit indices as a GIF stores them, with a clear code before every two: the codes never grow past 3 bits."""
    bits, count = 0, 0
    codes = [code for i in range(0, len(indices), 2) for code in (4, *indices[i : i + 2])] + [5]
    for code in codes:
        bits |= code << count
        count += 3
    packed = bits.to_bytes(-(-count // 8), "little")
    blocks = [packed[i : i + 255] for i in range(0, len(packed), 255)]
    return b"\x02" + b"".join(bytes((len(block),)) + block for block in blocks) + b"\0"


def gif_frame(x: int, y: int, indices: list[list[int]], disposal: int, hundredths: int) -> bytes:
    control = b"\x21\xf9\x04" + struct.pack("<BHB", disposal << 2 | 1, hundredths, CLEAR) + b"\0"
    size = len(indices[0]), len(indices)
    return control + b"\x2c" + struct.pack("<HHHHB", x, y, *size, 0) + lzw(b"".join(map(bytes, indices)))


def test_the_frames_of_a_gif_are_what_is_shown(tmp_path: Path) -> None:
    """A frame may cover a part, let what is below shine through, and be kept, cleared or undone."""
    frames = [
        gif_frame(0, 0, [[RED] * 4] * 3, 1, 5),
        gif_frame(1, 0, [[GREEN, CLEAR]], 3, 10),  # undone
        gif_frame(2, 1, [[BLUE], [BLUE]], 2, 20),  # cleared
        gif_frame(0, 2, [[CLEAR, GREEN]], 1, 30),  # kept
        gif_frame(3, 0, [[BLUE]], 0, 0),
    ]
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x04\0\0"
    screen = struct.pack("<HHBBB", 4, 3, 0x81, 0, 0) + TABLE
    path = tmp_path / "a.gif"
    path.write_bytes(b"GIF89a" + screen + loop + b"".join(frames) + b";")
    picture = as_told(path)
    assert (picture.plays, [frame.duration for frame in picture.frames()]) == (5, [50, 100, 200, 300, 0])
    assert_drawn(picture)


DRAWN = ["RRRR RRRR RRRR", "RGRR RRRR RRRR", "RRRR RRBR RRBR", "RRRR RR.R RG.R", "RRRB RR.R RG.R"]
"""Five frames, row by row; "." is clear."""
COLOURS = {"R": (255, 0, 0, 255), "G": (0, 255, 0, 255), "B": (0, 0, 255, 255), ".": (0, 0, 0, 0)}


def assert_drawn(picture: Picture) -> None:
    for got, drawn in zip(arrays(picture), DRAWN, strict=True):
        want = np.array([[COLOURS[letter] for letter in row] for row in drawn.split()])
        np.testing.assert_array_equal(got, want)


def test_the_frames_of_an_apng_are_what_is_shown(tmp_path: Path) -> None:
    parts = [
        ((0, 0), "RRRR RRRR RRRR", 0),
        ((1, 0), "G.", 2),
        ((2, 1), "B B", 1),
        ((0, 2), ".G", 0),
        ((3, 0), "B", 0),
    ]
    content, sequence = b"", 0
    for number, ((x, y), letters, after) in enumerate(parts):
        pixels = np.array([[COLOURS[letter] for letter in row] for row in letters.split()], np.uint8)
        still = io.BytesIO()
        Image.fromarray(pixels).save(still, "PNG")
        data = still.getvalue()
        at = data.index(b"IDAT")
        packed = data[at + 4 : at + 4 + struct.unpack(">I", data[at - 4 : at])[0]]
        control = struct.pack(">IIIIIHHBB", sequence, *pixels.shape[1::-1], x, y, 5, 100, after, 1)
        if number == 0:
            content += data[:33] + chunk(b"acTL", struct.pack(">II", 5, 0)) + chunk(b"fcTL", control)
            content += chunk(b"IDAT", packed)
            sequence = 1
        else:
            content += chunk(b"fcTL", control) + chunk(b"fdAT", struct.pack(">I", sequence + 1) + packed)
            sequence += 2
    (tmp_path / "a.png").write_bytes(content + chunk(b"IEND", b""))
    assert_drawn(as_told(tmp_path / "a.png"))


def chunk(tag: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))


def test_clear_pixels_over_an_opaque_picture(tmp_path: Path) -> None:
    """How most GIFs are stored: what does not change is clear, and nothing is seen through in the end."""
    frames = [
        gif_frame(0, 0, [[RED] * 4] * 3, 1, 5).replace(b"\x21\xf9\x04\x05", b"\x21\xf9\x04\x04"),
        gif_frame(0, 1, [[CLEAR, GREEN, CLEAR, BLUE]], 1, 5),
    ]
    screen = struct.pack("<HHBBB", 4, 3, 0x81, 0, 0) + TABLE
    (tmp_path / "a.gif").write_bytes(b"GIF89a" + screen + b"".join(frames) + b";")
    picture = as_told(tmp_path / "a.gif")
    assert not picture.has_alpha
    want = np.array([[COLOURS[letter][:3] for letter in row] for row in ("RRRR", "RGRB", "RRRR")])
    np.testing.assert_array_equal(picture.pages[0].array, want)


def test_a_gif_whose_screen_grows(tmp_path: Path) -> None:
    frames = [gif_frame(0, 0, [[RED] * 4] * 3, 1, 5), gif_frame(3, 2, [[BLUE] * 4] * 4, 1, 5)]
    (tmp_path / "a.gif").write_bytes(
        b"GIF89a" + struct.pack("<HHBBB", 4, 3, 0x81, 0, 0) + TABLE + b"".join(frames) + b";"
    )
    assert as_told(tmp_path / "a.gif").array.shape == (6, 7, 4)


def seen(array: np.ndarray) -> np.ndarray:
    """Colours weighted by alpha: what is under no alpha does not count."""
    if array.ndim == 2 or array.shape[2] == 3:
        return array.astype(float)
    alpha = array[..., -1:] / 255.0
    return np.dstack([array[..., :-1] * alpha, array[..., -1]])


# --- APNG ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGBA", "RGB"])
@pytest.mark.parametrize("blend", [0, 1])
@pytest.mark.parametrize("fallback", [False, True])
def test_the_frames_of_an_apng_are_those_of_pillow(
    tmp_path: Path, mode: str, blend: int, fallback: bool
) -> None:
    if fallback and blend and mode == "RGBA":
        return  # Pillow lays the first frame over the fallback, where the canvas must be clear
    frames = [Image.fromarray(frame) for frame in moving(5, 4)]
    for number, frame in enumerate(frames[2:4]):  # parts that change while the rest stays
        part = frames[1].copy()
        part.paste(frame.crop((8, 8, 40 + number, 30)), (8, 8))
        frames[2 + number] = part
    frames = [frame.convert(mode) for frame in frames]
    path = tmp_path / "a.png"
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        blend=blend,
        duration=[100, 20, 30, 40, 55],
        loop=2,
        default_image=fallback,
    )
    picture = as_told(path)
    assert picture.plays == 2
    with Image.open(path) as image:
        skipped = int(fallback)
        assert len(arrays(picture)) == image.n_frames - skipped
        for number, frame in enumerate(picture.frames()):
            image.seek(number + skipped)
            channels = frame.array.shape[2] if frame.array.ndim == 3 else 1
            want = np.asarray(image.convert(["L", "LA", "RGB", "RGBA"][channels - 1]))
            assert np.abs(seen(frame.array) - seen(want)).max() <= 1
            assert frame.duration == pytest.approx(image.info["duration"])


def test_an_apng_frame_outside_its_canvas(tmp_path: Path) -> None:
    write(tmp_path / "a.png", animation(moving()))
    content = (tmp_path / "a.png").read_bytes()
    at = content.index(b"fcTL", content.index(b"IDAT"))
    body = bytearray(content[at : at + 30])
    body[8:12] = struct.pack(">I", 5000)
    broken = content[:at] + body + struct.pack(">I", zlib.crc32(body)) + content[at + 34 :]
    with pytest.raises(ImageFileError, match="outside"):
        read(broken)


# --- TIFF pages ---------------------------------------------------------------------------------------------


def test_pages_keep_what_is_their_own(tmp_path: Path) -> None:
    """A scan: pages of different sizes, kinds and resolutions, packed differently."""
    gray, colour, deep = CHELSEA[:50, :70, 0], CHELSEA[:60, :50], CHELSEA[:40, :30].astype(np.uint16) * 257
    alpha = np.dstack([colour, colour[..., 0]])
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        options = {"metadata": None, "software": False}
        writer.write(gray, resolution=(300, 300), resolutionunit="inch", compression="lzw", **options)
        writer.write(colour, photometric="rgb", compression="zlib", description="second", **options)
        writer.write(deep, photometric="rgb", resolution=(150, 75), resolutionunit="inch", **options)
        writer.write(alpha, photometric="rgb", extrasamples=["unassalpha"], compression="zstd", **options)
    picture = read(tmp_path / "a.tif")
    info = probe(tmp_path / "a.tif")
    assert (info.frames, info.nbytes) == (4, sum(a.nbytes for a in arrays(picture)))
    assert info.pixels == 50 * 70 + 60 * 50 + 40 * 30 + 60 * 50
    write(tmp_path / "b.tif", picture.map(lambda array: array))
    again = read(tmp_path / "b.tif")
    for got in (picture, again):
        for array, want in zip(arrays(got), (gray, colour, deep, alpha), strict=True):
            np.testing.assert_array_equal(array, want)
        assert [page.compression for page in got.frames()] == ["lzw", "deflate", "", "zstd"]
        assert [page.dpi for page in got.frames()] == [(300, 300), None, (150, 75), None]
        assert [page.has_alpha for page in got.frames()] == [False, False, False, True]
        assert got.plays is None
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert tiff.pages[1].description == "second"
        assert [int(page.subfiletype) for page in tiff.pages] == [2, 2, 2, 2]


def test_smaller_copies_are_left_out(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(CHELSEA, photometric="rgb", metadata=None)
        writer.write(CHELSEA[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    picture = read(tmp_path / "a.tif")
    assert len(arrays(picture)) == probe(tmp_path / "a.tif").frames == 1
    assert picture.notes == ("1 smaller copies and masks were left out",)


def test_a_tiff_whose_directories_go_in_circles(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 20, 30), np.uint8), photometric="minisblack")
    content = bytearray((tmp_path / "a.tif").read_bytes())
    first = struct.unpack_from("<I", content, 4)[0]
    second = first + 2 + 12 * struct.unpack_from("<H", content, first)[0]
    at = struct.unpack_from("<I", content, second)[0]
    struct.pack_into("<I", content, at + 2 + 12 * struct.unpack_from("<H", content, at)[0], first)
    picture = read(bytes(content))
    assert len(arrays(picture)) == 2


# --- what a format cannot hold, and limits --------------------------------------------------------------------


def test_one_frame_formats_say_so(tmp_path: Path) -> None:
    moving_picture, pages = animation(moving()), replace(animation(moving()), plays=None)
    assert write(tmp_path / "a.jpg", moving_picture) == (
        "only the first of 4 frames was stored: jpeg holds one",
    )
    assert write(tmp_path / "a.gif", pages) == (
        "only the first of 4 pages was stored: gif holds animations, not pages",
    )
    assert write(tmp_path / "a.tif", moving_picture) == ("the frames became pages: tiff holds no timings",)
    assert len(arrays(read(tmp_path / "a.tif"))) == 4
    uneven = replace(moving_picture, pages=(Picture(CHELSEA),))
    with pytest.raises(NotStorableError, match="one shape"):
        write(tmp_path / "b.png", uneven)


@pytest.mark.parametrize("extension", [".gif", ".webp", ".png", ".avif", ".tif"])
def test_the_limit_counts_every_frame(tmp_path: Path, extension: str) -> None:
    picture = animation(moving())
    write(tmp_path / f"a{extension}", picture if extension != ".tif" else replace(picture, plays=None))
    assert len(arrays(read(tmp_path / f"a{extension}", max_pixels=4 * 48 * 64))) == 4
    with pytest.raises(TooLargeError, match="64x48 in 4 frames"):
        read(tmp_path / f"a{extension}", max_pixels=4 * 48 * 64 - 1)


@pytest.mark.parametrize("extension", [".gif", ".webp", ".png", ".avif", ".tif"])
@pytest.mark.parametrize("share", [0.4, 0.75, 0.98])
def test_animations_cut_short(tmp_path: Path, extension: str, share: float) -> None:
    picture = animation(moving())
    write(tmp_path / f"a{extension}", picture if extension != ".tif" else replace(picture, plays=None))
    content = (tmp_path / f"a{extension}").read_bytes()
    with pytest.raises(ImageFileError):
        read(content[: int(len(content) * share)])


def test_orientation_turns_every_frame(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    frames = [Image.fromarray(frame) for frame in moving()]
    for path, options in ((tmp_path / "a.webp", {"lossless": True}), (tmp_path / "a.png", {})):
        frames[0].save(
            path, save_all=True, append_images=frames[1:], exif=exif.tobytes(), duration=50, **options
        )
        picture = as_told(path)
        for got, want in zip(arrays(picture), moving(), strict=True):
            np.testing.assert_array_equal(got, np.rot90(want, -1))


def test_metadata_of_animations(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x110] = "Model X"
    plain = exif.tobytes().removeprefix(b"Exif\0\0")
    picture = replace(animation(moving()), exif=plain, xmp=b"<x:xmpmeta/>", dpi=(72.0, 72.0))
    for extension in (".png", ".webp", ".avif"):
        write(tmp_path / f"a{extension}", picture)
        got = read(tmp_path / f"a{extension}")
        assert got.xmp == b"<x:xmpmeta/>"
        image = Image.open(io.BytesIO((tmp_path / f"a{extension}").read_bytes()))
        assert image.getexif()[0x110] == "Model X"
