"""The project's chores. ``nox`` runs lint, unit and tests; the others are named on demand."""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "unit", "tests"]
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types and layers."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def unit(session: nox.Session) -> None:
    """The tests that need no WebAssembly: seconds."""
    session.install("-e", ".[test]")
    session.run("pytest", "tests/unit", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Everything."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks, as one table with ratios to native Python and to peers where installed."""
    session.install("-e", ".[aio,bench]")
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Execute every example of the documentation."""
    session.install("-e", ".[test]")
    session.run("pytest", "tests/docs", *session.posargs)


@nox.session
def cpython_tests(session: nox.Session) -> None:
    """CPython's own test suite inside the guest, against the committed expectations."""
    session.install("-e", ".")
    session.run("python", "-m", "tests.conformance.cpython", *session.posargs)


@nox.session
def package_tests(session: nox.Session) -> None:
    """A bundled package's own test suite inside the guest (argument: its name), against the expectations."""
    session.install("-e", ".")
    session.run("python", "-m", "tests.conformance.packages", *session.posargs)


@nox.session
@nox.parametrize("target", ["wasi", "protocol", "ring", "side_module", "archive"])
def fuzz(session: nox.Session, target: str) -> None:
    """Coverage-guided fuzzing, a minute a target (arguments: --seconds N); findings go to fuzz/."""
    session.install("-e", ".[test]", "atheris>=3.0")
    session.run("python", "-m", "tests.fuzz", target, *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Contexts from many threads at random, for five minutes (arguments: --minutes N)."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session(python=False)
def guests(session: nox.Session) -> None:
    """Rebuild the WebAssembly assets from source (Debian, clang 22; see build/README.md)."""
    session.run("python3", "build/build.py", "all", *session.posargs, external=True)


@nox.session
def packages(session: nox.Session) -> None:
    """Popular packages are installed from the real index (docs/guide/package-rates.md)."""
    session.install("-e", ".[test]")
    session.run("pytest", "tests/popular", *session.posargs, env={"PYWASM_TEST_INDEX": "1"})
