"""MIME bundles: what objects say about themselves and what `display` sends."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.unit.python_guest.harness import CLEAR, DISPLAY, DONE, NativeGuest

MIMES = {
    "html": "text/html",
    "markdown": "text/markdown",
    "svg": "image/svg+xml",
    "latex": "text/latex",
    "javascript": "application/javascript",
}


def display_event(data: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A DISPLAY event's payload with the usual rest."""
    return {"data": data, "metadata": {}, "main": False, "display_id": None, "update": False, **fields}


def test_a_number_has_only_a_text(guest: NativeGuest) -> None:
    assert guest.execute("42").displays == [display_event({"text/plain": "42"}, main=True)]


# ---- texts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "text", "written"),
    [
        ("'plain'", "plain", "'plain'"),
        ("'it\\'s\\n\"x\"'", 'it\'s\n"x"', "'it\\'s\\n\"x\"'"),
        ("''", "", "''"),
        ("'{\"a\": 1}'", '{"a": 1}', "'{\"a\": 1}'"),
        ("'\\x00\\x1f\\u2028😀'", "\x00\x1f\u2028😀", "'\\x00\\x1f\\u2028😀'"),
        ("type('S', (str,), {})('sub')", "sub", "'sub'"),
        ("type('S', (str,), {'__str__': lambda s: 1/0, '__repr__': lambda s: 'R'})('x')", "x", "R"),
    ],
)
def test_a_str_is_its_very_text(guest: NativeGuest, code: str, text: str, written: str) -> None:
    run = guest.execute(code)
    assert run.result["data"] == {"text/plain": text}
    assert run.result["metadata"] == {"text/plain": {"repr": written}}


def test_a_long_str_goes_without_its_repr(guest: NativeGuest) -> None:
    assert guest.execute("'x' * 65_537").result["metadata"] == {}
    assert guest.execute("'x' * 65_536").result["metadata"] == {"text/plain": {"repr": repr("x" * 65_536)}}


def test_lone_surrogates_are_replaced(guest: NativeGuest) -> None:
    assert guest.execute("'a\\udcffb'").text == "a?b"
    assert guest.execute("['\\ud83d']").result["data"]["application/json"] == ["?"]


# ---- JSON --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("{'a': 1, 'b': [True, None, 'x']}", {"a": 1, "b": [True, None, "x"]}),
        ("[1, 2.5, -1e300, 10**30]", [1, 2.5, -1e300, 10**30]),
        ("(1, (2, [3]))", [1, [2, [3]]]),
        ("[]", []),
        ("{}", {}),
        ("{1: 'a', 2.5: 'b', None: 'c', True: 'd'}", {"1": "d", "2.5": "b", "null": "c"}),
        ("{'ü': '\\u2028\"\\\\\\n'}", {"ü": '\u2028"\\\n'}),
        ("__import__('collections').OrderedDict(a=1)", {"a": 1}),
        ("__import__('collections').Counter('aab')", {"a": 2, "b": 1}),
        ("__import__('collections').namedtuple('P', 'x y')(1, 2)", [1, 2]),
    ],
)
def test_containers_have_json_beside_their_repr(guest: NativeGuest, code: str, value: object) -> None:
    run = guest.execute(code)
    assert run.result["data"]["application/json"] == value
    assert run.result["metadata"] == {}
    assert run.result["data"]["text/plain"] == guest.execute(f"print(repr({code}))").stdout[:-1]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("[1.5, float('nan'), float('inf'), -float('inf')]", [1.5, None, None, None]),
        ("{'a': {'b': (float('nan'),)}}", {"a": {"b": [None]}}),
        ("{float('nan'): 1, float('inf'): 2, -float('inf'): 3}", {"NaN": 1, "Infinity": 2, "-Infinity": 3}),
    ],
)
def test_non_finite_numbers_become_null(guest: NativeGuest, code: str, value: object) -> None:
    run = guest.execute(code)
    assert run.result["data"]["application/json"] == value
    assert run.result["metadata"] == {"application/json": {"non_finite_as_null": True}}


