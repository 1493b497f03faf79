"""What the guests of all languages share: an interpreter in one instance, its requests and its events."""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from pywasm_sandbox._engine import (
    FILL,
    Deadline,
    EngineFailure,
    GuestExit,
    HostImport,
    Image,
    ImageMismatch,
    Instance,
    InstanceClosed,
    InterruptReason,
    LibraryMismatch,
    MemoryState,
    Program,
    Ticket,
)
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._wasi import Clocks, Fault, RandomSource, WasiHost, WasiLimits
from pywasm_sandbox.errors import SandboxError, SandboxInternalError, SnapshotMismatchError

from . import file_modes
from .base import Cell, Guest, GuestOptions, Listener, RunEnd, explain_loss
from .deferred import Deferred
from .hostcalls import HostCall, HostCalls
from .protocol import (
    Event,
    EventKind,
    Failed,
    Finished,
    Output,
    ProtocolError,
    Question,
    configure_request,
    decode_event,
    execute_request,
    renew_request,
)
from .reproducible import VirtualWaiter
from .state import GuestState, Relocate
from .stdio import OutputAssembler, StdioRing

__all__ = ["IMPORTS", "InterpreterGuest"]

FREE_ERROR_BYTES: Final = 64 << 10
"""An error of this size is reported even where the run has used up its output."""
UNPUBLISHED_BYTES: Final = 1 << 20
ADDRESSES: Final = ("ring", "words", "request", "iterators")
"""What the host has to know of a guest's memory."""
REQUEST_BYTES: Final = 16 << 10
"""What a request usually fits into: room for that much is made once, with the image."""

CHORE_SECONDS: Final = 10.0
"""For what a guest does for the host and not for a cell: microseconds, unless the guest is hostile."""
_MISMATCHES: Final = (ImageMismatch, LibraryMismatch, Fault, ValueError)


def _emit(guest: InterpreterGuest, kind: int, pointer: int, length: int) -> None:
    guest.on_emit(kind, pointer, length)


def _request(guest: InterpreterGuest, pointer: int, length: int) -> int:
    return guest.on_request(pointer, length)


def _response(guest: InterpreterGuest, pointer: int) -> None:
    guest.on_response(pointer)


def _stdio_drain(guest: InterpreterGuest) -> None:
    guest.drain()


def _thread_new(guest: InterpreterGuest, argument: int, stack_pointer: int) -> int:
    return guest.on_thread_new(argument, stack_pointer)


def _thread_switch(guest: InterpreterGuest, number: int) -> None:
    guest.on_thread_switch(number)


IMPORTS: Final = (
    HostImport("emit", "iii", "", _emit),
    HostImport("request", "ii", "i", _request),
    HostImport("response", "i", "", _response),
    HostImport("stdio_drain", "", "", _stdio_drain),
    HostImport("thread_new", "ii", "i", _thread_new),
    HostImport("thread_switch", "i", "", _thread_switch),
)


class _Quiet:
    """Hears nothing but the error."""

    def __init__(self) -> None:
        self.failed: Failed | None = None

    def post(self, event: Event) -> None:
        if isinstance(event, Failed):
            self.failed = event

    def publish(self, interrupted: Callable[[], bool]) -> None:
        pass

    def ask(self, question: Question, interrupted: Callable[[], bool]) -> None:
        """Nobody answers while an image is made."""

    def put(self, question: Question) -> None:
        """Nobody answers."""


def _no_image() -> Image:
    raise SandboxInternalError("this guest has no image to be compared with")


