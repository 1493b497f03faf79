"""What people try in the first hour, beyond the API: the standard library and the interpreter itself."""

# ruff: noqa: E501 - the tables hold programs, one a line

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from pywasm_sandbox import Sandbox


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int = 1\nP()", "P(x=1)"),
        ("import enum\nclass C(enum.Enum): RED = 1\nC.RED", "<C.RED: 1>"),
        ("import typing\ntyping.get_type_hints(P)", "{'x': <class 'int'>}"),
        ("import pickle\npickle.loads(pickle.dumps(P(3)))", "P(x=3)"),
        ("import copy\ncopy.deepcopy([P(4)])", "[P(x=4)]"),
        ("import json\njson.loads(json.dumps({'a': [1, None, 'é']}))", "{'a': [1, None, 'é']}"),
        ("import re\nre.findall(r'(\\w)\\d', 'a1 b2')", "['a', 'b']"),
        ("from decimal import Decimal\nDecimal('0.1') + Decimal('0.2')", "Decimal('0.3')"),
        ("from fractions import Fraction\nFraction(1, 3) + 1", "Fraction(4, 3)"),
        ("import statistics\nstatistics.mean([1, 2, 3, 4])", "2.5"),
        ("import datetime\ndatetime.date(2024, 2, 29) + datetime.timedelta(366)", "datetime.date(2025, 3, 1)"),
        ("import datetime\nstr(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC))", "2024-01-01 00:00:00+00:00"),
        ("import math\nmath.isclose(math.sin(math.pi / 6), 0.5)", "True"),
        ("import collections\ncollections.Counter('abca').most_common(1)", "[('a', 2)]"),
        ("import itertools\nlist(itertools.batched('abcde', 2))", "[('a', 'b'), ('c', 'd'), ('e',)]"),
        ("import functools\nfunctools.reduce(lambda a, b: a * b, range(1, 11))", "3628800"),
        ("import heapq\nheapq.nsmallest(2, [3, 1, 2])", "[1, 2]"),
        ("import textwrap\ntextwrap.dedent('  a\\n  b')", "a\nb"),
        ("import string\nstring.Template('$a').substitute(a=1)", "1"),
        ("import struct\nstruct.unpack('<I', b'\\1\\0\\0\\0')", "(1,)"),
        ("import base64\nbase64.b64encode(b'hi')", "b'aGk='"),
        ("import hashlib\nhashlib.sha256(b'').hexdigest()[:16]", "e3b0c44298fc1c14"),
        ("import hmac\nhmac.new(b'k', b'm', 'sha256').hexdigest()[:8]", "b60090e3"),
        ("import zlib, gzip, bz2, lzma\n[m.decompress(m.compress(b'x')) for m in (zlib, gzip, bz2, lzma)]", "[b'x', b'x', b'x', b'x']"),
        ("from compression import zstd\nzstd.decompress(zstd.compress(b'x' * 9))", "b'xxxxxxxxx'"),
        ("import sqlite3\nc = sqlite3.connect('/workspace/x.db')\nc.execute('create table if not exists t(a)')\nc.execute('insert into t values (5)')\nc.commit()\nc.close()\nsqlite3.connect('x.db').execute('select max(a) from t').fetchone()", "(5,)"),
        ("import csv, io\nlist(csv.DictReader(io.StringIO('a,b\\n1,2')))", "[{'a': '1', 'b': '2'}]"),
        ("import zipfile, io\nb = io.BytesIO()\nwith zipfile.ZipFile(b, 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('n', 'v')\nzipfile.ZipFile(b).read('n')", "b'v'"),
        ("import tarfile, io\nb = io.BytesIO()\nt = tarfile.open(fileobj=b, mode='w:gz')\nt.add('/usr/lib/python3.14/this.py', 'this.py')\nt.close()\nb.seek(0)\ntarfile.open(fileobj=b).getnames()", "['this.py']"),
        ("import tempfile, os\nwith tempfile.TemporaryDirectory() as d: open(d + '/f', 'w').close(); r = os.listdir(d)\nr, os.path.exists(d)", "(['f'], False)"),
        ("import tempfile\nwith tempfile.NamedTemporaryFile() as f: r = f.name.startswith('/tmp/')\nr", "True"),
        ("import pathlib\np = pathlib.Path('sub/x.txt')\np.parent.mkdir(exist_ok=True)\np.write_text('hi')\nsorted(map(str, pathlib.Path('sub').glob('*.txt')))", "['sub/x.txt']"),
        ("import shutil, os\nos.makedirs('c1/d', exist_ok=True)\nshutil.copytree('c1', 'c2', dirs_exist_ok=True)\nshutil.rmtree('c1')\nos.path.isdir('c2/d'), os.path.exists('c1')", "(True, False)"),
        ("import glob, os\nopen('g.q', 'w').close()\nglob.glob('*.q')", "['g.q']"),
        ("import configparser\nc = configparser.ConfigParser()\nc.read_string('[a]\\nb = 1')\nc['a']['b']", "1"),
        ("import tomllib\ntomllib.loads('a = 1')", "{'a': 1}"),
        ("import xml.etree.ElementTree as E\nE.fromstring('<a><b>t</b></a>').find('b').text", "t"),
        ("import html\nhtml.escape('<')", "&lt;"),
        ("import urllib.parse\nurllib.parse.urlparse('https://a.b/c?d=1').query", "d=1"),
        ("import email.message\nm = email.message.EmailMessage()\nm.set_content('x')\nm.get_content()", "x\n"),
        ("import difflib\n''.join(difflib.unified_diff(['a\\n'], ['b\\n'], n=0)).count('@@')", "2"),
        ("import inspect\ndef mine(a):\n    return a\nclass Own:\n    def m(self): pass\n(inspect.getsource(mine), inspect.getsource(Own), str(inspect.signature(mine)))", "('def mine(a):\\n    return a\\n', 'class Own:\\n    def m(self): pass\\n', '(a)')"),
        ("import inspect, json\ninspect.getsource(json.dumps).startswith('def dumps(')", "True"),
        ("import ast\nast.unparse(ast.parse('a=1'))", "a = 1"),
        ("import dis, io\nb = io.StringIO()\ndis.dis(mine, file=b)\n'RETURN_VALUE' in b.getvalue()", "True"),
        ("import timeit\ntimeit.timeit('1 + 1', number=1000) >= 0", "True"),
        ("import time\ntime.tzname, time.strftime('%Y', time.gmtime(0))", "(('UTC', 'UTC'), '1970')"),
        ("import locale\nlocale.setlocale(locale.LC_ALL, ''), locale.getpreferredencoding()", "('C.UTF-8;C;C;C;C;C', 'utf-8')"),
        ("open('/dev/null', 'w').write('x'), open('/dev/null').read(), len(open('/dev/urandom', 'rb').read(4))", "(1, '', 4)"),
        ("import os\nsorted(os.listdir('/'))", "['bin', 'dev', 'etc', 'home', 'tmp', 'usr', 'workspace']"),
        ("import os, sys\nos.cpu_count(), sys.argv, os.path.exists('/proc')", "(1, [''], False)"),
        ("import getpass\ngetpass.getuser()", "user"),
        ("import pathlib, os\nstr(pathlib.Path.home()), os.path.expanduser('~/x')", "('/home/user', '/home/user/x')"),
        ("import sys, platform\nsys.platform, platform.python_implementation(), platform.machine(), sys.version_info[:2]", "('wasi', 'CPython', 'wasm32', (3, 14))"),
        ("import sysconfig\nsysconfig.get_platform().endswith('wasm32')", "True"),
        ("import platform\nbool(platform.platform())", "True"),
        ("import multiprocessing\nmultiprocessing.cpu_count()", "1"),
        ("import threading\nthreading.current_thread().name, threading.active_count()", "('MainThread', 1)"),
        ("import threading\nl = threading.Lock()\nwith l: r = l.locked()\nr, l.acquire(timeout=0.01), l.acquire(timeout=0.01)", "(True, True, False)"),
        ("import contextvars\nv = contextvars.ContextVar('v', default=1)\nv.get()", "1"),
        ("import tracemalloc\ntracemalloc.start()\nr = tracemalloc.get_traced_memory()[0] >= 0\ntracemalloc.stop()\nr", "True"),
        ("import gc\ngc.collect() >= 0", "True"),
        ("import weakref\nclass W: pass\nw = W()\nr = weakref.ref(w)\ndel w\nr() is None", "True"),
        ("type X = int\ndef g[T](a: T) -> T: return a\ng(1)", "1"),
        ("match [1, 2]:\n    case [a, b]: r = a + b\nr", "3"),
        ("f'{1!r:>3}' + str(t'{2}'.values)", "  1(2,)"),
        ("__import__('webbrowser').open('http://x')", "False"),
        ("import builtins\nsorted(set(dir(builtins)) & {'display', 'input', 'help', 'exit'})", "['display', 'exit', 'help', 'input']"),
    ],
)  # fmt: skip
def test_it_works(shared: Sandbox, code: str, text: str) -> None:
    execution = shared.run_code(code)
    assert execution.error is None, execution.error
    assert execution.text == text


