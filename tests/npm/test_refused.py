"""What `npm install` refuses: hostile tarballs, names and registries, beside ones that are fine."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import secrets
import socket
import tarfile
import time
from typing import Any

import pytest

from pywasm_sandbox import NpmPolicy, PackageInstallError, PolicyError, Sandbox
from tests.npm.registry import Registry, tarball

pytest.importorskip("nodesemver")

MANIFEST = json.dumps({"name": "parcel", "version": "1.0.0"})
FILES = {"package.json": MANIFEST, "index.js": "module.exports = 'fine'"}


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, target, 0o644
    return made


def untouched(sandbox: Sandbox) -> bool:
    """Whether nothing was written."""
    return not sandbox.exists("node_modules/parcel") and not sandbox.exists("package.json")


def install(sandbox: Sandbox, *packages: str) -> list[str]:
    return sandbox.install_packages(list(packages), language="javascript")


def test_the_control(sandbox: Sandbox, registry: Registry) -> None:
    extra = [(member("package/deep/er/file.txt"), b"x"), (member("package/folder", tarfile.DIRTYPE), b"")]
    registry.add("parcel", "1.0.0", data=tarball(FILES, extra=extra))
    assert install(sandbox, "parcel") == ["parcel@1.0.0"]
    assert sandbox.read_file("node_modules/parcel/deep/er/file.txt").content == "x"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            (member("package/../../escape.js"), b"x"),
            "has a file outside of the package: 'package/../../escape.js'",
        ),
        ((member("../escape.js"), b"x"), "has a file outside of the package"),
        ((member("/workspace/escape.js"), b"x"), "has a file outside of the package"),
        ((member("package\\..\\escape.js"), b"x"), "has a file outside of the package"),
        ((member("escape.js"), b"x"), "has a file outside of the package"),
        ((member("package/link", tarfile.SYMTYPE, "/etc"), b""), "has a link: 'package/link'"),
        ((member("package/link", tarfile.SYMTYPE, "index.js"), b""), "has a link"),
        ((member("package/hard", tarfile.LNKTYPE, "package/index.js"), b""), "has a link"),
        ((member("package/null", tarfile.CHRTYPE), b""), "has a special file: 'package/null'"),
        ((member("package/fifo", tarfile.FIFOTYPE), b""), "has a special file"),
        ((member("package/index.js"), b"again"), "has two files of one name: 'package/index.js'"),
        ((member("other/index.js"), b"again"), "has two files of one name"),
        ((member("package/index.js/inner"), b"x"), "has a file that is a folder too: 'index.js'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_members(sandbox: Sandbox, registry: Registry, extra: Any, message: str) -> None:
    registry.add("parcel", "1.0.0", data=tarball(FILES, extra=[extra]))
    with pytest.raises(PackageInstallError) as failure:
        install(sandbox, "parcel")
    assert str(failure.value).startswith("parcel@1.0.0 was refused: it ")
    assert message in str(failure.value)
    assert untouched(sandbox)
    assert not sandbox.exists("/workspace/escape.js")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no good tarball"),
        (b"no gzip at all", "is no good tarball"),
        (tarball(FILES)[:-20], "is no good tarball"),
        (gzip.compress(b"no tar" * 1000), "is no good tarball"),
        (tarball({"index.js": ""}), "has no package.json"),
        (tarball({"package.json": "{"}), "has a package.json that is none"),
        (tarball({"package.json": "[]"}), "has a package.json that is no object"),
        (tarball({"package.json": "[" * 100_000}), "has a package.json that is none"),
        (tarball({"package.json": '{"name": "other", "version": "1.0.0"}'}), "says that it is other@1.0.0"),
        (tarball({"package.json": '{"name": "parcel", "version": "6.6.6"}'}), "says that it is parcel@6.6.6"),
    ],
)
def test_what_is_no_package(sandbox: Sandbox, registry: Registry, data: bytes, message: str) -> None:
    registry.add("parcel", "1.0.0", data=data)
    with pytest.raises(PackageInstallError, match=message):
        install(sandbox, "parcel")
    assert untouched(sandbox)


def test_bombs(registry: Registry) -> None:
    with Sandbox(npm=NpmPolicy(registry=registry.url, max_bytes=1_000_000)) as sandbox:
        registry.add("parcel", "1.0.0", data=tarball({**FILES, "big.txt": b"\0" * 900_000}))
        assert install(sandbox, "parcel") == ["parcel@1.0.0"]
        sandbox.exec("npm rm parcel")
        registry.add("parcel", "1.0.1", data=tarball({**FILES, "big.txt": b"\0" * 1_100_000}))
        with pytest.raises(PackageInstallError, match="unpacks to more than what max_bytes leaves"):
            install(sandbox, "parcel")
        # Two that fit alone.
        for name in ("one", "two"):
            registry.add(name, "1.0.0", files={"big.txt": b"\0" * 700_000})
        with pytest.raises(PackageInstallError, match="max_bytes leaves"):
            install(sandbox, "one", "two")
        assert not sandbox.exists("node_modules/one")


def test_a_bomb_is_not_inflated(sandbox: Sandbox, registry: Registry) -> None:
    bomb = io.BytesIO()
    with gzip.GzipFile(fileobj=bomb, mode="wb", mtime=0) as stream:
        for _ in range(800):
            stream.write(b"\0" * (1 << 20))
    registry.add("parcel", "1.0.0", data=bomb.getvalue())
    with pytest.raises(PackageInstallError, match="unpacks to more than what max_bytes leaves"):
        install(sandbox, "parcel")


def test_a_sparse_file_counts_with_its_size(sandbox: Sandbox, registry: Registry) -> None:
    made = io.BytesIO()
    sparse = member("package/sparse", tarfile.GNUTYPE_SPARSE)
    header = bytearray(sparse.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (0, 0)
    header[483:495] = b"%011o\0" % (8 << 30)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    plain = gzip.decompress(tarball(FILES)).rstrip(b"\0")
    plain += b"\0" * (-len(plain) % 512)
    made.write(plain + bytes(header) + b"\0" * 1024)
    registry.add("parcel", "1.0.0", data=gzip.compress(made.getvalue(), mtime=0))
    with pytest.raises(PackageInstallError, match="max_bytes leaves"):
        install(sandbox, "parcel")


def test_too_many_files(sandbox: Sandbox, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pywasm_sandbox._sandbox.npm.tarball.MAX_MEMBERS", 10)
    registry.add("parcel", "1.0.0", data=tarball({**FILES, **{f"f{n}": "" for n in range(8)}}))
    assert install(sandbox, "parcel") == ["parcel@1.0.0"]
    sandbox.exec("npm rm parcel")
    registry.add("parcel", "1.0.1", data=tarball({**FILES, **{f"f{n}": "" for n in range(9)}}))
    with pytest.raises(PackageInstallError, match="has more than 10 files"):
        install(sandbox, "parcel")


def test_the_quota(registry: Registry) -> None:
    registry.add("parcel", "1.0.0", data=tarball({**FILES, "big.txt": b"\0" * 3_000_000}))
    with Sandbox(npm=NpmPolicy(registry=registry.url), disk_bytes=2_000_000) as sandbox:
        with pytest.raises(PackageInstallError, match="don't fit into the sandbox's files"):
            install(sandbox, "parcel")
        assert untouched(sandbox)
        assert sandbox.exec("ls -a node_modules").stdout.split() == [".", ".."]
        assert install(sandbox, "alpha") == ["alpha@2.0.0", "beta@1.5.0"]


# ---- integrity ------------------------------------------------------------------------------------------


def digest(name: str, data: bytes) -> str:
    return f"{name}-{base64.b64encode(hashlib.new(name, data).digest()).decode()}"


GOOD = tarball(FILES)


@pytest.mark.parametrize(
    ("dist", "message"),
    [
        ({"integrity": digest("sha512", GOOD)}, None),
        ({"integrity": digest("sha256", GOOD)}, None),
        ({"integrity": None}, None),  # its shasum is there
        ({"integrity": f"{digest('sha1', GOOD)} {digest('sha512', GOOD)}"}, None),
        ({"integrity": f"{digest('sha512', b'x')} {digest('sha512', GOOD)}"}, None),
        ({"integrity": digest("sha512", b"other")}, "is not what the registry says (sha512)"),
        (
            {"integrity": f"{digest('sha1', GOOD)} {digest('sha512', b'x')}"},
            "is not what the registry says (sha512)",
        ),
        ({"integrity": None, "shasum": "0" * 40}, "is not what the registry says (sha1)"),
        ({"integrity": None, "shasum": "xyz"}, "is not what the registry says (sha1)"),
        ({"integrity": None, "shasum": None}, "comes without an integrity"),
        ({"integrity": "md5-AAAA"}, "comes without an integrity"),
        ({"integrity": "sha512-!!"}, "has an integrity that is none"),
    ],
)
def test_integrity(sandbox: Sandbox, registry: Registry, dist: dict[str, Any], message: str | None) -> None:
    registry.add("parcel", "1.0.0", data=GOOD, dist=dist)
    if message is None:
        assert install(sandbox, "parcel") == ["parcel@1.0.0"]
        return
    with pytest.raises(PackageInstallError) as failure:
        install(sandbox, "parcel")
    assert message in str(failure.value)
    assert untouched(sandbox)


def test_a_tarball_of_elsewhere(sandbox: Sandbox, registry: Registry) -> None:
    other = Registry()
    try:
        other.add("parcel", "1.0.0")
        there = other.documents["parcel"]["versions"]["1.0.0"]["dist"]
        registry.add("parcel", "1.0.0", dist=there)
        with pytest.raises(PackageInstallError, match="its tarball is not of the registry"):
            install(sandbox, "parcel")
        registry.add("parcel", "1.0.0", dist={"tarball": "file:///etc/passwd"})
        with pytest.raises(PackageInstallError, match="its tarball is not of the registry"):
            install(sandbox, "parcel")
        assert other.asked == []
    finally:
        other.close()


def test_a_lock_file_chooses_no_address(sandbox: Sandbox, registry: Registry) -> None:
    assert install(sandbox, "alpha@1") == ["alpha@1.2.0"]
    lock = json.loads(sandbox.read_file("package-lock.json").content)
    lock["packages"]["node_modules/alpha"]["resolved"] = "http://127.0.0.1:9/alpha.tgz"
    sandbox.write_file("package-lock.json", json.dumps(lock))
    assert sandbox.exec("npm ci").success
    assert sandbox.exec(["node", "-p", "require('alpha')"]).stdout == "alpha@1.2.0\n"


# ---- names, requests, policy ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../b", "node_modules", ".bin", "@a/../b", "a\\b", "x" * 300, "@/x"]
)
def test_names_of_dependencies(sandbox: Sandbox, registry: Registry, name: str) -> None:
    registry.add("parcel", "1.0.0", dependencies={name: "1.0.0"})
    with pytest.raises(PackageInstallError, match="is not a name that a package can have"):
        install(sandbox, "parcel")
    assert untouched(sandbox)


@pytest.mark.parametrize(
    "asked",
    [
        *("git+https://example.org/x.git", "git@example.org:a/b.git", "github:a/b", "a/b"),
        *("https://example.org/x", "http://127.0.0.1/x", "alpha@git+ssh://x/y", "alpha@github:a/b"),
        *("alpha@https://example.org/x", "alpha@workspace:*", "alpha@a/b"),
    ],
)
def test_what_is_not_of_the_registry(sandbox: Sandbox, registry: Registry, asked: str) -> None:
    with pytest.raises(PackageInstallError, match="not taken"):
        install(sandbox, asked)
    if "@" in asked and asked.startswith("alpha"):
        registry.add("parcel", "1.0.0", dependencies={"alpha": asked.partition("@")[2]})
        with pytest.raises(PackageInstallError, match="not taken"):
            install(sandbox, "parcel")
    assert untouched(sandbox)


def test_dependencies_name_no_files(sandbox: Sandbox, registry: Registry) -> None:
    sandbox.write_file("secret/package.json", '{"name": "secret", "version": "1.0.0"}')
    registry.add("parcel", "1.0.0", dependencies={"secret": "file:../../secret"})
    with pytest.raises(PackageInstallError, match="only a project names files"):
        install(sandbox, "parcel")


def test_files_of_the_host_are_not_reached(sandbox: Sandbox) -> None:
    for path in ("/etc/passwd", "./../../../etc/passwd.tgz", "file:/etc"):
        result = sandbox.exec(["npm", "i", path])
        assert result.exit_code == 1
        assert (
            "No such file" in result.stderr
            or "was refused" in result.stderr
            or "no package.json" in result.stderr
        )


def test_allow(registry: Registry) -> None:
    with Sandbox(npm=NpmPolicy(registry=registry.url, allow=["Alpha", "beta"])) as sandbox:
        assert install(sandbox, "alpha") == ["alpha@2.0.0", "beta@1.5.0"]
        with pytest.raises(PolicyError, match="does not allow the package 'tool'"):
            install(sandbox, "tool")
        with pytest.raises(PolicyError, match="does not allow the package 'tool'"):
            install(sandbox, "alpha@npm:tool")
    with Sandbox(npm=NpmPolicy(registry=registry.url, allow=["alpha"])) as sandbox:
        with pytest.raises(PolicyError, match="does not allow the package 'beta'"):
            install(sandbox, "alpha")
        assert untouched(sandbox)


def test_code_chooses_no_registry(sandbox: Sandbox, registry: Registry) -> None:
    other = Registry()
    try:
        other.add("alpha", "9.9.9")
        sandbox.write_file(".npmrc", f"registry={other.url}\n")
        sandbox.write_file("/home/user/.npmrc", f"registry={other.url}\n")
        result = sandbox.exec("npm i alpha", env={"npm_config_registry": other.url})
        assert result.success
        assert sandbox.exec(["node", "-p", "require('alpha')"]).stdout == "alpha@2.0.0\n"
        result = sandbox.exec(f"npm i alpha --registry={other.url}")
        assert (result.exit_code, "chosen by the policy" in result.stderr) == (1, True)
        assert other.asked == []
    finally:
        other.close()


def test_too_many_packages(registry: Registry) -> None:
    for number in range(30):
        registry.add(f"link-{number}", "1.0.0", dependencies={f"link-{number + 1}": "1"})
    registry.add("link-30", "1.0.0")
    with Sandbox(npm=NpmPolicy(registry=registry.url, max_packages=31)) as sandbox:
        assert len(install(sandbox, "link-0")) == 31
    with (
        Sandbox(npm=NpmPolicy(registry=registry.url, max_packages=30)) as sandbox,
        pytest.raises(PackageInstallError, match="more than max_packages of 30"),
    ):
        install(sandbox, "link-0")


@pytest.mark.parametrize(
    "document",
    [
        *([], {}, {"versions": []}, {"versions": {}}, {"versions": {"1.0.0": None}}, "text"),
        {"versions": {"nonsense": {}}, "dist-tags": {"latest": "nonsense"}},
        {"versions": {"1.0.0": {}}, "dist-tags": {"latest": "7"}},
        {"versions": {"1.0.0": {"dist": 5, "dependencies": [], "bin": 3, "os": {}}}, "dist-tags": 5},
    ],
)
def test_documents_of_any_shape(sandbox: Sandbox, registry: Registry, document: Any) -> None:
    registry.documents["parcel"] = document
    with pytest.raises(PackageInstallError):
        install(sandbox, "parcel")
    assert install(sandbox, "alpha") == ["alpha@2.0.0", "beta@1.5.0"]


@pytest.mark.parametrize(
    "asked", ["1 - " * 200, "<" * 900, "1." + "0" * 900, "a-" * 400, "^" * 5000, "1 || " * 200]
)
def test_hostile_ranges_end_soon(sandbox: Sandbox, asked: str) -> None:
    started = time.monotonic()
    with contextlib.suppress(PackageInstallError):
        install(sandbox, f"alpha@{asked}")
    assert time.monotonic() - started < 10


def test_a_registry_that_is_not_there() -> None:
    with (
        Sandbox(npm=NpmPolicy(registry="http://127.0.0.1:9", timeout=5)) as sandbox,
        pytest.raises(PackageInstallError, match=r"127\.0\.0\.1:9"),
    ):
        install(sandbox, "alpha")


@pytest.mark.parametrize("path", ["document", "tarball"])
def test_a_deadline_ends_an_installation_that_hangs(registry: Registry, path: str) -> None:
    hung = socket.create_server(("127.0.0.1", 0))  # nobody accepts
    url = f"http://127.0.0.1:{hung.getsockname()[1]}"
    if path == "tarball":
        registry.hangs = True
        registry.add("alpha", "7.0.0", files={"stamp": secrets.token_hex()})  # in no cache
        url = registry.url
    try:
        with Sandbox(npm=NpmPolicy(registry=url)) as sandbox:
            sandbox.exec("npm -v")
            started = time.monotonic()
            result = sandbox.exec("npm i alpha", timeout=1.5)
            assert result.error is not None
            assert result.error.name == "ExecutionTimeout"
            assert time.monotonic() - started < 30
            assert sandbox.exec("echo on").stdout == "on\n"
            assert not sandbox.exists("node_modules/alpha")
    finally:
        registry.go_on.set()
        hung.close()


def test_a_link_in_the_way_stays_inside(sandbox: Sandbox) -> None:
    sandbox.exec("mkdir -p /tmp/elsewhere && ln -s /tmp/elsewhere node_modules")
    assert install(sandbox, "alpha@1") == ["alpha@1.2.0"]
    assert sandbox.exists("/tmp/elsewhere/alpha/index.js")
    sandbox.exec("rm node_modules && ln -s /usr/lib node_modules")
    with pytest.raises(PackageInstallError, match="don't fit into the sandbox's files"):
        install(sandbox, "alpha@1")
