"""A FilterSpec and its parameters become a graph.

`build` makes the nodes; `check` finds what is wrong with a spec's node tables before any parameter is known.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

from imgfilt import graph
from imgfilt.generators import GENERATORS
from imgfilt.kernel import Kernel
from imgfilt.kernel_text import Given, KernelError, kernel_from
from imgfilt.params import ParameterError, nearest, validate
from imgfilt.records import record
from imgfilt.spec import FilterSpec

SOURCE = "source"

MIDDLE = {"uint8": 128.0, "uint16": 32768.0, "int16": 0.0, "float32": 0.5, "float64": 0.5}
"""`bias = "mid"`: half of the range that a dtype's images have (floats are taken to lie in 0 to 1)."""


class SpecError(ValueError):
    """A node table of a filter is wrong; `node` is its index, from 0, `key` where in it ("" for the whole)."""

    def __init__(self, message: str, node: int, key: str = "") -> None:
        super().__init__(message)
        self.node, self.key = node, key


def build(
    spec: FilterSpec,
    params: Mapping[str, Any],
    *,
    dtype: str,
    channels: int,
    color: str | None = None,
    units: str | None = None,
) -> graph.Node:
    """The graph of `spec` with `params` for images of `dtype` and `channels`, ending in unrounded responses.

    `units` is the dtype whose middle gray the values have, where that is not `dtype` (images of 8 bits held in floats).

    `color` "luma" or "each" overrides the spec's. With "luma", images of 2 to 4 channels are read through
    `Luma` (of 2 channels, gray and alpha, it is the gray one); other counts have no luma, and each
    channel is filtered alone. Rounding, alpha and linear light are the caller's.

    Raises ParameterError for parameters, ValueError for `dtype` and `color`.
    """
    if dtype not in MIDDLE:
        raise ValueError(f"dtype must be one of {', '.join(MIDDLE)}, got {dtype!r}")
    color = spec.color if color is None else color
    if color not in ("luma", "each"):
        raise ValueError(f"color must be 'luma' or 'each', got {color!r}")
    source: graph.Node = graph.Source()
    if color == "luma" and 2 <= channels <= 4:
        source = graph.Luma(source)
    try:
        return _assemble(spec, validate(spec, params), source, dtype, units or dtype)
    except SpecError as error:
        raise ParameterError(f"{spec.name}: {error}") from None


def _assemble(
    spec: FilterSpec, values: Mapping[str, Any], source: graph.Node, dtype: str, units: str
) -> graph.Node:
    folder = os.path.dirname(spec.path)
    nodes = {SOURCE: source}
    last = source
    for index, raw in enumerate(spec.nodes):
        if not _wanted(raw.get("when", {}), values):
            continue
        try:
            table = {key: _substitute(value, values) for key, value in raw.items()}
            last = OPERATIONS[table["op"]][1](_Context(table, nodes, last, dtype, units, folder))
        except (TypeError, ValueError) as error:
            raise SpecError(str(error), index) from None
        nodes[str(table.get("name", f"#{index}"))] = last
    return last


def check(spec: FilterSpec) -> None:
    """Raises SpecError for node tables with unknown words, or names of nodes, parameters, generators."""
    for problem in problems(spec):
        raise problem


def problems(spec: FilterSpec) -> Iterator[SpecError]:
    """What is wrong with each node table for itself; if nothing, the first thing that is wrong with them together."""
    alone = [
        SpecError(message, index, key)
        for index, table in enumerate(spec.nodes)
        for key, message in _problems(spec, table)
    ]
    yield from alone
    if not alone:
        try:
            _check_together(spec)
        except SpecError as error:
            yield error


def _check_together(spec: FilterSpec) -> None:
    for values in _variants(spec):
        known = {SOURCE}
        for index, table in enumerate(spec.nodes):
            if not _wanted(table.get("when", {}), values):
                continue
            for key, name in _inputs(table):
                if name not in known:
                    where = "".join(f" where {k} is {v!r}" for k, v in values.items())
                    hint = nearest(name, sorted(known))
                    raise SpecError(f"{key}: no node before has the name {name!r}{where}{hint}", index, key)
            if table.get("name") in known:
                raise SpecError(f"a node before has the name {table['name']!r} too", index, "name")
            known.add(table.get("name", f"#{index}"))
        if len(known) == 1 and spec.nodes and values:
            where = ", ".join(f"{k} is {v!r}" for k, v in values.items())
            raise SpecError(f"no node is left where {where}", len(spec.nodes) - 1, "when")
        _assemble(spec, {**validate(spec, {}), **values}, graph.Source(), "uint8", "uint8")


