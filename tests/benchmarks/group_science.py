"""numpy and pandas, against a native Python that has both, with one thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from pywasm_sandbox import Sandbox

from .inside.science import NUMPY, PANDAS
from .interpreters import Guest, Interpreter, Process, native, same_value, seconds
from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample, geometric_mean, in_turns, load_now, pairwise

__all__ = ["run"]

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def run(settings: Settings) -> Group:
    os.environ.update(ONE_THREAD)  # what the native Python inherits
    with ExitStack() as stack:
        guest = Guest(stack.enter_context(Sandbox(preload=["numpy", "pandas"])))
        host = stack.enter_context(native(settings.native))
        rows = []
        for title, names in (("numpy", NUMPY), ("pandas", PANDAS)):
            of_package = [_row(name, guest, host, settings) for name in names]
            rows += of_package
            rows.append(_mean(title, of_package))
        versions = f"guest {guest.version}, native {host.version}"
    rows += [_import_row(package, settings) for package in ("numpy", "pandas")]
    return Group(
        "numpy and pandas, processor time, one thread",
        rows,
        [f"Versions: {versions}", f"Load: {load_now()}"],
    )


def _mean(package: str, rows: Iterable[Row]) -> Row:
    ratios = [row.ratio for row in rows if row.ratio is not None]
    return Row(
        f"geometric mean of {package}", "ms", ratio=geometric_mean(ratios), target=Target(3.0, of="ratio")
    )


def _row(name: str, guest: Guest, host: Process, settings: Settings) -> Row:
    same_value(name, guest, host)

    def of(interpreter: Interpreter) -> Callable[[], float]:
        return lambda: seconds(interpreter, name)

    values = in_turns({"guest": of(guest), "native": of(host)}, settings.rounds(15, 5))
    return Row(
        name,
        "ms",
        Sample.of(values["guest"]).scaled(1e3),
        native=Sample.of(values["native"]).median * 1e3,
        ratio=pairwise(values["guest"], values["native"]),
        target=Target(6.0, of="ratio") if name == "matmul 512" else None,
    )


def _import_row(package: str, settings: Settings) -> Row:
    """The first import in a context whose image lacks the package; its code is compiled already."""

    def once() -> float:
        with Sandbox(preload=[]) as sandbox:
            context = sandbox.create_code_context()
            sandbox.run_code("1", context=context)
            started = time.perf_counter()
            execution = sandbox.run_code(f"import {package}", context=context)
            taken = time.perf_counter() - started
        if execution.error is not None:
            raise RuntimeError(f"import {package} in the guest: {execution.error}")
        return taken

    once()
    values = [once() for _ in range(settings.rounds(7, 3))]
    return Row(f"import {package}, not in the image", "ms", Sample.of(values).scaled(1e3))
