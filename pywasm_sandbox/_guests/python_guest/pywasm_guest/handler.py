"""Answers the host's requests."""

from __future__ import annotations

import os
import sys

from . import display, hooks, wire
from .aio import Loops
from .bundle import type_name, warn
from .cell import Compiler, Runner, clean
from .console import Console
from .history import History
from .interrupts import Gate
from .source import Sources
from .streams import StandardStreams
from .wire import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

    from .shell import Shell

__all__ = ["Session"]

_RESERVE_BYTES = 1 << 20
_REHEARSALS = 40


class _Surroundings:
    """The environment variables and the working directory of one run, and what they were before."""

    def __init__(self) -> None:
        self._env: dict[str, str | None] = {}
        self._cwd: str | None = None

    def enter(self, env: dict[str, str] | None, cwd: str | None) -> None:
        for key, value in (env or {}).items():
            self._env[key] = os.environ.get(key)
            os.environ[key] = value
        if cwd is not None:
            before = os.getcwd()
            os.chdir(cwd)
            self._cwd = before

    def leave(self) -> None:
        for key, value in self._env.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
        if self._cwd is not None:
            try:
                os.chdir(self._cwd)
            except OSError:  # the cell removed it
                pass


class _Account:
    """Of how a run ended: its failure, the limit that it ran into, and what is told of them."""

    def __init__(self, exception: BaseException | None, limit: BaseException | None) -> None:
        assert exception is not None
        self.exception = exception
        self.limit = limit
        self.is_exit = False
        self.exit_code = -1
        self.payload = ""

    def least(self) -> str:
        """What is told when there was no memory, or no time, for more."""
        name = quote(type_name(self.exception if self.limit is None else self.limit))
        return f'{{"name":{name},"message":"","traceback":[{name}],"line_number":null}}'


