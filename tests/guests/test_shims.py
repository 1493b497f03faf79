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


def test_keys_are_derived(sandbox: Sandbox) -> None:
    code = """
import hashlib
print(hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 4096).hex())
print(hashlib.pbkdf2_hmac("sha1", b"password", b"salt", 2, 20).hex())
print(hashlib.scrypt(b"password", salt=b"NaCl", n=1024, r=8, p=16).hex()[:32])
for call in (
    lambda: hashlib.pbkdf2_hmac("sha256", b"", b"", 10**12),
    lambda: hashlib.pbkdf2_hmac("sha256", b"", b"", 0),
    lambda: hashlib.pbkdf2_hmac("nope", b"", b"", 1),
    lambda: hashlib.scrypt(b"", salt=b"", n=2**30, r=8, p=1),
    lambda: hashlib.scrypt(b"", salt=b"", n=3, r=8, p=1),
):
    try:
        call()
    except ValueError as error:
        print(error)
"""
    execution = sandbox.run_code(code)
    assert execution.error is None, execution.error
    # RFC 7914 (PBKDF2 and scrypt), RFC 6070
    assert "".join(execution.logs.stdout).splitlines() == [
        "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a",
        "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957",
        "fdbabe1c9d3472007856e7190d01e9fe",
        "iterations must be from 1 to 2000000 (for each block of the key)",
        "iterations must be from 1 to 2000000 (for each block of the key)",
        "unsupported hash type nope",
        "n * r * p is over 4194304",
        "n must be a power of 2, r and p positive",
    ]


def test_pairs_of_sockets(sandbox: Sandbox) -> None:
    code = """
import selectors, socket, threading
a, b = socket.socketpair()
a.sendall(b"hi")
print(b.recv(10))
b.sendall(b"x" * 10)
print(a.recv(3), a.recv(2, socket.MSG_PEEK), a.recv(100))
def echo():
    while data := b.recv(100):
        b.sendall(data.upper())
    b.close()
t = threading.Thread(target=echo)
t.start()
a.sendall(b"abc")
print(a.recv(10))
a.shutdown(socket.SHUT_WR)
print(a.recv(10))
t.join()
c, d = socket.socketpair()
c.settimeout(0.02)
try:
    c.recv(1)
except TimeoutError as error:
    print(error)
selector = selectors.DefaultSelector()
selector.register(c, selectors.EVENT_READ)
print(selector.select(0))
d.send(b"!")
print(len(selector.select(5)), c.recv(1))
"""
    execution = sandbox.run_code(code)
    assert execution.error is None, execution.error
    assert "".join(execution.logs.stdout).splitlines() == [
        "b'hi'",
        "b'xxx' b'xx' b'xxxxxxx'",
        "b'ABC'",
        "b''",
        "timed out",
        "[]",
        "1 b'!'",
    ]


@pytest.mark.parametrize("make", ["socket.socket(type=socket.SOCK_DGRAM)", "socket.socketpair(type=2)"])
def test_datagrams_say_what_there_is(sandbox: Sandbox, make: str) -> None:
    execution = sandbox.run_code(f"import socket\n{make.replace('type=2', 'type=socket.SOCK_DGRAM')}")
    assert execution.error is not None
    assert execution.error.name == "OSError"
    assert "the sandbox's network is TCP: there are stream sockets only" in execution.error.message
