"""What the user's code reads from the one who called `run_code`: input(), getpass and sys.stdin."""

from __future__ import annotations

import builtins
import io
import sys

from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, TextIO

__all__ = ["Console"]

_NO_INPUT = "needs an on_input callback: pass on_input=… to run_code"


class _InputFile(io.RawIOBase):
    """File descriptor 0: each line is a question to the host; the end of file when there is nobody to ask."""

    name = "<stdin>"
    mode = "rb"

    def __init__(self, console: Console) -> None:
        self._console = console
        self._line = b""

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # always a memoryview in practice
        if not self._line and self._console.allowed:
            try:
                self._line = self._console.ask("", password=False).encode("utf-8", "surrogateescape") + b"\n"
            except EOFError:
                return 0
        size = min(len(buffer), len(self._line))
        buffer[:size] = self._line[:size]
        self._line = self._line[size:]
        return size


class Console:
    """The question channel; ``allowed`` says whether this run's caller answers."""

    def __init__(self) -> None:
        self.allowed = False
        self._stdin: TextIO | None = None
        self._aside = False
        self._replaced: list[tuple[Any, str, Callable[..., object]]] = []

    def step_aside(self) -> None:
        """For a program, which has a standard input of its own: the functions are CPython's again, and in
        nobody's traceback."""
        for owner, name, original in self._replaced:
            setattr(owner, name, original)
        self._aside = True

    def make_stdin(self) -> TextIO:
        """A new ``sys.stdin``."""
        stream = io.TextIOWrapper(io.BufferedReader(_InputFile(self)), "utf-8", "surrogateescape")
        stream.mode = "r"  # type: ignore[misc]  # as CPython does when it makes the streams
        self._stdin = stream
        return stream

    def ask(self, prompt: str, *, password: bool) -> str:
        """The caller's answer. Raises EOFError when it has no more, RuntimeError when the callback failed."""
        wire.flush()
        question = {"op": "input", "prompt": prompt, "password": password, **wire.patience()}
        reply = wire.decode(wire.later(wire.exchange(wire.encode(question).encode("utf-8", "replace"))))
        if "error" not in reply:
            return str(reply["value"])
        if reply["error"] in ("EOFError", "RuntimeError"):
            raise wire.failure(reply)
        raise RuntimeError(f"on_input failed: {reply['error']}: {reply['message']}")

    def make_input(self) -> Callable[..., str]:
        """The built-in `input`: asks the caller of run_code, unless the code put in a stdin of its own."""
        read_line = builtins.input
        self._replaced.append((builtins, "input", read_line))

        def input(prompt: object = "", /) -> str:
            if getattr(sys, "stdin", None) is not self._stdin:
                return read_line(prompt)
            if not self.allowed:
                raise RuntimeError(f"input() {_NO_INPUT}")
            return self.ask(str(prompt), password=False)

        _pass_for(input, read_line)
        return input

    def patch_getpass(self, module: ModuleType) -> None:
        """There is no terminal to switch the echo off on."""
        if self._aside:
            return
        read_secret = module.getpass
        self._replaced.append((module, "getpass", read_secret))

        def getpass(
            prompt: str = "Password: ", stream: TextIO | None = None, *, echo_char: str | None = None
        ) -> str:
            if getattr(sys, "stdin", None) is not self._stdin:
                options = {} if echo_char is None else {"echo_char": echo_char}
                return read_secret(prompt, stream, **options)  # type: ignore[no-any-return]
            if not self.allowed:
                raise RuntimeError(f"getpass() {_NO_INPUT}")
            return self.ask(str(prompt), password=True)

        _pass_for(getpass, read_secret)
        getpass.__name__ = getpass.__qualname__ = "getpass"
        module.getpass = getpass  # type: ignore[attr-defined]


def _pass_for(function: Callable[..., object], original: Callable[..., object]) -> None:
    """Give a replacement the name, module and documentation of what it replaces."""
    function.__name__ = original.__name__
    function.__qualname__ = original.__qualname__
    function.__module__ = original.__module__
    function.__doc__ = original.__doc__
