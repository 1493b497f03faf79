"""What a copy of a context does before its first run is code in a hostile guest's memory, too."""

from __future__ import annotations

import pytest

from pywasm_sandbox import Sandbox
from pywasm_sandbox._guests import interpreter

ENDLESS = """
import pywasm_guest.clone as clone, itertools
def renew():
    for _ in itertools.count():
        pass
clone.renew = renew
x = 7
"""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "CHORE_SECONDS", 0.5)


def test_a_fork_that_never_ends_renewing_itself_is_lost() -> None:
    with Sandbox() as sandbox:
        context = sandbox.create_code_context()
        context.run_code(ENDLESS)
        twin = context.fork()
        execution = twin.run_code("x", timeout=60)
        assert execution.error is not None
        assert (execution.error.name, execution.context_state) == ("ExecutionTimeout", "lost")
        assert context.run_code("x").text == "7"
        assert twin.run_code("1 + 1").text == "2"


def test_a_fork_that_renews_itself_as_it_should_is_kept() -> None:
    with Sandbox() as sandbox:
        context = sandbox.create_code_context()
        context.run_code(ENDLESS.replace("itertools.count()", "range(1000)"))
        twin = context.fork()
        execution = twin.run_code("x")
        assert (execution.text, execution.context_state) == ("7", "kept")
