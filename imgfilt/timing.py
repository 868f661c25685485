"""The stopwatch behind `effort="measure"`: backends timed on a made-up image of a problem's shape and dtype."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from time import perf_counter
from typing import NoReturn

import numpy as np

from imgfilt import cost, graph, wisdom
from imgfilt.backend import ARRAY_BACKENDS, ROW_BACKENDS
from imgfilt.engine import Executable, Image
from imgfilt.lowering import lower
from imgfilt.plans import ArrayStep, Plan, RowStep
from imgfilt.problem import Problem
from imgfilt.records import replace
from imgfilt.rows import ITEMSIZE, RANGES, ROUND_OFF, Line, RowBuilder

_ROUNDS = 7
_ENOUGH = 0.3  # seconds for all rounds after the first two
_LAGS = 3.0  # times as slow as the best in the first round: not run again
_LARGEST = 64 << 20  # bytes of a made-up image
_one_at_a_time = Lock()


def timings(problem: Problem, backends: Sequence[str], threads: int) -> Mapping[str, float]:
    """Seconds that each backend takes for a problem on so many threads: remembered ones, else measured now.

    The backends take turns, and the fastest run of each counts. The time includes reading an image of the problem's
    dtype and rounding to it, as far as that is one of images; of an image over 64 MiB the first rows are timed.
    """
    known = wisdom.recall(problem, threads)
    if all(name in known for name in backends):
        return {name: known[name] for name in backends}
    with _one_at_a_time:
        found = measure(problem, backends, threads)
    wisdom.remember(problem, threads, found)
    return found


def measure(problem: Problem, backends: Sequence[str], threads: int) -> dict[str, float]:
    """Seconds that each backend takes for a problem, measured now."""
    part = _part(problem, backends)
    image = _made_up(part)
    runs = {name: Executable(trial(part, name, threads)) for name in backends}
    best: dict[str, float] = {}
    begin = perf_counter()
    for number in range(_ROUNDS):
        if number > 1 and perf_counter() - begin > _ENOUGH:
            break
        leader = min(best.values(), default=np.inf)
        for name, executable in runs.items():
            if number > 1 and best[name] > _LAGS * leader:
                continue
            before = perf_counter()
            executable.run(image, None, 0.0, threads)
            best[name] = min(best.get(name, np.inf), perf_counter() - before)
    return {name: seconds * problem.height / part.height for name, seconds in best.items()}


def _part(problem: Problem, backends: Sequence[str]) -> Problem:
    """The problem, on the first rows alone where the image is very large."""
    row = problem.width * problem.channels * ITEMSIZE[problem.dtype]
    height = max(_LARGEST // row, 8 * problem.reach + 64)
    if height >= problem.height:
        return problem
    part = replace(problem, height=height)
    both = ROW_BACKENDS | ARRAY_BACKENDS
    return problem if any(both[name].supports(part) for name in backends) else part


def _source_dtype(problem: Problem) -> str:
    return "int16" if problem.dtype == "int32" else problem.dtype  # no image is of int32, lines may be


def _made_up(problem: Problem) -> Image:
    shape, dtype = (problem.height, problem.width, problem.channels), _source_dtype(problem)
    rng = np.random.default_rng(0)
    if dtype in ROUND_OFF:
        return rng.random(shape, np.float32).astype(dtype)
    low, high = RANGES[dtype]
    within = max(int(low), int(problem.low)), min(int(high), int(problem.high))
    return rng.integers(*within, shape, dtype=dtype, endpoint=True)


def trial(problem: Problem, name: str, threads: int) -> Plan:
    """A plan that does nothing but the problem, by one backend: what is timed, and the prediction of just that."""
    dtype = _source_dtype(problem)
    node = graph.Convolve(graph.Source(), problem.kernel, problem.stride, problem.extra)
    step: ArrayStep | RowStep
    seconds = 0.0
    if name in ARRAY_BACKENDS:
        backend = ARRAY_BACKENDS[name]
        pixels = graph.Round(graph.Combine((graph.Source(),), (backend.scale(problem),)), dtype)
        response = backend.arithmetic(problem).dtype
        seconds = backend.cost(problem, threads)
        step = ArrayStep(name, problem, lower(pixels, response, problem.channels, dtype, _none, _none).ops)
    else:

        def convolve(_: graph.Convolve, rows: RowBuilder, line: Line) -> Line:
            line = replace(rows.convert(line, problem.dtype), low=problem.low, high=problem.high)
            return ROW_BACKENDS[name].lower(problem, rows, line)

        step = RowStep(lower(graph.Round(node, dtype), dtype, problem.channels, dtype, convolve, _none).ops)
    shape = problem.height, problem.width, problem.channels
    return Plan(
        title=name,
        shape=shape,
        dtype=dtype,
        out_shape=(*graph.size_of(node, *shape[:2]), problem.channels),
        out_dtype=dtype,
        border=problem.border,
        threads=threads,
        isa=cost.isa(),
        steps=(step,),
        choices=(),
        bound=0.0,
        workspace=0,
        seconds=seconds + cost.of_program(list(step.ops), problem.height, problem.width, threads),
    )


def _none(*_: object) -> NoReturn:
    raise AssertionError("a trial has nothing but its one convolution")
