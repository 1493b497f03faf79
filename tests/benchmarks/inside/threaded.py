"""Programs with threads. What they cost is their hand-overs: hardly anything is computed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["COUNTS", "PROGRAMS"]

_ROUNDS = 1000
_ITEMS = 1000
_TASKS = 100
_THREADS = 100


def switches() -> int:
    """Two threads that wake each other by locks, a switch."""
    mine, yours = threading.Lock(), threading.Lock()
    mine.acquire()
    yours.acquire()
    done = []

    def answer() -> None:
        for number in range(_ROUNDS):
            yours.acquire()
            done.append(number)
            mine.release()

    thread = threading.Thread(target=answer)
    thread.start()
    for _ in range(_ROUNDS):
        yours.release()
        mine.acquire()
    thread.join()
    return len(done)


def hand_over() -> int:
    """A queue.Queue with room for one, an item."""
    items: queue.Queue[int] = queue.Queue(1)
    taken = []

    def take() -> None:
        for _ in range(_ITEMS):
            taken.append(items.get())

    thread = threading.Thread(target=take)
    thread.start()
    for number in range(_ITEMS):
        items.put(number)
    thread.join()
    return sum(taken)


def small_tasks() -> int:
    """ThreadPoolExecutor(4).map of 100 small tasks, with the pool."""
    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(abs, range(-_TASKS, 0)))


def start_and_join() -> int:
    """A thread started and joined, each."""
    done: list[int] = []
    for number in range(_THREADS):
        thread = threading.Thread(target=done.append, args=(number,))
        thread.start()
        thread.join()
    return len(done)


PROGRAMS: dict[str, Callable[[], object]] = {
    program.__name__: program for program in (switches, hand_over, small_tasks, start_and_join)
}

COUNTS = {"switches": 2 * _ROUNDS, "hand_over": _ITEMS, "small_tasks": 1, "start_and_join": _THREADS}
"""How many of what it says each does."""
