"""scipy: every subpackage computes what it should, through LAPACK, BLAS, C++ and callbacks into Python."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from pywasm_sandbox import Sandbox

from .conftest import Compute, evaluator, has_wheel

PRELUDE = "import json\nimport numpy as np\nimport scipy\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    if not has_wheel("scipy"):
        pytest.skip("the wheel of scipy is not among this installation's assets")
    with Sandbox(preload=["numpy", "scipy"]) as made:
        yield made


@pytest.fixture(scope="module")
def compute(sandbox: Sandbox) -> Compute:
    return evaluator(sandbox, PRELUDE)


def test_version_and_licences(compute: Compute) -> None:
    assert compute("""
from importlib.metadata import distribution
licences = {path.name for path in distribution("scipy").files if "licenses" in path.parts}
[scipy.__version__, sorted({"lapack.txt", "openblas.txt"} & licences)]
""") == ["1.18.1", ["lapack.txt", "openblas.txt"]]


def test_every_subpackage_imports(compute: Compute) -> None:
    assert (
        compute("""
import importlib
names = ("cluster.hierarchy cluster.vq constants differentiate fft fftpack integrate interpolate io.arff "
         "io.matlab io.wavfile linalg.blas linalg.lapack linalg.cython_lapack linalg.interpolative ndimage "
         "optimize.elementwise sparse.csgraph sparse.linalg spatial.distance spatial.transform "
         "special.cython_special stats.qmc stats.sampling stats.contingency")
[name for name in names.split() if not importlib.import_module("scipy." + name)]
""")
        == []
    )


# ---- linalg


def test_solving_linear_equations(compute: Compute) -> None:
    assert compute("""
from scipy import linalg
a = np.array([[3.0, 1, 0], [1, 4, 2], [0, 2, 5]])
x = np.array([1.0, -2, 3])
lu = linalg.lu_factor(a)
c = linalg.cho_factor(a)
got = [linalg.solve(a, a @ x), linalg.lu_solve(lu, a @ x), linalg.cho_solve(c, a @ x),
       linalg.solve(a, a @ x, assume_a="pos"), linalg.solve(a, a @ x, assume_a="sym"),
       linalg.solve_triangular(np.triu(a), np.triu(a) @ x), linalg.inv(a) @ (a @ x),
       linalg.solve_banded((1, 1), [[0, 1, 2], [3, 4, 5], [1, 2, 0]], a @ x),
       linalg.solve(a * 1j, a @ x * 1j).real, linalg.lstsq(a, a @ x)[0], linalg.pinv(a) @ (a @ x),
       linalg.solve(a.astype("f4"), (a @ x).astype("f4")), linalg.solve_toeplitz([2, 1, 0], [4, 2, 4])]
[[round(float(value), 4) + 0.0 for value in each] for each in got]
""") == [[1, -2, 3]] * 12 + [[3, -2, 3]]


def test_determinant_norms_and_singular_matrices(compute: Compute) -> None:
    assert compute("""
from scipy import linalg
a = np.array([[3.0, 1, 0], [1, 4, 2], [0, 2, 5]])
try:
    linalg.inv(np.zeros((2, 2)))
except linalg.LinAlgError as error:
    text = type(error).__name__
[round(linalg.det(a), 9), round(linalg.norm(a, 1), 9), round(float(linalg.norm([3, 4])), 9), text]
""") == [43, 7, 5, "LinAlgError"]


def test_eigenvalues(compute: Compute) -> None:
    values = compute("""
from scipy import linalg
a = np.array([[2.0, -1, 0], [-1, 2, -1], [0, -1, 2]])
rotation = np.array([[0.0, -1], [1, 0]])
drivers = [linalg.eigh(a, driver=name)[0].tolist() for name in ("ev", "evd", "evr", "evx")]
generalised = linalg.eigh(a, np.eye(3) * 2, eigvals_only=True) * 2
banded = linalg.eigvals_banded([[0, -1, -1], [2, 2, 2]])
tridiagonal = linalg.eigh_tridiagonal([2, 2, 2], [-1, -1], eigvals_only=True)
[*drivers, generalised.tolist(), banded.tolist(), tridiagonal.tolist(), sorted(linalg.eigvals(a).real),
 sorted(linalg.eigvals(rotation).imag), sorted(linalg.eigvals(a, np.eye(3)).real),
 linalg.eigvalsh(a + 0j).tolist()]
