"""Whether two results are the same: asked before anything is timed."""

from __future__ import annotations

import numpy as np

from imgfilt.bench.case import Image

_ELEMENTS = 1 << 22  # compared at once


def difference(ours: Image, theirs: Image, tolerance: float, scale: float = 1.0) -> str | None:
    """What is wrong, in one line; None where the results agree.

    Integers may differ by `tolerance` steps, floats by `tolerance` times `scale`.

    >>> difference(np.array([[1, 7]], np.uint8), np.array([[1, 9]], np.uint8), tolerance=1)
    'differs by 2 at (0, 1) where 1 is allowed: 7, not 9; 1 pixel of 2 (50 %) is too far'
    """
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"is {theirs.dtype} {theirs.shape}, not {ours.dtype} {ours.shape}"
    allowed = tolerance * scale if ours.dtype.kind == "f" else tolerance
    rows = max(1, _ELEMENTS // max(1, ours[:1].size))
    count, worst = 0, -1.0
    where: tuple[int, ...] = ()
    for top in range(0, len(ours), rows):
        a, b = ours[top : top + rows], theirs[top : top + rows]
        if np.array_equal(a, b):
            continue
        apart = np.abs(a.astype(np.float64) - b)
        wrong = ~(apart <= allowed)  # a NaN is wrong too
        if not wrong.any():
            continue
        count += int(wrong.sum())
        apart = np.where(np.isnan(apart), np.inf, apart)
        if apart.max() > worst:
            place = np.unravel_index(int(np.argmax(apart)), apart.shape)
            worst, where = float(apart[place]), (int(place[0]) + top, *map(int, place[1:]))
    if not count:
        return None
    return (
        f"differs by {worst:.3g} at ({', '.join(map(str, where))}) where {allowed:.3g} is allowed: "
        f"{ours[where]}, not {theirs[where]}; "
        f"{count} pixel{'s' * (count > 1)} of {ours.size} ({100 * count / ours.size:.2g} %) "
        f"{'are' if count > 1 else 'is'} too far"
    )
