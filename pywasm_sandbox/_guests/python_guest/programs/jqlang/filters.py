"""Functions that are built in, written in Python, and about the run: control, paths, streams, inputs."""

import collections
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

from . import values
from .functions import FILTERS, VALUES, filter, on_values, value
from .nodes import NO_PATH, Closure, Env, Pair, Path, off
from .values import JqError, is_number, truthy


@filter("empty/0")
def empty(env: Env, path: Path, item: Any) -> Iterator[Pair]:
    return iter(())


@value("error/0")
def error(item: Any) -> Any:
    raise JqError(item)


@value("error/1")
def error_with(item: Any, message: Any) -> Any:
    raise JqError(message)


@filter("path/1")
def path_of(env: Env, path: Path, item: Any, inner: Closure) -> Iterator[Pair]:
    for place, _ in inner.paths(item):
        yield off(path), list(place)


@filter("getpath/1")
def get_path(env: Env, path: Path, item: Any, where: Closure) -> Iterator[Pair]:
    for place in where.values(item):
        if not isinstance(place, list):
            raise JqError("Path must be specified as an array")
        if path is NO_PATH:
            raise JqError("Invalid path expression")
        yield (None if path is None else (*path, *place)), values.get_path(item, place)


@value("setpath/2")
def set_path(item: Any, place: Any, new: Any) -> Any:
    if not isinstance(place, list):
        raise JqError("Path must be specified as an array")
    return values.put_path(item, place, new)


@value("delpaths/1")
def delete_paths(item: Any, places: Any) -> Any:
    if not isinstance(places, list):
        raise JqError("Paths must be specified as an array")
    return values.delete_paths(item, places)


@filter("del/1")
def delete(env: Env, path: Path, item: Any, inner: Closure) -> Iterator[Pair]:
    yield off(path), values.delete_paths(item, [list(place) for place, _ in inner.paths(item)])


@filter("paths/0")
def paths(env: Env, path: Path, item: Any) -> Iterator[Pair]:
    for place, _ in descend((), item):
        if place:
            yield off(path), list(place)


def descend(path: Path, item: Any) -> Iterator[Pair]:
    """It and all within it."""
    yield path, item
    if isinstance(item, (list, dict)):
        for key, each in values.children(item):
            yield from descend(None if path is None else (*path, key), each)


@filter("recurse/0")
def recurse(env: Env, path: Path, item: Any) -> Iterator[Pair]:
    if path is NO_PATH:
        raise JqError("Invalid path expression")
    return descend(path, item)


@filter("range/1")
def up_to(env: Env, path: Path, item: Any, end: Closure) -> Iterator[Pair]:
    for last in end.values(item):
        for each in counted(0, last, 1):
            yield off(path), each


@filter("range/2")
def between(env: Env, path: Path, item: Any, start: Closure, end: Closure) -> Iterator[Pair]:
    for first, last in itertools.product(list(start.values(item)), list(end.values(item))):
        for each in counted(first, last, 1):
            yield off(path), each


@filter("range/3")
def stepped(env: Env, path: Path, item: Any, *given: Closure) -> Iterator[Pair]:
    for first, last, step in itertools.product(*(list(each.values(item)) for each in given)):
        for each in counted(first, last, step):
            yield off(path), each


def counted(first: Any, last: Any, step: Any) -> Iterator[Any]:
    if not all(is_number(each) for each in (first, last, step)):
        raise JqError("Range bounds must be numeric")
    at = first
    while (at < last) if step > 0 else (at > last) if step < 0 else first < last:
        yield at
        at += step


@filter("first/1")
def first(env: Env, path: Path, item: Any, source: Closure) -> Iterator[Pair]:
    yield from itertools.islice(source.run(path, item), 1)


@filter("last/1")
def last(env: Env, path: Path, item: Any, source: Closure) -> Iterator[Pair]:
    yield from collections.deque(source.run(path, item), maxlen=1)


@filter("limit/2")
def limit(env: Env, path: Path, item: Any, count: Closure, source: Closure) -> Iterator[Pair]:
    for most in count.values(item):
        if most > 0:
            yield from itertools.islice(source.run(path, item), math.ceil(most))
        elif most < 0:
            yield from source.run(path, item)


