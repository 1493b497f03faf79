"""Deterministic mode: the same code gives the same bytes, in every run and every process."""

# ruff: noqa: E501 - programs, one a line

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox import Deterministic, Sandbox

ROOT = Path(__file__).resolve().parents[2]

CELLS = [
    "import os, random, secrets, uuid, tempfile, time, datetime, hashlib, numpy as np\n"
    "(os.urandom(9).hex(), random.random(), secrets.token_hex(8), str(uuid.uuid4()), str(uuid.uuid1()), tempfile.mktemp())",
    "(np.random.rand(), np.random.default_rng().integers(10**9), random.SystemRandom().random())",
    "(time.time_ns(), time.monotonic_ns(), time.perf_counter(), time.process_time(), str(datetime.datetime.now()))",
    "time.sleep(1000); (time.time(), time.monotonic())",
    "import asyncio\nawait asyncio.sleep(3600)\nasyncio.get_running_loop().time()",
    "(hash('text'), hash(b'bytes'), list({'a', 'b', 'c', 'd', 'e'}), id(object()), repr(object()))",
    "open('f', 'w').write('x'); os.mkdir('d'); [(s.st_ino, s.st_mtime_ns, s.st_dev) for s in map(os.stat, ('f', 'd', '/tmp'))]",
    "import sys\nfor i in range(3000):\n    print(i, end=' ' if i % 7 else '\\n')\n    if i % 100 == 0: print('e', i, file=sys.stderr)",
    "for i in range(5): time.sleep(0.01); print('no newline', i, end='')",
    "def burn():\n    s = 0\n    for i in range(3_000_00): s += i\n    return s\nprint('a', end=''); burn(); print('b', end=''); burn(); print('c')",
    "import sqlite3\nsqlite3.connect(':memory:').execute(\"select random(), datetime('now'), hex(randomblob(4))\").fetchone()",
    "class A: pass\n{A(): 1, A(): 2}",
    "display({'n': random.randint(1, 10**9)}); raise ValueError(f'{random.random()} {time.time()} {object()}')",
]


def record(cells: Sequence[str] = CELLS, **options: Any) -> str:
    """All that comes of the cells, as JSON."""
    said = []
    with Sandbox(**options) as sandbox:
        contexts = [sandbox.create_code_context() for _ in range(2)]
        for context in contexts:
            for cell in cells:
                execution = sandbox.run_code(cell, context=context)
                said.append(execution.model_dump(mode="json", exclude={"duration_seconds", "context_id"}))
            context.restart()
            said.append(sandbox.run_code("import os\nos.urandom(4).hex()", context=context).text)
    return json.dumps(said)


def test_the_same_bytes_each_time() -> None:
    first = record(deterministic=Deterministic())
    assert record(deterministic=Deterministic(seed=0)) == first
    said = json.loads(first)
    # Positive controls: the cells ran, and randomness differs where it should.
    assert [each["error"] and each["error"]["name"] for each in said[:13]] == [None] * 12 + ["ValueError"]
    tokens = {said[index]["results"][0]["formats"]["text/plain"] for index in (0, 14)} | {said[13], said[27]}
    assert len(tokens) == 4
    assert record(deterministic=Deterministic(seed=1)) != first
    assert record(CELLS[:2]) != record(CELLS[:2])


def test_the_same_bytes_in_other_processes() -> None:
    code = "import sys\nfrom tests.api.test_deterministic import record\nfrom pywasm_sandbox import Deterministic\nsys.stdout.write(record(deterministic=Deterministic(seed='a seed')))"
    said = []
    for hash_seed in ("1", "2"):
        env = {**os.environ, "PYTHONPATH": f"{ROOT}", "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=env,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            cwd=ROOT,
        )
        said.append(done.stdout)
    assert said[0] == said[1] == record(deterministic=Deterministic(seed="a seed"))


def test_an_interpreter_booted_from_scratch() -> None:
    texts = []
    for seed in (5, 5, 6):
        with Sandbox(deterministic=Deterministic(seed), preload=None) as sandbox:
            texts.append(
                sandbox.run_code("import os, time\n(hash('text'), os.urandom(4), time.time_ns())").text
            )
    assert texts[0] == texts[1] != texts[2]


def test_javascript() -> None:
    texts = []
    for seed in (5, 5, 6):
        with Sandbox(deterministic=Deterministic(seed)) as sandbox:
            execution = sandbox.run_code(
                "[Math.random(), Date.now(), crypto.randomUUID()].join()", language="javascript"
            )
            assert execution.error is None
            texts.append(execution.text)
    assert texts[0] == texts[1] != texts[2]


DRAW = {
    "python": "import os, random, time\n(os.urandom(4).hex(), random.random(), time.time_ns())",
    "javascript": "[Math.random(), Date.now(), crypto.randomUUID()].join()",
}


@pytest.mark.parametrize("language", DRAW)
def test_snapshots_go_on_where_they_were_taken(language: str) -> None:
    def record(seed: int) -> list[str | None]:
        with Sandbox(deterministic=Deterministic(seed)) as sandbox:
            context = sandbox.create_code_context(language=language)
            said = [sandbox.run_code(DRAW[language], context=context).text]
            snapshot = context.snapshot()
            said.append(sandbox.run_code(DRAW[language], context=context).text)
            restored = sandbox.create_code_context(snapshot=snapshot)
            fork = context.fork()
            said += [
                sandbox.run_code(DRAW[language], context=each).text for each in (restored, fork, context)
            ]
            context.restore(snapshot)
            return [*said, sandbox.run_code(DRAW[language], context=context).text]

    first = record(3)
    assert record(3) == first
    assert record(4) != first
    assert None not in first
    assert len(set(first)) > 1  # the draws go on


def test_clocks() -> None:
    start = datetime(2030, 5, 6, 7, 8, 9, 250_000, tzinfo=UTC)
    with Sandbox(deterministic=Deterministic(clock="frozen", start=start)) as sandbox:
        ns = int(start.timestamp() * 1000) * 1_000_000
        assert sandbox.run_code("import time\n(time.time_ns(), time.time_ns())").text == f"({ns}, {ns})"
        execution = sandbox.run_code("time.sleep(3600)\ntime.time_ns()", timeout=10)
        assert int(execution.text or 0) == ns + 3600 * 10**9
        assert execution.duration_seconds < 10
        assert sandbox.stat("/workspace").modified_at == start
    with Sandbox(deterministic=Deterministic(clock="stepped", start=start)) as sandbox:
        assert sandbox.run_code("import time\na = time.time_ns(); time.time_ns() - a").text == "1000"


def test_a_deadline_is_of_real_time() -> None:
    with Sandbox(deterministic=Deterministic()) as sandbox:
        for code in (
            "while True: pass",
            "import time\nwhile True: time.sleep(1)",
            "import asyncio\nwhile True: await asyncio.sleep(1)",
        ):
            execution = sandbox.run_code(code, timeout=0.3)
            assert execution.error is not None
            assert (execution.error.name, execution.context_state) == ("ExecutionTimeout", "kept")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": 1.5}, TypeError, "seed is a whole number or a text"),
        ({"clock": "fast"}, ValueError, "clock is 'fast'"),
        ({"start": datetime(2026, 1, 1)}, ValueError, "start has no time zone"),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Deterministic(**options)
    with pytest.raises(TypeError, match="deterministic is a Deterministic, not int"):
        Sandbox(deterministic=5)  # type: ignore[arg-type]
