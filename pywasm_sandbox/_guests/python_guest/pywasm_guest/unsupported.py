"""What the sandbox does not have: threads, processes, timers that signal.

The modules import as ever; a call raises the exception type that callers of that API are prepared for, with
a message that says what there is instead.
"""

from __future__ import annotations

import _thread
import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, NoReturn

    from .hooks import ImportHooks

__all__ = ["install"]

_NO_THREADS = (
    "can't start new thread: the sandbox runs one thread per context. "
    "Call the function directly, or use asyncio (asyncio.to_thread runs it inline)"
)
_DEADLOCK = (
    "deadlock: this would wait for another thread, and the sandbox runs one thread per context. "
    "Give a timeout, or use asyncio"
)
_NO_PROCESSES = (
    "an interpreter in the sandbox can't be copied. "
    "Call the function directly, or run a command with subprocess"
)
_NO_SIGNALS = (
    "no signal but SIGINT exists in the sandbox. Use run_code's timeout, or asyncio.timeout in a coroutine"
)
_PROCESS_NAMES = """
    fork forkpty execl execle execlp execlpe execv execve execvp execvpe
    spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe posix_spawn posix_spawnp
    wait wait3 wait4 waitid killpg getppid setsid setpgid nice pipe2
"""
_MULTIPROCESSING_NAMES = """
    Manager Pipe Lock RLock Condition Semaphore BoundedSemaphore Event Barrier
    Queue JoinableQueue SimpleQueue Pool
"""
_SIGNAL_NAMES = """
    alarm setitimer getitimer pause pthread_kill pthread_sigmask sigwait sigwaitinfo sigtimedwait sigpending
    siginterrupt set_wakeup_fd SIGALRM ITIMER_REAL ITIMER_VIRTUAL ITIMER_PROF
"""


def _missing(module: ModuleType, names: str, reason: str) -> None:
    """`module.name` stays absent (libraries ask with hasattr), but the AttributeError says why."""
    module_name, absent = module.__name__, frozenset(names.split())

    def __getattr__(name: str) -> NoReturn:
        message = f"module {module_name!r} has no attribute {name!r}"
        if name in absent:
            message = f"{message}: {reason}"
        raise AttributeError(message, name=name, obj=module)

    __getattr__.__module__ = module_name
    module.__getattr__ = __getattr__  # type: ignore[method-assign]  # PEP 562


def _start_new_thread(*args: object, **kwargs: object) -> NoReturn:
    """Threads can't be started in the sandbox."""
    raise RuntimeError(_NO_THREADS)


def _patch_threading(module: ModuleType) -> None:
    """What waits for others waits on a Condition: events, queues, semaphores, barriers."""
    wait_for_others = module.Condition.wait

    def wait(self: Any, timeout: float | None = None) -> Any:
        """Wait until notified or until a timeout occurs."""
        if timeout is None and self._is_owned():
            raise RuntimeError(_DEADLOCK)
        return wait_for_others(self, timeout)

    module.Condition.wait = wait


def _patch_multiprocessing_pool(module: ModuleType) -> None:
    def __init__(self: Any, *args: object, **kwargs: object) -> None:
        raise RuntimeError(f"multiprocessing.pool.ThreadPool: {_NO_THREADS}")

    module.ThreadPool.__init__ = __init__
    # It refuses before there is anything that needs closing.
    module.ThreadPool.__del__ = lambda self: None


def _patch_thread_pool(module: ModuleType) -> None:
    def submit(self: Any, fn: Any, /, *args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError(f"ThreadPoolExecutor.submit: {_NO_THREADS}")

    module.ThreadPoolExecutor.submit = submit


def _patch_process_pool(module: ModuleType) -> None:
    def __init__(self: Any, *args: object, **kwargs: object) -> None:
        raise NotImplementedError(f"ProcessPoolExecutor: {_NO_PROCESSES}")

    module.ProcessPoolExecutor.__init__ = __init__


def _patch_process(module: ModuleType) -> None:
    def start(self: Any) -> None:
        raise OSError(errno.ENOTSUP, f"multiprocessing.Process.start: {_NO_PROCESSES}")

    module.BaseProcess.start = start


def _patch_context(module: ModuleType) -> None:
    def refuse(name: str) -> Any:
        def method(self: Any, *args: object, **kwargs: object) -> NoReturn:
            raise OSError(errno.ENOTSUP, f"multiprocessing.{name}: {_NO_PROCESSES}")

        method.__name__ = name
        return method

    for name in _MULTIPROCESSING_NAMES.split():
        setattr(module.BaseContext, name, refuse(name))


def _patch_signal(module: ModuleType) -> None:
    _missing(module, _SIGNAL_NAMES, _NO_SIGNALS)


def install(hooks: ImportHooks) -> None:
    """Replace at once what is built in, and the rest when it is imported."""
    for name in ("start_new_thread", "start_new", "start_joinable_thread"):
        if hasattr(_thread, name):
            setattr(_thread, name, _start_new_thread)
    _missing(os, _PROCESS_NAMES, _NO_PROCESSES)
    hooks.on_import("threading", _patch_threading)
    hooks.on_import("multiprocessing.pool", _patch_multiprocessing_pool)
    hooks.on_import("concurrent.futures.thread", _patch_thread_pool)
    hooks.on_import("concurrent.futures.process", _patch_process_pool)
    hooks.on_import("multiprocessing.process", _patch_process)
    hooks.on_import("multiprocessing.context", _patch_context)
    hooks.on_import("signal", _patch_signal)
