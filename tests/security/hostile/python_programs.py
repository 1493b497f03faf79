"""Hostile Python: what crashes CPython, what eats a machine, what reaches for the host."""

# ruff: noqa: E501 - programs, one a line

from __future__ import annotations

from typing import Any

from .table import Program

__all__ = ["PROGRAMS"]

SHORT = 0.25
NUMPY = 160 << 20
"""With less the default image has no numpy."""


def endless(name: str, code: str, **rest: Any) -> Program:
    """It would run for ever; its deadline stops it softly."""
    return Program(name=name, code=code, error="ExecutionTimeout", seconds=SHORT, **rest)


def stubborn(name: str, code: str, **rest: Any) -> Program:
    """It never looks at an interrupt, or swallows each: it is stopped the hard way."""
    return endless(name, code, state="lost", message="did not stop within", **rest)


def fails(name: str, code: str, error: str, message: str = "", **rest: Any) -> Program:
    return Program(name=name, code=code, error=error, message=message, **rest)


def harmless(name: str, code: str, text: str | None = None) -> Program:
    return Program(name=name, code=code, text=text)


def crashes(name: str, code: str, error: str = "GuestCrash", message: str = "", **rest: Any) -> Program:
    """The interpreter ends; that is allowed, and all that happens."""
    return Program(name=name, code=code, error=error, message=message, state="lost", **rest)


def undefined(name: str, code: str) -> Program:
    return Program(name=name, code=code, undefined=True)


