"""One convolution as a backend sees it, and the words in which a backend declines."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from imgfilt.kernel import Kernel, KernelFacts, facts
from imgfilt.records import record


@record(eq=False)
class Put:
    """Where a response goes: takes an (h, w, C) block, and the row and column of the image that it begins at.

    What `program`, the core's, makes of every `stride[0]`-th row and `stride[1]`-th column goes to `out`. A backend
    whose blocks are made in the core hands both over instead of calling this.
    """

    program: Any
    out: NDArray[Any]
    border: int
    cval: float
    stride: tuple[int, int]

    def __call__(self, block: NDArray[Any], top: int, left: int) -> None:
        sy, sx = self.stride
        wanted = block[-top % sy :: sy, -left % sx :: sx]
        height, width = wanted.shape[:2]
        if height and width:
            y, x = -(-top // sy), -(-left // sx)
            self.program.run(self.border, wanted, self.out[y : y + height, x : x + width], self.cval, 1)


@record
class Problem:
    """A convolution node together with the image that it is applied to.

    `dtype`, `low`, `high` are those of the elements that the convolution reads (a line of a row program);
    `alone` tells that it is the only convolution of its graph and reads the image itself, so that a backend
    which works on whole arrays can take it. `tolerance` is how far the response may be off at the most: half a
    step of the pixels that are made of it, or what floats allow; a backend that would be off by more declines.
    Of the response every `stride[0]`-th row and `stride[1]`-th column are wanted, the first one first; `extra` rows
    and columns more (or fewer) than there are in the image, those beyond its end at the same distances.
    """

    kernel: Kernel
    height: int
    width: int
    channels: int
    dtype: str
    low: float
    high: float
    border: str
    alone: bool
    tolerance: float
    stride: tuple[int, int] = (1, 1)
    extra: tuple[int, int] = (0, 0)

    @property
    def facts(self) -> KernelFacts:
        return facts(self.kernel)

    @property
    def strided(self) -> bool:
        return self.stride != (1, 1)

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def elements(self) -> int:
        return self.pixels * self.channels

    @property
    def reach(self) -> int:
        """Rows above and below that the kernel reads."""
        (height, _), (anchor, _) = self.facts.trimmed.shape, self.facts.trimmed.anchor
        return max(anchor, height - 1 - anchor)

    @property
    def integral(self) -> bool:
        return self.dtype not in ("float32", "float64")

    @property
    def largest(self) -> float:
        return max(abs(self.low), abs(self.high))


@record
class Refusal:
    """Why a backend does not take a problem, as the end of "refused: ..."."""

    reason: str
