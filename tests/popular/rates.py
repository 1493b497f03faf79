"""Popular packages from the real index: installed into a sandbox of their own, imported, used."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from pywasm_sandbox import PackageInstallError, PackagePolicy, Sandbox

PACKAGES = Path(__file__).with_name("packages.toml")
TABLE = Path(__file__).parents[2] / "docs" / "guide" / "package-rates.md"
PYPI = "https://pypi.org/simple"


@dataclass(frozen=True)
class Outcome:
    """What became of one package: its version if it works, else why not."""

    name: str
    version: str = ""
    failure: str = ""


def packages() -> tuple[dict[str, str], dict[str, str]]:
    """Those that should work, with their code; those that need compiled code, with whose."""
    lists = tomllib.loads(PACKAGES.read_text("utf-8"))
    return lists["pure"], lists["compiled"]


def index() -> str:
    """The package index of this machine: the environment's, pip's, or PyPI."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or PYPI


def why_not() -> str | None:
    """Why nothing can be installed here, if so."""
    try:
        with urllib.request.urlopen(f"{index().rstrip('/')}/click/", timeout=20) as response:
            response.read(1)
    except (urllib.error.URLError, OSError) as error:
        return f"the package index can't be reached: {error}"
    return None


def attempt(name: str, code: str) -> Outcome:
    """Install a package and run the code, whose value is to be true."""
    url = index()
    policy = PackagePolicy(index=None if url == PYPI else url, timeout=300)
    with Sandbox(packages=policy) as sandbox:
        try:
            made = sandbox.install_packages([name])
        except PackageInstallError as error:
            return Outcome(name, failure=str(error).split("\nBundled are")[0])
        versions = dict(pin.split("==") for pin in made)
        version = versions.get(name.replace(".", "-").lower(), "")
        lines = code.strip().split("\n")
        lines[-1] = "; ".join([*lines[-1].split("; ")[:-1], f"bool({lines[-1].split('; ')[-1]})"])
        execution = sandbox.run_code("\n".join(lines), timeout=120)
        if execution.error is not None:
            return Outcome(name, version, f"{execution.error.name}: {execution.error.message}"[:200])
        if execution.text != "True":
            return Outcome(name, version, f"the code gave {execution.text}")
        return Outcome(name, version)
