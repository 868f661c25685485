"""Calls that were made before are found again by their arguments: only where these mean the same."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cases import noise

import imgfilt
from imgfilt import calls, catalog

GRAY = noise((24, 31), "uint8")
RGB = noise((24, 31, 3), "uint8")


def test_a_call_is_planned_once(monkeypatch):
    def made(*_, **__):
        raise AssertionError("planned again")

    kernel = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])
    work = [
        lambda: imgfilt.gaussian(GRAY, sigma=1.25, border="wrap"),
        lambda: imgfilt.correlate(GRAY, kernel, bias=3, stride=(1, 2)),
        lambda: imgfilt.convolve(GRAY, kernel, anchor=(0, 1)),
        lambda: imgfilt.pyr_up(GRAY, size=(48, 61)),
        lambda: imgfilt.upsample(GRAY, 3, "lanczos"),
        lambda: imgfilt.apply("gaussian sigma=1.25 | sobel", RGB),
    ]
    want = [one() for one in work]
    monkeypatch.setattr(calls, "_executable", made)
    for one, result in zip(work, want, strict=True):
        np.testing.assert_array_equal(one(), result)


@pytest.mark.parametrize("function", [imgfilt.correlate, imgfilt.convolve])
def test_a_kernel_that_changed_in_place_is_another(function):
    kernel = np.zeros((3, 3), np.float32)
    kernel[1, 1] = 1
    np.testing.assert_array_equal(function(GRAY, kernel), GRAY)
    kernel[1, 1] = 2
    np.testing.assert_array_equal(function(GRAY, kernel), np.minimum(2 * GRAY.astype(int), 255))
    kernel[1] = [1, 0, 0]
    moved = function(GRAY, kernel, border="wrap")
    np.testing.assert_array_equal(moved, np.roll(GRAY, 1 if function is imgfilt.correlate else -1, axis=1))


def test_kernels_of_the_same_bytes_may_be_others():
    bits = np.array([[0, 1, 0]], np.int64)
    np.testing.assert_array_equal(imgfilt.correlate(GRAY, bits), GRAY)
    assert not imgfilt.correlate(GRAY, bits.view(np.float64)).any()  # all but zero
    column = imgfilt.correlate(GRAY, np.array([[1, 0, 0]]), border="wrap")
    row = imgfilt.correlate(GRAY, np.array([[1], [0], [0]]), border="wrap")
    np.testing.assert_array_equal(column, np.roll(GRAY, 1, axis=1))
    np.testing.assert_array_equal(row, np.roll(GRAY, 1, axis=0))
    swapped = np.array([[1, 0, 0]], ">i8")
    np.testing.assert_array_equal(imgfilt.correlate(GRAY, swapped, border="wrap"), column)


def test_a_kernel_of_any_strides_is_what_it_shows():
    kernel = np.arange(20.0).reshape(4, 5)
    for view in (kernel, kernel.T, kernel[::-1], kernel[::2, 1::2], np.asfortranarray(kernel)):
        want = imgfilt.correlate(GRAY, view.tolist(), dtype="float32")
        for _ in range(2):
            np.testing.assert_array_equal(imgfilt.correlate(GRAY, view, dtype="float32"), want)


def test_equal_values_of_other_types_are_checked_anew():
    imgfilt.box(GRAY, size=1)
    with pytest.raises(ValueError, match="size must be an odd integer"):
        imgfilt.box(GRAY, size=True)
    kernel = np.ones((2, 2))
    imgfilt.correlate(GRAY, kernel, stride=1, anchor=(0, 0))
    for wrong in (
        {"stride": True},
        {"dilation": True},
        {"stride": 1.0},
        {"stride": (1, True)},
        {"anchor": (0.0, 0)},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            imgfilt.correlate(GRAY, kernel, **wrong)
    imgfilt.pyr_down(GRAY, size=(12, 16))
    with pytest.raises(ValueError, match="size"):
        imgfilt.pyr_down(GRAY, size=(12.0, 16.0))


def test_images_of_another_kind_have_plans_of_their_own():
    want = imgfilt.box(GRAY, size=3)
    for image in (GRAY, GRAY[..., None], GRAY.astype(np.uint16), GRAY.astype(">u2"), GRAY.astype(np.float32)):
        result = imgfilt.box(image, size=3)
        assert result.shape == image.shape
        assert result.dtype == image.dtype.newbyteorder("=")
        np.testing.assert_allclose(result.reshape(want.shape), want, atol=0.51)
    np.testing.assert_array_equal(imgfilt.box(GRAY.T, size=3), want.T)


@pytest.mark.parametrize("order", "<>=")
def test_byte_orders_by_their_names(order):
    """The machine's own may be called "native" or by its name; the types are equal, what arrays tell of them is not."""
    for name in ("u2", "i2", "f4", "f8"):
        dtype = np.dtype(f">{name}").newbyteorder(order)
        for function in (imgfilt.sobel, imgfilt.integral, imgfilt.pyr_down):
            np.testing.assert_array_equal(function(GRAY.astype(dtype)), function(GRAY.astype(name)))
        if dtype == np.dtype(name):
            out = np.empty(GRAY.shape, dtype)
            imgfilt.box(GRAY.astype(name), size=3, out=out)
            np.testing.assert_array_equal(out, imgfilt.box(GRAY.astype(name), size=3))


