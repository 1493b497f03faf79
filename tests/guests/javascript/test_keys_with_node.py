"""Keys and signatures that were made here, in Node, and the other way about: nothing is of our own making."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest

Text = Callable[[str], str | None]

SIGN = """
const crypto = require('node:crypto');
const curves = ['P-256', 'P-384', 'P-521', 'secp256k1'];
const kinds = [...curves.map((namedCurve) => ['ec', { namedCurve }]), ['ed25519', {}]];
const made = kinds.map(([type, options]) => {
  const { publicKey, privateKey } = crypto.generateKeyPairSync(type, options);
  const digest = type === 'ec' ? 'sha384' : null;
  return {
    digest,
    spki: publicKey.export({ type: 'spki', format: 'pem' }),
    pkcs8: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    sec1: type === 'ec' ? privateKey.export({ type: 'sec1', format: 'pem' }) : null,
    jwk: privateKey.export({ format: 'jwk' }),
    signature: crypto.sign(digest, 'message', privateKey).toString('hex'),
    plain: crypto.sign(digest, 'message', { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('hex'),
  };
});
console.log(JSON.stringify(made));
"""

CHECK = """
const crypto = require('node:crypto');
const checked = MADE.map(({ digest, spki, pkcs8, sec1, jwk, signature, plain }) => {
  const key = crypto.createPrivateKey(pkcs8);
  return [
    crypto.verify(digest, 'message', spki, Buffer.from(signature, 'hex')),
    crypto.verify(digest, 'message', { key: spki, dsaEncoding: 'ieee-p1363' }, Buffer.from(plain, 'hex')),
    !crypto.verify(digest, 'another', spki, Buffer.from(signature, 'hex')),
    crypto.createPublicKey(key).export({ type: 'spki', format: 'pem' }) === spki,
    sec1 === null || crypto.createPrivateKey(sec1).equals(key),
    crypto.createPrivateKey({ key: jwk, format: 'jwk' }).equals(key),
    key.export({ type: 'pkcs8', format: 'pem' }) === pkcs8,
  ].every(Boolean);
});
console.log(JSON.stringify(checked));
"""


def in_node(code: str) -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    ran = subprocess.run([node, "--no-warnings", "-e", code], capture_output=True, text=True, check=True)
    return ran.stdout


@pytest.fixture
def here(run: Callable[..., object]) -> Callable[[str], str]:
    def here(code: str) -> str:
        execution = run(code)
        assert execution.error is None, execution.error  # type: ignore[attr-defined]
        return "".join(execution.logs.stdout)  # type: ignore[attr-defined]

    return here


def test_what_is_made_here_is_read_by_node(here: Callable[[str], str]) -> None:
    made = here(SIGN)
    assert in_node(CHECK.replace("MADE", made)).strip() == "[true,true,true,true,true]"


def test_what_node_makes_is_read_here(here: Callable[[str], str]) -> None:
    made = in_node(SIGN)
    assert here(CHECK.replace("MADE", made)).strip() == "[true,true,true,true,true]"
