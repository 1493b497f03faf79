"""numpy: that it imports, computes the right numbers, prints them, and fails as it should."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from typing import Any

import pytest

from pywasm_sandbox import Execution, Sandbox

Run = Callable[[str], Execution]


def value(run: Run, code: str) -> Any:
    """What the last expression of `code` evaluates to, as JSON."""
    last = ast.parse(code).body[-1]
    assert isinstance(last, ast.Expr)
    lines = code.splitlines()
    before, expression = lines[: last.lineno - 1], ast.get_source_segment(code, last)
    execution = run("\n".join(["import json", *before, f"json.dumps({expression})"]))
    assert execution.text is not None
    return json.loads(execution.text)


def shown(run: Run, expression: str) -> str:
    """The text of the result of an expression."""
    text = run(expression).text
    assert text is not None
    return text


def test_version_and_where_it_is(run: Run) -> None:
    assert value(run, "[np.__version__, np.__file__]") == [
        "2.5.2",
        "/usr/lib/python3.14/site-packages/numpy/__init__.py",
    ]


def test_its_metadata_and_licences_are_there(run: Run) -> None:
    found = value(
        run,
        """
from importlib.metadata import distribution
wheel = distribution("numpy")
licences = sorted(path.name for path in wheel.files if "licenses" in path.parts)
tag = wheel.read_text("WHEEL").splitlines()[-1]
[wheel.version, "LICENSE.txt" in licences, "openblas.txt" in licences, tag]
""",
    )
    assert found == ["2.5.2", True, True, "Tag: cp314-cp314-wasi_wasm32"]


def test_import_without_an_image(numpy_sandbox: Sandbox) -> None:
    with Sandbox(preload=[]) as sandbox:
        execution = sandbox.run_code("import numpy as np\nnp.arange(5).sum().item()")
    assert execution.error is None
    assert execution.text == "10"
    assert execution.logs.stderr == []


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("np.arange(6).reshape(2, 3)", "array([[0, 1, 2],\n       [3, 4, 5]])"),
        ("np.array([0.1, 1e300, np.nan, -np.inf])", "array([1.e-001, 1.e+300,     nan,    -inf])"),
        ("np.float32(0.1)", "np.float32(0.1)"),
        ("np.longdouble(1) / 3", "np.longdouble('0.3333333333333333333333333333333333')"),
        ("np.array([1 + 2j])", "array([1.+2.j])"),
        ("np.array(['a', 'bc'])", "array(['a', 'bc'], dtype='<U2')"),
        ("np.array([True, False])", "array([ True, False])"),
        ("np.dtype([('a', 'f4'), ('b', 'U3')])", "dtype([('a', '<f4'), ('b', '<U3')])"),
        ("np.datetime64('2024-02-29') + 1", "np.datetime64('2024-03-01')"),
        ("np.array(['x', 'yy'], dtype=np.dtypes.StringDType())", "array(['x', 'yy'], dtype=StringDType())"),
        ("np.ma.array([1, 2], mask=[0, 1])", "masked_array(data=[1, --],\n             mask=[False,  True],\n"
         "       fill_value=999999)"),
    ],
)  # fmt: skip
def test_how_values_print(run: Run, expression: str, text: str) -> None:
    assert shown(run, expression) == text


def test_integers_are_those_of_a_32_bit_platform(run: Run) -> None:
    assert value(run, "[str(np.arange(3).dtype), np.dtype(np.intp).itemsize, np.dtype('long').itemsize]") == [
        "int32",
        4,
        4,
    ]


SHAPES = [(1, 1, 1), (2, 3, 4), (5, 7, 3), (64, 64, 64), (130, 257, 61), (3, 300, 200)]


@pytest.mark.parametrize("kind", ["float32", "float64", "complex64", "complex128"])
def test_products_of_matrices_equal_those_of_integers(run: Run, kind: str) -> None:
    """Integers have no BLAS. All the products' terms are exact in these types."""
    wrong = value(
        run,
        f"""
random = np.random.default_rng(1)
wrong = []
for m, k, n in {SHAPES!r}:
    a, b = random.integers(-50, 50, (m, k)), random.integers(-50, 50, (k, n))
    x, y = a.astype({kind!r}), b.astype({kind!r})
    pairs = {{
        "product": (x @ y, a @ b),
        "transposed": (y.T @ x.T, b.T @ a.T),
        "copy of a transposed one": (np.asfortranarray(x) @ y, a @ b),
        "with itself": (x @ x.T, a @ a.T),
        "reversed": (x[::-1, ::-1] @ y[::-1], a[::-1, ::-1] @ b[::-1]),
        "every second": (x[::2] @ y[:, ::2], a[::2] @ b[:, ::2]),
        "by a vector": (x @ y[:, 0], a @ b[:, 0]),
        "vector by": (x[0] @ y, a[0] @ b),
        "of vectors": (x[0] @ y[:, 0], a[0] @ b[:, 0]),
    }}
    wrong += [[m, k, n, name] for name, (got, want) in pairs.items() if not np.array_equal(got, want)]
wrong
""",
    )
    assert wrong == []


