"""A command made from a FilterSpec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from imgfilt.cli import completers
from imgfilt.cli.options import backend_option, common_names, common_options, files_argument, settings
from imgfilt.spec import FilterSpec, Param

_METAVARS = {"float": "NUMBER", "int": "INTEGER", "size": "ODD", "weights": "KERNEL"}


def filter_command(spec: FilterSpec) -> click.Command:
    """`imgfilt NAME [options] FILE...`: one option a parameter; their texts are read by `imgfilt.params`."""
    clash = [p.name for p in spec.params if p.name in common_names()]
    if clash:
        raise click.UsageError(
            f"filter '{spec.name}' has a parameter '{clash[0]}', the name of a common option"
        )

    def callback(**values: Any) -> None:
        from imgfilt.cli.run import run
        from imgfilt.stages import Stage, fingerprint

        params = parameters(spec, {p.name: values[p.name] for p in spec.params})
        chosen = settings(values)

        def function(array: Any, **keywords: Any) -> Any:
            import imgfilt.api as api

            return api.apply_filter(spec, array, params, **keywords)

        run(chosen, spec.name, function, lambda: fingerprint((Stage(spec, params),)))

    return click.Command(
        spec.name,
        params=[files_argument(), *(option(p) for p in spec.params), backend_option(), *common_options()],
        callback=callback,
        help=help_text(spec),
        short_help=spec.summary,
    )


def help_text(spec: FilterSpec) -> str:
    """Summary, example and source, as click wants them (\\b keeps lines)."""
    text = f"{spec.summary}."
    if spec.example:
        text += f"\n\n\b\nExample:\n  {spec.example}"
    if spec.source:
        text += f"\n\n{spec.source}."
    return text


def option(p: Param) -> click.Option:
    """The option of one parameter; None (not given) leaves the default to the filter."""
    words = p.name.replace("_", "-")
    text = p.help[:1].upper() + p.help[1:]
    note = limits(p)
    text = f"{text}.  [{note}]" if note else f"{text}."
    if p.kind == "bool":
        return click.Option([f"--{words}/--no-{words}", p.name], default=None, help=text)
    metavar = "|".join(p.choices) if p.kind == "choice" else _METAVARS[p.kind]
    complete = completers.words(p.choices) if p.choices else None
    return click.Option([f"--{words}", p.name], metavar=metavar, help=text, shell_complete=complete)


def limits(p: Param) -> str:
    """Unit, range and default in words: "px; 0 to 500; default 1"."""
    parts = [p.unit] if p.unit else []
    low, high = p.minimum, p.maximum
    if low is not None and high is not None:
        parts.append(f"{'above ' if p.exclusive_minimum else ''}{low:g} to {high:g}")
    elif low is not None:
        parts.append(f"{'above' if p.exclusive_minimum else 'at least'} {low:g}")
    elif high is not None:
        parts.append(f"at most {high:g}")
    if p.default is not None and p.kind != "weights":
        shown = ("on" if p.default else "off") if p.kind == "bool" else p.default
        parts.append(f"default {shown:g}" if isinstance(shown, float) else f"default {shown}")
    return "; ".join(parts)


def parameters(spec: FilterSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` (text, or the truth of a flag; None: not given), checked and completed.

    Raises `click.UsageError`.
    """
    from imgfilt.params import from_text, validate

    by_name = {p.name: p for p in spec.params}
    given = {name: value for name, value in values.items() if value is not None}
    try:
        for name, value in given.items():
            if name in by_name and isinstance(value, str):
                given[name] = from_text(spec, by_name[name], value)
        return validate(spec, given)
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error)) from error


def assigned(texts: Iterable[str]) -> dict[str, str]:
    """`["sigma=2", ...]` as {"sigma": "2"}. Raises `click.UsageError`."""
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"'{text}' is not NAME=VALUE, as in sigma=2")
        values[name.strip().replace("-", "_")] = value.strip()
    return values
