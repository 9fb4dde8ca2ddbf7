from __future__ import annotations

import json

import pytest

from raise_transformers import ASSETS, PACKAGE, ROOT, Facts, changes, read_facts, with_alias, with_versions


def test_facts_are_those_of_the_installed_package() -> None:
    facts = read_facts(PACKAGE, ASSETS)

    assert facts.values["transformers.js"] == json.loads((PACKAGE / "package.json").read_text("utf-8"))["version"]
    assert {"text-generation", "feature-extraction", "zero-shot-object-detection"} <= facts.tasks
    assert {"pipeline", "AutoModel", "env"} <= facts.exports
    assert "SHA-256" in facts.values["ort-wasm-simd-threaded.wasm"]
    assert list(changes(facts, facts)) == []


def test_what_changed_is_said() -> None:
    files = {"src/same.js": "1", "src/other.js": "2"}
    before = Facts({"transformers.js": "4.3.1", "old.wasm": "3 bytes"}, frozenset("ab"), frozenset("x"), files)
    files = {**files, "src/other.js": "3"}
    after = Facts({"transformers.js": "4.3.2", "new.wasm": "4 bytes"}, frozenset("bc"), frozenset("xy"), files)

    assert list(changes(before, after)) == [
        "new.wasm: none -> 4 bytes",
        "old.wasm: 3 bytes -> none",
        "transformers.js: 4.3.1 -> 4.3.2",
        "new task: c",
        "task removed: a",
        "new export: y",
        "changed source: src/other.js",
    ]


def test_versions_are_changed_where_they_stand() -> None:
    package, bundler = [(ROOT / name).read_text("utf-8") for name in ("package.json", "tools/bundle.mjs")]

    assert json.loads(with_alias(package, "4.9.9"))["devDependencies"]["transformers-6"].endswith("@^4.9.9")
    changed = with_versions(bundler, "4.9.9", "1.99.0")
    assert 'versions: { transformers: "4.9.9", onnxruntime: "1.99.0" }' in changed
    assert 'versions: { transformers: "3.8.1"' in changed
    assert len(changed.splitlines()) == len(bundler.splitlines())


def test_files_of_another_form_are_refused() -> None:
    with pytest.raises(SystemExit, match=r"package\.json does not name"):
        with_alias("{}", "4.9.9")
    with pytest.raises(SystemExit, match="does not name the versions"):
        with_versions("const RUNTIMES = {};", "4.9.9", "1.99.0")
