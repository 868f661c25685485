"""Writes filter.schema.json and recipe.schema.json in this folder from the code: `python docs/make_schemas.py`.

With `#:schema path/to/filter.schema.json` as a TOML file's first line, editors complete and check it.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from imgfilt.borders import names as border_names
from imgfilt.build import OPERATIONS
from imgfilt.catalog import CHOICES, NEEDED, PARAM_TYPES, STRINGS, builtin
from imgfilt.generators import GENERATORS
from imgfilt.params import KINDS, expected
from imgfilt.recipes import KEYWORDS, OUTPUT_KEYS
from imgfilt.spec import FilterSpec, Param
from imgfilt.steps import KERNEL_STEPS

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array"}
WORD = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
VALUE = {
    "description": 'A number, or a parameter: "$name", "-$name".',
    "type": ["number", "string", "boolean"],
}
ROWS = {"type": "array", "minItems": 1, "items": {"type": "array", "minItems": 1, "items": VALUE}}
FIELDS: dict[str, Any] = {
    "input": {"type": "string", "description": "The node to read; by default the one before."},
    "inputs": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "The nodes to read."},
    "image": {"type": "string", "description": "The sharp image; by default the source."},
    "blurred": {"type": "string", "description": "The blurred image; by default the node before."},
    "kernel": {"$ref": "#/$defs/kernel"},
    "weights": {"anyOf": [{"type": "array", "items": VALUE}, {"$ref": "#/$defs/generated"}]},
    "bias": {**VALUE, "description": "Added to the result; \"mid\" is middle gray."},
    "rounding": {"enum": list(CHOICES["rounding"])},
}  # fmt: skip
HELP = {
    "name": "What the filter is called: its command, its step, its function.",
    "family": "The group that `imgfilt list` shows it in.",
    "summary": "One line, without a full stop.",
    "source": "The paper or book that it is from.",
    "example": "A command that shows it.",
    "color": "luma: a colour image gives a gray result; each: each channel alone (the default).",
    "rounding": "How ties are rounded; half_even by default.",
    "precision": "What the steps are rounded to in between: the image's own type, or none (float).",
    "border": "What lies beyond the edges.",
    "cval": "The value beyond the edges for the border constant.",
    "alpha": "How transparency is filtered.",
    "linear_light": "Decode sRGB to light before filtering, encode afterwards.",
    "folder": "The folder of the results, made where it is missing.",
    "format": "The format of the results, as png.",
    "quality": "JPEG, WebP and AVIF quality, 1 to 100.",
    "bits": "8, 16 or 32 bits a sample.",
}


def schemas() -> dict[str, str]:
    """File name -> text."""
    made = {"filter.schema.json": filter_schema(), "recipe.schema.json": recipe_schema()}
    return {name: json.dumps(schema, indent=1) + "\n" for name, schema in made.items()}


def filter_schema() -> dict[str, Any]:
    """That of a filter's TOML."""
    top = {key: _described(key, _strings(CHOICES.get(key))) for key in STRINGS}
    top["name"] = {**top["name"], **WORD}
    return {
        "$schema": DRAFT,
        "title": "A filter of imgfilt",
        **_table({**top, "param": _array("param", 0), "node": _array("node", 0)}, NEEDED),
        "$defs": {
            "param": _param_table(),
            "node": {"oneOf": [_node(op, fields) for op, (fields, _) in OPERATIONS.items()]},
            "kernel": {
                "description": "Rows of weights, text (rows or an ImageMagick kernel), a file, a generator, \"$name\".",
                "anyOf": [
                    ROWS,
                    {"type": "string"},
                    _table({"file": {"type": "string"}}, ("file",)),
                    {"$ref": "#/$defs/generated"},
                ],
            },
            "generated": {"oneOf": [_generated(name) for name in GENERATORS]},
        },
    }  # fmt: skip


