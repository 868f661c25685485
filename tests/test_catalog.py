"""The catalogue, a user's own files, and the graphs that they become."""

import subprocess
import sys

import numpy as np
import pytest

from imgfilt import build, graph
from imgfilt.catalog import (
    CatalogError,
    UnknownFilterError,
    builtin,
    builtin_filter,
    filters_dir,
    find,
    load,
    load_dir,
)
from imgfilt.kernel import Kernel, facts
from imgfilt.params import ParameterError, from_text, validate

EXPECTED = """bilateral box canny difference_of_gaussians emboss frei_chen gabor gaussian high_pass identity
kirsch laplacian laplacian_of_gaussian median motion prewitt roberts robinson scharr
sharpen sobel unsharp_mask"""


def graph_of(name, *, dtype="uint8", channels=1, color=None, **params):
    return build.build(builtin()[name], params, dtype=dtype, channels=channels, color=color)


# --- the built-in filters -----------------------------------------------------------------------------------


def test_the_catalogue_is_complete():
    assert list(builtin()) == EXPECTED.split()
    assert builtin() is builtin()


@pytest.mark.parametrize("name", EXPECTED.split())
@pytest.mark.parametrize("dtype", list(build.MIDDLE))
def test_every_filter_has_a_graph_of_row_program_nodes(name, dtype):
    spec = builtin()[name]
    assert spec.summary
    assert spec.example.startswith(f"imgfilt {name} ")
    assert spec.color == ("luma" if spec.family == "edges" else "each")
    assert spec.rounding == ("half_up" if name == "gaussian" else "half_even")
    root = graph_of(name, dtype=dtype, channels=3)
    nodes = list(graph.walk(root))
    assert graph.Source() in nodes
    assert (graph.Luma(graph.Source()) in nodes) == (spec.family == "edges")
    assert not isinstance(root, graph.Round)
    own = {"median": graph.Median, "bilateral": graph.Bilateral, "canny": graph.Canny}
    fused = (
        graph.Source,
        graph.Luma,
        graph.Convolve,
        graph.Magnitude,
        graph.Maximum,
        graph.Combine,
        graph.Sharpen,
    )
    assert isinstance(root, own.get(name, fused))
    assert hash(root) == hash(graph_of(name, dtype=dtype, channels=3))


@pytest.mark.parametrize("name", ["sobel", "scharr", "prewitt", "roberts", "frei_chen"])
def test_axes(name):
    both = graph_of(name)
    x, y = graph_of(name, axis="x"), graph_of(name, axis="y")
    assert both == graph.Magnitude((x, y))
    assert isinstance(x, graph.Convolve)
    assert x.input == graph.Source()
    mirrored = x.kernel.weights.T if name != "roberts" else x.kernel.weights[:, ::-1]
    assert np.array_equal(y.kernel.weights, mirrored)
    assert facts(x.kernel).zero_sum


@pytest.mark.parametrize(("name", "size"), [("sobel", 3), ("scharr", -1)])
def test_gradients_are_opencvs(name, size):
    import cv2

    for axis, order in (("x", (1, 0)), ("y", (0, 1))):
        row, column = cv2.getDerivKernels(*order, size)
        assert np.array_equal(graph_of(name, axis=axis).kernel.weights, np.outer(column, row))


def test_compass_filters_turn_one_kernel():
    for name, count in (("kirsch", 8), ("robinson", 4)):
        root = graph_of(name)
        assert isinstance(root, graph.Maximum)
        assert root.absolute == (name == "robinson")
        kernels = {i.kernel for i in root.inputs if isinstance(i, graph.Convolve)}
        assert len(kernels) == count
        for k in kernels:
            quarter = Kernel.of(np.rot90(k.weights))
            assert quarter in kernels or Kernel.of(-quarter.weights) in kernels
            assert facts(k).zero_sum


def test_middle_gray():
    for dtype, middle in (("uint8", 128), ("uint16", 32768), ("int16", 0), ("float32", 0.5)):
        for name in ("emboss", "high_pass"):
            assert graph_of(name, dtype=dtype).bias == middle


