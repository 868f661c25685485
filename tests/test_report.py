"""The contact sheet: what is in the file, and what a browser shows of it."""

import errno
import html
import io
import os
import re
import shutil
import threading
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import noise
from PIL import Image

from imgfilt.batch import report
from imgfilt.batch.results import Result
from imgfilt.batch.thumbnail import looking, shrink, size_for, thumbnail
from imgfilt.cli import main
from imgfilt.io import Picture, write
from imgfilt.io.errors import NotWritableError

NASTY = 'a <b>&amp; "quoted"\n\x1b[31m name \udcff.tif'


def picture(shape: tuple[int, ...], dtype: str = "uint8", has_alpha: bool = False) -> Picture:
    return Picture(noise(shape, dtype), has_alpha)


def done(name: str, **more: Any) -> Result:
    return Result(name, "", "gaussian", "ok", (90, 120), "uint8", **more)


def sheet(path: Path) -> Path:
    look = looking(64)
    with report.opened(str(path), "imgfilt gaussian <sigma=2>") as sheet:
        for number in range(5):
            seen = look(picture((90, 120, 3)), picture((90, 120)))
            output = str(path.parent / "out" / f"photo {number}.jpg")
            sheet.add(
                done(f"photo {number}.jpg", pixels=10_800, decode=0.012, seen=seen)._replace(output=output)
            )
        sheet.add(
            Result(NASTY, "", "gaussian", "error", code="damaged", error=f"'{NASTY}' is cut short: 7 bytes")
        )
        sheet.add(Result("old.jpg", "old.out.jpg", "gaussian", "skipped"))
    return path


