"""One side on one layer, in this process alone: `python -m imgfilt.bench.bank_case '{"number": 9, ...}'`.

Prints one JSON object: the backend, milliseconds, workspace and peak bytes.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt.bench.banks import MAX_WORKSPACE, Layer
from imgfilt.bench.memory import peak_of

Array = NDArray[Any]

_PLACES = 200
_SECONDS = 0.6
_TOLERANCE = 1e-6  # of the response's scale, on all sides: proved bounds are much wider than what errors are


def main(case: dict[str, Any]) -> dict[str, Any]:
    """Compares the side's result with the definition, then times it.

    Raises ValueError where the results differ or the side cannot do it.
    """
    threads, batch, backend, layout = (case.pop(key) for key in ("threads", "batch", "backend", "layout"))
    layer = Layer(**case)
    rng = np.random.default_rng(layer.number)
    x = rng.standard_normal((batch, layer.channels, layer.size, layer.size), np.float32)
    weight = rng.standard_normal((layer.filters, layer.channels, layer.kernel, layer.kernel), np.float32)
    make = _torch if backend == "torch" else _ours
    call, facts = make(x, weight, layer, backend, layout, threads)
    result, peak = peak_of(call)
    _compare(np.asarray(result), x, weight, layer, layout)
    del result
    times: list[float] = []
    while len(times) < 25 and (len(times) < 3 or sum(times) < _SECONDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
        if times[-1] > 1.5 * _SECONDS:
            break
    return {**facts, "ms": statistics.median(times) * 1e3, "peak": peak}


Made = tuple[Callable[[], Any], dict[str, Any]]


def _ours(x: Array, weight: Array, layer: Layer, backend: str, layout: str, threads: int) -> Made:
    import imgfilt
    from imgfilt.bank.layouts import from_nchw

    arranged = np.ascontiguousarray(from_nchw(x, layout))
    how: dict[str, Any] = {
        "stride": layer.stride,
        "layout": layout,
        "threads": threads,
        "max_workspace": MAX_WORKSPACE,
    }
    plan = imgfilt.plan_conv2d(arranged.shape, weight.shape, backend=backend, **how)

    def call() -> Any:
        return imgfilt.conv2d(arranged, weight, backend=backend, **how)

    return call, {"backend": plan.backend, "workspace": plan.workspace}


def _torch(x: Array, weight: Array, layer: Layer, backend: str, layout: str, threads: int) -> Made:
    import torch  # type: ignore[import-not-found,unused-ignore]

    torch.set_num_threads(threads)
    order = torch.channels_last if layout == "NHWC" else torch.contiguous_format
    images = torch.from_numpy(x).contiguous(memory_format=order)
    kernels = torch.from_numpy(weight).contiguous(memory_format=order)

    def call() -> Any:
        with torch.inference_mode():
            found = torch.nn.functional.conv2d(images, kernels, stride=layer.stride)
        return found.permute(0, 2, 3, 1) if layout == "NHWC" else found

    return call, {"backend": f"torch {torch.__version__}"}


def _compare(got: Array, x: Array, weight: Array, layer: Layer, layout: str) -> None:
    """Some outputs against the sum of their products in float64.

    Raises ValueError where one is farther off than the tolerance times max |x| sum |weight|.
    """
    from imgfilt.bank.layouts import to_nchw

    out, k, s = to_nchw(got, layout), layer.kernel, layer.stride
    if out.shape != (len(x), layer.filters, layer.out, layer.out):
        raise ValueError(f"the output has shape {out.shape}")
    scale = float(np.abs(x).max()) * float(np.abs(weight.astype(np.float64)).sum(axis=(1, 2, 3)).max())
    rng = np.random.default_rng(0)
    for n, m, i, j in zip(*(rng.integers(0, size, _PLACES) for size in out.shape), strict=True):
        patch = x[n, :, i * s : i * s + k, j * s : j * s + k].astype(np.float64)
        off = abs(float(out[n, m, i, j]) - float((patch * weight[m]).sum()))
        if not off <= _TOLERANCE * scale:
            raise ValueError(
                f"output {n, m, i, j} is off by {off / scale:.3g} of the scale, allowed {_TOLERANCE:.3g}"
            )


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))) + "\n")
    except (ValueError, MemoryError) as error:
        sys.exit(str(error) or "not enough memory")
