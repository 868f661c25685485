"""Options that every command on images has, and their values as one object."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from imgfilt.batch.errors import WrongUsageError
from imgfilt.batch.runner import Limits
from imgfilt.batch.sources import STREAM, Selection, is_many
from imgfilt.batch.targets import Naming, check_name
from imgfilt.cli import completers
from imgfilt.io import FORMATS, ImageFileError, of_path

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


class Settings(NamedTuple):
    """What the common options said. `keywords` goes to the public functions as it is."""

    files: tuple[str, ...]
    selection: Selection
    limits: Limits
    output: str | None
    name: str | None
    format: str | None
    bits: int | None
    quality: int
    in_place: bool
    resume: bool
    skip_existing: bool
    fail_fast: bool
    dry_run: bool
    watch: bool
    report: str | None
    json: bool
    quiet: bool
    max_pixels: int
    alpha: str | None
    keywords: Mapping[str, Any]

    @property
    def is_many(self) -> bool:
        """Whether folders or lists are among the inputs."""
        return any(is_many(word) for word in self.files)

    def naming(self, label: str) -> Naming:
        """Where the results of the filter `label` go."""
        folder = self.output is not None and self.output != STREAM and self._is_folder(self.output)
        return Naming(label, self.output, folder, self.name, self.format, self.in_place)

    def _is_folder(self, output: str) -> bool:
        if os.path.exists(output):
            return os.path.isdir(output)
        return output.endswith(("/", os.sep)) or self.is_many or len(self.files) > 1


def _border(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    try:
        return BORDERS[value.lower()]
    except KeyError:
        raise click.BadParameter(f"unknown border {value!r}; there are {', '.join(BORDERS)}") from None


def files_argument() -> click.Argument:
    """FILE..., which may be missing where --from-file names them."""
    return click.Argument(["files"], nargs=-1, metavar="FILE...", shell_complete=completers.files)


def _format(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    word = value.lower().lstrip(".")
    for name, extensions in FORMATS.items():
        if word == name or f".{word}" in extensions:
            return name
    raise click.BadParameter(f"unknown format {value!r}; there are {', '.join(FORMATS)}")


def _report(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.lower().endswith((".html", ".htm")):
        raise click.BadParameter(f"'{value}' is a web page; name it .html")
    return value


def _memory(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    word = value.strip().upper().removesuffix("B").removesuffix("I")
    unit = "KMGT".find(word[-1:]) + 1 if word[-1:] else 0
    try:
        size = float(word[:-1] if unit else word) * 1024**unit
    except ValueError:
        size = 0.0
    if not 1 << 20 <= size < 1 << 60:
        raise click.BadParameter(f"{value!r} is no size of at least 1M; write it as 500M or 2G")
    return int(size)


def _backend(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if value != "auto":
        from imgfilt.backend import names

        if value not in names():
            raise click.BadParameter(f"unknown backend {value!r}; there are auto, {', '.join(names())}")
    return value


def _backends() -> tuple[str, ...]:
    from imgfilt.backend import names

    return ("auto", *names())


def filters_option() -> click.Option:
    """--filters DIR."""
    return click.Option(
        ["--filters"],
        metavar="DIR",
        shell_complete=completers.folders,
        help="A folder with filters of your own (TOML).",
    )


def backend_option() -> click.Option:
    """For commands of one linear filter; chains choose for each step."""
    return click.Option(
        ["--backend"],
        metavar="NAME",
        shell_complete=completers.words(_backends),
        default="auto",
        callback=_backend,
        help="How to convolve; by default the planner's choice.",
    )


def border_option() -> click.Option:
    """--border, its aliases resolved."""
    return click.Option(
        ["--border"],
        metavar="NAME",
        shell_complete=completers.words(BORDERS),
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
    return [*_output_options(), *_filter_options(), *_input_options(), *_run_options()]


def _output_options() -> list[click.Option]:
    return [
        click.Option(
            ["-o", "--output"],
            metavar="FILE|DIR",
            shell_complete=completers.files,
            help="Where to write: a file, whose extension says the format; a folder, in which a folder's tree is "
            "mirrored; or - for standard output. By default beside the input, as photo.NAME.jpg.",
        ),
        click.Option(
            ["--name"],
            metavar="TEMPLATE",
            help='Names of the results, as "{stem}.{filter}{ext}".',
        ),
        click.Option(
            ["--format"],
            metavar="NAME",
            shell_complete=completers.words(FORMATS),
            callback=_format,
            help="Write this format instead of the input's own.",
        ),
        click.Option(
            ["--bits"],
            type=click.Choice(["8", "16", "32"]),
            help="Bits a sample in the result (16: PNG and TIFF, 32: floats from 0 to 1 in TIFF); by default as "
            "in the input.",
        ),
        click.Option(
            ["--quality"],
            type=click.IntRange(1, 100),
            default=90,
            show_default=True,
            help="JPEG, WebP and AVIF quality. A JPEG keeps its chroma subsampling, other formats get 4:4:4.",
        ),
        click.Option(["--in-place"], is_flag=True, help="Replace the input files."),
    ]


def _filter_options() -> list[click.Option]:
    return [
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
        filters_option(),
    ]


def _input_options() -> list[click.Option]:
    return [
        click.Option(
            ["--from-file"],
            multiple=True,
            metavar="LIST",
            shell_complete=completers.files,
            help="Read names of inputs from a file (- for standard input): one a line, or between NULs. "
            "@LIST among the files is the same.",
        ),
        click.Option(
            ["--recursive/--no-recursive"], default=True, help="Go into the folders of a folder, or not."
        ),
        click.Option(
            ["--glob"],
            multiple=True,
            metavar="PATTERN",
            help="Of folders take only what matches, as '*.jpg'; may be repeated.",
        ),
        click.Option(
            ["--exclude"],
            multiple=True,
            metavar="PATTERN",
            help="Of folders leave out files and folders that match; may be repeated.",
        ),
        click.Option(
            ["--max-megapixels"],
            type=click.FloatRange(0, min_open=True),
            default=512,
            show_default=True,
            help="Refuse larger pictures.",
        ),
    ]


def _run_options() -> list[click.Option]:
    return [
        threads_option(),
        click.Option(
            ["--jobs"],
            type=click.IntRange(1, 1024),
            metavar="N",
            help="Files worked on at a time; by default one a thread.",
        ),
        click.Option(
            ["--max-memory"],
            metavar="SIZE",
            callback=_memory,
            help="Memory for all files together, as 2G; one that needs more goes alone. By default half of the "
            "machine's.",
        ),
        click.Option(
            ["--executor"], metavar="NAME", default="threads", help="How jobs are run.", hidden=True
        ),
        click.Option(["--dry-run"], is_flag=True, help="Print what would be written, and do nothing."),
        click.Option(
            ["--resume"],
            is_flag=True,
            help="Leave out what an earlier run has done from the same input with the same options.",
        ),
        click.Option(
            ["--skip-existing"],
            is_flag=True,
            help="As --resume, and leave out other results too that are younger than their inputs.",
        ),
        click.Option(["--fail-fast"], is_flag=True, help="End at the first file that fails."),
        click.Option(["--watch"], is_flag=True, help="Go on with new files in the folders, as they come."),
        click.Option(
            ["--report"],
            metavar="FILE.html",
            callback=_report,
            help="Write a page with small pictures before and after, and the errors, for a browser.",
        ),
        click.Option(["--json"], is_flag=True, help="One JSON object a file on standard output."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Say nothing but errors."),
    ]


def common_names() -> frozenset[str]:
    """Names that no filter's parameter may have."""
    options = [backend_option(), *common_options()]
    return frozenset(["files", *(str(option.name) for option in options)])


