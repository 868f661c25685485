"""Shapes and strides -> plan: which backend convolves, and why the others do not.

Planning never touches arrays, and knows no backend by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from imgfilt.bank.backends import BANK_BACKENDS
from imgfilt.bank.interface import Backend, P
from imgfilt.bank.layouts import shape
from imgfilt.bank.problem import BankProblem
from imgfilt.plans import Candidate, human_bytes

MAX_WORKSPACE = 1 << 30
"""Bytes that a backend may allocate beside input, weights and output, unless the caller says otherwise."""


@dataclass(frozen=True)
class BankPlan:
    """The backend for one convolution by a bank of filters, and every backend's price or refusal.

    `bound` is the largest error of an output relative to max |x| * (largest sum of a filter's |weights|) + |bias|;
    `workspace` the bytes beside input, weights and output; `seconds` the predicted time on all threads.
    The candidates' seconds are those of one thread, so that the choice does not depend on their number.
    """

    problem: BankProblem
    threads: int
    backend: str
    reason: str
    bound: float
    workspace: int
    seconds: float
    candidates: tuple[Candidate, ...]

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        p = self.problem
        return shape(p.layout, p.batch, p.filters, *p.out)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data for JSON."""
        p = self.problem
        return {
            "layout": p.layout,
            "dtype": p.dtype,
            "shape": list(shape(p.layout, p.batch, p.channels, p.height, p.width)),
            "weight_shape": list(p.weight_shape),
            "out_shape": list(self.out_shape),
            "stride": list(p.stride),
            "padding": list(p.padding),
            "dilation": list(p.dilation),
            "groups": p.groups,
            "threads": self.threads,
            "backend": self.backend,
            "reason": self.reason,
            "predicted_ms": self.seconds * 1e3,
            "error_bound": self.bound,
            "workspace_bytes": self.workspace,
            "candidates": [
                {"backend": k.backend, "refused": k.refused}
                if k.refused
                else {"backend": k.backend, "predicted_ms": (k.seconds or 0.0) * 1e3}
                for k in self.candidates
            ],
        }

    def __str__(self) -> str:
        p = self.problem
        lines = [
            f"{p.operation}: {p.layout} {_by(shape(p.layout, p.batch, p.channels, p.height, p.width))} {p.dtype}, "
            f"{p.filters} filters {p.group_channels}x{p.kernel[0]}x{p.kernel[1]} -> {_by(self.out_shape)}",
            f"  stride {p.stride}, padding {p.padding}, dilation {p.dilation}, groups {p.groups}, "
            f"{self.threads} thread{'s' * (self.threads != 1)}",
            f"  {self.backend} because {self.reason}: predicted {self.seconds * 1e3:.2f} ms, error bound "
            f"{self.bound:.2g} of the response's scale, workspace {human_bytes(self.workspace)}",
        ]
        for k in self.candidates:
            mark = "*" if k.backend == self.backend else " "
            told = f"{(k.seconds or 0.0) * 1e3:9.3f} ms" if k.seconds is not None else ""
            refused = f"refused: {k.refused}" if k.refused else ""
            lines.append(f"    {mark} {k.backend:<20} {told}{'  ' * bool(told and refused)}{refused}")
        return "\n".join(lines)


def _by(numbers: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in numbers)


@lru_cache(maxsize=512)
def make_bank_plan(problem: BankProblem, threads: int, backend: str, max_workspace: int) -> BankPlan:
    """The plan for a convolution; see `choose`."""
    return choose(BANK_BACKENDS, problem, threads, backend, max_workspace)


def choose(
    table: Mapping[str, Backend[P]], problem: P, threads: int, backend: str, max_workspace: int
) -> BankPlan:
    """The plan for a problem, by the cheapest backend of the table or by the one that is named.

    "auto" leaves out the backends through which a NaN would spread beyond the kernel.

    Raises ValueError for an unknown backend, one that refuses (with its reason), and a workspace over the limit.
    """
    if backend != "auto" and backend not in table:
        raise ValueError(f"backend must be 'auto' or one of {', '.join(table)}, got {backend!r}")
    candidates = tuple(
        sorted(
            (
                _ask(module, problem, threads, max_workspace, asked=name == backend)
                for name, module in table.items()
            ),
            key=lambda c: (bool(c.refused), c.seconds or 0.0),
        )
    )
    fit = [c for c in candidates if not c.refused]
    if backend == "auto":
        if not fit:
            raise ValueError(
                f"no backend stays within a workspace of {human_bytes(max_workspace)}; raise max_workspace"
            )
        chosen = fit[0]
        reason = (
            f"it is predicted to be {(fit[1].seconds or 0.0) / (chosen.seconds or 1.0):.1f} times as fast as "
            f"{fit[1].backend}"
            if len(fit) > 1
            else "no other backend can do it"
        )
    else:
        chosen = next(c for c in candidates if c.backend == backend)
        reason = "it was asked for"
        if chosen.refused:
            raise ValueError(f"backend={backend!r} cannot do this convolution: {chosen.refused}")
    module = table[chosen.backend]
    return BankPlan(problem, threads, chosen.backend, reason, module.error(problem),
                    workspace_of(module, problem, threads), (chosen.seconds or 0.0) / threads, candidates)  # fmt: skip


def workspace_of(module: Backend[P], problem: P, threads: int) -> int:
    """Bytes that a backend allocates, and those of bringing arrays to a layout that it takes."""
    moved = 0
    if problem.layout == "CHWN8" and "CHWN8" not in module.layouts:
        moved = (problem.input_size + problem.output_elements) * problem.itemsize
    return module.workspace(problem, threads) + moved


def _ask(module: Backend[P], problem: P, threads: int, limit: int, *, asked: bool) -> Candidate:
    """A backend's price or refusal; `asked`: by name, and not by "auto"."""
    refusal = module.supports(problem)
    if refusal is not None:
        return Candidate(module.name, refused=refusal.reason)
    seconds = module.cost(problem)
    needed = workspace_of(module, problem, threads)
    if needed > limit:
        over = f"its workspace of {human_bytes(needed)} is over the limit of {human_bytes(limit)} (max_workspace)"
        return Candidate(module.name, seconds, refused=over)
    if not module.local and not asked:
        return Candidate(
            module.name,
            seconds,
            refused="NaN and infinity would spread beyond the kernel; ask for it by name",
        )
    return Candidate(module.name, seconds)
