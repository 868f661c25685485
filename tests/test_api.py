"""The public functions: what they take, what they give, what they say when the input is wrong."""

import doctest
import inspect
import json
import pickle
import pkgutil
import subprocess
import sys

import numpy as np
import pytest
from cases import noise
from PIL import Image

import imgfilt

CATALOGUE = {
    "box", "gaussian", "motion", "median", "bilateral", "sharpen", "unsharp_mask", "high_pass", "emboss",
    "sobel", "scharr", "prewitt", "roberts", "laplacian", "laplacian_of_gaussian", "difference_of_gaussians",
    "kirsch",
    "robinson", "frei_chen", "canny", "gabor", "identity",
}  # fmt: skip
SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
GRAY = noise((20, 30), "uint8")
RGB = noise((20, 30, 3), "uint8")


def python(code, folder):
    """The lines that `code` prints in a process of its own, with the installed package."""
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def refuses(call, *words):
    """`call` raises a ValueError or TypeError of one line that has each of the words."""
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    message = str(caught.value)
    assert message
    assert "\n" not in message, message
    for word in words:
        assert word in message, f"{word!r} is not in {message!r}"


# --- names ---


def test_the_catalogue_is_there():
    assert set(imgfilt.filters()) >= CATALOGUE
    for name in imgfilt.filters():
        function = getattr(imgfilt, name)
        assert callable(function)
        assert inspect.getdoc(function)
        parameters = inspect.signature(function).parameters
        assert {"image", "border", "cval", "dtype", "out", "threads"} <= set(parameters)
        assert name in dir(imgfilt)


def test_backends_are_named():
    assert {"direct", "separable", "box", "im2col"} <= set(imgfilt.backends())


def test_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="sobell"):
        imgfilt.sobell  # noqa: B018


OTHERS = {"correlate", "convolve", "apply", "plan", "separate", "integral", "box_sum", "filters", "backends"}
OTHERS |= {"export_wisdom", "import_wisdom", "forget_wisdom"}


@pytest.mark.parametrize("name", sorted(CATALOGUE | OTHERS))
def test_examples_in_docstrings(name):
    function = getattr(imgfilt, name)
    finder = doctest.DocTestFinder(recurse=False)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    names = {"imgfilt": imgfilt, "np": np, **{n: getattr(imgfilt, n) for n in CATALOGUE | OTHERS}}
    for test in finder.find(function, name, globs=names):
        report: list[str] = []
        runner.run(test, out=report.append)
        assert not report, "".join(report)


def test_import_is_light(tmp_path):
    heavy = ["scipy", "PIL", "click", "imagecodecs", "tifffile", "cv2", "skimage", "tomllib", "rich"]
    code = f"import sys, imgfilt; print([m for m in {heavy} if m in sys.modules])"
    assert python(code, tmp_path) == ["[]"]


def test_import_loads_nothing_until_a_name_is_used(tmp_path):
    code = """if True:
        import sys, imgfilt
        print("numpy" in sys.modules, "imgfilt.api" in sys.modules)
        from imgfilt import catalog
        print("tomllib" in sys.modules)
        read, load = [], catalog.load
        catalog.load = lambda path: read.append(path) or load(path)
        imgfilt.sobel, imgfilt.sobel
        print(len(read))
    """
    assert python(code, tmp_path) == ["False False", "False", "1"]


def test_no_submodule_has_the_name_of_a_function(tmp_path):
    submodules = {module.name for module in pkgutil.iter_modules(imgfilt.__path__)}
    assert not submodules & {*imgfilt.__all__, *imgfilt.filters()}
    code = """if True:
        import imgfilt, imgfilt.planner, imgfilt.engine
        print(all(callable(getattr(imgfilt, name)) for name in imgfilt.__all__))
    """
    assert python(code, tmp_path) == ["True"]


def test_a_submodule_that_is_not_imported_is_no_attribute(tmp_path):
    code = """if True:
        import sys, imgfilt
        try:
            imgfilt.planner
        except AttributeError as error:
            print(error)
        print("imgfilt.catalog" in sys.modules)
    """
    message, loaded = python(code, tmp_path)
    assert "import imgfilt.planner" in message
    assert loaded == "False"


