"""The command line: ``pywasm-sandbox demo | run | prepare | info``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pywasm_sandbox import Execution, Sandbox, SandboxError, __version__, prepare

__all__ = ["main"]

LANGUAGES = {
    **dict.fromkeys((".js", ".mjs", ".cjs"), "javascript"),
    **dict.fromkeys((".ts", ".mts", ".cts", ".tsx"), "typescript"),
}
"""The languages of files that are not Python, by what their names end in."""

_DEMO_CELLS = (
    ("variables persist", "numbers = [2, 3, 5, 7, 11]\nprint('sum:', sum(numbers))"),
    ("the last expression is the result", "{'squares': [n * n for n in numbers]}"),
    (
        "rich results are MIME bundles",
        "from IPython.display import HTML\n"
        "rows = ''.join(f'<tr><td>{n}<td>{n ** 2}' for n in numbers)\n"
        "HTML(f'<table><tr><th>n<th>n²{rows}</table>')",
    ),
    (
        "a table from a file that the host wrote",
        "import csv\n"
        "with open('sales.csv', newline='') as file:\n"
        "    sales = [(row['month'], int(row['units'])) for row in csv.DictReader(file)]\n"
        "for month, units in sales:\n"
        "    print(f'{month:>4} {units:>5} {\"#\" * (units // 20)}')",
    ),
    (
        "a plot saved to a file",
        "top = max(units for _, units in sales)\n"
        "bars = ''.join(\n"
        '    f\'<rect x="{20 + 60 * i}" y="{160 - 140 * units // top}" width="40" \'\n'
        '    f\'height="{140 * units // top}" fill="steelblue"><title>{month}: {units}</title></rect>\'\n'
        "    for i, (month, units) in enumerate(sales)\n"
        ")\n"
        "with open('sales.svg', 'w') as file:\n"
        '    file.write(f\'<svg xmlns="http://www.w3.org/2000/svg" width="{20 + 60 * len(sales)}" \'\n'
        "               f'height=\"180\">{bars}</svg>')",
    ),
    ("an error is returned, not raised", "def ratio(a, b):\n    return a / b\nratio(sum(numbers), 0)"),
    ("the host is out of reach", "import os\nos.listdir('/'), os.path.exists('/etc/passwd')"),
)


def _show(execution: Execution) -> None:
    for line in "".join(execution.logs.stdout).splitlines():
        print(f"    {line}")
    for result in execution.results:
        print(f"    → {', '.join(result.formats)}")
        print(f"      {result.html or result.text}")
    if execution.error is not None:
        for line in execution.error.traceback:
            print("    ! " + line.rstrip("\n").replace("\n", "\n    ! "))


def _demo(arguments: argparse.Namespace) -> int:
    with Sandbox() as sandbox:
        sandbox.write_file("sales.csv", "month,units\nJan,120\nFeb,210\nMar,180\nApr,320\n")
        for title, code in _DEMO_CELLS:
            print(f"\n# {title}")
            for line in code.splitlines():
                print(f">>> {line}")
            _show(sandbox.run_code(code))
        saved = sandbox.download("sales.svg", Path(arguments.output))
        print(f"\nplot saved to {saved}")
    return 0


def _read_source(arguments: argparse.Namespace) -> str:
    if arguments.command is not None:
        return str(arguments.command)
    if arguments.file in (None, "-"):
        return sys.stdin.read()
    return Path(arguments.file).read_text()


def _language(arguments: argparse.Namespace) -> str:
    """What was asked for, else what the file's name says."""
    if arguments.language is not None:
        return str(arguments.language)
    return LANGUAGES.get(Path(arguments.file or "").suffix, "python")


def _write_to(stream: str) -> None:
    sys.stdout.write(stream)
    sys.stdout.flush()


def _write_to_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _run(arguments: argparse.Namespace) -> int:
    mounts = {}
    for pair in arguments.mount:
        folder, separator, path = pair.partition(":")
        if not separator:
            print(f"pywasm-sandbox: --mount {pair!r} is not HOST_FOLDER:/PATH", file=sys.stderr)
            return 2
        mounts[path] = folder
    with Sandbox(timeout=arguments.timeout, mounts=mounts) as sandbox:
        execution = sandbox.run_code(
            _read_source(arguments),
            language=_language(arguments),
            on_stdout=_write_to,
            on_stderr=_write_to_stderr,
            on_input=input,
        )
        for result in execution.results:
            print(result)
        if execution.error is not None:
            print("\n".join(execution.error.traceback), file=sys.stderr)
            return 1
        return execution.exit_code or 0


def _prepare(arguments: argparse.Namespace) -> int:
    started = time.monotonic()
    prepare(languages=arguments.language or ["python"])
    print(f"ready in {time.monotonic() - started:.1f} s")
    return 0


def _info(arguments: argparse.Namespace) -> int:
    with Sandbox() as sandbox:
        execution = sandbox.run_code("import sys, sysconfig\nf'{sys.version} on {sysconfig.get_platform()}'")
    print(f"pywasm_sandbox {__version__}")
    print(f"python {execution.text}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "pywasm-sandbox", description="Run untrusted Python, JavaScript and TypeScript in WebAssembly."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    demo = commands.add_parser("demo", help="show a session: text, a table, a plot saved to a file")
    demo.add_argument("--output", default="sales.svg", help="where the plot is saved (sales.svg)")
    demo.set_defaults(call=_demo)
    run = commands.add_parser("run", help="run a file, or standard input, in a fresh sandbox")
    run.add_argument("file", nargs="?", help="the source file; - for standard input")
    run.add_argument("-c", dest="command", metavar="CODE", help="run this code instead of a file")
    run.add_argument("--language", help="python, javascript or typescript (by the file's name, else python)")
    run.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="deadline (30)")
    run.add_argument(
        "--mount", action="append", default=[], metavar="HOST_FOLDER:/PATH", help="mount a folder, read-only"
    )
    run.set_defaults(call=_run)
    prepare = commands.add_parser("prepare", help="compile the guests ahead of time")
    prepare.add_argument(
        "--language",
        action="append",
        metavar="NAME",
        help="python (if none is given), javascript, typescript",
    )
    prepare.set_defaults(call=_prepare)
    info = commands.add_parser("info", help="say what is installed")
    info.set_defaults(call=_info)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.call(arguments))
    except (SandboxError, ValueError, OSError) as error:
        print(f"pywasm-sandbox: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
