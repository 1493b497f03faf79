"""pandas: files, tables, groups, times, and how tables show themselves."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pywasm_sandbox import Execution, Sandbox

Run = Callable[[str], Execution]


@pytest.fixture
def run(pandas_sandbox: Sandbox) -> Iterator[Run]:
    """Run code in a context of its own; an error of the code fails the test."""
    context = pandas_sandbox.create_code_context()

    def run_code(code: str) -> Execution:
        execution = pandas_sandbox.run_code("import pandas as pd, numpy as np\n" + code, context=context)
        assert execution.error is None, "\n".join(execution.error.traceback)
        return execution

    yield run_code
    context.delete()


def value(run: Run, code: str) -> Any:
    """What the last expression of `code` evaluates to, as JSON."""
    last = ast.parse(code).body[-1]
    assert isinstance(last, ast.Expr)
    before, expression = code.splitlines()[: last.lineno - 1], ast.get_source_segment(code, last)
    execution = run("\n".join(["import json", *before, f"json.dumps({expression})"]))
    assert execution.text is not None
    return json.loads(execution.text)


def test_versions(run: Run) -> None:
    assert value(run, "[pd.__version__, __import__('dateutil').__version__]") == ["3.0.6", "2.9.0.post0"]


def test_a_table_shows_itself(run: Run) -> None:
    execution = run("pd.DataFrame({'a': [1, 2], 'b': ['x', None]})")
    result = execution.results[0]
    assert result.text == "   a    b\n0  1    x\n1  2  NaN"
    assert result.html is not None
    assert "<td>x</td>" in result.html
    assert "<td>NaN</td>" in result.html
    assert execution.logs.stderr == []


def test_a_series_and_a_style(run: Run) -> None:
    assert run("pd.Series([1.5, 2], index=['p', 'q'])").text == "p    1.5\nq    2.0\ndtype: float64"


def test_files_of_the_host(pandas_sandbox: Sandbox, run: Run) -> None:
    pandas_sandbox.write_file(
        "/workspace/sales.csv", "day,item,n\n2024-01-01,a,3\n2024-01-02,b,4\n2024-01-02,a,5\n"
    )
    assert value(
        run,
        """
df = pd.read_csv("/workspace/sales.csv", parse_dates=["day"])
df["double"] = df["n"].apply(lambda n: n * 2)
df.to_json("/workspace/out.json", orient="records", date_format="iso")
[df.groupby("item")["n"].sum().to_dict(), int(df["n"].idxmax()), df["n"].describe()["mean"].item(),
 str(df["day"].dt.month_name().unique()[0])]
""",
    ) == [{"a": 8, "b": 4}, 2, 4.0, "January"]
    written = json.loads(pandas_sandbox.read_file("/workspace/out.json").content)
    assert [row["double"] for row in written] == [6, 8, 10]


def test_a_missing_file(pandas_sandbox: Sandbox) -> None:
    error = pandas_sandbox.run_code("import pandas as pd\npd.read_csv('/workspace/none.csv')").error
    assert error is not None
    assert (error.name, error.line_number) == ("FileNotFoundError", 2)
    assert "/workspace/none.csv" in error.message


def test_tables_meet(run: Run) -> None:
    assert value(
        run,
        """
a = pd.DataFrame({"k": [1, 2, 3], "x": [1.0, 2.0, 3.0]})
b = pd.DataFrame({"k": [2, 3, 4], "y": ["p", "q", "r"]})
outer = a.merge(b, how="outer", on="k")
wide = pd.DataFrame({"r": [0, 0, 1], "c": [0, 1, 0], "v": [1, 2, 3]})
wide = wide.pivot(index="r", columns="c", values="v")
[outer.to_dict("list")["k"], outer["y"].isna().tolist(), wide.fillna(-1).values.tolist(),
 pd.concat([a, a])["x"].rolling(2).mean().dropna().tolist(),
 a.sort_values("x", ascending=False)["k"].tolist()]
""",
    ) == [[1, 2, 3, 4], [True, False, False, False], [[1, 2], [3, -1]], [1.5, 2.5, 2.0, 1.5, 2.5], [3, 2, 1]]


def test_times_and_zones(run: Run) -> None:
    assert value(
        run,
        """
