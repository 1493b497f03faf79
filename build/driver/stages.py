"""Stages: named build steps whose output is cached under a hash of everything that goes in."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from driver.archives import ArchiveStore, unpack
from driver.manifest import Archive

BUILD_DIRECTORY = Path(__file__).resolve().parent.parent
SOURCE_DATE_EPOCH = 1780000000
"""The time stamped into everything that wants a build time (2026-05-28 20:26:40 UTC)."""

StageFunction = Callable[["Context"], None]


@dataclass(frozen=True)
class Stage:
    """A declared step. `files` are globs below `build/` whose contents enter the hash.

    What is in `needs` is built first, what is in `on_demand` when the function asks for it; both enter the
    hash.
    """

    name: str
    function: StageFunction
    recipe: Path
    needs: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    on_demand: tuple[str, ...] = ()
    always: bool = False
    """Run it whenever it is asked for: it writes outside the cache."""


@dataclass
class Registry:
    """All declared stages, in the order of declaration."""

    stages: dict[str, Stage] = field(default_factory=dict)

    def stage(
        self,
        name: str,
        *,
        needs: Iterable[str] = (),
        archives: Iterable[str] = (),
        files: Iterable[str] = (),
        on_demand: Iterable[str] = (),
        always: bool = False,
    ) -> Callable[[StageFunction], StageFunction]:
        """Decorator that declares the function as the stage `name`."""

        def declare(function: StageFunction) -> StageFunction:
            if name in self.stages:
                raise SystemExit(f"the stage {name!r} is declared twice")
            recipe = Path(function.__code__.co_filename)
            self.stages[name] = Stage(
                name, function, recipe, tuple(needs), tuple(archives), tuple(files), tuple(on_demand), always
            )
            return function

        return declare


class Context:
    """What a stage function gets: its folders, its inputs and a way to run commands."""

    def __init__(self, builder: Builder, stage: Stage, out: Path, work: Path, log: Path) -> None:
        self._builder = builder
        self._stage = stage
        self.out = out
        self.work = work
        self.log = log
        self.jobs = builder.jobs
        self.repository = BUILD_DIRECTORY.parent
        self.recipes = BUILD_DIRECTORY

    def dep(self, name: str) -> Path:
        """The output folder of a stage that this one needs."""
        if name in self._stage.on_demand:
            self._builder.build(name)
        elif name not in self._stage.needs:
            raise SystemExit(f"stage {self._stage.name} uses {name} without declaring it in needs=")
        return self._builder.output(name)

    def archive(self, name: str) -> Archive:
        """The manifest's entry for an archive that this stage declares."""
        if name not in self._stage.archives:
            raise SystemExit(f"stage {self._stage.name} uses {name} without declaring it in archives=")
        return self._builder.manifest[name]

    def locate(self, name: str) -> Path:
        """Path of an archive that this stage declares, fetched and verified."""
        return self._builder.store.locate(self.archive(name))

    def unpack(self, name: str) -> Path:
        """Unpack an archive into the work folder."""
        destination = self.work / name
        archive = self.archive(name)
        path = self._builder.store.find(archive)
        if path is None and archive.members:
            whole = self._builder.manifest[archive.origin.removeprefix("part-of:")]
            unpack(self._builder.store.locate(whole), destination, archive.members)
        else:
            unpack(self.locate(name), destination)
        return destination

    def patch(self, source: Path, name: str) -> None:
        """Apply `patches/<name>/*.patch` in order; the stage declares them in `files`."""
        if f"patches/{name}/*.patch" not in self._stage.files:
            raise SystemExit(
                f"stage {self._stage.name} applies patches/{name}/*.patch without declaring it in files="
            )
        for patch in sorted((BUILD_DIRECTORY / "patches" / name).glob("*.patch")):
            self.run("patch", "-p1", "--forward", "--fuzz=0", "-i", patch, cwd=source)

    def stage_hash(self, name: str) -> str:
        """The input hash of a stage, as recorded in the assets' manifest."""
        return self._builder.hash_of(name)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of every command: fixed locale, time zone and time stamp."""
        kept = ("PATH", "HOME", "TMPDIR", "USER")
        environment = {key: os.environ[key] for key in kept if key in os.environ}
        environment.update(
            LC_ALL="C.UTF-8",
            TZ="UTC",
            SOURCE_DATE_EPOCH=str(SOURCE_DATE_EPOCH),
            ZERO_AR_DATE="1",
            PYTHONHASHSEED="0",
        )
        environment.update(extra or {})
        return environment

    def run(
        self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        """Run a command at low priority, its output appended to the stage's log; fail with the log's tail."""
        arguments = ["nice", "-n", str(self._builder.niceness), *map(str, command)]
        with self.log.open("ab") as log:
            log.write(f"+ {' '.join(arguments[3:])}\n".encode())
            log.flush()
            result = subprocess.run(
                arguments,
                cwd=cwd or self.work,
                env=self.environment(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if result.returncode:
            tail = self.log.read_bytes()[-4000:].decode("utf-8", "replace")
            raise SystemExit(
                f"{tail}\nstage {self._stage.name}: {command[0]} failed with "
                f"{result.returncode}; the whole log is {self.log}"
            )

    def capture(
        self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        """Run a command and return its standard output."""
        result = subprocess.run(
            list(map(str, command)),
            cwd=cwd or self.work,
            env=self.environment(env),
            check=True,
            stdout=subprocess.PIPE,
        )
        return result.stdout.decode()


class Builder:
    """Runs stages in dependency order, reusing outputs whose inputs did not change."""

    def __init__(
        self,
        registry: Registry,
        manifest: dict[str, Archive],
        store: ArchiveStore,
        cache: Path,
        jobs: int,
        niceness: int = 10,
    ) -> None:
        self.registry = registry
        self.manifest = manifest
        self.store = store
        self.cache = cache
        self.jobs = jobs
        self.niceness = niceness
        self._hashes: dict[str, str] = {}

    def stage(self, name: str) -> Stage:
        try:
            return self.registry.stages[name]
        except KeyError:
            known = ", ".join(self.registry.stages)
            raise SystemExit(f"there is no stage {name!r}; the stages are: {known}") from None

    def hash_of(self, name: str) -> str:
        """SHA-256 over the recipe, its declared files, its archives and the stages it needs."""
        if name not in self._hashes:
            self._hashes[name] = self._compute_hash(self.stage(name))
        return self._hashes[name]

    def _compute_hash(self, stage: Stage) -> str:
        files = {stage.recipe}
        for pattern in stage.files:
            found = [
                path
                for path in BUILD_DIRECTORY.glob(pattern)
                if path.is_file() and "__pycache__" not in path.parts
            ]
            if not found:
                raise SystemExit(f"stage {stage.name}: files={pattern!r} matches nothing below build/")
            files.update(found)
        inputs = {
            "name": stage.name,
            "files": {
                str(path.relative_to(BUILD_DIRECTORY)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(files)
            },
            "archives": {archive: self.manifest[archive].sha256 for archive in stage.archives},
            "needs": {need: self.hash_of(need) for need in (*stage.needs, *stage.on_demand)},
            "epoch": SOURCE_DATE_EPOCH,
        }
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()

    def output(self, name: str) -> Path:
        """Where the output of a stage is (or will be)."""
        return self.cache / "stages" / name / self.hash_of(name)[:16]

    def is_done(self, name: str) -> bool:
        return (self.output(name) / ".done").is_file()

    def build(self, name: str, *, force: bool = False) -> None:
        """Build a stage after what it needs; `force` rebuilds this stage though its output is there."""
        stage = self.stage(name)
        if not force and not stage.always and self.is_done(name):
            return
        for need in stage.needs:
            self.build(need)
        self._run(stage)

    def _run(self, stage: Stage) -> None:
        out = self.output(stage.name)
        work = self.cache / "work" / stage.name
        log = self.cache / "logs" / f"{stage.name}.log"
        for folder in (out, work):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        print(f"{stage.name}: building (log: {log})", flush=True)
        started = time.monotonic()
        stage.function(Context(self, stage, out, work, log))
        (out / ".done").write_text(self.hash_of(stage.name) + "\n")
        print(f"{stage.name}: {time.monotonic() - started:.0f} s", flush=True)
