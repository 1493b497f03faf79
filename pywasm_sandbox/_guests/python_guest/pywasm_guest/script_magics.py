"""Cell magics whose cell is no Python: a script for another program, or a document to show."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .shell import Shell

__all__ = ["FILE_COMMANDS", "SCRIPT_MAGICS"]

FILE_COMMANDS = ("cat", "cp", "ls", "mkdir", "mv", "rm", "rmdir")
"""Line magics that are commands of the shell."""

_PROGRAMS = {"bash": "bash", "sh": "sh", "python": "python3", "python3": "python3"}


def _script(program: str | None) -> Callable[[Shell, str, str], None]:
    def run(shell: Shell, line: str, cell: str) -> None:
        """Run the cell as a script; ``--out name`` and ``--err name`` keep what it prints,
        ``--no-raise-error`` lets it fail."""
        import argparse
        import shlex
        import subprocess

        from . import wire
        from .magics import UsageError

        parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
        for name in ("--out", "--err"):
            parser.add_argument(name)
        parser.add_argument("--no-raise-error", action="store_true")
        options, words = parser.parse_known_args(shlex.split(line))
        command = words if program is None else [program, *words]
        if not command:
            raise UsageError("%%script program [arguments]")
        kept = {"stdout": options.out, "stderr": options.err}
        pipes = {stream: subprocess.PIPE for stream, name in kept.items() if name}
        wire.flush()
        done = subprocess.run(command, input=cell.encode(), check=False, **pipes)  # type: ignore[call-overload]
        for stream, name in kept.items():
            if name:
                shell.user_ns[name] = getattr(done, stream).decode("utf-8", "replace")
        if done.returncode and not options.no_raise_error:
            raise subprocess.CalledProcessError(done.returncode, command)

    return run


def _document(kind: str) -> Callable[[Shell, str, str], None]:
    def show(shell: Shell, line: str, cell: str) -> None:
        """Show the cell."""
        import IPython.display

        IPython.display.display(getattr(IPython.display, kind)(cell))

    return show


SCRIPT_MAGICS = {
    **{name: _script(program) for name, program in _PROGRAMS.items()},
    "script": _script(None),
    "html": _document("HTML"),
    "HTML": _document("HTML"),
    "javascript": _document("Javascript"),
    "js": _document("Javascript"),
    "latex": _document("Latex"),
    "markdown": _document("Markdown"),
    "svg": _document("SVG"),
    "SVG": _document("SVG"),
}
