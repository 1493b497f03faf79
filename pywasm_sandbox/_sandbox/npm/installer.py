"""Carries installations out: resolves, fetches, checks, and writes a project's ``node_modules``."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import posixpath
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pywasm_sandbox._guests.hostcalls import NPM_CALLS, HostCall
from pywasm_sandbox._sandbox.downloads import concurrently
from pywasm_sandbox._sandbox.package_jobs import Jobs, Steps, run_steps
from pywasm_sandbox._vfs.api import VfsError
from pywasm_sandbox.errors import PackageInstallError, PolicyError

from .manifest import Manifest
from .names import Request, check_name, parse_request, versions_of
from .project import KINDS, Project
from .registry import DEFAULT_REGISTRY, FolderSource, RegistrySource, Source
from .tarball import File, manifest_of, read_tarball
from .tree import Node, TreeBuilder

if TYPE_CHECKING:
    from pywasm_sandbox._guests.hostcalls import Handler
    from pywasm_sandbox._sandbox.package_policy import NpmPolicy
    from pywasm_sandbox._vfs.namespace import Namespace

__all__ = ["NpmInstaller"]

_AT_ONCE: Final = 4
_KIND_OF: Final = {"": "dependencies", "dev": "devDependencies", "optional": "optionalDependencies"}


class Wish(NamedTuple):
    """What one ``npm install`` or ``npm uninstall`` asks for, in the project of ``folder``."""

    folder: str
    packages: Sequence[str] = ()
    removed: Sequence[str] = ()
    kind: str = ""
    """``dev``, ``optional`` or none: where new ones are saved."""
    save: bool = True
    exact: bool = False
    omit: frozenset[str] = frozenset()
    frozen: bool = False
    """As ``npm ci``: what the lock file says, from nothing."""


class NpmInstaller:
    """Installs into projects of one sandbox."""

    def __init__(self, policy: NpmPolicy | None, namespace: Namespace, cache: Path | None) -> None:
        self._policy = policy
        self._namespace = namespace
        self._cache = cache
        self._jobs = Jobs()

    def install(self, folder: str, packages: Sequence[str]) -> list[str]:
        """Install into a project: ``name@version`` of what wasn't there. Raises `PolicyError`,
        `PackageInstallError`."""
        return run_steps(self.steps(Wish(folder, packages), lambda: None))

    # ---- the host calls of the sandbox's ``npm`` --------------------------------------------------------

    def handlers(self) -> dict[str, Handler]:
        """By name."""
        return dict(zip(NPM_CALLS, (self._begin, self._more), strict=True))

    def _begin(self, call: HostCall) -> dict[str, Any]:
        folder = posixpath.normpath(call.get("folder", str))
        if not folder.startswith("/") or "\0" in folder:
            call.reject(f"{call.op}: folder is an absolute path")
        kind = call.get("kind", str, "")
        if kind not in _KIND_OF:
            call.reject(f"{call.op}: kind is one of {', '.join(_KIND_OF)}")
        wish = Wish(
            folder,
            call.texts("packages"),
            call.texts("removed"),
            kind,
            call.get("save", bool, True),
            call.get("exact", bool, False),
            frozenset(call.texts("omit")),
            call.get("frozen", bool, False),
        )
        return self._jobs.begin(call, lambda check: self.steps(wish, check))

    def _more(self, call: HostCall) -> dict[str, Any]:
        return self._jobs.go_on(call, call.get("job", int))

    # ---- one installation -------------------------------------------------------------------------------

    def steps(self, wish: Wish, check: Callable[[], None]) -> Steps:
        """The installation, a message at a time; ``check`` raises to end it."""
        policy = self._policy
        if policy is None:
            raise PolicyError(
                "npm packages can't be installed into this sandbox: open it with npm=NpmPolicy(…)"
            )
        if importlib.util.find_spec("nodesemver") is None:
            raise PackageInstallError(
                "npm needs node-semver on the host: pip install 'pywasm-sandbox[packages]'"
            )
        try:
            yield from (run := _Run(policy, self._namespace, self._cache, wish, check)).steps()
        except VfsError as error:
            raise PackageInstallError(f"the packages don't fit into the sandbox's files: {error}") from error
        return run.added


class _Run:
    """One installation."""

    def __init__(
        self,
        policy: NpmPolicy,
        namespace: Namespace,
        cache: Path | None,
        wish: Wish,
        check: Callable[[], None],
    ) -> None:
        self._policy = policy
        self._namespace = namespace
        self._wish = wish
        self._check = check
        self._project = Project(namespace, wish.folder, policy.max_bytes)
        self._source = _source(policy, cache, check)
        self.added: list[str] = []

    def steps(self) -> Steps:
        """All of it."""
        wish, project = self._wish, self._project
        if wish.frozen and not project.lock:
            raise PackageInstallError("EUSAGE: npm ci needs a package-lock.json")
        if "workspaces" in project.manifest:
            raise PackageInstallError("workspaces are not supported in this sandbox")
        new = self._new_requests()
        installed = {} if wish.frozen else project.installed()
        again = {f"node_modules/{name}" for name in new}  # what is named becomes the newest that fits
        builder = TreeBuilder(
            self._source,
            project,
            {place: each for place, each in installed.items() if place not in again},
            {place: str(entry.get("version")) for place, entry in project.lock.items() if place not in again},
            allow=None if self._policy.allow is None else frozenset(map(str.lower, self._policy.allow)),
            max_packages=self._policy.max_packages,
        )
        wanted, optional = self._wanted(new)
        tree = builder.build(Manifest.of(project.manifest), wanted, optional)
        for warning in builder.warnings:
            yield f"npm warn {warning}\n"
        for node in tree.below():
            place = installed.get(node.place)
            node.kept = place is not None and (place.name, place.version, node.path) == (
                node.manifest.name,
                node.manifest.version,
                "",
            )
        fetched = self._fetch([node for node in tree.below() if self._is_new(node)])
        for node in fetched:
            if node.manifest.deprecated:
                yield f"npm warn deprecated {_label(node)}: {node.manifest.deprecated:.300}\n"
            if node.manifest.has_scripts:
                yield f"npm warn {_label(node)} has install scripts, which don't run in this sandbox\n"
        counts = self._write(tree, fetched, installed)
        if wish.save and not wish.frozen:
            self._save(tree, new)
        self.added = [_label(node) for node in fetched]
        yield _summary(*counts)
        return self.added

    @staticmethod
    def _is_new(node: Node) -> bool:
        """Whether its files are to be written: it isn't there, or what it lies in is replaced."""
        return not all(each.kept for each in node.chain())

    # ---- what is asked for ----------------------------------------------------------------------------

    def _new_requests(self) -> dict[str, Request]:
        new: dict[str, Request] = {}
        for text in self._wish.packages:
            request = parse_request(text)
            if request.path is not None:
                # Paths on a command line begin where it is written, and that is the project's folder.
                manifest, _ = self._project.read(request.path)
                name = check_name(manifest.name)
                request = Request(name, name, f"file:{request.path}", request.path)
            new[request.name] = request
        for name in self._wish.removed:
            self._project.drop_request(check_name(name))
        return new

    def _wanted(self, new: Mapping[str, Request]) -> tuple[dict[str, Request], frozenset[str]]:
        wanted: dict[str, Request] = {}
        optional: set[str] = set()
        for kind, omitted in zip(KINDS, ("", "dev", "optional"), strict=True):
            if omitted and omitted in self._wish.omit:
                continue
            for name, text in self._project.requests(kind).items():
                wanted[name] = versions_of(check_name(name), text)
                if omitted == "optional":
                    optional.add(name)
        wanted.update(new)
        return wanted, frozenset(optional - set(new))

    # ---- files ----------------------------------------------------------------------------------------

    def _fetch(self, nodes: Sequence[Node]) -> list[Node]:
        """Give them their files."""
        left = self._policy.max_bytes
        missing = [node for node in nodes if node.files is None]
        for start in range(0, len(missing), _AT_ONCE):  # what is fetched ahead has its bound
            batch = missing[start : start + _AT_ONCE]
            fetches = [functools.partial(self._source.tarball, node.manifest, left) for node in batch]
            for node, data in zip(batch, concurrently(fetches, self._check), strict=True):
                node.files = _checked_files(node, data, left)
                left -= sum(len(file.data) for file in node.files.values())
        return list(nodes)

    def _write(
        self, tree: Node, nodes: Sequence[Node], installed: Mapping[str, Manifest]
    ) -> tuple[int, int, int]:
        """Write new packages beside ``node_modules`` first: what fails on the way changes nothing."""
        folder, namespace = self._wish.folder, self._namespace
        kept = {node.place for node in tree.below()}
        modules = f"{folder}/node_modules"
        staging = f"{modules}/.staging-{secrets.token_hex(4)}"
        try:
            for number, node in enumerate(nodes):
                self._check()
                _write_files(namespace, f"{staging}/{number}", node)
        except BaseException:
            with contextlib.suppress(VfsError):
                namespace.remove_tree(staging)
            raise
        outer = [place for place in installed if place not in kept]
        if self._wish.frozen and namespace.exists(modules):
            outer = [
                f"node_modules/{entry.name}"
                for entry in namespace.list_directory(modules)
                if not entry.name.startswith(".staging-")
            ]
        for place in sorted(outer):
            if namespace.exists(f"{folder}/{place}", follow=False):
                namespace.remove_tree(f"{folder}/{place}")
        for number, node in sorted(enumerate(nodes), key=lambda each: each[1].place.count("/node_modules/")):
            target = f"{folder}/{node.place}"
            if namespace.exists(target, follow=False):
                namespace.remove_tree(target)
            namespace.make_directories(posixpath.dirname(target))
            namespace.rename(namespace.root, f"{staging}/{number}", namespace.root, target)
        if namespace.exists(staging):
            namespace.remove_tree(staging)
        self._link_commands(tree)
        changed = sum(1 for node in nodes if node.place in installed)
        return len(nodes) - changed, len([place for place in outer if place in installed]), changed

    def _link_commands(self, tree: Node) -> None:
        """Make ``node_modules/.bin`` anew, wherever there are packages."""
        for node in (tree, *tree.below()):
            above = f"{self._wish.folder}/{node.place}".rstrip("/")
            folder = f"{above}/node_modules/.bin"
            if self._namespace.exists(folder, follow=False):
                self._namespace.remove_tree(folder)
            for child in node.children.values():
                for command, path in child.manifest.bins.items():
                    target = f"{above}/node_modules/{child.name}/{path}"
                    if not self._namespace.exists(target):
                        continue
                    self._namespace.make_directories(folder)
                    with contextlib.suppress(VfsError):  # two packages have a command of one name
                        self._namespace.symlink(
                            self._namespace.root, f"{folder}/{command}", f"../{child.name}/{path}"
                        )
                    with contextlib.suppress(VfsError):
                        self._namespace.set_mode(self._namespace.root, target, 0o755)

    # ---- package.json ------------------------------------------------------------------------------------

    def _save(self, tree: Node, new: Mapping[str, Request]) -> None:
        project = self._project
        for name, request in new.items():
            kind = _KIND_OF[self._wish.kind]
            if not self._wish.kind:
                kind = next((each for each in KINDS if name in project.requests(each)), kind)
            project.save_request(kind, name, self._saved_range(tree.children[name], request))
        resolved = {
            node.place: self._source.describe(node.manifest) for node in tree.below() if not node.path
        }
        project.save(tree, resolved)

    def _saved_range(self, node: Node, request: Request) -> str:
        if request.path is not None:
            return f"file:{posixpath.normpath(request.path)}"
        version = node.manifest.version
        text = version if self._wish.exact else f"^{version}"
        if not self._wish.exact and request.range not in ("", version):
            with contextlib.suppress(PackageInstallError):  # the version that is there needs no document
                document = self._source.document(request.package)
                if request.range not in document.tags and not document.all_of(text, request.range):
                    text = request.range
        return text if request.package == request.name else f"npm:{request.package}@{text}"


