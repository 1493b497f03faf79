"""Times one call of a program, in whatever interpreter this runs."""

from __future__ import annotations

import sys
import time

import computing  # type: ignore[import-not-found]  # this folder is on sys.path where this runs
import filing  # type: ignore[import-not-found]
import learning  # type: ignore[import-not-found]
import science  # type: ignore[import-not-found]
import threaded  # type: ignore[import-not-found]

__all__ = ["run", "serve"]

_ALL = {
    **computing.PROGRAMS,
    **filing.PROGRAMS,
    **science.PROGRAMS,
    **learning.PROGRAMS,
    **threaded.PROGRAMS,
}


def run(name: str) -> str:
    """One timed call: "seconds value", of processor time; of time on the wall where threads wait for each
    other."""
    program = _ALL[name]
    clock = time.perf_counter if name in threaded.PROGRAMS else time.process_time
    started = clock()
    value = program()
    return f"{clock() - started!r} {value!r}"


def serve() -> None:
    """Run the programs that are named on stdin, one a line, and print what `run` gives."""
    for line in sys.stdin:
        print(run(line.strip()), flush=True)


if __name__ == "__main__":
    print(sys.version.split()[0], flush=True)
    serve()
