"""The sandbox's ``curl`` and ``wget`` against real servers, and beside the host's where there is one."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import NAME, Box, Server, serve_bytes

LINES = [
    "curl -s URL/a",
    "curl -s URL/a URL/b",
    "curl -sS -X DELETE URL/a",
    "curl -s -d x=1 -d y=2 URL/form",
    "curl -s -d @file.txt URL/form",
    "curl -s --data-binary @file.txt URL/form",
    "curl -s --data-raw @raw URL/form",
    "curl -s --data-urlencode 'q=a b&c' URL/form",
    "curl -s -G -d a=1 --data-urlencode 'b=x y' 'URL/path?z=0'",
    "curl -s --json '{\"a\": 1}' URL/json",
    "curl -s -T file.txt URL/up",
    "printf 'from stdin' | curl -s -d @- URL/in",
    "curl -s -o out.txt URL/a; cat out.txt",
    "curl -s -O URL/name.txt; cat name.txt",
    "curl -s --create-dirs -o d/e/f.txt URL/a; cat d/e/f.txt",
    "curl -s 'URL/redirect?to=/there'",
    "curl -sL 'URL/redirect?to=/there'",
    "curl -sL -d body 'URL/redirect?to=/there'",
    "curl -sL -X POST -d body 'URL/redirect?to=/there'",
    "curl -sL --max-redirs 2 'URL/redirect?to=/redirect?to=/redirect?to=/end'; echo $?",
    "curl -s -o /dev/null -w '%{http_code} %{size_download} %{content_type}\\n' URL/a",
    "curl -sL -o /dev/null -w '%{num_redirects} %{url_effective}\\n' 'URL/redirect?to=/x'",
    "curl -s URL/chunks",
    "curl -s URL/bytes/300000 | wc -c",
    "curl -s -I URL/a | head -1 | tr -d '\\r'",
    "curl -s -i URL/a | head -1 | tr -d '\\r'",
    "curl -s URL/cut 2>/dev/null; echo $?",
    "curl -sm 0.3 URL/slow; echo $?",
    "curl -s; echo $?",
    "curl -s --no-such-option URL/a 2>/dev/null; echo $?",
    "curl -s gopher2://x/ 2>/dev/null; echo $?",
    "curl -s -o /no/such/folder/x URL/a; echo $?",
    "curl -s http://127.0.0.1:1/; echo $?",
]

WGET_LINES = [
    "wget -q URL/name.txt; cat name.txt",
    "wget -q URL/a URL/b; cat a b",
    "wget -qO- URL/a",
    "wget -q -O out.txt URL/a; cat out.txt",
    "wget -O out.txt URL/a URL/b 2>/dev/null; cat out.txt",
    "wget -q -P d/e URL/a; cat d/e/a",
    "wget -nv URL/a 2>/dev/null; wget -q URL/a; ls a a.1",
    "wget -q URL/; cat index.html",
    "wget -q 'URL/p?x=1&y=2'; cat 'p?x=1&y=2'",
    "wget -q 'URL/redirect?to=/there' -O -",
    "wget -q --post-data 'x=1&y=2' -O - URL/form",
    "wget -q --post-file=file.txt -O- URL/form",
    "wget -q --method=PUT --body-data=b -O- URL/up",
    "wget -q --method=DELETE -O- URL/a",
    "printf 'URL/a\nURL/b\n' > list; wget -qi list; cat a b",
    "wget -q URL/bytes/300000 -O - | wc -c",
    "wget -q URL/a; wget -nc -q URL/a; echo $?; ls a*",
    "wget -q -O - URL/chunks",
    "wget -q --tries=1 http://127.0.0.1:1/; echo $?",
    "wget -q --max-redirect=0 -O- 'URL/redirect?to=/there'; echo $?",
    "wget -q; echo $?",
    "wget --no-such-option URL/a 2>/dev/null; echo $?",
]


def on_host(line: str, folder: Path) -> tuple[str, int]:
    (folder / "file.txt").write_text("one\ntwo\n")
    done = subprocess.run(["/bin/sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60)
    return done.stdout, done.returncode


@pytest.mark.skipif(shutil.which("curl") is None, reason="the host has no curl to compare with")
@pytest.mark.parametrize("line", LINES)
def test_as_on_the_host(box: Box, http_server: Server, tmp_path: Path, line: str) -> None:
    same(box, http_server, tmp_path, line)


@pytest.mark.skipif(shutil.which("wget") is None, reason="the host has no wget to compare with")
@pytest.mark.parametrize("line", WGET_LINES)
def test_wget_as_on_the_host(box: Box, http_server: Server, tmp_path: Path, line: str) -> None:
    same(box, http_server, tmp_path, line)


def same(box: Box, http_server: Server, tmp_path: Path, line: str) -> None:
    line = line.replace("URL", f"http://127.0.0.1:{http_server.port}")
    box.sandbox.write_file("file.txt", "one\ntwo\n")
    result = box.sandbox.exec(line, timeout=60)
    here = [(method, path, body) for method, path, _, body in http_server.seen]
    http_server.seen.clear()
    expected = on_host(line, tmp_path)
    assert (result.stdout, result.exit_code) == expected, result.stderr
    assert here == [(method, path, body) for method, path, _, body in http_server.seen]


def test_headers(box: Box, http_server: Server) -> None:
    url = f"http://{NAME}:{http_server.port}"
    options = "-H 'X-One: 1' -H 'Accept: text/plain' -H 'User-Agent:' -A me -e from -b a=b -u me:secret"
    assert box.sandbox.exec(f"curl -s {options} {url}/h").exit_code == 0
    headers = http_server.seen[-1][2]
    assert {
        name: headers.get(name) for name in ("X-One", "Accept", "Referer", "Cookie", "Authorization")
    } == {
        "X-One": "1",
        "Accept": "text/plain",
        "Referer": "from",
        "Cookie": "a=b",
        "Authorization": "Basic bWU6c2VjcmV0",
    }


def test_credentials_stay_with_their_host(box: Box, http_server: Server) -> None:
    port = http_server.port
    line = f"curl -sL -u me:secret 'http://{NAME}:{port}/redirect?to=http://other.test:{port}/x'"
    assert box.sandbox.exec(line).stdout == "GET /x "
    first, second = (headers.get("Authorization") for _, _, headers, _ in http_server.seen)
    assert (first, second) == ("Basic bWU6c2VjcmV0", None)


def test_forms(box: Box, http_server: Server) -> None:
    box.sandbox.write_file("file.txt", "content")
    line = f"curl -s -F a=1 -F 'f=@file.txt;type=text/plain' http://{NAME}:{http_server.port}/form"
    assert box.sandbox.exec(line).exit_code == 0
    _, _, headers, body = http_server.seen[-1]
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="a"\r\n\r\n1\r\n' in body
    assert b'name="f"; filename="file.txt"\r\nContent-Type: text/plain\r\n\r\ncontent\r\n' in body


def test_certificates(box: Box, https_server: Server, open_box: Callable[..., Box]) -> None:
    url = f"https://{NAME}:{https_server.port}/a"
    assert box.sandbox.exec(f"curl -s {url}").stdout == "GET /a "
    stranger = open_box("127.0.0.1", "*.test", ca_certificates=None).sandbox.exec(f"curl -sS {url}")
    assert (stranger.exit_code, stranger.stdout) == (60, "")
    assert stranger.stderr.startswith("curl: (60) SSL certificate problem")


def test_what_the_policy_denies(box: Box, http_server: Server, open_box: Callable[..., Box]) -> None:
    denied = open_box("api.test:1").sandbox
    line = f"curl -sS http://127.0.0.1:{http_server.port}/a"
    result = denied.exec(line)
    assert result.exit_code == 7
    assert result.stderr.startswith("curl: (7) Failed to connect to 127.0.0.1")
    assert http_server.seen == []
    assert box.sandbox.exec(line).stdout == "GET /a "
    unknown = box.sandbox.exec("curl http://nowhere.test.invalid/")
    assert unknown.exit_code == 6
    assert unknown.stderr.startswith("curl: (6) Could not resolve host: nowhere.test.invalid")


def test_failing_by_status(box: Box) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngone")

    with serve_bytes(talk) as port:
        results = [box.sandbox.exec(f"curl -sS {option} http://127.0.0.1:{port}/") for option in ("", "-f")]
        results.append(box.sandbox.exec(f"curl -sS --fail-with-body http://127.0.0.1:{port}/"))
        refused = box.sandbox.exec(
            f"wget -nv http://127.0.0.1:{port}/gone.txt; echo $?; ls gone.txt 2>&1 | wc -l"
        )
    assert [(each.stdout, each.exit_code) for each in results] == [("gone", 0), ("", 22), ("gone", 22)]
    assert results[1].stderr == "curl: (22) The requested URL returned error: 404\n"
    assert refused.stdout == "8\n1\n"
    assert refused.stderr.endswith("wget: The requested URL returned error: 404\n")


def test_wget_says_what_it_does(box: Box, http_server: Server) -> None:
    url = f"http://127.0.0.1:{http_server.port}/said"
    result = box.sandbox.exec(
        f"wget {url} && wget -S --spider {url} && wget --header 'X-One: 1' -U me -qO- {url}"
    )
    lines = result.stderr.splitlines()
    assert (result.exit_code, lines[1], lines[-1]) == (0, "'said' saved [10]", "Remote file exists.")
    assert "  HTTP/1.1 200 OK" in lines
    method, path, headers, _ = http_server.seen[-1]
    assert (method, path, headers["X-One"], headers["User-Agent"]) == ("GET", "/said", "1", "me")
    assert http_server.seen[-2][0] == "HEAD"
    recursive = box.sandbox.exec("wget -r http://127.0.0.1:1/")
    assert recursive.exit_code == 2
    denied = box.sandbox.exec("wget http://nowhere.test.invalid/")
    assert (denied.exit_code, "Could not resolve host" in denied.stderr) == (4, True)


def test_what_cannot_be_read_or_is_no_option(box: Box) -> None:
    missing = box.sandbox.exec("curl -s -S -d @missing.txt http://127.0.0.1:1/")
    assert (missing.exit_code, missing.stderr) == (
        26,
        "curl: (26) Failed to open missing.txt: No such file or directory\n",
    )
    assert box.sandbox.exec("curl").stderr.startswith("curl: no URL specified")
    assert box.sandbox.exec("curl --version").stdout.startswith("curl 8")
    assert "usage: curl" in box.sandbox.exec("curl --help").stdout