""")
    expected = [2 - 2**0.5, 2, 2 + 2**0.5]
    rotation = values.pop(8)
    for each in values:
        assert each == pytest.approx(expected, abs=1e-12)
    assert rotation == pytest.approx([-1, 1], abs=1e-12)


@pytest.mark.parametrize("kind", ["f4", "f8", "c8", "c16"])
def test_decompositions_give_the_matrix_back(compute: Compute, kind: str) -> None:
    """Each of the four precisions has LAPACK routines of its own."""
    assert (
        compute(f"""
from scipy import linalg
random = np.random.default_rng(7)
a = (random.normal(size=(40, 40)) + 1j * random.normal(size=(40, 40))).astype({kind!r})
h = lambda matrix: matrix.conj().T
s = a @ h(a) + np.eye(40, dtype=a.dtype) * 40
q, r = linalg.qr(a)
qp, rp, p = linalg.qr(a, pivoting=True)
u, d, v = linalg.svd(a)
ug, dg, vg = linalg.svd(a, lapack_driver="gesvd")
t, z = linalg.schur(a)
aa, bb, qz_q, qz_z = linalg.qz(a, s)
lp, ll, lu = linalg.lu(a)
w, e = linalg.eig(a)
hw, he = linalg.eigh(s)
hess, hq = linalg.hessenberg(a, calc_q=True)
unitary, positive = linalg.polar(a)
ldl_l, ldl_d, _ = linalg.ldl(s)
rq_r, rq_q = linalg.rq(a)
root = linalg.sqrtm(s)
back = {{
    "qr": (q @ r, a), "pivoted qr": (qp @ rp, a[:, p]), "svd": (u * d @ v, a), "gesvd": (ug * dg @ vg, a),
    "schur": (z @ t @ h(z), a), "qz": (qz_q @ aa @ h(qz_z), a), "lu": (lp @ ll @ lu, a),
    "eig": (a @ e, e * w), "eigh": (he * hw @ h(he), s), "hessenberg": (hq @ hess @ h(hq), a),
    "polar": (unitary @ positive, a), "ldl": (ldl_l @ ldl_d @ h(ldl_l), s), "rq": (rq_r @ rq_q, a),
    "cholesky": (h(linalg.cholesky(s)) @ linalg.cholesky(s), s), "sqrtm": (root @ root, s),
    "expm": (linalg.expm(a / 40) @ linalg.expm(-a / 40), np.eye(40)), "inv": (linalg.inv(s) @ s, np.eye(40)),
}}
tolerance = 2e-3 if a.dtype.itemsize // (2 if a.dtype.kind == "c" else 1) == 4 else 1e-9
[name for name, (got, want) in back.items() if not np.allclose(got, want, atol=tolerance, rtol=tolerance)]
""")
        == []
    )


def test_sorted_schur_form(compute: Compute) -> None:
    """LAPACK calls back into Python."""
    assert compute("""
from scipy import linalg
a = np.diag([1.0, -2, 3, -4]) + np.triu(np.ones((4, 4)), 1)
left, _, count = linalg.schur(a, sort="lhp")
custom, _, third = linalg.schur(a + 0j, output="complex", sort=lambda value: abs(value) > 2.5)
[count, sorted(np.diag(left)[:2].round(9).tolist()), third,
 sorted(np.diag(custom).real[:2].round(9).tolist())]
""") == [2, [-4, -2], 2, [-4, 3]]


def test_matrix_functions_and_equations(compute: Compute) -> None:
    assert (
        compute("""
from scipy import linalg
a = np.array([[0.0, -np.pi / 2], [np.pi / 2, 0]])
m = np.array([[3.0, 1], [1, 4]])
q = np.array([[1.0, 0], [0, 2]])
x = linalg.solve_sylvester(m, q, m @ m + m @ q)
y = linalg.solve_continuous_lyapunov(m, q)
z = linalg.solve_continuous_are(-m, q, q, np.eye(2))
checks = [np.allclose(linalg.expm(a), [[0, -1], [1, 0]]), np.allclose(linalg.logm(linalg.expm(m)), m),
          np.allclose(x, m), np.allclose(m @ y + y @ m.T, q),
          np.allclose(-m.T @ z - z @ m - z @ q @ q.T @ z + q, 0), np.allclose(linalg.null_space([[1,
          1]]).sum(), 0),
          np.allclose(linalg.fractional_matrix_power(m, 0.5), linalg.sqrtm(m))]
[bool(check) for check in checks]
""")
        == [True] * 7
    )


def test_blas_and_lapack_functions(compute: Compute) -> None:
    assert compute("""