def test_time_is_the_hosts(shared: Sandbox) -> None:
    before = time.time()
    inside = float(shared.run_code("import time\ntime.time()").text or "")
    assert before - 1 <= inside <= time.time() + 1


def test_time_only_goes_forward(shared: Sandbox) -> None:
    code = "import time\na = [time.monotonic() for _ in range(100)]\na == sorted(a), time.perf_counter() >= 0"
    assert shared.run_code(code).text == "(True, True)"


def test_import_this(shared: Sandbox) -> None:
    assert "Beautiful is better than ugly.\n" in shared.run_code("import this").logs.stdout


def test_unittest(shared: Sandbox) -> None:
    code = """
import unittest
class T(unittest.TestCase):
    def test_good(self): self.assertEqual(1, 1)
    def test_bad(self): self.assertEqual(1, 2)
unittest.main(argv=["x"], exit=False);
"""
    text = "".join(shared.run_code(code).logs.stderr)
    assert "AssertionError: 1 != 2" in text
    assert re.search(r"Ran 2 tests in .*\n\nFAILED \(failures=1\)\n", text)


def test_unittest_main_exits_the_cell_only(shared: Sandbox) -> None:
    execution = shared.run_code(
        "import unittest\nclass T2(unittest.TestCase):\n    def test(self): pass\nunittest.main(argv=['x', 'T2'])"
    )
    assert execution.error is None
    assert execution.exit_code == 0


