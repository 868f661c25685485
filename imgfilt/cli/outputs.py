"""Where a result goes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from imgfilt.io import FORMATS, ImageFileError
from imgfilt.io.errors import NotWritableError, UnknownFormatError
from imgfilt.io.formats import of_path
from imgfilt.io.writer import check_target

STREAM = "-"


@dataclass
class Outputs:
    """Names one output for each input, never an input itself and never the same output twice.

    `output` is a file, an existing folder (results keep the names of their inputs), "-" for standard output,
    or None: `photo.jpg` becomes `photo.LABEL.jpg` beside it.
    """

    label: str
    output: str | None
    in_place: bool
    inputs: tuple[str, ...]
    taken: dict[str, str] = field(default_factory=dict)

    def for_input(self, path: str, kind: str) -> str:
        """The output path for `path`, whose content is in format `kind`."""
        if self.in_place:
            of_path(path)
            check_target(path)
            return path
        target = self._target(path, kind)
        if target == STREAM:
            return target
        real = os.path.realpath(target)
        for other in self.inputs:
            if other != STREAM and real == os.path.realpath(other):
                raise NotWritableError(
                    f"'{target}' is an input; --in-place overwrites inputs, -o names another file"
                )
        if real in self.taken:
            raise NotWritableError(f"'{target}' was written just now from '{self.taken[real]}'")
        if not os.path.exists(real) or os.path.isfile(real):
            of_path(target)
        check_target(target)
        self.taken[real] = path
        return target

    def _target(self, path: str, kind: str) -> str:
        if self.output is not None and not os.path.isdir(self.output):
            return self.output
        if path == STREAM:
            return (
                STREAM if self.output is None else os.path.join(self.output, "stdin" + _extension(path, kind))
            )
        folder, base = os.path.split(path)
        stem, extension = os.path.splitext(base)[0], _extension(path, kind)
        if self.output is not None:
            return os.path.join(self.output, stem + extension)
        return os.path.join(folder, f"{stem}.{self.label}{extension}")


def _extension(path: str, kind: str) -> str:
    """The input's own extension where it names a format, else that of its content, else .png."""
    try:
        of_path(path)
    except UnknownFormatError:
        return FORMATS.get(kind, (".png",))[0]
    return os.path.splitext(path)[1]


def check_usage(output: str | None, in_place: bool, files: tuple[str, ...]) -> str | None:
    """What is wrong with the options themselves, whatever the inputs hold; None if nothing is."""
    if in_place and output is not None:
        return "--in-place and -o exclude each other"
    if in_place and STREAM in files:
        return "--in-place cannot write back to standard input"
    if output is None or output == STREAM:
        if output == STREAM and len(files) > 1:
            return f"-o - takes one picture, {len(files)} files are given"
        return None
    if os.path.isdir(output):
        return None
    if output.endswith(("/", os.sep)):
        return f"there is no folder '{output}'; make it first, or name a file"
    if len(files) > 1:
        return f"-o '{output}' is one file, {len(files)} inputs are given; name an existing folder"
    if os.path.exists(output):
        return None
    try:
        of_path(output)
    except ImageFileError as error:
        return str(error)
    return None
