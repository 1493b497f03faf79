# ruff: noqa: B007, B905, C416, RUF012, RUF021, UP031 - this is code as people write it
"""Tasks that exercise the language: numbers, objects, containers, strings, generators, async."""

import asyncio
import bisect
import collections
import contextlib
import copy
import dataclasses
import enum
import functools
import heapq
import html.parser
import itertools
import math
import operator
import random
import re
import statistics
import string
import textwrap
import traceback
import types
import typing
import urllib.parse

TASKS = []


def task(function):
    TASKS.append(function)
    return function


# --- numbers and control flow ---------------------------------------------------------------------


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@task
def calls():
    assert fibonacci(21) == 10946

    def ackermann(m, n):
        if m == 0:
            return n + 1
        return ackermann(m - 1, 1 if n == 0 else ackermann(m, n - 1))

    def keywords(a, *rest, b=1, **more):
        return a + b + len(rest) + len(more)

    ackermann(2, 40)
    total = 0
    for i in range(6000):
        total += keywords(i) + keywords(i, b=2) + keywords(i, 1, 2, c=3) + max(i, 3) + len((i,))
    return total


@task
def integers():
    value = 0
    for i in range(60000):
        value = (value + i * 7) % 1000003
        value ^= i & 0xFF
        if value & 1:
            value += 3
    i = 0
    while i < 20000:
        i += 1
        if i % 3 == 0 and i // 7 != 5 or i < 0:
            continue
    gcd = 0
    for a in range(1, 1500):
        gcd += math.gcd(a, 360) + (a << 3) + (a >> 1) - -a
    return value, gcd


@task
def big_integers():
    x = 10**200
    for i in range(1500):
        x = x * 3 // 2 + i
        x % 1000003
    return str(3**2500), int("7" * 700), pow(3, 10**6, 10**9 + 7), (1 << 2000) - 1, math.factorial(300)


@task
def floats():
    bodies = [([0.1 * i, 0.2 * i, 0.3], [0.0, 0.1, 0.2], 1.0 + i) for i in range(5)]
    pairs = list(itertools.combinations(bodies, 2))
    for _ in range(400):
        for ([x1, y1, z1], v1, m1), ([x2, y2, z2], v2, m2) in pairs:
            dx, dy, dz = x1 - x2, y1 - y2, z1 - z2
            force = 0.01 * (dx * dx + dy * dy + dz * dz + 0.01) ** -1.5
            v1[0] -= dx * m2 * force
            v1[1] -= dy * m2 * force
            v1[2] -= dz * m2 * force
            v2[0] += dx * m1 * force
            v2[1] += dy * m1 * force
            v2[2] += dz * m1 * force
        for position, (vx, vy, vz), _ in bodies:
            position[0] += 0.01 * vx
            position[1] += 0.01 * vy
            position[2] += 0.01 * vz
    total = 0.0
    for row in range(24):
        for column in range(24):
            z = c = complex(column / 12 - 1.5, row / 12 - 1)
            for step in range(40):
                if abs(z) > 2:
                    break
                z = z * z + c
            total += step
    return total + sum(math.sin(i) * math.sqrt(i) for i in range(2000)) + statistics.fmean(range(99))


@task
def spectral_norm():
    def element(i, j):
        return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)

    def times(u):
        n = range(len(u))
        return [sum(element(i, j) * u[j] for j in n) for i in n]

    vector = [1.0] * 36
    for _ in range(4):
        vector = times(vector)
    matrix = [[float(i * j % 7) for j in range(24)] for i in range(24)]
    product = [[sum(a * b for a, b in zip(row, column)) for column in zip(*matrix)] for row in matrix]
    return vector, product


@task
def sieve():
    flags = bytearray([1]) * 30001
    i = 2
    while i * i <= 30000:
        if flags[i]:
            for j in range(i * i, 30001, i):
                flags[j] = 0
        i += 1
    primes = [n for n in range(2, 3000) if all(n % d for d in range(2, int(n**0.5) + 1))]
    return sum(flags), primes


@task
def permutations():
    def queens(n, row=0, columns=0, left=0, right=0):
        if row == n:
            return 1
        count = 0
        free = ~(columns | left | right) & ((1 << n) - 1)
        while free:
            bit = free & -free
            free ^= bit
            count += queens(n, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)
        return count

    def fannkuch(n):
        best = 0
        for permutation in itertools.permutations(range(n)):
            p = list(permutation)
            flips = 0
            while p[0]:
                k = p[0] + 1
                p[:k] = p[k - 1 :: -1] if k == len(p) else reversed(p[:k])
                flips += 1
            best = max(best, flips)
        return best

    return (
        queens(7),
        fannkuch(6),
        list(itertools.product("abc", repeat=5)),
        list(itertools.accumulate(range(999))),
    )


