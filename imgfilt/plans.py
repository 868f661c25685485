"""A plan: what will be done to an image of one shape and type, and why. Frozen, printable, picklable."""

from __future__ import annotations

from typing import Any

from imgfilt.graph import Node
from imgfilt.problem import Problem
from imgfilt.records import record
from imgfilt.rows import RowOp


@record
class Candidate:
    """A backend's answer to one convolution: its price, or why it was refused.

    `seconds` are predicted, for one thread; `measured` are those of the plan's number of threads.
    """

    backend: str
    seconds: float | None = None
    arithmetic: str = ""
    refused: str = ""
    measured: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The candidate as plain data for JSON."""
        if self.refused:
            return {"backend": self.backend, "refused": self.refused}
        told: dict[str, Any] = {"backend": self.backend, "predicted_ms": (self.seconds or 0.0) * 1e3}
        if self.measured is not None:
            told["measured_ms"] = self.measured * 1e3
        return told | {"arithmetic": self.arithmetic}

    def told(self, *, timed: bool) -> str:
        """The candidate for a reader, beside others of which some were timed or none."""
        if self.refused:
            return f"refused: {self.refused}"
        words = f"{(self.seconds or 0.0) * 1e3:9.3f} ms"
        if timed:
            words += f"{self.measured * 1e3:12.3f} ms" if self.measured is not None else f"{'not timed':>15}"
        return f"{words}  {self.arithmetic}"


@record
class Choice:
    """One convolution of a plan: the kernel in words, the backend it got, and all that were asked."""

    kernel: str
    backend: str
    arithmetic: str
    reason: str
    candidates: tuple[Candidate, ...]

    @property
    def timed(self) -> bool:
        """Whether candidates were timed, and the fastest taken."""
        return any(k.measured is not None for k in self.candidates)


@record
class RowStep:
    """One sweep over the rows of an image."""

    ops: tuple[RowOp, ...]


@record
class ArrayStep:
    """A convolution by a backend that reads the whole image; `ops` make pixels of each block of its response."""

    backend: str
    problem: Problem
    ops: tuple[RowOp, ...]


@record
class AreaStep:
    """A filter with native code of its own over the whole image: median, bilateral, canny."""

    node: Node
    out_dtype: str


Step = RowStep | ArrayStep | AreaStep


@record
class Plan:
    """The steps for one filter, shape and dtype, with the backend and arithmetic of each convolution.

    `bound` is the largest difference from exact real arithmetic that values may have before they are rounded
    to the output's dtype (in the output's units; for float images relative to an image within -1..1).
    `workspace` is the bytes that one thread needs beside input and output; `seconds` the predicted time.
    """

    title: str
    shape: tuple[int, ...]
    dtype: str
    out_shape: tuple[int, ...]
    out_dtype: str
    border: str
    threads: int
    isa: str
    steps: tuple[Step, ...]
    choices: tuple[Choice, ...]
    bound: float
    workspace: int
    seconds: float

    @property
    def backend(self) -> str:
        """The backend of the convolution, or of all of them, joined by +."""
        return "+".join(dict.fromkeys(c.backend for c in self.choices)) or "none"

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data for JSON."""
        return {
            "filter": self.title,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "out_shape": list(self.out_shape),
            "out_dtype": self.out_dtype,
            "border": self.border,
            "threads": self.threads,
            "isa": self.isa,
            "backend": self.backend,
            "predicted_ms": self.seconds * 1e3,
            "error_bound": self.bound,
            "workspace_bytes": self.workspace,
            "steps": [_step_dict(s) for s in self.steps],
            "convolutions": [
                {
                    "kernel": c.kernel,
                    "backend": c.backend,
                    "arithmetic": c.arithmetic,
                    "reason": c.reason,
                    "measured": c.timed,
                    "candidates": [k.to_dict() for k in c.candidates],
                }
                for c in self.choices
            ],
        }

    def __str__(self) -> str:
        lines = [
            f"{self.title}: {_shape(self.shape)} {self.dtype} -> {_shape(self.out_shape)} {self.out_dtype}, "
            f"border {self.border}, {self.threads} thread{'s' * (self.threads != 1)}, {self.isa}",
            f"  predicted {self.seconds * 1e3:.2f} ms, error bound {_bound(self.bound)}, "
            f"workspace {human_bytes(self.workspace)} a thread",
        ]
        for number, step in enumerate(self.steps, 1):
            lines.extend(_step_lines(number, step))
        for choice in self.choices:
            lines.append(f"  convolution {choice.kernel}: {choice.backend}, {choice.arithmetic}")
            lines.append(f"    because {choice.reason}")
            if choice.timed:
                head = f"      {'':<10} {'predicted':>12}{'measured':>15}"
                lines.append(f"{head}  (on one thread, on {self.threads})")
            for k in choice.candidates:
                mark = "*" if k.backend == choice.backend else " "
                lines.append(f"    {mark} {k.backend:<10} {k.told(timed=choice.timed)}")
        return "\n".join(lines)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in shape)


def _bound(bound: float) -> str:
    return "0 (exact)" if bound == 0 else f"{bound:.2g}"


def human_bytes(n: int) -> str:
    """A number of bytes for a reader."""
    return f"{n} B" if n < 1024 else f"{n / 1024:.0f} KiB" if n < 1 << 20 else f"{n / (1 << 20):.1f} MiB"


def _step_dict(step: Step) -> dict[str, Any]:
    if isinstance(step, RowStep):
        return {"step": "rows", "operations": [f"%{i} = {op.describe()}" for i, op in enumerate(step.ops)]}
    if isinstance(step, ArrayStep):
        ops = [f"%{i} = {op.describe()}" for i, op in enumerate(step.ops)]
        return {"step": "array", "backend": step.backend, "operations": ops}
    return {"step": "area", "filter": type(step.node).__name__.lower(), "out_dtype": step.out_dtype}


def _step_lines(number: int, step: Step) -> list[str]:
    if isinstance(step, RowStep):
        lines = [f"  step {number}: one sweep over the rows"]
        return lines + [f"    %{i} = {op.describe()}" for i, op in enumerate(step.ops)]
    if isinstance(step, ArrayStep):
        (sy, sx), part = step.problem.stride, ""
        if step.problem.strided:
            part = f", every {sy}. row and {sx}. column kept"
        lines = [f"  step {number}: {step.backend} over the whole image, in blocks{part}; of each"]
        return lines + [f"    %{i} = {op.describe()}" for i, op in enumerate(step.ops)]
    return [f"  step {number}: {type(step.node).__name__.lower()}, native over the whole image"]
