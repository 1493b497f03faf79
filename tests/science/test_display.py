"""What libraries show: figures in the formats asked for, charts as data, formulas, specifications."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pywasm_sandbox import Execution, Sandbox
from tests.science.conftest import has_wheel

Run = Callable[[str], Execution]

NEEDED = ("matplotlib", "e2b-charts", "pandas", "pillow", "sympy")
PREAMBLE = "import matplotlib.pyplot as plt\n"
FIGURE = "plt.figure(figsize=(2, 1), dpi=50)\nplt.plot([1, 3, 2])\nplt.show()\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    missing = [name for name in NEEDED if not has_wheel(name)]
    if missing:
        pytest.skip(f"not among this installation's assets: {', '.join(missing)}")
    with Sandbox() as made:
        yield made


@pytest.fixture
def run(sandbox: Sandbox) -> Iterator[Run]:
    """Run code in a context of its own; an error of the code, or a warning, fails the test."""
    context = sandbox.create_code_context()

    def run_code(code: str) -> Execution:
        execution = sandbox.run_code(code, context=context, timeout=120)
        assert execution.error is None, "\n".join(execution.error.traceback)
        assert execution.logs.stderr == []
        return execution

    yield run_code
    context.delete()


def shown(execution: Execution) -> list[set[str]]:
    """Of each result, the kinds of image that it has."""
    return [
        {kind for kind in ("png", "svg", "jpeg", "pdf") if getattr(result, kind)}
        for result in execution.results
    ]


# ---- formats of figures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asking", "kinds"),
    [
        ("", {"png"}),
        ("%config InlineBackend.figure_formats = ['svg']", {"svg"}),
        ("%config InlineBackend.figure_formats = ['png', 'svg']", {"png", "svg"}),
        ("%config InlineBackend.figure_format = 'svg'", {"svg"}),
        ("%config InlineBackend.figure_format = 'jpeg'", {"jpeg"}),
        ("plt.rcParams['savefig.format'] = 'svg'", {"svg"}),
        ("import matplotlib\nmatplotlib.rc('savefig', format='svg')", {"svg"}),
        ("plt.rcParams['savefig.format'] = 'pdf'", {"png"}),
        ("plt.rcParams['savefig.format'] = 'svg'\n%config InlineBackend.figure_format = 'png'", {"png"}),
        (
            "import matplotlib_inline.backend_inline\n"
            "matplotlib_inline.backend_inline.set_matplotlib_formats('svg')",
            {"svg"},
        ),
    ],
)
def test_formats_that_are_asked_for(run: Run, asking: str, kinds: set[str]) -> None:
    run(PREAMBLE + asking)
    execution = run(FIGURE)
    assert shown(execution) == [kinds]
    assert shown(run(FIGURE)) == [kinds]
    if execution.results[0].svg:
        assert "<svg" in execution.results[0].svg


def test_a_format_that_can_not_be_shown(sandbox: Sandbox) -> None:
    error = sandbox.run_code("%config InlineBackend.figure_format = 'bmp'").error
    assert error is not None
    assert error.name == "ValueError"
    assert "svg" in error.message


def test_retina_is_off_until_it_is_asked_for(run: Run) -> None:
    sizes = []
    for asking in ("", "%config InlineBackend.figure_format = 'retina'"):
        run(PREAMBLE + "%config InlineBackend.print_figure_kwargs = {'bbox_inches': None}\n" + asking)
        (result,) = run(FIGURE).results
        sizes.append(struct.unpack(">II", result.image_bytes()[16:24]))
    assert sizes == [(100, 50), (200, 100)]


def test_figures_come_in_order_with_prints(sandbox: Sandbox) -> None:
    events: list[str] = []
    sandbox.run_code(
        f"{PREAMBLE}print('one')\n{FIGURE}print('two')\n{FIGURE}print('three')",
        on_stdout=events.append,
        on_result=lambda result: events.append(str(result.text)),
    )
    figure = "<Figure size 100x50 with 1 Axes>"
    assert events == ["one\n", figure, "two\n", figure, "three\n"]


# ---- charts as data --------------------------------------------------------------------------------------

LINES = """
plt.plot([1, 2, 3], [10, 100, 1000], label="growth")
plt.plot([1, 3], [5, 50])
plt.yscale("log")
plt.grid(True)
plt.xlabel("Day")
plt.ylabel("Size [kB]")
plt.title("Growth")
"""
SCATTER = """
plt.scatter([1, 2], [3, 4], label="a")
plt.scatter([5], [6.5], label="b")
"""
DATES = """
import datetime
plt.plot([datetime.date(2024, 1, day) for day in (1, 2, 3)], [1.0, 4.0, 9.0])
"""
PIE = """plt.pie([1, 3], labels=["one", "three"])"""
BOXES = """
plt.boxplot([[1, 2, 3, 4, 5, 20], [2, 4, 6]], patch_artist=True, tick_labels=["x", "y"])
"""
SEVERAL = """
fig, (left, right) = plt.subplots(1, 2)
fig.suptitle("Both")
left.plot([1, 2], [3, 5])
right.bar(["p", "q"], [7, 8])
"""


def chart(run: Run, code: str) -> dict[str, Any]:
    (result,) = run(PREAMBLE + code + "\nplt.show()").results
    assert result.png
    assert result.chart is not None
    return result.chart


def test_a_chart_of_lines_on_a_log_scale(run: Run) -> None:
    found = chart(run, LINES)
    assert (found["type"], found["title"]) == ("line", "Growth")
    assert (found["x_label"], found["y_label"]) == ("Day", "Size [kB]")
    assert (found["x_unit"], found["y_unit"]) == (None, "kB")
    assert (found["x_scale"], found["y_scale"]) == ("linear", "log")
    assert found["elements"] == [
        {"label": "growth", "points": [[1.0, 10.0], [2.0, 100.0], [3.0, 1000.0]]},
        {"label": "Line 1", "points": [[1.0, 5.0], [3.0, 50.0]]},
    ]
    assert len(found["y_ticks"]) == len(found["y_tick_labels"])


def test_a_chart_of_points(run: Run) -> None:
    found = chart(run, SCATTER)
    assert found["type"] == "scatter"
    assert found["elements"] == [
        {"label": "a", "points": [[1.0, 3.0], [2.0, 4.0]]},
        {"label": "b", "points": [[5.0, 6.5]]},
    ]


def test_a_chart_over_time(run: Run) -> None:
    found = chart(run, DATES)
    assert (found["type"], found["x_scale"]) == ("line", "datetime")
    assert found["elements"][0]["points"] == [["2024-01-01", 1.0], ["2024-01-02", 4.0], ["2024-01-03", 9.0]]
    assert "2024-01-02T00:00:00+00:00" in found["x_ticks"]


def test_a_chart_of_parts(run: Run) -> None:
    found = chart(run, PIE)
    assert found["type"] == "pie"
    assert found["elements"] == [
        {"label": "one", "angle": 90.0, "radius": 1.0},
        {"label": "three", "angle": 270.0, "radius": 1.0},
    ]


def test_a_chart_of_boxes(run: Run) -> None:
    found = chart(run, BOXES)
    assert found["type"] == "box_and_whisker"
    assert found["elements"] == [
        {
            "label": "x",
            "min": 1.0,
            "first_quartile": 2.25,
            "median": 3.5,
            "third_quartile": 4.75,
            "max": 5.0,
            "outliers": [20.0],
        },
        {
            "label": "y",
            "min": 2.0,
            "first_quartile": 3.0,
            "median": 4.0,
            "third_quartile": 5.0,
            "max": 6.0,
            "outliers": [],
        },
    ]


def test_a_chart_of_several_axes(run: Run) -> None:
    found = chart(run, SEVERAL)
    assert (found["type"], found["title"]) == ("superchart", "Both")
    assert [each["type"] for each in found["elements"]] == ["line", "bar"]
    assert found["elements"][0]["elements"][0]["points"] == [[1.0, 3.0], [2.0, 5.0]]
    assert [bar["value"] for bar in found["elements"][1]["elements"]] == [7.0, 8.0]


def test_a_plot_of_pandas_is_a_chart(run: Run) -> None:
    found = chart(run, "import pandas as pd\npd.DataFrame({'a': [1, 4], 'b': [2, 3]}).plot()")
    assert found["elements"] == [
        {"label": "a", "points": [[0.0, 1.0], [1.0, 4.0]]},
        {"label": "b", "points": [[0.0, 2.0], [1.0, 3.0]]},
    ]


def test_a_plot_of_a_kind_that_is_no_chart(run: Run) -> None:
    (result,) = run(PREAMBLE + "plt.imshow([[1, 2], [3, 4]])\nplt.show()").results
    assert result.png
    assert result.chart is not None
    assert result.chart["type"] == "unknown"


# ---- other libraries -------------------------------------------------------------------------------------


def test_a_specification_of_vega_passes_through(run: Run) -> None:
    """The way Altair shows a chart."""
    (result,) = run("""
