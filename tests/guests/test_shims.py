"""Modules that can't work in the guest import, and say so when they are used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pywasm_sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def test_ssl_can_be_imported_and_configured(sandbox: Sandbox) -> None:
    execution = sandbox.run_code(
        "import ssl\n"
        "context = ssl.create_default_context()\n"
        "context.minimum_version = ssl.TLSVersion.TLSv1_3\n"
        "context.options |= ssl.OP_NO_TICKET\n"
        "(context.check_hostname, context.verify_mode == ssl.CERT_REQUIRED, context.minimum_version.name)"
    )
    assert execution.text == "(True, True, 'TLSv1_3')"


def test_https_fails_by_the_lack_of_a_network(sandbox: Sandbox) -> None:
    execution = sandbox.run_code("import urllib.request\nurllib.request.urlopen('https://example.com')")
    assert execution.error is not None
    assert execution.error.name == "URLError"
    assert "the sandbox has no network" in execution.error.message


@pytest.mark.parametrize(
    "module", ["ftplib", "http.server", "imaplib", "smtplib", "socketserver", "xmlrpc.client"]
)
def test_network_libraries_can_be_imported(sandbox: Sandbox, module: str) -> None:
    assert sandbox.run_code(f"import {module}").error is None


@pytest.mark.parametrize("call", ["Queue()", "Lock()", "Pool(2)", "Process(target=print).start()"])
def test_multiprocessing_says_that_there_is_one_process(sandbox: Sandbox, call: str) -> None:
    assert sandbox.run_code("import multiprocessing").error is None
    execution = sandbox.run_code(f"multiprocessing.{call}")
    assert execution.error is not None
    assert execution.error.name in ("OSError", "RuntimeError")
    assert "process" in execution.error.message


def test_libraries_fall_back_where_there_are_no_processes(sandbox: Sandbox) -> None:
    sandbox.write_file("package/module.py", "x = 1\n")
    execution = sandbox.run_code("import compileall\ncompileall.compile_dir('package', workers=2, quiet=1)")
    assert execution.text == "True"


def test_the_user(sandbox: Sandbox) -> None:
    code = """
import getpass, grp, os, pwd
from pathlib import Path
print(os.getuid(), os.geteuid(), os.getgid(), os.getegid(), os.getgroups(), os.getlogin(), getpass.getuser())
print(pwd.getpwuid(os.getuid()).pw_dir, pwd.getpwnam("root").pw_uid, grp.getgrgid(os.getgid()).gr_name)
print(os.path.expanduser("~user"), Path("~").expanduser(), Path("/workspace").owner())
for find in (lambda: pwd.getpwuid(7), lambda: pwd.getpwnam("x"), lambda: grp.getgrnam("x")):
    try:
        find()
    except KeyError as error:
        print(error)
"""
    execution = sandbox.run_code(code)
    assert execution.error is None, execution.error
    assert "".join(execution.logs.stdout).splitlines() == [
        "1000 1000 1000 1000 [1000] user user",
        "/home/user 0 user",
        "/home/user /home/user root",
        "'getpwuid(): uid not found: 7'",
        "\"getpwnam(): name not found: 'x'\"",
        "\"getgrnam(): name not found: 'x'\"",
    ]
