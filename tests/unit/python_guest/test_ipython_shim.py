"""Code written for notebooks finds `IPython.display`."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import pytest

from tests.unit.python_guest.harness import NativeGuest


def png(width: int, height: int) -> bytes:
    """A black image of that size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(width) for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def shim(guest: NativeGuest) -> NativeGuest:
    run = guest.execute("from IPython.display import *")
    assert run.error is None
    return guest


def data_of(guest: NativeGuest, code: str) -> dict[str, Any]:
    """The MIME bundle of an expression, without its text."""
    run = guest.execute(code)
    assert run.error is None, run.error
    data: dict[str, Any] = run.result["data"]
    data.pop("text/plain", None)
    return data


@pytest.mark.parametrize(
    "statement",
    [
        "import IPython",
        "from IPython import get_ipython, display",
        "from IPython.display import display, HTML, Markdown, Image, SVG, JSON, Javascript, "
        "Latex, Math, Code, Audio",
        "from IPython.display import IFrame, Video, Pretty, clear_output, update_display, "
        "DisplayHandle, FileLink",
        "from IPython.display import FileLinks, YouTubeVideo, GeoJSON, ProgressBar, "
        "publish_display_data, DisplayObject",
        "from IPython.display import display_html, display_png, set_matplotlib_formats",
        "from IPython.core.display import display, HTML",
        "from IPython.core.display_functions import display, publish_display_data",
        "from IPython.core.getipython import get_ipython",
    ],
)
def test_imports(guest: NativeGuest, statement: str) -> None:
    assert guest.execute(statement).error is None


@pytest.mark.parametrize("module", ["from IPython import display", "import IPython.display as display"])
def test_the_module_of_the_function_of_the_same_name(guest: NativeGuest, module: str) -> None:
    run = guest.execute(
        f"{module}\nimport IPython\ndisplay.clear_output(wait=True)\nIPython.display.HTML('<b>')"
    )
    assert run.error is None
    assert run.result["data"]["text/html"] == "<b>"


def test_get_ipython_is_the_shell_of_the_context(guest: NativeGuest) -> None:
    code = "import IPython\nIPython.get_ipython() is get_ipython(), get_ipython().config"
    assert guest.execute(code).text == "(True, {})"


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("HTML('<b>x</b>')", {"text/html": "<b>x</b>"}),
        ("HTML(data='<b>', metadata={'a': 1})", {"text/html": "<b>"}),
        ("Markdown('# t')", {"text/markdown": "# t"}),
        ("Latex('$x$')", {"text/latex": "$x$"}),
        ("Math('x^2')", {"text/latex": "$\\displaystyle x^2$"}),
        ("Math('$x^2$')", {"text/latex": "$\\displaystyle x^2$"}),
        ("SVG('<?xml?><svg a=\"1\"/>')", {"image/svg+xml": '<svg a="1"/>'}),
        ("SVG(b'<svg/>')", {"image/svg+xml": "<svg/>"}),
        ("JSON({'a': [1]})", {"application/json": {"a": [1]}}),
        ("JSON('[1, 2]')", {"application/json": [1, 2]}),
        ("GeoJSON({'type': 'Point'})", {"application/geo+json": {"type": "Point"}}),
        ("Javascript('f()')", {"application/javascript": "f()"}),
        ("Pretty('as it is')", {}),
        (
            "Code('a < b', language='python')",
            {
                "text/html": '<pre><code class="language-python">a &lt; b</code></pre>',
                "text/latex": "\\begin{verbatim}\na < b\n\\end{verbatim}",
            },
        ),
        (
            "IFrame('https://example.org', 300, 200, q='a b')",
            {
                "text/html": '<iframe width="300" height="200" src="https://example.org?q=a+b" '
                'frameborder="0" allowfullscreen ></iframe>'
            },
        ),
        (
            "YouTubeVideo('abc')",
            {
                "text/html": '<iframe width="400" height="300" src="https://www.youtube.com/embed/abc" '
                'frameborder="0" allowfullscreen ></iframe>'
            },
        ),
        (
            "Image(url='https://example.org/x.png', width=5)",
            {"text/html": '<img src="https://example.org/x.png" width="5"/>'},
        ),
        (
            "Image('https://example.org/x.png?a&b')",
            {"text/html": '<img src="https://example.org/x.png?a&amp;b"/>'},
        ),
    ],
)
def test_objects(shim: NativeGuest, code: str, data: dict[str, Any]) -> None:
    assert data_of(shim, code) == data


def test_text_forms(shim: NativeGuest) -> None:
    assert shim.execute("HTML('x')").text == "<IPython.core.display.HTML object>"
    assert shim.execute("Pretty('as it is')").text == "as it is"
    assert shim.execute("Code('a < b')").text == "a < b"


def test_metadata(shim: NativeGuest) -> None:
    assert shim.execute("HTML('x', metadata={'isolated': True})").result["metadata"] == {
        "text/html": {"isolated": True}
    }
    run = shim.execute("JSON([1], expanded=True)")
    assert run.result["metadata"] == {"application/json": {"expanded": True, "root": "root"}}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("HTML(5)", "TypeError"),
        ("JSON(5)", "TypeError"),
        ("JSON('{')", "JSONDecodeError"),
        ("Image()", "ValueError"),
        ("Image(5)", "TypeError"),
        ("Image('missing.png')", "FileNotFoundError"),
        ("Image(b'BM', format='bmp')", "ValueError"),
        ("HTML(filename='missing.html')", "FileNotFoundError"),
        ("Audio()", "ValueError"),
        ("Audio([0, 1])", "ValueError"),
        ("Audio([0, 2], rate=8000, normalize=False)", "ValueError"),
        ("Video()", "ValueError"),
        ("FileLink('.')", "ValueError"),
    ],
)
def test_wrong_arguments(shim: NativeGuest, code: str, name: str) -> None:
    assert shim.execute(code).error["name"] == name


