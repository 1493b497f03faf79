"""numpy's loops by vectors: the same as one number at a time, whatever the length, wherever they lie."""

from __future__ import annotations

import pytest

from pywasm_sandbox import Sandbox

from .conftest import Compute, evaluator

PREPARE = """
import json, math, operator
import numpy as np

nan, inf = math.nan, math.inf
numbers = [1.5, -2.5, 0.0, -0.0, nan, inf, -inf, 2.5, 1e300, -1e-310, 0.5, -0.5, 3.0, nan, 1e-3, -7.25, 8.0]
LENGTHS = (1, 2, 3, 5, 8, 16, 17, 31, 64, 100, 257)

def cut(values, n, dtype, turn=0):
    '''`n` of the values again and again, contiguous and each second of others.'''
    array = np.resize(np.array(values[turn:] + values[:turn], dtype), n)
    spaced = np.empty(2 * n, dtype)
    spaced[::2] = array
    return array, spaced[::2]

def same(found, wanted):
    '''Bit for bit but for NaN's payload.'''
    found, wanted = np.asarray(found), np.asarray(wanted, np.asarray(found).dtype)
    if found.dtype.kind != "f":
        return np.array_equal(found, wanted)
    return np.array_equal(found, wanted, equal_nan=True) and np.array_equal(
        np.signbit(found[~np.isnan(found)]), np.signbit(wanted[~np.isnan(wanted)]))

def failures(dtype, vectors, one_by_one, operands):
    failed = []
    for n in LENGTHS:
        forms = zip(*(cut(numbers, n, dtype, turn) for turn in range(operands)))
        for form, arrays in zip(("contiguous", "spaced"), forms):
            wanted = [one_by_one(*(float(x) for x in values)) for values in zip(*arrays)]
            if not same(vectors(*arrays), wanted):
                failed.append([n, form])
    return failed
"""
UNARY = {
    "np.floor": "lambda x: x if math.isnan(x) or math.isinf(x) else math.copysign(math.floor(x), x)",
    "np.ceil": "lambda x: x if math.isnan(x) or math.isinf(x) else math.copysign(math.ceil(x), x)",
    "np.trunc": "lambda x: x if math.isnan(x) or math.isinf(x) else math.copysign(math.trunc(x), x)",
    "np.rint": "lambda x: x if math.isnan(x) or math.isinf(x) else math.copysign(round(x), x)",
    "np.absolute": "abs",
    "np.negative": "operator.neg",
    "np.square": "lambda x: x * x",
    "np.isnan": "math.isnan",
    "np.isfinite": "math.isfinite",
    "np.isinf": "math.isinf",
    "np.signbit": "lambda x: math.copysign(1, x) < 0",
    "np.logical_not": "operator.not_",
}
BINARY = {
    "np.maximum": "lambda x, y: x if x >= y or x != x else y",
    "np.minimum": "lambda x, y: x if x <= y or x != x else y",
    "np.fmax": "lambda x, y: x if x >= y or y != y else y",
    "np.fmin": "lambda x, y: x if x <= y or y != y else y",
    "np.add": "operator.add",
    "np.subtract": "operator.sub",
    "np.multiply": "operator.mul",
    "np.equal": "operator.eq",
    "np.not_equal": "operator.ne",
    "np.less": "operator.lt",
    "np.less_equal": "operator.le",
    "np.greater": "operator.gt",
    "np.greater_equal": "operator.ge",
    "np.logical_and": "lambda x, y: bool(x and y)",
    "np.logical_or": "lambda x, y: bool(x or y)",
    "np.logical_xor": "lambda x, y: bool(x) != bool(y)",
    "np.copysign": "math.copysign",
}


EXTREMA = ("np.maximum", "np.minimum", "np.fmax", "np.fmin")


@pytest.fixture(scope="module")
def compute(numpy_sandbox: Sandbox) -> Compute:
    return evaluator(numpy_sandbox, PREPARE)


@pytest.mark.parametrize("function", UNARY)
def test_one_operand(compute: Compute, function: str) -> None:
    assert compute(f"failures('float64', {function}, {UNARY[function]}, 1)") == []


@pytest.mark.parametrize("function", BINARY)
def test_two_operands(compute: Compute, function: str) -> None:
    """Zeros of both signs are equal: which of them is the maximum is nobody's business."""
    vectors, one_by_one = function, BINARY[function]
    if function in EXTREMA:
        vectors = f"lambda *xs: abs({function}(*xs))"
        one_by_one = f"lambda x, y: abs(({one_by_one})(x, y))"
    assert compute(f"failures('float64', {vectors}, {one_by_one}, 2)") == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["tanh", "sin", "cos", "exp", "log", "sqrt"])
