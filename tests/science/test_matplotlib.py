"""matplotlib: its figures equal those of this Python's matplotlib, in every format that needs no window."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pywasm_sandbox import Execution, Sandbox
from tests.science.conftest import has_wheel
from tests.science.plots import PLOTS, PREAMBLE

Run = Callable[[str], Execution]

TOLERANCE = 0.1
"""Root mean square of the differences of pixels (0 to 255), as matplotlib's tests of images count it."""

SAVE = "\nfig.savefig({path!r})\nplt.close(fig)\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    if not has_wheel("matplotlib"):
        pytest.skip("the wheel of matplotlib is not among this installation's assets")
    with Sandbox(preload=["matplotlib.pyplot"]) as made:
        yield made


@pytest.fixture
def run(sandbox: Sandbox) -> Iterator[Run]:
    """Run code in a context of its own; an error of the code, or a warning, fails the test."""
    context = sandbox.create_code_context()

    def run_code(code: str) -> Execution:
        execution = sandbox.run_code(PREAMBLE + code, context=context)
        assert execution.error is None, "\n".join(execution.error.traceback)
        assert execution.logs.stderr == []
        return execution

    yield run_code
    context.delete()


def value(run: Run, code: str) -> object:
    """What `result` is after `code`, as JSON."""
    text = run(code + "\nimport json\njson.dumps(result)").text
    assert text is not None
    return json.loads(text)


def content(sandbox: Sandbox, path: str) -> bytes:
    data = sandbox.read_file(path, encoding=None).content
    assert isinstance(data, bytes)
    return data


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plots as this Python's matplotlib draws them."""
    matplotlib = pytest.importorskip("matplotlib")
    if matplotlib.__version__ != "3.11.2":
        pytest.skip(
            f"the plots are compared with matplotlib 3.11.2; this Python has {matplotlib.__version__}"
        )
    folder = tmp_path_factory.mktemp("native")
    code = "import matplotlib\nmatplotlib.use('agg')\n" + PREAMBLE
    for number, plot in enumerate(PLOTS.values()):
        code += plot + SAVE.format(path=str(folder / f"{number}.png"))
    environment = {"MPLCONFIGDIR": str(folder), "PATH": ""}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return folder


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_equals_the_native_one(
    run: Run, sandbox: Sandbox, native: Path, tmp_path: Path, name: str
) -> None:
    from matplotlib.testing.compare import compare_images

    number = list(PLOTS).index(name)
    path = f"/workspace/plot-{number}.png"
    run(PLOTS[name] + SAVE.format(path=path))
    drawn = tmp_path / "drawn.png"
    drawn.write_bytes(content(sandbox, path))
    assert compare_images(str(native / f"{number}.png"), str(drawn), TOLERANCE) is None


def test_versions_and_where_it_is(run: Run) -> None:
    found = value(
        run,
        """
import matplotlib
result = [matplotlib.__version__, matplotlib.get_backend().lower(), matplotlib.get_configdir(),
          matplotlib.get_cachedir(), matplotlib.ft2font.__freetype_version__]
""",
    )
    assert found == [
        "3.11.2",
        "module://pywasm_guest.mpl_backend",
        "/home/user/.config/matplotlib",
        "/home/user/.cache/matplotlib",
        "2.14.3",
    ]


def test_import_without_an_image_writes_and_says_nothing(sandbox: Sandbox) -> None:
    with Sandbox(preload=[]) as cold:
        execution = cold.run_code("import matplotlib.pyplot, os\nos.listdir(matplotlib.get_cachedir())")
    assert execution.error is None
    assert execution.text == "[]"
    assert execution.logs.stdout == []
    assert execution.logs.stderr == []


def test_the_shipped_list_of_fonts_is_the_one_it_would_make(run: Run) -> None:
    listed = value(
        run,
        """
from matplotlib import font_manager
def entries(manager):
    return sorted(repr(entry) for entry in manager.ttflist + manager.afmlist)
shipped, made = entries(font_manager.fontManager), entries(font_manager.FontManager())
result = [shipped == made, len(shipped)]
""",
    )
    assert listed == [True, 101]


@pytest.mark.parametrize(
    ("format", "start"),
    [
        ("png", b"\x89PNG"),
        ("svg", b"<?xml"),
        ("pdf", b"%PDF-1.4"),
        ("ps", b"%!PS-Adobe-3.0"),
        ("eps", b"%!PS-Adobe-3.0 EPSF-3.0"),
        ("jpg", b"\xff\xd8\xff"),
        ("tif", b"II*\x00"),
        ("gif", b"GIF8"),
    ],
)
def test_formats(run: Run, sandbox: Sandbox, format: str, start: bytes) -> None:
    path = f"/workspace/figure.{format}"
    run(f"""
fig, ax = plt.subplots()
ax.plot([1, 3, 2])
ax.set_title("Title")
fig.savefig({path!r}, bbox_inches="tight")
plt.close(fig)
""")
    assert content(sandbox, path).startswith(start)


def test_tight_bounding_box_and_resolution(run: Run) -> None:
    sizes = value(
        run,
        """
import io
from PIL import Image
fig, ax = plt.subplots(figsize=(4, 3))
ax.plot([0, 1])
result = []
for options in ({}, {"dpi": 150}, {"bbox_inches": "tight"}, {"bbox_inches": "tight", "pad_inches": 1}):
    data = io.BytesIO()
    fig.savefig(data, **options)
    result.append(list(Image.open(data).size))
""",
    )
    assert isinstance(sizes, list)
    assert sizes[:2] == [[400, 300], [600, 450]]
    assert sizes[3] == [side + 180 for side in sizes[2]]


def test_text_in_scripts_that_no_font_has(run: Run) -> None:
    """Boxes are drawn, and matplotlib's own warnings name the characters; nothing fails."""
    found = value(
        run,
        """
import io, warnings
fig = plt.figure()
fig.text(0.1, 0.5, "图表 グラフ 차트 مرحبا שלום")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    fig.savefig(io.BytesIO(), format="png")
messages = [str(each.message) for each in caught]
result = [bool(messages), all(text.startswith("Glyph ") and "missing from font" in text for text in messages)]
""",
    )
    assert found == [True, True]


def test_animation(run: Run, sandbox: Sandbox) -> None:
    frames = value(
        run,
        """
from matplotlib.animation import FuncAnimation, PillowWriter
from PIL import Image
fig, ax = plt.subplots(figsize=(2, 2))
line, = ax.plot([], [])
ax.set(xlim=(0, 5), ylim=(0, 5))
def draw(frame):
    line.set_data(range(frame + 1), range(frame + 1))
    return line,
FuncAnimation(fig, draw, frames=5).save("/workspace/moving.gif", writer=PillowWriter(fps=10))
image = Image.open("/workspace/moving.gif")
result = [image.n_frames, image.info["duration"], list(image.size)]
""",
    )
    assert frames == [5, 100, [200, 200]]


def test_a_backend_with_windows_is_refused(run: Run) -> None:
    found = value(
        run,
        """
try:
    plt.switch_backend("tkagg")
except ImportError as error:
    result = type(error).__name__
""",
    )
    assert found == "ModuleNotFoundError"
