"""kn2row: one product of all taps with the image as it is, then the k * k results are shifted and added.

No patches are made; the product (k * k * filters, channels) @ (channels, pixels) is k * k * filters planes of the
input's size. With a stride it computes what is then left out. A. Anderson et al., "Low-memory GEMM-based convolution
algorithms for deep neural networks", 2017.
"""

from __future__ import annotations

from imgfilt.bank.matrix import Array
from imgfilt.bank.problem import BankProblem
from imgfilt.bank.taps import add_taps, taps_cost, taps_error, taps_workspace
from imgfilt.problem import Refusal

name = "kn2row"
layouts = ("NCHW",)
local = True
workspace, error, cost = taps_workspace, taps_error, taps_cost


def supports(problem: BankProblem) -> Refusal | None:
    """Everything."""
    return None


def run(problem: BankProblem, x: Array, weight: Array, bias: Array | None, out: Array, threads: int) -> None:
    add_taps(problem, x, weight, bias, out, threads, channels_last=False)