from scipy.linalg import blas, lapack
x, y = np.array([1.0, 2, 3]), np.array([4.0, 5, 6])
lu, pivots, info = lapack.dgetrf(np.array([[1.0, 2], [3, 4]]))
[blas.ddot(x, y), blas.zdotc(x * 1j, y).imag, blas.cdotu(x, y).real, blas.dnrm2([3, 4]), blas.idamax(y),
 blas.dgemm(2.0, np.eye(2), np.ones((2, 2))).tolist(), lu.round(9).tolist()[0], pivots.tolist(), info,
 lapack.dlamch("e") == 2.0**-53, list(lapack.ilaver()), lapack.dpotrf(-np.eye(2))[1],
 lapack.dlange("f", np.array([[3.0, 4]]))]
""") == [32, -32, 32, 5, 2, [[2, 2], [2, 2]], [3, 4], [1, 1], 0, True, [3, 12, 0], 1, 5]


# ---- optimize


@pytest.mark.parametrize(
    "method",
    ["Nelder-Mead", "Powell", "CG", "BFGS", "L-BFGS-B", "TNC", "COBYLA", "COBYQA", "SLSQP", "trust-constr"],
)
def test_minimising(compute: Compute, method: str) -> None:
    options = {"COBYLA": {"maxiter": 20000, "tol": 1e-8}, "Powell": {"xtol": 1e-8}}.get(method, {})
    found = compute(f"""
from scipy.optimize import minimize, rosen
minimize(rosen, [0.8, 1.3], method={method!r}, options={options!r}).x.tolist()
""")
    assert found == pytest.approx([1, 1], abs=2e-3)


def test_roots_and_fits(compute: Compute) -> None:
    found = compute("""
from scipy import optimize
t = np.linspace(0, 4, 50)
model = lambda t, a, b: a * np.exp(-b * t)
fit, _ = optimize.curve_fit(model, t, model(t, 2.5, 1.3), p0=[1, 1])
squares = optimize.least_squares(lambda p: model(t, *p) - model(t, 2.5, 1.3), [1, 1])
system = optimize.root(lambda p: [p[0] + p[1] - 3, p[0] * p[1] - 2], [0.0, 3])
[fit.tolist(), squares.x.tolist(), sorted(system.x.tolist()), optimize.brentq(np.cos, 1, 2) * 2,
 optimize.newton(lambda x: x**2 - 2, 1.0), optimize.minimize_scalar(lambda x: (x - 3)**2).x,
 optimize.fsolve(lambda x: x**3 - 8, 1.0).tolist(), optimize.nnls([[1.0, 0], [0, 1]], [2.0, -1])[0].tolist()]
""")
    assert found[0] == pytest.approx([2.5, 1.3])
    assert found[1] == pytest.approx([2.5, 1.3])
    assert found[2] == pytest.approx([1, 2])
    assert found[3:6] == pytest.approx([3.141592653589793, 2**0.5, 3])
    assert found[6] == pytest.approx([2])
    assert found[7] == [2, 0]


def test_linear_and_integer_programs(compute: Compute) -> None:
    """HiGHS."""
    found = compute("""
from scipy.optimize import Bounds, LinearConstraint, linear_sum_assignment, linprog, milp
program = dict(c=[-3, -2], A_ub=[[1, 1], [1, 3]], b_ub=[4, 6], bounds=[(0, 3), (0, None)])
simplex, interior = linprog(**program, method="highs-ds"), linprog(**program, method="highs-ipm")
whole = milp([-5, -4], integrality=[1, 1], bounds=Bounds(0, 10),
             constraints=LinearConstraint([[6, 4], [1, 2]], ub=[24, 6]))
infeasible = linprog([1], A_ub=[[1]], b_ub=[-1], bounds=[(0, None)])
rows, columns = linear_sum_assignment([[4, 1, 3], [2, 0, 5], [3, 2, 2]])
[simplex.x.tolist(), simplex.fun, interior.fun, whole.x.tolist(), whole.fun, infeasible.status,
 columns.tolist()]
""")
    assert found[0] == pytest.approx([3, 1])
    assert found[1:3] == pytest.approx([-11, -11])
    assert found[3:] == [[4, 0], -20, 2, [1, 0, 2]]


def test_global_optimisers(compute: Compute) -> None:
    found = compute("""
from scipy import optimize
bumpy = lambda x: float(x[0]**2 + 3 * (1 - np.cos(4 * x[0])))
[optimize.differential_evolution(bumpy, [(-5, 5)], seed=1).x[0], optimize.dual_annealing(bumpy, [(-5, 5)],
 seed=1).x[0],
 optimize.shgo(bumpy, [(-5, 5)]).x[0], optimize.direct(bumpy, [(-5, 4)]).x[0]]
""")
    assert found == pytest.approx([0, 0, 0, 0], abs=1e-3)


def test_an_exception_in_a_callback_arrives(compute: Compute) -> None:
    assert (
        compute("""