def test_products_of_complex_numbers(run: Run) -> None:
    wrong = value(
        run,
        """
random = np.random.default_rng(2)
wrong = []
for m, k, n in [(3, 4, 5), (65, 33, 17)]:
    ar, ai = random.integers(-9, 9, (2, m, k))
    br, bi = random.integers(-9, 9, (2, k, n))
    got = (ar + 1j * ai) @ (br + 1j * bi)
    wrong += [] if np.array_equal(got, (ar @ br - ai @ bi) + 1j * (ar @ bi + ai @ br)) else [[m, k, n]]
    x = ar[0] + 1j * ai[0]
    wrong += [] if np.vdot(x, x) == (ar[0] ** 2 + ai[0] ** 2).sum() else [["vdot", m]]
wrong
""",
    )
    assert wrong == []


def test_linear_algebra(run: Run) -> None:
    assert value(run, "np.linalg.inv(np.array([[2.0, 0], [0, 4]])).tolist()") == [[0.5, 0], [0, 0.25]]
    assert value(run, "np.linalg.solve(np.array([[0.0, 2], [1, 0]]), [4, 3]).tolist()") == [3, 2]
    assert value(run, "np.linalg.eigvalsh(np.diag([3.0, 1, 2])).tolist()") == [1, 2, 3]
    assert value(run, "np.linalg.cholesky(np.array([[4.0, 2], [2, 5]])).tolist()") == [[2, 0], [1, 2]]
    assert value(run, "np.linalg.matrix_rank(np.ones((4, 4))).item()") == 1
    assert value(run, "np.linalg.norm([3.0, 4]).item()") == 5


def test_decompositions_give_the_matrix_back(run: Run) -> None:
    errors = value(
        run,
        """
a = np.random.default_rng(3).normal(size=(60, 40))
s = a.T @ a
u, d, v = np.linalg.svd(a, full_matrices=False)
q, r = np.linalg.qr(a)
w, e = np.linalg.eigh(s)
l = np.linalg.cholesky(s)
g, h = np.linalg.eig(s[:9, 9:18])
x = np.linalg.lstsq(a, a @ np.arange(40.0))[0]
pairs = [(u * d @ v, a), (q @ r, a), (e * w @ e.T, s), (l @ l.T, s), (s @ np.linalg.inv(s), np.eye(40)),
         (h * g @ np.linalg.inv(h), s[:9, 9:18]), (x, np.arange(40.0)), (np.linalg.pinv(a) @ a, np.eye(40))]
[bool(np.allclose(got, want, atol=1e-10)) for got, want in pairs]
""",
    )
    assert errors == [True] * 8


