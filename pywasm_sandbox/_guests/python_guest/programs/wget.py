"""``wget``: files from http and https, with the machinery of ``curl``."""

import argparse
import os
import sys
import time
import urllib.parse
from typing import Any

import urllib3
from urllib3 import exceptions

from .common import Command, Trouble, opened
from .curl import (
    CERTIFICATE,
    HTTP_ERROR,
    REDIRECTS,
    WRITE_ERROR,
    CurlError,
    Request,
    Transfer,
    explain,
    make_parser,
)

USAGE = """\
Usage: wget [OPTION]... URL...
Fetch files.

  -O, --output-document=FILE   write all to FILE; - for standard output
  -P, --directory-prefix=DIR   into DIR
  -nc, --no-clobber            not what is there already
  -q, --quiet, -nv, --no-verbose, -S, --server-response
  -i, --input-file=FILE        the URLs in FILE
  -t, --tries=N, -T, --timeout=SECONDS
  -U, --user-agent=TEXT, --header=LINE, --user=NAME, --password=TEXT
  --post-data=TEXT, --post-file=FILE, --method=NAME, --body-data=TEXT, --body-file=FILE
  --max-redirect=N, --no-check-certificate, --ca-certificate=FILE
  --spider                     only ask whether it is there
Recursion (-r) and going on with parts (-c) are not supported.
"""
LONG = {
    "output-document=": "O",
    "directory-prefix=": "P",
    "no-clobber": "",
    "quiet": "q",
    "no-verbose": "",
    "verbose": "v",
    "server-response": "S",
    "input-file=": "i",
    "tries=": "t",
    "timeout=": "T",
    "connect-timeout=": "",
    "read-timeout=": "",
    "user-agent=": "U",
    "header=": "",
    "user=": "",
    "password=": "",
    "http-user=": "",
    "http-password=": "",
    "post-data=": "",
    "post-file=": "",
    "method=": "",
    "body-data=": "",
    "body-file=": "",
    "referer=": "",
    "max-redirect=": "",
    "no-check-certificate": "",
    "ca-certificate=": "",
    "spider": "",
    "show-progress": "",
    "progress=": "",
    "no-cache": "",
    "no-cookies": "",
    "no-proxy": "",
    "content-disposition": "",
    "https-only": "",
    "no-hsts": "",
    "inet4-only": "4",
}
IO_ERROR, NETWORK, TLS, SERVER = 3, 4, 5, 8


def curl_options(given: dict[str, str], headers: list[str]) -> argparse.Namespace:
    """What was asked for in curl's words."""
    data = []
    for name, kind in (("--post-data", "raw"), ("--body-data", "raw")):
        if name in given:
            data.append((kind, given[name]))
    for name in ("--post-file", "--body-file"):
        if name in given:
            data.append(("binary", f"@{given[name]}"))
    user = given.get("--user", given.get("--http-user"))
    password = given.get("--password", given.get("--http-password", ""))
    seconds = float(given["-T"]) if given.get("-T", "0") != "0" else None
    options = make_parser().parse_args([])
    vars(options).update(
        request=given.get("--method", "HEAD" if "--spider" in given else None),
        header=headers,
        data=data,
        head="--spider" in given,
        user_agent=given.get("-U", "Wget/1.21.3"),
        referer=given.get("--referer"),
        user=f"{user}:{password}" if user else None,
        location=True,
        max_redirs=int(given.get("--max-redirect", "20")),
        connect_timeout=seconds,
        retry=max(int(given.get("-t", "1")) - 1, 0),
        create_dirs=True,
        fail=True,
    )
    return options


class Download(Transfer):
    """One file."""

    def _content(self, response: Any, first: bytes) -> Any:
        # With --spider there is nothing to write.
        return iter(()) if self.options.head else super()._content(response, b"")

    def _head(self, response: Any) -> bytes:
        head = super()._head(response)
        if self.options.show_head:
            sys.stderr.write("".join(f"  {line}\n" for line in head.decode("latin-1").splitlines() if line))
        return head


