"""Chains of filters written as text: "gaussian sigma=2 | sobel"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from imgfilt.spec import FilterSpec
from imgfilt.stages import Stage
from imgfilt.steps import StepError, make_stage

# a bar; key=value, where the value may be quoted (and then hold spaces and bars); or anything else
_TOKEN = re.compile(
    r"""(?P<bar>\|)
      | (?P<key>[A-Za-z_][\w-]*) = (?: "(?P<double>[^"]*)" | '(?P<single>[^']*)' | (?P<bare>[^\s|"']+) )
        (?![^\s|])
      | (?P<word>[^\s|]+)
    """,
    re.VERBOSE,
)


class PipelineError(ValueError):
    """A pipeline's text is wrong; `column` is where, from 1. The message is one line that says so too."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (column {column})")
        self.column = column


@dataclass(frozen=True)
class Step:
    """One filter of a pipeline as written: its name, raw parameter values, its column and theirs from 1."""

    name: str
    params: Mapping[str, str]
    position: int
    columns: Mapping[str, int] = field(default_factory=dict, compare=False)


def parse(text: str) -> tuple[Step, ...]:
    """The steps of `name key=value ... | name ...`; values with spaces go between quotes.

    Raises PipelineError that points at the character.

    >>> [(s.name, dict(s.params)) for s in parse("gaussian sigma=2 | sobel")]
    [('gaussian', {'sigma': '2'}), ('sobel', {})]
    """
    steps: list[Step] = []
    name: str | None = None
    start = 1
    params: dict[str, str] = {}
    columns: dict[str, int] = {}
    for token in _TOKEN.finditer(text):
        column = token.start() + 1
        step = f"step {len(steps) + 1}" + (f" ({name})" if name else "")
        if token["bar"]:
            if name is None:
                raise PipelineError(f"{step}: expected a filter's name before '|'", column)
            steps.append(Step(name, params, start, columns))
            name, params, columns = None, {}, {}
        elif name is None:
            if token["key"] or "=" in token[0]:
                raise PipelineError(f"{step}: expected a filter's name, got {token[0]!r}", column)
            name, start = token[0], column
        elif token["key"]:
            key = token["key"].replace("-", "_")
            if key in params:
                raise PipelineError(f"{step}: {key!r} is given twice", column)
            columns[key] = column
            params[key] = next(token[g] for g in ("double", "single", "bare") if token[g] is not None)
        else:
            raise PipelineError(f"{step}: expected key=value or '|', got {token[0]!r}", column)
    if name is None:
        what = "a pipeline needs a filter's name" if not steps else "expected a filter's name after '|'"
        raise PipelineError(f"{what}, got {text!r:.60}", len(text.rstrip()) + 1)
    return (*steps, Step(name, params, start, columns))


def resolve(steps: Sequence[Step], specs: Mapping[str, FilterSpec]) -> tuple[Stage, ...]:
    """Each step's filter in `specs` with its parameters: converted, checked, defaults filled in.

    Files of kernels are relative to the working directory. Raises PipelineError that names the step and points at the
    parameter.
    """
    stages = []
    for number, step in enumerate(steps, 1):
        try:
            stages.append(make_stage(step.name, step.params, specs, text=True))
        except StepError as error:
            raise PipelineError(
                f"step {number}: {error}", step.columns.get(error.key, step.position)
            ) from None
    return tuple(stages)
