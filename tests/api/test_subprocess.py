"""Code in a context starts commands: subprocess, os.system, os.popen, ``!command``."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            "r = subprocess.run(['echo', 'hi'], capture_output=True, text=True)\n(r.stdout, r.returncode)",
            "('hi\\n', 0)",
        ),
        ("subprocess.check_output('echo a | tr a b', shell=True)", "b'b\\n'"),
        (
            "subprocess.check_output(['sh', '-c', 'echo $A'], env={'A': 'given', 'PATH': '/bin'})",
            "b'given\\n'",
        ),
        ("subprocess.check_output(['pwd'], cwd='/tmp')", "b'/tmp\\n'"),
        ("subprocess.run(['cat'], input='in', capture_output=True, text=True).stdout", "in"),
        (
            "p = subprocess.Popen(['cat'], stdin=-1, stdout=-1)\nlen(p.communicate(b'x' * 300_000)[0])",
            "300000",
        ),
        ("subprocess.run('echo e >&2', shell=True, stderr=subprocess.STDOUT, stdout=-1).stdout", "b'e\\n'"),
        ("subprocess.run(['false']).returncode", "1"),
        ("p = subprocess.Popen(['sleep', '100'])\np.poll() is None and (p.terminate(), p.wait())[1]", "-15"),
        ("os.system('exit 3')", "768"),
        ("os.popen('echo p').read()", "p\n"),
        ("subprocess.check_output([sys.executable, '-c', 'print(6 * 7)'])", "b'42\\n'"),
        (
            "with open('f', 'w') as f: subprocess.run(['echo', 'to file'], stdout=f)\nopen('f').read()",
            "to file\n",
        ),
        (
            "[line for line in subprocess.Popen(['seq', '3'], stdout=-1, text=True).stdout]",
            "['1\\n', '2\\n', '3\\n']",
        ),
        ("x = !printf 'a\\nb\\n'\nx", "['a', 'b']"),
    ],
)
async def test_values(shared: Any, code: str, text: str) -> None:
    execution = await shared.run_code(f"import os, subprocess, sys\n{code}")
    assert execution.error is None, execution.error
    assert execution.text == text


async def test_inherited_output_is_the_cell_s(shared: Any) -> None:
    execution = await shared.run_code(
        "import subprocess\nprint(1)\nsubprocess.run('echo 2; echo 3 >&2', shell=True)\nprint(4)"
    )
    assert "".join(execution.logs.stdout) == "1\n2\n4\n"
    assert "".join(execution.logs.stderr) == "3\n"
    execution = await shared.run_code("!echo shell | rev")
    assert execution.logs.stdout == ["llehs\n"]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("subprocess.run(['nosuchcommand'])", "FileNotFoundError"),
        ("subprocess.run(['true'], cwd='/nowhere')", "FileNotFoundError"),
        ("subprocess.run('exit 4', shell=True, check=True)", "CalledProcessError"),
        ("subprocess.run(['sleep', '100'], timeout=0.2)", "TimeoutExpired"),
        ("subprocess.Popen(['true'], preexec_fn=print)", "ValueError"),
        ("os.kill(99999, 9)", "ProcessLookupError"),
    ],
)
async def test_errors(shared: Any, code: str, name: str) -> None:
    execution = await shared.run_code(f"import os, subprocess\n{code}")
    assert execution.error is not None
    assert execution.error.name == name


async def test_a_signal_to_itself(shared: Any) -> None:
    code = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
signal.signal(signal.SIGINT, lambda number, frame: print("handled", number))
os.kill(os.getpid(), signal.SIGINT)
"""
    execution = await shared.run_code(code)
    assert execution.error is None
    assert execution.logs.stdout == ["interrupted\n", "handled 2\n"]
    execution = await shared.run_code("os.kill(os.getpid(), signal.SIGINT)")
    assert execution.error.name == "KeyboardInterrupt"


async def test_a_deadline_ends_the_children_and_keeps_the_context(sandbox: Any) -> None:
    await sandbox.run_code("import subprocess\nkept = 1")
    execution = await sandbox.run_code("subprocess.run(['sleep', '100'])", timeout=0.5)
    assert (execution.error.name, execution.context_state) == ("ExecutionTimeout", "kept")
    execution = await sandbox.run_code("kept, subprocess.check_output(['echo', 'again'])")
    assert execution.text == "(1, b'again\\n')"


