"""The ways to convolve with a bank of filters, in one ordered table. Each is a module with

    name       what users write in `backend=`
    layouts    the layouts of arrays that it takes as they are; others are brought to NCHW for it
    local      whether NaN and infinity reach no further than the kernel
    supports   (problem) -> None, or a `Refusal` with the reason
    workspace  (problem, threads) -> bytes beside input, weights and output
    error      (problem) -> the bound of an output's error, relative to max |x| sum |weight| + |bias|
    cost       (problem) -> predicted seconds on one thread
    run        (problem, x, weight, bias, out, threads): `x` and `out` in one of `layouts`

The planner asks all of them; it knows none by name.
"""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from imgfilt.bank.backends import (
    direct,
    direct_rows,
    fft,
    im2col,
    im2col_plain,
    im2row,
    im2win,
    kn2col,
    kn2row,
    kn2row_accumulating,
    kn2row_hole_punching,
    mec,
    smm,
    winograd_f2,
    winograd_f4,
)
from imgfilt.bank.problem import BankProblem
from imgfilt.problem import Refusal


class BankBackend(Protocol):
    """What every backend has."""

    name: str
    layouts: tuple[str, ...]
    local: bool

    def supports(self, problem: BankProblem) -> Refusal | None: ...

    def workspace(self, problem: BankProblem, threads: int) -> int: ...

    def error(self, problem: BankProblem) -> float: ...

    def cost(self, problem: BankProblem) -> float: ...

    def run(
        self,
        problem: BankProblem,
        x: NDArray[Any],
        weight: NDArray[Any],
        bias: NDArray[Any] | None,
        out: NDArray[Any],
        threads: int,
    ) -> None: ...


BANK_BACKENDS: dict[str, BankBackend] = {
    m.name: m
    for m in (direct, direct_rows, im2win, im2col, im2col_plain, im2row, kn2row, kn2col, kn2row_accumulating,
              kn2row_hole_punching, mec, smm, winograd_f2, winograd_f4, fft)
}  # fmt: skip
