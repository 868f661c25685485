"""Graph + shape + dtype -> plan: splits the graph into steps and chooses a backend for each convolution.

Planning never touches pixels, and knows no backend by name: each is asked whether it supports the problem and
what it would cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from imgfilt import cost, graph
from imgfilt.backend import ARRAY_BACKENDS, ROW_BACKENDS, names, polyphase
from imgfilt.backend.taps import sums_of
from imgfilt.borders import DOUBLED, canonical
from imgfilt.kernel import Kernel, facts
from imgfilt.lowering import lower
from imgfilt.plans import AreaStep, ArrayStep, Candidate, Choice, Plan, RowStep, Step
from imgfilt.problem import Problem, Refusal
from imgfilt.records import replace
from imgfilt.rows import FLOAT_TOLERANCE, RANGES, Line, RowBuilder, RowOp

Timings = Callable[[Problem, tuple[str, ...]], Mapping[str, float]]
"""Seconds that backends take for a problem, measured."""

_CHOSEN_FOR = (1, 2)
"""Numbers of threads that backends are chosen for: a call's own must not count, or its bits would depend on it."""

_WORTH_TIMING = 3.0  # times the best prediction
_MOST_TIMED = 4


@dataclass
class _Planning:
    """What is known while one plan is made."""

    title: str
    height: int
    width: int
    pixel_dtype: str
    border: str
    backend: str
    threads: int
    timings: Timings | None
    asked: tuple[Candidate, ...] = ()
    choices: list[Choice] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    error: float = 0.0
    seconds: float = 0.0
    workspace: int = 0


def make_plan(
    root: graph.Node,
    *,
    title: str,
    shape: tuple[int, ...],
    dtype: str,
    border: str = "reflect101",
    threads: int = 1,
    backend: str = "auto",
    timings: Timings | None = None,
) -> Plan:
    """The plan for a graph that ends in pixels (`Round`, or a filter over the whole image).

    With `timings` the leading candidates of each convolution are timed, and the fastest is taken.

    Raises ValueError for an unknown backend, one that refuses (with its reason), and graphs that have no plan.
    """
    if backend not in ("auto", polyphase.name, *names()):
        raise ValueError(f"backend must be 'auto' or one of {', '.join(names())}, got {backend!r}")
    height, width, channels = (*shape, 1)[:3]
    p = _Planning(title, height, width, dtype, canonical(border), backend, max(1, threads), timings)
    out_dtype, out_channels = _plan_segment(p, root, dtype, channels)
    if backend != "auto" and not p.choices:
        raise ValueError(
            f"{title} has no linear convolution that backend={backend!r} could do; leave it at 'auto'"
        )
    flat = len(shape) == 2 or (out_channels == 1 and channels != 1)
    return Plan(
        title=title,
        shape=shape,
        dtype=dtype,
        out_shape=(p.height, p.width) if flat else (p.height, p.width, out_channels),
        out_dtype=out_dtype,
        border=p.border,
        threads=threads,
        isa=cost.isa(),
        steps=tuple(p.steps),
        choices=tuple(p.choices),
        bound=p.error,
        workspace=p.workspace,
        seconds=p.seconds,
    )


def _plan_segment(p: _Planning, root: graph.Node, dtype: str, channels: int) -> tuple[str, int]:
    """Adds the steps for `root` on images of `dtype` and `channels`; gives what they make of them."""
    if isinstance(root, graph.Source):
        return dtype, channels
    areas = [n for n in graph.walk(root) if isinstance(n, graph.AREA)]
    if not areas:
        return _plan_rows(p, _as_pixels(root, dtype), dtype, channels)
    area = areas[-1]
    before = area.input if isinstance(area.input, graph.Source) else _as_pixels(area.input, dtype)
    dtype, channels = _plan_segment(p, before, dtype, channels)
    dtype = _plan_area(p, area, dtype, channels)
    if _reads_source(root, area):
        raise ValueError(
            f"{p.title}: {type(area).__name__.lower()} cannot be combined with the image it came from"
        )
    return _plan_segment(p, graph.substitute(root, area, graph.Source()), dtype, channels)


def _reads_source(root: graph.Node, cut: graph.Node) -> bool:
    """Whether `root` reads the image other than through `cut`."""
    if root == cut:
        return False
    return isinstance(root, graph.Source) or any(_reads_source(n, cut) for n in graph.inputs_of(root))


def _as_pixels(root: graph.Node, dtype: str) -> graph.Round:
    return root if isinstance(root, graph.Round) else graph.Round(root, dtype)


def _plan_area(
    p: _Planning, area: graph.Median | graph.Bilateral | graph.Canny, dtype: str, channels: int
) -> str:
    out_dtype = "uint8" if isinstance(area, graph.Canny) else dtype
    p.steps.append(AreaStep(replace(area, input=graph.Source()), out_dtype))
    p.seconds += p.height * p.width * channels * 5e-9 / p.threads
    return out_dtype


