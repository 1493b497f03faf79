"""The house's rules that a machine can keep: layers, sizes, and what guest code may import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from importlinter.api import use_cases  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "pywasm_sandbox"
GUEST = PACKAGE / "_guests" / "python_guest"
MAX_LINES = 800
MAX_FUNCTION_LINES = 80
TAKEN_OVER = {GUEST / "shims/IPython/core/inputtransformer2.py", GUEST / "shims/IPython/utils/tokenutil.py"}
"""Unchanged files of other projects."""


def _sources(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py") if path not in TAKEN_OVER)


def _imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def test_layers_hold(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    passed = use_cases.lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)
    assert passed, capsys.readouterr().out


@pytest.mark.parametrize(
    "path", _sources(PACKAGE, ROOT / "build"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_files_are_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", _sources(PACKAGE), ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_fit_a_screen(path: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_guest_code_does_not_import_the_package() -> None:
    guilty = {
        str(path.relative_to(ROOT)): name
        for path in _sources(GUEST)
        for name in _imports(ast.parse(path.read_text()))
        if name.split(".")[0] in ("pywasm_sandbox", "wasmtime", "pydantic", "anyio")
    }
    assert guilty == {}


def test_the_package_does_not_import_tests_or_build() -> None:
    guilty = {
        str(path.relative_to(ROOT)): name
        for path in _sources(PACKAGE)
        for name in _imports(ast.parse(path.read_text()))
        if name.split(".")[0] in ("tests", "build")
    }
    assert guilty == {}