# --- wrong input ---


def test_unknown_filter_names_the_nearest():
    refuses(lambda: imgfilt.apply("sobell", GRAY), "sobell", "sobel")
    refuses(lambda: imgfilt.apply("gaussian sigma=2 | sobbel", GRAY), "sobbel", "sobel")
    refuses(lambda: imgfilt.plan("gausian", shape=(5, 5), dtype="uint8"), "gausian", "gaussian")


BAD_CHAINS = ["", " | ", "sobel |", "| sobel", "gaussian sigma", "gaussian sigma=", "gaussian =2"]
BAD_CHAINS += ["gaussian sigma=two", "gaussian sigma=2 sigma=3"]


@pytest.mark.parametrize("text", BAD_CHAINS)
def test_chains_that_make_no_sense(text):
    refuses(lambda: imgfilt.apply(text, GRAY))


def test_parameters_out_of_range():
    refuses(lambda: imgfilt.gaussian(GRAY, sigma=-1), "sigma", "-1")
    refuses(lambda: imgfilt.gaussian(GRAY, sigma=float("nan")), "sigma", "nan")
    refuses(lambda: imgfilt.gaussian(GRAY, sigma="2px"), "sigma", "2px")
    refuses(lambda: imgfilt.gaussian(GRAY, size=4), "size", "4", "odd")
    refuses(lambda: imgfilt.median(GRAY, size=4), "size", "4", "odd")
    refuses(lambda: imgfilt.median(GRAY, size=-3), "size", "-3")
    refuses(lambda: imgfilt.box(GRAY, size=0), "size", "0")
    refuses(lambda: imgfilt.sobel(GRAY, axis="z"), "axis", "z", "x")
    refuses(lambda: imgfilt.gaussian(GRAY, sigmma=2), "sigmma", "sigma")
    refuses(lambda: imgfilt.apply("gaussian sigma=-1", GRAY), "sigma", "-1")
    refuses(lambda: imgfilt.apply("median size=4", GRAY), "size", "4", "odd")
    refuses(lambda: imgfilt.apply("gaussian sigmma=1", GRAY), "sigmma", "sigma")


@pytest.mark.parametrize(
    "image",
    [
        np.zeros(5, np.uint8),
        np.zeros((2, 3, 4, 5, 6), np.uint8),
        np.zeros((2, 3, 4, 5), np.float32),
        np.uint8(7),
    ],
    ids=lambda a: f"{a.ndim}-D",
)
def test_images_have_two_or_three_dimensions(image):
    for call in (imgfilt.sobel, imgfilt.median, lambda a: imgfilt.correlate(a, SOBEL_X), imgfilt.integral):
        refuses(lambda call=call: call(image), "shape", str(np.shape(image)))


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (0, 5, 3), (5, 5, 0)])
def test_empty_images_are_refused(shape):
    image = np.zeros(shape, np.uint8)
    for name in ("sobel", "gaussian", "median", "canny", "bilateral", "identity"):
        refuses(lambda name=name: getattr(imgfilt, name)(image), str(shape[0]))


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "int32", "int64", "uint32", "float16", "complex128", "object", "U3"]
)
def test_dtypes_that_are_not_images(dtype):
    image = np.zeros((5, 5), dtype)
    for call in (imgfilt.sobel, imgfilt.median, lambda a: imgfilt.correlate(a, SOBEL_X)):
        refuses(lambda call=call: call(image), "uint8", str(np.dtype(dtype)))


def test_things_that_are_not_images():
    for thing in ("photo.jpg", None, 7):
        refuses(lambda thing=thing: imgfilt.sobel(thing))


