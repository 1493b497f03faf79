"""require and import: Node's modules, and the user's own files as ES modules, CommonJS and JSON."""

# ruff: noqa: E501 -- a case is a line

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pywasm_sandbox import Sandbox

from .conftest import Run

Text = Callable[[str], str | None]

FILES = {
    "esm.mjs": "export const a = 1; export default function hi(n) { return `hi ${n}` }",
    "plain.js": "export let n = 0; export function up() { n += 1 }",
    "common.cjs": "exports.z = 3; exports.dir = __dirname; exports.file = __filename",
    "data.json": '{"k": [1, 2]}',
    "bad.json": '{"k": ',
    "bad.js": "const x = 1;\nfunction boom() {\n  throw new Error('in module')\n}\nmodule.exports = boom",
    "awaits.mjs": "import './top.mjs'; export const x = 1",
    "own_exports.mjs": "export { f as 'module.exports' }; function f() { return 'a function' }",
    "throws.mjs": "\nthrow new Error('while loading')",
    "requires_esm.cjs": "module.exports = require('./esm.mjs').default(5) + require('./plain.js').n",
    "cycle.mjs": "import './cycle.cjs'; export const x = 1",
    "cycle.cjs": "require('./cycle.mjs')",
    "uses_missing.mjs": "// import x from './missing.mjs'\nexport let a = 1;\nimport x from './missing.mjs';",
    "wants.mjs": "import {\n  a,\n  nope as b,\n} from './esm.mjs'",
    "passes_on.mjs": "\nexport { nope } from './esm.mjs'",
    "typed.ts": "export interface T { a: number }\nimport x from './missing.ts'\nexport default x",
    "loop_a.js": "exports.early = 1; exports.b = require('./loop_b'); exports.late = 2",
    "loop_b.js": "exports.seen = Object.keys(require('./loop_a'))",
    "top.mjs": "export const value = await Promise.resolve(9)",
    "meta.mjs": "export const url = import.meta.url; export const name = import.meta.filename",
    "sub/index.js": "module.exports = 'index of sub'",
    "sub/deep/x.js": "module.exports = require('../../data').k.length",
    "hash.js": "#!/usr/bin/env node\nmodule.exports = 'after the hashbang'",
    "uses.mjs": "import { z } from './common.cjs'; import data from './data.json' with { type: 'json' };\n"
    "export default z + data.k[1]",
    "typed/package.json": '{"type": "module"}',
    "typed/m.js": "export default import.meta.dirname",
    "node_modules/pkg/package.json": '{"name": "pkg", "type": "module", "exports": {'
    '".": {"import": "./i.js", "require": "./r.cjs"}, "./sub/*": "./s/*.js", "./none": null}}',
    "node_modules/pkg/i.js": "export const kind = 'esm'",
    "node_modules/pkg/r.cjs": "exports.kind = 'cjs'",
    "node_modules/pkg/s/one.js": "export default 'sub one'",
    "node_modules/pkg/hidden.js": "export default 1",
    "node_modules/old/package.json": '{"name": "old", "main": "lib/x"}',
    "node_modules/old/lib/x.js": "module.exports = class Old {}",
    "node_modules/@scope/p/index.js": "module.exports = 'scoped'",
    "node_modules/single.js": "module.exports = 'one file'",
    "app/package.json": '{"imports": {"#config": "./config.js"}}',
    "app/config.js": "module.exports = 'configured'",
    "app/main.js": "module.exports = require('#config') + require('pkg').kind",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        for name, content in FILES.items():
            sandbox.write_file(f"/workspace/{name}", content)
        yield sandbox


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import hi, { a } from './esm.mjs'; hi(a)", "hi 1"),
        ("import * as ns from './esm.mjs'; Object.keys(ns).join()", "a,default"),
        ("import { a as other } from './esm.mjs'; other", "1"),
        ("import { n, up } from './plain.js'; up(); (await import('./plain.js')).n", "1"),
        ("(await import('./esm.mjs')).default('x')", "hi x"),
        ("import './esm.mjs'", None),
        ("import def from './common.cjs'; def.z", "3"),
        ("import { z } from './common.cjs'; z", "3"),
        (
            "const { dir, file } = require('./common.cjs'); [dir, file].join()",
            "/workspace,/workspace/common.cjs",
        ),
        ("require('./data').k[1]", "2"),
        ("import data from './data.json'; data.k.length", "2"),
        ("import data2 from './data.json' with { type: 'json' }; data2.k.length", "2"),
        ("require('./loop_a').b.seen.join()", "early"),
        ("(await import('./top.mjs')).value", "9"),
        ("(await import('./meta.mjs')).url", "file:///workspace/meta.mjs"),
        ("require('./sub')", "index of sub"),
        ("require('./sub/deep/x')", "2"),
        ("require('./hash.js')", "after the hashbang"),
        ("(await import('./uses.mjs')).default", "5"),
        ("(await import('./typed/m.js')).default", "/workspace/typed"),
        ("require('pkg').kind", "cjs"),
        ("import { kind } from 'pkg'; kind", "esm"),
        ("import one from 'pkg/sub/one'; one", "sub one"),
        ("new (require('old'))().constructor.name", "Old"),
        ("require('@scope/p')", "scoped"),
        ("require('single')", "one file"),
        ("require('./app/main')", "configuredcjs"),
        ("require('/workspace/sub')", "index of sub"),
        ("(await import('file:///workspace/esm.mjs')).a", "1"),
        ("(await import('data:text/javascript,export default 7')).default", "7"),
        ("require.resolve('./sub')", "/workspace/sub/index.js"),
        ("require('./sub') === require('./sub/index.js')", "true"),
        ("require('./esm.mjs').default(1)", "hi 1"),
        ("require('./esm.mjs') === (await import('./esm.mjs'))", "true"),
        ("require('./typed/m.js').default", "/workspace/typed"),
        ("require('./own_exports.mjs')()", "a function"),
        ("require('./requires_esm.cjs')", "hi 50"),
        ("await import('./top.mjs'); require('./top.mjs').value", "9"),
        ("require('module').createRequire('/workspace/sub/deep/')('../../data').k[0]", "1"),
        ("require('fs') === require('node:fs')", "true"),
        ("import fs, { readFileSync } from 'node:fs'; fs.readFileSync === readFileSync", "true"),
        ("import { join } from 'path'; join('a', 'b')", "a/b"),
        ("export const exported = 5; exported", "5"),
        ("export default { fetch() {} }", "{ fetch: [Function: fetch] }"),
        ("export default class Named {}; new Named().constructor.name", "Named"),
        ("const s = 'import x from y'; s.length", "15"),
        ("// import nothing\n/* export */ 3", "3"),
    ],
)
def test_module(text: Text, code: str, expected: str | None) -> None:
    assert text(code) == expected


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("require('nope')", "Error", "Cannot find module 'nope'"),
        ("require('./nope')", "Error", "Cannot find module './nope'"),
        ("import 'nope'", "Error", "Cannot find package 'nope' imported from"),
        ("await import('./nope.js')", "Error", "Cannot find module '/workspace/nope.js' imported from"),
        ("import { nope } from './esm.mjs'", "SyntaxError", "does not provide an export named 'nope'"),
        ("require('pkg/hidden')", "Error", 'Missing "./hidden" specifier in "pkg" package'),
        (
            "require('./top.mjs')",
            "Error",
            "require() cannot be used on an ES module that awaits at its top level",
        ),
        ("require('./awaits.mjs')", "Error", "use import('/workspace/awaits.mjs')"),
        ("require('./throws.mjs')", "Error", "while loading"),
        (
            "await import('./cycle.mjs')",
            "Error",
            "Cannot require() ES Module /workspace/cycle.mjs in a cycle",
        ),
        ("import 'node:nothing'", "Error", "No such built-in module: node:nothing"),
        ("import 'https://example.org/x.js'", "Error", "Modules are not loaded from the network"),
        ("require('./bad.json')", "SyntaxError", "/workspace/bad.json"),
        ("require(5)", "TypeError", 'The "id" argument must be of type string'),
    ],
)
def test_what_cannot_be_loaded(run: Run, code: str, name: str, message: str) -> None:
    error = run(code).error
    assert error is not None
    assert error.name == name
    assert message in error.message