def test_the_rest_of_a_call_counts_each_time():
    want = {value: imgfilt.box(GRAY, size=5, border="constant", cval=value) for value in (0, 9.0)}
    assert (want[0] != want[9.0]).any()
    np.testing.assert_array_equal(imgfilt.box(GRAY, size=5, border="constant", cval=0), want[0])
    with pytest.raises(TypeError, match="cval must be a number, got 'black'"):
        imgfilt.box(GRAY, size=5, cval="black")
    for threads in (0, True, 1.0, "2"):
        with pytest.raises(ValueError, match="threads must be a positive integer"):
            imgfilt.box(GRAY, size=5, threads=threads)
    for out, what in (
        (np.empty((24, 30), np.uint8), r"shape \(24, 31\)"),
        (np.empty((24, 31, 1), np.uint8), r"shape \(24, 31\)"),
        (np.empty((24, 31), np.int8), "dtype uint8"),
        (GRAY.tolist(), "a numpy array, got list"),
        (memoryview(bytearray(GRAY.tobytes())).cast("B", (24, 31)), "a numpy array"),
        (np.broadcast_to(np.uint8(0), (24, 31)), "writable"),
    ):
        with pytest.raises((TypeError, ValueError), match=what):
            imgfilt.box(GRAY, size=5, out=out)


def test_arrays_whose_elements_are_not_aligned():
    table = np.zeros((24, 31), np.dtype([("flag", "u1"), ("value", "<u2"), ("more", "<f4")]))
    table["value"] = noise((24, 31), "uint16")
    table["more"] = noise((24, 31), "float32")
    for name in ("value", "more"):
        image = table[name]
        assert not image.flags.aligned
        want, area = imgfilt.box(image.copy(), size=3), imgfilt.integral(image.copy())
        for _ in range(2):
            np.testing.assert_array_equal(imgfilt.box(image, size=3), want)
            np.testing.assert_array_equal(imgfilt.median(image, size=3), imgfilt.median(image.copy(), size=3))
        np.testing.assert_array_equal(imgfilt.integral(image), area)
        assert imgfilt.box(image, size=3, out=image) is image
        np.testing.assert_array_equal(image, want)
        assert not table["flag"].any()


def test_a_filter_that_is_loaded_again_is_another(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "_loaded", {})  # other tests must not see it
    monkeypatch.setattr(imgfilt, "of_calls", None, raising=False)
    pipeline = "identity | of_calls"
    for scale in (2, 3):
        (tmp_path / "of_calls.toml").write_text(
            f'name = "of_calls"\nfamily = "basic"\nsummary = "For a test"\n'
            f'[[node]]\nop = "convolve"\nkernel = [[{scale}]]\n'
        )
        function = imgfilt.load(tmp_path / "of_calls.toml")
        want = scale * GRAY.astype(np.float32)
        for _ in range(2):
            np.testing.assert_array_equal(imgfilt.apply(pipeline, GRAY, dtype="float32"), want)
            np.testing.assert_array_equal(function(GRAY, dtype="float32"), want)


def test_the_kernel_of_a_pipeline_is_read_each_time(tmp_path):
    file = tmp_path / "kernel.txt"
    for weight in (1, 0):
        file.write_text(f"0 0 0\n0 {weight} 0\n0 0 0\n")
        np.testing.assert_array_equal(imgfilt.apply(f"correlate kernel={file}", GRAY), weight * GRAY)


def test_what_is_remembered_has_an_end():
    for bias in range(calls._CACHE_SIZE + 20):
        imgfilt.correlate(GRAY[:2, :2], np.ones((1, 1)), bias=bias / 7)
    assert len(calls._ready) <= calls._CACHE_SIZE
    assert len(calls._planned) <= calls._CACHE_SIZE


def test_calls_from_many_threads():
    kernels = [np.full((1, 1), k, np.float32) for k in range(1, 9)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(5):
                calls._ready.clear()
                results = [pool.submit(imgfilt.correlate, GRAY, k, dtype="int16") for k in kernels * 20]
                for result, k in zip(results, kernels * 20, strict=True):
                    np.testing.assert_array_equal(result.result(), GRAY.astype(np.int16) * int(k[0, 0]))
    finally:
        sys.setswitchinterval(interval)
