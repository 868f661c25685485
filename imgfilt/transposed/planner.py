"""Shapes and strides -> plan for a transposed convolution; the choosing itself is that of the filter banks."""

from __future__ import annotations

from functools import lru_cache

from imgfilt.bank.planner import BankPlan, choose
from imgfilt.transposed.backends import TRANSPOSED_BACKENDS
from imgfilt.transposed.problem import TransposedProblem


@lru_cache(maxsize=512)
def make_transposed_plan(
    problem: TransposedProblem, threads: int, backend: str, max_workspace: int
) -> BankPlan:
    """The plan for a problem, by the cheapest backend or by the one that is named.

    Raises ValueError for an unknown backend, and for a workspace over the limit.
    """
    return choose(TRANSPOSED_BACKENDS, problem, threads, backend, max_workspace)
