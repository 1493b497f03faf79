"""Every example of the README and the guide is executed; a comment at a print says what it prints.

`<!-- needs: pandas -->` above an example: it is skipped where that wheel is not among the assets.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox._guests.assets import Assets

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^(?:<!-- needs: (.*?) -->\n)?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WHEELS = {asset.name for asset in Assets.installed().of_kind("wheel")}
EXPECTED = re.compile(r"print\(.*\)\s+# (?P<text>.+)$", re.MULTILINE)


def _examples() -> Iterator[Any]:
    for page in PAGES:
        text = page.read_text()
        for match in BLOCK.finditer(text):
            lacking = set((match[1] or "").split()) - WHEELS
            yield pytest.param(
                str(page.relative_to(ROOT)),
                text.count("\n", 0, match.start(2)) + 1,
                match[2],
                marks=pytest.mark.skipif(bool(lacking), reason=f"no wheel of {', '.join(lacking)}"),
            )


@pytest.mark.parametrize(("page", "line", "code"), list(_examples()), ids=lambda value: str(value)[:30])
def test_example(page: str, line: int, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    output = io.StringIO()
    # Blank lines in front make the line numbers of a traceback those of the page.
    compiled = compile("\n" * (line - 1) + code, str(ROOT / page), "exec", dont_inherit=True)
    with contextlib.redirect_stdout(output):
        exec(compiled, {"__name__": "__main__"})
    printed = output.getvalue()
    for match in EXPECTED.finditer(code):
        assert match["text"] in printed, f"{page} says {match['text']!r}, printed was:\n{printed}"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_example_file(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path)])
    exec(compile(path.read_text(), str(path), "exec", dont_inherit=True), {"__name__": "__main__"})
    assert capsys.readouterr().out


def test_there_are_examples() -> None:
    assert len(list(_examples())) >= 10


def test_local_links_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} → {target}")
    assert broken == []
