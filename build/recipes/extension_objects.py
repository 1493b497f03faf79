"""The objects of a package's extension modules, kept so that they can be linked in another way.

Every side module is an instance of its own in every context, with its own imports to resolve; a package
of forty extensions takes forty times as long to clone as one module made of them.
"""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

from driver.stages import Context

LINKER = "wasm-ld-22"


def keep_objects(context: Context, build: Path, destination: Path) -> None:
    """For every extension module in a build folder of ninja's: one relocatable object with all it needs.

    It has the module's path below `build` and the suffix `.o`.
    """
    for target in sorted(build.rglob("*.so")):
        name = target.relative_to(build)
        command = context.capture("ninja", "-C", build, "-t", "commands", "-s", name).strip().splitlines()[-1]
        output = destination / name.with_suffix(".o")
        output.parent.mkdir(parents=True, exist_ok=True)
        context.run(LINKER, "-r", "-o", output, *link_inputs(command), cwd=build)


def link_inputs(command: str) -> list[str]:
    """The objects and archives of a compiler's command line that links; meson names them by their paths."""
    return [
        argument
        for before, argument in pairwise(shlex.split(command))
        if before != "-o" and argument.endswith((".o", ".a"))
    ]
