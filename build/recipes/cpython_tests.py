"""CPython's own test suite, for tests/conformance: `Lib/test`, and its extension modules as side modules."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from driver import wasm
from driver.registry import stage
from driver.stages import Context
from recipes.samples import COMMON, SUFFIX
from recipes.stdlib import write_zip
from recipes.toolchain import TARGET, toolchain_environment

FLAGS = (
    "-std=gnu11",
    "-w",
    "-D_WASI_EMULATED_SIGNAL",
    "-D_WASI_EMULATED_GETPID",
    "-D_WASI_EMULATED_PROCESS_CLOCKS",
    "-D_WASI_EMULATED_MMAN",
)
NO_PART_OF_THE_SUITE = frozenset({"_ctypes_test"})  # it tests foreign function calls


def test_modules(setup: str) -> dict[str, list[str]]:
    """Name → sources of the test modules that a `Modules/Setup.stdlib.in` lists."""
    found: dict[str, list[str]] = {}
    for line in setup.splitlines():
        match = re.fullmatch(r"@MODULE_\w+@(_?xx\w+|_test\w+|_\w+_test) (.+)", line)
        if match and match[1] not in NO_PART_OF_THE_SUITE:
            found[match[1]] = [word for word in match[2].split() if word.endswith(".c")]
    return found


def build_module(context: Context, modules: Path, name: str, sources: list[str]) -> None:
    environment = toolchain_environment(context.dep("toolchain"))
    include = context.dep("cpython") / "include/python3.14"
    objects: list[Path] = []
    for source in sources:
        objects.append(context.work / f"{name}-{source.replace('/', '-')}.o")
        context.run(
            f"{TARGET}-clang", *COMMON, *FLAGS, f"-ffile-prefix-map={context.work}=/build",
            f"-I{include}", f"-I{include / 'internal'}", f"-I{modules}",
            "-c", modules / source, "-o", objects[-1], env=environment,
        )  # fmt: skip
    output = context.out / f"{name}{SUFFIX}"
    context.run(
        f"{TARGET}-clang", "-shared", "-Wl,--strip-all", "-Wl,--gc-sections", *objects, "-o", output,
        env=environment,
    )  # fmt: skip
    if f"PyInit_{name}" not in {entity.name for entity in wasm.exports(output.read_bytes())}:
        raise SystemExit(f"{output.name} does not export its PyInit function")


@stage("cpython-test-modules", needs=["toolchain", "cpython"], archives=["cpython"], files=["driver/wasm.py"])
def build_test_modules(context: Context) -> None:
    modules = context.unpack("cpython") / "Modules"
    found = test_modules((modules / "Setup.stdlib.in").read_text())
    if "_testcapi" not in found:
        raise SystemExit("Modules/Setup.stdlib.in no longer lists _testcapi as this recipe expects it")
    for name, sources in found.items():
        build_module(context, modules, name, sources)


@stage("cpython-tests", needs=["cpython", "cpython-test-modules"])
def build_tests(context: Context) -> None:
    """Lib/test (`test/`) and its extension modules (`modules/`) as a zip for tests/conformance."""
    tree = context.work / "tree"
    shutil.copytree(
        context.dep("cpython") / "Lib/test",
        tree / "test",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
    )
    shutil.copytree(
        context.dep("cpython-test-modules"), tree / "modules", ignore=shutil.ignore_patterns(".done")
    )
    write_zip(tree, context.out / "python-tests.zip")
    published = context.out.parents[2] / "out"
    published.mkdir(exist_ok=True)
    temporary = published / "python-tests.zip.new"
    shutil.copy(context.out / "python-tests.zip", temporary)
    temporary.replace(published / "python-tests.zip")