ENDLESS = [
    endless("while", "while True: pass"),
    endless("sum-range", "sum(range(10**12))"),
    endless("max-of-calls", "max(iter(int, 1))"),
    endless("in-calls", "-1 in iter(int, 1)"),
    endless("set-of-calls", "set(iter(int, 1))"),
    endless("all-of-map", "all(map(bool, iter(int, 1))) or any(map(int, iter(int, 1)))"),
    endless("for-iter", "for _ in iter(int, 1): pass"),
    endless("comprehension", "[0 for _ in iter(int, 1) if False]"),
    endless("generator", "def g():\n    while True: yield\nfor _ in g(): pass"),
    endless("generator-expression", "any(x for x in iter(int, 1))"),
    endless("sum-of-generator", "sum(x for x in iter(int, 1))"),
    endless("async-generator", "async def g():\n    while True: yield 1\nasync for _ in g(): pass"),
    endless("await-sleep", "import asyncio\nawait asyncio.sleep(10**6)"),
    endless(
        "asyncio-run",
        "import asyncio\nasync def f():\n    while True: await asyncio.sleep(0)\nasyncio.run(f())",
    ),
    fails(
        "asyncio-future",
        "import asyncio\nawait asyncio.get_running_loop().create_future()",
        "RuntimeError",
        "deadlock: the event loop waits",
    ),
    endless(
        "asyncio-swallows",
        "import asyncio\nasync def f():\n    while True:\n        try: await asyncio.sleep(10**6)\n        except asyncio.CancelledError: pass\nawait f()",
    ),
    endless(
        "asyncio-gather-storm",
        "import asyncio\nasync def f():\n    while True: await asyncio.gather(*(asyncio.sleep(0) for _ in range(100)))\nawait f()",
    ),
    endless("sleep", "import time\ntime.sleep(10**6)"),
    endless("sleep-loop", "import time\nwhile True: time.sleep(0.0001)"),
    endless("select", "import select\nselect.select([], [], [], 10**5)"),
    fails(
        "threading-event",
        "import threading\nthreading.Event().wait()",
        "RuntimeError",
        "deadlock: nothing is left that could end these waits",
    ),
    endless("threading-event-loop", "import threading\ne = threading.Event()\nwhile True: e.wait(100)"),
    fails(
        "queue-get",
        "import queue\nqueue.Queue().get()",
        "RuntimeError",
        "deadlock: nothing is left that could end these waits",
    ),
    endless(
        "except-exception", "while True:\n    try:\n        while True: pass\n    except Exception: pass"
    ),
    endless(
        "bare-except-in-function",
        "def f():\n    try:\n        while True: pass\n    except Exception: f()\nf()",
    ),
    endless("catastrophic-regex", "import re\nre.match('(a*)*b', 'a' * 50)"),
    endless("catastrophic-regex-2", "import re\nre.search('(x+x+)+y', 'x' * 40)"),
    endless("int-pow", "3 ** (10 ** 8)"),
    endless("int-pow-mod", "pow(3, 10**100_000, 10**60_000 + 1)"),
    endless("int-from-text", "import sys\nsys.set_int_max_str_digits(0)\nint('7' * 3_000_000)"),
    endless("factorial", "import math\nmath.factorial(10**7)"),
    endless("sorted-hostile-key", "def key(x):\n    while True: pass\nsorted([1, 2], key=key)"),
    endless(
        "sorted-hostile-lt",
        "class K:\n    def __lt__(self, other):\n        while True: pass\nsorted([K(), K()])",
    ),
    endless("hash", "class K:\n    def __hash__(self):\n        while True: pass\n{K(): 1}"),
    endless(
        "eq",
        "class K:\n    def __eq__(self, o):\n        while True: pass\n    __hash__ = None\n[K()].index(1)",
    ),
    endless("repr-of-the-result", "class K:\n    def __repr__(self):\n        while True: pass\nK()"),
    endless("repr-html-of-the-result", "class K:\n    def _repr_html_(self):\n        while True: pass\nK()"),
    endless("del", "class K:\n    def __del__(self):\n        while True: pass\nk = K()\ndel k"),
    endless(
        "del-in-a-cycle",
        "import gc\nclass K:\n    def __del__(self):\n        while True: pass\nk = K(); k.k = k\ndel k\ngc.collect()",
    ),
    endless(
        "weakref-callback",
        "import weakref\nclass K: pass\ndef f(r):\n    while True: pass\nk = K(); r = weakref.ref(k, f)\ndel k",
    ),
    endless(
        "gc-callback",
        "import gc\ndef f(*a):\n    gc.callbacks.clear()\n    while True: pass\ngc.callbacks.append(f)\ngc.collect()",
    ),
    endless("import-loop", "open('/workspace/looping.py', 'w').write('while True: pass')\nimport looping"),
    endless(
        "import-hook",
        "import sys\nclass F:\n    def find_spec(self, *a):\n        while True: pass\nsys.meta_path.insert(0, F())\nimport nosuchmodule",
    ),
    endless("exec", "exec('while True: pass')"),
    endless("eval-lambda", "(f := lambda: [f for _ in iter(int, 1)])()"),
    endless(
        "metaclass",
        "class M(type):\n    def __new__(*a):\n        while True: pass\nclass K(metaclass=M): pass",
    ),
    endless("descriptor", "class K:\n    @property\n    def x(self):\n        while True: pass\nK().x"),
    endless("format", "class K:\n    def __format__(self, spec):\n        while True: pass\nf'{K()}'"),
    endless(
        "context-manager-exit",
        "class K:\n    def __enter__(self): pass\n    def __exit__(self, *a):\n        while True: pass\nwith K(): 1/0",
    ),
    endless("finally", "try: 1/0\nfinally:\n    while True: pass"),
    endless("trace-function", "import sys\ndef t(*a):\n    while True: pass\nsys.settrace(t)\n(lambda: 0)()"),
    endless(
        "numpy-loop", "import numpy as np\na = np.ones(1000)\nwhile True: a = np.sin(a)", memory_bytes=NUMPY
    ),
    endless(
        "numpy-object-array",
        "import numpy as np\nclass K:\n    def __add__(self, o):\n        while True: pass\nnp.array([K(), K()], dtype=object).sum()",
        memory_bytes=NUMPY,
    ),
    endless("print-loop", "while True: print('x', flush=True)"),
    endless("json-default", "import json\ndef f(o):\n    while True: pass\njson.dumps(object(), default=f)"),
    endless(
        "pickle-reduce",
        "import pickle\nclass K:\n    def __reduce__(self):\n        while True: pass\npickle.dumps(K())",
    ),
    endless(
        "sqlite-function",
        "import sqlite3\ndef f():\n    while True: pass\nc = sqlite3.connect(':memory:'); c.create_function('f', 0, f)\nc.execute('select f()')",
    ),
    endless(
        "difflib",
        "import difflib\ndifflib.SequenceMatcher(None, 'ab' * 40_000, 'ba' * 40_000, autojunk=False).ratio()",
    ),
    endless(
        "contextvar-watch",
        "import contextvars\nc = contextvars.copy_context()\ndef f():\n    while True: pass\nc.run(f)",
    ),
    endless(
        "signal-handler-set",
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nwhile True: pass",
    ),
    endless(
        "signal-handler-returns",
        "import signal\nstop = []\nsignal.signal(signal.SIGINT, lambda *a: stop.append(1))\nwhile not stop: pass",
    ),
    endless("sum-repeat", "import itertools\nsum(itertools.repeat(1))"),
    endless(
        "deque-repeat",
        "from collections import deque\nfrom itertools import repeat\ndeque(repeat(1), maxlen=0)",
    ),
    endless("in-count", "from itertools import count\n-1 in count()"),
    endless("max-of-cycle", "from itertools import cycle\nmax(cycle([1]))"),
    endless(
        "islice",
        "from itertools import islice, repeat\nnext(islice(repeat(1), 2**31 - 1, None)) ; sum(repeat(1))",
    ),
    endless(
        "sqlite-recursion",
        "import sqlite3\nsqlite3.connect(':memory:').execute('with recursive t(x) as (select 1 union all select x + 1 from t) select max(x) from t').fetchone()",
    ),
]

