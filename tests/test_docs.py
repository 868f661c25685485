"""The pages: every command and every Python example in them runs as it is written, from the checkout.

`sh` blocks and `python` blocks are run, in order and in one folder for each page, with the samples in it; of
`console` blocks each `$` line is run and must print the lines after it, where ... stands for anything; `bash` blocks
install things or take minutes and are not run. A block after `<!-- file: NAME -->` is that file.
"""

import inspect
import os
import platform
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import imgfilt
from imgfilt.build import OPERATIONS
from imgfilt.catalog import PARAM_TYPES, STRINGS, builtin
from imgfilt.cli import main
from imgfilt.generators import GENERATORS
from imgfilt.params import KINDS
from imgfilt.recipes import KEYWORDS, OUTPUT_KEYS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
pytestmark = pytest.mark.skipif(not PAGES[0].exists(), reason="a wheel's tests have no pages beside them")

_BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.S | re.M)
_COMMANDS = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.skipif(shutil.which("bash") is None, reason="the commands are for a POSIX shell")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_run(page, tmp_path):
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        command = _COMMANDS.get(block["kind"])
        if "IMGFILT_ISA=" in block["text"] and platform.machine() not in ("x86_64", "AMD64"):
            continue
        if block["file"]:
            file = tmp_path / block["file"]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block["text"], encoding="utf-8")
        elif block["kind"] == "console":
            for line, printed in _asked(block["text"]):
                done = _run(["bash", "-c", f"{line} 2>&1"], tmp_path, env)
                wanted = ".*".join(re.escape(part) for part in printed.split("..."))
                assert re.fullmatch(wanted, done.stdout), f"{line}\n{done.stdout}"
        elif command is not None:
            done = _run([*command, block["text"]], tmp_path, env)
            assert done.returncode == 0, f"{block['text']}\n{done.stderr}"


def _run(words, folder, env):
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)


def _asked(text):
    """(command, what it prints) for each $ line of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        line, _, printed = part.partition("\n")
        yield line, printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_command_hides_in_a_block_that_is_not_run(page):
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        kind = block["kind"]
        assert kind in (*_COMMANDS, "console", "bash", "toml", "text"), kind
        assert kind != "toml" or block["file"], block["text"]
        assert kind != "text" or not re.search(r"^(\$ |imgfilt )", block["text"], re.M), block["text"]
        assert kind != "bash" or re.search(r"pip install|imgfilt bench|--watch", block["text"]), block["text"]


@pytest.mark.parametrize("name", imgfilt.filters())
def test_the_example_of_each_filter_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "samples" / "landscape.jpg", "photo.jpg")
    words = shlex.split(builtin()[name].example)
    assert words[:2] == ["imgfilt", name]
    assert main([*words[1:], "-q"]) == 0
    assert len(os.listdir()) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_page_of_filters_is_up_to_date():
    made = runpy.run_path(str(ROOT / "docs" / "make_filters.py"))["page"]()
    assert (ROOT / "docs" / "filters.md").read_text(encoding="utf-8") == made, (
        "run python docs/make_filters.py"
    )


def test_the_format_page_has_every_operation_key_and_generator():
    page = (ROOT / "docs" / "filters-format.md").read_text(encoding="utf-8")
    for op, (fields, _) in OPERATIONS.items():
        row = next((line for line in page.splitlines() if line.startswith(f"| `{op}` |")), "")
        assert set(re.findall(r"`(\w+)`", row.split("|")[2])) == {field.rstrip("*") for field in fields}, op
    listed = re.search(r"^- Generators: (.*?)\n\n", page, re.S | re.M)[1]
    for name, generator in GENERATORS.items():
        arguments = [a for a in inspect.signature(generator).parameters if a != "dtype"]
        words = re.search(rf"`{name}`\s\(([^)]*)\)", listed)[1]
        assert words.replace(",", " ").split() == arguments, name
    for key in (*STRINGS, *PARAM_TYPES, *KINDS):
        assert f"`{key}`" in page, key


def test_the_recipes_page_has_every_key():
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    for key in (*KEYWORDS, *OUTPUT_KEYS):
        assert f"`{key}`" in page, key
