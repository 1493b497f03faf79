"""scipy's wheel on the BLAS that fuses multiplications and additions, as numpy's is (`numpy_kernels`)."""

from __future__ import annotations

from driver.registry import stage
from driver.stages import Context
from recipes.openblas_fused import LIBRARY as BLAS
from recipes.relinking import RELINK_FILES, relink

WHEEL = "scipy-kernels"
LIBRARIES = ("lapack", BLAS)


@stage(WHEEL, needs=("toolchain", "scipy", *LIBRARIES), files=RELINK_FILES)
def build_wheel(context: Context) -> None:
    """What `merging` makes of the package, but for the library."""
    relink(context, "scipy", {"scipy": ()}, LIBRARIES)
