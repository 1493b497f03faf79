"""``pip install``, ``uninstall``, ``list``, ``freeze``, ``show``."""

from __future__ import annotations

import argparse
import os
import shlex
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# Other names for what is so anyway, or of no concern here.
_IGNORED = (
    *("--user", "--no-cache-dir", "--no-input", "--prefer-binary", "--break-system-packages", "--no-color"),
    *("--no-warn-script-location", "--disable-pip-version-check", "--require-hashes", "--force-reinstall"),
    *("--no-build-isolation", "--root-user-action=ignore"),
)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    """Options that a requirements file may have, too."""
    parser.add_argument("-r", "--requirement", action="append", default=[], metavar="FILE")
    parser.add_argument("-c", "--constraint", action="append", default=[], metavar="FILE")
    parser.add_argument("-i", "--index-url", metavar="URL")
    parser.add_argument("--extra-index-url", action="append", default=[], metavar="URL")
    parser.add_argument("-f", "--find-links", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--no-index", action="store_true")
    parser.add_argument("--trusted-host", action="append", default=[], help=argparse.SUPPRESS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pip", description="Packages of the sandbox.")
    parser.add_argument("--version", action="version", version="pip of the sandbox (python 3.14)")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("--disable-pip-version-check", action="store_true")
    commands = parser.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install", help="install packages")
    install.add_argument("requirements", nargs="*")
    _add_sources(install)
    install.add_argument("-U", "--upgrade", action="store_true")
    install.add_argument("--no-deps", action="store_true")
    for flag in _IGNORED:
        install.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    install.add_argument("-q", "--quiet", action="count", default=0)
    uninstall = commands.add_parser("uninstall", help="remove packages")
    uninstall.add_argument("packages", nargs="+")
    uninstall.add_argument("-y", "--yes", action="store_true")
    for name, text in (("list", "list packages"), ("freeze", "list packages as requirements")):
        commands.add_parser(name, help=text)
    show = commands.add_parser("show", help="tell about packages")
    show.add_argument("packages", nargs="+")
    return parser


class _Wanted:
    """What the command line and the files that it names ask for."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.message: dict[str, Any] = {
            "requirements": [],
            "wheels": [],
            "folders": [],
            "constraints": [],
            "extra_indexes": [],
            "upgrade": options.upgrade,
            "no_dependencies": options.no_deps,
        }
        self._seen: set[str] = set()
        for word in options.requirements:
            self._add(word, os.getcwd())
        self._take(options, os.getcwd())

    def _take(self, options: argparse.Namespace, folder: str) -> None:
        for name in options.requirement:
            self._read(os.path.join(folder, name))
        for name in options.constraint:
            self.message["constraints"] += _lines(os.path.join(folder, name))
        if options.index_url is not None:
            self.message["index"] = options.index_url
        self.message["extra_indexes"] += options.extra_index_url
        for name in options.find_links:
            if "://" in name and not name.startswith("file://"):
                raise ValueError(f"--find-links {name}: only folders of the sandbox are taken")
            path = os.path.abspath(os.path.join(folder, name.removeprefix("file://")))
            self.message["wheels" if path.endswith(".whl") else "folders"].append(path)
        if options.no_index:
            self.message["no_index"] = True

    def _add(self, word: str, folder: str) -> None:
        if word.endswith(".whl") and "://" not in word.removeprefix("file://"):
            path = word.removeprefix("file://").rpartition(" @ ")[2].removeprefix("file://")
            self.message["wheels"].append(os.path.abspath(os.path.join(folder, path)))
        elif os.path.isdir(os.path.join(folder, word)) and ("/" in word or word == "."):
            raise ValueError(f"{word}: a folder with sources can't be built here; wheels can be installed")
        else:
            self.message["requirements"].append(word)

    def _read(self, name: str) -> None:
        if name in self._seen:
            return
        self._seen.add(name)
        folder = os.path.dirname(os.path.abspath(name))
        parser = argparse.ArgumentParser(prog=name, add_help=False)
        _add_sources(parser)
        for line in _lines(name):
            if line.startswith("-"):
                self._take(parser.parse_args(shlex.split(line)), folder)
            else:
                self._add(line, folder)


def _lines(name: str) -> list[str]:
    with open(name, encoding="utf-8") as file:
        text = file.read().replace("\\\n", " ")
    lines = [" ".join(line.split(" #")[0].split()) for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _install(options: argparse.Namespace) -> int:
    from pywasm_guest import wire

    try:
        wanted = _Wanted(options).message
    except (OSError, ValueError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    if not wanted["requirements"] and not wanted["wheels"]:
        print("ERROR: You must give at least one requirement to install", file=sys.stderr)
        return 1
    try:
        reply = wire.request("packages.install", **wanted)
        while True:
            if not options.quiet:
                sys.stdout.write(reply["said"])
                sys.stdout.flush()
            if "job" not in reply:
                return 0
            reply = wire.request("packages.more", job=reply["job"])
    except NotImplementedError:
        failure = "packages can't be installed into this sandbox"
    except RuntimeError as error:
        failure = str(error)
    print(f"ERROR: {failure}", file=sys.stderr)
    return 1


def _uninstall(options: argparse.Namespace) -> int:
    from pywasm_guest import wire

    status = 0
    for name in options.packages:
        try:
            found = wire.request("packages.uninstall", name=name)
        except RuntimeError as error:
            print(f"ERROR: {error}", file=sys.stderr)
            return 1
        if found:
            print(f"Successfully uninstalled {name}")
        else:
            print(f"WARNING: Skipping {name} as it is not installed, or is bundled.", file=sys.stderr)
            status = 1
    return status


def _versions() -> list[tuple[str, str]]:
    import importlib.metadata

    found = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    return sorted(found.items(), key=lambda item: item[0].lower())


def _show(options: argparse.Namespace) -> int:
    import importlib.metadata

    status = 0
    for name in options.packages:
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            print(f"WARNING: Package(s) not found: {name}", file=sys.stderr)
            status = 1
            continue
        requires = ", ".join(sorted(line.split(";")[0].split()[0] for line in found.requires or []))
        print(
            f"Name: {found.metadata['Name']}\nVersion: {found.version}\nSummary: {found.metadata['Summary']}"
        )
        print(f"Location: {found.locate_file('')}\nRequires: {requires}")
    return status


def main(words: list[str] | None = None) -> int:
    """Carry out a command line; the exit code."""
    options = _parser().parse_args(words)
    if options.command == "install":
        return _install(options)
    if options.command == "uninstall":
        return _uninstall(options)
    if options.command == "show":
        return _show(options)
    if options.command == "freeze":
        for name, version in _versions():
            print(f"{name}=={version}")
        return 0
    width = max([len(name) for name, _ in _versions()] + [7])
    print(f"{'Package':{width}} Version\n{'-' * width} -------")
    for name, version in _versions():
        print(f"{name:{width}} {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