def name_of(url: str, folder: str) -> str:
    parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
    name = os.path.basename(urllib.parse.unquote(parts.path)) or "index.html"
    return os.path.join(folder, f"{name}?{parts.query}" if parts.query else name)


def free(path: str) -> str:
    """The path, or with a number that no file has."""
    number = 0
    found = path
    while os.path.lexists(found):
        number += 1
        found = f"{path}.{number}"
    return found


class Wget:
    """One invocation."""

    def __init__(self, given: dict[str, str], headers: list[str]) -> None:
        self.given = given
        self.options = curl_options(given, headers)
        self.options.show_head = "-S" in given
        self.quiet = "-q" in given
        self.document = given.get("-O")
        insecure = "--no-check-certificate" in given
        details: dict[str, Any] = (
            {"cert_reqs": "CERT_NONE"} if insecure else {"ca_certs": given.get("--ca-certificate")}
        )
        urllib3.disable_warnings()
        self.pool = urllib3.PoolManager(retries=False, **details)

    def say(self, text: str) -> None:
        if not self.quiet:
            sys.stdout.flush()
            print(text, file=sys.stderr)

    def target(self, url: str) -> str | None:
        """Where to write; None for nowhere."""
        if "--spider" in self.given:
            return "/dev/null"
        if self.document is not None:
            return self.document
        path = name_of(url, self.given.get("-P", "."))
        path = path.removeprefix("./")
        if "--no-clobber" in self.given:
            if os.path.lexists(path):
                self.say(f"File '{path}' already there; not retrieving.")
                return None
            return path
        return free(path)

    def fetch(self, url: str) -> None:
        path = self.target(url)
        if path is None:
            return
        self.say(f"--{time.strftime('%Y-%m-%d %H:%M:%S')}--  {url}")
        transfer = Download(self.options, Request(self.options), self.pool)
        try:
            transfer.run(url, path)
        except (exceptions.HTTPError, OSError) as error:
            raise explain(error, transfer.last_url) from None
        except CurlError as error:
            if error.code == HTTP_ERROR and self.document is None:
                os.unlink(path)
            raise
        if "--spider" in self.given:
            self.say("Remote file exists.")
        elif path != "-":
            self.say(f"'{path}' saved [{transfer.size}]")


def parse() -> tuple[Wget, list[str]]:
    short = {"-nc": "--no-clobber", "-nv": "--no-verbose", "-nd": "--no-cookies", "-nH": "--no-cookies"}
    words = [short.get(word, word) for word in sys.argv[1:]]
    found, urls = command.options("O:P:qvSi:t:T:U:4", LONG, words)
    given = dict(found)
    if "-i" in given:
        with opened(given["-i"]) as file:
            urls += [line for line in file.read().decode().split() if line]
    if not urls:
        raise Trouble("missing URL\nTry 'wget --help' for more information.")
    return Wget(given, [value for name, value in found if name == "--header"]), urls


def main() -> None:
    wget, urls = parse()
    if wget.document not in (None, "-"):
        # All URLs go into it, one after the other.
        join(wget, urls)
        return
    for url in urls:
        attempt(wget, url)


def join(wget: Wget, urls: list[str]) -> None:
    document, parts = wget.document or "", []
    for url in urls:
        attempt(wget, url)
        with opened(document) as file:
            parts.append(file.read())
    if urls[1:]:
        with open(document, "wb") as whole:
            whole.writelines(parts)


def attempt(wget: Wget, url: str) -> None:
    try:
        wget.fetch(url)
    except CurlError as error:
        codes = {HTTP_ERROR: SERVER, REDIRECTS: SERVER, CERTIFICATE: TLS, WRITE_ERROR: IO_ERROR}
        status = codes.get(error.code, NETWORK if error.code > 2 else 1)
        if wget.quiet:
            command.status = max(command.status, status)
        else:
            command.complain(str(error), status)
    except ValueError as error:
        raise Trouble(str(error), 2) from None


command = Command(USAGE, usage_status=2)
command.run(main)