def test_keywords_out_of_range():
    refuses(lambda: imgfilt.sobel(GRAY, border="mirrored"), "mirrored", "reflect101", "wrap")
    refuses(lambda: imgfilt.sobel(GRAY, threads=0), "threads", "0")
    refuses(lambda: imgfilt.sobel(GRAY, threads=-2), "threads", "-2")
    refuses(lambda: imgfilt.sobel(GRAY, dtype="complex64"), "complex64", "uint8")
    refuses(lambda: imgfilt.sobel(GRAY, color="grey"), "grey", "luma")
    refuses(lambda: imgfilt.sobel(GRAY, alpha="under"), "under", "premultiply")
    refuses(lambda: imgfilt.gaussian(GRAY, backend="fpga"), "fpga", "separable")
    refuses(lambda: imgfilt.correlate(GRAY, SOBEL_X, backend="box"), "box")


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (np.zeros((0, 3)), ["kernel"]),
        (np.zeros(3), ["kernel", "2"]),
        (np.zeros((2, 2, 2)), ["kernel", "2"]),
        ([[1, np.nan]], ["kernel"]),
        ([[1, np.inf]], ["kernel"]),
        ([["a", "b"]], ["kernel"]),
        ([[1, 2], [3]], ["kernel"]),
        ([[1j, 2]], ["kernel"]),
    ],
    ids=str,
)
def test_kernels_that_are_none(kernel, words):
    refuses(lambda: imgfilt.correlate(GRAY, kernel), *words)


def test_anchor_lies_inside_the_kernel():
    for anchor in [(3, 0), (0, -1), (0, 3)]:
        refuses(lambda anchor=anchor: imgfilt.correlate(GRAY, SOBEL_X, anchor=anchor), "anchor")


def test_arguments_of_a_wrong_type():
    """Each is refused in words, none by what happens to go wrong inside."""
    refuses(lambda: imgfilt.correlate(GRAY, SOBEL_X, anchor=1), "anchor", "1")
    refuses(lambda: imgfilt.correlate(GRAY, SOBEL_X, anchor="ab"), "anchor", "ab")
    refuses(lambda: imgfilt.correlate(GRAY, SOBEL_X, anchor=(1, 1, 1)), "anchor", "(1, 1, 1)")
    refuses(lambda: imgfilt.sobel(GRAY, border="constant", cval="x"), "cval", "'x'")
    refuses(lambda: imgfilt.sobel(GRAY, border="constant", cval=None), "cval", "None")
    refuses(lambda: imgfilt.box_sum(GRAY, 3.5), "size", "3.5")
    refuses(lambda: imgfilt.box_sum(GRAY, "3"), "size", "'3'")
    refuses(lambda: imgfilt.sobel([[1, 2, 3], [4, 5]]), "image")
    refuses(lambda: imgfilt.correlate([[1, 2, 3], [4, 5]], SOBEL_X), "image")


def test_true_is_no_size_even_after_1():
    """1 == True: a plan for one must not be found for the other."""
    refuses(lambda: imgfilt.box(GRAY, size=True), "size", "True")
    np.testing.assert_array_equal(imgfilt.box(GRAY, size=1), GRAY)
    refuses(lambda: imgfilt.box(GRAY, size=True), "size", "True")


def test_any_number_of_threads():
    want = imgfilt.sobel(GRAY, threads=1)
    for threads in (1000, 2**31, 2**70):
        np.testing.assert_array_equal(imgfilt.sobel(GRAY, threads=threads), want)
        assert imgfilt.plan("sobel", shape=GRAY.shape, threads=threads)


def test_a_pipeline_has_its_parameters_in_its_text():
    with pytest.raises(TypeError, match="sigma") as caught:
        imgfilt.plan("gaussian | sobel", shape=(20, 30), sigma=3)
    assert "\n" not in str(caught.value)


def test_integer_outputs_of_nan_do_not_crash():
    image = np.array([[np.nan, 1], [2, np.inf]], np.float32)
    with np.errstate(invalid="ignore"):
        assert imgfilt.correlate(image, [[1.0]], dtype="uint8").shape == (2, 2)


# --- what goes in and comes out ---


ALIASES = {
    "mirror": "reflect101",
    "nearest": "replicate",
    "edge": "replicate",
    "grid-wrap": "wrap",
    "symmetric": "reflect",
}


@pytest.mark.parametrize("theirs", ALIASES)
def test_border_names_of_others(theirs):
    ours = ALIASES[theirs]
    got = imgfilt.gaussian(RGB, sigma=2, border=theirs)
    np.testing.assert_array_equal(got, imgfilt.gaussian(RGB, sigma=2, border=ours))


