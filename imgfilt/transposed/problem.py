"""One transposed convolution as a backend sees it."""

from __future__ import annotations

from dataclasses import dataclass

from imgfilt.bank.geometry import Pair
from imgfilt.bank.problem import BankProblem
from imgfilt.transposed.geometry import active_taps, transposed_size


@dataclass(frozen=True)
class TransposedProblem(BankProblem):
    """Shapes and strides of `out[n, m, i * stride + u * dilation - padding] += x[n, c, i] * weight[c, m, u]`.

    The fields are those of a convolution by a bank of filters; `padding` is what the output lacks on each side.
    """

    output_padding: Pair

    @property
    def operation(self) -> str:
        return "conv_transpose2d"

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        return (self.channels, self.group_filters, *self.kernel)

    @property
    def out(self) -> Pair:
        """Rows and columns of the output."""
        return transposed_size(
            (self.height, self.width),
            self.kernel,
            self.stride,
            self.padding,
            self.output_padding,
            self.dilation,
        )

    @property
    def terms(self) -> int:
        """Products that are summed for one element of the output, at most: those of a phase."""
        rows = active_taps(self.kernel[0], self.stride[0], self.dilation[0])
        columns = active_taps(self.kernel[1], self.stride[1], self.dilation[1])
        return self.group_channels * rows * columns

    @property
    def products(self) -> int:
        """Multiply-adds of the definition: each element of the input by each weight that it meets."""
        return self.input_size * self.group_filters * self.taps

    @property
    def weight_size(self) -> int:
        """Elements of the weights."""
        return self.channels * self.group_filters * self.taps

    @property
    def lacking(self) -> Pair:
        """Rows and columns that the output lacks above and to the left."""
        return self.padding[0], self.padding[2]
