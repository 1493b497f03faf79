"""``python -m tests.popular``: write docs/guide/package-rates.md."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor

from tests.popular import rates


def main() -> None:
    """Try all packages, and write down what became of them."""
    why = rates.why_not()
    if why is not None:
        raise SystemExit(why)
    pure, compiled = rates.packages()
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(lambda name: rates.attempt(name, pure[name]), sorted(pure)))
    good = [each for each in outcomes if not each.failure]
    bad = [each for each in outcomes if each.failure]
    for each in bad:
        print(each.name, each.failure[:1000])
    lines = [
        "# Popular packages",
        "",
        f"Of {len(outcomes)} popular packages in pure Python {len(good)} could be installed from PyPI, "
        f"imported and used on {datetime.date.today().isoformat()} (`nox -s packages` does it again; "
        "`tests/popular/packages.toml` has the code).",
        "",
        "| package | version |",
        "|---|---|",
        *(f"| {each.name} | {each.version} |" for each in good),
        "",
    ]
    if bad:
        lines += [
            "| doesn't work | why |",
            "|---|---|",
            *(f"| {b.name} {b.version} | {b.failure} |" for b in bad),
            "",
        ]
    lines += [
        "Refused, as they need compiled code that isn't bundled: "
        + ", ".join(
            f"{name} ({whose})" if name != whose else name for name, whose in sorted(compiled.items())
        )
        + ".",
        "",
    ]
    rates.TABLE.write_text("\n".join(lines), encoding="utf-8")
    print(f"{len(good)} of {len(outcomes)}")


main()