# --- objects --------------------------------------------------------------------------------------


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)

    def __eq__(self, other):
        if not isinstance(other, Point):
            return NotImplemented
        return self.x == other.x and self.y == other.y

    def __hash__(self):
        return hash((self.x, self.y))


class Shape:
    registry = {}
    sides = 0

    def __init_subclass__(cls, **arguments):
        super().__init_subclass__(**arguments)
        Shape.registry[cls.__name__] = cls

    def __init__(self, size):
        self.size = size

    @property
    def area(self):
        return self.compute(self.size)

    @staticmethod
    def compute(size):
        return size

    @classmethod
    def make(cls, size):
        return cls(size)

    def __repr__(self):
        return f"{type(self).__name__}({self.size!r})"

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return name


class Square(Shape):
    sides = 4

    def __init__(self, size):
        super().__init__(size)
        self.kind = "square"

    @staticmethod
    def compute(size):
        return size * size

    def __getitem__(self, index):
        return self.size + index

    def __len__(self):
        return self.sides

    def __call__(self, value):
        return value + self.size

    def __contains__(self, value):
        return value == self.size


@task
def classes():
    point, step = Point(0, 0), Point(1, 2)
    for _ in range(8000):
        point = point + step
    seen = {Point(i % 50, i % 7) for i in range(3000)}
    total = len(seen)
    for i in range(6000):
        shape = Square.make(i) if i % 3 else Shape(i)
        total += shape.area + shape.sides
        if isinstance(shape, Square):
            total += shape[1] + len(shape) + shape(2) + (i in shape)
        if i % 5 == 0:
            shape.other, shape.size = shape.size, 1
            hasattr(shape, "_private"), shape.anything
    return total, repr(shape)


class Task_:
    """Message passing between objects, in the manner of an operating-system simulation."""

    def __init__(self, name, queue):
        self.name, self.queue, self.count, self.link = name, queue, 0, None

    def run(self, packet):
        self.count += 1
        if packet is not None and self.link is not None:
            self.link.queue.append((packet[0] + 1, self.name))
        return self.count


@task
def scheduler():
    tasks = [Task_(f"t{i}", collections.deque()) for i in range(8)]
    for left, right in zip(tasks, tasks[1:] + tasks[:1]):
        left.link = right
    tasks[0].queue.append((0, "start"))
    for _ in range(1200):
        for item in tasks:
            item.run(item.queue.popleft() if item.queue else None)
    return [item.count for item in tasks]


@dataclasses.dataclass(order=True)
class Record:
    key: int
    name: str = "a"
    tags: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    left: int
    right: int


class Colour(enum.Enum):
    RED = 1
    GREEN = 2
    BLUE = 3


class Flag(enum.IntFlag):
    A = 1
    B = 2


@task
def data_classes():
    records = [Record(i * 37 % 101, str(i)) for i in range(1500)]
    records.sort()
    pairs = {Pair(i % 9, i % 5): i for i in range(900)}
    pair_type = collections.namedtuple("pair_type", "a b c")
    tuples = [pair_type(i, 2, 3)._replace(b=i) for i in range(600)]
    colours = [Colour(i % 3 + 1).name for i in range(600)]
    flags = [Flag.A | Flag.B for _ in range(60)]
    return (
        [dataclasses.asdict(r) for r in records[:99]],
        pairs,
        tuples,
        colours,
        flags,
        copy.deepcopy(records[:150]),
    )


@task
def pattern_matching():
    def describe(value):
        match value:
            case 0 | 1:
                return "small"
            case int(n) if n > 50:
                return "big"
            case [first, *rest]:
                return len(rest) + first
            case {"kind": "point", "x": x, **rest}:
                return x, rest
            case Point(x=0, y=y):
                return y
            case str():
                return "text"
            case _:
                return None

    values = [0, 7, 99, [1, 2, 3], {"kind": "point", "x": 1, "y": 2}, Point(0, 3), "s", None]
    return [describe(values[i % len(values)]) for i in range(4000)]


# --- containers, strings --------------------------------------------------------------------------


