"""Runs a plan on an array. Decides nothing: every choice was made by the planner."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt import _native, graph
from imgfilt.backend import ARRAY_BACKENDS
from imgfilt.borders import NATIVE
from imgfilt.plans import AreaStep, ArrayStep, Plan, RowStep, Step
from imgfilt.problem import Put

Image = NDArray[Any]
Runner = Callable[[Image, Image, float, int], None]
"""Given an image, its result, the value of a constant border and the number of threads."""


class Executable:
    """A plan with its native programs built; may be run by several threads at once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.out_shape, self.out_dtype = plan.out_shape, np.dtype(plan.out_dtype)
        self._border = NATIVE.index(plan.border)
        *self._first, self._last = [self._runner(step) for step in plan.steps]
        self._between = [step_result(step) for step in plan.steps[:-1]]

    def run(self, image: Image, out: Image | None, cval: float, threads: int) -> Image:
        """The filtered image, in `out` where one is given.

        `image` and `out` have the plan's shapes and dtypes; they may overlap, the result is right all the same.
        """
        if out is None:
            out = np.empty(self.out_shape, self.out_dtype)
        if self._first:
            image = self._before_last(image, cval, threads)
        self._last(image, out, cval, threads)
        return out

    def rows(self, image: Image, first: int, count: int, cval: float, threads: int) -> Image:
        """Rows `first` ... of what the plan, one that keeps the size, makes of a band of an image."""
        current = self._before_last(image, cval, threads)
        last, width = self.plan.steps[-1], self.plan.out_shape[1:]
        if isinstance(last, RowStep):
            out = np.empty((count, *width), self.out_dtype)
            _program(last).run(self._border, current, out, cval, threads, first)
            return out
        out = np.empty((len(image), *width), self.out_dtype)
        self._last(current, out, cval, threads)
        return out[first : first + count].copy()  # so that the rest is free

    def _before_last(self, image: Image, cval: float, threads: int) -> Image:
        """What the last step is given."""
        for runner, step, (dtype, channels) in zip(self._first, self.plan.steps, self._between, strict=False):
            following = np.empty(_shape(image, step, channels), dtype)
            runner(image, following, cval, threads)
            image = following
        return image

    def _runner(self, step: Step) -> Runner:
        border = self._border
        if isinstance(step, RowStep):
            return partial(_program(step).run, border)
        if isinstance(step, ArrayStep):
            backend, problem = ARRAY_BACKENDS[step.backend], step.problem
            pixels = _native.Program([op.native() for op in step.ops])

            def run_array(image: Image, out: Image, cval: float, threads: int) -> None:
                target = out if out.ndim == 3 else out[..., None]
                put = Put(pixels, target, border, cval, problem.stride)
                backend.respond(problem, image if image.ndim == 3 else image[..., None], cval, put, threads)

            return _apart(run_array)
        return self._area_runner(step)

    def _area_runner(self, step: AreaStep) -> Runner:
        border, node = self._border, step.node
        run: Runner
        if isinstance(node, graph.Median):
            run = partial(_native.median, node.size, border)
            return _apart(_colours_only(run)) if node.alpha else run
        if isinstance(node, graph.Bilateral):
            run = partial(_native.bilateral, node.diameter, node.sigma_color, node.sigma_space, border)
            return _apart(_colours_only(run)) if node.alpha else run
        if isinstance(node, graph.Canny):
            return _apart(_each_channel(partial(_native.canny, node.low, node.high, border)))
        raise TypeError(f"{type(node).__name__} has no native code of its own")


def _program(step: RowStep) -> _native.Program:
    return _native.Program([op.native() for op in step.ops])


def _apart(run: Runner) -> Runner:
    """`run` on an image that shares no memory with its result."""

    def run_apart(image: Image, out: Image, cval: float, threads: int) -> None:
        run(image.copy() if np.may_share_memory(image, out) else image, out, cval, threads)

    return run_apart


def _colours_only(run: Runner) -> Runner:
    """`run` on all channels but the last, which is alpha and is copied."""

    def run_colours(image: Image, out: Image, cval: float, threads: int) -> None:
        run(image[..., :-1], out[..., :-1], cval, threads)
        out[..., -1] = image[..., -1]

    return run_colours


def _each_channel(run: Runner) -> Runner:
    """`run` on one channel after another, each (H, W)."""

    def run_each(image: Image, out: Image, cval: float, threads: int) -> None:
        if image.ndim == 2:
            run(image, out, cval, threads)
            return
        for c in range(image.shape[2]):
            run(image[..., c], out[..., c], cval, threads)

    return run_each


def _shape(image: Image, step: Step, channels: int) -> tuple[int, ...]:
    """The shape of what a step makes of `image`; `channels` is 0 where it keeps them."""
    height, width = image.shape[:2]
    if isinstance(step, ArrayStep):
        height, width = (-(-n // s) for n, s in zip((height, width), step.problem.stride, strict=True))
    if channels == 0 or image.ndim == 2:
        return (height, width, *image.shape[2:])
    return (height, width) if channels == 1 else (height, width, channels)


def step_result(step: Step) -> tuple[str, int]:
    """Dtype and channels of what a step makes (0 channels: as many as it was given)."""
    if isinstance(step, RowStep | ArrayStep):
        return step.ops[-1].dtype, step.ops[-1].channels
    return step.out_dtype, 0
