"""What the user's code reads from the one who called `run_code`: input(), getpass and sys.stdin."""

from __future__ import annotations

import io

from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import TextIO

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

    def make_stdin(self) -> TextIO:
        """A new ``sys.stdin``."""
        stream = io.TextIOWrapper(io.BufferedReader(_InputFile(self)), "utf-8", "surrogateescape")
        stream.mode = "r"  # type: ignore[misc]  # as CPython does when it makes the streams
        return stream

    def ask(self, prompt: str, *, password: bool) -> str:
        """The caller's answer. Raises EOFError when it has no more, RuntimeError when the callback failed."""
        answer = wire.request({"op": "input", "prompt": prompt, "password": password})
        if "value" in answer:
            return str(answer["value"])
        if answer["error"] == "EOFError":
            raise EOFError(answer["message"])
        if answer["error"] == "RuntimeError":
            raise RuntimeError(answer["message"])
        raise RuntimeError(f"on_input failed: {answer['error']}: {answer['message']}")

    def input(self, prompt: object = "", /) -> str:
        """Ask the caller of run_code for a line."""
        if not self.allowed:
            raise RuntimeError(f"input() {_NO_INPUT}")
        return self.ask(str(prompt), password=False)

    def getpass(
        self, prompt: str = "Password: ", stream: object = None, *, echo_char: str | None = None
    ) -> str:
        """Ask the caller of run_code for a secret."""
        if not self.allowed:
            raise RuntimeError(f"getpass() {_NO_INPUT}")
        return self.ask(str(prompt), password=True)

    def patch_getpass(self, module: ModuleType) -> None:
        """There is no terminal to switch the echo off on."""
        module.getpass = self.getpass  # type: ignore[attr-defined]