from scipy import integrate, optimize
def fail(*_):
    raise ValueError("from the callback")
messages = []
for call in (lambda: integrate.quad(fail, 0, 1), lambda: optimize.brentq(fail, 0, 1),
             lambda: optimize.minimize(fail, [0.0]), lambda: integrate.odeint(fail, [1.0], [0, 1]),
             lambda: optimize.leastsq(fail, [1.0]), lambda: scipy.linalg.schur(np.eye(2), sort=fail)):
    try:
        call()
    except ValueError as error:
        messages.append(str(error))
messages
""")
        == ["from the callback"] * 6
    )


# ---- integrate, interpolate, signal, fft


def test_integrals(compute: Compute) -> None:
    found = compute("""
from scipy import integrate
x = np.linspace(0, np.pi, 101)
[integrate.quad(np.sin, 0, np.pi)[0], integrate.quad(lambda x: np.exp(-x * x), -np.inf, np.inf)[0]**2,
 integrate.dblquad(lambda y, x: x * y, 0, 2, 0, 1)[0], integrate.simpson(np.sin(x), x=x),
 integrate.quad_vec(lambda x: np.array([x, x * x]), 0, 1)[0].tolist()[1], integrate.tanhsinh(np.cos, 0,
 1).integral.item(),
 integrate.cumulative_trapezoid([1, 1, 1])[-1].item(), integrate.quad(lambda x: x**-0.5, 0, 1)[0]]
""")
    assert found == pytest.approx([2, 3.141592653589793, 1, 2, 1 / 3, 0.8414709848078965, 2, 2], abs=1e-6)


@pytest.mark.parametrize("method", ["RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"])
def test_differential_equations(compute: Compute, method: str) -> None:
    found = compute(f"""
from scipy.integrate import solve_ivp
solution = solve_ivp(lambda t, y: [y[1], -y[0]], (0, np.pi), [0, 1], method={method!r}, rtol=1e-8, atol=1e-10)
solution.y[:, -1].tolist()
""")
    assert found == pytest.approx([0, -1], abs=1e-5)


def test_older_interfaces_of_differential_equations(compute: Compute) -> None:
    found = compute("""
from scipy.integrate import ode, odeint, solve_bvp
results = [odeint(lambda y, t: -y, [1.0], [0, 1])[-1].item()]
for name in ("vode", "dopri5", "dop853", "lsoda"):
    results.append(ode(lambda t, y: -y).set_integrator(name,
    rtol=1e-8).set_initial_value([1.0]).integrate(1.0)[0].item())
results.append(ode(lambda t, y: -y + 0j).set_integrator("zvode",
 rtol=1e-8).set_initial_value([1.0]).integrate(1.0)[0].real.item())
t = np.linspace(0, 1, 9)
wall = solve_bvp(lambda x, y: [y[1], np.full_like(x, 2)], lambda a, b: [a[0], b[0] - 1], t, np.zeros((2, 9)))
results + [wall.sol(0.5)[0].item()]
""")
    assert found == pytest.approx([0.36787944117144233] * 6 + [0.25], abs=1e-6)


def test_interpolation(compute: Compute) -> None:
    found = compute("""
from scipy import interpolate
x = np.linspace(0, 10, 41)
y = np.sin(x)
grid = np.meshgrid(np.arange(5.0), np.arange(5.0), indexing="ij")
points = np.random.default_rng(2).uniform(0, 4, (60, 2))
tck = interpolate.splrep(x, y)
[interpolate.CubicSpline(x, y)(1.1).item(), interpolate.make_interp_spline(x, y)(1.1).item(),
 interpolate.splev(1.1, tck).item(), interpolate.UnivariateSpline(x, y, s=0)(1.1).item(),
 interpolate.Akima1DInterpolator(x, y)(1.1).item(), interpolate.interp1d(x, y, kind="cubic")(1.1).item(),
 interpolate.PchipInterpolator(x, x * 2)(1.1).item(),
 interpolate.RegularGridInterpolator((np.arange(5.0),) * 2, grid[0] + 2 * grid[1])([1.5, 2.5]).item(),
 interpolate.griddata(points, points @ [1, 2], [[2.0, 2.0]], method="linear").item(),
 interpolate.RBFInterpolator(points, points @ [1, 2])([[2.0, 2.0]]).item(),
 interpolate.RectBivariateSpline(np.arange(5.0), np.arange(5.0), grid[0] * grid[1])(1.5, 2.5).item(),
 interpolate.splint(0, np.pi, tck)]
""")
    sine = 0.8912073600614354
    assert found[:6] == pytest.approx([sine] * 6, abs=2e-3)
    assert found[6:] == pytest.approx([2.2, 6.5, 6, 6, 3.75, 2], abs=1e-3)


def test_signals(compute: Compute) -> None:
    assert compute("""
