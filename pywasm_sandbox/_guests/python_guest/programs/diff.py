"""``diff``: compare files and folders line by line, over `difflib`."""

import argparse
import difflib
import os
import re
import sys
import time


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="diff", description="Compare files line by line.")
    parser.add_argument("-u", action="store_const", const=3, dest="unified", help="unified format")
    parser.add_argument("-U", "--unified", type=int, metavar="LINES")
    parser.add_argument("-c", action="store_const", const=3, dest="context", help="context format")
    parser.add_argument("-C", "--context", type=int, metavar="LINES")
    parser.add_argument("-q", "--brief", action="store_true", help="only whether files differ")
    parser.add_argument("-s", "--report-identical-files", action="store_true", dest="same")
    parser.add_argument("-r", "--recursive", action="store_true")
    parser.add_argument("-N", "--new-file", action="store_true", help="absent files are empty")
    parser.add_argument("-i", "--ignore-case", action="store_true")
    parser.add_argument("-w", "--ignore-all-space", action="store_true", dest="no_space")
    parser.add_argument("-b", "--ignore-space-change", action="store_true", dest="less_space")
    parser.add_argument("-B", "--ignore-blank-lines", action="store_true", dest="no_blank")
    parser.add_argument("-a", "--text", action="store_true")
    parser.add_argument("-L", "--label", action="append", default=[])
    parser.add_argument("files", nargs=2)
    return parser.parse_args()


class Diff:
    """One invocation; `status` is 0 for the same, 1 for different, 2 for trouble."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.status = 0

    def trouble(self, message: str) -> None:
        sys.stdout.flush()
        print(f"diff: {message}", file=sys.stderr)
        self.status = 2

    def compare(self, old: str, new: str, command: str = "") -> None:
        if os.path.isdir(old) and os.path.isdir(new):
            self.folders(old, new)
            return
        if os.path.isdir(old):
            old = os.path.join(old, os.path.basename(new))
        elif os.path.isdir(new):
            new = os.path.join(new, os.path.basename(old))
        try:
            before, after = self.read(old), self.read(new)
        except OSError as error:
            self.trouble(f"{error.filename}: {error.strerror}")
            return
        if before == after:
            if self.options.same:
                print(f"Files {old} and {new} are identical")
            return
        if self.options.brief:
            print(f"Files {old} and {new} differ")
            self.status = max(self.status, 1)
        elif not self.options.text and (b"\0" in before[:8192] or b"\0" in after[:8192]):
            print(f"Binary files {old} and {new} differ")
            self.status = max(self.status, 1)
        else:
            self.texts(old, new, lines_of(before), lines_of(after), command)

    def read(self, path: str) -> bytes:
        if path == "-":
            return sys.stdin.buffer.read()
        if self.options.new_file and not os.path.lexists(path):
            return b""
        with open(path, "rb") as file:
            return file.read()

    def folders(self, old: str, new: str) -> None:
        names = sorted({*os.listdir(old), *os.listdir(new)})
        for name in names:
            one, other = os.path.join(old, name), os.path.join(new, name)
            there, here = os.path.lexists(one), os.path.lexists(other)
            if not self.options.new_file and there != here:
                print(f"Only in {old if there else new}: {name}")
                self.status = max(self.status, 1)
            elif os.path.isdir(one) and os.path.isdir(other):
                if self.options.recursive:
                    self.folders(one, other)
                else:
                    print(f"Common subdirectories: {one} and {other}")
            else:
                flags = [word for word in sys.argv[1:] if word.startswith("-")]
                self.compare(one, other, " ".join(["diff", *flags, one, other]))

    def key(self, line: str) -> str:
        if self.options.no_space:
            line = re.sub(r"\s+", "", line)
        elif self.options.less_space:
            line = re.sub(r"\s+", " ", line).rstrip()
        return line.lower() if self.options.ignore_case else line

    def texts(self, old: str, new: str, before: list[str], after: list[str], command: str) -> None:
        matcher = difflib.SequenceMatcher(
            None, [self.key(line) for line in before], [self.key(line) for line in after], autojunk=False
        )
        changes = [each for each in matcher.get_opcodes() if each[0] != "equal"]
        if self.options.no_blank:
            changes = [
                each
                for each in changes
                if any(line.strip() for line in before[each[1] : each[2]] + after[each[3] : each[4]])
            ]
        if not changes:
            return
        self.status = max(self.status, 1)
        if command:
            print(command)
        labels = [*self.options.label, old, new]
        if self.options.label:
            labels = [*self.options.label, *[old, new][len(self.options.label) :]]
        if self.options.unified is not None:
            self.with_context(difflib.unified_diff, labels, (old, new), before, after, self.options.unified)
        elif self.options.context is not None:
            self.with_context(difflib.context_diff, labels, (old, new), before, after, self.options.context)
        else:
            for kind, i, j, k, m in changes:
                self.normal(kind, before, after, (i, j, k, m))

    def with_context(self, make, labels, names, before, after, count) -> None:  # type: ignore[no-untyped-def]
        times = ["", ""] if self.options.label else [stamp(name) for name in names]
        # The library compares whole lines: ignored differences are taken out beforehand.
        if self.options.no_space or self.options.less_space or self.options.ignore_case:
            known = {self.key(line): line for line in before}
            after = [known.get(self.key(line), line) for line in after]
        for line in make(before, after, labels[0], labels[1], times[0], times[1], n=count):
            show(line)

    def normal(self, kind: str, before: list[str], after: list[str], where: tuple[int, ...]) -> None:
        i, j, k, m = where
        if kind == "insert":
            print(f"{i}a{span(k, m)}")
        elif kind == "delete":
            print(f"{span(i, j)}d{k}")
        else:
            print(f"{span(i, j)}c{span(k, m)}")
        for line in before[i:j]:
            show("< " + line)
        if kind == "replace":
            print("---")
        for line in after[k:m]:
            show("> " + line)


def lines_of(data: bytes) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", data.decode("utf-8", "surrogateescape"))


def show(line: str) -> None:
    sys.stdout.write(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")


def span(start: int, end: int) -> str:
    return str(end) if end - start == 1 else f"{start + 1},{end}"


def stamp(name: str) -> str:
    try:
        seconds = time.time() if name == "-" else os.stat(name).st_mtime
    except OSError:
        seconds = 0.0
    return time.strftime("%Y-%m-%d %H:%M:%S.000000000 +0000", time.gmtime(seconds))


def main() -> int:
    sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    options = parse()
    diff = Diff(options)
    diff.compare(*options.files)
    return diff.status


sys.exit(main())
