"""Records that a client would refuse are not signed, whoever edited them; a server's are reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelden.host.errors import TreeError
from modelden.host.keys.certificates import SigningChain
from modelden.host.publish.publisher import Publisher
from modelden.host.publish.record_check import ALLOW_LIST, MANIFESTS, OPTIONS, RUNTIMES
from modelden.host.verify.target import verify_tree
from tests.unit.host.publishing import MODEL, publish_tiny, state_of

DIGEST = 64 * "0"
LISTED = {"path": "config.json", "size": 2, "sha256": DIGEST}


def manifest(*files: Any, **fields: Any) -> dict[str, Any]:
    return {"id": "odd", "modelId": "acme/odd", "revision": "v1", "files": list(files), **fields}


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "an expression that is no text": (OPTIONS, {"id": "odd", "filter_expression": 7}, "filter_expression: expected"),
    "an expression in another collection": ("own", {"id": "odd", "filter_expression": ["a"]}, "filter_expression"),
    "a denial without a prefix": (ALLOW_LIST, {"id": "odd", "filter": "DENY"}, "should have ALLOW or DENY"),
    "a denial of a number": (ALLOW_LIST, {"id": "odd", "filter": "DENY", "urlPrefix": 7}, "should have ALLOW or DENY"),
    "a denial in small letters": (
        ALLOW_LIST,
        {"id": "odd", "filter": "deny", "urlPrefix": "https://a/"},
        "ALLOW or DENY",
    ),
    "an attachment with a size that is true": (
        RUNTIMES,
        {"id": "odd", "attachment": {"location": "a", "size": True, "hash": DIGEST}},
        "location, size and SHA-256",
    ),
    "an attachment with a hash in capitals": (
        "own",
        {"id": "odd", "attachment": {"location": "a", "size": 1, "hash": 64 * "A"}},
        "location, size and SHA-256",
    ),
    "options without a task": (OPTIONS, {"id": "odd"}, "no options for the feature"),
    "options of an odd model": (
        OPTIONS,
        {"id": "odd", "taskName": "translation", "modelId": "../odd", "modelRevision": "v1"},
        'Invalid value "../odd"',
    ),
    "options of an odd data type": (
        OPTIONS,
        {"id": "odd", "featureId": "x", "taskName": "translation", "modelId": "a/b", "modelRevision": "v1", "dtype": 7},
        "dtype",
    ),
    "a manifest without files": (MANIFESTS, {"id": "odd", "modelId": "acme/odd", "revision": "v1"}, "expected files"),
    "a manifest without a model": (MANIFESTS, {"id": "odd", "files": []}, "expected modelId and revision"),
    "a second manifest": (MANIFESTS, {**manifest(LISTED), "modelId": MODEL}, "expected one record"),
    "a path twice": (MANIFESTS, manifest(LISTED, LISTED), "each path once"),
    "a negative size": (MANIFESTS, manifest({**LISTED, "size": -1}), "size in bytes"),
    "a fraction of a byte": (MANIFESTS, manifest({**LISTED, "size": 1.5}), "size in bytes"),
    "a hash that is none": (MANIFESTS, manifest({**LISTED, "sha256": "abc"}), "SHA-256"),
    "a path outside": (MANIFESTS, manifest({**LISTED, "path": "../config.json"}), "Invalid file name"),
    "an integer that no double has": ("own", {"id": "odd", "number": 10**400}, "no form for NaN and infinities"),
    "half a character": ("own", {"id": "odd", "text": "\ud83d"}, "lone surrogate"),
    "a record that is nested deep": ("own", {"id": "odd", "deep": json.loads(120 * "[" + 120 * "]")}, "nested deeper"),
    "a record that is too large": ("own", {"id": "odd", "text": 1_100_000 * "x"}, "1048576 characters"),
}

NAMES = {
    "a name that Windows reserves": manifest({**LISTED, "path": "aux.json"}),
    "names that differ by case": manifest(LISTED, {**LISTED, "path": "CONFIG.json"}),
    "a model that differs by case": manifest(LISTED, modelId=MODEL.upper()),
}


def edit(tree: Path, name: str, record: dict[str, Any]) -> None:
    path = tree / f"settings/main/{name}.json"
    content: Any = json.loads(path.read_bytes()) if path.exists() else {"timestamp": 1, "records": []}
    path.write_text(json.dumps({**content, "records": [*content["records"], record]}))


@pytest.mark.parametrize(("name", "record", "words"), REFUSED.values(), ids=REFUSED)
def test_a_record_that_clients_refuse_is_not_published(
    tmp_path: Path, chain: SigningChain, name: str, record: dict[str, Any], words: str
) -> None:
    tree = tmp_path / "tree"
    publish_tiny(tree, chain, tmp_path / "one")
    edit(tree, name, record)
    before = state_of(tree)

    with pytest.raises(TreeError, match=words) as caught:
        publish_tiny(tree, chain, tmp_path / "two", "v2", feature="other")
    assert f"{name}" in str(caught.value)
    assert state_of(tree) == before


@pytest.mark.parametrize("record", NAMES.values(), ids=NAMES)
def test_names_of_an_edited_manifest_that_some_machine_cannot_have(
    tmp_path: Path, chain: SigningChain, record: dict[str, Any]
) -> None:
    tree = tmp_path / "tree"
    publish_tiny(tree, chain, tmp_path / "one")
    edit(tree, MANIFESTS, record)

    with Publisher.open(tree, chain) as publisher, pytest.raises(TreeError, match=MANIFESTS):
        publisher.commit()


SIGNABLE = {
    key: each for key, each in REFUSED.items() if key not in ("an integer that no double has", "half a character")
}


@pytest.mark.parametrize(("name", "record", "words"), SIGNABLE.values(), ids=SIGNABLE)
def test_a_server_that_has_such_a_record_is_reported(
    tmp_path: Path,
    chain: SigningChain,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    record: dict[str, Any],
    words: str,
) -> None:
    """Another program signed it."""
    tree = tmp_path / "tree"
    publish_tiny(tree, chain, tmp_path / "one")
    edit(tree, name, record)
    with monkeypatch.context() as patch, Publisher.open(tree, chain) as publisher:
        patch.setattr("modelden.host.publish.publisher.check_records", lambda _: None)
        publisher.commit()

    report = verify_tree(tree, root_hash=chain.root_hash)

    assert [each for each in report.faults if name in each.where and words.split(maxsplit=1)[0] in each.what]
