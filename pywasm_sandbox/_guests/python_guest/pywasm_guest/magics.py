"""The magics of notebooks that mean something in the sandbox."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from .script_magics import FILE_COMMANDS, SCRIPT_MAGICS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .shell import Shell

__all__ = ["CELL_MAGICS", "LINE_MAGICS", "UsageError"]

_HIDDEN = frozenset({"In", "Out", "exit", "quit", "get_ipython"})
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "μs"), (1e-9, "ns"))


class UsageError(Exception):
    """A magic that does not exist, or that is used in a way that has no meaning."""


def _duration(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _variables(shell: Shell) -> dict[str, Any]:
    """What the user has defined."""
    from types import ModuleType

    return {
        name: value
        for name, value in shell.user_ns.items()
        if not name.startswith("_") and name not in _HIDDEN and not isinstance(value, ModuleType)
    }


def _timeit(shell: Shell, line: str, cell: str | None = None) -> Any:
    """Time a statement: ``-n`` loops, ``-r`` repeats, ``-q`` quiet, ``-o`` return the timings."""
    import getopt
    import shlex
    import statistics
    import timeit

    words = shlex.split(line, posix=False)
    chosen, rest = getopt.getopt(words, "n:r:qotcpv:")
    options = dict(chosen)
    statement = line
    for word in words[: len(words) - len(rest)]:
        statement = statement.replace(word, "", 1)
    statement = statement.strip()
    setup, code = (statement or "pass", cell) if cell is not None else ("pass", statement)
    timer = timeit.Timer(code or "pass", setup, globals=shell.user_ns)
    loops = int(options.get("-n", 0)) or timer.autorange()[0]
    runs = [total / loops for total in timer.repeat(int(options.get("-r", 7)), loops)]
    if "-q" not in options:
        mean, deviation = statistics.fmean(runs), statistics.pstdev(runs)
        print(
            f"{_duration(mean)} ± {_duration(deviation)} per loop "
            f"(mean ± std. dev. of {len(runs)} runs, {loops:,} loops each)"
        )
    return runs if "-o" in options else None


def _time(shell: Shell, line: str, cell: str | None = None) -> None:
    """Run once and say how long it took."""
    started, processor = time.perf_counter(), time.process_time()
    try:
        shell.run_cell(line if cell is None else "\n" + cell)
    finally:
        processor = time.process_time() - processor
        print(f"CPU times: total: {_duration(processor)}")
        print(f"Wall time: {_duration(time.perf_counter() - started)}")


def _capture(shell: Shell, line: str, cell: str) -> None:
    """Keep what the cell prints in a variable, or drop it."""
    import contextlib
    import io
    import types

    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        shell.run_cell("\n" + cell)
    name = line.strip()
    if name:
        shell.user_ns[name] = types.SimpleNamespace(stdout=output.getvalue(), stderr=errors.getvalue())


def _writefile(shell: Shell, line: str, cell: str) -> None:
    """Write the rest of the cell into a file; ``-a`` appends."""
    words = line.split()
    append = "-a" in words or "--append" in words
    names = [word for word in words if not word.startswith("-")]
    if len(names) != 1:
        raise UsageError("%%writefile [-a] filename")
    existed = os.path.exists(names[0])
    with open(names[0], "a" if append else "w", encoding="utf-8") as file:
        file.write(cell)
    print(f"{'Appending to' if append else 'Overwriting' if existed else 'Writing'} {names[0]}")


def _matplotlib(shell: Shell, line: str) -> None:
    """Figures are shown in the results already; other backends need a display."""
    backend = line.strip()
    if backend not in ("", "inline", "agg", "Agg"):
        raise UsageError(f"%matplotlib {backend}: the sandbox has no display; figures are shown as results")


def _config(shell: Shell, line: str) -> None:
    """``InlineBackend.figure_format(s)`` and ``.close_figures``."""
    from . import figures

    name, _, text = line.partition("=")
    name = name.strip()
    value = shell.ev(text.strip()) if text.strip() else None
    if name in ("InlineBackend.figure_format", "InlineBackend.figure_formats") and value:
        figures.select_formats(*([value] if isinstance(value, str) else value))
    elif name == "InlineBackend.close_figures" and value is not None:
        figures.close_figures(value)
    elif name == "InlineBackend.print_figure_kwargs" and isinstance(value, dict):
        figures.set_options(value)
    else:
        raise UsageError(
            "%config knows InlineBackend.figure_formats, .figure_format, .close_figures, .print_figure_kwargs"
        )


def _who(shell: Shell, line: str) -> None:
    names = sorted(_variables(shell))
    print("\t ".join(names) if names else "Interactive namespace is empty.")


def _whos(shell: Shell, line: str) -> None:
    variables = _variables(shell)
    if not variables:
        print("Interactive namespace is empty.")
        return
    rows = [(name, type(value).__name__, _one_line(value)) for name, value in sorted(variables.items())]
    widths = [max(len(row[column]) for row in [*rows, ("Variable", "Type", "")]) + 2 for column in (0, 1)]
    print(f"{'Variable':{widths[0]}}{'Type':{widths[1]}}Data/Info")
    for row in rows:
        print(f"{row[0]:{widths[0]}}{row[1]:{widths[1]}}{row[2]}")


def _one_line(value: object) -> str:
    shape = getattr(value, "shape", None)
    text = f"shape {shape}" if isinstance(shape, tuple) else " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _cd(shell: Shell, line: str) -> None:
    os.chdir(os.path.expanduser(line.strip().strip("'\"") or "~"))
    print(os.getcwd())


def _env(shell: Shell, line: str) -> Any:
    """All variables, one of them, or ``NAME=value`` to set it."""
    text = line.strip()
    if not text:
        return dict(os.environ)
    name, equals, value = text.partition("=")
    if not equals:
        name, space, value = text.partition(" ")
        if not space:
            return os.environ.get(text)
    os.environ[name.strip()] = value.strip()
    print(f"env: {name.strip()}={value.strip()}")
    return None


def _reset(shell: Shell, line: str) -> None:
    """Forget the user's variables."""
    for name in _variables(shell):
        del shell.user_ns[name]


