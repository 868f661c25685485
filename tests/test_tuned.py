"""The file of tuned constants: written and read back, never believed when damaged or of another machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import imgfilt
from imgfilt import cost, tuned

DEFAULTS = cost.Constants()
SLOW = asdict(replace(DEFAULTS, ns_per_step=2.5))


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    cost.assume(None)
    yield Path(tuned.tuned_path())
    monkeypatch.undo()
    cost.assume(None)


def test_it_lies_in_the_configuration_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    from platformdirs import user_config_dir

    for value in (os.environ["XDG_CONFIG_HOME"], "", None):
        if value is None:
            monkeypatch.delenv("XDG_CONFIG_HOME")
        else:
            monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert tuned.tuned_path() == os.path.join(user_config_dir("imgfilt", appauthor=False), "tuned.toml")


def test_plans_use_it() -> None:
    kernel = [[1, 2, 3], [4, 5, 7], [9, 1, 2]]
    before = imgfilt.plan(kernel, shape=(500, 500), threads=1)
    tuned.write_tuned(cost.isa(), SLOW)
    assert imgfilt.plan(kernel, shape=(500, 500), threads=1) == before  # it is read once
    cost.assume(None)
    after = imgfilt.plan(kernel, shape=(500, 500), threads=1)
    assert 5 * before.seconds < after.seconds < 10.1 * before.seconds
    assert cost.constants() == cost.Constants(**SLOW)


def test_each_instruction_set_has_its_own(file: Path) -> None:
    tuned.write_tuned("other", SLOW)
    assert cost.constants() == DEFAULTS
    tuned.write_tuned(cost.isa(), asdict(replace(DEFAULTS, ns_per_row=7.0)))
    cost.assume(None)
    assert cost.constants().ns_per_row == 7.0
    assert tuned.read_tuned("other", cost.NAMES) == SLOW
    assert list(file.parent.iterdir()) == [file]


def test_it_is_removed(file: Path) -> None:
    assert not tuned.remove_tuned()
    tuned.write_tuned(cost.isa(), SLOW)
    assert tuned.remove_tuned()
    assert not file.exists()
    assert cost.constants() == DEFAULTS


def whole() -> str:
    tuned.write_tuned(cost.isa(), SLOW)
    return Path(tuned.tuned_path()).read_text(encoding="utf-8")


WRONG = {
    "empty": (lambda text: "", "damaged"),
    "cut off": (lambda text: text[:-7], "damaged"),
    "half of it": (lambda text: text[: len(text) // 2], "damaged"),
    "no text": (lambda text: "\x00\x01", "damaged"),
    "a later format": (lambda text: text.replace("version = 1", "version = 2", 1), "version = 1"),
    "a string": (lambda text: text.replace("= 2.5", '= "2.5"'), "damaged"),
    "not a number": (lambda text: text.replace("= 2.5", "= nan"), "damaged"),
    "negative": (lambda text: text.replace("= 2.5", "= -2.5"), "damaged"),
    "a constant more": (lambda text: text + "ns_per_wish = 1.0\n", "damaged"),
    "no tables": (lambda text: text.replace("[constants.", "[konstants."), "damaged"),
    "another processor": (lambda text: text.replace('cpu = "', 'cpu = "Z80 '), "Z80"),
    "another version": (lambda text: text.replace('imgfilt = "', 'imgfilt = "9'), "imgfilt 9"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_told_once_and_ignored(file: Path, kind: str) -> None:
    change, said = WRONG[kind]
    text = whole()
    assert change(text) != text
    file.write_text(change(text), encoding="utf-8")
    with pytest.warns(tuned.TuningWarning, match=r"tuned\.toml") as caught:
        assert cost.constants() == DEFAULTS
    (warning,) = caught
    assert said in str(warning.message)
    assert "\n" not in str(warning.message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cost.constants() == DEFAULTS
    tuned.write_tuned(cost.isa(), SLOW)  # tuning anew heals it
    cost.assume(None)
    assert cost.constants() == cost.Constants(**SLOW)


@pytest.mark.skipif(platform.system() == "Windows", reason="folders open otherwise there")
def test_a_folder_in_its_place_is_told(file: Path) -> None:
    file.mkdir(parents=True)
    with pytest.warns(tuned.TuningWarning, match="cannot be read"):
        assert cost.constants() == DEFAULTS


def test_the_command_line_tells_in_one_line(file: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    file.parent.mkdir(parents=True)
    file.write_text("version = ")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "imgfilt", "sobel", "a.png", "-o", "b.png"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = [line for line in done.stderr.splitlines() if "tuned.toml" in line]
    assert len(told) == 1
    assert told[0].startswith("imgfilt: ")
    assert told[0].endswith("(imgfilt tune measures anew, imgfilt tune --reset removes it)")
    assert (tmp_path / "b.png").exists()