def recipe_schema() -> dict[str, Any]:
    """That of a recipe's TOML."""
    keywords: dict[str, Any] = {}
    for key, (types, choices) in KEYWORDS.items():
        choices = border_names() if key == "border" else choices
        keywords[key] = _described(key, _strings(choices) if str in types else {"type": TYPES[types[-1]]})
    output = {key: _described(key, {"type": TYPES[kind]}) for key, kind in OUTPUT_KEYS.items()}
    output["quality"] |= {"minimum": 1, "maximum": 100}
    output["bits"] = {"enum": [8, 16, 32], "description": HELP["bits"]}
    known = {**builtin(), **KERNEL_STEPS}
    own = {
        "type": "object",
        "description": "A filter of your own.",
        "required": ["filter"],
        "properties": {"filter": {"type": "string", "not": {"enum": list(known)}}},
    }
    return {
        "$schema": DRAFT,
        "title": "A recipe of imgfilt",
        **_table(
            {"summary": {"type": "string"}, **keywords, "step": _array("step"), "output": _table(output, ())},
            ("step",),
        ),
        "$defs": {"step": {"oneOf": [*(_step(spec) for spec in known.values()), own]}},
    }


def _table(properties: dict[str, Any], needed: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(needed),
        "properties": properties,
    }


def _array(name: str, least: int = 1) -> dict[str, Any]:
    return {"type": "array", "minItems": least, "items": {"$ref": f"#/$defs/{name}"}}


def _strings(choices: tuple[str, ...] | None) -> dict[str, Any]:
    return {"enum": list(choices)} if choices else {"type": "string"}


def _described(key: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "description": HELP[key]} if key in HELP else schema


def _param_table() -> dict[str, Any]:
    properties: dict[str, Any] = {
        key: {"type": [TYPES[t] for t in types]} for key, types in PARAM_TYPES.items()
    }
    properties["name"] = WORD
    properties["kind"] = {"enum": list(KINDS)}
    properties["choices"] = {"type": "array", "minItems": 1, "items": {"type": "string"}}
    return _table(properties, ("name", "kind", "help"))


def _node(op: str, fields: tuple[str, ...]) -> dict[str, Any]:
    names = [field.rstrip("*") for field in fields]
    properties = {
        "op": {"const": op},
        "name": {"type": "string", "description": "What later nodes call this one."},
        "when": {"type": "object", "description": "{ parameter = value, [values] or { above = number } }"},
        **{name: FIELDS.get(name, VALUE) for name in names},
    }  # fmt: skip
    return _table(properties, ("op", *(field[:-1] for field in fields if field.endswith("*"))))


def _generated(name: str) -> dict[str, Any]:
    arguments = [a for a in inspect.signature(GENERATORS[name]).parameters if a != "dtype"]
    return _table({"generator": {"const": name}, **dict.fromkeys(arguments, VALUE)}, ("generator",))


def _step(spec: FilterSpec) -> dict[str, Any]:
    properties = {p.name: _parameter(p) for p in spec.params}
    needed = ("filter", "kernel") if spec.name in KERNEL_STEPS else ("filter",)
    return _table({"filter": {"const": spec.name, "description": spec.summary}, **properties}, needed)


def _parameter(p: Param) -> dict[str, Any]:
    words = {"description": f"{p.help} ({expected(p)})"}
    if p.kind == "choice":
        return {"enum": list(p.choices), **words}
    if p.kind == "weights":
        return {"anyOf": [ROWS, {"type": "string"}], **words}
    schema: dict[str, Any] = {"type": {"float": "number", "bool": "boolean"}.get(p.kind, "integer"), **words}
    if p.minimum is not None:
        schema["exclusiveMinimum" if p.exclusive_minimum else "minimum"] = p.minimum
    if p.maximum is not None:
        schema["maximum"] = p.maximum
    return schema


if __name__ == "__main__":
    for file, text in schemas().items():
        Path(__file__).with_name(file).write_text(text, encoding="utf-8")
