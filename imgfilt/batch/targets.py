"""Where each result goes: one place for each input, never an input itself, never the same place twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from imgfilt.batch.errors import WrongUsageError
from imgfilt.batch.sources import STREAM, Source
from imgfilt.io import FORMATS, ImageFileError, of_path, probe
from imgfilt.io.errors import UnknownFormatError

FIELDS = ("stem", "filter", "ext")
BESIDE = "{stem}.{filter}{ext}"
"""The default name beside the input; in a folder of their own results keep the names of their inputs."""


class Job(NamedTuple):
    """One input and the path (or "-") of its result."""

    source: Source
    target: str


class Naming(NamedTuple):
    """How results are named.

    label     {filter}
    output    a file, "-", or (where `folder`) a folder in which the inputs' tree is mirrored; None: beside them
    folder    `output` is a folder, which is made where it is missing
    name      a template of {stem}, {filter} and {ext} instead of the usual name
    format    a key of `FORMATS` instead of each input's own format
    in_place  results replace their inputs
    """

    label: str
    output: str | None = None
    folder: bool = False
    name: str | None = None
    format: str | None = None
    in_place: bool = False

    def target(self, source: Source) -> str:
        """The output of `source`.

        >>> Naming("sobel").target(Source("photos/a.jpg", "a.jpg"))
        'photos/a.sobel.jpg'
        >>> Naming("sobel", "edges", True, format="png").target(Source("photos/sub/a.jpg", "sub/a.jpg"))
        'edges/sub/a.png'
        """
        if self.in_place:
            return source.path
        if self.output is not None and not self.folder:
            return self.output
        if source.path == STREAM and self.output is None:
            return STREAM
        inside = source.inside if source.path != STREAM else "stdin"
        below, base = os.path.split(inside)
        stem, ext = os.path.splitext(base)[0], self._extension(source)
        template = self.name or (BESIDE if self.output is None else "{stem}{ext}")
        name = template.format(stem=stem, filter=self.label, ext=ext)
        folder = os.path.dirname(source.path) if self.output is None else os.path.join(self.output, below)
        return os.path.join(folder, name)

    def _extension(self, source: Source) -> str:
        """That of the format asked for; the input's own where it can be written; else that of its content."""
        own = os.path.splitext(source.path)[1]
        if self.format is not None:
            return own if own.lower() in FORMATS[self.format] else FORMATS[self.format][0]
        try:
            of_path(source.path)
        except UnknownFormatError:
            try:
                kind = probe(source.path).format if source.path != STREAM else ""
            except ImageFileError:
                kind = ""  # it is said when the file is read
            return FORMATS.get(kind, (".png",))[0]
        return own


def check_name(template: str) -> None:
    """`WrongUsageError` where a template has other fields, or none that tells results apart."""
    import string

    example = f"as in '{BESIDE}'"
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        template.format(stem="", filter="", ext="")
    except (ValueError, IndexError, KeyError, AttributeError):
        raise WrongUsageError(
            f"--name '{template}' is no template of {{stem}}, {{filter}} and {{ext}}, {example}"
        ) from None
    if "stem" not in fields:
        raise WrongUsageError(
            f"--name '{template}' gives all results one name; write {{stem}} in it, {example}"
        )


def jobs(sources: Sequence[Source], naming: Naming) -> list[Job]:
    """A job for each source.

    A file met in a folder that is another source's result is no source: it was made by an earlier run. Raises
    `WrongUsageError` where two inputs would give one output, or an output would be an input.
    """
    if naming.in_place:
        return _in_place(sources)
    place = _Places()
    inputs = {place(source.path): source for source in sources if source.path != STREAM}
    planned = [Job(source, naming.target(source)) for source in sources]
    makers: dict[str, Source] = {}
    results: set[str] = set()
    kept = []
    for job in planned:
        if job.target == STREAM:
            kept.append(job)
            continue
        real = place(job.target)
        if real in inputs and _made_earlier(inputs[real], job.source, naming):
            results.add(inputs[real].path)
        elif real in inputs:
            raise WrongUsageError(
                f"'{job.target}' is an input; --in-place overwrites inputs, -o names another file or folder"
            )
        if real in makers and place(makers[real].path) == place(job.source.path):
            continue  # named twice
        if real in makers:
            raise WrongUsageError(
                f"'{makers[real].path}' and '{job.source.path}' would both be written to '{job.target}'"
            )
        makers[real] = job.source
        kept.append(job)
    return [job for job in kept if job.source.path not in results]


def _in_place(sources: Sequence[Source]) -> list[Job]:
    place = _Places()
    once = {place(source.path): Job(source, source.path) for source in reversed(sources)}
    return list(reversed(once.values()))


def _made_earlier(candidate: Source, maker: Source, naming: Naming) -> bool:
    labelled = "{filter}" in (naming.name or (BESIDE if naming.output is None else ""))
    return candidate.found and candidate is not maker and labelled


class _Places:
    """Paths as they are without links, the folders looked up once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        folder, base = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(self._folders[folder], base)
        return os.path.realpath(real) if os.path.islink(real) else real
