"""`exec`, processes in the background, and their limits."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from pywasm_sandbox import SandboxError

pytestmark = pytest.mark.anyio


async def test_a_command_has_output_and_exit_code(shared: Any) -> None:
    result = await shared.exec("echo out; echo err >&2; exit 3")
    assert (result.stdout, result.stderr, result.exit_code, result.success) == ("out\n", "err\n", 3, False)
    assert result.error is None
    assert 0 < result.duration == result.duration_seconds < 60


async def test_success(shared: Any) -> None:
    assert (await shared.exec("true")).success


async def test_an_unknown_command_is_127(shared: Any) -> None:
    result = await shared.exec("nosuchcommand --flag")
    assert result.exit_code == 127
    assert result.stderr == "sh: 1: nosuchcommand: not found\n"


async def test_commands_are_the_sandbox_s(shared: Any) -> None:
    assert (await shared.exec("cat /etc/passwd")).exit_code == 1
    assert (await shared.exec("/usr/bin/gcc --version")).exit_code == 127
    assert (await shared.exec("cat /proc/self/environ")).exit_code == 1


async def test_words_are_not_expanded(shared: Any) -> None:
    assert (await shared.exec(["echo", "$HOME", "a b", "*"])).stdout == "$HOME a b *\n"


async def test_cwd_env_and_stdin(shared: Any) -> None:
    await shared.mkdir("/workspace/there")
    result = await shared.exec("pwd; echo $A; cat", cwd="there", env={"A": "1 2"}, stdin="given\n")
    assert result.stdout == "/workspace/there\n1 2\ngiven\n"
    assert (await shared.exec("wc -c", stdin=b"\0\xff")).stdout == "2\n"


async def test_a_cwd_that_is_missing(shared: Any) -> None:
    with pytest.raises(FileNotFoundError):
        await shared.exec("true", cwd="/nowhere")


@pytest.mark.parametrize(
    ("command", "kind"), [(3, TypeError), ([], TypeError), (["a", 1], TypeError), ("a\0b", ValueError)]
)
async def test_misuse(shared: Any, command: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await shared.exec(command)


async def test_files_are_shared_with_contexts(shared: Any) -> None:
    await shared.exec("mkdir -p data && echo 1,2 > data/x.csv")
    assert (await shared.run_code("open('data/x.csv').read()")).text == "1,2\n"
    await shared.run_code("open('data/y', 'w').write('from a cell')")
    assert (await shared.exec("cat data/y")).stdout == "from a cell"


async def test_output_comes_as_it_is_written(sandbox: Any, flavour: str) -> None:
    seen: list[tuple[str, float]] = []

    def keep(text: str) -> None:
        seen.append((text, time.monotonic()))

    await sandbox.exec("true")  # compiled
    result = await sandbox.exec("echo one; sleep 0.5; echo two", on_stdout=keep)
    assert [text for text, _ in seen] == ["one\n", "two\n"]
    assert seen[1][1] - seen[0][1] > 0.3
    assert result.stdout == "one\ntwo\n"


async def test_a_callback_that_raises_ends_the_command(sandbox: Any) -> None:
    def fail(text: str) -> None:
        raise LookupError(text)

    with pytest.raises(LookupError, match="x"):
        await sandbox.exec("echo x; sleep 60", on_stdout=fail)
    assert (await sandbox.exec("echo fine")).stdout == "fine\n"


# ---- limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "sleep 60",
        "while :; do :; done",
        "yes > /dev/null",
        "cat | cat",
        "sleep 60 & wait",
        "python -c 'while True: pass'",
        "python -c 'import time; time.sleep(60)'",
        "python -c 'print(1)' | sleep 60",
        "sh -c 'sh -c \"sleep 60\"'",
    ],
)
async def test_a_deadline_ends_all_processes(sandbox: Any, command: str) -> None:
    await sandbox.exec("python -c 1")  # compiled, and the image is there
    started = time.monotonic()
    result = await sandbox.exec(
        f"sleep 0 ; {command}", timeout=1.5, stdin=None if "cat" not in command else "x"
    )
    if command == "cat | cat":  # ends with its input
        assert result.success
        return
    assert result.exit_code == 124
    assert result.error.name == "ExecutionTimeout"
    assert "timeout of 1.5 s" in result.error.message
    assert time.monotonic() - started < 20
    assert (await sandbox.exec("echo alive")).stdout == "alive\n"


async def test_an_output_limit(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_output_bytes=10_000)
    result = await sandbox.exec("yes", timeout=60)
    assert result.error.name == "OutputLimitExceeded"
    assert len(result.stdout) == 10_000
    assert result.truncated
    assert (await sandbox.exec("echo fits")).stdout == "fits\n"


async def test_the_quota_of_files(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(disk_bytes=100_000)
    result = await sandbox.exec("yes > big", timeout=60)
    assert not result.success
    assert "No space left" in result.stderr
    assert (await sandbox.stat("big")).size <= 100_000


async def test_a_fork_bomb_ends_with_a_clear_error(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_processes=16)
    result = await sandbox.exec("f() { f | f & f; }; f", timeout=20)
    assert not result.success
    assert "Cannot fork" in result.stderr or result.error is not None
    assert (await sandbox.exec("echo still | cat")).stdout == "still\n"


async def test_max_processes(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_processes=4)
    assert (await sandbox.exec("true | true | true")).success
    result = await sandbox.exec("sleep 5 & sleep 5 & sleep 5 & sleep 5 & wait", timeout=20)
    assert result.stderr.endswith(": Cannot fork\n")
    assert result.exit_code == 2


async def test_deep_recursion_of_the_shell_is_its_own_problem(sandbox: Any) -> None:
    result = await sandbox.exec("f() { f; }; f", timeout=30)
    assert not result.success
    assert (await sandbox.exec("echo alive")).stdout == "alive\n"


async def test_memory_of_a_process(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(memory_bytes=64 << 20)
    result = await sandbox.exec("python -c 'x = bytearray(1 << 30)'", timeout=60)
    assert result.exit_code == 1
    assert result.stderr.rstrip().endswith("MemoryError")


# ---- python -----------------------------------------------------------------------------------------


async def test_python_runs_files_modules_commands_and_stdin(shared: Any) -> None:
    await shared.write_file("args.py", "import sys\nprint(__name__, sys.argv, sys.path[0])\nsys.exit(5)\n")
    result = await shared.exec("python args.py a 'b c'")
    assert (result.stdout, result.exit_code) == ("__main__ ['args.py', 'a', 'b c'] /workspace\n", 5)
    await shared.write_file("pack/__init__.py", "")
    await shared.write_file("pack/__main__.py", "import sys; print(sys.argv[1:], __package__)")
    assert (await shared.exec("python3 -m pack x")).stdout == "['x'] pack\n"
    assert (await shared.exec("python -c 'import sys; print(sys.argv)' 1 2")).stdout == "['-c', '1', '2']\n"
    assert (await shared.exec("echo 'print(6 * 7)' | python -")).stdout == "42\n"
    assert (await shared.exec("echo 'print(6 * 7)' | python")).stdout == "42\n"
    await shared.write_file("code.py", "print('redirected')")
    assert (await shared.exec("python - < code.py")).stdout == "redirected\n"


@pytest.fixture
async def programs(sandbox: Any) -> Any:
    """A folder, a zip file under a name that doesn't say so, compiled files; and what looks like them."""
    main = "import sys, helper; print(sys.argv, __name__, __file__, sys.path[0])"
    await sandbox.run_code(f"""
import os, py_compile, zipfile
os.mkdir("folder"), os.mkdir("empty")
for name, text in [("__main__", {main!r}), ("helper", "")]:
    open(f"folder/{{name}}.py", "w").write(text)
with zipfile.ZipFile("packed.bin", "w") as archive:
    archive.write("folder/__main__.py", "__main__.py"), archive.write("folder/helper.py", "helper.py")
open("code.py", "w").write("import sys; print(sys.argv, __name__, __file__)")
py_compile.compile("code.py", "code.pyc"), py_compile.compile("code.py", "code.data")
open("bad.pyc", "w").write("print(1)")
open("text.py", "w").write('print("PK\\5\\6")')
""")
    return sandbox


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("folder 1", "['folder', '1'] __main__ /workspace/folder/__main__.py /workspace/folder"),
        (
            "packed.bin 2",
            "['packed.bin', '2'] __main__ /workspace/packed.bin/__main__.py /workspace/packed.bin",
        ),
        ("code.pyc 3", "['code.pyc', '3'] __main__ /workspace/code.pyc"),
        ("code.data", "['code.data'] __main__ /workspace/code.data"),
        ("text.py", "PK\5\6"),
    ],
)
async def test_python_runs_folders_zip_files_and_compiled_files(
    programs: Any, line: str, output: str
) -> None:
    result = await programs.exec(f"python {line}")
    assert (result.stderr, result.stdout) == ("", f"{output}\n")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("empty", "/usr/bin/python3: can't find '__main__' module in '/workspace/empty'\n"),
        ("bad.pyc", "RuntimeError: Bad magic number in .pyc file\n"),
    ],
)
async def test_what_python_can_t_run(programs: Any, line: str, message: str) -> None:
    result = await programs.exec(f"python {line}")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", message)


