"""Writes imgfilt/__init__.pyi, the types of every filter's function, from the catalogue: `python docs/make_stubs.py`.

Editors and type checkers read it; Python itself makes the functions on first use.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import imgfilt
from imgfilt.borders import names as border_names
from imgfilt.calls import EFFORTS
from imgfilt.catalog import builtin
from imgfilt.functions import docstring
from imgfilt.spec import FilterSpec, Param
from imgfilt.stages import ALPHAS

HEAD = '''"""The public names. Made by docs/make_stubs.py: do not edit."""

from typing import Any, Literal, Protocol, TypedDict, TypeVar, Unpack, overload

from numpy.typing import ArrayLike, DTypeLike, NDArray
'''
KINDS = {"float": "float", "int": "int", "size": "int", "bool": "bool", "weights": "ArrayLike"}
RESULTS = {"_Same": "_Same", "RowImage": "Bands", "ArrayLike": "NDArray[Any]"}
WIDTH = 110


def stub() -> str:
    """The whole file."""
    return "\n".join([HEAD, *_imports(), *_common(), *_functions()]) + "\n"


def _imports() -> Iterator[str]:
    for name in sorted(imgfilt.__all__, key=lambda name: (imgfilt.home(name), name)):
        yield f"from {imgfilt.home(name)} import {name} as {name}"
    yield ""
    yield "__version__: str"
    yield "__all__: list[str]"
    yield ""


def _common() -> Iterator[str]:
    yield "class _Pil(Protocol):"
    yield "    def getbands(self) -> tuple[str, ...]: ..."
    yield ""
    yield "class _Tensor(Protocol):"
    yield "    def data_ptr(self) -> int: ..."
    yield ""
    yield '_Same = TypeVar("_Same", bound=_Pil | _Tensor)'
    yield "_Border = Literal["
    yield from (f'    "{name}",' for name in border_names())
    yield "]"
    yield ""
    yield "class _Common(TypedDict, total=False):"
    yield '    """What every filter takes: see `imgfilt.apply_filter`."""'
    yield ""
    yield "    border: _Border"
    yield "    cval: float"
    yield "    dtype: DTypeLike | None"
    yield "    out: NDArray[Any] | None"
    yield "    threads: int | None"
    yield "    backend: str"
    yield f"    effort: {_literal(EFFORTS)}"
    yield '    color: Literal["luma", "each"] | None'
    yield f"    alpha: {_literal(ALPHAS)} | None"
    yield "    linear_light: bool"
    yield ""


def _functions() -> Iterator[str]:
    for spec in builtin().values():
        for number, (image, result) in enumerate(RESULTS.items()):
            yield "@overload"
            yield from _signature(spec, image, result, documented=not number)


def _signature(spec: FilterSpec, image: str, result: str, *, documented: bool) -> Iterator[str]:
    own = [f"{p.name}: {_type(p)} = {_default(p)}" for p in spec.params]
    words = [f"image: {image}", "/", *(["*", *own] if own else []), "**common: Unpack[_Common]"]
    line = f"def {spec.name}({', '.join(words)}) -> {result}:"
    if len(line) + (0 if documented else 4) <= WIDTH:
        head = [line]
    else:
        head = [f"def {spec.name}(", f"    {', '.join(words)}", f") -> {result}:"]
        if len(head[1]) > WIDTH:
            head[1:2] = [f"    {word}," for word in words]
    if not documented:
        head[-1] += " ..."
    yield from head
    if documented:
        lines = textwrap.indent(docstring(spec), "    ").strip().splitlines()
        yield f'    """{lines[0]}'
        yield from lines[1:]
        yield '    """'
        yield ""


def _type(p: Param) -> str:
    name = _literal(p.choices) if p.kind == "choice" else KINDS[p.kind]
    return f"{name} | None" if p.default is None else name


def _default(p: Param) -> str:
    if isinstance(p.default, str):
        return f'"{p.default}"'
    return "..." if p.kind == "weights" else repr(p.default)


def _literal(words: tuple[str, ...]) -> str:
    return "Literal[" + ", ".join(f'"{word}"' for word in words) + "]"


if __name__ == "__main__":
    Path(imgfilt.__file__).with_suffix(".pyi").write_text(stub(), encoding="utf-8")
