"""conv_transpose2d: every backend against the definition, against PyTorch, and wrong input."""

import random
import tracemalloc
from itertools import product

import numpy as np
import pytest

import imgfilt
from imgfilt.transposed.backends import TRANSPOSED_BACKENDS

BACKENDS = tuple(TRANSPOSED_BACKENDS)
LAYOUTS = ("NCHW", "NHWC", "CHWN", "CHWN8")
DTYPES = ("float32", "float64")


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def definition(x, weight, bias=None, *, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """Every product added where it belongs, in the widest float; then the padding cut off."""
    n, c, h, w = x.shape
    _, each, kh, kw = weight.shape
    (sy, sx), (oy, ox), (dy, dx) = pair(stride), pair(output_padding), pair(dilation)
    sides = padding if isinstance(padding, tuple) else (padding,) * 4
    top, bottom, left, right = sides if len(sides) == 4 else (sides[0], sides[0], sides[1], sides[1])
    rows, columns = (h - 1) * sy + dy * (kh - 1) + 1 + oy, (w - 1) * sx + dx * (kw - 1) + 1 + ox
    full = np.zeros((n, each * groups, rows, columns), np.longdouble)
    for g, u, v in product(range(groups), range(kh), range(kw)):
        seen, made = slice(g * c // groups, (g + 1) * c // groups), slice(g * each, (g + 1) * each)
        products = np.einsum("ncyx,cm->nmyx", x[:, seen].astype(np.longdouble), weight[seen, :, u, v])
        target = full[:, made, u * dy : u * dy + (h - 1) * sy + 1 : sy]
        target[..., v * dx : v * dx + (w - 1) * sx + 1 : sx] += products
    if bias is not None:
        full += np.asarray(bias, np.longdouble)[:, None, None]
    return full[:, :, top : rows - bottom, left : columns - right]


def to_layout(array, layout):
    n, c, h, w = array.shape
    if layout == "CHWN8":
        return np.ascontiguousarray(array.reshape(n // 8, 8, c, h, w).transpose(0, 2, 3, 4, 1))
    return np.ascontiguousarray(array.transpose(["NCHW".index(axis) for axis in layout]))


def from_layout(array, layout):
    if layout == "CHWN8":
        b, c, h, w, _ = array.shape
        return array.transpose(0, 4, 1, 2, 3).reshape(b * 8, c, h, w)
    return array.transpose([layout.index(axis) for axis in "NCHW"])


def scale(x, weight, bias, groups):
    each = np.abs(weight.astype(float)).reshape(groups, -1, *weight.shape[1:]).sum(axis=(1, 3, 4)).max()
    return float(np.abs(x).max()) * each + (0 if bias is None else float(np.abs(bias).max()))


def random_problem(rng):
    """Shapes and options of a problem whose output is not empty."""
    while True:
        groups = rng.choice([1, 1, 2, 3])
        channels, each = rng.choice([1, 2, 3, 5, 19]), rng.choice([1, 2, 3, 5, 17, 35])
        size = rng.randint(1, 9), rng.choice([1, 2, 3, 5, 8, 20, 37])
        kernel = rng.randint(1, 7), rng.randint(1, 7)
        options = {
            "stride": (rng.randint(1, 5), rng.randint(1, 5)),
            "padding": (rng.randint(0, 4), rng.randint(0, 4)),
            "dilation": (rng.randint(1, 3), rng.randint(1, 3)),
            "groups": groups,
        }
        options["output_padding"] = tuple(
            rng.randint(0, max(s, d) - 1) for s, d in zip(options["stride"], options["dilation"], strict=True)
        )
        out = [
            (size[i] - 1) * options["stride"][i] - 2 * options["padding"][i]
            + options["dilation"][i] * (kernel[i] - 1) + options["output_padding"][i] + 1
            for i in range(2)
        ]  # fmt: skip
        if min(out) > 0:
            return (
                (rng.choice([1, 1, 2, 8]), groups * channels, *size),
                (groups * channels, each, *kernel),
                options,
            )


def arrays(rng, shape, weight_shape, options, dtype):
    x, weight = rng.standard_normal(shape).astype(dtype), rng.standard_normal(weight_shape).astype(dtype)
    bias = rng.standard_normal(weight_shape[1] * options["groups"]).astype(dtype) if shape[2] % 2 else None
    return x, weight, bias


def assert_within_bound(found, expected, plan, of_scale):
    assert found.shape == expected.shape
    assert float(np.abs(found - expected).max()) <= plan.bound * of_scale


# --- right ---


@pytest.mark.parametrize("backend", BACKENDS)
def test_equals_the_definition(backend):
    chance, rng = random.Random(1), np.random.default_rng(1)
    for i in range(80):
        shape, weight_shape, options = random_problem(chance)
        dtype = DTYPES[i % 2]
        x, weight, bias = arrays(rng, shape, weight_shape, options, dtype)
        plan = imgfilt.plan_conv_transpose2d(shape, weight_shape, dtype=dtype, backend=backend, **options)
        found = imgfilt.conv_transpose2d(x, weight, bias, backend=backend, threads=1 + i % 3, **options)
        assert found.dtype == dtype
        assert_within_bound(
            found, definition(x, weight, bias, **options), plan, scale(x, weight, bias, options["groups"])
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_stride_padding_and_output_padding(backend):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((1, 2, 5, 6))
    for k, s in product(range(1, 6), range(1, 5)):
        weight = rng.standard_normal((2, 2, k, k))
        for p, op, d in product(range(k), range(s), (1, 2)):
            options = {"stride": s, "padding": p, "output_padding": op, "dilation": d, "groups": 1}
            found = imgfilt.conv_transpose2d(x, weight, backend=backend, threads=1, **options)
            np.testing.assert_allclose(found, definition(x, weight, **options).astype(float), atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("filters", [3, 40])
def test_every_layout(backend, layout, filters):
    rng = np.random.default_rng(3)
    x, weight = rng.standard_normal((8, 4, 5, 7)), rng.standard_normal((4, filters // 2 + filters % 2, 4, 3))
    filters = weight.shape[1] * 2
    bias = rng.standard_normal(filters)
    options = {"stride": (2, 3), "padding": (1, 0, 2, 1), "groups": 2}
    given = to_layout(x, layout)
    found = imgfilt.conv_transpose2d(given, weight, bias, layout=layout, backend=backend, **options)
    expected = definition(x, weight, bias, **options)
    assert found.shape == to_layout(np.zeros(expected.shape), layout).shape
    np.testing.assert_allclose(from_layout(found, layout), expected.astype(float), atol=1e-12)
    out = np.full_like(found, np.nan)
    assert (
        imgfilt.conv_transpose2d(given, weight, bias, layout=layout, backend=backend, out=out, **options)
        is out
    )
    np.testing.assert_array_equal(out, found)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("filters", [1, 2, 3, 4, 5, 16, 33, 80])
def test_same_bits_for_any_number_of_threads(backend, filters):
    rng = np.random.default_rng(4)
    x = rng.standard_normal((3, 37, 19, 41), np.float32)
    weight, bias = (
        rng.standard_normal((37, filters, 5, 4), np.float32),
        rng.standard_normal(filters, np.float32),
    )
    one, *more = (
        imgfilt.conv_transpose2d(x, weight, bias, stride=(2, 3), padding=2, backend=backend, threads=n)
        for n in (1, 2, 3, 8)
    )
    for other in more:
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("backend", BACKENDS)
def test_views_and_overlaps(backend):
    rng = np.random.default_rng(5)
    store = rng.standard_normal((2, 6, 18, 22))
    x, weight = store[:, ::2, 1::2, ::-2], rng.standard_normal((3, 3, 3, 3))
    expected = imgfilt.conv_transpose2d(x.copy(), weight, padding=1, backend=backend)
    np.testing.assert_array_equal(imgfilt.conv_transpose2d(x, weight, padding=1, backend=backend), expected)
    imgfilt.conv_transpose2d(x, weight, padding=1, backend=backend, out=x)
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nan_reaches_as_far_as_the_kernel(backend):
    for filters in (1, 20):
        x, weight = np.zeros((1, 2, 9, 40), np.float32), np.ones((2, filters, 3, 4), np.float32)
        x[0, 1, 4, 20] = np.nan
        found = imgfilt.conv_transpose2d(x, weight, stride=2, backend=backend)
        where = np.zeros(found.shape, bool)
        where[..., 8:11, 40:44] = True
        np.testing.assert_array_equal(np.isnan(found), where)


def test_one_image_and_integers():
    rng = np.random.default_rng(6)
    image = rng.integers(0, 255, (3, 6, 7), np.uint8)
    weight = rng.standard_normal((3, 2, 4, 4)).astype(np.float32)
    found = imgfilt.conv_transpose2d(image, weight, stride=2, padding=1)
    assert found.shape == (2, 12, 14)
    assert found.dtype == np.float32
    batch = imgfilt.conv_transpose2d(image[None].astype(np.float32), weight, stride=2, padding=1)
    np.testing.assert_array_equal(found, batch[0])
    turned = imgfilt.conv_transpose2d(image.transpose(1, 2, 0), weight, stride=2, padding=1, layout="NHWC")
    np.testing.assert_allclose(turned.transpose(2, 0, 1), found, rtol=1e-4, atol=1e-2)


def test_is_the_transpose_of_conv2d():
    rng = np.random.default_rng(7)
    x, y = rng.standard_normal((1, 3, 11, 9)), rng.standard_normal((1, 4, 6, 3))
    weight = rng.standard_normal((4, 3, 3, 5))
    there = imgfilt.conv2d(x, weight, stride=(2, 3), padding=1)
    assert there.shape == y.shape
    back = imgfilt.conv_transpose2d(y, weight, stride=(2, 3), padding=1, output_padding=(0, 0))
    assert back.shape == x.shape
    np.testing.assert_allclose((there * y).sum(), (x * back).sum(), rtol=1e-12)


def test_equals_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is the yardstick here: pip install torch")
    torch.set_num_threads(1)
    chance, rng = random.Random(8), np.random.default_rng(8)
    for i in range(300):
        shape, weight_shape, options = random_problem(chance)
        x, weight, bias = arrays(rng, shape, weight_shape, options, DTYPES[i % 2])
        expected = torch.nn.functional.conv_transpose2d(
            torch.from_numpy(x),
            torch.from_numpy(weight),
            None if bias is None else torch.from_numpy(bias),
            **options,
        ).numpy()
        of_scale = scale(x, weight, bias, options["groups"])
        for backend in ("auto", BACKENDS[i % len(BACKENDS)]):
            found = imgfilt.conv_transpose2d(x, weight, bias, backend=backend, threads=1 + i % 2, **options)
            plan = imgfilt.plan_conv_transpose2d(
                shape, weight_shape, dtype=x.dtype, backend=backend, **options
            )
            # PyTorch's own rounding has the same bound at most.
            assert_within_bound(found, expected, plan, 2 * of_scale)


# --- plans ---


def test_the_plan_tells_what_is_done_and_why():
    plan = imgfilt.plan_conv_transpose2d((1, 128, 32, 32), (128, 64, 4, 4), stride=2, padding=1, threads=2)
    assert plan.out_shape == (1, 64, 64, 64)
    assert {c.backend for c in plan.candidates} == set(BACKENDS)
    assert plan.backend == min(plan.candidates, key=lambda c: c.seconds).backend
    told = str(plan)
    assert told.startswith("conv_transpose2d: NCHW 1x128x32x32 float32, 64 filters")
    assert plan.to_dict()["weight_shape"] == [128, 64, 4, 4]
    for backend in BACKENDS:
        assert backend in told
        named = imgfilt.plan_conv_transpose2d((1, 128, 32, 32), (128, 64, 4, 4), stride=2, backend=backend)
        assert named.backend == backend
        assert 0 < named.bound < 1e-3
    assert len({imgfilt.plan_conv_transpose2d((1, 3, 40, 40), (3, 3, 4, 4), stride=2, threads=n).backend
                for n in (1, 2, 7)}) == 1  # fmt: skip


def test_gemm_workspace_is_what_the_arrays_take():
    rng = np.random.default_rng(9)
    x, weight = rng.standard_normal((2, 4, 60, 50)), rng.standard_normal((4, 12, 4, 4))
    imgfilt.conv_transpose2d(x, weight, stride=2, backend="gemm", threads=1)
    plan = imgfilt.plan_conv_transpose2d(
        x.shape, weight.shape, dtype=x.dtype, stride=2, backend="gemm", threads=1
    )
    out = np.empty(plan.out_shape)
    tracemalloc.start()
    try:
        imgfilt.conv_transpose2d(x, weight, stride=2, backend="gemm", threads=1, out=out)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.9 * plan.workspace <= peak <= plan.workspace + 64e3


# --- wrong input ---

_X, _W = np.zeros((1, 4, 5, 6), np.float32), np.zeros((4, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"weight": np.zeros((6, 3, 3, 3))}, "is for 6 channels, x has 4"),
        ({"groups": 3}, "groups=3 must divide the 4 channels"),
        ({"groups": 0}, "groups must be an integer, at least 1, got 0"),
        ({"weight": np.zeros((4, 3, 3))}, "weight must have shape (C, M / groups, kh, kw), got (4, 3, 3)"),
        ({"weight": np.zeros((4, 0, 3, 3))}, "none of them 0, got (4, 0, 3, 3)"),
        ({"x": np.zeros((4, 5))}, "x in layout NCHW must have shape (N, C, H, W), got (4, 5)"),
        ({"x": np.zeros((1, 4, 0, 6))}, "at least one element, got shape (1, 4, 0, 6)"),
        ({"bias": np.zeros(4)}, "bias must be 3 real numbers"),
        ({"stride": 0}, "stride must be an integer or a pair (rows, columns) of integers, none below 1, got 0"),
        ({"dilation": (1, 2, 3)}, "dilation must be an integer or a pair (rows, columns)"),
        ({"padding": -1}, "or (top, bottom, left, right), none negative, got -1"),
        ({"padding": "same"}, "padding of a transposed convolution must be an integer"),
        ({"output_padding": 1}, "output_padding must be smaller than either stride or dilation, below (1, 1)"),
        ({"output_padding": (0, 2), "stride": 2}, "got (0, 2)"),
        ({"output_padding": -1}, "output_padding must be an integer or a pair"),
        ({"padding": (4, 1)}, "the output would be -1x6: padding=(4, 4, 1, 1)"),
        ({"layout": "HWC"}, "layout must be one of NCHW, NHWC, CHWN, CHWN8, got 'HWC'"),
        ({"backend": "winograd"}, "backend must be 'auto' or one of segregated, scatter, gemm, zero_insert, got"),
        ({"max_workspace": 10}, "raise max_workspace"),
        ({"max_workspace": 10, "backend": "gemm"}, "is over the limit of 10 B (max_workspace)"),
        ({"out": np.zeros((1, 3, 7, 9), np.float32)}, "out must have shape (1, 3, 7, 8), got (1, 3, 7, 9)"),
    ],
)  # fmt: skip
def test_wrong_values_are_told_in_one_line(change, told):
    given = {"x": _X, "weight": _W} | change
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is looked at below
        imgfilt.conv_transpose2d(given.pop("x"), given.pop("weight"), **given)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("x", "weight", "told"),
    [
        (
            _X.astype(complex),
            _W,
            "x must have dtype float32, float64, uint8, uint16 or int16, got complex128",
        ),
        (_X, _W.astype(str), "weight must be an array of real numbers"),
    ],
)
def test_wrong_types_are_told_in_one_line(x, weight, told):
    with pytest.raises(TypeError, match=told):
        imgfilt.conv_transpose2d(x, weight)


def test_output_padding_may_reach_the_dilation():
    found = imgfilt.conv_transpose2d(_X + 1, _W + 1, output_padding=2, dilation=3)
    np.testing.assert_array_equal(
        found, definition(_X + 1, _W + 1, output_padding=2, dilation=3).astype(np.float32)
    )