from scipy import signal
t = np.arange(1000) / 1000
wave = np.sin(2 * np.pi * 5 * t) + np.sin(2 * np.pi * 200 * t)
b, a = signal.butter(4, 20, fs=1000)
smooth = signal.filtfilt(b, a, wave)
sos = signal.sosfiltfilt(signal.butter(4, 20, fs=1000, output="sos"), wave)
frequency, power = signal.welch(wave, fs=1000, nperseg=500)
peaks, _ = signal.find_peaks(np.sin(2 * np.pi * 5 * t))
system = signal.lti([1], [1, 1])
[bool(abs(smooth[100:900] - np.sin(2 * np.pi * 5 * t)[100:900]).max() < 0.01), bool(np.allclose(smooth,
 sos, atol=1e-3)),
 sorted(frequency[np.argsort(power)[-2:]].tolist()), len(peaks), signal.convolve([1, 2, 3], [0, 1,
 0.5]).tolist(),
 signal.fftconvolve(np.ones(3), np.ones(3)).round(9).tolist(), signal.resample(np.ones(8),
 4).round(9).tolist(),
 signal.medfilt([1, 9, 2, 3, 4], 3).tolist(), signal.lfilter([1], [1, -0.5], [1, 0, 0]).tolist(),
 round(float(signal.step(system, T=[0, 1])[1][1]), 6), signal.savgol_filter(np.arange(9.0), 5,
 2).round(9).tolist()[4],
 signal.detrend([1.0, 2, 3]).round(9).tolist(), signal.correlate2d(np.eye(2), np.eye(2)).tolist()[1][1]]
""") == [
        True,
        True,
        [6, 200],
        5,
        [0, 1, 2.5, 4, 1.5],
        [1, 2, 3, 2, 1],
        [1, 1, 1, 1],
        [1, 2, 3, 3, 3],
        [1, 0.5, 0.25],
        0.632121,
        4,
        [0, 0, 0],
        2,
    ]


def test_fourier_transforms(compute: Compute) -> None:
    assert compute("""
from scipy import fft
x = np.random.default_rng(4).normal(size=(4, 1001))
checks = [np.allclose(fft.ifft(fft.fft(x)), x), np.allclose(fft.irfft(fft.rfft(x), 1001), x),
          np.allclose(fft.idct(fft.dct(x)), x), np.allclose(fft.idstn(fft.dstn(x)), x),
          np.allclose(fft.fft2(x), np.fft.fft2(x)), np.allclose(fft.ifftn(fft.fftn(x.astype("f4"))), x,
          atol=1e-5),
          np.allclose(fft.fft(x.astype("g")), fft.fft(x))]
[[bool(check) for check in checks], fft.next_fast_len(1021), fft.dct([1.0, 2, 3]).round(6).tolist()]
""") == [[True] * 7, 1024, [12, -3.464102, 0]]


# ---- statistics


def test_distributions(compute: Compute) -> None:
    found = compute("""
from scipy import stats
sample = stats.norm.rvs(3, 2, size=2000, random_state=5)
[stats.norm.cdf(1.96), stats.t.ppf(0.975, 10), stats.chi2.sf(3.84, 1), stats.binom.pmf(3, 10, 0.5),
 stats.poisson.cdf(2, 3), stats.gamma.mean(2, scale=3), stats.beta.var(2, 3), stats.nct.cdf(1, 5, 0.5),
 stats.nbinom.pmf(2, 5, 0.5), stats.skewnorm.cdf(0, 2), stats.hypergeom.pmf(1, 20, 7, 12),
 stats.multivariate_normal.pdf([0, 0], [0, 0], np.eye(2)), abs(stats.norm.fit(sample)[0] - 3) < 0.2]
""")
    assert found == pytest.approx(
        [
            0.9750021048517795,
            2.228138851986274,
            0.05004352124870519,
            0.1171875,
            0.42319008112684353,
            6,
            0.04,
            0.6665357026872718,
            0.1171875,
            0.14758361765043326,
            0.0043343653250774,
            0.15915494309189535,
            True,
        ],
        abs=2e-5,
    )


def test_tests_of_hypotheses(compute: Compute) -> None:
    found = compute("""
