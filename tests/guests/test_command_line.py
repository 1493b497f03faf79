"""`pywasm-sandbox run` and `prepare` in all languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from pywasm_sandbox.cli import main


@pytest.mark.parametrize(
    ("name", "source", "output"),
    [
        ("a.py", "print('py'); 1 + 1", "py\n2\n"),
        ("a.js", "console.log('js'); 1 + 1", "js\n2\n"),
        ("a.mjs", "[1, 2].map((x) => x * 2)", "[ 2, 4 ]\n"),
        ("a.ts", "enum E { A = 5 }\nconst x: number = E.A; x", "5\n"),
    ],
)
def test_a_file_s_name_says_its_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, source: str, output: str
) -> None:
    (tmp_path / name).write_text(source)
    assert main(["run", str(tmp_path / name)]) == 0
    assert capsys.readouterr().out == output


def test_a_language_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--language", "ts", "-c", "let x: string = 'a'; x"]) == 0
    assert capsys.readouterr().out == "a\n"


def test_an_error_is_shown_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.ts").write_text("let a = 1;\nlet b: = 2;\n")
    assert main(["run", str(tmp_path / "bad.ts")]) == 1
    assert "let b: = 2;\n       ^" in capsys.readouterr().err


def test_preparing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "--language", "javascript", "--language", "ts"]) == 0
    assert capsys.readouterr().out.startswith("ready in ")
    assert main(["prepare", "--language", "cobol"]) == 2
    assert "'cobol' is not available" in capsys.readouterr().err
