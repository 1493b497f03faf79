"""One guest: a store with an instance, and everything that may happen to a call into it."""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from pywasm_sandbox._wasi import Fault, GuestExit, Memory

from . import memories
from .capi import EXTERN_SIZE, VAL_SIZE, ExternKind
from .failures import (
    EngineFailure,
    EngineUnavailable,
    GuestTrap,
    HostFailure,
    InstanceBroken,
    InstanceClosed,
    TrapKind,
)
from .interrupts import Action, Deadline, InterruptWords, Ticket, TurnWords
from .limits import Limits
from .loader import Loader
from .passive import FILL
from .strands import Strands
from .trampoline import raw_struct
from .wake import Wake

if TYPE_CHECKING:
    from pywasm_sandbox._wasi import WasiHost, WatchedFd

    from .image import Image
    from .memories import Region
    from .program import Program

__all__ = ["Instance", "InstanceWaiter"]

logger = logging.getLogger("pywasm_sandbox")

T = TypeVar("T")

MAX_TABLES = 4
"""A program has one, wasm-bindgen's two; a side module shares its program's."""

TURN_TICKS = 3
"""A thread that computes gives the others a turn after so many ticks."""

TICKS_TO_LOOK = 5
"""A guest that ran for so many ticks and didn't look at its interrupt is in a loop that never does."""

_MASKS = {"i": 0xFFFF_FFFF, "I": 0xFFFF_FFFF_FFFF_FFFF}


class Export:
    """A callable export: the function, how its arguments are packed and its result read."""

    __slots__ = ("buffer", "decode", "encode", "func", "masks", "name")

    def __init__(self, name: str, func: bytes, params: str, results: str) -> None:
        if "?" in params + results or set(params + results) - set("iI") or len(results) > 1:
            raise TypeError(f"export {name!r} has type ({params}) -> ({results}); only integers will do")
        self.name = name
        self.func = func
        self.masks = tuple(_MASKS[letter] for letter in params)
        self.encode = raw_struct(params).pack_into
        self.decode = raw_struct(results).unpack_from if results else None
        self.buffer = ctypes.c_char * (16 * max(len(params), len(results), 1))


class InstanceWaiter:
    """`_wasi`'s Waiter: sleeps of a guest that end early when it is interrupted, killed or closed."""

    __slots__ = ("_instance",)

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def wait(self, seconds: float | None) -> bool:
        """Sleep on the guest's thread. True: a soft interrupt was delivered, the guest must look at it now.

        Raises `GuestTrap` or `InstanceClosed` when the guest has to end the hard way.
        """
        return self._instance.wait(seconds)

    def wait_for(self, fds: Sequence[WatchedFd], seconds: float | None) -> bool:
        """As `wait`, but it ends when a descriptor of the host is ready, too, and after `wake`."""
        return self._instance.wait_for(fds, seconds)

    def wake(self) -> None:
        """End the present `wait_for`, or the next one. From any thread."""
        self._instance.wake()


