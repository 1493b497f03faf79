"""JSON values as jq sees them: their order, arithmetic, paths into them, their text.

Numbers are int or float; an int that no arithmetic has touched keeps all its digits.
"""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

EXACT = 1 << 53
"""Integers up to this are the same as floats."""

_TRUNCATED = 11


class JqError(Exception):
    """An error that ``try`` catches; its value is any JSON value."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value

    @property
    def message(self) -> str:
        """For who isn't jq."""
        if isinstance(self.value, str):
            return self.value
        return f"(not a string): {dump(self.value)}"


# ---- kinds and order ----------------------------------------------------------------------------------


def kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def sort_key(value: Any) -> tuple[Any, ...]:
    """Orders values of all kinds: null, false, true, numbers, strings, arrays, objects."""
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (2,) if value else (1,)
    if isinstance(value, (int, float)):
        return (3, 0, 0) if value != value else (3, 1, value)
    if isinstance(value, str):
        return (4, value)
    if isinstance(value, list):
        return (5, [sort_key(each) for each in value])
    names = sorted(value)
    return (6, names, [sort_key(value[name]) for name in names])


def same(one: Any, other: Any) -> bool:
    return sort_key(one) == sort_key(other) and not _is_nan(one)


def less(one: Any, other: Any) -> bool:
    return sort_key(one) < sort_key(other) or (_is_nan(one) and is_number(other))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def truthy(value: Any) -> bool:
    return value is not None and value is not False


# ---- text ---------------------------------------------------------------------------------------------


def number_text(value: float) -> str:
    """As jq writes numbers: 17 digits at most, an exponent where many zeros would be."""
    if isinstance(value, int):
        return str(value)
    if value != value:
        return "null"
    if math.isinf(value):
        value = math.copysign(1.7976931348623157e308, value)
    if value == int(value) and abs(value) < 1e15:
        text = str(int(value))
        return "-0" if text == "0" and math.copysign(1, value) < 0 else text
    sign = "-" if value < 0 else ""
    digits, point = _shortest(abs(value))
    if point <= -4 or point > len(digits) + 15:
        shown = digits[0] + ("." + digits[1:] if digits[1:] else "")
        return f"{sign}{shown}e{'-' if point <= 0 else '+'}{abs(point - 1):02}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"


def _shortest(value: float) -> tuple[str, int]:
    """Its digits, and how many of them are before the point."""
    mantissa, _, power = repr(value).partition("e")
    whole, _, part = mantissa.partition(".")
    digits = whole + part
    point = len(whole) + int(power or 0)
    zeros = len(digits) - len(digits.lstrip("0"))
    return digits.strip("0") or "0", point - zeros


_escape = json.encoder.encode_basestring
_escape_ascii = json.encoder.encode_basestring_ascii


def quote(text: str, ascii: bool = False) -> str:
    """A JSON string."""
    shown = _escape_ascii(text) if ascii else _escape(text)
    return shown.replace("\x7f", "\\u007f")


def dump(value: Any, ascii: bool = False, sort: bool = False) -> str:
    """On one line, without blanks."""
    parts: list[str] = []
    _dump(value, parts.append, ascii, sort)
    return "".join(parts)


def _dump(value: Any, put: Any, ascii: bool, sort: bool) -> None:
    if isinstance(value, str):
        put(quote(value, ascii))
    elif value is None or isinstance(value, bool):
        put("null" if value is None else "true" if value else "false")
    elif isinstance(value, (int, float)):
        put(number_text(value))
    elif isinstance(value, list):
        put("[")
        for place, each in enumerate(value):
            if place:
                put(",")
            _dump(each, put, ascii, sort)
        put("]")
    else:
        put("{")
        for place, name in enumerate(sorted(value) if sort else value):
            if place:
                put(",")
            put(quote(name, ascii) + ":")
            _dump(value[name], put, ascii, sort)
        put("}")


