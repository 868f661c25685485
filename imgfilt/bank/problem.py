"""One convolution by a bank of filters, as a backend sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgfilt.bank.geometry import Pair, Sides, output_size

UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}
"""The largest relative error of one rounding."""


@dataclass(frozen=True)
class BankProblem:
    """Shapes and strides of `out[n, m] = bias[m] + sum over c of x[n, c] correlated with weight[m, c]`.

    `channels` and `filters` count all groups together; a filter sees `channels / groups` channels.
    """

    batch: int
    channels: int
    height: int
    width: int
    filters: int
    kernel: Pair
    stride: Pair
    padding: Sides
    dilation: Pair
    groups: int
    dtype: str
    layout: str

    @property
    def operation(self) -> str:
        """The public function's name."""
        return "conv2d"

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        return (self.filters, self.group_channels, *self.kernel)

    @property
    def out(self) -> Pair:
        """Rows and columns of the output."""
        return output_size((self.height, self.width), self.kernel, self.stride, self.padding, self.dilation)

    @property
    def pixels(self) -> int:
        """Pixels of one plane of the output."""
        return self.out[0] * self.out[1]

    @property
    def taps(self) -> int:
        """Weights of one filter for one channel."""
        return self.kernel[0] * self.kernel[1]

    @property
    def group_channels(self) -> int:
        return self.channels // self.groups

    @property
    def group_filters(self) -> int:
        return self.filters // self.groups

    @property
    def terms(self) -> int:
        """Products that are summed for one element of the output."""
        return self.group_channels * self.taps

    @property
    def products(self) -> int:
        """Multiply-adds of the plain definition."""
        return self.batch * self.filters * self.pixels * self.terms

    @property
    def itemsize(self) -> int:
        return np.dtype(self.dtype).itemsize

    @property
    def input_size(self) -> int:
        """Elements of the input."""
        return self.batch * self.channels * self.height * self.width

    @property
    def weight_size(self) -> int:
        """Elements of the weights."""
        return self.filters * self.terms

    @property
    def output_elements(self) -> int:
        return self.batch * self.filters * self.pixels

    @property
    def unit(self) -> float:
        """The largest relative error of one rounding."""
        return UNIT[self.dtype]


def summation_error(problem: BankProblem, roundings: int) -> float:
    """The bound of a sum whose terms each pass through at most `roundings` roundings.

    Relative to the response's scale, max |x| times the largest sum of |weight| of a filter, plus |bias|.
    (N. Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1: gamma_n = n u / (1 - n u).)
    """
    n = roundings * problem.unit
    return n / (1 - n)
