"""The JSON schemas in docs/: current, and of the same opinion as the code."""

import json
import runpy
import tomllib
from pathlib import Path

import pytest

from imgfilt.catalog import builtin, filters_dir, problems
from imgfilt.recipes import recipe_problems

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="a wheel's tests have no docs beside them")


@pytest.fixture(scope="module")
def accepts():
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema")
    schemas = {kind: json.loads((DOCS / f"{kind}.schema.json").read_text()) for kind in ("filter", "recipe")}
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    validators = {kind: jsonschema.Draft202012Validator(schema) for kind, schema in schemas.items()}
    return lambda kind, data: validators[kind].is_valid(data)


def test_they_are_up_to_date():
    for name, text in runpy.run_path(str(DOCS / "make_schemas.py"))["schemas"]().items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, "run python docs/make_schemas.py"


def test_every_filter_of_the_catalogue_is_accepted(accepts):
    files = sorted(Path(filters_dir()).glob("*.toml"))
    assert len(files) == len(builtin())
    for file in files:
        assert accepts("filter", tomllib.loads(file.read_text(encoding="utf-8"))), file


FILTER = """name = "own"
family = "edges"
summary = "A test"
[[param]]
name = "sigma"
kind = "float"
default = 2
help = "how soft"
[[node]]
op = "convolve"
name = "soft"
kernel = { generator = "gaussian", sigma = "$sigma" }
[[node]]
op = "combine"
inputs = ["source", "soft"]
weights = [1, -1]
"""


@pytest.mark.parametrize(
    ("old", "new", "right"),
    [
        ("", "", True),
        ('{ generator = "gaussian", sigma = "$sigma" }', "[[1, 2], [3, 4]]", True),
        ('{ generator = "gaussian", sigma = "$sigma" }', '"3x3: 1,1,1 1,1,1 1,1,1"', True),
        ("default = 2", "default = 2\nminimum = 0\nexclusive_minimum = true", True),
        ('weights = [1, -1]', 'weights = [1, "-$sigma"]\nbias = "mid"\nwhen = { sigma = { above = 1 } }', True),
        ('name = "own"', 'name = "Own"', False),
        ('summary = "A test"', "", False),
        ('"edges"', '"edge"', False),
        ("summary", "sumary", False),
        ('"float"', '"real"', False),
        ('help = "how soft"', "help = 3", False),
        ('op = "combine"', 'op = "combin"', False),
        ("weights", "wieghts", False),
        ("sigma =", "sgima =", False),
        ('"gaussian"', '"gausian"', False),
        ('kernel = { generator = "gaussian", sigma = "$sigma" }', "", False),
        ('{ generator = "gaussian", sigma = "$sigma" }', '{ file = 3 }', False),
        ('["source", "soft"]', "[]", False),
    ],
)  # fmt: skip
def test_filters_are_right_or_wrong_as_the_code_says(accepts, tmp_path, old, new, right):
    text = FILTER.replace(old, new, 1)
    (tmp_path / "own.toml").write_text(text)
    assert (not problems(tmp_path / "own.toml")) == right
    assert accepts("filter", tomllib.loads(text)) == right


RECIPE = """summary = "A test"
precision = "float"
border = "wrap"
[[step]]
filter = "gaussian"
sigma = 2
[[step]]
filter = "correlate"
kernel = [[1, 2], [3, 4]]
[output]
quality = 90
bits = 16
"""


@pytest.mark.parametrize(
    ("old", "new", "right"),
    [
        ("", "", True),
        ("[[1, 2], [3, 4]]", '"0 -1 0; -1 5 -1; 0 -1 0"', True),
        ('"gaussian"\nsigma = 2', '"sobel"\naxis = "x"', True),
        ("bits = 16", 'folder = "out"\nname = "{stem}{ext}"', True),
        ('"wrap"', '"warp"', False),
        ("border", "bordr", False),
        ('"float"', '"double"', False),
        ("sigma", "sgima", False),
        ("sigma = 2", "sigma = -2", False),
        ("sigma = 2", 'sigma = "2"', False),
        ('"gaussian"\nsigma = 2', '"sobel"\naxis = "z"', False),
        ('filter = "gaussian"', "", False),
        ("kernel = [[1, 2], [3, 4]]", "", False),
        ("quality", "qualty", False),
        ("quality = 90", 'quality = "90"', False),
    ],
)
def test_recipes_are_right_or_wrong_as_the_code_says(accepts, tmp_path, old, new, right):
    text = RECIPE.replace(old, new, 1)
    (tmp_path / "r.toml").write_text(text)
    assert (not recipe_problems(tmp_path / "r.toml", builtin())) == right
    assert accepts("recipe", tomllib.loads(text)) == right