def test_doctest(shared: Sandbox) -> None:
    code = "def twice(x):\n    '''\n    >>> twice(2)\n    5\n    '''\n    return 2 * x\nimport doctest\ndoctest.run_docstring_examples(twice, globals())"
    assert "Expected:\n    5\nGot:\n    4\n" in "".join(shared.run_code(code).logs.stdout)


def test_profile(shared: Sandbox) -> None:
    assert "function calls" in "".join(
        shared.run_code("import cProfile\ncProfile.run('sum(range(10))')").logs.stdout
    )


@pytest.mark.parametrize("module", ["polars", "django", "no_such_module"])
def test_a_missing_package_is_a_plain_import_error(shared: Sandbox, module: str) -> None:
    execution = shared.run_code(f"import {module}")
    assert execution.error is not None
    assert execution.error.name == "ModuleNotFoundError"
    assert module in execution.error.message


def test_modules_of_the_workspace(shared: Sandbox) -> None:
    shared.write_file("/workspace/mine/__init__.py", "from .inner import value")
    shared.write_file("/workspace/mine/inner.py", "value = 1\ndef fail(): raise ValueError('inner')")
    assert shared.run_code("import mine\nmine.value").text == "1"
    execution = shared.run_code("mine.inner.fail()")
    assert execution.error is not None
    assert '  File "/workspace/mine/inner.py", line 2, in fail' in execution.error.traceback
    shared.write_file("/workspace/mine/inner.py", "value = 22")
    assert shared.run_code("import importlib\nimportlib.reload(mine.inner).value").text == "22"


def test_the_whole_standard_library_imports(shared: Sandbox) -> None:
    code = """
import importlib, sys
absent = {"_multiprocessing", "antigravity", "this", "idlelib", "turtledemo", "__main__", "_ios_support"}
failed = {}
for name in sorted(sys.stdlib_module_names - absent):
    if name.startswith(("_", "nt", "win", "msvc")): continue
    try: importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name: failed[name] = str(error)
    except BaseException as error: failed[name] = repr(error)
failed
"""
    context = shared.create_code_context()
    execution = context.run_code(code, timeout=60)
    assert execution.error is None
    allowed = {"ctypes", "dbm", "ensurepip", "venv", "curses", "tkinter", "pty", "tty", "ssl", "concurrent"}
    failures = (
        {k: v for k, v in execution.main_result.json.items() if k not in allowed}
        if execution.main_result
        else {}
    )
    assert failures == {}
    context.delete()
