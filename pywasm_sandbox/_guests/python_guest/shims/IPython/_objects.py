"""Objects that wrap data of one MIME type."""

from __future__ import annotations

import html
import json
import os
from typing import Any

__all__ = [
    "HTML",
    "JSON",
    "SVG",
    "Code",
    "DisplayObject",
    "GeoJSON",
    "Javascript",
    "Latex",
    "Markdown",
    "Math",
    "Pretty",
    "ProgressBar",
    "TextDisplayObject",
]


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


class DisplayObject:
    """Data given as it is, or read from a file of the sandbox or from a URL.

    Args:
        data: The data, or a URL.
        url: Where to read it from, if the sandbox has a network.
        filename: The file to read it from.
        metadata: Goes with the data.
    """

    _read_flags = "r"
    _show_mem_addr = False
    metadata: dict[str, Any] | None = None

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: str | os.PathLike[str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if isinstance(data, os.PathLike):
            data, filename = None, data
        if isinstance(data, str) and url is None and filename is None and _is_url(data):
            data, url = None, data
        self.data = data
        self.url = url
        self.filename = None if filename is None else os.fspath(filename)
        if metadata is not None:
            self.metadata = metadata
        elif self.metadata is None:
            self.metadata = {}
        self.reload()
        self._check_data()

    def __repr__(self) -> str:
        if self._show_mem_addr:
            return super().__repr__()
        return f"<{type(self).__module__}.{type(self).__qualname__} object>"

    def _check_data(self) -> None:
        """Subclasses refuse data of the wrong type here."""

    def _data_and_metadata(self) -> Any:
        return (self.data, self.metadata) if self.metadata else self.data

    def reload(self) -> None:
        """Read the file or the URL again."""
        if self.filename is not None:
            encoding = None if "b" in self._read_flags else "utf-8"
            with open(self.filename, self._read_flags, encoding=encoding) as file:
                self.data = file.read()
        elif self.url is not None:
            from urllib.request import urlopen

            with urlopen(self.url) as response:
                data = response.read()
            self.data = data if "b" in self._read_flags else data.decode("utf-8", "replace")


class TextDisplayObject(DisplayObject):
    """A `DisplayObject` whose data is text."""

    def _check_data(self) -> None:
        if self.data is not None and not isinstance(self.data, str):
            raise TypeError(f"{type(self).__name__} expects text, not {self.data!r}")


class Pretty(TextDisplayObject):
    """Text, as it is."""

    def __repr__(self) -> str:
        return str(self.data)


class HTML(TextDisplayObject):
    """HTML. Objects with an ``__html__`` method take it as well: ``HTML(data=obj.__html__())``."""

    def _repr_html_(self) -> Any:
        return self._data_and_metadata()

    def __html__(self) -> str:
        return str(self.data)


class Markdown(TextDisplayObject):
    """Markdown."""

    def _repr_markdown_(self) -> Any:
        return self._data_and_metadata()


class Latex(TextDisplayObject):
    """LaTeX, with its own math delimiters."""

    def _repr_latex_(self) -> Any:
        return self._data_and_metadata()


class Math(TextDisplayObject):
    """A LaTeX formula; delimiters are put around it."""

    def _repr_latex_(self) -> Any:
        text = f"$\\displaystyle {str(self.data).strip('$')}$"
        return (text, self.metadata) if self.metadata else text


class SVG(DisplayObject):
    """An SVG image; what stands before the <svg> element is left out."""

    _read_flags = "rb"

    def _check_data(self) -> None:
        if isinstance(self.data, bytes | bytearray):
            self.data = bytes(self.data).decode("utf-8", "replace")
        if self.data is not None and not isinstance(self.data, str):
            raise TypeError(f"SVG expects text, not {self.data!r}")
        if self.data is not None:
            start = self.data.find("<svg")
            self.data = self.data[max(start, 0) :]

    def reload(self) -> None:
        super().reload()
        self._check_data()

    def _repr_svg_(self) -> Any:
        return self._data_and_metadata()


class ProgressBar(DisplayObject):
    """Counts up to ``total``; iterating over it shows and updates it."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self.total = total
        self._progress = 0
        self.html_width = "60ex"
        self.text_width = 60
        self._display_id = os.urandom(8).hex()

    def __repr__(self) -> str:
        done = self.text_width * self._progress // self.total if self.total else self.text_width
        bar = "=" * done + " " * (self.text_width - done)
        return f"[{bar}] {self._progress}/{self.total}"

    def _repr_html_(self) -> str:
        style = f"width:{self.html_width}"
        return f"<progress style='{style}' max='{self.total}' value='{self._progress}'></progress>"

    def display(self) -> None:
        from pywasm_guest.display import display

        display(self, display_id=self._display_id)

    def update(self) -> None:
        from pywasm_guest.display import display

        display(self, display_id=self._display_id, update=True)

    @property
    def progress(self) -> int:
        return self._progress

    @progress.setter
    def progress(self, value: int) -> None:
        self._progress = value
        self.update()

    def __iter__(self) -> ProgressBar:
        self.display()
        self._progress = -1
        return self

    def __next__(self) -> int:
        self.progress += 1
        if self.progress < self.total:
            return self.progress
        raise StopIteration


class JSON(DisplayObject):
    """A JSON value: a dict or list, or JSON text in a file."""

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: str | os.PathLike[str] | None = None,
        expanded: bool = False,
        metadata: dict[str, Any] | None = None,
        root: str = "root",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            data, url, filename, {"expanded": expanded, "root": root, **kwargs, **(metadata or {})}
        )

    def _check_data(self) -> None:
        if isinstance(self.data, str):
            self.data = json.loads(self.data)
        if self.data is not None and not isinstance(self.data, dict | list):
            raise TypeError(f"{type(self).__name__} expects a JSONable dict or list, not {self.data!r}")

    def reload(self) -> None:
        super().reload()
        self._check_data()

    def _repr_json_(self) -> Any:
        return self._data_and_metadata()


class GeoJSON(JSON):
    """A GeoJSON value."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        bundle = {"application/geo+json": self.data, "text/plain": repr(self)}
        return bundle, {"application/geo+json": self.metadata}

    def _repr_json_(self) -> Any:
        return None


class Javascript(TextDisplayObject):
    """JavaScript for the page that shows it.

    Args:
        lib: URLs of scripts to load first.
        css: URLs of style sheets to load first.
    """

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: str | os.PathLike[str] | None = None,
        lib: str | list[str] | None = None,
        css: str | list[str] | None = None,
    ) -> None:
        self.lib = [lib] if isinstance(lib, str) else list(lib or ())
        self.css = [css] if isinstance(css, str) else list(css or ())
        super().__init__(data, url, filename)

    def _repr_javascript_(self) -> str:
        styles = "".join(
            "var link = document.createElement('link'); link.rel = 'stylesheet'; link.type = 'text/css'; "
            f"link.href = {json.dumps(url)}; document.head.appendChild(link);\n"
            for url in self.css
        )
        before = "".join(
            "new Promise(function(resolve, reject) { var script = document.createElement('script'); "
            f"script.onload = resolve; script.onerror = reject; script.src = {json.dumps(url)}; "
            "document.head.appendChild(script); }).then(() => {\n"
            for url in self.lib
        )
        return f"{styles}{before}{self.data}{chr(10) + '});' * len(self.lib) if self.lib else ''}"


class Code(TextDisplayObject):
    """Source code, shown as it is."""

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: str | os.PathLike[str] | None = None,
        language: str | None = None,
    ) -> None:
        self.language = language
        super().__init__(data, url, filename)

    def __repr__(self) -> str:
        return str(self.data)

    def _language(self) -> str:
        if self.language is not None:
            return self.language
        return os.path.splitext(self.filename or "")[1].removeprefix(".")

    def _repr_html_(self) -> str:
        name = html.escape(self._language(), quote=True)
        attribute = f' class="language-{name}"' if name else ""
        return f"<pre><code{attribute}>{html.escape(str(self.data))}</code></pre>"

    def _repr_latex_(self) -> str:
        return f"\\begin{{verbatim}}\n{self.data}\n\\end{{verbatim}}"
