"""The TypeScript compiler of swc: the WebAssembly module out of its npm package, as it is."""

from __future__ import annotations

import base64
import re
import shutil

from driver import wasm
from driver.registry import stage
from driver.stages import Context

PLACEHOLDER = "__wbindgen_placeholder__"


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
