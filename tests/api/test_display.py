"""Results: MIME bundles of the last expression and of `display`."""

# ruff: noqa: E501 - the tables hold programs, one a line

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

pytestmark = pytest.mark.anyio


async def _formats(sandbox: Any, code: str) -> list[dict[str, Any]]:
    execution = await sandbox.run_code(code)
    assert execution.error is None, execution.error
    return [result.formats for result in execution.results]


@pytest.mark.parametrize(
    ("code", "formats"),
    [
        ("[1, 2.5, True, None, 'x']", {"text/plain": "[1, 2.5, True, None, 'x']", "application/json": [1, 2.5, True, None, "x"]}),
        ("{'a': {'b': [1]}}", {"text/plain": "{'a': {'b': [1]}}", "application/json": {"a": {"b": [1]}}}),
        ("{1: 'i', None: 'n', True: 't'}", {"text/plain": "{1: 't', None: 'n'}", "application/json": {"1": "t", "null": "n"}}),
        ("(1, 2)", {"text/plain": "(1, 2)", "application/json": [1, 2]}),
        ("{(1, 2): 3}", {"text/plain": "{(1, 2): 3}"}),
        ("[b'x']", {"text/plain": "[b'x']"}),
        ("{1, 2}", {"text/plain": "{1, 2}"}),
        ("3+4j", {"text/plain": "(3+4j)"}),
        ("True", {"text/plain": "True"}),
        ("'\u00e9\U0001f600'", {"text/plain": "\u00e9\U0001f600"}),
        ("[2**70]", {"text/plain": "[1180591620717411303424]", "application/json": [2**70]}),
    ],
)  # fmt: skip
async def test_builtin_values(shared: Any, code: str, formats: dict[str, Any]) -> None:
    assert await _formats(shared, code) == [formats]


async def test_nan_and_infinity_become_null_in_json(shared: Any) -> None:
    execution = await shared.run_code("[float('nan'), float('inf'), 1.0]")
    [result] = execution.results
    assert result.text == "[nan, inf, 1.0]"
    assert result.json == [None, None, 1.0]
    assert result.metadata["application/json"] == {"non_finite_as_null": True}
    assert (await shared.run_code("float('nan')")).results[0].formats == {"text/plain": "nan"}
    assert math.isnan(float((await shared.run_code("float('nan')")).text))


async def test_a_list_that_holds_itself_has_text_only(shared: Any) -> None:
    assert await _formats(shared, "a = []; a.append(a); a") == [{"text/plain": "[[...]]"}]


async def test_a_string_is_itself_with_its_repr_beside_it(shared: Any) -> None:
    [result] = (await shared.run_code("'{\"a\": 1}\\n'")).results
    assert result.text == '{"a": 1}\n'
    assert result.metadata == {"text/plain": {"repr": "'{\"a\": 1}\\n'"}}


async def test_every_repr_method(shared: Any) -> None:
    code = """
class Everything:
    def __repr__(self): return "plain"
    def _repr_html_(self): return "<b>html</b>"
    def _repr_markdown_(self): return "**md**"
    def _repr_svg_(self): return "<svg/>"
    def _repr_png_(self): return b"\\x89PNG"
    def _repr_jpeg_(self): return b"\\xff\\xd8"
    def _repr_pdf_(self): return b"%PDF"
    def _repr_latex_(self): return "$x$"
    def _repr_json_(self): return {"k": [1]}
    def _repr_javascript_(self): return "alert(1)"
Everything()
"""
    [result] = (await shared.run_code(code)).results
    assert result.formats == {
        "text/plain": "plain",
        "text/html": "<b>html</b>",
        "text/markdown": "**md**",
        "image/svg+xml": "<svg/>",
        "image/png": base64.b64encode(b"\x89PNG").decode(),
        "image/jpeg": base64.b64encode(b"\xff\xd8").decode(),
        "application/pdf": base64.b64encode(b"%PDF").decode(),
        "text/latex": "$x$",
        "application/json": {"k": [1]},
        "application/javascript": "alert(1)",
    }
    assert (result.html, result.markdown, result.latex) == ("<b>html</b>", "**md**", "$x$")
    assert (result.svg, result.javascript, result.json) == ("<svg/>", "alert(1)", {"k": [1]})
    assert result.image_bytes() == b"\x89PNG"
    assert result.extra == {}
    assert str(result) == "plain"
    assert result._repr_mimebundle_()[0]["image/png"] == b"\x89PNG"


