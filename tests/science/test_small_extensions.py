"""PyYAML, MarkupSafe, regex, kiwisolver and contourpy: that their extension modules work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pywasm_sandbox import Sandbox
from tests.science.conftest import has_wheel

Value = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=[]) as made:
        yield made


@pytest.fixture
def value(sandbox: Sandbox) -> Value:
    """What `result` is after the code, as JSON, if the package is shipped."""

    def run(package: str, code: str) -> Any:
        if not has_wheel(package):
            pytest.skip(f"the wheel of {package} is not among this installation's assets")
        execution = sandbox.run_code(code + "\nimport json\njson.dumps(result)")
        assert execution.error is None, "\n".join(execution.error.traceback)
        assert execution.logs.stderr == []
        assert execution.text is not None
        return json.loads(execution.text)

    return run


def test_yaml(value: Value) -> None:
    code = """
import yaml
text = "a: [1, 2.5, true, null]\\nb:\\n  - {x: é}\\n  - |\\n    two\\n    lines\\n"
data = yaml.load(text, Loader=yaml.CSafeLoader)
try:
    yaml.load("a: [1, 2", Loader=yaml.CSafeLoader)
except yaml.YAMLError as error:
    problem = [type(error).__name__, error.problem_mark.line]
result = [yaml.__with_libyaml__, data, data == yaml.safe_load(text), problem,
          yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True),
          [type(token).__name__ for token in yaml.scan("a: 1", Loader=yaml.CLoader)]]
"""
    assert value("pyyaml", code) == [
        True,
        {"a": [1, 2.5, True, None], "b": [{"x": "é"}, "two\nlines\n"]},
        True,
        ["ParserError", 1],
        "a:\n- 1\n- 2.5\n- true\n- null\nb:\n- x: é\n- 'two\n\n  lines\n\n  '\n",
        [
            "StreamStartToken",
            "BlockMappingStartToken",
            "KeyToken",
            "ScalarToken",
            "ValueToken",
            "ScalarToken",
            "BlockEndToken",
            "StreamEndToken",
        ],
    ]


def test_markupsafe(value: Value) -> None:
    code = """
from markupsafe import Markup, _speedups, escape
result = [escape("<a href='x'>&\\"é"), Markup("<b>%s</b>") % "<i>", type(escape(3)).__name__]
"""
    assert value("markupsafe", code) == [
        "&lt;a href=&#39;x&#39;&gt;&amp;&#34;é",
        "<b>&lt;i&gt;</b>",
        "Markup",
    ]


def test_regex(value: Value) -> None:
    code = r"""
import pickle, regex
match = regex.search(r"(?P<word>\p{Lu}\w+)(?: (?P<word>\w+))*", "the Quick brown fox")
pattern = regex.compile(r"(?P<year>\d{4})-(?P<month>\d\d)")
result = [
    match.captures("word"), match.capturesdict(), list(match.allcaptures()), list(match.allspans()),
    bool(regex.fullmatch(r"(?:cats|cat){e<=1}", "cart")), dict(pattern.groupindex),
    pickle.loads(pickle.dumps(pattern)).sub(r"\g<month>/\g<year>", "2024-05"),
    regex.findall(r"\b\w{2}\b", "ab cde fg", overlapped=True), regex.split(r"(?V1)(?=b)", "abab"),
    [found.span() for found in regex.finditer("a+", "aabaa")],
]
"""
    words = ["Quick", "brown", "fox"]
    assert value("regex", code) == [
        words,
        {"word": words},
        [["Quick brown fox"], words],
        [[[4, 19]], [[4, 9], [10, 15], [16, 19]]],
        True,
        {"year": 1, "month": 2},
        "05/2024",
        ["ab", "fg"],
        ["a", "ba", "b"],
        [[0, 2], [3, 5]],
    ]


def test_kiwisolver(value: Value) -> None:
    code = """
import kiwisolver
from kiwisolver import Solver, UnsatisfiableConstraint, Variable, strength
left, middle, right = Variable("left"), Variable("middle"), Variable("right")
solver = Solver()
constraint = (right >= left + 20) | "required"
for each in (left >= 0, right <= 100, constraint, 2 * middle == left + right):
    solver.addConstraint(each)
solver.addEditVariable(middle, "strong")
solver.suggestValue(middle, 95)
solver.updateVariables()
values = [left.value(), middle.value(), right.value()]
try:
    solver.addConstraint(left == -5)
except UnsatisfiableConstraint:
    values.append("unsatisfiable")
ends = constraint.expression()
term = 3 * left
result = [values, constraint.op(), constraint.strength() == strength.required, constraint.violated(),
          sorted(each.coefficient() for each in ends.terms()), ends.constant(), ends.value(),
          [term.variable().name(), term.coefficient(), term.value()], left.context(),
          strength.weak < strength.medium < strength.strong, "Objective" in solver.dumps()]
solver.reset()
"""
    assert value("kiwisolver", code) == [
        [80.0, 90.0, 100.0, "unsatisfiable"],
        ">=",
        True,
        False,
        [-1.0, 1.0],
        -20.0,
        0.0,
        ["left", 3.0, 240.0],
        None,
        True,
        True,
    ]


def test_contourpy(value: Value) -> None:
    code = """
import contourpy
from contourpy.util import build_config
z = [[0.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 0.0]]
lines = {}
for name in ("serial", "threaded", "mpl2014", "mpl2005"):
    generator = contourpy.contour_generator(z=z, name=name)
    found = generator.lines(2.0)
    points = found[0] if isinstance(found, tuple) else found  # the older algorithms give codes, too
    lines[name] = [sorted(line[:-1].tolist()) for line in points]
filled = contourpy.contour_generator(z=z, fill_type="OuterCode").filled(1.0, 3.0)
result = [lines, len(filled[0]), build_config()["host_cpu"]]
"""
    diamond = [[[0.5, 1.0], [1.0, 0.5], [1.0, 1.5], [1.5, 1.0]]]
    assert value("contourpy", code) == [
        dict.fromkeys(("serial", "threaded", "mpl2014", "mpl2005"), diamond),
        1,
        "wasm32",
    ]
