"""Plays the interpreter of the sandbox: a `_pywasm` that talks over pipes, then the guest's boot module.

Run as ``python -I -S -X utf8 child.py GUEST_FOLDER SOCKET_FD``. It boots once and then forks a guest for
each message on the socket, which brings the descriptors of its stdout, stderr, requests and events, and
its folder.
"""

import _socket
import builtins
import json
import os
import signal
import struct
import sys
import types

LOOKED, ITERATORS = 5, 6


class Host:
    """The other end of the guest's `_pywasm`."""

    def __init__(self) -> None:
        self.read_fd = self.write_fd = -1
        self.handlers = []
        self.reasons = [0]

    def read_exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = os.read(self.read_fd, size - len(data))
            if not chunk:
                os._exit(0)
            data += chunk
        return data

    def receive(self) -> bytes:
        return self.read_exactly(struct.unpack("<I", self.read_exactly(4))[0])

    def send(self, kind: int, payload: bytes) -> None:
        # Where stdout and stderr stand says what was written before the event.
        header = struct.pack("<iIII", kind, os.fstat(1).st_size, os.fstat(2).st_size, len(payload))
        data = memoryview(header + payload)
        while data:
            data = data[os.write(self.write_fd, data) :]

    def request(self, question: bytes) -> bytes:
        self.send(-1, bytes(question))
        answer = self.receive()
        if not answer:
            raise OSError(5, "the host has no answer")
        return answer

    def interrupt_reason(self) -> int:
        reason, self.reasons[0] = self.reasons[0], 0
        return reason

    def trip(self, reason: int) -> None:
        """For tests: what the host does to interrupt, at a point that the cell chooses."""
        self.reasons[0] = reason
        signal.raise_signal(signal.SIGINT)

    def install(self) -> None:
        module = types.ModuleType("_pywasm")
        module.emit = lambda kind, data: None if kind in (LOOKED, ITERATORS) else self.send(kind, bytes(data))
        module.request = self.request
        module.set_handler = self.handlers.append
        module.interrupt_reason = self.interrupt_reason
        module.settle = lambda objects: None
        module.run_threads = lambda seconds: 0
        module.forget_threads = lambda: 0
        module.interrupt_thread = lambda ident, exception: False
        module.trip = self.trip
        module.reasons = self.reasons
        sys.modules["_pywasm"] = module
        main_module = types.ModuleType("__main__")
        main_module.__builtins__ = builtins
        sys.modules["__main__"] = main_module
        sys.argv = [""]

    def serve(self) -> None:
        """Handle requests until the other side closes."""
        while True:
            data = self.receive()
            try:
                self.handlers[-1](data)
            except BaseException as exception:
                self.send(-3, repr(exception).encode())
            else:
                self.send(-2, b"")


def receive_guest(control: _socket.socket) -> tuple[bytes, list[int]]:
    """The folder and the four descriptors of the next guest."""
    size = struct.calcsize("4i")
    folder, ancillary, _, _ = control.recvmsg(4096, _socket.CMSG_LEN(size))
    if not folder:
        os._exit(0)
    return folder, list(struct.unpack("4i", ancillary[0][2][:size]))


def main() -> None:
    guest_folder, control = sys.argv[1], _socket.socket(fileno=int(sys.argv[2]))
    sys.path[:0] = [guest_folder, f"{guest_folder}/shims"]
    host = Host()
    host.install()
    json.loads("0")  # compiled here once, and not in every guest
    import pywasm_guest.boot  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        folder, (out, err, host.read_fd, host.write_fd) = receive_guest(control)
        pid = os.fork()
        if pid == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.chdir(folder)
            os.environ["HOME"] = os.environ["TMPDIR"] = os.fsdecode(folder)
            host.serve()
        for fd in {out, err, host.read_fd, host.write_fd}:
            os.close(fd)
        control.send(struct.pack("<i", pid))


main()
