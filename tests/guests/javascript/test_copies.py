"""Snapshots of JavaScript contexts, in memory and in files, beside Python's."""

from __future__ import annotations

from pathlib import Path

from pywasm_sandbox import Sandbox, Snapshot


def test_a_snapshot_file(tmp_path: Path) -> None:
    path = tmp_path / "both.snapshot"
    with Sandbox() as sandbox:
        sandbox.run_code(
            "let state = { n: 1, list: [1, 2] }; const add = (x) => state.list.push(x)", language="js"
        )
        sandbox.run_code("import os; total = 5")
        sandbox.run_code("require('fs').writeFileSync('/workspace/f', 'kept')", language="js")
        sandbox.snapshot().save(path)
    with Sandbox(snapshot=Snapshot.load(path)) as restored:
        assert restored.run_code("add(9); state.list", language="js").text == "[ 1, 2, 9 ]"
        assert (
            restored.run_code("require('fs').readFileSync('/workspace/f', 'utf8')", language="js").text
            == "kept"
        )
        assert restored.run_code("total").text == "5"


def test_restoring_a_context() -> None:
    with Sandbox() as sandbox:
        context = sandbox.create_code_context(language="javascript")
        sandbox.run_code("var x = 1", context=context)
        snapshot = context.snapshot()
        sandbox.run_code("x = 2; delete globalThis.Array", context=context)
        context.restore(snapshot)
        assert sandbox.run_code("[x]", context=context).text == "[ 1 ]"


def test_crash_and_hard_deadline_restore_the_last_snapshot() -> None:
    with Sandbox(on_crash="restore", grace_seconds=0.2) as sandbox:
        context = sandbox.create_code_context(language="javascript")
        sandbox.run_code("var kept = 'yes'", context=context)
        context.snapshot()
        execution = sandbox.run_code("'x'.repeat(5e7).split('').length", context=context, timeout=0.1)
        assert execution.error is not None
        assert execution.error.name == "ExecutionTimeout"
        assert execution.context_state in ("restored", "kept")
        assert sandbox.run_code("kept", context=context).text == "yes"


def test_hibernation() -> None:
    with Sandbox(max_live_contexts=1) as sandbox:
        first = sandbox.create_code_context(language="javascript")
        sandbox.run_code("var n = 41", context=first)
        second = sandbox.create_code_context(language="javascript")
        sandbox.run_code("var n = 1", context=second)
        assert sandbox.run_code("n + 1", context=first).text == "42"
