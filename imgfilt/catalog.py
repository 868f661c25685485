"""Filters from TOML: the built-in catalogue and a user's own files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from imgfilt.build import problems as check_all
from imgfilt.params import KINDS, ParameterError, nearest, validate
from imgfilt.records import replace
from imgfilt.spec import FilterSpec, Param

FAMILIES = ("blur", "sharpen", "emboss", "edges", "texture", "basic")

CHOICES = {"family": FAMILIES, "color": ("luma", "each"), "rounding": ("half_even", "half_up")}
STRINGS = ("name", "family", "summary", "source", "example", "color", "rounding")
NEEDED = ("name", "family", "summary", "node")
PARAM_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "kind": (str,),
    "default": (str, int, float, bool, list),
    "help": (str,),
    "minimum": (int, float),
    "maximum": (int, float),
    "exclusive_minimum": (bool,),
    "choices": (list,),
    "unit": (str,),
}
RESERVED = ("image", "filter", "border", "cval", "dtype", "out", "threads", "backend", "color", "alpha", "linear_light",
            "precision")  # fmt: skip
"""The keywords that every filter has, which no parameter may be called."""

_WORD = re.compile(r"[a-z][a-z0-9_]*")


class CatalogError(ValueError):
    """A filter's TOML file cannot be read or is wrong; the message begins with its path and line."""


class UnknownFilterError(ValueError):
    """No filter has the name that was asked for."""


def filters_dir() -> str:
    """The folder of the built-in filters: inside the installed package, or beside it in a source checkout."""
    package = os.path.dirname(os.path.abspath(__file__))
    for folder in (os.path.join(package, "filters"), os.path.join(os.path.dirname(package), "filters")):
        if os.path.isdir(folder):
            return folder
    raise CatalogError(f"{package}: the folder of built-in filters is missing; install imgfilt again")


@lru_cache(maxsize=1)
def builtin() -> dict[str, FilterSpec]:
    """The built-in filters by name, in alphabetical order; read once. Do not change the dictionary."""
    return load_dir(filters_dir())


@lru_cache
def builtin_filter(name: str) -> FilterSpec:
    """As `find(name, builtin())`, but reads only the file of that name where there is one (0.3 ms, not 6)."""
    stem = name.replace("-", "_")
    file = os.path.join(filters_dir(), f"{stem}.toml")
    if _WORD.fullmatch(stem) and os.path.isfile(file):
        return load(file)
    return find(name, builtin())


_loaded: dict[str, FilterSpec] = {}
_edition = 0


def known() -> dict[str, FilterSpec]:
    """The built-in filters, and those that the program has loaded, by name."""
    return {**builtin(), **_loaded} if _loaded else builtin()


def remember(spec: FilterSpec) -> None:
    """Makes a filter one of those that `known` gives; a later one of the same name takes its place."""
    global _edition
    _loaded[spec.name] = spec
    _edition += 1  # afterwards: who read it before may know the old filter under the old number


def edition() -> int:
    """A number that changes when `known` does."""
    return _edition


def load_dir(path: str | os.PathLike[str]) -> dict[str, FilterSpec]:
    """The filters of all `*.toml` files in a folder, by name; CatalogError where two have the same name."""
    folder = os.fspath(path)
    if not os.path.isdir(folder):
        raise CatalogError(f"{folder}: not a folder of filters")
    specs: dict[str, FilterSpec] = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".toml"):
            continue
        file = os.path.join(folder, name)
        spec = load(file)
        if spec.name in specs:
            raise CatalogError(f"{file}: {specs[spec.name].path} has a filter {spec.name!r} too")
        specs[spec.name] = spec
    return specs


def load(path: str | os.PathLike[str]) -> FilterSpec:
    """The filter of one TOML file, checked. Raises CatalogError that names the file, the line and the key."""
    spec, found = _read(os.fspath(path))
    if spec is None:
        raise CatalogError(found[0][1])
    return spec


def problems(path: str | os.PathLike[str]) -> list[str]:
    """Everything that is wrong with a filter's file, a line of text each that begins with path and line; [] for none.

    What can only be told when the rest is right (names of nodes, kernels that cannot be made) comes alone.
    """
    return [message for _, message in sorted(_read(os.fspath(path))[1])]


def read_toml(file: str) -> tuple[str, dict[str, Any]]:
    """A TOML file's text and what it holds. Raises CatalogError that names the file and the line."""
    import tomllib

    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file in UTF-8"
        raise CatalogError(f"{file}: {reason}") from None
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        raise CatalogError(f"{file}{f':{where[1]}' if where else ''}: not TOML: {error}") from None


def _read(file: str) -> tuple[FilterSpec | None, list[Located]]:
    """The filter of a file if nothing is wrong with it, and all that is."""
    try:
        text, data = read_toml(file)
    except CatalogError as error:
        return None, [(0, str(error))]
    found = [*_outer_problems(data)]
    spec = None
    if not found:
        spec = _spec(data, file)
        found = [*_default_problems(spec)] or [
            KeyedError(str(e), "node", e.node, e.key) for e in check_all(spec)
        ]
    return (None if found else spec), located(found, file, text)