async def test_python_s_standard_streams(shared: Any) -> None:
    line = "printf 'a\\nb\\n' | python -c 'import sys; print([x for x in sys.stdin])'"
    assert (await shared.exec(line)).stdout == "['a\\n', 'b\\n']\n"
    assert (await shared.exec("echo name | python -c 'print(input(\"who? \"))'")).stdout == "who? name\n"
    result = await shared.exec("python -c 'import sys; print(1); print(2, file=sys.stderr)' 2> err > out")
    assert result.stdout == ""
    assert (await shared.read_file("out")).content == "1\n"
    assert (await shared.read_file("err")).content == "2\n"


async def test_python_s_exit_codes(shared: Any) -> None:
    for code, expected in (("0", 0), ("None", 0), ("3", 3), ("'message'", 1)):
        assert (await shared.exec(["python", "-c", f"import sys; sys.exit({code})"])).exit_code == expected
    result = await shared.exec(["python", "-c", "1/0"])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == "Traceback (most recent call last):"
    assert 'File "<string>", line 1, in <module>' in result.stderr
    assert result.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "pywasm_guest" not in result.stderr
    assert (await shared.exec("python missing.py")).exit_code == 2
    assert (await shared.exec("python -c 'import os; os._exit(9)'")).exit_code == 9
    assert (await shared.exec("python --version")).stdout.startswith("Python 3.14")


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("input()", "EOFError: EOF when reading a line"),
        ("import getpass; getpass.getpass()", "EOFError"),
        ("import subprocess; subprocess.run('./nosuch')", "'./nosuch'"),
        ("try: input()\nexcept EOFError as error: raise KeyError(1) from error", "KeyError: 1"),
    ],
)
async def test_tracebacks_of_python_s_programs_have_no_frames_of_ours(
    shared: Any, code: str, last: str
) -> None:
    await shared.write_file("fails.py", code)
    for line in (["python", "fails.py"], ["python", "-c", code]):
        result = await shared.exec(line)
        assert result.exit_code == 1
        assert result.stderr.rstrip().endswith(last)
        assert "pywasm" not in result.stderr
    assert 'File "/workspace/fails.py", line 1, in <module>' in (await shared.exec("python fails.py")).stderr


