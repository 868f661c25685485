"""Image filters as one fused pass: blur, sharpen, emboss, edges, and any kernel you bring.

    from imgfilt import sobel, gaussian, correlate, apply, plan

Every filter of the catalogue is a function here: `imgfilt.filters()` names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgfilt.api import (
    apply,
    apply_filter,
    backends,
    box_sum,
    convolve,
    correlate,
    filters,
    integral,
    plan,
)
from imgfilt.kernel import separate

if TYPE_CHECKING:
    from collections.abc import Callable

__version__ = "0.1.0"
__all__ = [
    "apply",
    "apply_filter",
    "backends",
    "box_sum",
    "convolve",
    "correlate",
    "filters",
    "integral",
    "plan",
    "separate",
]


def __getattr__(name: str) -> Callable[..., Any]:
    """The function of a catalogue filter, made on first use."""
    if name.startswith("_"):
        raise AttributeError(f"module 'imgfilt' has no attribute {name!r}")
    from imgfilt.catalog import UnknownFilterError, builtin, find
    from imgfilt.functions import make_function

    try:
        function = make_function(find(name, builtin()))
    except UnknownFilterError as error:
        raise AttributeError(f"module 'imgfilt' has no attribute {name!r}: {error}") from None
    globals()[name] = function
    return function


def __dir__() -> list[str]:
    return sorted([*globals(), *filters()])
