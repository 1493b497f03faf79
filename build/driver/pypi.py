"""Downloads one file of a PyPI project with pip's own index and session: `pypi.py NAME VERSION FILENAME`.

`pip download` would prepare a source distribution's metadata, which for some packages builds them (ten
minutes for numpy). pip has no option against it, hence its internals; they honour pip's configuration.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pip._internal.commands import create_command


def main() -> None:
    name, version, filename = sys.argv[1:]
    command = create_command("download")
    options, _ = command.parse_args([name])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session)
        candidates = {candidate.link.filename: candidate for candidate in all_files(finder, name)}
        if filename not in candidates:
            raise SystemExit(f"the index has no {filename}; it has of {version}: {', '.join(candidates)}")
        link = candidates[filename].link
        if link.is_file:
            Path(filename).write_bytes(Path(link.file_path).read_bytes())
            return
        response = session.get(
            link.url_without_fragment, headers={"Accept-Encoding": "identity"}, stream=True
        )
        response.raise_for_status()
        with Path(filename).open("wb") as file:
            for chunk in response.raw.stream(1 << 20, decode_content=False):
                file.write(chunk)


def all_files(finder, name):  # type: ignore[no-untyped-def]
    """Every file that the index has, also wheels for another Python than this one."""
    finder._ignore_requires_python = True
    return finder.find_all_candidates(name)


if __name__ == "__main__":
    main()