@pytest.mark.parametrize(
    "code",
    [
        "[1, object()]",
        "{(1, 2): 3}",
        "[b'x']",
        "[{1, 2}]",
        "x = []\nx.append(x)\nx",
        "x = [float('nan')]\nx.append(x)\nx",
        "x = {}\nx['x'] = x\nx",
        "['y' * 2**20]",
        "list(range(200_000))",
        "[10**5000 // 10**4999, 1j]",
        "{1, 2}",
        "class D(dict):\n    def items(self): 1/0\nD(a=1)",
    ],
)
def test_no_json_for_what_has_none(guest: NativeGuest, code: str) -> None:
    run = guest.execute(code)
    assert list(run.result["data"]) == ["text/plain"]
    assert run.done["status"] == "ok"
    assert run.stderr == ""


def test_a_cell_whose_json_is_too_deep(guest: NativeGuest) -> None:
    run = guest.execute("x = []\nfor _ in range(100_000): x = [x]\nx")
    assert list(run.result["data"]) == ["text/plain"]
    assert "failed: RecursionError" in run.text or run.text.startswith("[[[")
    guest.execute("del _, x")
    assert guest.execute("1").text == "1"


# ---- methods -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "mime"), sorted(MIMES.items()))
def test_repr_methods(guest: NativeGuest, name: str, mime: str) -> None:
    run = guest.execute(
        f"class A:\n    def _repr_{name}_(self): return 'data'\n    def __repr__(self): return 'A!'\nA()"
    )
    assert run.result["data"] == {mime: "data", "text/plain": "A!"}


def test_repr_methods_with_metadata(guest: NativeGuest) -> None:
    run = guest.execute(
        "class A:\n    def _repr_html_(self): return 'h', {'isolated': True}\n"
        "    def __repr__(self): return 'A'\nA()"
    )
    assert run.result["data"] == {"text/html": "h", "text/plain": "A"}
    assert run.result["metadata"] == {"text/html": {"isolated": True}}


@pytest.mark.parametrize(
    ("name", "mime"), [("png", "image/png"), ("jpeg", "image/jpeg"), ("pdf", "application/pdf")]
)
def test_binary_data_is_base64(guest: NativeGuest, name: str, mime: str) -> None:
    guest.execute("data = bytes(range(256)) * 4")
    guest.execute(
        f"class A:\n    def __init__(self, data): self.data = data\n"
        f"    def _repr_{name}_(self): return self.data"
    )
    expected = base64.b64encode(bytes(range(256)) * 4).decode()
    for argument in ("data", "bytearray(data)", "memoryview(data)", repr(expected)):
        assert guest.execute(f"A({argument})").result["data"][mime] == expected


def test_repr_json(guest: NativeGuest) -> None:
    guest.execute(
        "class A:\n    def __init__(self, value): self.value = value\n"
        "    def _repr_json_(self): return self.value"
    )
    for value, expected in [
        ("{'a': [1]}", {"a": [1]}),
        ("'[1, 2]'", [1, 2]),
        ("({'a': 1}, {'n': 1})", {"a": 1}),
    ]:
        assert guest.execute(f"A({value})").result["data"]["application/json"] == expected


def test_own_json_comes_before_that_of_the_container(guest: NativeGuest) -> None:
    run = guest.execute("class A(list):\n    def _repr_json_(self): return {'own': True}\nA([1])")
    assert run.result["data"] == {"application/json": {"own": True}, "text/plain": "[1]"}


def test_mimebundle(guest: NativeGuest) -> None:
    run = guest.execute(
        "class A:\n"
        "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        return {'text/html': '<b>', 'application/x+json': {'k': [1]}, 'image/png': "
        "b'\\x89', 'text/x': None},"
        " {'text/html': {'a': 1}}\n"
        "    def _repr_html_(self): return 'not used'\n"
        "    def _repr_latex_(self): return '$x$'\n"
        "    def __repr__(self): return 'A'\nA()"
    )
    assert run.result["data"] == {
        "text/html": "<b>",
        "application/x+json": {"k": [1]},
        "image/png": "iQ==",
        "text/latex": "$x$",
        "text/plain": "A",
    }
    assert run.result["metadata"] == {"text/html": {"a": 1}}