def brief(value: Any) -> str:
    """For messages: ``kind (text)``, cut off."""
    text = dump(value)
    if len(text) > _TRUNCATED + 3:
        text = text[:_TRUNCATED] + "..."
    return f"{kind(value)} ({text})"


def to_text(value: Any) -> str:
    """Strings as they are, else JSON."""
    return value if isinstance(value, str) else dump(value)


# ---- arithmetic ---------------------------------------------------------------------------------------


def tidy(value: float) -> float:
    """The result of arithmetic: no more exact than a float."""
    if isinstance(value, int) and not -EXACT <= value <= EXACT:
        return float(value)
    return value


def add(left: Any, right: Any) -> Any:
    if left is None:
        return right
    if right is None:
        return left
    if is_number(left) and is_number(right):
        return tidy(left + right)
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        return left + right
    if isinstance(left, dict) and isinstance(right, dict):
        return {**left, **right}
    raise JqError(f"{brief(left)} and {brief(right)} cannot be added")


def subtract(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return tidy(left - right)
    if isinstance(left, list) and isinstance(right, list):
        gone = [sort_key(each) for each in right]
        return [each for each in left if sort_key(each) not in gone]
    raise JqError(f"{brief(left)} and {brief(right)} cannot be subtracted")


def multiply(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        try:
            return tidy(left * right)
        except OverflowError:
            return math.inf
    for text, count in ((left, right), (right, left)):
        if isinstance(text, str) and is_number(count):
            return text * math.ceil(count) if count > 0 else None
    if isinstance(left, dict) and isinstance(right, dict):
        return merged(left, right)
    raise JqError(f"{brief(left)} and {brief(right)} cannot be multiplied")


def merged(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """Objects in both are merged too."""
    result = dict(left)
    for name, value in right.items():
        mine = result.get(name)
        both = isinstance(mine, dict) and isinstance(value, dict)
        result[name] = merged(mine, value) if both else value  # type: ignore[arg-type]
    return result


def divide(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        if right == 0:
            raise JqError(f"{brief(left)} and {brief(right)} cannot be divided because the divisor is zero")
        value = left / right
        return int(value) if value == int(value) and abs(value) <= EXACT and value else value
    if isinstance(left, str) and isinstance(right, str):
        return split(left, right)
    raise JqError(f"{brief(left)} and {brief(right)} cannot be divided")


def split(text: str, separator: str) -> list[str]:
    if not text:
        return []
    return text.split(separator) if separator else list(text)


def remainder(left: Any, right: Any) -> Any:
    if not (is_number(left) and is_number(right)):
        raise JqError(f"{brief(left)} and {brief(right)} cannot be divided")
    if left != left or right != right:
        return math.nan
    whole = [int(max(min(each, 2**63), -(2**63))) for each in (left, right)]
    if whole[1] == 0:
        message = "cannot be divided (remainder) because the divisor is zero"
        raise JqError(f"{brief(left)} and {brief(right)} {message}")
    return tidy(int(math.copysign(abs(whole[0]) % abs(whole[1]), whole[0])))


# ---- paths --------------------------------------------------------------------------------------------


def span(value: Sequence[Any], key: dict[str, Any]) -> slice:
    start, end = key.get("start"), key.get("end")
    if not all(each is None or is_number(each) for each in (start, end)):
        raise JqError("Start and end indices of an array slice must be numbers")
    size = len(value)
    low = 0 if start is None else math.floor(start)
    high = size if end is None else math.ceil(end)
    low = max(low + size, 0) if low < 0 else min(low, size)
    high = max(high + size, 0) if high < 0 else min(high, size)
    return slice(low, max(low, high))


def get(value: Any, key: Any) -> Any:
    """``value[key]``."""
    if isinstance(value, dict) and isinstance(key, str):
        return value.get(key)
    if isinstance(value, list) and is_number(key):
        place = _place(key)
        if place is None:
            return None
        place += len(value) if place < 0 else 0
        return value[place] if 0 <= place < len(value) else None
    if isinstance(key, dict) and (value is None or isinstance(value, (list, str))):
        return None if value is None else value[span(value, key)]
    if isinstance(value, list) and isinstance(key, list):
        return indices(value, key)
    if value is None and (key is None or isinstance(key, str) or is_number(key)):
        return None
    raise no_index(value, key)


def no_index(value: Any, key: Any) -> JqError:
    if isinstance(key, str) and not isinstance(value, dict):
        label = f'string "{key}"' if isinstance(value, list) else f'"{key}"'
        return JqError(f"Cannot index {kind(value)} with {label}")
    return JqError(f"Cannot index {kind(value)} with {kind(key)}")


def _place(key: float) -> int | None:
    return None if key != key or math.isinf(key) else math.floor(key)


def put(value: Any, key: Any, new: Any) -> Any:
    """``value`` with ``new`` at ``key``."""
    if isinstance(key, str) and (value is None or isinstance(value, dict)):
        return {**(value or {}), key: new}
    if is_number(key) and (value is None or isinstance(value, list)):
        found = list(value or ())
        place = _place(key)
        if place is None:
            raise JqError("Cannot set array element at NaN index")
        place += len(found) if place < 0 else 0
        if place < 0:
            raise JqError("Out of bounds negative array index")
        if place > 1 << 29:
            raise JqError("Array index too large")
        found += [None] * (place + 1 - len(found))
        found[place] = new
        return found
    if isinstance(key, dict) and (value is None or isinstance(value, list)):
        if not isinstance(new, list):
            raise JqError("A slice of an array can only be assigned another array")
        found = list(value or ())
        found[span(found, key)] = new
        return found
    raise no_index(value, key)


def get_path(value: Any, path: Sequence[Any]) -> Any:
    for key in path:
        if value is None:
            return None
        value = get(value, key)
    return value


def put_path(value: Any, path: Sequence[Any], new: Any) -> Any:
    """A copy with ``new`` at the end of the path."""
    if not path:
        return new
    return put(value, path[0], put_path(get(value, path[0]), path[1:], new))


def delete_paths(value: Any, paths: list[Any]) -> Any:
    for path in sorted(paths, key=sort_key, reverse=True):
        value = delete_path(value, path)
    return value


def delete_path(value: Any, path: Sequence[Any]) -> Any:
    if not path:
        return None
    if value is None:
        return None
    key = path[0]
    if len(path) > 1:
        inner = get(value, key)
        return value if inner is None else put(value, key, delete_path(inner, path[1:]))
    if isinstance(value, dict) and isinstance(key, str):
        return {name: each for name, each in value.items() if name != key}
    if isinstance(value, list) and is_number(key):
        place = _place(key)
        if place is None or not -len(value) <= place < len(value):
            return value
        place %= len(value)
        return value[:place] + value[place + 1 :]
    if isinstance(value, list) and isinstance(key, dict):
        gone = span(value, key)
        return value[: gone.start] + value[gone.stop :]
    raise JqError(
        f"Cannot delete field at {'object' if isinstance(key, str) else 'array'} index of {kind(value)}"
    )


def children(value: Any) -> Iterator[tuple[Any, Any]]:
    """Keys and values of an array or object. Raises `JqError` for others."""
    if isinstance(value, list):
        yield from enumerate(value)
    elif isinstance(value, dict):
        yield from value.items()
    else:
        raise JqError(f"Cannot iterate over {brief(value)}")


def indices(value: Any, wanted: Any) -> Any:
    """Where an array holds another, or a string a string, or an array an element."""
    if value is None:
        return None
    if isinstance(value, str) and isinstance(wanted, str):
        return [n for n in range(len(value)) if wanted and value.startswith(wanted, n)]
    if isinstance(value, list) and isinstance(wanted, list):
        keys, others = [sort_key(each) for each in value], [sort_key(each) for each in wanted]
        return [n for n in range(len(keys)) if others and keys[n : n + len(others)] == others]
    if isinstance(value, list):
        key = sort_key(wanted)
        return [n for n, each in enumerate(value) if sort_key(each) == key]
    return get(value, wanted)
