"""The modules of CPython's suite, and where the suite is."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

__all__ = ["CAPABILITIES", "GUEST_MODULES", "GUEST_ROOT", "capabilities", "default_archive", "find_modules", "unpack"]

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
"""Packages whose modules are run one by one, as `test.libregrtest.findtests` has it; others run as a whole."""


CAPABILITIES: dict[str, frozenset[str]] = {
    "sockets": frozenset(
        {
            "test.test_asyncgen",
            *(
                f"test.test_asyncio.test_{name}"
                for name in """base_events context eager_task_factory futures futures2 graph locks pep492 protocols
                queues runners staggered streams taskgroups tasks threads timeouts transports unix_events
                waitfor""".split()
            ),
            "test.test_httplib",
            "test.test_unittest",
            "test.test_xmlrpc",
        }
    ),
    "processes": frozenset({"test.test_argparse", "test.test_getopt", "test.test_optparse"}),
}
"""Modules that skip themselves as a whole without sockets or processes, and most of whose tests need none (those
of asyncio take sockets for the event loop). They are told that they are there; the tests that do need them fail."""


def capabilities(module: str) -> tuple[str, ...]:
    """What a module is told that the guest has."""
    return tuple(name for name, modules in CAPABILITIES.items() if module in modules)


def default_archive() -> Path:
    """Where the build's stage ``cpython-tests`` puts the suite."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "pywasm-build" / "out" / "python-tests.zip"


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
    """Full names of the modules and packages below ``root/test`` that `test.libregrtest` would run, sorted."""
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
