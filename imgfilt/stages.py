"""A chain of filters and the keywords that all filters share -> one graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgfilt import graph
from imgfilt.kernel import Kernel
from imgfilt.records import record, replace
from imgfilt.rows import FULL_SCALE
from imgfilt.spec import FilterSpec

ALPHAS = ("premultiply", "ignore", "each")
PRECISIONS = ("image", "float")
"""What the steps of a chain are rounded to in between: the image's dtype, or float32 (float64 for float64 images)."""

_NEIGHBOURHOOD = (graph.Convolve, graph.Upsample, *graph.AREA)


@record
class Resampling:
    """A change of size by a factor: a convolution of which some pixels are kept, or a transposed one.

    The fields are those of `graph.Upsample` where there is a factor, else those of `graph.Convolve`.
    """

    title: str
    kernel: Kernel
    stride: tuple[int, int] = (1, 1)
    factor: tuple[int, int] | None = None
    extra: tuple[int, int] = (0, 0)
    doubled: bool = False
    rounding: graph.Rounding = "half_even"

    @property
    def name(self) -> str:
        return self.title.partition(" ")[0]

    def node(self, source: graph.Node) -> graph.Node:
        """The change of `source`, not yet rounded."""
        if self.factor is not None:
            return graph.Upsample(source, self.kernel, self.factor, self.extra, self.doubled)
        return graph.Convolve(source, self.kernel, self.stride, self.extra)


class Stage:
    """One filter of a chain: a spec with its parameters as given, a kernel with a bias, or a change of size.

    Hashable by value.
    """

    __slots__ = ("_key", "params", "what")

    def __init__(self, what: FilterSpec | Kernel | Resampling, params: Mapping[str, Any]) -> None:
        self.what = what
        self.params = params
        # Specs are compared by identity: the catalogue hands out the same ones every time. Values of different
        # types are different, though 1 == True: only one of them may be what the filter takes.
        self._key = (
            what if isinstance(what, Kernel | Resampling) else id(what),
            tuple(sorted((name, type(value).__name__, value) for name, value in params.items())),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stage) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def title(self) -> str:
        """The stage in words, what is as by default left out: "gaussian sigma=2"."""
        if isinstance(self.what, Resampling):
            return self.what.title
        if isinstance(self.what, Kernel):
            usual: dict[str, Any] = {"bias": 0.0}
        else:
            usual = {p.name: p.default for p in self.what.params}
        changed = {k: v for k, v in self.params.items() if v is not None and v != usual.get(k)}
        return " ".join([self.name, *(f"{k}={v}" for k, v in changed.items())])

    @property
    def name(self) -> str:
        """The filter's name; correlate for kernels."""
        return "correlate" if isinstance(self.what, Kernel) else self.what.name

    def build(self, dtype: str, channels: int, color: str | None, units: str | None = None) -> graph.Node:
        """The response of the stage, not yet rounded; `units` as for `imgfilt.build.build`."""
        if isinstance(self.what, Kernel | Resampling):
            source: graph.Node = graph.Source()
            if color not in (None, "luma", "each"):
                raise ValueError(f"color must be 'luma' or 'each', got {color!r}")
            if color == "luma" and 2 <= channels <= 4:
                source = graph.Luma(source)
            if isinstance(self.what, Resampling):
                return self.what.node(source)
            node: graph.Node = graph.Convolve(source, self.what, self.params.get("stride", (1, 1)))
            bias = self.params.get("bias", 0.0)
            return graph.Combine((node,), (1.0,), bias) if bias else node
        from imgfilt.build import build

        return build(self.what, self.params, dtype=dtype, channels=channels, color=color, units=units)

    @property
    def rounding(self) -> graph.Rounding:
        return "half_even" if isinstance(self.what, Kernel) else self.what.rounding


@record
class Chain:
    """Steps that are checked already, for `imgfilt.plan`."""

    stages: tuple[Stage, ...]


def fingerprint(stages: tuple[Stage, ...], precision: str = "image") -> str:
    """A text that differs where results may: filters as they are written, parameters, and every kernel's weights.

    Kernels that lie in files are in it as they are now.
    """
    import hashlib

    parts = []
    for stage in stages:
        try:
            nodes = [*graph.walk(stage.build("uint8", 3, None))]
        except ValueError:  # what cannot be built has no results
            nodes = []
        kernels = [node.kernel for node in nodes if isinstance(node, graph.Convolve | graph.Upsample)]
        digest = hashlib.sha256(repr([(k.shape, k.anchor) for k in kernels]).encode())
        for kernel in kernels:
            digest.update(kernel.weights.tobytes())
        what = repr(replace(stage.what, path="")) if isinstance(stage.what, FilterSpec) else stage.title
        parts.append((what, dict(stage.params), digest.hexdigest()))
    return repr((precision, parts))


