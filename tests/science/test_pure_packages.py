"""Bundled packages of Python files only: each is imported and does what it is for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pywasm_sandbox import Sandbox
from tests.science.conftest import has_wheel

# name of the wheels that the code needs, the code, what it prints
WORK = {
    "beautifulsoup4": (
        ("beautifulsoup4", "soupsieve", "typing-extensions"),
        """
from bs4 import BeautifulSoup
soup = BeautifulSoup("<ul><li class='a'>1</li><li>2</li></ul>", "html.parser")
print([item.text for item in soup.find_all("li")], soup.select_one("li.a + li").text)
""",
        "['1', '2'] 2",
    ),
    "certifi": (
        ("certifi",),
        """
import certifi
print(open(certifi.where()).read().count("BEGIN CERTIFICATE") > 100)
""",
        "True",
    ),
    "charset-normalizer": (
        ("charset-normalizer",),
        """
from charset_normalizer import from_bytes
text = "Всеки човек има право на образование. Образованието трябва да бъде безплатно."
print(str(from_bytes(text.encode("cp1251")).best()) == text)
""",
        "True",
    ),
    "cloudpickle": (
        ("cloudpickle",),
        """
import cloudpickle, pickle
factor = 3
print(pickle.loads(cloudpickle.dumps(lambda x: x * factor))(14))
""",
        "42",
    ),
    "cycler": (
        ("cycler",),
        """
from cycler import cycler
print([style["c"] + style["ls"] for style in cycler(c="rg") * cycler(ls=["-", ":"])])
""",
        "['r-', 'r:', 'g-', 'g:']",
    ),
    "fonttools": (
        ("fonttools",),
        """
import io
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
builder = FontBuilder(1000, isTTF=True)
builder.setupGlyphOrder([".notdef", "A"])
builder.setupCharacterMap({65: "A"})
builder.setupGlyf({name: TTGlyphPen(None).glyph() for name in (".notdef", "A")})
builder.setupHorizontalMetrics({".notdef": (500, 0), "A": (600, 0)})
builder.setupHorizontalHeader(ascent=800, descent=-200)
builder.setupNameTable({"familyName": "Tiny"})
builder.setupPost()
file = io.BytesIO()
builder.save(file)
font = TTFont(io.BytesIO(file.getvalue()))
print(font.getBestCmap(), font["hmtx"]["A"], font["name"].getBestFamilyName())
""",
        "{65: 'A'} (600, 0) Tiny",
    ),
    "idna": (("idna",), "import idna\nprint(idna.encode('пример.рф'))", "b'xn--e1afmkfd.xn--p1ai'"),
    "jinja2": (
        ("jinja2", "markupsafe"),
        """
from jinja2 import Template
print(Template("{% for x in xs %}{{ loop.index }}={{ x|e }};{% endfor %}").render(xs=["<a>", "b"]))
""",
        "1=&lt;a&gt;;2=b;",
    ),
    "joblib": (
        ("joblib", "cloudpickle"),
        """
from joblib import Memory, Parallel, delayed, dump, load
print(Parallel(n_jobs=2)(delayed(pow)(i, 2) for i in range(4)), dump({"a": 1}, "x.joblib"), load("x.joblib"))
calls = []
double = Memory("cache", verbose=0).cache(lambda x: calls.append(x) or 2 * x)
print(double(3), double(3), calls)
""",
        "[0, 1, 4, 9] ['x.joblib'] {'a': 1}\n6 6 [3]",
    ),
    "mpmath": (
        ("mpmath",),
        "from mpmath import mp, quad, zeta\nmp.dps = 30\nprint(zeta(3), quad(lambda x: x**2, [0, 3]))",
        "1.20205690315959428539973816151 9.0",
    ),
    "narwhals": (
        ("narwhals",),
        """
import narwhals
print(narwhals.dependencies.is_pandas_dataframe([]), narwhals.Int64() == narwhals.Int64)
""",
        "False True",
    ),
    "networkx": (
        ("networkx",),
        """
import networkx as nx
graph = nx.Graph([("a", "b", {"weight": 1}), ("b", "c", {"weight": 2}), ("a", "c", {"weight": 9})])
print(nx.shortest_path(graph, "a", "c", "weight"), nx.is_connected(graph), nx.density(nx.petersen_graph()))
""",
        "['a', 'b', 'c'] True 0.3333333333333333",
    ),
    "openpyxl": (
        ("openpyxl", "et-xmlfile"),
        """
from openpyxl import Workbook, load_workbook
book = Workbook()
book.active.append(["a", 1.5])
book.active["B2"] = "=B1*2"
book.save("book.xlsx")
print([[cell.value for cell in row] for row in load_workbook("book.xlsx").active])
""",
        "[['a', 1.5], [None, '=B1*2']]",
    ),
    "packaging": (
        ("packaging",),
        """
from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.version import Version
print(Version("1.10") > Version("1.9rc1"), "2.5" in Requirement("numpy>=2,<3").specifier, next(sys_tags()))
""",
        "True True cp314-cp314-wasi_wasm32",
    ),
    "pygments": (
        ("pygments",),
        """
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
print(highlight("x = 1", get_lexer_by_name("python"), HtmlFormatter(nowrap=True)))
""",
        '<span class="n">x</span> <span class="o">=</span> <span class="mi">1</span>',
    ),
    "pyparsing": (
        ("pyparsing",),
        """
from pyparsing import Word, alphas, infix_notation, nums, one_of, OpAssoc
number = Word(nums).set_parse_action(lambda found: int(found[0]))
term = infix_notation(number, [("*", 2, OpAssoc.LEFT), ("+", 2, OpAssoc.LEFT)])
print(term.parse_string("1+2*3").as_list())
""",
        "[[1, '+', [2, '*', 3]]]",
    ),
    "pytest": (
        ("pytest", "iniconfig", "pluggy", "packaging", "pygments"),
        """