def find(name: str, specs: Mapping[str, FilterSpec]) -> FilterSpec:
    """The filter called `name`; UnknownFilterError with the nearest names where there is none.

    A hyphen stands for an underscore.
    """
    found = specs.get(name) or specs.get(name.replace("-", "_"))
    if found is None:
        hint = nearest(name, list(specs)) or f"; there are {', '.join(specs)}"
        raise UnknownFilterError(f"unknown filter {name!r}{hint}")
    return found


class KeyedError(ValueError):
    """What is wrong with a key of the `index`-th table called `table` ("" for the top of the file)."""

    def __init__(
        self, message: str, table: str = "", index: int = 0, key: str = "", *, numbered: bool = True
    ) -> None:
        super().__init__(f"{table} {index + 1}: {message}" if table and numbered else message)
        self.table, self.index, self.key = table, index, key


Located = tuple[int, str]
"""A line (0 where there is none) and a message that begins with the file's name and the line."""


def located(found: Iterable[KeyedError], file: str, text: str) -> list[Located]:
    """The messages of errors in a file's text, with their lines."""
    from imgfilt.toml_lines import line_of

    lines = [(line_of(text, e.table, e.index, e.key) or 0 if e.table or e.key else 0, e) for e in found]
    return [(line, f"{file}{f':{line}' if line else ''}: {error}") for line, error in lines]


def _outer_problems(data: dict[str, Any]) -> Iterator[KeyedError]:
    """What is wrong with the file's keys and with its parameters, nodes left aside."""
    known = (*STRINGS, "param", "node")
    for key in data:
        if key not in known:
            yield KeyedError(
                f"unknown key {key!r}{nearest(key, known)}; known are {', '.join(known)}", key=key
            )
    for key in NEEDED:
        if key not in data:
            yield KeyedError(f"the key {key!r} is missing")
    for key in STRINGS:
        if not isinstance(data.get(key, ""), str):
            yield KeyedError(f"{key} must be a string, got {data[key]!r}", key=key)
        elif key in data and key in CHOICES and data[key] not in CHOICES[key]:
            hint = nearest(data[key], CHOICES[key])
            yield KeyedError(
                f"{key} must be one of {', '.join(CHOICES[key])}, got {data[key]!r}{hint}", key=key
            )
    name = data.get("name")
    if isinstance(name, str) and not _WORD.fullmatch(name):
        yield KeyedError(f"name must be lower-case letters, digits and _, got {name!r}", key="name")
    for key in ("param", "node"):
        tables = data.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
            yield KeyedError(f"{key} must be written as [[{key}]] tables, got {tables!r:.60}", key=key)
        elif key == "param":
            for index, table in enumerate(tables):
                for where, message in _param_problems(table):
                    yield KeyedError(message, "param", index, where)


def _param_problems(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, what is wrong with it) in one [[param]] table."""
    wrong = set()
    for key, value in table.items():
        if key not in PARAM_TYPES:
            yield key, f"unknown key {key!r}{nearest(key, list(PARAM_TYPES))}"
        elif not isinstance(value, PARAM_TYPES[key]):
            wrong.add(key)
            yield key, f"{key} has a wrong type, got {value!r:.60}"
    for key in ("name", "kind", "help"):
        if key not in table:
            yield "", f"the key {key!r} is missing"
    name, kind = table.get("name"), table.get("kind")
    if isinstance(name, str) and not _WORD.fullmatch(name):
        yield "name", f"name must be lower-case letters, digits and _, got {name!r}"
    elif name in RESERVED:
        yield "name", f"the name {name!r} is taken by what all filters have"
    if isinstance(kind, str) and kind not in KINDS:
        yield "kind", f"kind must be one of {', '.join(KINDS)}, got {kind!r}{nearest(kind, KINDS)}"
    elif kind is not None and "choices" not in wrong and (kind == "choice") != bool(table.get("choices")):
        yield "choices", "choices belong to kind 'choice', which needs some"


def _spec(data: dict[str, Any], path: str) -> FilterSpec:
    """The filter of a file whose outer keys are right."""
    params = tuple(
        Param(**{"default": None, **table, "choices": tuple(table.get("choices", ()))})
        for table in data.get("param", [])
    )
    strings = {key: data[key] for key in STRINGS if key in data}
    return FilterSpec(params=params, nodes=tuple(data["node"]), path=path, **strings)


def _default_problems(spec: FilterSpec) -> Iterator[KeyedError]:
    names = [p.name for p in spec.params]
    for index, p in enumerate(spec.params):
        if p.name in names[:index]:
            yield KeyedError(f"the name {p.name!r} is there twice", "param", index, "name")
        try:
            validate(replace(spec, params=(p,)), {p.name: p.default})
        except ParameterError as error:
            yield KeyedError(f"default: {error}", "param", index, "default")