def dtype_between(dtype: str, precision: str) -> str:
    """The dtype that stages but the last are rounded to. Raises ValueError for an unknown precision."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    return "float32" if precision == "float" and dtype != "float64" else dtype


def compile_graph(
    stages: tuple[Stage, ...],
    dtype: str,
    channels: int,
    color: str | None,
    alpha: str,
    linear_light: bool,
    out_dtype: str,
    between: str | None = None,
) -> graph.Node:
    """The graph of a chain on images of `dtype` and `channels`, ending in pixels of `out_dtype`.

    Every stage but the last is rounded to `between`, the image's dtype by default. Values keep the image's units
    there: of an image of 8 bits, white is 255 in floats too.
    """
    between = between or dtype
    image: graph.Node = graph.Source()
    given = dtype
    for number, stage in enumerate(stages, 1):
        last = number == len(stages)
        made = out_dtype if last else between
        # In linear light values lie in 0..1, whatever the image's dtype.
        kind, units = ("float32", "float32") if linear_light else (given, dtype)
        node = stage.build(kind, channels, color, units)
        gray = any(isinstance(n, graph.Luma | graph.Canny) for n in graph.walk(node))
        if alpha != "each" and channels in (2, 4):
            node = _with_alpha(node, alpha, gray, linear_light)
        if linear_light:
            node = _in_linear_light(node, channels in (2, 4), gray)
        if gray:
            channels = 1
        if isinstance(node, graph.Canny):
            node = _full_scale(node, out_dtype if last else dtype)
        if isinstance(node, graph.AREA):
            if made != given:
                if isinstance(node, graph.Bilateral) and made.startswith("float"):
                    node = graph.substitute(node, graph.Source(), graph.Round(graph.Source(), made))
                node = graph.Round(node, made)
        else:
            node = graph.Round(node, made, stage.rounding)
        image = graph.substitute(node, graph.Source(), image)
        given = made
    return image


def _full_scale(edges: graph.Canny, dtype: str) -> graph.Node:
    """Edges of 0 and 255 as pixels of 0 and the largest value that images of `dtype` have."""
    full = FULL_SCALE[dtype]
    return edges if full == 255.0 else graph.Combine((edges,), (full / 255.0,))


def _with_alpha(node: graph.Node, alpha: str, gray: bool, unit: bool) -> graph.Node:
    """The stage on colours weighted by alpha (Porter and Duff, Compositing digital images, 1984).

    A weighted sum of gain g makes of colours c and alpha a: K(c a) g / K(a), and K(a) / g: colours as on an opaque
    image, alpha as by the same filter of gain 1. Where the gain is 0 (an edge), there is nothing to divide by:
    alpha is copied. Medians and bilateral filters are no weighted sums: colours as they are, alpha copied.
    """
    source = graph.Source()
    if isinstance(node, graph.Median | graph.Bilateral):
        return replace(node, alpha=True)
    if (gray and alpha == "ignore") or not any(isinstance(n, _NEIGHBOURHOOD) for n in graph.walk(node)):
        return node
    if alpha == "ignore":
        return graph.CopyAlpha(node, _unfiltered(node))
    bias, core = 0.0, node
    if isinstance(node, graph.Combine) and not node.absolute:
        bias, core = node.bias, replace(node, bias=0.0)
    weighted = graph.substitute(core, source, graph.Premultiply(source, unit))
    gain = graph.gain(core)
    if gray or not gain:
        response = graph.Combine((weighted,), (1.0,), bias) if bias else weighted
        return response if gray else graph.CopyAlpha(response, _unfiltered(core))
    if gain != 1.0:
        weighted = graph.Combine((weighted,), (1.0 / gain,))
    plain = graph.Unpremultiply(weighted, unit)
    if gain == 1.0 and not bias:
        return plain
    return graph.CopyAlpha(graph.Combine((plain,), (gain,), bias), plain)


def _unfiltered(node: graph.Node) -> graph.Node:
    """The source's own pixels where those of `node` are."""
    source = graph.Source()
    for inner in graph.walk(node):
        if isinstance(inner, graph.Upsample):
            raise ValueError(
                "alpha='ignore' copies alpha, of which an enlarged image needs more: use 'premultiply' or 'each'"
            )
        if isinstance(inner, graph.Convolve) and inner.stride != (1, 1):
            return graph.Convolve(source, Kernel.of([[1.0]]), inner.stride, inner.extra)
    return source


def _in_linear_light(node: graph.Node, alpha: bool, gray: bool) -> graph.Node:
    """The stage on linear light; a second or fourth channel is alpha, which is linear already."""
    if any(isinstance(n, graph.AREA) for n in graph.walk(node)):
        raise ValueError(
            "linear_light works on filters that are sums of products, not on median, bilateral or canny"
        )
    source = graph.Source()
    return graph.Delinearize(
        graph.substitute(node, source, graph.Linearize(source, alpha)), alpha and not gray
    )
