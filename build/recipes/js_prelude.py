"""The prelude of the JavaScript guest: `js_guest/` and npm packages in one script.

The packages, esbuild among them, are those of `npm/package-lock.json`, which has the hash of each; npm checks
it. A package that the prelude is to have goes into `npm/package.json`:

    cd build/npm && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved NAME
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from driver.registry import stage
from driver.stages import Context

JS_GUEST = "../pywasm_sandbox/_guests/js_guest"
PRELUDE_FILES = tuple(f"{JS_GUEST}/{part}" for part in ("main.js", "host.js", "web/**/*.js"))
NPM_SETTINGS = ("NODE_EXTRA_CA_CERTS", "NPM_CONFIG_USERCONFIG", "npm_config_userconfig")

UNDICI_NEEDS = (
    *("crypto", "events", "http", "net", "perf_hooks", "querystring", "sqlite", "stream"),
    *("util", "util/types", "worker_threads", "zlib"),
)
"""Modules of Node that undici imports; `web/undici_needs/` stands in for them."""

NOT_NEEDED = ("node:process", "node:stream/web", "web-streams-polyfill/dist/ponyfill.es2018.js")
"""What packages import only where there are no web streams."""

LOCALES = ("de", "en-AU", "en-CA", "en-GB", "en-IN", "es", "fr", "it", "ja", "ko", "nl", "pt", "sv", "zh")
"""Locales besides American English, with less data: `web/intl/locales.js`."""

MODULE_NAME = re.compile(r'\{"(?:\.\./)[^"\n]*?/((?:node_modules|js_guest)/[^"\n]*)"\(')

ENGINE = 'globalThis[Symbol.for("pywasm.inspection")]'
INSPECTION = {
    "getPromiseDetails:function(){return[c,void 0]}": (
        f"getPromiseDetails:function(t){{return {ENGINE}.promise(t,c,l)}}"
    ),
    "getProxyDetails:a.getProxyDetails": f"getProxyDetails:function(t,e=!0){{return {ENGINE}.proxy(t,e)}}",
    "previewEntries:function(t){return[[],!1]}": f"previewEntries:function(t){{return {ENGINE}.entries(t)}}",
    'isAsyncFunction:function(t){return"function"==typeof t&&': (
        f'isAsyncFunction:function(t){{return {ENGINE}.isAsync(t);return"function"==typeof t&&'
    ),
    'isGeneratorFunction:function(t){return"function"==typeof t&&': (
        f'isGeneratorFunction:function(t){{return {ENGINE}.isGenerator(t);return"function"==typeof t&&'
    ),
    "isArgumentsObject:function(t){if(": (
        f"isArgumentsObject:function(t){{return {ENGINE}.isArguments(t);if("
    ),
}
"""Stubs of node-inspect-extracted and what takes their place; `repl/early.js` has the functions."""

WARNINGS = {
    "if (console && console.warn) console.warn(warning);": "process.emitWarning(warning);",
    "'added. Use emitter": (
        "'added to [' + (target.constructor && target.constructor.name) + ']. MaxListeners is ' + m + "
        "'. Use emitter"
    ),
}
"""What the package events says of leaks, and what Node 20 says."""

CHANGES = {
    "node-inspect-extracted": ("dist/inspect.js", INSPECTION),
    "events": ("events.js", WARNINGS),
}
"""By package: the file that is bundled, and what is replaced in it."""

COMMON = (
    "--bundle",
    "--target=es2023",
    "--platform=neutral",
    "--main-fields=module,main",
    "--conditions=import",
    "--charset=ascii",
    "--legal-comments=none",
    "--log-level=warning",
    "--minify-whitespace",
    "--minify-syntax",
)


@stage("js-packages", files=["npm/package.json", "npm/package-lock.json"])
def install_packages(context: Context) -> None:
    """`node_modules/` as the lock has it. No package's scripts are run."""
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(context.recipes / "npm" / name, context.out / name)
    settings = {name: os.environ[name] for name in NPM_SETTINGS if name in os.environ}
    context.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=context.out, env=settings)


@stage("js-prelude", needs=["js-packages"], files=PRELUDE_FILES)
def build_prelude(context: Context) -> None:
    """`js-prelude.js`, and the licences of what is in it."""
    guest = context.recipes / JS_GUEST
    needs = guest / "web" / "undici_needs"
    undici = context.work / "undici.js"
    bundle(
        context,
        guest / "web" / "undici.js",
        undici,
        "--format=esm",
        "--external:buffer",
        "--external:node-inspect-extracted",
        f"--inject:{needs / 'globals.js'}",
        '--define:process.versions.node="20.18.1"',
        *aliases({f"node:{name}": needs / "node.js" for name in UNDICI_NEEDS}),
        *aliases({"node:assert": needs / "assert.js"}),
    )
    locales = context.work / "locales.json"
    locales.write_text(json.dumps(read_locales(context), ensure_ascii=False, sort_keys=True))
    bundle(
        context,
        guest / "main.js",
        context.out / "js-prelude.js",
        "--format=iife",
        *aliases({"#undici": undici, "#locales": locales, **dict.fromkeys(NOT_NEEDED, needs / "node.js")}),
    )
    (context.out / "licences").mkdir()
    inputs = {name for path in context.work.glob("*.meta.json") for name in read_inputs(path)}
    write_licences(context, inputs, context.out / "licences" / "js-packages.txt")


