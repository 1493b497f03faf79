"""What the recipes of Python packages share: a cross build by meson, and wheels.

The wheels are for `wasm_assets/`: byte code is inside, tests, stubs and headers are not.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from driver.stages import Context
from recipes.stdlib import MOUNT_POINT, without_build_paths, write_zip
from recipes.toolchain import TARGET, toolchain_environment

SITE_PACKAGES = f"{MOUNT_POINT}/site-packages"
PLATFORM_TAG = "cp314-cp314-wasi_wasm32"
PURE_TAG = "py3-none-any"
NEEDS = ("toolchain", "build-python", "cpython")
FILES = ("recipes/python_packages.py", "recipes/stdlib.py", "driver/wasm.py")
LEFT_OUT = (
    "tests",
    "testing_data",
    "*.pyi",
    "py.typed",
    "*.pxd",
    "*.pyx",
    "*.a",
    "conftest.py",
    "__pycache__",
)

COMPILE_FLAGS = (
    "-O3",
    "-DNDEBUG",
    "-msimd128",
    "-fPIC",
    "-fno-strict-aliasing",
    "-fvisibility=hidden",
    "-D_WASI_EMULATED_MMAN",
    "-D_WASI_EMULATED_SIGNAL",
    "-D_WASI_EMULATED_GETPID",
    "-D_WASI_EMULATED_PROCESS_CLOCKS",
    "-mllvm",
    "-wasm-enable-sjlj",
    "-mllvm",
    "-wasm-use-legacy-eh=false",
)
LINK_FLAGS = ("--no-wasm-opt", "-Wl,--strip-all", "-Wl,--gc-sections")


class CrossPython:
    """The build's Python telling the guest's configuration, and the commands that meson wants."""

    def __init__(self, context: Context, python_path: Sequence[Path] = ()) -> None:
        self._context = context
        self._python_path = python_path
        self._python = context.dep("build-python") / "bin/python3.14"
        cpython = context.dep("cpython")
        self.home = context.work / "guest-python"
        (self.home / "lib").mkdir(parents=True)
        (self.home / "lib/python3.14").symlink_to(cpython / "Lib")
        (self.home / "include").symlink_to(cpython / "include")
        self.bin = context.work / "bin"
        self.bin.mkdir()
        dynamic = self._python.parent.parent / "lib/python3.14/lib-dynload"
        path = ":".join(map(str, (dynamic, cpython, *python_path)))
        data = next(cpython.glob("_sysconfigdata_*.py")).stem
        self.python = self._script(
            "python",
            f"export PYTHONHOME={self.home} PYTHONPATH={path}${{PYTHONPATH:+:$PYTHONPATH}} "
            "PYTHONDONTWRITEBYTECODE=1 "
            f"_PYTHON_HOST_PLATFORM=wasi-wasm32 _PYTHON_SYSCONFIGDATA_NAME={data}",
            f'exec {self._python} "$@"',
        )

    def cython(self) -> Path:
        """The command `cython`, of the archive of that name, run by the build's own Python."""
        folder = self._context.unpack("cython")
        return self._script(
            "cython",
            f"export PYTHONPATH={':'.join(map(str, self._python_path))}",
            f'exec {self._python} {folder / "cython.py"} "$@"',
        )

    def _script(self, name: str, *lines: str) -> Path:
        path = self.bin / name
        path.write_text("\n".join(("#!/bin/sh", *lines, "")))
        path.chmod(0o755)
        return path

    def cross_file(self, properties: Mapping[str, str], pkg_config: Sequence[Path]) -> Path:
        """meson's description of the target."""
        context = self._context
        compiler = context.dep("toolchain") / "bin" / f"{TARGET}-clang"
        prefix_map = (
            f"-ffile-prefix-map={context.work}=/build",
            f"-ffile-prefix-map={context.dep('cpython')}=/cpython",
            f"-ffile-prefix-map={context.dep('toolchain')}=/toolchain",
        )
        folders = ":".join(str(folder / "lib/pkgconfig") for folder in pkg_config)
        values = {
            "needs_exe_wrapper": "true",
            "skip_sanity_check": "true",
            "pkg_config_libdir": f"'{folders}'",
        }
        values.update(properties)
        text = "\n".join(
            (
                "[constants]",
                f"common = {[*COMPILE_FLAGS, *prefix_map]!r}",
                f"link = {list(LINK_FLAGS)!r}",
                "[binaries]",
                f"c = '{compiler}'",
                f"cpp = '{compiler}++'",
                "ar = 'llvm-ar-22'",
                "strip = 'llvm-strip-22'",
                f"cython = '{self.cython()}'",
                f"python = '{self.python}'",
                "pkg-config = 'pkg-config'",
                "[built-in options]",
                "c_args = common",
                "cpp_args = common + ['-fwasm-exceptions']",
                "c_link_args = link",
                "cpp_link_args = link + ['-fwasm-exceptions']",
                "[properties]",
                *(f"{name} = {value}" for name, value in values.items()),
                "[host_machine]",
                "system = 'wasi'",
                "cpu_family = 'wasm32'",
                "cpu = 'wasm32'",
                "endian = 'little'",
                "",
            )
        )
        path = context.work / "wasi.cross"
        path.write_text(text)
        return path


