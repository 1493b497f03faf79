"""Pure-Python programs, with a deadline armed (so with epochs)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from pywasm_sandbox import Sandbox

from .inside.computing import PROGRAMS
from .interpreters import Guest, Interpreter, Peer, native, same_value, seconds
from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample, geometric_mean, in_turns, load_now, pairwise

__all__ = ["run"]


def run(settings: Settings) -> Group:
    with ExitStack() as stack:
        guest = Guest(stack.enter_context(Sandbox()))
        host = stack.enter_context(native(settings.native))
        everyone: dict[str, Interpreter] = {"guest": guest, "native": host}
        if settings.peer is not None:
            everyone["peer"] = stack.enter_context(Peer(settings.peer))
        rows = [_row(name, everyone, settings) for name in PROGRAMS]
        versions = ", ".join(f"{name} {each.version}" for name, each in everyone.items())
    rows.append(
        Row(
            "geometric mean",
            "ms",
            ratio=geometric_mean([row.ratio for row in rows if row.ratio is not None]),
            target=Target(2.1, of="ratio"),
            note=_peer_note(rows),
        )
    )
    notes = [f"Versions: {versions}", f"Load: {load_now()}"]
    return Group("Pure Python, deadline armed, processor time", rows, notes)


def _peer_note(rows: list[Row]) -> str:
    ratios = [row.peer / row.native for row in rows if row.peer is not None and row.native is not None]
    return f"(peer {geometric_mean(ratios):.2f}×)" if ratios else ""


def _row(name: str, everyone: dict[str, Interpreter], settings: Settings) -> Row:
    same_value(name, *everyone.values())

    def of(interpreter: Interpreter) -> Callable[[], float]:
        return lambda: seconds(interpreter, name)

    values = in_turns(
        {each: of(interpreter) for each, interpreter in everyone.items()}, settings.rounds(15, 5)
    )
    return Row(
        name.replace("_", " "),
        "ms",
        Sample.of(values["guest"]).scaled(1e3),
        native=Sample.of(values["native"]).median * 1e3,
        ratio=pairwise(values["guest"], values["native"]),
        peer=Sample.of(values["peer"]).median * 1e3 if "peer" in values else None,
    )
