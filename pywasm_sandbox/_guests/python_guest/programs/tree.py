"""``tree``: folders and what they hold, drawn as a tree."""

import fnmatch
import json
import os
import stat
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from .common import Command, Trouble

USAGE = """\
Usage: tree [OPTION]... [FOLDER]...
List what folders hold, as a tree.

  -a             also names that begin with .
  -d             folders only
  -f             whole paths
  -L LEVEL       no deeper than LEVEL folders
  -P PATTERN     only files whose name matches;  -I PATTERN  none that do (a|b: one or the other)
  --matchdirs    -P for folders too;  --ignore-case  in patterns
  --prune        no empty folders
  --filelimit N  don't enter folders that hold more than N
  -s, -h         sizes;  --du  folders with the size of what they hold;  -D  dates;  -p  modes
  -F             / after folders, * after programs
  -i             without the lines;  -J  as JSON;  --noreport  without the last line
  -r, -t, -U     reversed, by time, unsorted;  --sort=name|size|mtime;  --dirsfirst, --filesfirst
  -o FILE        write to FILE
"""
LONG = {
    "noreport": "",
    "dirsfirst": "",
    "filesfirst": "",
    "prune": "",
    "du": "",
    "matchdirs": "",
    "ignore-case": "",
    "filelimit=": "",
    "sort=": "",
    "charset=": "",
    "inodes": "",
    "nolinks": "",
    "gitignore": "",
}


@dataclass
class Node:
    """A file or folder; ``children`` is None for what isn't entered."""

    name: str
    path: str
    status: os.stat_result
    children: list["Node"] | None = None
    note: str = ""
    size: int = 0
    link: str = ""

    @property
    def folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)


