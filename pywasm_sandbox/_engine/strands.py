"""Several stacks in one instance, of which one runs at a time.

A *strand* is a call into the guest that can stop in the middle of a host call while another one goes on: each
is on a guest thread of its own, and they hand a baton to each other. The guest decides who is next
(build/runtime/threads.c); this only carries it out. The first strand, number 0, is the instance's call.

What belongs to a stack and not to the instance is exchanged with each switch: the stack pointer in linear
memory, and wasmtime's words (`store_words`). A strand lives as long as its function runs, over many calls of
the instance; between calls it stands still.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .failures import EngineUnavailable, InstanceClosed
from .store_words import StoreWords

if TYPE_CHECKING:
    from .instance import Instance
    from .threads import Handle

__all__ = ["Strands"]

_ENTRY = "pywasm_thread"
_STACK_POINTER = "__stack_pointer"


class _Strand:
    """One stack: what it takes to go on with it."""

    __slots__ = ("argument", "baton", "handle", "number", "stack_pointer", "started", "words")

    def __init__(self, number: int, argument: int, stack_pointer: int) -> None:
        self.number = number
        self.argument = argument
        self.stack_pointer = stack_pointer
        self.words = StoreWords.IDLE
        self.started = number == 0
        self.baton = threading.Lock()
        self.baton.acquire()
        self.handle: Handle[None] | None = None


class Strands:
    """The strands of an instance. All but `unwind` is called in a host call of the one that runs."""

    def __init__(self, instance: Instance, max_wasm_stack: int) -> None:
        self._instance = instance
        self._max_wasm_stack = max_wasm_stack
        self._words: StoreWords | None = None
        self._main = self._current = _Strand(0, 0, 0)
        self._all: dict[int, _Strand] = {0: self._main}
        self._next_number = 1
        self._ending = False
        self.ticks = 0
        """How long the one that runs has been running."""

    @property
    def count(self) -> int:
        """How many there are besides the first."""
        return len(self._all) - 1

    @property
    def on_first(self) -> bool:
        """Whether the first one runs."""
        return self._current is self._main

    def new(self, argument: int, stack_pointer: int) -> int:
        """Make a strand that will call the guest's `pywasm_thread(argument)`: its number, or -1."""
        instance = self._instance
        if self.count >= instance.limits.threads:
            return -1
        if self._words is None:
            words = StoreWords(instance.export(_ENTRY).func)
            words.check(self._max_wasm_stack)
            self._words = words
        strand = _Strand(self._next_number, argument, stack_pointer)
        try:
            strand.handle = instance.engine.threads.submit(lambda: self._run(strand))
        except EngineUnavailable:  # no memory for a stack, or too many threads in the process
            return -1
        self._next_number += 1
        self._all[strand.number] = strand
        return strand.number

    def switch(self, number: int) -> None:
        """Go on with another strand; returns when somebody switches back.

        Raises `LookupError` if there is none of that number.
        """
        target = self._all.get(number)
        if target is None:
            raise LookupError(f"the guest switched to thread {number}, which doesn't exist")
        me = self._current
        if target is me:
            return
        assert self._words is not None
        me.words, me.stack_pointer = self._words.read(), self._instance.global_get(_STACK_POINTER)
        self._leave()
        self._hand_over(target)
        me.baton.acquire()
        self._take_over(me)

    def unwind(self) -> None:
        """End all strands but the first: the guest code on them is over. While no call runs."""
        self._ending = True
        for strand in list(self._all.values()):
            if strand.handle is not None:
                self._current = strand
                strand.baton.release()
                strand.handle.wait()
        self._all = {0: self._main}
        self._current = self._main

    # ---- inside

    def _leave(self) -> None:
        """What the present thread used is counted, before another one takes over."""
        instance = self._instance
        instance.wasi.clocks.process_cpu_ns()
        if instance.ticket is not None:
            instance.ticket.tick()

    def _hand_over(self, target: _Strand) -> None:
        self._current = target
        self.ticks = 0
        target.baton.release()

    def _take_over(self, me: _Strand) -> None:
        instance = self._instance
        assert self._words is not None
        self._words.write(me.words)
        instance.global_set(_STACK_POINTER, me.stack_pointer)
        if self._ending:
            raise InstanceClosed("the guest was closed")
        instance.moved()

    def _run(self, me: _Strand) -> None:
        """A strand's life, on its own thread."""
        instance = self._instance
        me.baton.acquire()
        if self._ending:
            return
        slot = instance.engine.slot
        slot.instance = instance
        try:
            self._take_over(me)
            number = instance.invoke(instance.export(_ENTRY), (me.argument,))
            target = self._all.get(number)
            if target is None or target is me:
                raise LookupError(f"the guest switched to thread {number}, which doesn't exist")
            self._leave()
        except BaseException as error:
            # All of them end with it: the first one is trapped, and whoever called it hears why.
            instance.fail(error)
            target = self._main
        finally:
            slot.instance = None
        del self._all[me.number]
        if not self._ending:
            self._hand_over(target)
