"""Runs the guest's Python code in a native interpreter, one process a guest."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
GUEST_FOLDER = ROOT / "pywasm_sandbox" / "_guests" / "python_guest"
INTERPRETER = os.environ.get("PYWASM_GUEST_TEST_PYTHON", sys.executable)
"""The guest itself is CPython 3.14: set this to one to see what it will do there."""

DISPLAY, ERROR, CLEAR, DONE = 1, 2, 3, 4


def guest_version() -> tuple[int, int]:
    """Major and minor version of the interpreter that runs the guest's code."""
    script = "import sys; print(*sys.version_info[:2])"
    words = subprocess.run(
        [INTERPRETER, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    major, minor = words.stdout.split()
    return int(major), int(minor)


@dataclass
class Event:
    kind: int
    payload: Any
    stdout: str
    """What was written since the event before."""
    stderr: str


@dataclass
class Run:
    """What came of one request."""

    events: list[Event] = field(default_factory=list)
    questions: list[Any] = field(default_factory=list)
    stdout: str = ""
    stderr: str = ""

    def of(self, kind: int) -> list[Any]:
        return [event.payload for event in self.events if event.kind == kind]

    @property
    def displays(self) -> list[Any]:
        return self.of(DISPLAY)

    @property
    def result(self) -> Any:
        """The only display, which is the main result."""
        (display,) = self.displays
        assert display["main"] is True
        return display

    @property
    def text(self) -> str:
        text: str = self.result["data"]["text/plain"]
        return text

    @property
    def error(self) -> Any:
        errors = self.of(ERROR)
        assert len(errors) <= 1
        return errors[0] if errors else None

    @property
    def done(self) -> Any:
        assert self.events[-1].kind == DONE
        (done,) = self.of(DONE)
        return done

    @property
    def kinds(self) -> list[int]:
        return [event.kind for event in self.events]


class Template:
    """A process that booted the guest's code once; guests are its forks."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        child = str(Path(__file__).with_name("child.py"))
        with theirs:
            self._process = subprocess.Popen(
                [INTERPRETER, "-I", "-S", "-X", "utf8", child, str(GUEST_FOLDER), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={"PATH": "/usr/bin"},
            )

    def fork(self, folder: Path, descriptors: tuple[int, int, int, int]) -> int:
        """The pid of a new guest."""
        socket.send_fds(self._control, [os.fsencode(folder)], list(descriptors))
        pid: int = struct.unpack("<i", self._control.recv(4))[0]
        return pid

    def close(self) -> None:
        self._control.close()
        self._process.wait(10)


class NativeGuest:
    """A guest process. ``answer(question)`` returns the answer, None for an OSError."""

    def __init__(self, template: Template, folder: Path, *, merge_streams: bool = False) -> None:
        self.folder = folder
        self.count = 0
        self.answer: Callable[[Any], Any] = lambda question: None
        self._out = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # `close` closes it
        self._err = self._out if merge_streams else tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._positions = [0, 0]
        theirs_to_read, self._write_fd = os.pipe()
        self._read_fd, theirs_to_write = os.pipe()
        descriptors = (self._out.fileno(), self._err.fileno(), theirs_to_read, theirs_to_write)
        self.pid = template.fork(folder, descriptors)
        os.close(theirs_to_read)
        os.close(theirs_to_write)

    def close(self) -> None:
        os.close(self._write_fd)
        os.close(self._read_fd)
        self._out.close()
        if self._err is not self._out:
            self._err.close()

    def _send(self, data: bytes) -> None:
        framed = memoryview(struct.pack("<I", len(data)) + data)
        while framed:
            framed = framed[os.write(self._write_fd, framed) :]

    def _read(self, size: int) -> bytes:
        chunks = []
        while size:
            chunk = os.read(self._read_fd, size)
            if not chunk:
                raise AssertionError(f"the guest process died: {self._text(1, 1 << 30)[-2000:]}")
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)

    def _text(self, index: int, end: int) -> str:
        file = (self._out, self._err)[index]
        data = os.pread(file.fileno(), end - self._positions[index], self._positions[index])
        self._positions[index] += len(data)
        return data.decode("utf-8", "replace")

    def interrupt(self) -> None:
        """A SIGINT from outside, without a reason."""
        os.kill(self.pid, signal.SIGINT)

    def request(self, message: dict[str, Any], on_event: Callable[[Event], None] | None = None) -> Run:
        """One request and all that comes of it."""
        self._send(json.dumps(message).encode())
        run = Run()
        while True:
            kind, out_end, err_end, length = struct.unpack("<iIII", self._read(16))
            payload = self._read(length)
            out, err = self._text(0, out_end), self._text(1, err_end)
            run.stdout += out
            run.stderr += err
            if kind == -1:
                question = json.loads(payload)
                run.questions.append(question)
                answer = self.answer(question)
                self._send(b"" if answer is None else json.dumps(answer).encode())
            elif kind == -2:
                return run
            elif kind == -3:
                raise AssertionError(f"the handler raised {payload.decode()}\n{run.stderr}")
            else:
                event = Event(kind, json.loads(payload), out, err)
                run.events.append(event)
                if on_event is not None:
                    on_event(event)

    def execute(self, code: str, *, on_event: Callable[[Event], None] | None = None, **options: Any) -> Run:
        """Run a cell; the execution count goes up by itself."""
        self.count += 1
        message = {
            "op": "execute",
            "code": code,
            "execution_count": self.count,
            "env": None,
            "cwd": None,
            "filename": None,
            "allow_input": False,
            "store": True,
        }
        return self.request(message | options, on_event)

    def lines(self, code: str, **options: Any) -> list[str]:
        """What a cell that must not fail prints, as lines."""
        run = self.execute(code, **options)
        assert run.error is None, "\n".join(run.error["traceback"])
        return run.stdout.splitlines()
