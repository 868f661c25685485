"""What may be passed as an image besides NumPy arrays, and what is said about what may not."""

import numpy as np
import pytest

import imgfilt

IMAGE = np.random.default_rng(4).integers(0, 256, (20, 30, 3), dtype=np.uint8)


class Arrayed:
    def __array__(self, dtype=None, copy=None):
        return IMAGE


class Packed:
    """DLPack and nothing else."""

    def __init__(self, device=(1, 0)):
        self.device = device

    def __dlpack__(self, **keywords):
        return IMAGE.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.device


class Cupy:
    @property
    def __cuda_array_interface__(self):
        return {"shape": (20, 30), "typestr": "|u1", "data": (0, False), "version": 3}

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


@pytest.mark.parametrize("image", [Arrayed(), Packed(), Packed((3, 0)), IMAGE.tolist()])
def test_arrays_of_others(image):
    if isinstance(image, list):
        image = np.asarray(image, np.uint8).view()
    np.testing.assert_array_equal(imgfilt.sobel(image), imgfilt.sobel(IMAGE))
    np.testing.assert_array_equal(imgfilt.integral(image), imgfilt.integral(IMAGE))


@pytest.mark.parametrize("image", [Cupy(), Packed((2, 0)), Packed((10, 1))])
def test_arrays_on_a_gpu_are_refused(image):
    name = type(image).__name__
    with pytest.raises(
        TypeError, match=rf"image is on a GPU or another device \(.*{name}\), imgfilt works in main"
    ):
        imgfilt.gaussian(image, sigma=2)


def test_what_fails_to_pack():
    class Broken(Packed):
        def __dlpack__(self, **keywords):
            raise BufferError("read-only")

    with pytest.raises(TypeError, match=r"Broken\) cannot be read through DLPack: read-only"):
        imgfilt.box(Broken())


def test_what_is_no_image():
    for thing in ("photo.jpg", object(), None):
        with pytest.raises(TypeError, match="image dtype must be one of"):
            imgfilt.box(thing)
    with pytest.raises(ValueError, match="image rows must all have the same length"):
        imgfilt.box([[1, 2], [3]])


# --- torch --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="needs torch")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
def test_a_tensor_gives_a_tensor(torch, dtype):
    array = IMAGE.astype(dtype)
    got = imgfilt.apply("gaussian sigma=1 | sobel", torch.from_numpy(array))
    assert isinstance(got, torch.Tensor)
    np.testing.assert_array_equal(got.numpy(), imgfilt.apply("gaussian sigma=1 | sobel", array))
    got.zero_()  # writable, and memory of its own


def test_tensors_of_any_strides_and_out(torch):
    planes = torch.from_numpy(IMAGE).permute(2, 0, 1).contiguous()
    got = imgfilt.gaussian(planes.permute(1, 2, 0), sigma=2)
    np.testing.assert_array_equal(got.numpy(), imgfilt.gaussian(IMAGE, sigma=2))
    out = np.empty_like(IMAGE)
    assert imgfilt.gaussian(torch.from_numpy(IMAGE), sigma=2, out=out) is out


def test_tensors_that_numpy_cannot_have(torch):
    with pytest.raises(TypeError, match=r"torch.Tensor\) cannot be made into an array: .*requires grad"):
        imgfilt.box(torch.zeros(4, 4, requires_grad=True))
    with pytest.raises(TypeError, match="BFloat16"):
        imgfilt.box(torch.zeros(4, 4, dtype=torch.bfloat16))
    with pytest.raises(TypeError, match="image is on a GPU or another device"):
        imgfilt.box(torch.zeros(4, 4, device="meta"))
