"""Threads that fork, snapshot, restore, restart, crash and delete the same contexts at once."""

from __future__ import annotations

import gc
import random
import threading
from collections.abc import Callable

from pywasm_sandbox import Context, Sandbox, SandboxError, Snapshot
from pywasm_sandbox._sandbox.runtime import Runtime

THREADS, STEPS = 4, 60
CODE = """
v = globals().get('x')
assert v is None or (v[0], v[-1]) == (7, 9), v[0]
x = bytearray(3_000_000)
x[0], x[-1] = 7, 9
"""


class Player:
    """One thread's steps, chosen by a seed."""

    def __init__(self, sandbox: Sandbox, seed: int) -> None:
        self.sandbox = sandbox
        self.random = random.Random(seed)
        self.snapshots: list[Snapshot] = []
        self.wrong: list[str] = []
        self.steps: dict[str, Callable[[Context], object]] = {
            "run": self.run,
            "run again": self.run,
            "fork": lambda context: self.run(context.fork()),
            "fork files": lambda context: context.fork(share_files=False),
            "snapshot": lambda context: self.snapshots.append(context.snapshot()),
            "snapshot all": lambda context: sandbox.snapshot(),
            "restore": lambda context: [context.restore(each) for each in self.snapshots[-1:]],
            "start": lambda context: [
                sandbox.create_code_context(snapshot=each) for each in self.snapshots[-1:]
            ],
            "crash": lambda context: context.run_code("import os; os._exit(1)"),
            "restart": lambda context: context.restart(),
            "delete": self.delete,
        }

    def run(self, context: Context) -> None:
        error = context.run_code(CODE).error
        if error is not None:
            self.wrong.append(f"{error.name}: {error.message}")

    def delete(self, context: Context) -> None:
        if len(self.sandbox.list_code_contexts()) > 6:
            context.delete()

    def play(self) -> None:
        for _ in range(STEPS):
            name = self.random.choice(sorted(self.steps))
            try:
                self.steps[name](self.random.choice(self.sandbox.list_code_contexts()))
            except SandboxError as error:
                if "Internal" in type(error).__name__:
                    self.wrong.append(f"{name}: {error!r}")
            except BaseException as error:
                self.wrong.append(f"{name}: {error!r}")


def test_nothing_but_what_is_documented_comes_of_it() -> None:
    arena = Runtime.shared().engine.arena
    gc.collect()
    before = 0 if arena is None else arena.stored_bytes
    with Sandbox(max_live_contexts=5, max_contexts=30, on_crash="restore") as sandbox:
        sandbox.run_code(CODE)
        players = [Player(sandbox, seed) for seed in range(THREADS)]
        threads = [threading.Thread(target=player.play) for player in players]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [player.wrong for player in players] == [[]] * THREADS
        players[0].run(sandbox.list_code_contexts()[-1])
        assert players[0].wrong == []
    del players, threads
    # A context that was being put away when the sandbox closed takes a moment more.
    for _ in range(1000):
        gc.collect()
        if arena is None or arena.stored_bytes == before:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{arena.stored_bytes - before} bytes of memory are left")
