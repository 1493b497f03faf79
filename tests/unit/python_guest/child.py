"""Plays the interpreter of the sandbox: a `_pywasm` that talks over pipes, then the guest's boot module.

Run as: python -I -S -X utf8 child.py GUEST_FOLDER READ_FD WRITE_FD
"""

import builtins
import json
import os
import signal
import struct
import sys
import types


def main() -> None:
    folder, read_fd, write_fd = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path[:0] = [folder, f"{folder}/shims"]
    handlers = []
    reasons = [0]

    def read_exactly(size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = os.read(read_fd, size - len(data))
            if not chunk:
                os._exit(0)
            data += chunk
        return data

    def receive() -> bytes:
        return read_exactly(struct.unpack("<I", read_exactly(4))[0])

    def send(kind: int, payload: bytes) -> None:
        # Where stdout and stderr stand says what was written before the event.
        header = struct.pack("<iIII", kind, os.fstat(1).st_size, os.fstat(2).st_size, len(payload))
        data = memoryview(header + payload)
        while data:
            data = data[os.write(write_fd, data) :]

    def request(question: bytes) -> bytes:
        send(-1, bytes(question))
        answer = receive()
        if not answer:
            raise OSError(5, "the host has no answer")
        return answer

    def interrupt_reason() -> int:
        reason, reasons[0] = reasons[0], 0
        return reason

    def trip(reason: int) -> None:
        """For tests: what the host does to interrupt, at a point that the cell chooses."""
        reasons[0] = reason
        signal.raise_signal(signal.SIGINT)

    module = types.ModuleType("_pywasm")
    module.emit = lambda kind, data: send(kind, bytes(data))
    module.request = request
    module.set_handler = handlers.append
    module.interrupt_reason = interrupt_reason
    module.trip = trip
    module.reasons = reasons
    sys.modules["_pywasm"] = module
    main_module = types.ModuleType("__main__")
    main_module.__builtins__ = builtins
    sys.modules["__main__"] = main_module
    sys.argv = [""]
    import pywasm_guest.boot  # noqa: F401

    while True:
        data = receive()
        message = json.loads(data) if data.startswith(b'{"trip_on_sleep"') else None
        if message is not None:
            reasons[0] = message["trip_on_sleep"]
            continue
        try:
            handlers[-1](data)
        except BaseException as exception:
            send(-3, repr(exception).encode())
        else:
            send(-2, b"")


main()
