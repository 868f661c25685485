"""Recipes: what they mean, and where they are wrong. Functions of files."""

import inspect

import numpy as np
import pytest

import imgfilt
from imgfilt.catalog import CatalogError, builtin, known, load_dir
from imgfilt.functions import load
from imgfilt.recipes import RecipeError, is_recipe, load_recipe, recipe_problems

IMAGE = np.random.default_rng(7).integers(0, 256, (48, 64, 3), dtype=np.uint8)
RECIPE = """# soft edges
summary = "Soft edges"
precision = "float"
border = "replicate"

[[step]]
filter = "gaussian"  # softer first
sigma = 2

[[step]]
filter = "correlate"
kernel = "k.mat"
bias = 3

[output]
quality = 95
"""
GLOW = """
name = "glow"
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
OWN = 'name = "own"\nfamily = "edges"\ncolor = "each"\nsummary = "A test"\n[[node]]\nop = "convolve"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "k.mat").write_text("3 3 1 10\n0 -1 0\n-1 4 -1\n0 -1 0\n")
    return tmp_path


def written(folder, text, name="soft-edges.toml"):
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_recipe(folder):
    recipe = load_recipe(written(folder, RECIPE), builtin())
    assert [stage.title for stage in recipe.stages] == ["gaussian sigma=2.0", "correlate bias=13.0"]
    assert recipe.keywords == {"precision": "float", "border": "replicate"}
    assert recipe.output == {"quality": 95}
    assert (recipe.name, recipe.summary) == ("soft-edges", "Soft edges")


def test_kernels_may_be_written_out(folder):
    text = '[[step]]\nfilter = "convolve"\nkernel = [[0, 1], [2, 3]]\nnormalize = true\n'
    got = load(written(folder, text))(IMAGE)
    np.testing.assert_array_equal(got, imgfilt.convolve(IMAGE, np.array([[0, 1], [2, 3]]) / 6))


def test_a_recipes_function_is_its_pipeline(folder, monkeypatch):
    function = load(written(folder, RECIPE))
    monkeypatch.chdir(folder)
    text = "gaussian sigma=2 | correlate kernel=k.mat bias=3"
    want = imgfilt.apply(text, IMAGE, precision="float", border="replicate")
    np.testing.assert_array_equal(function(IMAGE), want)
    out = np.empty_like(IMAGE)
    assert function(IMAGE, out=out, threads=1) is out
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(
        function(IMAGE, border="wrap", precision="image"), imgfilt.apply(text, IMAGE, border="wrap")
    )
    assert inspect.signature(function).parameters["border"].default == "replicate"
    assert "gaussian sigma=2.0 | correlate" in function.__doc__
    with pytest.raises(TypeError, match="has no keyword 'bordre'"):
        function(IMAGE, bordre="wrap")


def test_what_is_a_recipe():
    assert is_recipe({"step": []})
    assert is_recipe({"output": {}})
    assert not is_recipe({"node": []})
    assert not is_recipe({"name": "x"})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('summary = "Soft edges"', "summary = Soft", ":2: not TOML: Invalid value (at line 2, column 11)"),
        ('summary = "Soft edges"', "summary = 3", ":2: summary must be a string, got 3"),
        ("border =", "bordr =", ":4: unknown key 'bordr' (did you mean 'border'?); known are summary, "),
        ('"replicate"', '"replicat"', ":4: border must be one of reflect101, "),
        ('"replicate"', "1", ":4: border must be a string, got 1"),
        ('"float"', '"flaot"', ":3: precision must be one of image, float, got 'flaot' (did you mean 'float'?)"),
        ('"float"', '"float"\ncval = true', ":4: cval must be a number, got True"),
        ('"float"', '"float"\nlinear_light = 1', ":4: linear_light must be true or false, got 1"),
        ('"gaussian"', '"gausian"', ":7: step 1: unknown filter 'gausian' (did you mean 'gaussian'?)"),
        ('filter = "gaussian"', "", ":6: step 1: the key 'filter' is missing: the name of a filter"),
        ('filter = "gaussian"', "filter = 3", ":7: step 1: filter must be a filter's name, got 3"),
        ("sigma = 2", "sgima = 2", ":8: step 1: gaussian has no parameter 'sgima' (did you mean 'sigma'?)"),
        ("sigma = 2", "sigma = -2", ":8: step 1: gaussian: sigma must be a number from 0 to 500 (px), got -2"),
        ("sigma = 2", 'sigma = "2"', ":8: step 1: gaussian: sigma must be a number from 0 to 500 (px), got '2'"),
        ("sigma = 2", "sigma = [2]", ":8: step 1: gaussian: sigma must be a number"),
        ("k.mat", "gone.mat", ":12: step 2: correlate: kernel: there is no kernel file '"),
        ('"k.mat"', "[[1], [1, 2]]", ":12: step 2: kernel rows must all have the same length"),
        ('"k.mat"', "3", ":12: step 2: kernel must be 2-D"),
        ('kernel = "k.mat"', "", ":11: step 2: correlate needs a kernel"),
        ("bias = 3", 'bias = "3"', ":13: step 2: correlate: bias must be a number, got '3'"),
        ("bias = 3", "normalize = 3", ":13: step 2: correlate: normalize must be true or false, got 3"),
        ("quality = 95", "qualty = 95", ":16: [output] has no key 'qualty' (did you mean 'quality'?); it has"),
        ("quality = 95", 'quality = "95"', ":16: quality must be a whole number, got '95'"),
        ("quality = 95", "quality = true", ":16: quality must be a whole number, got True"),
        ("[output]\nquality = 95", "[[output]]", ":15: output must be written as an [output] table, got [{}]"),
        ("[[step]]", "[step]", "not TOML"),
    ],
)  # fmt: skip
def test_errors_name_the_line_the_step_and_the_key(folder, old, new, message):
    path = written(folder, RECIPE.replace(old, new, 1))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, builtin())
    assert str(caught.value).startswith(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[output]\n", "step = 3\n", "step = []\n", "[step]\nfilter = 'box'\n"])
def test_a_recipe_has_steps(folder, text):
    with pytest.raises(RecipeError, match=r"a recipe needs its steps written as \[\[step\]\] tables"):
        load_recipe(written(folder, text), builtin())


def test_all_problems_are_told_by_line(folder):
    text = RECIPE.replace("border", "bordr").replace('"gaussian"', '"box"').replace("95", "'x'")
    found = recipe_problems(written(folder, text), builtin())
    assert [line.split(":")[1] for line in found] == ["4", "8", "16"]
    assert recipe_problems(written(folder, RECIPE), builtin()) == []
    assert "No such file" in recipe_problems(folder / "gone.toml", builtin())[0]


# --- filters of one's own -----------------------------------------------------------------------------------


@pytest.fixture
def forgotten():
    """What a test loads is gone after it."""
    import imgfilt.catalog as catalog

    before = set(vars(imgfilt))
    yield
    catalog._loaded.clear()
    for name in set(vars(imgfilt)) - before:
        delattr(imgfilt, name)


def test_a_loaded_filter_is_a_function_a_name_and_a_step(folder, forgotten):
    glow = load(written(folder, GLOW, "glow.toml"))
    want = np.minimum(IMAGE + 0.4 * imgfilt.gaussian(IMAGE, sigma=3, dtype="float32"), 255)
    got = glow(IMAGE)
    assert np.abs(got - want).max() <= 0.51
    np.testing.assert_array_equal(imgfilt.glow(IMAGE, strength=0.4), got)
    np.testing.assert_array_equal(imgfilt.apply("glow | sobel", IMAGE), imgfilt.sobel(got))
    assert "glow" in imgfilt.filters()
    assert "glow" in known()
    assert "glow" not in builtin()
    recipe = load(written(folder, '[[step]]\nfilter = "glow"\nstrength = 1\n', "r.toml"))
    np.testing.assert_array_equal(recipe(IMAGE), glow(IMAGE, strength=1))
    with pytest.raises(ValueError, match="glow has no parameter 'strenght'"):
        glow(IMAGE, strenght=1)


def test_loading_again_takes_the_place(folder, forgotten):
    first = load(written(folder, GLOW, "glow.toml"))(IMAGE)
    load(written(folder, GLOW.replace("0.4", "0.0"), "glow.toml"))
    np.testing.assert_array_equal(imgfilt.glow(IMAGE), IMAGE)
    np.testing.assert_array_equal(imgfilt.apply("glow", IMAGE), IMAGE)
    assert not np.array_equal(first, IMAGE)


@pytest.mark.parametrize("name", ["sobel", "apply", "kernel"])
def test_own_names_stay(folder, forgotten, name):
    with pytest.raises(ValueError, match=f"the name '{name}' is one of imgfilt's own"):
        load(written(folder, GLOW.replace('"glow"', f'"{name}"')))


def test_load_reports_what_is_wrong(folder):
    with pytest.raises(CatalogError, match=r"glow.toml:8: param 1: default: glow: strength must be a number"):
        load(written(folder, GLOW.replace("0.4", '"much"'), "glow.toml"))
    with pytest.raises(CatalogError, match="No such file"):
        load(folder / "gone.toml")


@pytest.mark.parametrize("kernel", ['{ file = "k.mat" }', '"k.mat"', '"3x3: 0,-1,0 -1,4,-1 0,-1,0"'])
def test_kernels_of_a_filter_are_files_beside_it(folder, kernel):
    text = f"{OWN}kernel = {kernel}\n"
    written(folder, text, "own.toml")
    got = imgfilt.apply_filter(load_dir(folder)["own"], IMAGE)
    bias = 0 if "3x3" in kernel else 10
    np.testing.assert_array_equal(
        got, imgfilt.correlate(IMAGE, [[0, -1, 0], [-1, 4, -1], [0, -1, 0]], bias=bias)
    )


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ('{ file = "gone.npy" }', "own.toml:7: node 1: kernel: there is no kernel file '"),
        ('{ file = 3 }', "own.toml:7: node 1: kernel: file must be a name in quotes, got 3"),
        ('{ file = "k.mat", size = 3 }', "own.toml:7: node 1: kernel: a file of weights has no other keys, got"),
        ('{ file = "own.toml" }', "own.toml:7: node 1: kernel: '"),
        ('"3x3: 1"', "own.toml:7: node 1: kernel: '3x3:' needs 9 weights, 1 are given"),
    ],
)  # fmt: skip
def test_wrong_kernels_of_a_filter(folder, kernel, message):
    text = f"{OWN}kernel = {kernel}\n"
    with pytest.raises(CatalogError) as caught:
        load(written(folder, text, "own.toml"))
    assert message in str(caught.value)
