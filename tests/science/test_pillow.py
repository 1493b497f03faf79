"""Pillow: formats, drawing, text, and that its pictures equal those of this Python's Pillow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pywasm_sandbox import Execution, Sandbox
from tests.science.conftest import has_wheel

Run = Callable[[str], Execution]

PICTURE = """
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps, ImageStat
picture = Image.new("RGB", (120, 80), (10, 20, 30))
draw = ImageDraw.Draw(picture)
draw.ellipse((10, 10, 90, 70), fill="red", outline="white", width=3)
draw.line((0, 0, 120, 80), fill="blue", width=2)
draw.rounded_rectangle((60, 5, 110, 40), 8, fill="orange")
draw.polygon([(5, 75), (30, 50), (50, 78)], fill="green")
"""

CHANGES = {
    "drawn": "picture",
    "smaller": "picture.resize((37, 29), Image.Resampling.LANCZOS)",
    "larger": "picture.resize((200, 150), Image.Resampling.BICUBIC)",
    "turned": "picture.rotate(33, expand=True, resample=Image.Resampling.BILINEAR)",
    "mirrored": "picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)",
    "blurred": "picture.filter(ImageFilter.GaussianBlur(2))",
    "sharpened": "picture.filter(ImageFilter.UnsharpMask())",
    "median": "picture.filter(ImageFilter.MedianFilter(3))",
    "grey": "picture.convert('L')",
    "black and white": "picture.convert('1').convert('L')",
    "palette": "picture.quantize(8).convert('RGB')",
    "inverted colours": "ImageOps.invert(picture)",
    "equalized": "ImageOps.equalize(picture)",
    "more colour": "ImageEnhance.Color(picture).enhance(1.7)",
    "perspective": "picture.transform((60, 60), Image.Transform.PERSPECTIVE, (1, 0, 2, 0, 1, 3, .001, .002))",
    "hue": "picture.convert('HSV')",
    "CMYK": "picture.convert('CMYK')",
    "text": "(draw.text((4, 4), 'Grüße, AV fi', font=ImageFont.load_default(16)), picture)[1]",
    "doubled by point": "picture.point(lambda value: min(255, 2 * value))",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    if not has_wheel("pillow"):
        pytest.skip("the wheel of pillow is not among this installation's assets")
    with Sandbox(preload=["PIL.Image", "PIL.ImageDraw", "PIL.ImageFont"]) as made:
        yield made


@pytest.fixture
def run(sandbox: Sandbox) -> Iterator[Run]:
    context = sandbox.create_code_context()

    def run_code(code: str) -> Execution:
        execution = sandbox.run_code(code, context=context)
        assert execution.error is None, "\n".join(execution.error.traceback)
        assert execution.logs.stderr == []
        return execution

    yield run_code
    context.delete()


def value(run: Run, code: str) -> Any:
    """What `result` is after `code`, as JSON."""
    text = run(code + "\nimport json\njson.dumps(result)").text
    assert text is not None
    return json.loads(text)


def test_features(run: Run) -> None:
    found = value(
        run,
        """
from PIL import features
names = ["jpg", "zlib", "freetype2", "raqm", "webp", "jpg_2000", "libtiff"]
result = {name: features.check(name) for name in names}
""",
    )
    assert found == {
        "jpg": True,
        "zlib": True,
        "freetype2": True,
        "raqm": True,
        "webp": False,
        "jpg_2000": False,
        "libtiff": False,
    }


@pytest.mark.parametrize("name", CHANGES)
def test_pixels_equal_those_of_this_pythons_pillow(run: Run, name: str) -> None:
    pillow = pytest.importorskip("PIL")
    if pillow.__version__ != "13.0.0":
        pytest.skip(f"compared with Pillow 13.0.0; this Python has {pillow.__version__}")
    code = (
        PICTURE + f"changed = {CHANGES[name]}\nresult = [changed.mode, changed.size, changed.tobytes().hex()]"
    )
    here: dict[str, Any] = {}
    exec(code, here)
    mode, size, pixels = value(run, code)
    assert [mode, tuple(size)] == here["result"][:2]
    assert pixels == here["result"][2]


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "TIFF", "PPM", "TGA", "PCX", "SGI", "QOI"])
def test_lossless_formats_give_the_picture_back(run: Run, format: str) -> None:
    found = value(
        run,
        PICTURE
        + f"""
import io
data = io.BytesIO()
picture.save(data, {format!r})
again = Image.open(data)
result = [again.format, ImageChops.difference(again.convert("RGB"), picture).getbbox()]
""",
    )
    assert found == [format, None]


def test_jpeg(run: Run) -> None:
    found = value(
        run,
        PICTURE
        + """
import io
sizes, distances = [], []
good = {"quality": 95, "subsampling": 0}
for options in ({"quality": 30}, good, good | {"progressive": True}):
    data = io.BytesIO()
    picture.save(data, "JPEG", **options)
    again = Image.open(data)
    sizes.append(len(data.getvalue()))
    distances.append(max(ImageStat.Stat(ImageChops.difference(again, picture)).mean))
broken = io.BytesIO(data.getvalue()[: len(data.getvalue()) // 2])
try:
    Image.open(broken).load()
except OSError as error:
    message = str(error)
low, high, progressive = distances
result = [sizes[0] < sizes[1], low > high, high < 2, high == progressive, message[:23]]
""",
    )
    assert found == [True, True, True, True, "image file is truncated"]


def test_animated_gif(run: Run) -> None:
    found = value(
        run,
        """
from PIL import Image, ImageSequence
frames = [Image.new("RGB", (20, 10), (50 * number, 0, 0)) for number in range(4)]
frames[0].save("/workspace/a.gif", save_all=True, append_images=frames[1:], duration=80, loop=0)
image = Image.open("/workspace/a.gif")
result = [image.n_frames, image.info["duration"], image.info["loop"],
          [frame.convert("RGB").getpixel((1, 1))[0] for frame in ImageSequence.Iterator(image)]]
""",
    )
    assert found == [4, 80, 0, [0, 50, 100, 150]]


def test_text(run: Run) -> None:
    found = value(
        run,
        """
from PIL import Image, ImageDraw, ImageFont
font = ImageFont.load_default(20)
image = Image.new("L", (200, 60))
ImageDraw.Draw(image).text((5, 5), "Grüße AV", font=font, fill=255, stroke_width=1)
result = [image.getbbox() is not None, font.getname(), font.getlength("") == 0 < font.getlength("AV")]
""",
    )
    assert found == [True, ["Aileron", "Regular"], True]


def test_arrays(run: Run) -> None:
    if not has_wheel("numpy"):
        pytest.skip("the wheel of numpy is not among this installation's assets")
    found = value(
        run,
        PICTURE
        + """
import numpy as np
array = np.asarray(picture)
again = Image.fromarray(array)
result = [list(array.shape), str(array.dtype), again.tobytes() == picture.tobytes(),
          Image.fromarray(np.zeros((2, 3), np.float32)).mode]
""",
    )
    assert found == [[80, 120, 3], "uint8", True, "F"]


def test_what_is_no_image(run: Run) -> None:
    found = value(
        run,
        """
import io
from PIL import Image, UnidentifiedImageError
result = []
for data in (b"", b"no image", b"\\xff\\xd8\\xff\\xe0" + bytes(50), b"\\x89PNG\\r\\n\\x1a\\n" + bytes(50)):
    try:
        Image.open(io.BytesIO(data)).load()
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        result.append(type(error).__name__)
""",
    )
    assert found == ["UnidentifiedImageError"] * 4
