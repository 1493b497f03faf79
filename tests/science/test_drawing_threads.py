"""Figures that several threads draw at once are those that one draws."""

from __future__ import annotations

from pywasm_sandbox import Sandbox

CODE = """
import io, threading
from matplotlib.figure import Figure

def draw(number):
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([1, number, 3])
    axes.set_title(f"figure {number}")
    axes.set_xlabel("$x^2$ and text")
    figure.tight_layout()
    data = io.BytesIO()
    figure.savefig(data, format="png", bbox_inches="tight")
    return data.getvalue()

def draw_some(numbers):
    for number in numbers:
        drawn[number] = draw(number)

drawn = {}
threads = [threading.Thread(target=draw_some, args=(range(n, 12, 4),)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
len(drawn), len(set(drawn.values())), all(drawn[n] == draw(n) for n in range(12))
"""


def test_figures_of_several_threads() -> None:
    with Sandbox() as sandbox:
        execution = sandbox.run_code(CODE, timeout=120)
        assert execution.error is None
        assert execution.text == "(12, 12, True)"


def test_an_interrupt_gives_the_lock_back() -> None:
    with Sandbox() as sandbox:
        sandbox.run_code(CODE, timeout=120)
        stopped = sandbox.run_code("while True: draw(1)", timeout=0.5)
        assert stopped.error is not None
        assert (stopped.error.name, stopped.context_state) == ("ExecutionTimeout", "kept")
        assert sandbox.run_code(CODE, timeout=120).text == "(12, 12, True)"
