"""Files that mean harm or are broken: an error of ours or a picture of the promised shape, in little memory."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import data

import imgfilt
from imgfilt.io import ImageFileError, Picture, read, tiff_rows
from imgfilt.io.errors import DamagedError, TooLargeError, UnsupportedError
from imgfilt.io.writer import encode, fit

ROOT = Path(imgfilt.__file__).parent.parent
RGB = np.ascontiguousarray(np.asarray(data.chelsea())[100:148, 100:164])


def pillow(kind: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RGB).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(array: np.ndarray = RGB, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **{"photometric": "rgb" if array.ndim == 3 else "minisblack"} | options)
    return buffer.getvalue()


def animation(kind: str) -> bytes:
    first, *others = (Picture(np.roll(RGB, 5 * i, axis=1), duration=40.0) for i in range(3))
    picture = Picture(first.array, duration=40.0, pages=tuple(others), plays=None if kind == "tiff" else 0)
    buffer = io.BytesIO()
    encode(buffer, fit(picture, kind)[0], kind)
    return buffer.getvalue()


def originals() -> dict[str, bytes]:
    """A small file of every format and codec that is read."""
    files = {f"{kind} animation": animation(kind) for kind in ("gif", "webp", "png", "avif", "tiff")}
    packed = ("zlib", "lzw", "packbits", "lzma", "zstd", "jpeg", "webp", "jpeg2000")
    files |= {f"tiff {name}": tiff(compression=name, tile=(32, 32)) for name in packed if name != "packbits"}
    files |= {
        kind: pillow(kind) for kind in ("BMP", "PPM", "JPEG2000", "ICO", "PCX", "SGI", "TGA", "DDS", "AVIF")
    }
    return files | {
        "jpeg": pillow("JPEG"),
        "jpeg progressive": pillow("JPEG", progressive=True),
        "jpeg cmyk": pillow("JPEG", "CMYK"),
        "jpeg 12 bits": bytes(imagecodecs.jpeg8_encode(RGB.astype(np.uint16) << 4, 90, bitspersample=12)),
        "jpeg lossless": bytes(imagecodecs.jpeg8_encode(RGB, lossless=True)),
        "png": pillow("PNG"),
        "png palette": pillow("PNG", "P"),
        "webp": pillow("WEBP"),
        "webp lossless": pillow("WEBP", lossless=True),
        "jxl": bytes(imagecodecs.jpegxl_encode(RGB, lossless=True)),
        "jxl container": bytes(imagecodecs.jpegxl_encode(RGB, distance=1.0, usecontainer=True)),
        "qoi": bytes(imagecodecs.qoi_encode(RGB)),
        "tiff": tiff(),
        "tiff float": tiff(RGB.astype(np.float32), compression="zlib", predictor=True),
        "tiff fax": pillow("TIFF", "1", compression="group4"),
        "tiff cmyk": pillow("TIFF", "CMYK"),
        "tiff lab": tiff(photometric="cielab"),
        "tiff palette": pillow("TIFF", "P"),
        "tiff big": tiff(bigtiff=True),
    }


_READER = """
import io, json, resource, sys, time
import numpy as np
from imgfilt.io import ImageFileError, probe, read
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
folder, count = sys.argv[1], int(sys.argv[2])
found = {"runs": 0, "read": 0, "errors": {}, "wrong": [], "slow": []}
names = json.load(open(folder + "/names.json"))
rng = np.random.default_rng(2026)
for number, name in enumerate(names):
    whole = open(f"{folder}/{number}", "rb").read()
    for run in range(count):
        broken = bytearray(whole)
        how = run % 4
        if how == 0:
            del broken[rng.integers(1, len(whole)):]
        elif how == 1:
            for at in rng.integers(0, len(whole), rng.integers(1, 12)):
                broken[at] ^= 1 << rng.integers(8)
        elif how == 2:  # headers
            for at in rng.integers(0, min(len(whole), 300), rng.integers(1, 6)):
                broken[at] = rng.choice([0, 1, 127, 128, 255])
        else:  # directories at a file's end, and pieces that are missing
            for at in rng.integers(1, min(len(whole), 300), 4):
                broken[-at] = rng.choice([0, 1, 127, 128, 255])
            at = rng.integers(len(whole))
            broken[at : at + rng.integers(1, 30)] = b""
        path = folder + "/broken"
        open(path, "wb").write(broken)
        found["runs"] += 1
        begin = time.process_time()
        try:
            info = None
            try:
                info = probe(path)
            except ImageFileError:
                pass
            picture = read(path, max_pixels=5_000_000)
            frames = [frame.array for frame in picture.frames()]
            told = info and (info.shape, info.dtype, info.frames, info.nbytes)
            got = frames[0].shape, frames[0].dtype.name, len(frames), sum(frame.nbytes for frame in frames)
            if told != got:
                found["wrong"].append([name, f"header {told}, pixels {got}"])
            found["read"] += 1
        except ImageFileError as error:
            found["errors"][error.code] = found["errors"].get(error.code, 0) + 1
            if "\\n" in str(error) or len(str(error)) > 400:
                found["wrong"].append([name, str(error)])
        except BaseException as error:
            found["wrong"].append([name, repr(error)])
        if time.process_time() - begin > 5:
            found["slow"].append(name)
