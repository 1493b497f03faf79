"""What a cell and a context cost."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from pywasm_sandbox import Context, ContextClosedError, Sandbox

from .interpreters import Peer
from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample, in_turns, repeat, timed

__all__ = ["run"]

CELLS_IN_A_ROW = 25


def run(settings: Settings) -> Group:
    with Sandbox() as sandbox:
        context = sandbox.create_code_context()
        rows = [
            *_cells(sandbox, context, settings),
            _fresh_contexts(sandbox, settings),
            _timeout(sandbox, context, "while True: pass", "a loop", settings),
            _timeout(sandbox, context, "import time; time.sleep(30)", "a sleep", settings),
            _sibling(sandbox, context, settings),
        ]
    return Group("Cells and contexts", rows)


def _cells(sandbox: Sandbox, context: Context, settings: Settings) -> list[Row]:
    def cell(code: str) -> Callable[[], float]:
        return lambda: timed(lambda: sandbox.run_code(code, context=context))

    codes = ("1+1", "x = 1", "print(1)")
    measures = {code: cell(code) for code in codes}
    values: dict[str, list[float]] = {}
    with ExitStack() as stack:
        if settings.peer is not None:
            peer = stack.enter_context(Peer(settings.peer))
            measures["peer"] = lambda: peer.run("cell")[0]
        for _ in range(settings.rounds(20, 4)):
            for name, measure in measures.items():
                in_turns({name: measure}, 5)
                values.setdefault(name, []).extend(in_turns({name: measure}, CELLS_IN_A_ROW)[name])
    peer_ms = Sample.of(values["peer"]).median * 1e3 if "peer" in values else None
    return [
        Row(
            f"cell in a warm context: {code}",
            "ms",
            Sample.of(values[code]).scaled(1e3),
            peer=peer_ms if code == "1+1" else None,
            target=Target(0.3) if code == "1+1" else None,
        )
        for code in codes
    ]


def _fresh_contexts(sandbox: Sandbox, settings: Settings) -> Row:
    values = []
    for _ in range(settings.rounds(15, 5)):
        started = time.perf_counter()
        context = sandbox.create_code_context()
        sandbox.run_code("1+1", context=context)
        values.append(time.perf_counter() - started)
        sandbox.delete_code_context(context)
    return Row("create a context and run its first cell", "ms", Sample.of(values).scaled(1e3))


def _timeout(sandbox: Sandbox, context: Context, code: str, name: str, settings: Settings) -> Row:
    values = []
    for _ in range(settings.rounds(15, 5)):
        started = time.perf_counter()
        execution = sandbox.run_code(code, context=context, timeout=0.1)
        values.append(time.perf_counter() - started - 0.1)
        if execution.error is None or execution.context_state != "kept":
            raise RuntimeError(f"{code!r} was not interrupted softly: {execution}")
    title = f"{name} ends after its deadline, context kept"
    return Row(title, "ms", Sample.of(values).scaled(1e3), target=Target(20))


def _sibling(sandbox: Sandbox, context: Context, settings: Settings) -> Row:
    """A trivial cell while another context of the sandbox computes in another thread."""
    busy = sandbox.create_code_context()
    started = threading.Event()

    def compute() -> None:
        code = "print('go')\nwhile True: pass"
        with contextlib.suppress(ContextClosedError):
            sandbox.run_code(code, context=busy, timeout=None, on_stdout=lambda _: started.set())

    runner = threading.Thread(target=compute)
    runner.start()
    started.wait()
    try:
        values = repeat(lambda: sandbox.run_code("1+1", context=context), settings.rounds(300, 100))
    finally:
        sandbox.delete_code_context(busy)
        runner.join()
    return Row("1+1 while another context computes", "ms", Sample.of(values).scaled(1e3))
