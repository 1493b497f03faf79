"""Options of GNU's utilities that toybox's don't have: what they are called there, or who knows them."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["respelled", "stand_in"]

_LONG: Final = {
    "base64": "decode=d wrap=w ignore-garbage=i",
    "cat": "number=n show-all=A show-ends=E show-tabs=T number-nonblank=b squeeze-blank=s",
    "cp": "recursive=r force=f verbose=v archive=a interactive=i no-clobber=n target-directory=t",
    "cut": "bytes=b characters=c delimiter=d fields=f only-delimited=s output-delimiter=O",
    "date": "date=d utc=u universal=u reference=r",
    "du": "human-readable=h summarize=s all=a max-depth=d total=c",
    "expand": "tabs=t",
    "fold": "width=w spaces=s bytes=b",
    "grep": "ignore-case=i invert-match=v count=c line-number=n files-with-matches=l recursive=r "
    "word-regexp=w line-regexp=x only-matching=o quiet=q silent=q no-messages=s extended-regexp=E "
    "fixed-strings=F regexp=e file=f max-count=m after-context=A before-context=B context=C no-filename=h "
    "with-filename=H files-without-match=L text=a perl-regexp=P",
    "head": "lines=n bytes=c quiet=q silent=q verbose=v",
    "ln": "symbolic=s force=f verbose=v no-dereference=n relative=r",
    "ls": "all=a almost-all=A human-readable=h recursive=R reverse=r size=s directory=d inode=i classify=F",
    "md5sum": "check=c status=s",
    "mkdir": "parents=p mode=m verbose=v",
    "mktemp": "directory=d tmpdir=p quiet=q dry-run=u",
    "mv": "force=f verbose=v no-clobber=n interactive=i target-directory=t",
    "paste": "delimiters=d serial=s",
    "readlink": "canonicalize=f no-newline=n",
    "rm": "recursive=r force=f verbose=v interactive=i",
    "sed": "quiet=n silent=n expression=e file=f in-place=i regexp-extended=E null-data=z separate=s",
    "seq": "separator=s equal-width=w format=f",
    "sort": "reverse=r numeric-sort=n unique=u key=k field-separator=t ignore-case=f output=o check=c "
    "version-sort=V general-numeric-sort=g month-sort=M stable=s zero-terminated=z human-numeric-sort=h "
    "ignore-leading-blanks=b dictionary-order=d",
    "split": "lines=l bytes=b suffix-length=a number=n",
    "stat": "format=c dereference=L",
    "tail": "lines=n bytes=c",
    "tee": "append=a ignore-interrupts=i",
    "touch": "date=d reference=r no-create=c",
    "tr": "delete=d squeeze-repeats=s complement=c truncate-set1=t",
    "truncate": "size=s no-create=c",
    "uniq": "count=c repeated=d unique=u ignore-case=i skip-fields=f skip-chars=s check-chars=w",
    "wc": "lines=l words=w bytes=c chars=m max-line-length=L",
    "xargs": "null=0 max-args=n max-procs=P no-run-if-empty=r max-lines=L verbose=t",
}
"""Long names of options and the letters of the same ones."""

_ALIKE: Final = {
    **dict.fromkeys(("sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum"), "md5sum"),
    **dict.fromkeys(("egrep", "fgrep"), "grep"),
}

_STAND_INS: Final = {
    "cut": r"--complement(\0|$)",
    "date": r"-[uR]*[dfI]|--(iso-8601|rfc-|file)",
    "grep": r"-[EFGivclLnHhqsowxrRabzZ]*P",
    "head": r"-[qv]*[nc]\0?-",
    "sort": r"-[bdfgiMnrsuzV]*h|-k\0?[\d.,bdfgiMnrV]*h",
}
"""What is in a command line that the program of the same name in ``python_guest/programs`` is for; words end
with NUL."""


def respelled(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments of a utility, long options as short ones where toybox has only these."""
    known = _LONG.get(_ALIKE.get(name, name))
    if known is None or not any(word.startswith("--") for word in words):
        return words
    letters = dict(item.split("=") for item in known.split())
    found: list[str] = []
    for place, word in enumerate(words):
        if word == "--":
            return (*found, *words[place:])
        option, equals, value = word[2:].partition("=") if word.startswith("--") else ("", "", "")
        if option in letters:
            found.append(f"-{letters[option]}{value}")
            if equals and not value:
                found.append("")
        else:
            found.append(word)
    return tuple(found)


def stand_in(name: str, words: tuple[str, ...]) -> bool:
    """Whether a program of ours is to run in place of toybox's utility of this name."""
    pattern = _STAND_INS.get(name)
    if pattern is None:
        return False
    before = words[: words.index("--")] if "--" in words else words
    return re.search(rf"(?:^|\0)(?:{pattern})", "\0".join(before)) is not None
