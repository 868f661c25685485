"""`apply`: several filters one after another."""

from __future__ import annotations

from typing import Any

import click

from imgfilt.cli import catalogue
from imgfilt.cli.options import common_options, files_argument, settings

_HELP = """Applies filters one after another, in one pass over the picture.

\b
Example:
  imgfilt apply "gaussian sigma=2 | unsharp_mask amount=1.5 | sobel" photo.jpg
"""


def _callback(pipeline: str, **values: Any) -> None:
    from imgfilt.cli.run import run
    from imgfilt.pipeline import parse, resolve

    specs = catalogue.all_filters(values["filters"] or click.get_current_context().obj)
    try:
        steps = parse(pipeline)
        resolved = resolve(steps, specs)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    chosen = settings(values)

    def function(array: Any, **keywords: Any) -> Any:
        import imgfilt.api as api

        return api.apply(pipeline, array, filters=specs, **keywords)

    run(chosen, "-".join(step.name for step in steps)[:60], function, repr(resolved))


apply_command = click.Command(
    "apply",
    params=[click.Argument(["pipeline"]), files_argument(), *common_options()],
    callback=_callback,
    help=_HELP,
)
