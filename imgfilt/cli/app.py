"""The `imgfilt` command group: fixed commands, and one for each filter of the catalogue."""

from __future__ import annotations

import importlib
from typing import Any

import click

from imgfilt.cli import catalogue

COMMANDS = {
    "apply": ("imgfilt.cli.pipelines", "Several filters one after another, in one pass."),
    "run": ("imgfilt.cli.pipelines", "A recipe: steps and settings from a TOML file."),
    "convolve": ("imgfilt.cli.kernels", "A kernel of your own, flipped (the mathematician's convolution)."),
    "correlate": ("imgfilt.cli.kernels", "A kernel of your own, as it is written."),
    "pyr-down": ("imgfilt.cli.resizing", "Half the size: one level down a pyramid."),
    "pyr-up": ("imgfilt.cli.resizing", "Twice the size: one level up a pyramid."),
    "upsample": ("imgfilt.cli.resizing", "A whole number of times the size, by a kernel of your choice."),
    "check": ("imgfilt.cli.check", "What is wrong with a filter or recipe of your own."),
    "list": ("imgfilt.cli.describe", "All filters."),
    "show": ("imgfilt.cli.describe", "One filter: its parameters, kernels, factors, and a picture of them."),
    "explain": (
        "imgfilt.cli.describe",
        "How a filter, chain or recipe would be computed on a file, and why.",
    ),
    "completion": ("imgfilt.cli.completion", "What makes bash, zsh or fish complete all this with Tab."),
    "tune": ("imgfilt.cli.tune", "Measures this machine, for plans that suit it."),
    "bench": ("imgfilt.cli.bench", "This machine's speed, against OpenCV's."),
}


class Catalogue(click.Group):
    """Loads a command's module, or its filter's TOML, only when the command is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *(name for name in catalogue.all_filters(_folder(ctx)) if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        fixed = cmd_name.replace("_", "-")
        if fixed in COMMANDS:
            module = importlib.import_module(COMMANDS[fixed][0])
            command = getattr(module, f"{fixed.replace('-', '_')}_command")
            assert isinstance(command, click.Command)
            return command
        from imgfilt.cli.filters import filter_command

        return filter_command(catalogue.find(cmd_name, _folder(ctx)))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        ctx.obj = catalogue.folder_in(args) or ctx.obj
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])
        for family, specs in catalogue.by_family(catalogue.all_filters(_folder(ctx)).values()).items():
            with formatter.section(f"Filters: {family}"):
                formatter.write_dl([(spec.name, spec.summary) for spec in specs])


def _folder(ctx: click.Context) -> str | None:
    return ctx.obj if isinstance(ctx.obj, str) else None


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    import numpy

    from imgfilt import __version__
    from imgfilt.cost import isa

    click.echo(f"imgfilt {__version__} (instruction set {isa()}, numpy {numpy.__version__})")
    ctx.exit()


def _filters_folder(ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    ctx.obj = value
    return value


@click.command(
    cls=Catalogue,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda word: word.replace("_", "-"),
        "max_content_width": 100,
    },
    epilog="imgfilt COMMAND --help shows a command's options.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
)
@click.option(
    "--filters",
    metavar="DIR",
    expose_value=False,
    is_eager=True,
    callback=_filters_folder,
    help="A folder with filters of your own (TOML).",
)
def app(**_: Any) -> None:
    """Image filters, each compiled into one pass over the picture.

    \b
      imgfilt sobel photo.jpg                    writes photo.sobel.jpg beside it
      imgfilt gaussian --sigma 3 photo.jpg -o soft.png
      imgfilt sobel photos/ -o edges/            a folder, with all below it
      imgfilt apply "gaussian sigma=2 | sobel" photo.jpg
    """