from scipy import stats
a, b = [1.1, 2.2, 3.1, 4.3, 5.2], [2.0, 3.5, 4.1, 5.9, 6.0]
[stats.ttest_ind(a, b).pvalue.item(), stats.pearsonr(a, b).statistic.item(), stats.spearmanr(a,
 b).statistic.item(),
 stats.kendalltau(a, b).statistic.item(), stats.mannwhitneyu(a, b).pvalue.item(), stats.wilcoxon(a,
 b).pvalue.item(),
 stats.linregress(a, b).slope.item(), stats.ks_2samp(a, b).statistic.item(),
 stats.chi2_contingency([[10, 20], [20, 10]]).statistic.item(), stats.fisher_exact([[8, 2], [1,
 5]]).pvalue.item(),
 stats.kruskal(a, b).statistic.item(), stats.f_oneway(a, b).statistic.item(),
 stats.shapiro(a).statistic.item()]
""")
    assert found == pytest.approx(
        [
            0.3172311645125527,
            0.9812210785475093,
            1,
            1,
            0.42063492063492064,
            0.0625,
            1.0171245765901396,
            0.4,
            5.4,
            0.034965034965034975,
            0.8836363636363629,
            1.1378809869375908,
            0.982784046091635,
        ],
        abs=1e-6,
    )


def test_densities_sampling_and_resampling(compute: Compute) -> None:
    assert compute("""
from scipy import stats
from scipy.stats import qmc
sample = np.random.default_rng(1).normal(size=500)
kde = stats.gaussian_kde(sample)
interval = stats.bootstrap((sample,), np.mean, n_resamples=200, rng=1).confidence_interval
points = qmc.Sobol(2, scramble=False).random(4)
urn = stats.sampling.NumericalInversePolynomial(stats.norm(), random_state=1)
[bool(abs(kde.integrate_box_1d(-9, 9) - 1) < 1e-6), bool(interval.low < sample.mean() < interval.high),
 points.tolist(), bool(abs(urn.rvs(4000).mean()) < 0.1), stats.describe([1, 2, 3]).mean.item(),
 stats.zscore([1, 2, 3]).round(6).tolist(), stats.mode([1, 2, 2]).mode.item(), stats.rankdata([3, 1,
 2]).tolist(),
 stats.binned_statistic([1, 2, 3], [1, 2, 3], bins=2).statistic.tolist()]
""") == [
        True,
        True,
        [[0, 0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]],
        True,
        2,
        [-1.224745, 0, 1.224745],
        2,
        [3, 1, 2],
        [1, 2.5],
    ]


# ---- sparse


def test_sparse_matrices(compute: Compute) -> None:
    assert compute("""
from scipy import sparse
from scipy.sparse import linalg
n = 50
a = sparse.diags_array([-1.0, 2, -1], offsets=[-1, 0, 1], shape=(n, n)).tocsc()
x = np.arange(n) / 7
lu = linalg.splu(a)
checks = [linalg.spsolve(a, a @ x), lu.solve(a @ x), linalg.spsolve(a * 1j, a @ x * 1j).real,
          linalg.cg(a, a @ x, rtol=1e-10)[0], linalg.gmres(a, a @ x, rtol=1e-10, restart=60)[0],
          linalg.lsqr(a, a @ x, atol=1e-12, btol=1e-12, iter_lim=1000)[0],
          linalg.bicgstab(a, a @ x, rtol=1e-10)[0],
          linalg.inv(a) @ (a @ x), linalg.spsolve(a.astype("f4"), a @ x)]
[[bool(np.allclose(each, x, atol=1e-2 if index == 8 else 1e-6)) for index, each in enumerate(checks)],
 (a @ a).nnz, a.tocoo().tobsr().tolil().todok().nnz, sparse.kron(a, a).shape, sparse.random_array((9, 9),
 density=0.5, rng=1).nnz,
 bool(np.allclose(linalg.expm(a * 0.01).toarray(), scipy.linalg.expm(a.toarray() * 0.01)))]
""") == [[True] * 9, 244, 148, [2500, 2500], 40, True]


def test_sparse_eigenvalues(compute: Compute) -> None:
    """ARPACK, PROPACK and LOBPCG."""
    found = compute("""
from scipy import sparse
from scipy.sparse.linalg import eigs, eigsh, lobpcg, svds
n = 100
a = sparse.diags_array([-1.0, 2, -1], offsets=[-1, 0, 1], shape=(n, n)).tocsc()
start = np.random.default_rng(0).normal(size=n)
block = np.random.default_rng(0).normal(size=(n, 3))
[sorted(eigsh(a, 3, v0=start)[0]), sorted(eigsh(a, 3, sigma=4.1, v0=start)[0]), sorted(eigs(a, 3,
 v0=start)[0].real),
 sorted(svds(a, 3, v0=start)[1]), sorted(svds(a, 3, solver="propack", v0=start, maxiter=2000)[1]),
 sorted(svds(a, 3, solver="lobpcg", v0=start, maxiter=1000, tol=1e-9)[1]), sorted(eigs(a * (1 + 0j), 3,
 v0=start)[0].real),
 sorted(lobpcg(a, block, largest=True, maxiter=1000, tol=1e-9)[0])]
