"""Contexts are clones of one image: what must differ between them differs, what must not be stale isn't."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pywasm_sandbox import Context, Sandbox
from pywasm_sandbox._engine import Ticket, pages
from pywasm_sandbox._guests.assets import Assets
from pywasm_sandbox._guests.base import Cell, GuestOptions
from pywasm_sandbox._guests.protocol import BlockedInput
from pywasm_sandbox._guests.python import PythonGuest
from pywasm_sandbox._guests.python_runtime import PythonRuntime
from pywasm_sandbox._guests.tree import BASE_ENV, lay_out
from pywasm_sandbox._sandbox.runtime import Runtime
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace

CLONES = 100

RANDOM = """
import json, random, secrets, tempfile, uuid
{name: value for name, value in {
    "random": random.random(),
    "getrandbits": random.getrandbits(64),
    "SystemRandom": random.SystemRandom().random(),
    "secrets": secrets.token_hex(8),
    "uuid1": str(uuid.uuid1()),
    "uuid4": str(uuid.uuid4()),
    "uuid7": str(uuid.uuid7()),
    "tempfile": tempfile.mktemp(),
}.items()}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(env={"SHARED": "all"}) as sandbox:
        yield sandbox


def value(context: Context | Sandbox, code: str) -> Any:
    execution = context.run_code(code)
    assert execution.error is None, execution.error
    return execution.results[-1].json


def test_a_hundred_clones_differ(sandbox: Sandbox) -> None:
    drawn: dict[str, set[str]] = {}
    for _ in range(CLONES):
        context = sandbox.create_code_context()
        for name, drawn_value in value(context, RANDOM).items():
            drawn.setdefault(name, set()).add(str(drawn_value))
        context.delete()
    assert {name: len(values) for name, values in drawn.items()} == dict.fromkeys(drawn, CLONES)
    assert len(drawn) == 8


