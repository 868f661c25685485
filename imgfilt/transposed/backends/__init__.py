"""The ways to convolve transposed, in one ordered table. Each is a module with

    name       what users write in `backend=`
    layouts    the layouts of arrays that it takes as they are; others are brought to NCHW for it
    local      whether NaN and infinity reach no further than the kernel
    supports   (problem) -> None, or a `Refusal` with the reason
    workspace  (problem, threads) -> bytes beside input, weights and output
    error      (problem) -> the bound of an output's error, relative to max |x| sum |weight| + |bias|
    cost       (problem) -> predicted seconds on one thread
    run        (problem, x, weight, bias, out, threads): `x` and `out` as (N, C, H, W), with any strides

The planner asks all of them; it knows none by name.
"""

from __future__ import annotations

from imgfilt.bank.interface import Backend
from imgfilt.transposed.backends import gemm, scatter, segregated, zero_insert
from imgfilt.transposed.problem import TransposedProblem

TRANSPOSED_BACKENDS: dict[str, Backend[TransposedProblem]] = {
    m.name: m for m in (segregated, scatter, gemm, zero_insert)
}
