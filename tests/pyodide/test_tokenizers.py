"""Tokenizers in a real worker: equal to the package `tokenizers` on the same files, and static embeddings over them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.pyodide.browser_page import HERE
from tests.pyodide.servers import REVISION

if TYPE_CHECKING:
    from tests.pyodide.browser_page import Page
    from tests.pyodide.servers import Site

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "truth/tokenizer_vectors.json").read_text("utf-8"))
CHAT = [{"role": "user", "content": "hello"}]
TOOLS = [{"type": "function", "function": {"name": "search", "parameters": {}}}]


def write(site: Site, path: str, content: bytes) -> None:
    target = site.folder / "hub" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


@pytest.fixture
def models(page: Page, site: Site) -> Page:
    page.add_module("in_page_tokenizers.py", (HERE / "in_page_tokenizers.py").read_text("utf-8"))
    for name, family in VECTORS.items():
        for file, key in (("tokenizer.json", "tokenizer"), ("tokenizer_config.json", "config")):
            write(site, f"test/{name}/{REVISION}/{file}", json.dumps(family[key]).encode())
    page.call("configure", config=site.config)
    return page


def test_tokens_are_those_of_the_reference(models: Page, site: Site) -> None:
    for name, family in VECTORS.items():
        texts = [each["text"] for each in family["texts"]]
        pairs = [each["pair"] for each in family["pairs"]]
        found = models.call("tokenize", module="in_page_tokenizers", model=f"test/{name}", texts=texts, pairs=pairs)

        for each, ours in zip(family["texts"], found["texts"], strict=True):
            assert ours == {key: each[key] for key in ours}, (name, each["text"])
        assert found["pairs"] == [{key: each[key] for key in found["pairs"][0]} for each in family["pairs"]], name
    asked = {each.rpartition("/")[2] for each in site.requests() if f"/hub/test/{name}" in each}
    assert asked <= {"tokenizer.json", "tokenizer_config.json", "modelden.json"}


def test_a_chat_is_written_by_the_models_own_template(models: Page) -> None:
    found = models.call("chat", module="in_page_tokenizers", model="test/bytelevel", messages=CHAT, tools=TOOLS)

    assert found["text"] == "<user>hello\n[search]<assistant>"
    assert found["decoded"] == found["text"]
    assert found["error"] == "EngineError"  # of a model without a template


def test_static_embeddings_are_the_mean_of_token_vectors(models: Page, site: Site) -> None:
    family = VECTORS["wordpiece"]
    size = len(family["tokenizer"]["model"]["vocab"])
    rows = [[((row * 7 + column * 3) % 11 - 5) / 4 for column in range(4)] for row in range(size)]
    header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': ({size}, 4), }}".encode().ljust(117) + b"\n"
    numbers = struct.pack(f"<{size * 4}e", *[number for row in rows for number in row])
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + numbers
    write(site, f"test/static/{REVISION}/small/tokenizer.json", json.dumps(family["tokenizer"]).encode())
    write(site, f"test/static/{REVISION}/small/fp16.d4.npy", npy)
    text = family["texts"][2]

    options = {"subfolder": "small", "dtype": "fp16", "dimensions": 4, "compression": False}
    found = models.call("embed", module="in_page_tokenizers", text=text["text"], options=options)

    mean = [sum(rows[id_][column] for id_ in text["ids"]) / len(text["ids"]) for column in range(4)]
    length = sum(number * number for number in mean) ** 0.5
    assert found["shape"] == [2, 4]
    assert found["vectors"][0] == pytest.approx([number / length for number in mean], abs=1e-6)
    assert found["error"]["name"] == "FileNotFoundOnHub"
    assert "small/fp16.d32.npy" in found["error"]["message"]
    assert not [each for each in site.requests() if each.endswith(".wasm")]