async def test_the_name_of_a_script_is_as_it_was_called(shared: Any) -> None:
    await shared.exec("mkdir -p names/in")
    await shared.write_file("names/s.sh", "#!/bin/sh\necho $0\n", mode=0o755)
    await shared.write_file(
        "names/s.py", "#!/usr/bin/env python\nimport sys; print(sys.argv[0])\n", mode=0o755
    )
    for call in ("./s.sh", "./s.py", "in/../s.sh", "sh s.sh", "/workspace/names/s.py", "env ./s.sh"):
        result = await shared.exec(call, cwd="/workspace/names")
        assert result.stdout == call.split()[-1] + "\n"
    started = await shared.run_code(
        "import subprocess; subprocess.run('./s.sh', cwd='/workspace/names', capture_output=True).stdout"
    )
    assert started.text == r"b'./s.sh\n'"


async def test_each_python_is_its_own(shared: Any) -> None:
    await shared.run_code("leaked = 1")
    result = await shared.exec("python -c 'print(\"leaked\" in globals())'")
    assert result.stdout == "False\n"
    first = await shared.exec("python -c 'import random; print(random.random())'")
    second = await shared.exec("python -c 'import random; print(random.random())'")
    assert first.stdout != second.stdout


async def test_python_in_pipelines_and_scripts(shared: Any) -> None:
    await shared.write_file(
        "tool", "#!/usr/bin/env python3\nimport sys\nprint(len(sys.stdin.read()))\n", mode=0o755
    )
    assert (await shared.exec("printf 12345 | ./tool")).stdout == "5\n"
    assert (await shared.exec("python -c 'for i in range(100000): print(i)' | head -1")).stdout == "0\n"
    assert (await shared.exec("echo '[1]' | python -m json.tool")).success
    code = "import json, sys; print(json.dumps(sys.argv[1:]))"
    result = await shared.exec(["python", "-c", code, "ü", "a b", ""])
    assert json.loads(result.stdout) == ["ü", "a b", ""]


