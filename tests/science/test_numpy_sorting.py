"""numpy's sorting by radix: long arrays of every type of number, in whatever order, with whatever values."""

from __future__ import annotations

import pytest

from pywasm_sandbox import Sandbox

from .conftest import Compute, evaluator

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"]
FLOATS = ["float16", "float32", "float64"]
DATES = ["datetime64[s]", "timedelta64[ms]"]

ARRAYS = """
import json
import numpy as np

def bits(array):
    return array.view(f"u{array.dtype.itemsize}")

def arrays(dtype, n):
    '''Any bits at all, near one another, with an outlier, few values, sorted, the other way, one value.'''
    random = np.random.default_rng(5)
    dtype = np.dtype(dtype)
    anything = random.integers(0, 256, (n, dtype.itemsize), dtype=np.uint8)
    if dtype == bool:
        anything &= 1
    anything = anything.view(dtype).ravel()
    yield anything
    near = random.integers(0, 100, n).astype(dtype)
    if dtype.kind == "f":
        near = (near * np.finfo(dtype).eps + 1).astype(dtype)
        near[::7], near[1::7] = 0.0, -0.0
    yield near
    outlier = near.copy()
    outlier[n // 2] = anything[0]
    yield outlier
    yield np.resize(anything[:3], n)
    yield np.sort(anything, kind="stable")
    yield np.sort(anything, kind="stable")[::-1]
    yield np.zeros(n, dtype)
"""


@pytest.fixture(scope="module")
def compute(numpy_sandbox: Sandbox) -> Compute:
    return evaluator(numpy_sandbox, ARRAYS)


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, *DATES])
@pytest.mark.parametrize("descending", [False, True])
def test_long_arrays(compute: Compute, dtype: str, descending: bool) -> None:
    """The same numbers in the order that comparisons find; what is no number comes last, each bit kept."""
    code = f"""
failed = []
for n in (256, 257, 3000, 40_000):
    for number, array in enumerate(arrays({dtype!r}, n)):
        order = dict(descending={descending})
        ordered, indices = np.sort(array, **order), np.argsort(array, **order)
        by_comparing = np.sort(array, stable=True, **order)
        if not np.array_equal(ordered, by_comparing, equal_nan=array.dtype.kind in "fmM"):
            failed.append([n, number, "order"])
        if sorted(bits(ordered).tolist()) != sorted(bits(array).tolist()):
            failed.append([n, number, "other numbers"])
        if not np.array_equal(array[indices], by_comparing, equal_nan=array.dtype.kind in "fmM"):
            failed.append([n, number, "order of the indices"])
        if not np.array_equal(np.bincount(indices, minlength=n), np.ones(n)):
            failed.append([n, number, "other indices"])
failed"""
    assert compute(code) == []


SPREAD = {
    "even": "random.random(n)",
    "normal": "random.normal(size=n)",
    "with long tails": "random.standard_cauchy(n)",
    "over many magnitudes": "np.exp(5 * random.normal(size=n))",
    "few values": "random.integers(0, 1000, n) / 8",
    "crowds": "random.integers(0, 64, n) + 1e-9 * random.random(n)",
    "crowds among others": "np.where(random.random(n) < 0.5, random.random(n), random.random(n).round(3))"
    " + 1e-12 * random.random(n)",
    "one far away": "np.append(random.random(n - 1), -1e9)",
    "as far apart as can be": "np.append(random.random(n - 2), [np.finfo(float).max, np.finfo(float).min])",
    "subnormal": "5e-324 * random.integers(0, 1 << 40, n)",
    "infinities": "np.append(random.random(n - 2), [np.inf, -np.inf])",
    "NaN at the end": "np.append(random.random(n - 1), np.nan)",
    "of 64 bits": "random.integers(-(1 << 63), (1 << 63) - 1, n, endpoint=True)",
    "moments": "1_700_000_000_000_000 + random.integers(0, 86_400_000_000, n)",
    "of 64 bits, no sign": "random.integers(0, 1 << 64, n, dtype=np.uint64)",
}
"""Of numbers that are sorted in buckets, or are not because they lie badly."""


