"""Importing without garbage collections in between."""

from __future__ import annotations

import gc
import subprocess
import sys

COUNTED = """
import gc
import pywasm_sandbox
{before}
phases = []
gc.callbacks.append(lambda phase, info: phases.append((phase, info["generation"])))
from pywasm_sandbox import Sandbox
gc.callbacks.clear()
print(phases, gc.isenabled(), gc.get_freeze_count() > 0, gc.get_count()[0] < 10_000)
"""


def _imported(before: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", COUNTED.format(before=before)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_the_collector_is_paused_and_goes_on_with_nothing_to_catch_up_on() -> None:
    assert _imported("pass") == "[] True False True"


def test_a_collector_that_is_off_stays_off() -> None:
    assert _imported("gc.disable()").startswith("[] False False")


def test_what_somebody_froze_stays_frozen() -> None:
    assert _imported("gc.freeze()").startswith("[] True True")


def test_a_failing_import_leaves_the_collector_on() -> None:
    from pywasm_sandbox._importing import import_in_one_go

    try:
        import_in_one_go("pywasm_sandbox.there_is_no_such_module")
    except ModuleNotFoundError:
        pass
    assert gc.isenabled()