""")
    expected = [2 - 2 * math.cos(math.pi * k / 101) for k in (98, 99, 100)]
    for each in found:
        assert each == pytest.approx(expected, abs=1e-5)


def test_graphs(compute: Compute) -> None:
    assert compute("""
from scipy.sparse import csgraph, csr_array
graph = csr_array([[0, 1, 4, 0], [1, 0, 2, 6], [4, 2, 0, 3], [0, 6, 3, 0]])
flow = csr_array(np.array([[0, 3, 2, 0], [0, 0, 1, 2], [0, 0, 0, 3], [0, 0, 0, 0]], dtype="i4"))
[csgraph.dijkstra(graph, indices=0).tolist(), csgraph.floyd_warshall(graph)[0].tolist(),
 csgraph.connected_components(graph)[0], csgraph.minimum_spanning_tree(graph).sum().item(),
 csgraph.maximum_flow(flow, 0, 3).flow_value, csgraph.breadth_first_order(graph, 0)[0].tolist(),
 csgraph.maximum_bipartite_matching(csr_array(np.eye(3))).tolist()]
""") == [[0, 1, 3, 6], [0, 1, 3, 6], 1, 6, 5, [0, 1, 2, 3], [0, 1, 2]]


# ---- spatial, cluster, ndimage, special, io


def test_geometry(compute: Compute) -> None:
    """cKDTree, Qhull, Voronoi cells on a sphere, rotations."""
    assert compute("""
from scipy import spatial
square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]])
tree = spatial.KDTree(square)
hull = spatial.ConvexHull(square)
delaunay = spatial.Delaunay(square)
voronoi = spatial.Voronoi(square)
turn = spatial.transform.Rotation.from_euler("z", 90, degrees=True)
poles = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
[tree.query([0.9, 0.9])[1].item(), sorted(tree.query_ball_point([0, 0], 0.8)), hull.volume,
 sorted(hull.vertices.tolist()),
 len(delaunay.simplices), delaunay.find_simplex([2.0, 2.0]).item(), sorted(map(tuple,
 voronoi.vertices.round(9).tolist()))[0],
 turn.apply([1, 0, 0]).round(9).tolist(), spatial.distance.cdist([[0, 0]], [[3, 4]]).item(),
 spatial.distance.pdist(square, "cityblock")[0].item(), spatial.distance.cosine([1, 0], [0, 1]),
 round(float(spatial.SphericalVoronoi(poles).calculate_areas().sum() / np.pi), 9),
 spatial.HalfspaceIntersection(np.array([[-1.0, 0, 0], [0, -1, 0], [1, 0, -1], [0, 1, -1]]), np.array([0.5,
 0.5])).intersections.sum().item(),
 round(spatial.procrustes(square, square * 2)[2], 9) + 0.0]
""") == [2, [0, 4], 1, [0, 1, 2, 3], 4, -1, [0, 0.5], [0, 1, 0], 5, 1, 1, 4, 4, 0]


def test_clusters(compute: Compute) -> None:
    assert compute("""
from scipy.cluster import hierarchy, vq
points = np.array([[0.0, 0], [0, 1], [9, 9], [9, 8], [0, 0.5]])
tree = hierarchy.linkage(points, "ward")
labels = hierarchy.fcluster(tree, 2, "maxclust")
centres, parts = vq.kmeans2(points, points[[0, 2]], minit="matrix")
[(labels == labels[0]).tolist(), centres.tolist(), parts.tolist(),
 sorted(hierarchy.dendrogram(tree, no_plot=True)["leaves"][:2]),
 vq.whiten(points).std(axis=0).round(9).tolist()]
""") == [
        [True, True, False, False, True],
        [[0, 0.5], [9, 8.5]],
        [0, 0, 1, 1, 0],
        [0, 1],
        [1, 1],
    ]


def test_images(compute: Compute) -> None:
    assert compute("""
from scipy import ndimage
image = np.zeros((7, 7))
image[1:3, 1:3] = 1
image[4:6, 4:6] = 2
labels, count = ndimage.label(image)
[count, ndimage.sum(image, labels, [1, 2]).tolist(), ndimage.center_of_mass(image > 0),
 ndimage.rotate(image, 90).sum().round(6).item(),
 round(ndimage.gaussian_filter(image, 1).sum().item(), 6), ndimage.zoom(np.ones((2, 2)),
 2).round(9).tolist()[0], ndimage.shift([1.0, 2, 3], 1).round(9).tolist(),
 ndimage.binary_dilation(image > 1).sum().item(), ndimage.distance_transform_edt(np.pad([[1]],
 2)).max().item(),
 ndimage.median_filter([1, 9, 2, 3, 4], 3).tolist(), ndimage.generic_filter([1.0, 2, 3], np.sum, 3).tolist(),
 ndimage.uniform_filter1d([1.0, 2, 3], 3).round(6).tolist(), ndimage.sobel(np.arange(9.0).reshape(3, 3))[1,
 1].item()]
