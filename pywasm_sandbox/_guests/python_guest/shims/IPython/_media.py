"""Images, sound, video, frames and links to files."""

from __future__ import annotations

import base64
import html
import mimetypes
import os
import struct
from typing import Any

from ._objects import DisplayObject, _is_url

__all__ = ["Audio", "FileLink", "FileLinks", "IFrame", "Image", "Video", "YouTubeVideo"]

_IMAGE_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)


def _format_of(data: bytes) -> str | None:
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _png_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the IHDR chunk."""
    width, height = struct.unpack(">II", data[16:24])
    return width, height


class Image(DisplayObject):
    """A PNG, JPEG, GIF or WebP image.

    Args:
        data: The image's bytes, a file name or a URL.
        url: Refer to this address, without loading it unless ``embed``.
        filename: A file of the sandbox.
        format: "png", "jpeg", "gif" or "webp"; found out from the data otherwise.
        embed: Put the data itself into the output. The default, but for a ``url``.
        width: In CSS pixels.
        height: In CSS pixels.
        retina: Show at half the size in pixels.
        unconfined: Don't shrink to the page.
        alt: The text for who can't see it.
    """

    _read_flags = "rb"

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: str | os.PathLike[str] | None = None,
        format: str | None = None,
        embed: bool | None = None,
        width: int | None = None,
        height: int | None = None,
        retina: bool = False,
        unconfined: bool = False,
        metadata: dict[str, Any] | None = None,
        alt: str | None = None,
    ) -> None:
        if isinstance(data, str | os.PathLike):
            text = os.fspath(data)
            data, url, filename = (None, text, filename) if _is_url(text) else (None, url, text)
        if data is None and url is None and filename is None:
            raise ValueError("No image data found. Expecting filename, url, or data.")
        self.embed = embed if embed is not None else url is None
        self.width, self.height = width, height
        self.retina, self.unconfined, self.alt = retina, unconfined, alt
        super().__init__(data, url, filename, metadata)
        self.format = self._find_format(format)
        if retina and self.format == "png" and self.data is not None and width is None:
            self.width, self.height = (size // 2 for size in _png_size(self.data))

    def _find_format(self, format: str | None) -> str:
        if format is None:
            found = _format_of(self.data) if self.data is not None else None
            format = found or os.path.splitext(self.filename or self.url or "")[1].removeprefix(".") or "png"
        format = {"jpg": "jpeg"}.get(format.lower(), format.lower())
        if self.embed and format not in _IMAGE_TYPES:
            raise ValueError(f"Cannot embed the {format!r} image format")
        return format

    def reload(self) -> None:
        """Read the file, or the URL if it is embedded."""
        if self.embed or self.filename is not None:
            super().reload()

    def _check_data(self) -> None:
        if self.data is not None and not isinstance(self.data, bytes | bytearray | memoryview):
            raise TypeError(f"Image expects bytes, a file name or a URL, not {type(self.data).__name__}")
        if self.data is not None:
            self.data = bytes(self.data)

    def _notes(self) -> dict[str, Any]:
        notes: dict[str, Any] = dict(self.metadata or {})
        for name in ("width", "height", "alt"):
            value = getattr(self, name)
            if value is not None:
                notes[name] = value
        if self.unconfined:
            notes["unconfined"] = True
        return notes

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if not self.embed:
            return {"text/html": self._tag(str(self.url))}
        mime = _IMAGE_TYPES[self.format]
        notes = self._notes()
        return {mime: _base64(self.data)}, {mime: notes} if notes else {}

    def _tag(self, source: str) -> str:
        attributes = f'src="{html.escape(source)}"'
        for name in ("width", "height", "alt"):
            value = getattr(self, name)
            if value is not None:
                attributes += f' {name}="{html.escape(str(value))}"'
        if self.unconfined:
            attributes += ' class="unconfined"'
        return f"<img {attributes}/>"

    def _repr_png_(self) -> Any:
        return self._embedded("png")

    def _repr_jpeg_(self) -> Any:
        return self._embedded("jpeg")

    def _embedded(self, format: str) -> Any:
        if not self.embed or self.format != format:
            return None
        notes = self._notes()
        return (_base64(self.data), notes) if notes else _base64(self.data)


class Audio(DisplayObject):
    """Sound: a file, a URL, or samples.

    Args:
        data: The bytes of a sound file, a file name, a URL, or samples (one sequence, or one per channel).
        filename: A file of the sandbox.
        url: Refer to this address, without loading it unless ``embed``.
        embed: Put the data itself into the output.
        rate: Samples per second; needed for samples.
        autoplay: Start at once.
        normalize: Scale samples so that the loudest is 1; else they must lie between -1 and 1.
        element_id: The id of the HTML element.
    """

    _read_flags = "rb"

    def __init__(
        self,
        data: Any = None,
        filename: str | os.PathLike[str] | None = None,
        url: str | None = None,
        embed: bool | None = None,
        rate: int | None = None,
        autoplay: bool = False,
        normalize: bool = True,
        *,
        element_id: str | None = None,
    ) -> None:
        if data is None and filename is None and url is None:
            raise ValueError("No audio data found. Expecting filename, url, or data.")
        self.autoplay, self.element_id = autoplay, element_id
        if isinstance(data, str):
            data, filename, url = (None, filename, data) if _is_url(data) else (None, data, url)
        self.embed = embed if embed is not None else url is None
        self.mimetype = "audio/wav"
        super().__init__(data, url, filename)
        if self.data is not None and not isinstance(self.data, bytes):
            if rate is None:
                raise ValueError("rate must be specified when data is a sequence of samples")
            self.data = _wav(self.data, rate, normalize)

    def reload(self) -> None:
        """Read the file, or the URL if it is embedded."""
        if self.embed or self.filename is not None:
            super().reload()
        guess = mimetypes.guess_type(self.filename or self.url or "")[0]
        self.mimetype = guess or "audio/wav"

    def _repr_html_(self) -> str:
        source = f"data:{self.mimetype};base64,{_base64(self.data)}" if self.embed else str(self.url)
        identity = f' id="{html.escape(self.element_id)}"' if self.element_id else ""
        return (
            f'<audio{identity} controls="controls"{" autoplay" if self.autoplay else ""}>'
            f'<source src="{html.escape(source)}" type="{self.mimetype}" />'
            "Your browser does not support the audio element.</audio>"
        )


def _wav(samples: Any, rate: int, normalize: bool) -> bytes:
    """A 16-bit WAV file of samples: one sequence, or one a channel."""
    import array
    import io
    import sys
    import wave

    values = samples.tolist() if hasattr(samples, "tolist") else list(samples)
    channels = values if values and isinstance(values[0], list | tuple) else [values]
    peak = max((abs(value) for channel in channels for value in channel), default=0)
    if not normalize and peak > 1:
        raise ValueError("Audio data must be between -1 and 1 when normalize=False.")
    scale = 32767 / (peak if normalize and peak else 1)
    frames = array.array(
        "h", [int(value * scale) for group in zip(*channels, strict=True) for value in group]
    )
    if sys.byteorder == "big":
        frames.byteswap()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(int(rate))
        file.writeframes(frames.tobytes())
    return buffer.getvalue()


class Video(DisplayObject):
    """A video: a file, a URL or bytes.

    Args:
        data: Bytes, a file name or a URL.
        url: Refer to this address.
        filename: A file of the sandbox.
        embed: Put the data itself into the output. The default for bytes and files.
        mimetype: Guessed from the name otherwise.
        width: In CSS pixels.
        height: In CSS pixels.
        html_attributes: Of the <video> element.
    """

    _read_flags = "rb"

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: str | os.PathLike[str] | None = None,
        embed: bool | None = None,
        mimetype: str | None = None,
        width: int | None = None,
        height: int | None = None,
        html_attributes: str = "controls",
    ) -> None:
        if isinstance(data, str):
            data, url, filename = (None, data, filename) if _is_url(data) else (None, url, data)
        if data is None and url is None and filename is None:
            raise ValueError("No video data found. Expecting filename, url, or data.")
        self.embed = embed if embed is not None else url is None
        self.width, self.height, self.html_attributes = width, height, html_attributes
        super().__init__(data, url, filename)
        self.mimetype = mimetype or mimetypes.guess_type(self.filename or self.url or "")[0] or "video/mp4"

    def reload(self) -> None:
        """Read the file, or the URL if it is embedded."""
        if self.embed:
            super().reload()

    def _repr_html_(self) -> str:
        size = "".join(
            f' {name}="{value}"' for name, value in (("width", self.width), ("height", self.height)) if value
        )
        source = (
            f"data:{self.mimetype};base64,{_base64(self.data)}"
            if self.embed
            else str(self.url or self.filename)
        )
        return (
            f'<video {self.html_attributes}{size}><source src="{html.escape(source)}" type="{self.mimetype}">'
            "Your browser does not support the video element.</video>"
        )


class IFrame:
    """A page inside the page.

    Args:
        src: Its address.
        width: In CSS pixels, or CSS text.
        height: In CSS pixels, or CSS text.
        extras: Further attributes of the <iframe> element.
        kwargs: Become the address' query.
    """

    def __init__(
        self, src: Any, width: Any, height: Any, extras: list[str] | None = None, **kwargs: Any
    ) -> None:
        self.src = src
        self.width = width
        self.height = height
        self.extras = extras or []
        self.params = kwargs

    def _repr_html_(self) -> str:
        query = ""
        if self.params:
            from urllib.parse import urlencode

            query = f"?{urlencode(self.params)}"
        return (
            f'<iframe width="{self.width}" height="{self.height}" src="{html.escape(f"{self.src}{query}")}" '
            f'frameborder="0" allowfullscreen {" ".join(self.extras)}></iframe>'
        )


class YouTubeVideo(IFrame):
    """A video of that site."""

    def __init__(
        self, id: str, width: Any = 400, height: Any = 300, allow_autoplay: bool = False, **kwargs: Any
    ) -> None:
        self.id = id
        if allow_autoplay:
            kwargs["autoplay"] = 1
            kwargs["extras"] = [*kwargs.get("extras", []), 'allow="autoplay"']
        super().__init__(f"https://www.youtube.com/embed/{id}", width, height, **kwargs)


class FileLink:
    """A link to a file of the sandbox.

    Args:
        path: The file.
        url_prefix: Put before the path in the link.
        result_html_prefix: HTML before it.
        result_html_suffix: HTML after it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        url_prefix: str = "",
        result_html_prefix: str = "",
        result_html_suffix: str = "<br>",
    ) -> None:
        self.path = os.fspath(path)
        if os.path.isdir(self.path):
            raise ValueError(
                f"Cannot display a directory using FileLink. Use FileLinks to display {self.path!r}."
            )
        self.url_prefix = url_prefix
        self.result_html_prefix, self.result_html_suffix = result_html_prefix, result_html_suffix

    def _link(self, path: str) -> str:
        target = html.escape(f"{self.url_prefix}{path}")
        return f"<a href='{target}' target='_blank'>{html.escape(path)}</a>"

    def _repr_html_(self) -> str:
        if not os.path.exists(self.path):
            return f"Path (<tt>{html.escape(self.path)}</tt>) doesn't exist."
        return f"{self.result_html_prefix}{self._link(self.path)}{self.result_html_suffix}"

    def __repr__(self) -> str:
        return os.path.abspath(self.path)


