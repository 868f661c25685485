"""What a transposed convolution is predicted to take: multiply-adds and elements moved, in one place.

The constants were fitted to one thread of an AVX-512 machine. They rank the backends; they are no promise.
"""

from __future__ import annotations

from imgfilt.cost import isa
from imgfilt.transposed.problem import TransposedProblem

_BY_FILTERS_PER_NS = 6.0  # multiply-adds of whole vectors, the lanes filters
_BY_PIXELS_PER_NS = 3.0  # the same, the lanes pixels
_BYTES_PER_NS = 12.0  # weights, packed
_NS_PER_OUTPUT = 0.07
_NS_PER_ADDITION = 0.06  # of a sum in a cache
_NS_PER_COLUMN = 1.2  # an element of a matrix product that col2im adds
_PRODUCTS_PER_NS = {"float32": 55.0, "float64": 27.0}  # of a matrix product by NumPy's BLAS
_NS_PER_NATIVE_CALL = 5e3
_NS_PER_PRODUCT_CALL = 30e3


def of_segregated(problem: TransposedProblem) -> float:
    """Seconds for the taps of each output's phase."""
    across = -(-problem.out[1] // problem.stride[1])
    # Rows' taps beyond the input are left out, columns' are not.
    products = problem.products * across / problem.width
    return (_sums(problem, products, across) + _NS_PER_NATIVE_CALL) * 1e-9


def of_scatter(problem: TransposedProblem) -> float:
    """Seconds for adding each tap's products to the output."""
    additions = problem.products / problem.group_channels
    ns = _sums(problem, problem.products, problem.width) + additions * _NS_PER_ADDITION
    return (ns + _NS_PER_NATIVE_CALL) * 1e-9


def of_zero_insert(problem: TransposedProblem) -> float:
    """Seconds for all taps over the map of zeros."""
    products = problem.output_elements * problem.group_channels * problem.taps
    return (_sums(problem, products, problem.out[1]) + _NS_PER_NATIVE_CALL) * 1e-9


def of_gemm(problem: TransposedProblem) -> float:
    """Seconds for the product and for adding its rows."""
    columns = problem.batch * problem.filters * problem.taps * problem.height * problem.width
    packed = problem.weight_size * problem.itemsize / _BYTES_PER_NS
    ns = problem.products / _PRODUCTS_PER_NS[problem.dtype] + packed
    ns += columns * _NS_PER_COLUMN * problem.itemsize / 4
    return (ns + problem.batch * problem.groups * _NS_PER_PRODUCT_CALL) * 1e-9


def _sums(problem: TransposedProblem, products: float, across: int) -> float:
    """Nanoseconds for so many products in register blocks, `across` pixels of a row side by side.

    Lanes that have no filter, or no pixel, count; the native core takes whichever wastes fewer.
    """
    lanes = {"v4": 16, "v3": 8}.get(isa(), 4) * 4 // problem.itemsize
    filters = problem.group_filters
    vectors_of_filters = -(-filters // lanes) / filters
    vectors_of_pixels = -(-across // lanes) / across
    outputs = problem.output_elements * _NS_PER_OUTPUT * problem.itemsize / 4
    if vectors_of_pixels < vectors_of_filters:
        return products * vectors_of_pixels / _BY_PIXELS_PER_NS + outputs
    packed = problem.weight_size * problem.itemsize / _BYTES_PER_NS
    return products * vectors_of_filters / _BY_FILTERS_PER_NS + outputs + packed
