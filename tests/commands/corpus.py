"""The command lines that are run on the host as in the sandbox, and what they find there."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from pywasm_sandbox import Sandbox

FILES: dict[str, str] = {
    "a.txt": "hello\nall\n",
    "b.txt": "hello\nbig world\n",
    "words.txt": "banana\napple\nfig\napple\ncherry\n",
    "numbers.txt": "".join(f"{n}\n" for n in (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)),
    "pairs.txt": "a 3\nb 1\nc 2\n",
    "data.csv": "bob,30,x\nann,4,y\ncy,200,z\n",
    "sorted1.txt": "a\nb\nc\n",
    "sorted2.txt": "b\nc\nd\n",
    "tabs.txt": "a\tb\n",
    "dots.txt": "a.b\naxb\n",
    "paths.txt": "/usr/bin\n",
    "lib.sh": 'greet() { echo "hi $1"; }\n',
    "script.sh": '#!/bin/sh\necho "script $# $1"\n',
    "notexec.sh": "#!/bin/sh\necho no\n",
    "empty": "",
    "dir/one.md": "needle in one\n",
    "dir/two.txt": "nothing\n",
    "dir/sub/three.md": "a needle\n",
}
"""Path → content; ``script.sh`` can be executed, ``emptydir`` is an empty folder."""

HOST_SHELL = "/bin/dash"


def command_lines() -> list[str]:
    """Those of the shell and the utilities."""
    return [*lines_of("command_lines.txt"), *lines_of("jq_command_lines.txt")]


def lines_of(name: str) -> list[str]:
    """Each line of the file; ``\\n`` after a continuation stands for a newline."""
    text = (Path(__file__).parent / name).read_text()
    lines: list[str] = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if lines and lines[-1].endswith("\\"):
            if line.startswith("\\n"):
                lines[-1] = lines[-1][:-1] + line.replace("\\n", "\n").replace("\\t", "\t")
            else:
                lines[-1] += "\n" + line
        else:
            lines.append(line)
    return lines


def run_host(line: str) -> tuple[str, int]:
    """Output and exit code of dash, in a new folder."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in FILES.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        Path(folder, "emptydir").mkdir()
        Path(folder, "script.sh").chmod(0o755)
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/home/user", "TZ": "UTC", "PWD": folder}
        done = subprocess.run(
            [HOST_SHELL, "-c", line],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
        )
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return done.stdout.decode("utf-8", "replace"), code


def prepare_sandbox(sandbox: Sandbox, folder: str) -> None:
    """The same files."""
    for name, content in FILES.items():
        sandbox.write_file(f"{folder}/{name}", content, mode=0o755 if name == "script.sh" else 0o644)
    sandbox.mkdir(f"{folder}/emptydir")


def host_has_dash() -> bool:
    """Whether there is anything to compare with."""
    return os.access(HOST_SHELL, os.X_OK)