@record
class _Context:
    """One node table, its `$` values filled in, and the nodes before it."""

    table: dict[str, Any]
    nodes: dict[str, graph.Node]
    last: graph.Node
    dtype: str
    units: str
    folder: str

    def get(self, key: str, default: Any) -> Any:
        return self.table.get(key, default)

    def node(self, key: str = "input") -> graph.Node:
        return self._named(self.table[key]) if key in self.table else self.last

    def inputs(self) -> tuple[graph.Node, ...]:
        names = self.table["inputs"]
        if not isinstance(names, list) or not names:
            raise ValueError(f"inputs must be a list of names, got {names!r}")
        return tuple(self._named(name) for name in names)

    def number(self, key: str, default: float = 0.0) -> float:
        value = self.table.get(key, default)
        return MIDDLE[self.units] if value == "mid" else float(value)

    def kernel(self, key: str = "kernel") -> Kernel:
        return self.given(key).kernel

    def given(self, key: str) -> Given:
        given = self.table[key]
        if isinstance(given, str):
            return kernel_from(given, self.folder)
        if isinstance(given, Mapping) and "file" in given:
            return kernel_from(str(given["file"]), self.folder)
        return Given(self._made(given))

    def _made(self, given: Any) -> Kernel:
        if isinstance(given, Mapping):
            arguments = {k: v for k, v in given.items() if k != "generator"}
            return GENERATORS[given["generator"]](dtype=self.dtype, **arguments)
        return Kernel.of(given)

    def _named(self, name: str) -> graph.Node:
        return self.nodes[name]


def _convolve(c: _Context) -> graph.Node:
    kernel, bias = c.given("kernel")
    response = graph.Convolve(c.node(), kernel, accuracy=c.number("accuracy"))
    return graph.Combine((response,), (1.0,), bias) if bias else response


def _magnitude(c: _Context) -> graph.Node:
    return graph.Magnitude(c.inputs(), c.number("scale", 1.0))


def _maximum(c: _Context) -> graph.Node:
    return graph.Maximum(c.inputs(), bool(c.get("absolute", False)))


def _combine(c: _Context) -> graph.Node:
    inputs = c.inputs() if "inputs" in c.table else (c.node(),)
    given = c.get("weights", [1.0] * len(inputs))
    if isinstance(given, Mapping):
        given = c.kernel("weights").weights.ravel()
    weights = tuple(float(w) for w in given)
    if len(weights) != len(inputs):
        raise ValueError(f"weights must be as many as the inputs, {len(inputs)}, got {len(weights)}")
    return graph.Combine(inputs, weights, c.number("bias"), bool(c.get("absolute", False)))


def _sharpen(c: _Context) -> graph.Node:
    image = c.node("image") if "image" in c.table else c.nodes[SOURCE]
    return graph.Sharpen(image, c.node("blurred"), c.number("amount", 1.0), c.number("threshold"))


def _median(c: _Context) -> graph.Node:
    return graph.Median(c.node(), int(c.table["size"]))


def _bilateral(c: _Context) -> graph.Node:
    t = c.table
    return graph.Bilateral(c.node(), int(t["diameter"]), float(t["sigma_color"]), float(t["sigma_space"]))


def _canny(c: _Context) -> graph.Node:
    return graph.Canny(c.node(), c.number("low"), c.number("high"))


def _round(c: _Context) -> graph.Node:
    return graph.Round(c.node(), c.dtype, c.get("rounding", "half_even"))


# op: its fields (those with * must be there), and what makes its node
OPERATIONS: dict[str, tuple[tuple[str, ...], Callable[[_Context], graph.Node]]] = {
    "convolve": (("input", "kernel*", "accuracy"), _convolve),
    "magnitude": (("inputs*", "scale"), _magnitude),
    "maximum": (("inputs*", "absolute"), _maximum),
    "combine": (("input", "inputs", "weights", "bias", "absolute"), _combine),
    "sharpen": (("image", "blurred", "amount", "threshold"), _sharpen),
    "round": (("input", "rounding"), _round),
    "median": (("input", "size*"), _median),
    "bilateral": (("input", "diameter*", "sigma_color*", "sigma_space*"), _bilateral),
    "canny": (("input", "low*", "high*"), _canny),
}
_COMMON = ("op", "name", "when")
_REFERENCES = ("input", "inputs", "image", "blurred")