def settings(values: Mapping[str, Any]) -> Settings:
    """The common options out of a command's values. Raises `click.UsageError`."""
    files = (*values["files"], *(f"@{name}" for name in values["from_file"]))
    output = values["output"]
    if not files:
        raise click.UsageError("Missing argument 'FILE...': files, folders, @LIST, or - for standard input.")
    problem = _contradiction(values, files) or _wrong_output(output, files)
    if problem:
        raise click.UsageError(problem)
    if values["name"] is not None:
        try:
            check_name(values["name"])
        except WrongUsageError as error:
            raise click.UsageError(str(error)) from error
    keywords = {name: values[name] for name in ("border", "cval", "color", "linear_light")}
    if "backend" in values:
        keywords["backend"] = values["backend"]
    return Settings(
        files=files,
        selection=Selection(values["recursive"], values["glob"], values["exclude"]),
        limits=Limits(values["jobs"], values["threads"], values["max_memory"], values["executor"]),
        bits=int(values["bits"]) if values["bits"] else None,
        max_pixels=int(values["max_megapixels"] * 1e6),
        keywords=keywords,
        **{name: values[name] for name in _AS_THEY_ARE},
    )


_AS_THEY_ARE = (
    "output", "name", "format", "quality", "in_place", "resume", "skip_existing", "fail_fast", "dry_run", "watch",
    "report", "json", "quiet", "alpha",
)  # fmt: skip


def _contradiction(values: Mapping[str, Any], files: Sequence[str]) -> str | None:
    """What is wrong with the options together, whatever the inputs hold; None if nothing is."""
    output, streams = values["output"], STREAM in files
    if values["in_place"]:
        for option, name in (("-o", "output"), ("--name", "name"), ("--format", "format")):
            if values[name] is not None:
                return f"--in-place and {option} exclude each other"
        if streams:
            return "--in-place cannot write back to standard input"
        if values["skip_existing"]:
            return (
                "--in-place and --skip-existing exclude each other: every result exists; --resume knows which"
            )
    if (output == STREAM or (streams and output is None)) and values["json"]:
        return "--json and the picture cannot both go to standard output; use -o FILE"
    if values["watch"] and not any(os.path.isdir(word) for word in files):
        return "--watch needs a folder to watch"
    if values["watch"] and values["dry_run"]:
        return "--watch and --dry-run exclude each other"
    return None


def _wrong_output(output: str | None, files: Sequence[str]) -> str | None:
    if output is None:
        return None
    many = len(files) > 1 or any(is_many(word) for word in files)
    given = f"{len(files)} inputs are given" if len(files) > 1 else f"'{files[0]}' may be many"
    if output == STREAM:
        return f"-o - takes one picture, {given}" if many else None
    if os.path.isdir(output) or output.endswith(("/", os.sep)):
        return None
    try:
        of_path(output)
    except ImageFileError as error:
        return None if many or os.path.exists(output) else str(error)
    return f"-o '{output}' is one file, {given}; name a folder" if many else None
