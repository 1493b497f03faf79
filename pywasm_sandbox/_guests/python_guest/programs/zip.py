"""``zip``: make zip archives and change them, over `zipfile`."""

import argparse
import fnmatch
import io
import os
import sys
import time
import zipfile
import zlib

NOTHING_TO_DO, CANNOT_OPEN = 12, 18


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="zip", description="Make a zip archive or change one.")
    parser.add_argument("-r", action="store_true", dest="recursive", help="with what folders hold")
    parser.add_argument("-q", action="store_true", dest="quiet", help="say nothing")
    parser.add_argument("-j", action="store_true", dest="junk", help="without folders' names")
    parser.add_argument("-D", action="store_true", dest="no_folders", help="without entries for folders")
    parser.add_argument("-u", action="store_true", dest="update", help="only files that are newer")
    parser.add_argument("-d", action="store_true", dest="delete", help="take members out")
    parser.add_argument("-m", action="store_true", dest="move", help="remove the files")
    parser.add_argument("-x", dest="exclude", nargs="+", default=[], help="files to leave out")
    parser.add_argument("-i", dest="include", nargs="+", default=[], help="only these files")
    parser.add_argument("-@", action="store_true", dest="names", help="read names of files from stdin")
    for level in range(10):
        parser.add_argument(
            f"-{level}", action="store_const", const=level, dest="level", help=argparse.SUPPRESS
        )
    for taken in ("-v", "-y", "-X", "-T", "-o"):
        parser.add_argument(taken, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("archive", help="- for standard output")
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


def matches(path: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


class Zip:
    """One invocation."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        name = options.archive
        self.target = name if name == "-" or os.path.splitext(name)[1] else f"{name}.zip"

    def say(self, text: str) -> None:
        if not self.options.quiet:
            print(text, file=sys.stderr if self.target == "-" else sys.stdout)

    def warn(self, text: str) -> None:
        """As the original does, where the rest of what it says goes."""
        print(text, file=sys.stderr if self.target == "-" else sys.stdout)

    def old(self) -> list[tuple[zipfile.ZipInfo, bytes]]:
        """The members that there are, and what they hold."""
        if self.target == "-" or not os.path.exists(self.target):
            return []
        with zipfile.ZipFile(self.target) as archive:
            return [(member, archive.read(member)) for member in archive.infolist()]

    def wanted(self) -> dict[str, str]:
        """Names of members → paths of the files."""
        options = self.options
        paths = [*options.files, *(sys.stdin.read().splitlines() if options.names else [])]
        missing = [path for path in paths if not os.path.lexists(path)]
        for path in missing:
            self.warn(f"\tzip warning: name not matched: {path}")
        result = {}
        for path in found([path for path in paths if path not in missing], options.recursive):
            folder = os.path.isdir(path)
            name = os.path.basename(path) if options.junk else os.path.normpath(path).lstrip("/")
            if name in (".", "") or (folder and (options.junk or options.no_folders)):
                continue
            if matches(path, options.exclude) or matches(name, options.exclude):
                continue
            if options.include and not (matches(path, options.include) or matches(name, options.include)):
                continue
            if self.target == "-" or os.path.abspath(path) != os.path.abspath(self.target):
                result[f"{name}/" if folder else name] = path
        return result

    def write(self, archive: zipfile.ZipFile, name: str, path: str, verb: str) -> None:
        level = self.options.level
        method = zipfile.ZIP_STORED if level == 0 else zipfile.ZIP_DEFLATED
        if method == zipfile.ZIP_DEFLATED and os.path.isfile(path):
            with open(path, "rb") as file:
                data = file.read()
            if len(zlib.compress(data, 6 if level is None else level)) - 6 >= len(data):
                method = zipfile.ZIP_STORED  # no smaller otherwise
        archive.write(path, name, method, level)
        member = archive.getinfo(name)
        stored = member.compress_type == zipfile.ZIP_STORED or not member.file_size
        saved = 0 if stored else round(100 * (1 - member.compress_size / member.file_size))
        self.say(f"{verb}: {name} ({'stored' if stored else 'deflated'} {saved}%)")

    def newer(self, path: str, member: zipfile.ZipInfo) -> bool:
        year, month, day, hour, minute, second = time.localtime(os.stat(path).st_mtime)[:6]
        # Archives know even seconds.
        return (year, month, day, hour, minute, second // 2 * 2) > member.date_time

    def save(self, data: bytes) -> None:
        if self.target == "-":
            sys.stdout.buffer.write(data)
            return
        with open(self.target, "wb") as file:
            file.write(data)

    def change(self) -> int:
        wanted, old = self.wanted(), self.old()
        if not wanted:
            self.warn(f"\nzip error: Nothing to do! ({self.target})")
            return NOTHING_TO_DO
        left = dict(wanted)
        result = io.BytesIO()
        changed = 0
        with zipfile.ZipFile(result, "w") as archive:
            for member, data in old:
                path = left.pop(member.filename, None)
                if path is None or (self.options.update and not self.newer(path, member)):
                    archive.writestr(member, data)
                else:
                    self.write(archive, member.filename, path, "updating")
                    changed += 1
            for name, path in left.items():
                self.write(archive, name, path, "  adding")
                changed += 1
        if changed:
            self.save(result.getvalue())
        if self.options.move:
            for path in wanted.values():
                if not os.path.isdir(path):
                    os.unlink(path)
        return 0 if changed else NOTHING_TO_DO

    def delete(self) -> int:
        old = self.old()
        gone = [member.filename for member, _ in old if matches(member.filename, self.options.files)]
        if not gone:
            for pattern in self.options.files:
                self.warn(f"\tzip warning: name not matched: {pattern}")
            self.warn(f"\nzip error: Nothing to do! ({self.target})")
            return NOTHING_TO_DO
        result = io.BytesIO()
        with zipfile.ZipFile(result, "w") as archive:
            for member, data in old:
                if member.filename in gone:
                    self.say(f"deleting: {member.filename}")
                else:
                    archive.writestr(member, data)
        if len(gone) == len(old):
            os.unlink(self.target)
        else:
            self.save(result.getvalue())
        return 0


def main() -> int:
    options = parse()
    command = Zip(options)
    try:
        return command.delete() if options.delete else command.change()
    except (OSError, zipfile.BadZipFile) as error:
        print(f"\nzip error: {error} ({command.target})", file=sys.stderr)
        return CANNOT_OPEN


sys.exit(main())
