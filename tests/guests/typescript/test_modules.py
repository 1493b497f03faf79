"""TypeScript files of the sandbox, imported by cells of both languages."""

# ruff: noqa: E501 - programs, one a line

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pywasm_sandbox import Sandbox

FILES = {
    "shapes.ts": """export interface Circle { radius: number }
export const area = (circle: Circle): number => Math.PI * circle.radius ** 2;
export enum Kind { Round = 4 }
export function fail(kind: Kind): never {
  throw new RangeError(Kind[kind]);
}
""",
    "user.ts": 'import { Circle, area } from "./shapes";\nconst c: Circle = { radius: 2 };\nexport default area(c).toFixed(1);\n',
    "bad.ts": "export const a = 1;\nconst b: = 2;\n",
    "classic.cts": "import path = require('path');\nconst x: string = path.join('a', 'b');\nexport = { x };\n",
    "modern.mts": "export const here: string = import.meta.url;\nexport const late: number = await Promise.resolve(7);\n",
    "view.tsx": "/** @jsx h */\nconst h = (t: string, p: object | null, ...c: unknown[]): string => `<${t}>${c.join('')}</${t}>`;\nexport const view = (n: number) => <p>{n}</p>;\nexport const broken = (): never => {\n  throw new Error('in view');\n};\n",
    "plain.jsx": "/** @jsx h */\nconst h = (t, p, ...c) => `[${t} ${c.join('')}]`;\nexport default <b>bold</b>;\n",
    "decorated.ts": "function named(c: any, context: ClassDecoratorContext) { c.label = context.name }\n@named\nexport class Thing { declare static label: string }\n",
    "pack/package.json": '{"name": "pack", "type": "module", "main": "index.ts"}',
    "pack/index.ts": "export type T = 1;\nexport const packed: T = 1;\n",
    "folder/index.ts": "export const inside: boolean = true;\n",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        for name, content in FILES.items():
            sandbox.write_file(f"/workspace/{name}", content)
        yield sandbox


@pytest.mark.parametrize("language", ["javascript", "typescript"])
@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("import { area } from './shapes.ts'; area({ radius: 1 }).toFixed(2)", "3.14"),
        ("import { Kind } from './shapes'; Kind[4]", "Round"),
        ("import value from './user.ts'; value", "12.6"),
        ("import value from './user.js'; value", "12.6"),
        ("(await import('/workspace/shapes.ts')).Kind.Round", "4"),
        ("require('./classic.cts').x", "a/b"),
        ("import { here, late } from './modern.mts'; here + late", "file:///workspace/modern.mts7"),
        ("import { view } from './view'; view(3)", "<p>3</p>"),
        ("import { view } from './view.tsx'; view(4)", "<p>4</p>"),
        ("import bold from './plain.jsx'; bold", "[b bold]"),
        ("import { Thing } from './decorated.ts'; Thing.label", "Thing"),
        ("import { packed } from './pack'; packed", "1"),
        ("import { inside } from './folder'; inside", "true"),
    ],
)
def test_imports(sandbox: Sandbox, language: str, code: str, text: str) -> None:
    context = sandbox.create_code_context(language=language)
    execution = sandbox.run_code(code, context=context)
    assert execution.error is None, execution.error
    assert execution.text == text


def test_a_cell_may_import_a_type_without_saying_so(sandbox: Sandbox) -> None:
    code = "import { area, Circle } from './shapes.ts'; const c: Circle = { radius: 1 }; area(c).toFixed(1)"
    assert sandbox.run_code(code, language="typescript").text == "3.1"


def test_a_javascript_cell_may_not(sandbox: Sandbox) -> None:
    error = sandbox.run_code("import { Circle } from './shapes.ts'; 1", language="javascript").error
    assert error is not None
    assert (error.name, "'Circle'" in error.message) == ("SyntaxError", True)


@pytest.mark.parametrize("language", ["javascript", "typescript"])
def test_a_syntax_error_in_a_file_has_its_place(sandbox: Sandbox, language: str) -> None:
    error = sandbox.run_code("await import('./bad.ts')", language=language).error
    assert error is not None
    assert error.name == "SyntaxError"
    assert error.traceback[:3] == ["/workspace/bad.ts:2", "const b: = 2;", "         ^"]


@pytest.mark.parametrize(
    ("code", "file", "line", "shown"),
    [
        (
            "import { fail, Kind } from './shapes.ts'; fail(Kind.Round)",
            "shapes.ts",
            5,
            "  throw new RangeError(Kind[kind]);",
        ),
        ("import { broken } from './view.tsx'; broken()", "view.tsx", 5, "  throw new Error('in view');"),
    ],
)
def test_an_error_in_a_file_has_its_place_in_the_source(
    sandbox: Sandbox, code: str, file: str, line: int, shown: str
) -> None:
    context = sandbox.create_code_context(language="typescript")
    error = sandbox.run_code(code, context=context).error
    assert error is not None
    assert error.traceback[:2] == [f"/workspace/{file}:{line}", shown]
    assert error.line_number == 1
    assert any(f"/workspace/{file}:{line}:" in row for row in error.traceback[3:])


def test_a_file_that_python_wrote(sandbox: Sandbox) -> None:
    sandbox.run_code("open('made.ts', 'w').write('export const n: number = 5')")
    assert sandbox.run_code("import { n } from './made.ts'; n", language="typescript").text == "5"


def test_the_host_s_word_on_hostile_files(sandbox: Sandbox) -> None:
    sandbox.write_file("/workspace/deep.ts", "(" * 100_000)
    context = sandbox.create_code_context(language="javascript")
    error = sandbox.run_code("await import('./deep.ts')", context=context).error
    assert error is not None
    assert (error.name, "nested too deeply" in error.message) == ("RangeError", True)
    assert sandbox.run_code("1 + 1", context=context).text == "2"


def test_compiling_a_file_ends_with_the_run_s_deadline(sandbox: Sandbox) -> None:
    sandbox.write_file(
        "/workspace/long.ts",
        "export const a: number = [1].map((x: number) => x)[0];\n".replace("export const a", "var a")
        * 120_000,
    )
    context = sandbox.create_code_context(language="javascript")
    sandbox.run_code("globalThis.kept = 1", context=context)
    execution = sandbox.run_code("await import('./long.ts')", context=context, timeout=0.1)
    assert execution.error is not None
    assert execution.error.name == "ExecutionTimeout"
    assert sandbox.run_code("kept", context=context).text == "1"
