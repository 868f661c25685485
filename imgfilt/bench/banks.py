"""Filter banks on the twelve layers of the im2win paper: every backend, and PyTorch's conv2d beside them.

Each case runs in a process of its own, so that its peak of memory is its own and no other library's threads are
still spinning. Results are compared first, with sums of the definition in float64 at some places.

The layers are those of S. Lu, J. Chu and X. Liu, "Im2win: memory efficient convolution on SIMD architectures", 2022
(and of M. Cho and D. Brand's MEC before), with a smaller batch.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from math import exp, log
from typing import Any

BATCH = 8
"""Images of a layer; the papers have 128, for which im2col takes 19 GB in layer 4."""

MAX_WORKSPACE = 1 << 34


@dataclass(frozen=True)
class Layer:
    """A square input of some channels, and square kernels without padding."""

    number: int
    channels: int
    size: int
    filters: int
    kernel: int
    stride: int

    @property
    def out(self) -> int:
        return (self.size - self.kernel) // self.stride + 1

    def products(self, batch: int) -> int:
        """Multiply-adds of the plain definition."""
        return batch * self.filters * self.out**2 * self.channels * self.kernel**2

    def input_bytes(self, batch: int) -> int:
        return 4 * batch * self.channels * self.size**2

    def __str__(self) -> str:
        return (
            f"{self.channels}x{self.size}x{self.size}, {self.filters} filters {self.kernel}x{self.kernel}, stride "
            f"{self.stride}"
        )


LAYERS = tuple(
    Layer(i, *sizes)
    for i, sizes in enumerate(
        [
            (3, 227, 96, 11, 4),
            (3, 231, 96, 11, 4),
            (3, 227, 64, 7, 2),
            (64, 224, 64, 7, 2),
            (96, 24, 256, 5, 1),
            (256, 12, 512, 3, 1),
            (3, 224, 64, 3, 1),
            (64, 112, 128, 3, 1),
            (64, 56, 64, 3, 1),
            (128, 28, 128, 3, 1),
            (256, 14, 256, 3, 1),
            (512, 7, 512, 3, 1),
        ],
        1,
    )
)


@dataclass(frozen=True)
class Side:
    """A way to convolve, in a layout: a backend of ours, "auto" for the planner's choice, or "torch"."""

    backend: str
    layout: str = "NCHW"

    def __str__(self) -> str:
        return self.backend if self.layout == "NCHW" else f"{self.backend} {self.layout}"


def sides() -> tuple[Side, ...]:
    """The planner's choice, PyTorch, and every backend in the layouts that it takes as they are."""
    from imgfilt.bank.backends import BANK_BACKENDS

    ours = [Side(name, layout) for name, backend in BANK_BACKENDS.items() for layout in backend.layouts]
    return (Side("torch"), Side("torch", "NHWC"), Side("auto"), *ours)


@dataclass(frozen=True)
class Row:
    """What one side took for one layer, or why it did not run."""

    layer: int
    side: str
    threads: int
    batch: int
    backend: str = ""
    ms: float = 0.0
    workspace: int = 0
    peak: int = 0
    refused: str = ""
    error: str = ""

    def record(self) -> dict[str, Any]:
        """The row as plain data for JSON: milliseconds (median), bytes."""
        return asdict(self)


def run(layers: Sequence[Layer], chosen: Sequence[Side], threads: int, batch: int) -> Iterator[Row]:
    """One row for each layer and side, each measured in a process of its own."""
    for layer in layers:
        for side in chosen:
            yield _measure(layer, side, threads, batch)


def _measure(layer: Layer, side: Side, threads: int, batch: int) -> Row:
    refused = _refusal(layer, side, batch)
    if refused:
        return Row(layer.number, str(side), threads, batch, refused=refused)
    case = {**asdict(layer), **asdict(side), "threads": threads, "batch": batch}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "imgfilt.bench.bank_case", json.dumps(case)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Row(layer.number, str(side), threads, batch, error=last)
    return Row(layer.number, str(side), threads, batch, **json.loads(done.stdout))


def _refusal(layer: Layer, side: Side, batch: int) -> str:
    """Why a side cannot do a layer, or nothing."""
    if side.backend == "torch":
        return "" if find_spec("torch") else "PyTorch is not installed (pip install torch)"
    from imgfilt import plan_conv2d
    from imgfilt.bank.layouts import shape

    images = shape(side.layout, batch, layer.channels, layer.size, layer.size)
    kernels = (layer.filters, layer.channels, layer.kernel, layer.kernel)
    try:
        plan_conv2d(images, kernels, stride=layer.stride, layout=side.layout, backend=side.backend,
                    max_workspace=MAX_WORKSPACE)  # fmt: skip
    except ValueError as error:
        return str(error)
    return ""


HEADER = ("layer", "side", "ms", "GFLOP/s", "x torch", "workspace MiB", "in + work / im2col's", "peak MiB")


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The rows in words, without refusals: speed beside PyTorch's in the same layer, memory beside im2col's."""
    torch = {row.layer: row.ms for row in rows if row.side == "torch" and row.ms}
    found: list[tuple[str, ...]] = [HEADER]
    for row in rows:
        layer = LAYERS[row.layer - 1]
        if not row.ms:
            if row.error:
                found.append((str(row.layer), row.side, "error", "", "", "", "", row.error))
            continue
        name = (
            row.side
            if row.backend in ("", row.side.split(" ", maxsplit=1)[0])
            else f"{row.side} ({row.backend})"
        )
        ours = not row.side.startswith("torch")
        found.append(
            (
                str(row.layer),
                name,
                f"{row.ms:.2f}",
                f"{2e-6 * layer.products(row.batch) / row.ms:.0f}",
                f"{torch[row.layer] / row.ms:.2f}" if row.layer in torch else "",
                f"{row.workspace / 2**20:.1f}" if ours else "",
                f"{memory_ratio(row):.3f}" if ours else "",
                f"{row.peak / 2**20:.0f}",
            )
        )
    return found


def memory_ratio(row: Row) -> float:
    """Input and workspace, relative to those of im2col."""
    layer = LAYERS[row.layer - 1]
    given = layer.input_bytes(row.batch)
    im2col = 4 * row.batch * layer.channels * layer.kernel**2 * layer.out**2
    return (given + row.workspace) / (given + im2col)


def mean_ratio(rows: Sequence[Row], side: str, other: str) -> float | None:
    """How many times as fast `side` is as `other`: the geometric mean over the layers that both have."""
    times = [{row.layer: row.ms for row in rows if row.side == name and row.ms} for name in (other, side)]
    both = times[0].keys() & times[1].keys()
    if not both:
        return None
    return exp(sum(log(times[0][layer] / times[1][layer]) for layer in both) / len(both))


def summary(rows: Sequence[Row]) -> list[str]:
    """The geometric means in words."""
    lines = []
    for side, other in (("auto", "torch"), ("im2win", "im2col_plain"), ("im2win", "im2col")):
        ratio = mean_ratio(rows, side, other)
        if ratio is not None:
            lines.append(f"{side}: {ratio:.2f} times as fast as {other}, geometric mean")
    ratios = [memory_ratio(row) for row in rows if row.side == "im2win" and row.ms]
    if ratios:
        lines.append(
            f"im2win: input + workspace {100 * sum(ratios) / len(ratios):.1f} % of im2col's, mean of the layers"
        )
    return lines