class Chart:
    def _repr_mimebundle_(self, include=None, exclude=None):
        spec = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "mark": "bar", "width": 2}
        return {"application/vnd.vegalite.v5+json": spec, "text/plain": "<Chart>"}

Chart()
""").results
    assert result.text == "<Chart>"
    assert result.extra["application/vnd.vegalite.v5+json"] == {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "mark": "bar",
        "width": 2,
    }


def test_formulas_are_latex(run: Run) -> None:
    (result,) = run("import sympy\nx = sympy.Symbol('x')\nsympy.Integral(sympy.sqrt(1 / x), x)").results
    assert result.latex == "$\\displaystyle \\int \\sqrt{\\frac{1}{x}}\\, dx$"
    (matrix,) = run("sympy.Matrix([[1, x], [0, 1]])").results
    assert matrix.latex is not None
    assert "\\begin{matrix}1 & x\\\\0 & 1\\end{matrix}" in matrix.latex


def test_an_image_is_shown_as_png(run: Run) -> None:
    from PIL import Image

    (result,) = run("from PIL import Image\nImage.new('RGBA', (3, 2), (255, 0, 0, 128))").results
    image = Image.open(io.BytesIO(result.image_bytes()))
    assert (image.format, image.size, image.getpixel((1, 1))) == ("PNG", (3, 2), (255, 0, 0, 128))


def test_an_animation_is_shown(run: Run) -> None:
    (result,) = run(
        PREAMBLE
        + """
from IPython.display import Image
from matplotlib.animation import FuncAnimation
fig, ax = plt.subplots(figsize=(1, 1))
line, = ax.plot([], [])
ax.set(xlim=(0, 3), ylim=(0, 3))
def draw(frame):
    line.set_data([0, frame], [0, frame])
    return line,
FuncAnimation(fig, draw, frames=3).save("moving.gif", writer="pillow")
plt.close(fig)
Image("moving.gif")
"""
    ).results
    from PIL import Image

    moving = Image.open(io.BytesIO(base64.b64decode(result.formats["image/gif"])))
    assert (moving.format, getattr(moving, "n_frames", 1)) == ("GIF", 3)


def test_a_styled_table_is_html(run: Run) -> None:
    (result,) = run("""
import pandas as pd
pd.DataFrame({"a": [1.5, 2.25]}).style.format("{:.1f}").set_caption("Prices").hide(axis="index")
""").results
    assert result.html is not None
    assert "<caption>Prices</caption>" in result.html
    assert ">2.2</td>" in result.html
    assert 'class="row_heading' not in result.html
