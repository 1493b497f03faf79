"""Scripts that draw one figure each, `fig`; run in the guest and by this Python."""

from __future__ import annotations

PREAMBLE = "import numpy as np, matplotlib.pyplot as plt\n"

PLOTS = {
    "lines with a legend and a grid": """
x = np.linspace(0, 10, 200)
fig, ax = plt.subplots(figsize=(6, 4), dpi=100)
ax.plot(x, np.sin(x), label="sine")
ax.plot(x, np.cos(x), "--", label="cosine")
ax.set(title="Two curves", xlabel="x", ylabel="y")
ax.legend()
ax.grid(True)
""",
    "bars, pie, histogram, box": """
random = np.random.RandomState(0)
fig, axes = plt.subplots(2, 2, layout="constrained")
axes[0, 0].bar(["a", "b", "c"], [3, 1, 2], color=["C0", "C1", "C2"], edgecolor="k", hatch="/")
axes[0, 1].pie([1, 2, 3], labels=["x", "y", "z"], autopct="%1.1f%%")
axes[1, 0].hist(random.normal(size=500), bins=20)
axes[1, 1].boxplot([random.normal(size=50), random.normal(1, 2, size=50)])
""",
    "scatter with a colour bar": """
random = np.random.RandomState(1)
fig, ax = plt.subplots()
points = ax.scatter(random.rand(80), random.rand(80), c=random.rand(80), s=400 * random.rand(80), alpha=0.5)
fig.colorbar(points, label="value")
""",
    "mathematics": r"""
fig = plt.figure(figsize=(6, 3))
fig.text(0.1, 0.7, r"$\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}$", fontsize=24)
fig.text(0.1, 0.3, r"$\alpha_i^2 + \mathbf{A}\cdot\vec{b} \leq \sum_{k=1}^{n} \binom{n}{k}$")
""",
    "images": """
fig, axes = plt.subplots(1, 3, figsize=(9, 3))
z = np.outer(np.arange(8), np.arange(8) % 3)
axes[0].imshow(z)
axes[1].imshow(z, interpolation="bilinear", cmap="magma")
axes[2].pcolormesh(np.arange(9) ** 1.2, np.arange(9), z, shading="flat")
""",
    "contours": """
x, y = np.meshgrid(np.linspace(-3, 3, 60), np.linspace(-2, 2, 50))
z = np.exp(-x**2 - y**2) - np.exp(-(x - 1) ** 2 - (y - 1) ** 2)
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.clabel(left.contour(x, y, z, 7), fontsize=8)
right.contourf(x, y, z, levels=12, hatches=["", "//"])
""",
    "triangles": """
random = np.random.RandomState(2)
x, y = random.rand(2, 60)
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.triplot(x, y, "o-", lw=0.5)
right.tricontourf(x, y, np.hypot(x, y), 8)
""",
    "surface": """
x, y = np.meshgrid(np.linspace(-2, 2, 25), np.linspace(-2, 2, 25))
fig, ax = plt.subplots(subplot_kw={"projection": "3d"})
ax.plot_surface(x, y, np.sin(x) * np.cos(y), cmap="viridis")
ax.set_zlabel("z")
""",
    "dates, a logarithm and a second axis": """
days = np.datetime64("2024-01-30") + np.arange(60)
fig, ax = plt.subplots()
ax.semilogy(days, np.geomspace(1, 1e4, 60))
ax.twinx().plot(days, np.linspace(0, 1, 60), "r:")
fig.autofmt_xdate()
""",
    "polar axes, arrows and annotations": """
fig = plt.figure(figsize=(8, 4))
polar = fig.add_subplot(121, projection="polar")
polar.fill_between(np.linspace(0, 6, 50), np.linspace(0, 2, 50), alpha=0.3)
ax = fig.add_subplot(122)
ax.quiver(*np.mgrid[0:4, 0:4], np.ones((4, 4)), np.arange(16).reshape(4, 4) - 8.0)
ax.annotate("here", (1, 1), (2, 3), arrowprops={"arrowstyle": "->", "connectionstyle": "arc3,rad=.2"})
""",
}
