"""Image filters as one fused pass: blur, sharpen, emboss, edges, and any kernel you bring.

    from imgfilt import sobel, gaussian, correlate, apply, plan

Every filter of the catalogue is a function here: `imgfilt.filters()` names them.

Names are looked up on first use, so that `import imgfilt` itself loads nothing, not even numpy. For that no
submodule may have the name of a public function: importing it would set the package's attribute of that name.
Their types are in `__init__.pyi`, which docs/make_stubs.py writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__version__ = "0.1.0"
__all__ = [
    "Bands",
    "RowImage",
    "apply",
    "apply_filter",
    "backends",
    "box_sum",
    "conv2d",
    "conv_transpose2d",
    "convolve",
    "correlate",
    "depthwise_separable_conv2d",
    "export_wisdom",
    "filters",
    "forget_wisdom",
    "import_wisdom",
    "integral",
    "load",
    "plan",
    "plan_conv2d",
    "plan_conv_transpose2d",
    "pyr_down",
    "pyr_up",
    "separate",
    "upsample",
]
_ELSEWHERE = {
    "Bands": "imgfilt.bands",
    "RowImage": "imgfilt.bands",
    "conv2d": "imgfilt.bank.api",
    "conv_transpose2d": "imgfilt.transposed.api",
    "depthwise_separable_conv2d": "imgfilt.bank.api",
    "export_wisdom": "imgfilt.wisdom",
    "forget_wisdom": "imgfilt.wisdom",
    "import_wisdom": "imgfilt.wisdom",
    "load": "imgfilt.functions",
    "plan_conv2d": "imgfilt.bank.api",
    "plan_conv_transpose2d": "imgfilt.transposed.api",
    "pyr_down": "imgfilt.resizing",
    "pyr_up": "imgfilt.resizing",
    "separate": "imgfilt.kernel",
    "upsample": "imgfilt.resizing",
}
"""The modules of public functions that are not in `imgfilt.api`."""


def __getattr__(name: str) -> Callable[..., Any]:
    """A public function, or that of a catalogue filter, made on first use."""
    if name in __all__:
        from importlib import import_module

        found: Callable[..., Any] = getattr(import_module(home(name)), name)
    else:
        found = _filter(name)
    one: Callable[..., Any] = globals().setdefault(name, found)  # though threads ask at once
    return one


def home(name: str) -> str:
    """The module that a name of `__all__` comes from."""
    return _ELSEWHERE.get(name, "imgfilt.api")


def _filter(name: str) -> Callable[..., Any]:
    missing = f"module 'imgfilt' has no attribute {name!r}"
    if name.startswith("_"):
        raise AttributeError(missing)
    from importlib.util import find_spec

    # `from imgfilt import graph` asks for the attribute before it imports the submodule
    if name.isidentifier() and find_spec(f"imgfilt.{name}") is not None:
        raise AttributeError(f"{missing}; the submodule needs `import imgfilt.{name}`")
    from imgfilt.catalog import UnknownFilterError, builtin_filter

    try:
        spec = builtin_filter(name)
    except UnknownFilterError as error:
        raise AttributeError(f"{missing}: {error}") from None
    from imgfilt.functions import make_function

    return make_function(spec)


def __dir__() -> list[str]:
    from imgfilt.api import filters

    return sorted({*globals(), *__all__, *filters()})
