"""What isn't types alone: the code is transformed and comes with a source map."""

from __future__ import annotations

import json

import pytest

from tests.typescript.conftest import Transpile


def _squeezed(code: str) -> str:
    return " ".join(code.split())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("enum C { R, G }; C.G", 'function(C) { C[C["R"] = 0] = "R"; C[C["G"] = 1] = "G"; return C; }'),
        ("enum C { R = 'r' }", 'C["R"] = "r"'),
        ("const enum C { R = 1 << 4 }", 'C[C["R"] = 16] = "R"'),
        ("class P { constructor(private readonly x: number, public y = 2) {} }", "this.x = x; this.y = y;"),
        ("namespace N { export const a = 1 }", "N.a = 1"),
        ("namespace A.B { export const a = 1 }", "B.a = 1"),
        ("const x = <number>(3 as any)", "const x = 3;"),
        ("import fs = require('fs'); fs", "const fs = require('fs');"),
        ("export = 3", "module.exports = 3;"),
    ],
)
def test_transforms(transpile: Transpile, source: str, expected: str) -> None:
    result = transpile(source, kind="cell")
    assert expected in _squeezed(result.code)
    assert result.source_map is not None
    assert json.loads(result.source_map)["sources"] == ["cell.ts"]


def test_a_const_enum_stays_for_later_cells(transpile: Transpile) -> None:
    assert transpile("const enum E { A = 7 }", kind="cell").code.startswith("var E = ")


def test_an_enum_replaces_the_one_of_an_earlier_cell(transpile: Transpile) -> None:
    code = transpile("enum E { A }\nenum F { B }", kind="cell").code
    assert code.count("}({});") == 2
    assert "|| {}" not in code


def test_enums_of_one_cell_merge(transpile: Transpile) -> None:
    code = transpile("enum E { A }\nenum E { B = 1 }", kind="cell").code
    assert code.count("}({});") == 1
    assert "})(E);" in code


def test_an_enum_adds_to_a_namespace_of_its_cell(transpile: Transpile) -> None:
    code = transpile("namespace E { export const x = 1 }\nenum E { A }", kind="cell").code
    assert "})(E);" in code
    assert "}({});" not in code


def test_text_that_looks_like_an_enum_stays(transpile: Transpile) -> None:
    source = "enum E { A }\nconst s = `\n}(E || {});\n`"
    assert "const s = `\n}(E || {});\n`" in transpile(source, kind="cell").code


@pytest.mark.parametrize(
    ("source", "ends"),
    [
        ("namespace N { export const a = 1 }", True),
        ("namespace N { export const a = 1 }\nnamespace M { export const a = 1 }", True),
        ("namespace N { export const a = 1 }\nN.a", False),
    ],
)
def test_a_namespace_is_no_result(transpile: Transpile, source: str, ends: bool) -> None:
    assert transpile(source, kind="cell").code.endswith("void 0;\n") is ends


def test_a_module_is_left_as_the_compiler_has_it(transpile: Transpile) -> None:
    code = transpile("namespace N { export const a = 1 }", kind="module").code
    assert "void 0" not in code