def test_an_error_in_a_file_shows_its_line(run: Run) -> None:
    error = run("\nrequire('./bad')()").error
    assert error is not None
    assert error.traceback[:3] == ["/workspace/bad.js:3", "  throw new Error('in module')", "            ^"]
    assert "    at boom (/workspace/bad.js:3:13)" in error.traceback
    assert error.line_number == 2


@pytest.mark.parametrize(
    ("code", "place", "line"),
    [
        ("await import('./uses_missing.mjs')", "/workspace/uses_missing.mjs:3:15", None),
        ("await import('./wants.mjs')", "/workspace/wants.mjs:3:3", None),
        ("await import('./passes_on.mjs')", "/workspace/passes_on.mjs:2:10", None),
        ("await import('./typed.ts')", "/workspace/typed.ts:2:15", None),
        ("1;\n  await import('./missing.mjs')", "<cell 1>:2:16", 2),
        ("1;\nimport x from './missing.mjs'", "<cell 1>:2:15", 2),
        ("\nimport { a, nope } from './esm.mjs'", "<cell 1>:2:13", 2),
        ("require('./uses_missing.mjs')", "/workspace/uses_missing.mjs:3:15", None),
    ],
)
def test_an_error_of_an_import_has_the_place_of_the_import(
    run: Run, code: str, place: str, line: int | None
) -> None:
    error = run(code).error
    assert error is not None
    file, row, column = place.rsplit(":", 2)
    assert error.traceback[0] == f"{file}:{row}"
    assert error.traceback[2] == " " * (int(column) - 1) + "^"
    assert any(entry.startswith(f"    at {place}") for entry in error.traceback)
    assert error.line_number == line