def meson_install(
    context: Context,
    meson: Path,
    source: Path,
    cross_file: Path,
    options: Mapping[str, str],
    tags: Mapping[str, str],
) -> dict[str, Path]:
    """Configure, compile and install; the site-packages folder for each of `tags` (name: meson's tags).

    The same folders hold every output; tags tell the runtime's files from headers and tests. No tags: all
    files, for packages that don't give tags to all of them.
    """
    build = context.work / "build"
    environment = {
        "PATH": f"{context.work / 'bin'}:{toolchain_environment(context.dep('toolchain'))['PATH']}"
    }
    python = context.dep("build-python") / "bin/python3.14"
    settings = {
        "buildtype": "plain",
        "prefix": "/",
        "python.purelibdir": "/site-packages",
        "python.platlibdir": "/site-packages",
        "python.bytecompile": "-1",
        **options,
    }
    context.run(
        python,
        meson,
        "setup",
        build,
        source,
        "--cross-file",
        cross_file,
        *(f"-D{name}={value}" for name, value in settings.items()),
        env=environment,
    )
    context.run("ninja", "-C", build, f"-j{context.jobs}", env=environment)
    folders = {}
    for name, wanted in tags.items():
        destination = context.work / f"installed-{name}"
        command = (python, meson, "install", "-C", build, "--no-rebuild", "--destdir", destination)
        context.run(*command, *(("--tags", wanted) if wanted else ()), env=environment)
        folders[name] = destination / "site-packages"
    return folders


def licence_files(metadata: str, source: Path) -> dict[str, bytes]:
    """The texts that `License-File` names; where it names none, what is called so."""
    names = [
        line.partition(":")[2].strip() for line in metadata.splitlines() if line.startswith("License-File:")
    ]
    if not names:
        found = [*source.glob("LICEN[SC]E*"), *source.glob("LICENSES/*"), *source.glob("COPYING*")]
        names = sorted(path.relative_to(source).as_posix() for path in found if path.is_file())
    if not names:
        raise SystemExit(f"{source}: no licence text was found")
    return {name: (source / name).read_bytes() for name in names}


def make_wheel(
    context: Context,
    tree: Path,
    source: Path,
    *,
    pure: bool = False,
    left_out: Sequence[str] = (),
    linked: Sequence[str] = (),
) -> Path:
    """A wheel of `tree` (what goes into site-packages) with the metadata of the sdist at `source`.

    `linked` are the stages of libraries that are linked into it; their licence texts are added.
    """
    metadata = (source / "PKG-INFO").read_text()
    fields = dict(
        line.split(": ", 1) for line in reversed(metadata.split("\n\n")[0].splitlines()) if ": " in line
    )
    name, version = fields["Name"].lower().replace("-", "_").replace(".", "_"), fields["Version"]
    tag = PURE_TAG if pure else PLATFORM_TAG
    staging = context.work / "wheel" / name
    shutil.copytree(tree, staging, ignore=shutil.ignore_patterns(*LEFT_OUT, *left_out))
    for path in staging.rglob("__config__.py"):
        path.write_text(without_build_paths(path.read_text()))
    drop_empty_folders(staging)
    compile_wheel(context, staging)
    info = staging / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(metadata.split("\n\n")[0] + "\n")
    (info / "WHEEL").write_text(
        f"Wheel-Version: 1.0\nGenerator: pywasm-build\nRoot-Is-Purelib: {str(pure).lower()}\nTag: {tag}\n"
    )
    licences = licence_files(metadata, source)
    for library in linked:
        for path in sorted((context.dep(library) / "licences").glob("*.txt")):
            licences[path.name] = path.read_bytes()
    for licence, text in licences.items():
        path = info / "licenses" / licence
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    (info / "RECORD").write_text(record(staging, info))
    wheel = context.out / f"{name}-{version}-{tag}.whl"
    write_zip(staging, wheel)
    return wheel


def drop_empty_folders(tree: Path) -> None:
    for folder, _, _ in os.walk(tree, topdown=False):
        if not os.listdir(folder):
            os.rmdir(folder)


def compile_wheel(context: Context, tree: Path) -> None:
    """Byte-compile as the standard library is compiled, for the folder where wheels are mounted."""
    context.run(
        context.dep("build-python") / "bin/python3.14",
        *("-S", "-E", "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"),
        *("-s", tree, "-p", SITE_PACKAGES, tree),
        env={"PYTHONHASHSEED": "0"},
    )


def record(tree: Path, info: Path) -> str:
    """The wheel's RECORD: every file with its hash and size."""
    lines = []
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        data = path.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path.relative_to(tree).as_posix()},sha256={digest},{len(data)}\n")
    return "".join(lines) + f"{info.name}/RECORD,,\n"
