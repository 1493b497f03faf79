"""The scientific packages in images: imported before a context exists, and nothing random is shared."""

from __future__ import annotations

from pywasm_sandbox import Sandbox

CLONES = 100


def test_the_default_image_has_them_imported() -> None:
    code = "import sys\n[name in sys.modules for name in ('numpy', 'pandas', 'matplotlib.pyplot', 'seaborn')]"
    with Sandbox() as sandbox:
        assert sandbox.run_code(code).results[0].json == [True, True, True, False]


def test_a_small_context_has_the_standard_library_imported() -> None:
    code = "import sys\n['numpy' in sys.modules, 'json' in sys.modules, 'sqlite3' in sys.modules]"
    for memory_bytes, expected in ((64 << 20, False), (128 << 20, True)):
        with Sandbox(memory_bytes=memory_bytes) as sandbox:
            assert sandbox.run_code(code).results[0].json == [expected, True, True]


def test_generators_of_a_hundred_clones_differ() -> None:
    code = """
import numpy as np
[float(np.random.random()), float(np.random.default_rng().random()), float(np.random.RandomState().random())]
"""
    drawn: list[set[float]] = [set(), set(), set()]
    with Sandbox(preload=["numpy", "numpy.random"]) as sandbox:
        for _ in range(CLONES):
            context = sandbox.create_code_context()
            result = context.run_code(code).results[0].json
            context.delete()
            for values, each in zip(drawn, result, strict=True):
                values.add(each)
    assert [len(values) for values in drawn] == [CLONES] * 3


def test_the_legacy_generator_of_a_clone_is_sound() -> None:
    """Its key is written as a whole, and no normal deviate is left from before."""
    code = """
import numpy as np
first = np.random.randn()
sample = np.random.random(100_000)
[first, round(sample.mean(), 1), round(sample.std(), 1), len(set(np.random.get_state()[1].tolist())) > 600]
"""
    with Sandbox() as sandbox:
        drawn = [sandbox.create_code_context().run_code(code).results[0].json for _ in range(10)]
    assert [rest for _, *rest in drawn] == [[0.5, 0.3, True]] * 10
    assert len({first for first, *_ in drawn}) == 10


def test_a_seed_set_in_a_cell_holds() -> None:
    code = "import numpy as np\nnp.random.seed(7)\nfloat(np.random.random())"
    with Sandbox(preload=["numpy"]) as sandbox:
        texts = {sandbox.create_code_context().run_code(code).text for _ in range(3)}
    assert texts == {"0.07630828937395717"}
