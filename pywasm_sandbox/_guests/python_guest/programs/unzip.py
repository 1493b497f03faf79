"""``unzip``: list, test and unpack zip archives, over `zipfile`."""

import argparse
import fnmatch
import os
import sys
import zipfile


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="unzip", description="List and unpack zip archives.")
    parser.add_argument("-l", action="store_true", dest="list", help="list the content")
    parser.add_argument("-t", action="store_true", dest="test", help="test the content")
    parser.add_argument("-p", action="store_true", dest="pipe", help="write the content to stdout")
    parser.add_argument("-c", action="store_true", dest="show", help="with names, to stdout")
    parser.add_argument("-Z", "-Z1", "-1", action="count", default=0, dest="names", help="list the names")
    parser.add_argument("-v", action="store_true", dest="list", help=argparse.SUPPRESS)
    parser.add_argument("-o", action="store_true", dest="overwrite", help="overwrite files")
    parser.add_argument("-n", action="store_true", dest="never", help="never overwrite files")
    parser.add_argument("-q", action="count", default=0, dest="quiet", help="say less")
    parser.add_argument("-j", action="store_true", dest="junk", help="without folders")
    parser.add_argument("-d", dest="folder", default=".", help="where to")
    parser.add_argument("-x", dest="exclude", nargs="+", default=[], help="members to leave out")
    parser.add_argument("archive")
    parser.add_argument("members", nargs="*")
    return parser.parse_intermixed_args()


def wanted(name: str, options: argparse.Namespace) -> bool:
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in options.exclude):
        return False
    return not options.members or any(fnmatch.fnmatchcase(name, pattern) for pattern in options.members)


def show_list(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    print(f"Archive:  {archive.filename}")
    print("  Length      Date    Time    Name")
    print("---------  ---------- -----   ----")
    for member in members:
        year, month, day, hour, minute, _ = member.date_time
        print(
            f"{member.file_size:9}  {year:04}-{month:02}-{day:02} {hour:02}:{minute:02}   {member.filename}"
        )
    total = sum(member.file_size for member in members)
    print("---------                     -------")
    print(f"{total:9}                     {len(members)} file{'' if len(members) == 1 else 's'}")


def unpack(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], options: argparse.Namespace) -> int:
    status = 0
    root = os.path.realpath(options.folder)
    for member in members:
        name = os.path.basename(member.filename) if options.junk else member.filename
        if not name:
            continue
        target = os.path.join(options.folder, name)
        inside = os.path.realpath(target)
        if inside != root and not inside.startswith(root.rstrip("/") + "/"):
            print(f"unzip: {member.filename!r} is outside of the folder: skipped", file=sys.stderr)
            status = 2
            continue
        if member.is_dir():
            os.makedirs(target, exist_ok=True)
            continue
        if os.path.lexists(target) and not options.overwrite:
            if not options.never:
                print(f"unzip: {target} exists; use -o to overwrite it", file=sys.stderr)
                status = 1
            continue
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        if not options.quiet:
            print(f"  inflating: {os.path.normpath(target)}")
        with archive.open(member) as source, open(target, "wb") as file:
            while chunk := source.read(1 << 16):
                file.write(chunk)
        mode = member.external_attr >> 16 & 0o777
        if mode:
            os.chmod(target, mode)
    return status


def main() -> int:
    options = parse()
    name = options.archive
    if not os.path.exists(name) and os.path.exists(name + ".zip"):
        name += ".zip"
    try:
        with zipfile.ZipFile(name) as archive:
            members = [member for member in archive.infolist() if wanted(member.filename, options)]
            if options.members and not members:
                print(f"caution: filename not matched:  {options.members[0]}", file=sys.stderr)
                return 11
            if options.list:
                show_list(archive, members)
            elif options.test:
                bad = archive.testzip()
                print(
                    f"error: {bad} is damaged" if bad else f"No errors detected in compressed data of {name}."
                )
                return 2 if bad else 0
            elif options.names:
                print("".join(f"{member.filename}\n" for member in members), end="")
            elif options.pipe or options.show:
                for member in members:
                    if options.show and not member.is_dir():
                        print(f"  inflating: {member.filename}  ")
                        sys.stdout.flush()
                    sys.stdout.buffer.write(archive.read(member))
            else:
                if not options.quiet:
                    print(f"Archive:  {name}")
                return unpack(archive, members, options)
    except (OSError, zipfile.BadZipFile) as error:
        print(f"unzip: {name}: {error}", file=sys.stderr)
        return 9
    return 0


sys.exit(main())