def test_what_failed_is_loaded_again(sandbox: Sandbox, run: Run) -> None:
    """Modules of a graph that failed are not kept, even where they import each other."""
    sandbox.write_file("/workspace/one.mjs", "import './two.mjs'; import './three.mjs'; export default 1")
    sandbox.write_file("/workspace/two.mjs", "import './one.mjs'; export default 2")
    for _ in range(2):
        for name in ("one", "two"):
            error = run(f"await import('./{name}.mjs')").error
            assert error is not None
            assert (
                error.message == "Cannot find module '/workspace/three.mjs' imported from /workspace/one.mjs"
            )
    sandbox.write_file("/workspace/three.mjs", "import { nope } from './four.mjs'")
    sandbox.write_file("/workspace/four.mjs", "let x = ;")
    error = run("await import('./one.mjs')").error
    assert error is not None
    assert error.name == "SyntaxError"
    sandbox.write_file("/workspace/four.mjs", "export const other = 3")
    error = run("await import('./one.mjs')").error
    assert error is not None
    assert "does not provide an export named 'nope'" in error.message
    sandbox.write_file("/workspace/three.mjs", "import { other } from './four.mjs'")
    assert run("(await import('./two.mjs')).default + (await import('./one.mjs')).default").text == "3"


def test_files_are_shared_with_python(sandbox: Sandbox, run: Run) -> None:
    written = sandbox.run_code(
        "import json; json.dump({'from': 'python', 'n': [1, 2]}, open('shared.json', 'w'))"
    )
    assert written.error is None
    assert run("JSON.parse(require('fs').readFileSync('shared.json', 'utf8')).from").text == "python"
    assert run("require('fs').writeFileSync('back.txt', 'from JavaScript: é')").error is None
    assert sandbox.run_code("open('back.txt').read()").text == "from JavaScript: é"


