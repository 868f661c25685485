"""Options that every command on images has, and their values as one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from imgfilt.cli.outputs import STREAM, check_usage

BORDERS = {
    "reflect101": "reflect101",
    "reflect": "reflect",
    "replicate": "replicate",
    "wrap": "wrap",
    "constant": "constant",
    "mirror": "reflect101",
    "symmetric": "reflect",
    "nearest": "replicate",
    "edge": "replicate",
    "grid-wrap": "wrap",
    "grid-mirror": "reflect",
    "grid-constant": "constant",
}
"""OpenCV's names, and SciPy's and NumPy's where they are unambiguous."""


@dataclass(frozen=True)
class Settings:
    """What the common options said. `keywords` goes to the public functions as it is."""

    files: tuple[str, ...]
    output: str | None
    in_place: bool
    quality: int
    json: bool
    quiet: bool
    max_pixels: int
    alpha: str | None
    keywords: Mapping[str, Any]


def _border(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    try:
        return BORDERS[value.lower()]
    except KeyError:
        raise click.BadParameter(f"unknown border {value!r}; there are {', '.join(BORDERS)}") from None


def files_argument() -> click.Argument:
    return click.Argument(["files"], nargs=-1, required=True, metavar="FILE...")


def _backend(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if value != "auto":
        from imgfilt.backend import names

        if value not in names():
            raise click.BadParameter(f"unknown backend {value!r}; there are auto, {', '.join(names())}")
    return value


def backend_option() -> click.Option:
    """For commands of one linear filter; chains choose for each step."""
    return click.Option(
        ["--backend"],
        metavar="NAME",
        default="auto",
        callback=_backend,
        help="How to convolve; by default the planner's choice.",
    )


def border_option() -> click.Option:
    """--border, its aliases resolved."""
    return click.Option(
        ["--border"],
        metavar="NAME",
        callback=_border,
        default="reflect101",
        show_default=True,
        help="What lies beyond the edges: reflect101 (dcb|abcd), reflect (cba|abcd), replicate "
        "(aaa|abcd), wrap (bcd|abcd), constant (--cval).",
    )


def threads_option() -> click.Option:
    """--threads; None for all."""
    return click.Option(
        ["--threads"], type=click.IntRange(1), metavar="N", help="Threads; by default one a core."
    )


def common_options() -> list[click.Option]:
    """Fresh option objects, in the order in which help lists them."""
    return [
        click.Option(
            ["-o", "--output"],
            metavar="FILE|DIR",
            help="Where to write: a file, whose extension says the format; an existing folder; or - for "
            "standard output. By default beside the input, as photo.NAME.jpg.",
        ),
        click.Option(["--in-place"], is_flag=True, help="Replace the input files."),
        border_option(),
        click.Option(
            ["--cval"], type=float, default=0.0, help="The value beyond the edges for --border constant."
        ),
        click.Option(
            ["--color"],
            type=click.Choice(["luma", "each"]),
            help="Filter the brightness alone (a gray result) or each channel; by default luma for edges.",
        ),
        click.Option(
            ["--alpha"],
            type=click.Choice(["premultiply", "ignore", "each"]),
            help="Transparency: weight colours by it, copy it unchanged, or filter it as a channel. By "
            "default premultiply.",
        ),
        click.Option(
            ["--linear-light"], is_flag=True, help="Filter light, not sRGB codes: decode, filter, encode."
        ),
        click.Option(
            ["--quality"],
            type=click.IntRange(1, 100),
            default=90,
            show_default=True,
            help="JPEG, WebP and AVIF quality. A JPEG keeps its chroma subsampling, other formats get 4:4:4.",
        ),
        threads_option(),
        click.Option(
            ["--max-megapixels"],
            type=click.FloatRange(0, min_open=True),
            default=512,
            show_default=True,
            help="Refuse larger pictures.",
        ),
        click.Option(["--filters"], metavar="DIR", help="A folder with filters of your own (TOML)."),
        click.Option(["--json"], is_flag=True, help="One JSON object a file on standard output."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Say nothing but errors."),
    ]


COMMON = (
    "files",
    "output",
    "in_place",
    "border",
    "cval",
    "color",
    "alpha",
    "linear_light",
    "quality",
    "threads",
    "backend",
    "max_megapixels",
    "filters",
    "json",
    "quiet",
)


def settings(values: Mapping[str, Any]) -> Settings:
    """The common options out of a command's values. Raises `click.UsageError`."""
    files = tuple(values["files"])
    problem = check_usage(values["output"], values["in_place"], files)
    if problem:
        raise click.UsageError(problem)
    to_stdout = values["output"] == STREAM or (STREAM in files and values["output"] is None)
    if to_stdout and values["json"]:
        raise click.UsageError("--json and the picture cannot both go to standard output; use -o FILE")
    keywords = {
        "border": values["border"],
        "cval": values["cval"],
        "threads": values["threads"],
        "color": values["color"],
        "linear_light": values["linear_light"],
    }
    if "backend" in values:
        keywords["backend"] = values["backend"]
    return Settings(
        files,
        values["output"],
        values["in_place"],
        values["quality"],
        values["json"],
        values["quiet"],
        int(values["max_megapixels"] * 1e6),
        values["alpha"],
        keywords,
    )
