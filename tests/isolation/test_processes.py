"""A sandbox's process: what it has, what it may not do, and what its end means."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox import NetworkPolicy, Sandbox, get_sandbox
from pywasm_sandbox._sandbox.isolation import connection
from pywasm_sandbox._sandbox.isolation.remote import RemoteCore
from pywasm_sandbox.errors import SandboxClosedError, SandboxInternalError

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc, prctl and seccomp are Linux'")
with_seccomp = pytest.mark.skipif(
    importlib.util.find_spec("pyseccomp") is None, reason="the package pyseccomp is not installed"
)


def core_of(sandbox: Sandbox) -> RemoteCore:
    core: Any = sandbox._core
    assert isinstance(core, RemoteCore)
    return core


def pid_of(sandbox: Sandbox) -> int:
    return core_of(sandbox).connection.process.pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


# ---- what it has


@linux
def test_its_environment_and_descriptors_are_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    descriptor = os.open(secret, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        with Sandbox(isolation="process") as sandbox:
            sandbox.run_code("1")
            environ = Path(f"/proc/{pid_of(sandbox)}/environ")
            # The positive control: what another process of ours gets.
            assert "A_SECRET" in subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
            if os.getuid() == 0:  # nobody else may look: it is not dumpable
                names = {each.partition(b"=")[0] for each in environ.read_bytes().split(b"\0") if each}
                allowed = (*connection._PASSED_ON, connection.ENVIRONMENT_VARIABLE)
                assert names <= {name.encode() for name in allowed}
                opened = {os.readlink(each) for each in Path(f"/proc/{pid_of(sandbox)}/fd").iterdir()}
                assert str(secret) not in opened
            assert sandbox.run_code("import os; dict(os.environ).get('A_SECRET')").text is None
    finally:
        os.close(descriptor)


@linux
def test_what_it_gave_up_is_told() -> None:
    with Sandbox(isolation="process") as sandbox:
        wanted = {"rlimits", "no_new_privs"}
        if importlib.util.find_spec("pyseccomp") is not None:
            wanted.add("seccomp")
        assert set(core_of(sandbox).confined_by) == wanted
        status = Path(f"/proc/{pid_of(sandbox)}/status").read_text()
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert facts["NoNewPrivs"] == "1"
        assert facts["Seccomp"] == ("2" if "seccomp" in wanted else "0")
        limits = Path(f"/proc/{pid_of(sandbox)}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


@linux
@pytest.mark.parametrize("option", ["nothing", "lifetime", "snapshot"])
def test_all_of_its_threads_gave_it_up(option: str) -> None:
    options: dict[str, Any] = {}
    if option == "lifetime":
        options["lifetime_seconds"] = 600
    if option == "snapshot":
        with Sandbox() as sandbox:
            sandbox.run_code("x = 5")
            options["snapshot"] = sandbox.snapshot()
    with Sandbox(isolation="process", **options) as sandbox:
        assert sandbox.run_code("x" if option == "snapshot" else "2 + 3").text == "5"
        filtered = "2" if "seccomp" in core_of(sandbox).confined_by else "0"
        threads = list(Path(f"/proc/{pid_of(sandbox)}/task").iterdir())
        assert len(threads) > 2
        found = set()
        for thread in threads:
            facts = dict(re.findall(r"^(NoNewPrivs|Seccomp):\t(\d)$", (thread / "status").read_text(), re.M))
            found.add((facts["NoNewPrivs"], facts["Seccomp"]))
        assert found == {("1", filtered)}


TRIES = """
import json, os, socket, sys, threading
from pywasm_sandbox._sandbox.isolation.confine import Confinement
found = {}
def attempt(name, function):
    try:
        function()
        found[name] = "done"
    except OSError as error:
        found[name] = error.errno
if sys.argv[1] == "confined":
    Confinement(network=False, programs=False).apply()
def fork():
    if os.fork() == 0:
        os._exit(0)
    os.wait()
