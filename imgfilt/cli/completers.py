"""What shells offer for a value: files, folders, or words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders, as the shell itself finds them."""
    return [CompletionItem(incomplete, type="file")]


def folders(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders alone."""
    return [CompletionItem(incomplete, type="dir")]


def words(names: Iterable[str] | Callable[[], Iterable[str]]) -> Completer:
    """Those of `names` (or what it gives when asked) that begin like the word so far."""

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found = names() if callable(names) else names
        return [CompletionItem(name) for name in found if name.startswith(incomplete)]

    return complete


def filters(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of filters, with their summaries."""
    from imgfilt.cli import catalogue

    folder = ctx.params.get("filters") or (ctx.obj if isinstance(ctx.obj, str) else None)
    try:
        specs = catalogue.all_filters(folder)
    except click.UsageError:
        return []
    return [CompletionItem(n, help=spec.summary) for n, spec in specs.items() if n.startswith(incomplete)]
