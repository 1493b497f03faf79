"""Two small extension modules as side modules, for the tests of the loader."""

from __future__ import annotations

from driver import wasm
from driver.registry import stage
from driver.stages import Context
from recipes.toolchain import TARGET, toolchain_environment

SUFFIX = ".cpython-314-wasm32-wasi.so"
COMMON = (
    "-O2",
    "-msimd128",
    "-fPIC",
    "-DNDEBUG",
    "-fvisibility=hidden",
    "-mllvm",
    "-wasm-enable-sjlj",
    "-mllvm",
    "-wasm-use-legacy-eh=false",
)


@stage("samples", needs=["toolchain", "cpython"], files=["samples/*", "driver/wasm.py"])
def build_samples(context: Context) -> None:
    toolchain = context.dep("toolchain")
    include = context.dep("cpython") / "include/python3.14"
    for name, compiler, flags in (
        ("_sample.c", "clang", ("-std=gnu11",)),
        ("_samplecxx.cpp", "clang++", ("-std=c++17", "-fwasm-exceptions")),
    ):
        source = context.recipes / "samples" / name
        output = context.out / f"{source.stem}{SUFFIX}"
        built = context.work / f"{source.stem}.o"
        environment = toolchain_environment(toolchain)
        context.run(
            f"{TARGET}-{compiler}",
            *COMMON,
            *flags,
            f"-I{include}",
            "-c",
            source,
            "-o",
            built,
            env=environment,
        )
        context.run(
            f"{TARGET}-{compiler}",
            "-shared",
            "-Wl,--strip-all",
            "-Wl,--gc-sections",
            built,
            "-o",
            output,
            env=environment,
        )
        if f"PyInit_{source.stem}" not in {entity.name for entity in wasm.exports(output.read_bytes())}:
            raise SystemExit(f"{output.name} does not export its PyInit function")
