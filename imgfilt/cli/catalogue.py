"""Finding filters for the command line: `--filters DIR`, then built in, then the user's own folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import click

from imgfilt.spec import FilterSpec


def folder_in(words: Sequence[str]) -> str | None:
    """The DIR of `--filters DIR` or `--filters=DIR` among the words of a command line."""
    for index, word in enumerate(words):
        if word == "--filters" and index + 1 < len(words):
            return words[index + 1]
        if word.startswith("--filters="):
            return word.partition("=")[2]
    return None


def user_folder() -> str | None:
    """The folder `filters` in the user's configuration folder, if it exists."""
    from platformdirs import user_config_dir

    folder = os.path.join(user_config_dir("imgfilt", appauthor=False), "filters")
    return folder if os.path.isdir(folder) else None


def all_filters(folder: str | None) -> dict[str, FilterSpec]:
    """Every filter by name. A filter in `folder` stands before a built-in one, that before the user's own."""
    import imgfilt.catalog as catalog

    try:
        own = user_folder()
        specs = {**(catalog.load_dir(own) if own else {}), **catalog.builtin()}
        if folder is not None:
            specs.update(catalog.load_dir(folder))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return dict(sorted(specs.items()))


def by_family(specs: Iterable[FilterSpec]) -> dict[str, list[FilterSpec]]:
    """The filters grouped, families in the catalogue's order."""
    from imgfilt.catalog import FAMILIES

    groups: dict[str, list[FilterSpec]] = {family: [] for family in FAMILIES}
    for spec in specs:
        groups.setdefault(spec.family, []).append(spec)
    return {family: members for family, members in groups.items() if members}


def find(name: str, folder: str | None) -> FilterSpec:
    """The filter called `name`, reading only its own file where it is built in. Raises `click.UsageError`."""
    import imgfilt.catalog as catalog

    name = name.replace("-", "_")
    try:
        file = os.path.join(catalog.filters_dir(), f"{name}.toml")
        if folder is None and name.isidentifier() and os.path.isfile(file):
            return catalog.load(file)
        return catalog.find(name, all_filters(folder))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
