"""bc's numbers: integers with a scale, and its mathematical functions."""

import decimal
import math
from dataclasses import dataclass
from decimal import Decimal

GUARD_DIGITS = 12
DIGITS = "0123456789ABCDEF"


class DivideByZero(Exception):
    """A division by zero."""


@dataclass(frozen=True, slots=True)
class Number:
    """``units`` / 10 ** ``scale``."""

    units: int
    scale: int = 0

    def to(self, scale: int) -> "Number":
        """With another scale; what doesn't fit is cut off."""
        if scale >= self.scale:
            return Number(self.units * 10 ** (scale - self.scale), scale)
        return Number(cut(self.units, 10 ** (self.scale - scale)), scale)

    def whole(self) -> int:
        return cut(self.units, 10**self.scale)

    def __neg__(self) -> "Number":
        return Number(-self.units, self.scale)

    def __add__(self, other: "Number") -> "Number":
        scale = max(self.scale, other.scale)
        return Number(self.to(scale).units + other.to(scale).units, scale)

    def __sub__(self, other: "Number") -> "Number":
        return self + -other

    def times(self, other: "Number", scale: int) -> "Number":
        exact = Number(self.units * other.units, self.scale + other.scale)
        return exact.to(min(exact.scale, max(scale, self.scale, other.scale)))

    def over(self, other: "Number", scale: int) -> "Number":
        if not other.units:
            raise DivideByZero
        return Number(cut(self.units * 10 ** (other.scale + scale), other.units * 10**self.scale), scale)

    def modulo(self, other: "Number", scale: int) -> "Number":
        quotient = self.over(other, scale)
        full = max(self.scale, other.scale + scale)
        return self.to(full) - Number(quotient.units * other.units, quotient.scale + other.scale).to(full)

    def power(self, exponent: int, scale: int) -> "Number":
        if exponent < 0:
            return Number(1).over(Number(self.units**-exponent, self.scale * -exponent), scale)
        exact = Number(self.units**exponent, self.scale * exponent)
        return exact.to(min(exact.scale, max(scale, self.scale)))

    def root(self, scale: int) -> "Number":
        """The square root of what isn't negative."""
        scale = max(scale, self.scale)
        return Number(math.isqrt(self.units * 10 ** (2 * scale - self.scale)), scale)

    def compare(self, other: "Number") -> int:
        difference = (self - other).units
        return (difference > 0) - (difference < 0)

    def length(self) -> int:
        """How many digits are significant."""
        return max(len(str(abs(self.units))), self.scale or 1) if self.units else max(self.scale, 1)


def cut(numerator: int, denominator: int) -> int:
    """The quotient towards zero."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def parsed(text: str, base: int) -> Number:
    """A numeral; digits too large for the base count as its largest, unless there is only one."""
    whole, _, part = text.partition(".")
    single = len(whole + part) == 1
    values = [DIGITS.index(digit) for digit in whole + part]
    if base == 10 and all(value < 10 for value in values):
        return Number(int(whole + part or "0"), len(part))
    total = 0
    for value in values:
        total = total * base + (value if single else min(value, base - 1))
    return Number(cut(total * 10 ** len(part), base ** len(part)), len(part))


def shown(number: Number, base: int) -> str:
    """The numeral, without a zero before the point."""
    sign = "-" if number.units < 0 else ""
    if base == 10:
        digits = str(abs(number.units)).rjust(number.scale + 1, "0")
        whole, part = digits[: len(digits) - number.scale], digits[len(digits) - number.scale :]
    else:
        whole, part = in_base(number, base)
    whole = whole if base > 16 else whole.lstrip("0")
    if not number.units:
        return "0"
    return sign + whole + (f".{part}" if part else "") if whole or part else "0"


def in_base(number: Number, base: int) -> tuple[str, str]:
    """The digits before and after the point; above 16 each is a decimal number."""
    width = len(str(base - 1))

    def digit(value: int) -> str:
        return DIGITS[value] if base <= 16 else f" {value:0{width}}"

    unit = 10**number.scale
    whole, part = divmod(abs(number.units), unit)
    found = ""
    while whole:
        whole, value = divmod(whole, base)
        found = digit(value) + found
    after, reach = "", 1
    while number.scale and reach < unit:
        part *= base
        value, part = divmod(part, unit)
        after += digit(value)
        reach *= base
    return found, after


# ---- mathematical functions ---------------------------------------------------------------------------


def mathematical(name: str, number: Number, scale: int, order: int = 0) -> Number:
    """``s c a l e j`` with so many digits after the point."""
    size = len(str(abs(number.whole())))
    with decimal.localcontext() as context:
        context.prec = 2 * scale + 2 * size + GUARD_DIGITS + 20
        context.Emax, context.Emin = decimal.MAX_EMAX, decimal.MIN_EMIN
        value = Decimal(number.units).scaleb(-number.scale)
        if name == "e":
            context.prec += max(int(value / 2), 0)
            result = value.exp()
        elif name == "l":
            if value <= 0:
                return Number(1 - 10**scale).to(scale)
            result = value.ln()
        elif name == "a":
            result = arc_tangent(value)
        elif name == "j":
            result = bessel(order, value)
        else:
            result = sine(value + half_turn() / 2 if name == "c" else value)
        return Number(int(result.scaleb(scale).to_integral_value(decimal.ROUND_DOWN)), scale)


def epsilon() -> Decimal:
    return Decimal(1).scaleb(-decimal.getcontext().prec)


def series(first: Decimal, ratio) -> Decimal:  # type: ignore[no-untyped-def]
    """The sum of terms, of which each is the last one times ``ratio`` of its number."""
    total = term = first
    number = 1
    while abs(term) > epsilon() and number < 1_000_000:
        term *= ratio(number)
        total += term
        number += 1
    return total


def half_turn() -> Decimal:
    """Pi, by Machin's formula."""
    return 16 * small_arc(Decimal(1) / 5) - 4 * small_arc(Decimal(1) / 239)


def small_arc(value: Decimal) -> Decimal:
    total, term, square = value, value, value * value
    number = 1
    while abs(term) > epsilon():
        term *= -square
        total += term / (2 * number + 1)
        number += 1
    return total


def arc_tangent(value: Decimal) -> Decimal:
    if value < 0:
        return -arc_tangent(-value)
    doublings = 0
    while value > Decimal("0.1"):
        value = value / (1 + (1 + value * value).sqrt())
        doublings += 1
    return small_arc(value) * 2**doublings if value else value


def sine(value: Decimal) -> Decimal:
    turn = 2 * half_turn()
    value -= turn * (value / turn).to_integral_value(decimal.ROUND_FLOOR)
    square = value * value
    return series(value, lambda n: -square / ((2 * n) * (2 * n + 1)))


def bessel(order: int, value: Decimal) -> Decimal:
    sign = -1 if order < 0 and order % 2 else 1
    order = abs(order)
    half = value / 2
    first = half**order / math.factorial(order) if order else Decimal(1)
    if not first:
        return Decimal(0)
    return sign * series(first, lambda n: -half * half / (n * (n + order)))
