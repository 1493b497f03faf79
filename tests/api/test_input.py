"""input(), getpass and sys.stdin: questions to the caller."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio


async def test_input_without_a_callback_is_explained(shared: Any) -> None:
    execution = await shared.run_code("input('name? ')")
    assert execution.error.name == "RuntimeError"
    assert execution.error.message.startswith("input() needs an on_input callback")
    assert execution.error.line_number == 1
    secret = await shared.run_code("import getpass\ngetpass.getpass()")
    assert secret.error.message.startswith("getpass() needs an on_input callback")


async def test_input_asks_with_the_prompt(shared: Any) -> None:
    prompts: list[str] = []

    def answer(prompt: str) -> str:
        prompts.append(prompt)
        return f"answer {len(prompts)} \u00e9\U0001f600"

    execution = await shared.run_code("a = input('first? ')\nb = input()\n(a, b)", on_input=answer)
    assert prompts == ["first? ", ""]
    assert execution.text == "('answer 1 \u00e9\U0001f600', 'answer 2 \u00e9\U0001f600')"


async def test_output_before_the_question_arrives_first(shared: Any) -> None:
    events: list[str] = []

    def answer(prompt: str) -> str:
        events.append(f"ask {prompt}")
        return "x"

    await shared.run_code(
        "print('before')\ninput('?')\nprint('after')", on_stdout=events.append, on_input=answer
    )
    assert events == ["before\n", "ask ?", "after\n"]


async def test_the_end_of_input(shared: Any) -> None:
    execution = await shared.run_code("input()", on_input=lambda prompt: None)
    assert execution.error.name == "EOFError"
    assert (await shared.run_code("import sys\nsys.stdin.read()", on_input=lambda prompt: None)).text == ""


async def test_stdin_is_empty_without_a_callback(shared: Any) -> None:
    assert (await shared.run_code("import sys\nsys.stdin.read(), sys.stdin.readline()")).text == "('', '')"


async def test_stdin_reads_lines(shared: Any) -> None:
    lines = iter(["one", "two", None, None])
    execution = await shared.run_code(
        "import sys\n[line for line in sys.stdin]", on_input=lambda prompt: next(lines)
    )
    assert execution.text == "['one\\n', 'two\\n']"


async def test_getpass_asks_too(shared: Any) -> None:
    prompts: list[str] = []

    def answer(prompt: str) -> str:
        prompts.append(prompt)
        return "secret"

    execution = await shared.run_code("import getpass\ngetpass.getpass('key: ')", on_input=answer)
    assert execution.text == "secret"
    assert prompts == ["key: "]


async def test_an_answer_that_is_no_text_is_refused(shared: Any) -> None:
    with pytest.raises(TypeError, match="on_input must return a str, or None"):
        await shared.run_code("input()", on_input=lambda prompt: 5)
    assert (await shared.run_code("'usable'")).text == "usable"


async def test_a_failing_on_input_ends_the_call_and_keeps_the_context(shared: Any) -> None:
    await shared.run_code("before = 1")

    def fail(prompt: str) -> str:
        raise LookupError("no answer")

    with pytest.raises(LookupError, match="no answer"):
        await shared.run_code("input()", on_input=fail)
    assert (await shared.run_code("before")).text == "1"


async def test_an_answer_of_several_lines_is_one_answer(shared: Any) -> None:
    execution = await shared.run_code("input()", on_input=lambda prompt: "a\nb")
    assert execution.text == "a\nb"


async def test_a_large_answer(shared: Any) -> None:
    execution = await shared.run_code("len(input())", on_input=lambda prompt: "x" * 3_000_000)
    assert execution.text == "3000000"


async def test_breakpoint_works_with_input(shared: Any) -> None:
    commands = iter(["p value", "c"])
    execution = await shared.run_code(
        "value = 41 + 1\nbreakpoint()\n'after'", on_input=lambda prompt: next(commands)
    )
    assert execution.error is None
    assert execution.text == "after"
    assert "42\n" in "".join(execution.logs.stdout)
