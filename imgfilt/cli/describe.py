"""`list`, `show` and `explain`: what there is, what it is made of, how it would be computed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import click
import numpy as np
from click.core import ParameterSource
from numpy.typing import NDArray

from imgfilt.cli import FAILED, catalogue, completers
from imgfilt.cli.filters import assigned, limits, parameters
from imgfilt.cli.options import backend_option, border_option, filters_option, threads_option
from imgfilt.cli.picture import draw
from imgfilt.kernel import Kernel, KernelFacts
from imgfilt.resampling import RESAMPLINGS
from imgfilt.spec import FilterSpec
from imgfilt.stages import Chain

_PRINTED = 9


def _folder(given: str | None) -> str | None:
    inherited = click.get_current_context().obj
    return given or (inherited if isinstance(inherited, str) else None)


def _json_option() -> click.Option:
    return click.Option(["--json"], is_flag=True, help="JSON on standard output.")


# --- list ---------------------------------------------------------------------------------------------------


def _list(filters: str | None, json: bool) -> None:
    specs = catalogue.all_filters(_folder(filters)).values()
    if json:
        for spec in specs:
            _print_json(_record(spec))
        return
    width = max(len(spec.name) for spec in specs)
    for family, members in catalogue.by_family(specs).items():
        click.echo(family)
        for spec in members:
            click.echo(f"  {spec.name:{width}}  {spec.summary}")
    click.echo("\nimgfilt show NAME tells more of one; imgfilt NAME --help has its options.")


list_command = click.Command(
    "list", params=[filters_option(), _json_option()], callback=_list, help="Lists all filters by family."
)


# --- show ---------------------------------------------------------------------------------------------------


def _show(name: str, set: tuple[str, ...], dtype: str, filters: str | None, json: bool) -> None:
    from imgfilt.build import build
    from imgfilt.graph import Convolve, walk
    from imgfilt.kernel import facts

    spec = catalogue.find(name, _folder(filters))
    params = parameters(spec, assigned(set))
    try:
        root = build(spec, params, dtype=dtype, channels=1)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    kernels = [(node.kernel, facts(node.kernel)) for node in walk(root) if isinstance(node, Convolve)]
    if json:
        _print_json(_record(spec) | {"values": params, "kernels": [_kernel_record(k, f) for k, f in kernels]})
        return
    click.echo(f"{spec.name} ({spec.family}): {spec.summary}")
    if spec.source:
        click.echo(f"source: {spec.source}")
    if spec.example:
        click.echo(f"example: {spec.example}")
    for p in spec.params:
        click.echo(
            f"  {p.name} = {'(from the rest)' if params[p.name] is None else params[p.name]}  {p.help}"
        )
        if limits(p):
            click.echo(f"    {limits(p)}")
    for number, (kernel, found) in enumerate(kernels, 1):
        click.echo()
        for line in _kernel_lines(kernel, found, f"kernel {number}" if len(kernels) > 1 else "kernel"):
            click.echo(line)


def _kernel_lines(kernel: Kernel, found: KernelFacts, title: str) -> Iterator[str]:
    rows, columns = kernel.shape
    words = [
        word
        for word, holds in (
            ("box", found.is_box),
            ("symmetric", found.symmetric),
            ("integer", found.integer),
            ("sums to 0", found.zero_sum),
        )
        if holds
    ]
    yield f"{title}: {columns}x{rows}, rank {found.rank}{''.join(f', {word}' for word in words)}"
    picture = draw(kernel.weights, colour=sys.stdout.isatty())
    if max(kernel.shape) <= _PRINTED:
        table = _table(kernel.weights)
        yield from (f"  {line}   {drawn}" for line, drawn in zip(table, picture, strict=True))
    else:
        yield from (f"  {line}" for line in picture)
    if found.rank == 1:
        column, row = found.factors[0]
        scale = f" times {found.scale:.6g}" if found.numerators is not None and found.scale != 1.0 else ""
        yield f"  = column [{_numbers(column)}] x row [{_numbers(row)}]{scale}"


def _table(weights: NDArray[np.float64]) -> list[str]:
    texts = [[f"{value:.4g}" for value in row] for row in weights.tolist()]
    width = max(len(text) for row in texts for text in row)
    return [" ".join(text.rjust(width) for text in row) for row in texts]


def _numbers(values: NDArray[np.float64]) -> str:
    texts = [f"{value:.4g}" for value in values.tolist()]
    return " ".join(texts if len(texts) <= 2 * _PRINTED else [*texts[:_PRINTED], "...", texts[-1]])


show_command = click.Command(
    "show",
    params=[
        click.Argument(["name"], shell_complete=completers.filters),
        click.Option(
            ["--set"], multiple=True, metavar="NAME=VALUE", help="A parameter, as sigma=2; may be repeated."
        ),
        click.Option(
            ["--dtype"],
            type=click.Choice(["uint8", "uint16", "float32"]),
            default="uint8",
            show_default=True,
            help="The pixels' type, which some kernels depend on.",
        ),
        filters_option(),
        _json_option(),
    ],
    callback=_show,
    help="Shows a filter: parameters, kernels, rank, factors, and a picture of each kernel.\n\n\b\nExample:\n"
    "  imgfilt show gaussian --set sigma=2",
)


# --- explain ------------------------------------------------------------------------------------------------


def _explain(name: str, file: str, assignments: tuple[str, ...], **values: Any) -> None:
    import imgfilt.api as api
    from imgfilt.io import ImageFileError, probe

    what, given = _planned(name, (*values["set"], *assignments), _folder(values["filters"]))
    ctx = click.get_current_context()
    for key in [key for key in given if ctx.get_parameter_source(key) is ParameterSource.COMMANDLINE]:
        del given[key]  # what a recipe says and the command line says otherwise
    try:
        info = probe(file)
    except ImageFileError as error:
        click.echo(f"imgfilt: {error}", err=True)
        click.get_current_context().exit(FAILED)
    alpha = "premultiply" if info.has_alpha else "each"
    options = {key: values[key] for key in ("border", "backend", "threads")}
    options["effort"] = "measure" if values["measure"] else "estimate"
    try:
        plan = api.plan(what, shape=info.shape, dtype=info.dtype, **{"alpha": alpha, **options, **given})
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from error
    if values["json"]:
        _print_json(plan.to_dict())
    else:
        click.echo(str(plan))


def _planned(
    name: str, assignments: tuple[str, ...], folder: str | None
) -> tuple[FilterSpec | Chain | str, dict[str, Any]]:
    """What `name` stands for, and what that says for `imgfilt.plan`.

    A filter, a change of size, a pipeline's text or a recipe's file.
    """
    if (resizing := name.replace("-", "_")) in RESAMPLINGS:
        texts = assigned(assignments)
        return resizing, {key: int(text) if text.isdecimal() else text for key, text in texts.items()}
    is_recipe, is_text = name.endswith(".toml"), "|" in name or "=" in name
    if not is_recipe and not is_text:
        spec = catalogue.find(name, folder)
        params = parameters(spec, assigned(assignments))
        return spec, {key: value for key, value in params.items() if value is not None}
    if assignments:
        raise click.UsageError(f"'{assignments[0]}': the parameters of a chain are in its text or its recipe")
    from imgfilt.pipeline import parse, resolve
    from imgfilt.recipes import load_recipe

    specs = catalogue.all_filters(folder)
    try:
        if is_text:
            return Chain(resolve(parse(name), specs)), {}
        recipe = load_recipe(name, specs)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return Chain(recipe.stages), {key: value for key, value in recipe.keywords.items() if key != "cval"}


explain_command = click.Command(
    "explain",
    params=[
        click.Argument(["name"], shell_complete=completers.filters),
        click.Argument(["file"], shell_complete=completers.files),
        click.Argument(["assignments"], nargs=-1, metavar="[NAME=VALUE]..."),
        click.Option(
            ["--set"], multiple=True, metavar="NAME=VALUE", help="A parameter, as sigma=2; may be repeated."
        ),
        border_option(),
        backend_option(),
        threads_option(),
        click.Option(
            ["--measure"],
            is_flag=True,
            help="Time the leading candidates of each convolution on made-up pixels, and take the fastest.",
        ),
        filters_option(),
        _json_option(),
    ],
    callback=_explain,
    help="Prints how a filter, a chain or a recipe would be computed on a file: each backend, its cost or what is "
    "against it.\n\n\b\nExamples:\n  imgfilt explain gaussian photo.jpg sigma=3\n"
    "  imgfilt explain gaussian photo.jpg sigma=3 --measure\n"
    '  imgfilt explain "gaussian sigma=2 | sobel" photo.jpg\n  imgfilt explain soft-edges.toml photo.jpg',
)


def _record(spec: FilterSpec) -> dict[str, Any]:
    params = [
        {
            "name": p.name,
            "kind": p.kind,
            "default": p.default,
            "minimum": p.minimum,
            "maximum": p.maximum,
            "choices": list(p.choices),
            "unit": p.unit,
            "help": p.help,
        }
        for p in spec.params
    ]
    return {
        "name": spec.name,
        "family": spec.family,
        "summary": spec.summary,
        "color": spec.color,
        "params": params,
    }


def _kernel_record(kernel: Kernel, found: KernelFacts) -> dict[str, Any]:
    return {
        "weights": kernel.weights.tolist(),
        "anchor": list(kernel.anchor),
        "rank": found.rank,
        "factors": [[column.tolist(), row.tolist()] for column, row in found.factors],
        "scale": found.scale,
        "box": found.is_box,
        "symmetric": found.symmetric,
        "integer": found.integer,
    }


def _print_json(record: dict[str, Any]) -> None:
    click.echo(json.dumps(record, ensure_ascii=False))
