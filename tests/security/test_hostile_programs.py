"""The corpus of hostile programs: each has its exact outcome, and afterwards the process lives and other
contexts answer.

Programs of other languages go into tables of their own (`hostile.table.Program`) and into `CORPUS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pywasm_sandbox import Sandbox

from .hostile import javascript_programs, python_programs
from .hostile.table import Program

CORPUS = {"python": python_programs.PROGRAMS, "javascript": javascript_programs.PROGRAMS}
CONTROLS = {
    "python": ("print('alive')\n6 * 7", "42", ["alive\n"]),
    "javascript": ("console.log('alive'); 6 * 7", "42", ["alive\n"]),
}
OUTCOMES_OF_UNDEFINED = {
    None,
    "GuestCrash",
    "SystemError",
    "RecursionError",
    "MemoryError",
    "ExecutionTimeout",
}


def _cases() -> Iterator[Any]:
    for language, programs in CORPUS.items():
        for program in programs:
            yield pytest.param(language, program, id=f"{language}-{program.name}")


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    for programs in CORPUS.values():
        assert len({program.name for program in programs}) == len(programs) > 30
    assert len(CORPUS["python"]) > 200


@pytest.fixture(scope="module")
def bystander() -> Iterator[Sandbox]:
    """A sandbox of somebody else, open all the time."""
    with Sandbox() as sandbox:
        sandbox.run_code("mine = 'untouched'")
        yield sandbox


@pytest.mark.parametrize(("language", "program"), list(_cases()))
def test_hostile_program(language: str, program: Program, bystander: Sandbox) -> None:
    code, text, stdout = CONTROLS[language]
    with Sandbox(
        memory_bytes=program.memory_bytes,
        disk_bytes=32 << 20,
        max_files=3000,
        max_open_files=256,
        max_output_bytes=4 << 20,
        grace_seconds=0.8,
    ) as sandbox:
        neighbour = sandbox.create_code_context(language=language)
        execution = sandbox.run_code(program.code, language=language, timeout=program.seconds)
        error = execution.error
        if program.undefined:
            assert (None if error is None else error.name) in OUTCOMES_OF_UNDEFINED, error
        else:
            assert (None if error is None else error.name) == program.error, error
            assert error is None or program.message in error.message
            assert execution.context_state == program.state
            assert program.text is None or execution.text == program.text
        for context in (neighbour, sandbox.create_code_context(language=language)):
            after = sandbox.run_code(code, context=context)
            assert (after.text, after.logs.stdout, after.error) == (text, stdout, None)
    assert bystander.run_code("mine").text == "untouched"
