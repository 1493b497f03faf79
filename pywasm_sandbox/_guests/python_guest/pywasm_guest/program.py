"""``python script.py``, ``-m module``, ``-c command``, ``-``: one program in an interpreter of its own."""

from __future__ import annotations

import io
import os
import sys
from importlib.util import MAGIC_NUMBER
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

__all__ = ["Program"]

_FLAGS = frozenset("bBdEhiIOPqRsSuvVx?")
_WITH_VALUE = frozenset("WX")
_END_OF_ZIP = b"PK\5\6"
_MAX_END_OF_ZIP = 22 + 0xFFFF
"""Bytes of a zip file's last record: with the longest comment."""
_PYC_HEADER_BYTES = 16
_COMMANDS = "/usr/lib/pywasm/programs"
_COMMANDS_PACKAGE = "programs"
_USAGE = "usage: python [option] ... [-c cmd | -m mod | file | -] [arg] ...\n"


class _Usage(Exception):
    """The command line makes no sense."""


class Program:
    """What a command line asks for."""

    def __init__(self, words: list[str], namespace: dict[str, Any]) -> None:
        self._words = words
        self._namespace = namespace

    def run(self) -> None:
        """Run it as `__main__`."""
        sys.stdin = io.TextIOWrapper(
            io.BufferedReader(io.FileIO(0, "r", closefd=False)), "utf-8", "surrogateescape"
        )
        sys.__stdin__ = sys.stdin  # type: ignore[misc]  # as CPython does when it makes the streams
        for name in [name for name in self._namespace if name not in ("__name__", "__builtins__")]:
            del self._namespace[name]
        self._namespace.update(__doc__=None, __spec__=None, __loader__=None, __package__=None)
        kind, value, rest = self._parse()
        if kind == "version":
            print(f"Python {sys.version.split()[0]}")
        elif kind == "help":
            print(_USAGE, end="")
        elif kind == "command":
            sys.argv[:] = ["-c", *rest]
            self._set_first_path("")
            self._execute(compile(value + "\n", "<string>", "exec"))
        elif kind == "module":
            self._run_module(value, rest)
        elif kind == "stdin":
            sys.argv[:] = [value, *rest]
            self._set_first_path("")
            self._execute(compile(sys.stdin.buffer.read(), "<stdin>", "exec"))
        else:
            self._run_file(value, rest)

    def _parse(self) -> tuple[str, str, list[str]]:
        words = self._words[1:]
        while words:
            word = words.pop(0)
            if word == "-":
                return "stdin", "-", words
            if not word.startswith("-"):
                return "file", word, words
            if word in ("--version", "--help"):
                return word[2:], "", []
            for position, flag in enumerate(word[1:], 2):
                if flag in "cm" or flag in _WITH_VALUE:
                    value = word[position:]
                    if not value:
                        if not words:
                            raise _Usage(f"Argument expected for the -{flag} option")
                        value = words.pop(0)
                    if flag in _WITH_VALUE:
                        if flag == "W":
                            sys.warnoptions.append(value)
                            import warnings

                            warnings._processoptions([value])  # type: ignore[attr-defined]
                        break
                    return ("command" if flag == "c" else "module"), value, words
                if flag == "V":
                    return "version", "", []
                if flag in "h?":
                    return "help", "", []
                if flag not in _FLAGS:
                    raise _Usage(f"Unknown option: -{flag}")
        return "stdin", "", []

    def _set_first_path(self, folder: str) -> None:
        # In place of /workspace, which contexts have first whatever their directory is.
        sys.path[0] = folder

    def _execute(self, code: CodeType) -> None:
        exec(code, self._namespace)

    def _run_file(self, path: str, rest: list[str]) -> None:
        sys.argv[:] = [path, *rest]
        if os.path.isdir(path):
            self._run_entry(path)
            return
        try:
            with open(path, "rb") as file:
                source = file.read()
        except OSError as error:
            sys.stderr.write(
                f"python: can't open file {os.path.abspath(path)!r}: [Errno {error.errno}] {error.strerror}\n"
            )
            raise SystemExit(2) from None
        if _END_OF_ZIP in source[-_MAX_END_OF_ZIP:] and _is_zip(path):
            self._run_entry(path)
            return
        folder = os.path.dirname(os.path.realpath(path))
        if folder == _COMMANDS:  # they are a package, whose names hide nobody's modules
            folder = os.path.dirname(folder)
            self._namespace["__package__"] = _COMMANDS_PACKAGE
        self._set_first_path(folder)
        place = os.path.abspath(path)
        self._namespace.update(__file__=place, __cached__=None)
        compiled = path.endswith(".pyc") or source.startswith(MAGIC_NUMBER)
        self._execute(_compiled(source) if compiled else compile(source, place, "exec"))

    def _run_entry(self, path: str) -> None:
        """The `__main__` of a folder or a zip file."""
        import runpy

        self._set_first_path(os.path.abspath(path))
        runpy._run_module_as_main("__main__", False)  # type: ignore[attr-defined]

    def _run_module(self, name: str, rest: list[str]) -> None:
        import runpy

        sys.argv[:] = ["-m", *rest]
        self._set_first_path(os.getcwd())
        runpy._run_module_as_main(name)  # type: ignore[attr-defined]

    # ---- how it ended --------------------------------------------------------------------------------

    def conclude(self, failure: BaseException | None) -> int:
        """Say what went wrong as the interpreter does, run what was to run at exit; the exit code."""
        code = self._code(failure)
        failure = None
        try:
            import atexit

            atexit._run_exitfuncs()
        except BaseException as late:
            code = self._code(late)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        return code

    def _code(self, failure: BaseException | None) -> int:
        if failure is None:
            return 0
        if isinstance(failure, _Usage):
            sys.stderr.write(f"{failure}\n{_USAGE}")
            return 2
        if not isinstance(failure, SystemExit):
            _hide_own_frames(failure)
            sys.excepthook(type(failure), failure, failure.__traceback__)
            return 130 if isinstance(failure, KeyboardInterrupt) else 1
        code = failure.code
        if code is None:
            return 0
        if isinstance(code, int):
            return code & 0xFF
        sys.stderr.write(f"{code}\n")
        return 1


def _is_zip(path: str) -> bool:
    import zipimport

    try:
        zipimport.zipimporter(path)
    except zipimport.ZipImportError:
        return False
    return True


def _compiled(data: bytes) -> CodeType:
    import marshal

    if not data.startswith(MAGIC_NUMBER):
        raise RuntimeError("Bad magic number in .pyc file")
    code = marshal.loads(data[_PYC_HEADER_BYTES:])
    if not isinstance(code, CodeType):
        raise RuntimeError("Bad code object in .pyc file")
    return code


def _hide_own_frames(failure: BaseException) -> None:
    """Take the frames of the sandbox's own code out of the traceback and those of what it is chained to."""
    todo: list[BaseException | None] = [failure]
    seen = set()
    while todo:
        error = todo.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        error.__traceback__ = _users_frames(error.__traceback__)
        todo += [error.__cause__, error.__context__]
        if isinstance(error, BaseExceptionGroup):
            todo += error.exceptions


def _users_frames(trace: TracebackType | None) -> TracebackType | None:
    kept = []
    while trace is not None:
        if trace.tb_frame.f_globals.get("__package__") != __package__:
            kept.append(trace)
        trace = trace.tb_next
    first = None
    for each in reversed(kept):
        each.tb_next = first
        first = each
    return first
