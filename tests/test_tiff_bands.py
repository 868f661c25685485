"""TIFFs read, filtered and written in bands: every layout gives what the whole picture gives."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from cases import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import imgfilt
from imgfilt.io import probe, read, tiff_rows
from imgfilt.io.errors import DamagedError, NotReadableError, UnsupportedError
from imgfilt.io.tiff_bands import PageBands, write_pages
from imgfilt.records import replace

STRIPS = {"rowsperstrip": 5}
TILES = {"tile": (16, 32)}
LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {},
    "strips": STRIPS,
    "big endian": {**STRIPS, "byteorder": ">"},
    "BigTIFF": {**STRIPS, "bigtiff": True},
    "planes": {**STRIPS, "planarconfig": "separate"},
    "deflate": {**STRIPS, "compression": "zlib", "predictor": True},
    "LZW planes": {**STRIPS, "compression": "lzw", "predictor": True, "planarconfig": "separate"},
    "Zstandard, big endian": {**STRIPS, "compression": "zstd", "predictor": True, "byteorder": ">"},
    "packbits": {**STRIPS, "compression": "packbits"},
    "tiles": TILES,
    "tiles larger than the picture": {"tile": (128, 128), "compression": "zlib"},
    "tiles of planes": {**TILES, "planarconfig": "separate", "bigtiff": True},
    "deflated tiles": {**TILES, "compression": "zlib", "predictor": True, "bigtiff": True},
    "LZMA tiles, big endian": {**TILES, "compression": "lzma", "byteorder": ">"},
}
FILTERS = (
    "gaussian sigma=2",
    "sobel",
    "unsharp_mask",
    "median size=5",
    "box size=9",
    "gaussian sigma=1 | median size=3 | unsharp_mask",
)


def save(path: Path, array: np.ndarray, **options: Any) -> Path:
    channels = array.shape[2] if array.ndim == 3 else 1
    if channels == 1:
        options.pop("planarconfig", None)
    if options.get("planarconfig") == "separate":
        array = np.moveaxis(array, 2, 0)
    extra = ["unassalpha"] if channels in (2, 4) else None
    options = {"photometric": "rgb" if channels > 2 else "minisblack", "extrasamples": extra, **options}
    tifffile.imwrite(path, array, metadata=None, **options)
    return path


def filtered(path: Path, target: Path, chain: str, band: int) -> None:
    """`chain` on the file, in bands."""
    with tiff_rows.opened(str(path)) as pages, open(target, "w+b") as file:
        made = []
        for page in pages.pages:
            bands = imgfilt.apply(
                chain, imgfilt.RowImage(page.info.shape, page.info.dtype, page.fill, band=band)
            )
            pixel = np.zeros((1, 1, *bands.shape[2:]), bands.dtype)
            made.append(
                PageBands(
                    bands, bands.shape, replace(page.described(), array=pixel, has_alpha=False), page.tile
                )
            )
        write_pages(file, made)


def rows_of(path: Path, step: int, page: int = 0) -> np.ndarray:
    with tiff_rows.opened(str(path)) as pages:
        rows = pages.pages[page]
        array = np.empty(rows.info.shape, rows.info.dtype)
        for top in range(0, len(array), step):
            rows.fill(top, array[top : top + step])
        return array


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_bands_of_every_layout(tmp_path: Path, layout: str, dtype: str) -> None:
    for number, shape in enumerate([(61, 53, 3), (61, 53), (33, 40, 4), (40, 17, 2)]):
        path = save(tmp_path / "a.tif", noise(shape, dtype), **LAYOUTS[layout])
        image = read(path).array
        np.testing.assert_array_equal(rows_of(path, 7), image)
        for chain in FILTERS[number::4]:
            want = imgfilt.apply(chain, image)
            filtered(path, tmp_path / "b.tif", chain, band=11)
            got = read(tmp_path / "b.tif").array
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want, err_msg=chain)


@pytest.mark.parametrize("chain", FILTERS)
def test_every_filter_on_tiles_and_strips(tmp_path: Path, chain: str) -> None:
    for layout in ("strips", "deflated tiles"):
        path = save(tmp_path / "a.tif", noise((70, 45, 3), "uint8"), **LAYOUTS[layout])
        want = imgfilt.apply(chain, read(path).array)
        for band in (1, 16, 31):
            filtered(path, tmp_path / "b.tif", chain, band)
            np.testing.assert_array_equal(read(tmp_path / "b.tif").array, want)


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    layout=st.sampled_from(["strips", "LZW planes", "tiles", "tiles larger than the picture"]),
)
def test_any_rows_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], layout: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"{layout}.tif"
    want = noise((60, 37, 3), "uint8")
    if not path.exists():
        save(path, want, **LAYOUTS[layout])
    with tiff_rows.opened(str(path)) as pages:
        for step in steps:
            for first in (step % 60, (7 * step) % 60):
                got = np.empty((min(step, 60 - first), 37, 3), np.uint8)
                pages.pages[0].fill(first, got)
                np.testing.assert_array_equal(got, want[first : first + step])


@pytest.mark.parametrize("layout", ["strips", "deflate", "tiles of planes", "deflated tiles"])
def test_each_strip_and_tile_is_read_once(
    tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.tif", noise((160, 90, 3), "uint8"), **LAYOUTS[layout])
    read_from: list[int] = []
    plain = tiff_rows.TiffRows._read

    def counted(self: Any, offset: int, *arguments: Any) -> None:
        read_from.append(offset)
        plain(self, offset, *arguments)

    monkeypatch.setattr(tiff_rows.TiffRows, "_read", counted)
    filtered(path, tmp_path / "b.tif", "gaussian sigma=2", band=25)
    assert len(read_from) == len(set(read_from)) > 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path: Path, orientation: int) -> None:
    tag = [(274, 3, 1, orientation, True)]
    path = save(tmp_path / "a.tif", noise((50, 30, 3), "uint8"), extratags=tag, **TILES)
    if orientation > 4:
        with pytest.raises(UnsupportedError, match="sideways"), tiff_rows.opened(str(path)):
            pass
        return
    np.testing.assert_array_equal(rows_of(path, 9), read(path).array)


def test_what_is_no_rgb_becomes_it(tmp_path: Path) -> None:
    gray, rgba = noise((40, 33), "uint8"), noise((40, 33, 4), "uint8")
    palette = noise((3, 256), "uint16")
    photo = cv2.GaussianBlur(noise((64, 48, 3), "uint8"), (0, 0), 5)
    kinds: list[tuple[np.ndarray, dict[str, Any]]] = [
        (gray, {"photometric": "miniswhite", **STRIPS}),
        (gray > 99, {"photometric": "minisblack"}),
        (gray, {"photometric": "palette", "colormap": palette, **TILES}),
        (rgba, {"photometric": "separated", "extrasamples": None, **STRIPS}),
        (rgba, {"photometric": "rgb", "extrasamples": ["assocalpha"], **TILES, "compression": "zlib"}),
        (noise((40, 33, 3), "float32").astype("float16"), STRIPS),
        (noise((40, 33), "float64"), {**TILES, "compression": "zlib", "predictor": True}),
        (photo, {"compression": "jpeg", "rowsperstrip": 16}),
        (photo, {"compression": "jpeg", "tile": (32, 32), "subsampling": (2, 2), "photometric": "ycbcr"}),
    ]
    for array, options in kinds:
        path = save(tmp_path / "a.tif", array, **options)
        want = read(path)
        np.testing.assert_array_equal(rows_of(path, 9), want.array, err_msg=str(options))
        with tiff_rows.opened(str(path)) as pages:
            assert pages.pages[0].info == probe(path)


def test_tiles_that_were_never_written(tmp_path: Path) -> None:
    """Sparse files have no bytes for them."""
    tiles = [np.full((16, 16), 200, np.uint8), None, None, None]
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, iter(tiles), shape=(30, 20), dtype=np.uint8, tile=(16, 16), photometric="minisblack"
    )
    want = read(path).array
    assert want[:16, :16].min() == 200
    assert want.sum() == 200 * 16 * 16
    np.testing.assert_array_equal(rows_of(path, 7), want)


@pytest.mark.parametrize("layout", ["strips", "deflated tiles", "one strip"])
@pytest.mark.parametrize("share", [0.3, 0.8, 0.99])
def test_cut_short(tmp_path: Path, layout: str, share: float) -> None:
    path = save(tmp_path / "a.tif", noise((90, 60, 3), "uint8"), **LAYOUTS[layout])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DamagedError, match=r"a\.tif"):
        rows_of(path, 8)


def test_flipped_bits_end_in_one_error_or_a_picture(tmp_path: Path) -> None:
    rng, complaints = np.random.default_rng(5), []
    for layout in ("strips", "deflated tiles", "LZW planes"):
        content = bytearray(
            save(tmp_path / "a.tif", noise((40, 30, 3), "uint8"), **LAYOUTS[layout]).read_bytes()
        )
        for _ in range(40):
            broken = bytearray(content)
            for at in rng.integers(0, len(content) // 4, 6):
                broken[at] ^= 1 << rng.integers(8)
            (tmp_path / "b.tif").write_bytes(broken)
            try:
                with tiff_rows.opened(str(tmp_path / "b.tif")) as pages:
                    rows = pages.pages[0]
                    if np.prod(rows.info.shape, dtype=object) < 1 << 24:
                        rows.fill(0, np.empty(rows.info.shape, rows.info.dtype))
            except (DamagedError, UnsupportedError) as error:
                complaints.append(str(error))
    assert len(complaints) > 20
    assert all("b.tif'" in text and "\n" not in text for text in complaints)


def test_no_file_and_no_tiff(tmp_path: Path) -> None:
    with pytest.raises(NotReadableError, match="does not exist"), tiff_rows.opened(str(tmp_path / "a.tif")):
        pass
    (tmp_path / "a.tif").write_bytes(b"II*\0 and nothing more")
    with pytest.raises(DamagedError), tiff_rows.opened(str(tmp_path / "a.tif")):
        pass


def test_one_huge_compressed_strip_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_rows, "SEGMENT_LIMIT", 1000)
    path = save(tmp_path / "a.tif", noise((90, 60), "uint8"), compression="zlib", rowsperstrip=90)
    with pytest.raises(UnsupportedError, match="must be read as a whole"), tiff_rows.opened(str(path)):
        pass
    save(path, noise((90, 60), "uint8"))  # uncompressed, it can be read from any row on
    assert rows_of(path, 8).shape == (90, 60)


@pytest.mark.parametrize("big", [False, True])
def test_metadata_is_kept(tmp_path: Path, big: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if big:
        monkeypatch.setattr("imgfilt.io.tiff._CLASSIC_LIMIT", 0)
    exif = Image.Exif()
    exif[0x110] = "Model X"
    exif.get_ifd(0x8769).update({0x9003: "2020:01:02 03:04:05"})
    profile = b"\0" * 16 + b"RGB " + b"\0" * 100
    path = tmp_path / "a.tif"
    Image.fromarray(noise((40, 30, 3), "uint8")).save(
        path, exif=exif.tobytes(), icc_profile=profile, dpi=(300, 150)
    )
    filtered(path, tmp_path / "b.tif", "gaussian sigma=1", band=9)
    one, two = read(path), read(tmp_path / "b.tif")
    assert (tmp_path / "b.tif").read_bytes()[2] == (43 if big else 42)
    assert two.icc == profile
    assert two.dpi == (300, 150)
    again = Image.Exif()
    again.load(two.exif)
    assert again[0x110] == "Model X"
    assert again.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    filtered(path, tmp_path / "c.tif", "sobel", band=9)
    assert read(tmp_path / "c.tif").icc == b""  # gray now
    assert one.array.shape == (40, 30, 3)


def test_layout_is_kept(tmp_path: Path) -> None:
    for layout, tag in (("deflated tiles", 8), ("LZW planes", 5), ("tiles", 1), ("packbits", 32773)):
        path = save(tmp_path / "a.tif", noise((60, 40, 3), "uint16"), **LAYOUTS[layout])
        filtered(path, tmp_path / "b.tif", "box", band=9)
        with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
            page: Any = tiff.pages[0]
            assert page.compression == tag
            assert page.is_tiled == ("tile" in LAYOUTS[layout])
            assert page.predictor == (2 if "predictor" in LAYOUTS[layout] else 1)


def test_every_page(tmp_path: Path) -> None:
    arrays = [noise((40, 30, 3), "uint8"), noise((20, 50), "uint16"), noise((33, 30, 4), "uint8")]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for number, array in enumerate(arrays):
            compression = "zlib" if number == 2 else None
            photometric = "minisblack" if array.ndim == 2 else "rgb"
            writer.write(
                array,
                photometric=photometric,
                compression=compression,
                metadata=None,
                resolution=(72 + number, 72),
            )
        writer.write(arrays[0][::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    with tiff_rows.opened(str(tmp_path / "a.tif")) as pages:
        assert len(pages.pages) == 3
        assert pages.notes == ("1 smaller copies and masks were left out",)
    np.testing.assert_array_equal(rows_of(tmp_path / "a.tif", 7, page=2), arrays[2])
    filtered(tmp_path / "a.tif", tmp_path / "b.tif", "gaussian sigma=1", band=9)
    picture = read(tmp_path / "b.tif")
    for frame, array, dpi in zip(picture.frames(), arrays, (72, 73, 74), strict=True):
        np.testing.assert_array_equal(frame.array, imgfilt.gaussian(array, sigma=1))
        assert frame.dpi == (dpi, 72)


def test_errors_name_the_page(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(noise((20, 30), "uint8"), photometric="minisblack", metadata=None)
        writer.write(
            noise((90, 30), "uint8"),
            photometric="minisblack",
            metadata=None,
            extratags=[(274, 3, 1, 6, True)],
        )
    with (
        pytest.raises(UnsupportedError, match=r"page 2 of '.*a\.tif' is stored sideways"),
        tiff_rows.opened(str(tmp_path / "a.tif")),
    ):
        pass
