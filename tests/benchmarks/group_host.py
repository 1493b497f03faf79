"""What calls out of a guest cost."""

from __future__ import annotations

from pywasm_sandbox import Sandbox

from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample

__all__ = ["run"]

CALLS = 200

_CALLING = f"""
import time
from host import lookup
started = time.perf_counter()
for _ in range({CALLS}):
    lookup("key", limit=3)
(time.perf_counter() - started) / {CALLS}
"""


def lookup(key: str, limit: int = 1) -> dict[str, int]:
    """What a small tool looks like."""
    return {key: limit}


def run(settings: Settings) -> Group:
    with Sandbox(tools=[lookup]) as sandbox:
        rows = [_tool(sandbox, settings)]
    return Group("Calls out of the sandbox", rows)


def _tool(sandbox: Sandbox, settings: Settings) -> Row:
    values = [float(sandbox.run_code(_CALLING).text or "nan") for _ in range(settings.rounds(30, 8))]
    sample = Sample.of(values).scaled(1e6)
    return Row("host tool, two arguments, a dict back", "µs", sample, target=Target(100))