found["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
def test_damaged_files_of_every_format(tmp_path: Path) -> None:
    """Truncated, bit-flipped, overwritten: in a process of its own, so that a crash and 3 GB of memory show."""
    files = originals()
    for number, content in enumerate(files.values()):
        (tmp_path / str(number)).write_bytes(content)
    (tmp_path / "names.json").write_text(json.dumps(list(files)))
    done = subprocess.run(
        [sys.executable, "-P", "-c", _READER, str(tmp_path), "40"],
        capture_output=True, text=True, timeout=200, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["slow"] == []
    assert found["runs"] == 40 * len(files)
    assert found["read"] > 100
    assert set(found["errors"]) <= {"damaged", "not-an-image", "too-large", "unsupported"}
    assert found["megabytes"] < 800


def patched(content: bytes, **tags: int) -> bytes:
    """A little-endian TIFF with other values of single-valued tags of its first directory."""
    numbers = {
        "width": 256,
        "height": 257,
        "strip": 273,
        "samples": 277,
        "size": 279,
        "tile_width": 322,
        "tile_height": 323,
    }
    data_ = bytearray(content)
    first = struct.unpack_from("<I", data_, 4)[0]
    for i in range(struct.unpack_from("<H", data_, first)[0]):
        at = first + 2 + 12 * i
        tag, kind = struct.unpack_from("<HH", data_, at)
        for name, value in tags.items():
            if numbers[name] == tag:
                struct.pack_into("<H" if kind == 3 else "<I", data_, at + 8, value)
    return bytes(data_)


def smuggled(inner: bytes, compression: str) -> bytes:
    """A TIFF whose one strip is `inner`."""
    outer = tiff(RGB[..., 0].copy(), compression=compression, rowsperstrip=48)
    return patched(outer + inner, strip=len(outer), size=len(inner))


def test_tiffs_that_ask_for_memory(tmp_path: Path) -> None:
    tiled = tiff(compression="zlib", tile=(16, 16))
    with pytest.raises(DamagedError, match="tiles of 65520x65520 in a picture of 64x48"):
        read(patched(tiled, tile_width=65520, tile_height=65520))
    with pytest.raises(UnsupportedError, match="60000 samples"):
        read(patched(tiff(), samples=60000))
    jpeg = bytearray(imagecodecs.jpeg8_encode(RGB[..., 0].copy(), 50))
    struct.pack_into(">HH", jpeg, jpeg.index(b"\xff\xc0") + 5, 30000, 30000)
    with pytest.raises(DamagedError, match="30000x30000 pixels in the place of 64x48"):
        read(smuggled(bytes(jpeg), "jpeg"))
    (tmp_path / "rows.tif").write_bytes(smuggled(bytes(jpeg), "jpeg"))
    with (
        tiff_rows.opened(str(tmp_path / "rows.tif")) as opened,
        pytest.raises(DamagedError, match="place of"),
    ):
        opened.pages[0].fill(0, np.empty((48, 64, 1), np.uint8))
    with pytest.raises(DamagedError):
        read(
            patched(
                tiff(compression="zlib", rowsperstrip=48) + zlib.compress(bytes(1 << 26)),
                strip=20000,
                size=70000,
            )
        )


def chunk(tag: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))


def test_pngs_with_packed_bombs(capfd: pytest.CaptureFixture[str]) -> None:
    """Profiles and texts that would unpack to gigabytes are left out; libpng's complaints are not heard."""
    bomb = zlib.compress(bytes(1 << 26))
    whole = pillow("PNG")
    for extra in (
        chunk(b"iCCP", b"x\0\0" + bomb),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
        chunk(b"zTXt", b"x\0\0" + bomb) * 20,
        chunk(b"tEXt", b"") * 2000,
        b"\0\0\0\4gAMAabcd\0\0\0\0",
    ):
        picture = read(whole[:33] + extra + whole[33:])
        np.testing.assert_array_equal(picture.array, RGB)
        assert (len(picture.icc) < 17 << 20, len(picture.xmp) < 17 << 20, picture.png_colour) == (
            True,
            True,
            b"",
        )
    broken = bytearray(whole)
    broken[len(broken) // 2] ^= 1
    with pytest.raises(DamagedError, match="chunk IDAT at byte"):
        read(bytes(broken))
    assert capfd.readouterr().err == ""


def test_jpegs_of_endless_scans() -> None:
    whole = pillow("JPEG", progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    with pytest.raises(DamagedError, match="more than 100 scans"):
        read(whole[:-2] + last * 200 + whole[-2:])
    np.testing.assert_array_equal(read(whole).array, np.asarray(Image.open(io.BytesIO(whole))))


def test_gifs_of_countless_frames() -> None:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    assert len(read(head + frame * 50 + b";").pages) == 49
    with pytest.raises(TooLargeError, match="30000 frames; the limit is 20000"):
        read(head + frame * 30_000 + b";")
    with pytest.raises(TooLargeError, match="65535x65535"):
        read(b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + frame + b";")


@pytest.mark.parametrize("name", ["jxl", "heic", "jpeg of five"])
def test_clear_refusals(name: str) -> None:
    five = bytearray(pillow("JPEG"))
    at = five.index(b"\xff\xc0")
    five[at + 9] = 5
    content = {
        "jxl": b"\xff\x0a" + b"\xfe" + b"\xff" * 12,
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40),
        "jpeg of five": bytes(five),
    }[name]
    with pytest.raises(ImageFileError) as refused:
        read(content, name="a.bin")
    assert refused.value.code in ("too-large", "unsupported", "damaged")
    assert str(refused.value).startswith("'a.bin' ")