def _source(policy: NpmPolicy, cache: Path | None, check: Callable[[], None]) -> Source:
    if policy.folder is not None and policy.registry is None:
        return FolderSource(Path(policy.folder), policy.max_bytes)
    return RegistrySource(policy.registry or DEFAULT_REGISTRY, cache, policy.timeout, check)


def _label(node: Node) -> str:
    return f"{node.manifest.name}@{node.manifest.version}"


def _checked_files(node: Node, data: bytes, bytes_left: int) -> Mapping[str, File]:
    files = read_tarball(_label(node), data, bytes_left)
    manifest = Manifest.of(manifest_of(_label(node), files))
    if (manifest.name, manifest.version.lstrip("v=")) != (
        node.manifest.name,
        node.manifest.version.lstrip("v="),
    ):
        raise PackageInstallError(
            f"{_label(node)} was refused: it says that it is {manifest.name}@{manifest.version}"
        )
    return files


def _write_files(namespace: Namespace, folder: str, node: Node) -> None:
    namespace.make_directories(folder)
    for path, file in (node.files or {}).items():
        mode = 0o755 if file.executable else 0o644
        namespace.write_bytes(f"{folder}/{path}", file.data, parents=True, mode=mode)


def _summary(added: int, removed: int, changed: int) -> str:
    parts = [
        f"{word} {count} package{'s' if count != 1 else ''}"
        for word, count in (("added", added), ("removed", removed), ("changed", changed))
        if count
    ]
    return f"\n{', '.join(parts) or 'up to date'}\n"
