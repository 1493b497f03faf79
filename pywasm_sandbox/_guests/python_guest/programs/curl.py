"""``curl``: what scripts and people use most of it, for http and https, over urllib3.

Where it can reach is the sandbox's network policy's to say.
"""

import argparse
import base64
import os
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import urllib3
from urllib3 import exceptions
from urllib3.filepost import encode_multipart_formdata

BAD_OPTION, BAD_URL, NO_HOST, NO_CONNECTION = 2, 3, 6, 7
HTTP_ERROR, WRITE_ERROR, READ_ERROR, TIMED_OUT = 22, 23, 26, 28
CUT, REDIRECTS, EMPTY, BROKEN, CERTIFICATE = 18, 47, 52, 56, 60

CHUNK_BYTES = 1 << 16


class CurlError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"curl: {message}\ncurl: try 'curl --help' for more information", file=sys.stderr)
        sys.exit(BAD_OPTION)


IGNORED = ("-N", "--no-buffer", "-#", "--progress-bar", "-4", "--ipv4", "--http1.1", "--no-progress-meter")


def datum(kind: str) -> Callable[[str], tuple[str, str]]:
    return lambda text: (kind, text)


def add_request_options(add: Callable[..., object]) -> None:
    add("-X", "--request", metavar="METHOD")
    add("-H", "--header", action="append", default=[], metavar="LINE", help="'Name: value', or @file")
    add("-d", "--data", "--data-ascii", action="append", default=[], dest="data", type=datum("text"))
    for kind in ("raw", "binary", "urlencode"):
        add(f"--data-{kind}", action="append", dest="data", type=datum(kind))
    add("--json", action="append", dest="data", type=datum("json"))
    add("-F", "--form", action="append", default=[], metavar="NAME=CONTENT")
    add("-T", "--upload-file", metavar="FILE")
    add("-G", "--get", action="store_true", help="put the data into the URL")
    add("-I", "--head", action="store_true")
    add("-A", "--user-agent")
    add("-e", "--referer")
    add("-b", "--cookie")
    add("-u", "--user", metavar="USER:PASSWORD")
    add("-L", "--location", action="store_true", help="follow redirects")
    add("--max-redirs", type=int, default=50)
    add("--compressed", action="store_true")
    add("-k", "--insecure", action="store_true")
    add("--cacert", metavar="FILE")
    add("-m", "--max-time", type=float)
    add("--connect-timeout", type=float)
    add("--retry", type=int, default=0)


def add_output_options(add: Callable[..., object]) -> None:
    add("-o", "--output", action="append", default=[], metavar="FILE")
    add("-O", "--remote-name", action="store_true")
    add("--create-dirs", action="store_true")
    add("-D", "--dump-header", metavar="FILE")
    add("-i", "--include", action="store_true")
    add("-w", "--write-out", default="", metavar="FORMAT")
    add("-f", "--fail", action="store_true")
    add("--fail-with-body", action="store_true")
    add("-s", "--silent", action="store_true")
    add("-S", "--show-error", action="store_true")
    add("-v", "--verbose", action="store_true")
    for ignored in IGNORED:
        add(ignored, action="store_true", help=argparse.SUPPRESS)
    add("-V", "--version", action="version", version="curl 8.5.0 (wasm32-wasi) urllib3")


def make_parser() -> Parser:
    parser = Parser(prog="curl", description="Transfer data from or to a server.", allow_abbrev=False)
    add_request_options(parser.add_argument)
    add_output_options(parser.add_argument)
    parser.add_argument("--url", action="append", default=[], dest="more")
    parser.add_argument("urls", nargs="*")
    return parser


def parse() -> argparse.Namespace:
    parser = make_parser()
    options = parser.parse_intermixed_args()
    options.urls += options.more
    if not options.urls:
        parser.error("no URL specified")
    return options


def read_file(name: str) -> bytes:
    try:
        if name == "-":
            return sys.stdin.buffer.read()
        with open(name, "rb") as file:
            return file.read()
    except OSError as error:
        raise CurlError(READ_ERROR, f"Failed to open {name}: {error.strerror}") from None


def one_datum(kind: str, text: str) -> bytes:
    if kind == "urlencode":
        name, equals, value = text.partition("=")
        quoted = urllib.parse.quote_plus(value if equals else name)
        return (f"{name}={quoted}" if equals and name else quoted).encode()
    if kind == "raw" or not text.startswith("@"):
        return text.encode()
    content = read_file(text[1:])
    return content.translate(None, b"\r\n\0") if kind == "text" else content


