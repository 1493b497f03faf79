"""pandas."""

from __future__ import annotations

from driver.registry import stage
from driver.stages import Context
from recipes.numpy import MESON
from recipes.python_packages import FILES, NEEDS, CrossPython, make_wheel, meson_install


@stage("pandas", needs=(*NEEDS, "numpy"), archives=["pandas", "cython"], files=FILES)
def build_pandas(context: Context) -> None:
    source = context.unpack("pandas")
    # generate_version.py imports it before it finds the version in the sdist.
    (source / "versioneer.py").write_text("")
    numpy = context.dep("numpy")
    python = CrossPython(context, [context.work / "cython", numpy / "python"])
    installed = meson_install(
        context,
        numpy / MESON,
        source,
        python.cross_file({}, pkg_config=[]),
        {},
        {"runtime": ""},
    )
    make_wheel(context, installed["runtime"], source)
