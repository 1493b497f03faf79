"""Packages that the tests make, and a registry on loopback that has them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Registry", "tarball"]


def tarball(
    files: Mapping[str, str | bytes],
    *,
    folder: str = "package",
    extra: Sequence[tuple[tarfile.TarInfo, bytes]] = (),
    executable: Sequence[str] = (),
) -> bytes:
    """A package's files, and whatever else it shall have."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            member.mode = 0o755 if name in executable else 0o644
            archive.addfile(member, io.BytesIO(data))
        for member, data in extra:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(made.getvalue(), mtime=0)


class Registry:
    """Serves what it is given with `add`; `asked` are the paths of all requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.documents: dict[str, dict[str, Any]] = {}
        self.tarballs: dict[str, bytes] = {}
        self.hangs = False
        """Whether tarballs are held back until `go_on` is set."""
        self.go_on = threading.Event()
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urllib.parse.unquote(self.path)[1:]
                registry.asked.append(path)
                if path in registry.tarballs:
                    if registry.hangs:
                        registry.go_on.wait(60)
                    body = registry.tarballs[path]
                elif path in registry.documents:
                    body = json.dumps(registry.documents[path]).encode()
                else:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """No more requests."""
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    def add(
        self,
        name: str,
        version: str,
        *,
        files: Mapping[str, str | bytes] | None = None,
        data: bytes | None = None,
        tags: Sequence[str] = ("latest",),
        dist: Mapping[str, Any] | None = None,
        executable: Sequence[str] = (),
        **manifest: Any,
    ) -> None:
        """One version. ``data`` is a whole tarball, ``dist`` changes what is said of it."""
        described = {"name": name, "version": version, **manifest}
        content = {"index.js": f"module.exports = '{name}@{version}';\n", **(files or {})}
        content = {"package.json": json.dumps(described), **content}
        made = tarball(content, executable=executable) if data is None else data
        path = f"{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        self.tarballs[path] = made
        digest = base64.b64encode(hashlib.sha512(made).digest()).decode()
        described["dist"] = {
            "tarball": f"{self.url}/{path}",
            "shasum": hashlib.sha1(made).hexdigest(),
            "integrity": f"sha512-{digest}",
            **(dist or {}),
        }
        document = self.documents.setdefault(name, {"name": name, "versions": {}, "dist-tags": {}})
        document["versions"][version] = described
        document["dist-tags"].update(dict.fromkeys(tags, version))
