"""A filter with its parameters filled in: a small directed graph of frozen nodes.

Every node stands for an image of the source's height and width, but those above a strided `Convolve` or an
`Upsample`. Values are real numbers in the units of the
source's dtype until a `Round` node makes pixels of them. Nodes are compared by identity of structure, so a
graph can be a dictionary key.

Neighbourhood nodes (`Convolve`, `Median`, `Bilateral`, `Canny`) read their input extended past the border;
all others are pointwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, TypeAlias

from imgfilt.kernel import Kernel, facts
from imgfilt.records import record, replace

Rounding = Literal["half_even", "half_up"]


@record
class Source:
    """The image that a graph is applied to."""


@record
class Luma:
    """BT.601 luma of R, G, B (0.299, 0.587, 0.114), rounded to the image's dtype; a 4th channel is ignored."""

    input: Node


@record
class Convolve:
    """Correlation with a kernel (not flipped), each channel alone.

    Only every `stride[0]`-th row and `stride[1]`-th column of the result are kept, the first one first; `extra` rows
    and columns more or fewer than there are.
    `accuracy` is the error of the response that is allowed beside what rounding to pixels hides: in the image's
    units; of floats, in parts of the largest element.
    """

    input: Node
    kernel: Kernel
    stride: tuple[int, int] = (1, 1)
    extra: tuple[int, int] = (0, 0)
    accuracy: float = 0.0


@record
class Upsample:
    """Transposed convolution: `factor` times the size (rows, columns), each pixel spread out as the kernel.

    value[o] = sum over q of input[q] * kernel[o - factor * q + anchor]; `extra` rows more (or fewer) than `factor`
    times the input's, and columns likewise, a column more being a copy of the last. With `doubled` the border
    reflect101 is that of the enlarged image.
    """

    input: Node
    kernel: Kernel
    factor: tuple[int, int]
    extra: tuple[int, int] = (0, 0)
    doubled: bool = False


@record
class Magnitude:
    """Square root of the sum of the squares of the inputs."""

    inputs: tuple[Node, ...]
    scale: float = 1.0


@record
class Maximum:
    """The largest of the inputs, or of their absolute values."""

    inputs: tuple[Node, ...]
    absolute: bool = False


@record
class Combine:
    """`bias + sum(weight * input)`; `absolute` takes the absolute value of the sum before the bias."""

    inputs: tuple[Node, ...]
    weights: tuple[float, ...]
    bias: float = 0.0
    absolute: bool = False


@record
class Sharpen:
    """`image + amount * (image - blurred)` where `|image - blurred| >= threshold`, else `image`."""

    image: Node
    blurred: Node
    amount: float
    threshold: float = 0.0


@record
class Round:
    """The end of a stage: values become pixels of `dtype`, rounded and saturated (a cast for floats)."""

    input: Node
    dtype: str
    rounding: Rounding = "half_even"


@record
class Median:
    """Median of a `size` x `size` square; with `alpha` the last channel is copied."""

    input: Node
    size: int
    alpha: bool = False


@record
class Bilateral:
    """Bilateral filter over a disc of `diameter`; sigmas in the image's own units and in pixels.

    With `alpha` the last channel is copied.
    """

    input: Node
    diameter: int
    sigma_color: float
    sigma_space: float
    alpha: bool = False


@record
class Canny:
    """Canny's edges: Sobel gradient, non-maximum suppression, hysteresis between `low` and `high`."""

    input: Node
    low: float
    high: float


@record
class Premultiply:
    """Colours times alpha (the last channel) as a fraction of its full scale; alpha unchanged.

    The full scale is that of the image's dtype, or 1 where `unit` (in linear light).
    """

    input: Node
    unit: bool = False


@record
class Unpremultiply:
    """Colours divided by alpha as a fraction of its full scale, 0 where it is not positive; alpha unchanged."""

    input: Node
    unit: bool = False


@record
class Linearize:
    """sRGB-encoded values to linear light in 0..1; alpha (if `alpha`) only scaled."""

    input: Node
    alpha: bool = False


@record
class Delinearize:
    """Linear light in 0..1 to sRGB-encoded values of the image's dtype; alpha (if `alpha`) only scaled."""

    input: Node
    alpha: bool = False


@record
class CopyAlpha:
    """The colours of `input` with the last channel of `image`."""

    input: Node
    image: Node


Node: TypeAlias = (
    Source | Luma | Convolve | Upsample | Magnitude | Maximum | Combine | Sharpen | Round | Median | Bilateral | Canny
    | Premultiply | Unpremultiply | Linearize | Delinearize | CopyAlpha
)  # fmt: skip


AREA = (Median, Bilateral, Canny)
"""The nodes with native code of their own over the whole image."""