def form_fields(parts: list[str]) -> list[tuple[str, Any]]:
    fields: list[tuple[str, Any]] = []
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            raise CurlError(BAD_OPTION, f"Illegally formatted input field: {part}")
        if value[:1] not in ("@", "<"):
            fields.append((name, value))
            continue
        path, *details = value[1:].split(";")
        known = dict(detail.split("=", 1) for detail in details if "=" in detail)
        content = read_file(path)
        if value[0] == "<":
            fields.append((name, content))
        else:
            kind = known.get("type", "application/octet-stream")
            fields.append((name, (known.get("filename", os.path.basename(path)), content, kind)))
    return fields


class Request:
    """What is asked for, the same for each URL."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.headers: dict[str, str] = {"User-Agent": options.user_agent or "curl/8.5.0", "Accept": "*/*"}
        self.body: bytes | None = None
        self.query = b""
        method = "GET"
        if options.data:
            joined = b"&".join(one_datum(*each) for each in options.data)
            if any(kind == "json" for kind, _ in options.data):
                joined = b"".join(one_datum(*each) for each in options.data)
                self.headers |= {"Content-Type": "application/json", "Accept": "application/json"}
            elif not options.get:
                self.headers["Content-Type"] = "application/x-www-form-urlencoded"
            if options.get or options.head:
                self.query = joined
            else:
                self.body, method = joined, "POST"
        if options.form:
            self.body, self.headers["Content-Type"] = encode_multipart_formdata(form_fields(options.form))
            method = "POST"
        if options.upload_file:
            self.body, method = read_file(options.upload_file), "PUT"
        self.method = options.request or ("HEAD" if options.head else method)
        self.keeps_method = options.request is not None
        self._add_headers(options)

    def _add_headers(self, options: argparse.Namespace) -> None:
        if options.compressed:
            self.headers["Accept-Encoding"] = "gzip, deflate"
        if options.referer:
            self.headers["Referer"] = options.referer
        if options.cookie:
            self.headers["Cookie"] = options.cookie
        if options.user:
            token = base64.b64encode(options.user.encode()).decode()
            self.headers["Authorization"] = f"Basic {token}"
        lines: list[str] = []
        for each in options.header:
            lines += read_file(each[1:]).decode().splitlines() if each.startswith("@") else [each]
        for line in lines:
            name, colon, value = line.partition(":")
            for present in [key for key in self.headers if key.lower() == name.strip().lower()]:
                del self.headers[present]
            if value.strip():
                self.headers[name.strip()] = value.strip()
            elif line.endswith(";") and not colon:
                self.headers[line[:-1].strip()] = ""

    def url(self, url: str) -> str:
        if "://" not in url:
            url = f"http://{url}"
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise CurlError(1, f'Protocol "{parts.scheme}" not supported')
        if not parts.hostname:
            raise CurlError(BAD_URL, "URL rejected: No host part in the URL")
        if self.query:
            query = "&".join(filter(None, (parts.query, self.query.decode())))
            parts = parts._replace(query=query)
        quoted = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        return parts._replace(path=quoted, fragment="").geturl()


class Transfer:
    """One URL."""

    def __init__(self, options: argparse.Namespace, request: Request, pool: urllib3.PoolManager) -> None:
        self.options = options
        self.request = request
        self.pool = pool
        self.started = time.monotonic()
        self.size = 0
        self.status = 0
        self.redirects = 0
        self.content_type = ""
        self.last_url = ""

    def run(self, url: str, output: str | None) -> None:
        self.last_url = self.request.url(url)
        method, body, headers = self.request.method, self.request.body, dict(self.request.headers)
        said: list[bytes] = []
        while True:
            response = self._ask(method, body, headers)
            said.append(self._head(response))
            target = response.headers.get("Location")
            if not (self.options.location and target and response.status in (301, 302, 303, 307, 308)):
                break
            response.drain_conn()
            if self.redirects >= self.options.max_redirs:
                raise CurlError(REDIRECTS, f"Maximum ({self.options.max_redirs}) redirects followed")
            self.redirects += 1
            before, self.last_url = self.last_url, urllib.parse.urljoin(self.last_url, target)
            if urllib.parse.urlsplit(before).netloc != urllib.parse.urlsplit(self.last_url).netloc:
                headers = {k: v for k, v in headers.items() if k.lower() not in ("authorization", "cookie")}
            if response.status == 303 or (response.status in (301, 302) and method == "POST"):
                method, body = method if self.request.keeps_method else "GET", None
                headers.pop("Content-Type", None)
        self.status, self.content_type = response.status, response.headers.get("Content-Type", "")
        if self.options.dump_header:
            self._save(self.options.dump_header, [b"".join(said)])
        failed = response.status >= 400 and (self.options.fail or self.options.fail_with_body)
        shown = b"".join(said) if self.options.include or self.options.head else b""
        silent = failed and not self.options.fail_with_body
        self._save(output, [shown] if silent else self._content(response, shown))
        if failed:
            raise CurlError(HTTP_ERROR, f"The requested URL returned error: {response.status}")

    def _ask(self, method: str, body: bytes | None, headers: dict[str, str]) -> Any:
        left = None
        if self.options.max_time is not None:
            left = max(self.options.max_time - (time.monotonic() - self.started), 0.001)
        limits = [each for each in (self.options.connect_timeout, left) if each is not None]
        timeout = urllib3.Timeout(connect=min(limits, default=None), read=left, total=left)
        if self.options.verbose:
            parts = urllib.parse.urlsplit(self.last_url)
            lines = [
                f"{method} {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1",
                f"Host: {parts.netloc}",
            ]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            sys.stderr.write("".join(f"> {line}\n" for line in [*lines, ""]))
        count = self.options.retry
        retries = urllib3.Retry(count, redirect=False, raise_on_status=False) if count else False
        return self.pool.request(
            method,
            self.last_url,
            body=body,
            headers=headers,
            timeout=timeout,
            redirect=False,
            retries=retries,
            preload_content=False,
            decode_content=self.options.compressed,
        )

    def _head(self, response: Any) -> bytes:
        lines = [f"HTTP/1.1 {response.status} {response.reason or ''}".rstrip()]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        if self.options.verbose:
            sys.stderr.write("".join(f"< {line}\n" for line in [*lines, ""]))
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()

    def _content(self, response: Any, first: bytes) -> Iterator[bytes]:
        if first:
            yield first
        for chunk in response.stream(CHUNK_BYTES):
            if self.options.max_time is not None and time.monotonic() - self.started > self.options.max_time:
                raise CurlError(TIMED_OUT, f"Operation timed out with {self.size} bytes received")
            self.size += len(chunk)
            yield chunk

    def _save(self, name: str | None, chunks: Any) -> None:
        if name in (None, "-"):
            for chunk in chunks:
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
            return
        try:
            if self.options.create_dirs and os.path.dirname(name):
                os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
        except OSError as error:
            raise CurlError(WRITE_ERROR, f"Failed to write to {name}: {error.strerror}") from None

    def write_out(self) -> None:
        values = {
            "http_code": f"{self.status:03}",
            "response_code": f"{self.status:03}",
            "size_download": str(self.size),
            "time_total": f"{time.monotonic() - self.started:.6f}",
            "url_effective": self.last_url,
            "num_redirects": str(self.redirects),
            "content_type": self.content_type,
        }
        text = self.options.write_out.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
        for name, value in values.items():
            text = text.replace(f"%{{{name}}}", value)
        sys.stdout.write(text)
        sys.stdout.flush()


def explain(error: Exception, url: str) -> CurlError:
    """urllib3's exception as one of curl's."""
    while isinstance(error, exceptions.MaxRetryError) and error.reason is not None:
        error = error.reason
    host = urllib.parse.urlsplit(url).hostname
    reason = str(error).partition(": ")[2] or str(error)
    if isinstance(error, exceptions.NameResolutionError):
        return CurlError(NO_HOST, f"Could not resolve host: {host} ({reason})")
    if isinstance(error, exceptions.TimeoutError) and not isinstance(error, exceptions.NewConnectionError):
        return CurlError(TIMED_OUT, "Operation timed out")
    if isinstance(error, exceptions.SSLError):
        return CurlError(CERTIFICATE, f"SSL certificate problem: {error}")
    if isinstance(error, exceptions.NewConnectionError):
        return CurlError(NO_CONNECTION, f"Failed to connect to {host}: {reason}")
    if isinstance(error, exceptions.LocationParseError):
        return CurlError(BAD_URL, f"URL rejected: {error}")
    if "IncompleteRead" in str(error):
        return CurlError(CUT, "transfer closed with outstanding read data remaining")
    if "without response" in str(error):
        return CurlError(EMPTY, "Empty reply from server")
    return CurlError(BROKEN, f"Failure when receiving data from the peer: {error}")


def outputs(options: argparse.Namespace) -> Iterator[str | None]:
    names = iter(options.output)
    for url in options.urls:
        name = next(names, None)
        if name is None and options.remote_name:
            name = os.path.basename(urllib.parse.urlsplit(url).path)
            if not name:
                raise CurlError(WRITE_ERROR, "Remote file name has no length")
        yield name


def main() -> int:
    options = parse()
    status = 0
    details: dict[str, Any] = {"cert_reqs": "CERT_NONE"} if options.insecure else {"ca_certs": options.cacert}
    urllib3.disable_warnings()
    try:
        request = Request(options)
        pool = urllib3.PoolManager(retries=False, **details)
        for url, output in zip(options.urls, outputs(options), strict=True):
            transfer = Transfer(options, request, pool)
            try:
                transfer.run(url, output)
            except (exceptions.HTTPError, OSError) as error:
                raise explain(error, transfer.last_url) from None
            finally:
                transfer.write_out()
    except CurlError as error:
        status = error.code
        if not options.silent or options.show_error:
            print(f"curl: ({status}) {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
