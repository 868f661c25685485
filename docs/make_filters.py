"""Writes filters.md in this folder from the catalogue: `python docs/make_filters.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imgfilt.catalog import FAMILIES, builtin
from imgfilt.params import expected
from imgfilt.spec import FilterSpec

HEAD = """# The filters

Made from `filters/*.toml` by `python docs/make_filters.py`. `imgfilt show NAME` prints the same for one
filter, with its kernels, their factors and a picture of them. How to write a filter of your own:
[filters-format.md](filters-format.md).

Filters marked *gray* turn a colour image into a gray result (its luma is filtered) unless `color="each"`
(`--color each`) is given; the others filter each channel.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_body()])


def _body() -> Iterator[str]:
    specs = builtin().values()
    for family in FAMILIES:
        members = [spec for spec in specs if spec.family == family]
        if not members:
            continue
        yield f"## {family.capitalize()}\n"
        for spec in members:
            yield from _entry(spec)


def _entry(spec: FilterSpec) -> Iterator[str]:
    gray = " *Gray.*" if spec.color == "luma" else ""
    yield f"### {spec.name}\n"
    yield f"{spec.summary}.{gray} Source: {spec.source}.\n" if spec.source else f"{spec.summary}.{gray}\n"
    if spec.params:
        yield "| parameter | default | takes | |"
        yield "| --- | --- | --- | --- |"
        for p in spec.params:
            default = "from the rest" if p.default is None else f"`{p.default}`"
            yield f"| `{p.name}` | {default} | {_cell(expected(p))} | {_cell(p.help)} |"
        yield ""
    if spec.example:
        yield f"    {spec.example}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    Path(__file__).with_name("filters.md").write_text(page(), encoding="utf-8")
