"""The TypeScript compilers: swc's, a WebAssembly module in an npm package, and TypeScript's own."""

from __future__ import annotations

import base64
import re
import shutil

from driver import wasm
from driver.registry import stage
from driver.stages import Context
from recipes.js_prelude import bundle, read_inputs, write_licences

PLACEHOLDER = "__wbindgen_placeholder__"


COMPILER = "../pywasm_sandbox/_guests/js_guest/typescript/compiler.js"
NOT_THERE = (
    "fs",
    "path",
    "os",
    "crypto",
    "inspector",
    "perf_hooks",
    "source-map-support",
    "module",
    "url",
    "util",
)
"""Modules of Node that the compiler asks for where there is a Node."""


@stage("typescript-compiler", needs=["js-packages"], files=[COMPILER, "recipes/js_prelude.py"])
def build_typescript_compiler(context: Context) -> None:
    """`typescript-compiler.js`: TypeScript's own compiler in one script, for decorators and JSX."""
    output = context.out / "typescript-compiler.js"
    externals = [f"--external:{name}" for name in NOT_THERE]
    entry = context.recipes / COMPILER
    bundle(context, entry, output, "--format=iife", "--minify-identifiers", *externals)
    (context.out / "licences").mkdir()
    inputs = read_inputs(context.work / f"{output.name}.meta.json")
    write_licences(context, inputs, context.out / "licences" / "typescript.txt")


@stage("swc-typescript", archives=["swc-typescript"], files=["driver/wasm.py"])
def build_swc_typescript(context: Context) -> None:
    """`swc-typescript.wasm`. The package has it as base64 in its JavaScript."""
    source = context.unpack("swc-typescript")
    script = (source / "wasm.js").read_text()
    found = re.findall(r"Buffer\.from\('([A-Za-z0-9+/=]+)', 'base64'\)", script)
    if len(found) != 1:
        raise SystemExit(f"wasm.js has {len(found)} modules in base64, not one")
    module = base64.b64decode(found[0])
    foreign = {entity.module for entity in wasm.imports(module)} - {PLACEHOLDER}
    if foreign:
        raise SystemExit(f"the module imports from {sorted(map(str, foreign))}")
    (context.out / "swc-typescript.wasm").write_bytes(module)
    (context.out / "licences").mkdir()
    shutil.copyfile(source / "LICENSE", context.out / "licences" / "swc.txt")
