"""numpy and pandas: operations on a million numbers or so. Nothing is imported before the first is run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

__all__ = ["NUMPY", "PANDAS", "PROGRAMS"]


@cache
def arrays() -> SimpleNamespace:
    """What numpy's operations work on."""
    import numpy as np

    random = np.random.default_rng(1)
    numbers = random.random(1_000_000)
    return SimpleNamespace(
        np=np,
        random=random,
        a=numbers,
        b=random.random(1_000_000),
        out=np.empty(1_000_000),
        f32=numbers.astype(np.float32),
        i32=random.integers(0, 1000, 1_000_000, dtype=np.int32),
        short=numbers[:200_000].copy(),
        square=random.random((512, 512)),
        other=random.random((512, 512)),
        small=random.random((200, 200)),
        wide=random.random((1000, 1000)),
    )


@cache
def frames() -> SimpleNamespace:
    """What pandas' operations work on."""
    import io

    import numpy as np
    import pandas as pd

    random = np.random.default_rng(2)
    rows = 200_000
    frame = pd.DataFrame(
        {
            "key": random.integers(0, 1000, rows),
            "name": random.choice(["a", "bb", "ccc", "dddd"], rows),
            "x": random.random(rows).round(6),
            "y": random.integers(0, 1 << 30, rows),
        }
    )
    right = pd.DataFrame({"key": np.arange(1000), "weight": random.random(1000)})
    text = frame.iloc[:50_000].to_csv(index=False)
    return SimpleNamespace(
        pd=pd, frame=frame, right=right, read=lambda: pd.read_csv(io.StringIO(text)),
        when=pd.Series(pd.date_range("2020-01-01", periods=rows, freq="min")),
    )  # fmt: skip


_NUMPY: dict[str, Callable[[Any], Any]] = {
    "add in place": lambda d: d.np.add(d.a, d.b, out=d.out),
    "add": lambda d: d.a + d.b,
    "multiply float32": lambda d: d.f32 * d.f32,
    "add int32": lambda d: d.i32 + d.i32,
    "sum": lambda d: d.a.sum(),
    "max": lambda d: d.a.max(),
    "cumsum": lambda d: d.a.cumsum(),
    "sum of columns": lambda d: d.wide.sum(axis=0),
    "transposed copy": lambda d: d.wide.T.copy(),
    "count by comparison": lambda d: (d.a > 0.5).sum(),
    "sqrt": lambda d: d.np.sqrt(d.a),
    "exp": lambda d: d.np.exp(d.a),
    "sin": lambda d: d.np.sin(d.a),
    "sort": lambda d: d.np.sort(d.a),
    "sort int32": lambda d: d.np.sort(d.i32),
    "argsort of 200,000": lambda d: d.np.argsort(d.short),
    "unique int32": lambda d: d.np.unique(d.i32),
    "fancy index": lambda d: d.a[d.i32],
    "matmul 512": lambda d: d.square @ d.other,
    "inv 200": lambda d: d.np.linalg.inv(d.small),
    "svd 200": lambda d: d.np.linalg.svd(d.small),
    "fft of 262,144": lambda d: d.np.fft.fft(d.a[:262_144]),
    "uniform numbers": lambda d: d.random.random(1_000_000),
    "normal numbers": lambda d: d.random.normal(size=1_000_000),
    "2,000 additions of scalars": lambda d: [d.np.add(1.0, 2.0) for _ in range(2000)],
}

_PANDAS: dict[str, Callable[[Any], Any]] = {
    "groupby mean": lambda d: d.frame.groupby("key")["x"].mean(),
    "groupby of strings": lambda d: d.frame.groupby("name").agg({"x": "sum", "y": "max"}),
    "merge": lambda d: d.frame.merge(d.right, on="key"),
    "sort_values": lambda d: d.frame.sort_values("x"),
    "read_csv": lambda d: d.read(),
    "value_counts": lambda d: d.frame["name"].value_counts(),
    "rolling mean": lambda d: d.frame["x"].rolling(50).mean(),
    "pivot_table": lambda d: d.frame.pivot_table(values="x", index="key", columns="name"),
    "dates to text": lambda d: d.when.dt.strftime("%Y-%m-%d").iloc[-1],
    "describe": lambda d: d.frame.describe(),
}


def _shape(data: Callable[[], Any], operation: Callable[[Any], Any]) -> object:
    """Run it; the result's shape, as numbers differ in the last digits between machines."""
    return getattr(operation(data()), "shape", None)


NUMPY: dict[str, Callable[[], object]] = {
    name: partial(_shape, arrays, operation) for name, operation in _NUMPY.items()
}
PANDAS: dict[str, Callable[[], object]] = {
    name: partial(_shape, frames, operation) for name, operation in _PANDAS.items()
}
PROGRAMS = {**NUMPY, **PANDAS}