def _plan_rows(p: _Planning, root: graph.Round, dtype: str, channels: int) -> tuple[str, int]:
    convolutions = [n for n in graph.walk(root) if isinstance(n, graph.Convolve)]
    users = [n for n in graph.walk(root) if graph.Source() in graph.inputs_of(n)]
    alone = len(convolutions) == 1 and users == convolutions
    if alone and _plan_array(p, convolutions[0], root, dtype, channels):
        return root.dtype, channels
    found = lower(
        root,
        dtype,
        channels,
        p.pixel_dtype,
        lambda c, rows, line: _convolve(p, root, c, rows, line, alone=alone),
        lambda u, rows, line: _upsample(p, u, rows, line),
    )
    _add_rows(p, found.ops, found.error)
    p.height, p.width = graph.size_of(root, p.height, p.width)
    return found.dtype, found.channels


def _add_rows(p: _Planning, ops: tuple[RowOp, ...], error: float) -> None:
    p.steps.append(RowStep(ops))
    p.error += error
    p.seconds += cost.of_program(list(ops), p.height, p.width, p.threads)
    p.workspace = max(p.workspace, _workspace(ops, p.width))


def _workspace(ops: tuple[RowOp, ...], width: int) -> int:
    from imgfilt import _native

    return int(_native.Program([op.native() for op in ops]).workspace(width))


def _plan_array(p: _Planning, node: graph.Convolve, root: graph.Round, dtype: str, channels: int) -> bool:
    """Plans the lone convolution of a graph by a whole-array backend where one is wanted or cheapest."""
    low, high = RANGES[dtype] if dtype.startswith(("u", "i")) else (-1.0, 1.0)
    problem = Problem(node.kernel, p.height, p.width, channels, dtype, low, high, p.border, alone=True,
                      tolerance=_tolerance(root, node, dtype, max(-low, high)),
                      stride=node.stride, extra=node.extra)  # fmt: skip
    candidates = p.asked = _candidates(p, problem)
    chosen = _pick(p, node, candidates)
    if chosen.backend not in ARRAY_BACKENDS:
        return False
    array_backend = ARRAY_BACKENDS[chosen.backend]
    p.choices.append(_choice(p, node, chosen, candidates))
    response = array_backend.arithmetic(problem).dtype
    after = graph.substitute(root, node, graph.Combine((graph.Source(),), (array_backend.scale(problem),)))
    found = lower(graph.Round(after, root.dtype) if not isinstance(after, graph.Round) else after,
                  response, channels, p.pixel_dtype, _no_convolution, _no_convolution)  # fmt: skip
    p.steps.append(ArrayStep(chosen.backend, problem, found.ops))
    p.error += array_backend.error(problem) + found.error
    p.seconds += array_backend.cost(problem, p.threads)
    p.seconds += cost.of_program(list(found.ops), p.height, p.width, p.threads)
    p.workspace = max(p.workspace, array_backend.workspace(problem) + _workspace(found.ops, p.width))
    p.height, p.width = graph.size_of(root, p.height, p.width)
    return True


def _tolerance(root: graph.Round, node: graph.Convolve, dtype: str, largest: float) -> float:
    """How far the response may be off: half a step of the pixels made of it, or what floats promise.

    Floats may be of any size, so that what is promised of them scales with the image, whatever becomes of them.
    """
    size = float(abs(node.kernel.weights).sum()) * largest
    if dtype in FLOAT_TOLERANCE:
        return max(node.accuracy * largest, FLOAT_TOLERANCE[dtype] * size)
    return max(node.accuracy, graph.slack(root, node), FLOAT_TOLERANCE["float32"] * size)


def _no_convolution(node: graph.Node, rows: RowBuilder, line: Line) -> NoReturn:
    raise AssertionError("a lone convolution has been planned already")


def _convolve(
    p: _Planning, root: graph.Round, node: graph.Convolve, rows: RowBuilder, line: Line, *, alone: bool
) -> Line:
    """Chooses a backend for one convolution inside a row program, and lowers it."""
    problem = Problem(
        node.kernel, p.height, p.width, line.channels, line.dtype, line.low, line.high, p.border, alone=alone,
        tolerance=_tolerance(root, node, line.dtype, line.largest), stride=node.stride, extra=node.extra,
    )  # fmt: skip
    candidates = p.asked if alone else _candidates(p, problem)
    chosen = _pick(p, node, candidates)
    p.choices.append(_choice(p, node, chosen, candidates))
    return ROW_BACKENDS[chosen.backend].lower(problem, rows, line)


