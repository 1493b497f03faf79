"""Packages of Python files only: taken from their sdists as they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from driver.registry import stage
from driver.stages import Context
from recipes.python_packages import FILES, make_wheel

PACKAGES = {
    # stage: what of the sdist goes into site-packages
    "python-dateutil": ("src/dateutil",),
    "six": ("six.py",),
    "tzdata": ("src/tzdata",),
}


def recipe(name: str, members: tuple[str, ...]) -> Callable[[Context], None]:
    def build(context: Context) -> None:
        source = context.unpack(name)
        tree = context.work / "tree"
        tree.mkdir()
        for member in members:
            path = source / member
            if path.is_dir():
                shutil.copytree(path, tree / path.name)
            else:
                shutil.copy(path, tree / path.name)
        make_wheel(context, tree, source, pure=True)

    return build


for _name, _members in PACKAGES.items():
    stage(_name, needs=["build-python"], archives=[_name], files=FILES)(recipe(_name, _members))
