"""What a convolution by a bank of filters is predicted to take: multiply-adds and bytes moved, in one place.

All is for one thread: the choice of a backend does not depend on the number of threads. The constants are those of an
AVX-512 machine; they rank the backends and are no promise.
"""

from __future__ import annotations

from imgfilt.bank.problem import BankProblem

_PRODUCTS_PER_NS = {"float32": 55.0, "float64": 27.0}  # of a large matrix product by NumPy's BLAS
_ADDITIONS_PER_NS = {"float32": 12.0, "float64": 6.0}  # multiply-adds, sums in memory
_STEPS_PER_NS = 7.0  # multiply-adds of whole vectors, sums in registers
_NARROW_STEPS_PER_NS = 5.0  # the same by one vector of filters, not two
_ROW_STEPS_PER_NS = {
    True: 3.5,
    False: 4.5,
}  # the same where the lanes are pixels; True: by one or two filters
_NS_PER_LANE = 1.5  # one output to its place among others' images
_BYTES_PER_NS = 4.0  # copied by slices of few elements
_ROW_BYTES_PER_NS = 14.0  # copied by whole rows
_ELEMENTS_PER_NS = 0.03  # of an FFT, one way
_NS_PER_CALL = 30e3
_NS_PER_SLICE = 3e3  # one operation of NumPy on a tap's elements
_NS_PER_NATIVE_CALL = 5e3


def of_product(problem: BankProblem, products: float, moved: float, *, rows: bool = False) -> float:
    """Seconds for matrix products of so many multiply-adds with so many bytes copied around them.

    `rows`: they are copied by whole rows of images.
    """
    ns = products / _PRODUCTS_PER_NS[problem.dtype] + moved / (_ROW_BYTES_PER_NS if rows else _BYTES_PER_NS)
    return (ns + _once(problem) + _slices(problem)) * 1e-9


def of_transforms(plane: int, planes: int) -> float:
    """Seconds for the FFTs of so many planes."""
    return plane * planes / _ELEMENTS_PER_NS * 1e-9


def of_blocks(problem: BankProblem, *, extra: float = 0, lanes: int | None = None) -> float:
    """Seconds for register blocks of pixels by vectors of filters, lanes without a filter included.

    `extra` are bytes moved beside input, weights and output; `lanes` where they are images instead.
    """
    vector = _vector(problem)
    rate = _STEPS_PER_NS
    if lanes is None:
        filters = problem.groups * -(-problem.group_filters // vector) * vector
        steps = problem.batch * problem.pixels * problem.terms * filters / vector
        rate = _NARROW_STEPS_PER_NS if problem.group_filters <= vector else rate
    else:
        steps = problem.products / min(lanes, vector)
    return _native(problem, steps / rate + (_among_images(problem) if lanes is None else 0), extra)


def of_rows(problem: BankProblem) -> float:
    """Seconds for blocks of few filters by vectors of neighbouring pixels, lanes beyond a row's end included."""
    vectors = -(-problem.out[1] // _vector(problem))
    steps = problem.batch * problem.filters * problem.out[0] * vectors * problem.terms
    return _native(problem, steps / _ROW_STEPS_PER_NS[problem.group_filters < 3] + _among_images(problem), 0)


def of_additions(problem: BankProblem, moved: float) -> float:
    """Seconds for sums that pass through memory once for each weight or column of weights."""
    ns = problem.products / _ADDITIONS_PER_NS[problem.dtype] + moved / _ROW_BYTES_PER_NS
    return (ns + _once(problem) + _slices(problem)) * 1e-9


def _native(problem: BankProblem, ns: float, extra: float) -> float:
    return (ns + _once(problem) + extra / _ROW_BYTES_PER_NS + _NS_PER_NATIVE_CALL) * 1e-9


def _among_images(problem: BankProblem) -> float:
    """Nanoseconds for outputs that are stored one by one, since the images stand side by side."""
    return problem.output_elements * _NS_PER_LANE if problem.layout.startswith("CHWN") else 0


def _once(problem: BankProblem) -> float:
    """Nanoseconds for reading input and weights and for writing the output, whose pages are new."""
    moved = problem.input_size + problem.weight_size + 2 * problem.output_elements
    return moved * problem.itemsize / _ROW_BYTES_PER_NS


def _slices(problem: BankProblem) -> float:
    return _NS_PER_CALL + problem.batch * problem.groups * problem.taps * _NS_PER_SLICE


def _vector(problem: BankProblem) -> int:
    """Elements of a vector."""
    from imgfilt.cost import isa

    return {"v4": 16, "v3": 8}.get(isa(), 4) * 4 // problem.itemsize