def test_fine_minus_coarse():
    dog = graph_of("difference_of_gaussians", sigma_low=1, sigma_high=2, show="response")
    fine, coarse = (graph_of("gaussian", sigma=s) for s in (1, 2))
    assert dog == graph.Combine((fine, coarse), (1.0, -1.0))
    edges = graph_of("difference_of_gaussians", sigma_low=1, sigma_high=2)
    assert isinstance(edges, graph.Combine)
    assert edges.absolute
    assert edges.weights[0] == -edges.weights[1] > 1
    assert graph_of("unsharp_mask", sigma=2, amount=1.5, threshold=3) == graph.Sharpen(
        graph.Source(), coarse, 1.5, 3.0
    )


def test_canny_blurs_and_rounds_only_with_sigma():
    assert graph_of("canny") == graph.Canny(graph.Source(), 100, 200)
    blurred = graph.Round(graph_of("gaussian", sigma=1.4, channels=3, color="luma"), "uint8", "half_up")
    assert graph_of("canny", sigma=1.4, low=5, channels=3) == graph.Canny(blurred, 5, 200)


@pytest.mark.parametrize(("channels", "wrapped"), [(1, False), (2, True), (3, True), (4, True), (5, False)])
def test_luma_is_for_2_to_4_channels(channels, wrapped):
    assert (graph_of("sobel", channels=channels).inputs[0].input == graph.Luma(graph.Source())) == wrapped
    assert graph_of("sobel", channels=channels, color="each") == graph_of("sobel")


def test_every_example_is_a_command_that_the_spec_allows():
    for spec in builtin().values():
        words = iter(spec.example.split()[2:])
        for word in words:
            if word.startswith("--"):
                p = spec.param(word[2:].replace("-", "_"))
                from_text(spec, p, next(words))


def test_one_filter_is_read_alone():
    for name in EXPECTED.split():
        assert builtin_filter(name) == builtin()[name]
    assert builtin_filter("unsharp-mask").name == "unsharp_mask"
    for name in ("sobl", "../filters/sobel", ""):
        with pytest.raises(UnknownFilterError):
            builtin_filter(name)


def test_finding_a_filter():
    assert find("unsharp-mask", builtin()).name == "unsharp_mask"
    with pytest.raises(UnknownFilterError, match="unknown filter 'sobl' \\(did you mean 'sobel'"):
        find("sobl", builtin())


def test_reading_the_catalogue_loads_nothing_heavy():
    code = (
        "import sys; from imgfilt.catalog import builtin; from imgfilt.build import build\n"
        "build(builtin()['sobel'], {}, dtype='uint8', channels=3)\n"
        "print([m for m in ('scipy', 'PIL', 'click', 'pathlib', 'inspect', 'difflib') if m in sys.modules])"
    )
    before = "import sys, numpy; print([m for m in ('pathlib', 'inspect', 'difflib') if m in sys.modules])"
    run = [
        subprocess.run([sys.executable, "-P", "-c", c], capture_output=True, text=True, check=True)
        for c in (before, code)
    ]
    assert run[0].stdout == run[1].stdout


# --- parameters ---------------------------------------------------------------------------------------------


def test_defaults_are_filled_in_and_numbers_converted():
    spec = builtin()["unsharp_mask"]
    assert validate(spec, {"sigma": np.float32(2), "amount": None}) == {
        "sigma": 2.0,
        "amount": 1.0,
        "threshold": 0.0,
    }
    assert validate(builtin()["median"], {"size": np.int64(5)}) == {"size": 5}
    assert validate(builtin()["gaussian"], {}) == {"sigma": None, "size": None, "accuracy": 0.0}


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("gaussian", {"sigma": -1}, "gaussian: sigma must be a number from 0 to 500 (px), got -1"),
        ("gaussian", {"sigma": "2"}, "sigma must be a number from 0 to 500 (px), got '2'"),
        ("gaussian", {"sigma": float("inf")}, "got inf"),
        ("gaussian", {"sigma": [1, 2]}, "got [1, 2]"),
        ("gaussian", {"sigma": True}, "got True"),
        ("gaussian", {"size": 4}, "gaussian: size must be an odd integer from 1 to 4095 (px), got 4"),
        ("gaussian", {"size": 3.5}, "got 3.5"),
        ("gaussian", {"size": -3}, "got -3"),
        ("gaussian", {"sigma": 0}, "gaussian: sigma must be greater than 0 where no size is given, got 0.0"),
        ("unsharp_mask", {"sigma": 0}, "sigma must be a number greater than 0 and at most 500 (px), got 0"),
        ("bilateral", {"sigma_color": 0}, "sigma_color must be a number greater than 0, got 0"),
        ("canny", {"low": -1}, "low must be a number from 0 up, got -1"),
        ("sobel", {"axis": "z"}, "sobel: axis must be one of both, x, y, got 'z'"),
        ("sobel", {"axes": "x"}, "sobel has no parameter 'axes' (did you mean 'axis'?); it has axis"),
        ("gabor", {"gamma": 0.01, "sigma": 500}, "sigma 500.0 needs a kernel of 300001 x 300001"),
    ],
)
def test_bad_parameters_are_quoted_in_one_line(name, params, message):
    with pytest.raises(ParameterError) as caught:
        graph_of(name, **params)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_dtype_and_color():
    with pytest.raises(ValueError, match=r"dtype must be one of uint8, .*, got 'complex64'"):
        graph_of("sobel", dtype="complex64")
    with pytest.raises(ValueError, match="color must be 'luma' or 'each', got 'gray'"):
        graph_of("sobel", color="gray")