def test_the_input_is_never_written():
    for name in sorted(CATALOGUE):
        image = RGB.copy()
        image.flags.writeable = False
        getattr(imgfilt, name)(image)
        np.testing.assert_array_equal(image, RGB)


def test_shapes_of_colour_images():
    assert imgfilt.sobel(RGB).shape == (20, 30)
    assert imgfilt.sobel(RGB, color="each").shape == (20, 30, 3)
    assert imgfilt.gaussian(RGB, sigma=1).shape == (20, 30, 3)
    assert imgfilt.gaussian(RGB, sigma=1, color="luma").shape == (20, 30)
    assert imgfilt.sobel(GRAY).shape == (20, 30)


def test_dtype_of_the_result():
    got = imgfilt.sobel(GRAY, axis="x", dtype="int16")
    assert got.dtype == np.int16
    assert got.min() < 0
    assert imgfilt.sobel(GRAY, axis="x").min() == 0
    assert imgfilt.sobel(GRAY, dtype=np.float32).dtype == np.float32
    assert imgfilt.box(GRAY.astype(np.float64), size=3).dtype == np.float64


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "I;16", "F"])
def test_pillow_in_pillow_out(mode):
    if mode == "I;16":
        image = Image.fromarray(noise((20, 30), "uint16"))
    elif mode == "F":
        image = Image.fromarray(noise((20, 30), "float32"))
    else:
        bands = len(Image.new(mode, (1, 1)).getbands())
        image = Image.fromarray(noise((20, 30) if bands == 1 else (20, 30, bands), "uint8"))
    assert image.mode == mode
    array = np.asarray(image)
    blurred = imgfilt.gaussian(image, sigma=1.2)
    assert isinstance(blurred, Image.Image)
    assert blurred.mode == mode
    alpha = "premultiply" if mode in ("RGBA", "LA") else "each"
    np.testing.assert_array_equal(np.asarray(blurred), imgfilt.gaussian(array, sigma=1.2, alpha=alpha))
    edges = imgfilt.sobel(image)
    assert isinstance(edges, Image.Image)
    assert edges.size == image.size
    assert isinstance(imgfilt.apply("gaussian sigma=1 | sobel", image), Image.Image)
    assert isinstance(imgfilt.correlate(image, SOBEL_X), Image.Image)


@pytest.mark.parametrize("mode", ["1", "P"])
def test_pillow_images_without_numbers_are_converted_or_refused(mode):
    image = Image.fromarray(RGB).convert(mode)
    try:
        result = imgfilt.gaussian(image, sigma=1)
    except (ValueError, TypeError) as error:
        message = str(error)
    else:
        assert isinstance(result, Image.Image)
        assert result.mode in ("L", "RGB")
        return
    assert mode in message


def test_apply_is_the_steps_one_after_another():
    want = imgfilt.sobel(imgfilt.gaussian(RGB, sigma=2.0))
    np.testing.assert_array_equal(imgfilt.apply("gaussian sigma=2 | sobel", RGB), want)
    np.testing.assert_array_equal(imgfilt.apply("  gaussian   sigma=2|sobel ", RGB), want)


# --- separate, integral, box_sum ---


def test_separate_keeps_integers():
    ((column, row),) = imgfilt.separate(SOBEL_X)
    assert sorted([np.abs(column).tolist(), np.abs(row).tolist()]) == [[1, 0, 1], [1, 2, 1]]
    np.testing.assert_array_equal(np.outer(column, row), SOBEL_X)
    w = np.random.default_rng(0).normal(size=(6, 9))
    pairs = imgfilt.separate(w)
    assert len(pairs) == 6
    np.testing.assert_allclose(sum(np.outer(c, r) for c, r in pairs), w, atol=1e-12)
    loose = imgfilt.separate(np.outer([1, 2, 3], [1, 2, 1]) + 1e-9 * np.eye(3), tol=1e-6)
    assert len(loose) == 1


def test_box_sum_cannot_overflow():
    image = np.full((301, 303), 65535, np.uint16)
    got = imgfilt.box_sum(image, (301, 303))
    assert got.max() == got.min() == 301 * 303 * 65535 > 2**32
    small = imgfilt.box_sum(GRAY, (3, 3))
    padded = np.pad(GRAY.astype(int), 1, mode="reflect")
    want = sum(padded[y : y + 20, x : x + 30] for y in range(3) for x in range(3))
    np.testing.assert_array_equal(small, want)
    assert imgfilt.integral(np.full((4, 4), -32768, np.int16)).min() == -32768 * 16