async def test_python_has_the_bundled_packages(shared: Any) -> None:
    assert (await shared.exec("python -c 'import numpy; print(numpy.arange(3).sum())'")).stdout == "3\n"


# ---- archives and comparison ----------------------------------------------------------------------


async def test_tree(shared: Any) -> None:
    await shared.exec("rm -rf wood; mkdir -p wood/a/b wood/c wood/.git; ln -s c wood/l")
    await shared.exec("echo 12345 > wood/a/b/x.py; : > wood/c/y")

    async def shown(line: str) -> str:
        result = await shared.exec(f"cd wood; tree {line}")
        assert result.stderr == ""
        return str(result.stdout.replace("\u00a0", " "))

    assert await shown("") == (
        ".\n├── a\n│   └── b\n│       └── x.py\n├── c\n│   └── y\n└── l -> c\n\n4 directories, 2 files\n"
    )
    assert await shown("-a -d --noreport . c") == ".\n├── .git\n├── a\n│   └── b\n├── c\n└── l -> c\nc\n"
    assert await shown("-L 1 -F --noreport") == "./\n├── a/\n├── c/\n└── l -> c\n"
    assert await shown("-fi --noreport -P '*.py' --prune") == ".\n./a\n./a/b\n./a/b/x.py\n"
    assert (await shown("-s a/b")).splitlines()[1] == "└── [          6]  x.py"
    assert await shown("-I 'a|l' -r -n") == ".\n└── c\n    └── y\n\n1 directory, 1 file\n"
    found = json.loads(await shown("-J c"))
    assert found[0]["contents"] == [{"type": "file", "name": "y"}]
    assert found[1] == {"type": "report", "directories": 0, "files": 1}
    missing = await shared.exec("tree nowhere")
    assert (missing.stdout, missing.exit_code) == (
        "nowhere  [error opening dir]\n\n0 directories, 0 files\n",
        2,
    )
    assert (await shared.exec("tree -L 0")).stderr == "tree: Invalid level, must be greater than 0.\n"


async def test_less_writes_all(shared: Any) -> None:
    await shared.write_file("long.txt", "".join(f"{n}\n" for n in range(1, 200)) + "\n\n\nend\n")
    text = (await shared.read_file("long.txt")).content
    for line in (
        "less long.txt",
        "more long.txt",
        "cat long.txt | less -FRSX",
        "less -20 --no-init long.txt",
    ):
        assert (await shared.exec(line)).stdout == text
    assert (
        await shared.exec("less -N +198 -s long.txt")
    ).stdout == "    198 198\n    199 199\n    200 \n    201 end\n"
    assert (await shared.exec("less +/19.$ long.txt | head -2")).stdout == "190\n191\n"
    missing = await shared.exec("less nothing.txt long.txt | tail -1; more .")
    assert (missing.stdout, missing.exit_code) == ("end\n", 1)
    assert missing.stderr == "less: nothing.txt: No such file or directory\nless: .: Is a directory\n"


