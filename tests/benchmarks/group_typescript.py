"""What TypeScript costs on top of JavaScript."""

from __future__ import annotations

from collections.abc import Callable

from pywasm_sandbox import Sandbox
from pywasm_sandbox._engine import Engine
from pywasm_sandbox._guests.assets import Assets
from pywasm_sandbox._guests.typescript import TypeScript

from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample, in_turns, timed

__all__ = ["run"]

FUNCTIONS = "\n".join(
    f"""interface Shape{index} {{ name: string; width: number; height?: number }}
function area{index}<T extends Shape{index}>(shape: T, scale: number = 1): number {{
  const height: number = shape.height ?? (shape.width as number);
  return shape.width * height * scale;
}}"""
    for index in range(400)
)
ENUMS = """enum Level { Low = 1, Middle, High }
namespace Rates { export const base: number = 0.5 }
class Account { constructor(private readonly level: Level, public name: string = "x") {} }
"""
LINES = FUNCTIONS.splitlines()
TWENTY = "\n".join(LINES[:20])
TWENTY_WITH_ENUMS = ENUMS + "\n".join(LINES[:15])


def run(settings: Settings) -> Group:
    compiler = TypeScript(Engine.shared(), Assets.installed())
    Engine.shared().threads.run(compiler.prepare)

    keeper = compiler.keeper()

    def compile_(source: str) -> Callable[[], float]:
        def once() -> float:
            return timed(lambda: compiler.transpile(source, "cell.ts", kind="cell", keeper=keeper))

        return lambda: Engine.shared().threads.run(once)

    measures = {
        ("compile a cell of 20 lines", 1.5): compile_(TWENTY),
        ("the same with an enum, a namespace and a class", None): compile_(TWENTY_WITH_ENUMS),
        ("compile 2,000 lines", 50.0): compile_("\n".join(LINES[:2000])),
    }
    rows = []
    for (name, target), measure in measures.items():
        values = in_turns({name: measure}, settings.rounds(60, 15))[name]
        rows.append(Row(name, "ms", Sample.of(values).scaled(1e3), target=target and Target(target)))
    return Group("TypeScript", [*rows, _overhead(compiler, settings)])


def _overhead(compiler: TypeScript, settings: Settings) -> Row:
    """A TypeScript cell of 20 lines against the JavaScript that it becomes, in contexts of one sandbox."""
    compiled = Engine.shared().threads.run(lambda: compiler.transpile(TWENTY, "cell.ts", kind="cell"))
    with Sandbox() as sandbox:
        typed = sandbox.create_code_context(language="typescript")
        plain = sandbox.create_code_context(language="javascript")
        values = in_turns(
            {
                "typed": lambda: timed(lambda: sandbox.run_code(TWENTY, context=typed)),
                "plain": lambda: timed(lambda: sandbox.run_code(compiled.code, context=plain)),
            },
            settings.rounds(60, 15),
        )
    added = [one - other for one, other in zip(sorted(values["typed"]), sorted(values["plain"]), strict=True)]
    name = "a cell of 20 lines, beyond its JavaScript"
    return Row(name, "ms", Sample.of(added).scaled(1e3), target=Target(1.5))
