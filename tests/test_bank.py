"""Filter banks: every backend against the oracle, PyTorch, layouts, threads, wrong input."""

import doctest
import importlib
import itertools
import pickle
import re
import warnings

import bank_oracle as oracle
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import imgfilt
from imgfilt.bank import layouts, planner
from imgfilt.bank.backends import BANK_BACKENDS

BACKENDS = tuple(BANK_BACKENDS)
LAYOUTS = ("NCHW", "NHWC", "CHWN", "CHWN8")
DTYPES = ("float32", "float64")
EVERYTHING = (
    "direct",
    "direct_rows",
    "im2win",
    "smm",
    "im2col_plain",
    "im2col",
    "im2row",
    "kn2row",
    "kn2col",
    "kn2row_accumulating",
    "fft",
)
"""Backends that refuse nothing."""


def random(shape, dtype, *seed):
    rng = np.random.default_rng([*seed, *shape])
    return (rng.normal(size=shape) * rng.choice([0.1, 1.0, 10.0], size=shape)).astype(dtype)


def check(backend, x, weight, bias=None, *, layout="NCHW", threads=1, **how):
    """The backend's result is within its plan's bound of the oracle; a refusal has a reason. Gives the result."""
    plain = imgfilt.plan_conv2d(x.shape, weight.shape, **how).problem
    pairs = {
        name: (n, n) if isinstance(n, int) else n for name, n in how.items() if name in ("stride", "dilation")
    }
    want = oracle.conv2d(x, weight, bias, padding=plain.padding, groups=how.get("groups", 1), **pairs)
    arranged = oracle.arrange(x, layout)
    options = dict(how, layout=layout, backend=backend, threads=threads)
    refusal = BANK_BACKENDS[backend].supports(plain) if backend != "auto" else None
    if refusal is not None:
        assert backend not in EVERYTHING
        with pytest.raises(
            ValueError, match=re.escape(f"{backend!r} cannot do this convolution: {refusal.reason}")
        ):
            imgfilt.conv2d(arranged, weight, bias, **options)
        return None
    plan = imgfilt.plan_conv2d(arranged.shape, weight.shape, dtype=x.dtype, **options)
    got = imgfilt.conv2d(arranged, weight, bias, **options)
    assert got.dtype == x.dtype
    assert got.shape == plan.out_shape
    restored = oracle.restore(got, layout)
    assert restored.shape == want.shape
    off = float(np.abs(restored - want).max())
    allowed = plan.bound * oracle.scale(x, weight, bias)
    assert off <= allowed, f"{backend} {layout} {how}: off by {off:.3g}, allowed {allowed:.3g}"
    return got


CASES = [
    # N, C, H, W, M, kh, kw, stride, padding, dilation, groups
    (1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1),
    (2, 3, 9, 7, 5, 3, 3, 1, 0, 1, 1),
    (1, 4, 8, 11, 6, 3, 3, 1, 1, 1, 2),
    (3, 2, 13, 10, 4, 3, 3, 1, "same", 1, 1),
    (1, 3, 17, 19, 2, 5, 4, 2, (2, 1), 1, 1),
    (2, 6, 10, 9, 6, 3, 2, (2, 3), (1, 0, 2, 1), 1, 6),
    (1, 2, 12, 31, 3, 3, 5, 1, "same", (2, 3), 1),
    (1, 4, 11, 15, 8, 2, 3, (1, 2), (0, 3, 4, 0), (3, 2), 4),
    (2, 5, 4, 6, 17, 1, 1, 1, 0, 1, 1),
    (1, 1, 6, 40, 33, 1, 7, 1, (0, 3), 1, 1),
    (2, 3, 2, 3, 4, 5, 7, 1, (3, 4), 1, 1),
    (1, 18, 8, 8, 35, 3, 3, 1, 0, 1, 1),
    (1, 2, 5, 5, 3, 2, 2, 4, (0, 2, 3, 0), 1, 1),
    (1, 3, 20, 5, 4, 6, 3, (3, 1), (7, 0, 0, 4), (1, 2), 1),
    (1, 2, 3, 3, 2, 3, 3, 2, 6, 1, 2),
]


