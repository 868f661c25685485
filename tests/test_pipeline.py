"""Pipelines as text: what is understood, and what is said about what is not."""

import numpy as np
import pytest

import imgfilt
from imgfilt.api import apply_stages
from imgfilt.catalog import builtin
from imgfilt.kernel_text import kernel_from
from imgfilt.pipeline import PipelineError, Step, parse, resolve


def resolved(text):
    return [(stage.name, stage.params) for stage in resolve(parse(text), builtin())]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("sobel", [Step("sobel", {}, 1)]),
        ("  sobel  ", [Step("sobel", {}, 3)]),
        ("a x=1 y=2|b", [Step("a", {"x": "1", "y": "2"}, 1), Step("b", {}, 11)]),
        ("a\n| b k=v", [Step("a", {}, 1), Step("b", {"k": "v"}, 5)]),
        ("a sigma-low=1", [Step("a", {"sigma_low": "1"}, 1)]),
        ("a k=\"0 1; 1 0\" l='x|y' m=''", [Step("a", {"k": "0 1; 1 0", "l": "x|y", "m": ""}, 1)]),
        ("a x=-1.5e3", [Step("a", {"x": "-1.5e3"}, 1)]),
    ],
)
def test_parse(text, steps):
    assert list(parse(text)) == steps


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "a pipeline needs a filter's name, got ''"),
        ("   ", 1, "a pipeline needs a filter's name"),
        ("sobel |", 8, "expected a filter's name after '|'"),
        ("| sobel", 1, "step 1: expected a filter's name before '|'"),
        ("box || sobel", 6, "step 2: expected a filter's name before '|'"),
        ("gaussian sigma 2", 10, "step 1 (gaussian): expected key=value or '|', got 'sigma'"),
        ("gaussian sigma=", 10, "got 'sigma='"),
        ("gaussian sigma= 2", 10, "got 'sigma='"),
        ("gaussian =2", 10, "got '=2'"),
        ('gaussian sigma="2', 10, "got 'sigma=\"2'"),
        ("sobel | sigma=3", 9, "step 2: expected a filter's name, got 'sigma=3'"),
        ("gaussian sigma=2 sigma=3", 18, "step 1 (gaussian): 'sigma' is given twice"),
    ],
)
def test_parse_errors_point_at_the_character(text, column, message):
    with pytest.raises(PipelineError) as caught:
        parse(text)
    assert caught.value.column == column
    assert message in str(caught.value)
    assert str(caught.value).endswith(f"(column {column})")
    assert "\n" not in str(caught.value)


def test_values_become_the_parameters_kinds():
    assert resolved("gaussian sigma=2 size=5 | unsharp-mask amount=1.5 | sobel axis=x") == [
        ("gaussian", {"sigma": 2.0, "size": 5, "accuracy": 0.0}),
        ("unsharp_mask", {"sigma": 1.0, "amount": 1.5, "threshold": 0.0}),
        ("sobel", {"axis": "x"}),
    ]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("box | gausian sigma=2", 7, "step 2: unknown filter 'gausian' (did you mean 'gaussian'"),
        ("zzzzz", 1, "unknown filter 'zzzzz'; there are bilateral, box"),
        (
            "gaussian sgima=2",
            10,
            "gaussian has no parameter 'sgima' (did you mean 'sigma'?); it has sigma, size",
        ),
        ("identity x=2", 10, "identity has no parameters, got 'x'"),
        ("gaussian sigma=-1", 10, "gaussian: sigma must be a number from 0 to 500 (px), got '-1'"),
        ("gaussian sigma=two", 10, "got 'two'"),
        ("gaussian sigma=nan", 10, "got 'nan'"),
        ("gaussian sigma=1e999", 10, "got '1e999'"),
        ("median size=4", 8, "median: size must be an odd integer from 1 to 255 (px), got '4'"),
        ("median size=3.0", 8, "got '3.0'"),
        ("sobel axis=z", 7, "sobel: axis must be one of both, x, y, got 'z'"),
    ],
)
def test_resolve_errors_name_the_step_and_the_value(text, column, message):
    with pytest.raises(PipelineError) as caught:
        resolve(parse(text), builtin())
    assert caught.value.column == column
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


# --- kernels as steps ---------------------------------------------------------------------------------------