def test_mimebundle_sees_include_and_exclude(guest: NativeGuest) -> None:
    guest.execute(
        "class A:\n"
        "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        print(include, exclude)\n        return {'text/plain': 'p', 'text/html': 'h', 'a/b': 1}"
    )
    run = guest.execute("display(A(), include=['text/html', 'a/b'], exclude=['a/b'])")
    assert run.stdout == "['text/html', 'a/b'] ['a/b']\n"
    assert run.displays == [display_event({"text/html": "h"})]


def test_methods_found_on_the_instance(guest: NativeGuest) -> None:
    run = guest.execute("class A: pass\na = A()\na._repr_html_ = lambda: 'inst'\na")
    assert run.result["data"]["text/html"] == "inst"


def test_a_class_is_not_asked(guest: NativeGuest) -> None:
    run = guest.execute(
        "class A:\n    def _repr_html_(self): return 'x'\n    def _ipython_display_(self): print('no')\nA"
    )
    assert run.result["data"] == {"text/plain": "<class '__main__.A'>"}
    assert run.stdout == ""


def test_ipython_display_takes_over(guest: NativeGuest) -> None:
    guest.execute("class A:\n    def _ipython_display_(self): display('shown')")
    run = guest.execute("A()")
    assert run.displays == [
        display_event({"text/plain": "shown"}, metadata={"text/plain": {"repr": "'shown'"}})
    ]
    assert guest.execute("type(_).__name__").text == "A"


def test_ipython_display_may_decline(guest: NativeGuest) -> None:
    guest.execute(
        "class A:\n    def _ipython_display_(self): raise NotImplementedError\n"
        "    def __repr__(self): return 'A'"
    )
    run = guest.execute("A()")
    assert (run.text, run.stderr) == ("A", "")


def test_a_method_may_decline(guest: NativeGuest) -> None:
    run = guest.execute(
        "class A:\n    def _repr_html_(self): raise NotImplementedError\n"
        "    def _repr_svg_(self): return None\n"
        "    def __repr__(self): return 'A'\nA()"
    )
    assert (run.result["data"], run.stderr) == ({"text/plain": "A"}, "")


# ---- failing and hostile objects ---------------------------------------------------------------------


def test_a_repr_that_raises_does_not_lose_the_cell(guest: NativeGuest) -> None:
    run = guest.execute("class A:\n    def __repr__(self): raise ValueError('why')\nA()")
    assert run.text == "<repr of A failed: ValueError: why>"
    assert run.stderr == "repr of A failed: ValueError: why\n"
    assert run.done["status"] == "ok"
    assert guest.execute("type(_).__name__").text == "A"


