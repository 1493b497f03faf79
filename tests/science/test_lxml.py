"""lxml: parsing, XPath, XSLT, schemas, objectify; pandas and BeautifulSoup with it; hostile documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pywasm_sandbox import Sandbox
from tests.science.conftest import has_wheel

pytestmark = pytest.mark.skipif(not has_wheel("lxml"), reason="the wheel of lxml is not among the assets")

Value = Callable[[str], Any]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=[]) as made:
        yield made


@pytest.fixture
def value(sandbox: Sandbox) -> Value:
    """What `result` is after the code, as JSON."""

    def run(code: str) -> Any:
        execution = sandbox.run_code(code + "\nimport json\njson.dumps(result)", timeout=120)
        assert execution.error is None, "\n".join(execution.error.traceback)
        assert execution.text is not None
        return json.loads(execution.text)

    return run


def test_parsing_and_xpath(value: Value) -> None:
    code = """
from lxml import etree
tree = etree.fromstring('<a xmlns:p="urn:p"><b c="1">x</b><p:b c="2">é</p:b></a>')
try:
    etree.fromstring("<a><b></a>")
except etree.XMLSyntaxError as error:
    problem = str(error)
japanese = '<?xml version="1.0" encoding="shift_jis"?><a>あ</a>'.encode("shift_jis")
open("/tmp/document.xml", "w").write("<q><w/></q>")
result = [tree.xpath("//p:b[@c = 2]/text()", namespaces={"p": "urn:p"}), tree.xpath("sum(//@c)"),
          etree.tostring(tree[0]).decode(), etree.fromstring(japanese).text, problem,
          etree.parse("/tmp/document.xml").getroot()[0].tag,
          [event for event, _ in etree.iterparse("/tmp/document.xml")],
          etree.tostring(tree, method="c14n").decode()]
"""
    assert value(code) == [
        ["é"],
        3.0,
        '<b xmlns:p="urn:p" c="1">x</b>',
        "あ",
        "Opening and ending tag mismatch: b line 1 and a, line 1, column 11 (<string>, line 1)",
        "w",
        ["end", "end"],
        '<a xmlns:p="urn:p"><b c="1">x</b><p:b c="2">é</p:b></a>',
    ]


def test_html_xslt_schemas_and_objectify(value: Value) -> None:
    code = """
from lxml import etree, html, objectify
page = html.fromstring("<p>hi <b>x</p><table><tr><td>1<td><a href='/y'>z</a></table>")
page.make_links_absolute("https://example.org/")
sheet = etree.XSLT(etree.XML('''<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:s="http://exslt.org/strings" exclude-result-prefixes="s"><xsl:template match="/">
    <o n="{count(//i)}"><xsl:for-each select="s:tokenize('a b')"><t><xsl:value-of select="."/></t>
    </xsl:for-each></o></xsl:template></xsl:stylesheet>'''))
schema = etree.XMLSchema(etree.XML('''<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
    <xs:element name="n" type="xs:integer"/></xs:schema>'''))
grammar = etree.RelaxNG(etree.XML('<element name="n" xmlns="http://relaxng.org/ns/structure/1.0"><text/></element>'))
made = objectify.fromstring("<r><n>5</n><n>6</n><s>t</s></r>")
result = [[cell.text_content() for cell in page.iter("td")], page.xpath("//a/@href"),
          etree.tostring(sheet(etree.XML("<r><i/><i/></r>"))).decode(),
          [schema.validate(etree.XML(text)) for text in ("<n>1</n>", "<n>x</n>")],
          str(schema.error_log.last_error.message),
          [grammar.validate(etree.XML(text)) for text in ("<n>1</n>", "<m/>")],
          [made.n + 1, len(made.n), str(made.s)]]
"""
    assert value(code) == [
        ["1", "z"],
        ["https://example.org/y"],
        '<o n="2"><t>a</t><t>b</t></o>',
        [True, False],
        "Element 'n': 'x' is not a valid value of the atomic type 'xs:integer'.",
        [True, False],
        [6, 2, "t"],
    ]


def test_pandas_and_beautifulsoup_use_it(value: Value) -> None:
    code = """
import io
import pandas as pd
from bs4 import BeautifulSoup
table = pd.read_html(io.StringIO("<table><tr><th>a<th>b</tr><tr><td>1<td>x</tr></table>"))[0]
rows = pd.read_xml(io.StringIO("<d><r><a>1</a></r><r><a>2</a></r></d>"))
result = [table.to_dict("list"), rows.a.tolist(), str(BeautifulSoup("<p>a<p>b", "lxml")),
          pd.DataFrame({"a": [1]}).to_xml(index=False, xml_declaration=False, pretty_print=False)]
"""
    assert value(code) == [
        {"a": [1], "b": ["x"]},
        [1, 2],
        "<html><body><p>a</p><p>b</p></body></html>",
        "<data><row><a>1</a></row></data>",
    ]


def test_hostile_documents_are_errors(sandbox: Sandbox, value: Value) -> None:
    """Nothing of it reaches the host, and the context lives on."""
    code = """
from lxml import etree
def outcome(function):
    try:
        return function()
    except etree.LxmlError as error:
        return type(error).__name__
laughs = "<!DOCTYPE a [" + "<!ENTITY e0 'ha'>"
laughs += "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12)) + "]><a>&e11;</a>"
parser = etree.XMLParser(load_dtd=True, no_network=False)
huge = etree.XMLParser(huge_tree=True)
remote = '<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>'
result = [outcome(lambda: etree.fromstring(laughs)), etree.fromstring(remote, parser).tag,
          "failed to load external entity" in str(parser.error_log),
          outcome(lambda: etree.fromstring("<a>" * 100_000 + "</a>" * 100_000)),
          len(etree.tostring(etree.fromstring("<a>" * 100_000 + "</a>" * 100_000, huge))),
          outcome(lambda: etree.XPath("(" * 10_000 + "1" + ")" * 10_000)),
          outcome(lambda: etree.XPath("(" * 50 + "1" + ")" * 50)(etree.XML("<a/>")))]
"""
    assert value(code) == ["XMLSyntaxError", "a", True, "XMLSyntaxError", 699_997, "XPathSyntaxError", 1.0]


def test_a_fork_has_its_own_trees(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context()
    sandbox.run_code("from lxml import etree; tree = etree.fromstring('<a><b/></a>')", context=context)
    fork = context.fork()
    sandbox.run_code("tree.append(etree.Element('c'))", context=fork)
    texts = [sandbox.run_code("etree.tostring(tree).decode()", context=each).text for each in (context, fork)]
    assert texts == ["<a><b/></a>", "<a><b/><c/></a>"]
