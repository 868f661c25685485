"""Kernels as people write them: rows of numbers, ImageMagick's strings, and files of four kinds."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from imgfilt.kernel import Kernel

EXAMPLE = '"0 -1 0; -1 5 -1; 0 -1 0"'
EXTENSIONS = (".npy", ".mat", ".csv", ".tsv", ".txt")


class KernelError(ValueError):
    """A kernel's text or file is wrong; the message is one line that quotes it."""


class Given(NamedTuple):
    """A kernel, and what is added to its response: the offset of a libvips matrix, else 0."""

    kernel: Kernel
    bias: float = 0.0


def kernel_from(text: str, folder: str = "") -> Given:
    """The kernel that `text` writes out, or that the file it names holds (relative to `folder`).

    Text is rows between semicolons or line ends, numbers between spaces or commas, fractions such as 1/9 too; or an
    ImageMagick string (`imgfilt.magick`). Files: `.npy`; libvips's `.mat`, whose first line is width, height, scale
    and offset; `.csv`, `.tsv`, `.txt` and others as text, with # before comments.

    Raises KernelError.

    >>> kernel_from("1/4 1/2 1/4").kernel.weights.tolist()
    [[0.25, 0.5, 0.25]]
    """
    from imgfilt.magick import from_magick, is_magick

    path = os.path.join(folder, text)
    if "\0" not in path and os.path.isfile(path):
        return _from_file(path)
    if is_magick(text):
        try:
            return Given(from_magick(text))
        except ValueError as error:
            raise KernelError(str(error)) from None
    if text.lower().rstrip().endswith(EXTENSIONS):
        raise KernelError(f"there is no kernel file '{path}'")
    words = text.replace(";", " ").replace(",", " ").split()
    if not words or not _is_number(words[0]):
        raise KernelError(f"'{text:.80}' is neither a file nor a kernel like {EXAMPLE}")
    return Given(_rows(text, ""))


def normalized(kernel: Kernel) -> Kernel:
    """The kernel divided by its sum, so that it keeps the brightness. Raises KernelError where the sum is 0.

    >>> normalized(Kernel.of([[1, 2, 1]])).weights.tolist()
    [[0.25, 0.5, 0.25]]
    """
    total = float(kernel.weights.sum())
    if abs(total) <= 1e-12 * float(np.abs(kernel.weights).sum()):
        raise KernelError("normalizing divides by the sum of the weights, and that is 0")
    return Kernel.of(kernel.weights / total, kernel.anchor)


def weights_from(text: str, folder: str = "") -> tuple[tuple[float, ...], ...]:
    """The rows of the kernel of `kernel_from`, for parameters that are weights alone.

    Raises KernelError where it has an offset, or an origin of its own.
    """
    kernel, bias = kernel_from(text, folder)
    height, width = kernel.shape
    if bias:
        raise KernelError(f"'{text:.60}' has an offset of {bias:g}; here a kernel is its weights alone")
    if kernel.anchor not in ((height // 2, width // 2), ((height - 1) // 2, (width - 1) // 2)):
        raise KernelError(f"'{text:.60}' has an origin of its own; here it is the middle")
    return tuple(tuple(row) for row in kernel.weights.tolist())


def _from_file(path: str) -> Given:
    suffix = os.path.splitext(path)[1].lower()
    try:
        if suffix == ".npy":
            return Given(_checked(np.load(path, allow_pickle=False), path))
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as error:
        raise KernelError(f"'{path}' cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError) as error:
        reason = "not a text file in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise KernelError(f"'{path}' cannot be read: {' '.join(reason.split())}") from None
    if suffix == ".mat":
        return _from_vips(text, path)
    from imgfilt.magick import from_magick, is_magick

    if is_magick(text):
        try:
            return Given(from_magick(text))
        except ValueError as error:
            raise KernelError(f"'{path}': {error}") from None
    return Given(_rows(text, path))


def _from_vips(text: str, path: str) -> Given:
    """A libvips matrix: its response is the weighted sum over the scale, plus the offset."""
    if text.startswith("MATLAB"):
        raise KernelError(f"'{path}' is a MATLAB file, not a libvips matrix; save the kernel as .npy or .csv")
    lines = [line for line in text.translate({ord(c): " " for c in '",\t;'}).splitlines() if line.strip()]
    head = lines[0].split() if lines else []
    try:
        width, height = (int(word) for word in head[:2])
        scale, offset = (float(word) for word in [*head[2:4], *("1", "0")[len(head) - 2 :]][:2])
    except ValueError:
        raise KernelError(
            f"'{path}', line 1: a libvips matrix begins with width, height, scale and offset, got '{' '.join(head)}'"
        ) from None
    if width < 1 or height < 1 or not scale or not np.isfinite((scale, offset)).all():
        raise KernelError(
            f"'{path}', line 1: width and height start at 1, the scale is not 0, got '{lines[0]}'"
        )
    rows = lines[1 : height + 1]
    if len(rows) != height:
        raise KernelError(f"'{path}': line 1 says {height} rows, there are {len(rows)}")
    values = []
    for number, line in enumerate(rows, 1):
        words = line.split()
        try:
            row = [float(word) for word in words[:width]]
        except ValueError:
            raise KernelError(f"'{path}': row {number} '{line.strip():.60}' is not all numbers") from None
        if len(row) != width:
            raise KernelError(f"'{path}': line 1 says {width} columns, row {number} has {len(row)}")
        values.append(row)
    return Given(_checked(np.array(values) / scale, path), offset)


def _rows(text: str, path: str) -> Kernel:
    where = f"'{path}': " if path else ""
    rows: list[list[float]] = []
    for line in text.replace(";", "\n").splitlines():
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            rows.append([_number(word) for word in words])
        except ValueError:
            raise KernelError(f"{where}row {len(rows) + 1} '{line.strip():.60}' is not all numbers") from None
    if not rows:
        raise KernelError(f"{where}no numbers; a kernel looks like {EXAMPLE}")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise KernelError(f"{where}row {number} has {len(row)} numbers, row 1 has {len(rows[0])}")
    return _checked(np.array(rows), path)


def _checked(weights: Any, path: str) -> Kernel:
    where = f"'{path}': " if path else ""
    if weights.dtype.kind not in "biuf":
        raise KernelError(f"{where}a kernel holds real numbers, not {weights.dtype}")
    if weights.ndim != 2 or weights.size == 0:
        raise KernelError(f"{where}a kernel has two dimensions, this has shape {weights.shape}")
    if not np.isfinite(weights).all():
        raise KernelError(f"{where}every weight must be finite")
    return Kernel.of(weights.astype(np.float64))


def _is_number(word: str) -> bool:
    try:
        _number(word)
    except ValueError:
        return False
    return True


def _number(word: str) -> float:
    above, slash, below = word.partition("/")
    try:
        return float(above) / float(below) if slash else float(above)
    except ZeroDivisionError:
        raise ValueError(word) from None