def test_a_repr_that_is_no_str(guest: NativeGuest) -> None:
    run = guest.execute("class A:\n    def __repr__(self): return 5\nA()")
    assert run.text == "<repr of A failed: TypeError: __repr__ returned non-string (type int)>"


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        ("def _repr_html_(self): 1/0", "A._repr_html_ failed: ZeroDivisionError: division by zero\n"),
        (
            "def _repr_html_(self): return 5",
            "A._repr_html_ gave no text/html: TypeError: int is neither str nor bytes\n",
        ),
        (
            "def _repr_html_(self): return 'x', 5",
            "A._repr_html_ gave no text/html: TypeError: the metadata is a int, not a dict\n",
        ),
        (
            "def _repr_png_(self): return {}",
            "A._repr_png_ gave no image/png: TypeError: dict is neither str nor bytes\n",
        ),
        (
            "def _repr_json_(self): return object()",
            "A._repr_json_ gave no application/json: TypeError: object is not JSON\n",
        ),
        ("def _repr_mimebundle_(self, **kw): return 5", "A._repr_mimebundle_ gave a int, not a dict\n"),
        (
            "def _repr_mimebundle_(self, **kw): return {'a/b': {1}}",
            "A._repr_mimebundle_ gave no a/b: TypeError: set is not JSON\n",
        ),
        ("def _repr_mimebundle_(self): return {}", None),
        (
            "def _ipython_display_(self): 1/0",
            "A._ipython_display_ failed: ZeroDivisionError: division by zero\n",
        ),
        ("_repr_html_ = 5", ""),
        ("_repr_html_ = property(lambda self: 1/0)", ""),
        ("def __getattr__(self, name): raise RuntimeError(name)", ""),
        ("def __getattr__(self, name): return lambda *a, **k: 'anything'", ""),
        ("def __getattribute__(self, name): raise RuntimeError(name)", ""),
        ("__class__ = property(lambda self: 1/0)", ""),
        ("__class__ = dict", ""),
    ],
)
def test_a_failing_method_costs_its_own_type_only(guest: NativeGuest, body: str, warning: str | None) -> None:
    run = guest.execute(f"class A:\n    {body}\n    def __repr__(self): return 'A'\nA()")
    assert run.result["data"] == {"text/plain": "A"}
    if warning is None:
        assert run.stderr.startswith("A._repr_mimebundle_ failed: TypeError: ")
    else:
        assert run.stderr == warning
    assert run.done["status"] == "ok"


def test_mocks_have_a_text_only(guest: NativeGuest) -> None:
    run = guest.execute("from unittest.mock import MagicMock\nMagicMock(name='m')")
    assert list(run.result["data"]) == ["text/plain"]
    assert run.text.startswith("<MagicMock name='m' id=")


def test_a_dataframe_like_object(guest: NativeGuest) -> None:
    run = guest.execute(
        "class Frame:\n"
        "    def __eq__(self, other): return [True]\n    __hash__ = None\n"
        "    def __bool__(self): raise ValueError('ambiguous')\n"
        "    def __len__(self): raise TypeError\n"
        "    def _repr_html_(self): return '<table>'\n    def __repr__(self): return 'frame'\nFrame()"
    )
    assert run.result["data"] == {"text/html": "<table>", "text/plain": "frame"}
    assert guest.execute("type(_).__name__").text == "Frame"


# ---- display() ---------------------------------------------------------------------------------------


def test_several_objects(guest: NativeGuest) -> None:
    run = guest.execute("display(1, [2], None)")
    assert run.displays == [
        display_event({"text/plain": "1"}),
        display_event({"text/plain": "[2]", "application/json": [2]}),
        display_event({"text/plain": "None"}),
    ]
    assert run.done["status"] == "ok"


def test_nothing_to_display(guest: NativeGuest) -> None:
    assert guest.execute("display()").kinds == [DONE]


def test_order_of_output_and_displays(guest: NativeGuest) -> None:
    run = guest.execute("print('a')\ndisplay(1)\nprint('b', end='')\n2")
    assert [(event.kind, event.stdout) for event in run.events] == [
        (DISPLAY, "a\n"),
        (DISPLAY, "b"),
        (DONE, ""),
    ]
    assert [item["main"] for item in run.displays] == [False, True]


def test_raw(guest: NativeGuest) -> None:
    run = guest.execute(
        "display({'text/html': '<i>', 'image/png': b'\\x00'}, raw=True, metadata={'text/html': {'a': 1}})"
    )
    assert run.displays == [
        display_event({"text/html": "<i>", "image/png": "AA=="}, metadata={"text/html": {"a": 1}})
    ]


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("display(5, raw=True)", "TypeError", "display(raw=True) takes dicts of MIME type to data, not int"),
        ("display({'a/b': object()}, raw=True)", "TypeError", "object is not JSON"),
        ("display(5, metadata=3)", "TypeError", "metadata must be a dict of MIME type to dict, not int"),
        ("display(5, metadata={'text/plain': object()})", "TypeError", "object is not JSON"),
        ("display(5, update=True)", "TypeError", "display_id required for update_display"),
    ],
)
def test_misuse_is_the_users_error(guest: NativeGuest, code: str, name: str, message: str) -> None:
    run = guest.execute(code)
    assert (run.error["name"], run.error["message"]) == (name, message)
    assert run.displays == []


