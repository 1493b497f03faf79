"""`hashlib`'s derivation of keys, which is OpenSSL's elsewhere and the host's here."""

from __future__ import annotations

from . import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from typing_extensions import Buffer

    from .hooks import ImportHooks

__all__ = ["install"]


def pbkdf2_hmac(
    hash_name: str, password: Buffer, salt: Buffer, iterations: int, dklen: int | None = None
) -> bytes:
    """Password based key derivation function 2 (PKCS #5 v2.0) with HMAC as pseudorandom function."""
    import hashlib

    name = hash_name.lower().replace("-", "_")
    name = name.replace("sha_", "sha") if name.startswith("sha_") else name
    key = wire.request(
        "hash.pbkdf2",
        hash=name,
        password=bytes(password).hex(),
        salt=bytes(salt).hex(),
        iterations=iterations,
        length=hashlib.new(name).digest_size if dklen is None else dklen,
    )
    return bytes.fromhex(key)


def scrypt(
    password: Buffer, *, salt: Buffer, n: int, r: int, p: int, maxmem: int = 0, dklen: int = 64
) -> bytes:
    """scrypt password-based key derivation function."""
    if not 0 <= maxmem <= 0x7FFFFFFF:
        raise ValueError("maxmem must be positive and smaller than 2147483647")
    key = wire.request(
        "hash.scrypt",
        password=bytes(password).hex(),
        salt=bytes(salt).hex(),
        n=n,
        r=r,
        p=p,
        length=dklen,
    )
    return bytes.fromhex(key)


def _patch(module: ModuleType) -> None:
    for function in (pbkdf2_hmac, scrypt):
        if not hasattr(module, function.__name__):
            function.__module__ = "hashlib"
            setattr(module, function.__name__, function)


def install(hooks: ImportHooks) -> None:
    """For when hashlib is imported."""
    hooks.on_import("hashlib", _patch)