def _load_ext(shell: Shell, line: str) -> None:
    """Load a package's extension. ``autoreload`` is accepted: files don't change behind a sandbox's back."""
    name = line.strip()
    if name and name not in ("autoreload", *shell.extensions):
        import importlib

        importlib.import_module(name).load_ipython_extension(shell)
        shell.extensions.add(name)


def _autoreload(shell: Shell, line: str) -> None:
    """Without effect: use `importlib.reload`."""


def _pip(shell: Shell, line: str) -> None:
    shell.system(f"pip {line}")


def _run(shell: Shell, line: str) -> None:
    """Run a file as a program; its variables become the user's."""
    import runpy
    import shlex

    words = shlex.split(line)
    if not words:
        raise UsageError("%run file [arguments]")
    before = sys.argv
    sys.argv = words
    try:
        result = runpy.run_path(words[0], run_name="__main__")
    finally:
        sys.argv = before
    shell.push({name: value for name, value in result.items() if not name.startswith("__")})


def _history(shell: Shell, line: str) -> None:
    """The cells so far; ``-n`` with their numbers; ``3 5-7`` some of them."""
    words = line.split()
    numbered = "-n" in words
    sources = dict(enumerate(shell.user_ns.get("In", [""])))
    wanted: set[int] = set()
    for word in words:
        if word != "-n":
            first, dash, last = word.partition("-")
            if not first.isdecimal() or not (last.isdecimal() or not dash):
                raise UsageError("%history [-n] [numbers and ranges of cells]")
            wanted.update(range(int(first), int(last or first) + 1))
    for number, source in sources.items():
        if source and (number in wanted or not wanted):
            print(f"{number:4}: {source}" if numbered else source)


def _pinfo(shell: Shell, line: str) -> None:
    _inspect(shell, line.strip(), source=False)


def _pinfo2(shell: Shell, line: str) -> None:
    _inspect(shell, line.strip(), source=True)


def _inspect(shell: Shell, name: str, *, source: bool) -> None:
    import inspect

    try:
        value = shell.ev(name)
    except Exception:
        print(f"Object `{name}` not found.")
        return
    lines = []
    if callable(value):
        try:
            lines.append(f"Signature: {name}{inspect.signature(value)}")
        except (TypeError, ValueError):
            pass
    else:
        lines.append(f"String form: {_one_line(value)}")
    lines.append(f"Type:      {type(value).__name__}")
    try:
        text = inspect.getsource(value) if source else None
    except (OSError, TypeError):
        text = None
    if text is not None:
        lines.append(f"Source:\n{text.rstrip()}")
    else:
        lines.append(f"Docstring: {inspect.getdoc(value) or '<no docstring>'}")
    print("\n".join(lines))


def _pwd(shell: Shell, line: str) -> str:
    return os.getcwd()


def _lsmagic(shell: Shell, line: str) -> None:
    print("Line magics: " + "  ".join(f"%{name}" for name in sorted(LINE_MAGICS)))
    print("Cell magics: " + "  ".join(f"%%{name}" for name in sorted(CELL_MAGICS)))


def _sx(shell: Shell, line: str) -> Any:
    return shell.getoutput(line)


def _file_command(name: str) -> Callable[[Shell, str], None]:
    return lambda shell, line: shell.system(f"{name} {line}")


LINE_MAGICS = {
    "autoreload": _autoreload,
    "cd": _cd,
    "config": _config,
    "env": _env,
    "history": _history,
    "load_ext": _load_ext,
    "lsmagic": _lsmagic,
    "matplotlib": _matplotlib,
    "pinfo": _pinfo,
    "pinfo2": _pinfo2,
    "pip": _pip,
    "pwd": _pwd,
    "reset": _reset,
    "run": _run,
    "set_env": _env,
    "sx": _sx,
    "system": _sx,
    "time": _time,
    "timeit": _timeit,
    "who": _who,
    "whos": _whos,
    **{name: _file_command(name) for name in FILE_COMMANDS},
}
CELL_MAGICS = {
    "capture": _capture,
    "file": _writefile,
    "time": _time,
    "timeit": _timeit,
    "writefile": _writefile,
    **SCRIPT_MAGICS,
}
