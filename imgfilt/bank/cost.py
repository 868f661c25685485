"""What a convolution by a bank of filters is predicted to take: multiply-adds and bytes moved, in one place.

All is for one thread: the choice of a backend does not depend on the number of threads. The constants are those of an
AVX-512 machine; they rank the backends and are no promise.
"""

from __future__ import annotations

from imgfilt.bank.problem import BankProblem

_PRODUCTS_PER_NS = {"float32": 55.0, "float64": 27.0}  # of a large matrix product by NumPy's BLAS
_ADDITIONS_PER_NS = {"float32": 12.0, "float64": 6.0}  # multiply-adds, sums in memory
_BYTES_PER_NS = 4.0  # copied by slices
_ELEMENTS_PER_NS = 0.03  # of an FFT, one way
_NS_PER_CALL = 30e3
_STEPS_PER_NS = 7.0  # multiply-adds of whole vectors
_NS_PER_NATIVE_CALL = 5e3


def of_product(problem: BankProblem, products: float, moved: float) -> float:
    """Seconds for matrix products of so many multiply-adds with so many bytes copied around them."""
    ns = products / _PRODUCTS_PER_NS[problem.dtype] + moved / _BYTES_PER_NS
    return (ns + _NS_PER_CALL) * 1e-9


def of_transforms(plane: int, planes: int) -> float:
    """Seconds for the FFTs of so many planes."""
    return plane * planes / _ELEMENTS_PER_NS * 1e-9


def of_blocks(problem: BankProblem, *, extra: float = 0, lanes: int | None = None) -> float:
    """Seconds for register blocks of pixels by vectors of filters, lanes without a filter included.

    `extra` are bytes moved beside input and output; `lanes` where they are images instead.
    """
    from imgfilt.cost import isa

    vector = {"v4": 16, "v3": 8}.get(isa(), 4) * 4 // problem.itemsize
    if lanes is None:
        filters = problem.groups * -(-problem.group_filters // vector) * vector
        steps = problem.batch * problem.pixels * problem.terms * filters / vector
    else:
        steps = problem.products / min(lanes, vector)
    moved = (problem.input_size + 2 * problem.output_elements) * problem.itemsize + extra
    return (steps / _STEPS_PER_NS + moved / _BYTES_PER_NS + _NS_PER_NATIVE_CALL) * 1e-9


def of_additions(problem: BankProblem) -> float:
    """Seconds for sums that pass through memory once for each weight or column of weights."""
    return (problem.products / _ADDITIONS_PER_NS[problem.dtype] + _NS_PER_CALL) * 1e-9
