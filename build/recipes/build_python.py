"""The native CPython of the same version, which cross builds of CPython and of extensions run."""

from __future__ import annotations

from driver.registry import stage
from driver.stages import Context


@stage("build-python", archives=["cpython"])
def build_native_python(context: Context) -> None:
    """A plain native build; only its byte compiler and build helpers matter, so no PGO."""
    source = context.unpack("cpython")
    build = context.work / "build"
    build.mkdir()
    context.run(
        source / "configure",
        "-q",
        f"--prefix={context.out}",
        "--without-ensurepip",
        "--disable-test-modules",
        cwd=build,
    )
    context.run("make", f"-j{context.jobs}", cwd=build)
    context.run("make", "install", cwd=build)
