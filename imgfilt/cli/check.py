"""`check`: what is wrong with a filter's or a recipe's file."""

from __future__ import annotations

import json as json_text
from collections.abc import Sequence
from typing import Any

import click

from imgfilt.cli import FAILED, catalogue, completers
from imgfilt.cli.options import common_names, filters_option


def _check(files: Sequence[str], filters: str | None, json: bool) -> None:
    specs = catalogue.all_filters(filters or click.get_current_context().obj)
    failed = False
    for file in files:
        what, problems = _checked(file, specs)
        failed = failed or bool(problems)
        if json:
            status = "error" if problems else "ok"
            record = {"file": file, "status": status, "what": what, "errors": problems}
            click.echo(json_text.dumps(record, ensure_ascii=False))
            continue
        for problem in problems:
            click.echo(f"imgfilt: {problem}", err=True)
        if not problems:
            click.echo(f"{file}: {what}")
    if failed:
        click.get_current_context().exit(FAILED)


def _checked(file: str, specs: dict[str, Any]) -> tuple[str, list[str]]:
    """What a file is, in words, and all that is wrong with it."""
    from imgfilt import catalog, recipes

    try:
        _, data = catalog.read_toml(file)
    except ValueError as error:
        return "", [str(error)]
    if recipes.is_recipe(data):
        found = recipes.recipe_problems(file, specs)
        if found:
            return "a recipe", found
        recipe = recipes.load_recipe(file, specs)
        return f"a recipe: {' | '.join(stage.title for stage in recipe.stages)}", _unplannable(
            file, recipe.stages
        )
    found = catalog.problems(file)
    if found:
        return "a filter", found
    return _filter(file)


def _filter(file: str) -> tuple[str, list[str]]:
    """The same for a filter that can be loaded: what the command line or planning have against it."""
    from imgfilt import catalog
    from imgfilt.cli.app import COMMANDS
    from imgfilt.stages import Stage

    spec = catalog.load(file)
    taken = common_names()
    found = [
        f"{file}: the parameter {p.name!r} has the name of an option that all commands have"
        for p in spec.params
        if p.name in taken
    ]
    if spec.name in COMMANDS:
        found.append(f"{file}: the name {spec.name!r} is that of a command")
    words = f"a filter: {spec.name}" + "".join(f" {p.name}={p.default}" for p in spec.params)
    return words, found + _unplannable(file, (Stage(spec, {}),))


def _unplannable(file: str, stages: Any) -> list[str]:
    """Why images of 8 bits or of floats could not be filtered, with the defaults."""
    from imgfilt.api import plan
    from imgfilt.stages import Chain

    found: list[str] = []
    for dtype in ("uint8", "float32"):
        try:
            plan(Chain(stages), (64, 64, 3), dtype)
        except (ValueError, TypeError) as error:
            if f"{file}: {error}" not in found:
                found.append(f"{file}: {error}")
    return found


check_command = click.Command(
    "check",
    params=[
        click.Argument(
            ["files"], nargs=-1, required=True, metavar="FILE...", shell_complete=completers.files
        ),
        filters_option(),
        click.Option(["--json"], is_flag=True, help="One JSON object a file on standard output."),
    ],
    callback=_check,
    help="Checks filters and recipes (TOML): prints what each file is, or all that is wrong with it, with the line.\n\n"
    "\b\nExample:\n  imgfilt check mine/glow.toml soft-edges.toml",
)