class FileLinks(FileLink):
    """Links to the files below a folder of the sandbox.

    Args:
        path: The folder.
        url_prefix: Put before the paths in the links.
        included_suffixes: Only files whose names end so.
        recursive: Folders below it too.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        url_prefix: str = "",
        included_suffixes: list[str] | None = None,
        result_html_prefix: str = "",
        result_html_suffix: str = "<br>",
        recursive: bool = True,
    ) -> None:
        if os.path.isfile(path):
            raise ValueError(f"Cannot display a file using FileLinks. Use FileLink to display {path!r}.")
        self.path = os.fspath(path).rstrip("/") or "/"
        self.url_prefix = url_prefix
        self.included_suffixes = included_suffixes
        self.result_html_prefix, self.result_html_suffix = result_html_prefix, result_html_suffix
        self.recursive = recursive

    def _files(self) -> list[str]:
        found = []
        for folder, folders, names in os.walk(self.path):
            folders.sort()
            for name in sorted(names):
                if self.included_suffixes is None or name.endswith(tuple(self.included_suffixes)):
                    found.append(os.path.join(folder, name))
            if not self.recursive:
                break
        return found

    def _repr_html_(self) -> str:
        lines = [
            f"{self.result_html_prefix}{self._link(path)}{self.result_html_suffix}" for path in self._files()
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return "\n".join(self._files())
