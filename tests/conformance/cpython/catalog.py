"""The modules of CPython's suite, and where the suite is."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

__all__ = [
    "CAPABILITIES",
    "GUEST_MODULES",
    "GUEST_ROOT",
    "capabilities",
    "default_archive",
    "find_modules",
    "unpack",
]

GUEST_ROOT = "/opt/cpython"
"""Where the suite's parent folder is in the guest; it is put on ``sys.path``."""

GUEST_MODULES = f"{GUEST_ROOT}/modules"
"""The suite's extension modules (`_testcapi` and others), on ``sys.path`` too."""

SPLIT_PACKAGES = frozenset(
    {
        "test_asyncio",
        "test_concurrent_futures",
        "test_future_stmt",
        "test_gdb",
        "test_inspect",
        "test_multiprocessing_fork",
        "test_multiprocessing_forkserver",
        "test_multiprocessing_spawn",
        "test_pydoc",
    }
)
"""Packages whose modules run one by one, as `test.libregrtest.findtests` has it; others run as a whole."""


CAPABILITIES: dict[str, frozenset[str]] = {
    "sockets": frozenset(
        {
            "test.test_asyncgen",
            "test.test_asyncio.test_base_events",
            "test.test_asyncio.test_context",
            "test.test_asyncio.test_eager_task_factory",
            "test.test_asyncio.test_futures",
            "test.test_asyncio.test_futures2",
            "test.test_asyncio.test_graph",
            "test.test_asyncio.test_locks",
            "test.test_asyncio.test_pep492",
            "test.test_asyncio.test_protocols",
            "test.test_asyncio.test_queues",
            "test.test_asyncio.test_runners",
            "test.test_asyncio.test_staggered",
            "test.test_asyncio.test_streams",
            "test.test_asyncio.test_taskgroups",
            "test.test_asyncio.test_tasks",
            "test.test_asyncio.test_threads",
            "test.test_asyncio.test_timeouts",
            "test.test_asyncio.test_transports",
            "test.test_asyncio.test_unix_events",
            "test.test_asyncio.test_waitfor",
            "test.test_httplib",
            "test.test_unittest",
            "test.test_xmlrpc",
        }
    ),
    "processes": frozenset({"test.test_argparse", "test.test_getopt", "test.test_optparse"}),
    "interpreters": frozenset(
        {
            "test.test_concurrent_futures.test_as_completed",
            "test.test_concurrent_futures.test_deadlock",
            "test.test_concurrent_futures.test_future",
            "test.test_concurrent_futures.test_init",
            "test.test_concurrent_futures.test_process_pool",
            "test.test_concurrent_futures.test_shutdown",
            "test.test_concurrent_futures.test_thread_pool",
            "test.test_concurrent_futures.test_wait",
        }
    ),
    "no-ctypes": frozenset({"test.test_code"}),
}
"""Modules that are told something else than `test.support` finds.

Without sockets or processes these skip themselves as a whole, and most of their tests need none (those of
asyncio take sockets for the event loop): they are told that they are there, and the tests that do need them
fail. Those of `concurrent.futures` want all executors to be there: the tests of the one that is not skip
themselves. One calls native functions as soon as it finds ctypes; it is told that there is none.
"""


def capabilities(module: str) -> tuple[str, ...]:
    """What a module is told that the guest has."""
    return tuple(name for name, modules in CAPABILITIES.items() if module in modules)


def default_archive() -> Path:
    """Where the build's stage ``cpython-tests`` puts the suite."""
    cache = Path(os.environ.get("PYWASM_BUILD_CACHE", "~/.cache/pywasm-build")).expanduser()
    return cache / "out" / "python-tests.zip"


def unpack(source: Path, folder: Path) -> Path:
    """The folder that holds the package ``test``: ``source`` itself, or ``folder`` with the zip unpacked."""
    if source.is_dir():
        root = source
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            archive.extractall(folder)
        root = folder
    else:
        raise SystemExit(
            f"{source} is neither a zip nor a folder with CPython's tests; "
            "make it with: python build/build.py cpython-tests"
        )
    if not (root / "test" / "__init__.py").is_file():
        raise SystemExit(f"{source} has no package 'test' in it")
    return root


def find_modules(root: Path) -> list[str]:
    """Names of the modules and packages below ``root/test`` that `test.libregrtest` would run, sorted."""
    return sorted(_find(root / "test", "test"))


def _find(folder: Path, package: str) -> list[str]:
    found: list[str] = []
    for path in folder.iterdir():
        name, is_package = path.stem, (path / "__init__.py").is_file()
        if not name.startswith("test_") or not (is_package or path.suffix == ".py"):
            continue
        if package == "test" and name in SPLIT_PACKAGES:
            found += _find(path, f"test.{name}")
        else:
            found.append(f"{package}.{name}")
    return found
