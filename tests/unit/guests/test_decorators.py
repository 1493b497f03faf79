"""Finding decorators without parsing."""

from __future__ import annotations

import pytest

from pywasm_sandbox._guests.decorators import has_decorators


@pytest.mark.parametrize(
    "source",
    [
        "@d class A {}",
        "class A { @d m() {} }",
        "class A { @d({ a: 1 }) x = 1 }",
        "export @d class A {}",
        "@(f()) class A {}",
        "const s = 'x'\n@d class A {}",
        "const r = /'/\n@d class A {}",
        "const q = a / b / c\n@d class A {}",
        "const t = `a${ `b${c}` }d`\n@d class A {}",
        "const t = `${ { a: '}' }.a }`\n@d class A {}",
        "x = `${ class { @d m() {} } }`",
        "// it's\n@d class A {}",
        "if (a) /'/.test(b)\n@d class A {}",
    ],
)
def test_decorators(source: str) -> None:
    assert has_decorators(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "let a = 1",
        "const mail = 'a@b.c'",
        'const mail = "a\\"@b.c"',
        "const mail = `x@y ${a} z@w`",
        "// @ts-ignore\nx",
        "/** @param a @d\n * @returns b */ function f(a) {}",
        "const r = /^[^@/]+@\\w+$/.test(s)",
        "const r = s.match(/'@a/)",
        "return /@a/",
        "const t = `${ { a: '@b' }.a } @c`",
        "a @ b",
        "'unterminated @x",
        "`unterminated @x",
        "/* unterminated @x",
    ],
)
def test_none(source: str) -> None:
    assert not has_decorators(source)


def test_a_long_source_takes_no_long_time() -> None:
    assert not has_decorators("const a = '@' + `${b}` / 2; /* @c */\n" * 20_000)