class Instance:
    """A running module. Made by `Program.instantiate`.

    Calls come one at a time, each on a guest thread. Everything else may come from any thread.
    """

    def __init__(
        self,
        program: Program,
        wasi: Callable[[Instance], WasiHost],
        owner: object,
        limits: Limits,
        image: Image | None = None,
    ) -> None:
        self._store: int | None = None
        self.program = program
        self.engine = engine = program.engine
        self.limits = limits
        self.owner = owner
        self.failure: BaseException | None = None
        """What a host function raised during the running call, for the trampolines."""
        self.broken: BaseException | None = None
        self.on_tick: Callable[[], None] | None = None
        self.memory = Memory()
        self.waiter = InstanceWaiter(self)
        self.loader = Loader(self)
        self.holdings: list[object] = []
        """What must live as long as the linear memory, such as the ranges that are mapped into it."""
        self.region: Region | None = None
        """Its linear memory, where that is ours (`memories`)."""
        self.strands = Strands(self, engine.max_wasm_stack)
        self._words: InterruptWords | None = None
        self._words_dirty = False
        self._pending_ticks = 0
        """For how many ticks the guest has run without looking at its interrupt."""
        self._trapped: dict[int, bytes] = {}
        """What was in the table where `InterruptWords.traps` are now."""
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._wake = Wake()
        self._woken = False
        self._ticket: Ticket | None = None
        self._thread = 0
        self.host_calls = 0
        """How many functions of the host the guest has called."""
        self._tick_at = 0.0
        self._calls_at_tick = 0
        self._closing = False
        self._exports: dict[str, Export] = {}
        self._externs: dict[str, bytes | None] = {}
        self._require_guest_thread()
        self.wasi = wasi(self)
        c = self._c = engine.c
        store: int = c.store_new(engine.pointer, None, None)
        self._store = store
        self.context: int = c.store_context(store)
        c.store_limiter(
            store, limits.memory_bytes, limits.table_elements, limits.side_modules + 1, MAX_TABLES, 1
        )
        c.store_epoch_deadline_callback(store, engine.epoch_callback, None, None)
        self.handle = (ctypes.c_char * 16)()
        engine.register(self)
        self._guarded(lambda: self._instantiate(image), Ticket(), None)

    def __del__(self) -> None:
        # May run at any moment on any thread, also while that thread holds the engine's lock: takes none.
        if getattr(self, "_store", None) is not None and not self.engine.lost:
            self._drop()

    # ---- calls

    def call(
        self, export: str, *arguments: int, deadline: Deadline | None = None, ticket: Ticket | None = None
    ) -> int:
        """Call an exported function; its result, unsigned (0 if it has none).

        On a guest thread. A host function may call back into its guest (`deadline` and `ticket` are the
        outer call's then). Raises `GuestTrap`, `GuestExit`, `HostFailure` (the instance is broken after any
        of them), `InstanceBroken`, `InstanceClosed`; `LookupError` and `TypeError` for an export that isn't
        there or takes other arguments.
        """
        if self.engine.slot.instance is self:
            return self._invoke(export, arguments)
        self._require_guest_thread()
        return self._guarded(
            lambda: self._invoke(export, arguments), Ticket() if ticket is None else ticket, deadline
        )

    def exclusively(
        self, work: Callable[[], T], deadline: Deadline | None = None, ticket: Ticket | None = None
    ) -> T:
        """Do something with the memory, on a guest thread, as if it were a call: nobody frees it meanwhile.
        Calls in it are part of it.

        Raises `InstanceClosed` or `InstanceBroken` if there is no memory any more. An `EngineFailure` in it
        breaks the instance.
        """
        return self._guarded(work, Ticket() if ticket is None else ticket, deadline)

    def has_export(self, name: str) -> bool:
        """Whether the module exports something of that name."""
        return self.extern(name) is not None

    def global_get(self, name: str) -> int:
        """An exported i32 or i64 global, unsigned."""
        val = (ctypes.c_char * VAL_SIZE)()
        self._c.global_get(self.context, self._global(name), val)
        size = 4 if val.raw[0] == 0 else 8
        return int.from_bytes(val.raw[8 : 8 + size], "little")

    def global_set(self, name: str, value: int) -> None:
        """Set an exported mutable i32 or i64 global."""
        val = (ctypes.c_char * VAL_SIZE)()
        self._c.global_get(self.context, self._global(name), val)
        size = 4 if val.raw[0] == 0 else 8
        ctypes.memmove(ctypes.addressof(val) + 8, (value % (1 << 8 * size)).to_bytes(size, "little"), size)
        if error := self._c.global_set(self.context, self._global(name), val):
            raise TypeError(f"global {name!r}: {self._c.take_error(error)}")

    @property
    def memory_bytes(self) -> int:
        """Size of the linear memory now; 0 once the instance is closed or broken."""
        return self.memory.size

    @property
    def memory_address(self) -> int:
        """Where the host has the linear memory; it never moves. For images."""
        address: int = self._c.memory_data(self.context, self._memory_extern())
        return address

    def grow_memory(self, pages: int) -> bool:
        """Grow the linear memory by so many pages of 64 KiB; False if its limits don't allow that."""
        error = self._c.memory_grow(
            self.context, self._memory_extern(), pages, ctypes.byref(ctypes.c_uint64())
        )
        if error is not None:
            self._c.take_error(error)
            return False
        self.memory.refresh()
        return True

    # ---- interrupts

    def arm_interrupts(self, words: InterruptWords) -> None:
        """Where soft interrupts go; without this there are only hard ones. Raises `Fault`."""
        for address, _ in words.writes:
            self.memory.get_u32(address)
        if words.reason_address is not None:
            self.memory.get_u32(words.reason_address)
        if words.turns is not None:
            self.memory.get_u32(words.turns.running_address)
            self.memory.get_u32(words.turns.wanted_address)
        self._words = words

    def interrupt(self, reason: int, grace_s: float = 1.0) -> bool:
        """Interrupt the call that runs right now, as `Ticket.interrupt`; False if none does."""
        ticket = self._ticket
        return ticket is not None and ticket.interrupt(reason, grace_s)

    def kill(self) -> bool:
        """Stop the call that runs right now the hard way; False if none does."""
        ticket = self._ticket
        return ticket is not None and ticket.kill()

    def wait(self, seconds: float | None) -> bool:
        """See `InstanceWaiter.wait`."""
        return self._wait(seconds, (), wakeable=False)

    def wait_for(self, fds: Sequence[WatchedFd], seconds: float | None) -> bool:
        """See `InstanceWaiter.wait_for`."""
        return self._wait(seconds, fds, wakeable=True)

    def wake(self) -> None:
        """See `InstanceWaiter.wake`."""
        self._woken = True
        self._wake.set()

    def _wait(self, seconds: float | None, fds: Sequence[WatchedFd], wakeable: bool) -> bool:
        ticket = self._ticket
        if ticket is None:
            raise RuntimeError("only a running call can wait")
        now = time.monotonic()
        end = None if seconds is None else now + seconds
        while True:
            self._wake.clear()
            if self._check(ticket, now):
                return True
            if wakeable and self._woken:
                self._woken = False
                return False
            left = None if end is None else end - now
            if left is not None and left <= 0:
                return False
            event = ticket.seconds_to_next(now)
            pause = event if left is None else left if event is None else min(left, event)
            if fds:
                self._wake.wait_with(fds, pause)
                return self._check(ticket, time.monotonic())
            self._wake.wait(pause)
            now = time.monotonic()

    # ---- the end

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closing

    def close(self) -> None:
        """Free everything. A running call is killed and waited for (from its own thread: not waited for)."""
        if self.engine.lost:  # a forked child: the locks may be held by threads that aren't there
            self._closing = True
            return
        with self._lock:
            self._closing = True
            ticket = self._ticket
            if ticket is not None:
                ticket.kill()
                if self._thread == threading.get_ident():
                    return
                while self._ticket is not None:
                    self._idle.wait()
            self._drop()
        self.engine.unregister(self)

    # ---- for trampolines, strands and the loader, on the guest's thread

    @property
    def ticket(self) -> Ticket | None:
        """The running call's."""
        return self._ticket

    def moved(self) -> None:
        """The call goes on on this thread."""
        self._thread = threading.get_ident()
        self.wasi.clocks.rebase_cpu()
        if self._ticket is not None:
            self._ticket.on_thread()

    def fail(self, error: BaseException) -> None:
        """A host function raised; the guest is being trapped. The first one counts."""
        if self.failure is None:
            self.failure = error

    def tick(self) -> bool:
        """10 ms of guest code went by; False: stop it."""
        if self.on_tick is not None:
            self.on_tick()
        if self.failure is not None:
            return False
        ticket = self._ticket
        if ticket is not None:
            if self._words_dirty:
                self._pending_ticks = self._pending_ticks + 1 if self._is_pending() else 0
                if self._trapped and not self._pending_ticks:
                    self._remove_traps()
            ticket.tick()
            self._check(ticket, time.monotonic())
            if self.strands.count:
                self._give_turns()
            if self.limits.host_calls_per_second is not None:
                self._slow_down(self.limits.host_calls_per_second)
        return True

    def _give_turns(self) -> None:
        """Others may go on if the thread that runs has done so for a while."""
        words = self._words
        self.strands.ticks += 1
        if words is None or words.turns is None or not words.turns.preempt:
            return
        if self.strands.ticks >= TURN_TICKS and self.memory.get_u32(words.turns.wanted_address):
            self._ask_for_turn(words.turns)

    def _ask_for_turn(self, turns: TurnWords) -> None:
        state = self.memory.get_u32(turns.running_address)
        if state:
            address = (state + turns.offset) & 0xFFFF_FFFF
            self.memory.set_u32(address, self.memory.get_u32(address) | 1)

    def _slow_down(self, calls_per_second: int) -> None:
        """Sleep away what host calls the guest made too many since the last tick."""
        now = time.monotonic()
        earned = (now - self._tick_at) * calls_per_second
        debt = self.host_calls - self._calls_at_tick - min(earned, calls_per_second)
        if debt > 0:
            self.wait(debt / calls_per_second)
        self._tick_at, self._calls_at_tick = time.monotonic(), self.host_calls

    def extern(self, name: str) -> bytes | None:
        """An export as a `wasmtime_extern_t`."""
        found = self._externs.get(name, b"")
        if found == b"":
            found = self._externs[name] = self.export_of(self.handle, name)
        return found

    def export_of(self, handle: ctypes.Array[ctypes.c_char], name: str) -> bytes | None:
        """An export of an instance in this store."""
        if self._store is None:
            return None
        extern = (ctypes.c_char * EXTERN_SIZE)()
        encoded = name.encode("utf-8", "surrogateescape")
        found = self._c.instance_export_get(self.context, handle, encoded, len(encoded), extern)
        return extern.raw if found else None

    def invoke(self, export: Export, arguments: tuple[int, ...]) -> int:
        """Call a function of this store within the running call."""
        if len(arguments) != len(export.masks):
            raise TypeError(
                f"export {export.name!r} takes {len(export.masks)} integers, got {len(arguments)}"
            )
        buffer = export.buffer()
        export.encode(buffer, 0, *[value & mask for value, mask in zip(arguments, export.masks, strict=True)])
        trap = ctypes.c_void_p()
        error = self._c.func_call_unchecked(
            self.context, export.func, buffer, len(buffer) // 16, ctypes.byref(trap)
        )
        if error is not None or trap.value is not None:
            raise self.failed(error, trap.value)
        if export.decode is None:
            return 0
        result: int = export.decode(buffer)[0]
        return result

    def invoke_raw(self, name: str, func: bytes) -> None:
        """Call a function of this store that takes and returns nothing."""
        self.invoke(Export(name, func, "", ""), ())

    def failed(self, error: int | None, trap: int | None) -> BaseException:
        """The exception for what wasmtime returned, whose pointers are freed."""
        code, report = None, ""
        if error is not None:
            report = self._c.take_error(error)
        if trap is not None:
            code, report = self._c.take_trap(trap)
        failure = self.failure
        if failure is None:
            # A trap without a code comes as an error; one that has no backtrace was no guest's doing.
            if trap is not None or "wasm backtrace" in report:
                failure = GuestTrap.from_report(code, report)
            else:
                failure = EngineUnavailable(report)
            self.failure = failure
        elif not isinstance(failure, (EngineFailure, GuestExit)):
            original = failure
            if isinstance(original, Fault):
                failure = GuestTrap(TrapKind.MEMORY_OUT_OF_BOUNDS, "the guest gave the host a bad pointer")
            else:
                failure = HostFailure(original)
            failure.__cause__ = original
            self.failure = failure
        return failure

    def export(self, name: str) -> Export:
        """A callable export. Raises `LookupError`, `TypeError`."""
        found = self._exports.get(name)
        if found is None:
            extern = self.extern(name)
            if extern is None or extern[0] != ExternKind.FUNC:
                raise LookupError(f"module {self.program.module.name!r} exports no function {name!r}")
            func = extern[8:24]
            signature = self.program.signatures.get(name)
            if signature is None:
                signature = self.program.signatures[name] = self._c.func_signature(self.context, func)
            found = self._exports[name] = Export(name, func, *signature)
        return found

    # ---- inside

    def _invoke(self, export: str, arguments: tuple[int, ...]) -> int:
        return self.invoke(self.export(export), arguments)

    def _guarded(self, fn: Callable[[], T], ticket: Ticket, deadline: Deadline | None) -> T:
        """Run `fn`, which calls the guest, as the instance's one call."""
        slot, ticker = self.engine.slot, self.engine.ticker
        ticker.enter()
        previous = slot.instance
        try:
            self._begin(ticket, deadline)
        except BaseException:
            ticker.leave()
            raise
        slot.instance = self
        try:
            self._c.context_set_epoch_deadline(self.context, 1)
            try:
                return fn()
            except (EngineFailure, GuestExit) as error:
                self.broken = error
                raise
        finally:
            try:
                self._end(ticket)
            finally:
                ticker.leave()
                slot.instance = previous

    def _begin(self, ticket: Ticket, deadline: Deadline | None) -> None:
        if self.engine.lost:
            raise InstanceBroken(EngineUnavailable("the process was forked; make a new one in the child"))
        with self._lock:
            if self._closing:
                raise InstanceClosed("the guest was closed")
            if self.engine.stopping:
                raise InstanceClosed("the interpreter is shutting down")
            if self.broken is not None:
                raise InstanceBroken(self.broken)
            if self._ticket is not None:
                raise RuntimeError("the guest is busy with another call; a guest takes one call at a time")
            ticket.begin(deadline, self._wake.set)
            self._tick_at, self._calls_at_tick = time.monotonic(), self.host_calls
            self._ticket = ticket
            self._thread = threading.get_ident()

    def _end(self, ticket: Ticket) -> None:
        ticket.end()
        try:
            if self.on_tick is not None and self._store is not None:
                self._last_tick()
        finally:
            if self._words_dirty:
                self._clear_words()
            with self._lock:
                self._ticket = None
                if self._closing or self.broken is not None:
                    self._drop()
                self._idle.notify_all()
            if self._store is None:
                self.engine.unregister(self)

    def _last_tick(self) -> None:
        try:
            assert self.on_tick is not None
            self.on_tick()
        except Exception as error:
            if self.broken is None:
                raise HostFailure(error) from error
            logger.exception("the tick hook failed after the guest had")

    def _check(self, ticket: Ticket, now: float) -> bool:
        """Do what is due; whether a soft interrupt was delivered. Raises for a hard one."""
        action = ticket.due(now)
        if action is Action.NONE:
            return False
        if action is Action.HARD:
            if self._closing:
                raise InstanceClosed("the guest was closed while it ran")
            if ticket.killed:
                raise GuestTrap(TrapKind.KILLED, "the guest was killed")
            raise GuestTrap(
                TrapKind.INTERRUPTED,
                "the guest did not react to an interrupt within the grace period",
                reason=ticket.fired,
            )
        words = self._words
        if words is not None:
            try:
                # A thread that was not scheduled had no occasion to look.
                if self._pending_ticks >= TICKS_TO_LOOK:
                    self._set_traps(words)
                self._words_dirty = True
                if words.reason_address is not None:
                    self.memory.set_u32(words.reason_address, ticket.fired or 0)
                for address, mask in words.writes:
                    self.memory.set_u32(address, self.memory.get_u32(address) | mask)
                if words.turns is not None and not self.strands.on_first:
                    self._ask_for_turn(words.turns)  # signals are the first thread's
            except Fault:  # memory never shrinks, so the guest is gone
                pass
        return True

    def _is_pending(self) -> bool:
        """Whether the guest has not looked at the last interrupt."""
        address = None if self._words is None else self._words.pending_address
        return address is not None and self.memory.get_u32(address) != 0

    def _set_traps(self, words: InterruptWords) -> None:
        if words.traps is None or self._trapped:
            return
        for slot, other in words.traps().items():
            before, instead = self.loader.element(slot), self.loader.element(other)
            if before is not None and instead is not None:
                self._trapped[slot] = before
                self.loader.set_element(slot, instead)

    def looked(self) -> None:
        """The guest looks at its interrupt: from now on nothing need fail any more. Within a call."""
        self._remove_traps()

    def _remove_traps(self) -> None:
        trapped, self._trapped = self._trapped, {}
        for slot, before in trapped.items():
            self.loader.set_element(slot, before)

    def _clear_words(self) -> None:
        """The call is over, so must its interrupt be, or the guest's next call would find it."""
        self._words_dirty = False
        self._pending_ticks = 0
        words = self._words
        if words is None or self.broken is not None:
            return
        self._remove_traps()
        for address, mask in words.writes:
            self.memory.set_u32(address, self.memory.get_u32(address) & ~mask & 0xFFFF_FFFF)
        if words.reason_address is not None:
            self.memory.set_u32(words.reason_address, 0)

    def _instantiate(self, image: Image | None) -> int:
        trap = ctypes.c_void_p()
        # What a module writes at its instantiation would be lost under a memory that holds an image already.
        spares = None if image is None or self.program.writes_memory else image.spares
        with memories.making(spares) as made:
            error = self._c.instance_pre_instantiate(
                self.program.pre, self.context, self.handle, ctypes.byref(trap)
            )
        if error is not None or trap.value is not None:
            raise self.failed(error, trap.value)
        self.region = made.region
        self.program.writes_memory = not self.has_export(FILL)
        extern = self.extern("memory")
        if extern is not None and extern[0] == ExternKind.MEMORY:
            memory, c, context = extern[8:], self._c, self.context
            data, size = c.memory_data, c.memory_data_size
            self.memory.attach(lambda: c.view(data(context, memory), size(context, memory)))
        return 0

    def _global(self, name: str) -> bytes:
        extern = self.extern(name)
        if extern is None or extern[0] != ExternKind.GLOBAL:
            raise LookupError(f"module {self.program.module.name!r} exports no global {name!r}")
        return extern[8:]

    def _memory_extern(self) -> bytes:
        extern = self.extern("memory")
        if extern is None or extern[0] != ExternKind.MEMORY:
            raise LookupError(f"module {self.program.module.name!r} exports no memory")
        return extern[8:]

    def _drop(self) -> None:
        """Free the store. With the lock held, and no call running."""
        if self._store is not None and self.strands.count:
            self.strands.unwind()
        store, self._store = self._store, None
        if store is None:
            return
        self.memory.detach()
        self._externs.clear()
        self._exports.clear()
        self.loader.forget()
        try:
            self.wasi.close()
        except Exception:
            logger.exception("closing the guest's files failed")
        self._wake.close()
        if self.broken is not None and self.region is not None:
            self.region.origin = None  # nothing of a guest that trapped is used again
        self._c.store_delete(store)
        self.holdings.clear()

    def _require_guest_thread(self) -> None:
        if not self.engine.threads.on_guest_thread():
            raise RuntimeError("guests run on guest threads (GuestThreads.run): other stacks are too small")
