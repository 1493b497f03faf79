"""Small pure-Python programs, a few milliseconds each on a native interpreter.

What a program needs is imported by it, so that a missing module fails one program only; `run` in `clockwork`
calls each once before it is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

__all__ = ["PROGRAMS"]


def _fibonacci(n: int) -> int:
    return n if n < 2 else _fibonacci(n - 1) + _fibonacci(n - 2)


def calls() -> int:
    """Recursive function calls."""
    return _fibonacci(24)


_SOLAR_MASS = 4 * 3.141592653589793**2
_YEAR = 365.24
_PLANETS = (
    (
        (4.84143144246472090e00, -1.16032004402742839e00, -1.03622044471123109e-01),
        (1.66007664274403694e-03, 7.69901118419740425e-03, -6.90460016972063023e-05),
        9.54791938424326609e-04,
    ),
    (
        (8.34336671824457987e00, 4.12479856412430479e00, -4.03523417114321381e-01),
        (-2.76742510726411899e-03, 4.99852801234917238e-03, 2.30417297573763929e-05),
        2.85885980666130812e-04,
    ),
    (
        (1.28943695621391310e01, -1.51111514016986312e01, -2.23307578892655734e-01),
        (2.96460137564761618e-03, 2.37847173959480950e-03, -2.96589568540237556e-05),
        4.36624404335156298e-05,
    ),
    (
        (1.53796971148509165e01, -2.59193146099879641e01, 1.79258772950371181e-01),
        (2.68067772490389322e-03, 1.62824170038242295e-03, -9.51592254519715870e-05),
        5.15138902046611451e-05,
    ),
)

_Body = tuple[list[float], list[float], float]


def nbody(steps: int = 2500) -> float:
    """Floating point: the four big planets around the sun."""
    bodies: list[_Body] = [([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], _SOLAR_MASS)]
    for place, velocity, mass in _PLANETS:
        bodies.append((list(place), [part * _YEAR for part in velocity], mass * _SOLAR_MASS))
    pairs = [(a, b) for i, a in enumerate(bodies) for b in bodies[i + 1 :]]
    dt = 0.01
    for _ in range(steps):
        for ([x1, y1, z1], v1, m1), ([x2, y2, z2], v2, m2) in pairs:
            dx, dy, dz = x1 - x2, y1 - y2, z1 - z2
            magnitude = dt * ((dx * dx + dy * dy + dz * dz) ** (-1.5))
            b1, b2 = m1 * magnitude, m2 * magnitude
            v1[0] -= dx * b2
            v1[1] -= dy * b2
            v1[2] -= dz * b2
            v2[0] += dx * b1
            v2[1] += dy * b1
            v2[2] += dz * b1
        for r, (vx, vy, vz), _mass in bodies:
            r[0] += dt * vx
            r[1] += dt * vy
            r[2] += dt * vz
    return round(bodies[1][0][0], 6)


def dictionaries() -> int:
    """A dict of 60,000 strings."""
    table = {}
    for i in range(60_000):
        table[str(i)] = i
    total = 0
    for key, value in table.items():
        if key.endswith("7"):
            total += value
    return total


def strings() -> int:
    """Formatting, joining, splitting."""
    parts = []
    for i in range(20_000):
        parts.append(f"{i:05d}-{i * 3.5:.2f}")
    return len(",".join(parts).split(","))


class _Point:
    __slots__ = ("x", "y")

    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y

    def add(self, other: _Point) -> _Point:
        return _Point(self.x + other.x, self.y + other.y)


def objects() -> int:
    """Methods, attributes, allocation."""
    point, step = _Point(0, 0), _Point(1, 2)
    for _ in range(50_000):
        point = point.add(step)
    return point.x + point.y


def generators() -> int:
    """A generator expression over a generator."""

    def squares(n: int) -> Iterator[int]:
        for i in range(n):
            yield i * i

    return sum(x for x in squares(100_000) if x % 3)


def sorting() -> float:
    """60,000 random floats, sorted twice, once with a key."""
    import random

    numbers = random.Random(1)
    values = [numbers.random() for _ in range(60_000)]
    values.sort()
    return sorted(values, key=lambda value: -value)[0]


def json_round_trip() -> int:
    """The C accelerated json."""
    import json

    rows = [{"a": i, "b": str(i), "c": [1.5, 2, None, True]} for i in range(4000)]
    return len(json.loads(json.dumps(rows)))


def regular_expressions() -> int:
    """`re.findall` over 44 KB."""
    import re

    text = "foo123bar45 " * 4000
    return len(re.findall(r"([a-z]+)(\d+)", text))


def integers() -> int:
    """A loop over small integers."""
    a = 0
    for i in range(300_000):
        a = (a + i * 7) % 1_000_003
    return a


def sieve(n: int = 200_000) -> int:
    """Nested loops over a bytearray."""
    flags = bytearray([1]) * (n + 1)
    i = 2
    while i * i <= n:
        if flags[i]:
            for j in range(i * i, n + 1, i):
                flags[j] = 0
        i += 1
    return sum(flags)


def exceptions() -> int:
    """20,000 raised and caught."""
    caught = 0
    for i in range(60_000):
        try:
            if i % 3 == 0:
                raise ValueError(i)
        except ValueError:
            caught += 1
    return caught


def sha256() -> str:
    """4 MB, in C: native code uses the processor's SHA instructions, which WebAssembly doesn't have."""
    import hashlib

    return hashlib.sha256(b"x" * 4_000_000).hexdigest()


def decimals() -> str:
    """The C accelerated decimal, 60 digits."""
    import decimal

    with decimal.localcontext() as context:
        context.prec = 60
        total = decimal.Decimal(0)
        for i in range(1, 8000):
            total += decimal.Decimal(1) / i
        return str(total)


PROGRAMS: dict[str, Callable[[], object]] = {
    program.__name__: program
    for program in (
        calls,
        nbody,
        dictionaries,
        strings,
        objects,
        generators,
        sorting,
        json_round_trip,
        regular_expressions,
        integers,
        sieve,
        exceptions,
        sha256,
        decimals,
    )
}
