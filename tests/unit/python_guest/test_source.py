"""`inspect` and `linecache` know the cells."""

from __future__ import annotations

import pytest

from tests.unit.python_guest.harness import NativeGuest

FUNCTION = "def f(x):\n    # why\n    return x + 1\n"
CLASS = "class A:\n    '''Doc.'''\n\n    def method(self):\n        return 1\n"
PLAIN_CLASS = "class Plain:\n    x = 1\n"
DECORATED = "@dataclass\nclass Point:\n    x: int\n    y: int = 0\n"


@pytest.fixture
def prepared(guest: NativeGuest) -> NativeGuest:
    guest.execute("import inspect\nfrom dataclasses import dataclass")
    return guest


@pytest.mark.parametrize(
    ("source", "name"), [(FUNCTION, "f"), (CLASS, "A"), (PLAIN_CLASS, "Plain"), (DECORATED, "Point")]
)
def test_getsource(prepared: NativeGuest, source: str, name: str) -> None:
    prepared.execute(f"before = 1\n\n{source}\nafter = 2")
    assert prepared.execute(f"inspect.getsource({name})").text == source


def test_getsource_of_a_method_and_an_instance_class(prepared: NativeGuest) -> None:
    prepared.execute(CLASS)
    assert prepared.execute("inspect.getsource(A.method)").text == "    def method(self):\n        return 1\n"
    assert prepared.execute("inspect.getsource(type(A()))").text == CLASS


def test_getsource_finds_the_class_as_it_is_now(prepared: NativeGuest) -> None:
    prepared.execute("class A:\n    x = 1")
    prepared.execute("old = A")
    prepared.execute("class A:\n    x = 2")
    assert prepared.execute("inspect.getsource(A)").text == "class A:\n    x = 2\n"


def test_getsource_after_clearcache(prepared: NativeGuest) -> None:
    prepared.execute(PLAIN_CLASS)
    prepared.execute("import linecache; linecache.clearcache()")
    assert prepared.execute("inspect.getsource(Plain)").text == PLAIN_CLASS


@pytest.mark.parametrize("code", ["inspect.getsource(int)", "inspect.getsource(type('Made', (), {}))"])
def test_getsource_of_what_has_none(prepared: NativeGuest, code: str) -> None:
    assert prepared.execute(code).error["name"] in ("TypeError", "OSError")


def test_getsource_of_library_code_is_untouched(prepared: NativeGuest) -> None:
    run = prepared.execute("import textwrap\ninspect.getsource(textwrap.TextWrapper).splitlines()[0]")
    assert run.text == "class TextWrapper:"


def test_inspect_imported_by_a_library_is_patched_too(guest: NativeGuest) -> None:
    guest.execute(PLAIN_CLASS)
    assert (
        guest.execute("import dataclasses, sys\nsys.modules['inspect'].getsource(Plain)").text == PLAIN_CLASS
    )


def test_line_numbers_after_a_form_feed(guest: NativeGuest) -> None:
    run = guest.execute("x = 1\n\f\ny = '\u2028'\nraise ValueError")
    assert run.error["line_number"] == 4
    assert run.error["traceback"][2] == "    raise ValueError"


def test_the_loader_of_a_hooked_module_is_its_own(guest: NativeGuest) -> None:
    code = "import inspect\ntype(inspect.__loader__).__name__, inspect.__spec__.loader is inspect.__loader__"
    assert guest.execute(code).text == "('SourceFileLoader', True)"
    assert guest.execute("import importlib\nimportlib.reload(inspect) is inspect").text == "True"


def test_getfile_of_a_class_that_hides_its_module(guest: NativeGuest) -> None:
    run = guest.execute(
        "import inspect\nclass Meta(type):\n    @property\n    def __module__(cls): raise AttributeError\n"
        "class A(metaclass=Meta): pass\ninspect.getfile(A)"
    )
    assert (run.error["name"], run.error["message"][-19:]) == ("TypeError", "is a built-in class")
    assert guest.execute("inspect.getfile.__module__").text == "inspect"
