"""Output: how much, and how soon."""

from __future__ import annotations

import time

from pywasm_sandbox import Sandbox

from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample

__all__ = ["run"]

LINES = 200_000


def run(settings: Settings) -> Group:
    with Sandbox() as sandbox:
        rows = [
            _lines(sandbox, settings, "logs", listen=False),
            _lines(sandbox, settings, "callback", listen=True),
            _latency(sandbox, settings),
        ]
    return Group("Output", rows)


def _lines(sandbox: Sandbox, settings: Settings, name: str, *, listen: bool) -> Row:
    values = []
    for _ in range(settings.rounds(5, 2)):
        heard: list[str] = []
        started = time.perf_counter()
        execution = sandbox.run_code(
            f"for i in range({LINES}): print(i)", on_stdout=heard.append if listen else None
        )
        values.append(time.perf_counter() - started)
        text = "".join(execution.logs.stdout)
        if text.count("\n") != LINES or (listen and "".join(heard) != text):
            raise RuntimeError("lines were lost")
    return Row(f"print 200,000 lines, to the {name}", "s", Sample.of(values), target=Target(1.0))


def _latency(sandbox: Sandbox, settings: Settings) -> Row:
    """From `print` to the callback, while the guest sleeps: its clock is the host's."""
    values: list[float] = []
    code = "import time\nfor _ in range({}):\n    print(time.time())\n    time.sleep(0.05)"
    sandbox.run_code(
        code.format(settings.rounds(40, 10)), on_stdout=lambda text: values.append(time.time() - float(text))
    )
    title = "a line printed before a sleep arrives"
    return Row(title, "ms", Sample.of(values).scaled(1e3), target=Target(20))
