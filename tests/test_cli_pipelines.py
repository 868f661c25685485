"""`apply`, `run` and `check`: chains, recipes and filters of one's own on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import imgfilt
from imgfilt.cli import main
from imgfilt.cli.app import COMMANDS
from imgfilt.io import Picture, read, write

GLOW = """name = "glow"
family = "blur"
summary = "The image plus some of its blur"
[[param]]
name = "strength"
kind = "float"
default = 0.4
help = "how much of the blur is added"
[[node]]
op = "convolve"
name = "blurred"
kernel = { generator = "gaussian", sigma = 3 }
[[node]]
op = "combine"
inputs = ["source", "blurred"]
weights = [1, "$strength"]
"""
RECIPE = """precision = "float"
border = "wrap"
[[step]]
filter = "gaussian"
sigma = 2
[[step]]
filter = "sharpen"
[output]
quality = 40
"""
IMAGE = np.random.default_rng(2).integers(0, 256, (40, 60, 3), dtype=np.uint8)


class Result(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.delenv("IMGFILT_DEBUG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "glow.toml").write_text(GLOW)
    (tmp_path / "r.toml").write_text(RECIPE)
    write("a.png", Picture(IMAGE))

    def run(*words: str) -> Result:
        return Result(main(list(words)), *capfd.readouterr())

    return run


def refused(result: Result, code: int, *words: str) -> None:
    assert result.code == code, result
    assert len(result.err.strip().splitlines()) == 1, result.err
    for word in words:
        assert word in result.err


@pytest.mark.parametrize("precision", ["image", "float"])
def test_apply(cli: Run, precision: str) -> None:
    text = "gaussian sigma=2 | correlate kernel='1 0 -1' bias=128 | box size=3"
    assert cli("apply", text, "a.png", "-o", "b.png", "--precision", precision).code == 0
    np.testing.assert_array_equal(read("b.png").array, imgfilt.apply(text, IMAGE, precision=precision))


def test_errors_of_apply_point_at_the_character(cli: Run) -> None:
    refused(cli("apply", "box | gaussian sgma=2", "a.png"), 2, "step 2: gaussian has no", "(column 16)")
    refused(cli("apply", "correlate kernel=gone.csv", "a.png"), 2, "no kernel file 'gone.csv'", "(column 11)")
    refused(cli("apply", "box", "a.png", "--precision", "double"), 2, "--precision", "double")


def test_run(cli: Run) -> None:
    assert cli("run", "r.toml", "a.png").code == 0
    want = imgfilt.apply("gaussian sigma=2 | sharpen", IMAGE, precision="float", border="wrap")
    np.testing.assert_array_equal(read("a.r.png").array, want)
    assert (
        cli("run", "r.toml", "a.png", "-o", "b.png", "--border", "reflect", "--precision", "image").code == 0
    )
    want = imgfilt.apply("gaussian sigma=2 | sharpen", IMAGE, border="reflect")
    np.testing.assert_array_equal(read("b.png").array, want)


def test_output_settings_of_a_recipe(cli: Run) -> None:
    for name, more in (("low.jpg", []), ("high.jpg", ["--quality", "95"])):
        assert cli("run", "r.toml", "a.png", "-o", name, *more).code == 0
    assert cli("apply", "gaussian sigma=2 | sharpen", "a.png", "-o", "same.jpg", "--border", "wrap",
               "--precision", "float", "--quality", "40").code == 0  # fmt: skip
    assert Path("low.jpg").read_bytes() == Path("same.jpg").read_bytes()
    assert Path("low.jpg").stat().st_size < Path("high.jpg").stat().st_size


def test_a_recipe_names_its_results(cli: Run) -> None:
    more = 'folder = "out"\nname = "{stem}-soft{ext}"\nformat = "tiff"\nbits = 16\n'
    Path("r.toml").write_text(RECIPE + more)
    Path("photos/more").mkdir(parents=True)
    for name in ("photos/a.png", "photos/more/b.png"):
        write(name, Picture(IMAGE))
    assert cli("run", "r.toml", "photos").code == 0
    for name in ("out/a-soft.tif", "out/more/b-soft.tif"):
        assert read(name).array.dtype == np.uint16, name
    assert cli("run", "r.toml", "photos", "-o", "other/", "--bits", "8").code == 0
    assert read("other/more/b-soft.tif").array.dtype == np.uint8


@pytest.mark.parametrize("words", [["run", "mine/r.toml"], ["own", "--filters", "mine"],
                                   ["apply", "correlate kernel=mine/k.csv"],
                                   ["correlate", "--kernel", "mine/k.csv"]])  # fmt: skip
def test_resume_sees_that_a_kernel_file_has_changed(cli: Run, words: list[str]) -> None:
    Path("mine/k.csv").write_text("1,0,-1\n")
    Path("mine/r.toml").write_text('[[step]]\nfilter = "correlate"\nkernel = "k.csv"\n')
    own = 'name = "own"\nfamily = "basic"\nsummary = "A test"\n[[node]]\nop = "convolve"\nkernel = { file = "k.csv" }\n'
    Path("mine/own.toml").write_text(own)
    Path("mine/r.toml").rename("r.toml" if words[0] != "run" else "mine/r.toml")
    if words[0] == "own":
        Path("r.toml").unlink()
    Path("photos").mkdir()
    write("photos/a.png", Picture(IMAGE))
    command = [*words, "photos", "-o", "out/", "--resume", "--json"]
    assert '"status": "ok"' in cli(*command).out
    assert '"status": "skipped"' in cli(*command).out
    Path("mine/k.csv").write_text("2,0,-2\n")
    assert '"status": "ok"' in cli(*command).out


def test_kernels_of_a_recipe_lie_beside_it(cli: Run) -> None:
    Path("mine/k.csv").write_text("0,-1,0\n-1,5,-1\n0,-1,0\n")
    Path("mine/crisp.toml").write_text('[[step]]\nfilter = "correlate"\nkernel = "k.csv"\n')
    assert cli("run", "mine/crisp.toml", "a.png", "-o", "b.png").code == 0
    np.testing.assert_array_equal(read("b.png").array, imgfilt.sharpen(IMAGE))


def test_errors_of_run(cli: Run) -> None:
    refused(cli("run"), 2, "Missing argument 'RECIPE'")
    refused(cli("run", "r.toml"), 2, "FILE")
    refused(cli("run", "gone.toml", "a.png"), 2, "gone.toml: No such file")
    for old, new, message in (
        ("sigma", "sgima", "r.toml:5: step 1: gaussian has no parameter 'sgima' (did you mean 'sigma'?)"),
        ('"sharpen"', '"sharpn"', "r.toml:7: step 2: unknown filter 'sharpn' (did you mean 'sharpen'"),
        ('"wrap"', '"warp"', "r.toml:2: border must be one of"),
        ("[output]", "[output", "r.toml:8: not TOML"),
        ("40", "400", "r.toml:9: quality: 400 is not in the range 1<=x<=100"),
        ("quality = 40", 'format = "jepg"', "r.toml:9: format: unknown format 'jepg'; there are jpeg, "),
        ("quality = 40", "bits = 9", "r.toml:9: bits: '9' is not one of '8', '16', '32'"),
        ('"sharpen"', '"correlate"\nkernel = "gone.npy"', "r.toml:8: step 2: correlate: kernel: there is no kernel"),
    ):  # fmt: skip
        Path("r.toml").write_text(RECIPE.replace(old, new))
        refused(cli("run", "r.toml", "a.png"), 2, message)
    assert not Path("a.r.png").exists()


@pytest.mark.parametrize("where", ["--filters", "configuration"])
def test_a_filter_of_ones_own(cli: Run, where: str) -> None:
    option = ["--filters", "mine"]
    if where == "configuration":
        Path("config/imgfilt").mkdir(parents=True)
        Path("mine").rename("config/imgfilt/filters")
        option = []
    Path("r.toml").write_text('[[step]]\nfilter = "glow"\nstrength = 0.2\n[[step]]\nfilter = "box"\n')
    assert cli("glow", *option, "--strength", "0.2", "a.png", "-o", "b.png").code == 0
    assert cli("apply", *option, "glow strength=0.2 | box", "a.png", "-o", "c.png").code == 0
    assert cli("run", *option, "r.toml", "a.png", "-o", "d.png").code == 0
    np.testing.assert_array_equal(imgfilt.box(read("b.png").array), read("c.png").array)
    np.testing.assert_array_equal(read("c.png").array, read("d.png").array)
    assert "glow" in cli(*option, "list").out
    assert "strength" in cli("show", "glow", *option).out
    assert "--strength" in cli(*option, "glow", "--help").out


def test_check(cli: Run) -> None:
    result = cli("check", "mine/glow.toml", "r.toml")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "mine/glow.toml: a filter: glow strength=0.4",
        "r.toml: a recipe: gaussian sigma=2.0 | sharpen",
    ]


def test_check_tells_all_that_is_wrong(cli: Run) -> None:
    wrong = GLOW.replace('"float"', '"real"').replace("help =", "hlep =").replace('"blur"', '"blurr"')
    Path("mine/glow.toml").write_text(wrong)
    Path("r.toml").write_text(RECIPE.replace("sigma = 2", "sigma = 'x'").replace("border", "bordr"))
    result = cli("check", "mine/glow.toml", "r.toml", "gone.toml")
    assert (result.code, result.out) == (1, "")
    lines = result.err.splitlines()
    assert [line.split(": ")[1].partition(":")[2] for line in lines] == ["2", "4", "6", "8", "2", "5", ""]
    assert "did you mean 'help'" in lines[3]
    assert "did you mean 'border'" in lines[4]
    records = [
        json.loads(line) for line in cli("check", "--json", "mine/glow.toml", "r.toml").out.splitlines()
    ]
    assert [record["status"] for record in records] == ["error", "error"]
    assert records[0]["errors"] == [line.removeprefix("imgfilt: ") for line in lines[:4]]


def test_check_uses_filters_of_ones_own(cli: Run) -> None:
    Path("r.toml").write_text('[[step]]\nfilter = "glow"\n')
    refused(cli("check", "r.toml"), 1, "r.toml:2: step 1: unknown filter 'glow'")
    for words in (["--filters", "mine", "check", "r.toml"], ["check", "--filters", "mine", "r.toml"]):
        assert cli(*words).out == "r.toml: a recipe: glow\n"


def test_check_knows_names_that_are_taken_and_graphs_without_a_plan(cli: Run) -> None:
    Path("a.toml").write_text(GLOW.replace('"glow"', '"apply"'))
    refused(cli("check", "a.toml"), 1, "the name 'apply' is that of a command")
    Path("a.toml").write_text(GLOW.replace('"strength"', '"quality"').replace("$strength", "$quality"))
    refused(
        cli("check", "a.toml"), 1, "the parameter 'quality' has the name of an option that all commands have"
    )
    Path("a.toml").write_text(GLOW.replace('"strength"', '"border"').replace("$strength", "$border"))
    refused(
        cli("check", "a.toml"), 1, "a.toml:5: param 1: the name 'border' is taken by what all filters have"
    )
    text = GLOW.replace('op = "convolve"', 'op = "median"\nsize = 3').replace("kernel =", "# ")
    Path("a.toml").write_text(text)
    refused(cli("check", "a.toml"), 1, "median cannot be combined with the image it came from")


def test_every_command_is_in_the_help(cli: Run) -> None:
    out = cli("--help").out
    for name, (_, summary) in COMMANDS.items():
        assert f"  {name} " in out
        assert summary.split(".")[0][:20] in out


def test_chains_and_recipes_are_explained(cli: Run) -> None:
    for what in ("gaussian sigma=2 | sharpen", "r.toml"):
        out = cli("explain", what, "a.png").out
        assert out.startswith("gaussian sigma=2.0 | sharpen")
        assert ("(float32 between the steps)" in out) == (what == "r.toml")
    plans = [
        json.loads(cli("explain", "r.toml", "a.png", "--json", *more).out)
        for more in ([], ["--border", "reflect"])
    ]
    assert [plan["border"] for plan in plans] == ["wrap", "reflect"]
    assert json.loads(cli("explain", "gaussian", "a.png", "sigma=3", "--json").out)["border"] == "reflect101"
    refused(cli("explain", "box | sobl", "a.png"), 2, "step 2: unknown filter 'sobl'", "(column 7)")
    refused(
        cli("explain", "box size=3", "a.png", "size=5"),
        2,
        "'size=5': the parameters of a chain are in its text",
    )
    refused(cli("explain", "gone.toml", "a.png"), 2, "gone.toml: No such file")
