"""The host's own Node.js, which what runs in the sandbox is compared with."""

from __future__ import annotations

import shutil
import subprocess

import pytest

__all__ = ["node_20"]


def node_20(compared: str) -> str:
    """Its path; skips the test where there is none of version 20, with which ``compared`` are compared."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if not version.startswith("v20."):
        pytest.skip(f"node is {version}, the {compared} are compared with version 20")
    return node