STUBBORN = [
    stubborn(
        "swallows-all", "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    stubborn("finally-continue", "while True:\n    try:\n        while True: pass\n    finally: continue"),
    stubborn(
        "sigint-ignored", "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    ),
    stubborn(
        "sigint-handler", "import signal\nsignal.signal(signal.SIGINT, lambda *a: None)\nwhile True: pass"
    ),
    stubborn(
        "sleep-swallows",
        "import time\nwhile True:\n    try: time.sleep(1000)\n    except BaseException: pass",
    ),
    stubborn(
        "decimal-pow",
        "import decimal\ndecimal.getcontext().prec = 3_000_000\ndecimal.Decimal(3) ** decimal.Decimal('0.5000001')",
    ),
]

MEMORY = [
    fails("bytes", "bytes(10**9)", "MemoryError"),
    fails("bytearray-grow", "b = bytearray()\nwhile True: b += bytes(10**6)", "MemoryError"),
    fails("list-repeat", "[None] * 10**9", "MemoryError"),
    fails("list-append", "l = []\nwhile True: l.append(l[:])", "MemoryError"),
    fails("text-double", "s = 'x'\nwhile True: s += s", "MemoryError"),
    fails("text-multiply", "'x' * (2**31 - 1)", "MemoryError"),
    fails("text-overflow", "'x' * 2**62", "OverflowError"),
    fails("join", "','.join(['x' * 10**6] * 10**3)", "MemoryError"),
    fails("format-width", "f'{1:>1000000000}'", "MemoryError"),
    fails("percent-width", "'%1000000000d' % 1", "MemoryError"),
    fails("int-shift", "1 << 10**10", "MemoryError"),
    fails("int-shift-overflow", "1 << 10**30", "OverflowError"),
    fails("range-list", "list(range(10**9))", "MemoryError"),
    fails("set", "set(range(10**9))", "MemoryError"),
    fails("dict", "dict.fromkeys(range(10**9))", "MemoryError"),
    # deque_clear in _collectionsmodule.c clears the MemoryError when it has no memory itself.
    fails(
        "deque",
        "from collections import deque\nfrom itertools import repeat\ndeque(repeat(1))",
        "SystemError",
        "without setting an exception",
    ),
    fails("tuple", "from itertools import repeat\ntuple(repeat(1))", "MemoryError"),
    fails("product", "from itertools import product\nlist(product(range(100), repeat=5))", "MemoryError"),
    fails("array", "import array\narray.array('d', [0.0]) * 10**9", "MemoryError"),
    fails(
        "numpy-ones",
        "import numpy as np\nnp.ones(10**8)",
        "MemoryError",
        "Unable to allocate 763. MiB",
        memory_bytes=NUMPY,
    ),
    fails(
        "numpy-outer",
        "import numpy as np\nnp.ones((10**5, 10**5))",
        "ValueError",
        "array is too big",
        memory_bytes=NUMPY,
    ),
    fails(
        "zlib-bomb",
        "import zlib\nc = zlib.compressobj()\nd = b''.join([c.compress(bytes(10**6)) for _ in range(120)] + [c.flush()])\nzlib.decompress(d)",
        "MemoryError",
    ),
    fails(
        "gzip-bomb",
        "import gzip, io\nb = io.BytesIO()\nwith gzip.GzipFile(fileobj=b, mode='w') as f:\n    for _ in range(120): f.write(bytes(10**6))\ngzip.decompress(b.getvalue())",
        "MemoryError",
    ),
    fails(
        "bz2-bomb",
        "import bz2\nc = bz2.BZ2Compressor(1)\nd = b''.join([c.compress(bytes(10**6)) for _ in range(100)] + [c.flush()])\nbz2.decompress(d)",
        "MemoryError",
        seconds=60,
    ),
    fails(
        "xml-laughs",
        "import xml.etree.ElementTree as E\nent = ''.join(f'<!ENTITY a{i} \"' + f'&a{i-1};' * 10 + '\">' for i in range(1, 12))\nE.fromstring(f'<!DOCTYPE x [<!ENTITY a0 \"ha\">{ent}]><x>&a11;</x>')",
        "ParseError",
        "limit on input amplification",
    ),
    fails("json-large", "import json\njson.dumps(['x' * 10**6] * 300)", "MemoryError"),
    fails(
        "template",
        "from string import Template\nTemplate('$x' * 10**6).substitute(x='y' * 1000)",
        "MemoryError",
    ),
    fails("recursion-of-generators", "def g(n):\n    yield from g(n + 1)\nlist(g(0))", "RecursionError"),
    fails(
        "exception-chain",
        "def f(n):\n    try: 1/0\n    except ZeroDivisionError: f(n + 1)\nf(0)",
        "RecursionError",
    ),
    fails("stringio", "import io\ns = io.StringIO()\nwhile True: s.write('x' * 10**6)", "MemoryError"),
    fails(
        "catches-memory-error",
        "l = []\nwhile True:\n    try:\n        while True: l.append(bytes(10**6))\n    except MemoryError: l.append(l.pop()[:0]); raise",
        "MemoryError",
    ),
]

DEEP = [
    fails("recursion", "def f(): f()\nf()", "RecursionError"),
    fails("lambda-recursion", "(f := lambda: f())()", "RecursionError"),
    fails(
        "getattr-recursion",
        "class K:\n    def __getattr__(self, n): return getattr(self, n + 'x')\nK().a",
        "RecursionError",
    ),
    fails(
        "repr-recursion", "class K:\n    def __repr__(self): return repr(self)\nrepr(K())", "RecursionError"
    ),
    fails("eq-recursion", "class K:\n    def __eq__(self, o): return self == o\nK() == 1", "RecursionError"),
    fails("nested-list-repr", "l = []\nfor _ in range(10**5): l = [l]\nrepr(l)", "RecursionError"),
    fails("nested-json", "import json\njson.loads('[' * 10**6)", "RecursionError"),
    fails("nested-json-objects", "import json\njson.loads('{\"a\":' * 10**6)", "RecursionError"),
    fails(
        "nested-pickle",
        "import pickle\nl = []\nfor _ in range(10**5): l = [l]\npickle.dumps(l)",
        "RecursionError",
    ),
    harmless("nested-pickle-load", "import pickle\npickle.loads(b']' * 10**5 + b'a' * (10**5 - 1) + b'.');"),
    fails(
        "nested-marshal",
        "import marshal\nl = ()\nfor _ in range(10**5): l = (l,)\nmarshal.dumps(l)",
        "ValueError",
        "object too deeply nested",
    ),
    fails(
        "nested-marshal-load",
        "import marshal\nmarshal.loads(b'(\\x01\\0\\0\\0' * 10**6)",
        "ValueError",
        "recursion limit exceeded",
    ),
    fails(
        "nested-parentheses", "eval('(' * 10**5 + ')' * 10**5)", "SyntaxError", "too many nested parentheses"
    ),
    fails("nested-unary", "eval('-' * 10**6 + '1')", "MemoryError", "Parser stack overflowed"),
    fails("nested-attribute", "eval('x' + '.x' * 10**5)", "RecursionError"),
    fails(
        "nested-indent",
        "exec('\\n'.join(' ' * i + 'if 1:' for i in range(500)))",
        "IndentationError",
        "too many levels of indentation",
    ),
    fails(
        "nested-for",
        "exec('\\n'.join(' ' * i + 'for x in y:' for i in range(99)) + ' pass')",
        "SyntaxError",
        "too many statically nested blocks",
    ),
    fails(
        "nested-ast",
        "import ast\nn = ast.Constant(1)\nfor _ in range(10**5): n = ast.UnaryOp(ast.USub(), n)\ncompile(ast.fix_missing_locations(ast.Expression(n)), '', 'eval')",
        "RecursionError",
    ),
    fails("nested-regex", "import re\nre.compile('(' * 10**5 + ')' * 10**5)", "RecursionError"),
    fails(
        "nested-isinstance",
        "t = (int,)\nfor _ in range(10**5): t = (t,)\nisinstance('', t)",
        "RecursionError",
    ),
    fails(
        "nested-exception-group",
        "e = ValueError()\nfor _ in range(10**4): e = ExceptionGroup('', [e])\nraise e",
        "ExceptionGroup",
    ),
    fails("long-expression", "eval('+'.join(['1'] * 10**5))", "RecursionError"),
    fails("many-arguments", "exec('f(' + ','.join(f'a{i}' for i in range(10**4)) + ')')", "NameError"),
    harmless("free-nested-tuple", "t = ()\nfor _ in range(10**6): t = (t,)\ndel t"),
    harmless("free-nested-generators", "g = iter(())\nfor _ in range(10**5): g = (x for x in g)\ndel g"),
    fails(
        "unlimited-recursion",
        "import sys\nsys.setrecursionlimit(2**31 - 1)\ndef f(): f()\nf()",
        "MemoryError",
    ),
    fails(
        "unlimited-c-recursion",
        "import sys\nsys.setrecursionlimit(2**31 - 1)\nclass K:\n    def __repr__(self): return repr(self)\nrepr(K())",
        "RecursionError",
    ),
    fails(
        "zero-recursion-limit",
        "import sys\nsys.setrecursionlimit(0)",
        "ValueError",
        "recursion limit must be greater",
    ),
    fails("low-recursion-limit", "import sys\nsys.setrecursionlimit(1)", "RecursionError"),
]

BAD_CODE = [
    undefined(
        "bad-bytecode", "f = lambda: 0\nf.__code__ = f.__code__.replace(co_code=bytes([255, 0]) * 8)\nf()"
    ),
    undefined("bytecode-of-nothing", "f = lambda: 0\nf.__code__ = f.__code__.replace(co_code=b'')\nf()"),
    undefined(
        "load-fast-out-of-range",
        "f = lambda: 0\nimport opcode\nf.__code__ = f.__code__.replace(co_code=bytes([128, 0, opcode.opmap['LOAD_FAST'], 255, opcode.opmap['RETURN_VALUE'], 0]))\nf()",
    ),
    undefined(
        "load-const-out-of-range",
        "f = lambda: 0\nimport opcode\nf.__code__ = f.__code__.replace(co_code=bytes([128, 0, opcode.opmap['LOAD_CONST'], 255, opcode.opmap['RETURN_VALUE'], 0]))\nf()",
    ),
    undefined(
        "pop-from-an-empty-stack",
        "f = lambda: 0\nimport opcode\nf.__code__ = f.__code__.replace(co_code=bytes([128, 0] + [opcode.opmap['POP_TOP'], 0] * 5000))\nf()",
    ),
    undefined(
        "jump-far-away",
        "f = lambda: 0\nimport opcode\nf.__code__ = f.__code__.replace(co_code=bytes([128, 0, opcode.opmap['EXTENDED_ARG'], 255, opcode.opmap['EXTENDED_ARG'], 255, opcode.opmap['JUMP_FORWARD'], 255]))\nf()",
    ),
    fails("code-type-arguments", "import types\ntypes.CodeType(*[None] * 18)", "TypeError"),
    fails(
        "marshal-garbage",
        "import marshal\nmarshal.loads(b'\\xe3' + bytes(range(256)))",
        "ValueError",
        "bad marshal data",
    ),
    undefined(
        "marshal-of-bad-code",
        "import marshal\nc = marshal.dumps(compile('1+1', '', 'eval'))\nfor i in range(20, len(c)):\n    b = bytearray(c); b[i] ^= 0xff\n    try: exec(marshal.loads(bytes(b)))\n    except Exception: pass",
    ),
    fails(
        "pickle-garbage",
        "import pickle\npickle.loads(bytes(range(128, 256)))",
        "ValueError",
        "unsupported pickle protocol: 129",
    ),
    # A command of the sandbox's own, among the sandbox's own files.
    harmless("pickle-system", "import pickle\npickle.loads(b\"cos\\nsystem\\n(S'ls'\\ntR.\")", "0"),
    fails("struct-huge", "import struct\nstruct.unpack('9999999999999s', b'')", "error"),
    fails("null-in-source", "exec('a = 1\\0')", "SyntaxError", "null bytes"),
    fails("surrogate-in-source", "exec('a = \"\\udcff\"')", "UnicodeEncodeError"),
    fails("huge-int-literal", "exec('9' * 5000)", "SyntaxError", "4300 digits"),
    fails(
        "generator-in-itself",
        "def g():\n    next(i)\n    yield\ni = g()\nnext(i)",
        "ValueError",
        "generator already executing",
    ),
    fails(
        "frame-clear",
        "import sys\nsys._getframe().clear()",
        "RuntimeError",
        "cannot clear an executing frame",
    ),
    fails(
        "locals-of-frames",
        "import sys\nf = sys._getframe()\nwhile f.f_back: f = f.f_back\nf.f_locals['no'](1)",
        "KeyError",
    ),
    fails(
        "super-without-class",
        "def f(self): super().x\nf(1)",
        "RuntimeError",
        "super(): __class__ cell not found",
    ),
    fails("del-type-bases", "class A: pass\nclass B(A): pass\nA.__bases__ = (B,)", "TypeError"),
    fails("object-new", "object.__new__(int)", "TypeError", "is not safe"),
    fails("type-new", "type.__new__(type, 'a\\0', (), {})", "ValueError", "null characters"),
    fails(
        "mro-hostile",
        "class M(type):\n    def mro(cls): return [5]\nclass A(metaclass=M): pass",
        "TypeError",
        "mro() returned a non-class",
    ),
    fails(
        "dict-changes-while-iterated",
        "d = {i: 0 for i in range(9)}\nfor k in d: d[k + 9] = 0",
        "RuntimeError",
        "changed size",
    ),
    harmless(
        "list-clears-itself-in-sort",
        "l = [3, 1, 2]\ntry: l.sort(key=lambda x: l.clear() or x)\nexcept ValueError: pass\nlen(l)",
        "3",
    ),
    harmless(
        "dict-mutates-in-eq",
        "class K:\n    def __init__(s, d): s.d = d\n    def __hash__(s): return 1\n    def __eq__(s, o):\n        s.d.clear(); return False\nd = {}\nfor _ in range(9): d[K(d)] = 1\nlen(d) < 10",
        "True",
    ),
    harmless(
        "bytearray-resized-under-a-view",
        "b = bytearray(9)\nm = memoryview(b)\ntry: b.extend(b'x' * 99)\nexcept BufferError: r = 'held'\nr",
        "held",
    ),
    harmless(
        "iterator-of-mutated-list", "l = [1]\nfor x in l:\n    if len(l) < 99: l.append(x)\nlen(l)", "99"
    ),
    harmless("class-swap", "class A: pass\nclass B: pass\na = A(); a.__class__ = B\ntype(a).__name__", "B"),
    fails("class-swap-layout", "(1).__class__ = bool", "TypeError"),
    harmless("weird-hash", "class K(str):\n    def __hash__(s): return -1\nd = {K('a'): 1}\nlen(d)", "1"),
    harmless(
        "gc-freeze-and-objects",
        "import gc\nfor _ in range(5): gc.freeze(); gc.unfreeze(); gc.collect()\nlen(gc.get_objects()) > 0",
        "True",
    ),
    harmless("gc-referrers", "import gc\nx = []\nlen(gc.get_referrers(x)) < 9", "True"),
    fails(
        "text-of-an-error",
        "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
        "E",
        "<exception str() failed>",
        seconds=SHORT,
    ),
    harmless(
        "gc-thresholds",
        "import gc\ngc.set_threshold(1)\nx = [[] for _ in range(10**4)]\ngc.set_threshold(2000)\nlen(x)",
        "10000",
    ),
]

SELF_HARM = [
    harmless("del-builtins-of-the-cell", "del __builtins__\nprint(1)"),
    crashes("clear-builtins", "import builtins\nbuiltins.__dict__.clear()", message="ended without a word"),
    harmless("clear-modules", "import sys\nsys.modules.clear()"),
    harmless("displayhook", "import sys\nsys.displayhook = lambda v: print('hooked', v)\n1", None),
    fails("displayhook-raises", "import sys\nsys.displayhook = lambda v: 1/0\n1", "ZeroDivisionError"),
    fails(
        "excepthook-raises", "import sys\nsys.excepthook = lambda *a: 1/0\nraise KeyError(1)", "KeyError", "1"
    ),
    harmless("stdout-none", "import sys\nsys.stdout = None\nprint('lost')"),
    fails(
        "stdout-raises",
        "import sys\nclass S:\n    def write(self, t): raise OSError('no')\nsys.stdout = S()\nprint('x')",
        "OSError",
        "no",
    ),
    harmless("close-0-1-2", "import os\nfor fd in (0, 1, 2): os.close(fd)"),
    fails(
        "close-stdout",
        "import sys\nsys.stdout.close()\nprint('x')",
        "ValueError",
        "I/O operation on closed file",
    ),
    harmless("close-all", "import os\nos.closerange(0, 2000)"),
    harmless(
        "fd-1-becomes-a-file",
        "import os\nos.close(1)\nos.open('/workspace/out', os.O_CREAT | os.O_WRONLY) > 2",
        "False",
    ),
    harmless(
        "gate-replaced",
        "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Gate': o._handler = None\n1",
        "1",
    ),
    crashes("os-exit", "import os\nos._exit(3)", "GuestExit", "exit code 3"),
    crashes("abort", "import os\nos.abort()"),
    harmless("sys-exit", "import sys\nsys.exit(5)"),
    harmless("exit-hook", "import atexit\ndef f():\n    while True: pass\natexit.register(f)"),
    endless(
        "exit-hook-run",
        "import atexit\ndef f():\n    while True: pass\natexit.register(f)\natexit._run_exitfuncs()",
    ),
    fails(
        "kill-itself",
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)",
        "KeyboardInterrupt",
        "interrupted",
    ),
    fails(
        "raise-signal",
        "import signal\nsignal.raise_signal(signal.SIGINT)",
        "KeyboardInterrupt",
        "interrupted",
    ),
    crashes(
        "faulthandler", "import faulthandler\nfaulthandler._sigsegv()", message="the interpreter aborted"
    ),
    fails("ctypes-read", "import ctypes\nctypes.string_at(0)", "ValueError", "NULL pointer access"),
    fails(
        "ctypes-from-address",
        "import ctypes\nctypes.c_int.from_address(4).value = 7",
        "ValueError",
        "no memory at address 0x4",
    ),
    fails(
        "ctypes-dlopen",
        "import ctypes\nctypes.CDLL('libc.so.6').system(b'ls')",
        "OSError",
        "native libraries cannot be loaded",
    ),
    fails(
        "ctypes-pointer-arithmetic",
        "import ctypes\np = ctypes.cast(0x10000, ctypes.POINTER(ctypes.c_char))\np[0]",
        "ValueError",
        "no memory at address 0x10000",
    ),
    fails(
        "dl-of-garbage",
        "open('/workspace/bad.cpython-314-wasm32-wasi.so', 'wb').write(b'\\0asm\\1\\0\\0\\0' + bytes(99))\nimport bad",
        "ImportError",
        "a section ends too early",
    ),
    fails("testcapi", "import _testcapi", "ModuleNotFoundError"),
]

FILES = [
    fails(
        "fill-the-disk",
        "with open('/workspace/big', 'wb') as f:\n    while True: f.write(bytes(10**6))",
        "OSError",
        "No space left",
    ),
    fails(
        "sparse-file",
        "with open('/workspace/big', 'wb') as f: f.truncate(1 << 40)",
        "OSError",
        "No space left",
    ),
    fails(
        "seek-far-and-write",
        "with open('/workspace/big', 'wb') as f:\n    f.seek(1 << 60); f.write(b'x'); f.flush()",
        "OSError",
        "No space left",
    ),
    fails(
        "many-files",
        "for i in range(10**6): open(f'/workspace/{i}', 'w').close()",
        "OSError",
        "No space left",
    ),
    fails(
        "many-directories",
        "import os\nfor i in range(10**6): os.mkdir(f'/workspace/d{i}')",
        "OSError",
        "No space left",
    ),
    fails(
        "many-links",
        "import os\nopen('/workspace/f', 'w').close()\nfor i in range(10**6): os.link('/workspace/f', f'/workspace/l{i}')",
        "OSError",
        "No space left",
    ),
    fails(
        "many-descriptors",
        "l = []\nwhile True: l.append(open('/workspace/f', 'w'))",
        "OSError",
        "No file descriptors available",
    ),
    fails(
        "deep-directories",
        "import os\nos.chdir('/workspace')\nwhile True: os.mkdir('d'); os.chdir('d')",
        "OSError",
        "Filename too long",
    ),
    fails("long-name", "open('/workspace/' + 'x' * 10**6, 'w')", "OSError", "Filename too long"),
    fails(
        "link-loop",
        "import os\nos.symlink('b', '/workspace/a'); os.symlink('a', '/workspace/b')\nopen('/workspace/a')",
        "OSError",
        "Symbolic link loop",
    ),
    fails(
        "unlinked-files-fill-the-disk",
        "import os\nl = []\nfor i in range(100):\n    f = open('/workspace/f', 'wb', buffering=0); l.append(f); os.unlink('/workspace/f'); f.write(bytes(10**6))",
        "OSError",
        "No space left",
    ),
    fails(
        "remove-the-library",
        "import shutil\nshutil.rmtree('/usr/lib/python3.14')",
        "OSError",
        "Read-only file system",
    ),
    harmless(
        "remove-everything",
        "import os, shutil\nfor n in os.listdir('/'): shutil.rmtree('/' + n, ignore_errors=True)\nimport wave\nwave.__name__",
        "wave",
    ),
    fails(
        "write-to-the-library", "open('/usr/lib/python3.14/os.py', 'w')", "OSError", "Read-only file system"
    ),
    fails("overwrite-dev-null", "import os\nos.unlink('/dev/null')", "OSError", "Read-only file system"),
    harmless("dev-zero", "len(open('/dev/zero', 'rb').read(10**6))", "1000000"),
    fails("dev-zero-whole", "open('/dev/zero', 'rb').read()", "MemoryError"),
    fails("mmap-huge", "import mmap\nmmap.mmap(-1, 1 << 40)", "OverflowError"),
    fails("nul-in-path", "open('/workspace/a\\0b')", "ValueError", "embedded null"),
    fails(
        "rename-into-itself",
        "import os\nos.makedirs('/workspace/a/b')\nos.rename('/workspace/a', '/workspace/a/b/c')",
        "OSError",
        "Invalid argument",
    ),
    fails(
        "tempfiles",
        "import tempfile\nl = [tempfile.TemporaryFile() for _ in range(10**4)]",
        "OSError",
        "No file descriptors available",
    ),
    fails(
        "shelf",
        "import sqlite3\nc = sqlite3.connect('/workspace/x.db')\nc.execute('create table t(x)')\nwhile True: c.execute('insert into t values(zeroblob(1000000))'); c.commit()",
        "OperationalError",
        "disk is full",
    ),
]

OUTPUT = [
    fails("print-flood", "while True: print('x' * 1000)", "OutputLimitExceeded"),
    fails("one-huge-print", "print('x' * 20_000_000)", "OutputLimitExceeded"),
    fails("stderr-flood", "import sys\nwhile True: sys.stderr.write('x' * 1000)", "OutputLimitExceeded"),
    fails("fd-flood", "import os\nwhile True: os.write(1, b'x' * 1000)", "OutputLimitExceeded"),
    fails("display-flood", "while True: display('x' * 1000)", "OutputLimitExceeded"),
    fails(
        "warnings-flood",
        "import warnings\nwarnings.simplefilter('always')\nwhile True: warnings.warn('x' * 1000)",
        "OutputLimitExceeded",
    ),
    endless(
        "traceback-flood",
        "import traceback\nwhile True:\n    try: 1/0\n    except Exception: traceback.print_exc()",
    ),
    fails("long-error-message", "raise ValueError('x' * 1_000_000)", "ValueError", "x" * 1_000_000),
    fails("error-message-over-the-limit", "raise ValueError('x' * 5_000_000)", "OutputLimitExceeded"),
    fails("huge-result", "'x' * 5_000_000", "OutputLimitExceeded"),
    fails(
        "huge-repr", "class K:\n    def __repr__(self): return 'x' * 5_000_000\nK()", "OutputLimitExceeded"
    ),
    fails("prompt-flood", "input('x' * 10**6)", "RuntimeError", "on_input"),
    harmless("terminal-codes", "print('\\x1b[2J\\x1b]0;owned\\x07')"),
]

PROGRAMS = [*ENDLESS, *STUBBORN, *MEMORY, *DEEP, *BAD_CODE, *SELF_HARM, *FILES, *OUTPUT]
