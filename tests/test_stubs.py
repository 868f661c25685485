"""The types that editors and type checkers see: current, complete, and what mypy makes of calls."""

import ast
import inspect
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import imgfilt

ROOT = Path(__file__).parent.parent
STUB = Path(imgfilt.__file__).with_suffix(".pyi")


@pytest.mark.skipif(not (ROOT / "docs").exists(), reason="a wheel's tests have no docs beside them")
def test_the_stub_is_up_to_date():
    made = runpy.run_path(str(ROOT / "docs" / "make_stubs.py"))["stub"]()
    assert STUB.read_text(encoding="utf-8") == made, "run python docs/make_stubs.py"


def test_the_stub_has_every_public_name_and_the_package_is_typed():
    assert STUB.with_name("py.typed").exists()
    tree = ast.parse(STUB.read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    imported = {
        a.asname for node in tree.body if isinstance(node, ast.ImportFrom) for a in node.names if a.asname
    }
    assert functions == {
        name for name in imgfilt.filters() if name in vars(imgfilt) or hasattr(imgfilt, name)
    }
    assert imported == set(imgfilt.__all__)


def test_the_stub_and_the_functions_have_the_same_keywords():
    tree = ast.parse(STUB.read_text(encoding="utf-8"))
    common = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "_Common")
    shared = [n.target.id for n in common.body if isinstance(n, ast.AnnAssign)]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            real = list(inspect.signature(getattr(imgfilt, node.name)).parameters)
            assert ["image", *(a.arg for a in node.args.kwonlyargs), *shared] == real, node.name


CALLS = """
import numpy as np
from numpy.typing import NDArray
from typing import Any
from PIL import Image
import imgfilt

x = np.zeros((8, 8), np.uint8)
picture = Image.new("L", (8, 8))
a: NDArray[Any] = imgfilt.gaussian(x, sigma=2.0)
a = imgfilt.sobel(x, axis="x", color="each", dtype="int16", border="wrap", threads=2, out=x)
a = imgfilt.box([[1, 2], [3, 4]], size=3)
b: Image.Image = imgfilt.gaussian(picture, sigma=2)
imgfilt.apply("gaussian sigma=2 | sobel", x, precision="float")
imgfilt.gaussian(x, sgima=2.0)  # wrong: no such keyword
imgfilt.gaussian(x, sigma="2")  # wrong: not a number
imgfilt.sobel(x, axis="z")  # wrong: no such choice
imgfilt.sobel(x, border="wrapp")  # wrong: no such border
imgfilt.gaussian(x, 2.0)  # wrong: parameters are keywords
imgfilt.sobbel(x)  # wrong: no such filter
imgfilt.apply("sobel")  # wrong: no image
c: int = imgfilt.box(x)  # wrong: an array
"""


def test_mypy_accepts_right_calls_and_rejects_wrong_ones(tmp_path):
    pytest.importorskip("mypy", reason="needs mypy")
    (tmp_path / "calls.py").write_text(CALLS, encoding="utf-8")
    folder = Path(imgfilt.__file__).parent.parent
    environment = dict(os.environ)
    if folder.name != "site-packages":  # there mypy finds it by itself, and wants no other word of it
        environment["MYPYPATH"] = str(folder)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path / "c"),
         "--no-error-summary", "calls.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )  # fmt: skip
    told = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    wrong = {n for n, line in enumerate(CALLS.splitlines(), 1) if "# wrong" in line}
    assert told == wrong, done.stdout + done.stderr