attempt("fork", fork)
attempt("spawn", lambda: os.posix_spawn("/bin/true", ["true"], {}))
attempt("socket", lambda: socket.socket())
attempt("unshare", lambda: os.unshare(os.CLONE_NEWUSER) if hasattr(os, "unshare") else fork())
attempt("kill", lambda: os.kill(os.getppid(), 0))
thread = threading.Thread(target=lambda: found.update(thread="done"))
thread.start(); thread.join()
attempt("memory", lambda: __import__("mmap").mmap(-1, 4096))
attempt("exec", lambda: os.execv("/bin/sh", ["sh", "-c", "echo executed"]))
print(json.dumps(found))
"""


def tries(how: str) -> Any:
    done = subprocess.run([sys.executable, "-c", TRIES, how], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout.strip()


@linux
@with_seccomp
def test_the_kernel_refuses_what_only_a_way_out_needs() -> None:
    found = tries("confined")
    refused = 1  # EPERM
    assert {name: found[name] for name in ("fork", "spawn", "socket", "kill", "exec")} == {
        "fork": refused,
        "spawn": refused,
        "socket": refused,
        "kill": refused,
        "exec": refused,
    }
    assert found["thread"] == found["memory"] == "done"


@linux
def test_without_confinement_all_of_that_works() -> None:
    """The positive control."""
    assert tries("free") == "executed"


# ---- its end


@linux
def test_a_process_that_is_killed_takes_its_sandbox_only() -> None:
    with Sandbox(isolation="process") as sandbox, Sandbox(isolation="process") as other:
        other.run_code("x = 5")
        sandbox.run_code("1")
        timer = threading.Timer(0.5, os.kill, [pid_of(sandbox), signal.SIGKILL])
        timer.start()
        with pytest.raises(SandboxInternalError, match="lost its process \\(killed by SIGKILL\\)"):
            sandbox.run_code("while True: pass", timeout=60)
        timer.join()
        assert sandbox.closed
        with pytest.raises(SandboxInternalError, match="SIGKILL"):
            sandbox.run_code("1")
        with pytest.raises(SandboxInternalError, match="SIGKILL"):
            sandbox.read_file("a")
        assert other.run_code("x").text == "5"
        assert Sandbox().run_code("1 + 1").text == "2"


@linux
def test_a_crash_is_that_of_the_process() -> None:
    with Sandbox(isolation="process") as sandbox:
        sandbox.run_code("1")
        threading.Timer(0.3, os.kill, [pid_of(sandbox), signal.SIGABRT]).start()
        with pytest.raises(SandboxInternalError, match="SIGABRT"):
            sandbox.run_code("import time; time.sleep(60)", timeout=60)


@linux
def test_closing_kills_a_process_that_does_not_react(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.3)
    sandbox = Sandbox(isolation="process")
    pid = pid_of(sandbox)
    os.kill(pid, signal.SIGSTOP)
    sandbox.close()
    assert not is_alive(pid)
    with pytest.raises(SandboxClosedError):
        sandbox.run_code("1")


@linux
def test_it_ends_with_its_parent() -> None:
    code = (
        "import os, sys\nfrom pywasm_sandbox import Sandbox\ns = Sandbox(isolation='process')\n"
        "s.run_code('1')\nprint(s._core.connection.process.pid, flush=True)\nos._exit(0)"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    end = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < end, "the process is still there"
        time.sleep(0.02)


@linux
def test_a_sandbox_that_nobody_has_ends_its_process() -> None:
    sandbox = Sandbox(isolation="process")
    pid = pid_of(sandbox)
    assert is_alive(pid)
    del sandbox
    end = time.monotonic() + 10
    while is_alive(pid):
        import gc

        gc.collect()
        assert time.monotonic() < end, "the process is still there"
        time.sleep(0.02)


def test_a_sandbox_made_by_a_thread_outlives_it() -> None:
    made: list[Sandbox] = []
    thread = threading.Thread(target=lambda: made.append(Sandbox(isolation="process")))
    thread.start()
    thread.join()
    with made[0] as sandbox:
        assert sandbox.run_code("1 + 1").text == "2"
        assert get_sandbox(sandbox.id) is sandbox


# ---- a hostile one

LIARS = {
    "garbage": b"\xff" * 64,
    "too many bytes": b"\x02\x00\x00\x00\x01\x00\x00\x00" + b"\xff" * 8 + b"{}",
    "no JSON": b"\x02\x00\x00\x00\x00\x00\x00\x00{[",
    "an answer to nothing": b'\x19\x00\x00\x00\x00\x00\x00\x00{"answer":77,"value":null}',
    "an unknown class": b'\x21\x00\x00\x00\x00\x00\x00\x00{"answer":1,"value":{"$Popen":{}}}',
}


@pytest.mark.parametrize("lie", list(LIARS))
def test_one_that_breaks_the_protocol_is_ended(monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    data = LIARS[lie]
    if data[:1] != b"\xff":
        size = len(data) - 8 - (8 if data[4] else 0)
        data = size.to_bytes(4, "little") + data[4:]
    code = (
        "import socket, sys, time; s = socket.socket(fileno={descriptor}); s.recv(1); "
        + f"s.sendall({data!r}); time.sleep(60)".replace("{", "{{").replace("}", "}}")
    )
    monkeypatch.setattr(connection, "_START", code)
    with pytest.raises(SandboxInternalError, match="broke the protocol"):
        Sandbox(isolation="process")


def test_an_error_that_nobody_foresaw_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(isolation="process") as sandbox:

        def fail(*_: object) -> None:
            raise OverflowError("cannot convert float infinity to integer")

        monkeypatch.setattr(connection, "decode", fail)
        with pytest.raises(SandboxInternalError, match="broke the protocol: cannot convert"):
            sandbox.run_code("1")


def test_one_that_asks_much_starts_no_threads_without_number(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import socket, struct, time; s = socket.socket(fileno={descriptor}); s.recv(1)\n"
        "for number in range(300):\n"
        '    text = b\'{{"call":%d,"what":"resolver","argument":"a"}}\' % number\n'
        "    s.sendall(struct.pack('<II', len(text), 0) + text)\n"
        'text = b\'{{"answer":1,"value":[]}}\'\n'
        "s.sendall(struct.pack('<II', len(text), 0) + text); time.sleep(60)"
    )
    monkeypatch.setattr(connection, "_START", code)
    hold = threading.Event()
    asked: list[str] = []

    def resolve(name: str) -> list[str]:
        asked.append(name)
        hold.wait(30)
        return []

    before = threading.active_count()
    sandbox = Sandbox(isolation="process", network=NetworkPolicy(resolver=resolve))
    try:
        end = time.monotonic() + 10
        while len(asked) < connection.MAX_ASIDE and time.monotonic() < end:
            time.sleep(0.01)
        assert len(asked) == connection.MAX_ASIDE
        assert threading.active_count() <= before + connection.MAX_ASIDE + 1  # and the one that listens
    finally:
        hold.set()
        monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.1)
        sandbox.close()


# ---- callables of the host


def test_an_attempt_whose_callback_fails_is_logged_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    def fail(attempt: Any) -> None:
        raise ZeroDivisionError

    policy = NetworkPolicy(allow=["nowhere.test:80"], resolver=lambda name: ["10.1.2.3"], on_attempt=fail)
    with Sandbox(isolation="process", network=policy) as sandbox:
        code = "import socket\ntry: socket.create_connection(('nowhere.test', 80), 2)\nexcept OSError: pass"
        assert sandbox.run_code(code).error is None
        assert sandbox.run_code("1 + 1").text == "2"
    assert "on_attempt failed" in caplog.text


def test_callbacks_of_the_network_policy_are_called_here() -> None:
    here = threading.main_thread().ident
    attempts: list[Any] = []
    asked: list[str] = []

    def resolve(name: str) -> list[str]:
        asked.append(name)
        return ["10.1.2.3"]

    policy = NetworkPolicy(allow=["nowhere.test:80"], resolver=resolve, on_attempt=attempts.append)
    with Sandbox(isolation="process", network=policy) as sandbox:
        code = "import socket\ntry: socket.create_connection(('nowhere.test', 80), 2)\nexcept OSError: pass"
        assert sandbox.run_code(code).error is None
        assert asked == ["nowhere.test"]
        assert [each.host for each in attempts] == ["nowhere.test"]
        assert not attempts[0].allowed  # it is private, and no rule names that
        assert [each.host for each in sandbox.network_log] == ["nowhere.test"]
    assert here is not None


def test_what_cannot_be_sent_is_named() -> None:
    class Unusual:
        def __reduce__(self) -> str:
            raise TypeError("Unusual stays here")

    from pywasm_sandbox import FsspecFolder

    with pytest.raises(TypeError, match="can't be given to another process: Unusual stays here"):
        Sandbox(isolation="process", mounts={"/data": FsspecFolder(Unusual())})


def test_the_option_is_checked() -> None:
    with pytest.raises(ValueError, match="it must be 'thread' or 'process'"):
        Sandbox(isolation="vm")  # type: ignore[arg-type]
