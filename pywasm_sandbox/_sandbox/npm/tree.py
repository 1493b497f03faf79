"""Which packages a project gets, and where each lies in ``node_modules``.

As npm has it: a package lies as near to the project as it can without hiding another version of its name from
those that need that one; what is there already and fits is kept. `TreeBuilder.build` looks at the outcome
once more: each package finds what it asks for, or the installation fails.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from pywasm_sandbox.errors import PackageInstallError, PolicyError

from .manifest import Manifest
from .names import Request, check_name, versions_of
from .registry import Source, satisfies
from .tarball import File

__all__ = ["LocalPackages", "Node", "TreeBuilder"]

_MAX_REPEATED: Final = 2
"""How often one version may lie within itself."""


@dataclass(eq=False)
class Node:
    """A package in ``node_modules``; the project is the one without a parent."""

    name: str
    manifest: Manifest
    parent: Node | None
    asked: str = ""
    kept: bool = False
    """Whether it is there already."""
    files: Mapping[str, File] | None = None
    """Of a package from the sandbox's own files."""
    path: str = ""
    """Of such: where it comes from."""
    children: dict[str, Node] = field(default_factory=dict)
    uses: dict[str, Node] = field(default_factory=dict)
    """What its dependencies are resolved to."""

    @property
    def place(self) -> str:
        """Its path in the project's folder."""
        if self.parent is None:
            return ""
        above = self.parent.place
        return f"{above}/node_modules/{self.name}" if above else f"node_modules/{self.name}"

    def chain(self) -> Iterator[Node]:
        """Itself, its parent and so on to the project."""
        at: Node | None = self
        while at is not None:
            yield at
            at = at.parent

    def find(self, name: str) -> Node | None:
        """What ``require(name)`` in it finds."""
        return next((at.children[name] for at in self.chain() if name in at.children), None)

    def below(self) -> Iterator[Node]:
        """All nodes under it."""
        for child in self.children.values():
            yield child
            yield from child.below()


class LocalPackages(Protocol):
    """Packages of the sandbox's own files."""

    def read(self, path: str) -> tuple[Manifest, Mapping[str, File]]:
        """A tarball or a folder. Raises `PackageInstallError`."""


class Edge(NamedTuple):
    """A package needs another one."""

    node: Node
    request: Request
    optional: bool = False
    peer: bool = False