def test_every_module_of_the_list(text: Text) -> None:
    names = [
        *("assert", "assert/strict", "buffer", "console", "crypto", "diagnostics_channel", "events", "fs"),
        *("fs/promises", "module", "os", "path", "path/posix", "perf_hooks", "process", "querystring"),
        *("readline", "stream", "stream/promises", "stream/web", "stream/consumers", "string_decoder"),
        *("timers", "timers/promises", "url", "util", "util/types", "vm", "zlib"),
    ]
    for name in names:
        assert text(f"require('{name}') === require('node:{name}') && typeof require('{name}')") in (
            "object",
            "function",
        ), name
        assert text(f"Object.keys(await import('node:{name}')).includes('default')") == "true", name


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("['1.2.3.4', '::1', '1.2.3', 'fe80::1%eth0', '::ffff:1.2.3.4', 'x:y'].map(require('net').isIP)", "[ 4, 6, 0, 6, 6, 0 ]"),
        ("require('tty').isatty(1)", "false"),
        ("const { isMainThread, parentPort, threadId } = require('worker_threads'); [isMainThread, parentPort, threadId]",
         "[ true, null, 0 ]"),
        ("require('cluster').isPrimary", "true"),
        ("require('http').STATUS_CODES[404] + require('http').METHODS.length", "Not Found35"),
        ("require('v8').getHeapStatistics().used_heap_size > 1e6", "true"),
        ("require('dns').promises === require('dns/promises')", "true"),
        ("import { createRequire, isBuiltin } from 'module'; createRequire('/workspace/')('./data').k[0] + isBuiltin('net')", "2"),
        ("Object.keys(require('http2').constants).length > 3 && require('inspector').url()", None),
        ("class Mine extends require('net').Socket {} Mine.name", "Mine"),
    ],
)  # fmt: skip
def test_modules_whose_purpose_is_missing_can_be_loaded(text: Text, code: str, expected: str | None) -> None:
    assert text(code) == expected


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("require('net').connect(80)", "net.connect is not available in this sandbox: there are no sockets; use fetch, or node:http"),
        ("new (require('net').Socket)()", "net.Socket is not available in this sandbox: there are no sockets"),
        ("new (require('worker_threads').Worker)('x')", "worker_threads.Worker is not available in this sandbox: there are no threads"),
        ("require('dns').lookup('a.b', () => {})", "dns.lookup is not available in this sandbox: names are resolved by the host"),
        ("require('v8').serialize(1)", "v8.serialize is not available in this sandbox: the engine is QuickJS"),
        ("require('cluster').fork()", "cluster.fork is not available in this sandbox: processes have no channel"),
        ("require('tls').connect(443)", "tls.connect is not available in this sandbox: there are no sockets"),
        ("new (require('wasi').WASI)()", "wasi.WASI is not available in this sandbox: it runs in WebAssembly itself"),
    ],
)  # fmt: skip
def test_what_they_cannot_do_says_why(run: Run, code: str, message: str) -> None:
    error = run(code).error
    assert error is not None
    assert message in error.message


def test_call_sites_are_v8s(text: Text) -> None:
    code = """
Error.prepareStackTrace = (error, sites) => sites.map((site) => [
  site.getFileName(), site.getLineNumber(), site.getFunctionName(), site.isEval(), site.isNative(), site.getThis(),
  site.isToplevel(), site.isAsync(), site.getTypeName(), site.getMethodName(), site.getEvalOrigin(), `${site}`]);
const site = (function named() { return new Error('x').stack })()[0];
Error.prepareStackTrace = undefined;
JSON.stringify(site)"""
    assert text(code) == (
        '["<cell 1>",5,"named",false,false,null,true,false,null,null,null,"named (<cell 1>:5:45)"]'
    )


def test_globals_of_require_are_those_of_the_platform(text: Text) -> None:
    assert text("require('buffer').Buffer === Buffer && require('process') === process") == "true"
    assert text("require('url').URL === URL && require('perf_hooks').performance === performance") == "true"
    assert text("require('console') === console && require('timers').setTimeout === setTimeout") == "true"