def test_an_image_has_the_modules_and_no_variables(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context()
    code = "import sys\n['sqlite3' in sys.modules, 'wave' in sys.modules]"
    assert value(context, code) == [True, False]
    assert value(sandbox.create_code_context(), "[name for name in globals() if name[0] != '_']") == [
        "In",
        "Out",
    ]


def test_each_clone_has_its_own_surroundings(sandbox: Sandbox) -> None:
    code = "import os, sys\n[os.getcwd(), os.environ.get('OWN'), os.environ['SHARED'], sys.argv]"
    one = sandbox.create_code_context(cwd="/workspace/one", env={"OWN": "1"})
    other = sandbox.create_code_context(cwd="/tmp", env={"OWN": "2", "SHARED": "mine"})
    plain = sandbox.create_code_context()
    assert value(one, code) == ["/workspace/one", "1", "all", [""]]
    assert value(other, code) == ["/tmp", "2", "mine", [""]]
    assert value(plain, code) == ["/workspace", None, "all", [""]]


def test_clocks_are_the_present_and_never_go_backwards(sandbox: Sandbox) -> None:
    before, started = time.time(), time.monotonic()
    context = sandbox.create_code_context()
    now, first = value(context, "import time\n[time.time(), time.monotonic()]")
    assert before - 1 <= now <= time.time() + 1
    second, perf = value(context, "[time.monotonic(), time.perf_counter()]")
    assert first <= second <= perf
    assert second - first <= time.monotonic() - started
    assert value(context, "import logging\n[abs(logging._startTime / 1e9 - time.time()) < 60]") == [True]


def test_descriptors_of_the_image_are_closed_not_somebody_elses(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context()
    numbers = value(
        context,
        """
import os
opened = [os.open(f"/tmp/own{n}", os.O_CREAT | os.O_RDWR) for n in range(3)]
for fd in opened: os.write(fd, b"mine")
def state(fd):
    try: os.fstat(fd)
    except OSError as error: return error.errno
    return 0
import errno
[opened, [fd for fd in range(4, opened[0]) if state(fd) != errno.EBADF]]
""",
    )
    assert numbers[1] == []
    assert numbers[0] == list(range(numbers[0][0], numbers[0][0] + 3))


class Recorder:
    """Hears a run of a guest: keeps its output."""

    def __init__(self) -> None:
        self.text = ""

    def post(self, event: Any) -> None:
        self.text += getattr(event, "text", "") or getattr(event, "message", "")

    def publish(self, interrupted: Any) -> None:
        pass

    def ask(self, question: Any, interrupted: Any) -> BlockedInput:
        raise AssertionError("nobody asks")


def test_a_file_that_is_open_in_an_image_is_closed_in_its_clones() -> None:
    runtime = Runtime.shared()
    namespace = Namespace(MemoryFS())
    lay_out(namespace)
    runtime.python.mount(namespace)

    def run(guest: PythonGuest, code: str) -> str:
        recorder = Recorder()
        assert guest.run(Cell(code, 1), recorder, Ticket()).lost is None
        return recorder.text

    def work() -> str:
        program, options = runtime.python.program(), GuestOptions(env=BASE_ENV)
        first = PythonGuest(lambda _: program, namespace, options)
        first.boot()
        run(first, "kept = open('/tmp/kept', 'w', buffering=1)\nprint(kept.fileno())")
        with tempfile.TemporaryFile() as file:
            image = first.capture(os.dup(file.fileno()), {})
        first.close()
        clone = PythonGuest(lambda _: program, namespace, options, lambda: image)
        clone.boot()
        printed = run(
            clone,
            "others = [open(f'/tmp/other{n}', 'w') for n in range(5)]\n"
            "print(kept.fileno() in [other.fileno() for other in others])\n"
            "try: kept.write('leak\\n')\n"
            "except OSError as error: print(error)\n"
            "for other in others: other.close()\n"
            "print([open(f'/tmp/other{n}').read() for n in range(5)], open('/tmp/kept').read())",
        )
        clone.close()
        image.close()
        return printed

    printed = runtime.engine.threads.run(work)
    assert printed.splitlines() == ["False", "[Errno 8] Bad file descriptor", "['', '', '', '', ''] "]


def test_a_set_of_its_own(sandbox: Sandbox) -> None:
    loaded = "import sys\n[name in sys.modules for name in ('wave', 'sqlite3')]"
    with Sandbox(preload=["wave"]) as custom:
        assert value(custom, loaded) == [True, False]
        draw = "import random\n[random.random()]"
        assert value(custom, draw) != value(custom.create_code_context(), draw)


def test_none_boots_from_scratch(sandbox: Sandbox) -> None:
    with Sandbox(preload=None, env={"A": "1"}) as scratch:
        code = "import os, sys\n[os.environ['A'], 'sqlite3' in sys.modules]"
        assert value(scratch, code) == ["1", False]


@pytest.mark.parametrize("name", ["", "1x", "a..b", "a b", "os;print", "../x", ".a"])
def test_what_is_no_module_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a module"):
        Sandbox(preload=[name])


def test_a_text_is_not_a_list_of_names() -> None:
    with pytest.raises(TypeError, match="list of module names"):
        Sandbox(preload="json")


def test_an_unknown_module_says_so_each_time() -> None:
    with Sandbox(preload=["no_such_module"]) as sandbox:
        for _ in range(2):
            with pytest.raises(
                ValueError, match="preload: ModuleNotFoundError: No module named 'no_such_module'"
            ):
                sandbox.run_code("1")


def test_the_key_covers_the_guests_code_and_the_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime.shared().python
    key = runtime._image_key(("json",))
    assert runtime._image_key(("json",)) == key
    assert runtime._image_key(("json", "re")) != key
    monkeypatch.setattr("pywasm_sandbox._guests.guest_code.GuestCode.sha256", lambda code: "another")
    assert PythonRuntime(runtime.engine, Assets.installed())._image_key(("json",)) != key


def test_images_of_the_same_modules_are_equal() -> None:
    """Snapshots depend on it: they hold what differs from the image."""
    runtime = Runtime.shared()

    def capture() -> str:
        with tempfile.TemporaryFile() as file:
            image = runtime.python._capture(("json", "uuid"), os.dup(file.fileno()))
        digest = image.digest
        image.close()
        return digest

    assert runtime.engine.threads.run(capture) == runtime.engine.threads.run(capture)


def test_errors_in_clones_are_complete(sandbox: Sandbox) -> None:
    error = sandbox.create_code_context().run_code("def f():\n    1 / 0\nf()").error
    assert error is not None
    assert (error.name, error.line_number) == ("ZeroDivisionError", 2)
    assert json.dumps(error.traceback).count("1 / 0") == 1


def test_what_an_image_rehearsed_leaves_no_trace() -> None:
    with Sandbox() as sandbox:
        names = "sorted(name for name in globals() if not name.startswith('__'))"
        execution = sandbox.run_code(f"print(In[:-1], Out, {names})\n2 + 2")
        assert execution.error is None
        assert execution.logs.stdout == ["[''] {} ['In', 'Out', '_']\n"]
        assert execution.execution_count == 1
        assert sandbox.run_code("_").text == "4"


def test_what_an_image_holds_is_not_counted(sandbox: Sandbox) -> None:
    """Immortal objects: a clone that uses them writes to no page of theirs. Its own objects are as ever."""
    code = (
        "import json, sys, weakref\n"
        "class Own: pass\n"
        "own = Own(); gone = weakref.ref(own); del own\n"
        "immortal = 1 << 30\n"
        "[sys.getrefcount(json.dumps.__code__.co_consts) >= immortal, sys.getrefcount(json) >= immortal, "
        "sys.getrefcount(Own) < 100, gone() is None]"
    )
    assert value(sandbox.create_code_context(), code) == [True, True, True, True]


@pytest.mark.skipif(pages._finder() is None, reason="the kernel does not tell which pages are whose")
def test_a_first_cell_copies_few_pages() -> None:
    """Few: 122 of 6,000 when this was written; 279 with mortal objects in a heap with holes."""
    runtime = Runtime.shared()
    namespace = Namespace(MemoryFS())
    lay_out(namespace)
    runtime.python.mount(namespace)

    def work() -> int:
        guest = runtime.python.guest(namespace, GuestOptions(env=BASE_ENV), ("json", "random", "re"))
        guest.boot()
        assert guest.run(Cell("1+1", 1), Recorder(), Ticket()).lost is None
        instance = guest._instance
        assert instance is not None
        runs = pages.private_runs(instance.memory_address, instance.memory.size)
        guest.close()
        return sum(length for _, length in runs) // pages.PAGE

    assert 20 < runtime.engine.threads.run(work) < 180
