"""Whether two results are the same: asked before anything is timed."""

from __future__ import annotations

import numpy as np

from imgfilt.bench.case import Image


def difference(ours: Image, theirs: Image, tolerance: float, scale: float = 1.0) -> str | None:
    """What is wrong, in one line; None where the results agree.

    Integers may differ by `tolerance` steps, floats by `tolerance` times `scale`.

    >>> difference(np.array([[1, 7]], np.uint8), np.array([[1, 9]], np.uint8), tolerance=1)
    'differs by 2 at (0, 1) where 1 is allowed: 7, not 9; 1 pixel of 2 (50 %) is too far'
    """
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"is {theirs.dtype} {theirs.shape}, not {ours.dtype} {ours.shape}"
    apart = np.abs(ours.astype(np.float64) - theirs)
    allowed = tolerance * scale if ours.dtype.kind == "f" else tolerance
    wrong = ~(apart <= allowed)  # a NaN is wrong too
    if not wrong.any():
        return None
    count = int(wrong.sum())
    where = np.unravel_index(int(np.argmax(np.where(np.isnan(apart), np.inf, apart))), apart.shape)
    place = ", ".join(str(int(i)) for i in where)
    return (
        f"differs by {apart[where]:.3g} at ({place}) where {allowed:.3g} is allowed: "
        f"{ours[where]}, not {theirs[where]}; "
        f"{count} pixel{'s' * (count > 1)} of {apart.size} ({100 * count / apart.size:.2g} %) "
        f"{'are' if count > 1 else 'is'} too far"
    )
