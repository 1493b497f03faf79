"""Functions that are built in and written in Python.

`VALUES` take values: the input and one of each argument. `FILTERS` take what nodes take, and arguments as
filters.
"""

import itertools
import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import text, values
from .nodes import Closure, Env, Pair, Path, off
from .values import JqError, brief, is_number, kind, same, sort_key, truthy

LEAST_NORMAL = 2.2250738585072014e-308

VALUES: dict[str, Callable[..., Any]] = {}
FILTERS: dict[str, Callable[..., Iterator[Pair]]] = {}


def value(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        VALUES[name] = function
        return function

    return add


def filter(name: str) -> Callable[[Callable[..., Iterator[Pair]]], Callable[..., Iterator[Pair]]]:
    def add(function: Callable[..., Iterator[Pair]]) -> Callable[..., Iterator[Pair]]:
        FILTERS[name] = function
        return function

    return add


def on_values(function: Callable[..., Any]) -> Callable[..., Iterator[Pair]]:
    """For all combinations of what the arguments yield, the first varying first."""

    def run(env: Env, path: Path, item: Any, *arguments: Closure) -> Iterator[Pair]:
        if not arguments:
            yield off(path), function(item)
            return
        found = [list(each.values(item)) for each in reversed(arguments)]
        for given in itertools.product(*found):
            yield off(path), function(item, *reversed(given))

    return run


# ---- kinds and sizes ----------------------------------------------------------------------------------

VALUES.update(
    {
        "type/0": kind,
        "not/0": lambda item: not truthy(item),
        "tostring/0": values.to_text,
        "tojson/0": values.dump,
        "tonumber/0": text.to_number,
        "toarray/0": lambda item: item if isinstance(item, list) else [item],
        "now/0": lambda item: time.time(),
        "infinite/0": lambda item: math.inf,
        "nan/0": lambda item: math.nan,
        "getpath/1": values.get_path,
        "input_line_number/0": lambda item: 0,
    }
)


@value("length/0")
def length(item: Any) -> Any:
    if item is None:
        return 0
    if isinstance(item, bool):
        raise JqError(f"{brief(item)} has no length")
    return abs(item) if isinstance(item, (int, float)) else len(item)


@value("utf8bytelength/0")
def byte_length(item: Any) -> int:
    if not isinstance(item, str):
        raise JqError(f"{brief(item)} only strings have UTF-8 byte length")
    return len(item.encode("utf-8", "surrogatepass"))


@value("keys/0")
def keys(item: Any) -> list[Any]:
    return sorted(keys_unsorted(item))


@value("keys_unsorted/0")
def keys_unsorted(item: Any) -> list[Any]:
    if not isinstance(item, (list, dict)):
        raise JqError(f"{brief(item)} has no keys")
    return list(range(len(item))) if isinstance(item, list) else list(item)


@value("has/1")
def has(item: Any, key: Any) -> bool:
    if isinstance(item, dict) and isinstance(key, str):
        return key in item
    if isinstance(item, list) and is_number(key):
        return bool(0 <= key < len(item))
    raise JqError(
        f"Cannot check whether {kind(item)} has a {'string' if isinstance(key, str) else kind(key)} key"
    )


@value("contains/1")
def contains(item: Any, part: Any) -> bool:
    if isinstance(item, dict) and isinstance(part, dict):
        return all(name in item and contains(item[name], each) for name, each in part.items())
    if isinstance(item, list) and isinstance(part, list):
        return all(any(kind(own) == kind(each) and contains(own, each) for own in item) for each in part)
    if isinstance(item, str) and isinstance(part, str):
        return part in item
    if kind(item) == kind(part):
        return same(item, part)
    raise JqError(f"{brief(item)} and {brief(part)} cannot have their containment checked")


VALUES["inside/1"] = lambda item, whole: contains(whole, item)


# ---- arrays and objects -------------------------------------------------------------------------------


def array(item: Any, message: str) -> list[Any]:
    if not isinstance(item, list):
        raise JqError(f"{brief(item)} {message}")
    return item


@value("add/0")
def add_all(item: Any) -> Any:
    found = [each for _, each in values.children(item)]
    if found and all(isinstance(each, str) for each in found):
        return "".join(found)
    if found and all(isinstance(each, list) for each in found):
        return list(itertools.chain.from_iterable(found))
    total: Any = None
    for each in found:
        total = values.add(total, each)
    return total


@value("sort/0")
def sort(item: Any) -> list[Any]:
    return sorted(array(item, "cannot be sorted, as it is not an array"), key=sort_key)


@value("min/0")
def least(item: Any) -> Any:
    return min(array(item, "cannot be iterated over"), key=sort_key, default=None)


@value("max/0")
def most(item: Any) -> Any:
    # Of equal ones the last.
    return max(reversed(array(item, "cannot be iterated over")), key=sort_key, default=None)


@value("unique/0")
def unique(item: Any) -> list[Any]:
    found = sort(item)
    return [each for n, each in enumerate(found) if not n or not same(each, found[n - 1])]


@value("reverse/0")
def reverse(item: Any) -> Any:
    if item is None:
        return []
    if isinstance(item, str):
        return item[::-1]
    return array(item, "cannot be reversed, as it is not an array")[::-1]


@value("flatten/0")
def flatten(item: Any, depth: float = 1 << 20) -> list[Any]:
    if depth < 0:
        raise JqError("flatten depth must not be negative")
    found: list[Any] = []
    for _, each in values.children(item):
        if isinstance(each, list) and depth > 0:
            found += flatten(each, depth - 1)
        else:
            found.append(each)
    return found


VALUES["flatten/1"] = flatten


@value("transpose/0")
def transpose(item: Any) -> list[Any]:
    return [list(each) for each in itertools.zip_longest(*array(item, "cannot be transposed"))]


@value("to_entries/0")
def to_entries(item: Any) -> list[Any]:
    keys_unsorted(item)
    return [{"key": name, "value": each} for name, each in values.children(item)]


@value("from_entries/0")
def from_entries(item: Any) -> dict[str, Any]:
    found = {}
    for _, entry in values.children(item):
        name = first_of(entry, ("key", "k", "name", "Name", "Key", "K"))
        if isinstance(name, (bool, int, float)) or name is None:
            name = values.dump(name)
        if not isinstance(name, str):
            raise JqError(f"Cannot use {brief(name)} as object key")
        found[name] = first_of(entry, ("value", "v", "Value", "V"), only_null=True)
    return found


def first_of(entry: Any, names: tuple[str, ...], only_null: bool = False) -> Any:
    found = None
    for name in names:
        each = values.get(entry, name)
        if each is not None:
            found = each
            if only_null or each is not False:
                return each
    return found


def keyed(item: Any, by: Closure, message: str) -> list[tuple[Any, Any]]:
    """The elements with the keys that a filter gives them."""
    return [(sort_key(list(by.values(each))), each) for each in array(item, message)]


@filter("sort_by/1")
def sort_by(env: Env, path: Path, item: Any, by: Closure) -> Iterator[Pair]:
    pairs = keyed(item, by, "cannot be sorted, as it is not an array")
    yield off(path), [each for _, each in sorted(pairs, key=lambda pair: pair[0])]


def groups(item: Any, by: Closure) -> list[list[Any]]:
    pairs = sorted(keyed(item, by, "cannot be grouped, as it is not an array"), key=lambda pair: pair[0])
    return [[each for _, each in group] for _, group in itertools.groupby(pairs, key=lambda pair: pair[0])]


@filter("group_by/1")
def group_by(env: Env, path: Path, item: Any, by: Closure) -> Iterator[Pair]:
    yield off(path), groups(item, by)


@filter("unique_by/1")
def unique_by(env: Env, path: Path, item: Any, by: Closure) -> Iterator[Pair]:
    yield off(path), [group[0] for group in groups(item, by)]


@filter("min_by/1")
def min_by(env: Env, path: Path, item: Any, by: Closure) -> Iterator[Pair]:
    pairs = keyed(item, by, "cannot be iterated over")
    yield off(path), min(pairs, key=lambda pair: pair[0], default=(None, None))[1]


@filter("max_by/1")
def max_by(env: Env, path: Path, item: Any, by: Closure) -> Iterator[Pair]:
    pairs = keyed(item, by, "cannot be iterated over")
    yield off(path), max(reversed(pairs), key=lambda pair: pair[0], default=(None, None))[1]


@value("bsearch/1")
def binary_search(item: Any, wanted: Any) -> int:
    import bisect

    found = [sort_key(each) for each in array(item, "cannot be searched from")]
    place = bisect.bisect_left(found, sort_key(wanted))
    return place if place < len(found) and found[place] == sort_key(wanted) else -1 - place


# ---- strings ------------------------------------------------------------------------------------------


def string(item: Any, message: str) -> str:
    if not isinstance(item, str):
        raise JqError(f"{brief(item)} {message}")
    return item


@value("explode/0")
def explode(item: Any) -> list[int]:
    return [ord(letter) for letter in string(item, "cannot be exploded, as it is not a string")]


@value("implode/0")
def implode(item: Any) -> str:
    if not isinstance(item, list):
        raise JqError("implode input must be an array")
    if not all(is_number(each) and 0 <= each <= 0x10FFFF for each in item):
        raise JqError("Unicode codepoint must be numeric")
    return "".join(chr(int(each)) for each in item)


@value("ascii/0")
def ascii_letter(item: Any) -> str:
    return str(implode([item]))


def cased(name: str, change: Callable[[str], str]) -> None:
    def run(item: Any) -> str:
        if not isinstance(item, str):
            raise JqError(f"{name} input must be a string")
        return "".join(change(letter) if letter.isascii() else letter for letter in item)

    VALUES[f"{name}/0"] = run


cased("ascii_downcase", str.lower)
cased("ascii_upcase", str.upper)


def affix(name: str, test: Callable[[str, str], bool]) -> None:
    def run(item: Any, part: Any) -> bool:
        if not isinstance(item, str) or not isinstance(part, str):
            raise JqError(f"{name}() requires string inputs")
        return bool(test(item, part))

    VALUES[f"{name}/1"] = run


affix("startswith", str.startswith)
affix("endswith", str.endswith)


def without(cut: Callable[[str, str], str]) -> Callable[[Any, Any], Any]:
    return lambda item, part: cut(item, part) if isinstance(item, str) and isinstance(part, str) else item


VALUES["ltrimstr/1"] = without(str.removeprefix)
VALUES["rtrimstr/1"] = without(str.removesuffix)
VALUES["trimstr/1"] = without(lambda item, part: item.removeprefix(part).removesuffix(part))


def trimmed(name: str, cut: Callable[[str], str]) -> None:
    def run(item: Any) -> str:
        return cut(string(item, "cannot be trimmed"))

    VALUES[f"{name}/0"] = run


trimmed("trim", str.strip)
trimmed("ltrim", str.lstrip)
trimmed("rtrim", str.rstrip)


@value("split/1")
def split(item: Any, separator: Any) -> list[str]:
    if not isinstance(item, str) or not isinstance(separator, str):
        raise JqError("split input and separator must be strings")
    return values.split(item, separator)


@value("join/1")
def join(item: Any, separator: Any) -> str:
    parts = [each for _, each in values.children(item)]
    total: Any = None
    for each in parts:
        shown = each if isinstance(each, (str, list, dict)) else "" if each is None else values.dump(each)
        total = values.add(values.add("" if total is None else values.add(total, separator), shown), None)
    return "" if total is None else str(total)


VALUES["indices/1"] = values.indices


@value("index/1")
def index(item: Any, wanted: Any) -> Any:
    return (values.indices(item, wanted) or [None])[0]


@value("rindex/1")
def last_index(item: Any, wanted: Any) -> Any:
    return (values.indices(item, wanted) or [None])[-1]


@value("fromjson/0")
def from_json(item: Any) -> Any:
    try:
        return json.loads(string(item, "only strings can be parsed"), strict=False)
    except ValueError as error:
        raise JqError(f"{error} (while parsing '{item}')") from None


@value("format/1")
def format(item: Any, name: Any) -> str:
    return text.formatted(f"@{string(name, 'is not a valid format')}", item)


# ---- regular expressions ------------------------------------------------------------------------------


VALUES["test/1"] = lambda item, pattern, flags=None: any(True for _ in text.matches(item, pattern, flags))
VALUES["test/2"] = VALUES["test/1"]


def streaming(name: str, run: Callable[..., Iterator[Any]]) -> None:
    """A filter that yields more than one value, under ``name``, for all combinations of its arguments."""

    def stream(env: Env, path: Path, item: Any, *arguments: Closure) -> Iterator[Pair]:
        found = [list(each.values(item)) for each in reversed(arguments)]
        for given in itertools.product(*found):
            for each in run(item, *reversed(given)):
                yield off(path), each

    FILTERS[name] = stream


def match(item: Any, pattern: Any, flags: Any = None) -> Iterator[Any]:
    return map(text.match_object, text.matches(item, pattern, flags))


def capture(item: Any, pattern: Any, flags: Any = None) -> Iterator[Any]:
    return map(text.captured, text.matches(item, pattern, flags))


def scan(item: Any, pattern: Any, flags: Any = None) -> Iterator[Any]:
    for found in text.matches(item, pattern, flags, everywhere=True):
        yield list(found.groups()) if found.re.groups else found[0]


def splits(item: Any, pattern: Any, flags: Any = None) -> Iterator[Any]:
    start = 0
    for found in text.matches(item, pattern, flags, everywhere=True):
        yield item[start : found.start()]
        start = found.end()
    yield item[start:]


for _name, _run in (("match", match), ("capture", capture), ("scan", scan), ("splits", splits)):
    streaming(f"{_name}/1", _run)
    streaming(f"{_name}/2", _run)

VALUES["split/2"] = lambda item, pattern, flags: list(splits(item, pattern, flags))


def substitute(everywhere: bool) -> Callable[..., Iterator[Pair]]:
    def run(
        env: Env, path: Path, item: Any, pattern: Closure, new: Closure, flags: Closure | None = None
    ) -> Iterator[Pair]:
        letters = [None] if flags is None else list(flags.values(item))
        for expression, options in itertools.product(list(pattern.values(item)), letters):
            found = list(text.matches(item, expression, options, everywhere))
            texts = [list(new.values(text.captured(each))) for each in found]
            for chosen in itertools.product(*texts):
                yield off(path), replaced(item, found, chosen)

    return run


def replaced(item: str, found: list[Any], new: tuple[Any, ...]) -> str:
    start, out = 0, ""
    for each, shown in zip(found, new, strict=True):
        if not isinstance(shown, str):
            raise JqError(f"{brief(each[0])} and {brief(shown)} cannot be added")
        out += item[start : each.start()] + shown
        start = each.end()
    return out + item[start:]


FILTERS["sub/2"] = FILTERS["sub/3"] = substitute(everywhere=False)
FILTERS["gsub/2"] = FILTERS["gsub/3"] = substitute(everywhere=True)


# ---- dates and numbers --------------------------------------------------------------------------------

VALUES.update(
    {
        "gmtime/0": text.broken_down,
        "localtime/0": lambda item: text.broken_down(item, local=True),
        "mktime/0": text.to_seconds,
        "strftime/1": lambda item, form: text.as_text(item, form, "strftime"),
        "strflocaltime/1": lambda item, form: text.as_text(item, form, "strflocaltime"),
        "strptime/1": text.parsed,
    }
)


def whole(found: float) -> float:
    """An int where nothing is lost."""
    if (
        isinstance(found, float)
        and math.isfinite(found)
        and found == int(found)
        and abs(found) <= values.EXACT
    ):
        return int(found) if found or math.copysign(1, found) > 0 else found
    return found


def mathematical(name: str, function: Callable[..., float], count: int = 0) -> None:
    def run(item: Any, *arguments: Any) -> Any:
        given = arguments or (item,)
        for each in given:
            if not is_number(each):
                raise JqError(f"{brief(each)} number required")
        try:
            return whole(function(*given))
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    VALUES[f"{name}/{count}"] = run


def log(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda number: -math.inf if number == 0 else function(number)


def integer(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda number: number if not math.isfinite(number) else function(number)


def rounded(number: float) -> float:
    """Halves away from zero."""
    return math.copysign(math.floor(abs(number) + 0.5), number)


def mantissa(number: float) -> float:
    return math.frexp(number)[0] * 2 if number else 0


for _name, _function in {
    "floor": integer(math.floor),
    "ceil": integer(math.ceil),
    "round": integer(rounded),
    "trunc": integer(math.trunc),
    "nearbyint": integer(round),
    "rint": integer(round),
    "fabs": abs,
    "abs": abs,
    "sqrt": math.sqrt,
    "cbrt": math.cbrt,
    "exp": math.exp,
    "exp2": lambda number: 2.0**number,
    "exp10": lambda number: 10.0**number,
    "expm1": math.expm1,
    "log": log(math.log),
    "log2": log(math.log2),
    "log10": log(math.log10),
    "log1p": math.log1p,
    "logb": lambda number: math.frexp(number)[1] - 1,
    "significand": mantissa,
    "gamma": math.lgamma,
    "lgamma": math.lgamma,
    "tgamma": math.gamma,
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: getattr(math, name) for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")},
}.items():
    mathematical(_name, _function)
for _name, _two in {
    "pow": lambda base, power: float(base) ** power if base >= 0 or power == int(power) else math.nan,
    "atan2": math.atan2,
    "fmod": math.fmod,
    "fmin": lambda one, other: min(one, other),
    "fmax": lambda one, other: max(one, other),
    "ldexp": lambda number, power: math.ldexp(number, int(power)),
    "scalb": lambda number, power: math.ldexp(number, int(power)),
    "copysign": math.copysign,
    "hypot": math.hypot,
    "drem": math.remainder,
}.items():
    mathematical(_name, _two, 2)

VALUES["isinfinite/0"] = lambda item: math.isinf(number_of(item))
VALUES["isnan/0"] = lambda item: number_of(item) != number_of(item)
VALUES["isnormal/0"] = lambda item: bool(LEAST_NORMAL <= abs(number_of(item)) < math.inf)


def number_of(item: Any) -> float:
    if not is_number(item):
        raise JqError(f"{brief(item)} number required")
    return item  # type: ignore[no-any-return]
