"""Which words toybox's utilities get, and when a program of ours runs in their place."""

from __future__ import annotations

import re

import pytest

from pywasm_sandbox._guests.spellings import respelled, stand_in


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cut --delimiter=, --fields=1 f", "cut -d, -f1 f"),
        ("head --lines 3 f", "head -n 3 f"),
        ("sort --reverse --unknown f", "sort -r --unknown f"),
        ("sha256sum --check s", "sha256sum -c s"),
        ("grep --count -- --count", "grep -c -- --count"),
        ("nosuch --count", "nosuch --count"),
        ("rm -f --", "rm -f --"),
    ],
)
def test_long_options_are_short_ones(line: str, expected: str) -> None:
    name, *words = line.split()
    assert [name, *respelled(name, tuple(words))] == expected.split()


def test_an_empty_value_is_a_word_of_its_own() -> None:
    assert respelled("cut", ("--output-delimiter=", "f")) == ("-O", "", "f")


NOT_OF_TOYBOX = """
grep -P x|grep -oP x|grep -i -nP x f|head -n -1|head -n-1|head -qc -5 f|sort -h|sort -rh|sort -k2h
sort -k 1,1hr f|cut -f1 --complement|date -d x|date -ud x|date --iso-8601=ns
"""
OF_TOYBOX = """
grep xP f|grep -c x|grep -- -P|head -n 1|head -5|sort -n f-h|sort -t h -k2|sort -k2n|date +%d|date -u
cut -f1|tail -n -1
"""


@pytest.mark.parametrize("line", re.split(r"[|\n]", NOT_OF_TOYBOX.strip()))
def test_options_that_toybox_does_not_have(line: str) -> None:
    name, *words = line.split()
    assert stand_in(name, tuple(words))


@pytest.mark.parametrize("line", re.split(r"[|\n]", OF_TOYBOX.strip()))
def test_all_else_is_toybox_s(line: str) -> None:
    name, *words = line.split()
    assert not stand_in(name, tuple(words))