# --- a user's own files -------------------------------------------------------------------------------------

MINE = """
name = "mine"
family = "edges"
summary = "A test"

[[param]]
name = "amount"
kind = "float"
default = 2
help = "how much"

[[param]]
name = "taps"
kind = "weights"
default = [[1, 2, 1]]
help = "any kernel"

[[param]]
name = "full"
kind = "bool"
default = true
help = "both nodes"

[[node]]
op = "convolve"
name = "first"
kernel = "$taps"

[[node]]
op = "convolve"
kernel = [["-$amount", 0, "$amount"]]
when = { full = true }
"""


def written(tmp_path, text, name="mine.toml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_users_filter(tmp_path):
    spec = load(written(tmp_path, MINE))
    first = graph.Convolve(graph.Source(), Kernel.of([[1, 2, 1]]))
    assert build.build(spec, {}, dtype="uint8", channels=3) == graph.Convolve(first, Kernel.of([[-2, 0, 2]]))
    taps = from_text(spec, spec.param("taps"), "0 -1 0; -1,5,-1; 0 -1 0")
    full = from_text(spec, spec.param("full"), "no")
    node = build.build(spec, {"taps": taps, "full": full}, dtype="uint8", channels=1)
    assert node == graph.Convolve(graph.Source(), Kernel.of([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]))
    with pytest.raises(ParameterError, match="mine: taps: row 2 has 1 numbers, row 1 has 2"):
        from_text(spec, spec.param("taps"), "1 2; 3")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', "name = mine", r"mine.toml:2: not TOML: Invalid value \(at line 2, column 8\)"),
        (
            'name = "mine"',
            'name = "My Filter"',
            "mine.toml:2: name must be lower-case letters, digits and _, got 'My",
        ),
        ('summary = "A test"', "", "mine.toml: the key 'summary' is missing"),
        ('summary = "A test"', "summary = 3", "summary must be a string, got 3"),
        ('family = "edges"', 'family = "edge"', "family must be one of blur, sharpen, .*, got 'edge'"),
        ('family = "edges"', 'famly = "edges"', "unknown key 'famly' \\(did you mean 'family'"),
        (
            'kind = "float"',
            'kind = "real"',
            "mine.toml:8: param 1: kind must be one of float, .*, got 'real'",
        ),
        ('help = "how much"', "", "mine.toml:6: param 1: the key 'help' is missing"),
        ('help = "how much"', "help = 3", "mine.toml:10: param 1: help has a wrong type, got 3"),
        (
            "default = 2",
            'default = "a"',
            "mine.toml:9: param 1: default: mine: amount must be a number, got 'a'",
        ),
        ('name = "taps"', 'name = "amount"', "mine.toml:13: param 2: the name 'amount' is there twice"),
        ("default = true", "choices = ['a']", "mine.toml:21: param 3: choices belong to kind 'choice'"),
        (
            'op = "convolve"',
            'op = "convole"',
            "mine.toml:25: node 1: op must be one of convolve, .*, got 'convole'",
        ),
        (
            'kernel = "$taps"',
            'kernl = "$taps"',
            "mine.toml:27: node 1: convolve has no key 'kernl' \\(did you mean",
        ),
        ('kernel = "$taps"', "", "mine.toml:25: node 1: convolve needs the key 'kernel'"),
        (
            'kernel = "$taps"',
            'kernel = "$tap"',
            "mine.toml:27: node 1: there is no parameter 'tap' \\(did you mean",
        ),
        (
            'kernel = "$taps"',
            "kernel = [[1], [1, 2]]",
            "mine.toml:27: node 1: kernel rows must all have the same",
        ),
        (
            'kernel = "$taps"',
            'kernel = { generator = "gauss" }',
            "node 1: kernel: generator must be one of gaussian",
        ),
        (
            'kernel = "$taps"',
            'kernel = { generator = "box", sise = 3 }',
            "kernel: box has no parameter 'sise'",
        ),
        (
            'name = "first"',
            'name = "first"\ninput = "zeroth"',
            "node 1: input: no node before has the name 'zeroth'",
        ),
        ('name = "first"', 'name = "source"', "node 1: a node before has the name 'source' too"),
        ('name = "first"', "when = { full = false }\nname = 'first'", None),
        (
            'name = "first"',
            "when = { full = true }\nname = 'first'",
            "node 2: no node is left where full is False",
        ),
        (
            "when = { full = true }",
            "when = { ful = true }",
            "mine.toml:32: node 2: there is no parameter 'ful'",
        ),
        (
            "when = { full = true }",
            "input = 'first'\n[[node]]\nop = 'combine'\nweights = [1, 2]",
            "node 3: weights must be",
        ),
        (
            "when = { full = true }",
            "[[node]]\nop = 'magnitude'\ninputs = 'first'",
            "node 3: inputs must be a list",
        ),
        (
            "when = { full = true }",
            "[[node]]\nop = 'combine'\nweights = { generator = 'ones' }",
            "node 3: weights: generator must be one of gaussian, .*, got 'ones'",
        ),
        (
            "when = { full = true }",
            "[[node]]\nop = 'combine'\nweights = { generator = 'box', sise = 3 }",
            "node 3: weights: box has no parameter 'sise'",
        ),
        (
            "when = { full = true }",
            "[[node]]\nop = 'combine'\nbias = 'low'",
            "node 3: could not convert string",
        ),
        (
            "when = { full = true }",
            "[[node]]\nop = 'median'\nsize = '$taps'",
            "node 3: int\\(\\) argument must be",
        ),
        ("when = { full = true }", "when = 3", "mine.toml:32: node 2: when must be written as"),
        (
            "when = { full = true }",
            "when = { amount = { over = 3 } }",
            "node 2: when: amount must be a value, a list",
        ),
    ],
)
def test_errors_name_the_file_the_line_and_the_key(tmp_path, old, new, message):
    path = written(tmp_path, MINE.replace(old, new, 1))
    if message is None:
        load(path)
        return
    with pytest.raises(CatalogError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_reference_to_a_node_that_may_be_left_out(tmp_path):
    text = MINE.replace('name = "first"', 'name = "first"\nwhen = { full = true }').replace(
        "when = { full = true }\n\n", ""
    )
    text += '\n[[node]]\nop = "magnitude"\ninputs = ["first"]\n'
    with pytest.raises(CatalogError, match="inputs: no node before has the name 'first' where full is False"):
        load(written(tmp_path, text))


def test_folders(tmp_path):
    assert load_dir(filters_dir()) == builtin()
    with pytest.raises(CatalogError, match=r"nowhere: not a folder of filters"):
        load_dir(tmp_path / "nowhere")
    with pytest.raises(CatalogError, match=r"none.toml: No such file"):
        load(tmp_path / "none.toml")
    written(tmp_path, MINE)
    written(tmp_path, "not read", "notes.txt")
    assert list(load_dir(tmp_path)) == ["mine"]
    written(tmp_path, MINE, "second.toml")
    with pytest.raises(CatalogError, match=r"second.toml: .*mine.toml has a filter 'mine' too"):
        load_dir(tmp_path)
    (tmp_path / "second.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CatalogError, match=r"second.toml: not a text file in UTF-8"):
        load_dir(tmp_path)
