"""Chains of filters written as a TOML file: steps, how to run them, and what the results are written as."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from imgfilt.borders import canonical
from imgfilt.catalog import CatalogError, KeyedError, Located, located, read_toml
from imgfilt.params import nearest
from imgfilt.spec import FilterSpec
from imgfilt.stages import ALPHAS, PRECISIONS, Stage
from imgfilt.steps import StepError, make_stage
from imgfilt.toml_lines import lines_of

KEYWORDS: dict[str, tuple[tuple[type, ...], tuple[str, ...]]] = {  # types, and the values where those are few
    "precision": ((str,), PRECISIONS),
    "border": ((str,), ()),
    "cval": ((int, float), ()),
    "color": ((str,), ("luma", "each")),
    "alpha": ((str,), ALPHAS),
    "linear_light": ((bool,), ()),
}
OUTPUT_KEYS: dict[str, type] = {"folder": str, "name": str, "format": str, "quality": int, "bits": int}
_TEXTS = ("summary",)
_WORDS = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}


class RecipeError(ValueError):
    """A recipe is wrong; the message begins with its path and line."""


@dataclass(frozen=True)
class Recipe:
    """A recipe as loaded: its stages, the keywords of `imgfilt.apply` that it sets, and its [output] table."""

    name: str
    stages: tuple[Stage, ...]
    keywords: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""
    path: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    def where(self, key: str) -> str:
        """The file and the line of a keyword or a key of [output]."""
        return f"{self.path}:{self.lines[key]}" if key in self.lines else self.path


def is_recipe(data: Mapping[str, Any]) -> bool:
    """Whether what a TOML file holds is (or was meant to be) a recipe, not a filter."""
    return "node" not in data and ("step" in data or "output" in data)


def load_recipe(path: str | os.PathLike[str], filters: Mapping[str, FilterSpec]) -> Recipe:
    """The recipe of a TOML file, its steps found in `filters`. Files of kernels are relative to the recipe.

    Raises RecipeError that names the file, the line, the step and the key.
    """
    recipe, found = _read(os.fspath(path), filters)
    if recipe is None:
        raise RecipeError(found[0][1])
    return recipe


def recipe_problems(path: str | os.PathLike[str], filters: Mapping[str, FilterSpec]) -> list[str]:
    """Everything that is wrong with a recipe, a line of text each that begins with path and line; [] for none."""
    return [message for _, message in sorted(_read(os.fspath(path), filters)[1])]


def _read(file: str, filters: Mapping[str, FilterSpec]) -> tuple[Recipe | None, list[Located]]:
    try:
        text, data = read_toml(file)
    except CatalogError as error:
        return None, [(0, str(error))]
    found = [*_problems(data)]
    stages = []
    for index, table in enumerate(_steps(data)):
        try:
            stages.append(_stage(table, filters, os.path.dirname(file)))
        except StepError as error:
            found.append(KeyedError(str(error), "step", index, error.key))
    if found:
        return None, located(found, file, text)
    keywords = {key: data[key] for key in KEYWORDS if key in data}
    name = os.path.splitext(os.path.basename(file))[0]
    lines = {key: line for (table, _, key), line in lines_of(text).items() if table in ("", "output")}
    output, summary = data.get("output", {}), data.get("summary", "")
    return Recipe(name, tuple(stages), keywords, output, summary, file, lines), []


def _steps(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    steps = data.get("step")
    return [s for s in steps if isinstance(s, dict)] if isinstance(steps, list) else []


def _stage(table: Mapping[str, Any], filters: Mapping[str, FilterSpec], folder: str) -> Stage:
    name = table.get("filter")
    if name is None:
        raise StepError("the key 'filter' is missing: the name of a filter")
    if not isinstance(name, str):
        raise StepError(f"filter must be a filter's name, got {name!r:.60}", "filter")
    values = {key: value for key, value in table.items() if key != "filter"}
    try:
        return make_stage(name, values, filters, folder=folder, text=False)
    except StepError as error:
        raise StepError(str(error), error.key or "filter") from None


def _problems(data: Mapping[str, Any]) -> Iterator[KeyedError]:
    """What is wrong with the keys outside the steps."""
    known = (*_TEXTS, *KEYWORDS, "step", "output")
    for key, value in data.items():
        if key not in known:
            yield KeyedError(
                f"unknown key {key!r}{nearest(key, known)}; known are {', '.join(known)}", key=key
            )
        elif key in _TEXTS and not isinstance(value, str):
            yield KeyedError(f"{key} must be a string, got {value!r:.60}", key=key)
        elif key in KEYWORDS:
            problem = _keyword_problem(key, value)
            if problem:
                yield KeyedError(problem, key=key)
    steps = data.get("step")
    if not isinstance(steps, list) or not steps or len(_steps(data)) != len(steps):
        got = "" if steps is None else f", got {steps!r:.60}"
        yield KeyedError(f"a recipe needs its steps written as [[step]] tables{got}", key="step")
    output = data.get("output", {})
    if not isinstance(output, dict):
        yield KeyedError(f"output must be written as an [output] table, got {output!r:.60}", key="output")
        return
    for key, value in output.items():
        message = ""
        if key not in OUTPUT_KEYS:
            message = f"[output] has no key {key!r}{nearest(key, list(OUTPUT_KEYS))}; it has {', '.join(OUTPUT_KEYS)}"
        elif not isinstance(value, OUTPUT_KEYS[key]) or isinstance(value, bool):
            message = f"{key} must be {_WORDS[OUTPUT_KEYS[key]]}, got {value!r:.60}"
        if message:
            yield KeyedError(message, "output", key=key, numbered=False)


def _keyword_problem(key: str, value: object) -> str:
    types, choices = KEYWORDS[key]
    if not isinstance(value, types) or (bool not in types and isinstance(value, bool)):
        return f"{key} must be {_WORDS[types[-1]]}, got {value!r:.60}"
    if choices and value not in choices:
        return f"{key} must be one of {', '.join(choices)}, got {value!r}{nearest(str(value), choices)}"
    if key == "border":
        try:
            canonical(str(value))
        except ValueError as error:
            return str(error)
    return ""
