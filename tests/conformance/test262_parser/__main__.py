"""``python -m tests.conformance.test262_parser FOLDER``: the rates, and what is not as it should be."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pywasm_sandbox import Sandbox

KINDS = {"pass": True, "pass-explicit": True, "fail": False, "early": False}

# Scripts are compiled, modules are run too.
PARSE = """
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';
const isTaken = async ([name, source]) => {
  try {
    if (name.endsWith('.module.js')) await import('data:text/javascript,' + encodeURIComponent(source));
    else new Script(source);
    return true;
  } catch (error) {
    return !(error instanceof SyntaxError);
  }
};
const { parse, stringify } = JSON;
const results = [];
const programs = parse(readFileSync('/workspace/programs.json', 'utf8'));
for (const program of programs) results.push(await isTaken(program));
stringify(results)
"""


def run(folder: Path) -> dict[str, tuple[int, list[str]]]:
    """By kind: how many programs there are, and the names of those that are not treated as they should be."""
    found = {}
    for kind, is_valid in KINDS.items():
        programs = [(path.name, path.read_bytes().decode()) for path in sorted((folder / kind).glob("*.js"))]
        wrong: list[str] = []
        for start in range(0, len(programs), 50):
            wrong += _wrong(programs[start : start + 50], is_valid)
        found[kind] = (len(programs), wrong)
    return found


def _wrong(programs: list[tuple[str, str]], is_valid: bool) -> list[str]:
    """In a sandbox of their own: a program may do anything to its context."""
    with Sandbox() as sandbox:
        sandbox.write_file("/workspace/programs.json", json.dumps(programs))
        execution = sandbox.run_code(PARSE, language="javascript", timeout=5)
    if execution.error is None:
        taken = json.loads(execution.text or "[]")
        return [name for (name, _), result in zip(programs, taken, strict=True) if result != is_valid]
    if len(programs) == 1:
        return [f"{programs[0][0]} ({execution.error.name})"]
    return [name for program in programs for name in _wrong([program], is_valid)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.test262_parser", description=__doc__)
    parser.add_argument("folder", type=Path, help="the unpacked package")
    for kind, (count, wrong) in run(parser.parse_args().folder).items():
        print(f"{kind}: {count - len(wrong)} of {count} ({(count - len(wrong)) / count:.1%})")
        if wrong:
            print("   ", " ".join(wrong))


if __name__ == "__main__":
    main()
