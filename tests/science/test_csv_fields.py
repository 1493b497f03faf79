"""pandas' C parser, which looks at sixteen bytes at once, beside its parser in Python, which doesn't."""

from __future__ import annotations

import pytest

from pywasm_sandbox import Sandbox

from .conftest import Compute, evaluator

TEXTS = """
import io, json, random
import pandas as pd

ORDINARY = "abcdefghijklmnopqrstuvwxyz 0123456789.-_:äß日本"

def field(rng, special):
    length = rng.choice((0, 1, 2, 3, 7, 14, 15, 16, 17, 18, 31, 32, 33, 200))
    return "".join(rng.choice(special if rng.random() < 0.05 else ORDINARY) for _ in range(length))

def quoted(text, quote, escape):
    if escape:
        text = text.replace(escape, escape * 2).replace(quote, escape + quote)
    else:
        text = text.replace(quote, quote * 2)
    return quote + text + quote

def table(rng, rows, special, ending, separator=",", quote='"', escape=None):
    lines = [[quoted(field(rng, special), quote, escape) if special else field(rng, "x") for _ in range(4)]
             for _ in range(rows)]
    return ending.join(separator.join(line) for line in [["a", "b", "c", "d"], *lines]) + ending

def differing(text, **options):
    '''Where the two parsers disagree.'''
    options |= dict(keep_default_na=False, dtype=str)
    read = [pd.read_csv(io.StringIO(text, newline=""), engine=name, **options) for name in ("c", "python")]
    if read[0].shape != read[1].shape:
        return [list(frame.shape) for frame in read]
    pairs = zip(*(frame.to_numpy().ravel() for frame in read))
    return [[str(one), str(other)] for one, other in pairs if one != other]
"""


@pytest.fixture(scope="module")
def compute(pandas_sandbox: Sandbox) -> Compute:
    return evaluator(pandas_sandbox, TEXTS)


@pytest.mark.parametrize(
    ("table", "options"),
    [
        ("'', '\\n'", ""),
        ("'', '\\r\\n'", ""),
        ("'', '\\n', ';'", "sep=';'"),
        ("',\\n\\r\"#', '\\n'", ""),
        ("',\\n\\r\"#', '\\r\\n'", ""),
        ("',\\n\"', '\\n', quote=\"'\"", 'quotechar="\'"'),
        ("',\\n\"\\\\', '\\n', escape='\\\\'", "escapechar='\\\\', doublequote=False"),
        ("',\\n\"#', '\\n'", "comment='\\u0001'"),
        ("'', '\\n'", "skipinitialspace=True"),
        ("'', '\\n'", "nrows=100"),
    ],
)
def test_both_parsers_read_the_same(compute: Compute, table: str, options: str) -> None:
    code = f"""
found = []
for seed in range(4):
    text = table(random.Random(seed), 400, {table})
    found.append(differing(text, {options}))
found"""
    assert compute(code) == [[]] * 4


def test_comments_end_a_field(compute: Compute) -> None:
    code = """
text = "a,b\\n1,a text of more than sixteen bytes # and a long, long comment\\n# a whole line\\n2,x#y\\n"
pd.read_csv(io.StringIO(text), comment="#").to_dict("list")"""
    assert compute(code) == {"a": [1, 2], "b": ["a text of more than sixteen bytes ", "x"]}


def test_an_escape_outside_quotes_and_a_comment_sign_together(compute: Compute) -> None:
    code = """
text = "a,b\\nan escaped\\\\, comma in a long field,no comment \\\\# here but # here\\n"
pd.read_csv(io.StringIO(text), comment="#", escapechar="\\\\").to_dict("list")"""
    assert compute(code) == {"a": ["an escaped, comma in a long field"], "b": ["no comment # here but "]}


def test_other_ends_of_lines_and_white_space_between(compute: Compute) -> None:
    code = """
def read(text, **options):
    return pd.read_csv(io.StringIO(text, newline=""), **options).to_numpy().tolist()

[read("a,b|a rather long field of text\\r,\\n2|3,4", lineterminator="|"),
 read("a  b\\n1.00000000000000000001 \\t a_rather_long_field_of_text\\n", sep=r"\\s+"),
 read("a,b\\ra rather long field of text,1\\r" + "x,2\\r")]"""
    assert compute(code) == [
        [["a rather long field of text\r", 2], ["3", 4]],
        [[1.0, "a_rather_long_field_of_text"]],
        [["a rather long field of text", 1], ["x", 2]],
    ]


def test_quotes_are_ordinary_where_none_are_meant(compute: Compute) -> None:
    code = """
import csv
text = 'a,b\\n"a quoted field, with a comma"\\n'
pd.read_csv(io.StringIO(text), quoting=csv.QUOTE_NONE).to_dict("list")"""
    assert compute(code) == {"a": ['"a quoted field'], "b": [' with a comma"']}


def test_files_of_many_chunks(compute: Compute) -> None:
    """The parser reads 256 KiB at once; fields lie across the ends of these."""
    code = """
lengths = [i % 61 for i in range(40_000)]
text = "n,text\\n" + "".join(f"{n},{'x' * n}\\n" for n in lengths)
read = pd.read_csv(io.StringIO(text), keep_default_na=False)
[len(text) > 1 << 20, read["n"].tolist() == lengths, read["text"].str.len().tolist() == lengths]"""
    assert compute(code) == [True, True, True]