class InterpreterGuest(Guest):
    """One interpreter. A language adds what its interpreter is started with and how it is interrupted."""

    program_name: ClassVar[str]
    """What the interpreter sees as its own name."""
    word_count: ClassVar[int]
    """How many u32 `pywasm_interrupt_words` gives."""

    def __init__(
        self,
        program: Callable[[Image | None], Program],
        namespace: Namespace,
        options: GuestOptions,
        image: Callable[[], Image] | None = None,
        *,
        state: tuple[GuestState, Relocate] | None = None,
        base: Callable[[], Image] | None = None,
        reproducible: tuple[Clocks, RandomSource] | None = None,
    ) -> None:
        """``program`` (for an image, or for None) and ``image`` are asked for at boot, on the guest's thread:
        they may take a while.

        With a ``state`` the guest goes on from there. ``base`` gives the image that a guest booted from
        scratch is compared with. ``reproducible`` gives the clocks and the randomness of a guest whose memory
        shall be the same each time.
        """
        self._program = program
        self._image = image
        self._state = state
        self._first_request: bytes | None = None
        self._base = _no_image if base is None else base
        self._reproducible = reproducible
        self._namespace = namespace
        self._options = options
        self._instance: Instance | None = None
        self._ring: StdioRing | None = None
        self._listener: Listener | None = None
        self._assembler = OutputAssembler(
            self._on_output,
            max_bytes=options.max_output_bytes,
            max_results=options.max_results,
            max_result_bytes=options.max_result_bytes,
            by_line=options.world is not None,
        )
        self._unpublished = 0
        self._boot_output: list[str] = []
        self._host_calls = HostCalls({**file_modes.HANDLERS, **options.host_calls})
        # How long an answer takes must not decide which thread is next.
        self._deferred = Deferred(allowed=options.world is None)
        self._finished: Finished | None = None
        self._failed = False
        self._addresses: dict[str, Any] = {"iterators": ()}
        self._request_at = 0
        """Where the guest has room for a request of `REQUEST_BYTES`; 0: nowhere."""
        self._allow_input = False
        self._ticket: Ticket | None = None

    # ---- life ---------------------------------------------------------------------------------------

    def make_wasi(self, instance: Instance) -> WasiHost:
        """The guest's view of the world; called once by the engine."""
        world = self._options.world
        clocks, random_source = self._reproducible or (Clocks(self._options.clock_step_ns), None)
        if world is not None:
            clocks, random_source = world.clocks(), world.random_source()
        return WasiHost(
            self._namespace,
            instance.memory,
            args=(self.program_name,),
            env=self._options.env,
            stdout=self,
            stderr=self,
            clocks=clocks,
            random_source=random_source,
            waiter=instance.waiter if world is None else VirtualWaiter(instance.waiter, world.time),
            on_block=self._on_block,
            on_stdio=self.drain,
            limits=WasiLimits(open_files=self._options.max_open_files),
        )

    def boot(self) -> None:
        options = self._options
        if self._state is not None:
            image: Image | None = self._state[0].memory.image
        else:
            image = None if self._image is None else self._image()
        instance = self._program(image).instantiate(
            self.make_wasi, owner=self, limits=options.engine_limits, image=image
        )
        self._instance = instance
        instance.on_tick = self._on_tick
        try:
            if self._state is not None:
                self._resume(instance, *self._state)
                self._first_request = renew_request()
            elif image is None:
                self._start(instance)
                self._call_with("pywasm_handle", self._configuration(is_clone=False))
            else:
                self._clone(instance, image)
                self._first_request = self._configuration(is_clone=True)
            self._state = None
        except BaseException as failure:
            closed = instance.closed
            instance.close()
            if isinstance(failure, _MISMATCHES) and self._state is not None:
                raise SnapshotMismatchError(f"the snapshot can't be restored: {failure}") from failure
            if closed and isinstance(failure, EngineFailure | Fault):  # by somebody else, meanwhile
                raise InstanceClosed("the guest was closed while it booted") from failure
            if isinstance(failure, EngineFailure | GuestExit):
                output = "".join(self._boot_output).strip()
                raise SandboxInternalError(
                    f"the {self.language} guest did not boot: {failure}\n{output}"
                ) from failure
            raise

    def _start(self, instance: Instance) -> None:
        if instance.has_export(FILL):
            instance.call(FILL)
        instance.call("_initialize")
        ring = instance.call("pywasm_stdio_ring")
        self._ring = StdioRing(instance.memory, ring)
        self._call_with("pywasm_boot", self._boot_data())
        raw = instance.memory.read(instance.call("pywasm_interrupt_words"), 4 * self.word_count)
        words = struct.unpack(f"<{self.word_count}I", raw)
        self._arm(instance, words)
        self._request_at = instance.call("pywasm_alloc", REQUEST_BYTES)
        self._addresses |= {"ring": ring, "words": words, "request": self._request_at}

    @abstractmethod
    def _boot_data(self) -> bytes:
        """What `pywasm_boot` takes."""

    @abstractmethod
    def _arm(self, instance: Instance, words: Sequence[int]) -> None:
        """Have the engine interrupt the interpreter by its ``words``, those of `pywasm_interrupt_words`."""

    def _configuration(self, *, is_clone: bool) -> bytes:
        return configure_request(self._options.env, self._options.cwd, [""], is_clone=is_clone)

    def _clone(self, instance: Instance, image: Image) -> None:
        notes = image.notes
        MemoryState.of_image(image).apply(instance)
        self._attach(instance, notes)
        instance.wasi.clocks.never_before(notes["monotonic_ns"])
        instance.wasi.fds.skip_to(notes["next_fd"])

    def _resume(self, instance: Instance, state: GuestState, relocate: Relocate) -> None:
        state.memory.apply(instance)
        self._attach(instance, state.addresses)
        state.resume(instance.wasi, relocate)

    def _attach(self, instance: Instance, addresses: Mapping[str, Any]) -> None:
        self._addresses = {name: addresses[name] for name in ADDRESSES}
        self._request_at = addresses["request"]
        self._ring = StdioRing(instance.memory, addresses["ring"])
        self._arm(instance, addresses["words"])

    def state(self) -> GuestState:
        self._renew()
        instance = self._live()
        try:
            memory = MemoryState.capture(instance, self._base)
        except (ImageMismatch, LibraryMismatch) as failure:
            raise SandboxError(f"the context can't be copied: {failure}") from failure
        return GuestState.describe(instance.wasi, memory, self._addresses, self._namespace)

    def _renew(self) -> None:
        """Make a clone's own what it has from its image, before it runs for the first time: until then it
        writes no page, so that one that is only waiting costs next to nothing."""
        if self._first_request is not None:
            request, self._first_request = self._first_request, None
            # It runs in a memory that code of the user's may have changed, before any run and its deadline.
            self._call_with("pywasm_handle", request, deadline=Deadline.after(CHORE_SECONDS, 0.0))

    def capture(self, descriptor: int, notes: Mapping[str, Any]) -> Image:
        """Write an image of this guest, idle now, to an open, empty file. On a guest thread."""
        instance = self._live()
        fresh = instance.program.instantiate(self.make_wasi, owner=self)
        try:
            notes = {
                **notes,
                **self._addresses,
                "monotonic_ns": instance.wasi.clocks.monotonic_ns(),
                "next_fd": max(instance.wasi.fds.entries) + 1,
            }
            return Image.capture(instance, fresh, descriptor, notes)
        finally:
            fresh.close()

    def _call_with(
        self, export: str, data: bytes, *, deadline: Deadline | None = None, ticket: Ticket | None = None
    ) -> None:
        instance = self._live()
        pointer = self._request_at
        is_kept = len(data) <= REQUEST_BYTES and pointer != 0
        if not is_kept:
            pointer = instance.call("pywasm_alloc", len(data), deadline=Deadline.after(CHORE_SECONDS, 0.0))
        if pointer == 0:
            raise MemoryError(f"the guest has no memory for a request of {len(data)} bytes")
        try:
            instance.memory.write(pointer, data)
        except Fault as failure:
            if instance.closed:
                raise InstanceClosed("the guest was closed") from failure
            raise
        try:
            status = instance.call(export, pointer, len(data), deadline=deadline, ticket=ticket)
        finally:
            if not is_kept and instance.broken is None and not instance.closed:
                instance.call("pywasm_free", pointer, deadline=Deadline.after(CHORE_SECONDS, 0.0))
        if status != 0:
            output = "".join(self._boot_output).strip()
            raise SandboxInternalError(
                f"{export} of the {self.language} guest failed with status {status}\n{output}"
            )

    def _live(self) -> Instance:
        if self._instance is None:
            raise SandboxInternalError(f"the {self.language} guest was not booted")
        return self._instance

    def close(self) -> None:
        if self._instance is not None:
            self._instance.close()

    @property
    def memory_bytes(self) -> int:
        return 0 if self._instance is None else self._instance.memory_bytes

    # ---- running ------------------------------------------------------------------------------------

    def run(self, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        return self._execute(cell, listener, ticket)

    def _execute(
        self,
        cell: Cell,
        listener: Listener,
        ticket: Ticket,
        *,
        code: str | None = None,
        source_map: str | None = None,
    ) -> RunEnd:
        """Run a cell; ``code`` is what its own was compiled to, with the map of positions."""
        request = execute_request(
            cell.code if code is None else code,
            execution_count=cell.execution_count,
            env=cell.env,
            cwd=cell.cwd,
            allow_input=cell.allow_input,
            source=None if code is None else cell.code,
            source_map=source_map,
        )
        return self._carry_out(request, cell, listener, ticket)

    def _chore(self, request: bytes, timeout: float) -> Failed | None:
        """Have the interpreter do something that is no cell; how that failed, if it did."""
        quiet = _Quiet()
        end = self._carry_out(request, Cell("", 0, timeout=timeout), quiet, Ticket())
        return quiet.failed or end.lost

    def _carry_out(self, request: bytes, cell: Cell, listener: Listener, ticket: Ticket) -> RunEnd:
        try:
            self._renew()
        except (EngineFailure, GuestExit) as failure:
            return explain_loss(failure, cell)
        self._listener, self._ticket, self._finished, self._failed = listener, ticket, None, False
        self._allow_input = cell.allow_input
        self._assembler.start()
        # What else ran on this thread before is not the guest's CPU time.
        self._live().wasi.clocks.rebase_cpu()
        deadline = Deadline.after(cell.timeout, cell.grace_seconds)
        end: RunEnd
        try:
            self._call_with("pywasm_handle", request, deadline=deadline, ticket=ticket)
            end = RunEnd(finished=self._finished, lost=None if self._finished else _SILENT_GUEST)
        except MemoryError as failure:
            end = self._refuse(Failed("MemoryError", str(failure)))
        except SandboxInternalError:
            end = RunEnd(lost=_SILENT_GUEST)
        except (EngineFailure, GuestExit) as failure:
            end = explain_loss(failure, cell)
        finally:
            # The ring is empty: the last tick of the call took what was in it.
            self._assembler.finish()
            self._listener = self._ticket = None
        if self._assembler.truncated:
            if not self._failed and end.lost is None:
                # The code ended before the interrupt reached it.
                listener.post(_OUTPUT_LIMIT)
            end = RunEnd(end.finished, end.lost, truncated=True, closed=end.closed)
        return end

    def _refuse(self, failed: Failed) -> RunEnd:
        if self._listener is not None:
            self._listener.post(failed)
        return RunEnd(finished=Finished("error"))

    # ---- what the guest does --------------------------------------------------------------------------

    def write(self, fd: int, data: bytes) -> None:
        """`StdioSink`: a write to fd 1 or 2 that didn't go through the ring."""
        self._feed(fd, data)

    def drain(self) -> None:
        """Take what lies in the ring."""
        if self._ring is not None:
            for fd, data in self._ring.take():
                self._feed(fd, data)

    def _feed(self, fd: int, data: bytes) -> None:
        self._assembler.feed(fd, data)
        self._stop_at_limit()

    def _stop_at_limit(self) -> None:
        if self._assembler.truncated and self._ticket is not None and self._ticket.fired is None:
            self._ticket.interrupt(InterruptReason.OUTPUT_LIMIT)

    def _interrupted(self) -> bool:
        instance = self._live()
        return instance.broken is not None or instance.closed or instance.waiter.wait(0.0)

    def _on_output(self, output: Output) -> None:
        if self._listener is None:
            self._boot_output.append(output.text)
        else:
            self._listener.post(output)

    def _on_tick(self) -> None:
        self.drain()
        self._assembler.tick()
        # After its last event the run is as good as over: what is left comes with the end, and the caller's
        # thread is woken up once instead of twice.
        if self._listener is not None and self._finished is None:
            self._listener.publish(self._interrupted)

    def _on_block(self) -> None:
        self.drain()
        self._assembler.flush()
        if self._listener is not None:
            self._listener.publish(self._interrupted)

    def _post(self, event: Event) -> None:
        if self._listener is None:
            return
        if isinstance(event, Finished):
            self._finished = event
            return
        self._failed = self._failed or isinstance(event, Failed)
        self._listener.post(event)

    def on_emit(self, kind: int, pointer: int, length: int) -> None:
        """``pywasm.emit``: output written before the event comes before it."""
        if kind == EventKind.LOOKED:
            self._live().looked()
            return
        if kind == EventKind.ITERATORS and self._request_at == 0:
            data = self._live().memory.read(pointer, length)
            self._addresses["iterators"] = struct.unpack(f"<{length // 8}Q", data)
            return
        self.drain()
        self._assembler.flush()
        if kind == EventKind.DISPLAY and not self._assembler.charge_result(length):
            self._stop_at_limit()
            return
        if kind == EventKind.ERROR and length > FREE_ERROR_BYTES and not self._assembler.charge(length):
            self._stop_at_limit()
            self._post(_OUTPUT_LIMIT)
            return
        self._post(decode_event(kind, self._live().memory.read(pointer, length)))
        self._unpublished += length
        if self._unpublished > UNPUBLISHED_BYTES and self._listener is not None:
            # Ticks are no bound on what a flood of events makes the host hold.
            self._unpublished = 0
            self._listener.publish(self._interrupted)

    def on_request(self, pointer: int, length: int) -> int:
        """``pywasm.request``: the answer's length; `on_response` copies the answer."""
        refused = HostCalls.too_large(length)
        if refused is not None:
            return refused
        return self._host_calls.request(self._live().memory.read(pointer, length), self._make_call)

    def on_thread_new(self, argument: int, stack_pointer: int) -> int:
        """``pywasm.thread_new``: a stack that will begin with ``argument``; its number, or -1."""
        return self._live().strands.new(argument, stack_pointer) & 0xFFFF_FFFF

    def on_thread_switch(self, number: int) -> None:
        """``pywasm.thread_switch``: another stack goes on, until this one is switched to again."""
        try:
            self._live().strands.switch(number)
        except LookupError as error:
            raise ProtocolError(str(error)) from error

    def _make_call(self, op: str, arguments: Mapping[str, Any], size: int) -> HostCall:
        return HostCall(
            op,
            arguments,
            size,
            self._live().wasi,
            self._listener,
            self._allow_input,
            self._on_block,
            self._interrupted,
            self._deferred,
        )

    def on_response(self, pointer: int) -> None:
        """``pywasm.response``: copy the pending answer to where the guest made room for it."""
        self._live().memory.write(pointer, self._host_calls.take())


_OUTPUT_LIMIT: Final = Failed("OutputLimitExceeded", "the cell's output went over its limit")
_SILENT_GUEST: Final = Failed(
    "GuestCrash", "the guest's request handler ended without a word; the context's state is lost"
)