@dataclass
class Tree:
    """One invocation."""

    command: Command
    options: dict[str, str]
    patterns: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    folders: int = 0
    files: int = 0

    def matches(self, name: str, patterns: list[str]) -> bool:
        if "--ignore-case" in self.options:
            name, patterns = name.lower(), [each.lower() for each in patterns]
        return any(fnmatch.fnmatchcase(name, each) for each in patterns)

    def wanted(self, entry: os.DirEntry[str]) -> bool:
        options = self.options
        folder = entry.is_dir(follow_symlinks=False)
        if entry.name.startswith(".") and "-a" not in options:
            return False
        if ("-d" in options and not entry.is_dir()) or self.matches(entry.name, self.ignored):
            return False
        tested = bool(self.patterns) and (not folder or "--matchdirs" in options)
        return not tested or folder or self.matches(entry.name, self.patterns)

    def read(self, node: Node, level: int) -> None:
        """Find what a folder holds, and what that holds."""
        limit = self.options.get("-L")
        if limit is not None and level > int(limit):
            return
        try:
            entries = list(os.scandir(node.path))
        except OSError as error:
            node.note = f"  [error opening dir: {error.strerror}]"
            return
        most = self.options.get("--filelimit")
        if most is not None and len(entries) > self.command.number(most, "--filelimit"):
            node.note = f"  [{len(entries)} entries exceeds filelimit, not opening dir]"
            return
        children = []
        for entry in entries:
            if not self.wanted(entry):
                continue
            path = os.path.join(node.path, entry.name)
            child = Node(entry.name, path, entry.stat(follow_symlinks=False))
            child.size = child.status.st_size
            if entry.is_symlink():
                child.link = os.readlink(path)
            if child.folder:
                self.read(child, level + 1)
                if self.pruned(child):
                    continue
            children.append(child)
        node.children = self.ordered(children)
        if "--du" in self.options:
            node.size += sum(child.size for child in children)

    def pruned(self, node: Node) -> bool:
        return "--prune" in self.options and node.children == []

    def ordered(self, nodes: list[Node]) -> list[Node]:
        options = self.options
        kind = options.get("--sort", "mtime" if "-t" in options else "name")
        if "-U" not in options:
            nodes.sort(key=lambda node: node.name)
            if kind == "mtime":
                nodes.sort(key=lambda node: node.status.st_mtime)
            elif kind == "size":
                nodes.sort(key=lambda node: -node.size)
            if "-r" in options:
                nodes.reverse()
        if "--dirsfirst" in options or "--filesfirst" in options:
            nodes.sort(key=lambda node: node.folder is ("--dirsfirst" not in options))
        return nodes

    # ---- as text --------------------------------------------------------------------------------------

    def label(self, node: Node, top: bool = False) -> str:
        parts = []
        if "-p" in self.options:
            parts.append(stat.filemode(node.status.st_mode))
        if "-h" in self.options:
            parts.append(f"{human(node.size):>4}")
        elif "-s" in self.options or "--du" in self.options:
            parts.append(f"{node.size:11}")
        if "-D" in self.options:
            parts.append(time.strftime("%b %e %H:%M", time.localtime(node.status.st_mtime)))
        name = node.path if top or "-f" in self.options else node.name
        text = (f"[{' '.join(parts)}]  " if parts else "") + name
        if "-F" in self.options:
            text += mark(node)
        return text + (f" -> {node.link}" if node.link else "") + node.note

    def count(self, node: Node) -> None:
        """A link to a folder is counted as one."""
        if os.path.isdir(node.path):
            self.folders += 1
        else:
            self.files += 1

    def draw(self, node: Node, indent: str, output: Any) -> None:
        plain = "-i" in self.options
        children = node.children or []
        for child in children:
            last = child is children[-1]
            self.count(child)
            branch = "" if plain else indent + ("└── " if last else "├── ")
            output.write(f"{branch}{self.label(child)}\n")
            self.draw(child, indent + ("    " if last else "│\u00a0\u00a0 "), output)

    def report(self) -> str:
        text = f"{self.folders} director{'y' if self.folders == 1 else 'ies'}"
        if "-d" in self.options:
            return text
        return f"{text}, {self.files} file{'' if self.files == 1 else 's'}"

    # ---- as JSON --------------------------------------------------------------------------------------

    def data(self, node: Node, top: bool = False) -> dict[str, Any]:
        kind = "directory" if node.folder else "link" if node.link else "file"
        if not top:
            self.count(node)
        found: dict[str, Any] = {
            "type": kind,
            "name": node.path if top or "-f" in self.options else node.name,
        }
        if node.link:
            found["target"] = node.link
        if "-s" in self.options or "--du" in self.options:
            found["size"] = node.size
        if node.folder:
            found["contents"] = [self.data(child) for child in node.children or []]
        return found

    def run(self, paths: list[str], output: Any) -> None:
        roots = []
        for path in paths or ["."]:
            try:
                root = Node(path, path, os.stat(path))
            except OSError:
                self.command.status = 2
                output.write(f"{path}  [error opening dir]\n")
                continue
            root.size = root.status.st_size
            self.read(root, 1)
            roots.append(root)
        if "-J" in self.options:
            contents = [self.data(root, top=True) for root in roots]
            report = {"type": "report", "directories": self.folders}
            report |= {} if "-d" in self.options else {"files": self.files}
            tail = [] if "--noreport" in self.options else [report]
            output.write(json.dumps([*contents, *tail], indent=2, ensure_ascii=False) + "\n")
            return
        for root in roots:
            output.write(f"{self.label(root, top=True)}\n")
            self.draw(root, "", output)
        if "--noreport" not in self.options:
            output.write(f"\n{self.report()}\n")


def human(size: float) -> str:
    """As ``-h`` shows sizes."""
    for unit in ("", "K", "M", "G"):
        if size < 1024 or unit == "G":
            return f"{size:.1f}{unit}" if unit and size < 10 else f"{size:.0f}{unit}"
        size /= 1024
    return ""


def mark(node: Node) -> str:
    if node.folder:
        return "" if node.path.endswith("/") else "/"
    return "*" if not node.link and os.access(node.path, os.X_OK) else ""


def main() -> None:
    found, paths = command.options("adfixqNQpugshDFrtUcvnCJAXSlL:P:I:o:H:T:", LONG)
    options = dict(found)
    if "-L" in options and not (options["-L"].isdigit() and int(options["-L"])):
        raise Trouble("Invalid level, must be greater than 0.")
    tree = Tree(command, options)
    for name, value in found:
        if name in ("-P", "-I"):
            (tree.patterns if name == "-P" else tree.ignored).extend(value.split("|"))
    if "-o" in options:
        with open(options["-o"], "w", errors="surrogateescape") as output:
            tree.run(paths, output)
    else:
        tree.run(paths, sys.stdout)


command = Command(USAGE)
command.run(main)