async def test_too_many_processes(open_sandbox: Any) -> None:
    sandbox = await open_sandbox(max_processes=3)
    execution = await sandbox.run_code(
        "import subprocess\nps = [subprocess.Popen(['sleep', '100']) for _ in range(4)]"
    )
    assert execution.error.name == "BlockingIOError"
    assert "max_processes" in execution.error.message


async def test_subprocess_in_a_process(shared: Any) -> None:
    await shared.write_file(
        "outer.py", "import subprocess\nsubprocess.run('echo inner; exit 2', shell=True)\nprint('outer')\n"
    )
    assert (await shared.exec("python outer.py")).stdout == "inner\nouter\n"


async def test_commands_with_the_cell_s_variables(shared: Any) -> None:
    code = "!mkdir -p a/b\n!touch a/one a/two\nname = 'a'\nfiles = !ls {name}\nprint(files)\n!ls a/*o*"
    assert "".join((await shared.run_code(code)).logs.stdout) == "['b', 'one', 'two']\na/one\na/two\n"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            """
p = await asyncio.create_subprocess_exec("sh", "-c", "echo out; echo err >&2; exit 3", stdout=-1, stderr=-1)
(*await p.communicate(), p.returncode)
""",
            "(b'out\\n', b'err\\n', 3)",
        ),
        (
            "p = await asyncio.create_subprocess_shell('tr a-z A-Z', stdin=-1, stdout=-1)\n"
            "(await p.communicate(b'shout'))[0]",
            "b'SHOUT'",
        ),
        (
            "p = await asyncio.create_subprocess_exec('seq', '3', stdout=-1)\n"
            "[line async for line in p.stdout], await p.wait()",
            "([b'1\\n', b'2\\n', b'3\\n'], 0)",
        ),
        (
            "p = await asyncio.create_subprocess_exec('cat', stdin=-1, stdout=-1)\n"
            "p.stdin.write(b'x' * 300_000)\np.stdin.close()\n(len(await p.stdout.read()), await p.wait())",
            "(300000, 0)",
        ),
        (
            """
p = await asyncio.create_subprocess_exec("sleep", "60")
try:
    await asyncio.wait_for(p.wait(), 0.1)
except TimeoutError:
    p.kill()
await p.wait()
""",
            "-9",
        ),
        (
            """
async def code(n):
    p = await asyncio.create_subprocess_shell(f"sleep 0.1; exit {n}")
    return await p.wait()
await asyncio.gather(*map(code, range(4)))
""",
            "[0, 1, 2, 3]",
        ),
        (
            """
try:
    await asyncio.create_subprocess_exec("no-such-command")
except FileNotFoundError as error:
    print(error)
1
""",
            "1",
        ),
    ],
)
async def test_asyncio_starts_commands(shared: Any, code: str, text: str) -> None:
    execution = await shared.run_code(f"import asyncio\n{code}", timeout=60)
    assert execution.error is None, execution.error
    assert execution.text == text


async def test_a_cell_that_is_a_shell_script(shared: Any) -> None:
    run = await shared.run_code("%%bash\nfor i in 1 2; do\n  echo $i\ndone\necho {x} >&2\n")
    assert ("".join(run.logs.stdout), "".join(run.logs.stderr), run.error) == ("1\n2\n", "{x}\n", None)
    failed = await shared.run_code("%%sh\nexit 3")
    assert failed.error.name == "CalledProcessError"
    assert failed.error.message == "Command '['sh']' returned non-zero exit status 3."
    run = await shared.run_code(
        "%%bash --out kept --err wrong --no-raise-error -s one\necho $1; echo no >&2; false"
    )
    assert (run.logs.stdout, run.error) == ([], None)
    assert (await shared.run_code("kept, wrong")).text == "('one\\n', 'no\\n')"


async def test_cells_for_other_programs(shared: Any) -> None:
    run = await shared.run_code("%%script node -\nconsole.log([1, 2])")
    assert run.logs.stdout == ["[ 1, 2 ]\n"]
    assert (await shared.run_code("%%python -\nprint(__name__)")).logs.stdout == ["__main__\n"]
    assert (await shared.run_code("%%script")).error.name == "UsageError"


async def test_file_commands_are_magics(shared: Any) -> None:
    run = await shared.run_code("%mkdir -p made/inner\n%ls made")
    assert (run.logs.stdout, run.error) == (["inner\n"], None)


async def test_pip_without_its_percent_sign(shared: Any) -> None:
    run = await shared.run_code("pip show six")
    assert run.error is None
    assert "Name: six" in "".join(run.logs.stdout)
    assert (await shared.run_code("pip install = 3")).error.name == "SyntaxError"
    assert (await shared.run_code("pip = 1\npip")).text == "1"