def test_functions(compute: Compute, dtype: str, name: str) -> None:
    """Within four units in the last place of what Python's own gives, all over the range."""
    code = f"""
random = np.random.default_rng(3)
worst = 0
for n in (1, 3, 1001):
    sign = 1 if {name!r} in ("log", "sqrt") else random.choice([-1, 1], n)
    x = (np.exp(random.uniform(-12, 4, n)) * sign).astype({dtype!r})
    found = np.{name}(x)
    assert found.dtype == x.dtype
    wanted = np.array([math.{name}(float(one)) for one in x]).astype({dtype!r})
    worst = max(worst, np.max(np.abs(found - wanted) / np.spacing(np.abs(wanted))))
special = np.{name}(np.array([0.0, nan, inf], {dtype!r}))
[bool(worst <= 4), bool(np.isnan(special[1]))]"""
    assert compute(code) == [True, True]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_integers(compute: Compute, dtype: str) -> None:
    """Quotients by one number are multiplications; comparisons, maxima and where the first of them is."""
    code = f"""
failed = []
random = np.random.default_rng(4)
limits = np.iinfo({dtype!r})
for n in LENGTHS:
    a = random.integers(limits.min, limits.max, n, dtype={dtype!r}, endpoint=True)
    b = random.integers(limits.min, limits.max, n, dtype={dtype!r}, endpoint=True)
    a[::3] = limits.max if n % 2 else limits.min
    x, y = a.tolist(), b.tolist()
    divisors = [1, 2, 3, 7, 10, 100, limits.max] + ([-1, -2, -3, limits.min] if limits.min else [])
    for divisor in divisors:
        wanted = [(one // divisor - limits.min) % (limits.max - limits.min + 1) + limits.min for one in x]
        if (a // a.dtype.type(divisor)).tolist() != wanted:
            failed.append([n, divisor, "quotient"])
    found = [np.maximum(a, b).tolist() == [max(p) for p in zip(x, y)], a.min() == min(x), a.max() == max(x),
             np.minimum(a, b).tolist() == [min(p) for p in zip(x, y)], a.argmax() == x.index(max(x)),
             a.argmin() == x.index(min(x)), (a < b).tolist() == [p < q for p, q in zip(x, y)],
             (a == 7).tolist() == [p == 7 for p in x], (a >= b).tolist() == [p >= q for p, q in zip(x, y)]]
    failed += [[n, number] for number, right in enumerate(found) if not right]
failed"""
    assert compute(code) == []


def test_the_first_of_the_greatest(compute: Compute) -> None:
    code = """
failed = []
for dtype in ("float32", "float64"):
    for n in LENGTHS:
        for at in {0, n // 2, n - 1}:
            a = np.zeros(n, dtype)
            a[at] = 1
            b = a.copy()
            b[at:] = nan
            if (a.argmax(), (-a).argmin(), b.argmax(), b.argmin()) != (at, at, at, at):
                failed.append([dtype, n, at])
            if not (a.max() == 1 and np.isnan(b.max()) and np.isnan(b.min())):
                failed.append([dtype, n, at, "maximum"])
            if np.fmax.reduce(b, initial=-5) != (0 if at else -5):
                failed.append([dtype, n, at, "maximum of numbers"])
failed"""
    assert compute(code) == []


def test_bits(compute: Compute) -> None:
    code = """
failed = []
for n in (*LENGTHS, 1000):
    bits = np.random.default_rng(n).integers(0, 2, n).astype(bool)
    for order in ("big", "little"):
        packed = np.packbits(bits, bitorder=order)
        padded = bits.tolist() + [False] * (-n % 8)
        groups = [padded[i : i + 8] for i in range(0, len(padded), 8)]
        wanted = [int("".join("01"[b] for b in (g if order == "big" else g[::-1])), 2) for g in groups]
        back = np.unpackbits(packed, count=n, bitorder=order)
        if packed.tolist() != wanted or back.tolist() != bits.tolist():
            failed.append([n, order])
    if np.count_nonzero(bits) != sum(bits.tolist()) or bits.any() != (True in bits.tolist()):
        failed.append(n)
failed"""
    assert compute(code) == []


def test_take(compute: Compute) -> None:
    code = """
failed = []
for dtype in ("int8", "float16", "float32", "float64", "complex128", "longdouble", "U5", "O"):
    a = np.arange(60).astype(dtype).reshape(5, 12)
    for mode, where in (("raise", [-1, 0, 3]), ("wrap", [-6, 5, 13]), ("clip", [-9, 3, 99])):
        inside = {"raise": lambda i: i, "wrap": lambda i: i % 5, "clip": lambda i: min(max(i, 0), 4)}[mode]
        kept = [inside(i) for i in where]
        if a.take(where, axis=0, mode=mode).tolist() != [a.tolist()[i] for i in kept]:
            failed.append([dtype, mode])
        if a[:, 0].take(where, mode=mode).tolist() != [a.tolist()[i][0] for i in kept]:
            failed.append([dtype, mode, "column"])
try:
    np.arange(5).take([5])
except IndexError as error:
    failed.append(str(error))
failed"""
    assert compute(code) == ["index 5 is out of bounds for axis 0 with size 5"]