@pytest.mark.parametrize(
    ("program", "output"),
    [
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("[1, 2, 3] | pick(.[1])", "[null,2]"),
        ("if true then 1 end, (false | if . then 1 end)", "1\nfalse"),
        ("[limit(4; 1 | repeat(. * 2))]", "[1,2,4,8]"),
        (
            "[1, [2]] | getpath([1, 0]), (.[1] |= empty), toarray, ([3] | have_literal_numbers)",
            "2\n[1]\n[1,[2]]\ntrue",
        ),
        ('" a " | trim, ltrim, rtrim, (ltrimstr(" ") | rtrimstr(" "))', '"a"\n"a "\n" a"\n"a"'),
        ("try error(null) catch [.]", "[null]"),
        ('"abc" | gsub("^"; ">"), gsub("$"; "<")', '">abc"\n"abc<"'),
        (
            '"it\'s" | @sh, @html, @uri, @base32, (@base32 | @base32d)',
            '"\'it\'\\\\\'\'s\'"\n"it&#39;s"\n"it%27s"\n"NF2CO4Y="\n"it\'s"',
        ),
        ("[.[]?] | first, last, ([] | add), ([range(5)] | skip(3; .[]))", "null\nnull\nnull\n3\n4"),
        ("(-1) | abs, ({} | .a += 1), ([[0, 1], [1, 0]] | .[] as [$a, $b] | $a - $b)", '1\n{"a":1}\n-1\n1'),
    ],
)
async def test_jq_as_newer_ones(shared: Any, program: str, output: str) -> None:
    result = await shared.exec(["jq", "-nc", program])
    assert (result.stderr, result.stdout) == ("", f"{output}\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["."], 2, "jq: error: parse error: Expecting value at line 2"),
        ([".[] | nosuch"], 3, "jq: error: nosuch/0 is not defined\njq: 1 compile error"),
        (["$x"], 3, "jq: error: $x is not defined\njq: 1 compile error"),
        (["{"], 3, "jq: error: syntax error, unexpected end of program at character 2\njq: 1 compile error"),
        (["-n", "{} + 1"], 5, "jq: error (at <stdin>:0): object ({}) and number (1) cannot be added"),
        (["-n", "path(1 | .a)"], 5, "jq: error (at <stdin>:0): Invalid path expression with result 1"),
        (["-n", "def f: 1 + f; f"], 5, "jq: error: the program recurses too deeply"),
        (["-n", '"no\\n" | halt_error(9)'], 9, "no"),
        (["-n", "--arg", "x"], 2, "jq: error: --arg takes 2 parameters"),
    ],
)
async def test_what_jq_can_t_do(shared: Any, arguments: list[str], code: int, message: str) -> None:
    result = await shared.exec(["jq", *arguments], stdin="[1,\n")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"{message}\n")


async def test_what_the_machine_is(shared: Any) -> None:
    assert (await shared.exec("nproc; nproc --all; nproc --ignore=5")).stdout == "1\n1\n1\n"
    assert (await shared.exec("OMP_NUM_THREADS=3 nproc")).stdout == "3\n"
    assert (await shared.exec("hostname; hostname -I")).stdout == "sandbox\n127.0.0.1\n"
    assert (await shared.exec("hostname other")).exit_code == 1


async def test_pytest_says_nothing_of_its_own(shared: Any) -> None:
    await shared.write_file("checks/test_one.py", "def test(): assert True\n")
    result = await shared.exec("pytest -q checks; pytest --version", timeout=60)
    assert (result.stderr, result.exit_code) == ("", 0)
    assert "1 passed" in result.stdout


async def test_our_commands_hide_no_modules(shared: Any) -> None:
    """Their names: one is ``gzip``, and each runs as a program that imports modules."""
    await shared.exec("echo x > hidden.txt; gzip -kf hidden.txt")
    assert (await shared.exec("python -c 'import gzip; print(gzip.open(\"hidden.txt.gz\").read())'")).success
    await shared.write_file("programs/common.py", "raise SystemExit('the wrong one')")
    assert (await shared.exec("zcat hidden.txt.gz")).stdout == "x\n"


async def test_every_command_of_ours_says_how_it_is_used(shared: Any) -> None:
    programs = "/usr/lib/pywasm/programs"
    listed = await shared.exec(f"cd {programs}; grep -l '^USAGE' *.py")
    for name in listed.stdout.split():
        result = await shared.exec(["python", f"{programs}/{name}", "--help"])
        assert result.exit_code == 0, name
        assert result.stdout.startswith("Usage: "), name
        wrong = await shared.exec(["python", f"{programs}/{name}", "--surely-no-option"])
        assert wrong.exit_code in (1, 2), name
        assert "--help' for more information" in wrong.stderr, name


async def test_zip_and_unzip(shared: Any) -> None:
    await shared.exec("mkdir -p z/in && echo 1 > z/in/a && echo 2 > z/b")
    assert (await shared.exec("zip -r z.zip z")).success
    listed = await shared.exec("unzip -l z.zip")
    assert "z/in/a" in listed.stdout
    assert (await shared.exec("unzip -qo z.zip -d new && cat new/z/in/a new/z/b")).stdout == "1\n2\n"
    assert (await shared.exec("unzip nothing.zip")).exit_code == 9