""") == [
        2,
        [4, 8],
        [3, 3],
        12,
        12,
        [1, 1, 1, 1],
        [0, 1, 2],
        12,
        1,
        [1, 2, 3, 3, 4],
        [4, 6, 8],
        [1.333333, 2, 2.666667],
        8,
    ]


def test_special_functions(compute: Compute) -> None:
    found = compute("""
from scipy import special
[special.gamma(0.5)**2, special.erf(0.5), special.jv(0, 1.0), special.zeta(2), special.beta(2, 3),
 special.hyp2f1(1, 1, 2, 0.5),
 special.ellipk(0.5), special.airy(1.0)[0], special.expit(0), special.logsumexp([0, 0]), special.comb(10,
 3), special.factorial(10),
 special.lambertw(1).real, special.wofz(1j).real, special.loggamma(3 + 0j).real, special.sph_harm_y(0, 0,
 0.1, 0.2).real,
 special.eval_legendre(2, 0.5), special.roots_legendre(2)[0][1], special.digamma(1), special.gammainc(2,
 1), special.betainc(2, 3, 0.5),
 special.kv(1, 2.0), special.expi(1), special.stdtrit(10, 0.975), special.ndtri(0.975),
 special.mathieu_a(1, 1), special.struve(0, 1.0),
 special.exprel(1e-9), special.owens_t(1, 1), special.jn_zeros(0, 1)[0], special.polygamma(1, 1).item()]
""")
    assert [float(value) for value in found] == pytest.approx(
        [
            3.1415926535897927,
            0.5204998778130465,
            0.7651976865579666,
            1.6449340668482264,
            0.08333333333333333,
            1.3862943611198901,
            1.8540746773013719,
            0.13529241631288147,
            0.5,
            0.6931471805599453,
            120.0,
            3628800.0,
            0.5671432904097838,
            0.427583576155807,
            0.6931471805599436,
            0.28209479177387814,
            -0.125,
            0.5773502691896257,
            -0.5772156649015329,
            0.2642411176571153,
            0.6875,
            0.13986588181652246,
            1.895117816355937,
            2.228138851986274,
            1.959963984540054,
            1.8591080725143634,
            0.5686566270482881,
            1.0000000005,
            0.06674188216570097,
            2.4048255576957724,
            1.6449340668482266,
        ],
        rel=1e-9,
    )


def test_files(compute: Compute) -> None:
    assert compute("""
import io
from scipy import io as files, sparse
from scipy.io import wavfile
files.savemat("/tmp/a.mat", {"x": np.arange(4).reshape(2, 2), "s": "text"}, do_compression=True)
back = files.loadmat("/tmp/a.mat")
files.mmwrite("/tmp/a.mtx", sparse.coo_array([[0, 1.5], [2, 0]]))
wavfile.write("/tmp/a.wav", 8000, np.arange(100, dtype="i2"))
rate, samples = wavfile.read("/tmp/a.wav")
sparse.save_npz("/tmp/a.npz", sparse.csr_array([[0, 1], [2, 0]]))
arff = files.arff.loadarff(io.StringIO("@relation r\\n@attribute a numeric\\n@data\\n1\\n2\\n"))[0]
[back["x"].tolist(), back["s"].tolist(), files.mmread("/tmp/a.mtx").toarray().tolist(), rate,
 samples.sum().item(),
 sparse.load_npz("/tmp/a.npz").toarray().tolist(), arff["a"].tolist()]
""") == [[[0, 1], [2, 3]], ["text"], [[0, 1.5], [2, 0]], 8000, 4950, [[0, 1], [2, 0]], [1, 2]]


def test_fork_keeps_what_scipy_computed(sandbox: Sandbox) -> None:
    context = sandbox.create_code_context()
    sandbox.run_code(
        "import numpy as np\nfrom scipy import linalg\nlu = linalg.lu_factor(np.array([[2.0, 0], [0, 4]]))",
        context=context,
    )
    twin = context.fork()
    assert sandbox.run_code("linalg.lu_solve(lu, [2.0, 4]).tolist()", context=twin).text == "[1.0, 1.0]"
    for each in (context, twin):
        each.delete()
