"""The pages: every command and every Python example in them runs as it is written, from the checkout.

`sh` blocks and `python` blocks are run, in order and in one folder for each page, with the samples in it;
`bash` blocks install things or take minutes and are not. A block after `<!-- file: NAME -->` is that file.
"""

import os
import platform
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
pytestmark = pytest.mark.skipif(not PAGES[0].exists(), reason="a wheel's tests have no pages beside them")

_BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.S | re.M)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.skipif(shutil.which("bash") is None, reason="the commands are for a POSIX shell")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_run(page, tmp_path):
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        command = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}.get(
            block["kind"]
        )
        if "IMGFILT_ISA=" in block["text"] and platform.machine() not in ("x86_64", "AMD64"):
            continue
        if block["file"]:
            file = tmp_path / block["file"]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block["text"], encoding="utf-8")
        elif command is not None:
            done = subprocess.run(
                [*command, block["text"]],
                cwd=tmp_path,
                env=os.environ | {"PATH": path},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{block['text']}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_page_of_filters_is_up_to_date():
    made = runpy.run_path(str(ROOT / "docs" / "make_filters.py"))["page"]()
    assert (ROOT / "docs" / "filters.md").read_text(encoding="utf-8") == made, (
        "run python docs/make_filters.py"
    )