def read_locales(context: Context) -> dict[str, dict[str, str]]:
    """Numbers and dates of `LOCALES`, each as JSON text."""
    formatjs = context.dep("js-packages") / "node_modules" / "@formatjs"

    def data_of(package: str, locale: str) -> dict[str, Any]:
        text = (formatjs / package / "locale-data" / f"{locale}.js").read_text()
        # One call, with an object or with `JSON.parse` of a string.
        start = text.index("(JSON.parse(") + 12 if "(JSON.parse(" in text else text.index("({") + 1
        value, _ = json.JSONDecoder().raw_decode(text[start:])
        data: dict[str, Any] = (json.loads(value) if isinstance(value, str) else value)["data"]
        return data

    def as_text(data: dict[str, Any]) -> str:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))

    found = {}
    for locale in LOCALES:
        numbers, dates = data_of("intl-numberformat", locale), data_of("intl-datetimeformat", locale)
        numbers["currencies"] = {
            code: {"displayName": {"other": code}, "symbol": names["symbol"], "narrow": names["narrow"]}
            for code, names in numbers["currencies"].items()
            if names["symbol"] != code
        }
        fallback = dates["intervalFormats"]["intervalFormatFallback"]
        dates |= {"intervalFormats": {"intervalFormatFallback": fallback}, "timeZoneName": {}}
        found[locale] = {"numbers": as_text(numbers), "dates": as_text(dates)}
    return found


@stage(
    "js-node-packages",
    needs=["js-packages"],
    files=[f"{JS_GUEST}/packages.js", f"{JS_GUEST}/node/needs/*.js"],
)
def build_node_packages(context: Context) -> None:
    """`js-packages.js`: the packages that the guest's modules for Node's API use, as one module."""
    guest = context.recipes / JS_GUEST
    needs = guest / "node" / "needs"
    bundle(
        context,
        guest / "packages.js",
        context.out / "js-packages.js",
        "--format=esm",
        *aliases({package: changed(context, package, *change) for package, change in CHANGES.items()}),
        *aliases({"abort-controller": needs / "abort.js"}),
    )
    (context.out / "licences").mkdir()
    inputs = list(read_inputs(context.work / "js-packages.js.meta.json"))
    inputs += [f"node_modules/{package}/" for package in CHANGES]
    write_licences(context, inputs, context.out / "licences" / "js-node-packages.txt")


def changed(context: Context, package: str, file: str, table: Mapping[str, str]) -> Path:
    """A package's file with each key of `table`, which is in it once, replaced."""
    text = (context.dep("js-packages") / "node_modules" / package / file).read_text()
    for before, after in table.items():
        if text.count(before) != 1:
            raise SystemExit(f"{package} has {before!r} {text.count(before)} times, not once")
        text = text.replace(before, after)
    made = context.work / f"{package}.js"
    made.write_text(text)
    return made


def bundle(context: Context, entry: Path, output: Path, *options: str) -> None:
    """Run esbuild; `<output>.meta.json` in the work folder says what went in."""
    modules = context.dep("js-packages") / "node_modules"
    context.run(
        modules / ".bin" / "esbuild",
        entry.resolve(),
        f"--outfile={output}",
        f"--metafile={context.work / output.name}.meta.json",
        *COMMON,
        *options,
        env={"NODE_PATH": str(modules)},
    )
    # The names of CommonJS modules are paths, seen from where the build is.
    text = MODULE_NAME.sub(r'{"\1"(', output.read_text())
    left = [str(path) for path in (context.repository, context.dep("js-packages")) if str(path)[1:] in text]
    if left:
        raise SystemExit(f"{output.name} contains the build's path {left[0]}")
    output.write_text(text)


def aliases(table: Mapping[str, Path]) -> list[str]:
    """esbuild's options that put files in the place of packages."""
    return [f"--alias:{name}={path.resolve()}" for name, path in table.items()]


def read_inputs(metafile: Path) -> Iterable[str]:
    """Paths of the files that are in a bundle."""
    for output in json.loads(metafile.read_text())["outputs"].values():
        yield from (name for name, part in output["inputs"].items() if part["bytesInOutput"])


def write_licences(context: Context, inputs: Iterable[str], output: Path) -> None:
    """The licence texts of the packages in a bundle, one after the other."""
    modules = context.dep("js-packages") / "node_modules"
    packages = set()
    for name in inputs:
        _, found, rest = name.rpartition("node_modules/")
        if found:
            parts = rest.split("/")
            packages.add("/".join(parts[: 2 if rest.startswith("@") else 1]))
    texts = []
    for package in sorted(packages):
        about = json.loads((modules / package / "package.json").read_text())
        files = sorted(
            path for path in (modules / package).iterdir() if path.name.lower().startswith("licen")
        )
        text = files[0].read_text() if files else f"Licence: {about['license']}\n"
        texts.append(f"==== {package} {about['version']}\n\n{text.strip()}\n")
    output.write_text("\n".join(texts))