def test_integral_into_an_array_of_the_callers():
    for image in (GRAY, RGB, GRAY.astype(np.float32), RGB.astype(np.float32)):
        want = imgfilt.integral(image)
        room = np.empty_like(want)
        assert imgfilt.integral(image, out=room) is room
        np.testing.assert_array_equal(room, want)
        np.testing.assert_array_equal(imgfilt.integral(image, threads=1), want)
        gaps = np.zeros((want.shape[0], 2 * want.shape[1], *want.shape[2:]), want.dtype)[:, ::2]
        np.testing.assert_array_equal(imgfilt.integral(image, out=gaps), want)
    refuses(lambda: imgfilt.integral(GRAY, out=np.empty(GRAY.shape, np.int32)), "out", str(GRAY.shape))
    refuses(lambda: imgfilt.integral(GRAY, out=np.empty((21, 31), np.int64)), "out", "int32")
    both = np.zeros((21, 31))
    both[:20, :30] = GRAY
    np.testing.assert_array_equal(imgfilt.integral(both[:20, :30], out=both), imgfilt.integral(GRAY))


# --- plans ---


def sampled_gaussian(size):
    x = np.arange(size) - size // 2
    taps = np.exp(-(x**2) / 4.5)
    return np.outer(taps, taps) / taps.sum() ** 2


PLANNED = {
    "sobel": (SOBEL_X, "separable"),
    "gaussian 9x9": (sampled_gaussian(9), "separable"),
    "box 31x31": (np.full((31, 31), 1 / 961), "box"),
    "random 7x7": (np.random.default_rng(7).normal(size=(7, 7)), "direct"),
}


@pytest.mark.parametrize("name", PLANNED)
def test_plans_choose_and_say_why(name):
    kernel, backend = PLANNED[name]
    plan = imgfilt.plan(kernel, shape=(2160, 3840), dtype="uint8")
    assert plan.backend == backend
    text = str(plan)
    for other in imgfilt.backends():
        assert other in text, f"{other} is missing from\n{text}"


def test_plans_of_filters():
    plan = imgfilt.plan("gaussian", shape=(2160, 3840, 3), dtype="uint8", sigma=3.0)
    assert plan.backend == "separable"
    assert "gaussian" in str(plan) or "separable" in str(plan)
    assert imgfilt.plan("sobel", shape=(100, 100), dtype="uint8").bound >= 0


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_responses_of_magnitudes_are_not_written_out(dtype):
    text = str(imgfilt.plan("sobel", shape=(300, 400), dtype=dtype))
    assert "= gradient(" in text
    assert "magnitude(" not in text
    assert text.count("= convert(") == (dtype == "uint16"), "the image is widened once for both responses"


@pytest.mark.parametrize(
    ("name", "op"), [("unsharp_mask", "sharpen(%0, %2)"), ("difference_of_gaussians", "combine(%2, %4)")]
)
def test_bytes_are_finished_by_one_op(name, op):
    text = str(imgfilt.plan(name, shape=(300, 400), dtype="uint8"))
    assert f"= {op}" in text
    assert "convert(" not in text


@pytest.mark.parametrize("name", PLANNED)
def test_plans_are_values(name):
    kernel, _ = PLANNED[name]
    plan = imgfilt.plan(kernel, shape=(100, 120, 3), dtype="float32")
    again = pickle.loads(pickle.dumps(plan))
    assert again == plan
    assert str(again) == str(plan)
    assert imgfilt.plan(kernel.copy(), shape=(100, 120, 3), dtype="float32") == plan
    assert imgfilt.plan(kernel, shape=(101, 120, 3), dtype="float32") != plan
    json.dumps(plan.to_dict())


def test_plans_do_not_change_results():
    """Asked twice, from the cache the second time."""
    first = imgfilt.correlate(RGB, PLANNED["random 7x7"][0])
    np.testing.assert_array_equal(imgfilt.correlate(RGB, PLANNED["random 7x7"][0]), first)
