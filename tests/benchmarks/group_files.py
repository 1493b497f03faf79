"""Files, in memory, through the guest; natively in a folder for temporary files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from pywasm_sandbox import Sandbox

from .inside.filing import LARGE_BYTES, PROGRAMS, SMALL_FILES
from .interpreters import Guest, Interpreter, native, same_value, seconds
from .report import Group, Row
from .settings import Settings
from .timing import Sample, in_turns, pairwise, timed

__all__ = ["run"]


def run(settings: Settings) -> Group:
    memory = Path("/dev/shm")
    with (
        Sandbox() as sandbox,
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        native(settings.native, Path(folder)) as host,
    ):
        guest = Guest(sandbox)
        rows = []
        for name in PROGRAMS:
            same_value(name, guest, host)
            values = in_turns({"guest": _of(guest, name), "native": _of(host, name)}, settings.rounds(9, 3))
            factor, unit = _unit(name)
            rows.append(
                Row(
                    (PROGRAMS[name].__doc__ or name).partition(".")[0],
                    unit,
                    Sample.of(values["guest"]).scaled(factor),
                    native=Sample.of(values["native"]).median * factor,
                    ratio=pairwise(values["guest"], values["native"]),
                )
            )
        rows += _files_api(sandbox, settings)
    return Group("Files", rows, [f"Large files: {LARGE_BYTES >> 20} MiB. Native: {folder}"])


def _of(interpreter: Interpreter, program: str) -> Callable[[], float]:
    return lambda: seconds(interpreter, program)


def _unit(name: str) -> tuple[float, str]:
    return (1e6 / SMALL_FILES, "µs each") if name in ("small_files", "stats") else (1e3, "ms")


def _files_api(sandbox: Sandbox, settings: Settings) -> list[Row]:
    data = b"x" * LARGE_BYTES
    rounds = settings.rounds(9, 3)
    writing = [timed(lambda: sandbox.write_file("/workspace/api.bin", data)) for _ in range(rounds)]
    reading = [timed(lambda: sandbox.read_file("/workspace/api.bin", encoding=None)) for _ in range(rounds)]
    return [
        Row("write_file of 32 MiB", "ms", Sample.of(writing).scaled(1e3)),
        Row("read_file of 32 MiB", "ms", Sample.of(reading).scaled(1e3)),
    ]