def test_singular_matrix(run: Run) -> None:
    text = value(
        run,
        """
try:
    text = np.linalg.inv(np.zeros((2, 2))).tolist()
except np.linalg.LinAlgError as error:
    text = str(error)
text
""",
    )
    assert text == "Singular matrix"


def test_fourier_transforms(run: Run) -> None:
    assert value(run, "np.fft.fft([1, 0, 0, 0]).real.tolist()") == [1, 1, 1, 1]
    assert value(run, "np.fft.rfft([1, 2, 3, 4]).view(float).tolist()") == [10, 0, -2, 2, -2, 0]
    back = value(
        run,
        """
x = np.random.default_rng(4).normal(size=(3, 1001))
[bool(np.allclose(np.fft.ifft2(np.fft.fft2(x)), x)), bool(np.allclose(np.fft.irfft(np.fft.rfft(x), 1001), x))]
""",
    )
    assert back == [True, True]


@pytest.mark.parametrize(
    "kind",
    ["int8", "uint16", "int32", "int64", "float16", "float32", "float64", "complex128", "U3", "object"],
)
def test_sorting_is_as_python_sorts(run: Run, kind: str) -> None:
    same = value(
        run,
        f"""
x = np.random.default_rng(5).integers(0, 100, 5000).astype({kind!r})
key = (lambda z: (z.real, z.imag)) if x.dtype.kind == "c" else None
want = sorted(x.tolist(), key=key)
[np.sort(x, kind=how).tolist() == want for how in ("quicksort", "stable", "heapsort")] + [
    x[np.argsort(x)].tolist() == want,
    np.unique(x).tolist() == sorted(set(want), key=key),
    x[np.argpartition(x, 77)][77].item() == want[77] if x.dtype.kind not in "UO" else True,
]
""",
    )
    assert same == [True] * 6


def test_random_streams_are_numpys(run: Run) -> None:
    generator = "np.random.default_rng(42)"
    assert value(run, f"{generator}.integers(0, 100, 5).tolist()") == [8, 77, 65, 43, 43]
    assert value(run, f"{generator}.normal(size=3).round(8).tolist()") == [0.30471708, -1.03998411, 0.7504512]
    assert value(run, "np.random.RandomState(0).rand(2).round(8).tolist()") == [0.5488135, 0.71518937]
    assert value(run, "[np.random.seed(0), np.random.multinomial(10, [0.2, 0.8]).tolist()][1]") == [2, 8]


def test_copies_of_an_interpreter_draw_different_numbers(numpy_sandbox: Sandbox) -> None:
    code = "import numpy as np\n[np.random.rand(), np.random.default_rng().random()]"
    drawn: list[float] = []
    for _ in range(3):
        context = numpy_sandbox.create_code_context()
        result = numpy_sandbox.run_code(code, context=context).results[0]
        drawn += result.json
        context.delete()
    assert len(set(drawn)) == 6


def test_an_array_is_in_a_fork(numpy_sandbox: Sandbox) -> None:
    context = numpy_sandbox.create_code_context()
    numpy_sandbox.run_code("import numpy as np\nx = np.arange(1000.0)", context=context)
    twin = context.fork()
    numpy_sandbox.run_code("x[:] = 0", context=context)
    assert numpy_sandbox.run_code("(x @ x).item()", context=twin).text == "332833500.0"
    assert numpy_sandbox.run_code("(x @ x).item()", context=context).text == "0.0"
    for each in (context, twin):
        each.delete()