# ---- in the background ----------------------------------------------------------------------------


async def test_a_process_in_the_background(sandbox: Any, flavour: str) -> None:
    process = await sandbox.start_process("echo started; sleep 0.2; echo ended; exit 4")
    found = await sandbox.list_processes()
    assert [each.pid for each in found] == [process.pid]
    await sandbox.exec("sleep 1")
    assert (process.status, process.exit_code) == ("failed", 4)
    assert process.stdout == "started\nended\n"
    assert process.stderr == ""
    assert process.ended_at > process.started_at


async def test_a_process_is_killed(sandbox: Any) -> None:
    process = await sandbox.start_process("sh -c 'echo here; sleep 600' | cat")
    await sandbox.exec("sleep 0.5")
    assert process.status == "running"
    assert process.stdout == "here\n"
    await sandbox.kill_process(process.pid)
    for _ in range(100):
        if process.status != "running":
            break
        await sandbox.exec("sleep 0.05")
    assert (process.status, process.exit_code) == ("killed", 143)


async def test_a_shell_that_is_killed_while_it_forks(sandbox: Any) -> None:
    await sandbox.exec("sleep 0 | cat")  # compiled
    for delay in range(30):
        process = await sandbox.start_process("sleep 600 | cat")
        time.sleep(delay / 1000)
        process.kill()
        await _until(sandbox, lambda: process.status != "running")  # noqa: B023
        assert (process.status, process.exit_code, process.stderr) == ("killed", 143, "")


async def _until(sandbox: Any, condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await sandbox.exec("sleep 0.01")
    raise AssertionError("it did not come")


async def test_a_process_reads_what_is_written_to_it(sandbox: Any) -> None:
    process = await sandbox.start_process("while read x; do echo got $x; done; echo end", stdin=True)
    process.write_stdin("a\n")
    await _until(sandbox, lambda: process.stdout == "got a\n")
    process.write_stdin(b"b\nc\n")
    await _until(sandbox, lambda: process.stdout == "got a\ngot b\ngot c\n")
    assert process.status == "running"
    process.close_stdin()
    process.close_stdin()
    await _until(sandbox, lambda: process.status == "completed")
    assert process.stdout == "got a\ngot b\ngot c\nend\n"
    with pytest.raises(SandboxError, match="doesn't read any more"):
        process.write_stdin("d")


async def test_an_interpreter_that_is_talked_to(sandbox: Any) -> None:
    await sandbox.exec("python -c 1", timeout=200)
    process = await sandbox.start_process("python -c 'while True: print(eval(input()))'", stdin=True)
    for number in range(1, 4):
        process.write_stdin(f"{number} * 2\n")
        await _until(sandbox, lambda: process.stdout.count("\n") == number)  # noqa: B023
    assert process.stdout == "2\n4\n6\n"
    process.kill()


async def test_stdin_has_to_be_kept_open(sandbox: Any) -> None:
    process = await sandbox.start_process("cat; echo end")
    await _until(sandbox, lambda: process.status == "completed")
    with pytest.raises(SandboxError, match="stdin=True"):
        process.write_stdin("x")
    process = await sandbox.start_process("sleep 600", stdin=True)
    process.write_stdin(bytes(16 << 20))
    with pytest.raises(SandboxError, match="16777216 bytes wait"):
        process.write_stdin("x")
    process.kill()


async def test_no_such_process(sandbox: Any) -> None:
    with pytest.raises(SandboxError, match="no process 99"):
        await sandbox.get_process(99)


async def test_what_the_shell_leaves_in_the_background_ends_with_it(sandbox: Any) -> None:
    started = time.monotonic()
    assert (await sandbox.exec("sleep 600 & echo done")).stdout == "done\n"
    assert time.monotonic() - started < 60


async def test_closing_ends_processes(open_sandbox: Any) -> None:
    sandbox = await open_sandbox()
    process = await sandbox.start_process("sleep 600")
    await sandbox.aclose()
    for _ in range(500):
        if process.status != "running":
            break
        time.sleep(0.01)
    assert process.status == "killed"


@pytest.mark.parametrize("name", ["df", "mkfifo"])
async def test_what_toybox_lacks_is_not_there(shared: Any, name: str) -> None:
    result = await shared.exec(name, timeout=20)
    assert (result.exit_code, result.stderr) == (127, f"sh: 1: {name}: not found\n")
