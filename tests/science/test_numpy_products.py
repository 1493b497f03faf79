"""Products of matrices and vectors, whose kernels have their own code for each remainder of the sizes."""

from __future__ import annotations

import pytest

from pywasm_sandbox import Sandbox

from .conftest import Compute, evaluator

PRELUDE = """
import json
import numpy as np

random = np.random.default_rng(9)

def whole(dtype, *shape):
    '''Small integers: their sums are exact, so every order of adding them gives the same.'''
    return random.integers(-9, 10, shape).astype(dtype)

def by_sums(a, b):
    return (a[:, :, None] * b[None, :, :]).sum(axis=1)
"""


@pytest.fixture(scope="module")
def compute(numpy_sandbox: Sandbox) -> Compute:
    return evaluator(numpy_sandbox, PRELUDE)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_matrices_of_every_size(compute: Compute, dtype: str) -> None:
    code = f"""
wrong = []
for m in (1, 2, 3, 4, 5, 7, 8, 9, 13, 40):
    for k in (*range(1, 20), 33, 300):
        for n in (1, 2, 3, 4, 5, 6, 11):
            a, b = whole({dtype!r}, m, k), whole({dtype!r}, k, n)
            if not np.array_equal(a @ b, by_sums(a, b)):
                wrong.append([m, k, n])
wrong"""
    assert compute(code) == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matrices_that_lie_in_memory_in_other_ways(compute: Compute, dtype: str) -> None:
    code = f"""
a, b = whole({dtype!r}, 37, 53), whole({dtype!r}, 53, 29)
expected = by_sums(a, b)
columns = np.asfortranarray
pairs = [(columns(a), b), (a, columns(b)), (columns(a), columns(b)), (a.T.copy().T, b.T.copy().T),
         (np.repeat(a, 2, axis=1)[:, ::2], b), (a[::-1][::-1], b[:, ::-1][:, ::-1])]
[bool(all(np.array_equal(x @ y, expected) for x, y in pairs)), np.array_equal(a.T @ a, by_sums(a.T, a)),
 np.array_equal(a @ a.T, by_sums(a, a.T))]"""
    assert compute(code) == [True, True, True]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vectors_of_every_length_and_step(compute: Compute, dtype: str) -> None:
    code = f"""
wrong = []
for m in range(1, 40):
    for n in (1, 2, 3, 4, 5, 7, 8, 9, 31):
        a = whole({dtype!r}, m, n)
        x, y = whole({dtype!r}, 3 * n), whole({dtype!r}, 3 * m)
        for step in (1, 3, -2):
            right, left = x[::step][:n], y[::step][:m]
            for matrix in (a, np.asfortranarray(a)):
                if not np.array_equal(matrix @ right, (matrix * right).sum(axis=1)):
                    wrong.append([m, n, step, "right"])
                if not np.array_equal(left @ matrix, (matrix * left[:, None]).sum(axis=0)):
                    wrong.append([m, n, step, "left"])
wrong"""
    assert compute(code) == []


def test_products_are_rounded_once(compute: Compute) -> None:
    """What is fused is fused on every machine: (1 + 2⁻³⁰)(1 - 2⁻³⁰) - 1 is no zero then."""
    code = """
tiny = 2.0**-30
rows = np.array([[-1.0, 1.0 + tiny]] * 8)
columns = np.array([[1.0] * 8, [1.0 - tiny] * 8])
np.unique(rows @ columns)"""
    assert compute(code) == [-(2.0**-60)]


def test_nan_and_infinity_go_through(compute: Compute) -> None:
    code = """
a = np.ones((9, 9))
a[4, 5], a[7, 2] = np.nan, np.inf
vector = a @ np.ones(9)
[np.isnan(a @ a)[4].all(), np.flatnonzero(np.isnan(vector)), np.flatnonzero(np.isinf(vector))]"""
    assert compute(code) == [True, [4], [7]]
