"""Rules and addresses, without any network."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from pywasm_sandbox import NetworkPolicy, NetworkRule, Secret
from pywasm_sandbox._network.addresses import as_address, host_name, is_special, names_special
from pywasm_sandbox._network.policy import judge, may_resolve

LOOPBACK_NOTATIONS = (
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0177.0x0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:ffff:127.0.0.1",
    "127.0.0.1.",
)


@pytest.mark.parametrize("text", LOOPBACK_NOTATIONS)
def test_an_address_is_the_same_in_every_notation(text: str) -> None:
    assert as_address(text) == ipaddress.IPv4Address("127.0.0.1")
    assert host_name(text) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.COM.", "example.com"),
        ("a_b.example", "a_b.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("example.com\r\nHost: x", None),
        ("exa mple.com", None),
        ("example.com:80", None),
        ("user@example.com", None),
        ("example.com/", None),
        ("example.com%00", None),
        ("", None),
        (".", None),
        ("a..b", None),
        ("-a.b", None),
        ("x" * 64 + ".com", None),
        ("example.com\0", None),
        ("1.2.3.4.5", None),
        ("127.0.0.1%eth0", None),
        ("fe80::1%eth0", None),
        ("[::1]", None),
    ],
)
def test_names(text: str, name: str | None) -> None:
    assert host_name(text) == name


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "100.100.100.200",
        "::",
        "::1",
        "::7f00:1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "fec0::1",
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert is_special(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "64:ff9b::101:101"]
)
def test_what_is_public(address: str) -> None:
    assert not is_special(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("network", "named"),
    [
        ("10.0.0.0/8", True),
        ("10.1.2.0/24", True),
        ("127.0.0.0/8", True),
        ("127.0.0.1/32", True),
        ("::1/128", True),
        ("fd00::/8", True),
        ("0.0.0.0/0", False),
        ("::/0", False),
        ("8.0.0.0/6", False),
        ("1.1.1.1/32", False),
    ],
)
def test_which_networks_mean_private_addresses(network: str, named: bool) -> None:
    assert names_special(ipaddress.ip_network(network)) is named


def _allowed(allow: list[Any], host: str | None, address: str, port: int = 443, **policy: Any) -> bool:
    return judge(NetworkPolicy(allow=allow, **policy), host, ipaddress.ip_address(address), port).allowed


@pytest.mark.parametrize(
    ("rules", "host", "address", "port", "allowed"),
    [
        ([], "example.com", "1.1.1.1", 443, False),
        (["example.com"], "example.com", "1.1.1.1", 443, True),
        (["EXAMPLE.com."], "example.com", "1.1.1.1", 443, True),
        (["example.com"], "www.example.com", "1.1.1.1", 443, False),
        (["example.com"], "notexample.com", "1.1.1.1", 443, False),
        (["example.com"], None, "1.1.1.1", 443, False),
        (["*.example.com"], "a.b.example.com", "1.1.1.1", 443, True),
        (["*.example.com"], "example.com", "1.1.1.1", 443, False),
        (["*.example.com"], "evilexample.com", "1.1.1.1", 443, False),
        (["example.com:443"], "example.com", "1.1.1.1", 80, False),
        (["example.com:8000-8010"], "example.com", "1.1.1.1", 8005, True),
        (["example.com:8000-8010"], "example.com", "1.1.1.1", 8011, False),
        (["https://example.com"], "example.com", "1.1.1.1", 443, True),
        (["https://example.com/"], "example.com", "1.1.1.1", 80, False),
        (["1.1.1.1"], None, "1.1.1.1", 443, True),
        (["1.1.1.1"], "anything", "1.1.1.1", 443, True),
        (["1.1.1.0/24:53"], None, "1.1.1.77", 53, True),
        (["1.1.1.0/24:53"], None, "1.1.2.1", 53, False),
        (["[2606:4700::/32]:443"], None, "2606:4700::1", 443, True),
        (["2606:4700::1"], None, "2606:4700::1", 1, True),
        (["*"], "example.com", "1.1.1.1", 443, True),
        (["*"], None, "1.1.1.1", 443, True),
        (["*:443"], None, "1.1.1.1", 80, False),
        # what is not public has to be meant
        (["*"], None, "10.0.0.1", 443, False),
        (["*"], "evil.example", "127.0.0.1", 443, False),
        (["0.0.0.0/0"], None, "192.168.0.1", 443, False),
        (["::/0"], None, "::1", 443, False),
        (["example.com"], "example.com", "10.0.0.1", 443, False),
        (["example.com", "10.0.0.0/8"], "example.com", "10.0.0.1", 443, True),
        (["10.0.0.0/8"], None, "10.0.0.1", 443, True),
        ([NetworkRule("example.com", private=True)], "example.com", "10.0.0.1", 443, True),
        ([NetworkRule("example.com", private=True)], "example.com", "169.254.169.254", 80, False),
        ([NetworkRule("*", private=True)], "example.com", "10.0.0.1", 443, False),
        (["localhost:8000"], "localhost", "127.0.0.1", 8000, True),
        (["localhost:8000"], "localhost", "10.0.0.1", 8000, False),
        (["localhost:8000"], None, "127.0.0.1", 8000, False),
        (["169.254.0.0/16"], None, "169.254.169.254", 80, False),
        (["169.254.169.254"], None, "169.254.169.254", 80, True),
        (["168.63.0.0/16"], None, "168.63.129.16", 80, False),
        (["64:ff9b::/96"], None, "64:ff9b::a9fe:a9fe", 80, False),
    ],
)
def test_allow(rules: list[Any], host: str | None, address: str, port: int, allowed: bool) -> None:
    assert _allowed(rules, host, address, port) is allowed


@pytest.mark.parametrize(
    ("deny", "host", "address", "allowed"),
    [
        (["evil.com"], "evil.com", "1.1.1.1", False),
        (["evil.com"], "good.com", "1.1.1.1", True),
        (["*.evil.com"], "a.evil.com", "1.1.1.1", False),
        (["1.1.1.0/24"], "good.com", "1.1.1.1", False),
        (["1.1.1.1:80"], "good.com", "1.1.1.1", True),
        (["1.1.1.1:443"], "good.com", "1.1.1.1", False),
    ],
)
def test_deny_wins(deny: list[str], host: str, address: str, allowed: bool) -> None:
    assert _allowed(["*"], host, address, deny=deny) is allowed


def test_methods_add_up() -> None:
    policy = NetworkPolicy(allow=["GET,HEAD a.com", "POST a.com:8080", "b.com"], deny=["DELETE *"])
    address = ipaddress.ip_address("1.1.1.1")
    verdict = judge(policy, "a.com", address, 443)
    assert verdict.needs_http
    assert [verdict.allows_method(m) for m in ("GET", "HEAD", "POST", "DELETE")] == [True, True, False, False]
    assert judge(policy, "a.com", address, 8080).methods == {"GET", "HEAD", "POST"}
    free = judge(policy, "b.com", address, 443)
    assert (free.allows_method("PUT"), free.allows_method("DELETE"), free.needs_http) == (True, False, True)


def test_names_that_may_be_looked_up() -> None:
    policy = NetworkPolicy(allow=["a.com:443", "*.b.com", "10.0.0.0/8"], deny=["x.b.com", "y.b.com:80"])
    looked_up = {
        name: may_resolve(policy, name).allowed
        for name in ("a.com", "c.b.com", "x.b.com", "y.b.com", "c.com")
    }
    assert looked_up == {"a.com": True, "c.b.com": True, "x.b.com": False, "y.b.com": True, "c.com": False}
    assert may_resolve(NetworkPolicy(allow=["10.0.0.0/8"]), "a.com").allowed is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is neither a name"),
        ("exa mple", "not a list of HTTP methods"),
        ("GET  example.com", "more than one space"),
        ("get example.com", "not a list of HTTP methods"),
        ("example.com:0", "not within the ports"),
        ("example.com:99999", "not within the ports"),
        ("example.com:90-80", "not within the ports"),
        ("example.com:http", "neither a port nor a range"),
        ("ftp://example.com", "neither http:// nor https://"),
        ("https://example.com/path", "is not a network"),
        ("10.0.0.1/8", "is not a network"),
        ("*.", "is neither a name"),
        ("*.*.com", "is neither a name"),
        ("ex*mple.com", "is neither a name"),
        ("[::1", "an address in brackets"),
        ("example.com\r\n", "is neither a name"),
    ],
)
def test_rules_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NetworkRule(text)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"allow": "example.com"}, TypeError),
        ({"allow": [5]}, TypeError),
        ({"deny": "x"}, TypeError),
        ({"listen": ["http"]}, ValueError),
        ({"secrets": ["x"]}, TypeError),
        ({"ca_certificates": "/no/such/file"}, ValueError),
        ({"resolver": 5}, TypeError),
        ({"on_attempt": 5}, TypeError),
        ({"max_connections": -1}, ValueError),
        ({"max_sent_bytes": -1}, ValueError),
        ({"connect_timeout": 0}, ValueError),
        ({"max_connection_seconds": 0}, ValueError),
    ],
)
def test_policies_are_checked(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        NetworkPolicy(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"value": "", "hosts": ["a.com"], "env": "A"},
        {"value": "a\r\nb", "hosts": ["a.com"], "env": "A"},
        {"value": "a", "hosts": ["a.com"]},
        {"value": "a", "hosts": ["a.com"], "env": "A", "header": "X"},
        {"value": "a", "hosts": ["a.com"], "header": "X: y"},
        {"value": "a", "hosts": ["*"], "env": "A"},
        {"value": "a", "hosts": [], "env": "A"},
        {"value": "a", "hosts": "a.com", "env": "A"},
        {"value": "a", "hosts": ["10.0.0.1"], "env": "A"},
        {"value": "a", "hosts": ["a.com:443"], "env": "A"},
        {"value": "a", "hosts": ["a.com"], "env": "A=B"},
    ],
)
def test_secrets_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Secret(**options)


def test_a_secret_is_not_in_its_repr() -> None:
    assert "hunter2" not in repr(Secret(value="hunter2", hosts=["a.com"], env="A"))
    assert "hunter2" not in repr(NetworkPolicy(secrets=[Secret(value="hunter2", hosts=["a.com"], env="A")]))
