"""Threads of the guest, which take turns, beside the host's own."""

from __future__ import annotations

from collections.abc import Callable

from pywasm_sandbox import Sandbox

from .inside.threaded import COUNTS, PROGRAMS
from .interpreters import Guest, Interpreter, native, same_value, seconds
from .report import Group, Row
from .settings import Settings
from .timing import Sample, in_turns, load_now, pairwise

__all__ = ["run"]


def run(settings: Settings) -> Group:
    with Sandbox() as sandbox, native(settings.native) as host:
        guest = Guest(sandbox)
        rows = []
        for name in PROGRAMS:
            same_value(name, guest, host)
            values = in_turns({"guest": _of(guest, name), "native": _of(host, name)}, settings.rounds(15, 5))
            factor = 1e6 / COUNTS[name]
            rows.append(
                Row(
                    (PROGRAMS[name].__doc__ or name).rstrip("."),
                    "µs",
                    Sample.of(values["guest"]).scaled(factor),
                    native=Sample.of(values["native"]).median * factor,
                    ratio=pairwise(values["guest"], values["native"]),
                )
            )
    return Group(
        "Threads, time on the wall",
        rows,
        [f"Versions: guest {guest.version}, native {host.version}", f"Load: {load_now()}"],
    )


def _of(interpreter: Interpreter, program: str) -> Callable[[], float]:
    return lambda: seconds(interpreter, program)