@task
def containers():
    table = {}
    for i in range(12000):
        table[str(i)] = i
    total = sum(value for key, value in table.items() if key.endswith("7"))
    for key in list(table)[::3]:
        del table[key]
    counter = collections.Counter("abracadabra" * 400)
    groups = collections.defaultdict(list)
    for i in range(6000):
        groups[i % 17].append(i)
    ordered = collections.OrderedDict((i, -i) for i in range(500))
    ordered.move_to_end(3)
    queue = collections.deque(range(900), maxlen=500)
    queue.rotate(7)
    merged = {**table, "x": 1} | {"y": 2}
    sets = set(range(6000)) & set(range(0, 9000, 3)) | {1, 2} - frozenset((3, 4))
    rows = [[j for j in range(i % 12)] for i in range(900)]
    flat = [x for row in rows for x in row if x & 1]
    window = [flat[i : i + 5] for i in range(0, len(flat), 3)]
    flat.insert(3, 4), flat.pop(), flat.remove(3), flat.reverse(), flat.extend((1, 2)), flat.index(1)
    first, *middle, last = flat
    return (
        total,
        counter.most_common(2),
        len(groups),
        merged.get("q"),
        sets,
        window,
        first,
        middle,
        last,
        tuple(map(str, range(900))),
        list(filter(None, flat)),
        any(flat),
        all(flat),
        dict(zip("abc", range(3))),
        sorted(merged.items(), key=operator.itemgetter(1), reverse=True)[:3],
        list(enumerate(flat))[-1],
    )


