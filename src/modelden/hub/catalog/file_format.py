"""Checks the bytes of a file by the format that its name promises, where no hash tells what they have to be.

Servers answer 200 with something else than the file: a web page, the error document of a storage service, a Git LFS
pointer, or the beginning of the file. An ONNX model is a Protocol Buffers message (``ModelProto`` of ``onnx.proto``).
Its fields may come in any order, so that it has no first bytes of its own; its fields are walked through instead, and
their contents skipped. GGUF and safetensors are recognized by their specifications' first bytes.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING

from modelden.errors import IntegrityError

if TYPE_CHECKING:
    from modelden.ports import Blob

JSON_LIMIT = 64 * 1024 * 1024
"""Maximum bytes of a JSON file of a model, which are parsed at once. The largest tokenizers have 35 MB."""

SNIFFED_SIZE = 1024
"""Number of bytes at a file's start that `refuse_page` looks at."""

_PAGE = re.compile(
    rb"\s*(?:(?:<\?xml.*?\?>|<!--.*?-->)\s*)*<(?:!doctype\s+html|html|head|body|error|listbucketresult|frameset|iframe"
    rb"|script|noscript|style|meta|title|link|center|div|table|form|main|section|h[1-6]|p|br|font|img)\b",
    re.IGNORECASE | re.DOTALL,
)
"""The beginnings of pages. Browsers do not need ``<html>``, and gateways leave it out."""

_DOCUMENT = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html\b|\?xml\s|error>\s*<code>)", re.IGNORECASE | re.DOTALL
)
"""No text of a tokenizer begins so. Its tokens may be tags, such as ``<head>``."""

_POINTER = re.compile(rb"\s*(?:version https?://[\w.-]+/spec/v\d|/annex/objects/)")
"""Pointers of Git LFS and of git-annex."""

_MARKUP_SUFFIXES = (".html", ".htm", ".xhtml", ".xml", ".svg", ".md")
"""Files with these suffixes may be pages."""

_MARKUP_TYPES = ("text/html", "application/xhtml+xml", "application/xml", "text/xml")
"""Media types of pages: a text may begin like one, but is not sent as one."""

_RAW_WEIGHTS = re.compile(r"\.onnx[._]data[^/]*$")
"""Names of a model's external data, as PyTorch and Optimum write them. Any bytes are weights, but no text is."""

_TEXT_SUFFIXES = (".txt", ".jinja")

_CONTAINER = re.compile(rb"\x1f\x8b\x08|PK\x03\x04|%PDF-|\x89PNG\r\n|\xfd7zXZ|\x28\xb5\x2f\xfd")
"""Compressed files, archives, documents and pictures: gzip, zip, PDF, PNG, xz, Zstandard."""

_SHORTEST_TEXT = 8
"""Bytes below which weights may look like a text."""

_JSON = re.compile(rb"\s*[\[{]\s*[\"\[{][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*")
"""JSON in any character set that has ASCII's digits."""

_OBJECTS = re.compile(
    r"(?:.*/)?(?:config|\w+_config|tokenizer|vocab|added_tokens|special_tokens_map|chat_template)\.json", re.IGNORECASE
)
"""Names of JSON files that are objects; ``modules.json`` of sentence-transformers, for example, is a list."""

_ERROR = re.compile(rb'\s*\{\s*"(?:errors?|message|detail|status|statuscode|code|title)"\s*:', re.IGNORECASE)
"""The beginning of an API's error document. No file of `_OBJECTS` but a vocabulary begins so."""

_WIDE = re.compile(rb"(?P<little>(?:[\t\n\r ]\x00)*<\x00[!?a-zA-Z]\x00)|(?:\x00[\t\n\r ])*\x00<\x00[!?a-zA-Z]")
"""Markup in UTF-16 without a byte order mark."""

_GRAPH = 7
_WIRE_TYPES = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, _GRAPH: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
"""Fields of ``ModelProto`` with their wire types; other fields are those of a later version, of any type."""

_FIXED_SIZES = {1: 8, 5: 4}
_VARINT, _LENGTH = 0, 2
_HEAD_SIZE = 20
"""Maximum bytes of a field's tag and length."""

_WINDOW = 4096
_MAX_WINDOWS = 1000
"""Windows after which the rest of a model is believed. A real one has its graph, and few fields besides."""


def check_json_size(url: str, file: str, size: int) -> None:
    """Refuse a JSON file that is too large to be parsed.

    Args:
        url: URL of the file.
        file: Path in the repository.
        size: Bytes that are announced, or were received.

    Raises:
        IntegrityError: If it has more than `JSON_LIMIT` bytes.
    """
    if file.endswith(".json") and size > JSON_LIMIT:
        raise IntegrityError(url, f"a JSON file of at most {JSON_LIMIT} bytes", f"{size} or more")


def refuse_page(url: str, file: str, content_type: str, beginning: bytes) -> None:
    """Refuse a web page, an error document or a Git LFS pointer in place of a file.

    Raises:
        IntegrityError: If the first bytes are one, and the file cannot be one itself.
    """
    name, text = file.lower(), _to_utf8(_narrow(beginning))
    if name.endswith(_MARKUP_SUFFIXES):
        return
    if _POINTER.match(text):
        raise IntegrityError(url, f"the file {file}", "a Git LFS pointer to it")
    may_have_tags = name.endswith(".txt") and _media_type(content_type) not in _MARKUP_TYPES
    if (_DOCUMENT if may_have_tags else _PAGE).match(text):
        raise IntegrityError(url, f"the file {file}", f"a web page ({content_type or 'without a content type'})")


