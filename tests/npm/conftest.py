from __future__ import annotations

from collections.abc import Iterator

import pytest

from pywasm_sandbox import NpmPolicy, Sandbox
from tests.npm.registry import Registry


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    made.add("alpha", "1.0.0")
    made.add("alpha", "1.2.0")
    made.add("alpha", "2.0.0", dependencies={"beta": "^1.0.0"})
    made.add("alpha", "3.0.0-rc.1", tags=["next"])
    made.add("beta", "1.0.0")
    made.add("beta", "1.5.0")
    made.add("beta", "2.0.0")
    made.add("@scope/one", "0.1.0", dependencies={"alpha": "^1", "beta": "2"})
    made.add(
        "tool",
        "1.0.0",
        bin={"tool": "bin/run.js", "evil": "../../../outside.js", "../up": "bin/run.js"},
        scripts={"postinstall": "touch /workspace/ran", "preinstall": "touch /workspace/ran"},
        files={"bin/run.js": "#!/usr/bin/env node\nconsole.log('tool', ...process.argv.slice(2))\n"},
    )
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def sandbox(registry: Registry) -> Iterator[Sandbox]:
    with Sandbox(npm=NpmPolicy(registry=registry.url)) as opened:
        yield opened
