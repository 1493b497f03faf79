"""The fuzz targets for a moment each, without coverage guidance: on seeds, mutations of them, and bytes."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .targets import SEEDS, TARGETS


def _mutated(seed: bytes, source: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(source.randint(1, 8)):
        if not data:
            break
        at = source.randrange(len(data))
        match source.randrange(4):
            case 0:
                data[at] = source.randrange(256)
            case 1:
                data[at] ^= 1 << source.randrange(8)
            case 2:
                del data[at : at + source.randint(1, 16)]
            case _:
                data[at:at] = source.randbytes(source.randint(1, 16))
    return bytes(data)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_seeds_and_their_mutations(name: str) -> None:
    source = random.Random(20_260_101)
    for seed in SEEDS[name]:
        TARGETS[name](seed)
        for _ in range(max(20, 600 // len(SEEDS[name]))):
            TARGETS[name](_mutated(seed, source))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_any_bytes(name: str) -> None:
    @settings(
        max_examples=150,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(max_size=2048))
    @example(b"")
    def run(data: bytes) -> None:
        TARGETS[name](data)

    run()