def test_files(run: Run) -> None:
    assert value(
        run,
        """
import io
np.save("/tmp/a.npy", np.eye(2))
np.savez_compressed("/tmp/a.npz", x=np.arange(3), y=np.array(["a"]))
np.savetxt("/tmp/a.csv", np.arange(4).reshape(2, 2), delimiter=",", fmt="%d")
np.arange(3, dtype="<f8").tofile("/tmp/a.bin")
with np.load("/tmp/a.npz") as archive:
    parts = {name: archive[name].tolist() for name in archive}
[np.load("/tmp/a.npy").tolist(), parts, open("/tmp/a.csv").read(),
 np.loadtxt("/tmp/a.csv", delimiter=",").tolist(), np.fromfile("/tmp/a.bin").tolist(),
 np.genfromtxt(io.StringIO("1,x\\n3,4"), delimiter=",").tolist()[1],
 np.memmap("/tmp/a.bin", mode="r").tolist()[-2:]]
""",
    ) == [
        [[1, 0], [0, 1]],
        {"x": [0, 1, 2], "y": ["a"]},
        "0,1\n2,3\n",
        [[0, 1], [2, 3]],
        [0, 1, 2],
        [3, 4],
        [0, 64],
    ]


def test_too_large_an_array_is_a_memory_error(numpy_sandbox: Sandbox) -> None:
    context = numpy_sandbox.create_code_context()
    code = "import numpy as np\nx = 5\nnp.ones((16_000, 16_000))"
    error = numpy_sandbox.run_code(code, context=context).error
    assert error is not None
    assert error.name == "MemoryError"
    assert error.message == (
        "Unable to allocate 1.91 GiB for an array with shape (16000, 16000) and data type float64"
    )
    assert numpy_sandbox.run_code("x", context=context).text == "5"
    context.delete()


def test_a_loop_of_operations_can_be_stopped(numpy_sandbox: Sandbox) -> None:
    context = numpy_sandbox.create_code_context()
    code = "import numpy as np\nx = np.ones(100_000)\nwhile True:\n    np.sort(x) + x"
    execution = numpy_sandbox.run_code(code, context=context, timeout=0.5)
    assert execution.error is not None
    assert (execution.error.name, execution.context_state) == ("ExecutionTimeout", "kept")
    assert numpy_sandbox.run_code("x.sum().item()", context=context).text == "100000.0"
    context.delete()


def test_division_by_zero_has_a_value_and_no_warning(run: Run) -> None:
    """WebAssembly has no floating-point flags, which is where numpy's warnings come from."""
    execution = run("np.array([1.0, -1, 0]) / 0")
    assert execution.text == "array([ inf, -inf,  nan])"
    assert execution.logs.stderr == []


def test_division_of_integers_by_zero_warns(run: Run) -> None:
    """This flag numpy sets itself."""
    execution = run("(np.array([1, 2]) // 0).tolist()")
    assert execution.text == "[0, 0]"
    assert "".join(execution.logs.stderr).splitlines()[0] == (
        "<cell 1>:2: RuntimeWarning: divide by zero encountered in floor_divide"
    )
    raised = value(
        run,
        """
try:
    with np.errstate(all="raise"):
        text = np.array([1]) // 0
except FloatingPointError as error:
    text = str(error)
text
""",
    )
    assert raised == "divide by zero encountered in floor_divide"


def test_an_open_file_goes_on_where_numpy_stopped(run: Run) -> None:
    assert value(
        run,
        """
with open("/tmp/mixed", "w+b") as file:
    file.write(b"head")
    np.arange(3, dtype="<i4").tofile(file)
    file.write(b"tail")
    size = file.tell()
    file.seek(4)
    numbers = np.fromfile(file, "<i4", 3).tolist()
    rest = file.read().decode()
[size, numbers, rest, open("/tmp/mixed", "rb").read().hex()]
""",
    ) == [20, [0, 1, 2], "tail", b"head".hex() + "000000000100000002000000" + b"tail".hex()]
    assert value(
        run,
        """
np.array([1.5, 2.5]).tofile("/tmp/text", sep=" ")
[open("/tmp/text").read(), np.fromfile("/tmp/text", sep=" ").tolist()]
""",
    ) == ["1.5 2.5", [1.5, 2.5]]