import pytest
from pathlib import Path
Path("test_it.py").write_text('''
import pytest

@pytest.mark.parametrize("x", [1, 2])
def test_double(x, tmp_path):
    assert x * 2 == 2
''')
print(int(pytest.main(["-q", "--no-header", "test_it.py"])))
""",
        """.F                                                                       [100%]
=================================== FAILURES ===================================
________________________________ test_double[2] ________________________________
""",
    ),
    "python-dateutil": (
        ("python-dateutil", "six"),
        """
from datetime import date
from dateutil import easter, parser, relativedelta, tz
print(parser.parse("3 May 2024 14:05 UTC").isoformat(), easter.easter(2024))
print(date(2024, 1, 31) + relativedelta.relativedelta(months=1), tz.gettz("Europe/Paris").utcoffset(
    parser.parse("2024-01-01")))
""",
        "2024-05-03T14:05:00+00:00 2024-03-31\n2024-02-29 1:00:00",
    ),
    "requests": (
        ("requests", "urllib3", "idna", "certifi", "charset-normalizer"),
        """
import requests
request = requests.Request("GET", "https://example.com/a", params={"q": "ü"}, auth=("u", "p")).prepare()
print(request.url, request.headers["Authorization"])
""",
        "https://example.com/a?q=%C3%BC Basic dTpw",
    ),
    "six": (
        ("six",),
        """
import six
from importlib.metadata import version
from six.moves import urllib
print(six.text_type("a"), urllib.parse.quote("a b"), version("six"))
""",
        "a a%20b 1.17.0",
    ),
    "sympy": (
        ("sympy", "mpmath"),
        """
from sympy import Eq, Function, diff, dsolve, integrate, latex, oo, exp, solve, symbols
x = symbols("x")
f = Function("f")
print(solve(x**2 - 2), integrate(exp(-(x**2)), (x, -oo, oo)), diff(x**x, x), latex(x / 2))
print(dsolve(Eq(f(x).diff(x), f(x))))
""",
        "[-sqrt(2), sqrt(2)] sqrt(pi) x**x*(log(x) + 1) \\frac{x}{2}\nEq(f(x), C1*exp(x))",
    ),
    "tabulate": (
        ("tabulate",),
        "from tabulate import tabulate\nprint(tabulate([[1, 'a']], headers=['n', 's'], tablefmt='github'))",
        "|   n | s   |\n|-----|-----|\n|   1 | a   |",
    ),
    "threadpoolctl": (
        ("threadpoolctl",),
        "from threadpoolctl import threadpool_limits\nwith threadpool_limits(1):\n    print('limited')",
        "limited",
    ),
    "tqdm": (
        ("tqdm",),
        """
import io
from tqdm import tqdm
bar = io.StringIO()
print(sum(tqdm(range(10), file=bar)), "10/10" in bar.getvalue())
""",
        "45 True",
    ),
    "typing-extensions": (
        ("typing-extensions",),
        """
from typing_extensions import TypedDict, get_type_hints
print(get_type_hints(TypedDict("T", {"a": int})))
""",
        "{'a': <class 'int'>}",
    ),
    "xlsxwriter": (
        ("xlsxwriter",),
        """
import xlsxwriter, zipfile
with xlsxwriter.Workbook("chart.xlsx") as book:
    sheet = book.add_worksheet()
    sheet.write_column("A1", [1, 2, 3])
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=Sheet1!$A$1:$A$3"})
    sheet.insert_chart("C1", chart)
print("xl/charts/chart1.xml" in zipfile.ZipFile("chart.xlsx").namelist())
""",
        "True",
    ),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", WORK)
def test_work(sandbox: Sandbox, name: str) -> None:
    needed, code, printed = WORK[name]
    missing = [wheel for wheel in needed if not has_wheel(wheel)]
    if missing:
        pytest.skip(f"not among this installation's assets: {', '.join(missing)}")
    context = sandbox.create_code_context()
    execution = sandbox.run_code(code, context=context)
    context.delete()
    assert execution.error is None, "\n".join(execution.error.traceback)
    stdout = "".join(execution.logs.stdout)
    if name == "pytest":
        assert stdout.startswith(printed), stdout
        assert stdout.rstrip().splitlines()[-1] == "1"
        assert "1 failed, 1 passed" in stdout
    else:
        assert stdout.rstrip("\n") == printed
    assert execution.logs.stderr == []


def test_time_zones_are_known(sandbox: Sandbox) -> None:
    execution = sandbox.run_code("""
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones
summer = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Paris"))
print(summer.astimezone(ZoneInfo("America/New_York")).isoformat(), "Asia/Tokyo" in available_timezones())
""")
    assert execution.error is None
    assert execution.logs.stdout == ["2024-07-01T06:00:00-04:00 True\n"]


def test_pytests_fixture_of_descriptors(sandbox: Sandbox) -> None:
    """WASI can't duplicate descriptors; what Python writes is captured all the same."""
    if not has_wheel("pytest"):
        pytest.skip("the wheel of pytest is not among this installation's assets")
    test = """
def test_output(capfd):
    print("printed")
    assert capfd.readouterr().out == "printed\\n"

def test_bytes(capfdbinary):
    print("ä", end="")
    assert capfdbinary.readouterr().out == "ä".encode()
"""
    sandbox.write_file("/workspace/test_descriptors.py", test)
    code = "import pytest\nint(pytest.main(['-q', '-p', 'no:cacheprovider', 'test_descriptors.py']))"
    assert sandbox.run_code(code, cwd="/workspace").text == "0"
