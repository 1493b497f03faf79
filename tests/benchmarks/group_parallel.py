"""Two contexts at once: the GIL is free while a guest runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pywasm_sandbox import Sandbox

from .interpreters import Guest, Interpreter, native, seconds
from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample, in_turns, timed

__all__ = ["run"]

PROGRAMS = ("integers", "objects", "strings", "small_files")
REPEATS = 5


def run(settings: Settings) -> Group:
    with (
        Sandbox() as sandbox,
        native(settings.native) as one,
        native(settings.native) as two,
        ThreadPoolExecutor(2) as pool,
    ):
        guests, hosts = (Guest(sandbox, "/workspace/one"), Guest(sandbox, "/workspace/two")), (one, two)
        rows = []
        for program in PROGRAMS:
            measures = {}
            for name, pair in (("guest", guests), ("native", hosts)):
                if name == "native" and program == "small_files":
                    continue  # it would litter the current directory
                measures[f"{name} one"] = _alone(pair, program, pool)
                measures[f"{name} two"] = _together(pair, program, pool)
            in_turns(measures, 1)
            rows.append(_row(program, in_turns(measures, settings.rounds(9, 3))))
    note = f"Speed-up: twice the work in two contexts (natively: processes) over one; {os.cpu_count()} cores"
    return Group("Two contexts in parallel", rows, [note])


def _work(interpreter: Interpreter, program: str) -> None:
    for _ in range(REPEATS):
        seconds(interpreter, program)


def _alone(pair: Sequence[Interpreter], program: str, pool: ThreadPoolExecutor) -> Callable[[], float]:
    return lambda: timed(lambda: pool.submit(_work, pair[0], program).result())


def _together(pair: Sequence[Interpreter], program: str, pool: ThreadPoolExecutor) -> Callable[[], float]:
    return lambda: timed(lambda: list(pool.map(lambda each: _work(each, program), pair)))


def _row(program: str, values: dict[str, list[float]]) -> Row:
    def speed_ups(name: str) -> Sample:
        return Sample.of(
            2 * one / two for one, two in zip(values[f"{name} one"], values[f"{name} two"], strict=True)
        )

    ours = speed_ups("guest")
    if "native one" not in values:
        return Row(program.replace("_", " "), "×", ours)
    theirs = speed_ups("native").median
    # As near to 2 as the machine gives to two native processes.
    return Row(
        program.replace("_", " "),
        "×",
        ours,
        native=theirs,
        ratio=ours.median / theirs,
        target=Target(0.9, of="ratio", at_least=True),
    )
