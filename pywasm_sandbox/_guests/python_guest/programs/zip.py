"""``zip``: make zip archives, over `zipfile`."""

import argparse
import fnmatch
import os
import sys
import zipfile


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="zip", description="Make a zip archive or add to one.")
    parser.add_argument("-r", action="store_true", dest="recursive", help="with what folders hold")
    parser.add_argument("-q", action="store_true", dest="quiet", help="say nothing")
    parser.add_argument("-j", action="store_true", dest="junk", help="without folders' names")
    parser.add_argument("-0", action="store_true", dest="stored", help="do not compress")
    parser.add_argument("-x", dest="exclude", nargs="+", default=[], help="files to leave out")
    parser.add_argument("archive")
    parser.add_argument("files", nargs="*")
    return parser.parse_intermixed_args()


def found(paths: list[str], recursive: bool) -> list[str]:
    result: list[str] = []
    for path in paths:
        result.append(path)
        if os.path.isdir(path) and recursive:
            for folder, folders, files in os.walk(path):
                folders.sort()
                result += [os.path.join(folder, name) for name in sorted(folders + files)]
    return result


def main() -> int:
    options = parse()
    target = options.archive if options.archive.endswith(".zip") else options.archive + ".zip"
    method = zipfile.ZIP_STORED if options.stored else zipfile.ZIP_DEFLATED
    missing = [path for path in options.files if not os.path.lexists(path)]
    for path in missing:
        print(f"zip warning: name not matched: {path}", file=sys.stderr)
    paths = [path for path in options.files if path not in missing]
    if not paths:
        print(f"zip error: Nothing to do! ({target})", file=sys.stderr)
        return 12
    with zipfile.ZipFile(target, "a", method) as archive:
        present = set(archive.namelist())
        for path in found(paths, options.recursive):
            name = os.path.basename(path) if options.junk else path.removeprefix("./").lstrip("/")
            if any(fnmatch.fnmatchcase(path, pattern) for pattern in options.exclude):
                continue
            if not name or os.path.abspath(path) == os.path.abspath(target):
                continue
            if os.path.isdir(path):
                if options.junk or f"{name.rstrip('/')}/" in present:
                    continue
            elif name in present:
                print(f"zip warning: {name} is in the archive already", file=sys.stderr)
                continue
            if not options.quiet:
                print(f"  adding: {name}")
            archive.write(path, name)
    return 0


sys.exit(main())
