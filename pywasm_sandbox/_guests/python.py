"""The Python guest: CPython 3.14 in one instance, and the code in ``python_guest/`` that runs inside it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import ClassVar, Final

from pywasm_sandbox._engine import Instance, InterruptWords, TurnWords

from .interpreter import InterpreterGuest
from .iterators import iterator_traps
from .protocol import Failed, preload_request
from .tree import USER_SITE

__all__ = ["GUEST_CODE", "LIBRARY", "PACKAGES", "PythonGuest"]

LIBRARY: Final = "/usr/lib/python3.14"
PACKAGES: Final = f"{LIBRARY}/site-packages"
GUEST_CODE: Final = "/usr/lib/pywasm"
SYS_PATH: Final = (
    "/workspace",
    LIBRARY,
    PACKAGES,
    USER_SITE,
    GUEST_CODE,
    f"{GUEST_CODE}/shims",
)
REPRODUCIBLE_HASH_SEED: Final = 3_141_592_653


class PythonGuest(InterpreterGuest):
    """One CPython interpreter."""

    language: ClassVar[str] = "python"
    program_name: ClassVar[str] = "python3"
    word_count: ClassVar[int] = 7

    def _boot_data(self) -> bytes:
        lines = [f"sys_path={path}" for path in SYS_PATH]
        # The interpreter's own choice is not random on WASI.
        lines += ["argv=", "boot_module=pywasm_guest.boot", f"hash_seed={self._hash_seed()}"]
        return "\n".join(lines).encode() + b"\n"

    def _hash_seed(self) -> int:
        if self._options.world is not None:
            return self._options.world.hash_seed
        return secrets.randbelow(1 << 32) if self._reproducible is None else REPRODUCIBLE_HASH_SEED

    def _arm(self, instance: Instance, words: Sequence[int]) -> None:
        instance.arm_interrupts(
            InterruptWords(
                writes=((words[0], 1), (words[1], 1), (words[2], 2)),
                reason_address=words[3],
                pending_address=words[1],
                traps=lambda: iterator_traps(instance, self._addresses["iterators"]),
                turns=TurnWords(words[4], words[5], words[6], preempt=self._options.world is None),
            )
        )

    def preload(self, modules: Sequence[str], timeout: float) -> Failed | None:
        """Import modules; how that failed, if it did. On a guest thread, before anything else runs."""
        return self._chore(preload_request(modules), timeout)