def test_files(shim: NativeGuest) -> None:
    (shim.folder / "page.html").write_text("<p>é</p>", encoding="utf-8")
    (shim.folder / "x.svg").write_text("<svg/>")
    (shim.folder / "x.json").write_text('{"k": 1}')
    (shim.folder / "x.py").write_text("x = 1")
    assert data_of(shim, "HTML(filename='page.html')") == {"text/html": "<p>é</p>"}
    assert data_of(shim, "from pathlib import Path\nHTML(Path('page.html'))") == {"text/html": "<p>é</p>"}
    assert data_of(shim, "SVG(filename='x.svg')") == {"image/svg+xml": "<svg/>"}
    assert data_of(shim, "JSON(filename='x.json')") == {"application/json": {"k": 1}}
    assert (
        data_of(shim, "Code(filename='x.py')")["text/html"]
        == '<pre><code class="language-py">x = 1</code></pre>'
    )


@pytest.mark.parametrize("source", ["'image.png'", "filename='image.png'", "open('image.png', 'rb').read()"])
def test_images_from_files_and_bytes(shim: NativeGuest, source: str) -> None:
    data = png(4, 2)
    (shim.folder / "image.png").write_bytes(data)
    assert data_of(shim, f"Image({source})") == {"image/png": base64.b64encode(data).decode()}
    run = shim.execute(f"Image({source}, width=40, alt='dot')")
    assert run.result["metadata"] == {"image/png": {"width": 40, "alt": "dot"}}
    run = shim.execute(f"Image({source}, retina=True)")
    assert run.result["metadata"] == {"image/png": {"width": 2, "height": 1}}


@pytest.mark.parametrize(
    ("start", "mime"),
    [(b"\xff\xd8\xff\xe0", "image/jpeg"), (b"GIF89a", "image/gif"), (b"RIFF\0\0\0\0WEBP", "image/webp")],
)
def test_image_formats(shim: NativeGuest, start: bytes, mime: str) -> None:
    assert data_of(shim, f"Image({start!r})") == {mime: base64.b64encode(start).decode()}


def test_audio(shim: NativeGuest) -> None:
    html = data_of(shim, "Audio([0, 0.5, -1.0], rate=8000)")["text/html"]
    wav = base64.b64decode(html.split("base64,")[1].split('"')[0])
    assert (wav[:4], wav[8:12]) == (b"RIFF", b"WAVE")
    assert struct.unpack("<3h", wav[-6:]) == (0, 16383, -32767)
    assert struct.unpack("<HHI", wav[20:28]) == (1, 1, 8000)
    (shim.folder / "a.mp3").write_bytes(b"ID3")
    assert 'src="data:audio/mpeg;base64,SUQz"' in data_of(shim, "Audio('a.mp3')")["text/html"]
    assert (
        'src="https://example.org/a.ogg"' in data_of(shim, "Audio('https://example.org/a.ogg')")["text/html"]
    )


def test_video(shim: NativeGuest) -> None:
    (shim.folder / "v.mp4").write_bytes(b"v")
    assert 'src="data:video/mp4;base64,dg=="' in data_of(shim, "Video('v.mp4', width=10)")["text/html"]


def test_file_links(shim: NativeGuest) -> None:
    (shim.folder / "d").mkdir()
    (shim.folder / "d" / "a&b.txt").write_text("")
    (shim.folder / "d" / "z.csv").write_text("")
    assert data_of(shim, "FileLink('d/z.csv')") == {
        "text/html": "<a href='d/z.csv' target='_blank'>d/z.csv</a><br>"
    }
    assert data_of(shim, "FileLinks('d')")["text/html"].splitlines() == [
        "<a href='d/a&amp;b.txt' target='_blank'>d/a&amp;b.txt</a><br>",
        "<a href='d/z.csv' target='_blank'>d/z.csv</a><br>",
    ]
    assert shim.execute("FileLinks('d', included_suffixes=['.csv'])").text == "d/z.csv"


def test_progress_bar(shim: NativeGuest) -> None:
    run = shim.execute("for i in ProgressBar(2): pass")
    assert [item["update"] for item in run.displays] == [False, True, True, True]
    assert len({item["display_id"] for item in run.displays}) == 1
    assert run.displays[-1]["data"]["text/plain"] == f"[{'=' * 60}] 2/2"


def test_display_as_one_type(shim: NativeGuest) -> None:
    shim.execute(
        "class A:\n    def _repr_html_(self): return 'h'\n"
        "    def _repr_latex_(self): return 'l'\n    def __repr__(self): return 'A'"
    )
    assert shim.execute("display_html(A())").displays[0]["data"] == {"text/html": "h", "text/plain": "A"}
    assert shim.execute("display_html('<raw>', raw=True)").displays[0]["data"] == {"text/html": "<raw>"}
    run = shim.execute(
        "publish_display_data({'text/plain': 'p'}, metadata={'text/plain': {'a': 1}}, source='x')"
    )
    assert (run.displays[0]["data"], run.displays[0]["metadata"]) == (
        {"text/plain": "p"},
        {"text/plain": {"a": 1}},
    )


def test_javascript_with_libraries(shim: NativeGuest) -> None:
    code = data_of(shim, "Javascript('go()', lib='https://e.org/l.js', css=['https://e.org/s.css'])")
    text = code["application/javascript"]
    assert text.count("https://e.org/l.js") == 1
    assert text.count("https://e.org/s.css") == 1
    assert text.endswith("go()\n});")