days = pd.date_range("2024-02-28", periods=3, freq="D", tz="Europe/Berlin")
s = pd.Series(range(6), index=pd.date_range("2024-01-31", periods=6, freq="12h"))
[[str(day) for day in days.tz_convert("America/New_York")], s.resample("D").sum().tolist(),
 str(pd.Timestamp("2024-03-31 01:30", tz="Europe/Berlin") + pd.Timedelta("1h")),
 str(pd.to_datetime("3 May 2024")), str(pd.Period("2024Q1") + 1)]
""",
    ) == [
        ["2024-02-27 18:00:00-05:00", "2024-02-28 18:00:00-05:00", "2024-02-29 18:00:00-05:00"],
        [1, 5, 9],
        "2024-03-31 03:30:00+02:00",
        "2024-05-03 00:00:00",
        "2024Q2",
    ]


def test_text_categories_and_missing_values(run: Run) -> None:
    assert value(
        run,
        """
s = pd.Series(["Ann Lee", None, "bob"])
[s.str.upper().fillna("-").tolist(), s.str.contains("b", na=False).tolist(),
 pd.Series(["a", "b", "a"], dtype="category").cat.codes.tolist(),
 pd.array([1, None], dtype="Int64").sum().item(),
 pd.cut([1, 5, 9], [0, 3, 10], labels=["low", "high"]).tolist(),
 pd.factorize(np.array(["x", "y", "x"]))[0].tolist(),
 pd.DataFrame({"a": [1, 2], "b": [3, 4]}).query("a > 1").eval("a + b").tolist()]
""",
    ) == [
        ["ANN LEE", "-", "BOB"],
        [False, False, True],
        [0, 1, 0],
        1,
        ["low", "high", "high"],
        [0, 1, 0],
        [6],
    ]


def test_a_table_is_in_a_fork(pandas_sandbox: Sandbox) -> None:
    context = pandas_sandbox.create_code_context()
    pandas_sandbox.run_code("import pandas as pd\ndf = pd.DataFrame({'a': range(1000)})", context=context)
    twin = context.fork()
    pandas_sandbox.run_code("df['a'] = 0", context=context)
    assert pandas_sandbox.run_code("df['a'].sum().item()", context=twin).text == "499500"
    assert pandas_sandbox.run_code("df['a'].sum().item()", context=context).text == "0"
    for each in (context, twin):
        each.delete()


@pytest.mark.parametrize("zone", ["US/Pacific", "Asia/Singapore"])
def test_zones_of_dateutil(run: Run, zone: str) -> None:
    """pandas reads the insides of these, so it matters which version of dateutil there is."""
    offset = f"str(pd.Timestamp('2016-01-01', tz='dateutil/{zone}').utcoffset())"
    assert value(run, f"[{offset}, str(pd.Timestamp('2016-01-01', tz='{zone}').utcoffset())]") == (
        [value(run, offset)] * 2
    )
    assert value(run, offset) == {"US/Pacific": "-1 day, 16:00:00", "Asia/Singapore": "8:00:00"}[zone]


@pytest.mark.parametrize("columns", [1, 2, 7, 40])
def test_rows_are_taken(run: Run, columns: int) -> None:
    """Long rows are copied as a whole, short ones number by number; what is missing is filled in."""
    code = f"""
failed = []
for dtype in ("int8", "int16", "int32", "int64", "float32", "float64", "bool", "object"):
    values = (np.arange(6 * {columns}) % 100).reshape(6, {columns}).astype(dtype)
    rows = values.tolist()
    turned = pd.DataFrame(np.asfortranarray(values))
    for frame in (pd.DataFrame(values), turned, turned[::-1][::-1]):
        if frame.take([5, 0, 0, 3]).values.tolist() != [rows[i] for i in (5, 0, 0, 3)]:
            failed.append([dtype, "take"])
        if frame.reindex([4, 9, 1], fill_value=1).values.tolist() != [rows[4], [1] * {columns}, rows[1]]:
            failed.append([dtype, "reindex"])
        missing = frame.reindex([4, 9, 1])
        kept = missing.iloc[[0, 2]].astype(dtype).values.tolist()
        if kept != [rows[4], rows[1]] or not missing.iloc[1].isna().all():
            failed.append([dtype, "missing"])
failed"""
    assert value(run, code) == []
