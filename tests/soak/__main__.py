"""Contexts created, run, interrupted, forked and closed at random from several threads.

Every answer is checked for cross-talk, every call has an end (faulthandler tells where one hangs), and the
process's memory, descriptors, mappings and threads are printed and must not grow from the first third of the
time to the last.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from pywasm_sandbox import Context, ContextClosedError, ContextNotFoundError, Sandbox

HANG_SECONDS = 60


@dataclass
class Soak:
    sandboxes: list[Sandbox]
    end: float
    most_contexts: int
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    contexts: dict[str, tuple[Sandbox, Context]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self, number: int) -> None:
        source = random.Random(f"{self.seed} {number}")
        while time.monotonic() < self.end and not self.problems:
            action = source.choices(list(ACTIONS), weights=[weight for weight, _ in ACTIONS.values()])[0]
            try:
                if ACTIONS[action][1](self, source):
                    self.count(action)
            except (ContextClosedError, ContextNotFoundError):
                self.count("closed under us")
            except BaseException as error:
                self.problems.append(f"{action}: {type(error).__name__}: {error}")

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1

    def pick(self, source: random.Random) -> tuple[Sandbox, Context] | None:
        with self.lock:
            return self.contexts[source.choice(sorted(self.contexts))] if self.contexts else None

    def keep(self, sandbox: Sandbox, context: Context) -> None:
        with self.lock:
            if len(self.contexts) < self.most_contexts:
                self.contexts[context.id] = sandbox, context
                return
        context.delete()

    def expect(self, condition: bool, what: str) -> None:
        if not condition:
            self.problems.append(what)


def create(soak: Soak, source: random.Random) -> bool:
    if len(soak.contexts) >= soak.most_contexts:
        return False
    sandbox = source.choice(soak.sandboxes)
    context = sandbox.create_code_context(language=source.choice(["python", "python", "javascript"]))
    mine = f"mine = {context.id!r}" if context.language == "python" else f"var mine = '{context.id}'"
    execution = context.run_code(mine)
    soak.expect(execution.error is None, f"create: {execution.error}")
    soak.keep(sandbox, context)
    return True


def run(soak: Soak, source: random.Random) -> bool:
    found = soak.pick(source)
    if found is None:
        return False
    _, context = found
    number = source.randrange(10**6)
    if context.language == "python":
        execution = context.run_code(f"print({number})\n(globals().get('mine'), {number} + 1)", timeout=30)
        wanted = [repr((owner, number + 1)) for owner in (context.id, None)]
    else:
        execution = context.run_code(
            f"console.log({number}); `${{globalThis.mine}} ${{{number} + 1}}`", timeout=30
        )
        wanted = [f"{owner} {number + 1}" for owner in (context.id, "undefined")]
    if execution.error is None:
        forked = execution.text is not None and str(number + 1) in execution.text
        soak.expect(execution.text in wanted or forked, f"cross-talk: {execution.text} is not of {wanted}")
        soak.expect(execution.logs.stdout == [f"{number}\n"], f"cross-talk: {execution.logs.stdout}")
    else:
        what = f"run of {context.language}: {execution.error} {execution.logs.stderr}"
        soak.expect(execution.error.name == "KeyboardInterrupt", what)
    return True


def loop(soak: Soak, source: random.Random) -> bool:
    """Until somebody interrupts it, or the deadline."""
    found = soak.pick(source)
    if found is None:
        return False
    code = "while True: pass" if found[1].language == "python" else "while (true) {}"
    execution = found[1].run_code(code, timeout=0.2)
    soak.expect(execution.error is not None, "an endless loop ended")
    if execution.error is not None:
        soak.expect(execution.error.name in ("ExecutionTimeout", "KeyboardInterrupt"), str(execution.error))
    return True


def interrupt(soak: Soak, source: random.Random) -> bool:
    found = soak.pick(source)
    return found is not None and found[1].interrupt()


def fork(soak: Soak, source: random.Random) -> bool:
    found = soak.pick(source)
    if found is None or len(soak.contexts) >= soak.most_contexts or found[1].language != "python":
        return False
    soak.keep(found[0], found[1].fork())
    return True


def restart(soak: Soak, source: random.Random) -> bool:
    found = soak.pick(source)
    if found is None:
        return False
    found[1].restart()
    return True


def delete(soak: Soak, source: random.Random) -> bool:
    found = soak.pick(source)
    if found is None:
        return False
    with soak.lock:
        if soak.contexts.pop(found[1].id, None) is None:
            return False
    found[1].delete()
    return True


def files(soak: Soak, source: random.Random) -> bool:
    sandbox = source.choice(soak.sandboxes)
    name, text = f"/tmp/{source.randrange(50)}", str(source.random()) * 100
    sandbox.write_file(name, text)
    soak.expect(len(str(sandbox.read_file(name).content)) > 0, "an empty file")
    return True


ACTIONS = {
    "create": (10, create),
    "run": (40, run),
    "loop": (6, loop),
    "interrupt": (8, interrupt),
    "fork": (4, fork),
    "restart": (3, restart),
    "delete": (9, delete),
    "files": (10, files),
}


def holdings() -> dict[str, int]:
    """What the process holds now."""
    gc.collect()
    with open("/proc/self/status") as status:
        rss = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    with open("/proc/self/maps") as maps:
        mappings = sum(1 for _ in maps)
    return {
        "rss_mib": rss >> 10,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "mappings": mappings,
        "threads": threading.active_count(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--contexts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    seconds = options.minutes * 60
    sandboxes = [Sandbox(memory_bytes=256 << 20, grace_seconds=2.0) for _ in range(3)]
    soak = Soak(sandboxes, time.monotonic() + seconds, options.contexts, options.seed)
    threads = [threading.Thread(target=soak.work, args=(number,)) for number in range(options.threads)]
    faulthandler.dump_traceback_later(seconds + HANG_SECONDS, exit=True)
    for thread in threads:
        thread.start()
    seen = []
    while time.monotonic() < soak.end and not soak.problems:
        time.sleep(seconds / 30)
        seen.append(holdings())
        print(len(soak.contexts), seen[-1], dict(soak.counts), flush=True)
    for thread in threads:
        thread.join(HANG_SECONDS)
    soak.problems += [f"{thread.name} hangs" for thread in threads if thread.is_alive()]
    third = max(1, len(seen) // 3)
    for name in holdings():
        early, late = (max(each[name] for each in part) for part in (seen[: 2 * third], seen[-third:]))
        if late > early * 1.3 + 20:
            soak.problems.append(f"{name} grew from {early} to {late}")
    for sandbox in sandboxes:
        sandbox.close()
    print("at the end", holdings(), f"seed {options.seed}", dict(soak.counts))
    print("\n".join(soak.problems) or "no problems")
    faulthandler.cancel_dump_traceback_later()
    return 1 if soak.problems else 0


raise SystemExit(main())