@pytest.mark.parametrize("backend", ["auto", *BACKENDS])
@pytest.mark.parametrize("dtype", DTYPES)
def test_backends(dtype, backend):
    done = 0
    for i, (n, c, h, w, m, kh, kw, stride, padding, dilation, groups) in enumerate(CASES):
        weight, bias = random((m, c // groups, kh, kw), dtype, 1), random((m,), dtype, 2)
        for layout in LAYOUTS:
            x = random((8 if layout == "CHWN8" else n, c, h, w), dtype)
            how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
            offsets = bias if (i + LAYOUTS.index(layout)) % 2 else None
            done += check(backend, x, weight, offsets, layout=layout, **how) is not None
    assert done >= 8, "too few cases to say anything"


@st.composite
def problems(draw):
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    c, m = groups * draw(st.integers(1, 5)), groups * draw(st.integers(1, 19))
    kh, kw = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = draw(st.tuples(*[st.integers(0, 4)] * 4))
    h = max(1, (kh - 1) * dilation[0] + 1 - padding[0] - padding[1]) + draw(st.integers(0, 9))
    w = max(1, (kw - 1) * dilation[1] + 1 - padding[2] - padding[3]) + draw(st.integers(0, 30))
    n = draw(st.integers(1, 3))
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return (n, c, h, w), (m, c // groups, kh, kw), how


@settings(max_examples=60)
@given(problems(), st.sampled_from(LAYOUTS), st.sampled_from(DTYPES), st.booleans())
def test_any_problem(problem, layout, dtype, biased):
    (n, *rest), kernels, how = problem
    x = random((8 if layout == "CHWN8" else n, *rest), dtype)
    bias = random(kernels[:1], dtype, 3) if biased else None
    for backend in ("auto", *BACKENDS):
        check(backend, x, random(kernels, dtype, 4), bias, layout=layout, threads=2, **how)


def test_equals_pytorch_over_a_sweep():
    torch = pytest.importorskip("torch", reason="PyTorch is the yardstick of this test, and not installed")
    rng = np.random.default_rng(7)
    for case in range(300):
        groups = int(rng.choice([1, 1, 2, 4]))
        n, c, m = int(rng.integers(1, 4)), groups * int(rng.integers(1, 9)), groups * int(rng.integers(1, 21))
        kh, kw = (int(k) for k in rng.integers(1, 6, 2))
        stride, dilation = (tuple(int(v) for v in rng.integers(1, top, 2)) for top in (4, 3))
        padding = tuple(int(v) for v in rng.integers(0, 4, 2))
        if case % 5 == 0:
            padding, stride = "same", (1, 1)
        h, w = (int(v) for v in rng.integers(10, 34, 2))
        dtype = DTYPES[case % 2]
        x, weight = random((n, c, h, w), dtype, case), random((m, c // groups, kh, kw), dtype, case)
        bias = random((m,), dtype, case) if case % 3 else None
        how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of padded copies
            want = torch.nn.functional.conv2d(
                torch.from_numpy(x),
                torch.from_numpy(weight),
                None if bias is None else torch.from_numpy(bias),
                **how,
            ).numpy()
        plan = imgfilt.plan_conv2d(x.shape, weight.shape, dtype=dtype, **how)
        got = imgfilt.conv2d(x, weight, bias, **how)
        off = np.abs(got.astype(oracle.Wide) - want).max()
        assert off <= 2 * plan.bound * oracle.scale(x, weight, bias), (case, how)  # ours and theirs
        ordinary = 1e-6 if dtype == "float32" else 1e-14
        assert off <= ordinary * oracle.scale(x, weight, bias), (case, how)


def test_dirac_kernels_shift_without_error():
    x = random((2, 3, 9, 11), "float32")
    weight = np.zeros((3, 3, 3, 3), np.float32)
    for c in range(3):
        weight[c, c, 0, 2] = 1
    want = np.zeros_like(x)
    want[:, :, 1:, :-1] = x[:, :, :-1, 1:]
    for backend in ("auto", *BACKENDS):
        got = imgfilt.conv2d(x, weight, padding=1, backend=backend)
        exact = BANK_BACKENDS[backend].local if backend != "auto" else True
        np.testing.assert_allclose(got, want, atol=0 if exact else 1e-3, rtol=0, err_msg=backend)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_reach_no_further_than_the_kernel(value):
    x = random((1, 2, 12, 40), "float32")
    x[0, 1, 5, 17] = value
    weight = np.abs(random((3, 2, 3, 3), "float32")) + 1
    for backend in ("auto", *(name for name, b in BANK_BACKENDS.items() if b.local)):
        for layout in LAYOUTS:
            arranged = oracle.arrange(np.repeat(x, 8, axis=0), layout)
            with np.errstate(invalid="ignore"):
                got = imgfilt.conv2d(arranged, weight, padding=1, backend=backend, layout=layout)
            bad = ~np.isfinite(oracle.restore(got, layout))
            assert bad[:, :, 4:7, 16:19].all(), (backend, layout)
            assert bad.sum() == 8 * 3 * 9, (backend, layout)


@pytest.mark.parametrize("backend", ["auto", *BACKENDS])
def test_same_bits_for_every_number_of_threads(backend):
    x, weight = random((3, 8, 40, 41), "float32"), random((24, 4, 3, 3), "float32")
    want = imgfilt.conv2d(x, weight, padding=1, groups=2, backend=backend, threads=1)
    for threads in (2, 3, 7):
        got = imgfilt.conv2d(x, weight, padding=1, groups=2, backend=backend, threads=threads)
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("backend", ["auto", *BACKENDS])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_out_views_and_overlap(layout, backend):
    x, weight = random((8, 4, 10, 12), "float32"), random((4, 4, 3, 3), "float32")
    arranged = oracle.arrange(x, layout)
    how = {"layout": layout, "backend": backend, "padding": 1}
    want = imgfilt.conv2d(arranged, weight, **how)
    wide = np.full((*want.shape[:-1], 2 * want.shape[-1]), 7, np.float32)
    out = wide[..., ::2]
    assert imgfilt.conv2d(arranged, weight, out=out, **how) is out
    np.testing.assert_array_equal(out, want)
    assert (wide[..., 1::2] == 7).all()
    backwards = np.ascontiguousarray(arranged[..., ::-1, :])[..., ::-1, :]
    np.testing.assert_array_equal(imgfilt.conv2d(backwards, weight, **how), want)
    inplace = arranged.copy()
    imgfilt.conv2d(inplace, weight, out=inplace, **how)
    np.testing.assert_array_equal(inplace, want)
    before = arranged.copy()
    frozen = arranged.view()
    frozen.flags.writeable = False
    imgfilt.conv2d(frozen, weight, **how)
    np.testing.assert_array_equal(arranged, before)


def test_one_image_without_its_batch_axis():
    photo = random((3, 20, 30), "float32")
    weight = random((5, 3, 3, 3), "float32")
    want = imgfilt.conv2d(photo[None], weight)[0]
    np.testing.assert_array_equal(imgfilt.conv2d(photo, weight), want)
    last = imgfilt.conv2d(photo.transpose(1, 2, 0), weight, layout="NHWC")
    np.testing.assert_allclose(last, want.transpose(1, 2, 0), atol=1e-4)
    out = np.empty((5, 18, 28), np.float32)
    assert imgfilt.conv2d(photo, weight, out=out) is out
    np.testing.assert_array_equal(out, want)
    assert imgfilt.plan_conv2d((20, 30, 3), weight.shape, layout="NHWC").problem.batch == 1


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", ">f4", ">f8"])
def test_other_dtypes(dtype):
    x = np.random.default_rng(3).integers(0, 200, (2, 3, 8, 9)).astype(dtype)
    weight = random((4, 3, 3, 3), "float64")
    out = "float64" if dtype == ">f8" else "float32"
    got = imgfilt.conv2d(x, weight)
    assert got.dtype == out
    np.testing.assert_array_equal(got, imgfilt.conv2d(x.astype(out), weight.astype(out)))


def test_depthwise_separable_is_two_convolutions():
    x, bias = random((8, 4, 12, 15), "float64"), random((6,), "float64")
    kernels, mixture = random((8, 1, 3, 5), "float64"), random((6, 8), "float64")
    between = oracle.conv2d(x, kernels, groups=4, stride=(2, 1), padding=(1, 1, 2, 2))
    want = oracle.conv2d(between, mixture[:, :, None, None], bias)
    for layout, points in itertools.product(LAYOUTS, (mixture, mixture[:, :, None, None])):
        got = imgfilt.depthwise_separable_conv2d(
            oracle.arrange(x, layout), kernels, points, bias, stride=(2, 1), padding=(1, 2), layout=layout
        )
        np.testing.assert_allclose(oracle.restore(got, layout), want.astype(float), rtol=0, atol=1e-11)


def test_layouts_there_and_back():
    x = random((11, 3, 4, 5), "float32")
    for layout in LAYOUTS:
        arranged = layouts.from_nchw(x, layout)
        assert layouts.sizes(layout, arranged.shape) == (16 if layout == "CHWN8" else 11, 3, 4, 5)
        np.testing.assert_array_equal(layouts.to_nchw(arranged, layout)[:11], x)


def test_a_plan_says_why():
    plan = imgfilt.plan_conv2d((8, 16, 30, 30), (32, 16, 5, 5), stride=2, threads=2)
    assert {c.backend for c in plan.candidates} == set(BACKENDS)
    assert pickle.loads(pickle.dumps(plan)) == plan
    text = str(plan)
    for name in BACKENDS:
        assert name in text
    assert "not 3x3" in text
    assert "NaN and infinity would spread" in text
    assert plan.to_dict()["backend"] == plan.backend
    fit = [c for c in plan.candidates if not c.refused]
    assert plan.backend == fit[0].backend
    assert plan.seconds == min(c.seconds for c in fit) / 2  # of two threads


def test_workspace_is_what_the_arrays_take():
    """What NumPy allocates during a call is within the promise, and not a fraction of it."""
    import tracemalloc

    x, weight = random((2, 8, 60, 61), "float32"), random((16, 8, 3, 3), "float32")
    out = np.empty((2, 16, 60, 61), np.float32)
    for backend in BACKENDS:
        if backend in NATIVE:
            continue  # their memory is the core's own
        plan = imgfilt.plan_conv2d(x.shape, weight.shape, padding=1, backend=backend, threads=1)
        imgfilt.conv2d(x, weight, padding=1, backend=backend, threads=1, out=out)
        tracemalloc.start()
        imgfilt.conv2d(x, weight, padding=1, backend=backend, threads=1, out=out)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert 0.5 * plan.workspace <= peak <= 1.1 * plan.workspace + 64e3, (backend, peak, plan.workspace)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("threads", [1, 2])
def test_im2win_takes_less_memory_than_im2col(layout, threads):
    """Input and workspace on the twelve layers of the paper, which has 41.6 % on average."""
    from imgfilt.bench.banks import BATCH, LAYERS, Row, memory_ratio

    ratios = []
    for layer in LAYERS:
        plan = imgfilt.plan_conv2d(
            layouts.shape(layout, BATCH, layer.channels, layer.size, layer.size),
            (layer.filters, layer.channels, layer.kernel, layer.kernel),
            stride=layer.stride, layout=layout, backend="im2win", threads=threads,
        )  # fmt: skip
        ratios.append(memory_ratio(Row(layer.number, "im2win", threads, BATCH, workspace=plan.workspace)))
    assert np.mean(ratios) <= 0.42, ratios


NATIVE = {"direct", "direct_rows", "im2win", "smm"}


# --- wrong input ---

X, W = np.zeros((2, 4, 9, 8), np.float32), np.zeros((6, 4, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"weight": np.zeros((6, 3, 3, 3))}, ["for 3 channels", "x has 4"]),
        ({"groups": 2}, ["groups=2", "for 8 channels"]),
        ({"groups": 3}, ["groups=3", "divide", "4 channels"]),
        ({"groups": 0}, ["groups", "at least 1", "0"]),
        ({"groups": 1.5}, ["groups", "1.5"]),
        ({"weight": np.zeros((6, 4, 10, 3))}, ["10x3", "larger", "9x8", "1 more rows"]),
        ({"dilation": 5}, ["dilated to 11x11", "9x8"]),
        ({"padding": -1}, ["padding", "-1", "negative"]),
        ({"padding": (1, 2, 3)}, ["padding", "(1, 2, 3)"]),
        ({"padding": "full"}, ["padding", "'full'", "'same'"]),
        ({"padding": "same", "stride": 2}, ["'same'", "stride 1"]),
        ({"padding": True}, ["padding", "True"]),
        ({"stride": 0}, ["stride", "0"]),
        ({"stride": (1, 2, 3)}, ["stride", "(1, 2, 3)"]),
        ({"dilation": "2"}, ["dilation", "'2'"]),
        ({"layout": "NWHC"}, ["'NWHC'", "NCHW, NHWC, CHWN, CHWN8"]),
        ({"layout": "CHWN8"}, ["CHWN8", "(N / 8, C, H, W, 8)", "(2, 4, 9, 8)"]),
        ({"backend": "cudnn"}, ["'cudnn'", *BACKENDS]),
        ({"backend": None}, ["None", "im2col"]),
        ({"backend": "winograd_f2", "stride": 2}, ["winograd_f2", "stride"]),
        (
            {"backend": "im2col", "max_workspace": 1000},
            ["im2col", "KiB", "1000 B", "max_workspace"],
        ),
        ({"max_workspace": -1}, ["max_workspace", "-1"]),
        ({"threads": 0}, ["threads", "0"]),
        ({"x": np.zeros((2, 4, 9, 8), complex)}, ["complex128", "float32"]),
        ({"x": np.zeros((4, 9), np.float32)}, ["(N, C, H, W)", "(4, 9)"]),
        ({"x": np.zeros((0, 4, 9, 8), np.float32)}, ["(0, 4, 9, 8)"]),
        ({"weight": np.zeros((6, 4, 3))}, ["(6, 4, 3)"]),
        ({"weight": np.zeros((0, 4, 3, 3))}, ["(0, 4, 3, 3)"]),
        ({"weight": np.zeros((6, 4, 3, 3), bool)}, ["real numbers", "bool"]),
        ({"bias": np.zeros(5)}, ["6 real numbers", "(5,)"]),
        ({"out": np.zeros((2, 6, 7, 7), np.float32)}, ["(2, 6, 7, 6)", "(2, 6, 7, 7)"]),
        ({"out": np.zeros((2, 6, 7, 6))}, ["float32", "float64"]),
    ],
    ids=str,
)
def test_wrong_input_is_one_clear_line(how, words):
    arguments = {"x": X, "weight": W, **how}
    with pytest.raises((ValueError, TypeError)) as caught:
        imgfilt.conv2d(arguments.pop("x"), arguments.pop("weight"), **arguments)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


@pytest.mark.parametrize(
    ("depthwise", "pointwise", "words"),
    [
        (np.zeros((5, 1, 3, 3)), np.zeros((2, 5)), ["multiple of the 4 channels", "(5, 1, 3, 3)"]),
        (np.zeros((4, 2, 3, 3)), np.zeros((2, 4)), ["(4, 2, 3, 3)"]),
        (np.zeros((4, 1, 3, 3)), np.zeros((2, 3)), ["(M, 4)", "(2, 3)"]),
        (np.zeros((4, 1, 3, 3)), np.zeros((2, 4, 3, 3)), ["(M, 4)", "(2, 4, 3, 3)"]),
    ],
)
def test_wrong_depthwise_input(depthwise, pointwise, words):
    with pytest.raises(ValueError, match="must have shape") as caught:
        imgfilt.depthwise_separable_conv2d(X, depthwise, pointwise)
    for word in words:
        assert word in str(caught.value)


def test_no_backend_within_the_limit():
    problem = imgfilt.plan_conv2d(X.shape, W.shape).problem
    with pytest.raises(ValueError, match="no backend stays within a workspace of 0 B"):
        planner.make_bank_plan(problem, 1, "auto", 0)


@pytest.mark.parametrize("module", ["api", "geometry", "layouts"])
def test_examples_in_docstrings(module):
    found = doctest.testmod(importlib.import_module(f"imgfilt.bank.{module}"), extraglobs={"np": np})
    assert found.attempted > 1
    assert not found.failed
