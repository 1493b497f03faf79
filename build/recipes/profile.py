"""The profile that the shipped interpreter is compiled with.

`training/python.profdata.xz` is committed, so a build needs neither a WebAssembly host nor a training run.
The stage `profile` makes a new one: an instrumented interpreter runs `training/workload.py`.
"""

from __future__ import annotations

import shutil
import sys

from driver.registry import stage
from driver.stages import Context

ENVIRONMENT = (
    "PYTHONHOME=/",
    "PYTHONHASHSEED=0",
    "PYTHONDONTWRITEBYTECODE=1",
    "LLVM_PROFILE_FILE=/python.profraw",
    "TMPDIR=/tmp",
)
TASKS = ("workload", "language_tasks", "library_tasks")


@stage("profile", needs=["cpython-instrumented"], files=["training/*.py"])
def train(context: Context) -> None:
    """Train in a host whose clock and random source are fixed (needs the package wasmtime)."""
    root = context.work / "root"
    instrumented = context.dep("cpython-instrumented")
    shutil.copytree(
        instrumented / "Lib", root / "lib/python3.14", ignore=shutil.ignore_patterns("__pycache__", "test")
    )
    for name in TASKS:
        shutil.copy(context.recipes / f"training/{name}.py", root)
    (root / "tmp").mkdir()
    context.run(
        sys.executable,
        context.recipes / "training/host.py",
        "--root",
        root,
        *(argument for setting in ENVIRONMENT for argument in ("--env", setting)),
        instrumented / "python.wasm",
        "/workload.py",
    )
    context.run(
        "llvm-profdata-22",
        "merge",
        "--sparse",
        "-o",
        context.out / "python.profdata",
        root / "python.profraw",
    )