class Tags(HTMLParser):
    """Every opening tag with its attributes, checked to be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_file_stands_alone_and_is_well_formed(tmp_path: Path) -> None:
    text = sheet(tmp_path / "report.html").read_text("utf-8")
    tags = Tags(text)
    assert len(tags.all("article")) == 7
    assert len(tags.all("img")) == 10
    assert all(str(image["src"]).startswith("data:image/") for image in tags.all("img"))
    assert not tags.all("script") + tags.all("link")
    assert tags.all("a")[1]["href"] == "out/photo%201.jpg"
    assert "imgfilt gaussian &lt;sigma=2&gt;" in text
    assert "<b>5</b> done" in text
    assert "120×90 · uint8 · 12 ms" in text
    assert "<b>1</b> failed" in text
    assert "<b>1</b> done before" in text
    assert "<b>&amp;" not in text
    assert r"\x1b[31m name \udcff.tif" in text


def test_no_errors(tmp_path: Path) -> None:
    with report.opened(str(tmp_path / "a.html"), "empty"):
        pass
    text = (tmp_path / "a.html").read_text("utf-8")
    assert "no errors" in text
    assert not Tags(text).all("input")


def test_entries_of_several_threads(tmp_path: Path) -> None:
    with report.opened(str(tmp_path / "a.html"), "threads") as sheet:
        threads = [
            threading.Thread(target=lambda: [sheet.add(done("a" * 5000)) for _ in range(50)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    text = (tmp_path / "a.html").read_text("utf-8")
    card = r'<article class="ok"><h2 title="a{5000}">a{5000}</h2><p>120×90 · uint8 · 0 ms</p></article>\n'
    assert len(re.findall(card, text)) == 200


def test_an_interruption_leaves_a_whole_report(tmp_path: Path) -> None:
    def job() -> None:
        with report.opened(str(tmp_path / "a.html"), "cut") as sheet:
            sheet.add(done("a.jpg"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job()
    assert len(Tags((tmp_path / "a.html").read_text("utf-8")).all("article")) == 1
    assert os.listdir(tmp_path) == ["a.html"]


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def job(path: Path) -> None:
        with report.opened(str(path), "") as sheet:
            sheet._file = Full()
            sheet.add(done("a.jpg"))  # the job itself is not harmed

    with pytest.raises(NotWritableError, match="no folder"):
        job(tmp_path / "no" / "a.html")
    with pytest.raises(NotWritableError, match="disk is full"):
        job(tmp_path / "a.html")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "shape", [(300, 400), (300, 400, 3), (64, 64), (1, 5000), (5000, 1, 3), (7, 3), (1, 1)]
)
def test_thumbnails_fit(shape: tuple[int, ...]) -> None:
    kind, content = thumbnail(picture(shape), 64)
    image = Image.open(io.BytesIO(content))
    assert kind == "image/jpeg"
    assert max(image.size) <= 64
    assert max(image.size) > 32 or max(shape[:2]) < 64
    assert min(image.size) >= 1


def test_very_many_pictures_get_small_ones() -> None:
    assert [size_for(files) for files in (1, 3000, 10_000)] == [320, 192, 128]


def test_thumbnails_are_means() -> None:
    array = np.arange(48.0, dtype=np.float32).reshape(6, 8)
    np.testing.assert_allclose(shrink(array, 4), array.reshape(3, 2, 4, 2).mean((1, 3)))
    assert shrink(array, 8) is array or (shrink(array, 8) == array).all()
    assert shrink(noise((4000, 3000, 3), "uint8"), 200).shape == (190, 143, 3)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int16"])
def test_thumbnails_of_every_dtype(dtype: str) -> None:
    array = np.linspace(0, 1, 50 * 40).reshape(40, 50) * (np.iinfo(dtype).max if dtype[0] != "f" else 1)
    for values in (
        array.astype(dtype),
        (array - array.mean()).astype("int16") if dtype == "int16" else array.astype(dtype),
    ):
        small = np.asarray(Image.open(io.BytesIO(thumbnail(Picture(values), 50)[1]))).astype(int)
        assert abs(small[0, 0]) <= 6
        assert abs(small[-1, -1] - 255) <= 6
        assert (np.diff(small.mean(1)) > 0).all()


def test_thumbnails_of_alpha_and_of_numbers_that_are_none() -> None:
    kind, content = thumbnail(picture((50, 40, 4), has_alpha=True), 32)
    assert kind == "image/png"
    assert Image.open(io.BytesIO(content)).mode == "RGBA"
    strange = np.full((20, 20), np.nan, np.float32)
    strange[0, 0] = np.inf
    assert np.asarray(Image.open(io.BytesIO(thumbnail(Picture(strange), 32)[1]))).max() < 8


def test_the_report_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("IMGFILT_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        write(tmp_path / "photos" / f"{number}.png", picture((60, 80, 3)))
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff and nothing more")
    words = ["gaussian", "--sigma", "2", "photos", "-o", "out", "--report", "report.html"]
    assert main(words) == 1
    text = (tmp_path / "report.html").read_text("utf-8")
    tags = Tags(text)
    assert len(tags.all("article")) == 4
    assert len(tags.all("img")) == 6
    assert "<h1>imgfilt gaussian --sigma 2</h1>" in text
    assert "<code>damaged</code>" in text
    assert "80×60×3 · uint8" in text
    assert sorted(str(link["href"]) for link in tags.all("a")) == [f"out/{number}.png" for number in range(3)]
    assert main([*words, "--resume"]) == 1
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "<b>3</b> done before" in text
    assert main([*words, "--dry-run", "--report", "other.html"]) == 0
    assert not (tmp_path / "other.html").exists()
    capfd.readouterr()
    for wrong, why in (("report.jpg", "is a web page"), ("no/report.html", "no folder")):
        assert main([*words[:-1], wrong]) == 2
        assert why in capfd.readouterr().err


def test_the_title_is_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write("a.png", picture((20, 30, 3)))
    words = [
        "apply",
        "box size=3 | sobel",
        "a.png",
        "-o",
        "b.png",
        "--alpha",
        "each",
        "--report",
        "r.html",
        "-q",
    ]
    assert main(words) == 0
    text = Path("r.html").read_text("utf-8")
    assert html.escape("imgfilt apply 'box size=3 | sobel' --alpha each --quiet") in text.replace(
        "-q<", "--quiet<"
    )


def browser() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_pictures_and_errors(tmp_path: Path, scheme: str) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = sheet(tmp_path / "report.html")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser(),
            args=["--no-sandbox"],
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")},
        )
        page = chromium.new_context(color_scheme=scheme, offline=True).new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        images = page.locator("img")
        for number in range(images.count()):
            images.nth(number).scroll_into_view_if_needed()
        page.wait_for_function("[...document.images].every(image => image.complete)")
        widths = images.evaluate_all("all => all.map(image => image.naturalWidth)")
        assert widths == [60] * 10
        failed = page.locator("article.error")
        assert failed.count() == 1
        assert "damaged" in failed.inner_text()
        assert r"name \udcff.tif' is cut short: 7 bytes" in failed.inner_text()
        page.evaluate("window.scrollTo(0, 0)")
        tops = page.locator("article").evaluate_all(
            "all => all.map(card => card.getBoundingClientRect().top)"
        )
        assert min(tops) == failed.bounding_box()["y"]  # errors come first
        assert page.locator("article.ok:visible").count() == 5
        page.get_by_label("errors only").check()
        assert page.locator("article.ok:visible").count() == 0
        assert page.locator("article.error:visible").count() == 1
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(int(n) for n in re.findall(r"\d+", background)[:3]) > 384
        assert light == (scheme == "light")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert not complaints
        chromium.close()