class Session:
    """The one context of this interpreter: `handle` is what the host calls."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.console = Console()
        self.streams = StandardStreams(self.console.make_stdin)
        self.sources = Sources()
        self.loops = Loops(self.sources)
        namespace = sys.modules["__main__"].__dict__
        self._namespace = namespace
        self._history = History(namespace)
        self._compiler = Compiler()
        self._runner = Runner(namespace, self.loops)
        self._shell: Shell | None = None
        self._filename = ""
        self._reserve: bytearray | None = bytearray(_RESERVE_BYTES)
        sys.displayhook = self._show

    def handle(self, request: bytes) -> None:
        """One request of the host; an exception out of here is a bug of ours."""
        message = wire.decode(request)
        operation = message["op"]
        if operation == "execute":
            self._execute(message)
        elif operation == "configure":
            self._configure(message)
        elif operation == "renew":
            _renew()
        elif operation == "preload":
            self._preload(message["modules"])
        elif operation == "program":
            self._program(message["argv"])
        else:
            raise ValueError(f"unknown operation {operation!r}")

    def _configure(self, message: dict[str, Any]) -> None:
        _set_environment(message["env"])
        _enter(message["cwd"])
        sys.argv[:] = message["argv"]
        if message.get("clone"):
            _renew()

    def _preload(self, modules: list[str]) -> None:
        self.gate.arm()
        failure = self.gate.attempt(_import_all, modules)
        if failure is None:
            self._rehearse()
            # It must be mortal, to be given back when memory is short.
            self._reserve = None
            _settle()
            self._renew_reserve()
        status, _ = self._conclude(failure, "<preload>")
        wire.emit(wire.DONE, f'{{"status":"{status}","exit_code":null,"execution_count":0}}')

    def _program(self, words: list[str]) -> None:
        from .program import Program

        self.gate.arm()
        self.console.step_aside()
        program = Program(words, self._namespace)
        failure = self.gate.attempt(program.run)
        from . import threads

        if not issubclass(type(failure), KeyboardInterrupt):
            late = self.gate.attempt(threads.finish)
            failure = late if failure is None else failure
        code = program.conclude(failure)
        wire.emit(wire.DONE, f'{{"status":"exit","exit_code":{code},"execution_count":0}}')

    def _rehearse(self) -> None:
        """Do what every clone does first, until the interpreter has specialised that code.

        Code that is still adapting writes to itself at each run, and each page that a clone writes is copied.
        """
        surroundings = {"env": dict(os.environ), "cwd": os.getcwd(), "argv": sys.argv[:], "clone": True}
        cell = {"code": "1+1", "execution_count": 0, "filename": "<rehearsal>", "store": False}
        for _ in range(_REHEARSALS):
            self._configure(surroundings)
            self._execute(cell)

    # ---- one cell ------------------------------------------------------------------------------------

    def _execute(self, message: dict[str, Any]) -> None:
        count = message["execution_count"]
        self.gate.arm()
        self.console.allowed = message.get("allow_input", False)
        self.streams.restore()
        source = clean(message["code"])
        filename = message.get("filename") or self.sources.name(count, source)
        surroundings = _Surroundings()
        failure = self.gate.attempt(self._run, message, surroundings, count, source, filename)
        failure = self.gate.cause(failure)
        if issubclass(type(failure), MemoryError):
            self._reserve = None  # all that follows needs a little
        for hook in hooks.post_cell:
            failure = self._with_hook(failure, hook)
        failure = self._with_threads(failure)
        surroundings.leave()
        self.console.allowed = False
        status, exit_code = self._conclude(failure, filename)
        if self._reserve is None and failure is None:
            self._renew_reserve()
        failure = None  # its traceback refers to this frame: a cycle would keep the cell's objects alive
        wire.emit(
            wire.DONE,
            f'{{"status":"{status}","exit_code":{"null" if exit_code is None else exit_code},'
            f'"execution_count":{count}}}',
        )

    def _run(
        self, message: dict[str, Any], surroundings: _Surroundings, count: int, source: str, filename: str
    ) -> None:
        env, cwd = message.get("env"), message.get("cwd")
        if env or cwd:
            surroundings.enter(env, cwd)
        self.sources.add(filename, source)
        self._filename = filename
        self._history.begin(count, source, message.get("store", True))
        # Each cell is a new place: a warning shown for line 1 of the last cell says nothing about this one.
        self._namespace.pop("__warningregistry__", None)
        self.loops.begin_cell()
        statements, expression = self._compile(source, filename)
        value = self._runner.run(statements, expression)
        if value is not None:
            self._runner.call(sys.displayhook, value)

    def _compile(self, source: str, filename: str) -> tuple[CodeType | None, CodeType | None]:
        """A cell that is no Python may be one with magics; plain ones don't pay for that."""
        try:
            return self._compiler.compile(source, filename)
        except SyntaxError:
            if not any(mark in source for mark in ("%", "!", "?", "pip ")):
                raise
            from .shell import transform

            python = transform(source)
            if python.rstrip("\n") == source.rstrip("\n"):
                raise
        return self._compiler.compile(python, filename)

    def shell(self) -> Shell:
        """What `get_ipython` returns."""
        if self._shell is None:
            from .shell import Shell

            self._shell = Shell(self)
        return self._shell

    def run_within(self, source: str) -> None:
        """Run code for a magic, within the cell that has it."""
        statements, expression = self._compile(source, self._filename)
        value = self._runner.run_within(statements, expression)
        if value is not None:
            sys.displayhook(value)

    def _show(self, value: object) -> None:
        """`sys.displayhook`: show a value and remember it."""
        if value is not None:
            display.show_result(value)
            self._history.remember(value)

    def _with_hook(self, failure: BaseException | None, hook: Callable[[], object]) -> BaseException | None:
        raised = self.gate.attempt(self._runner.call, hook)
        return raised if failure is None else failure

    def _with_threads(self, failure: BaseException | None) -> BaseException | None:
        """Let threads do what they can; those of an interrupted cell end."""
        if "threading" not in sys.modules:
            return failure
        from . import threads

        if failure is None:
            failure = self.gate.attempt(threads.settle)
        if self.gate.reached_limit() is not None or issubclass(type(failure), KeyboardInterrupt):
            threads.stop()
        return failure

    # ---- how it ended --------------------------------------------------------------------------------

    def _conclude(self, failure: BaseException | None, filename: str) -> tuple[str, int | None]:
        """Report what went wrong, if anything did; the status and exit code of the run."""
        limit = self.gate.reached_limit()
        if failure is None and limit is None:
            return "ok", None
        # What describes a failure may be the cell's own code, and never end. Whatever comes of it, the host
        # hears how the run ended.
        account = _Account(failure if failure is not None else limit, limit)
        self.gate.attempt(self._account, account, filename, held=True)
        if account.is_exit:
            return "exit", account.exit_code
        wire.emit(wire.ERROR, account.payload or account.least())
        return "error", None

    def _account(self, account: _Account, filename: str) -> None:
        exception, limit = account.exception, account.limit
        # Never isinstance, or the truth of an exception: its class may be hostile.
        if limit is None and issubclass(type(exception), SystemExit):
            account.is_exit = True
            account.exit_code = _exit_code(exception)
            return
        out_of_memory = issubclass(type(exception), MemoryError)
        if out_of_memory:
            self._reserve = None
        account.payload = self._describe(exception, limit, filename)
        if not out_of_memory:  # what filled the memory must not be kept alive
            from . import errors

            errors.keep_as_last(exception, self.sources)

    def _describe(self, exception: BaseException, limit: BaseException | None, filename: str) -> str:
        from . import errors

        # The limit's own exception says it best when nothing else came of it.
        other = None if exception is limit else limit
        try:
            failure = errors.report(exception, self.sources, filename, other)
        except BaseException:
            failure = errors.fallback(exception, self.sources, filename, other)
        return wire.encode(
            {
                "name": failure.name,
                "message": failure.message,
                "traceback": failure.traceback,
                "line_number": failure.line_number,
            }
        )

    def _renew_reserve(self) -> None:
        try:
            self._reserve = bytearray(_RESERVE_BYTES)
        except MemoryError:
            pass


def _enter(folder: str) -> None:
    """Change to the context's directory. Other contexts may have removed it: then it is made again, and if
    that can't be, the context starts at the root."""
    try:
        os.chdir(folder)
    except OSError:
        try:
            os.makedirs(folder, exist_ok=True)
            os.chdir(folder)
        except OSError:
            os.chdir("/")


def _set_environment(env: dict[str, str]) -> None:
    # Only what differs: a clone has its image's environment, and each change is one in C's environment too.
    for key in os.environ.keys() - env.keys():
        del os.environ[key]
    for key, value in env.items():
        if os.environ.get(key) != value:
            os.environ[key] = value


def _import_all(modules: list[str]) -> None:
    for name in modules:
        __import__(name)


def _settle() -> None:
    # What clones would import at their first error, and what their collections need not look at.
    from . import clone

    clone.settle()


def _renew() -> None:
    from . import clone

    clone.renew()


def _exit_code(exception: BaseException) -> int:
    """The exit code of a SystemExit as CPython derives it; a message goes to stderr."""
    # A subclass' own idea of `code` does not get in between.
    code: object = SystemExit.__dict__["code"].__get__(exception)
    if code is None:
        return 0
    if isinstance(code, int):
        return int(code) if -(1 << 31) <= code < 1 << 31 else -1
    try:
        text = str(code)
    except BaseException:
        text = "<exit code str() failed>"
    warn(text)
    return 1
