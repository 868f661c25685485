"""What callers pass in: checked, and made into arrays that the engine takes."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

DTYPES = ("uint8", "uint16", "int16", "float32", "float64")
_NAMES = {np.dtype(name): name for name in DTYPES}


def as_image(image: object) -> NDArray[Any]:
    """`image` as an array of (H, W) or (H, W, C) in one of the five dtypes, native byte order; no copy if it is one.

    Anything with `__array__` or DLPack in main memory will do. Raises TypeError for what is not an array of numbers,
    lies on a GPU or has an unsupported dtype, ValueError for wrong shapes.
    """
    array = image if isinstance(image, np.ndarray) else _foreign(image)
    if array.dtype not in _NAMES:
        native = array.dtype.newbyteorder("=")
        if native in _NAMES:
            array = array.astype(native)
        else:
            raise TypeError(
                f"image dtype must be one of {', '.join(DTYPES)}, got {array.dtype}{_advice(array.dtype)}"
            )
    if array.ndim not in (2, 3):
        raise ValueError(f"image must have shape (H, W) or (H, W, C), got {array.shape}")
    if 0 in array.shape:
        raise ValueError(f"image must have at least one pixel, got shape {array.shape}")
    return array


_MAIN_MEMORY = (1, 3, 11)
"""DLPack's devices that the processor reads: its own memory, and that pinned for CUDA or ROCm."""


def _foreign(image: Any) -> NDArray[Any]:
    """What is no NumPy array as one, without a copy where it offers its memory."""
    name = f"{type(image).__module__}.{type(image).__qualname__}"
    try:
        elsewhere = (
            hasattr(image, "__dlpack_device__") and int(image.__dlpack_device__()[0]) not in _MAIN_MEMORY
        )
    except ValueError:  # a device that DLPack has no number for
        elsewhere = True
    if elsewhere or hasattr(image, "__cuda_array_interface__"):
        raise TypeError(
            f"image is on a GPU or another device ({name}), imgfilt works in main memory; copy it first, as with "
            "cupy.asnumpy(image) or image.cpu()"
        )
    if (
        not isinstance(image, list | tuple)
        and not hasattr(image, "__array__")
        and hasattr(image, "__dlpack__")
    ):
        try:
            return np.from_dlpack(image)
        except (BufferError, RuntimeError, TypeError) as error:
            raise TypeError(f"image ({name}) cannot be read through DLPack: {error}") from None
    try:
        return np.asarray(image)
    except ValueError:
        raise ValueError(f"image rows must all have the same length, got {image!r:.60}") from None
    except (
        TypeError,
        RuntimeError,
    ) as error:  # torch: types that NumPy has not, tensors that need their gradient
        raise TypeError(
            f"image ({name}) cannot be made into an array: {' '.join(str(error).split())}"
        ) from None


def is_tensor(image: object) -> bool:
    """Whether `image` is a torch.Tensor, without importing torch."""
    return type(image).__module__.partition(".")[0] == "torch" and hasattr(image, "data_ptr")


def to_tensor(array: NDArray[Any]) -> Any:
    """An array as a torch.Tensor of the same memory."""
    import torch  # type: ignore[import-not-found,unused-ignore]  # loaded already: a tensor came in

    return torch.from_numpy(array)


def _advice(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "b":
        return "; convert it with image.astype('uint8') * 255"
    if dtype.kind in "iuf":
        return "; convert it with image.astype('float32') or another of them"
    return ""


def dtype_name(array: NDArray[Any]) -> str:
    """The name of a supported array's dtype."""
    return _NAMES[array.dtype]


def as_dtype(dtype: object) -> str:
    """The name of a requested output dtype.

    Raises TypeError where it is not one of the five.
    """
    try:
        name = np.dtype(dtype).name  # type: ignore[call-overload]
    except TypeError:
        name = repr(dtype)
    if name not in DTYPES:
        raise TypeError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
    return str(name)


def check_out(out: object, shape: tuple[int, ...], dtype: str | np.dtype[Any]) -> NDArray[Any]:
    """`out` if it is a writable array of the shape and dtype that the result has.

    Raises TypeError or ValueError where it is not.
    """
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy array, got {type(out).__name__}")
    if out.dtype != np.dtype(dtype):
        raise TypeError(f"out must have dtype {dtype}, got {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"out must have shape {shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out must be writable, got a read-only array")
    return out


def is_pil(image: object) -> TypeGuard[Any]:
    """Whether `image` is a PIL.Image, without importing PIL."""
    return type(image).__module__.partition(".")[0] == "PIL" and hasattr(image, "getbands")


def from_pil(image: Any) -> tuple[NDArray[Any], bool]:
    """A PIL image as an array, and whether its last channel is alpha.

    Raises TypeError for modes that hold no picture of the supported kinds.
    """
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("PA", "La", "RGBa"):
        image = image.convert("RGBA" if image.mode != "La" else "LA")
    elif image.mode == "I":
        return np.asarray(image).astype(np.float32), False
    elif image.mode not in (
        "L",
        "LA",
        "RGB",
        "RGBA",
        "CMYK",
        "YCbCr",
        "LAB",
        "HSV",
        "F",
    ) and not image.mode.startswith("I;16"):
        raise TypeError(
            f"PIL image mode must be one of L, LA, RGB, RGBA, I;16, F and the like, got {image.mode!r}"
        )
    array = np.asarray(image)
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("="))
    return array, image.mode in ("LA", "RGBA")


def to_pil(array: NDArray[Any], like: Any) -> Any:
    """An array as a PIL image; colour modes of `like` other than RGB are kept where the channels agree."""
    from PIL import Image

    if array.ndim == 3 and array.dtype == np.uint8:
        modes = {2: "LA", 3: "RGB", 4: "RGBA"}
        mode = (
            like.mode
            if len(like.getbands()) == array.shape[2] and like.mode != "P"
            else modes[array.shape[2]]
        )
        return Image.frombytes(mode, (array.shape[1], array.shape[0]), np.ascontiguousarray(array).tobytes())
    if array.ndim == 2 and array.dtype in (np.uint8, np.uint16, np.float32):
        return Image.fromarray(np.ascontiguousarray(array))
    raise TypeError(
        f"PIL has no image mode for shape {array.shape} and dtype {array.dtype}; pass an array instead"
    )
