"""Frames that cover parts of a canvas, made into whole pictures as they are shown one after another.

GIF89a specification, section 23; PNG specification, third edition, section 11.3.6 and figures 14 and 15.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgfilt.records import record

KEEP, CLEAR, UNDO = 0, 1, 2
Data = TypeVar("Data")


@record
class Frame(Generic[Data]):
    """Where a frame lies and for how many milliseconds it is shown.

    `after` says what becomes of its area then (KEEP, CLEAR, UNDO); `over`: it is laid over what is there,
    else it replaces it. `data` is how its format finds its pixels.
    """

    width: int
    height: int
    x: int
    y: int
    duration: float
    after: int
    over: bool
    data: Data


@record
class Animation(Generic[Data]):
    """Frames on a canvas of (width, height). `plays` counts the first time too, 0: for ever."""

    canvas: tuple[int, int]
    frames: tuple[Frame[Data], ...]
    plays: int

    @property
    def shows_through(self) -> bool:
        """Whether the canvas may be seen where no frame is: then the pictures need alpha."""
        whole = [(frame.width, frame.height) == self.canvas for frame in self.frames]
        cleared = any(frame.after == CLEAR for frame in self.frames) or self.frames[0].after == UNDO
        return not whole[0] or (cleared and not all(whole))


def composed(
    animation: Animation[Data], decode: Callable[[Frame[Data]], NDArray[Any]], channels: int
) -> list[NDArray[Any]]:
    """The whole canvas, with so many channels, as every frame leaves it.

    `decode` gives a frame's own pixels, (H, W[, C]) of one dtype and as many channels, or with fewer: then it
    has no alpha and gets some.
    """
    results: list[NDArray[Any]] = []
    canvas: NDArray[Any] | None = None
    for number, frame in enumerate(animation.frames):
        pixels = _with_channels(decode(frame), channels)
        if canvas is None:
            canvas = np.zeros((animation.canvas[1], animation.canvas[0], channels), pixels.dtype)
        area = canvas[frame.y : frame.y + frame.height, frame.x : frame.x + frame.width]
        before = area.copy() if frame.after == UNDO else None
        if frame.over and channels in (2, 4):
            _lay_over(area, pixels)
        else:
            area[:] = pixels
        results.append((canvas[..., 0] if channels == 1 else canvas).copy())
        if frame.after == CLEAR or (frame.after == UNDO and number == 0):
            area[:] = 0
        elif before is not None:
            area[:] = before
    return results


def _with_channels(pixels: NDArray[Any], channels: int) -> NDArray[Any]:
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    if pixels.shape[2] == channels:
        return pixels
    opaque = np.full((*pixels.shape[:2], 1), np.iinfo(pixels.dtype).max, pixels.dtype)
    return np.concatenate([pixels, opaque], axis=2)


def _lay_over(below: NDArray[Any], above: NDArray[Any]) -> None:
    """`above` laid over `below`, in place; colours are not premultiplied, alpha is the last channel."""
    full = np.iinfo(above.dtype).max
    seen, mixed = above[..., -1:] > 0, (above[..., -1:] > 0) & (above[..., -1:] < full)
    np.copyto(below, above, where=seen & ~mixed)
    rows, columns = np.nonzero(mixed[..., 0])
    if rows.size:
        upper, lower = above[rows, columns] / full, below[rows, columns] / full
        alpha = upper[:, -1:]
        rest = lower[:, -1:] * (1 - alpha)
        colours = (upper[:, :-1] * alpha + lower[:, :-1] * rest) / (alpha + rest)
        blended = np.concatenate([colours, alpha + rest], axis=1)
        below[rows, columns] = np.rint(blended * full).astype(above.dtype)
