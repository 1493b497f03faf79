"""What a main module is made of that was joined with side modules (`prelink`)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

__all__ = ["LINKING", "Prelinked", "PrelinkedLibrary", "prelinked_name"]

LINKING: Final = "2"
"""Part of what compiled code is kept under: change it when the joined module changes."""


class PrelinkedLibrary(NamedTuple):
    """Where a joined side module lies: addresses in bytes, the table in elements.

    ``slots`` has the table indices of its exported functions, ``needed`` the numbers of joined modules whose
    definitions it uses.
    """

    number: int
    sha256: str
    memory_base: int
    memory_size: int
    table_base: int
    table_size: int
    slots: Mapping[str, int]
    needed: tuple[int, ...] = ()

    @property
    def prefix(self) -> str:
        """What its exports' names begin with."""
        return prelinked_name(self.number, "")


class Prelinked(NamedTuple):
    """What a joined module is made of. ``main_slots`` are table indices of the main module's functions
    beyond those of its own elements."""

    libraries: tuple[PrelinkedLibrary, ...] = ()
    main_slots: Mapping[str, int] = MappingProxyType({})

    def find(self, sha256: str) -> PrelinkedLibrary | None:
        """The library with this content."""
        return next((each for each in self.libraries if each.sha256 == sha256), None)

    def describe(self) -> list[Any]:
        """As JSON has it; `from_description` reads it."""
        libraries = [
            [
                each.sha256,
                [each.memory_base, each.memory_size, each.table_base, each.table_size],
                dict(each.slots),
                list(each.needed),
            ]
            for each in self.libraries
        ]
        return [libraries, dict(self.main_slots)]

    @classmethod
    def from_description(cls, described: Any) -> Prelinked:
        """Raises `ValueError`, `TypeError` or `LookupError` for what `describe` didn't make."""
        libraries, main_slots = described
        return cls(
            tuple(
                PrelinkedLibrary(
                    number,
                    str(sha256),
                    int(memory_base),
                    int(memory_size),
                    int(table_base),
                    int(table_size),
                    dict(slots),
                    tuple(needed),
                )
                for number, (sha256, places, slots, needed) in enumerate(libraries)
                for memory_base, memory_size, table_base, table_size in (places,)
            ),
            dict(main_slots),
        )


def prelinked_name(number: int, name: str) -> str:
    """What a joined module exports a side module's symbol as."""
    return f"{number}:{name}"