def inputs_of(node: Node) -> tuple[Node, ...]:
    """The nodes that `node` reads, in order."""
    if isinstance(node, Source):
        return ()
    if isinstance(node, Magnitude | Maximum | Combine):
        return node.inputs
    if isinstance(node, Sharpen):
        return (node.image, node.blurred)
    if isinstance(node, CopyAlpha):
        return (node.input, node.image)
    return (node.input,)


def walk(root: Node) -> Iterator[Node]:
    """Every distinct node under `root`, inputs before their users, `root` last."""
    seen: set[Node] = set()

    def visit(node: Node) -> Iterator[Node]:
        if node in seen:
            return
        seen.add(node)
        for child in inputs_of(node):
            yield from visit(child)
        yield node

    return visit(root)


def size_of(root: Node, height: int, width: int) -> tuple[int, int]:
    """Height and width of `root` for a source of `height` x `width`."""
    if isinstance(root, Source):
        return height, width
    sizes = {size_of(n, height, width) for n in inputs_of(root)}
    assert len(sizes) == 1, "images of different sizes cannot be combined"
    height, width = sizes.pop()
    if isinstance(root, Convolve):
        (sy, sx), (ey, ex) = root.stride, root.extra
        return -(-height // sy) + ey, -(-width // sx) + ex
    if isinstance(root, Upsample):
        (sy, sx), (ey, ex) = root.factor, root.extra
        return height * sy + ey, width * sx + ex
    return height, width


def substitute(root: Node, old: Node, new: Node) -> Node:
    """`root` with every occurrence of `old` replaced by `new`."""
    done: dict[Node, Node] = {old: new}

    def visit(node: Node) -> Node:
        if node not in done:
            children = inputs_of(node)
            done[node] = _with_inputs(node, tuple(visit(c) for c in children)) if children else node
        return done[node]

    return visit(root)


def _with_inputs(node: Node, inputs: tuple[Node, ...]) -> Node:
    if isinstance(node, Magnitude | Maximum | Combine):
        return replace(node, inputs=inputs)
    if isinstance(node, Sharpen):
        return replace(node, image=inputs[0], blurred=inputs[1])
    if isinstance(node, CopyAlpha):
        return replace(node, input=inputs[0], image=inputs[1])
    if isinstance(node, Source):
        return node
    return replace(node, input=inputs[0])


def gain(root: Node) -> float:
    """The response of a linear graph to a constant image of ones, biases left out; 0 where it is not linear."""
    if isinstance(root, Source):
        return 1.0
    if isinstance(root, Convolve):
        kernel_facts = facts(root.kernel)
        return 0.0 if kernel_facts.zero_sum else gain(root.input) * float(root.kernel.weights.sum())
    if isinstance(root, Upsample):
        return gain(root.input) * float(root.kernel.weights.sum()) / (root.factor[0] * root.factor[1])
    if isinstance(root, Combine) and not root.absolute:
        total = sum(w * gain(n) for w, n in zip(root.weights, root.inputs, strict=True))
        return total if abs(total) > 1e-9 else 0.0
    if isinstance(root, Sharpen):
        return gain(root.image)
    return 0.0


def slack(root: Node, node: Convolve) -> float:
    """How far the response of `node` may be off so that no value is off by half a step where it is rounded.

    Over all the places where integer pixels are made of it; the convolutions that make the same pixels share alike.
    0 where a place is floating point, or is reached by other than sums, absolute values, maxima and magnitudes.
    """
    least = math.inf
    for end in walk(root):
        if isinstance(end, Round) and (reach := _sensitivity(end.input, node)):
            own = 0.0 if end.dtype.startswith("float") else 0.5 / (reach * len(_convolutions(end.input)))
            least = min(least, own)
    return least if least < math.inf else 0.0


def _sensitivity(root: Node, node: Node) -> float:
    """How much an error of 1 in `node` can move `root`, inside one stage; infinite where that has no bound."""
    if root == node:
        return 1.0
    if isinstance(root, Source | Round):
        return 0.0
    inner = [_sensitivity(n, node) for n in inputs_of(root)]
    if not any(inner):
        return 0.0
    if isinstance(root, Combine):
        return sum(abs(w) * s for w, s in zip(root.weights, inner, strict=True))
    if isinstance(root, Maximum):
        return max(inner)
    if isinstance(root, Magnitude):
        return abs(root.scale) * math.hypot(*inner)
    if isinstance(root, Sharpen) and root.threshold == 0:
        return (1 + abs(root.amount)) * inner[0] + abs(root.amount) * inner[1]
    if isinstance(root, Convolve):
        return float(abs(root.kernel.weights).sum()) * inner[0]
    return math.inf


def _convolutions(root: Node) -> set[Node]:
    """The convolutions of the stage that ends in `root`."""
    if isinstance(root, Source | Round):
        return set()
    own = {root} if isinstance(root, Convolve) else set()
    return own.union(*(_convolutions(n) for n in inputs_of(root)))
