"""Build the guests' assets from the pinned archives of `manifest.toml`.

- `python build/build.py all`: everything, into wasm_assets/
- `python build/build.py --sources DIR core`: one stage and what it needs, archives from DIR
- `python build/build.py --list`: the stages, and which of them are up to date
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from driver.archives import ArchiveStore  # noqa: E402
from driver.manifest import load_manifest  # noqa: E402
from driver.registry import load_recipes  # noqa: E402
from driver.stages import BUILD_DIRECTORY, Builder  # noqa: E402


def parse_arguments() -> argparse.Namespace:
    default_cache = Path(os.environ.get("PYWASM_BUILD_CACHE", "~/.cache/pywasm-build")).expanduser()
    parser = argparse.ArgumentParser(description="Build the WebAssembly guests.")
    parser.add_argument("stages", nargs="*", default=["all"], help="stages to build (default: all)")
    parser.add_argument(
        "--sources",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="folder with archives (may be given several times)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=default_cache,
        metavar="DIR",
        help=f"outputs, logs and downloads (default: {default_cache})",
    )
    parser.add_argument("--jobs", type=int, default=2, help="parallel jobs (default: 2)")
    parser.add_argument("--nice", type=int, default=10, help="niceness of the commands (default: 10)")
    parser.add_argument("--force", action="store_true", help="rebuild the named stages even if up to date")
    parser.add_argument("--list", action="store_true", help="list the stages and exit")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    cache = arguments.cache.resolve()
    manifest = load_manifest(BUILD_DIRECTORY / "manifest.toml")
    store = ArchiveStore([folder.resolve() for folder in arguments.sources], cache / "archives")
    builder = Builder(load_recipes(), manifest, store, cache, arguments.jobs, arguments.nice)
    if arguments.list:
        for name in builder.registry.stages:
            print(f"{'done ' if builder.is_done(name) else 'stale'} {builder.hash_of(name)[:16]} {name}")
        return
    for name in arguments.stages:
        builder.build(name, force=arguments.force)
        print(f"{name}: {builder.output(name)}")


if __name__ == "__main__":
    main()
