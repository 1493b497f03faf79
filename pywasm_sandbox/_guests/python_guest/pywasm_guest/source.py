"""The source of the cells, for tracebacks, warnings and `inspect`."""

from __future__ import annotations

import linecache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Sources"]


class Sources:
    """Every cell's source by file name."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def __contains__(self, filename: object) -> bool:
        return filename in self._texts

    def name(self, count: int, source: str) -> str:
        """A name for a cell: "<cell 3>", or "<cell 3.2>" when another source has that name already."""
        name = f"<cell {count}>"
        version = 1
        while self._texts.get(name, source) != source:
            version += 1
            name = f"<cell {count}.{version}>"
        return name

    def add(self, filename: str, source: str) -> None:
        """Make ``source`` known as ``filename``."""
        self._texts[filename] = source
        self._publish(filename, source)

    def _publish(self, filename: str, source: str) -> None:
        # Not splitlines(): it also cuts at form feeds and the like, and Python's line numbers don't.
        lines = [f"{line}\n" for line in source.split("\n")]
        linecache.cache[filename] = (len(source), None, lines, filename)

    def refresh(self) -> None:
        """Put back what `linecache.clearcache` took (user's code calls it, so does linecache in need)."""
        for filename, source in self._texts.items():
            if filename not in linecache.cache:
                self._publish(filename, source)

    # ---- inspect.getsource of classes ------------------------------------------------------------------

    def patch_inspect(self, module: ModuleType) -> None:
        """`inspect.getfile` looks for a class' source in its module's file, which __main__ doesn't have."""
        getfile = module.getfile

        def getfile_of_cell(object: object) -> str:
            try:
                return getfile(object)  # type: ignore[no-any-return]
            except (OSError, TypeError):
                filename = self._find_class(object)
                if filename is None:
                    raise
                return filename

        getfile_of_cell.__doc__ = getfile.__doc__
        getfile_of_cell.__name__ = getfile_of_cell.__qualname__ = "getfile"
        getfile_of_cell.__module__ = module.__name__
        module.getfile = getfile_of_cell  # type: ignore[attr-defined]

    def _find_class(self, value: object) -> str | None:
        if not isinstance(value, type) or getattr(value, "__module__", None) != "__main__":
            return None
        self.refresh()
        own_line = value.__dict__.get("__firstlineno__")
        for filename in reversed(self._texts):
            if self._defines(filename, value.__name__, own_line):
                return filename
        return None

    def _defines(self, filename: str, name: str, line: int | None) -> bool:
        source = self._texts[filename]
        if name not in source:
            return False
        import ast

        try:
            tree = ast.parse(source)
        except SyntaxError:
            return False
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == name:
                first = min((decorator.lineno for decorator in node.decorator_list), default=node.lineno)
                if line is None or line == first:
                    return True
        return False
