"""The part of the host's linker that is C. It runs in wasm, because what it reads may be hostile."""

from __future__ import annotations

from driver import wasm
from driver.registry import stage
from driver.stages import Context
from recipes.toolchain import TARGET, toolchain_environment

EXPORTS = {"memory", "reserve", "set_space", "error_code", "rewrite"}


@stage("linker", needs=["toolchain"], files=["linker/*", "driver/wasm.py"])
def build_linker(context: Context) -> None:
    output = context.out / "linker.wasm"
    context.run(
        f"{TARGET}-clang",
        "-O2",
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-nostdlib",
        "-Wl,--no-entry",
        "-Wl,--strip-all",
        "-Wl,-z,stack-size=65536",
        context.recipes / "linker" / "rewrite.c",
        "-o",
        output,
        env=toolchain_environment(context.dep("toolchain")),
    )
    data = output.read_bytes()
    if {entity.name for entity in wasm.exports(data)} != EXPORTS or wasm.imports(data):
        raise SystemExit("linker.wasm has other exports than it should, or imports something")
