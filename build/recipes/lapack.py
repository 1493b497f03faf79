"""LAPACK for WebAssembly: the reference implementation's Fortran, translated to C by f2c.

There is no Fortran compiler for the target. f2c reads Fortran 77; `driver/fortran.py` rewrites what is newer
and makes the functions have the types that C callers declare. BLAS is OpenBLAS's.
"""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

from driver import fortran
from driver.registry import stage
from driver.stages import Context
from recipes.toolchain import TARGET, toolchain_environment

FLAGS = (
    "-O2 -msimd128 -fPIC -DNDEBUG -fvisibility=hidden -fno-strict-aliasing -Wno-parentheses "
    "-Werror=implicit-function-declaration -Werror=incompatible-pointer-types"
)
SOURCES = ("SRC/*.f", "SRC/DEPRECATED/*.f", "INSTALL/ilaver.f")
IN_C = ("xerbla", "xerbla_array", "lsame", "?isnan", "?laisnan", "chla_transtype")
"""Routines that lapack/support.c or OpenBLAS defines."""
LEFT_OUT = (
    # They want the extended-precision BLAS, which is not part of LAPACK.
    "*rfsx",
    "*svxx",
    "?la_*_extended",
    # Array expressions of Fortran 90 throughout. Nothing but these routines themselves calls them.
    "?bdsvdx",
    "?gesvdx",
    "?laqz?",
    "?ggev3",
    "?gges3",
    "?geqp3rk",
    "?laqp?rk",
    "?trsyl3",
    "?getsqrhrt",
    "?laorhr_col_getrfnp",
)


def translated(context: Context, source: Path, destination: Path) -> None:
    """One Fortran file as a C file in `destination`."""
    folder = context.work / "fortran" / source.stem
    folder.mkdir(parents=True)
    (folder / source.name).write_text(fortran.to_fortran77(source.stem.upper(), source.read_text()))
    # Local variables on the stack: routines call themselves. Single precision stays single.
    result = subprocess.run(
        ["f2c", "-a", "-A", "-R", "-T.", source.name], cwd=folder, capture_output=True, text=True, check=False
    )
    made = folder / f"{source.stem}.c"
    if result.returncode or not made.exists():
        raise SystemExit(f"f2c cannot translate {source}:\n{result.stderr}")
    (destination / made.name).write_text(fortran.to_plain_c(made.read_text()))


def is_wanted(name: str) -> bool:
    return not any(fnmatch(name, pattern) for pattern in (*IN_C, *LEFT_OUT))


@stage("lapack", needs=["toolchain"], archives=["lapack"], files=["driver/fortran.py", "lapack/*"])
def build_lapack(context: Context) -> None:
    source = next(context.unpack("lapack").glob("**/SRC")).parent
    code = context.work / "c"
    code.mkdir()
    files = [path for pattern in SOURCES for path in sorted(source.glob(pattern)) if is_wanted(path.stem)]
    with ThreadPoolExecutor(context.jobs) as pool:
        list(pool.map(lambda path: translated(context, path, code), files))
    shutil.copytree(context.recipes / "lapack", code, dirs_exist_ok=True)
    library = context.out / "lib/liblapack.a"
    library.parent.mkdir(parents=True)
    (context.work / "build.ninja").write_text(ninja_file(code, library))
    context.run("ninja", f"-j{context.jobs}", env=toolchain_environment(context.dep("toolchain")))
    (context.out / "licences").mkdir()
    shutil.copy(source / "LICENSE", context.out / "licences/lapack.txt")


def ninja_file(code: Path, library: Path) -> str:
    names = sorted(path.stem for path in code.glob("*.c"))
    objects = " ".join(f"{name}.o" for name in names)
    return "\n".join(
        (
            "rule cc",
            f"  command = {TARGET}-clang {FLAGS} -ffile-prefix-map={code}=/lapack -c $in -o $out",
            "rule ar",
            "  command = llvm-ar-22 rcsD $out @$out.rsp",
            "  rspfile = $out.rsp",
            "  rspfile_content = $in",
            *(f"build {name}.o: cc {code / name}.c" for name in names),
            f"build {library}: ar {objects}",
            "",
        )
    )