IMAGE = np.random.default_rng(5).integers(0, 256, (37, 53, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["correlate", "convolve"])
@pytest.mark.parametrize("kernel", ["-2 -1 0; -1 1 1; 0 1 2", "3x2+0+1: 1,2,3 -4,-5,6", "1 2 3 4"])
def test_a_kernel_is_a_step(name, kernel):
    got = imgfilt.apply(f'box size=3 | {name} kernel="{kernel}" bias=40 | median', IMAGE)
    given = kernel_from(kernel).kernel
    step = getattr(imgfilt, name)(
        imgfilt.box(IMAGE, size=3), given.weights, anchor=given.anchor, bias=40, threads=1
    )
    np.testing.assert_array_equal(got, imgfilt.median(step))


def test_a_kernel_file_is_a_step(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k.mat").write_text("3 1 4 10\n1 2 1\n")
    got = imgfilt.apply("correlate kernel=k.mat bias=5", IMAGE)
    np.testing.assert_array_equal(got, imgfilt.correlate(IMAGE, [[0.25, 0.5, 0.25]], bias=15))
    got = imgfilt.apply('correlate kernel="1 2 1" normalize=yes', IMAGE)
    np.testing.assert_array_equal(got, imgfilt.correlate(IMAGE, [[0.25, 0.5, 0.25]]))


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("box | correlate", 7, "step 2: correlate needs a kernel, as in correlate kernel="),
        ("correlate kernel=gone.npy", 11, "correlate: kernel: there is no kernel file 'gone.npy'"),
        ("convolve kernel='1 2; 3'", 10, "convolve: kernel: row 2 has 1 numbers, row 1 has 2"),
        ("correlate kernel='-1 0 1' normalize=true", 27, "divides by the sum of the weights, and that is 0"),
        ("correlate krnel='1'", 11, "correlate has no parameter 'krnel' (did you mean 'kernel'?)"),
        ("correlate kernel=1 bias=much", 20, "correlate: bias must be a number, got 'much'"),
        ("corelate kernel=1", 1, "unknown filter 'corelate' (did you mean 'correlate'?)"),
    ],
)
def test_errors_in_kernel_steps(text, column, message):
    with pytest.raises(PipelineError) as caught:
        imgfilt.apply(text, IMAGE)
    assert caught.value.column == column
    assert message in str(caught.value)


# --- what lies between the steps ----------------------------------------------------------------------------

CHAINS = [
    "gaussian sigma=2 | sobel",
    "box size=5 | unsharp_mask sigma=1 amount=2 | sharpen",
    "median | box size=3 | median size=5",
    "sobel axis=x color=each | laplacian",
    "gaussian sigma=1 | canny low=20 high=60",
    "bilateral diameter=5 | gaussian sigma=1.5",
    "correlate kernel='0 -1 0; -1 5 -1; 0 -1 0' | gaussian sigma=3",
]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("border", ["reflect101", "constant"])
@pytest.mark.parametrize("text", [c.replace(" color=each", "") for c in CHAINS])
def test_float_precision_equals_the_steps_in_float32(text, border, dtype):
    image = IMAGE if dtype == "uint8" else (IMAGE * (100.0 if dtype[0] != "f" else 0.004)).astype(dtype)
    how = {"border": border, "cval": 7.5, "color": "each"}
    between = "float64" if dtype == "float64" else "float32"
    *first, last = resolve(parse(text), builtin())
    want = image
    for stage in first:
        want = apply_stages((stage,), want, dtype=between, **how)
    want = apply_stages((last,), want, dtype=dtype, **how)
    got = imgfilt.apply(text, image, precision="float", **how)
    assert got.dtype == dtype
    off = np.abs(got.astype(float) - want)
    if dtype[0] == "f":
        assert off.max() <= 1e-5 * np.abs(want).max()
    elif "canny" in text:
        assert (off > 0).mean() < 0.002  # a magnitude at the threshold may fall to either side
    else:
        assert off.max() <= 1
        assert (off > 0).mean() < 0.001


def test_float_precision_keeps_what_rounding_takes_away():
    steps = "box size=7 | sharpen | unsharp_mask sigma=2 amount=8"
    exact = imgfilt.apply(steps, IMAGE.astype(np.float64)).clip(0, 255)
    off = {p: np.abs(imgfilt.apply(steps, IMAGE, precision=p) - exact).mean() for p in ("image", "float")}
    assert off["float"] < off["image"] / 2


def test_middle_gray_stays_that_of_the_image():
    flat = np.full((20, 20), 200, np.uint8)
    got = imgfilt.apply("identity | high_pass | emboss", flat, precision="float")
    assert (got == 128).all()
    white = imgfilt.apply("gaussian sigma=1 | canny | identity", IMAGE, precision="float")
    assert set(np.unique(white)) <= {0, 255}


def test_alpha_and_linear_light_in_float_precision():
    image = np.dstack([IMAGE, np.full(IMAGE.shape[:2], 255, np.uint8)])
    image[5:20, 5:20, 3] = 60
    for how in ({"alpha": "premultiply"}, {"linear_light": True}, {"alpha": "ignore", "linear_light": True}):
        plain, kept = (
            imgfilt.apply("gaussian sigma=1 | box size=3", image, precision=p, **how).astype(int)
            for p in ("image", "float")
        )
        assert np.abs(plain - kept).max() <= 1, how


def test_precision_is_checked_and_told():
    with pytest.raises(ValueError, match="precision must be one of image, float, got 'double'"):
        imgfilt.apply("box | box", IMAGE, precision="double")
    plan = imgfilt.plan("box size=3 | sobel", (40, 40), precision="float")
    assert "(float32 between the steps)" in str(plan)
    assert "between" not in str(imgfilt.plan("box size=3 | sobel", (40, 40)))