def test_functions_that_natively_get_away_with_a_wrong_type(run: Run) -> None:
    """WebAssembly checks the type of a function at a call through a pointer."""
    assert value(
        run,
        """
import copy, sys
a = np.arange(4.0)
a.dtype = "i8"
try:
    del a.dtype
except AttributeError as error:
    text = str(error)
[a.tolist()[:2], text, copy.copy(np.float64(1)).item(), sys.getsizeof(np.float64(1)) > 0,
 np.full(2, np.timedelta64(1, "D")).astype(int).tolist()]
""",
    ) == [[0, 4607182418800017408], "Cannot delete array dtype", 1.0, True, [1, 1]]


def test_polynomials_einsum_and_masked_arrays(run: Run) -> None:
    assert value(run, "np.polyfit([0, 1, 2], [1, 3, 5], 1).round(12).tolist()") == [2, 1]
    assert value(run, "np.einsum('ij,jk->ik', np.eye(2), np.full((2, 2), 3)).tolist()") == [[3, 3], [3, 3]]
    assert value(run, "np.ma.array([1, 2, 3], mask=[0, 1, 0]).mean().item()") == 2
    assert value(run, "np.polynomial.Polynomial([6, -5, 1]).roots().round(12).tolist()") == [2, 3]
    assert value(run, "np.busday_count('2024-01-01', '2024-02-01').item()") == 23
    assert value(run, "np.char.upper(['a', 'b']).tolist()") == ["A", "B"]


def test_its_own_assertions_fail_when_they_should(run: Run) -> None:
    assert (
        value(
            run,
            """
np.testing.assert_allclose([1.0], [1.0 + 1e-9])
try:
    np.testing.assert_allclose([1.0], [1.1])
    text = ""
except AssertionError as error:
    text = str(error).strip().splitlines()[0]
text
""",
        )
        == "Not equal to tolerance rtol=1e-07, atol=0"
    )


@pytest.mark.parametrize("n", [1, 3, 4, 7, 8, 13, 33, 130])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_matrices_of_every_shape_multiply_right(run: Run, n: int, dtype: str) -> None:
    """Whole numbers, so exactly: OpenBLAS' blocks and what is left at their edges, transposed or not."""
    assert value(
        run,
        f"""
rng = np.random.default_rng({n})
wrong = []
for m in (1, 2, 5, 9, 34):
    for k in (1, 3, 8, 300):
        a, b = (rng.integers(-8, 8, shape).astype("int64") for shape in (({n}, k), (k, m)))
        want = np.einsum("ik,kj->ij", a, b)
        x, y = a.astype("{dtype}"), b.astype("{dtype}")
        for left in (x, np.asfortranarray(x)):
            for right in (y, np.asfortranarray(y)):
                if (left @ right != want).any(): wrong.append((m, k))
        if (x @ x.T != np.einsum("ik,jk->ij", a, a)).any(): wrong.append((m, k, "syrk"))
wrong
""",
    ) == []  # fmt: skip


def test_python_numbers_and_booleans_meet(run: Run) -> None:
    """Their common type comes from tables of the extension module's own, also in a clone."""
    expression = "[(1 + np.bool(True)).item(), str(np.result_type(1.0, np.bool)), (2 * np.True_).item()]"
    assert value(run, expression) == [2, "float64", 2]


def test_functions_that_upstream_types_wrongly(run: Run) -> None:
    """A function with fewer parameters than its caller passes would be a trap."""
    assert value(
        run,
        """
import copy
from numpy._core._multiarray_umath import _get_castingimpl
a = np.zeros(2, dtype="f4")
a.dtype = "i4"
method = _get_castingimpl(type(np.dtype("d")), type(np.dtype("f")))
[a.dtype.name, copy.copy(np.float64(2)).item(), type(method).__name__, np.linalg.norm([3, 4]).item()]
""",
    ) == ["int32", 2.0, "_BoundArrayMethod", 5.0]
