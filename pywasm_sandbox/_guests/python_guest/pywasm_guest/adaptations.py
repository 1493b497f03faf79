"""What well-known packages assume of a platform that the sandbox is not, without a check of their own."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from .hooks import ImportHooks

__all__ = ["install"]

_SQLITE_STEPS = 50_000
"""Of SQLite's virtual machine between two looks at an interrupt: a few milliseconds."""


def _no_monitor(module: ModuleType) -> None:
    """tqdm starts a thread at the first bar, and warns where it can't."""
    module.tqdm.monitor_interval = 0


def _capture_without_dup(module: ModuleType) -> None:
    """pytest captures file descriptors by os.dup, which WASI does not have."""
    make = module._get_multicapture

    def _get_multicapture(method: str) -> Any:
        return make("sys" if method == "fd" else method)

    module._get_multicapture = _get_multicapture  # type: ignore[attr-defined]
    # What the fixtures capfd and capfdbinary are made of.
    module.FDCapture = module.SysCapture  # type: ignore[attr-defined]
    module.FDCaptureBinary = module.SysCaptureBinary  # type: ignore[attr-defined]


def _without_faulthandler(module: ModuleType) -> None:
    """pytest's plugin for it duplicates the descriptor of stderr."""
    module.default_plugins = tuple(name for name in module.default_plugins if name != "faulthandler")  # type: ignore[attr-defined]


def _without_users(module: ModuleType) -> None:
    """pytest checks whose its temporary folders are, where it believes that there are users."""
    module.get_user_id = lambda: None  # type: ignore[attr-defined]


def _serial_joblib() -> Callable[[], object]:
    """joblib warns at its import that it will be serial, unless it is told to be."""
    variable = "JOBLIB_MULTIPROCESSING"
    before = os.environ.get(variable)
    os.environ[variable] = "0"

    def undo() -> None:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before

    return undo


def _look_from_sqlite(module: ModuleType) -> None:
    """A statement may run for ever and looks at no interrupt, unless it calls Python now and then."""
    from functools import wraps

    make = module.connect

    @wraps(make)
    def connect(*args: Any, **kwargs: Any) -> Any:
        connection = make(*args, **kwargs)
        connection.set_progress_handler(_nothing, _SQLITE_STEPS)
        return connection

    module.connect = module.dbapi2.connect = connect  # type: ignore[attr-defined]


def _nothing() -> int:
    return 0


def _make_umask() -> Callable[[int], int]:
    current = 0o022

    def umask(mask: int, /) -> int:
        """Set the current numeric umask and return the previous umask. No file's mode depends on it here."""
        nonlocal current
        previous, current = current, mask & 0o777
        return previous

    return umask


def install(hooks: ImportHooks) -> None:
    """Nothing is imported here; each package is adapted when it is."""
    if not hasattr(os, "umask"):
        os.umask = _make_umask()
    hooks.on_import("tqdm.std", _no_monitor)
    hooks.on_import("_pytest.capture", _capture_without_dup)
    hooks.on_import("_pytest.config", _without_faulthandler)
    hooks.on_import("_pytest.compat", _without_users)
    hooks.on_import("sqlite3", _look_from_sqlite)
    hooks.around_import("joblib._multiprocessing_helpers", _serial_joblib)