@task
def sorting():
    generator = random.Random(1)
    numbers = [generator.random() for _ in range(9000)]
    numbers.sort()
    words = ["".join(generator.choices(string.ascii_lowercase, k=6)) for _ in range(2500)]
    words.sort(key=lambda word: (word[1], word))
    mixed = sorted(range(3000), key=lambda n: -n % 97)
    heap = []
    for number in generator.sample(range(9999), 2000):
        heapq.heappush(heap, number)
    drained = [heapq.heappop(heap) for _ in range(1000)]
    position = [bisect.bisect_left(numbers, i / 999) for i in range(999)]
    generator.shuffle(mixed)

    def quick(items):
        if len(items) <= 1:
            return items
        pivot = items[len(items) // 2]
        return (
            quick([x for x in items if x < pivot])
            + [x for x in items if x == pivot]
            + quick([x for x in items if x > pivot])
        )

    return quick(mixed[:900]), drained, position, min(words), max(numbers), generator.gauss(0, 1)


@task
def strings():
    lines = []
    for i in range(5000):
        lines.append(f"{i:05d}-{i * 3.5:.2f} {i!r:>8} {'x' * (i % 5)}")
    text = "\n".join(lines)
    parts = [line.split() for line in text.splitlines()]
    table = str.maketrans("abc", "xyz")
    for i in range(1500):
        word = "Hello, World " + str(i)
        word.upper().lower().title().strip().replace("l", "L").translate(table).startswith("HE")
        (
            word.find("o"),
            word.count("l"),
            word.partition(","),
            word[::-1],
            word[2:5],
            word.encode().decode(),
            word.zfill(20),
        )
        "%s %d %.3f %r" % (word, i, i / 3, word), "{0} {1:>10} {name}".format(word, i, name="n")
        word == "x", word + "y", word * 2, word in "Hello", word.isdigit(), ord(word[0]), chr(i + 32)
    accents = "žluťoučký kůň 漢字 🙂" * 60
    wrapped = textwrap.fill("some words to wrap around " * 60, 70)
    pangram = collections.Counter(c for c in accents.casefold() if c.isalpha())
    return (
        parts,
        accents.encode("utf-8").decode("utf-8"),
        accents.encode("utf-16"),
        wrapped,
        pangram,
        html_text(),
    )


def html_text():
    class Parser(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.found = []

        def handle_starttag(self, tag, attributes):
            self.found.append((tag, dict(attributes)))

    parser = Parser()
    parser.feed("<div class='a'><p id=x>text &amp; more</p><br></div>" * 50)
    return (
        parser.found,
        urllib.parse.urlencode({"a": "b c", "d": 1}),
        urllib.parse.urlsplit("http://h:1/p?q#f"),
    )


@task
def regular_expressions():
    text = "foo123bar45 user@example.org 2024-01-31 <b>bold</b> " * 250
    found = re.findall(r"([a-z]+)(\d+)", text)
    mails = [match.group(0) for match in re.finditer(r"[\w.]+@[\w.]+\.\w+", text)]
    dates = re.sub(r"(\d{4})-(\d\d)-(\d\d)", lambda match: "/".join(reversed(match.groups())), text)
    split = re.split(r"[\s,]+", text)
    patterns = [re.compile(rf"(?P<a{i}>x{{{i}}}|y+?)[^a-f]*(?=z)\b", re.I | re.M) for i in range(30)]
    tags = re.findall(r"<(\w+)>.*?</\1>", text)
    return found, mails, dates, split, tags, [pattern.search("xxyyyz and more") for pattern in patterns]


# --- generators, exceptions, async ----------------------------------------------------------------


@task
def generators():
    def squares(n):
        for i in range(n):
            yield i * i

    def tree(depth):
        if depth:
            yield from tree(depth - 1)
            yield depth
            yield from tree(depth - 1)

    def averager():
        total = count = 0
        while True:
            value = yield total / count if count else None
            total, count = total + value, count + 1

    average = averager()
    next(average)
    for i in range(2000):
        average.send(i)
    average.close()
    chained = itertools.chain(range(900), itertools.islice(itertools.count(), 900), itertools.repeat(1, 90))
    grouped = [(key, len(list(group))) for key, group in itertools.groupby(range(900), lambda n: n // 7)]
    return (
        sum(x for x in squares(16000) if x % 3),
        sum(tree(10)),
        sum(chained),
        grouped,
        list(itertools.batched(range(300), 7)),
        functools.reduce(operator.add, range(900)),
    )


@task
def exceptions():
    class Problem(Exception):
        def __init__(self, code):
            super().__init__(f"code {code}")
            self.code = code

    count = 0
    for i in range(6000):
        try:
            try:
                if i % 3 == 0:
                    raise ValueError(i)
                if i % 7 == 0:
                    raise Problem(i)
                {}["missing"] if i % 11 == 0 else None
            except ValueError as error:
                count += error.args[0]
            except Problem as error:
                raise KeyError(error.code) from error
            else:
                count += 1
            finally:
                count -= 1
        except KeyError:
            count += 2

    @contextlib.contextmanager
    def scope():
        try:
            yield 1
        finally:
            pass

    for _ in range(1200):
        with scope() as value, contextlib.suppress(ZeroDivisionError):
            count += value / 0
    texts = []
    for _ in range(15):
        try:
            int("not a number")
        except ValueError:
            texts.append(traceback.format_exc())
    try:
        raise ExceptionGroup("several", [ValueError(1), TypeError(2)])
    except* ValueError:
        pass
    except* TypeError:
        pass
    return count, texts


@task
def asynchronous():
    async def worker(queue, results):
        while True:
            item = await queue.get()
            await asyncio.sleep(0)
            results.append(item * 2)
            queue.task_done()

    async def leaf(n):
        return n

    async def stream(n):
        for i in range(n):
            yield i
            await asyncio.sleep(0)

    async def main():
        queue, results = asyncio.Queue(), []
        workers = [asyncio.create_task(worker(queue, results)) for _ in range(3)]
        for i in range(150):
            queue.put_nowait(i)
        await queue.join()
        for item in workers:
            item.cancel()
        gathered = await asyncio.gather(*(leaf(i) for i in range(150)))
        async with asyncio.TaskGroup() as group:
            for i in range(60):
                group.create_task(leaf(i))
        total = 0
        for i in range(3000):
            total += await leaf(i)
        return results, gathered, total, [i async for i in stream(150)], await asyncio.wait_for(leaf(1), 5)

    def run(coroutine):
        try:
            while True:
                coroutine.send(None)
        except StopIteration as stop:
            return stop.value

    async def plain(n):
        return n + sum([await leaf(i) for i in range(n)])

    try:
        asyncio.run(main())
    except (OSError, NotImplementedError, AttributeError):
        pass  # an event loop wants a socket pair, which not every host gives
    return [run(plain(20)) for _ in range(150)]


@task
def closures_and_decorators():
    def logged(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            wrapper.calls += 1
            return function(*args, **kwargs)

        wrapper.calls = 0
        return wrapper

    @logged
    def add(a, b=2):
        return a + b

    @functools.lru_cache(maxsize=256)
    def paths(x, y):
        return 1 if not x or not y else paths(x - 1, y) + paths(x, y - 1)

    @functools.singledispatch
    def show(value):
        return "?"

    show.register(int, lambda value: "int")
    show.register(str, lambda value: "str")
    makers = [lambda x, k=k: x + k for k in range(10)]
    partial = functools.partial(add, b=5)

    def counter():
        n = 0

        def increment():
            nonlocal n
            n += 1
            return n

        return increment

    increment = counter()
    total = 0
    for i in range(3000):
        total += add(i) + partial(i) + makers[i % 10](i) + increment()
        show(i if i & 1 else "s")
    return total, paths(14, 14), typing.get_type_hints(Record), types.SimpleNamespace(a=1)
