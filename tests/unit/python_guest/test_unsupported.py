"""What the sandbox lacks imports as ever and says why when it is called."""

from __future__ import annotations

import pytest

from tests.unit.python_guest.harness import NativeGuest

PROCESSES = "an interpreter in the sandbox can't be copied. "


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("import multiprocessing\nmultiprocessing.Queue()", "OSError", f"multiprocessing.Queue: {PROCESSES}"),
        ("import multiprocessing\nmultiprocessing.RLock()", "OSError", f"multiprocessing.RLock: {PROCESSES}"),
        (
            "from concurrent.futures import ProcessPoolExecutor\nProcessPoolExecutor()",
            "NotImplementedError",
            f"ProcessPoolExecutor: {PROCESSES}",
        ),
        (
            "import multiprocessing\nmultiprocessing.Process(target=print).start()",
            "OSError",
            f"multiprocessing.Process.start: {PROCESSES}",
        ),
        ("import multiprocessing\nmultiprocessing.Pool(2)", "OSError", f"multiprocessing.Pool: {PROCESSES}"),
        ("from multiprocessing import Pool\nPool()", "OSError", f"multiprocessing.Pool: {PROCESSES}"),
        (
            "import multiprocessing as m\nm.get_context('spawn').Manager()",
            "OSError",
            f"multiprocessing.Manager: {PROCESSES}",
        ),
    ],
)
def test_calls(guest: NativeGuest, code: str, name: str, message: str) -> None:
    run = guest.execute(code)
    assert run.error["name"] == name
    text = run.error["message"]
    if text.startswith("[Errno "):
        text = text.partition("] ")[2]
    assert text.startswith(message)
    assert run.error["line_number"] == 2
    assert guest.execute("1").text == "1"


@pytest.mark.parametrize("name", ["fork", "execv", "spawnv", "posix_spawn", "wait"])
def test_functions_of_os_that_are_absent(guest: NativeGuest, name: str) -> None:
    guest.execute(f"import os\nos.__dict__.pop({name!r}, None)")
    run = guest.execute(f"os.{name}")
    assert run.error["name"] == "AttributeError"
    assert run.error["message"].startswith(f"module 'os' has no attribute '{name}': {PROCESSES}")
    assert guest.execute(f"hasattr(os, {name!r}), getattr(os, {name!r}, 5)").text == "(False, 5)"


def test_other_absent_names_are_as_ever(guest: NativeGuest) -> None:
    assert (
        guest.execute("import os\nos.nonsense").error["message"] == "module 'os' has no attribute 'nonsense'"
    )
    assert guest.execute("from os import nonsense").error["name"] == "ImportError"


@pytest.mark.parametrize("name", ["alarm", "setitimer", "pause"])
def test_functions_of_signal_that_are_absent(guest: NativeGuest, name: str) -> None:
    guest.execute(f"import signal\nsignal.__dict__.pop({name!r}, None)")
    run = guest.execute(f"signal.{name}(1)")
    assert run.error["name"] == "AttributeError"
    assert run.error["message"].startswith(
        f"module 'signal' has no attribute '{name}': no signal but SIGINT exists"
    )


def test_locks_and_queues_work_without_threads(guest: NativeGuest) -> None:
    assert guest.lines(
        "import threading, queue\nlock = threading.Lock()\n"
        "with lock: print(lock.locked(), lock.acquire(blocking=False))\n"
        "q = queue.Queue()\nq.put(1)\nprint(q.get(), q.empty())\n"
        "event = threading.Event()\nevent.set()\nprint(event.wait(1), threading.current_thread().name)\n"
        "local = threading.local()\nlocal.x = 1\nprint(local.x)"
    ) == ["True False", "1 True", "True MainThread", "1"]


def test_waiting_with_a_timeout_works(guest: NativeGuest) -> None:
    assert guest.lines(
        "import threading, queue\nprint(threading.Event().wait(0.001))\n"
        "try: queue.Queue().get(timeout=0.001)\nexcept queue.Empty: print('empty')\n"
        "condition = threading.Condition()\n"
        "try: condition.wait()\nexcept RuntimeError as e: print(e)"
    ) == ["False", "empty", "cannot wait on un-acquired lock"]


def test_what_explains_absence_belongs_to_its_module(guest: NativeGuest) -> None:
    assert guest.execute(
        "import signal, os\nsignal.__getattr__.__module__, os.__getattr__.__module__"
    ).text == ("('signal', 'os')")
