"""The JavaScript guest: quickjs-ng in one instance, and the code in ``js_guest/`` that runs inside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from pywasm_sandbox._engine import Instance, InterruptWords

from .interpreter import InterpreterGuest
from .protocol import Failed, configure_request, settle_request
from .tree import SCRIPT_CODE

__all__ = ["JavaScriptGuest"]

_MAIN: Final = f"{SCRIPT_CODE}/repl/main.js"
RESERVED_BYTES: Final = 16 << 20
"""What is no part of JavaScript's heap: the stack, and room to report that memory is out."""


class JavaScriptGuest(InterpreterGuest):
    """One QuickJS runtime."""

    language: ClassVar[str] = "javascript"
    program_name: ClassVar[str] = "node"
    word_count: ClassVar[int] = 2

    def _boot_data(self) -> bytes:
        return _MAIN.encode()

    def _configuration(self, *, is_clone: bool) -> bytes:
        options = self._options
        heap = max(options.memory_bytes - RESERVED_BYTES, 1 << 20)
        return configure_request(options.env, options.cwd, [""], is_clone=is_clone, heap_bytes=heap)

    def _arm(self, instance: Instance, words: Sequence[int]) -> None:
        instance.arm_interrupts(InterruptWords(writes=((words[0], 1),), reason_address=words[1]))

    def settle(self, timeout: float) -> Failed | None:
        """Make the heap fit for an image; how that failed, if it did. On a guest thread."""
        return self._chore(settle_request(), timeout)
