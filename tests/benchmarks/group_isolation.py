"""A sandbox in a process of its own, beside one in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pywasm_sandbox import Sandbox

from .report import Group, Row
from .settings import Settings
from .timing import Sample, repeat

__all__ = ["run"]

Mode = Literal["thread", "process"]
MODES: tuple[Mode, ...] = ("thread", "process")


def run(settings: Settings) -> Group:
    rows = []
    for mode in MODES:
        rows += _rows(mode, settings)
    return Group("Isolation", rows)


def _rows(mode: Mode, settings: Settings) -> list[Row]:
    def sample(function: Callable[[], object], count: int) -> Sample:
        return Sample.of(repeat(function, count)).scaled(1e3)

    def whole() -> None:
        with Sandbox(isolation=mode) as sandbox:
            sandbox.run_code("1")

    whole()
    rows = [Row(f"{mode}: new sandbox, first cell, closed", "ms", sample(whole, settings.rounds(20, 5)))]
    with Sandbox(isolation=mode) as sandbox:
        sandbox.run_code("1")
        megabyte = b"x" * 1_000_000

        def fresh() -> None:
            context = sandbox.create_code_context()
            context.run_code("1")
            context.delete()

        for name, function, count in (
            ("1+1 in a warm context", lambda: sandbox.run_code("1+1"), settings.rounds(500, 100)),
            ("new context and its first cell", fresh, settings.rounds(100, 20)),
            ("write and read 1 MB", lambda: _file(sandbox, megabyte), settings.rounds(50, 10)),
        ):
            rows.append(Row(f"{mode}: {name}", "ms", sample(function, count)))
    return rows


def _file(sandbox: Sandbox, data: bytes) -> None:
    sandbox.write_file("a.bin", data)
    assert sandbox.read_file("a.bin", encoding=None).content == data