async def test_mimebundle_with_metadata_and_own_types(shared: Any) -> None:
    code = """
class Bundle:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": "x", "application/x-own": {"a": 1}}, {"text/html": {"isolated": True}}
    def __repr__(self): return "B"
Bundle()
"""
    [result] = (await shared.run_code(code)).results
    assert result.formats == {"text/html": "x", "application/x-own": {"a": 1}, "text/plain": "B"}
    assert result.metadata == {"text/html": {"isolated": True}}
    assert result.extra == {"application/x-own": {"a": 1}}


async def test_a_failing_repr_costs_its_own_type_only(shared: Any) -> None:
    code = """
class Bad:
    def __repr__(self): raise ValueError("no repr")
    def _repr_html_(self): return "<i>fine</i>"
    def _repr_png_(self): raise RuntimeError("no png")
print("out")
Bad()
"""
    execution = await shared.run_code(code)
    assert execution.error is None
    assert execution.logs.stdout == ["out\n"]
    [result] = execution.results
    assert result.html == "<i>fine</i>"
    assert result.text == "<repr of Bad failed: ValueError: no repr>"
    assert "".join(execution.logs.stderr) == (
        "Bad._repr_png_ failed: RuntimeError: no png\nrepr of Bad failed: ValueError: no repr\n"
    )


async def test_display_shows_each_object(shared: Any) -> None:
    execution = await shared.run_code("print(display(1, 'two', [3]))\n'main'")
    assert [(r.text, r.is_main_result) for r in execution.results] == [
        ("1", False),
        ("two", False),
        ("[3]", False),
        ("main", True),
    ]
    assert execution.logs.stdout == ["None\n"]
    assert execution.main_result is execution.results[3]
    assert execution.text == "main"


async def test_display_from_ipython(shared: Any) -> None:
    code = """
from IPython.display import HTML, Image, JSON, Latex, Markdown, SVG, display
display(HTML("<b>1</b>"), Markdown("*2*"), Latex("$3$"), JSON({"four": 4}), SVG("<svg></svg>"))
display(Image(data=b"\\x89PNG\\r\\n\\x1a\\n", format="png"))
"""
    formats = await _formats(shared, code)
    assert formats[0]["text/html"] == "<b>1</b>"
    assert formats[1]["text/markdown"] == "*2*"
    assert formats[2]["text/latex"] == "$3$"
    assert formats[3]["application/json"] == {"four": 4}
    assert formats[4]["image/svg+xml"] == "<svg></svg>"
    assert base64.b64decode(formats[5]["image/png"]) == b"\x89PNG\r\n\x1a\n"


async def test_display_raw(shared: Any) -> None:
    code = "display({'text/plain': 't', 'application/x': {'a': [1]}, 'image/png': b'123'}, raw=True, metadata={'text/plain': {'m': 1}})"
    [result] = (await shared.run_code(code)).results
    assert result.formats == {"text/plain": "t", "application/x": {"a": [1]}, "image/png": "MTIz"}
    assert result.metadata["text/plain"] == {"m": 1}
    refused = await shared.run_code("display('x', raw=True)")
    assert refused.error.name == "TypeError"


