"""The formats of weights, and what servers send in place of files."""

from __future__ import annotations

import gzip
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from modelden.errors import IntegrityError
from modelden.hub.catalog.file_format import JSON_LIMIT, check_format, check_json_size, refuse_page
from tests.simulators.blobs import MemoryBlob

URL = "https://hub.example/file"
ONNX, GGUF, SAFETENSORS, DATA = "onnx/model.onnx", "model.gguf", "model.safetensors", "onnx/model.onnx_data"


def model(nodes: int = 1, producer: str = "") -> bytes:
    """A model of as many nodes; all of them together have no shape that anything could run."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], [str(n)]) for n in range(nodes)], "g", [value], [])
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    return bytes(helper.make_model(graph, producer_name=producer, opset_imports=opsets).SerializeToString())


def field(number: int, wire_type: int, content: bytes) -> bytes:
    return varint(number << 3 | wire_type) + content


def text(number: int, content: bytes) -> bytes:
    return field(number, 2, varint(len(content)) + content)


def varint(number: int) -> bytes:
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes([*data, number])


FIELDS = [
    field(1, 0, varint(10)),
    text(2, b"pytorch"),
    field(5, 0, varint(2**63)),
    text(7, bytes(20_000)),
    text(8, b"\x10\x11"),
    *[text(14, bytes(300))] * 30,
    text(25, bytes(5000)),
    field(99, 1, bytes(8)),
    field(100, 5, bytes(4)),
    text(2000, b"of a later version"),
]


@given(st.permutations(FIELDS))
async def test_the_fields_of_a_model_may_come_in_any_order(fields: list[bytes]) -> None:
    await check_format(URL, ONNX, MemoryBlob(b"".join(fields)))


@pytest.mark.parametrize("nodes", [1, 100, 5000])
async def test_models_are_models(nodes: int) -> None:
    await check_format(URL, ONNX, MemoryBlob(model(nodes, "some producer")))


@given(st.integers(0, len(model(100)) - 1))
async def test_the_beginning_of_a_model_is_none(size: int) -> None:
    cut = model(100)[:size]
    try:
        await check_format(URL, ONNX, MemoryBlob(cut))
    except IntegrityError:
        return
    # Cut between two fields after the graph: a model, for all that can be seen.
    assert cut in (model(100)[: len(model(100)) - length] for length in range(1, 40))


WRONG = {
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n",
    "XML of S3": b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
    "XHTML": b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"><html></html>',
    "HTML after a mark": b"\xef\xbb\xbf<!doctype html><title>Log in</title>",
    "HTML in UTF-16": "\ufeff<html><body>Log in</body></html>".encode("utf-16-le"),
    "JSON": b'{"error": "Repository not found"}',
    "text": b"Not Found",
    "a long text": b"The quick brown fox jumps over the lazy dog.\n" * 100,
    "nothing": b"",
    "a byte": b"\n",
    "pointer of Windows": b"version https://git-lfs.github.com/spec/v1\r\noid sha256:" + b"a" * 64 + b"\r\n",
    "pointer after lines": b"\n\nversion https://git-lfs.github.com/spec/v1\noid sha256:",
    "pointer of git-annex": b"/annex/objects/SHA256E-s12345--" + b"a" * 64 + b"\n",
    "XML of S3 after lines": b'\r\n \n<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code></Error>',
    "HTML in UTF-16 without a mark": "\n<!DOCTYPE html><title>Log in</title>".encode("utf-16-be"),
    "HTML in UTF-32": "\ufeff<!DOCTYPE html>".encode("utf-32-le"),
    "a refresh": b'<meta http-equiv="refresh" content="0; url=https://portal.example/">',
    "a script": b"<script>location = 'https://portal.example/'</script>",
    "a gateway": b"<h1>502 Bad Gateway</h1>\n",
    "gzip": gzip.compress(bytes(1000)),
    "zip": b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(100),
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "JSON in Russian": '{"error": "не найдено"}'.encode(),
    "JSON in KOI8-R": '{"error": "не найдено"}'.encode("koi8-r"),
    "a list in JSON": b'[{"message": "rate limited"}]',
    "text in UTF-16": "\ufeffNot Found, and nothing else".encode("utf-16-le"),
}

EMPTY_MAY_BE = {"a byte": (DATA,)}
"""Files that may have these contents."""


@pytest.mark.parametrize("file", [ONNX, GGUF, SAFETENSORS, DATA])
@pytest.mark.parametrize("wrong", WRONG)
async def test_what_servers_send_in_place_of_weights_is_refused(file: str, wrong: str) -> None:
    async def check() -> None:
        refuse_page(URL, file, "application/octet-stream", WRONG[wrong][:1024])
        await check_format(URL, file, MemoryBlob(WRONG[wrong]))

    if file in EMPTY_MAY_BE.get(wrong, ()):
        await check()
    else:
        with pytest.raises(IntegrityError, match=file):
            await check()


@pytest.mark.parametrize("file", ["vocab.txt", "merges.txt", "chat_template.jinja"])
@pytest.mark.parametrize("wrong", ["gzip", "zip", "PDF", "PNG", "HTML in UTF-16 without a mark", "HTML in UTF-32"])
async def test_what_servers_send_in_place_of_a_text_is_refused(file: str, wrong: str) -> None:
    async def check() -> None:
        refuse_page(URL, file, "text/plain", WRONG[wrong][:1024])
        await check_format(URL, file, MemoryBlob(WRONG[wrong]))

    with pytest.raises(IntegrityError, match=file):
        await check()


NO_OBJECTS = {
    "a list": b'["a", "b"]',
    "an empty list": b" []",
    "a number": b"3",
    "a text": b'"Not Found"',
    "null": b"null",
    "true": b"\xef\xbb\xbftrue",
    "an error": b'{"error": "Repository not found"}',
    "a message": b'\n{ "message": "rate limited", "status": 429 }',
    "errors": b'{"errors": [{"code": 1}]}',
}


@pytest.mark.parametrize("wrong", NO_OBJECTS.values(), ids=NO_OBJECTS)
@pytest.mark.parametrize(
    "file",
    ["config.json", "tokenizer_config.json", "tokenizer.json", "1_Pooling/config.json", "added_tokens.json"],
)
async def test_json_in_place_of_a_configuration_is_refused(file: str, wrong: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"(no JSON object|an error document)"):
        await check_format(URL, file, MemoryBlob(wrong))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", b"{}"),
        ("config.json", b"\xef\xbb\xbf\n {}"),
        ("config.json", b'{"model_type": "bert", "error": 1}'),
        ("vocab.json", b'{"error": 0}'),
        ("modules.json", b"[]"),
        ("labels.json", b"[]"),
    ],
)
async def test_configurations_are_objects(file: str, content: bytes) -> None:
    await check_format(URL, file, MemoryBlob(content))


@pytest.mark.parametrize("beginning", [b"<meta charset=utf-8>", b"<center>Log in</center>", b"<h1>Sign in</h1>"])
def test_a_page_may_begin_with_any_element(beginning: bytes) -> None:
    refuse_page(URL, "vocab.txt", "text/plain", beginning)
    for file, content_type in (("vocab.txt", "text/html"), ("tokenizer.model", "text/plain")):
        with pytest.raises(IntegrityError, match="got a web page"):
            refuse_page(URL, file, content_type, beginning)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (GGUF, b"GGUF\x03\0\0\0"),
        (SAFETENSORS, (2).to_bytes(8, "little") + b"{}" + bytes(100)),
        ("model.ort", b"\x20\0\0\0ORTM" + bytes(100)),
        (ONNX, b"\x20\0\0\0ORTM" + bytes(100)),
        (DATA, bytes(5000)),
        (DATA, hashlib.sha512(b"weights").digest() * 100),
        ("onnx/model.onnx_data_12", b"\0\0\x80\x3f"),
        ("onnx/model.onnx.data", bytes([120, 119, 135, 136]) * 300),
        ("onnx/model.onnx.data", b"{\x80" + bytes(range(256)) * 4),
        ("onnx/model.onnx.data", b"\0<\0H" * 600),  # 1.0 and 8.0 as 16 bits
        ("weights.bin", b"some text, for all that is known of it"),
        ("vocab.txt", b"[PAD]\n[UNK]\n"),
        ("merges.txt", b"<html> </html> are two tokens"),
        ("sentencepiece.model", b"\n\x0e\n\x05<unk>\x15\0\0\0\0"),
        ("chat_template.jinja", b"<|im_start|>{{ x }}"),
    ],
)
async def test_files_that_are_what_their_names_say(file: str, content: bytes) -> None:
    refuse_page(URL, file, "text/plain", content[:1024])
    await check_format(URL, file, MemoryBlob(content))


@pytest.mark.parametrize("size", [0, 5, 8, 9, 1000])
async def test_the_beginning_of_a_safetensors_header_is_none(size: int) -> None:
    with pytest.raises(IntegrityError):
        await check_format(URL, SAFETENSORS, MemoryBlob(((2000).to_bytes(8, "little") + b"{" + b" " * 2000)[:size]))


async def test_a_model_of_any_size_is_read_in_part() -> None:
    reads: list[int] = []

    class CountedBlob(MemoryBlob):
        def slice(self, start: int, end: int) -> MemoryBlob:
            reads.append(end - start)
            return super().slice(start, end)

    await check_format(URL, ONNX, CountedBlob(field(1, 0, b"\x08") + text(7, bytes(50_000_000)) + text(8, b"\x10\x11")))

    assert sum(reads) < 20_000


async def test_fields_without_end_are_not_read_to_it() -> None:
    body = text(7, b"") + text(14, bytes(5000)) * 2000
    await check_format(URL, ONNX, MemoryBlob(body + b"no field"))


@pytest.mark.parametrize(
    "beginning",
    [
        b"<!doctype html>",
        b" \n<!DOCTYPE  HTML>",
        b"<html lang=en>",
        b"<!-- hello --> <html>",
        b"<!-- a --><!-- b --><html>",
    ],
)
def test_a_web_page_is_refused_in_place_of_a_file(beginning: bytes) -> None:
    for path in ("onnx/model.onnx", "vocab.txt"):
        with pytest.raises(IntegrityError, match=rf"the file {path}, got a web page \(text/html\)"):
            refuse_page(URL, path, "text/html", beginning)
    for path in ("README.md", "page.HTML", "picture.svg"):
        refuse_page(URL, path, "text/html", beginning)


DOCUMENTS = [
    b"<!doctype html>",
    b"\xef\xbb\xbf<!DOCTYPE html PUBLIC>",
    b"\n<!-- a --> <!doctype HTML>",
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code></Error>",
    b"<Error><Code>NoSuchKey</Code></Error>",
    "\ufeff<?xml version='1.0'?><html>".encode("utf-16-le"),
]


@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", "application/octet-stream", ""])
@pytest.mark.parametrize("path", ["vocab.txt", "merges.txt", "tokenizer.model", "chat_template.jinja"])
def test_a_document_is_no_text_of_a_tokenizer(path: str, content_type: str) -> None:
    """Hugging Face's hub sends all small files as text/plain."""
    for beginning in DOCUMENTS:
        with pytest.raises(IntegrityError, match="got a web page"):
            refuse_page(URL, path, content_type, beginning)


@pytest.mark.parametrize("beginning", [b"<html>\n<head>\n<body>", b"<error>\n<unk>", b"<!-- token -->\n<pad>"])
def test_the_tokens_of_a_text_may_be_tags(beginning: bytes) -> None:
    refuse_page(URL, "vocab.txt", "text/plain; charset=utf-8", beginning)


@pytest.mark.parametrize(
    "beginning", [b"", b"<", b"<htmlx>", b'{"a": "<html>"}', b"<!-- never closed <html>", b"\0<html>"]
)
def test_other_bytes_are_no_web_page(beginning: bytes) -> None:
    refuse_page(URL, "config.json", "text/html", beginning)


def test_json_has_a_limit() -> None:
    check_json_size(URL, "tokenizer.json", JSON_LIMIT)
    check_json_size(URL, "tokenizer.bin", JSON_LIMIT + 1)
    with pytest.raises(IntegrityError, match="a JSON file of at most 67108864 bytes"):
        check_json_size(URL, "tokenizer.json", JSON_LIMIT + 1)
