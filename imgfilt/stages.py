"""A chain of filters and the keywords that all filters share -> one graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgfilt import graph
from imgfilt.kernel import Kernel
from imgfilt.spec import FilterSpec

ALPHAS = ("premultiply", "ignore", "each")
_AREA = (graph.Median, graph.Bilateral, graph.Canny)


class Stage:
    """One filter of a chain: a spec with its parameters as given, or a kernel with a bias. Hashable by value."""

    __slots__ = ("_key", "params", "what")

    def __init__(self, what: FilterSpec | Kernel, params: Mapping[str, Any]) -> None:
        self.what = what
        self.params = params
        # Specs are compared by identity: the catalogue hands out the same ones every time.
        self._key = (what if isinstance(what, Kernel) else id(what), tuple(sorted(params.items())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stage) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def title(self) -> str:
        """The stage in words: "gaussian sigma=2"."""
        if isinstance(self.what, Kernel):
            name, params = "correlate", {k: v for k, v in self.params.items() if v}
        else:
            name, params = self.what.name, dict(self.params)
        return " ".join([name, *(f"{k}={v}" for k, v in params.items() if v is not None)])

    def build(self, dtype: str, channels: int, color: str | None) -> graph.Node:
        """The response of the stage, not yet rounded."""
        if isinstance(self.what, Kernel):
            source: graph.Node = graph.Source()
            if color not in (None, "luma", "each"):
                raise ValueError(f"color must be 'luma' or 'each', got {color!r}")
            if color == "luma" and 2 <= channels <= 4:
                source = graph.Luma(source)
            node: graph.Node = graph.Convolve(source, self.what)
            bias = self.params.get("bias", 0.0)
            return graph.Combine((node,), (1.0,), bias) if bias else node
        from imgfilt.build import build

        return build(self.what, self.params, dtype=dtype, channels=channels, color=color)

    @property
    def rounding(self) -> graph.Rounding:
        return "half_even" if isinstance(self.what, Kernel) else self.what.rounding


def compile_graph(
    stages: tuple[Stage, ...],
    dtype: str,
    channels: int,
    color: str | None,
    alpha: str,
    linear_light: bool,
    out_dtype: str,
) -> graph.Node:
    """The graph of a chain on images of `dtype` and `channels`, ending in pixels of `out_dtype`.

    Every stage but the last is rounded to `dtype`.
    """
    image: graph.Node = graph.Source()
    for number, stage in enumerate(stages, 1):
        # In linear light values lie in 0..1, whatever the image's dtype.
        node = stage.build("float32" if linear_light else dtype, channels, color)
        gray = any(isinstance(n, graph.Luma | graph.Canny) for n in graph.walk(node))
        if alpha != "each" and channels in (2, 4):
            node = _with_alpha(node, alpha, gray, linear_light)
        if linear_light:
            node = _in_linear_light(node, channels in (2, 4), gray)
        if gray:
            channels = 1
        if isinstance(node, _AREA):
            if number == len(stages) and out_dtype != dtype:
                if isinstance(node, graph.Bilateral) and out_dtype.startswith("float"):
                    node = graph.substitute(node, graph.Source(), graph.Round(graph.Source(), out_dtype))
                node = graph.Round(node, out_dtype)
        else:
            node = graph.Round(node, out_dtype if number == len(stages) else dtype, stage.rounding)
        image = graph.substitute(node, graph.Source(), image)
    return image


def _with_alpha(node: graph.Node, alpha: str, gray: bool, unit: bool) -> graph.Node:
    """The stage on colours weighted by alpha (Porter and Duff, Compositing digital images, 1984).

    Where the filter keeps constants (a blur), colours are divided by the filtered alpha again; where it answers
    differences only (an edge), there is nothing to divide by and alpha is copied. Filters over a whole area that
    are no weighted sums see each channel as it is.
    """
    source = graph.Source()
    if any(isinstance(n, _AREA) for n in graph.walk(node)):
        return node
    if alpha == "ignore":
        return node if gray else graph.CopyAlpha(node, source)
    weighted = graph.substitute(node, source, graph.Premultiply(source, unit))
    if gray:
        return weighted
    return graph.Unpremultiply(weighted, unit) if graph.gain(node) else graph.CopyAlpha(weighted, source)


def _in_linear_light(node: graph.Node, alpha: bool, gray: bool) -> graph.Node:
    """The stage on linear light; a second or fourth channel is alpha, which is linear already."""
    if any(isinstance(n, _AREA) for n in graph.walk(node)):
        raise ValueError(
            "linear_light works on filters that are sums of products, not on median, bilateral or canny"
        )
    source = graph.Source()
    return graph.Delinearize(
        graph.substitute(node, source, graph.Linearize(source, alpha)), alpha and not gray
    )
