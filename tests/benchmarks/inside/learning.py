"""scipy and scikit-learn: what a data analysis does. Nothing is imported before the first is run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

__all__ = ["PROGRAMS", "SCIPY", "SKLEARN"]


@cache
def data() -> SimpleNamespace:
    """Points with labels, and a signal."""
    import numpy as np

    random = np.random.default_rng(3)
    points = random.normal(size=(5_000, 20))
    return SimpleNamespace(
        np=np,
        points=points,
        target=points @ np.arange(20.0) + random.normal(size=5_000),
        label=(points[:, :3].sum(axis=1) > 0).astype(int),
        square=random.random((300, 300)),
        signal=random.random(100_000),
    )


def _linear_regression(d: Any) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(d.points, d.target).predict(d.points)


def _k_means(d: Any) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(n_clusters=8, n_init=1, random_state=0).fit(d.points).cluster_centers_


def _random_forest(d: Any) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(n_estimators=20, random_state=0).fit(d.points, d.label)
    return forest.predict(d.points)


def _pca(d: Any) -> Any:
    from sklearn.decomposition import PCA

    return PCA(n_components=5).fit_transform(d.points)


def _svd(d: Any) -> Any:
    from scipy.linalg import svd

    return svd(d.square)[0]


def _fft_convolution(d: Any) -> Any:
    from scipy.signal import fftconvolve

    return fftconvolve(d.signal, d.signal[:1000], mode="same")


def _minimize(d: Any) -> Any:
    from scipy.optimize import minimize, rosen

    return minimize(rosen, d.np.full(10, 1.3), method="BFGS").x


def _spline(d: Any) -> Any:
    from scipy.interpolate import CubicSpline

    return CubicSpline(d.np.arange(d.signal.size), d.signal)(d.np.linspace(0, d.signal.size - 1, 200_000))


def _t_test(d: Any) -> Any:
    from scipy.stats import ttest_ind

    return d.np.array([ttest_ind(d.points[i], d.points[i + 1]).pvalue for i in range(50)])


def _sparse_product(d: Any) -> Any:
    from scipy.sparse import random_array

    matrix = random_array((2_000, 2_000), density=0.01, rng=4, format="csr")
    return matrix @ matrix


def _shape(operation: Callable[[Any], Any]) -> object:
    """Run it; the result's shape, as numbers differ in the last digits between machines."""
    return operation(data()).shape


SCIPY: dict[str, Callable[[], object]] = {
    "scipy.linalg.svd 300": partial(_shape, _svd),
    "fftconvolve": partial(_shape, _fft_convolution),
    "minimize": partial(_shape, _minimize),
    "CubicSpline": partial(_shape, _spline),
    "50 t-tests": partial(_shape, _t_test),
    "product of sparse matrices": partial(_shape, _sparse_product),
}
SKLEARN: dict[str, Callable[[], object]] = {
    "LinearRegression": partial(_shape, _linear_regression),
    "KMeans": partial(_shape, _k_means),
    "RandomForest": partial(_shape, _random_forest),
    "PCA": partial(_shape, _pca),
}
PROGRAMS = {**SCIPY, **SKLEARN}