@pytest.mark.parametrize("numbers", SPREAD.values(), ids=SPREAD)
@pytest.mark.parametrize("descending", [False, True])
def test_spread_numbers(compute: Compute, numbers: str, descending: bool) -> None:
    code = f"""
failed = []
for n in (32_767, 32_768, 100_001, 700_000):
    random = np.random.default_rng(n)
    array = {numbers}
    ordered = np.sort(array, descending={descending})
    by_comparing = np.sort(array, stable=True, descending={descending})
    if not np.array_equal(ordered, by_comparing, equal_nan=array.dtype.kind == "f"):
        failed.append([n, "order"])
    if not np.array_equal(np.sort(bits(ordered), kind="stable"), np.sort(bits(array), kind="stable")):
        failed.append([n, "other numbers"])
failed"""
    assert compute(code) == []


def test_nan_and_nat_come_last(compute: Compute) -> None:
    code = """
found = []
for dtype in ("float16", "float32", "float64", "datetime64[D]"):
    array = np.arange(1000, 0, -1).astype(dtype)
    none = np.array("nat" if dtype.startswith("date") else "nan", dtype)
    array[::10] = none
    if dtype.startswith("float"):
        array[::20] = -none
        array[5], array[6] = np.inf, -np.inf
    empty = np.isnat if dtype.startswith("date") else np.isnan
    for descending in (False, True):
        ordered = np.sort(array, descending=descending)
        indices = np.argsort(array, descending=descending)
        last = empty(array[indices[-100:]]).all()
        found.append([empty(ordered[-100:]).all(), empty(ordered[:-100]).any(), last])
found"""
    assert compute(code) == [[True, False, True]] * 8


def test_equal_numbers_keep_their_order(compute: Compute) -> None:
    """Which is how one sees that an array was sorted by radix: introsort moves them."""
    code = """
found = []
for dtype in ("int32", "int64", "float32", "float64", "timedelta64[s]"):
    for n in (255, 256, 100_000):
        array = (np.arange(n)[::-1] % 7).astype(dtype)
        found.append([dtype, n, np.array_equal(np.argsort(array), np.argsort(array, kind="stable"))])
[[n for _, n, kept in found if kept], [n for _, n, kept in found if not kept]]"""
    assert compute(code) == [[256, 100_000] * 5, [255] * 5]


def test_arrays_larger_than_what_is_sorted_at_once(compute: Compute) -> None:
    code = """
random = np.random.default_rng(6)
array = random.random(5_000_000)
array[::1000] = np.nan
ordered, indices = np.sort(array), np.argsort(array)
numbers = ordered[:-5000]
[bool(np.all(numbers[1:] >= numbers[:-1])), np.isnan(ordered[-5000:]).all(),
 np.array_equal(array[indices], ordered, equal_nan=True), np.unique(indices).size]"""
    assert compute(code) == [True, True, True, 5_000_000]


@pytest.mark.usefixtures("numpy_sandbox")
def test_without_memory_to_spare() -> None:
    """An array beside which no second one has room is sorted in place."""
    code = """
array = np.random.default_rng(7).integers(0, 1 << 62, 1_900_000)
expected = [int(array.min()), int(array.max()), int(array.sum())]
blocks = []
for size in (1 << 24, 1 << 20):
    try:
        while True:
            blocks.append(bytes(size))
    except MemoryError:
        pass
array.sort()
blocks.clear()
[bool(np.all(array[1:] >= array[:-1])), [int(array[0]), int(array[-1]), int(array.sum())] == expected]"""
    with Sandbox(preload=["numpy"], memory_bytes=200_000_000) as sandbox:
        assert evaluator(sandbox, ARRAYS)(code) == [True, True]


def test_what_has_no_keys(compute: Compute) -> None:
    """Complex numbers, wide floats and texts are compared as ever."""
    code = """
random = np.random.default_rng(8)
numbers = random.integers(0, 500, 2000)
kinds = [numbers.astype(kind) for kind in (np.longdouble, "U5", object)]
complexes = numbers + 1j * numbers[::-1]
[*(np.sort(array).tolist() == sorted(array.tolist()) for array in kinds),
 np.sort(complexes).tolist() == sorted(complexes.tolist(), key=lambda x: (x.real, x.imag))]"""
    assert compute(code) == [True, True, True, True]
