"""Node's modules, where `test_node_differential` may not run: files above all."""

# ruff: noqa: E501 -- a case is a line

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Run

Text = Callable[[str], str | None]


@pytest.fixture(autouse=True)
def folder(text: Text) -> None:
    """An empty folder /tmp/t to be in."""
    text(
        "var fs = require('fs'); fs.rmSync('/tmp/t', { recursive: true, force: true }); fs.mkdirSync('/tmp/t')"
    )
    text("process.chdir('/tmp/t')")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("fs.writeFileSync('a', 'é'); [fs.readFileSync('a').length, fs.readFileSync('a', 'utf8')]", "[ 2, 'é' ]"),
        ("fs.writeFileSync('a', 'aGk=', 'base64'); fs.readFileSync('a', { encoding: 'utf8' })", "hi"),
        ("fs.writeFileSync('a', Buffer.from([255])); fs.readFileSync('a', 'hex')", "ff"),
        ("fs.writeFileSync('a', new Uint16Array([1])); fs.statSync('a').size", "2"),
        ("fs.appendFileSync('a', 'x'); fs.appendFileSync('a', 'y'); fs.readFileSync('a', 'utf8')", "xy"),
        ("fs.writeFileSync('a', '1'); fs.writeFileSync('a', '2', { flag: 'a' }); String(fs.readFileSync('a'))", "12"),
        ("fs.mkdirSync('d/e/f', { recursive: true })", "/tmp/t/d"),
        ("fs.mkdirSync('d/e', { recursive: true }); fs.mkdirSync('d/e', { recursive: true })", None),
        ("fs.mkdirSync('d'); fs.writeFileSync('d/x', ''); fs.readdirSync('d')", "[ 'x' ]"),
        ("fs.writeFileSync('b', ''); fs.writeFileSync('a', ''); fs.readdirSync('.')", "[ 'a', 'b' ]"),
        ("fs.writeFileSync('a', 'x'); fs.renameSync('a', 'b'); [fs.existsSync('a'), fs.existsSync('b')]", "[ false, true ]"),
        ("fs.writeFileSync('a', 'x'); fs.copyFileSync('a', 'b'); String(fs.readFileSync('b'))", "x"),
        ("fs.mkdirSync('d/e', { recursive: true }); fs.writeFileSync('d/e/x', '1'); fs.cpSync('d', 'c', "
         "{ recursive: true }); String(fs.readFileSync('c/e/x'))", "1"),
        ("fs.symlinkSync('/tmp', 'l'); [fs.readlinkSync('l'), fs.lstatSync('l').isSymbolicLink()]", "[ '/tmp', true ]"),
        ("fs.symlinkSync('/tmp/t', 'l'); fs.realpathSync('l/.')", "/tmp/t"),
        ("fs.statSync('nope', { throwIfNoEntry: false })", None),
        ("fs.writeFileSync('a', 'abcdef'); fs.truncateSync('a', 3); String(fs.readFileSync('a'))", "abc"),
        ("fs.writeFileSync('a', 'x'); fs.utimesSync('a', 1, new Date(5000)); fs.statSync('a').mtimeMs", "5000"),
        ("const d = fs.mkdtempSync('/tmp/t/x-'); d.length > 9 && fs.statSync(d).isDirectory()", "true"),
        ("const f = fs.openSync('a', 'w+'); fs.writeSync(f, 'hello'); const b = Buffer.alloc(3); "
         "fs.readSync(f, b, 0, 3, 1); fs.closeSync(f); String(b)", "ell"),
        ("await fs.promises.writeFile('a', 'p'); await fs.promises.readFile('a', 'utf8')", "p"),
        ("const h = await fs.promises.open('a', 'w'); await h.write('via handle'); await h.close(); "
         "String(fs.readFileSync('a'))", "via handle"),
        ("await new Promise((done) => fs.writeFile('a', 'cb', () => fs.readFile('a', 'utf8', (e, t) => done(t))))", "cb"),
        ("const w = fs.createWriteStream('a'); w.write('one '); w.end('two'); await require('events').once(w, 'finish'); "
         "let t = ''; for await (const c of fs.createReadStream('a', 'utf8')) t += c; t", "one two"),
        ("let lines = []; fs.writeFileSync('a', '1\\n2\\n'); for await (const line of (await fs.promises.open('a'))"
         ".readLines()) lines.push(line); lines", "[ '1', '2' ]"),
        ("fs.writeFileSync(new URL('file:///tmp/t/u%20v'), 'x'); fs.existsSync('/tmp/t/u v')", "true"),
        ("fs.accessSync('.'); fs.chmodSync('.', 0o700)", None),
        ("fs.writeFileSync('big', 'x'.repeat(3e6)); fs.readFileSync('big').length", "3000000"),
        ("require('os').tmpdir() + require('os').EOL + require('os').cpus().length", "/tmp\n1"),
        ("process.env.HOME + process.platform + process.argv.length", "/home/userlinux2"),
        ("process.env.N = 5; typeof process.env.N", "string"),
        ("[...'abc'].map((c) => require('crypto').createHash('md5').update(c).digest('hex').slice(0, 4)).join()",
         "0cc1,92eb,4a8a"),
        ("require('crypto').createHash('sha512').update('').digest('base64').length", "88"),
        ("(await crypto.subtle.digest('SHA-256', new Uint8Array(3))).byteLength", "32"),
        ("new Set(Array.from({ length: 50 }, () => require('crypto').randomInt(10 ** 9))).size > 45", "true"),
        ("const e = new (require('events'))(); let n = 0; e.once('x', (v) => (n += v)); e.emit('x', 2); e.emit('x', 2); n", "2"),
        ("require('util').parseArgs({ args: ['-v', '--name=x', 'p'], options: { v: { type: 'boolean', short: 'v' }, "
         "name: { type: 'string' } }, allowPositionals: true }).positionals", "[ 'p' ]"),
        ("const { setTimeout: wait } = require('timers/promises'); await wait(1, 'waited')", "waited"),
        ("const ac = new AbortController(); ac.abort(); await require('timers/promises').setTimeout(1, 0, { signal: "
         "ac.signal }).catch((e) => e.code)", "ABORT_ERR"),
        ("require('zlib').unzipSync(require('zlib').deflateSync(Buffer.alloc(5000))).length", "5000"),
        ("require('vm').runInThisContext('1 + 2')", "3"),
        ("'TYPED_ARRAY_SUPPORT' in Buffer", "false"),
        ("fs.writeFileSync('a', ''); await require('util').promisify(fs.realpath.native)('./a')", "/tmp/t/a"),
        ("fs.writeFileSync('.env', 'A_B=1\\nHOME=no'); process.loadEnvFile(); process.env.A_B + process.env.HOME", "1/home/user"),
        ("new Intl.DurationFormat('en', { style: 'long' }).format({ hours: 1, minutes: 46, seconds: 40 })",
         "1 hour, 46 minutes, 40 seconds"),
        ("new Intl.DurationFormat('en', { style: 'digital' }).format({ hours: 1, minutes: 5, seconds: 9 })", "1:05:09"),
        ("new Intl.DurationFormat('de', { style: 'short' }).format({ days: 2, hours: 3 })", "2 Tg., 3 Std."),
        ("[Intl.supportedValuesOf('timeZone').length > 300, Intl.supportedValuesOf('currency').includes('EUR')]", "[ true, true ]"),
        ("require('util').inspect(process, { depth: 0 }).split(' ')[0]", "process"),
        ("require('path').win32.sep", "\\"),
    ],
)  # fmt: skip
def test_value(text: Text, code: str, expected: str | None) -> None:
    assert text(code) == expected


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("fs.readFileSync('nope')", "ENOENT: no such file or directory, open 'nope'"),
        ("fs.readFileSync('/tmp')", "EISDIR: illegal operation on a directory, read"),
        ("fs.mkdirSync('/tmp')", "EEXIST: file already exists, mkdir '/tmp'"),
        ("fs.mkdirSync('d'); fs.writeFileSync('d/x', ''); fs.rmdirSync('d')", "ENOTEMPTY: directory not empty, rmdir 'd'"),
        ("fs.readdirSync('/etc/none')", "ENOENT: no such file or directory, scandir '/etc/none'"),
        ("fs.renameSync('a', 'b')", "ENOENT: no such file or directory, rename 'a' -> 'b'"),
        ("fs.openSync('/tmp/t', 'w')", "EISDIR: illegal operation on a directory, open '/tmp/t'"),
        ("fs.writeFileSync('/usr/x', '')", "EROFS: read-only file system, open '/usr/x'"),
        ("fs.closeSync(99)", "EBADF: bad file descriptor, close"),
        ("require('zlib').gunzipSync(Buffer.from('not zipped'))", "incorrect header check"),
        ("require('zlib').brotliCompressSync('x')", "zlib.brotliCompressSync is not available in this sandbox; it has deflate and gzip"),
        ("require('zlib').createBrotliDecompress()",
         "zlib.createBrotliDecompress is not available in this sandbox; it has deflate and gzip"),
        ("require('path').win32.join('a')", "path.win32.join is not available in this sandbox, whose paths are POSIX'"),
        ("await crypto.subtle.generateKey({ name: 'RSA-PSS' }, true, ['sign'])", "RSA-PSS is not available in this sandbox; it has "
         "AES-CBC, AES-CTR, AES-GCM, AES-KW, HMAC, PBKDF2, HKDF, ECDSA, ECDH, Ed25519, X25519"),
        ("require('crypto').generateKeyPairSync('rsa', { modulusLength: 2048 })",
         'Keys of type "rsa" are not available in this sandbox: its keys are secrets, or on elliptic curves'),
        ("require('crypto').createCipheriv('aes-128-ccm', Buffer.alloc(16), Buffer.alloc(12))", "Unknown cipher: aes-128-ccm is not "
         "available in this sandbox; crypto.getCiphers() names those that are"),
        ("require('crypto').publicEncrypt()", "crypto.publicEncrypt is not available in this sandbox, which has no RSA and no "
         "Diffie-Hellman but on elliptic curves"),
        ("process.chdir('/nope')", "ENOENT: no such file or directory, chdir /tmp/t -> '/nope'"),
    ],
)  # fmt: skip
def test_message(run: Run, code: str, message: str) -> None:
    error = run(code).error
    assert error is not None
    assert error.message == message
