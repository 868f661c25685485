"""A Python function for each filter of the catalogue, with a signature and a docstring made from its spec."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from imgfilt.api import apply_filter
from imgfilt.params import expected
from imgfilt.spec import FilterSpec

_COMMON = {
    name: p.default
    for name, p in inspect.signature(apply_filter).parameters.items()
    if p.kind is inspect.Parameter.KEYWORD_ONLY
}


def make_function(spec: FilterSpec) -> Callable[..., Any]:
    """The function `spec.name(image, *, <its parameters>, <the common keywords>)`.

    >>> from imgfilt.catalog import builtin
    >>> make_function(builtin()["gaussian"]).__name__
    'gaussian'
    """

    def function(image: Any, **keywords: Any) -> Any:
        common = {name: keywords.pop(name) for name in _COMMON.keys() & keywords.keys()}
        return apply_filter(spec, image, keywords, **common)

    function.__name__ = function.__qualname__ = spec.name
    function.__module__ = "imgfilt"
    function.__doc__ = _docstring(spec)
    parameter = inspect.Parameter
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            parameter("image", parameter.POSITIONAL_ONLY),
            *(parameter(p.name, parameter.KEYWORD_ONLY, default=p.default) for p in spec.params),
            *(parameter(name, parameter.KEYWORD_ONLY, default=default) for name, default in _COMMON.items()),
        ]
    )
    return function


def _docstring(spec: FilterSpec) -> str:
    lines = [f"{spec.summary}.", ""]
    lines += [f"{p.name}: {expected(p)}, by default {p.default!r}: {p.help}" for p in spec.params]
    if spec.params:
        lines.append("")
    lines += [
        f"A colour image gives {'a gray result' if spec.color == 'luma' else 'each channel filtered alone'} unless",
        "`color` says otherwise. The other keywords, types and errors are those of `imgfilt.apply_filter`.",
    ]
    if spec.source:
        lines += ["", f"Source: {spec.source}."]
    return "\n".join(lines)
