"""What the quick starts of code interpreters show, word for word, and what the results hold."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator

import pytest

from pywasm_sandbox import Execution, Result, Sandbox
from tests.science.conftest import has_wheel

Need = Callable[..., Sandbox]


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def need(shared: Sandbox) -> Need:
    """The sandbox, if this installation ships these packages."""

    def need(*names: str) -> Sandbox:
        missing = [name for name in names if not has_wheel(name)]
        if missing:
            pytest.skip(f"not among this installation's assets: {', '.join(missing)}")
        return shared

    return need


def run(sandbox: Sandbox, code: str) -> Execution:
    execution = sandbox.run_code(code, timeout=120)
    assert execution.error is None, "\n".join(execution.error.traceback)
    assert execution.logs.stderr == []
    return execution


def png_size(result: Result) -> tuple[int, int]:
    data = result.image_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def test_a_sine_is_saved_and_shown(need: Need) -> None:
    sandbox = need("matplotlib", "numpy")
    execution = run(
        sandbox,
        """
import matplotlib.pyplot as plt
import numpy as np

x = np.linspace(0, 10, 100)
print("before")
plt.plot(x, np.sin(x))
plt.title("Sine Wave")
plt.savefig("/workspace/plot.png")
plt.show()
print("after")
""",
    )
    assert execution.logs.stdout == ["before\n", "after\n"]
    (result,) = execution.results
    assert result.text == "<Figure size 640x480 with 1 Axes>"
    assert not result.is_main_result
    assert result.html is None
    width, height = png_size(result)
    assert 500 < width < 640
    assert 400 < height < 480
    saved = sandbox.read_file("/workspace/plot.png", encoding=None).content
    assert isinstance(saved, bytes)
    assert struct.unpack(">II", saved[16:24]) == (640, 480)


def test_a_figure_with_two_curves(need: Need) -> None:
    sandbox = need("matplotlib", "numpy")
    execution = run(
        sandbox,
        """
import numpy as np
import matplotlib.pyplot as plt
x = np.linspace(0, 2 * np.pi, 200)
plt.figure(figsize=(10, 6))
plt.plot(x, np.sin(x), "b-", label="sin(x)")
plt.plot(x, np.cos(x), "r--", label="cos(x)")
plt.xlabel("x")
plt.legend()
plt.grid(True, alpha=0.3)
plt.savefig("/workspace/two.png", dpi=150, bbox_inches="tight")
plt.show()
""",
    )
    (result,) = execution.results
    width, _ = png_size(result)
    assert 800 < width < 1000
    saved = sandbox.read_file("/workspace/two.png", encoding=None).content
    assert isinstance(saved, bytes)
    assert struct.unpack(">II", saved[16:24])[0] == pytest.approx(1.5 * width, abs=3)


def test_figures_left_open_are_shown_once(need: Need) -> None:
    sandbox = need("matplotlib")
    execution = run(sandbox, "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2]);")
    assert [result.text for result in execution.results] == ["<Figure size 640x480 with 1 Axes>"]
    assert run(sandbox, "1").text == "1"
    execution = run(sandbox, "fig, ax = plt.subplots()\nax.plot([1, 2])\nfig")
    assert [result.is_main_result for result in execution.results] == [True]
    assert run(sandbox, "plt.get_fignums()").text == "[]"
    assert run(sandbox, "plt.figure(); plt.show()").results == []


def test_agg_shows_and_formats_are_chosen(need: Need) -> None:
    sandbox = need("matplotlib")
    execution = run(
        sandbox,
        """
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
from IPython.display import set_matplotlib_formats
set_matplotlib_formats("svg")
plt.figure(figsize=(2, 1), dpi=50)
plt.plot([1, 2])
plt.show()
set_matplotlib_formats("png")
""",
    )
    (result,) = execution.results
    assert result.svg is not None
    assert "<svg" in result.svg
    assert result.png is None


def test_charts_are_described(need: Need) -> None:
    sandbox = need("matplotlib", "e2b-charts")
    execution = run(
        sandbox,
        """
import matplotlib.pyplot as plt
plt.bar(["a", "b"], [1, 2])
plt.title("Sales")
plt.ylabel("Money (EUR)")
plt.show()
""",
    )
    assert execution.results[0].chart == {
        "type": "bar",
        "title": "Sales",
        "elements": [
            {"label": "a", "group": "Group 0", "value": 1.0},
            {"label": "b", "group": "Group 0", "value": 2.0},
        ],
        "x_label": None,
        "y_label": "Money (EUR)",
        "x_unit": None,
        "y_unit": "EUR",
    }


def test_tables(need: Need) -> None:
    sandbox = need("pandas", "jinja2", "markupsafe")
    execution = run(
        sandbox,
        """
