"""``pip install``, ``uninstall``, ``list``, ``freeze``, ``show``."""

from __future__ import annotations

import argparse
import sys


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pip", description="Packages of the sandbox.")
    parser.add_argument("--version", action="version", version="pip of the sandbox (python 3.14)")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("--disable-pip-version-check", action="store_true")
    commands = parser.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install", help="install packages")
    install.add_argument("requirements", nargs="*")
    install.add_argument("-r", "--requirement", action="append", default=[], metavar="FILE")
    install.add_argument("-U", "--upgrade", action="store_true")
    for flag in ("--user", "--no-cache-dir", "--no-input", "--prefer-binary", "--break-system-packages"):
        install.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    install.add_argument("-q", "--quiet", action="store_true")
    uninstall = commands.add_parser("uninstall", help="remove packages")
    uninstall.add_argument("packages", nargs="+")
    uninstall.add_argument("-y", "--yes", action="store_true")
    for name, text in (("list", "list packages"), ("freeze", "list packages as requirements")):
        commands.add_parser(name, help=text)
    show = commands.add_parser("show", help="tell about packages")
    show.add_argument("packages", nargs="+")
    return parser


def _lines(name: str) -> list[str]:
    with open(name, encoding="utf-8") as file:
        text = file.read().replace("\\\n", " ")
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _install(options: argparse.Namespace) -> int:
    from pywasm_guest import wire

    requirements = list(options.requirements)
    for name in options.requirement:
        requirements += _lines(name)
    if not requirements:
        print("ERROR: You must give at least one requirement to install", file=sys.stderr)
        return 1
    try:
        said = wire.request("packages.install", requirements=requirements, upgrade=options.upgrade)
    except NotImplementedError:
        said, failure = [], "packages can't be installed into this sandbox"
    except RuntimeError as error:
        said, failure = [], str(error)
    else:
        failure = ""
    if failure:
        print(f"ERROR: {failure}", file=sys.stderr)
        return 1
    if not options.quiet:
        sys.stdout.write("".join(said))
    return 0


def _uninstall(options: argparse.Namespace) -> int:
    from pywasm_guest import wire

    status = 0
    for name in options.packages:
        if wire.request("packages.uninstall", name=name):
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