async def test_display_include_and_exclude(shared: Any) -> None:
    await shared.run_code(
        "class Two:\n    def _repr_html_(self): return 'h'\n    def __repr__(self): return 't'"
    )
    assert await _formats(shared, "display(Two(), include=['text/html'])") == [{"text/html": "h"}]
    assert await _formats(shared, "display(Two(), exclude=['text/html'])") == [{"text/plain": "t"}]


async def test_display_id_and_updates(shared: Any) -> None:
    seen: list[tuple[str | None, str | None]] = []
    execution = await shared.run_code(
        "handle = display('one', display_id='bar')\ndisplay('other')\nhandle.update('two')",
        on_result=lambda result: seen.append((result.display_id, result.text)),
    )
    assert [(r.display_id, r.text) for r in execution.results] == [("bar", "two"), (None, "other")]
    assert seen == [("bar", "one"), (None, "other"), ("bar", "two")]


async def test_clear_output(shared: Any) -> None:
    code = "display(1)\nclear_output()\ndisplay(2)"
    prefix = "from IPython.display import clear_output\n"
    assert [f["text/plain"] for f in await _formats(shared, prefix + code)] == ["2"]
    waiting = prefix + "display(1)\nclear_output(wait=True)"
    assert [f["text/plain"] for f in await _formats(shared, waiting)] == ["1"]
    assert [f["text/plain"] for f in await _formats(shared, waiting + "\ndisplay(2)")] == ["2"]


async def test_results_keep_their_place_among_the_output(shared: Any) -> None:
    events: list[tuple[str, str]] = []
    await shared.run_code(
        "import sys\nprint('a')\ndisplay('b')\nprint('c', end='')\ndisplay('d')\nprint('e', file=sys.stderr)\n'f'",
        on_stdout=lambda text: events.append(("out", text)),
        on_stderr=lambda text: events.append(("err", text)),
        on_result=lambda result: events.append(("result", result.text)),
    )
    assert events == [
        ("out", "a\n"),
        ("result", "b"),
        ("out", "c"),
        ("result", "d"),
        ("err", "e\n"),
        ("result", "f"),
    ]


async def test_large_and_binary_payloads(shared: Any) -> None:
    [result] = (await shared.run_code("'x' * 5_000_000")).results
    assert result.text == "x" * 5_000_000
    data = bytes(range(256)) * 4096
    code = "display({'image/png': bytes(range(256)) * 4096}, raw=True)"
    [result] = (await shared.run_code(code)).results
    assert result.image_bytes() == data


async def test_deeply_nested_values_stay_usable(shared: Any) -> None:
    execution = await shared.run_code("deep = 1\nfor _ in range(400): deep = [deep]\ndeep")
    assert execution.error is None
    assert execution.text == "[" * 400 + "1" + "]" * 400
    assert type(execution).model_validate_json(execution.model_dump_json()) == execution


async def test_a_result_without_an_image_says_so(shared: Any) -> None:
    [result] = (await shared.run_code("1")).results
    with pytest.raises(ValueError, match="no image; it has text/plain"):
        result.image_bytes()


async def test_a_class_is_shown_as_text(shared: Any) -> None:
    code = "class C:\n    def _repr_html_(self): return 'h'\nC"
    assert await _formats(shared, code) == [{"text/plain": "<class '__main__.C'>"}]


async def test_a_mock_is_shown_as_text(shared: Any) -> None:
    formats = await _formats(shared, "from unittest.mock import MagicMock\nMagicMock(name='m')")
    assert list(formats[0]) == ["text/plain"]


@pytest.mark.parametrize(
    ("magic", "mime"),
    [
        ("html", "text/html"),
        ("markdown", "text/markdown"),
        ("latex", "text/latex"),
        ("javascript", "application/javascript"),
        ("svg", "image/svg+xml"),
    ],
)
async def test_cells_that_are_documents(shared: Any, magic: str, mime: str) -> None:
    (shown,) = (await shared.run_code(f"%%{magic}\n<svg>$x$</svg>\n")).results
    assert shown.formats[mime].strip() == "<svg>$x$</svg>"
