"""`hashlib.pbkdf2_hmac` and `hashlib.scrypt` of guests, whose interpreter has no OpenSSL.

They are done on the host, where they can't be interrupted: what takes longer than about a second is refused.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .hostcalls import Handler, HostCall

__all__ = ["HANDLERS"]

_MAX_ITERATIONS: Final = 2_000_000
_MAX_SCRYPT: Final = 1 << 22
"""n·r·p. 128 bytes of each are in memory."""
_MAX_BYTES: Final = 1 << 16
_HASHES: Final = frozenset(
    ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_224", "sha3_256", "sha3_384", "sha3_512")
)


def _bytes(call: HostCall, name: str) -> bytes:
    try:
        data = bytes.fromhex(call.get(name, str))
    except ValueError:
        call.reject(f"{call.op}: {name} is not hexadecimal")
    return data


def _length(call: HostCall) -> int:
    length: int = call.get("length", int)
    if not 1 <= length <= _MAX_BYTES:
        call.fail("ValueError", f"dklen must be from 1 to {_MAX_BYTES}")
    return length


def _pbkdf2(call: HostCall) -> str:
    name, rounds = call.get("hash", str), call.get("iterations", int)
    length = _length(call)
    if name not in _HASHES:
        call.fail("ValueError", f"unsupported hash type {name}")
    size = hashlib.new(name).digest_size
    if not 1 <= rounds * -(-length // size) <= _MAX_ITERATIONS:
        call.fail("ValueError", f"iterations must be from 1 to {_MAX_ITERATIONS} (for each block of the key)")
    return hashlib.pbkdf2_hmac(name, _bytes(call, "password"), _bytes(call, "salt"), rounds, length).hex()


def _scrypt(call: HostCall) -> str:
    n, r, p = (call.get(name, int) for name in ("n", "r", "p"))
    length = _length(call)
    if n < 2 or n & (n - 1) or r < 1 or p < 1:
        call.fail("ValueError", "n must be a power of 2, r and p positive")
    if n * r * p > _MAX_SCRYPT:
        call.fail("ValueError", f"n * r * p is over {_MAX_SCRYPT}")
    memory = 128 * r * (n + p + 2) + (1 << 20)
    key = hashlib.scrypt(
        _bytes(call, "password"), salt=_bytes(call, "salt"), n=n, r=r, p=p, maxmem=memory, dklen=length
    )
    return key.hex()


HANDLERS: Final[Mapping[str, Handler]] = {"hash.pbkdf2": _pbkdf2, "hash.scrypt": _scrypt}