async def check_format(url: str, file: str, body: Blob) -> None:
    """Refuse weights, texts and configurations that are none by their format. Some kilobytes are read of any size.

    Args:
        url: URL of the file.
        file: Path in the repository.
        body: All bytes of the file.

    Raises:
        IntegrityError: If an ONNX model, a GGUF, a safetensors file, external data, a text or a configuration cannot be
            what its name says.
        StorageUnavailable: If the bytes cannot be read.
    """
    name, kind = file.lower(), "weights"
    if name.endswith((".onnx", ".ort")):
        fault = await _onnx_fault(body)
    elif name.endswith(".gguf"):
        fault = None if await _read(body, 4) == b"GGUF" else "other bytes"
    elif name.endswith(".safetensors"):
        fault = _safetensors_fault(await _read(body, 9), body.size)
    elif _RAW_WEIGHTS.search(name):
        fault = _raw_fault(await _read(body, SNIFFED_SIZE))
    elif name.endswith(_TEXT_SUFFIXES):
        kind, fault = "text", "a file of another kind" if _CONTAINER.match(await _read(body, 8)) else None
    elif _OBJECTS.fullmatch(name):
        kind, fault = "JSON file", _object_fault(name, _to_utf8(await _read(body, SNIFFED_SIZE)))
    else:
        return
    if fault is not None:
        beginning = await _read(body, 40)
        raise IntegrityError(url, f"the {kind} {file}", f"{body.size} bytes that are none: {fault} ({beginning!r})")


def _raw_fault(beginning: bytes) -> str | None:
    """Return the reason why the first bytes of external data are no weights."""
    if not beginning:
        return "nothing"
    if _CONTAINER.match(beginning):
        return "a file of another kind"
    return "text" if _is_text(beginning) or _JSON.fullmatch(beginning) else None


def _object_fault(name: str, beginning: bytes) -> str | None:
    """Return the reason why JSON of these first bytes is no configuration and no tokenizer."""
    if not beginning.lstrip().startswith(b"{"):
        return "no JSON object"
    return "an error document" if _ERROR.match(beginning) and not name.endswith("vocab.json") else None


def _is_text(beginning: bytes) -> bool:
    if len(beginning) < _SHORTEST_TEXT:
        return False
    try:  # the last character may be cut
        text = getincrementaldecoder("utf-8")().decode(_to_utf8(beginning))
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)


async def _onnx_fault(body: Blob) -> str | None:
    """Return the reason why bytes are no ONNX model; None if they are one, or a model in the format of onnxruntime."""
    if (await _read(body, 8))[4:] == b"ORTM":
        return None
    position, has_graph = 0, False
    for _ in range(_MAX_WINDOWS):
        if position == body.size:
            return None if has_graph else "no graph"
        window = await body.slice(position, position + _WINDOW).read()
        try:
            passed, found = walk_fields(window, body.size - position)
        except (ValueError, IndexError) as error:
            return str(error) if isinstance(error, ValueError) else "it ends within a field"
        position, has_graph = position + passed, has_graph or found
    return None


def walk_fields(window: bytes, remaining: int) -> tuple[int, bool]:
    """Walk through the fields of a ``ModelProto`` that begin in a window of its bytes.

    Args:
        window: Bytes, from the beginning of a field.
        remaining: Bytes from there to the end of the file.

    Returns:
        The bytes to the beginning of the first field that is not read, and whether one of the others was the graph.

    Raises:
        ValueError: If they are no fields of an ONNX model.
        IndexError: If a field ends after the file.
    """
    position, has_graph = 0, False
    while position < len(window) and (len(window) - position >= _HEAD_SIZE or len(window) == remaining):
        tag, position = _varint(window, position)
        field, wire_type = tag >> 3, tag & 7
        if field == 0 or wire_type != _WIRE_TYPES.get(field, wire_type):
            raise ValueError("no field of an ONNX model")
        if wire_type == _VARINT:
            _, position = _varint(window, position)
        elif wire_type == _LENGTH:
            length, position = _varint(window, position)
            position += length
        elif wire_type in _FIXED_SIZES:
            position += _FIXED_SIZES[wire_type]
        else:
            raise ValueError("no field of an ONNX model")
        if position > remaining:
            raise ValueError(f"a beginning, of {position - remaining} bytes too few")
        has_graph = has_graph or field == _GRAPH
    return position, has_graph


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("no field of an ONNX model")


def _safetensors_fault(beginning: bytes, size: int) -> str | None:
    header = int.from_bytes(beginning[:8], "little")
    if len(beginning) < 9 or beginning[8:] != b"{":
        return "no header"
    return "a beginning, cut within its header" if header + 8 > size else None


def _to_utf8(beginning: bytes) -> bytes:
    """Return the first bytes as UTF-8 without a byte order mark."""
    if beginning.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return beginning.decode("utf-32", errors="ignore").encode()
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        return beginning.decode("utf-16", errors="ignore").encode(errors="ignore")
    return beginning.removeprefix(b"\xef\xbb\xbf")


def _narrow(beginning: bytes) -> bytes:
    """Return markup in UTF-16 without a byte order mark as UTF-8, and anything else as it is."""
    wide = _WIDE.match(beginning)
    if wide is None:
        return beginning
    return beginning.decode("utf-16-le" if wide["little"] else "utf-16-be", errors="ignore").encode(errors="ignore")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


async def _read(body: Blob, size: int) -> bytes:
    return await body.slice(0, size).read()
