"""`apply` and `run`: several filters one after another, from the command line or from a recipe."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from imgfilt.cli import catalogue, completers
from imgfilt.cli.options import common_options, files_argument, settings
from imgfilt.spec import FilterSpec
from imgfilt.stages import PRECISIONS, Stage, fingerprint

_APPLY_HELP = """Applies filters one after another, in one pass over the picture.

Steps are filters with their parameters, or correlate and convolve with a kernel, separated by |. Each step is
rounded to the picture's type, as separate commands would.

\b
Examples:
  imgfilt apply "gaussian sigma=2 | unsharp_mask amount=1.5 | sobel" photo.jpg
  imgfilt apply "median size=5 | correlate kernel=sharpen.mat" photo.jpg -o crisp.png
"""
_RUN_HELP = """Applies a recipe: a TOML file with steps, options and output settings.

Options given here stand before what the recipe says.

\b
Example of a recipe:
  precision = "float"
  [[step]]
  filter = "gaussian"
  sigma = 2
  [[step]]
  filter = "sobel"
  [output]
  quality = 95
\b
  imgfilt run soft-edges.toml photo.jpg -o out.jpg
"""


def _precision() -> click.Option:
    return click.Option(
        ["--precision"],
        type=click.Choice(PRECISIONS),
        default="image",
        show_default=True,
        help="What the steps are rounded to in between: the picture's own type, or none (float).",
    )


def _apply(pipeline: str, precision: str, **values: Any) -> None:
    from imgfilt.pipeline import parse, resolve

    specs = _specs(values["filters"])
    try:
        stages = resolve(parse(pipeline), specs)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _run_stages(stages, "-".join(stage.name for stage in stages)[:60], precision, values)


def _run(recipe: str, precision: str, **values: Any) -> None:
    loaded = click.get_current_context().meta[_RECIPE]
    _run_stages(loaded.stages, loaded.name, precision, values)


def _run_stages(stages: tuple[Stage, ...], label: str, precision: str, values: Mapping[str, Any]) -> None:
    from imgfilt.cli.run import run

    chosen = settings(values)

    def function(array: Any, **keywords: Any) -> Any:
        import imgfilt.api as api

        return api.apply_stages(stages, array, precision=precision, **keywords)

    run(chosen, label, function, lambda: fingerprint(stages, precision))


def _specs(given: str | None) -> dict[str, FilterSpec]:
    inherited = click.get_current_context().obj
    return catalogue.all_filters(given or (inherited if isinstance(inherited, str) else None))


_RECIPE = "imgfilt.recipe"


def _read_recipe(ctx: click.Context, _param: click.Parameter, path: str) -> str:
    """Loads the recipe; what it says becomes the defaults of the other options."""
    from imgfilt.recipes import load_recipe

    if ctx.resilient_parsing:
        return path
    try:
        recipe = load_recipe(path, _specs(None))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    options = {p.name: p for p in ctx.command.params if isinstance(p, click.Option)}
    defaults = dict(recipe.keywords)
    for key, value in recipe.output.items():
        name = "output" if key == "folder" else key
        defaults[name] = os.path.join(value, "") if key == "folder" else str(value)
    for name, value in defaults.items():
        try:
            options[name].process_value(ctx, value)
        except click.BadParameter as error:
            raise click.UsageError(f"{recipe.where(name)}: {name}: {error.message}") from error
    ctx.default_map = {**(ctx.default_map or {}), **defaults}
    ctx.meta[_RECIPE] = recipe
    return path


apply_command = click.Command(
    "apply",
    params=[click.Argument(["pipeline"]), files_argument(), _precision(), *common_options()],
    callback=_apply,
    help=_APPLY_HELP,
)
run_command = click.Command(
    "run",
    params=[
        click.Argument(
            ["recipe"],
            metavar="RECIPE",
            is_eager=True,
            callback=_read_recipe,
            shell_complete=completers.files,
        ),
        files_argument(),
        _precision(),
        *common_options(),
    ],
    callback=_run,
    help=_RUN_HELP,
)
