"""kn2col: kn2row transposed, for images whose channels stand side by side.

One product (pixels, channels) @ (channels, k * k * filters), then the k * k results are shifted and added.
A. Vasudevan, A. Anderson and D. Gregg, "Parallel multi channel convolution using general matrix multiplication", 2017.
"""

from __future__ import annotations

from imgfilt.bank.matrix import Array
from imgfilt.bank.problem import BankProblem
from imgfilt.bank.taps import add_taps, taps_cost, taps_error, taps_workspace
from imgfilt.problem import Refusal

name = "kn2col"
layouts = ("NHWC",)
local = True
workspace, error, cost = taps_workspace, taps_error, taps_cost


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    add_taps(problem, x, weight, bias, out, threads, channels_last=True)
