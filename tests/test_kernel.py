"""Kernel facts: pure mathematics, checked by putting the facts together again."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from imgfilt.kernel import Kernel, facts, separate

SOBEL_X = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=7)
REALS = arrays(np.float64, SHAPES, elements=st.floats(-1e6, 1e6))
INTEGERS = arrays(np.int64, SHAPES, elements=st.integers(-300, 300))


def outer_sum(pairs, shape):
    return sum((np.multiply.outer(c, r) for c, r in pairs), np.zeros(shape))


# --- making kernels -----------------------------------------------------------------------------------------


def test_kernel_is_a_read_only_copy_with_opencvs_anchor():
    given_weights = np.ones((4, 3))
    kernel = Kernel.of(given_weights)
    given_weights[0, 0] = 9
    assert kernel.weights[0, 0] == 1
    assert kernel.anchor == (2, 1)
    with pytest.raises(ValueError, match="read-only"):
        kernel.weights[0, 0] = 2


def test_kernels_are_equal_and_hashable_by_value():
    a, b = Kernel.of([[0.0, 1]]), Kernel.of([[-0.0, 1]])
    assert a == b
    assert hash(a) == hash(b)
    assert a != Kernel.of([[0, 1]], anchor=(0, 0))
    assert a != Kernel.of([[0], [1]])
    assert a != "a kernel"


def test_pickled_kernel_is_equal_and_read_only():
    kernel = Kernel.of(SOBEL_X, anchor=(0, 2))
    hash(kernel)
    again = pickle.loads(pickle.dumps(kernel))
    assert again == kernel
    assert not again.weights.flags.writeable


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2, 1], r"kernel must be 2-D \(a row is \[\[1, 2, 1\]\]\), got shape \(3,\)"),
        (np.ones((2, 2, 2)), r"kernel must be 2-D, got shape \(2, 2, 2\)"),
        (5, r"got shape \(\)"),
        (np.ones((0, 3)), r"at least one weight, got shape \(0, 3\)"),
        ([[1, float("nan")]], "finite, got nan in row 0, column 1"),
        ([[1], [float("-inf")]], "finite, got -inf in row 1, column 0"),
        ([[1, 2], [3]], "rows must all have the same length"),
        ([["a"]], r"real numbers, got \[\['a'\]\]"),
        ([[1j]], "real numbers"),
        (None, "real numbers, got None"),
    ],
)
def test_bad_weights_are_quoted(weights, message):
    with pytest.raises(ValueError, match=message):
        Kernel.of(weights)


# --- facts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "column", "row"),
    [
        (SOBEL_X, [1, 2, 1], [-1, 0, 1]),
        (np.transpose(SOBEL_X), [1, 0, -1], [-1, -2, -1]),
        (np.outer([3, 10, 3], [-3, 0, 3]), [9, 30, 9], [-1, 0, 1]),
        (np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256, [1, 4, 6, 4, 1], [1, 4, 6, 4, 1]),
        (np.full((5, 5), 1 / 25), [1] * 5, [1] * 5),
        (np.outer([1, 1, 1], [-1, 0, 1]) / 3, [1, 1, 1], [-1, 0, 1]),
        ([[0, 0, 0], [0, -2, 4], [0, 0, 0]], [1], [-1, 2]),
    ],
)
def test_rank_one_kernels_have_integer_factors(weights, column, row):
    f = facts(Kernel.of(weights))
    assert f.rank == 1
    # the column is primitive together with the row: only the common factor may move into scale
    c, r = f.factors[0]
    assert np.array_equal(np.multiply.outer(c, r) * f.scale, f.trimmed.weights)
    assert np.array_equal(r, row)
    assert np.array_equal(c / np.gcd.reduce(c.astype(int)), np.array(column) / np.gcd.reduce(column))


@pytest.mark.parametrize(
    ("weights", "scale", "dyadic"),
    [
        (SOBEL_X, 1.0, True),
        ([[2, 4, 2]], 2.0, True),
        ([[3, 6, 3]], 3.0, False),
        (np.array([[1, 2, 1]]) / 4, 0.25, True),
        (np.full((3, 3), 1 / 9), 1 / 9, False),
        (np.array([[2, 4, 5, 4, 2], [4, 9, 12, 9, 4], [5, 12, 15, 12, 5]]) / 159, 1 / 159, False),
        (np.array([[2.0, 3.0, 7.0]]) * 0.1, 0.1, False),
        ([[2.0**-1074, 3 * 2.0**-1074]], 2.0**-1074, True),
        ([[2.0**1023]], 2.0**1023, True),
    ],
)
def test_common_scale(weights, scale, dyadic):
    f = facts(Kernel.of(weights))
    assert f.scale == pytest.approx(scale, rel=1e-15, abs=0)
    assert f.dyadic is dyadic
    assert np.gcd.reduce(f.numerators, axis=None) == 1


@pytest.mark.parametrize("weights", [[[1, 2**31]], [[1.0, np.pi]], [[1.0, 1 + 2**-40]], [[1e-300, 1e300]]])
def test_no_common_scale(weights):
    f = facts(Kernel.of(weights))
    assert f.numerators is None
    assert (f.scale, f.dyadic) == (1.0, False)


@pytest.mark.parametrize(
    ("weights", "rank", "is_box", "symmetric", "zero_sum", "integer"),
    [
        (np.ones((3, 5)), 1, True, True, False, True),
        (np.full((3, 3), 1 / 9), 1, True, True, False, False),
        (SOBEL_X, 1, False, False, True, True),
        ([[0, 1, 0], [1, -4, 1], [0, 1, 0]], 2, False, True, True, True),
        (np.eye(3), 3, False, False, False, True),
        (np.zeros((3, 3)), 0, False, True, True, True),
        (np.pad(np.ones((2, 2)), 1), 1, True, True, False, True),
        ([[0.1, 0.2, -0.3]], 1, False, False, True, False),
    ],
)
def test_small_facts(weights, rank, is_box, symmetric, zero_sum, integer):
    f = facts(Kernel.of(weights))
    assert (f.rank, f.is_box, f.symmetric, f.zero_sum, f.integer) == (
        rank,
        is_box,
        symmetric,
        zero_sum,
        integer,
    )


def test_trimming_moves_the_anchor_along_even_outside():
    f = facts(Kernel.of([[0, 0, 0], [0, 0, 0.1]], anchor=(0, 1)))
    assert f.trimmed == Kernel.of([[0.1]], anchor=(-1, -1))
    assert facts(Kernel.of(np.zeros((3, 5)))).trimmed == Kernel.of([[0]], anchor=(0, 0))


def test_facts_are_cached_and_cannot_be_changed():
    f = facts(Kernel.of(SOBEL_X))
    assert facts(Kernel.of(SOBEL_X)) is f
    with pytest.raises(ValueError, match="read-only"):
        f.factors[0][0][0] = 7


@given(st.one_of(REALS, INTEGERS, INTEGERS.map(lambda n: n / 256), INTEGERS.map(lambda n: n / 159)))
@settings(max_examples=150, deadline=None)
def test_facts_give_the_weights_again(weights):
    f = facts(Kernel.of(weights))
    w = np.asarray(weights, np.float64)
    if f.numerators is not None:
        assert f.numerators.shape == w.shape
        assert np.abs(f.numerators).max() < 2**31
        assert np.all(np.abs(f.numerators * f.scale - w) <= np.spacing(np.abs(w)))
        if f.dyadic:
            assert np.array_equal(f.numerators * f.scale, w)
    t = f.trimmed.weights
    dy, dx = (w.shape[i] // 2 - f.trimmed.anchor[i] for i in (0, 1))
    assert np.array_equal(w[dy : dy + t.shape[0], dx : dx + t.shape[1]], t)
    assert np.count_nonzero(t) == np.count_nonzero(w)
    assert len(f.factors) == f.rank
    product = outer_sum(f.factors, t.shape)
    if f.rank == 1 and f.numerators is not None:
        assert np.array_equal(product, f.numerators[dy : dy + t.shape[0], dx : dx + t.shape[1]])
        assert f.factors[0][0][0] > 0
    else:
        assert np.allclose(product, t, rtol=0, atol=1e-13 * max(1e-300, np.linalg.norm(t)))


@given(
    arrays(np.int64, (5,), elements=st.integers(-90, 90)),
    arrays(np.int64, (4,), elements=st.integers(-90, 90)),
)
@settings(max_examples=100, deadline=None)
def test_every_outer_product_of_integers_is_found(column, row):
    n = np.multiply.outer(column, row)
    for weights in (n, n / 1024, n / 7):
        f = facts(Kernel.of(weights))
        assert f.rank == int(n.any())
        assert f.numerators is not None


@given(INTEGERS)
@settings(max_examples=60, deadline=None)
def test_integer_kernels_are_integer(weights):
    f = facts(Kernel.of(weights))
    assert f.integer
    assert f.numerators is not None
    assert float(f.scale).is_integer()
    assert f.zero_sum == (weights.sum() == 0)


# --- separate -----------------------------------------------------------------------------------------------


def test_separate_sobel():
    [(column, row)] = separate(SOBEL_X)
    assert column.tolist() == [1, 2, 1]
    assert row.tolist() == [-1, 0, 1]


@given(REALS)
@settings(max_examples=80, deadline=None)
def test_separate_gives_the_weights_again(weights):
    pairs = separate(weights)
    assert all(c.shape == weights.shape[:1] and r.shape == weights.shape[1:] for c, r in pairs)
    assert np.allclose(
        outer_sum(pairs, weights.shape), weights, rtol=0, atol=1e-12 * max(1, np.linalg.norm(weights))
    )


def test_tolerance_leaves_out_at_most_that_much():
    weights = np.random.default_rng(1).normal(size=(9, 7))
    s = np.linalg.svd(weights, compute_uv=False)
    for tol in (0.0, 0.1, 0.5, 0.99):
        pairs = separate(weights, tol=tol)
        assert len(pairs) == np.count_nonzero(s > tol * s[0])
        error = np.linalg.norm(outer_sum(pairs, weights.shape) - weights, 2)
        assert error <= tol * s[0] + 1e-12


def test_separate_says_what_is_wrong():
    with pytest.raises(ValueError, match="tol must be at least 0 and less than 1, got 2"):
        separate(SOBEL_X, tol=2)
    assert separate(np.zeros((2, 3))) == []
