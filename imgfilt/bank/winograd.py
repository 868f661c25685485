"""Winograd's minimal filtering of 3x3 kernels: what F(2x2, 3x3) and F(4x4, 3x3) have in common.

A tile of outputs is A' [(G g G') * (B' d B)] A, * element by element; summed over channels it is one matrix
product for each element of the transformed tile. A. Lavin and S. Gray, "Fast algorithms for convolutional neural
networks", 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgfilt.bank import cost as costs
from imgfilt.bank.problem import BankProblem, summation_error
from imgfilt.bank.tasks import run_all
from imgfilt.problem import Refusal

Array = NDArray[Any]


@dataclass(frozen=True)
class Transform:
    """The matrices B', G and A' of F(tile x tile, 3x3)."""

    tile: int
    data: NDArray[np.float64]
    weight: NDArray[np.float64]
    output: NDArray[np.float64]

    @property
    def size(self) -> int:
        """Rows and columns of a transformed tile."""
        return self.tile + 2

    @property
    def growth(self) -> float:
        """How much larger than sum |g| max |d| the sum of the absolute values of all intermediate terms may be."""
        b, g, a = (np.abs(m) for m in (self.data, self.weight, self.output))
        one = (a * b.sum(axis=1)) @ g
        return float(one.max() ** 2)


def supports(problem: BankProblem) -> Refusal | None:
    """3x3 kernels without stride and dilation."""
    if problem.kernel != (3, 3):
        return Refusal(f"the kernel is {problem.kernel[0]}x{problem.kernel[1]}, not 3x3")
    if problem.stride != (1, 1):
        return Refusal(f"the stride is {problem.stride}, not 1")
    if problem.dilation != (1, 1):
        return Refusal(f"the dilation is {problem.dilation}, not 1")
    return None


def workspace(transform: Transform, problem: BankProblem, threads: int) -> int:
    """The transformed weights, and for each thread the tiles of one image and what the transforms make of them."""
    tiles = _tiles(transform, problem)
    t, m = transform.size, transform.tile
    count = tiles[0] * tiles[1]
    channels, filters = problem.group_channels, problem.group_filters
    one = channels * (tiles[0] * m + 2) * (tiles[1] * m + 2) + 2 * t * t * channels * count
    one += t * (t + m) * filters * count + m * m * filters * count
    return (
        min(threads, problem.batch * problem.groups) * one + t * t * problem.filters * channels
    ) * problem.itemsize


def error(transform: Transform, problem: BankProblem) -> float:
    """Each of the six small products sums at most `size` terms, the large one `group_channels`."""
    roundings = 6 * transform.size + problem.group_channels + 3
    return transform.growth * summation_error(problem, roundings)


def cost(transform: Transform, problem: BankProblem) -> float:
    tiles = _tiles(transform, problem)
    count = problem.batch * tiles[0] * tiles[1] * transform.size**2
    products = count * problem.filters * problem.group_channels
    return costs.of_product(
        problem, products, 10 * count * (problem.channels + problem.filters) * problem.itemsize
    )


def run(
    transform: Transform,
    problem: BankProblem,
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    threads: int,
) -> None:
    channels, filters = problem.group_channels, problem.group_filters
    rows, columns = _tiles(transform, problem)
    t, m = transform.size, transform.tile
    down, across = (transform.data.astype(x.dtype), transform.output.astype(x.dtype))
    g = np.einsum("ai,bj,mcij->abmc", transform.weight, transform.weight, weight.astype(np.float64))
    transformed = g.astype(x.dtype).reshape(t * t, problem.groups, filters, channels)
    top, _, left, _ = problem.padding

    def task(n: int, group: int) -> None:
        c, f = slice(group * channels, (group + 1) * channels), slice(group * filters, (group + 1) * filters)
        image = np.zeros((channels, rows * m + 2, columns * m + 2), x.dtype)
        part = x[n, c, : image.shape[1] - top, : image.shape[2] - left]
        image[:, top : top + part.shape[1], left : left + part.shape[2]] = part
        tiles = np.empty((t, t, channels, rows, columns), x.dtype)
        for i in range(t):
            for j in range(t):
                tiles[i, j] = image[:, i : i + rows * m - m + 1 : m, j : j + columns * m - m + 1 : m]
        data = _both(down, tiles.reshape(t, t, -1)).reshape(t * t, channels, -1)
        product = transformed[:, group] @ data
        found = _both(across, product.reshape(t, t, -1)).reshape(m, m, filters, rows, columns)
        target = out[n, f]
        for i in range(m):
            for j in range(m):
                place = target[:, i::m, j::m]
                place[...] = found[i, j, :, : place.shape[1], : place.shape[2]]
        if bias is not None:
            target += bias[f, None, None]

    run_all(task, [(n, group) for n in range(problem.batch) for group in range(problem.groups)], threads)


def _both(matrix: Array, tiles: Array) -> Array:
    """matrix @ tile @ matrix' for tiles (rows, columns, all the rest)."""
    first = (matrix @ tiles.reshape(tiles.shape[0], -1)).reshape(matrix.shape[0], *tiles.shape[1:])
    both: Array = np.matmul(matrix, first)
    return both


def _tiles(transform: Transform, problem: BankProblem) -> tuple[int, int]:
    """Rows and columns of tiles that cover the output."""
    return -(-problem.out[0] // transform.tile), -(-problem.out[1] // transform.tile)
