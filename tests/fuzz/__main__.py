"""Coverage-guided fuzzing of one target, time-boxed: ``python -m tests.fuzz TARGET --seconds N``.

A finding is written to ``crash-…`` in the folder of ``--findings`` and ends the run with an error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=["wasi", "protocol", "ring", "side_module", "archive"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--findings", type=Path, default=Path("fuzz"))
    options = parser.parse_args()
    import atheris

    with atheris.instrument_imports(include=["pywasm_sandbox"]):
        from tests.fuzz.targets import SEEDS, TARGETS

    seeds = options.findings / options.target
    seeds.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[options.target]):
        (seeds / f"seed-{number}").write_bytes(seed)
    arguments = [
        sys.argv[0],
        str(seeds),
        f"-max_total_time={options.seconds}",
        "-max_len=4096",
        f"-artifact_prefix={options.findings}/",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    atheris.Setup(arguments, TARGETS[options.target])
    atheris.Fuzz()


main()
