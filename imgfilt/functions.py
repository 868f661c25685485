"""A Python function for each filter of the catalogue and each file, its signature and docstring made from data."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from types import NoneType
from typing import Any

import numpy as np

from imgfilt import catalog
from imgfilt.api import apply_filter, apply_stages
from imgfilt.calls import Options, ready, run, run_stages
from imgfilt.params import expected
from imgfilt.recipes import Recipe, is_recipe, load_recipe
from imgfilt.spec import FilterSpec
from imgfilt.stages import Stage


def _keywords(function: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.items()
    return {name: p.default for name, p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


_COMMON = _keywords(apply_filter)
_OPTIONS = _COMMON.keys() & {*Options._fields}
_PLAIN = (str, bool, int, float, type, np.dtype, np.generic, NoneType)
"""Types whose values mean the same where they are equal and of the same type."""
_OF_CHAINS = _keywords(apply_stages)


def load(path: str | os.PathLike[str]) -> Callable[..., Any]:
    """The function of a TOML file: of a filter of your own, or of a recipe.

    A filter's function has its parameters as keywords beside the common ones. From now on it is also
    `imgfilt.<its name>`, `imgfilt.apply` knows the name as a step, and so do recipes; loading a file of the same name
    again takes its place. A recipe's function is called with an image; the keywords of `imgfilt.apply` override what
    the recipe says, its [output] table is for the command line.

    Raises CatalogError or RecipeError (ValueErrors) that name the file, the line and the key, and ValueError where the
    name of a filter is one of imgfilt's own.

    >>> import imgfilt  # doctest: +SKIP
    >>> glow = imgfilt.load("mine/glow.toml")  # doctest: +SKIP
    >>> glow(image, sigma=12)  # doctest: +SKIP
    """
    if is_recipe(catalog.read_toml(os.fspath(path))[1]):
        return make_recipe_function(load_recipe(path, catalog.known()))
    spec = catalog.load(path)
    if is_own_name(spec.name):
        raise ValueError(
            f"{spec.path}: the name {spec.name!r} is one of imgfilt's own; give the filter another"
        )
    import imgfilt

    function = make_function(spec)
    catalog.remember(spec)
    setattr(imgfilt, spec.name, function)
    return function


def is_own_name(name: str) -> bool:
    """Whether `imgfilt.name` is something that came with the package."""
    from importlib.util import find_spec

    import imgfilt

    return name in imgfilt.__all__ or name in catalog.builtin() or find_spec(f"imgfilt.{name}") is not None


def make_function(spec: FilterSpec) -> Callable[..., Any]:
    """The function `spec.name(image, *, <its parameters>, <the common keywords>)`.

    >>> from imgfilt.catalog import builtin
    >>> make_function(builtin()["gaussian"]).__name__
    'gaussian'
    """

    def function(
        image: Any, *, cval: float = 0.0, out: Any = None, threads: int | None = None, **keywords: Any
    ) -> Any:
        values = keywords.values()
        arguments = (function, *keywords, *values, *map(type, values))
        executable = ready(image, arguments)
        if executable is not None:
            return run(executable, image, out, cval, threads)
        plain = all(isinstance(value, _PLAIN) for value in values)
        options = Options(**{name: keywords.pop(name) for name in _OPTIONS & keywords.keys()})
        stages = (Stage(spec, keywords),)
        return run_stages(stages, image, options, cval, out, threads, arguments if plain else None)

    return _dressed(function, spec.name, docstring(spec), [(p.name, p.default) for p in spec.params], _COMMON)


def make_recipe_function(recipe: Recipe) -> Callable[..., Any]:
    """The function `recipe.name(image, *, <the keywords of apply>)`, whose defaults are what the recipe says."""
    defaults = _OF_CHAINS | dict(recipe.keywords)

    def function(image: Any, **keywords: Any) -> Any:
        for name in keywords:
            if name not in defaults:
                raise TypeError(f"{recipe.name}() has no keyword {name!r}; it has {', '.join(defaults)}")
        return apply_stages(recipe.stages, image, **(defaults | keywords))

    chain = " | ".join(stage.title for stage in recipe.stages)
    doc = f"{recipe.summary or 'A recipe'}.\n\n{chain}\n\nThe keywords are those of `imgfilt.apply`."
    return _dressed(function, recipe.name, doc, [], defaults)


def _dressed(
    function: Callable[..., Any], name: str, doc: str, own: Iterable[tuple[str, Any]], common: dict[str, Any]
) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__module__ = "imgfilt"
    function.__doc__ = doc
    parameter = inspect.Parameter
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            parameter("image", parameter.POSITIONAL_ONLY),
            *(
                parameter(key, parameter.KEYWORD_ONLY, default=value)
                for key, value in (*own, *common.items())
            ),
        ]
    )
    return function


def docstring(spec: FilterSpec) -> str:
    """What a filter's function says of itself."""
    import textwrap

    result = "a gray result" if spec.color == "luma" else "each channel filtered alone"
    common = (
        f"A colour image gives {result} unless `color` says otherwise. The other keywords, types and errors "
        "are those of `imgfilt.apply_filter`."
    )
    lines = [f"{spec.summary}.", ""]
    for p in spec.params:
        text = f"{p.name}: {expected(p)}, by default {p.default!r}: {p.help}"
        lines += textwrap.wrap(text, 100, subsequent_indent="    ")
    if spec.params:
        lines.append("")
    lines += textwrap.wrap(common, 100)
    if spec.source:
        lines += ["", *textwrap.wrap(f"Source: {spec.source}.", 100)]
    return "\n".join(lines)