def _upsample(p: _Planning, node: graph.Upsample, rows: RowBuilder, line: Line) -> tuple[Line, ...]:
    """Lowers an enlargement, which is done in one way only."""
    if p.backend not in ("auto", polyphase.name):
        raise ValueError(f"backend={p.backend!r} cannot do {p.title}: only {polyphase.name!r} enlarges")
    if node.doubled and p.border == "reflect101":
        p.border = DOUBLED
    phases = polyphase.lower(node.kernel, node.factor, rows, line)
    arithmetic = sums_of(rows, replace(phases[0], error=max(line.error for line in phases)))
    words = _words(node.kernel)
    reason = "the pixels of each phase are made of the taps that meet one; no zero is inserted"
    p.choices.append(Choice(words, polyphase.name, arithmetic, reason, ()))
    return phases


def _candidates(p: _Planning, problem: Problem) -> tuple[Candidate, ...]:
    """Every backend's answer, the one to take first."""
    found = _ask(problem, p.threads)
    if p.timings is None:
        return found
    priced = [c for c in found if c.seconds is not None][:_MOST_TIMED]
    worth = _WORTH_TIMING * min(c.seconds or 0.0 for c in priced)
    measured = p.timings(problem, tuple(c.backend for c in priced if (c.seconds or 0.0) <= worth))
    found = tuple(replace(c, measured=measured.get(c.backend)) for c in found)
    return tuple(sorted(found, key=lambda c: (c.measured is None, c.measured or 0.0)))


def _ask(problem: Problem, threads: int) -> tuple[Candidate, ...]:
    """Every backend's price on so many threads, or refusal: the one to take first, refusals last.

    That is the one which loses least to the fastest where it loses most, on one of the numbers of threads that
    backends are chosen for.
    """
    found: list[Candidate] = []
    prices: dict[str, list[float]] = {}
    for name, backend in (*ROW_BACKENDS.items(), *ARRAY_BACKENDS.items()):
        refusal = backend.supports(problem)
        if name in ARRAY_BACKENDS and any(problem.extra):
            refusal = Refusal("the result reaches beyond the image")
        if refusal is not None:
            found.append(Candidate(name, refused=refusal.reason))
            continue
        row = ROW_BACKENDS.get(name)
        words = row.arithmetic(problem) if row else ARRAY_BACKENDS[name].arithmetic(problem).name
        costs = {n: backend.cost(problem, n) for n in {threads, *_CHOSEN_FOR}}
        found.append(Candidate(name, costs[threads], words))
        prices[name] = [costs[n] for n in _CHOSEN_FOR]
    least = [min(column) for column in zip(*prices.values(), strict=True)]

    def loss(candidate: Candidate) -> tuple[float, ...]:
        if candidate.seconds is None:
            return (math.inf,)
        own = prices[candidate.backend]
        return max(price / best for price, best in zip(own, least, strict=True)), *own

    return tuple(sorted(found, key=loss))


def _pick(p: _Planning, node: graph.Convolve, candidates: tuple[Candidate, ...]) -> Candidate:
    if p.backend == "auto":
        return next(c for c in candidates if c.seconds is not None)
    wanted = next(c for c in candidates if c.backend == p.backend)
    if wanted.refused:
        raise ValueError(
            f"backend={p.backend!r} cannot do {p.title} with the {_kernel_words(node)} kernel: {wanted.refused}"
        )
    return wanted


def _choice(
    p: _Planning, node: graph.Convolve, chosen: Candidate, candidates: tuple[Candidate, ...]
) -> Choice:
    if p.backend != "auto":
        reason = "it was asked for"
    else:
        others = [c for c in candidates if c.seconds is not None and c is not chosen]
        if others and chosen.measured is not None and others[0].measured is not None:
            ratio = others[0].measured / chosen.measured
            reason = f"it was measured to be {ratio:.1f} times as fast as {others[0].backend}"
        elif others:
            rival = min(others, key=lambda c: c.seconds or 0.0)
            ratio = (rival.seconds or 0.0) / (chosen.seconds or 1.0)
            reason = f"it is predicted to be {ratio:.1f} times as fast as {rival.backend}"
            if ratio < 1.0:
                reason = (
                    f"the same is taken for any number of threads; {rival.backend} would lose more on others"
                )
        else:
            reason = "no other backend can do it"
    return Choice(_kernel_words(node), chosen.backend, chosen.arithmetic, reason, candidates)


def _kernel_words(node: graph.Convolve) -> str:
    return _words(node.kernel) + (" stride {}x{}".format(*node.stride) if node.stride != (1, 1) else "")


def _words(kernel: Kernel) -> str:
    f = facts(kernel)
    words = [f"{kernel.shape[0]}x{kernel.shape[1]}"]
    if f.trimmed.shape != kernel.shape:
        words.append(f"(support {f.trimmed.shape[0]}x{f.trimmed.shape[1]})")
    words.append(f"rank {f.rank}")
    words += [word for word, true in (("box", f.is_box), ("integer", f.integer), ("dyadic", f.dyadic and not f.integer),
                                      ("symmetric", f.symmetric), ("zero-sum", f.zero_sum)) if true]  # fmt: skip
    return " ".join(words)
