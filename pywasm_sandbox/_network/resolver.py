"""Names become addresses on the host; which address belongs to which name is remembered."""

from __future__ import annotations

import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from .addresses import Address, as_address

__all__ = ["Lookup", "Pins"]

logger = logging.getLogger("pywasm_sandbox")

MAX_PINS = 4096
MAX_ADDRESSES = 64


def system_resolver(name: str) -> Sequence[str]:
    """The addresses that the system has for a name. Raises OSError."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Lookup:
    """One lookup on a thread of its own: no system's resolver can be interrupted. ``done()`` is called
    there."""

    def __init__(self, name: str, resolver: Callable[[str], Sequence[str]], done: Callable[[], None]) -> None:
        self._name = name
        self._resolver = resolver
        self._done = done
        self.finished = False
        self.addresses: list[Address] = []
        threading.Thread(target=self._run, name="pywasm-resolver", daemon=True).start()

    def _run(self) -> None:
        try:
            found = self._resolver(self._name)
            addresses = [as_address(text.partition("%")[0]) for text in found[:MAX_ADDRESSES]]
            self.addresses = list(dict.fromkeys(address for address in addresses if address is not None))
        except OSError:
            pass
        except Exception:
            logger.exception("the resolver failed for %s", self._name)
        finally:
            self.finished = True
            self._done()


class Pins:
    """The names that guests resolved, by the address that they got: a connection to one is made for the
    other, and nothing is resolved again in between. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: OrderedDict[Address, dict[str, None]] = OrderedDict()

    def add(self, name: str, addresses: Sequence[Address]) -> None:
        """Guests were told that the name has these addresses."""
        with self._lock:
            for address in addresses:
                names = self._names.setdefault(address, {})
                names[name] = None
                if len(names) > MAX_ADDRESSES:
                    del names[next(iter(names))]
                self._names.move_to_end(address)
            while len(self._names) > MAX_PINS:
                self._names.popitem(last=False)

    def names(self, address: Address) -> list[str]:
        """The names that were resolved to this address."""
        with self._lock:
            return list(self._names.get(address, ()))
