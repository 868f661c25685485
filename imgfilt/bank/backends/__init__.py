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
from imgfilt.bank.interface import Backend
from imgfilt.bank.problem import BankProblem

BANK_BACKENDS: dict[str, Backend[BankProblem]] = {
    m.name: m
    for m in (direct, direct_rows, im2win, im2col, im2col_plain, im2row, kn2row, kn2col, kn2row_accumulating,
              kn2row_hole_punching, mec, smm, winograd_f2, winograd_f4, fft)
}  # fmt: skip