def _wanted(when: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether every parameter in `when` has the value, one of the values, or is above the number given."""

    def holds(value: Any, wanted: Any) -> bool:
        if isinstance(wanted, Mapping):
            return value is not None and bool(value > wanted["above"])
        return value in wanted if isinstance(wanted, list) else bool(value == wanted)

    return all(holds(values[name], wanted) for name, wanted in when.items())


def _variants(spec: FilterSpec) -> Iterator[dict[str, Any]]:
    """Values of the parameters that `when` mentions, enough of them to select every set of nodes."""
    tried: dict[str, list[Any]] = {}
    for table in spec.nodes:
        for name, wanted in table.get("when", {}).items():
            p = spec.param(name)
            first: dict[str, list[Any]] = {"choice": [*p.choices], "bool": [True, False]}
            values = tried.setdefault(name, first.get(p.kind, [p.default]))
            if isinstance(wanted, Mapping):
                values += [wanted["above"], wanted["above"] + 1]
            elif p.kind not in ("choice", "bool"):
                values += wanted if isinstance(wanted, list) else [wanted]
    for combination in product(*tried.values()):
        yield dict(zip(tried, combination, strict=True))


def _substitute(value: Any, values: Mapping[str, Any]) -> Any:
    """`value` with "$name" and "-$name" replaced by the parameter's value, also inside lists and tables."""
    if isinstance(value, str):
        sign, dollar, name = value.partition("$")
        if not dollar or sign not in ("", "-"):
            return value
        return -values[name] if sign else values[name]
    if isinstance(value, Mapping):
        return {k: _substitute(v, values) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_substitute(v, values) for v in value]
    return value


def _references(value: Any) -> Iterator[str]:
    """The names of the parameters that a raw value mentions."""
    if isinstance(value, str):
        sign, dollar, name = value.partition("$")
        if dollar and sign in ("", "-"):
            yield name
    elif isinstance(value, (Mapping, list)):
        for v in value.values() if isinstance(value, Mapping) else value:
            yield from _references(v)


def _inputs(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, name) of every node that a table mentions."""
    for key in _REFERENCES:
        named = table.get(key, [])
        for name in named if isinstance(named, list) else [named]:
            yield key, str(name)


def _problems(spec: FilterSpec, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, what is wrong with it) in one node table, whatever the others are."""
    op = table.get("op")
    if op not in OPERATIONS:
        hint = nearest(str(op), list(OPERATIONS))
        yield "op", f"op must be one of {', '.join(OPERATIONS)}, got {op!r}{hint}"
        return
    fields = OPERATIONS[op][0]
    names = [f.rstrip("*") for f in fields]
    for key in table:
        if key not in names and key not in _COMMON:
            yield key, f"{op} has no key {key!r}{nearest(key, names)}; it has {', '.join(names)}"
    for field in fields:
        if field.endswith("*") and field[:-1] not in table:
            yield "op", f"{op} needs the key {field[:-1]!r}"
    when = table.get("when", {})
    if not isinstance(when, Mapping):
        yield "when", f"when must be written as {{ parameter = value }}, got {when!r}"
        return
    for name, wanted in when.items():
        if isinstance(wanted, Mapping) and not isinstance(wanted.get("above"), (int, float)):
            yield (
                "when",
                f"when: {name} must be a value, a list of them, or {{ above = number }}, got {wanted!r}",
            )
        p = next((p for p in spec.params if p.name == name and p.kind == "choice"), None)
        for value in wanted if isinstance(wanted, list) else [wanted]:
            if p is not None and value not in p.choices:
                yield "when", f"when: {name} has no choice {value!r}; it has {', '.join(p.choices)}"
    params = [p.name for p in spec.params]
    mentioned = [(key, name) for key, value in table.items() if key != "when" for name in _references(value)]
    for key, name in [*mentioned, *(("when", name) for name in when)]:
        if name not in params:
            yield key, f"there is no parameter {name!r}{nearest(name, params)}"
    folder = os.path.dirname(spec.path)
    yield from (("kernel", problem) for problem in _kernel_problems("kernel", table.get("kernel"), folder))
    if isinstance(table.get("weights"), Mapping):
        yield from (("weights", problem) for problem in _kernel_problems("weights", table["weights"], folder))


def _kernel_problems(key: str, given: Any, folder: str) -> Iterator[str]:
    if isinstance(given, Mapping) and "file" in given:
        if list(given) != ["file"]:
            yield f"{key}: a file of weights has no other keys, got {', '.join(given)}"
        elif not isinstance(given["file"], str):
            yield f"{key}: file must be a name in quotes, got {given['file']!r}"
        elif not os.path.isfile(os.path.join(folder, given["file"])):
            yield f"{key}: there is no kernel file '{os.path.join(folder, given['file'])}'"
        else:
            yield from _kernel_problems(key, given["file"], folder)
    elif isinstance(given, Mapping):
        generator = given.get("generator")
        if generator not in GENERATORS:
            names = list(GENERATORS)
            hint = nearest(str(generator), names)
            yield f"{key}: generator must be one of {', '.join(names)}, got {generator!r}{hint}"
            return
        code = GENERATORS[generator].__code__
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        for name in given:
            if name not in arguments and name != "generator":
                yield f"{key}: {generator} has no parameter {name!r}{nearest(name, arguments)}"
    elif given is not None and not any(True for _ in _references(given)):
        try:
            if isinstance(given, str):
                kernel_from(given, folder)
            else:
                Kernel.of(given)
        except KernelError as error:
            yield f"{key}: {error}"
        except ValueError as error:
            yield str(error)