import pandas as pd
df = pd.DataFrame({"n": [1, 2], "s": ["x", None], "t": pd.to_datetime(["2024-01-01", None])})
df
""",
    )
    (result,) = execution.results
    assert result.html is not None
    assert "<table" in result.html
    assert result.text is not None
    assert result.text.splitlines()[0].split() == ["n", "s", "t"]
    assert result.data == {"n": [1, 2], "s": ["x", None], "t": ["2024-01-01T00:00:00", None]}
    series = run(sandbox, "df['n']").results[0]
    assert series.data == {"n": [1, 2]}
    assert series.html is not None
    styled = run(sandbox, "df.style.highlight_max(subset='n')").results[0]
    assert styled.html is not None
    assert "background-color: yellow" in styled.html


def test_a_list_and_json_text(need: Need) -> None:
    sandbox = need()
    assert run(sandbox, "[x ** 2 for x in range(5)]").results[0].json == [0, 1, 4, 9, 16]
    text = run(sandbox, 'import json\njson.dumps({"total": 6, "items": [1, 2, 3]})').text
    assert text is not None
    assert json.loads(text) == {"total": 6, "items": [1, 2, 3]}


def test_describe_idxmax_and_a_table_of_profits(need: Need) -> None:
    sandbox = need("pandas")
    execution = run(
        sandbox,
        """
import pandas as pd
df = pd.DataFrame({
    "month": ["Jan", "Feb", "Mar"], "sales": [10000, 12000, 15000], "expenses": [7000, 8000, 9000],
})
df["profit"] = df["sales"] - df["expenses"]
print(df["sales"].describe()["mean"].round(2))
print(df.loc[df["profit"].idxmax(), "month"])
print(df[["month", "profit"]].to_string(index=False))
""",
    )
    assert "".join(execution.logs.stdout) == (
        "12333.33\nMar\nmonth  profit\n  Jan    3000\n  Feb    4000\n  Mar    6000\n"
    )


def test_linear_regression(need: Need) -> None:
    sandbox = need("scikit-learn", "scipy", "numpy")
    execution = run(
        sandbox,
        """
from sklearn.linear_model import LinearRegression
import numpy as np
X = np.array([[1], [2], [3], [4], [5]])
y = np.array([2, 4, 6, 8, 10])
model = LinearRegression().fit(X, y)
print(model.predict([[6]]).round(6), round(model.score(X, y), 6))
""",
    )
    assert execution.logs.stdout == ["[12.] 1.0\n"]


def test_files_go_in_and_come_out(need: Need) -> None:
    sandbox = need("pandas")
    sandbox.write_file("/workspace/data.csv", "name,value\na,1\nb,2\n")
    run(
        sandbox,
        """
import pandas as pd
df = pd.read_csv("/workspace/data.csv")
df["double"] = df["value"].apply(lambda value: value * 2)
df.to_json("/workspace/output.json", orient="records")
""",
    )
    content = sandbox.read_file("/workspace/output.json").content
    assert json.loads(content) == [
        {"name": "a", "value": 1, "double": 2},
        {"name": "b", "value": 2, "double": 4},
    ]


def test_a_missing_file(need: Need) -> None:
    sandbox = need("pandas")
    error = sandbox.run_code('import pandas as pd\npd.read_csv("missing.csv")').error
    assert error is not None
    assert error.name == "FileNotFoundError"
    assert error.message == "[Errno 44] No such file or directory: 'missing.csv'"
    assert error.line_number == 2
    assert '    pd.read_csv("missing.csv")' in "\n".join(error.traceback)


def test_other_packages(need: Need) -> None:
    sandbox = need("pillow", "sympy", "mpmath")
    (image,) = run(sandbox, "from PIL import Image\nImage.new('RGB', (3, 2))").results
    assert png_size(image) == (3, 2)
    (formula,) = run(sandbox, "from sympy import symbols\nx = symbols('x')\nx ** 2 / 2").results
    assert (formula.latex, formula.text) == ("$\\displaystyle \\frac{x^{2}}{2}$", "x**2/2")


def test_seaborn(need: Need) -> None:
    sandbox = need("seaborn", "pandas", "matplotlib")
    execution = run(
        sandbox,
        """
import pandas as pd
import seaborn as sns
table = pd.DataFrame({"day": ["Mon", "Mon", "Tue"], "tip": [1.0, 3.0, 4.0]})
axes = sns.barplot(table, x="day", y="tip", errorbar=None)
print([bar.get_height() for bar in axes.patches])
""",
    )
    assert execution.logs.stdout == ["[np.float64(2.0), np.float64(4.0)]\n"]
    assert [result.text for result in execution.results] == ["<Figure size 640x480 with 1 Axes>"]


def test_plotly(need: Need) -> None:
    sandbox = need("plotly", "narwhals", "packaging")
    code = "import plotly.graph_objects as go\nfig = go.Figure(go.Bar(x=['a'], y=[1]))\nfig.show()\nfig"
    for result in run(sandbox, code).results:
        assert result.extra["application/vnd.plotly.v1+json"]["data"] == [
            {"type": "bar", "x": ["a"], "y": [1]}
        ]
        assert result.html is not None
        assert "cdn.plot.ly" in result.html