@filter("skip/2")
def skip(env: Env, path: Path, item: Any, count: Closure, source: Closure) -> Iterator[Pair]:
    for many in count.values(item):
        yield from itertools.islice(source.run(path, item), max(int(many), 0), None)


@filter("isempty/1")
def is_empty(env: Env, path: Path, item: Any, source: Closure) -> Iterator[Pair]:
    yield off(path), next(source.run(None, item), None) is None


@filter("until/2")
def until(env: Env, path: Path, item: Any, done: Closure, update: Closure) -> Iterator[Pair]:
    for stop in done.values(item):
        if truthy(stop):
            yield path, item
        elif path is None:
            yield from _until_simply(done, update, item)
        else:
            for place, each in update.run(path, item):
                yield from until(env, place, each, done, update)


def _until_simply(done: Closure, update: Closure, item: Any) -> Iterator[Pair]:
    """While both yield one value a time, in a loop."""
    while True:
        stops = list(itertools.islice(done.values(item), 2))
        if len(stops) != 1:
            for stop in stops:
                raise JqError(f"until: more than one condition ({values.dump(stop)})")
            return
        if truthy(stops[0]):
            yield None, item
            return
        following = list(update.values(item))
        if len(following) != 1:
            for each in following:
                yield from _until_simply(done, update, each)
            return
        item = following[0]


@filter("walk/1")
def walk(env: Env, path: Path, item: Any, change: Closure) -> Iterator[Pair]:
    if isinstance(item, dict):
        inner: Any = {}
        for name, each in item.items():
            for _, found in itertools.islice(walk(env, None, each, change), 1):
                inner[name] = found
    elif isinstance(item, list):
        inner = [found for each in item for _, found in walk(env, None, each, change)]
    else:
        inner = item
    for found in change.values(inner):
        yield off(path), found


# ---- the run ------------------------------------------------------------------------------------------


@filter("env/0")
def environment(env: Env, path: Path, item: Any) -> Iterator[Pair]:
    yield off(path), env.shared.named["$ENV"]


@filter("input/0")
def one_input(env: Env, path: Path, item: Any) -> Iterator[Pair]:
    for found in env.shared.inputs:
        yield off(path), found
        return
    raise JqError("No more inputs")


@filter("inputs/0")
def all_inputs(env: Env, path: Path, item: Any) -> Iterator[Pair]:
    for found in env.shared.inputs:
        yield off(path), found


@filter("input_filename/0")
def input_file(env: Env, path: Path, item: Any) -> Iterator[Pair]:
    yield off(path), env.shared.file_name


@filter("debug/0")
def debug(env: Env, path: Path, item: Any) -> Iterator[Pair]:
    env.shared.warn(values.dump(["DEBUG:", item]) + "\n")
    yield path, item


@filter("debug/1")
def debug_with(env: Env, path: Path, item: Any, message: Closure) -> Iterator[Pair]:
    for each in message.values(item):
        env.shared.warn(values.dump(["DEBUG:", each]) + "\n")
    yield path, item


@filter("stderr/0")
def to_stderr(env: Env, path: Path, item: Any) -> Iterator[Pair]:
    env.shared.warn(values.dump(item))
    yield path, item


class Halt(Exception):
    """``halt``: the end, with an exit code and what to say."""

    def __init__(self, code: int, message: str) -> None:
        self.code, self.message = code, message


@value("halt/0")
def halt(item: Any) -> Any:
    raise Halt(0, "")


@value("halt_error/0")
def halt_error(item: Any, code: Any = 5) -> Any:
    if not is_number(code):
        raise JqError("halt_error/1: number required")
    raise Halt(int(code), item if isinstance(item, str) else values.dump(item) + "\n")


VALUES["halt_error/1"] = halt_error


def natives() -> dict[str, Callable[..., Iterator[Pair]]]:
    """All of them, as nodes call them."""
    return {**{name: on_values(function) for name, function in VALUES.items()}, **FILTERS}
