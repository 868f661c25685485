"""What a filter is before its parameters are chosen: `FilterSpec` and `Param`.

A spec is pure data. It is read from TOML by `catalog`, becomes a graph in `graph`, and is all that the
command line and the Python API need to make a subcommand or a function of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from imgfilt.records import record

ParamKind = Literal["float", "int", "choice", "bool", "size", "weights"]
"""`size` is an odd positive integer, or (where the spec gives no default) None for "chosen from the rest"."""


@record
class Param:
    """One parameter of a filter: its name, kind, default, range, unit and help."""

    name: str
    kind: ParamKind
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    choices: tuple[str, ...] = ()
    unit: str = ""


@record
class FilterSpec:
    """A filter as loaded: its words, its parameters, and the nodes that it is made of.

    `nodes` are the raw node tables, in order, as `graph.build` reads them; the last one is the result.
    `when` keys inside a node choose between variants by parameter value.
    """

    name: str
    family: str
    summary: str
    params: tuple[Param, ...] = ()
    nodes: tuple[Mapping[str, Any], ...] = ()
    color: Literal["luma", "each"] = "each"
    rounding: Literal["half_even", "half_up"] = "half_even"
    source: str = ""
    example: str = ""
    path: str = field(default="", compare=False)

    def param(self, name: str) -> Param:
        for p in self.params:
            if p.name == name:
                return p
        raise KeyError(name)
