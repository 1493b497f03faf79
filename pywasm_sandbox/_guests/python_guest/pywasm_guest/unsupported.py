"""What the sandbox does not have: processes that are copies of an interpreter, timers that signal.

The modules import as ever; a call raises the exception type that callers of that API are prepared for, with
a message that says what there is instead.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, NoReturn

    from .hooks import ImportHooks

__all__ = ["install"]

_NO_PROCESSES = (
    "an interpreter in the sandbox can't be copied. "
    "Use threads (concurrent.futures.ThreadPoolExecutor, multiprocessing.pool.ThreadPool), or run a command "
    "with subprocess"
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


def _patch_multiprocessing_pool(module: ModuleType) -> None:
    """A pool of threads notifies its thread through a queue between processes, where one of threads does."""
    import queue

    class Notifier(queue._PySimpleQueue):  # type: ignore[misc, name-defined]
        _reader = None

        def close(self) -> None:
            pass

    class Context:
        SimpleQueue = Notifier

    def __init__(self: Any, processes: Any = None, initializer: Any = None, initargs: Any = ()) -> None:
        module.Pool.__init__(self, processes, initializer, initargs, context=Context())

    def _wait_for_updates(sentinels: Any, notifier: Any, timeout: float | None = None) -> None:
        """Until a worker has ended or the pool closes."""
        try:
            notifier.get(timeout=timeout)
            while True:
                notifier.get(block=False)
        except queue.Empty:
            pass

    module.ThreadPool.__init__ = __init__
    module.Pool._wait_for_updates = staticmethod(_wait_for_updates)


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
    _missing(os, _PROCESS_NAMES, _NO_PROCESSES)
    hooks.on_import("multiprocessing.pool", _patch_multiprocessing_pool)
    hooks.on_import("concurrent.futures.process", _patch_process_pool)
    hooks.on_import("multiprocessing.process", _patch_process)
    hooks.on_import("multiprocessing.context", _patch_context)
    hooks.on_import("signal", _patch_signal)
