"""Wheels whose library of extensions is linked anew, with other objects or libraries than `merging` takes."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping, Sequence

from driver.stages import Context
from recipes.merging import merge, one_thread
from recipes.python_packages import FILES, record
from recipes.stdlib import write_zip

RELINK_FILES = (
    *FILES, "recipes/merging.py", "recipes/relinking.py", "driver/wasm_objects.py", "extensions/*.c",
)  # fmt: skip
"""What `relink` depends on: for the `files` of a stage that uses it."""


def relink(
    context: Context, wheel: str, objects: Mapping[str, Sequence[str]], libraries: Sequence[str]
) -> None:
    """The wheel of the stage `wheel`, its extensions linked from the `objects/` and `lib/` of other stages.

    An object is the one of the first of `objects` that has it; what is named beside it stays visible, as
    in `merge`. The licences of all are added.
    """
    given = next(context.dep(wheel).glob("*.whl"))
    tree = context.work / "tree"
    with zipfile.ZipFile(given) as archive:
        archive.extractall(tree)
    archives = [path for library in libraries for path in context.dep(library).glob("lib/*.a")]
    folders = {context.dep(name) / "objects": visible for name, visible in objects.items()}
    merge(context, tree, folders, [one_thread(context), *archives])
    info = next(tree.glob("*.dist-info"))
    for name in (*objects, *libraries):
        for licence in context.dep(name).glob("licences/*.txt"):
            shutil.copy(licence, info / "licenses")
    (info / "RECORD").unlink()
    (info / "RECORD").write_text(record(tree, info))
    write_zip(tree, context.out / given.name)