class TreeBuilder:
    """Builds the tree of one project. ``installed`` are what lies in its ``node_modules``, by place; ``pins``
    versions that a lock file names, by place."""

    def __init__(
        self,
        source: Source,
        local: LocalPackages,
        installed: Mapping[str, Manifest],
        pins: Mapping[str, str],
        *,
        allow: frozenset[str] | None,
        max_packages: int,
    ) -> None:
        self._source = source
        self._local = local
        self._installed = installed
        self._pins = pins
        self._allow = allow
        self._max_packages = max_packages
        self._count = 0
        self._edges: deque[Edge] = deque()
        self._all_edges: list[Edge] = []
        self.warnings: list[str] = []

    def build(self, root: Manifest, wanted: Mapping[str, Request], optional: frozenset[str]) -> Node:
        """The project's tree. ``wanted`` are its own requests, those of its package.json and the new ones, by
        name. Raises `PackageInstallError`, `PolicyError`."""
        project = Node("", root, None, kept=True)
        self._expand([Edge(project, request, request.name in optional) for request in wanted.values()])
        while self._edges:
            level = list(self._edges)
            self._edges.clear()
            self._source.prefetch(self._documents_for(level))
            for edge in level:
                self._satisfy(edge)
        self._verify()
        return project

    def _documents_for(self, edges: list[Edge]) -> Iterator[str]:
        for edge in edges:
            found = edge.node.find(edge.request.name)
            place = f"node_modules/{edge.request.name}"
            installed = self._installed.get(place)
            if edge.request.path is None and not (
                (found is not None and satisfies(found.manifest.version, edge.request.range))
                or (installed is not None and satisfies(installed.version, edge.request.range))
            ):
                yield edge.request.package

    def _expand(self, edges: list[Edge]) -> None:
        self._edges.extend(edges)
        self._all_edges.extend(edges)

    # ---- one requirement ------------------------------------------------------------------------------

    def _fits(self, found: Node, request: Request) -> bool:
        if found.asked == request.range and found.manifest.name == request.package:
            return True
        if request.path is not None or found.manifest.name != request.package:
            return False
        if satisfies(found.manifest.version, request.range):
            return True
        try:
            return self._source.document(request.package).tags.get(request.range) == found.manifest.version
        except PackageInstallError:
            return False

    def _satisfy(self, edge: Edge) -> None:
        node, request = edge.node, edge.request
        start = node.parent if edge.peer and node.parent is not None else node
        found = start.find(request.name)
        if found is not None and self._fits(found, request):
            node.uses[request.name] = found
            return
        if found is not None and edge.peer:
            self.warnings.append(
                f"{node.manifest.name}@{node.manifest.version} wants {request.name}@{request.range} "
                f"beside it, where {found.manifest.version} is"
            )
            node.uses[request.name] = found
            return
        try:
            self._place(start, edge)
        except PackageInstallError:
            if not edge.optional:
                raise

    def _target(self, start: Node, name: str) -> Node:
        """The highest place that hides nothing; where it is needed, if there is none."""
        target = start
        for at in start.chain():
            above = set(at.chain())
            if name in at.children or any(
                name in node.uses and node.uses[name].parent in above for node in (at, *at.below())
            ):
                break
            target = at
        return target

    def _place(self, start: Node, edge: Edge) -> None:
        request = edge.request
        target = self._target(start, request.name)
        if request.name in target.children:
            raise PackageInstallError(
                f"{edge.node.manifest.name or 'the project'} needs {request.name}@{request.range}, and "
                f"{target.children[request.name].manifest.version} is in its place"
            )
        place = f"{target.place}/node_modules/{request.name}".lstrip("/")
        if request.path is not None and edge.node.parent is not None:
            raise PackageInstallError(f"{request.name}@{request.range}: only a project names files")
        child = self._choose(request, target, place)
        if not child.manifest.suits:
            raise PackageInstallError(
                f"EBADPLATFORM: {child.manifest.name}@{child.manifest.version} is for another platform"
            )
        self._count += 1
        if self._count > self._max_packages:
            raise PackageInstallError(f"the project has more than max_packages of {self._max_packages}")
        same = (child.manifest.name, child.manifest.version)
        if sum((each.manifest.name, each.manifest.version) == same for each in child.chain()) > _MAX_REPEATED:
            raise PackageInstallError(
                f"{place}: versions of {child.manifest.name} need each other in a circle that has no layout"
            )
        target.children[request.name] = child
        edge.node.uses[request.name] = child
        self._expand_node(child)
        self._look_again(target, request.name)

    def _look_again(self, above: Node, name: str) -> None:
        """What lies below a new package may have found another one of its name until now."""
        for node in (above, *above.below()):
            if name in node.uses and node.find(name) is not node.uses[name]:
                del node.uses[name]
                self._edges.extend(
                    edge for edge in self._all_edges if edge.node is node and edge.request.name == name
                )

    def _expand_node(self, node: Node) -> None:
        manifest = node.manifest
        edges = []
        for names, optional in ((manifest.dependencies, False), (manifest.optional, True)):
            for name, asked in names.items():
                if name in manifest.bundled:
                    continue  # it is inside the package
                try:
                    edges.append(Edge(node, versions_of(check_name(name), asked), optional))
                except PackageInstallError:
                    if not optional:
                        raise
        for name, asked in manifest.peers.items():
            if name not in manifest.optional_peers:
                edges.append(Edge(node, versions_of(check_name(name), asked), peer=True))
        self._expand(edges)

    def _choose(self, request: Request, parent: Node, place: str) -> Node:
        """The version that is taken: of what is there already, of the lock file, or of the source."""
        if request.path is not None:
            manifest, files = self._local.read(request.path)
            self._check_allowed(manifest.name)
            name = request.name or manifest.name
            return Node(name, manifest, parent, request.range, files=files, path=request.path)
        installed = self._installed.get(place)
        if installed is not None and (installed.name, True) == (
            request.package,
            satisfies(installed.version, request.range),
        ):
            return Node(request.name, installed, parent, request.range, kept=True)
        self._check_allowed(request.package)
        document = self._source.document(request.package)
        pinned = self._pins.get(place)
        if pinned is not None and satisfies(pinned, request.range):
            try:
                manifest = document.manifest(pinned)
            except KeyError:
                manifest = document.pick(request.range)
        else:
            manifest = document.pick(request.range)
        same = installed is not None and (installed.name, installed.version) == (
            manifest.name,
            manifest.version,
        )
        return Node(request.name, manifest, parent, request.range, kept=same)

    def _check_allowed(self, package: str) -> None:
        if self._allow is not None and package.lower() not in self._allow:
            raise PolicyError(f"the policy does not allow the package {package!r}")

    # ---- the outcome -----------------------------------------------------------------------------------

    def _verify(self) -> None:
        for edge in self._all_edges:
            used = edge.node.uses.get(edge.request.name)
            if used is None:
                continue  # an optional one that can't be had
            start = edge.node.parent if edge.peer and edge.node.parent is not None else edge.node
            if start.find(edge.request.name) is not used:
                raise PackageInstallError(
                    f"{edge.node.place or 'the project'} would not find its {edge.request.name}"
                    f"@{edge.request.range}; the packages can't be laid out"
                )
