# ruff: noqa: PT009 - this is code as people write it
"""Tasks that exercise the standard library."""

import argparse
import ast
import base64
import collections
import csv
import datetime
import decimal
import difflib
import fractions
import hashlib
import heapq
import io
import json
import logging
import os
import pathlib
import pickle
import sqlite3
import statistics
import struct
import tempfile
import tokenize
import unittest
import xml.etree.ElementTree
import zlib

from language_tasks import Colour, Point, Record

TASKS = []


def task(function):
    TASKS.append(function)
    return function


# --- the library ----------------------------------------------------------------------------------


@task
def json_and_friends():
    document = [
        {"id": i, "name": f"n{i}", "values": [1.5, 2, None, True], "nested": {"ž": '\n"q"'}}
        for i in range(700)
    ]
    text = json.dumps(document)
    back = json.loads(text)
    pretty = json.dumps(back[:90], indent=2, sort_keys=True)
    data = pickle.dumps((document, Point, Colour.RED, [Record(1)]))
    pickle.loads(data)
    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerows([i, i * 2.5, f"s,{i}", 'q"'] for i in range(900))
    read = list(csv.DictReader(io.StringIO(rows.getvalue()), fieldnames=list("abcd")))
    packed = b"".join(struct.pack("<IHd4s", i, i & 7, i / 3, b"abcd") for i in range(700))
    unpacked = list(struct.iter_unpack("<IHd4s", packed))
    squeezed = zlib.decompress(zlib.compress(text.encode()[:60000]))
    digests = [
        getattr(hashlib, name)(squeezed[:30000]).hexdigest()
        for name in ("sha256", "md5", "sha1", "blake2b", "sha3_256")
    ]
    return pretty, read, unpacked, digests, base64.b64encode(packed), memoryview(packed)[3:9].tobytes()


@task
def dates_and_decimals():
    start = datetime.date(2020, 1, 31)
    days = [start + datetime.timedelta(days=i) for i in range(900)]
    weekdays = collections.Counter(day.strftime("%a %d.%m.") for day in days)
    moments = [
        datetime.datetime.fromisoformat(f"2024-03-{i % 28 + 1:02d}T12:00:00+02:00") for i in range(300)
    ]
    parsed = [datetime.datetime.strptime("2024-01-02 03:04", "%Y-%m-%d %H:%M") for _ in range(40)]
    with decimal.localcontext() as context:
        context.prec = 50
        series = decimal.Decimal(0)
        for i in range(1, 1800):
            series += decimal.Decimal(1) / i
    thirds = sum((fractions.Fraction(1, i) for i in range(1, 90)), fractions.Fraction(0))
    return weekdays, max(moments) - min(moments), parsed, series, thirds, statistics.median(range(99))


@task
def xml_and_sql():
    root = xml.etree.ElementTree.fromstring(
        "<r>" + "".join(f"<i n='{i}'><t>text {i}</t></i>" for i in range(600)) + "</r>"
    )
    texts = [item.findtext("t") for item in root.iter("i") if int(item.get("n")) % 2]
    xml.etree.ElementTree.tostring(root)
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t(a integer primary key, b text, c real)")
    connection.executemany("insert into t values(?,?,?)", ((i, f"row {i}", i / 7) for i in range(1500)))
    rows = connection.execute(
        "select b, sum(c) from t where a % 3 = 1 group by a % 10 order by 2 desc"
    ).fetchall()
    connection.close()
    return texts, rows


@task
def source_code():
    source = pathlib.Path(difflib.__file__).read_text()
    tree = ast.parse(source)
    compile(source, "<trained>", "exec")
    names = collections.Counter(type(node).__name__ for node in ast.walk(tree))
    ast.unparse(tree.body[-1])
    tokens = sum(1 for _ in tokenize.generate_tokens(io.StringIO(source[:20000]).readline))
    lines = source.splitlines()
    changes = list(difflib.unified_diff(lines[:180], lines[30:210]))
    namespace = {}
    for i in range(200):
        exec(f"def f{i}(a, b=2):\n    return [a * {i} for a in range(b)]\nx = f{i}(1)", namespace)
        eval(f"x[0] + {i}", namespace)
    return names, tokens, changes


@task
def programs():
    parser = argparse.ArgumentParser(prog="p")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("names", nargs="*")
    parser.parse_args(["--count", "3", "a", "b"])
    logger = logging.Logger("trained")
    logger.addHandler(logging.StreamHandler(io.StringIO()))
    for i in range(300):
        logger.info("message %d of %s", i, "many")

    class Case(unittest.TestCase):
        def test_sum(self):
            for i in range(60):
                self.assertEqual(sum([i, 1]), i + 1)

    unittest.TextTestRunner(stream=io.StringIO()).run(unittest.defaultTestLoader.loadTestsFromTestCase(Case))
    with tempfile.TemporaryDirectory() as folder:
        for i in range(25):
            path = pathlib.Path(folder, f"file{i}.txt")
            path.write_text("line\n" * 60)
            with path.open() as file:
                sum(len(line) for line in file)
            os.stat(path), os.path.join(folder, "x"), os.path.splitext(path.name)
        sorted(path.name for path in pathlib.Path(folder).iterdir())
    for i in range(600):
        print(i, "some text", i / 3, sep=" | ")
    graph = {i: [(i * 7 + k) % 300 for k in range(4)] for i in range(300)}
    distance, queue = {0: 0}, [(0, 0)]
    while queue:
        length, node = heapq.heappop(queue)
        for other in graph[node]:
            candidate = length + (node ^ other) % 13 + 1
            if candidate < distance.get(other, 1 << 30):
                distance[other] = candidate
                heapq.heappush(queue, (candidate, other))
    return distance
