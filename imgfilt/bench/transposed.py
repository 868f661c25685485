"""Transposed convolutions: all methods, the planner's choice and PyTorch's conv_transpose2d beside them.

Each case's results are compared first, with PyTorch's or with one another, and the memory of one call is measured;
then all our sides run in turn in one process, with outputs allocated beforehand, and PyTorch after them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from math import exp, log
from statistics import median
from time import sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt.bench.clock import in_turn
from imgfilt.bench.compare import difference
from imgfilt.bench.memory import peak_of

Array = NDArray[Any]

_PAUSE = 0.25  # seconds, until other libraries' threads have gone to sleep
_TOLERANCE = 2e-6  # of the response's scale, 1e-6 for each side


@dataclass(frozen=True)
class Case:
    """One square image of some channels, filters and square kernels."""

    kind: str
    channels: int
    filters: int
    size: int
    kernel: int
    stride: int
    padding: int
    output_padding: int = 0

    @property
    def options(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding, "output_padding": self.output_padding}

    def __str__(self) -> str:
        kernel = f"{self.kernel}x{self.kernel}, stride {self.stride}"
        return f"{self.channels} x {self.size}², {self.filters} filter{'s' * (self.filters > 1)} {kernel}"


IMAGES = tuple(
    Case("image", channels, channels, 256, kernel, stride, max(0, (kernel - stride) // 2))
    for channels in (1, 3, 4)
    for stride in (2, 3)
    for kernel in range(2, 8)
)
"""Enlarging images by 2 and by 3, kernels 2 to 7."""

GANS = (
    *(Case("DCGAN", c, m, n, 4, 2, 1) for c, m, n in
      ((1024, 512, 4), (512, 256, 8), (256, 128, 16), (128, 64, 32), (64, 3, 64))),
    *(Case("DCGAN 5x5", c, m, n, 5, 2, 2, 1) for c, m, n in ((512, 256, 8), (256, 128, 16), (128, 3, 32))),
    *(Case("EB-GAN", c, m, n, 4, 2, 1) for c, m, n in
      ((1024, 512, 8), (512, 256, 16), (256, 128, 32), (128, 64, 64), (64, 64, 128))),
)  # fmt: skip
"""Layers of generators: A. Radford et al., "Unsupervised representation learning with DCGAN", 2015 (kernels 4x4 as
in most implementations, and 5x5 as in the paper); J. Zhao et al., "Energy-based GAN", 2016."""


@dataclass(frozen=True)
class Row:
    """One case: milliseconds (medians), workspace and peak bytes of each side, or what is wrong."""

    case: str
    kind: str
    threads: int
    choice: str = ""
    torch: str = ""
    ms: dict[str, float] | None = None
    workspace: dict[str, int] | None = None
    peak: dict[str, int] | None = None
    error: str = ""

    def record(self) -> dict[str, Any]:
        """The row as plain data for JSON."""
        return asdict(self)

    def ratio(self, *others: str) -> float | None:
        """How many times as fast the segregated method is as the fastest of others; None where they did not run."""
        if self.ms is None or any(name not in self.ms for name in others):
            return None
        return min(self.ms[name] for name in others) / self.ms["segregated"]


def run(cases: Sequence[Case], threads: int, rounds: int) -> Iterator[Row]:
    """One row for each case, as soon as it is known."""
    for case in cases:
        try:
            yield _measure(case, threads, rounds)
        except (ValueError, MemoryError) as error:
            yield Row(str(case), case.kind, threads, error=str(error) or "not enough memory")


def _measure(case: Case, threads: int, rounds: int) -> Row:
    import imgfilt
    from imgfilt.transposed.backends import TRANSPOSED_BACKENDS

    rng = np.random.default_rng(case.size)
    x = rng.standard_normal((1, case.channels, case.size, case.size), np.float32)
    weight = rng.standard_normal((case.channels, case.filters, case.kernel, case.kernel), np.float32)
    plans = {
        name: imgfilt.plan_conv_transpose2d(
            x.shape, weight.shape, threads=threads, backend=name, **case.options
        )
        for name in ("auto", *TRANSPOSED_BACKENDS)
    }
    calls: dict[str, Callable[[], Any]] = {
        name: partial(_ours, x, weight, name, threads, case) for name in TRANSPOSED_BACKENDS
    }
    version = ""
    if find_spec("torch"):
        calls["torch"], version = _torch(x, weight, threads, case)
    results, peaks = {}, {}
    for name, call in calls.items():
        call()  # libraries start their threads and keep what they need for good
        results[name], peaks[name] = peak_of(call)
    first = "torch" if "torch" in results else "zero_insert"
    scale = float(np.abs(x).max()) * float(np.abs(weight).sum(axis=(0, 2, 3)).max())
    for name, found in results.items():
        wrong = difference(np.asarray(results[first]), np.asarray(found), _TOLERANCE, scale)
        if wrong is not None:
            raise ValueError(f"{name} {wrong}")
    out = np.empty(plans["auto"].out_shape, np.float32)
    timed = [
        call if name == "torch" else partial(_ours, x, weight, name, threads, case, out)
        for name, call in calls.items()
    ]
    sleep(_PAUSE)
    ours = [i for i, name in enumerate(calls) if name != "torch"]
    samples = in_turn([timed[i] for i in ours], rounds)
    samples += in_turn(timed[len(ours) :], rounds)  # PyTorch's threads spin for a while after each call
    return Row(
        str(case),
        case.kind,
        threads,
        plans["auto"].backend,
        version,
        {name: median(times) * 1e3 for name, times in zip(calls, samples, strict=True)},
        {name: plans[name].workspace for name in TRANSPOSED_BACKENDS},
        peaks,
    )


def _ours(x: Array, weight: Array, backend: str, threads: int, case: Case, out: Array | None = None) -> Array:
    import imgfilt

    return imgfilt.conv_transpose2d(x, weight, backend=backend, threads=threads, out=out, **case.options)


def _torch(x: Array, weight: Array, threads: int, case: Case) -> tuple[Callable[[], Any], str]:
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.set_num_threads(threads)
    image, kernels = torch.from_numpy(x), torch.from_numpy(weight)

    def call() -> Any:
        with torch.inference_mode():
            return torch.nn.functional.conv_transpose2d(image, kernels, **case.options)

    return call, str(torch.__version__)


SIDES = ("segregated", "scatter", "gemm", "zero_insert", "torch")
HEADER = ("layer", *(f"{name} ms" for name in SIDES), "x zero_insert", "x best other", "choice", "workspace KiB",
          "peak MiB")  # fmt: skip


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The rows in words; workspace and peak of the sides in their order, the peak with the output."""
    found: list[tuple[str, ...]] = [HEADER]
    for row in rows:
        if row.ms is None or row.workspace is None or row.peak is None:
            found.append((row.case, "error", *("",) * (len(HEADER) - 3), row.error))
            continue
        zero, best = row.ratio("zero_insert") or 0.0, row.ratio("scatter", "gemm") or 0.0
        found.append(
            (
                row.case,
                *(f"{row.ms[name]:.3f}" if name in row.ms else "" for name in SIDES),
                f"{zero:.2f}",
                f"{best:.2f}",
                row.choice,
                " ".join(f"{row.workspace[name] / 1024:.0f}" for name in SIDES if name in row.workspace),
                " ".join(f"{row.peak[name] / 2**20:.1f}" for name in SIDES if name in row.peak),
            )
        )
    return found


def means(rows: Sequence[Row]) -> list[tuple[str, float]]:
    """What is compared, and how many times as fast the segregated method (or the choice) is, geometric means."""
    found = []
    for kind, chosen in (("all", list(rows)), ("images", [r for r in rows if r.kind == "image"]),
                         ("GAN layers", [r for r in rows if r.kind != "image"])):  # fmt: skip
        for told, others in (("zero_insert", ("zero_insert",)), ("the better of scatter and gemm", ("scatter", "gemm")),
                             ("torch", ("torch",))):  # fmt: skip
            ratios = [ratio for row in chosen if (ratio := row.ratio(*others)) is not None]
            if ratios:
                found.append((f"segregated, {told}: {kind}", exp(sum(map(log, ratios)) / len(ratios))))
    chosen_ratios = [
        min(row.ms[name] for name in SIDES[:4]) / row.ms[row.choice] for row in rows if row.ms is not None
    ]
    if chosen_ratios:
        found.append(
            ("planner's choice, the fastest: all", exp(sum(map(log, chosen_ratios)) / len(chosen_ratios)))
        )
    return found