def test_metadata_is_merged(guest: NativeGuest) -> None:
    run = guest.execute("display('s', metadata={'text/plain': {'k': 1}, 'other': {'z': 2}})")
    assert run.displays[0]["metadata"] == {"text/plain": {"repr": "'s'", "k": 1}, "other": {"z": 2}}


def test_display_ids_and_updates(guest: NativeGuest) -> None:
    run = guest.execute(
        "handle = display(1, display_id='here')\nprint(handle)\nhandle.update(2)\nhandle.display(3)"
    )
    assert run.displays == [
        display_event({"text/plain": "1"}, display_id="here"),
        display_event({"text/plain": "2"}, display_id="here", update=True),
        display_event({"text/plain": "3"}, display_id="here"),
    ]
    assert run.stdout == "<DisplayHandle display_id=here>\n"


def test_display_id_true_makes_one_up(guest: NativeGuest) -> None:
    run = guest.execute(
        "a = display(1, display_id=True)\nb = display(1, display_id=True)\na.display_id != b.display_id"
    )
    ids = [item["display_id"] for item in run.displays[:2]]
    assert [len(identity) for identity in ids] == [32, 32]
    assert run.displays[2]["data"] == {"text/plain": "True"}
    assert guest.execute("display(1) is None and display(1, display_id=False) is None").displays[-1][
        "data"
    ] == {"text/plain": "True"}


def test_transient_display_id(guest: NativeGuest) -> None:
    run = guest.execute("display({'a/b': 1}, raw=True, transient={'display_id': 'x'});")
    assert run.displays == [display_event({"a/b": 1}, display_id="x")]


def test_update_display(guest: NativeGuest) -> None:
    run = guest.execute("from IPython.display import update_display\nupdate_display([1], display_id='d')")
    assert run.displays == [
        display_event({"text/plain": "[1]", "application/json": [1]}, display_id="d", update=True)
    ]


def test_clear_output(guest: NativeGuest) -> None:
    run = guest.execute(
        "from IPython.display import clear_output\nprint('x')\nclear_output()\n"
        "clear_output(wait=True)\ndisplay(1, clear=True)"
    )
    assert [(event.kind, event.payload.get("wait")) for event in run.events] == [
        (CLEAR, False),
        (CLEAR, True),
        (CLEAR, True),
        (DISPLAY, None),
        (DONE, None),
    ]
    assert run.events[0].stdout == "x\n"


def test_display_is_a_builtin_for_imported_modules_too(guest: NativeGuest) -> None:
    (guest.folder / "shower.py").write_text("def show():\n    display('from a module')\n")
    run = guest.execute("import sys; sys.path.insert(0, '')\nimport shower\nshower.show()")
    assert run.displays[0]["data"] == {"text/plain": "from a module"}


def test_large_payloads(guest: NativeGuest) -> None:
    run = guest.execute("display({'image/png': bytes(20_000_000), 'text/html': 'é' * 5_000_000}, raw=True)")
    data = run.displays[0]["data"]
    assert base64.b64decode(data["image/png"]) == bytes(20_000_000)
    assert data["text/html"] == "é" * 5_000_000


def test_text_given_as_bytes(guest: NativeGuest) -> None:
    run = guest.execute("display({'text/html': '<é>'.encode(), 'image/svg+xml': b'<svg/>'}, raw=True)")
    assert run.displays == [display_event({"text/html": "<é>", "image/svg+xml": "<svg/>"})]


def test_payloads_are_json_of_the_strict_kind(guest: NativeGuest) -> None:
    run = guest.execute("display({'a/b': [float('nan'), 1]}, raw=True)")
    assert run.displays[0]["data"] == {"a/b": [None, 1]}
    assert run.displays[0]["metadata"] == {"a/b": {"non_finite_as_null": True}}
    json.dumps(run.displays, allow_nan=False)
